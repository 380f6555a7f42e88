"""vfrec7 and vfrsqrt7: reciprocal and reciprocal square root to 7 bits, bit-exact.

The manual's two 128-entry tables follow the midpoint rule and are computed here: entry k is the estimate at the middle
of the k-th interval of the significand (for the root: 64 intervals for each parity of the exponent).

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", vfrsqrt7 and vfrec7.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter_primitives import get, leading_zeros, put

_U32, _I64 = np.uint32(0), np.int64(0)


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
def reciprocal(bits: int, exponent_bits: int, fraction_bits: int) -> Any:
    """The pattern of about 1 / x."""
    sign = bits >> (exponent_bits + fraction_bits) & 1
    exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1)
    fraction = bits & ((np.int64(1) << fraction_bits) - 1)
    largest = np.int64((1 << exponent_bits) - 1)
    signed_zero = sign << (exponent_bits + fraction_bits)
    infinity = signed_zero | largest << fraction_bits
    if exponent == largest:
        return largest << fraction_bits | np.int64(1) << (fraction_bits - 1) if fraction else signed_zero
    if exponent == 0:
        if fraction == 0:
            return infinity
        exponent, fraction = _normalize(exponent, fraction, fraction_bits)
        if exponent < -1:
            return infinity
    result = _RECIPROCALS[fraction >> (fraction_bits - 7)] << (fraction_bits - 7)
    power = largest - 2 - exponent  # 2 * bias - 1 - exponent, with 2 * bias = largest - 1
    if power <= 0:  # a subnormal result
        result = (result | np.int64(1) << fraction_bits) >> (1 - power)
        power = np.int64(0)
    return signed_zero | power << fraction_bits | result


@inner_kernel
def reciprocal_root(bits: int, exponent_bits: int, fraction_bits: int) -> Any:
    """The pattern of about 1 / sqrt(x)."""
    sign = bits >> (exponent_bits + fraction_bits) & 1
    exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1)
    fraction = bits & ((np.int64(1) << fraction_bits) - 1)
    largest = np.int64((1 << exponent_bits) - 1)
    if exponent == 0 and fraction == 0:
        return sign << (exponent_bits + fraction_bits) | largest << fraction_bits
    if sign or (exponent == largest and fraction):
        return largest << fraction_bits | np.int64(1) << (fraction_bits - 1)
    if exponent == largest:
        return np.int64(0)
    if exponent == 0:
        exponent, fraction = _normalize(exponent, fraction, fraction_bits)
    index = (exponent & 1) << 6 | fraction >> (fraction_bits - 6)
    bias = largest >> 1
    return (3 * bias - 1 - exponent) >> 1 << fraction_bits | _ROOTS[index] << (fraction_bits - 7)


@inner_kernel
def estimate_elements(is_root: int, b: Any, out: Any, count: int, width: int) -> None:
    """One of the two functions on all elements of 2**width bits."""
    for i in range(count):
        if width == 5:
            bits = np.int64(get(b, i, _U32))
            value = reciprocal_root(bits, 8, 23) if is_root else reciprocal(bits, 8, 23)
            put(out, i, np.uint32(value))
        else:
            bits = get(b, i, _I64)
            put(out, i, reciprocal_root(bits, 11, 52) if is_root else reciprocal(bits, 11, 52))
