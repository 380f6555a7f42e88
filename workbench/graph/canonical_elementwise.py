"""Canonical forms of elementwise operators: the compiler's functions, with their numbers as `parameters`."""

from __future__ import annotations

import math

import numpy as np

from workbench.graph.canonical import ALL_TYPES, EVERY_TYPE, INTEGERS, NUMBERS, Canonical, rule
from workbench.graph.graph import Node

_PARAMETERS = {  # attributes and their default values, in the order of the compiler's functions
    "LeakyRelu": (("alpha", 0.01),), "ThresholdedRelu": (("alpha", 1.0),), "HardSigmoid": (("alpha", 0.2), ("beta", 0.5)),
    "Shrink": (("bias", 0.0), ("lambd", 0.5)), "IsInf": (("detect_negative", 1), ("detect_positive", 1)),
    "Swish": (("alpha", 1.0),), "Elu": (("alpha", 1.0),), "Celu": (("alpha", 1.0),),
    "Selu": (("alpha", 1.67326319217681884765625), ("gamma", 1.05070102214813232421875)),
}  # fmt: skip


def _given(node: Node) -> tuple[float, ...]:
    return tuple(float(node.attributes.get(name, value)) for name, value in _PARAMETERS.get(node.operator, ()))


@rule(
    "Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Ceil", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor", "HardSigmoid",
    "HardSwish", "IsInf", "IsNaN", "LeakyRelu", "Log", "Mish", "Reciprocal", "Round", "Shrink", "Sigmoid", "Sin", "Sinh",
    "Softplus", "Softsign", "Sqrt", "Swish", "Tan", "Tanh", "ThresholdedRelu",
)  # fmt: skip
def unary(work: Canonical, node: Node) -> None:
    """A function of one value."""
    work.emit(node.operator, node, node.inputs[:1], parameters=_given(node))


@rule("Abs", "Neg", "Sign", types=NUMBERS)
def unary_of_numbers(work: Canonical, node: Node) -> None:
    """A function of one float or integer."""
    work.emit(node.operator, node, node.inputs)


@rule("Not", types=("bool",))
def not_(work: Canonical, node: Node) -> None:
    """The other truth value."""
    work.emit("Not", node, node.inputs)


@rule("BitwiseNot", types=INTEGERS)
def bitwise_not(work: Canonical, node: Node) -> None:
    """All bits turned."""
    work.emit("BitwiseNot", node, node.inputs)


@rule("Selu", "Celu")
def exponential_units(work: Canonical, node: Node) -> None:
    """Elu with another scale above zero or another width below."""
    given = _given(node)
    parameters = (given[0] * given[1], given[1], 1.0) if node.operator == "Selu" else (given[0], 1.0, given[0])
    work.emit("Elu", node, node.inputs, parameters=parameters)


@rule("Gelu")
def gelu(work: Canonical, node: Node) -> None:
    """By the error function, or its approximation by tanh."""
    how = node.attributes.get("approximate", "none")
    if how not in ("none", "tanh"):
        raise work.error(f"Gelu with approximate {how!r}", "none or tanh", "export it again")
    work.emit("gelu_tanh" if how == "tanh" else "Gelu", node, node.inputs)


@rule("Relu", types=NUMBERS)
def relu(work: Canonical, node: Node) -> None:
    """Clip from zero on."""
    if work.dtype(node.outputs[0]) == "float32":
        work.emit("Clip", node, node.inputs, parameters=(0.0, math.inf))
    else:
        work.emit("Max", node, (node.inputs[0], work.add_constant(node, np.array(0))))


