"""Canonical forms of operators that compute."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.graph.canonical import NARROW, Canonical, rule
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


def _flat(window: dict[str, Any], keep: slice) -> dict[str, Any]:
    """The window over some of the axes, as one over two: an axis of size 1 in front where there is one."""
    rank = len(window["kernel"])
    kernel, strides, dilations = (tuple(window[name][keep]) for name in ("kernel", "strides", "dilations"))
    begin, end = tuple(window["pads"][:rank][keep]), tuple(window["pads"][rank:][keep])
    lead = 2 - len(kernel)
    ones, zeros = (1,) * lead, (0,) * lead
    result = {
        "kernel": (*ones, *kernel), "strides": (*ones, *strides), "dilations": (*ones, *dilations),
        "pads": (*zeros, *begin, *zeros, *end),
    }  # fmt: skip
    result |= {name: value for name, value in window.items() if name not in (*result, "counted")}
    if "counted" in window:
        low, high = tuple(window["counted"][:rank][keep]), tuple(window["counted"][rank:][keep])
        result["counted"] = (*zeros, *low, *zeros, *high)
    return result


def emit_pool(work: Canonical, node: Node, operator: str, source: str, window: dict[str, Any]) -> None:
    """Emit a pool: over two axes directly, else over the last one or two, then over the next ones before.

    The largest value of a box is that of its rows' largest ones, and the mean of a box (every row of which counts equally
    many elements) that of its rows' means.
    """
    shape, out = work.shape(source), work.shape(node.outputs[0])
    rank = len(shape) - 2
    if rank == 2:
        work.emit(operator, node, [source], out, **window)
        return
    last = min(rank, 2)
    left = rank - last
    lead = (shape[0], math.prod(shape[1 : 2 + left]))
    inner, made = (1,) * (2 - last) + tuple(shape[-last:]), (1,) * (2 - last) + tuple(out[-last:])
    value = work.reshaped(node, source, (*lead, *inner))
    value = work.emit(operator, node, [value], (*lead, *made), final=False, **_flat(window, slice(left, rank)))
    tail = math.prod(made)
    for axis in reversed(range(left)):  # (batch and axes before, 1, axis, everything behind)
        front = math.prod(shape[: 2 + axis])
        value = work.reshaped(node, value, (1, front, shape[2 + axis], tail))
        part = _flat(window, slice(axis, axis + 1))
        part = {name: _swapped(value_) for name, value_ in part.items()}
        value = work.emit(operator, node, [value], (1, front, out[2 + axis], tail), final=False, **part)
        tail *= out[2 + axis]
    work.emit("Reshape", node, [value], out)


def _swapped(sides: tuple[int, ...]) -> tuple[int, ...]:
    """A window's numbers for the other of two axes."""
    return (sides[1], sides[0]) if len(sides) == 2 else (sides[1], sides[0], sides[3], sides[2])


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
    bias = np.zeros(weights.shape[0], np.float32) if bias is None else bias
    _emit_conv(work, node, "Conv", weights, bias, group, window)


def _emit_conv(
    work: Canonical, node: Node, operator: str, weights: np.ndarray, bias: np.ndarray, group: int, window: dict[str, Any]
) -> None:
    """Emit a convolution: one over a line as one over an image of height 1, one over a volume with its padding apart."""
    shape, out = work.shape(node.inputs[0]), work.shape(node.outputs[0])
    source, rank = node.inputs[0], len(shape) - 2
    if rank == 1:
        weights, window = weights[:, :, None, :], _flat(window, slice(0, 1))
        source = work.reshaped(node, source, (*shape[:2], 1, shape[2]))
    elif rank > 2 and any(window["pads"]) and operator == "Conv":
        low, high = (0, 0, *window["pads"][:rank]), (0, 0, *window["pads"][rank:])
        sizes = [size + a + b for size, a, b in zip(shape, low, high, strict=True)]
        source = work.emit("Pad", node, [source], sizes, final=False, low=low, high=high, value=window.get("border", 0.0))
        window = {**window, "pads": (0,) * 2 * rank}
    inputs = [source, work.add_constant(node, weights), work.add_constant(node, bias)]
    if rank != 1:
        work.emit(operator, node, inputs, out, group=group, **window)
        return
    made = work.emit(operator, node, inputs, (*out[:2], 1, out[2]), final=False, group=group, **window)
    work.emit("Reshape", node, [made], out)


