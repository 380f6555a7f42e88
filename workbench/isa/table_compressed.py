"""The C extension: every 16-bit instruction of RV64GC as the 32-bit instruction that it stands for.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "C", tables of the three quadrants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from workbench.isa.encode import encode
from workbench.isa.operands import Operand

Values = tuple[int, ...]


def _imm(*pieces: tuple[int, int, int], signed: bool = False) -> Callable[[int], int]:
    return Operand("imm", "imm", "imm", pieces, signed).extract


_RD = _imm((7, 0, 5))
_RS2 = _imm((2, 0, 5))
_SIMM6 = _imm((2, 0, 5), (12, 5, 1), signed=True)
_SHAMT = _imm((2, 0, 5), (12, 5, 1))
_UIMM_W = _imm((6, 2, 1), (10, 3, 3), (5, 6, 1))
_UIMM_D = _imm((10, 3, 3), (5, 6, 2))
_ADDI4SPN = _imm((6, 2, 1), (5, 3, 1), (11, 4, 2), (7, 6, 4))
_ADDI16SP = _imm((6, 4, 1), (2, 5, 1), (5, 6, 1), (3, 7, 2), (12, 9, 1), signed=True)
_LUI = _imm((2, 12, 5), (12, 17, 1), signed=True)
_JUMP = _imm((3, 1, 3), (11, 4, 1), (2, 5, 1), (7, 6, 1), (6, 7, 1), (9, 8, 2), (8, 10, 1), (12, 11, 1), signed=True)
_BRANCH = _imm((3, 1, 2), (10, 3, 2), (2, 5, 1), (5, 6, 2), (12, 8, 1), signed=True)
_LWSP = _imm((4, 2, 3), (12, 5, 1), (2, 6, 2))
_LDSP = _imm((5, 3, 2), (12, 5, 1), (2, 6, 3))
_SWSP = _imm((9, 2, 4), (7, 6, 2))
_SDSP = _imm((10, 3, 3), (7, 6, 3))


def _low(word: int) -> int:
    """Register x8..x15 in bits 2-4."""
    return 8 + (word >> 2 & 7)


def _high(word: int) -> int:
    """Register x8..x15 in bits 7-9."""
    return 8 + (word >> 7 & 7)


@dataclass(frozen=True)
class CompressedRow:
    """A 16-bit instruction: `operands` gives the values for `target` in the order of its syntax."""

    name: str
    match: int
    mask: int
    target: str
    operands: Callable[[int], Values]
    is_valid: Callable[[int], object] = lambda word: True


def _q(quadrant: int, funct3: int) -> tuple[int, int]:
    return funct3 << 13 | quadrant, 0xE003


def _alu(name: str, match: int) -> CompressedRow:
    return CompressedRow(f"c.{name}", match, 0xFC63, name, lambda w: (_high(w), _high(w), _low(w)))


COMPRESSED: tuple[CompressedRow, ...] = (
    CompressedRow("c.addi4spn", *_q(0, 0), "addi", lambda w: (_low(w), 2, _ADDI4SPN(w)), _ADDI4SPN),
    CompressedRow("c.fld", *_q(0, 1), "fld", lambda w: (_low(w), _UIMM_D(w), _high(w))),
    CompressedRow("c.lw", *_q(0, 2), "lw", lambda w: (_low(w), _UIMM_W(w), _high(w))),
    CompressedRow("c.ld", *_q(0, 3), "ld", lambda w: (_low(w), _UIMM_D(w), _high(w))),
    CompressedRow("c.fsd", *_q(0, 5), "fsd", lambda w: (_low(w), _UIMM_D(w), _high(w))),
    CompressedRow("c.sw", *_q(0, 6), "sw", lambda w: (_low(w), _UIMM_W(w), _high(w))),
    CompressedRow("c.sd", *_q(0, 7), "sd", lambda w: (_low(w), _UIMM_D(w), _high(w))),
    CompressedRow("c.addi", *_q(1, 0), "addi", lambda w: (_RD(w), _RD(w), _SIMM6(w))),
    CompressedRow("c.addiw", *_q(1, 1), "addiw", lambda w: (_RD(w), _RD(w), _SIMM6(w)), _RD),
    CompressedRow("c.li", *_q(1, 2), "addi", lambda w: (_RD(w), 0, _SIMM6(w))),
    CompressedRow("c.addi16sp", 0x6101, 0xEF83, "addi", lambda w: (2, 2, _ADDI16SP(w)), _ADDI16SP),
    CompressedRow("c.lui", *_q(1, 3), "lui", lambda w: (_RD(w), _LUI(w)), _LUI),
    CompressedRow("c.srli", 0x8001, 0xEC03, "srli", lambda w: (_high(w), _high(w), _SHAMT(w))),
    CompressedRow("c.srai", 0x8401, 0xEC03, "srai", lambda w: (_high(w), _high(w), _SHAMT(w))),
    CompressedRow("c.andi", 0x8801, 0xEC03, "andi", lambda w: (_high(w), _high(w), _SIMM6(w))),
    _alu("sub", 0x8C01), _alu("xor", 0x8C21), _alu("or", 0x8C41), _alu("and", 0x8C61),
    _alu("subw", 0x9C01), _alu("addw", 0x9C21),
    CompressedRow("c.j", *_q(1, 5), "jal", lambda w: (0, _JUMP(w))),
    CompressedRow("c.beqz", *_q(1, 6), "beq", lambda w: (_high(w), 0, _BRANCH(w))),
    CompressedRow("c.bnez", *_q(1, 7), "bne", lambda w: (_high(w), 0, _BRANCH(w))),
    CompressedRow("c.slli", *_q(2, 0), "slli", lambda w: (_RD(w), _RD(w), _SHAMT(w))),
    CompressedRow("c.fldsp", *_q(2, 1), "fld", lambda w: (_RD(w), _LDSP(w), 2)),
    CompressedRow("c.lwsp", *_q(2, 2), "lw", lambda w: (_RD(w), _LWSP(w), 2), _RD),
    CompressedRow("c.ldsp", *_q(2, 3), "ld", lambda w: (_RD(w), _LDSP(w), 2), _RD),
    CompressedRow("c.jr", 0x8002, 0xF07F, "jalr", lambda w: (0, 0, _RD(w)), _RD),
    CompressedRow("c.mv", 0x8002, 0xF003, "add", lambda w: (_RD(w), 0, _RS2(w)), _RS2),
    CompressedRow("c.ebreak", 0x9002, 0xFFFF, "ebreak", lambda w: ()),
    CompressedRow("c.jalr", 0x9002, 0xF07F, "jalr", lambda w: (1, 0, _RD(w))),
    CompressedRow("c.add", 0x9002, 0xF003, "add", lambda w: (_RD(w), _RD(w), _RS2(w))),
    CompressedRow("c.fsdsp", *_q(2, 5), "fsd", lambda w: (_RS2(w), _SDSP(w), 2)),
    CompressedRow("c.swsp", *_q(2, 6), "sw", lambda w: (_RS2(w), _SWSP(w), 2)),
    CompressedRow("c.sdsp", *_q(2, 7), "sd", lambda w: (_RS2(w), _SDSP(w), 2)),
)  # fmt: skip
"""More specific rows come before the rows that contain them."""


@cache
def expand(half: int) -> int:
    """The 32-bit instruction that a 16-bit word stands for; 0 (illegal) if none."""
    for row in COMPRESSED:
        if half & row.mask == row.match:
            return encode(row.target, *row.operands(half)) if row.is_valid(half) else 0
    return 0
