"""Utilisation of Ara's multiply-add units on double matrix products of many sizes, beside the published figures.

``python benchmarks/ara_matmul.py [--core NAME] [--sizes 16 32 64 128 256]``: the kernel keeps 16 rows of the result in
vector registers and adds one row of B, times 16 scalars of A, in every step; the next row is on its way meanwhile. It runs
twice; the second run is timed, so that the matrices are in the memory next to the engine. Published for 16 lanes: 97 % at
256 (arXiv 1906.00478), and that short vectors are bound by the scalar core's issue rate.
"""

from __future__ import annotations

import argparse

import numpy as np

from workbench.core.config import CoreConfig, load_core
from workbench.core.timing.initial import make_state
from workbench.core.timing.replay import replay
from workbench.core.timing.stream import BASE, Stream
from workbench.isa.code import F0, Flag
from workbench.isa.timing_class import TimingClass as K

ROWS, BYTES = 16, 8
A, B, C = 1 << 28, 1 << 29, 1 << 30
PUBLISHED = {256: 0.97}


def matrix_product(size: int, vlen_bits: int) -> Stream:
    """The instructions of C += A B for square matrices of doubles."""
    stream = Stream()
    length = min(size, vlen_bits // 64)
    shape = {"vl": length, "sew": 64}
    for top in range(0, size, ROWS):
        for left in range(0, size, length):
            stream.pc = BASE
            for row in range(ROWS):
                stream.vector_load(row, C + ((top + row) * size + left) * BYTES, **shape)
            _inner_loop(stream, size, top, left, shape)
            for row in range(ROWS):
                stream.vector_store(row, C + ((top + row) * size + left) * BYTES, **shape)
            stream.branch(top + ROWS < size or left + length < size, BASE)
    return stream


def _inner_loop(stream: Stream, size: int, top: int, left: int, shape: dict[str, int]) -> None:
    stream.vector_load(16, B + left * BYTES, **shape)
    start = stream.pc
    for k in range(0, size, 2):
        stream.pc = start
        for half in range(2):
            following = min(k + half + 1, size - 1)
            stream.vector_load(17 - half, B + (following * size + left) * BYTES, **shape)
            for row in range(ROWS):
                scalar = F0 + (row % 8)
                stream.add(K.FP_LOAD, scalar, 10, flags=Flag.LOAD, address=A + ((top + row) * size + k + half) * BYTES)
                stream.vector(K.V_FP_FMA, row, 16 + half, vs3=row, scalar=scalar, **shape)
            stream.add(K.INT_ALU, 10, 10)
        stream.branch(k + 2 < size, start)


def utilisation(core: CoreConfig, size: int) -> float:
    """Multiply-adds per lane and cycle of the second of two runs."""
    assert core.npu is not None
    state = make_state(core)
    code, rows = matrix_product(size, core.npu.vlen_bits).arrays()
    ends = []
    for _ in range(2):
        replay(state, code, rows, np.zeros(1, np.int64), len(rows))
        ends.append(max(int(state[0]["last_commit"]), int(state[0]["npu_queue_free"].max())))
    return size**3 / (core.npu.lanes * core.npu.lane_bits // 64) / (ends[1] - ends[0])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", default="ara_16_lanes")
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 32, 64, 128, 256])
    options = parser.parse_args()
    core = load_core(options.core)
    print(f"{core.name}\n{'size':>6}{'utilisation':>14}{'published':>12}")
    for size in options.sizes:
        published = f"{PUBLISHED[size]:.0%}" if size in PUBLISHED else ""
        print(f"{size:6}{utilisation(core, size):14.1%}{published:>12}")


if __name__ == "__main__":
    main()
