"""Cycles per vector instruction of the model against rvv-bench's measurements, per machine.

``python benchmarks/rvv_throughput.py CALIBRATION.csv.gz [--cells]`` with the columns machine, instruction, sew_lmul and
cycles_per_instruction. Every measured cell whose instruction the table knows is timed as a loop of 32 copies at
vl = VLMAX. On the out-of-order core the destination rotates over free register groups (the measurements show that
accumulating instructions did not wait for themselves); on the in-order core it does not.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import re
import statistics
from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np

from workbench.core.config import CoreConfig, load_core
from workbench.core.timing.replay import ROW_DTYPE, replay
from workbench.core.timing.state import make_state
from workbench.core.timing.stream import BASE
from workbench.isa.encode import encode
from workbench.isa.predecode import decode_parcels
from workbench.isa.table import numbers, row_of

MACHINES = {"xiangshan-kunminghu": "xiangshan_kunminghu_v2", "thead-c906": "thead_c906"}
OLD_NAMES = {  # vector 0.7.1 spellings
    "vext.x.v": "vmv.x.s", "vfredsum.vs": "vfredusum.vs", "vnsra.vx": "vnsra.wx", "vnclipu.vv": "vnclipu.wv",
    "vnclipu.vx": "vnclipu.wx", "vfncvt.f.xu.v": "vfncvt.f.xu.w", "vfncvt.f.f.v": "vfncvt.f.f.w",
}  # fmt: skip
COPIES = 32


def instruction_word(text: str, vd: int) -> int | None:
    """The encoding of an instruction as rvv-bench writes it, with `vd` for v8; None if the table has no such instruction."""
    mnemonic, *operands = re.split(r"[ ,]+", text.strip())
    mnemonic = OLD_NAMES.get(mnemonic, mnemonic)
    if mnemonic not in numbers():
        return None
    syntax = row_of(numbers()[mnemonic]).syntax
    values: list[int | str] = [vd if name == "v8" else name for name in operands if name not in ("v0", "v0.t")]
    if operands and operands[0] == "v0":
        values.insert(0, 0)
    values = [int(v) if isinstance(v, str) and v.isdigit() else v for v in values]
    if "v0.t" in operands:
        values.append(0)
    try:
        return encode(mnemonic, *values[: len(syntax.split(","))])
    except (ValueError, KeyError):
        return None


@cache
def _rotation(lmul: float, rotates: bool) -> tuple[int, ...]:
    return tuple(range(8, 16, max(int(lmul), 1))) if rotates else (8,)


def model_cycles(core: CoreConfig, text: str, sew: int, lmul: float) -> float | None:
    """Cycles per instruction of a loop of copies in the steady state; None for an instruction outside the table."""
    wide = 2.0 if re.match(r"v(f?w|f?n(cvt|clip|sr))", text) and "red" not in text else 1.0
    rotation = _rotation(lmul * wide, core.kind == "out_of_order")
    words = [instruction_word(text, rotation[k % len(rotation)]) for k in range(COPIES)]
    if None in words:
        return None
    closing = encode("bne", "a0", "zero", -4 * COPIES)
    image = np.array([*words, closing, 0], np.uint32).view("<u2")
    code = decode_parcels(image)[::1]
    return (_cycles(core, code, sew, lmul, 10) - _cycles(core, code, sew, lmul, 4)) / (6 * COPIES)


def _cycles(core: CoreConfig, code: np.ndarray, sew: int, lmul: float, loops: int) -> int:
    count = COPIES + 1
    pcs = np.tile(BASE + 4 * np.arange(count), loops)
    rows = np.zeros(count * loops, ROW_DTYPE)
    rows["entry"], rows["pc"] = (pcs - BASE) >> 1, pcs
    rows["next_pc"] = np.append(pcs[1:], pcs[-1] + 4)
    rows["vl"] = int(core.vlen_bits * lmul) // sew
    rows["sew_log2"], rows["lmul_log2"] = sew.bit_length() - 1, int(np.log2(lmul))
    state = make_state(core)
    replay(state, code, rows, np.zeros(1, np.int64), len(rows))
    return int(state[0]["last_commit"])


def parse_shape(text: str) -> tuple[int, float]:
    """SEW and LMUL of ``e32m2`` or ``e16mf4``."""
    found = re.fullmatch(r"e(\d+)m(f?)(\d)", text)
    if found is None:
        raise ValueError(text)
    number = int(found[3])
    return int(found[1]), 1 / number if found[2] else float(number)


def compare(path: Path) -> dict[str, list[tuple[str, str, float, float]]]:
    """Measured and modelled cycles of every cell, per machine."""
    cells: dict[str, list[tuple[str, str, float, float]]] = defaultdict(list)
    with gzip.open(path, "rt") as stream:
        for row in csv.DictReader(stream):
            name = MACHINES.get(row["machine"])
            if name is None or not row["instruction"].startswith("v"):
                continue
            sew, lmul = parse_shape(row["sew_lmul"])
            model = model_cycles(load_cached(name), row["instruction"], sew, lmul)
            if model is not None:
                cells[row["machine"]].append(
                    (row["instruction"], row["sew_lmul"], float(row["cycles_per_instruction"]), model)
                )
    return cells


@cache
def load_cached(name: str) -> CoreConfig:
    """`load_core`, once per name."""
    return load_core(name)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("calibration", type=Path)
    parser.add_argument("--cells", action="store_true", help="print every cell that is off by more than 15 %%")
    options = parser.parse_args()
    print(f"{'machine':24}{'cells':>7}{'median':>9}{'within 15 %':>13}{'within 30 %':>13}")
    for machine, cells in compare(options.calibration).items():
        errors = [abs(model / measured - 1) for _, _, measured, model in cells]
        within = [sum(e <= limit for e in errors) / len(errors) for limit in (0.15, 0.30)]
        print(f"{machine:24}{len(cells):7}{statistics.median(errors):9.1%}{within[0]:13.1%}{within[1]:13.1%}")
        if options.cells:
            for (instruction, shape, measured, model), error in zip(cells, errors, strict=True):
                if error > 0.15:
                    print(f"    {instruction:36}{shape:7}{measured:8.2f}{model:8.2f}")


if __name__ == "__main__":
    main()
