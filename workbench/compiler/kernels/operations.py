"""What an elementwise kernel can compute: one entry for each function of vectors, under the name of its ONNX operator."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from workbench.compiler.kernels import functions as f
from workbench.compiler.kernels.algebra import Vector

_FAR = 65536.0  # beyond any zero: what is rounded stays in 32 bits
Parameters = Sequence[float]
Apply = Callable[[list[Vector], Parameters], Vector]


@dataclass(frozen=True)
class Operation:
    """A function of vectors and constant parameters.

    `lmul` is the largest group of registers that it has room for, `spare` how many groups it needs beside those of its
    arguments, which its result may take.
    """

    apply: Apply
    lmul: int = 8
    spare: int = 0


OPERATIONS: dict[str, Operation] = {}
_BETWEEN_TYPES = ("to_float", "to_int", "bits_to_float", "bits_to_int")


def is_right_in_half(operation: str) -> bool:
    """Whether an operation has no constants and steps that need single precision: those of a few instructions."""
    return OPERATIONS[operation].lmul == 8 and operation not in _BETWEEN_TYPES


def _unary(lmul: int, spare: int, **table: Callable[[Vector], Vector]) -> None:
    for name, function in table.items():
        OPERATIONS[name] = Operation(lambda values, _, function=function: function(values[0].full), lmul, spare)  # type: ignore[misc]


def _binary(lmul: int, spare: int, **table: Callable[[Vector, Vector], Vector]) -> None:
    for name, function in table.items():
        OPERATIONS[name] = Operation(lambda values, _, function=function: function(*values), lmul, spare)  # type: ignore[misc]


def _shaped(lmul: int, spare: int, **table: Callable[..., Vector]) -> None:
    """Functions of one vector and constant parameters."""
    for name, function in table.items():
        OPERATIONS[name] = Operation(lambda values, given, function=function: function(values[0].full, *given), lmul, spare)  # type: ignore[misc]


# --- functions of one value ------------------------------------------------------------------------------------------


def _sign(x: Vector) -> Vector:
    negative = x.compare("lt", 0).choose(-1, x.like(0))
    return x.compare("gt", 0).choose(1, negative)


def _gelu(x: Vector) -> Vector:
    return x * 0.5 * (f.error_function(x * math.sqrt(0.5)) + 1.0)


def _gelu_tanh(x: Vector) -> Vector:
    inner = x * math.sqrt(2.0 / math.pi) * (x * x * 0.044715 + 1.0)
    return x * 0.5 * (f.hyperbolic_tangent(inner) + 1.0)


def _arc_hyperbolic_tangent(x: Vector) -> Vector:
    return f.logarithm((x + 1.0) / (1.0 - x)) * 0.5


def _arc_hyperbolic_sine(x: Vector) -> Vector:
    size = abs(x)
    return f.logarithm(size + (size * size + 1.0).root()).with_sign_of(x)


_unary(
    8, 0, copy=lambda x: x, Neg=lambda x: -x, Abs=abs, Sqrt=lambda x: x.root(), Reciprocal=lambda x: 1.0 / x,
    Not=lambda x: x ^ 1, BitwiseNot=lambda x: x ^ -1, to_float=lambda x: x.to_float(),
    to_int=lambda x: x.to_int(truncated=True), to_bool=lambda x: x.compare("ne", 0).ones(),
    IsNaN=lambda x: x.compare("ne", x).ones(), bits_to_float=lambda x: x.bits("float"), bits_to_int=lambda x: x.bits("i32"),
)  # fmt: skip
_unary(8, 1, HardSwish=lambda x: x * (x * (1 / 6) + 0.5).within(0.0, 1.0), Softsign=lambda x: x / (abs(x) + 1.0))
_unary(
    4, 4, Exp=f.exponential_or_infinity, Sign=_sign, Round=f.nearest, Floor=f.floor, Ceil=f.ceil, Sigmoid=f.sigmoid,
    exp_finite=f.exponential,
)  # fmt: skip
_unary(
    2, 10, Log=f.logarithm, Tanh=f.hyperbolic_tangent, Sinh=f.hyperbolic_sine, Cosh=f.hyperbolic_cosine,
    Erf=f.error_function, Sin=f.sine, Cos=f.cosine, Tan=lambda x: f.sine(x) / f.cosine(x), Atan=f.arc_tangent,
    Asin=f.arc_sine, Acos=lambda x: math.pi / 2 - f.arc_sine(x), Asinh=_arc_hyperbolic_sine,
    Acosh=lambda x: f.logarithm(x + (x * x - 1.0).root()), Atanh=_arc_hyperbolic_tangent, Softplus=f.softplus,
    Gelu=_gelu, gelu_tanh=_gelu_tanh, Mish=lambda x: x * f.hyperbolic_tangent(f.softplus(x)),
)  # fmt: skip


# --- functions of one value with parameters --------------------------------------------------------------------------


def _exponential_below(x: Vector, alpha: float, scale: float = 1.0, width: float = 1.0) -> Vector:
    """``scale * x`` above zero, ``alpha * (exp(x / width) - 1)`` below: Elu, Selu and Celu."""
    below = (f.exponential(x.minimum(0.0) * (1.0 / width)) - 1.0) * alpha
    return x.compare("gt", 0.0).choose(x * scale, below)


def _leaky(x: Vector, alpha: float) -> Vector:
    """``alpha * x`` below zero; for usual slopes the larger of both."""
    below = x * alpha
    return x.maximum(below) if 0.0 < alpha <= 1.0 else x.compare("lt", 0.0).choose(below, x)


def _shrink(x: Vector, bias: float, threshold: float) -> Vector:
    result = x.compare("lt", -threshold).choose(x + bias, x.like(0.0))
    return x.compare("gt", threshold).choose(x - bias, result)


def _is_infinite(x: Vector, negative: float, positive: float) -> Vector:
    ones = x.compare("eq", math.inf).ones() & int(positive)
    return ones | (x.compare("eq", -math.inf).ones() & int(negative))


_shaped(
    8, 0, Clip=lambda x, low, high: x.within(low, high), affine=lambda x, scale, shift: x * scale + shift,
    HardSigmoid=lambda x, alpha, beta: (x * alpha + beta).within(0.0, 1.0),
)  # fmt: skip
_shaped(8, 1, LeakyRelu=_leaky)
_shaped(
    4, 5, ThresholdedRelu=lambda x, alpha: x.compare("gt", alpha).choose(x, x.like(0.0)),
    Shrink=_shrink, IsInf=_is_infinite,
    Swish=lambda x, alpha: x * f.sigmoid(x * alpha), Elu=_exponential_below,
    inverse_root=lambda x, shift: 1.0 / (x + shift).root(),
)  # fmt: skip


# --- functions of several values -------------------------------------------------------------------------------------


def _relation(relation: str) -> Callable[[Vector, Vector], Vector]:
    return lambda x, y: x.compare(relation, y).ones()


def _sloped(x: Vector, slope: Vector) -> Vector:
    """``slope * x`` below zero."""
    return x.maximum(0.0).full.plus_product(slope, x.minimum(0.0))


def _modulo(x: Vector, y: Vector) -> Vector:
    """The remainder with the divisor's sign."""
    x, y = x.full, y.full
    rest = _remainder(x, y)
    wrong = (rest * y).compare("lt", 0)
    return wrong.choose(rest + y, rest)