@rule("Clip", types=NUMBERS)
def clip(work: Canonical, node: Node) -> None:
    """Bounds as numbers; computed ones as Max and Min."""
    names = [node.inputs[i] if work.has_input(node, i) else "" for i in (1, 2)]
    if work.dtype(node.outputs[0]) == "float32" and all(not name or name in work.constants for name in names):
        low, high = work.constant(node, 1, "bounds"), work.constant(node, 2, "bounds")
        lowest = float(low.ravel()[0]) if low is not None else float(node.attributes.get("min", -math.inf))
        highest = float(high.ravel()[0]) if high is not None else float(node.attributes.get("max", math.inf))
        limit = float(np.finfo(np.float32).max)
        lowest, highest = (-math.inf if lowest <= -limit else lowest), (math.inf if highest >= limit else highest)
        lowest = min(lowest, highest)  # the upper bound comes last
        work.emit("Clip", node, node.inputs[:1], parameters=(lowest, highest))
        return
    value = node.inputs[0]
    for name, operator in zip(names, ("Max", "Min"), strict=True):
        if name:
            bound = _bound(work, node, name)
            value = work.emit(operator, node, (value, bound), final=operator == "Min" or not names[1])
    if not any(names):
        work.rename(node.outputs[0], value)


def _bound(work: Canonical, node: Node, name: str) -> str:
    """A bound of a Clip; of a constant integer only what 32 bits hold matters."""
    array = work.constants.get(name)
    if array is None or array.dtype.kind == "f":
        return name
    return work.add_constant(node, np.clip(array, np.iinfo(np.int32).min, np.iinfo(np.int32).max))


def _sides(work: Canonical, node: Node) -> tuple[str, str]:
    """Both inputs; before opset 7 the second may be aligned with an axis of the first."""
    left, right = node.inputs[:2]
    if node.attributes.get("broadcast", 0) and "axis" in node.attributes:
        shape = work.shape(right)
        tail = len(work.shape(left)) - int(node.attributes["axis"]) % len(work.shape(left)) - len(shape)
        right = work.reshaped(node, right, (*shape, *[1] * tail))
    return left, right


