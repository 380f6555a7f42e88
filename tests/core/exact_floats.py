"""Floating-point results as exact fractions rounded to a format: the plain slow judge of the simulated arithmetic."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

EXPONENT_AND_FRACTION_BITS = {"h": (5, 10), "s": (8, 23), "d": (11, 52)}
NEAREST, TO_ZERO, DOWN, UP, AWAY = range(5)
INEXACT, UNDERFLOW, OVERFLOW = 1, 2, 4


def bias(kind: str) -> int:
    return (1 << EXPONENT_AND_FRACTION_BITS[kind][0] - 1) - 1


def value(bits: int, kind: str) -> Fraction | None:
    """The number, None for infinities and NaNs."""
    exponent_bits, fraction_bits = EXPONENT_AND_FRACTION_BITS[kind]
    exponent, fraction = bits >> fraction_bits & (1 << exponent_bits) - 1, bits & (1 << fraction_bits) - 1
    if exponent == (1 << exponent_bits) - 1:
        return None
    significand = fraction + (1 << fraction_bits if exponent else 0)
    size = significand * Fraction(2) ** (max(exponent, 1) - bias(kind) - fraction_bits)
    return -size if bits >> exponent_bits + fraction_bits else size


def cut(size: Fraction, unit: Fraction, mode: int, negative: bool) -> tuple[int, bool]:
    """(multiple of the unit, whether that is inexact)."""
    whole = size // unit
    rest = size / unit - whole
    up = {
        NEAREST: rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole % 2 == 1),
        TO_ZERO: False,
        DOWN: negative and rest > 0,
        UP: not negative and rest > 0,
        AWAY: rest >= Fraction(1, 2),
    }[mode]
    return int(whole) + up, rest != 0


def rounded(exact: Fraction, kind: str, mode: int) -> tuple[int, int]:
    """(pattern, flags) of a number other than 0; tininess is seen after rounding."""
    exponent_bits, fraction_bits = EXPONENT_AND_FRACTION_BITS[kind]
    least = 1 - bias(kind)
    negative, size = exact < 0, abs(exact)
    sign = negative << exponent_bits + fraction_bits
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent -= Fraction(2) ** exponent > size
    unbounded = cut(size, Fraction(2) ** (exponent - fraction_bits), mode, negative)[0]
    is_tiny = unbounded * Fraction(2) ** (exponent - fraction_bits) < Fraction(2) ** least
    unit = Fraction(2) ** (max(exponent, least) - fraction_bits)
    multiple, inexact = cut(size, unit, mode, negative)
    infinity = (1 << exponent_bits) - 1 << fraction_bits
    if multiple * unit >= Fraction(2) ** (bias(kind) + 1):
        grows = mode in (NEAREST, AWAY) or mode == (DOWN if negative else UP)
        return sign | infinity - (not grows), OVERFLOW | INEXACT
    pattern = multiple + (max(exponent, least) + bias(kind) - 1 << fraction_bits)
    return sign | pattern, (INEXACT if inexact else 0) | (UNDERFLOW if inexact and is_tiny else 0)


def root(number: Fraction) -> Fraction:
    """A number between the square root and the next 700 binary places, on the root's side of every boundary."""
    scaled = number.numerator * number.denominator << 1400
    whole = isqrt(scaled)
    return Fraction(2 * whole + (whole * whole != scaled), number.denominator << 701)