def _remainder(x: Vector, y: Vector) -> Vector:
    """The remainder with the dividend's sign."""
    x, y = x.full, y.full
    if not x.is_float:
        return x % y
    return abs(y).compare("eq", math.inf).choose(x, x - y * f.truncate(x / y))


def _shift_left(x: Vector, y: Vector) -> Vector:
    """Bits moved left; nothing is left where the amount is not from 0 to 31."""
    x, y = x.full, y.full
    return (y & -32).compare("ne", 0).choose(0, x << y)


def _shift_right(x: Vector, y: Vector) -> Vector:
    """Bits moved right, the sign from above; an amount that is not from 0 to 31 leaves the sign."""
    y = y.full
    return x.full >> (y & -32).compare("ne", 0).choose(31, y)


_binary(
    8, 0, Add=lambda x, y: x + y, Sub=lambda x, y: x - y, Mul=lambda x, y: x * y, Div=lambda x, y: x / y,
    Max=lambda x, y: x.maximum(y), Min=lambda x, y: x.minimum(y), And=lambda x, y: x & y, Or=lambda x, y: x | y,
    Xor=lambda x, y: x ^ y, BitwiseAnd=lambda x, y: x & y, BitwiseOr=lambda x, y: x | y, BitwiseXor=lambda x, y: x ^ y,
    Equal=_relation("eq"), Less=_relation("lt"), LessOrEqual=_relation("le"), Greater=_relation("gt"),
    GreaterOrEqual=_relation("ge"), shift_left_by=_shift_left,
    shift_right_by=_shift_right,
)  # fmt: skip
_binary(8, 1, PRelu=_sloped)
_binary(
    4, 5, Mod=_modulo, remainder=_remainder,
    whole_power=f.whole_power,
)  # fmt: skip
_binary(2, 10, Pow=f.power)


