"""Instruction words as assembly text, for error messages and listings."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache

from workbench.isa.encode import F_NAMES, X_NAMES
from workbench.isa.operands import OPERANDS, Operand
from workbench.isa.row import Row
from workbench.isa.table import TABLE
from workbench.isa.table_compressed import expand

_ROUNDING = ("rne", "rtz", "rdn", "rup", "rmm", "5", "6", "dyn")
_CSRS = {
    0x001: "fflags", 0x002: "frm", 0x003: "fcsr", 0x008: "vstart", 0x009: "vxsat", 0x00A: "vxrm", 0x00F: "vcsr",
    0xC00: "cycle", 0xC01: "time", 0xC02: "instret", 0xC20: "vl", 0xC21: "vtype", 0xC22: "vlenb",
}  # fmt: skip


@cache
def _by_opcode() -> dict[int, list[Row]]:
    rows = defaultdict(list)
    for row in TABLE:
        rows[row.match & 0x7F].append(row)
    return rows


def find_row(word: int) -> Row | None:
    """The table's row of a 32-bit instruction word, None if it is no instruction."""
    return next((row for row in _by_opcode()[word & 0x7F] if word & row.mask == row.match), None)


def disassemble(word: int, pc: int = 0) -> str:
    """Assembly text of a word (its low half if that is a 16-bit instruction); targets are absolute addresses."""
    if word & 3 != 3:
        half, word = word & 0xFFFF, expand(word & 0xFFFF)
        if not word:
            return f".half 0x{half:04x}"
    row = find_row(word)
    if row is None:
        return f".word 0x{word:08x}"
    text = re.sub(r"[a-z]+[0-9]*", lambda name: _operand(OPERANDS[name[0]], word, pc), row.syntax.replace(", v0", ", @"))
    return f"{row.mnemonic} {text.replace('@', 'v0')}".removesuffix(", ").strip().replace(", ,", ",")


def _operand(operand: Operand, word: int, pc: int) -> str:
    value = operand.extract(word)
    if operand.kind in "xf":
        return (X_NAMES if operand.kind == "x" else F_NAMES)[value]
    if operand.kind == "v":
        return f"v{value}"
    if operand.kind == "vm":
        return "" if value else "v0.t"
    if operand.kind == "rm":
        return _ROUNDING[value]
    if operand.kind == "csr":
        return _CSRS.get(value, f"0x{value:x}")
    if operand.kind == "vtype":
        return vector_type(value)
    if operand.name in "bj":
        return f"0x{pc + value:x}"
    return f"0x{value >> 12 & 0xFFFFF:x}" if operand.name == "u" else str(value)


def vector_type(value: int) -> str:
    """The bits of vtype as vsetvli writes them."""
    lmul = ("m1", "m2", "m4", "m8", "m?", "mf8", "mf4", "mf2")[value & 7]
    return f"e{8 << (value >> 3 & 7)}, {lmul}, {'ta' if value & 64 else 'tu'}, {'ma' if value & 128 else 'mu'}"
