"""Cycles per vector instruction of the model against rvv-bench's measurements, per machine.

``python benchmarks/rvv_throughput.py CALIBRATION.csv.gz [--cells] [--machine NAME]`` with the columns machine, instruction,
sew_lmul and cycles_per_instruction. Every measured cell whose instruction the table knows is timed the way rvv-bench
measures it: a loop of copies at vl = VLMAX in the steady state. In its suite for V 1.0 the eight copies of a group use
eight, four, two or one register groups for LMUL up to 1, 2, 4 and 8 (one step more for widening and narrowing
instructions); the older suite for V 0.7.1 repeats one instruction. "Held out" are the instructions whose name hashes into
one quarter: they name rules that the other three quarters already fix, so the column says how well rules carry over, but
the rules were written with the whole file in sight.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
import statistics
import zlib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from workbench.core.config import CoreConfig, load_core
from workbench.core.timing.initial import make_state
from workbench.core.timing.replay import ROW_DTYPE, replay
from workbench.core.timing.stream import BASE
from workbench.isa.encode import encode
from workbench.isa.predecode import decode_parcels
from workbench.isa.table import numbers, row_of


@dataclass(frozen=True)
class Machine:
    """Whose measurements: the core that models it, whether the copies rotate, what reading the counter adds to a copy."""

    core: str
    rotates: bool = True
    overhead_cycles: float = 0.0


MACHINES = {
    "xiangshan-kunminghu": Machine("xiangshan_kunminghu_v2"),
    "thead-c906": Machine("thead_c906", rotates=False),
    "thead-c908": Machine("thead_c908"),
    "thead-c910": Machine("thead_c910", rotates=False),
    "spacemit-x60": Machine("spacemit_x60"),
    # all cells, the scalar addition's too, end in .14: 4.5 cycles around 32 copies, the suite's shortest setting
    "sifive-x280": Machine("sifive_x280", overhead_cycles=4.5 / 32),
    "saturn-v256d128": Machine("saturn_v256d128"),
}
OLD_NAMES = {  # vector 0.7.1 spellings
    "vext.x.v": "vmv.x.s", "vfredsum.vs": "vfredusum.vs", "vnsra.vx": "vnsra.wx", "vnclipu.vv": "vnclipu.wv",
    "vnclipu.vx": "vnclipu.wx", "vfncvt.f.xu.v": "vfncvt.f.xu.w", "vfncvt.f.f.v": "vfncvt.f.f.w",
}  # fmt: skip
GROUP, COPIES, WARM_LOOPS, LOOPS = 8, 16, 16, 4
DATA = 1 << 28
Cell = tuple[str, str, float, float]


def _operand(name: str, offset: int) -> int | str:
    """An operand of rvv-bench's text, `offset` registers further where the suite rotates it."""
    name = name.strip("()")
    if found := re.fullmatch(r"v(8|16|24)", name):
        return f"v{int(found[1]) + offset}"
    if name == "t0" and offset:
        return ("t0", "t1", "t2", "t3", "t4", "t5", "t6", "a6")[offset]
    if name == "ft0":
        return f"ft{offset}"
    return int(name) if name.isdigit() else name


def instruction_word(text: str, offset: int = 0) -> int | None:
    """The encoding of an instruction as rvv-bench writes it; None if the table has no such instruction."""
    mnemonic, *names = re.split(r"[ ,]+", re.sub(r"/\*.*?\*/", "", text).strip())
    mnemonic = OLD_NAMES.get(mnemonic, mnemonic)
    if mnemonic not in numbers():
        return None
    syntax = row_of(numbers()[mnemonic]).syntax
    address = "(t0)" in names or "(t2)" in names
    values = [
        _operand(name, 0 if address and name.startswith("(") else offset) for name in names if name not in ("v0", "v0.t")
    ]
    if names and names[0] == "v0":
        values.insert(0, 0)
    if "v0.t" in names:
        values.append(0)
    try:
        return encode(mnemonic, *values[: len(syntax.split(","))])
    except (ValueError, KeyError):
        return None


def register_groups(text: str, sew: int, lmul: float) -> int:
    """Registers from one copy to the next in rvv-bench's suite for V 1.0; 8 stands for no rotation."""
    if re.match(r"v\w+\.mm|vcpop|vfirst", text):
        return 2
    is_wider = re.match(r"v(fw|w|fn|nsr|ncl|nms)", text) and "red" not in text
    if is_wider or (text.startswith("vrgatherei16") and sew == 8):
        lmul *= 2
    return int(min(max(lmul, 1), 8))


