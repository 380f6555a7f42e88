"""The vector unit: prepares the operands of one vector instruction, calls its kernel family, writes the result back.

V 1.0 with Zvfh, for VLEN 128 to 65536. Tail and inactive elements are left undisturbed (a legal choice for "agnostic", and
QEMU's default). What the manual reserves is an illegal instruction (register groups, element widths, overlaps of the
destination with a source or with the mask, rounding modes, vstart), but for source operands that read one register with
two element widths: these are executed.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.base.jit_units import unit
from workbench.core.interpreter.float_formats import box
from workbench.core.interpreter.primitives import copy_bytes, get, put
from workbench.core.interpreter.state import MACHINE_DTYPE, Status
from workbench.core.vector.convert import convert_elements, gives_float, is_signed_source, takes_float
from workbench.core.vector.elements import (
    expand_mask,
    extend,
    fill,
    is_group,
    narrow_elements,
    vlmax,
    widen,
    write_mask,
)
from workbench.core.vector.floating_point import (
    float_compare_instruction,
    float_instruction,
    modes_are_legal,
    reduce_float_instruction,
)
from workbench.core.vector.forms import FORM_DTYPE, SOURCE_F, SOURCE_VECTOR, group_number
from workbench.core.vector.integer import IS_MOVE, IS_MOVE2, integer_elements
from workbench.core.vector.mask import (
    CPOP,
    FIRST,
    ID,
    SIF,
    XNOR,
    count_mask,
    mask_elements,
    mask_logical,
    reduce_integer_elements,
)
from workbench.core.vector.matrix import matrix_instruction
from workbench.core.vector.memory import vector_access
from workbench.core.vector.operands import are_apart, groups_fit, place, scalar_operand, spares_mask
from workbench.core.vector.permute import (
    COMPRESS,
    GATHER,
    GATHER16,
    MOVE_WHOLE,
    MV_F_S,
    MV_S_X,
    MV_X_S,
    SLIDEUP,
    compress_elements,
    may_overlap,
    permute_elements,
)
from workbench.core.vector.plain import float_in_chunks, integer_in_chunks
from workbench.isa.code import INSTRUCTION_DTYPE, V0, Flag

_ILLEGAL = int(Status.ILLEGAL)
_MASKED, _WRITES_MASK = int(Flag.MASKED), int(Flag.WRITES_MASK)
_I64, _U8 = np.int64(0), np.uint8(0)
_INT, _FLOAT, _FLOAT_COMPARE, _CONVERT = (group_number(n) for n in "int float float_compare convert".split())
_REDUCE_INT, _REDUCE_FLOAT, _MASK, _PERMUTE = (group_number(n) for n in "reduce_int reduce_float mask permute".split())
_LOAD, _STORE, _MATRIX = group_number("load"), group_number("store"), group_number("matrix")


@inner_kernel
def _integer(c: Any, form: Any, machine: Any, masked: int) -> Any:
    sew, count = machine.sew_log2, machine.vl
    writes_mask = c.flags & _WRITES_MASK != 0
    if not groups_fit(c, form, machine, writes_mask) or (form.source == SOURCE_F and not modes_are_legal(machine)):
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
def _convert(c: Any, form: Any, machine: Any, masked: int) -> Any:
    sew, count = machine.sew_log2, machine.vl
    source, target = sew + form.wide2, sew + form.dest
    if not groups_fit(c, form, machine, False) or machine.frm > 4:
        return _ILLEGAL
    if (takes_float(form.function) and source < 4) or (gives_float(form.function) and target < 4):
        return _ILLEGAL
    m = machine
    widen(place(machine, c.rs2), m.b, count, source, is_signed_source(form.function))
    convert_elements(form.function, machine, m.b, m.out, count, source, target, masked)
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
        lmul = np.int64(0) if writes_mask else m.lmul_log2
        if not is_group(c.rd - V0, lmul) or not spares_mask(c):
            return _ILLEGAL
        if function != ID and not are_apart(np.int64(c.rd), lmul, np.int64(c.rs2), 0):
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
    if (form.function == MV_F_S or form.source == SOURCE_F) and not modes_are_legal(m):
        return _ILLEGAL
    if form.function == MV_S_X:
        if m.vstart < m.vl:
            put(m.out, 0, scalar_operand(c, form, machine, m.sew_log2))
            narrow_elements(m.out, place(machine, c.rd), 1, m.sew_log2, False, m.mask)
        return 0
    widen(place(machine, c.rs2), m.out, 1, m.sew_log2, form.function == MV_X_S)
    value = get(m.out, 0, _I64)
    put(machine.registers, np.int64(c.rd), box(value, m.sew_log2) if form.function == MV_F_S else value)
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
    if not is_group(c.rd - V0, lmul) or not is_group(c.rs2 - V0, lmul) or not spares_mask(c):
        return _ILLEGAL
    if form.source == SOURCE_F and not modes_are_legal(m):
        return _ILLEGAL
    if not may_overlap(function) and not are_apart(np.int64(c.rd), lmul, np.int64(c.rs2), lmul):
        return _ILLEGAL
    if function == COMPRESS and not are_apart(np.int64(c.rd), lmul, np.int64(c.rs1), 0):
        return _ILLEGAL
    available = vlmax(machine)
    widen(source, m.b, available, sew, False)
    if function == COMPRESS:
        count = compress_elements(place(machine, c.rs1), m.b, m.out, count)
        narrow_elements(m.out, target, count, sew, False, m.mask)
        return 0
    scalar = np.int64(0)
    if function == GATHER or function == GATHER16:
        width = sew if function == GATHER else np.int64(4)
        index_lmul = lmul + width - sew
        if not is_group(c.rs1 - V0, index_lmul) or not are_apart(np.int64(c.rd), lmul, np.int64(c.rs1), index_lmul):
            return _ILLEGAL
        widen(place(machine, c.rs1), m.a, count, width, False)
    else:
        scalar = scalar_operand(c, form, machine, sew)
    if function == SLIDEUP:
        widen(target, m.out, count, sew, False)
    if count > 0:
        permute_elements(function, m.a, m.b, m.out, count, available, scalar)
    narrow_elements(m.out, target, count, sew, masked, m.mask)
    return 0


@inner_kernel
def _may_resume(c: Any, form: Any) -> Any:
    """Not one of those that trap where vstart is not 0: reductions, mask counts and prefixes, compress, matrices."""
    group, function = form.group, form.function
    if group == _MASK:
        return function <= XNOR or function == ID
    if group == _MATRIX:
        return False
    return group != _REDUCE_INT and group != _REDUCE_FLOAT and not (group == _PERMUTE and function == COMPRESS)


@inner_kernel
def _restores(form: Any) -> Any:
    """Elements before vstart are put back afterwards: v0 is no mask to be cut, or none is used."""
    whole = form.group == _PERMUTE and form.function == MOVE_WHOLE
    return form.uses_v0 != 0 or whole or (form.group == _MASK and form.function <= XNOR)


@inner_kernel
def _begin_at_vstart(c: Any, form: Any, machine: Any, masked: int) -> None:
    """Make the elements before vstart inactive, or keep a copy of the destination."""
    m = machine
    if _restores(form):
        copy_bytes(m.addresses, place(m, c.rd), min(96 - c.rd, 8) * m.vlenb)
        return
    for i in range(m.vl):
        if i < m.vstart:
            put(m.mask, i, np.uint8(0))
        elif not masked:
            put(m.mask, i, np.uint8(1))


@inner_kernel
def _put_back(c: Any, machine: Any) -> None:
    """The elements before vstart of the destination from the copy."""
    m = machine
    target = place(m, c.rd)
    if c.flags & _WRITES_MASK:
        for i in range(m.vstart):
            at, bit = i >> 3, np.uint8(1 << (i & 7))
            put(target, at, np.uint8(get(target, at, _U8) & ~bit | get(m.addresses, at, _U8) & bit))
    else:
        copy_bytes(target, m.addresses, min(m.vstart << (m.sew_log2 - 3), min(96 - c.rd, 8) * m.vlenb))


@inner_kernel
def _dispatch(group: int, c: Any, form: Any, machine: Any, masked: int) -> Any:
    if group == _FLOAT:
        return float_instruction(c, form, machine, masked)
    elif group == _INT:
        return _integer(c, form, machine, masked)
    elif group == _PERMUTE:
        return _permute(c, form, machine, masked)
    elif group == _FLOAT_COMPARE:
        return float_compare_instruction(c, form, machine, masked)
    elif group == _CONVERT:
        return _convert(c, form, machine, masked)
    elif group == _REDUCE_INT:
        return _reduce_integer(c, form, machine, masked)
    elif group == _REDUCE_FLOAT:
        return reduce_float_instruction(c, form, machine, masked)
    elif group == _MATRIX:
        return matrix_instruction(c, form, machine)
    return _mask(c, form, machine, masked)


@unit(INSTRUCTION_DTYPE, FORM_DTYPE, MACHINE_DTYPE)
def execute_vector(c: Any, form: Any, machine: Any) -> Any:
    """Execute one vector instruction (not vset*) from element vstart on; a status, 0 if all is well."""
    m = machine
    group = form.group
    masked = False
    if c.flags & _MASKED == 0 and m.vstart == 0 and m.vtype >= 0 and (group == _FLOAT or group == _INT):
        if float_in_chunks(c, form, m) if group == _FLOAT else integer_in_chunks(c, form, m):
            m.address = 0
            m.stride = 0
            return 0
    if c.flags & _MASKED:
        expand_mask(m.vector, m.mask, m.vl)
        masked = form.uses_v0 == 0
    if group == _LOAD or group == _STORE:
        outcome = vector_access(c, form, m, group == _STORE, masked)
    else:
        m.address = 0
        m.stride = 0
        if m.vtype < 0:
            return _ILLEGAL
        resumes = m.vstart != 0
        if resumes:
            if not _may_resume(c, form):
                return _ILLEGAL
            _begin_at_vstart(c, form, m, masked)
            masked = masked or not _restores(form)
        outcome = _dispatch(group, c, form, m, masked)
        if resumes and outcome == 0 and _restores(form):
            _put_back(c, m)
    if outcome == 0:
        m.vstart = 0
    return outcome
