"""Rows of the vector loads and stores: unit-stride, strided, indexed, their segment forms, masks, whole registers.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", section "Vector Loads and Stores".
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.isa.code import Flag
from workbench.isa.row import Row, VectorForm
from workbench.isa.timing_class import TimingClass as T

_LOAD, _STORE = 0x07, 0x27
_WIDTHS = {8: 0, 16: 5, 32: 6, 64: 7}
_VM = 0x0200_0000
_ALL_BUT_VM = 0xFDF0_707F  # nf mew mop lumop width opcode
_STRIDE_MASK = 0xFC00_707F  # rs2 or vs2 is an operand


def _access(is_store: bool, is_strided: bool = False, is_indexed: bool = False) -> tuple[T, Flag]:
    flags = Flag.VECTOR | (Flag.STORE if is_store else Flag.LOAD)
    if is_strided:
        return (T.V_STORE_STRIDED if is_store else T.V_LOAD_STRIDED), flags | Flag.STRIDED
    if is_indexed:
        return (T.V_STORE_INDEXED if is_store else T.V_LOAD_INDEXED), flags | Flag.INDEXED
    return (T.V_STORE if is_store else T.V_LOAD), flags


def _row(
    name: str, operands: str, fields: int, middle: int, bits: int, is_store: bool, function: str, mask: int = _ALL_BUT_VM,
    *, is_strided: bool = False, is_indexed: bool = False, fixed_vm: bool = False,
) -> Row:  # fmt: skip
    opcode = _STORE if is_store else _LOAD
    match = (fields - 1) << 29 | middle | _WIDTHS[bits] << 12 | opcode | (_VM if fixed_vm else 0)
    data = "vs3" if is_store else "vd"
    vector = VectorForm("store" if is_store else "load", function)
    timing, flags = _access(is_store, is_strided, is_indexed)
    syntax = f"{data}, {operands}" + ("" if fixed_vm else ", vm")
    return Row(name, syntax, match, mask | (_VM if fixed_vm else 0), "V", timing, flags, bits // 8, fields, vector)


def _element_rows(is_store: bool, fields: int, bits: int) -> Iterator[Row]:
    s, seg = "s" if is_store else "l", f"seg{fields}" if fields > 1 else ""
    yield _row(f"v{s}{seg}e{bits}.v", "(rs1)", fields, 0, bits, is_store, "unit")
    if not is_store:
        yield _row(f"vl{seg}e{bits}ff.v", "(rs1)", fields, 16 << 20, bits, is_store, "first")
    yield _row(
        f"v{s}s{seg}e{bits}.v", "(rs1), rs2", fields, 2 << 26, bits, is_store, "strided", _STRIDE_MASK, is_strided=True
    )
    for mop, letter in ((1, "u"), (3, "o")):
        name = f"v{s}{letter}x{seg}ei{bits}.v"
        yield _row(name, "(rs1), vs2", fields, mop << 26, bits, is_store, "indexed", _STRIDE_MASK, is_indexed=True)


def vector_memory_rows() -> Iterator[Row]:
    """All rows of this file."""
    for is_store in (False, True):
        for fields in range(1, 9):
            for bits in _WIDTHS:
                yield from _element_rows(is_store, fields, bits)
    mask_access, whole = 11 << 20, 8 << 20
    yield _row("vlm.v", "(rs1)", 1, mask_access, 8, False, "mask", fixed_vm=True)
    yield _row("vsm.v", "(rs1)", 1, mask_access, 8, True, "mask", fixed_vm=True)
    for count in (1, 2, 4, 8):
        for bits in _WIDTHS:
            yield _row(f"vl{count}re{bits}.v", "(rs1)", count, whole, bits, False, "whole", fixed_vm=True)
        yield _row(f"vs{count}r.v", "(rs1)", count, whole, 8, True, "whole", fixed_vm=True)