@rule("ConvTranspose")
def conv_transpose(work: Canonical, node: Node) -> None:
    """The convolution's transpose; only the padding in front matters, the sizes are the output's."""
    weights, bias = work.constant(node, 1, "weights"), work.constant(node, 2, "bias")
    assert weights is not None
    given, group, kernel = node.attributes, int(node.attributes.get("group", 1)), list(weights.shape[2:])
    rank, source, target = len(kernel), work.shape(node.inputs[0]), work.shape(node.outputs[0])
    if source[1] != weights.shape[0] or weights.shape[0] % group:
        found = f"ConvTranspose weights {list(weights.shape)} in {group} groups for {source[1]} channels"
        raise work.error(found, "weights that fit the input", "export it again")
    strides, dilations = list(given.get("strides", [1] * rank)), list(given.get("dilations", [1] * rank))
    begin = list(given.get("pads", [0] * 2 * rank))[:rank]
    automatic = given.get("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER") or "output_shape" in given:
        extra = list(given.get("output_padding", [0] * rank))
        for axis in range(rank):
            reach = strides[axis] * (source[axis + 2] - 1) + (kernel[axis] - 1) * dilations[axis] + 1
            total = max(reach + extra[axis] - target[axis + 2], 0)
            begin[axis] = total // 2 if automatic == "SAME_UPPER" else total - total // 2
    window = {
        "kernel": tuple(kernel), "strides": tuple(strides), "dilations": tuple(dilations), "pads": (*begin, *[0] * rank),
    }  # fmt: skip
    bias = np.zeros(weights.shape[1] * group, np.float32) if bias is None else bias
    _emit_conv(work, node, "ConvTranspose", weights, bias, group, window)


@rule("Col2Im")
def column_to_image(work: Canonical, node: Node) -> None:
    """Overlapping blocks added up: a transposed convolution in which every channel has one tap of the block."""
    size, block = (work.constant(node, place, "sizes") for place in (1, 2))
    assert size is not None and block is not None
    kernel, rank, target = [int(v) for v in block.ravel()], block.size, work.shape(node.outputs[0])
    given, taps = node.attributes, math.prod(kernel)
    strides, dilations = (list(given.get(name, [1] * rank)) for name in ("strides", "dilations"))
    pads = list(given.get("pads", [0] * 2 * rank))
    places = [
        (target[2 + axis] + pads[axis] + pads[axis + rank] - dilations[axis] * (kernel[axis] - 1) - 1) // strides[axis] + 1
        for axis in range(rank)
    ]
    blocks = work.reshaped(node, node.inputs[0], (target[0], target[1] * taps, *places))
    weights = np.tile(np.eye(taps, dtype=np.float32).reshape(taps, 1, *kernel), (target[1], *[1] * (rank + 1)))
    window = {"kernel": tuple(kernel), "strides": tuple(strides), "dilations": tuple(dilations),
              "pads": (*pads[:rank], *[0] * rank)}  # fmt: skip
    inside = Node(node.name, node.operator, (blocks,), node.outputs, node.attributes)
    _emit_conv(work, inside, "ConvTranspose", weights, np.zeros(target[1], np.float32), target[1], window)


@rule("MaxPool", types=("float32", *NARROW))
def max_pool(work: Canonical, node: Node) -> None:
    """Largest value in a window, and where it is if that is wanted."""
    window = _window(work, node, list(node.attributes["kernel_shape"]))
    if len(node.outputs) > 1 and node.outputs[1]:
        _positions(work, node, window)
    emit_pool(work, node, "MaxPool", node.inputs[0], window)


