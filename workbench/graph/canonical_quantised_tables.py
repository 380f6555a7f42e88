"""Canonical forms of quantised functions of one byte: tables of 256 results; and of the softmax and means of bytes.

A table is made once from the float function, as onnxruntime makes it, and read by ``Gather``: bytes below zero count from
its end. Where onnxruntime computes floats from bytes (exponentials, means of windows), so does this, operation by operation.
Only the order in which a softmax adds differs, and a result beyond the range of bytes is saturated.

Source: onnxruntime, "Contrib operators"; tests/compiler/test_quantised.py compares bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from workbench.graph.canonical import Canonical, rule
from workbench.graph.canonical_layers import _window
from workbench.graph.canonical_quantised import emit_quantise, one_scale, one_zero
from workbench.graph.canonical_reductions import emit_reduce
from workbench.graph.graph import Node
from workbench.graph.quantised_form import BYTES

Function = Callable[[np.ndarray], np.ndarray]
_BYTE_VALUES = 256
_LAST_FLATTENING_OPSET = 12  # up to here a softmax runs over all axes from its own on
_RESERVED = 5.0  # of the exponent of the largest float, for products of exponentials


def _by_table(
    work: Canonical, node: Node, x: str, places: tuple[int, int, int, int], function: Function, final: bool = True
) -> str:
    """``quantise(function(dequantise(x)))``; `places` are the inputs of scale and zero of `x`, and of the result."""
    dtype = work.dtype(x)
    read = np.arange(_BYTE_VALUES).astype(np.uint8).view(dtype).astype(np.int64)
    (sx, zx), (sy, zy) = ((one_scale(work, node, s), one_zero(work, node, z)) for s, z in (places[:2], places[2:]))
    values = function((read - zx).astype(np.float32) * sx).astype(np.float32)
    info = np.iinfo(dtype)
    table = np.clip(np.rint(values / sy) + zy, info.min, info.max).astype(dtype)
    return work.emit("Gather", node, (work.add_constant(node, table), x), work.shape(x), final, dtype, axis=0)


@rule("QLinearSigmoid", types=BYTES)
def quantised_sigmoid(work: Canonical, node: Node) -> None:
    """The logistic function."""
    _by_table(work, node, node.inputs[0], (1, 2, 3, 4), lambda x: 1.0 / (1.0 + np.exp(-x.astype(np.float64))))


@rule("QLinearLeakyRelu", types=BYTES)
def quantised_leaky_relu(work: Canonical, node: Node) -> None:
    """``x``, or ``alpha x`` below zero."""
    alpha = np.float32(node.attributes.get("alpha", 0.01))
    _by_table(work, node, node.inputs[0], (1, 2, 3, 4), lambda x: np.where(x >= 0, x, alpha * x))


@rule("QLinearConcat", types=("float32", *BYTES))
def quantised_concat(work: Canonical, node: Node) -> None:
    """Inputs of a scale and zero of their own, one behind the other with those of the result."""
    wanted = one_scale(work, node, 0), one_zero(work, node, 1)
    parts = []
    for place in range(2, len(node.inputs), 3):
        x, own = node.inputs[place], (one_scale(work, node, place + 1), one_zero(work, node, place + 2))
        is_alike = own == wanted
        parts.append(x if is_alike else _by_table(work, node, x, (place + 1, place + 2, 0, 1), lambda v: v, final=False))
    shape = work.shape(node.outputs[0])
    axis = int(node.attributes["axis"]) % len(shape)
    work.emit("Concat", node, parts, shape, dtype=work.dtype(node.inputs[2]), axis=axis)


@rule("QLinearSoftmax", types=BYTES)
def quantised_softmax(work: Canonical, node: Node) -> None:
    """Exponentials of the distances to the largest byte, from a table; their shares in units of ``1 / floor(1 / scale)``."""
    x, shape = node.inputs[0], work.shape(node.inputs[0])
    flattens = int(node.attributes.get("opset", work.opset)) <= _LAST_FLATTENING_OPSET
    default = 1 if flattens and "opset" not in node.attributes else -1  # without: a Softmax between quantised tensors
    first = int(node.attributes.get("axis", default)) % len(shape)
    axes = list(range(first, len(shape))) if flattens else [first]
    largest = emit_reduce(work, node, x, axes, "max")
    distance = work.emit("Sub", node, [x, largest], shape, False, "int16")
    table = _exponentials(float(one_scale(work, node, 1)), math.prod(shape[axis] for axis in axes))
    powers = work.emit("Gather", node, (work.add_constant(node, table), distance), shape, False, "float32", axis=0)
    total = emit_reduce(work, node, powers, axes, "add")
    units = np.floor(np.float32(1.0) / one_scale(work, node, 3)).reshape((1,) * len(shape))
    scaled = work.emit("Mul", node, [powers, work.add_constant(node, units)], shape, False)
    zero = np.array(one_zero(work, node, 4), work.dtype(x)).reshape((1,) * len(shape))
    emit_quantise(work, node, scaled, total, work.add_constant(node, zero))


def _exponentials(scale: float, count: int) -> np.ndarray:
    """``exp(scale d)`` for distances d = 0, -255, ..., -1, all times a factor for which `count` of them stay finite."""
    shift = max(0.0, math.log(float(np.float32(np.finfo(np.float32).max) / np.float32(count))) - _RESERVED) / scale
    distances = np.concatenate(([0.0], np.arange(1.0 - _BYTE_VALUES, 0.0)))
    return np.exp((distances + shift) * scale).astype(np.float32)


@rule("QLinearAveragePool", types=BYTES)
def quantised_average(work: Canonical, node: Node) -> None:
    """Means of the dequantised elements of windows, quantised."""
    x, shape = node.inputs[0], work.shape(node.outputs[0])
    if node.attributes.get("channels_last", 0) or len(shape) != 4:
        raise work.error("QLinearAveragePool of another form", "batch, channels, height, width", "export it again")

    def number(value: float, dtype: str = "float32") -> str:
        return work.add_constant(node, np.full((1,) * 4, value, dtype))

    scale, zero = number(float(one_scale(work, node, 1))), number(one_zero(work, node, 2), work.dtype(x))
    floats = work.emit("dequantise", node, [x, scale, zero], work.shape(x), False, "float32")
    window = _window(work, node, list(node.attributes["kernel_shape"]))
    value = work.emit("AveragePool", node, [floats], shape, False, is_total=True, counted=(0,) * 4, **window)
    value = work.emit("Div", node, [value, work.add_constant(node, _counts(work, node, window))], shape, False)
    value = work.emit("Div", node, [value, number(float(one_scale(work, node, 3)))], shape, False)
    value = work.emit("Add", node, [value, number(one_zero(work, node, 4))], shape, False)
    emit_quantise(work, node, value, number(1.0), number(0, work.dtype(x)))


def _counts(work: Canonical, node: Node, window: dict[str, tuple[int, ...]]) -> np.ndarray:
    """By how many elements the sum of each window is divided (1, 1, rows, columns)."""
    source, target = work.shape(node.inputs[0])[2:], work.shape(node.outputs[0])[2:]
    kernel, strides, pads = window["kernel"], window["strides"], window["pads"]
    if node.attributes.get("count_include_pad", 0):
        return np.full((1,) * 4, float(math.prod(kernel)), np.float32)
    sides = []
    for axis in (0, 1):
        begins = np.arange(target[axis]) * strides[axis] - pads[axis]
        sides.append(np.minimum(begins + kernel[axis], source[axis]) - np.maximum(begins, 0))
    return np.outer(*sides).astype(np.float32).reshape(1, 1, *target)
