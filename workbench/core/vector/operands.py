"""Operands of vector instructions: where they lie, which register groups are legal, scalars at the operation's width.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", "Vector Operands" and "Vector Masking".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.float_formats import unbox, value_of
from workbench.core.interpreter.primitives import get, put
from workbench.core.vector.elements import fill, is_group
from workbench.core.vector.float_elements import widen_floats
from workbench.core.vector.forms import SOURCE_F, SOURCE_IMMEDIATE, SOURCE_VECTOR
from workbench.isa.code import V0, Flag

_I64 = np.int64(0)
_MASKED = int(Flag.MASKED)


@inner_kernel
def place(machine: Any, register: int) -> Any:
    """Host address of a vector register given by its unified number."""
    return machine.vector + (np.int64(register) - V0) * machine.vlenb


@inner_kernel
def scalar_operand(c: Any, form: Any, machine: Any, width: int) -> Any:
    """The scalar operand as a bit pattern of 2**width bits (float registers unboxed)."""
    if form.source == SOURCE_IMMEDIATE:
        return c.imm
    value = get(machine.registers, np.int64(c.rs1), _I64)
    return unbox(value, width) if form.source == SOURCE_F else value


@inner_kernel
def overlap_is_legal(target: int, lmul: int, width: int, source: int, source_lmul: int, source_width: int) -> Any:
    """A destination group may share registers with a source group; widths and sizes as log2, numbers from the same base.

    Groups of one element width may; a narrower destination only with the lowest part of the source, a wider one only if
    the source is its highest part and no fraction of a register.
    """
    size, source_size = np.int64(1) << max(lmul, 0), np.int64(1) << max(source_lmul, 0)
    if width == source_width or target + size <= source or source + source_size <= target:
        return True
    if width < source_width:
        return target == source
    return source_lmul >= 0 and source + source_size == target + size


@inner_kernel
def are_apart(target: int, lmul: int, source: int, source_lmul: int) -> Any:
    """Two register groups share no register."""
    return target + (np.int64(1) << max(lmul, 0)) <= source or source + (np.int64(1) << max(source_lmul, 0)) <= target


@inner_kernel
def spares_mask(c: Any) -> Any:
    """The destination is not v0 while v0 masks the instruction (a group that holds v0 begins there)."""
    return c.rd != V0 or c.flags & _MASKED == 0


@inner_kernel
def groups_fit(c: Any, form: Any, machine: Any, writes_mask: int) -> Any:
    """Element widths, register groups and their overlaps are legal for an arithmetic instruction."""
    sew, lmul = machine.sew_log2, machine.lmul_log2
    widest = sew + max(form.dest, form.wide2, form.wide1)
    if widest > 6 or sew + min(form.dest, form.wide2, form.wide1) < 3:
        return False
    target, target_lmul, width = np.int64(c.rd), lmul + form.dest, sew + form.dest
    if writes_mask:
        target_lmul, width = np.int64(0), np.int64(0)
    elif not is_group(target - V0, target_lmul) or not spares_mask(c):
        return False
    if c.rs2 >= V0:
        if not is_group(c.rs2 - V0, lmul + form.wide2):
            return False
        if not overlap_is_legal(target, target_lmul, width, np.int64(c.rs2), lmul + form.wide2, sew + form.wide2):
            return False
    if form.source != SOURCE_VECTOR:
        return True
    fits = is_group(c.rs1 - V0, lmul + form.wide1)
    return fits and overlap_is_legal(target, target_lmul, width, np.int64(c.rs1), lmul + form.wide1, sew + form.wide1)


@inner_kernel
def float_operand1(c: Any, form: Any, machine: Any, count: int, width: int) -> Any:
    """Host address of the elements of vs1 or the scalar as floats of 2**width bits (5 or 6).

    The scalar's pattern of SEW bits is left at ``machine.scalar``.
    """
    sew = machine.sew_log2
    buffer = machine.a
    if form.source == SOURCE_VECTOR:
        if sew == width:
            return place(machine, c.rs1)
        widen_floats(place(machine, c.rs1), buffer, count, sew, width)
    elif form.source == SOURCE_F:
        pattern = unbox(get(machine.registers, np.int64(c.rs1), _I64), sew)
        put(machine.scalar, 0, pattern)
        if sew == 6:
            fill(buffer, count, pattern)
        elif width == sew:
            fill(buffer, count, np.int32(pattern))
        elif width == 5:
            fill(buffer, count, np.float32(value_of(pattern, sew)))
        else:
            fill(buffer, count, value_of(pattern, sew))
    return buffer


@inner_kernel
def float_operand2(c: Any, form: Any, machine: Any, count: int, width: int) -> Any:
    """Host address of the elements of vs2 as floats of 2**width bits (5 or 6)."""
    here = machine.sew_log2 + form.wide2
    if here == width:
        return place(machine, c.rs2)
    widen_floats(place(machine, c.rs2), machine.b, count, here, width)
    return machine.b
