"""Scalar floating point: F and D, one call per instruction.

Arithmetic rounds to nearest even whatever the rounding mode says; conversions follow all five modes. Of the IEEE flags,
invalid and divide-by-zero are raised everywhere, inexact by conversions to integers only; overflow, underflow and the
inexact flag of arithmetic are not modelled. NaN results are the canonical NaN, float32 values are NaN-boxed.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapters "F" and "D".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter_primitives import fma, reinterpret
from workbench.core.interpreter_state import BOX, DIVIDE_BY_ZERO, INEXACT, INVALID
from workbench.isa.table import op as _op

_I32, _I64, _F32, _F64 = np.int32(0), np.int64(0), np.float32(0), np.float64(0)
NAN32, NAN64 = 0x7FC00000, 0x7FF8 << 48
_QUIET32, _QUIET64 = 1 << 22, 1 << 51
_FIRST_DOUBLE = _op("fld")
_TO_SINGLE_FORM = _op("fld") - _op("flw")  # distance between a double's row and the same single's row
_FADD, _FSUB, _FMUL, _FDIV, _FSQRT = (_op(f"f{name}.s") for name in "add sub mul div sqrt".split())
_FMADD, _FMSUB, _FNMSUB, _FNMADD = (_op(f"f{name}.s") for name in "madd msub nmsub nmadd".split())
_FSGNJ, _FSGNJN, _FSGNJX, _FMIN, _FMAX = (_op(f"f{name}.s") for name in "sgnj sgnjn sgnjx min max".split())
_FLE, _FLT, _FEQ, _FCLASS = (_op(f"f{name}.s") for name in "le lt eq class".split())
_TO_W, _TO_WU, _TO_L, _TO_LU = (_op(f"fcvt.{name}.s") for name in "w wu l lu".split())
_FROM_W, _FROM_WU, _FROM_L, _FROM_LU = (_op(f"fcvt.s.{name}") for name in "w wu l lu".split())
_CONVERT_S_D, _CONVERT_D_S = _op("fcvt.s.d"), _op("fcvt.d.s")
_MV_X, _MV_F = _op("fmv.x.w"), _op("fmv.w.x")
_TWO63, _TWO64 = 9223372036854775808.0, 18446744073709551616.0


@inner_kernel
def unbox(bits: int) -> Any:
    """The float32 in a 64-bit register; the canonical NaN if it is not boxed."""
    return reinterpret(np.int32(bits) if bits >> 32 == -1 else np.int32(NAN32), _F32)


@inner_kernel
def box(value: Any) -> Any:
    """A float32 as register content, NaN made canonical."""
    bits = np.int64(reinterpret(value, _I32)) if value == value else np.int64(NAN32)
    return bits & 0xFFFFFFFF | BOX


@inner_kernel
def is_signaling32(value: Any) -> Any:
    """A float32 signaling NaN."""
    return value != value and reinterpret(value, _I32) & _QUIET32 == 0


@inner_kernel
def is_signaling64(value: Any) -> Any:
    """A float64 signaling NaN."""
    return value != value and reinterpret(value, _I64) & _QUIET64 == 0


@inner_kernel
def round_to_integral(value: Any, mode: int) -> Any:
    """A float64 rounded to an integral value: 0 nearest even, 1 towards zero, 2 down, 3 up, 4 nearest away."""
    if mode == 0:
        return np.rint(value)
    elif mode == 1:
        return np.trunc(value)
    elif mode == 2:
        return np.floor(value)
    elif mode == 3:
        return np.ceil(value)
    whole = np.trunc(value)
    return whole + math.copysign(1.0, value) if abs(value - whole) >= 0.5 else whole


@inner_kernel
def to_integer(value: Any, mode: int, bits: int, is_unsigned: int) -> Any:
    """(integer, flags) of a float64; saturates as RISC-V conversions do; 64-bit unsigned results as a pattern."""
    high = 2.0 ** (bits if is_unsigned else bits - 1)
    low = 0.0 if is_unsigned else -high
    largest = np.int64(-1) if is_unsigned and bits == 64 else np.int64((1 << (bits if is_unsigned else bits - 1) % 64) - 1)
    if value != value:
        return largest, INVALID
    whole = round_to_integral(value, mode)
    if whole >= high:
        return largest, INVALID
    if whole < low:
        return np.int64(low), INVALID
    flags = INEXACT if whole != value else 0
    if whole >= _TWO63:
        return np.int64(whole - _TWO63) | -(1 << 63), flags
    return np.int64(whole), flags


@inner_kernel
def narrow(value: Any, mode: int) -> Any:
    """A float64 as float32 in a rounding mode (5 = to odd)."""
    nearest = np.float32(value)
    back = np.float64(nearest)
    if mode == 0 or mode == 4 or back == value or value != value or abs(value) == np.inf:
        return nearest
    bits = reinterpret(nearest, _I32)
    grew = abs(back) > abs(value)  # the magnitude was rounded up
    negative = value < 0.0
    if mode == 1 or mode == 5:
        wants_larger = False
    else:
        wants_larger = negative if mode == 2 else not negative
    if grew and not wants_larger:
        bits -= np.int32(1)
    elif wants_larger and not grew:
        bits += np.int32(1)
    if mode == 5:
        bits |= np.int32(1)
    return reinterpret(np.int32(bits), _F32)


@inner_kernel
def minimum(a: Any, b: Any) -> Any:
    """minimumNumber of IEEE 754-2019: a NaN loses, -0 is below +0."""
    if a != a:
        return b
    if b != b:
        return a
    if a == b:
        return a if math.copysign(1.0, a) < 0 else b
    return a if a < b else b


@inner_kernel
def maximum(a: Any, b: Any) -> Any:
    """maximumNumber of IEEE 754-2019: a NaN loses, +0 is above -0."""
    if a != a:
        return b
    if b != b:
        return a
    if a == b:
        return b if math.copysign(1.0, a) < 0 else a
    return a if a > b else b


@inner_kernel
def classify(bits: int, exponent_bits: int, fraction_bits: int) -> Any:
    """FCLASS of a float's bits, zero-extended (64-bit patterns as they are)."""
    sign = bits >> (exponent_bits + fraction_bits) & 1
    exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1)
    fraction = bits & ((np.int64(1) << fraction_bits) - 1)
    if exponent == (1 << exponent_bits) - 1:
        if fraction == 0:
            return np.int64(1) << (0 if sign else 7)
        return np.int64(512 if fraction >> (fraction_bits - 1) else 256)
    if exponent == 0:
        place = (3 if sign else 4) if fraction == 0 else (2 if sign else 5)
    else:
        place = 1 if sign else 6
    return np.int64(1) << place