@rule("Add", "Sub", "Mul", "Div", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", types=NUMBERS)
def binary(work: Canonical, node: Node) -> None:
    """Two values with broadcasting."""
    work.emit(node.operator, node, _sides(work, node), work.shape(node.outputs[0]))


@rule("Equal", types=ALL_TYPES)
def equal(work: Canonical, node: Node) -> None:
    """Two values of any type."""
    binary(work, node)


@rule("And", "Or", "Xor", types=("bool",))
def logical(work: Canonical, node: Node) -> None:
    """Two truth values."""
    binary(work, node)


@rule("BitwiseAnd", "BitwiseOr", "BitwiseXor", types=INTEGERS)
def bitwise(work: Canonical, node: Node) -> None:
    """Two integers, bit by bit."""
    binary(work, node)


@rule("PRelu")
def prelu(work: Canonical, node: Node) -> None:
    """A slope for each element or channel."""
    x, slope = node.inputs
    if work.opset < 7 and len(work.shape(slope)) == 1:
        slope = work.reshaped(node, slope, (*work.shape(slope), *[1] * (len(work.shape(x)) - 2)))
    work.emit("PRelu", node, (x, slope))


@rule("Where", types=ALL_TYPES)
def where(work: Canonical, node: Node) -> None:
    """One of two values."""
    work.emit("Where", node, node.inputs, work.shape(node.outputs[0]))


@rule("Max", "Min", "Sum", "Mean", types=NUMBERS)
def several(work: Canonical, node: Node) -> None:
    """A chain of two-input operators."""
    operator = {"Sum": "Add", "Mean": "Add"}.get(node.operator, node.operator)
    if len(node.inputs) == 1:
        work.rename(node.outputs[0], node.inputs[0])
        return
    total, is_mean = node.inputs[0], node.operator == "Mean"
    for place, name in enumerate(node.inputs[1:], start=2):
        shape = np.broadcast_shapes(work.shape(total), work.shape(name))
        total = work.emit(operator, node, (total, name), shape, final=place == len(node.inputs) and not is_mean)
    if is_mean:
        work.emit("affine", node, (total,), parameters=(1.0 / len(node.inputs), 0.0))


@rule("Mod", types=NUMBERS)
def modulo(work: Canonical, node: Node) -> None:
    """The remainder with the sign of the divisor, or (fmod) of the dividend."""
    operator = "remainder" if node.attributes.get("fmod", 0) else "Mod"
    work.emit(operator, node, node.inputs, work.shape(node.outputs[0]))


@rule("BitShift", types=INTEGERS)
def bit_shift(work: Canonical, node: Node) -> None:
    """Bits moved left, or right with the sign from above."""
    operator = "shift_left_by" if node.attributes["direction"] == "LEFT" else "shift_right_by"
    work.emit(operator, node, node.inputs, work.shape(node.outputs[0]))


@rule("Pow", types=NUMBERS)
def power(work: Canonical, node: Node) -> None:
    """Small constant exponents as products and roots; integers by squaring."""
    x, y = _sides(work, node)
    out, result = work.shape(node.outputs[0]), work.dtype(node.outputs[0])
    exponent = work.constants.get(y)
    if result == "float32":
        if exponent is not None and exponent.size == 1 and out == work.shape(x) and _small_power(work, node, x, exponent):
            return
        work.emit("Pow", node, (x, _as_float(work, node, y)), out)
    elif work.dtype(y) != "float32":
        work.emit("whole_power", node, (x, y), out)
    else:
        made = work.emit("Pow", node, (_as_float(work, node, x), y), out, final=False, dtype="float32")
        work.emit("to_int", node, (made,))


def _as_float(work: Canonical, node: Node, name: str) -> str:
    if work.dtype(name) == "float32":
        return name
    if name in work.constants:
        return work.add_constant(node, work.constants[name].astype(np.float32))
    return work.emit("to_float", node, (name,), final=False, dtype="float32")


def _small_power(work: Canonical, node: Node, x: str, exponent: np.ndarray) -> bool:
    """Emit a power with a small constant exponent; whether that was possible."""
    value = float(exponent.ravel()[0])
    if value == 2.0:
        work.emit("Mul", node, (x, x))
    elif value == 3.0:
        work.emit("Mul", node, (work.emit("Mul", node, (x, x), final=False), x))
    elif value == 0.5:
        work.emit("Sqrt", node, (x,))
    elif value == -1.0:
        work.emit("Reciprocal", node, (x,))
    elif value == -0.5:
        work.emit("inverse_root", node, (x,), parameters=(0.0,))
    else:
        return False
    return True


@rule("Cast", "CastLike", types=ALL_TYPES)
def cast(work: Canonical, node: Node) -> None:
    """Between floats, integers (towards zero) and booleans."""
    before, after = work.dtype(node.inputs[0]), work.dtype(node.outputs[0])
    if before not in ALL_TYPES:
        raise work.error(f"{node.operator} from {before}", EVERY_TYPE, "export a float32 network")
    if before == after or {before, after} <= {*INTEGERS} or (before == "bool" and after in INTEGERS):
        if before == after and ("rounds" not in node.attributes or node.inputs[0] in work.constants):
            work.rename(node.outputs[0], node.inputs[0])
        else:
            work.emit("copy", node, node.inputs[:1])
    elif after == "bool":
        work.emit("to_bool", node, node.inputs[:1])
    else:
        work.emit("to_float" if after == "float32" else "to_int", node, node.inputs[:1])


@rule("BitCast", types=ALL_TYPES)
def bit_cast(work: Canonical, node: Node) -> None:
    """The same bits as another type of their width."""
    before, after = work.dtype(node.inputs[0]), work.dtype(node.outputs[0])
    if "rounds" in node.attributes:
        raise work.error("BitCast of float16", "types of 8, 16 or 32 bits but float16", "use a Cast")
    if np.dtype(before).itemsize != np.dtype(after).itemsize or "int64" in (before, after):
        raise work.error(f"BitCast from {before} to {after}", "types of one width", "use types of 8, 16 or 32 bits")
    if before == after:
        work.rename(node.outputs[0], node.inputs[0])
    elif "float32" not in (before, after):
        work.emit("copy", node, node.inputs[:1])
    else:
        work.emit("bits_to_float" if after == "float32" else "bits_to_int", node, node.inputs[:1])
