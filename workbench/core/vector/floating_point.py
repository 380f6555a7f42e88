"""Floating-point instructions of the vector unit: arithmetic, comparisons, reductions, for halves, singles and doubles.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", "Vector Floating-Point Instructions".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import copy_bytes, get, put
from workbench.core.interpreter.state import INEXACT, Status
from workbench.core.vector.elements import copy_elements, fill, is_group, write_mask
from workbench.core.vector.estimate import estimate_elements
from workbench.core.vector.float_elements import (
    DIV,
    FIRST_MULTIPLY_ADD,
    MACC,
    MAX,
    MIN,
    MSAC,
    MUL,
    NMACC,
    NMSAC,
    RDIV,
    REC7,
    REDUCE_SUM,
    RSQRT7,
    SGNJ,
    SGNJX,
    float_compare_elements,
    float_elements,
    multiply_add_elements,
    narrow_to_halves,
    reduce_float_elements,
    sign_elements,
    widen_floats,
)
from workbench.core.vector.float_flags import (
    all_exact,
    any_unordered,
    looks_unusual,
    pattern_at,
    put_pattern,
    reduce_patterns,
    settle_comparison,
    settle_elements,
)
from workbench.core.vector.forms import SOURCE_VECTOR
from workbench.core.vector.operands import float_operand1, float_operand2, groups_fit, place, scalar_operand

_ILLEGAL = int(Status.ILLEGAL)
_F32, _F64 = np.float32(0), np.float64(0)
_LEAST32, _LEAST64 = np.float32(2.0**-125), 2.0**-1021  # twice the smallest normal number
_GREATEST16, _GREATEST32 = 65504.0, np.float32(3.4028234663852886e38)
_GREATEST64 = 1.7976931348623157e308


@inner_kernel
def modes_are_legal(machine: Any) -> Any:
    """The type has floats of that width and frm is a rounding mode."""
    return machine.sew_log2 >= 4 and machine.frm <= 4


@inner_kernel
def _is_unusual(function: int, a: Any, b: Any, d: Any, out: Any, count: int, width: int, sew: int) -> Any:
    """The host's results may have raised a flag besides inexact; all operands of the width that was computed in."""
    x, y = out, out
    can_underflow = False
    if width == sew and width > 4:  # wider results of narrow factors do not underflow, nor do sums and roots
        if function == MUL:
            x, y, can_underflow = a, b, True
        elif function == DIV:
            x, y, can_underflow = b, b, True
        elif function == RDIV:
            x, y, can_underflow = a, a, True
        elif function >= FIRST_MULTIPLY_ADD:
            accumulates = function == MACC or function == NMACC or function == MSAC or function == NMSAC
            x, y, can_underflow = a, b if accumulates else d, True
    if width == 5:
        return looks_unusual(out, x, y, count, _LEAST32 if can_underflow else _F32, _GREATEST32, _F32)
    least = 2.0**-13 if width == 4 else _LEAST64 if can_underflow else 0.0
    return looks_unusual(out, x, y, count, least, _GREATEST16 if width == 4 else _GREATEST64, _F64)


@inner_kernel
def _compute(function: int, a: Any, b: Any, out: Any, saved: Any, count: int, is_single: int) -> None:
    """The host's results; multiply-adds in place, with the old destination left at `saved`."""
    if function >= FIRST_MULTIPLY_ADD:
        if is_single:
            multiply_add_elements(function, a, b, out, saved, count, _F32)
        else:
            multiply_add_elements(function, a, b, out, saved, count, _F64)
    elif is_single:
        float_elements(function, a, b, out, count, _F32)
    else:
        float_elements(function, a, b, out, count, _F64)


@inner_kernel
def _arithmetic(c: Any, form: Any, machine: Any, masked: int) -> None:
    m = machine
    sew, count, function = m.sew_log2, m.vl, form.function
    width = sew + form.dest
    calculated = max(width, 5) if width != 4 else np.int64(6)
    target, source2 = place(m, c.rd), place(m, c.rs2)
    adds = function >= FIRST_MULTIPLY_ADD
    source1, step = (place(m, c.rs1), 1) if form.source == SOURCE_VECTOR else (m.scalar, 0)
    a = float_operand1(c, form, m, count, calculated)
    b = float_operand2(c, form, m, count, calculated)
    is_nearest = m.frm == 0
    direct = is_nearest and not masked and sew == calculated and c.rd != c.rs2 and c.rd != c.rs1
    out = target if direct else m.out
    result, addend = out, m.d if direct else target
    is_settled = False
    if is_nearest:
        if adds and not direct:
            if width == calculated:
                copy_bytes(out, target, count << (width - 3))
            else:
                widen_floats(target, out, count, width, calculated)
        _compute(function, a, b, out, m.d, count, calculated == 5)
        if function == MIN or function == MAX:
            unordered = any_unordered(a, b, count, _F32) if calculated == 5 else any_unordered(a, b, count, _F64)
            is_settled = not unordered
        elif m.fflags & INEXACT:
            is_settled = not _is_unusual(function, a, b, m.d, out, count, width, sew)
        elif width > 4:
            is_settled = all_exact(function, a, b, m.d, out, count, calculated == 5)
        if width == 4:  # last: an operand may lie in m.a
            result = m.a
            narrow_to_halves(out, result, count)
    if not is_settled:
        settle_elements(function, m, source1, step, source2, addend, result, count, sew, sew + form.wide2, width, masked)
    if not direct:
        copy_elements(result, target, count, width, masked, m.mask)


