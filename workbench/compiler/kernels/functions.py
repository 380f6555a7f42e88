"""Elementary functions of a vector of floats.

Relative errors were measured against numpy in double precision (tests/compiler/test_functions.py). Infinities and zeros
give the limits where networks meet them; denormal arguments count as zero.

Source: W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980 (reductions with a constant in parts);
the polynomials are Taylor series and continued fractions, cut where the remainder is below the precision of a float.
"""

from __future__ import annotations

import math

from workbench.compiler.kernels.algebra import Vector, polynomial

_LN2_HIGH = 0.693359375
_LN2_LOW = math.log(2.0) - _LN2_HIGH
_EXP_TERMS = (1.0, 1.0, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040)
_EXP_LOWEST, _EXP_HIGHEST = -87.33654, 88.72283
_HALF_PI = (1.5703125, 4.837512969970703e-4, 7.549789954891e-8)
_WHOLE_FROM = 8388608.0  # floats from here on are whole numbers


def exponential(x: Vector) -> Vector:
    """``exp(x)`` with a relative error below 3e-7; arguments below -87.3 give the smallest normal number.

    x = n ln 2 + r with |r| <= ln 2 / 2; exp(r) by its Taylor polynomial of degree 7 (remainder below 1e-8), 2^n through
    the exponent's bits in two factors, so that n = 128 does not overflow.
    """
    x = x.full.within(_EXP_LOWEST, _EXP_HIGHEST)
    n = (x * (1.0 / math.log(2.0))).to_int()
    whole = n.to_float()
    r = x.plus_product(-_LN2_HIGH, whole).plus_product(-_LN2_LOW, whole)
    half = n >> 1
    return polynomial(r, _EXP_TERMS) * _power_of_two(half) * _power_of_two(n - half)


def _power_of_two(n: Vector) -> Vector:
    return ((n + 127) << 23).bits("float")


def exponential_or_infinity(x: Vector) -> Vector:
    """``exp(x)`` that is zero for very small arguments and infinite for very large ones."""
    x = x.full
    result = x.compare("lt", _EXP_LOWEST).choose(0.0, exponential(x))
    return x.compare("gt", _EXP_HIGHEST).choose(math.inf, result)


def logarithm(x: Vector) -> Vector:
    """``log(x)``: x = 2^n m with m around 1, log m = 2 artanh((m - 1) / (m + 1))."""
    x = x.full
    bits = x.bits("i32") - 0x3F3504F3  # the square root of one half
    n = bits >> 23
    m = ((bits & 0x7FFFFF) + 0x3F3504F3).bits("float")
    s = (m - 1.0) / (m + 1.0)
    series = s * polynomial(s * s, (2.0, 2 / 3, 2 / 5, 2 / 7, 2 / 9))
    result = series.plus_product(math.log(2.0), n.to_float())
    result = x.compare("eq", 0.0).choose(-math.inf, result)
    result = x.compare("lt", 0.0).choose(math.nan, result)
    return x.compare("eq", math.inf).choose(math.inf, result)


def hyperbolic_tangent(x: Vector) -> Vector:
    """``tanh(x)``: a continued fraction below 0.625, else through the exponential."""
    x = x.full
    square = x * x
    small = x * polynomial(square, (945.0, 105.0, 1.0)) / polynomial(square, (945.0, 420.0, 15.0))
    power = exponential(abs(x) * -2.0)
    large = ((1.0 - power) / (power + 1.0)).with_sign_of(x)
    return abs(x).compare("lt", 0.625).choose(small, large)


def hyperbolic_sine(x: Vector) -> Vector:
    """``sinh(x)``: its series below 1, else through the exponential."""
    x = x.full
    small = x * polynomial(x * x, (1.0, 1 / 6, 1 / 120, 1 / 5040, 1 / 362880))
    power = exponential(x)
    return abs(x).compare("lt", 1.0).choose(small, (power - 1.0 / power) * 0.5)


def hyperbolic_cosine(x: Vector) -> Vector:
    """``cosh(x)``."""
    power = exponential(x)
    return (power + 1.0 / power) * 0.5


def sigmoid(x: Vector) -> Vector:
    """``1 / (1 + exp(-x))``."""
    return 1.0 / (exponential(-x.full) + 1.0)


def softplus(x: Vector) -> Vector:
    """``log(1 + exp(x))``: max(x, 0) + log(1 + u) with u = exp(-|x|), and log(1 + u) = 2 artanh(u / (2 + u))."""
    x = x.full
    u = exponential(-abs(x))
    s = u / (u + 2.0)
    return x.maximum(0.0) + s * polynomial(s * s, tuple(2.0 / (2 * k + 1) for k in range(8)))


