"""Operands of vector instructions: where they lie, whether they are legal, scalars and floats at the operation's width."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter_float import unbox
from workbench.core.interpreter_primitives import get, put, reinterpret
from workbench.core.vector_elements import fill, is_group
from workbench.core.vector_forms import SOURCE_F, SOURCE_IMMEDIATE, SOURCE_VECTOR
from workbench.isa.code import V0

_F32, _I32, _I64 = np.float32(0), np.int32(0), np.int64(0)


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
    if form.source == SOURCE_F and width == 5:
        return np.int64(reinterpret(unbox(value), _I32))
    return value


@inner_kernel
def groups_fit(c: Any, form: Any, machine: Any, writes_mask: int) -> Any:
    """Element widths and register groups of an arithmetic instruction are legal."""
    sew, lmul = machine.sew_log2, machine.lmul_log2
    widest = sew + max(form.dest, form.wide2, form.wide1)
    if widest > 6 or sew + min(form.dest, form.wide2, form.wide1) < 3:
        return False
    if not writes_mask and not is_group(c.rd - V0, lmul + form.dest):
        return False
    if c.rs2 >= V0 and not is_group(c.rs2 - V0, lmul + form.wide2):
        return False
    return form.source != SOURCE_VECTOR or is_group(c.rs1 - V0, lmul + form.wide1)


@inner_kernel
def _widen_floats(source: Any, target: Any, count: int) -> None:
    for i in range(count):
        put(target, i, np.float64(get(source, i, _F32)))


@inner_kernel
def float_operand1(c: Any, form: Any, machine: Any, count: int, width: int) -> Any:
    """Host address of the elements of vs1 or the scalar at the operation's width."""
    sew = machine.sew_log2
    buffer = machine.a
    if form.source == SOURCE_VECTOR:
        if sew == width:
            return place(machine, c.rs1)
        _widen_floats(place(machine, c.rs1), buffer, count)
    elif form.source == SOURCE_F:
        if width == 5:
            fill(buffer, count, unbox(get(machine.registers, np.int64(c.rs1), _I64)))
        elif sew == 5:
            fill(buffer, count, np.float64(unbox(get(machine.registers, np.int64(c.rs1), _I64))))
        else:
            fill(buffer, count, get(machine.registers, np.int64(c.rs1), _I64))
    return buffer


@inner_kernel
def float_operand2(c: Any, form: Any, machine: Any, count: int, width: int) -> Any:
    """Host address of the elements of vs2 at the operation's width."""
    if machine.sew_log2 + form.wide2 == width:
        return place(machine, c.rs2)
    _widen_floats(place(machine, c.rs2), machine.b, count)
    return machine.b
