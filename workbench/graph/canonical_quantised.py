"""Canonical forms of quantised operators: sums of integers with a scale and a zero for their result.

Conv, Gemm, MatMul and AveragePool of bytes make sums of 32 bits; ``requantise`` behind them makes
``saturate(round(sum * scale) + zero)`` with one scale, or one for each filter. Zeros of the inputs are gone: that of the
weights is subtracted from them, that of the data is in the bias and, for convolutions, the value of the padding (`border`).
Where a zero is computed, it is subtracted in 16 bits first. Element by element, ``quantise`` and ``dequantise`` follow the
standard.

Source: ONNX operator specification; onnxruntime, "Contrib operators". Factors are formed in single precision in the order
in which onnxruntime forms them; tests/compiler/test_quantised.py compares bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.graph.canonical import NARROW, Canonical, rule
from workbench.graph.canonical_layers import _emit_conv, _window
from workbench.graph.canonical_reductions import emit_reduce
from workbench.graph.graph import Node, Tensor
from workbench.graph.quantised_form import BOUNDS, BYTES

_QUANTISED = ("float32", "int32", *NARROW)


def _scales(work: Canonical, node: Node, index: int) -> np.ndarray:
    array = work.constant(node, index, "scales")
    assert array is not None
    return np.asarray(array, np.float32).reshape(-1)


def _zeros(work: Canonical, node: Node, index: int) -> np.ndarray:
    array = work.constant(node, index, "zero points")
    return np.zeros(1, np.int64) if array is None else array.astype(np.int64).reshape(-1)


def _one(work: Canonical, array: np.ndarray, what: str) -> Any:
    """The only element."""
    if array.size != 1:
        raise work.error(f"{array.size} {what}", "one for the whole tensor", "quantise it per tensor")
    return array[0]


def one_scale(work: Canonical, node: Node, index: int) -> np.float32:
    """The only scale of an input."""
    return np.float32(_one(work, _scales(work, node, index), "scales"))


def one_zero(work: Canonical, node: Node, index: int) -> int:
    """The only zero of an input; 0 where none is given."""
    return int(_one(work, _zeros(work, node, index), "zero points"))


def _sums(work: Canonical, node: Node) -> Node:
    """The node with sums of 32 bits as its output."""
    name = f"{node.outputs[0]}~sums"
    work.tensors[name] = Tensor(name, work.shape(node.outputs[0]), "int32")
    return Node(node.name, node.operator, node.inputs, (name,), node.attributes)


def _requantise(work: Canonical, node: Node, scales: np.ndarray, zero: int, axis: int) -> None:
    """The node's output from its sums; scales that differ do so along an axis."""
    info, rank = np.iinfo(work.dtype(node.outputs[0])), len(work.shape(node.outputs[0]))
    low, high = node.attributes.get(BOUNDS, (info.min, info.max))
    sides = [1] * rank
    sides[axis] = scales.size
    scale = work.add_constant(node, scales.astype(np.float32).reshape(sides))
    work.emit("requantise", node, [f"{node.outputs[0]}~sums", scale], parameters=(float(low), float(high), float(zero)))


def _narrowest(weights: np.ndarray) -> np.ndarray:
    """Weights as bytes where they fit, else in 16 bits."""
    fits = weights.size == 0 or (weights.min() >= -128 and weights.max() <= 127)
    return weights.astype(np.int8 if fits else np.int16)


# --- element by element ----------------------------------------------------------------------------------------------


def _aligned(work: Canonical, node: Node, name: str) -> str:
    """A scale or zero with the axes of the data: one for all, one for each place of an axis, or one for a block."""
    shape, size = work.shape(node.inputs[0]), work.shape(name)
    axis, rank = int(node.attributes.get("axis", 1)), len(shape)
    block = int(node.attributes.get("block_size", 0))
    if block and math.prod(size) > 1:
        array = work.constants.get(name)
        if array is None:
            raise work.error(f"{node.operator} with computed scales of blocks", "constant ones", "export them as constants")
        return work.add_constant(node, np.repeat(array, block, axis % rank)[tuple(map(slice, shape))])
    if math.prod(size) == 1 or len(size) == rank:
        return work.reshaped(node, name, (1,) * rank) if math.prod(size) == 1 else name
    sides = [1] * rank
    sides[axis % rank] = size[0]
    return work.reshaped(node, name, sides)


