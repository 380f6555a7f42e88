"""The short way for most vector arithmetic: unmasked, all operands of one width, from element 0 on, in chunks of 32 bytes.

What it does not know, or is in doubt about (a flag besides inexact, a NaN), it leaves to `vector.floating_point` and
`vector.integer`, with the destination as it was.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel, intrinsic
from workbench.base.jit_simd import as_integers, chunk_operation, constant, fill_chunk, is_lost, multiply_add, not_within
from workbench.core.interpreter.float_formats import unbox
from workbench.core.interpreter.primitives import copy_bytes, get
from workbench.core.interpreter.state import INEXACT
from workbench.core.vector import float_elements as F
from workbench.core.vector.forms import SOURCE_F, SOURCE_IMMEDIATE, SOURCE_NONE, SOURCE_VECTOR, function_number
from workbench.core.vector.operands import place

_I8, _I16, _I32, _I64 = np.int8(0), np.int16(0), np.int32(0), np.int64(0)
_F32, _F64 = np.float32(0), np.float64(0)
_LEAST = {8: 2.0**-125, 4: 2.0**-1021}  # by lanes of a chunk: twice the smallest normal number
_GREATEST = {8: 3.4028234663852886e38, 4: 1.7976931348623157e308}
_fill = intrinsic(fill_chunk)


def _numbers(names: str) -> tuple[int, ...]:
    return tuple(function_number("int", name) for name in names.split())


_ADD, _SUB, _RSUB, _AND, _OR, _XOR, _MUL = _numbers("add sub rsub and or xor mul")
_MACC, _NMSAC, _MIN, _MAX, _MINU, _MAXU = _numbers("macc nmsac min max minu maxu")


def _canonical(builder: Any, value: Any) -> Any:
    """NaNs become the canonical one."""
    is_number = builder.fcmp_ordered("ord", value, value)
    return builder.select(is_number, value, constant(float("nan"), value.type))


def _is_beyond(builder: Any, value: Any) -> Any:
    return not_within(builder, value, _GREATEST[value.type.count])


def _sum(compute: Any) -> Any:
    return chunk_operation(
        lambda builder, a, b, d: _canonical(builder, compute(builder, a, b)),
        lambda builder, a, b, d, result: _is_beyond(builder, result),
    )


def _product(compute: Any, factors: Any) -> Any:
    def is_doubtful(builder: Any, a: Any, b: Any, d: Any, result: Any) -> Any:
        lost = is_lost(builder, result, factors(a, b, d), _LEAST[result.type.count])
        return builder.or_(_is_beyond(builder, result), lost)

    return chunk_operation(lambda builder, a, b, d: _canonical(builder, compute(builder, a, b, d)), is_doubtful)


def _multiply_add(negates_product: bool, negates_addend: bool, accumulates: bool) -> Any:
    def compute(builder: Any, a: Any, b: Any, d: Any) -> Any:
        factor, addend = (b, d) if accumulates else (d, b)
        first = builder.fneg(a) if negates_product else a
        return multiply_add(builder, first, factor, builder.fneg(addend) if negates_addend else addend)

    return _product(compute, lambda a, b, d: (a, b if accumulates else d))


def _extreme(sign: str) -> Any:
    """The larger (">") or smaller of two numbers; -0 is smaller than +0."""

    def compute(builder: Any, a: Any, b: Any, d: Any) -> Any:
        x, y = as_integers(builder, b), as_integers(builder, a)
        same = builder.bitcast(builder.and_(x, y) if sign == ">" else builder.or_(x, y), a.type)
        other = builder.select(builder.fcmp_ordered(sign, a, b), a, same)
        return builder.select(builder.fcmp_ordered(sign, b, a), b, other)

    return chunk_operation(compute, lambda builder, a, b, d, result: builder.fcmp_unordered("uno", a, b))


_float_add = _sum(lambda builder, a, b: builder.fadd(b, a))
_float_subtract = _sum(lambda builder, a, b: builder.fsub(b, a))
_float_reverse = _sum(lambda builder, a, b: builder.fsub(a, b))
_float_multiply = _product(lambda builder, a, b, d: builder.fmul(b, a), lambda a, b, d: (a, b))
_float_macc, _float_nmsac = _multiply_add(False, False, True), _multiply_add(True, False, True)
_float_madd, _float_msac = _multiply_add(False, False, False), _multiply_add(False, True, True)
_float_minimum, _float_maximum = _extreme("<"), _extreme(">")


def _integer(compute: Any) -> Any:
    return chunk_operation(compute)


def _select(compare: str, sign: str) -> Any:
    return _integer(lambda builder, a, b, d: builder.select(getattr(builder, compare)(sign, b, a), b, a))


_integer_add = _integer(lambda builder, a, b, d: builder.add(b, a))
_integer_subtract = _integer(lambda builder, a, b, d: builder.sub(b, a))
_integer_reverse = _integer(lambda builder, a, b, d: builder.sub(a, b))
_integer_and = _integer(lambda builder, a, b, d: builder.and_(b, a))
_integer_or = _integer(lambda builder, a, b, d: builder.or_(b, a))
_integer_xor = _integer(lambda builder, a, b, d: builder.xor(b, a))
_integer_multiply = _integer(lambda builder, a, b, d: builder.mul(b, a))
_integer_macc = _integer(lambda builder, a, b, d: builder.add(d, builder.mul(b, a)))
_integer_nmsac = _integer(lambda builder, a, b, d: builder.sub(d, builder.mul(b, a)))
_integer_minimum, _integer_maximum = _select("icmp_signed", "<"), _select("icmp_signed", ">")
_integer_minimum_u, _integer_maximum_u = _select("icmp_unsigned", "<"), _select("icmp_unsigned", ">")


@inner_kernel
def _groups_are_aligned(c: Any, form: Any, machine: Any) -> Any:
    """All operands begin where a register group of the present type may."""
    if machine.lmul_log2 <= 0:
        return True
    registers = np.int64(c.rd) | np.int64(c.rs2)
    if form.source == SOURCE_VECTOR:
        registers |= np.int64(c.rs1)
    return registers & ((np.int64(1) << machine.lmul_log2) - 1) == 0


@inner_kernel
def _float_chunks(
    function: int, target: Any, a: Any, step: int, b: Any, saved: Any, count: int, lanes: int, kind: Any
) -> Any:
    """Bits of doubtful results, -1 for a function that is not among these."""
    bits = np.int64(0)
    if function == F.MACC:
        for at in range(0, count, lanes):
            bits |= _float_macc(target, a, step, b, saved, at, count - at, kind)
    elif function == F.MUL:
        for at in range(0, count, lanes):
            bits |= _float_multiply(target, a, step, b, saved, at, count - at, kind)
    elif function == F.ADD:
        for at in range(0, count, lanes):
            bits |= _float_add(target, a, step, b, saved, at, count - at, kind)
    elif function == F.MAX:
        for at in range(0, count, lanes):
            bits |= _float_maximum(target, a, step, b, saved, at, count - at, kind)
    elif function == F.MIN:
        for at in range(0, count, lanes):
            bits |= _float_minimum(target, a, step, b, saved, at, count - at, kind)
    elif function == F.SUB:
        for at in range(0, count, lanes):
            bits |= _float_subtract(target, a, step, b, saved, at, count - at, kind)
    elif function == F.RSUB:
        for at in range(0, count, lanes):
            bits |= _float_reverse(target, a, step, b, saved, at, count - at, kind)
    elif function == F.MADD:
        for at in range(0, count, lanes):
            bits |= _float_madd(target, a, step, b, saved, at, count - at, kind)
    elif function == F.NMSAC:
        for at in range(0, count, lanes):
            bits |= _float_nmsac(target, a, step, b, saved, at, count - at, kind)
    elif function == F.MSAC:
        for at in range(0, count, lanes):
            bits |= _float_msac(target, a, step, b, saved, at, count - at, kind)
    else:
        bits = np.int64(-1)
    return bits


@inner_kernel
def float_in_chunks(c: Any, form: Any, machine: Any) -> Any:
    """Execute a floating-point instruction of singles or doubles; False, with nothing changed, if that is not for here."""
    m = machine
    sew, function = m.sew_log2, form.function
    if sew < 5 or m.frm != 0 or form.dest != 0 or form.wide2 != 0 or not _groups_are_aligned(c, form, m):
        return False
    if m.fflags & INEXACT == 0 and function != F.MIN and function != F.MAX:
        return False
    target, b, step = place(m, c.rd), place(m, c.rs2), np.int64(1)
    a = m.a
    if form.source == SOURCE_VECTOR:
        a = place(m, c.rs1)
    elif form.source == SOURCE_F:
        pattern, step = unbox(get(m.registers, np.int64(c.rs1), _I64), sew), np.int64(0)
        if sew == 5:
            _fill(a, np.int32(pattern))
        else:
            _fill(a, pattern)
    else:
        return False
    if sew == 5:
        bits = _float_chunks(function, target, a, step, b, m.d, m.vl, 8, _F32)
    else:
        bits = _float_chunks(function, target, a, step, b, m.d, m.vl, 4, _F64)
    if bits > 0:
        copy_bytes(target, m.d, m.vl << (sew - 3))
    return bits == 0


@inner_kernel
def _integer_chunks(
    function: int, target: Any, a: Any, step: int, b: Any, saved: Any, count: int, lanes: int, kind: Any
) -> Any:
    """False for a function that is not among these."""
    if function == _ADD:
        for at in range(0, count, lanes):
            _integer_add(target, a, step, b, saved, at, count - at, kind)
    elif function == _MACC:
        for at in range(0, count, lanes):
            _integer_macc(target, a, step, b, saved, at, count - at, kind)
    elif function == _MUL:
        for at in range(0, count, lanes):
            _integer_multiply(target, a, step, b, saved, at, count - at, kind)
    elif function == _SUB:
        for at in range(0, count, lanes):
            _integer_subtract(target, a, step, b, saved, at, count - at, kind)
    elif function == _RSUB:
        for at in range(0, count, lanes):
            _integer_reverse(target, a, step, b, saved, at, count - at, kind)
    elif function == _AND:
        for at in range(0, count, lanes):
            _integer_and(target, a, step, b, saved, at, count - at, kind)
    elif function == _OR:
        for at in range(0, count, lanes):
            _integer_or(target, a, step, b, saved, at, count - at, kind)
    elif function == _XOR:
        for at in range(0, count, lanes):
            _integer_xor(target, a, step, b, saved, at, count - at, kind)
    elif function == _NMSAC:
        for at in range(0, count, lanes):
            _integer_nmsac(target, a, step, b, saved, at, count - at, kind)
    elif function == _MIN:
        for at in range(0, count, lanes):
            _integer_minimum(target, a, step, b, saved, at, count - at, kind)
    elif function == _MAX:
        for at in range(0, count, lanes):
            _integer_maximum(target, a, step, b, saved, at, count - at, kind)
    elif function == _MINU:
        for at in range(0, count, lanes):
            _integer_minimum_u(target, a, step, b, saved, at, count - at, kind)
    elif function == _MAXU:
        for at in range(0, count, lanes):
            _integer_maximum_u(target, a, step, b, saved, at, count - at, kind)
    else:
        return False
    return True


@inner_kernel
def integer_in_chunks(c: Any, form: Any, machine: Any) -> Any:
    """Execute an integer instruction; False, with nothing changed, if that is not for here."""
    m = machine
    sew, function = m.sew_log2, form.function
    if form.dest != 0 or form.wide2 != 0 or form.wide1 != 0 or form.uses_v0 != 0 or not _groups_are_aligned(c, form, m):
        return False
    target, b, step = place(m, c.rd), place(m, c.rs2), np.int64(0)
    a = m.a
    scalar = np.int64(c.imm)
    if form.source == SOURCE_VECTOR:
        a, step = place(m, c.rs1), np.int64(1)
    elif form.source != SOURCE_IMMEDIATE:
        if form.source == SOURCE_F or form.source == SOURCE_NONE:
            return False
        scalar = get(m.registers, np.int64(c.rs1), _I64)
    if sew == 3:
        if step == 0:
            _fill(a, np.int8(scalar))
        return _integer_chunks(function, target, a, step, b, m.d, m.vl, 32, _I8)
    elif sew == 4:
        if step == 0:
            _fill(a, np.int16(scalar))
        return _integer_chunks(function, target, a, step, b, m.d, m.vl, 16, _I16)
    elif sew == 5:
        if step == 0:
            _fill(a, np.int32(scalar))
        return _integer_chunks(function, target, a, step, b, m.d, m.vl, 8, _I32)
    if step == 0:
        _fill(a, scalar)
    return _integer_chunks(function, target, a, step, b, m.d, m.vl, 4, _I64)
