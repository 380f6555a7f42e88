"""The vector unit: prepares the operands of one vector instruction, calls its kernel family, writes the result back.

V 1.0 without half precision, for VLEN 128 to 65536. Tail and inactive elements are left undisturbed (a legal choice for
"agnostic", and QEMU's default). vstart is always 0. Of the reserved encodings, wrong register groups and element widths
are illegal instructions; overlaps of source and destination groups that the manual reserves are executed.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter_primitives import copy_bytes, get, put
from workbench.core.interpreter_state import BOX, Status
from workbench.core.vector_convert import convert_elements, gives_float, is_signed_source, takes_float
from workbench.core.vector_elements import (
    copy_elements,
    expand_mask,
    extend,
    fill,
    is_group,
    narrow_elements,
    vlmax,
    widen,
    write_mask,
)
from workbench.core.vector_estimate import estimate_elements
from workbench.core.vector_float import (
    FIRST_MULTIPLY_ADD,
    REC7,
    RSQRT7,
    SGNJ,
    SGNJX,
    float_compare_elements,
    float_elements,
    multiply_add_elements,
    reduce_float_elements,
    sign_elements,
)
from workbench.core.vector_forms import SOURCE_F, SOURCE_VECTOR, group_number
from workbench.core.vector_integer import IS_MOVE, IS_MOVE2, integer_elements
from workbench.core.vector_mask import (
    CPOP,
    FIRST,
    SIF,
    XNOR,
    count_mask,
    mask_elements,
    mask_logical,
    reduce_integer_elements,
)
from workbench.core.vector_memory import vector_access
from workbench.core.vector_operands import float_operand1, float_operand2, groups_fit, place, scalar_operand
from workbench.core.vector_permute import (
    COMPRESS,
    GATHER,
    GATHER16,
    MOVE_WHOLE,
    MV_F_S,
    MV_S_X,
    MV_X_S,
    SLIDEUP,
    compress_elements,
    permute_elements,
)
from workbench.isa.code import V0, Flag

_ILLEGAL = int(Status.ILLEGAL)
_MASKED, _WRITES_MASK = int(Flag.MASKED), int(Flag.WRITES_MASK)
_F32, _F64, _I32, _I64 = np.float32(0), np.float64(0), np.int32(0), np.int64(0)
_INT, _FLOAT, _FLOAT_COMPARE, _CONVERT = (group_number(n) for n in "int float float_compare convert".split())
_REDUCE_INT, _REDUCE_FLOAT, _MASK, _PERMUTE = (group_number(n) for n in "reduce_int reduce_float mask permute".split())
_LOAD, _STORE = group_number("load"), group_number("store")


@inner_kernel
def _integer(c: Any, form: Any, machine: Any, masked: int) -> Any:
    sew, count = machine.sew_log2, machine.vl
    writes_mask = c.flags & _WRITES_MASK != 0
    if not groups_fit(c, form, machine, writes_mask) or (form.source == SOURCE_F and sew < 5):
        return _ILLEGAL
    if count == 0:
        return 0
    m = machine
    a, b, out = m.a, m.b, m.out
    if form.source == SOURCE_VECTOR:
        widen(place(machine, c.rs1), a, count, sew + form.wide1, form.signed1)
    elif form.source != 0:
        fill(a, count, extend(scalar_operand(c, form, machine, sew), sew, form.signed1))
    if c.rs2 >= V0:
        widen(place(machine, c.rs2), b, count, sew + form.wide2, form.signed2)
    target, width = place(machine, c.rd), sew + form.dest
    if form.reads_vd:
        widen(target, m.d, count, width, True)
    if form.function == IS_MOVE:
        out = a
    elif form.function == IS_MOVE2:
        out = b
    else:
        shift_mask = (np.int64(1) << (sew + form.wide2)) - 1
        bits = np.int64(1) << sew
        integer_elements(form.function, machine, a, b, m.d, out, count, bits, shift_mask, form.uses_v0, masked)
    if writes_mask:
        write_mask(out, target, count, masked, m.mask)
    else:
        narrow_elements(out, target, count, width, masked, m.mask)
    return 0


@inner_kernel
def _float(c: Any, form: Any, machine: Any, masked: int) -> Any:
    sew, count = machine.sew_log2, machine.vl
    if sew < 5 or not groups_fit(c, form, machine, False):
        return _ILLEGAL
    if count == 0:
        return 0
    if machine.frm != 0:
        machine.ignored_rounding = 1
    width = sew + form.dest
    mask = machine.mask
    a = float_operand1(c, form, machine, count, width)
    b = float_operand2(c, form, machine, count, width)
    target = place(machine, c.rd)
    direct = not masked and c.rd != c.rs2 and c.rd != c.rs1
    function = form.function
    if function >= FIRST_MULTIPLY_ADD:
        d = target
        if not direct:
            d = machine.d
            copy_bytes(d, target, count << (width - 3))
        if width == 5:
            multiply_add_elements(function, a, b, d, count, _F32)
        else:
            multiply_add_elements(function, a, b, d, count, _F64)
        if not direct:
            copy_elements(d, target, count, width, masked, mask)
        return 0
    out = target if direct else machine.out
    if SGNJ <= function <= SGNJX:
        sign_elements(function, a, b, out, count, width)
    elif function == REC7 or function == RSQRT7:
        estimate_elements(function == RSQRT7, b, out, count, width)
    elif width == 5:
        float_elements(function, a, b, out, count, _F32)
    else:
        float_elements(function, a, b, out, count, _F64)
    if not direct:
        copy_elements(out, target, count, width, masked, mask)
    return 0


@inner_kernel
def _float_compare(c: Any, form: Any, machine: Any, masked: int) -> Any:
    sew, count = machine.sew_log2, machine.vl
    if sew < 5 or not groups_fit(c, form, machine, True):
        return _ILLEGAL
    a = float_operand1(c, form, machine, count, sew)
    b = place(machine, c.rs2)
    if sew == 5:
        float_compare_elements(form.function, a, b, machine.out, count, _F32)
    else:
        float_compare_elements(form.function, a, b, machine.out, count, _F64)
    write_mask(machine.out, place(machine, c.rd), count, masked, machine.mask)
    return 0


@inner_kernel
def _convert(c: Any, form: Any, machine: Any, masked: int) -> Any:
    sew, count = machine.sew_log2, machine.vl
    source, target = sew + form.wide2, sew + form.dest
    if not groups_fit(c, form, machine, False):
        return _ILLEGAL
    if (takes_float(form.function) and source < 5) or (gives_float(form.function) and target < 5):
        return _ILLEGAL
    m = machine
    widen(place(machine, c.rs2), m.b, count, source, is_signed_source(form.function))
    convert_elements(form.function, machine, m.b, m.out, count, 1 << source, 1 << target, masked)
    narrow_elements(m.out, place(machine, c.rd), count, target, masked, m.mask)
    return 0


@inner_kernel
def _reduce_integer(c: Any, form: Any, machine: Any, masked: int) -> Any:
    m = machine
    width = m.sew_log2 + form.dest
    if width > 6 or not is_group(c.rs2 - V0, m.lmul_log2):
        return _ILLEGAL
    if m.vl > 0:
        widen(place(machine, c.rs2), m.b, m.vl, m.sew_log2, form.signed2)
        widen(place(machine, c.rs1), m.a, 1, width, form.signed1)
        put(m.out, 0, reduce_integer_elements(form.function, m.b, get(m.a, 0, _I64), m.vl, masked, m.mask))
        narrow_elements(m.out, place(machine, c.rd), 1, width, False, m.mask)
    return 0


@inner_kernel
def _reduce_float(c: Any, form: Any, machine: Any, masked: int) -> Any:
    m = machine
    width, count = m.sew_log2 + form.dest, m.vl
    if m.sew_log2 < 5 or width > 6 or not is_group(c.rs2 - V0, m.lmul_log2):
        return _ILLEGAL
    if count > 0:
        b = float_operand2(c, form, machine, count, width)
        start, target = place(machine, c.rs1), place(machine, c.rd)
        if width == 5:
            put(target, 0, reduce_float_elements(form.function, b, get(start, 0, _F32), count, masked, m.mask, _F32))
        else:
            put(target, 0, reduce_float_elements(form.function, b, get(start, 0, _F64), count, masked, m.mask, _F64))
    return 0


@inner_kernel
def _mask(c: Any, form: Any, machine: Any, masked: int) -> Any:
    m = machine
    function, count = form.function, m.vl
    source = place(machine, c.rs2) if c.rs2 >= V0 else m.vector
    if function <= XNOR:
        mask_logical(function, source, place(machine, c.rs1), place(machine, c.rd), count)
    elif function == CPOP or function == FIRST:
        put(machine.registers, np.int64(c.rd), count_mask(source, count, masked, m.mask, function == FIRST))
    else:
        writes_mask = function <= SIF
        if not writes_mask and not is_group(c.rd - V0, m.lmul_log2):
            return _ILLEGAL
        mask_elements(function, source, m.out, count, masked, m.mask)
        if writes_mask:
            write_mask(m.out, place(machine, c.rd), count, masked, m.mask)
        else:
            narrow_elements(m.out, place(machine, c.rd), count, m.sew_log2, masked, m.mask)
    return 0


@inner_kernel
def _move_scalar(c: Any, form: Any, machine: Any) -> Any:
    """vmv.x.s, vfmv.f.s, vmv.s.x, vfmv.s.f."""
    m = machine
    if (form.function == MV_F_S or form.source == SOURCE_F) and m.sew_log2 < 5:
        return _ILLEGAL
    if form.function == MV_S_X:
        if m.vl > 0:
            put(m.out, 0, scalar_operand(c, form, machine, m.sew_log2))
            narrow_elements(m.out, place(machine, c.rd), 1, m.sew_log2, False, m.mask)
        return 0
    widen(place(machine, c.rs2), m.out, 1, m.sew_log2, True)
    value = get(m.out, 0, _I64)
    if form.function == MV_F_S and m.sew_log2 == 5:
        value = value & 0xFFFFFFFF | BOX
    put(machine.registers, np.int64(c.rd), value)
    return 0


@inner_kernel
def _permute(c: Any, form: Any, machine: Any, masked: int) -> Any:
    m = machine
    function, sew, lmul, count = form.function, m.sew_log2, m.lmul_log2, m.vl
    if function == MV_X_S or function == MV_S_X or function == MV_F_S:
        return _move_scalar(c, form, machine)
    target, source = place(machine, c.rd), place(machine, c.rs2)
    if function == MOVE_WHOLE:
        moved = np.int64(c.raw >> 15 & 31) + 1
        if (c.rd - V0) % moved != 0 or (c.rs2 - V0) % moved != 0:
            return _ILLEGAL
        copy_bytes(target, source, moved * m.vlenb)
        return 0
    if not is_group(c.rd - V0, lmul) or not is_group(c.rs2 - V0, lmul) or (form.source == SOURCE_F and sew < 5):
        return _ILLEGAL
    if count == 0:
        return 0
    available = vlmax(machine)
    widen(source, m.b, available, sew, False)
    if function == COMPRESS:
        count = compress_elements(place(machine, c.rs1), m.b, m.out, count)
        narrow_elements(m.out, target, count, sew, False, m.mask)
        return 0
    scalar = np.int64(0)
    if function == GATHER or function == GATHER16:
        width = sew if function == GATHER else np.int64(4)
        if not is_group(c.rs1 - V0, lmul + width - sew):
            return _ILLEGAL
        widen(place(machine, c.rs1), m.a, count, width, False)
    else:
        scalar = scalar_operand(c, form, machine, sew)
    if function == SLIDEUP:
        widen(target, m.out, count, sew, False)
    permute_elements(function, m.a, m.b, m.out, count, available, scalar)
    narrow_elements(m.out, target, count, sew, masked, m.mask)
    return 0


@inner_kernel
def execute_vector(c: Any, form: Any, machine: Any) -> Any:
    """Execute one vector instruction (not vset*); a status, 0 if all is well."""
    group = form.group
    masked = False
    if c.flags & _MASKED:
        expand_mask(machine.vector, machine.mask, machine.vl)
        masked = form.uses_v0 == 0
    if group == _LOAD or group == _STORE:
        return vector_access(c, form, machine, group == _STORE, masked)
    machine.address = 0
    machine.stride = 0
    if machine.vtype < 0:
        return _ILLEGAL
    if group == _FLOAT:
        return _float(c, form, machine, masked)
    elif group == _INT:
        return _integer(c, form, machine, masked)
    elif group == _PERMUTE:
        return _permute(c, form, machine, masked)
    elif group == _FLOAT_COMPARE:
        return _float_compare(c, form, machine, masked)
    elif group == _CONVERT:
        return _convert(c, form, machine, masked)
    elif group == _REDUCE_INT:
        return _reduce_integer(c, form, machine, masked)
    elif group == _REDUCE_FLOAT:
        return _reduce_float(c, form, machine, masked)
    return _mask(c, form, machine, masked)
