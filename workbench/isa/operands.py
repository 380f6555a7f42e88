"""Operand fields of instruction words: where their bits lie, what they mean, how they are written in assembly.

Source: The RISC-V Instruction Set Manual, Volume I, chapters 2 (formats) and "V" (vector formats).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Operand:
    """One named field.

    Attributes
    ----------
    kind: x, f, v (registers), imm, csr, rm (rounding mode), vm (mask bit), vtype.
    slot: column of the predecoded record that receives it ("" = none).
    pieces: (lowest bit in the word, lowest bit in the value, width), most values have one piece.
    is_signed: sign-extended from the highest piece.
    shift: the value is placed this far left in the `imm` column (two immediates share it).
    """

    name: str
    kind: str
    slot: str
    pieces: tuple[tuple[int, int, int], ...]
    is_signed: bool = False
    shift: int = 0

    @property
    def bits(self) -> int:
        """Bits of the value, counting low zero bits that are not encoded."""
        return max(low + width for _, low, width in self.pieces)

    def place(self, value: int) -> int:
        """The word's bits for a value; ValueError if it cannot be represented."""
        low, high = (-(1 << self.bits - 1), 1 << self.bits - 1) if self.is_signed else (0, 1 << self.bits)
        word = sum((value >> at & (1 << width) - 1) << position for position, at, width in self.pieces)
        if not low <= value < high or self.extract(word) != value:
            raise ValueError(f"{self.name}: {value} does not fit")
        return word

    def extract(self, word: int) -> int:
        """The value in a word."""
        value = sum((word >> position & (1 << width) - 1) << at for position, at, width in self.pieces)
        return value - (1 << self.bits) if self.is_signed and value >> self.bits - 1 else value


_RD, _RS1, _RS2, _RS3 = ((7, 0, 5),), ((15, 0, 5),), ((20, 0, 5),), ((27, 0, 5),)
OPERANDS = {
    operand.name: operand
    for operand in (
        *(Operand(f"{kind}{slot[1:]}", kind[0], slot, place) for kind, slot, place in (
            ("r", "rd", _RD), ("f", "rd", _RD), ("v", "rd", _RD),
            ("r", "rs1", _RS1), ("f", "rs1", _RS1), ("v", "rs1", _RS1),
            ("r", "rs2", _RS2), ("f", "rs2", _RS2), ("v", "rs2", _RS2), ("f", "rs3", _RS3),
        )),
        Operand("vs3", "v", "rs3", _RD),  # store data
        Operand("vpd", "v", "rd", ((8, 1, 4),)),  # pairs of registers, of even numbers
        Operand("vp1", "v", "rs1", ((16, 1, 4),)),
        Operand("i", "imm", "imm", ((20, 0, 12),), True),
        Operand("s", "imm", "imm", ((7, 0, 5), (25, 5, 7)), True),
        Operand("b", "imm", "imm", ((8, 1, 4), (25, 5, 6), (7, 11, 1), (31, 12, 1)), True),
        Operand("u", "imm", "imm", ((12, 12, 20),), True),
        Operand("j", "imm", "imm", ((21, 1, 10), (20, 11, 1), (12, 12, 8), (31, 20, 1)), True),
        Operand("shamt6", "imm", "imm", ((20, 0, 6),)),
        Operand("shamt5", "imm", "imm", ((20, 0, 5),)),
        Operand("csr", "csr", "imm", ((20, 0, 12),)),
        Operand("zimm", "imm", "imm", ((15, 0, 5),), shift=12),
        Operand("rm", "rm", "imm", ((12, 0, 3),)),
        Operand("simm5", "imm", "imm", ((15, 0, 5),), True),
        Operand("uimm5", "imm", "imm", ((15, 0, 5),)),
        Operand("vtype11", "vtype", "imm", ((20, 0, 11),)),
        Operand("vtype10", "vtype", "imm", ((20, 0, 10),)),
        Operand("avl", "imm", "imm", ((15, 0, 5),), shift=12),
        Operand("vm", "vm", "", ((25, 0, 1),)),
    )
}  # fmt: skip
OPERANDS |= {
    name: Operand(name, "x", operand.slot, operand.pieces)
    for name, operand in list(OPERANDS.items())
    if name in ("rd", "rs1", "rs2")
}


@cache
def operands_of(syntax: str) -> tuple[Operand, ...]:
    """The operands named in an assembly syntax such as ``rd, i(rs1)``, in that order."""
    return tuple(OPERANDS[name] for name in re.findall(r"[a-z]+[0-9]*", syntax) if name != "v0")