@inner_kernel
def float_instruction(c: Any, form: Any, machine: Any, masked: int) -> Any:
    """Arithmetic, minimum, sign injection, estimates; a status."""
    m = machine
    if not modes_are_legal(m) or not groups_fit(c, form, m, False):
        return _ILLEGAL
    count, function, sew = m.vl, form.function, m.sew_log2
    if count == 0:
        return 0
    if SGNJ <= function <= SGNJX:
        a = m.a
        if form.source == SOURCE_VECTOR:
            a = place(m, c.rs1)
        else:
            pattern = scalar_operand(c, form, m, sew)
            if sew == 6:
                fill(a, count, pattern)
            elif sew == 5:
                fill(a, count, np.int32(pattern))
            else:
                fill(a, count, np.int16(pattern))
        sign_elements(function, a, place(m, c.rs2), m.out, count, sew)
        copy_elements(m.out, place(m, c.rd), count, sew, masked, m.mask)
    elif function == REC7 or function == RSQRT7:
        estimate_elements(function == RSQRT7, m, place(m, c.rs2), m.out, count, sew, masked)
        copy_elements(m.out, place(m, c.rd), count, sew, masked, m.mask)
    else:
        _arithmetic(c, form, m, masked)
    return 0


@inner_kernel
def float_compare_instruction(c: Any, form: Any, machine: Any, masked: int) -> Any:
    """Comparisons into a mask; a status."""
    m = machine
    sew, count = m.sew_log2, m.vl
    if not modes_are_legal(m) or not groups_fit(c, form, m, True):
        return _ILLEGAL
    width = max(sew, 5)
    a = float_operand1(c, form, m, count, width)
    b = float_operand2(c, form, m, count, width)
    if width == 5:
        float_compare_elements(form.function, a, b, m.out, count, _F32)
        unordered = any_unordered(a, b, count, _F32)
    else:
        float_compare_elements(form.function, a, b, m.out, count, _F64)
        unordered = any_unordered(a, b, count, _F64)
    if unordered:
        source, step = (place(m, c.rs1), 1) if form.source == SOURCE_VECTOR else (m.scalar, 0)
        settle_comparison(form.function, m, source, step, place(m, c.rs2), count, sew, masked)
    write_mask(m.out, place(m, c.rd), count, masked, m.mask)
    return 0


@inner_kernel
def _reduced(function: int, machine: Any, b: Any, start: Any, count: int, masked: int, greatest: Any, kind: Any) -> Any:
    """(the host's reduction, whether it raised no flag that is not set already)."""
    total = reduce_float_elements(function, b, start, count, masked, machine.mask, kind)
    if function == REDUCE_SUM:
        return total, machine.fflags & INEXACT != 0 and abs(total) <= greatest
    return total, start == start and not any_unordered(b, b, count, kind)


@inner_kernel
def reduce_float_instruction(c: Any, form: Any, machine: Any, masked: int) -> Any:
    """Reductions to element 0 of vd; a status. The unordered sum is done in order too."""
    m = machine
    sew, count, function = m.sew_log2, m.vl, form.function
    width = sew + form.dest
    if not modes_are_legal(m) or width > 6 or not is_group(c.rs2 - 64, m.lmul_log2):
        return _ILLEGAL
    if count == 0:
        return 0
    start, target = place(m, c.rs1), place(m, c.rd)
    if m.frm == 0 and width > 4:
        b = float_operand2(c, form, m, count, width)
        if width == 5:
            single, is_good = _reduced(function, m, b, get(start, 0, _F32), count, masked, _GREATEST32, _F32)
            if is_good:
                put(target, 0, single)
                return 0
        else:
            double, is_good = _reduced(function, m, b, get(start, 0, _F64), count, masked, _GREATEST64, _F64)
            if is_good:
                put(target, 0, double)
                return 0
    pattern = reduce_patterns(function, m, place(m, c.rs2), pattern_at(start, 0, width), count, sew, width, masked)
    put_pattern(target, 0, pattern, width)
    return 0
