"""Random 16-bit instructions that keep the reserved registers and stay inside the data area."""

from __future__ import annotations

from functools import cache

import numpy as np

from workbench.core.conformance.record import written_registers
from workbench.isa.encode import encode
from workbench.isa.table import numbers, row_of
from workbench.isa.table_compressed import COMPRESSED, CompressedRow

_STACK, _TEMPORARY, _DATA = 2, 29, 30
_RESERVED = {2, 28, 29, 30, 31}
_LOADS, _STORES = {"lw", "ld", "fld"}, {"sw", "sd", "fsd"}


@cache
def _words() -> dict[str, list[int]]:
    """All usable words of each row."""
    found: dict[str, list[int]] = {row.name: [] for row in COMPRESSED}
    for half in range(1 << 16):
        row = next((r for r in COMPRESSED if half & r.mask == r.match), None)
        if row is not None and row.is_valid(half) and _is_usable(row, row.operands(half)):
            found[row.name].append(half)
    return found


def _is_usable(row: CompressedRow, values: tuple[int, ...]) -> bool:
    target = row.target
    if target == "ebreak":
        return True
    if target in _STORES:
        return target == "fsd" or values[0] not in _RESERVED
    if target in _LOADS:
        return target == "fld" or values[0] not in _RESERVED
    if target == "jal":
        return values[1] == 6
    if target in ("beq", "bne"):
        return values[2] == 6
    if target == "jalr":
        return values[2] == _TEMPORARY
    if row.name == "c.addi16sp":
        return True
    return values[0] not in _RESERVED


def compressed_item(row: CompressedRow, rng: np.random.Generator) -> tuple[bytes, tuple[int, ...]]:
    """Machine code that executes one random word of the row, and the register that it writes."""
    choices = _words()[row.name]
    half = int(choices[rng.integers(len(choices))])
    target = row_of(numbers()[row.target])
    return _code(row, half), written_registers(target, encode(row.target, *row.operands(half)), 0)


def _code(row: CompressedRow, half: int) -> bytes:
    word = half.to_bytes(2, "little")
    filler = encode("addi", 5, 6, 7).to_bytes(4, "little")
    if row.target == "ebreak":
        return encode("jal", 0, 6).to_bytes(4, "little") + word  # jumped over
    if row.target in ("jal", "beq", "bne"):
        return word + filler
    if row.target == "jalr":  # to behind the filler: auipc, addi, jump, filler
        return _joined(encode("auipc", _TEMPORARY, 0), encode("addi", _TEMPORARY, _TEMPORARY, 14)) + word + filler
    if row.target in _LOADS | _STORES:
        base = row.operands(half)[2]
        return _joined(encode("addi", base, _DATA, 0)) + word
    if row.name == "c.addi16sp":
        return word + _joined(encode("addi", 7, _STACK, 0), encode("addi", _STACK, _DATA, 0))
    return word


def _joined(*words: int) -> bytes:
    return b"".join(word.to_bytes(4, "little") for word in words)
