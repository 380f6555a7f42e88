"""Speed of the timing engine alone: million instructions a second on hand-made streams, per core.

``python benchmarks/timing_speed.py [--seconds S]``. The scalar stream mixes loads, stores, additions, multiplications
and branches over a 32 KiB set; the vector streams are a multiply-add over two loads and a store, LMUL 1 and 8.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from workbench.core.config import CoreConfig, core_names, load_core
from workbench.core.timing.initial import make_state
from workbench.core.timing.replay import replay
from workbench.core.timing.stream import Stream
from workbench.isa.timing_class import TimingClass as K


def scalar_stream(iterations: int = 20_000) -> Stream:
    """Eight instructions an iteration, IPC near the width."""

    def body(s: Stream, iteration: int) -> None:
        address = (1 << 28) + iteration % 4096 * 8
        s.load(10, address, rs1=11)
        s.add(K.INT_ALU, 12, 10, 13)
        s.add(K.INT_ALU, 14, 12, 15)
        s.store(14, address, rs1=11)
        s.add(K.INT_ALU, 11, 11)
        s.add(K.INT_MUL, 16, 14, 12)
        s.add(K.INT_ALU, 17, 16, 17)

    return Stream().loop(body, iterations)


def vector_stream(vlen_bits: int, lmul_log2: int, iterations: int = 20_000) -> Stream:
    """Two loads, a multiply-add, a store and three scalar instructions an iteration, vl = VLMAX."""
    vl = (vlen_bits // 32) << lmul_log2

    def body(s: Stream, iteration: int) -> None:
        where = (1 << 28) + iteration % 64 * vl * 4
        s.vector_load(0, where, vl=vl, sew=32, lmul_log2=lmul_log2)
        s.vector_load(8, where + (1 << 16), vl=vl, sew=32, lmul_log2=lmul_log2)
        s.vector(K.V_FP_FMA, 16, 0, 8, 16, vl=vl, sew=32, lmul_log2=lmul_log2)
        s.vector_store(16, where + (1 << 17), vl=vl, sew=32, lmul_log2=lmul_log2)
        s.add(K.INT_ALU, 5, 5)
        s.add(K.INT_ALU, 6, 6)

    return Stream().loop(body, iterations)


def speed(core: CoreConfig, stream: Stream, seconds: float) -> tuple[float, float]:
    """Million instructions and million vector micro-operations a second of processor time."""
    code, rows = stream.arrays()
    elements = np.zeros(1, np.int64)
    replay(make_state(core), code, rows, elements, 100)
    state = make_state(core)
    begin, rounds = time.process_time(), 0
    while (spent := time.process_time() - begin) < seconds or not rounds:
        replay(state, code, rows, elements, len(rows))
        rounds += 1
    return rounds * len(rows) / spent / 1e6, int(state[0]["vector_uops"]) / spent / 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0)
    seconds = parser.parse_args().seconds
    print(f"{'core':34}{'scalar MIPS':>12}{'LMUL 1 MIPS':>13}{'LMUL 8 MIPS':>13}{'LMUL 8 M uops/s':>17}")
    for name in core_names():
        core = load_core(name)
        scalar = speed(core, scalar_stream(), seconds)[0]
        small = speed(core, vector_stream(core.vlen_bits, 0), seconds)[0]
        large, uops = speed(core, vector_stream(core.vlen_bits, 3), seconds)
        print(f"{name:34}{scalar:12.1f}{small:13.1f}{large:13.1f}{uops:17.1f}")


if __name__ == "__main__":
    main()