@cache
def _code(text: str, step: int) -> Any:
    offsets = [k * step % GROUP for k in range(GROUP)] if step else [0] * GROUP
    words = [instruction_word(text, offset) for offset in offsets] * (COPIES // GROUP)
    if None in words:
        return None
    closing = [encode("addi", "a0", "a0", -1), encode("bne", "a0", "zero", -4 * (COPIES + 1))]
    return decode_parcels(np.array([*words, *closing, 0], np.uint32).view("<u2"))


class Bench:
    """One core whose clock runs on from cell to cell."""

    def __init__(self, core: CoreConfig, rotates: bool) -> None:
        self.core, self.rotates, self.state = core, rotates, make_state(core)

    def cycles(self, text: str, sew: int, lmul: float) -> float | None:
        """Cycles per instruction in the steady state; None for an instruction outside the table."""
        code = _code(text, register_groups(text, sew, lmul) % GROUP if self.rotates else 0)
        if code is None:
            return None
        self._run(code, text, sew, lmul, WARM_LOOPS)
        start = int(self.state[0]["last_commit"])
        self._run(code, text, sew, lmul, LOOPS)
        return (int(self.state[0]["last_commit"]) - start) / (LOOPS * COPIES)

    def _run(self, code: Any, text: str, sew: int, lmul: float, loops: int) -> None:
        count = COPIES + 2
        pcs = np.tile(BASE + 4 * np.arange(count), loops)
        stride = 0
        if "/*-1*/" in text:
            stride = -int(code[0]["mem_bytes"])
        elif ",t3" in text:
            stride = 16
        rows = np.zeros(count * loops, ROW_DTYPE)
        rows["entry"], rows["pc"], rows["next_pc"] = (pcs - BASE) >> 1, pcs, np.roll(pcs, -1)
        rows["address"], rows["stride"] = DATA, stride
        rows["vl"] = int(self.core.vlen_bits * lmul) // sew
        rows["sew_log2"], rows["lmul_log2"] = sew.bit_length() - 1, int(np.log2(lmul))
        replay(self.state, code, rows, np.zeros(1, np.int64), len(rows))


def model_cycles(core: CoreConfig, text: str, sew: int, lmul: float, rotates: bool = True) -> float | None:
    """Cycles per instruction of a loop of copies on a fresh core."""
    return Bench(core, rotates).cycles(text, sew, lmul)


def parse_shape(text: str) -> tuple[int, float]:
    """SEW and LMUL of ``e32m2`` or ``e16mf4``."""
    found = re.fullmatch(r"e(\d+)m(f?)(\d)", text)
    if found is None:
        raise ValueError(text)
    number = int(found[3])
    return int(found[1]), 1 / number if found[2] else float(number)


def compare(path: Path, only: str | None = None) -> dict[str, list[Cell]]:
    """Instruction, shape, measured and modelled cycles of every cell, per machine."""
    cells: dict[str, list[Cell]] = defaultdict(list)
    benches: dict[str, Bench] = {}
    with gzip.open(path, "rt") as stream:
        for row in csv.DictReader(stream):
            name, text = row["machine"], row["instruction"]
            machine = MACHINES.get(name)
            if machine is None or not text.startswith("v") or (only and name != only):
                continue
            if not re.fullmatch(r"[\d.]+", row["cycles_per_instruction"]):
                continue  # the measurement ran into its time limit
            if name not in benches:
                benches[name] = Bench(load_core(machine.core), machine.rotates)
            model = benches[name].cycles(text, *parse_shape(row["sew_lmul"]))
            if model is not None:
                measured = float(row["cycles_per_instruction"])
                cells[name].append((text, row["sew_lmul"], measured, model + machine.overhead_cycles))
    return cells


def is_held_out(text: str) -> bool:
    """Whether an instruction's name hashes into the quarter that is reported apart."""
    return zlib.crc32(text.split()[0].encode()) % 4 == 0


def _figures(cells: list[Cell]) -> tuple[float, float, float]:
    errors = [abs(model / measured - 1) for _, _, measured, model in cells]
    within = [sum(e <= limit for e in errors) / len(errors) for limit in (0.15, 0.30)]
    return statistics.median(errors), within[0], within[1]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("calibration", type=Path)
    parser.add_argument("--machine", choices=sorted(MACHINES), help="only this machine")
    parser.add_argument("--cells", action="store_true", help="print every cell that is off by more than 15 %%")
    options = parser.parse_args()
    print(f"{'machine':21}{'cells':>7}{'median':>9}{'in 15 %':>9}{'in 30 %':>9}{'held out':>10}{'median':>9}{'in 15 %':>9}")
    for machine, cells in compare(options.calibration, options.machine).items():
        held_out = [cell for cell in cells if is_held_out(cell[0])]
        median, close, near = _figures(cells)
        apart, apart_close, _ = _figures(held_out)
        print(
            f"{machine:21}{len(cells):7}{median:9.1%}{close:9.1%}{near:9.1%}{len(held_out):10}{apart:9.1%}{apart_close:9.1%}"
        )
        if options.cells:
            for instruction, shape, measured, model in cells:
                if abs(model / measured - 1) > 0.15:
                    print(f"    {instruction:36}{shape:7}{measured:8.2f}{model:8.2f}")


if __name__ == "__main__":
    main()
