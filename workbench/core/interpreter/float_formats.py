"""Formats of floating-point numbers: boxes of narrow ones, values, classes, minimum and maximum, conversions to integers.

Patterns are int64, zero-extended; widths are log2 of bits: 4 half, 5 single, 6 double.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapters "F", "D" and "Zfh".
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import reinterpret
from workbench.core.interpreter.rounding import fraction_bits, infinity_bits, nan_bits, sign_bit
from workbench.core.interpreter.state import INEXACT, INVALID

_I32, _F32, _F64 = np.int32(0), np.float32(0), np.float64(0)
_TWO63 = 9223372036854775808.0


@inner_kernel
def unbox(register: int, width: int) -> Any:
    """The pattern in a 64-bit register; the canonical NaN if it is not boxed."""
    if width == 6:
        return register
    bits = 1 << width
    return register & ((np.int64(1) << bits) - 1) if register >> bits == -1 else nan_bits(width)


@inner_kernel
def box(pattern: int, width: int) -> Any:
    """Register content of a pattern."""
    return pattern if width == 6 else pattern | np.int64(-1) << (1 << width)


@inner_kernel
def unbox_single(register: int) -> Any:
    """The float32 in a 64-bit register; the canonical NaN if it is not boxed."""
    return reinterpret(np.int32(register) if register >> 32 == -1 else np.int32(0x7FC00000), _F32)


@inner_kernel
def half_value(pattern: int) -> Any:
    """The float32 of a half's pattern."""
    magnitude = np.int32(pattern & 0x7FFF) << 13
    is_finite = pattern & 0x7C00 != 0x7C00
    scaled = reinterpret(np.int32(magnitude), _F32) * np.float32(2.0**112)
    value = scaled if is_finite else reinterpret(np.int32(magnitude | 0x7F800000), _F32)
    return -value if pattern & 0x8000 else value


@inner_kernel
def value_of(pattern: int, width: int) -> Any:
    """The float64 of a pattern; NaNs stay NaNs."""
    if width == 6:
        return reinterpret(pattern, _F64)
    return np.float64(reinterpret(np.int32(pattern), _F32)) if width == 5 else np.float64(half_value(pattern))


@inner_kernel
def is_nan(pattern: int, width: int) -> Any:
    """The pattern is a NaN."""
    return pattern & (sign_bit(width) - 1) > infinity_bits(width)


@inner_kernel
def is_signaling(pattern: int, width: int) -> Any:
    """The pattern is a signaling NaN."""
    return is_nan(pattern, width) and pattern >> (fraction_bits(width) - 1) & 1 == 0


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
def extreme(x: int, y: int, wants_larger: int, width: int) -> Any:
    """(pattern, flags) of the minimum or maximum of two patterns."""
    flags = INVALID if is_signaling(x, width) or is_signaling(y, width) else 0
    if is_nan(x, width):
        return (nan_bits(width) if is_nan(y, width) else y), flags
    if is_nan(y, width):
        return x, flags
    a, b = value_of(x, width), value_of(y, width)
    x_is_less = a < b or (a == b and x & sign_bit(width) != 0)
    return (y if x_is_less else x) if wants_larger else (x if x_is_less else y), flags


@inner_kernel
def classify(bits: int, width: int) -> Any:
    """FCLASS of a pattern."""
    places = fraction_bits(width)
    sign = bits & sign_bit(width) != 0
    largest = infinity_bits(width) >> places
    exponent = bits >> places & largest
    fraction = bits & ((np.int64(1) << places) - 1)
    if exponent == largest:
        if fraction == 0:
            return np.int64(1) << (0 if sign else 7)
        return np.int64(512 if fraction >> (places - 1) else 256)
    if exponent == 0:
        place = (3 if sign else 4) if fraction == 0 else (2 if sign else 5)
    else:
        place = 1 if sign else 6
    return np.int64(1) << place