@inner_kernel
def _calculate(op: int, a: Any, b: Any, c: Any) -> Any:
    """Arithmetic on two or three floats of one type; `op` is the single form's number."""
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
    elif op == _FNMADD:
        return fma(-a, b, -c)
    elif op == _FMIN:
        return minimum(a, b)
    else:
        return maximum(a, b)


@inner_kernel
def _arithmetic_flags(op: int, a: Any, b: Any, c: Any, result: Any) -> Any:
    """Invalid and divide-by-zero of an operation without signaling operands."""
    if op == _FDIV and b == 0 and a == a and a != 0 and abs(a) != np.inf:
        return DIVIDE_BY_ZERO
    if result == result or op == _FMIN or op == _FMAX:
        return 0
    uses_b, uses_c = op != _FSQRT, _FMADD <= op <= _FNMADD
    infinite_times_zero = uses_c and (abs(a) == np.inf and b == 0 or a == 0 and abs(b) == np.inf)
    quiet = a != a or (uses_b and b != b) or (uses_c and c != c)
    return 0 if quiet and not infinite_times_zero else INVALID


@inner_kernel
def _arithmetic(op: int, is_double: int, x: Any, y: Any, z: Any, machine: Any) -> Any:
    if is_double:
        a, b, c = reinterpret(x, _F64), reinterpret(y, _F64), reinterpret(z, _F64)
        wide = _calculate(op, a, b, c)
        flags = _arithmetic_flags(op, a, b, c, wide)
        if is_signaling64(a) or (op != _FSQRT and is_signaling64(b)) or (_FMADD <= op <= _FNMADD and is_signaling64(c)):
            flags = INVALID
        machine.fflags |= flags
        return reinterpret(wide, _I64) if wide == wide else np.int64(NAN64)
    d, e, f = unbox(x), unbox(y), unbox(z)
    single = _calculate(op, d, e, f)
    flags = _arithmetic_flags(op, d, e, f, single)
    if is_signaling32(d) or (op != _FSQRT and is_signaling32(e)) or (_FMADD <= op <= _FNMADD and is_signaling32(f)):
        flags = INVALID
    machine.fflags |= flags
    return box(single)


