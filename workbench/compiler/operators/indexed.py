"""Gather and Scatter with computed or scattered indices, and interpolation along an axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.compiler.kernels.indexed import Component, Indexed, Interpolation
from workbench.compiler.kernels.nest import Dim, axis_dim, in_single, merge_dims, start_of
from workbench.compiler.lowering import OPERATORS, Draft, Lowering, copy_kernel
from workbench.compiler.views import View
from workbench.graph.graph import Node


def _forward(lowering: Lowering, view: View, draft: Draft) -> View:
    """The view, or a copy where strides are negative: offsets of lanes are unsigned."""
    if min(view.strides, default=0) >= 0:
        return view
    whole = lowering.scratch(view.shape, element=view.element)
    draft.kernels.append(copy_kernel(view, whole))
    return whole


def _kernel(
    dims: Sequence[Dim], operands: dict[str, View], components: Sequence[Component], scatters: bool = False,
    reduction: str = "none",
) -> Indexed:  # fmt: skip
    """Vectors run where whole vectors can be moved, else over the longest dimension."""
    merged = merge_dims(dims) or [Dim(1, {})]
    still = [dim for dim in merged if not dim.stride("i")]
    if reduction != "none" and not still:  # equal indices must see each other's results
        still = [Dim(1, {})]
        merged.append(still[0])
    step = operands["x"].step
    vector = max(still or merged, key=lambda dim: min(dim.count, 64) / (1 + 2 * (dim.stride("x") != step)))
    if still and vector.count < 4 and reduction == "none":
        vector = max(merged, key=lambda dim: min(dim.count, 64))
    loops = tuple(dim for dim in merged if dim is not vector)
    starts = {name: start_of(view) for name, view in operands.items()}
    return Indexed(starts, tuple(components), loops, vector, scatters, reduction)


@OPERATORS.register("Gather")
def lower_gather(lowering: Lowering, node: Node, draft: Draft) -> None:
    """Slices of the source along one axis, in the places of an array of indices."""
    x, i = _forward(lowering, lowering.read(node.inputs[0]), draft), lowering.read(node.inputs[1])
    y, axis = lowering.write(node.outputs[0], draft), node.attributes["axis"]
    rank = len(i.shape)
    dims = [
        *(axis_dim(x.shape[a], x=x.strides[a], y=y.strides[a]) for a in range(axis)),
        *(axis_dim(i.shape[a], i=i.strides[a], y=y.strides[axis + a]) for a in range(rank)),
        *(axis_dim(x.shape[a], x=x.strides[a], y=y.strides[a + rank - 1]) for a in range(axis + 1, len(x.shape))),
    ]
    component = Component(0, x.strides[axis], x.shape[axis])
    draft.kernels.append(_kernel(dims, {"x": x, "i": i, "y": y}, [component]))


@OPERATORS.register("GatherElements")
def lower_gather_elements(lowering: Lowering, node: Node, draft: Draft) -> None:
    """One index for every element."""
    x, i = _forward(lowering, lowering.read(node.inputs[0]), draft), lowering.read(node.inputs[1])
    y, axis = lowering.write(node.outputs[0], draft), node.attributes["axis"]
    dims = [
        axis_dim(size, x=0 if a == axis else x.strides[a], i=i.strides[a], y=y.strides[a]) for a, size in enumerate(i.shape)
    ]
    component = Component(0, x.strides[axis], x.shape[axis])
    draft.kernels.append(_kernel(dims, {"x": x, "i": i, "y": y}, [component]))


@OPERATORS.register("GatherND")
def lower_gather_nd(lowering: Lowering, node: Node, draft: Draft) -> None:
    """One index vector for every slice."""
    x, i = _forward(lowering, lowering.read(node.inputs[0]), draft), lowering.read(node.inputs[1])
    y, batch = lowering.write(node.outputs[0], draft), node.attributes["batch"]
    lead, depth = len(i.shape) - 1, i.shape[-1]
    dims = [axis_dim(i.shape[a], x=x.strides[a], i=i.strides[a], y=y.strides[a]) for a in range(batch)]
    dims += [axis_dim(i.shape[a], i=i.strides[a], y=y.strides[a]) for a in range(batch, lead)]
    rest = range(batch + depth, len(x.shape))
    dims += [axis_dim(x.shape[a], x=x.strides[a], y=y.strides[lead + a - batch - depth]) for a in rest]
    components = [Component(c * i.strides[-1], x.strides[batch + c], x.shape[batch + c]) for c in range(depth)]
    draft.kernels.append(_kernel(dims, {"x": x, "i": i, "y": y}, components))


@OPERATORS.register("ScatterElements")
def lower_scatter_elements(lowering: Lowering, node: Node, draft: Draft) -> None:
    """A copy, then one index for every update."""
    source, i, updates = (lowering.read(name) for name in node.inputs)
    y, given = lowering.write(node.outputs[0], draft), node.attributes
    axis = given["axis"]
    draft.kernels.append(copy_kernel(source, y))
    dims = [
        axis_dim(size, y=0 if a == axis else y.strides[a], i=i.strides[a], x=updates.strides[a])
        for a, size in enumerate(i.shape)
    ]
    component = Component(0, y.strides[axis], y.shape[axis])
    operands = {"x": updates, "i": i, "y": y}
    draft.kernels.append(_kernel(dims, operands, [component], True, given["reduction"]))


@OPERATORS.register("ScatterND")
def lower_scatter_nd(lowering: Lowering, node: Node, draft: Draft) -> None:
    """A copy, then one index vector for every slice of updates."""
    source, i, updates = (lowering.read(name) for name in node.inputs)
    y = lowering.write(node.outputs[0], draft)
    draft.kernels.append(copy_kernel(source, y))
    lead, depth = len(i.shape) - 1, i.shape[-1]
    dims = [axis_dim(i.shape[a], i=i.strides[a], x=updates.strides[a]) for a in range(lead)]
    dims += [axis_dim(y.shape[a], y=y.strides[a], x=updates.strides[lead + a - depth]) for a in range(depth, len(y.shape))]
    components = [Component(c * i.strides[-1], y.strides[c], y.shape[c]) for c in range(depth)]
    operands = {"x": updates, "i": i, "y": y}
    draft.kernels.append(_kernel(dims, operands, components, True, node.attributes["reduction"]))


@OPERATORS.register("Interpolate")
def lower_interpolate(lowering: Lowering, node: Node, draft: Draft) -> None:
    """Weighted sums of elements along one axis."""
    x, axis = lowering.read(node.inputs[0]), node.attributes["axis"]
    places, weights = (lowering.graph.constants[name] for name in node.inputs[1:])
    y = lowering.write(node.outputs[0], draft)
    offsets = lowering.constant((places * x.strides[axis]).astype(np.int32))
    table = lowering.constant(weights)
    others = [axis_dim(size, x=x.strides[a], y=y.strides[a]) for a, size in enumerate(x.shape) if a != axis]
    merged = merge_dims(others) or [Dim(1, {})]
    vector = max(merged, key=lambda d: min(d.count, 64) / (1 + 2 * (d.stride("x") != x.step)))
    taps = places.shape[1]
    results = axis_dim(places.shape[0], y=y.strides[axis], p=taps * offsets.step, w=taps * table.step)
    operands = in_single({"x": start_of(x), "y": start_of(y), "p": start_of(offsets), "w": start_of(table)})
    loops = tuple(dim for dim in merged if dim is not vector)
    draft.kernels.append(Interpolation(operands, loops, results, taps, vector))
    draft.weight_bytes += places.nbytes + weights.nbytes