def _zero_of(work: Canonical, node: Node, dtype: str) -> str:
    name = node.inputs[2] if work.has_input(node, 2) else work.add_constant(node, np.zeros(1, dtype))
    return _aligned(work, node, name)


@rule("QuantizeLinear", types=_QUANTISED)
def quantize_linear(work: Canonical, node: Node) -> None:
    """``saturate(round(x / scale) + zero)``, ties to even."""
    dtype = work.dtype(node.outputs[0])
    if dtype not in NARROW or work.dtype(node.inputs[0]) != "float32":
        found = f"QuantizeLinear from {work.dtype(node.inputs[0])} to {dtype}"
        raise work.error(found, "float32 to int8, uint8, int16 or uint16", "quantise to 8 bits")
    emit_quantise(work, node, node.inputs[0], _aligned(work, node, node.inputs[1]), _zero_of(work, node, dtype))


def emit_quantise(work: Canonical, node: Node, x: str, scale: str, zero: str, final: bool | str = True) -> str:
    """A quantised tensor of the type of the zeros."""
    info = np.iinfo(work.dtype(zero))
    parameters = (float(info.min), float(info.max))
    return work.emit("quantise", node, [x, scale, zero], work.shape(x), final, work.dtype(zero), parameters=parameters)


@rule("DequantizeLinear", types=_QUANTISED)
def dequantize_linear(work: Canonical, node: Node) -> None:
    """``(x - zero) * scale``; of constants here and now."""
    data = node.inputs[0]
    if work.dtype(node.outputs[0]) != "float32" or work.dtype(data) == "float32":
        found = f"DequantizeLinear from {work.dtype(data)} to {work.dtype(node.outputs[0])}"
        raise work.error(found, "integers to float32", "export float32 scales")
    scale, zero = _aligned(work, node, node.inputs[1]), _zero_of(work, node, work.dtype(data))
    arrays = [work.constants.get(name) for name in (data, scale, zero)]
    if any(array is None for array in arrays):
        work.emit("dequantise", node, [data, scale, zero])
        return
    x, s, z = (np.asarray(array) for array in arrays)
    work.set_constant(node.outputs[0], (x.astype(np.int64) - z.astype(np.int64)).astype(np.float32) * s.astype(np.float32))


@rule("DynamicQuantizeLinear", types=("float32", "uint8"))
def dynamic_quantize_linear(work: Canonical, node: Node) -> None:
    """Scale and zero from the extremes, zero among them."""
    x, rank, nothing = node.inputs[0], len(work.shape(node.inputs[0])), work.add_constant(node, np.zeros(1, np.float32))
    axes, one = list(range(rank)), (1,) * rank
    high = work.emit("Max", node, [emit_reduce(work, node, x, axes, "max"), nothing], one, False)
    low = work.emit("Min", node, [emit_reduce(work, node, x, axes, "min"), nothing], one, False)
    width = work.emit("Sub", node, [high, low], one, False)
    scale = work.emit("Div", node, [width, work.add_constant(node, np.full(1, 255.0))], one, False)
    below = work.emit("Neg", node, [low], one, False)
    zero = emit_quantise(work, node, below, scale, work.add_constant(node, np.zeros(1, np.uint8)), final=False)
    emit_quantise(work, node, x, scale, zero)
    for name, value, dtype in zip(node.outputs[1:], (scale, zero), ("float32", "uint8"), strict=False):
        if name:
            work.emit("Reshape", node, [value], (), name, dtype)


@rule("QLinearAdd", "QLinearMul", types=BYTES)
def two_quantised(work: Canonical, node: Node) -> None:
    """A sum as ``a * ra + (b * rb + rest)`` with all zeros in `rest`; a product as ``(a - za) (b - zb) r + zero``."""
    sa, sb, sc = (_one(work, _scales(work, node, index), "scales") for index in (1, 4, 6))
    za, zb, zc = (np.float32(_one(work, _zeros(work, node, index), "zero points")) for index in (2, 5, 7))
    info = np.iinfo(work.dtype(node.outputs[0]))
    low, high = node.attributes.get(BOUNDS, (info.min, info.max))
    if node.operator == "QLinearAdd":
        ra, rb = sa / sc, sb / sc
        numbers: tuple[Any, ...] = (ra, rb, zc - _fused(ra, za, rb * zb), low, high)
    else:
        numbers = (za, zb, sa * sb / sc, zc, low, high)
    operator = "quantised_add" if node.operator == "QLinearAdd" else "quantised_mul"
    inputs, out = (node.inputs[0], node.inputs[3]), work.shape(node.outputs[0])
    work.emit(operator, node, inputs, out, parameters=tuple(float(number) for number in numbers))


