"""Element operations of the fixed-point instructions: saturation and the four rounding modes of vxrm.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", "Vector Fixed-Point Arithmetic Instructions".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.integer import shift_right_logical, unsigned_less
from workbench.core.interpreter.primitives import multiply_high_signed

_MIN64, _MAX64 = -(1 << 63), (1 << 63) - 1


@inner_kernel
def clamp(value: Any, bits: int) -> Any:
    """(value in the signed range of `bits`, 1 if it was changed)."""
    high = np.int64(_MAX64) >> (64 - bits)
    if value > high:
        return high, 1
    if value < ~high:
        return ~high, 1
    return value, 0


@inner_kernel
def saturating_add(a: Any, b: Any, bits: int) -> Any:
    """Signed a + b saturated."""
    total = a + b
    if bits < 64:
        return clamp(total, bits)
    if (a >= 0) == (b >= 0) and (total >= 0) != (a >= 0):
        return np.int64(_MAX64 if a >= 0 else _MIN64), 1
    return total, 0


@inner_kernel
def saturating_subtract(a: Any, b: Any, bits: int) -> Any:
    """Signed a - b saturated."""
    difference = a - b
    if bits < 64:
        return clamp(difference, bits)
    if (a >= 0) != (b >= 0) and (difference >= 0) != (a >= 0):
        return np.int64(_MAX64 if a >= 0 else _MIN64), 1
    return difference, 0


@inner_kernel
def saturating_add_unsigned(a: Any, b: Any, bits: int) -> Any:
    """Unsigned a + b saturated (zero-extended operands)."""
    total = a + b
    overflows = unsigned_less(total, a) if bits == 64 else total >> bits != 0
    return (np.int64(-1), 1) if overflows else (total, 0)


@inner_kernel
def saturating_subtract_unsigned(a: Any, b: Any) -> Any:
    """Unsigned a - b, 0 instead of a borrow."""
    return (np.int64(0), 1) if unsigned_less(a, b) else (a - b, 0)


@inner_kernel
def rounding_increment(value: Any, amount: int, mode: int) -> Any:
    """What vxrm adds to ``value >> amount``."""
    if amount == 0 or mode == 2:
        return np.int64(0)
    half = value >> (amount - 1) & 1
    if mode == 0:
        return half
    odd = value >> amount & 1
    if mode == 1:
        below = value & ((np.int64(1) << (amount - 1)) - 1)
        return half & (odd | np.int64(below != 0))
    return (odd ^ 1) & np.int64(value & ((np.int64(1) << amount) - 1) != 0)


@inner_kernel
def scale_down(value: Any, amount: int, mode: int, is_signed: int) -> Any:
    """``value >> amount``, rounded by vxrm."""
    shifted = value >> amount if is_signed else shift_right_logical(value, amount)
    return shifted + rounding_increment(value, amount, mode)


@inner_kernel
def average(a: Any, b: Any, mode: int, is_signed: int, subtract: int) -> Any:
    """(a + b) / 2 or (a - b) / 2 rounded by vxrm, without overflow."""
    half_a = a >> 1 if is_signed else shift_right_logical(a, 1)
    half_b = b >> 1 if is_signed else shift_right_logical(b, 1)
    low = (a ^ b) & 1
    floor = half_a - half_b - (~a & b & 1) if subtract else half_a + half_b + (a & b & 1)
    odd = floor & 1
    if mode == 0:
        return floor + low
    elif mode == 1:
        return floor + (low & odd)
    elif mode == 2:
        return floor
    return floor + (low & (odd ^ 1))


@inner_kernel
def fractional_multiply(a: Any, b: Any, bits: int, mode: int) -> Any:
    """(a * b) >> (bits - 1), rounded and saturated (vsmul)."""
    product = a * b
    if bits < 64:
        return clamp(scale_down(product, np.int64(bits - 1), mode, True), bits)
    if a == _MIN64 and b == _MIN64:
        return np.int64(_MAX64), 1
    high = multiply_high_signed(a, b) << 1 | shift_right_logical(product, 63)
    below = product & np.int64(_MAX64)
    half, sticky, odd = below >> 62, np.int64(below << 2 != 0), high & 1
    if mode == 0:
        return high + half, 0
    elif mode == 1:
        return high + (half & (odd | sticky)), 0
    elif mode == 2:
        return high, 0
    return high + ((odd ^ 1) & np.int64(below != 0)), 0


@inner_kernel
def clip(value: Any, amount: int, bits: int, mode: int, is_signed: int) -> Any:
    """A value of twice the width scaled down and saturated to `bits` (vnclip, vnclipu)."""
    scaled = scale_down(value, amount, mode, is_signed)
    if is_signed:
        return clamp(scaled, bits)
    return (np.int64(-1), 1) if shift_right_logical(scaled, bits) != 0 else (scaled, 0)
