"""Canonical forms of operators that compute."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.graph.canonical import Canonical, rule
from workbench.graph.graph import Node


def _window(work: Canonical, node: Node, kernel: list[int]) -> dict[str, Any]:
    """Strides, dilations and explicit pads of a 2-D window that gives the output's size."""
    given = node.attributes
    source, target = work.shape(node.inputs[0])[2:], work.shape(node.outputs[0])[2:]
    rank = len(kernel)
    strides = list(given.get("strides", [1] * rank))
    dilations = list(given.get("dilations", [1] * rank))
    pads = list(given.get("pads", [0] * 2 * rank))
    automatic = given.get("auto_pad", "NOTSET")
    if automatic not in ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"):
        raise work.error(f"auto_pad {automatic!r}", "NOTSET, SAME_UPPER, SAME_LOWER or VALID", "export it again")
    if automatic != "NOTSET":
        pads = [0] * 2 * rank
    begin, end = pads[:rank], pads[rank:]
    for axis in range(rank):
        reach = (target[axis] - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1
        missing = max(reach - source[axis] - begin[axis] - end[axis], 0)
        if automatic == "SAME_LOWER":
            begin[axis], end[axis] = (missing + 1) // 2, missing // 2
        elif automatic == "SAME_UPPER":
            begin[axis], end[axis] = missing // 2, (missing + 1) // 2
        elif missing:  # ceil_mode: positions behind the declared padding
            end[axis] += missing
    return {
        "kernel": tuple(kernel), "strides": tuple(strides), "dilations": tuple(dilations), "pads": (*begin, *end),
    }  # fmt: skip


def _two_dimensions(window: dict[str, Any]) -> dict[str, Any]:
    """The window of a 1-D operator as a 2-D one of height 1."""
    begin, end = window["pads"]
    return {
        "kernel": (1, *window["kernel"]), "strides": (1, *window["strides"]), "dilations": (1, *window["dilations"]),
        "pads": (0, begin, 0, end),
    }  # fmt: skip


def _emit_window(work: Canonical, node: Node, operator: str, inputs: list[str], window: dict[str, Any], **more: Any) -> None:
    """Emit a window operator; a 1-D one between two reshapes."""
    shape, out = work.shape(inputs[0]), work.shape(node.outputs[0])
    rank = len(shape) - 2
    if rank == 2:
        work.emit(operator, node, inputs, out, **window, **more)
        return
    if rank != 1:
        raise work.error(f"{node.operator} in {rank} dimensions", "1 or 2 dimensions", "use a supported network")
    lifted = work.emit("Reshape", node, inputs[:1], (*shape[:2], 1, shape[2]), final=False)
    flat = (*out[:2], 1, out[2])
    result = work.emit(operator, node, [lifted, *inputs[1:]], flat, final=False, **_two_dimensions(window), **more)
    work.emit("Reshape", node, [result], out)


@rule("Conv")
def conv(work: Canonical, node: Node) -> None:
    """Convolution with constant weights and explicit padding."""
    weights, bias = work.constant(node, 1, "weights"), work.constant(node, 2, "bias")
    assert weights is not None
    group = int(node.attributes.get("group", 1))
    channels = work.shape(node.inputs[0])[1]
    if weights.shape[1] * group != channels or weights.shape[0] % group:
        found = f"Conv weights {list(weights.shape)} in {group} groups for {channels} channels"
        raise work.error(found, "weights that fit the input", "export it again")
    kernel = list(weights.shape[2:])
    if list(node.attributes.get("kernel_shape", kernel)) != kernel:
        found = f"kernel_shape {list(node.attributes['kernel_shape'])} with weights {list(weights.shape)}"
        raise work.error(found, f"kernel_shape {kernel}", "export it again")
    window = _window(work, node, kernel)
    if weights.ndim == 3:
        weights = weights[:, :, None, :]
    bias = np.zeros(weights.shape[0], np.float32) if bias is None else bias
    inputs = [node.inputs[0], work.add_constant(node, weights), work.add_constant(node, bias)]
    _emit_window(work, node, "Conv", inputs, window, group=group)


@rule("MaxPool")
def max_pool(work: Canonical, node: Node) -> None:
    """Largest value in a window; the second output (indices) is not built."""
    if len(node.outputs) > 1 and node.outputs[1]:
        raise work.error("MaxPool with indices", "one output", "export it without indices")
    _emit_window(work, node, "MaxPool", [node.inputs[0]], _window(work, node, list(node.attributes["kernel_shape"])))


@rule("AveragePool")
def average_pool(work: Canonical, node: Node) -> None:
    """Mean of a window; `counted` says how far padding counts as zeros."""
    window = _window(work, node, list(node.attributes["kernel_shape"]))
    rank = len(window["kernel"])
    counted = [0] * 2 * rank
    if node.attributes.get("count_include_pad", 0):
        counted = list(node.attributes.get("pads", window["pads"]))
    if rank == 1:
        counted = [0, counted[0], 0, counted[1]]
    _emit_window(work, node, "AveragePool", [node.inputs[0]], window, counted=tuple(counted))


@rule("GlobalAveragePool", "GlobalMaxPool")
def global_pool(work: Canonical, node: Node) -> None:
    """A pool whose window is the whole image."""
    spatial = list(work.shape(node.inputs[0])[2:])
    ones, zeros = (1,) * len(spatial), (0,) * 2 * len(spatial)
    window = {"kernel": tuple(spatial), "strides": ones, "dilations": ones, "pads": zeros}
    if node.operator == "GlobalMaxPool":
        _emit_window(work, node, "MaxPool", [node.inputs[0]], window)
    else:
        _emit_window(work, node, "AveragePool", [node.inputs[0]], window, counted=(0, 0, 0, 0))


@rule("ReduceMean")
def reduce_mean(work: Canonical, node: Node) -> None:
    """The mean over the image, as a pool."""
    shape = work.shape(node.inputs[0])
    axes = sorted(axis % len(shape) for axis in work.integers(node, "axes", 1) or range(len(shape)))
    if len(shape) != 4 or axes != [2, 3]:
        found = f"ReduceMean over axes {axes} of {len(shape)}"
        raise work.error(found, "the mean over axes 2 and 3 of 4", "use GlobalAveragePool")
    window = {"kernel": shape[2:], "strides": (1, 1), "dilations": (1, 1), "pads": (0,) * 4, "counted": (0,) * 4}
    pooled = work.emit("AveragePool", node, node.inputs[:1], (*shape[:2], 1, 1), final=False, **window)
    work.emit("Reshape", node, [pooled], work.shape(node.outputs[0]))


@rule("Relu")
def relu(work: Canonical, node: Node) -> None:
    """Clip from zero on."""
    work.emit("Clip", node, node.inputs, work.shape(node.outputs[0]), low=0.0, high=math.inf)


@rule("Clip")
def clip(work: Canonical, node: Node) -> None:
    """Bounds as numbers."""
    low, high = work.constant(node, 1, "bounds"), work.constant(node, 2, "bounds")
    lowest = float(low.ravel()[0]) if low is not None else float(node.attributes.get("min", -math.inf))
    highest = float(high.ravel()[0]) if high is not None else float(node.attributes.get("max", math.inf))
    limit = float(np.finfo(np.float32).max)
    lowest, highest = (-math.inf if lowest <= -limit else lowest), (math.inf if highest >= limit else highest)
    work.emit("Clip", node, node.inputs[:1], work.shape(node.outputs[0]), low=lowest, high=highest)


@rule("Add", "Sub", "Mul", "Div")
def binary(work: Canonical, node: Node) -> None:
    """Elementwise with broadcasting."""
    if node.attributes.get("broadcast", 0) and "axis" in node.attributes:
        left, right = work.shape(node.inputs[0]), work.shape(node.inputs[1])
        tail = len(left) - int(node.attributes["axis"]) - len(right)
        other = work.emit("Reshape", node, node.inputs[1:], (*right, *[1] * tail), final=False)
        work.emit(node.operator, node, (node.inputs[0], other), work.shape(node.outputs[0]))
    else:
        work.emit(node.operator, node, node.inputs, work.shape(node.outputs[0]))


@rule("Max", "Min", "Sum")
def several(work: Canonical, node: Node) -> None:
    """A chain of two-input operators."""
    operator = {"Sum": "Add"}.get(node.operator, node.operator)
    if len(node.inputs) == 1:
        work.rename(node.outputs[0], node.inputs[0])
        return
    total = node.inputs[0]
    for place, name in enumerate(node.inputs[1:], start=2):
        shape = np.broadcast_shapes(work.shape(total), work.shape(name))
        total = work.emit(operator, node, (total, name), shape, final=place == len(node.inputs))


@rule("Sigmoid", "Exp")
def unary(work: Canonical, node: Node) -> None:
    """Elementwise functions built on the exponential."""
    work.emit(node.operator, node, node.inputs, work.shape(node.outputs[0]))


@rule("Softmax")
def softmax(work: Canonical, node: Node) -> None:
    """One axis; before opset 13 all axes from `axis` on count as one."""
    shape = work.shape(node.inputs[0])
    axis = int(node.attributes.get("axis", 1 if work.opset < 13 else -1)) % len(shape)
    if work.opset >= 13 or axis == len(shape) - 1:
        work.emit("Softmax", node, node.inputs, shape, axis=axis)
        return
    flat = (math.prod(shape[:axis]), math.prod(shape[axis:]))
    rows = work.emit("Reshape", node, node.inputs, flat, final=False)
    result = work.emit("Softmax", node, [rows], flat, final=False, axis=1)
    work.emit("Reshape", node, [result], shape)


@rule("BatchNormalization")
def batch_normalization(work: Canonical, node: Node) -> None:
    """``x * scale + shift`` for every channel."""
    arrays = [work.constant(node, index, "statistics") for index in range(1, 5)]
    if any(array is None for array in arrays) or node.attributes.get("training_mode", 0):
        raise work.error("BatchNormalization in training mode", "inference", "export it for inference")
    gamma, beta, mean, variance = (np.asarray(array, np.float64) for array in arrays)
    scale = gamma / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
    inputs = [node.inputs[0], work.add_constant(node, scale), work.add_constant(node, beta - mean * scale)]
    work.emit("BatchNormalization", node, inputs, work.shape(node.outputs[0]))


@rule("MatMul")
def matmul(work: Canonical, node: Node) -> None:
    """Matrix product; constant weights become a Gemm."""
    shape, name = work.shape(node.inputs[0]), node.inputs[1]
    weights = work.constants.get(name)
    if weights is not None and weights.ndim == 2 and len(shape) >= 2:
        bias = work.add_constant(node, np.zeros(weights.shape[1], np.float32))
        work.emit("Gemm", node, (node.inputs[0], name, bias), work.shape(node.outputs[0]))
        return
    left, right, out = node.inputs[0], name, work.shape(node.outputs[0])
    if len(shape) < 2:
        left = work.emit("Reshape", node, [left], (1, *shape), final=False)
    if len(work.shape(name)) < 2:
        right = work.emit("Reshape", node, [right], (*work.shape(name), 1), final=False)
    if (left, right) == node.inputs:
        work.emit("MatMul", node, node.inputs, out)
        return
    rows, columns = work.shape(left)[-2], work.shape(right)[-1]
    lead = np.broadcast_shapes(work.shape(left)[:-2], work.shape(right)[:-2])
    product = work.emit("MatMul", node, [left, right], (*lead, rows, columns), final=False)
    work.emit("Reshape", node, [product], out)


@rule("Gemm")
def gemm(work: Canonical, node: Node) -> None:
    """``alpha A B + beta C`` with constant B and C, or as product, scaling and addition."""
    given, (left, right) = node.attributes, node.inputs[:2]
    alpha, beta = float(given.get("alpha", 1.0)), float(given.get("beta", 1.0))
    out = work.shape(node.outputs[0])
    if given.get("transA", 0):
        left = work.emit("Transpose", node, [left], work.shape(left)[::-1], final=False, perm=(1, 0))
    addend = node.inputs[2] if len(node.inputs) > 2 else ""
    bias = work.constants.get(addend) if addend else np.zeros(1, np.float32)
    weights = work.constants.get(right)
    if weights is not None and bias is not None and bias.size in (1, out[1]):
        weights = alpha * (weights.T if given.get("transB", 0) else weights).astype(np.float64)
        full = beta * np.broadcast_to(bias.reshape(-1).astype(np.float64), (out[1],))
        work.emit("Gemm", node, (left, work.add_constant(node, weights), work.add_constant(node, full)), out)
        return
    if given.get("transB", 0):
        right = work.emit("Transpose", node, [right], work.shape(right)[::-1], final=False, perm=(1, 0))
    product = work.emit("MatMul", node, [left, right], out, final=not addend and alpha == 1.0)
    if alpha != 1.0:
        scale = work.add_constant(node, np.array([alpha]))
        product = work.emit("Mul", node, [product, scale], out, final=not addend)
    if addend:
        if beta != 1.0:
            scale = work.add_constant(node, np.array([beta]))
            addend = work.emit("Mul", node, [addend, scale], work.shape(addend), final=False)
        work.emit("Add", node, [product, addend], out)