def _fused(a: np.float32, b: np.float32, c: np.float32) -> np.float32:
    """``a b + c`` in single precision, rounded once."""
    return np.float32(np.float64(a) * np.float64(b) + np.float64(c))


@rule("QLinearGlobalAveragePool", types=BYTES)
def quantised_global_average(work: Canonical, node: Node) -> None:
    """The sum of a channel, scaled by the ratio of the scales and the number of its elements."""
    shape = work.shape(node.inputs[0])
    if node.attributes.get("channels_last", 0) or len(shape) != 4:
        raise work.error("QLinearGlobalAveragePool of another form", "batch, channels, height, width", "export it again")
    sx, sy = (_one(work, _scales(work, node, index), "scales") for index in (1, 3))
    zx, zy = (_one(work, _zeros(work, node, index), "zero points") for index in (2, 4))
    count = shape[2] * shape[3]
    window: dict[str, Any] = {
        "kernel": shape[2:],
        "strides": (1, 1),
        "dilations": (1, 1),
        "pads": (0,) * 4,
        "counted": (0,) * 4,
    }
    work.emit(
        "AveragePool", _sums(work, node), node.inputs[:1], work.shape(node.outputs[0]), start=-int(zx) * count, **window
    )
    _requantise(work, node, np.array([sx / (sy * np.float32(count))]), zy, 1)


# --- sums of products ------------------------------------------------------------------------------------------------


@rule("QLinearConv", types=BYTES)
def quantised_conv(work: Canonical, node: Node) -> None:
    """Convolution of bytes with a quantised result."""
    sx, sy = (_one(work, _scales(work, node, index), "scales") for index in (1, 6))
    scales = (sx * _scales(work, node, 4) / sy).astype(np.float32)
    zero = _one(work, _zeros(work, node, 7), "zero points")
    _conv(work, _sums(work, node), (2, 3, 5), 8)
    _requantise(work, node, scales, zero, 1)


@rule("ConvInteger", types=("int32", *BYTES))
def conv_integer(work: Canonical, node: Node) -> None:
    """Convolution of bytes with a result of 32 bits."""
    _conv(work, node, (2, 1, 3), -1)


def _conv(work: Canonical, node: Node, places: tuple[int, int, int], bias_at: int) -> None:
    """Emit a convolution; `places` are the inputs of the data's zero, the weights and the weights' zeros."""
    given = work.constant(node, places[1], "weights")
    bias = work.constant(node, bias_at, "bias") if bias_at >= 0 else None
    assert given is not None
    zeros = _zeros(work, node, places[2]).reshape(-1, *[1] * (given.ndim - 1))
    weights = given.astype(np.int64) - zeros
    zero = int(_one(work, _zeros(work, node, places[0]), "zero points"))
    group = int(node.attributes.get("group", 1))
    if given.shape[1] * group != work.shape(node.inputs[0])[1] or given.shape[0] % group:
        raise work.error(f"weights {list(given.shape)} in {group} groups", "weights that fit the input", "export it again")
    start = -zero * weights.sum(axis=tuple(range(1, weights.ndim)))
    start = (start if bias is None else start + bias.astype(np.int64)).astype(np.int32)
    window = {**_window(work, node, list(given.shape[2:])), "border": float(zero)}
    _emit_conv(work, node, "Conv", _narrowest(weights), start, group, window)


@rule("MatMulInteger", types=("int32", *BYTES))
def matmul_integer(work: Canonical, node: Node) -> None:
    """Matrix product of bytes with a result of 32 bits."""
    _product(work, node, (0, 1), (2, 3))