def error_function(x: Vector) -> Vector:
    """``erf(x)``: its series below 0.75, else a rational approximation with an absolute error of 1.5e-7.

    Source: M. Abramowitz and I. Stegun, Handbook of Mathematical Functions, 1964, formulas 7.1.5 and 7.1.26.
    """
    x = x.full
    square = x * x
    scale = 2.0 / math.sqrt(math.pi)
    series = tuple(scale * (-1) ** k / (math.factorial(k) * (2 * k + 1)) for k in range(9))
    small = x * polynomial(square, series)
    t = 1.0 / (abs(x) * 0.3275911 + 1.0)
    terms = (0.0, 0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
    large = (1.0 - polynomial(t, terms) * exponential(-square)).with_sign_of(x)
    return abs(x).compare("lt", 0.75).choose(small, large)


def nearest(x: Vector) -> Vector:
    """The nearest whole number, ties to even."""
    x = x.full
    rounded = x.to_int().to_float().with_sign_of(x)
    return abs(x).compare("lt", _WHOLE_FROM).choose(rounded, x)


def floor(x: Vector) -> Vector:
    """The largest whole number that is not above."""
    rounded = nearest(x)
    return rounded.compare("gt", x).choose(rounded - 1.0, rounded)


def ceil(x: Vector) -> Vector:
    """The smallest whole number that is not below."""
    rounded = nearest(x)
    return rounded.compare("lt", x).choose(rounded + 1.0, rounded)


def truncate(x: Vector) -> Vector:
    """The whole part."""
    x = x.full
    return abs(x).compare("lt", _WHOLE_FROM).choose(x.to_int(truncated=True).to_float(), x)


def sine(x: Vector) -> Vector:
    """``sin(x)`` for moderate arguments (below some ten thousands)."""
    return _circular(x, 0)


def cosine(x: Vector) -> Vector:
    """``cos(x)`` for moderate arguments."""
    return _circular(x, 1)


def _circular(x: Vector, quarter_turns: int) -> Vector:
    """The sine, some quarter turns on: reduced to a quarter turn around zero."""
    x = x.full
    n = (x * (2.0 / math.pi)).to_int()
    r = x
    for part in _HALF_PI:
        r = r.plus_product(-part, n.to_float())
    square = r * r
    odd = r * polynomial(square, (1.0, -1 / 6, 1 / 120, -1 / 5040, 1 / 362880))
    even = polynomial(square, (1.0, -1 / 2, 1 / 24, -1 / 720, 1 / 40320))
    quadrant = n + quarter_turns
    value = (quadrant & 1).compare("ne", 0).choose(even, odd)
    return (quadrant & 2).compare("ne", 0).choose(-value, value)


def arc_tangent(x: Vector) -> Vector:
    """``atan(x)``: reduced to arguments below tan(pi/8), then its series."""
    x = x.full
    size = abs(x)
    is_large = size.compare("gt", 1.0)
    y = is_large.choose(1.0 / size, size)
    is_middle = y.compare("gt", math.tan(math.pi / 8))
    y = is_middle.choose((y - 1.0) / (y + 1.0), y)
    result = y * polynomial(y * y, tuple((-1) ** k / (2 * k + 1) for k in range(9)))
    result = is_middle.choose(result + math.pi / 4, result)
    return is_large.choose(math.pi / 2 - result, result).with_sign_of(x)


def arc_sine(x: Vector) -> Vector:
    """``asin(x)``."""
    x = x.full
    return arc_tangent(x / (1.0 - x * x).root())


def power(x: Vector, y: Vector) -> Vector:
    """``x ** y`` through the logarithm of the magnitude; negative bases need whole exponents."""
    x, y = x.full, y.full
    result = exponential_or_infinity(logarithm(abs(x)) * y)
    whole = nearest(y)
    is_odd = (whole.to_int() & 1).compare("ne", 0)
    signed = is_odd.choose(-result, result)
    signed = y.compare("ne", whole).choose(math.nan, signed)
    result = x.compare("lt", 0.0).choose(signed, result)
    return y.compare("eq", 0.0).choose(1.0, result)


def whole_power(x: Vector, y: Vector) -> Vector:
    """``x ** y`` of integers, by squaring; exponents above 31 overflow 32 bits anyway."""
    x, y = x.full, y.full
    result = x.like(1)
    for bit in range(5):
        result = (y & 1 << bit).compare("ne", 0).choose(result * x, result)
        x = x * x
    return result
