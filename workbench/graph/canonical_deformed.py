"""Canonical form of DeformConv: the image read between its pixels at the places of every weight, then a matrix product.

Source: ONNX operator specification, DeformConv (opsets 19 and 22); J. Dai et al., Deformable Convolutional Networks, 2017.
"""

from __future__ import annotations

import math

import numpy as np

from workbench.graph.canonical import Canonical, rule
from workbench.graph.canonical_sampling import Writer, emit_weighted, taps_along
from workbench.graph.graph import Node


@rule("DeformConv")
def deform_conv(work: Canonical, node: Node) -> None:
    """Groups of offsets are images of their own; groups of channels are blocks of zeros in the weights."""
    weights, bias = work.constant(node, 1, "weights"), work.constant(node, 3, "bias")
    assert weights is not None
    (source, offset), write = (node.inputs[0], node.inputs[2]), Writer(work, node)
    (count, channels, *sizes), out = work.shape(source), work.shape(node.outputs[0])
    if len(sizes) != 2:
        raise work.error(f"DeformConv over {len(sizes)} axes", "images", "export it over images")
    sets, kernel = int(node.attributes.get("offset_group", 1)), weights.shape[2:]
    points, images = math.prod(kernel), count * sets
    image = work.reshaped(node, source, (images, channels // sets, *sizes))
    shifts = work.reshaped(node, offset, (images, points, 2, *out[2:]))
    taps = []
    for axis in (0, 1):
        starts = (0, 0, axis, 0, 0)
        shift = work.emit("Slice", node, [shifts], (images, points, 1, *out[2:]), False, starts=starts, steps=(1,) * 5)
        shift = work.reshaped(node, shift, (images, points, *out[2:], 1))
        place = write.both("Add", shift, work.add_constant(node, _places(node, kernel, out[2:], axis)))
        taps.append(taps_along(write, place, sizes[axis], "linear", "zeros", True))
    values = emit_weighted(write, image, work.add_constant(node, np.arange(images).reshape(-1, 1, 1, 1, 1)), taps)
    if work.has_input(node, 4):
        values = write.both("Mul", values, work.reshaped(node, node.inputs[4], (images, points, *out[2:], 1)))
    split = work.reshaped(node, values, (count, sets, points, *out[2:], channels // sets))
    order, whole = (0, 3, 4, 1, 5, 2), (count, *out[2:], sets, channels // sets, points)
    rows = work.emit("Transpose", node, [split], whole, final=False, perm=order)
    rows = work.reshaped(node, rows, (count * math.prod(out[2:]), channels * points))
    factors = work.add_constant(node, _matrix(weights, channels))
    addend = work.add_constant(node, np.zeros(out[1], np.float32) if bias is None else bias)
    made = work.emit("Gemm", node, [rows, factors, addend], (count * math.prod(out[2:]), out[1]), final=False)
    made = work.reshaped(node, made, (count, *out[2:], out[1]))
    work.emit("Transpose", node, [made], out, perm=(0, 3, 1, 2))


def _places(node: Node, kernel: tuple[int, ...], out: tuple[int, ...], axis: int) -> np.ndarray:
    """Where weights lie along an axis before they are shifted: (1, weight, row, column, 1)."""
    stride, dilation, pad = (
        int(node.attributes.get(name, [default] * 4)[axis])
        for name, default in (("strides", 1), ("dilations", 1), ("pads", 0))
    )
    weight = np.indices(kernel)[axis].reshape(1, -1, 1, 1, 1) * dilation
    result = np.indices(out)[axis].reshape(1, 1, *out, 1) * stride
    return (weight + result - pad).astype(np.float32)


def _matrix(weights: np.ndarray, channels: int) -> np.ndarray:
    """Weights (channel and point, filter): zero where a filter does not see a channel."""
    filters, seen = weights.shape[:2]
    groups, points = channels // seen, math.prod(weights.shape[2:])
    matrix = np.zeros((channels, points, filters), np.float32)
    for group in range(groups):
        own = slice(group * (filters // groups), (group + 1) * (filters // groups))
        matrix[group * seen : (group + 1) * seen, :, own] = weights[own].reshape(-1, seen, points).transpose(1, 2, 0)
    return matrix.reshape(channels * points, filters)