@rule("QLinearMatMul", types=BYTES)
def quantised_matmul(work: Canonical, node: Node) -> None:
    """Matrix product of bytes with a quantised result."""
    sa, sy = (_one(work, _scales(work, node, index), "scales") for index in (1, 6))
    zero = _one(work, _zeros(work, node, 7), "zero points")
    scales = (sa * _scales(work, node, 4) / sy).astype(np.float32)
    _product(work, _sums(work, node), (0, 3), (2, 5))
    _requantise(work, node, scales, zero, -1)


@rule("QGemm", types=BYTES)
def quantised_gemm(work: Canonical, node: Node) -> None:
    """``alpha A B + C`` of bytes with a quantised result."""
    sa, sy = (_one(work, _scales(work, node, index), "scales") for index in (1, 7))
    zero = _one(work, _zeros(work, node, 8), "zero points")
    scales = (np.float32(node.attributes.get("alpha", 1.0)) * sa * _scales(work, node, 4) / sy).astype(np.float32)
    left, right = node.inputs[0], node.inputs[3]
    if node.attributes.get("transA", 0):
        left = work.emit("Transpose", node, [left], work.shape(left)[::-1], final=False, perm=(1, 0))
    if node.attributes.get("transB", 0):
        right = _turned(work, node, right)
    inputs = (left, *node.inputs[1:3], right, *node.inputs[4:])
    turned = Node(node.name, node.operator, inputs, node.outputs, node.attributes)
    _product(work, _sums(work, turned), (0, 3), (2, 5), work.constant(node, 6, "bias"))
    _requantise(work, node, scales, zero, -1)


def _turned(work: Canonical, node: Node, name: str) -> str:
    if name in work.constants:
        return work.add_constant(node, np.ascontiguousarray(work.constants[name].T))
    return work.emit("Transpose", node, [name], work.shape(name)[::-1], final=False, perm=(1, 0))


def _product(
    work: Canonical, node: Node, factors: tuple[int, int], zeros: tuple[int, int], bias: np.ndarray | None = None
) -> None:
    """Emit a matrix product: with constant weights as a Gemm, else of differences from the zeros in 16 bits."""
    left, right = (node.inputs[index] for index in factors)
    out, weights = work.shape(node.outputs[0]), work.constants.get(right)
    names = [node.inputs[index] if work.has_input(node, index) else "" for index in zeros]
    known = all(not name or name in work.constants for name in names)
    if known and weights is not None and weights.ndim == 2 and len(work.shape(left)) >= 2:
        if (zero := _zeros(work, node, zeros[0])).size == 1:
            shifted = weights.astype(np.int64) - _zeros(work, node, zeros[1])
            start = -int(zero[0]) * shifted.sum(axis=0) + (0 if bias is None else bias.astype(np.int64).reshape(-1))
            inputs = (left, work.add_constant(node, _narrowest(shifted)), work.add_constant(node, start.astype(np.int32)))
            work.emit("Gemm", node, inputs, out)
            return
    if bias is not None:
        raise work.error("a bias without constant weights", "constant weights", "export it with constants")
    shapes = [work.shape(left), work.shape(right)]
    sides = [(*shapes[0],) if len(shapes[0]) > 1 else (1, *shapes[0]), shapes[1] if len(shapes[1]) > 1 else (*shapes[1], 1)]
    operands = [
        _difference(work, node, work.reshaped(node, name, side), zero, is_left)
        for name, side, zero, is_left in zip((left, right), sides, names, (True, False), strict=True)
    ]
    lead = np.broadcast_shapes(sides[0][:-2], sides[1][:-2])
    whole = (*lead, sides[0][-2], sides[1][-1])
    made = work.emit("MatMul", node, operands, whole, whole == out, "int32")
    if whole != out:
        work.emit("Reshape", node, [made], out)


def _difference(work: Canonical, node: Node, name: str, zero: str, is_left: bool) -> str:
    """A factor without its zero: the bytes themselves where that is 0."""
    array = work.constants.get(zero) if zero else np.zeros(1)
    if array is not None and not array.any():
        return name
    size = work.shape(zero)
    if len(size) == 1 and size[0] > 1:
        zero = work.reshaped(node, zero, (size[0], 1) if is_left else (1, size[0]))
    return work.emit("Sub", node, [name, zero], work.shape(name), final=False, dtype="int16")