def _where(values: list[Vector], given: Parameters) -> Vector:
    condition, yes, no = values
    return condition.full.compare("ne", 0).choose(yes, no)


def _scale_shift(values: list[Vector], given: Parameters) -> Vector:
    x, scale, shift = values
    return shift.full.plus_product(scale, x)


def _normalize(values: list[Vector], given: Parameters) -> Vector:
    """``x / sqrt(variance + epsilon) * scale + shift``; scale and shift may be absent."""
    x, variance, *factors = values
    result = x.full * (1.0 / (variance.full + given[0]).root())
    for factor, operation in zip(factors, ("mul", "add"), strict=False):
        result = result * factor if operation == "mul" else result + factor
    return result


def _whole(x: Vector, low: float, high: float) -> Vector:
    """The nearest integers within bounds, ties to even."""
    return x.within(low - _FAR, high + _FAR).to_int()


def _quantise(values: list[Vector], given: Parameters) -> Vector:
    """``saturate(round(x / scale) + zero)``."""
    x, scale, zero = values
    low, high = given
    return (_whole(x.full / scale, low, high) + zero).within(low, high)


def _dequantise(values: list[Vector], given: Parameters) -> Vector:
    """``(x - zero) * scale``."""
    x, scale, zero = values
    return (x.full - zero).to_float() * scale


def _quantised_add(values: list[Vector], given: Parameters) -> Vector:
    """``a * ra + (b * rb + rest)`` rounded, every product and sum at once."""
    a, b = (value.to_float() for value in values)
    ra, rb, rest, low, high = given
    total = a.like(rest).plus_product(rb, b).plus_product(ra, a)
    return total.to_short().within(low, high)


def _quantised_mul(values: list[Vector], given: Parameters) -> Vector:
    """``(a - za) * (b - zb) * ratio + zero`` rounded."""
    za, zb, ratio, zero, low, high = given
    a, b = ((value.full - z).to_float() for value, z in zip(values, (za, zb), strict=True))
    return (a * b * ratio + zero).to_short().within(low, high)


def _requantise(values: list[Vector], given: Parameters) -> Vector:
    """``saturate(round(sum * scale) + zero)`` of a sum of integers, the product in single precision, ties to even.

    Bounds are those of bytes, so that saturated 16 bits hold all that matters once the product is rounded.
    """
    total, scale = values
    low, high, zero = given
    return (total.full.to_float() * scale).to_short().plus_saturated(zero).within(low, high)


OPERATIONS["requantise"] = Operation(_requantise, 8, 0)
OPERATIONS["quantise"] = Operation(_quantise, 4, 1)
OPERATIONS["dequantise"] = Operation(_dequantise, 8, 0)
OPERATIONS["quantised_add"] = Operation(_quantised_add, 4, 1)
OPERATIONS["quantised_mul"] = Operation(_quantised_mul, 4, 1)
OPERATIONS["Where"] = Operation(_where, 4, 1)
OPERATIONS["scale_shift"] = Operation(_scale_shift, 8, 0)
OPERATIONS["normalize"] = Operation(_normalize, 4, 1)
