"""Correctly rounded arithmetic with IEEE flags in all five rounding modes, for half, single and double precision.

The host computes to nearest and shows no flags. Where that is not enough (another mode, a flag that may have to be raised)
the result is made here: operands are scaled to significands near 1, the host's result and its exact error (error-free
transformations) become a 63-bit significand whose lowest bit is sticky, and that is rounded and packed once.

Source: IEEE 754-2019; error of a fused multiply-add after Boldo and Muller, "Some Functions Computable with a Fused-mac"
(2005); tininess is detected after rounding, as the RISC-V manual's chapter "F" says.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import fma, leading_zeros, reinterpret
from workbench.core.interpreter.state import DIVIDE_BY_ZERO, INEXACT, INVALID, OVERFLOW, UNDERFLOW

TO_NEAREST, TO_ZERO, DOWN, UP, TO_NEAREST_AWAY, TO_ODD = range(6)
PRODUCT, SUM, QUOTIENT, ROOT = range(4)  # a * b, a * b + c, a / b, the root of a
_F64, _I64 = np.float64(0), np.int64(0)
_ONE = np.int64(1)
_FARTHEST = 120  # binary places between product and addend beyond which only the smaller one's sign matters
_LEAST_NORMAL = 2.0**-1022
SAFE = 2.0**-900  # the error of a larger product is no subnormal number


@inner_kernel
def fraction_bits(width: int) -> Any:
    """Bits of the fraction field of a float of 2**width bits."""
    return np.int64(52 if width == 6 else 23 if width == 5 else 10)


@inner_kernel
def infinity_bits(width: int) -> Any:
    """Pattern of +infinity of 2**width bits."""
    return np.int64(0x7FF << 52) if width == 6 else np.int64(0x7F800000) if width == 5 else np.int64(0x7C00)


@inner_kernel
def nan_bits(width: int) -> Any:
    """Pattern of the canonical NaN of 2**width bits."""
    return infinity_bits(width) | _ONE << (fraction_bits(width) - 1)


@inner_kernel
def sign_bit(width: int) -> Any:
    """Pattern of -0 of 2**width bits, zero-extended."""
    return _ONE << ((1 << width) - 1)


@inner_kernel
def _increment(mode: int, negative: int, kept: int, rest: int, shift: int) -> Any:
    """What rounding adds to `kept`, of which the lower `shift` places `rest` were cut off."""
    half = _ONE << (shift - 1)
    if rest == 0 or mode == TO_ZERO:
        return np.int64(0)
    if mode == TO_NEAREST:
        return np.int64(rest > half or (rest == half and kept & 1 == 1))
    if mode == TO_NEAREST_AWAY:
        return np.int64(rest >= half)
    if mode == TO_ODD:
        return kept & 1 ^ 1
    return np.int64(negative != 0) if mode == DOWN else np.int64(negative == 0)


@inner_kernel
def round_and_pack(negative: int, exponent: int, significand: int, mode: int, width: int) -> Any:
    """(pattern, flags) of significand * 2**(exponent - 62), 0 < significand < 2**63 with a sticky lowest bit."""
    zeros = leading_zeros(significand) - 1
    significand, exponent = significand << zeros, exponent - zeros
    bits, infinity = fraction_bits(width), infinity_bits(width)
    sign = sign_bit(width) if negative else np.int64(0)
    bias = infinity >> (bits + 1)
    shift = 62 - bits
    is_tiny = False
    if exponent < 1 - bias:
        kept = significand >> shift
        rest = significand & ((_ONE << shift) - 1)
        becomes_normal = kept + _increment(mode, negative, kept, rest, shift) == _ONE << (bits + 1)
        is_tiny = not (becomes_normal and exponent == -bias)
        shift += 1 - bias - exponent
        if shift > 63:
            shift, significand = 63, 1
        exponent = -bias  # the field's value without the hidden bit is 0
    else:
        exponent -= 1
    kept = significand >> shift
    rest = significand & ((_ONE << shift) - 1)
    magnitude = kept + _increment(mode, negative, kept, rest, shift)
    magnitude = infinity if exponent >= bias else magnitude + ((exponent + bias) << bits)
    if magnitude >= infinity:
        grows = mode == TO_NEAREST or mode == TO_NEAREST_AWAY or mode == (DOWN if negative else UP)
        return sign | (infinity if grows else infinity - 1), OVERFLOW | INEXACT
    flags = 0 if rest == 0 else INEXACT | UNDERFLOW if is_tiny else INEXACT
    return sign | magnitude, flags


@inner_kernel
def _split(value: Any) -> Any:
    """(significand with the sign, exponent) of a finite number other than 0; 1 <= |significand| < 2."""
    lift = np.int64(0)
    if abs(value) < _LEAST_NORMAL:
        value, lift = value * 2.0**64, np.int64(64)
    bits = reinterpret(value, _I64)
    exponent = (bits >> 52 & 0x7FF) - 1023 - lift
    return reinterpret(bits & ~np.int64(0x7FF << 52) | np.int64(1023 << 52), _F64), exponent


@inner_kernel
def _power(exponent: int) -> Any:
    return reinterpret((exponent + 1023) << 52, _F64)


@inner_kernel
def _finish(near: Any, error: Any, rest: Any, exponent: int, mode: int, width: int) -> Any:
    """Round (near + error + rest) * 2**exponent; |error| is at most half a unit in the last place of `near`."""
    negative = near < 0
    if negative:
        near, error, rest = -near, -error, -rest
    bits = reinterpret(near, _I64)
    power = (bits >> 52) - 1023
    places = error * _power(62 - power)  # in 1/1024 of a unit in the last place
    whole = np.floor(places)
    if whole == places and rest < 0:
        whole -= 1
    sticky = np.int64(whole != places or rest != 0)
    significand = (bits & ((_ONE << 52) - 1) | _ONE << 52) << 10
    return round_and_pack(negative, power + exponent, significand + np.int64(whole) | sticky, mode, width)


@inner_kernel
def _signed(magnitude: int, value: Any, width: int) -> Any:
    """A pattern with the sign of a float64."""
    return magnitude | sign_bit(width) if reinterpret(value, _I64) < 0 else magnitude


@inner_kernel
def _residue(error: Any) -> Any:
    """A number of the sign of `error`, too small to reach half a unit in the last place."""
    return 0.0 if error == 0 else 2.0**-90 if error > 0 else -(2.0**-90)


@inner_kernel
def _two_sum(a: Any, b: Any) -> Any:
    """(a + b rounded, its error)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@inner_kernel