def _positions(work: Canonical, node: Node, window: dict[str, Any]) -> None:
    """The place in the whole input of the first largest value of each window: tap by tap, by comparison."""
    shape, out, name = work.shape(node.inputs[0]), work.shape(node.outputs[0]), node.outputs[1]
    rank = len(shape) - 2
    begin, end = window["pads"][:rank], window["pads"][rank:]
    low, high = (0, 0, *begin), (0, 0, *end)
    sizes = [size + a + b for size, a, b in zip(shape, low, high, strict=True)]
    dtype = work.dtype(node.inputs[0])
    lowest = float((np.finfo if dtype == "float32" else np.iinfo)(dtype).min)
    padded = work.emit("Pad", node, node.inputs[:1], sizes, final=False, low=low, high=high, value=lowest)
    order = [1, 0] if node.attributes.get("storage_order", 0) and rank == 2 else range(rank)
    places = np.zeros(shape[2:], np.int64)
    places[...] = np.arange(places.size).reshape([shape[2 + axis] for axis in order]).transpose(list(order))
    borders = np.pad(places, list(zip(begin, end, strict=True)))
    best, where = "", ""
    for tap in np.ndindex(*window["kernel"]):
        first = [t * d for t, d in zip(tap, window["dilations"], strict=True)]
        cut = tuple(slice(f, f + (n - 1) * s + 1, s) for f, n, s in zip(first, out[2:], window["strides"], strict=True))
        part = work.emit("Slice", node, [padded], out, final=False, starts=(0, 0, *first), steps=(1, 1, *window["strides"]))
        here = work.add_constant(node, borders[cut])
        if not best:
            best, where = part, here
            continue
        is_better = work.emit("Greater", node, [part, best], out, final=False, dtype="bool")
        where = work.emit("Where", node, [is_better, here, where], out, final=False, dtype="int64")
        best = work.emit("Where", node, [is_better, part, best], out, final=False, dtype=dtype)
    image = np.arange(math.prod(shape[:2])).reshape(*shape[:2], *[1] * rank) * math.prod(shape[2:])
    work.emit("Add", node, [where, work.add_constant(node, image)], out, final=name, dtype="int64")


@rule("AveragePool")
def average_pool(work: Canonical, node: Node) -> None:
    """Mean of a window; `counted` says how far padding counts as zeros."""
    window = _window(work, node, list(node.attributes["kernel_shape"]))
    window["counted"] = (0,) * 2 * len(window["kernel"])
    if node.attributes.get("count_include_pad", 0):
        automatic = node.attributes.get("auto_pad", "NOTSET") != "NOTSET"
        window["counted"] = tuple(window["pads"] if automatic else node.attributes.get("pads", window["counted"]))
    emit_pool(work, node, "AveragePool", node.inputs[0], window)


@rule("LpPool")
def lp_pool(work: Canonical, node: Node) -> None:
    """The p-norm of a window: the root of the mean of powers times their number."""
    source, p = node.inputs[0], float(node.attributes.get("p", 2))
    window = _window(work, node, list(node.attributes["kernel_shape"]))
    window["counted"] = window["pads"]
    powers = _magnitude_power(work, node, source, p)
    mean = f"{node.outputs[0]}~mean"
    work.tensors[mean] = work.tensors[node.outputs[0]]
    emit_pool(work, Node(node.name, node.operator, node.inputs, (mean,)), "AveragePool", powers, window)
    out = work.shape(node.outputs[0])
    total = work.emit("affine", node, [mean], out, final=False, parameters=(float(math.prod(window["kernel"])), 0.0))
    if p == 2:
        work.emit("Sqrt", node, [total])
    else:
        work.emit("Pow", node, [total, work.add_constant(node, np.array(1.0 / p))])


def _magnitude_power(work: Canonical, node: Node, source: str, p: float) -> str:
    if p == 2:
        return work.emit("Mul", node, [source, source], final=False)
    size = work.emit("Abs", node, [source], final=False)
    return size if p == 1 else work.emit("Pow", node, [size, work.add_constant(node, np.array(p))], final=False)


@rule("GlobalAveragePool", "GlobalMaxPool")
def global_pool(work: Canonical, node: Node) -> None:
    """A pool whose window is the whole image."""
    spatial = list(work.shape(node.inputs[0])[2:])
    ones, zeros = (1,) * len(spatial), (0,) * 2 * len(spatial)
    window = {"kernel": tuple(spatial), "strides": ones, "dilations": ones, "pads": zeros}
    if node.operator == "GlobalMaxPool":
        emit_pool(work, node, "MaxPool", node.inputs[0], window)
    else:
        emit_pool(work, node, "AveragePool", node.inputs[0], {**window, "counted": zeros})


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
        weights = weights.T if given.get("transB", 0) else weights
        weights = weights if alpha == 1.0 else alpha * weights.astype(np.float64)
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
