"""Scalar floating-point instructions of F, D and Zfh, one call per instruction.

The host's result is taken where it raises no flag that is not set already: rounded to nearest, a normal number, inexact
set before. Everything else goes through `rounding`.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapters "F", "D" and "Zfh".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.base.jit_units import unit
from workbench.core.interpreter.float_formats import (
    box,
    classify,
    extreme,
    is_signaling,
    to_integer,
    unbox,
    unbox_single,
    value_of,
)
from workbench.core.interpreter.primitives import fma, reinterpret
from workbench.core.interpreter.rounding import (
    PRODUCT,
    QUOTIENT,
    ROOT,
    SUM,
    exact,
    is_exact,
    round_float,
    round_integer,
    sign_bit,
)
from workbench.core.interpreter.state import BOX, INEXACT, INVALID, MACHINE_DTYPE
from workbench.isa.table import op as _op

_I32, _I64, _F64 = np.int32(0), np.int64(0), np.float64(0)
_FIRST, _BLOCK = _op("flw"), _op("fld") - _op("flw")  # the rows of one format
_FADD, _FSUB, _FMUL, _FDIV, _FSQRT = (_op(f"f{name}.s") for name in "add sub mul div sqrt".split())
_FMADD, _FMSUB, _FNMSUB, _FNMADD = (_op(f"f{name}.s") for name in "madd msub nmsub nmadd".split())
_FSGNJ, _FSGNJN, _FSGNJX, _FMIN, _FMAX = (_op(f"f{name}.s") for name in "sgnj sgnjn sgnjx min max".split())
_FLE, _FLT, _FEQ, _FCLASS = (_op(f"f{name}.s") for name in "le lt eq class".split())
_TO_W, _TO_WU, _TO_L, _TO_LU = (_op(f"fcvt.{name}.s") for name in "w wu l lu".split())
_FROM_W, _FROM_WU, _FROM_L, _FROM_LU = (_op(f"fcvt.s.{name}") for name in "w wu l lu".split())
_MV_X, _MV_F = _op("fmv.x.w"), _op("fmv.w.x")
_FIRST_BETWEEN = _op("fcvt.s.d")
_BETWEEN = np.array([(5, 6), (6, 5), (5, 4), (4, 5), (6, 4), (4, 6)])  # widths to and from, in the table's order
_GREATEST32 = 2.0**127
_LEAST32, _LEAST64 = np.float32(2.0**-125), 2.0**-1021  # twice the smallest normal number


@inner_kernel
def _calculate(op: int, a: Any, b: Any, c: Any) -> Any:
    """Arithmetic on two or three floats of one type, to nearest; `op` is the single form's number."""
    if op == _FADD:
        return a + b
    elif op == _FSUB:
        return a - b
    elif op == _FMUL:
        return a * b
    elif op == _FDIV:
        return a / b
    elif op == _FSQRT:
        return np.sqrt(a)
    elif op == _FMADD:
        return fma(a, b, c)
    elif op == _FMSUB:
        return fma(a, b, -c)
    elif op == _FNMSUB:
        return fma(-a, b, c)
    return fma(-a, b, -c)


@inner_kernel
def _with_flags(op: int, x: int, y: int, z: int, near: Any, mode: int, width: int, machine: Any) -> Any:
    """The pattern of an arithmetic result, its flags raised; `near` is the host's result (not for halves)."""
    a = value_of(x, width)
    signaling = is_signaling(x, width)
    b, c = 1.0, 0.0
    kind = SUM
    if op == _FSQRT:
        kind = ROOT
    else:
        b = value_of(y, width)
        signaling |= is_signaling(y, width)
        if op == _FADD or op == _FSUB:
            b, c = 1.0, b if op == _FADD else -b
        elif op == _FMUL:
            kind = PRODUCT
        elif op == _FDIV:
            kind = QUOTIENT
        else:
            c = value_of(z, width)
            signaling |= is_signaling(z, width)
            if op == _FMSUB or op == _FNMADD:
                c = -c
            if op >= _FNMSUB:
                a = -a
    if mode == 0 and width != 4 and is_exact(kind, a, b, c, near):
        return reinterpret(near, _I64) if width == 6 else np.int64(reinterpret(np.float32(near), _I32)) & 0xFFFFFFFF
    pattern, flags = exact(kind, a, b, c, signaling, mode, width)
    machine.fflags |= flags
    return pattern