def _exact_sum(a: Any, b: Any, c: Any, mode: int, width: int) -> Any:
    """Finite a * b + c."""
    if a == 0 or b == 0:
        if c != 0:
            near, exponent = _split(c)
            return _finish(near, 0.0, 0.0, exponent, mode, width)
        a, b = a * b, 1.0
        same = (reinterpret(a, _I64) < 0) == (reinterpret(c, _I64) < 0)
        return (_signed(0, c, width) if same else sign_bit(width) if mode == DOWN else np.int64(0)), 0
    a, exponent_a = _split(a)
    b, exponent_b = _split(b)
    exponent = exponent_a + exponent_b
    if c != 0:
        c, exponent_c = _split(c)
        distance = min(max(exponent_c - exponent, -_FARTHEST), _FARTHEST)
        if distance == _FARTHEST:
            exponent = exponent_c - distance
        c *= _power(distance)
    near = fma(a, b, c)
    if near == 0:
        return (sign_bit(width) if mode == DOWN else np.int64(0)), 0
    product = a * b
    low, lowest = _two_sum(c, fma(a, b, -product))
    high, middle = _two_sum(product, low)
    error = (high - near) + middle
    total = error + lowest
    return _finish(near, total, lowest - (total - error), exponent, mode, width)


@inner_kernel
def exact(kind: int, a: Any, b: Any, c: Any, signaling: int, mode: int, width: int) -> Any:
    """(pattern, flags) of an operation on float64 values that floats of 2**width bits hold; b = 1 and c = 0 if unused.

    `signaling`: one of the operands is a signaling NaN.
    """
    if kind == SUM:
        near = fma(a, b, c)
    elif kind == PRODUCT:
        near = a * b
    elif kind == QUOTIENT:
        near = a / b
    else:
        near = np.sqrt(a)
    if near != near:
        is_quiet = a != a or b != b or c != c
        zero_times_infinity = kind == SUM and (abs(a) == np.inf and b == 0 or a == 0 and abs(b) == np.inf)
        return nan_bits(width), INVALID if signaling or zero_times_infinity or not is_quiet else 0
    if abs(a) == np.inf or abs(b) == np.inf or abs(c) == np.inf:
        return _signed(infinity_bits(width) if near != 0 else np.int64(0), near, width), 0
    if kind == SUM:
        return _exact_sum(a, b, c, mode, width)
    if b == 0 and kind == QUOTIENT:
        return _signed(infinity_bits(width), near, width), DIVIDE_BY_ZERO
    if a == 0 or b == 0:
        return _signed(np.int64(0), near, width), 0
    a, exponent = _split(a)
    b, exponent_b = _split(b)
    if kind == PRODUCT:
        near = a * b
        return _finish(near, fma(a, b, -near), 0.0, exponent + exponent_b, mode, width)
    if kind == QUOTIENT:
        near = a / b
        error = _residue(fma(-near, b, a))
        return _finish(near, error if b > 0 else -error, 0.0, exponent - exponent_b, mode, width)
    if exponent & 1:
        a, exponent = a * 2, exponent - 1
    near = np.sqrt(a)
    return _finish(near, _residue(fma(-near, near, a)), 0.0, exponent >> 1, mode, width)