@inner_kernel
def _inject_sign(op: int, a: Any, b: Any, sign: Any) -> Any:
    """Sign injection on patterns whose sign bit is `sign`."""
    if op == _FSGNJ:
        return a & ~sign | b & sign
    elif op == _FSGNJN:
        return a & ~sign | ~b & sign
    return a ^ b & sign


@inner_kernel
def _compare(op: int, a: Any, b: Any, signaling: Any, machine: Any) -> Any:
    unordered = a != a or b != b
    if signaling or (unordered and op != _FEQ):
        machine.fflags |= INVALID
    if op == _FEQ:
        return np.int64(a == b)
    return np.int64(a < b if op == _FLT else a <= b)


@inner_kernel
def _from_integer(op: int, value: Any) -> Any:
    """An integer register as float64 pattern of the exact or rounded value, and as float32."""
    if op == _FROM_W:
        return np.float64(np.int32(value)), np.float32(np.int32(value))
    elif op == _FROM_WU:
        return np.float64(np.uint32(value)), np.float32(np.uint32(value))
    elif op == _FROM_L:
        return np.float64(value), np.float32(value)
    return np.float64(np.uint64(value)), np.float32(np.uint64(value))


@inner_kernel
def _to_register(op: int, value: Any, mode: int, machine: Any) -> Any:
    bits = 32 if op == _TO_W or op == _TO_WU else 64
    result, flags = to_integer(value, mode, bits, op == _TO_WU or op == _TO_LU)
    machine.fflags |= flags
    return np.int64(np.int32(result)) if bits == 32 else result


@inner_kernel
def scalar_float(op: int, x: Any, y: Any, z: Any, mode: int, machine: Any) -> Any:
    """New content of rd (an integer or a float register) from the contents of rs1, rs2, rs3."""
    if op == _CONVERT_S_D:
        value = reinterpret(x, _F64)
        if is_signaling64(value):
            machine.fflags |= INVALID
        return box(narrow(value, mode))
    if op == _CONVERT_D_S:
        if is_signaling32(unbox(x)):
            machine.fflags |= INVALID
        widened = np.float64(unbox(x))
        return reinterpret(widened, _I64) if widened == widened else np.int64(NAN64)
    is_double = op >= _FIRST_DOUBLE
    op = op - _TO_SINGLE_FORM if is_double else op
    if op <= _FNMADD or op == _FMIN or op == _FMAX:
        if mode != 0:
            machine.ignored_rounding = 1
        return _arithmetic(op, is_double, x, y, z, machine)
    elif op <= _FSGNJX:
        if is_double:
            return _inject_sign(op, x, y, np.int64(-(1 << 63)))
        a, b = np.int64(reinterpret(unbox(x), _I32)), np.int64(reinterpret(unbox(y), _I32))
        return _inject_sign(op, a, b, np.int64(0x80000000)) & 0xFFFFFFFF | BOX
    elif op == _MV_X:
        return x if is_double else np.int64(np.int32(x))
    elif op == _MV_F:
        return x if is_double else x & 0xFFFFFFFF | BOX
    elif op == _FCLASS:
        return classify(x, 11, 52) if is_double else classify(np.int64(reinterpret(unbox(x), _I32)), 8, 23)
    elif op == _FLE or op == _FLT or op == _FEQ:
        if is_double:
            a64, b64 = reinterpret(x, _F64), reinterpret(y, _F64)
            return _compare(op, a64, b64, is_signaling64(a64) or is_signaling64(b64), machine)
        a32, b32 = unbox(x), unbox(y)
        return _compare(op, a32, b32, is_signaling32(a32) or is_signaling32(b32), machine)
    elif op == _FROM_W or op == _FROM_WU or op == _FROM_L or op == _FROM_LU:
        if mode != 0:
            machine.ignored_rounding = 1
        wide, single = _from_integer(op, x)
        return reinterpret(wide, _I64) if is_double else box(single)
    return _to_register(op, reinterpret(x, _F64) if is_double else np.float64(unbox(x)), mode, machine)