@inner_kernel
def _arithmetic(op: int, width: int, x: Any, y: Any, z: Any, mode: int, machine: Any) -> Any:
    is_quick = mode == 0 and machine.fflags & INEXACT != 0
    near = 0.0
    if width == 6:
        near = _calculate(op, reinterpret(x, _F64), reinterpret(y, _F64), reinterpret(z, _F64))
        if is_quick and _LEAST64 <= abs(near) < np.inf:
            return reinterpret(near, _I64)
    elif width == 5:
        single = _calculate(op, unbox_single(x), unbox_single(y), unbox_single(z))
        if is_quick and _LEAST32 <= abs(single) < np.inf:
            return np.int64(reinterpret(single, _I32)) & 0xFFFFFFFF | BOX
        near = np.float64(single)
    x, y, z = unbox(x, width), unbox(y, width), unbox(z, width)
    return box(_with_flags(op, x, y, z, near, mode, width, machine), width)


@inner_kernel
def _inject_sign(op: int, a: Any, b: Any, sign: Any) -> Any:
    """Sign injection on patterns whose sign bit is `sign`."""
    if op == _FSGNJ:
        return a & ~sign | b & sign
    elif op == _FSGNJN:
        return a & ~sign | ~b & sign
    return a ^ b & sign


@inner_kernel
def _compare(op: int, x: int, y: int, width: int, machine: Any) -> Any:
    a, b = value_of(x, width), value_of(y, width)
    if a != a or b != b:
        if op != _FEQ or is_signaling(x, width) or is_signaling(y, width):
            machine.fflags |= INVALID
        return np.int64(0)
    if op == _FEQ:
        return np.int64(a == b)
    return np.int64(a < b if op == _FLT else a <= b)


@inner_kernel
def _from_integer(op: int, value: Any, mode: int, width: int, machine: Any) -> Any:
    if op == _FROM_W:
        value = np.int64(np.int32(value))
    elif op == _FROM_WU:
        value = value & 0xFFFFFFFF
    if width == 6 and op <= _FROM_WU:
        return reinterpret(np.float64(value), _I64)
    pattern, flags = round_integer(value, op == _FROM_W or op == _FROM_L, mode, width)
    machine.fflags |= flags
    return box(pattern, width)


@inner_kernel
def _to_register(op: int, value: Any, mode: int, machine: Any) -> Any:
    bits = 32 if op == _TO_W or op == _TO_WU else 64
    result, flags = to_integer(value, mode, bits, op == _TO_WU or op == _TO_LU)
    machine.fflags |= flags
    return np.int64(np.int32(result)) if bits == 32 else result


@inner_kernel
def _between_formats(number: int, register: int, mode: int, machine: Any) -> Any:
    width, source = _BETWEEN[number, 0], _BETWEEN[number, 1]
    pattern = unbox(register, source)
    value = value_of(pattern, source)
    if width == 6 and value == value:
        return reinterpret(value, _I64)
    if width == 5 and mode == 0 and machine.fflags & INEXACT and _LEAST32 <= abs(value) < _GREATEST32:
        return np.int64(reinterpret(np.float32(value), _I32)) & 0xFFFFFFFF | BOX
    result, flags = round_float(value, is_signaling(pattern, source), mode, width)
    machine.fflags |= flags
    return box(result, width)


@inner_kernel
def _sign_bits_and_class(op: int, x: int, y: int, width: int, machine: Any) -> Any:
    """Instructions that look at patterns: sign injection, minimum, maximum, comparisons, class."""
    x = unbox(x, width)
    if op == _FCLASS:
        return classify(x, width)
    y = unbox(y, width)
    if op <= _FSGNJX:
        return box(_inject_sign(op, x, y, sign_bit(width)), width)
    if op <= _FMAX:
        pattern, flags = extreme(x, y, op == _FMAX, width)
        machine.fflags |= flags
        return box(pattern, width)
    return _compare(op, x, y, width, machine)


@unit(int, int, int, int, int, MACHINE_DTYPE)
def scalar_float(op: int, x: Any, y: Any, z: Any, mode: int, machine: Any) -> Any:
    """New content of rd (an integer or a float register) from the contents of rs1, rs2, rs3."""
    if op >= _FIRST_BETWEEN:
        return _between_formats(op - _FIRST_BETWEEN, x, mode, machine)
    width = np.int64(5)
    if op >= _FIRST + _BLOCK:
        is_half = op >= _FIRST + 2 * _BLOCK
        width = np.int64(4 if is_half else 6)
        op -= 2 * _BLOCK if is_half else _BLOCK
    if op <= _FNMADD:
        return _arithmetic(op, width, x, y, z, mode, machine)
    elif op <= _FCLASS:
        return _sign_bits_and_class(op, x, y, width, machine)
    elif op == _MV_X:
        return x if width == 6 else np.int64(np.int32(x)) if width == 5 else np.int64(np.int16(x))
    elif op == _MV_F:
        return x if width == 6 else box(x & ((np.int64(1) << (1 << width)) - 1), width)
    elif op == _FROM_W or op == _FROM_WU or op == _FROM_L or op == _FROM_LU:
        return _from_integer(op, x, mode, width, machine)
    return _to_register(op, value_of(unbox(x, width), width), mode, machine)
