"""The exponential function of a vector of floats."""

from __future__ import annotations

import math

from workbench.compiler.ir import Builder, Value, real

_LOG2_E = 1.0 / math.log(2.0)
_LN2_HIGH = 0.693359375
_LN2_LOW = math.log(2.0) - _LN2_HIGH
_TERMS = (1.0, 1.0, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040)
_LOWEST, _HIGHEST = -87.33654, 88.72283


def exponential(builder: Builder, x: Value) -> Value:
    """``exp(x)`` with a relative error below 3e-7; arguments below -87.3 give the smallest normal number.

    x = n ln 2 + r with |r| <= ln 2 / 2; exp(r) by its Taylor polynomial of degree 7 (remainder below 1e-8), 2^n through
    the exponent's bits in two factors, so that n = 128 does not overflow.

    Source: W. J. Cody and W. Waite, Software Manual for the Elementary Functions, 1980, chapter 6 (reduction with the
    two-part ln 2).
    """
    x = builder.arithmetic("vfmin", builder.arithmetic("vfmax", x, real(_LOWEST)), real(_HIGHEST))
    n = builder.float_to_int(builder.arithmetic("vfmul", x, real(_LOG2_E)))
    whole = builder.int_to_float(n)
    r = builder.accumulate(x, real(-_LN2_HIGH), whole)
    r = builder.accumulate(r, real(-_LN2_LOW), whole)
    result = builder.splat(real(_TERMS[-1]))
    for term in reversed(_TERMS[:-1]):
        result = builder.arithmetic("vfadd", builder.arithmetic("vfmul", result, r), real(term))
    half = builder.int_arithmetic("vsra", n, 1)
    other = builder.int_difference(n, half)
    result = builder.arithmetic("vfmul", result, _power_of_two(builder, half))
    return builder.arithmetic("vfmul", result, _power_of_two(builder, other))


def _power_of_two(builder: Builder, n: Value) -> Value:
    biased = builder.int_arithmetic("vadd", n, 127)
    return builder.bits_as_float(builder.int_arithmetic("vsll", biased, 23))
