"""The vendor's latency tables of the C906 and C910, row by row, against dependent chains on the timing engine."""

from __future__ import annotations

import csv
import re

import numpy as np
import pytest

from workbench.core.config import load_core
from workbench.core.timing.initial import make_state
from workbench.core.timing.replay import replay
from workbench.core.timing.stream import Stream
from workbench.isa.encode import encode
from workbench.isa.predecode import decode_parcels
from workbench.isa.table import numbers, row_of
from workbench.isa.timing_class import TimingClass as K

COMPRESSED = {  # forms whose name is not that of the instruction that they expand to
    "c.addi16sp": "addi", "c.addi4spn": "addi", "c.mv": "add", "c.li": "addi", "c.beqz": "beq", "c.bnez": "bne",
    "c.j": "jal", "c.jr": "jalr", "c.nop": "addi",
}  # fmt: skip
MISSPELT = {"mulhs": "mulhsu"}
T_HEAD_ONLY = (  # instructions of the vendor that the instruction table does not have
    "addsl mula muls mulaw mulsw mulah mulsh srri srriw mveqz mvnez tst tstnbz rev revw ff0 ff1 ext extu"
).split()
NO_FIGURE = ("lr.w", "lr.d", "ldd", "sdd", "lbia", "sbia")  # "split into several operations", without a number
ROWS = {"thead_c906": 165, "thead_c910": 145}  # rows with a figure at least
EXACT, ONE_OF, INSIDE = "exactly", "one of", "from and to"


def _figure(text: str) -> tuple[str, list[int]] | None:
    """What a cell of the table says: ``3``, ``3+1`` (two operations in turn), ``3/6``, ``4-17``."""
    found = re.search(r"\d+([+/-]\d+)?", text)
    if found is None:
        return None
    values = [int(number) for number in re.split(r"[+/-]", found[0])]
    if "+" in found[0]:
        return EXACT, [sum(values)]
    return (ONE_OF if "/" in found[0] else INSIDE if "-" in found[0] else EXACT), values


def _word(name: str) -> int:
    """The encoding of a row's instruction, every register number 5."""
    mnemonic = COMPRESSED.get(name, MISSPELT.get(name, name)).removeprefix("c.")
    row = row_of(numbers()[mnemonic])
    return encode(mnemonic, *[0 if "imm" in o.kind or "shamt" in o.name or o.kind == "rm" else 5 for o in row.operands])


def _entry(word: int):
    return decode_parcels(np.array([word, 0], np.uint32).view("<u2"))[0]


def _latency(state, word: int) -> float:
    """Cycles per instruction of a chain on an engine that runs on, whatever the register files and targets."""
    entry = _entry(word)
    kind, register = K(int(entry["timing"])), max(int(entry["rd"]), 5)

    def chain(length):
        def body(s, _):
            for _ in range(length):
                s.add(kind, register, register, register, raw=int(entry["raw"]))

        code, rows = Stream().loop(body, 15).arrays()
        times = []
        for _ in range(3):  # the first round fills the caches
            replay(state, code, rows, np.zeros(1, np.int64), len(rows))
            times.append(int(state[0]["last_commit"]))
        return (times[2] - times[1]) / 15

    return (chain(24) - chain(12)) / 12


@pytest.mark.parametrize("name", ROWS)
def test_every_listed_latency_is_the_engine_s(name, reference):
    state, seen, wrong, checked = make_state(load_core(name)), {}, [], 0
    with (reference / "cores" / f"{name}_latency.csv").open() as stream:
        rows = [(row["instruction"].lower(), row["latency_cycles"]) for row in csv.DictReader(stream)]
    for instruction, text in rows:
        figure = _figure(text)
        if instruction in T_HEAD_ONLY or (instruction in NO_FIGURE and figure is None):
            continue
        assert figure is not None, instruction
        word = _word(instruction)
        key = (_entry(word)["timing"].item(), word >> 25 & 3, word & 8)
        if key not in seen:
            seen[key] = _latency(state, word)
        kind, values = figure
        low, high = min(values), max(values)
        fits = low - 0.03 <= seen[key] <= high + 0.03 if kind == INSIDE else any(abs(seen[key] - v) < 0.03 for v in values)
        checked += 1
        if not fits:
            wrong.append((instruction, text, round(seen[key], 2)))
    assert not wrong
    assert checked >= ROWS[name]
