"""Convolution: a contraction over (kernel row, kernel column, channel), or a window where every channel is on its own."""

from __future__ import annotations

import math

import numpy as np

from workbench.compiler.kernels.nest import Dim, axis_dim, merge_dims, start_of
from workbench.compiler.layout import reach
from workbench.compiler.lowering import OPERATORS, Draft, Lowering
from workbench.compiler.passes import NO_CLIP
from workbench.compiler.schedule import plan_contraction, plan_window
from workbench.compiler.views import View
from workbench.graph.graph import Node


@OPERATORS.register("Conv")
def lower_conv(lowering: Lowering, node: Node, draft: Draft) -> None:
    """Choose the kernel for the shape of the groups."""
    weights = lowering.graph.constants[node.inputs[1]]
    bias = lowering.graph.constants[node.inputs[2]]
    source = lowering.graph.shape(node.inputs[0])
    target = lowering.graph.shape(node.outputs[0])
    pads = reach(node, source, target)
    x = lowering.padded(lowering.read(node.inputs[0]), pads, 0.0, draft)
    y = lowering.write(node.outputs[0], draft)
    r = lowering.read(node.inputs[3]) if len(node.inputs) > 3 else None
    draft.macs += math.prod(target) * math.prod(weights.shape[1:])
    draft.weight_bytes += weights.nbytes + bias.nbytes
    if node.attributes["group"] == source[1] == target[1]:
        _depthwise(lowering, node, draft, (x, y, r), weights, bias)
    else:
        _dense(lowering, node, draft, (x, y, r), weights, bias)


def _dense(
    lowering: Lowering, node: Node, draft: Draft, views: tuple[View, View, View | None],
    weights: np.ndarray, bias: np.ndarray,
) -> None:  # fmt: skip
    x, y, r = views
    group, given = node.attributes["group"], node.attributes
    out, channels, rows, columns = weights.shape
    out //= group
    packed = weights.reshape(group, out, channels, rows, columns).transpose(0, 3, 4, 2, 1)
    w, b = lowering.constant(packed), lowering.constant(bias)
    operands = {"x": start_of(x), "w": start_of(w), "bias": start_of(b), "y": start_of(y)}
    residual = r.strides if r is not None else (0, 0, 0, 0)
    if r is not None:
        operands["r"] = start_of(r)
    stride_h, stride_w = given["strides"]
    dilation_h, dilation_w = given["dilations"]
    batch, _, height, width = y.shape

    def outer(axis: int, count: int, step: int) -> Dim:
        return axis_dim(count, x=x.strides[axis] * step, y=y.strides[axis], r=residual[axis])

    positions = [outer(0, batch, 1), outer(2, height, stride_h), outer(3, width, stride_w)]
    groups = axis_dim(group, x=x.strides[1] * channels, w=w.strides[0], bias=out, y=y.strides[1] * out, r=residual[1] * out)
    reduce = [
        axis_dim(rows, x=x.strides[2] * dilation_h, w=w.strides[1]),
        axis_dim(columns, x=x.strides[3] * dilation_w, w=w.strides[2]),
        axis_dim(channels, x=x.strides[1], w=w.strides[3]),
    ]
    filters = axis_dim(out, w=1, bias=1, y=y.strides[1], r=residual[1])
    kernel = plan_contraction(
        lowering.target, operands, groups, positions, merge_dims(reduce), filters, given.get("clip", NO_CLIP)
    )
    draft.kernels.append(kernel)


def _depthwise(
    lowering: Lowering, node: Node, draft: Draft, views: tuple[View, View, View | None],
    weights: np.ndarray, bias: np.ndarray,
) -> None:  # fmt: skip
    x, y, r = views
    given = node.attributes
    channels, _, rows, columns = weights.shape
    w, b = lowering.constant(weights[:, 0].transpose(1, 2, 0)), lowering.constant(bias)
    operands = {"x": start_of(x), "w": start_of(w), "bias": start_of(b), "y": start_of(y)}
    residual = r.strides if r is not None else (0, 0, 0, 0)
    if r is not None:
        operands["r"] = start_of(r)
    stride_h, stride_w = given["strides"]
    dilation_h, dilation_w = given["dilations"]

    def dim(axis: int, count: int, step: int) -> Dim:
        return axis_dim(count, x=x.strides[axis] * step, y=y.strides[axis], r=residual[axis])

    batch, _, height, width = y.shape
    kernel = plan_window(
        lowering.target, "multiply", operands, dim(0, batch, 1),
        (dim(2, height, stride_h), axis_dim(rows, x=x.strides[2] * dilation_h, w=w.strides[0])),
        (dim(3, width, stride_w), axis_dim(columns, x=x.strides[3] * dilation_w, w=w.strides[1])),
        axis_dim(channels, x=x.strides[1], w=1, bias=1, y=y.strides[1], r=residual[1]),
        given.get("clip", NO_CLIP),
    )  # fmt: skip
    draft.kernels.append(kernel)
