"""Convolution and its transpose: a contraction over kernel axes and channels, or a window for every channel on its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from workbench.compiler.kernels.nest import Dim, Operand, axis_dim, merge_dims, start_of
from workbench.compiler.layout import reach
from workbench.compiler.lowering import OPERATORS, Draft, Lowering, copy_kernel, elementwise_kernel
from workbench.compiler.operators.columns import columns_choices
from workbench.compiler.operators.convolution_layer import ConvolutionLayer
from workbench.compiler.operators.matrix_tiles import matrix_choices
from workbench.compiler.operators.packed_tiles import packed_tile_choices
from workbench.compiler.operators.winograd import winograd_choices
from workbench.compiler.products import factors_of
from workbench.compiler.schedule import Product, packed_choices, window_choices
from workbench.compiler.views import View, contiguous_strides
from workbench.graph.graph import Node


@OPERATORS.register("Conv")
def lower_conv(lowering: Lowering, node: Node, draft: Draft) -> None:
    """Choose the kernel for the shape of the groups."""
    weights, bias = (lowering.graph.constants[name] for name in node.inputs[1:3])
    source, target = lowering.graph.shape(node.inputs[0]), lowering.graph.shape(node.outputs[0])
    x = lowering.read(node.inputs[0])
    if len(source) == 4:
        x = lowering.padded(x, reach(node, source, target), node.attributes.get("border", 0.0), draft)
    y = lowering.write(node.outputs[0], draft)
    draft.macs += math.prod(target) * math.prod(weights.shape[1:])
    draft.weight_bytes += weights.nbytes + bias.nbytes
    given, finish = node.attributes, lowering.finish_of(node, draft)
    shape = given["group"], given["strides"], given["dilations"], given.get("sums")
    _emit(lowering, draft, ConvolutionLayer(x, y, finish, weights, bias, *shape))


def _emit(lowering: Lowering, draft: Draft, layer: ConvolutionLayer) -> None:
    if layer.group == layer.x.shape[1] == layer.y.shape[1] and len(layer.x.shape) == 4:
        _depthwise(lowering, draft, layer)
    else:
        _dense(lowering, draft, layer)


def _dense(lowering: Lowering, draft: Draft, layer: ConvolutionLayer) -> None:
    x, y, group = layer.x, layer.y, layer.group
    out, channels, *kernel = layer.weights.shape
    out //= group
    axes = range(len(kernel))
    weights = layer.weights.reshape(group, out, channels, *kernel).transpose(0, *(a + 3 for a in axes), 2, 1)
    packed, bias = weights.reshape(group, -1, out), layer.bias_step
    factors = factors_of(x, weights, packed)
    steps = contiguous_strides(weights.shape, factors.w)

    def outer(axis: int, count: int, step: int) -> Dim:
        return axis_dim(count, x=x.strides[axis] * step, **layer.written(axis))

    positions = [outer(0, y.shape[0], 1), *(outer(a + 2, y.shape[a + 2], layer.strides[a]) for a in axes)]
    groups = axis_dim(group, x=x.strides[1] * channels, w=steps[0], bias=bias * out, **layer.written(1, out))
    reduce = [
        *(axis_dim(kernel[a], x=x.strides[a + 2] * layer.dilations[a], w=steps[a + 1]) for a in axes),
        axis_dim(channels, x=x.strides[1], w=steps[-2]),
    ]
    filters, epilogue = axis_dim(out, w=steps[-1], bias=bias, **layer.written(1)), layer.finish.epilogue
    operands = layer.operands(lowering) | {"x": factors.of(start_of(x)), "w": Operand(-1, 0, factors.w)}
    product = Product(operands, positions, merge_dims(reduce), filters, epilogue, groups, products=factors.products)
    direct = packed_choices(lowering.target, product, packed, lowering.packed)
    columns = columns_choices(lowering, layer, operands)
    tiles = [*matrix_choices(lowering, product, packed), *packed_tile_choices(lowering, layer, product, packed)]
    others = [*columns, *winograd_choices(lowering, layer), *tiles]
    draft.plan(lowering.planner, [*direct, *others])


def _depthwise(lowering: Lowering, draft: Draft, layer: ConvolutionLayer) -> None:
    x, y = layer.x, layer.y
    channels, _, rows, columns = layer.weights.shape
    w = lowering.constant(layer.weights[:, 0].transpose(1, 2, 0))
    factors = factors_of(x, layer.weights)
    operands = layer.operands(lowering) | {"x": factors.of(start_of(x)), "w": replace(start_of(w), element=factors.w)}
    dilation_h, dilation_w = layer.dilations

    def dim(axis: int, count: int, step: int) -> Dim:
        return axis_dim(count, x=x.strides[axis] * step, **layer.written(axis))

    batch, _, height, width = y.shape
    choices = window_choices(
        lowering.target, "multiply", operands, dim(0, batch, 1),
        (dim(2, height, layer.strides[0]), axis_dim(rows, x=x.strides[2] * dilation_h, w=w.strides[0])),
        (dim(3, width, layer.strides[1]), axis_dim(columns, x=x.strides[3] * dilation_w, w=w.strides[1])),
        axis_dim(channels, x=x.strides[1], w=w.step, bias=layer.bias_step, **layer.written(1)), layer.finish.epilogue,
    )  # fmt: skip
    draft.plan(lowering.planner, choices)


@dataclass(frozen=True)
class _Phase:
    """The results of one remainder of the stride along one axis, as a convolution of stride 1.

    Attributes
    ----------
    first, count: results first, first + stride, ... in the output.
    taps: the kernel's elements that meet them, from the last to the first. dilation: between their inputs.
    start: the place in the input of the first result's first tap; may be negative.
    """

    first: int
    count: int
    taps: tuple[int, ...]
    dilation: int
    start: int


def _phases(kernel: int, stride: int, dilation: int, pad: int, out: int) -> list[_Phase]:
    """Output o takes input i by tap k where o + pad = i * stride + k * dilation."""
    phases, common = [], math.gcd(stride, dilation)
    for first in range(min(stride, out)):
        taps = tuple(k for k in reversed(range(kernel)) if (first + pad - k * dilation) % stride == 0)
        start = (first + pad - taps[0] * dilation) // stride if taps else 0
        phases.append(_Phase(first, -(-(out - first) // stride), taps, dilation // common, start))
    return phases


@OPERATORS.register("ConvTranspose")
def lower_conv_transpose(lowering: Lowering, node: Node, draft: Draft) -> None:
    """One convolution of stride 1 for every combination of remainders of the strides; nothing is multiplied by zero."""
    given, weights, bias = node.attributes, *(lowering.graph.constants[name] for name in node.inputs[1:3])
    x, y = lowering.read(node.inputs[0]), lowering.write(node.outputs[0], draft)
    group, axes = given["group"], range(len(given["kernel"]))
    channels, out, *kernel = weights.shape
    turned = weights.reshape(group, channels // group, out, *kernel).swapaxes(1, 2)
    turned = turned.reshape(group * out, channels // group, *kernel)
    table = [_phases(kernel[a], given["strides"][a], given["dilations"][a], given["pads"][a], y.shape[a + 2]) for a in axes]
    ends = [[p.start + p.count - 1 + (len(p.taps) - 1) * p.dilation for p in phases] for phases in table]
    low = [max(0, *(-p.start for p in phases)) for phases in table]
    high = [max(0, *(end - x.shape[a + 2] + 1 for end in ends[a])) for a in axes]
    whole = _padded(lowering, x, low, high, draft)
    draft.weight_bytes += weights.nbytes + bias.nbytes
    finish, ones = lowering.finish_of(node, draft), (1,) * len(kernel)
    for phases in product(*table):
        shape = (*y.shape[:2], *(p.count for p in phases))
        cut = (0, 0, *(p.first for p in phases)), (1, 1, *given["strides"]), shape
        part, ending = y.sliced(*cut), finish.sliced(*cut)
        if not all(p.taps for p in phases):
            view = lowering.constant(bias).reshaped((len(bias), *ones))
            assert view is not None
            draft.kernels.append(elementwise_kernel("copy", [view], part, ending))
            continue
        some = turned[np.ix_(range(group * out), range(channels // group), *(p.taps for p in phases))]
        begin = (0, 0, *(p.start + before for p, before in zip(phases, low, strict=True)))
        source = whole.sliced(begin, (1,) * len(begin), whole.shape)
        draft.macs += math.prod(shape) * math.prod(some.shape[1:])
        dilations = tuple(p.dilation for p in phases)
        layer = ConvolutionLayer(source, part, ending, some, bias, group, ones, dilations, given.get("sums"))
        _emit(lowering, draft, layer)


def _padded(lowering: Lowering, view: View, low: list[int], high: list[int], draft: Draft) -> View:
    """A copy with zeros around; the view itself where none are wanted."""
    if not any(low) and not any(high):
        return view
    sizes = [size + a + b for size, a, b in zip(view.shape[2:], low, high, strict=True)]
    order = sorted(range(len(view.shape)), key=lambda axis: (-view.strides[axis] * (view.shape[axis] > 1), axis))
    whole = lowering.scratch((*view.shape[:2], *sizes), order, view.element)
    draft.kernels.append(elementwise_kernel("fill", [], whole))
    inside = whole.sliced((0, 0, *low), (1,) * len(view.shape), view.shape)
    draft.kernels.append(copy_kernel(view, inside))
    return whole
