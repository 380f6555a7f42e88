"""vfrec7 and vfrsqrt7: reciprocal and reciprocal square root to 7 bits, bit-exact, with their flags.

The manual's two 128-entry tables follow the midpoint rule and are computed here: entry k is the estimate at the middle
of the k-th interval of the significand (for the root: 64 intervals for each parity of the exponent).

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", vfrsqrt7 and vfrec7.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.float_formats import is_signaling
from workbench.core.interpreter.primitives import get, leading_zeros
from workbench.core.interpreter.rounding import (
    DOWN,
    TO_ZERO,
    UP,
    fraction_bits,
    infinity_bits,
    nan_bits,
    sign_bit,
)
from workbench.core.interpreter.state import DIVIDE_BY_ZERO, INEXACT, INVALID, OVERFLOW
from workbench.core.vector.float_flags import pattern_at, put_pattern

_U8 = np.uint8(0)


def _root_entry(index: int) -> int:
    significand = 1 + (index % 64 + 0.5) / 64
    return round(256 / math.sqrt(significand if index >= 64 else 2 * significand)) - 128


_RECIPROCALS = np.array([round(256 / (1 + (k + 0.5) / 128)) - 128 for k in range(128)])
_ROOTS = np.array([_root_entry(k) for k in range(128)])


@inner_kernel
def _normalize(exponent: Any, fraction: Any, fraction_bits: int) -> Any:
    """(exponent, fraction) of a subnormal number as if it were normal."""
    zeros = leading_zeros(fraction) - (64 - fraction_bits)
    return -zeros, fraction << (zeros + 1) & ((np.int64(1) << fraction_bits) - 1)


@inner_kernel
def reciprocal(pattern: int, mode: int, width: int) -> Any:
    """(pattern, flags) of about 1 / x."""
    places, infinity, sign = fraction_bits(width), infinity_bits(width), pattern & sign_bit(width)
    largest = infinity >> places
    exponent = pattern >> places & largest
    fraction = pattern & ((np.int64(1) << places) - 1)
    if exponent == largest:
        if fraction != 0:
            return nan_bits(width), INVALID if is_signaling(pattern, width) else 0
        return sign, 0
    if exponent == 0:
        if fraction == 0:
            return sign | infinity, DIVIDE_BY_ZERO
        exponent, fraction = _normalize(exponent, fraction, places)
        if exponent < -1:
            cuts = mode == TO_ZERO or mode == (UP if sign != 0 else DOWN)
            return sign | (infinity - 1 if cuts else infinity), OVERFLOW | INEXACT
    result = _RECIPROCALS[fraction >> (places - 7)] << (places - 7)
    power = largest - 2 - exponent  # 2 * bias - 1 - exponent, with 2 * bias = largest - 1
    if power <= 0:  # a subnormal result
        result = (result | np.int64(1) << places) >> (1 - power)
        power = np.int64(0)
    return sign | power << places | result, 0


@inner_kernel
def reciprocal_root(pattern: int, width: int) -> Any:
    """(pattern, flags) of about 1 / sqrt(x)."""
    places, infinity, sign = fraction_bits(width), infinity_bits(width), pattern & sign_bit(width)
    largest = infinity >> places
    exponent = pattern >> places & largest
    fraction = pattern & ((np.int64(1) << places) - 1)
    if exponent == 0 and fraction == 0:
        return sign | infinity, DIVIDE_BY_ZERO
    if exponent == largest and fraction != 0:
        return nan_bits(width), INVALID if is_signaling(pattern, width) else 0
    if sign != 0:
        return nan_bits(width), INVALID
    if exponent == largest:
        return np.int64(0), 0
    if exponent == 0:
        exponent, fraction = _normalize(exponent, fraction, places)
    index = (exponent & 1) << 6 | fraction >> (places - 6)
    bias = largest >> 1
    return (3 * bias - 1 - exponent) >> 1 << places | _ROOTS[index] << (places - 7), 0


@inner_kernel
def estimate_elements(is_root: int, machine: Any, b: Any, out: Any, count: int, width: int, masked: int) -> None:
    """One of the two functions on all active elements of 2**width bits."""
    for i in range(count):
        if masked and not get(machine.mask, i, _U8):
            continue
        pattern = pattern_at(b, i, width)
        result, flags = reciprocal_root(pattern, width) if is_root else reciprocal(pattern, machine.frm, width)
        machine.fflags |= flags
        put_pattern(out, i, result, width)
