"""Rows of F, D and Zfh.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), "RV32/64G Instruction Set Listings".
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.isa.code import Flag
from workbench.isa.row import Row
from workbench.isa.timing_class import TimingClass as T

_F3, _OP = 0x7000, 0x7F
_RS2 = 0x1F0_0000
_FUNCT7 = 0xFE00_0000
_OPF = 0x53


def _arithmetic(suffix: str, format_: int, extension: str) -> Iterator[Row]:
    common = _FUNCT7 | _OP
    for funct5, name, timing in ((0, "fadd", T.FP_ADD), (1, "fsub", T.FP_ADD), (2, "fmul", T.FP_MUL), (3, "fdiv", T.FP_DIV)):
        yield Row(name + suffix, "fd, fs1, fs2, rm", funct5 << 27 | format_ << 25 | _OPF, common, extension, timing)
    match = 0xB << 27 | format_ << 25 | _OPF
    yield Row("fsqrt" + suffix, "fd, fs1, rm", match, common | _RS2, extension, T.FP_SQRT)
    for opcode, name in ((0x43, "fmadd"), (0x47, "fmsub"), (0x4B, "fnmsub"), (0x4F, "fnmadd")):
        yield Row(name + suffix, "fd, fs1, fs2, fs3, rm", format_ << 25 | opcode, 0x0600_0000 | _OP, extension, T.FP_FMA)


def _exact(suffix: str, format_: int, extension: str) -> Iterator[Row]:
    """Sign injection, minimum, comparison, classification: never rounded."""
    mask = _FUNCT7 | _F3 | _OP
    for funct5, names, syntax, timing in (
        (0x04, ("fsgnj", "fsgnjn", "fsgnjx"), "fd, fs1, fs2", T.FP_MISC),
        (0x05, ("fmin", "fmax"), "fd, fs1, fs2", T.FP_MISC),
        (0x14, ("fle", "flt", "feq"), "rd, fs1, fs2", T.FP_COMPARE),
    ):
        for funct3, name in enumerate(names):
            match = funct5 << 27 | format_ << 25 | funct3 << 12 | _OPF
            yield Row(name + suffix, syntax, match, mask, extension, timing)
    match = 0x1C << 27 | format_ << 25 | 1 << 12 | _OPF
    yield Row("fclass" + suffix, "rd, fs1", match, mask | _RS2, extension, T.FP_CLASSIFY)


def _conversions(suffix: str, format_: int, extension: str) -> Iterator[Row]:
    mask = _FUNCT7 | _RS2 | _OP
    for number, letter in enumerate((".w", ".wu", ".l", ".lu")):
        to_int, to_float = (funct5 << 27 | format_ << 25 | number << 20 | _OPF for funct5 in (0x18, 0x1A))
        yield Row("fcvt" + letter + suffix, "rd, fs1, rm", to_int, mask, extension, T.CONVERT_TO_INT)
        yield Row("fcvt" + suffix + letter, "fd, rs1, rm", to_float, mask, extension, T.CONVERT_FROM_INT)


def _moves(letter: str, format_: int, extension: str) -> Iterator[Row]:
    mask = _FUNCT7 | _RS2 | _F3 | _OP
    yield Row(f"fmv.x.{letter}", "rd, fs1", 0x1C << 27 | format_ << 25 | _OPF, mask, extension, T.MOVE_FP_TO_INT)
    yield Row(f"fmv.{letter}.x", "fd, rs1", 0x1E << 27 | format_ << 25 | _OPF, mask, extension, T.MOVE_INT_TO_FP)


def _between_formats() -> Iterator[Row]:
    mask = _FUNCT7 | _RS2 | _OP
    for to, source, extension in (
        ("s", "d", "D"), ("d", "s", "D"), ("s", "h", "Zfh"), ("h", "s", "Zfh"), ("d", "h", "Zfh"), ("h", "d", "Zfh"),
    ):  # fmt: skip
        match = 0x08 << 27 | "sdh".index(to) << 25 | "sdh".index(source) << 20 | _OPF
        yield Row(f"fcvt.{to}.{source}", "fd, fs1, rm", match, mask, extension, T.FP_CONVERT)


def float_rows() -> Iterator[Row]:
    """All rows of this file; the three formats have the same rows in the same order."""
    for format_, suffix, extension, size, load, store, move in (
        (0, ".s", "F", 4, "flw", "fsw", "w"),
        (1, ".d", "D", 8, "fld", "fsd", "d"),
        (2, ".h", "Zfh", 2, "flh", "fsh", "h"),
    ):
        funct3 = (size.bit_length() - 1) << 12
        yield Row(load, "fd, i(rs1)", funct3 | 0x07, _F3 | _OP, extension, T.FP_LOAD, Flag.LOAD, size)
        yield Row(store, "fs2, s(rs1)", funct3 | 0x27, _F3 | _OP, extension, T.FP_STORE, Flag.STORE, size)
        yield from _arithmetic(suffix, format_, extension)
        yield from _exact(suffix, format_, extension)
        yield from _conversions(suffix, format_, extension)
        yield from _moves(move, format_, extension)
    yield from _between_formats()