@inner_kernel
def is_exact(kind: int, a: Any, b: Any, c: Any, near: Any) -> Any:
    """The result `near` is certainly exact, so that it raises no flag; False also where that is not so quickly seen."""
    if not abs(near) < np.inf:
        return False
    if kind == SUM:
        product = a * b
        if not (abs(product) >= SAFE or a == 0 or b == 0 or b == 1) or fma(a, b, -product) != 0:
            return False
        total, error = _two_sum(product, c)
        return error == 0 and total == near
    if kind == PRODUCT:
        return a == 0 or b == 0 or (abs(near) >= SAFE and fma(a, b, -near) == 0)
    if kind == QUOTIENT:
        safe = abs(near) >= SAFE and abs(a) >= SAFE
        return b != 0 and (a == 0 or (safe and fma(near, b, -a) == 0))
    return a == 0 or (a >= SAFE and fma(near, near, -a) == 0)


@inner_kernel
def round_float(value: Any, signaling: int, mode: int, width: int) -> Any:
    """(pattern, flags) of a float64 in the format of 2**width bits."""
    if value != value:
        return nan_bits(width), INVALID if signaling else 0
    if value == 0 or abs(value) == np.inf:
        return _signed(infinity_bits(width) if value != 0 else np.int64(0), value, width), 0
    near, exponent = _split(value)
    return _finish(near, 0.0, 0.0, exponent, mode, width)


@inner_kernel
def round_integer(value: int, is_signed: int, mode: int, width: int) -> Any:
    """(pattern, flags) of a 64-bit integer in the format of 2**width bits."""
    if value == 0:
        return np.int64(0), 0
    negative = is_signed and value < 0
    if negative:
        value = -value
    if value < 0:  # 2**63 or more, without a sign
        return round_and_pack(negative, 63, (value >> 1 & ~np.int64(-(1 << 63))) | value & 1, mode, width)
    return round_and_pack(negative, 62, value, mode, width)
