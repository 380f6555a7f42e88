"""Reductions over axes, places of extremes, and running sums."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.compiler.kernels.largest import Largest, LargestOfRow
from workbench.compiler.kernels.nest import Dim, axis_dim, in_single, merge_dims, start_of
from workbench.compiler.kernels.reduction import Arg, Cumulative, Reduction
from workbench.compiler.lowering import OPERATORS, Draft, Lowering
from workbench.compiler.views import View
from workbench.graph.graph import Node

_FEW = 4  # lanes: with fewer results side by side, vectors run over the reduced dimension
_LANES = 32  # more than most machines have


def reduction_kernel(
    x: View, y: View, axes: Sequence[int], combine: str = "add", before: str = "copy", factor: float = 1.0
) -> Reduction:
    """Combine `x` along axes into `y`, which has size 1 there."""
    dims = [axis_dim(size, x=x.strides[axis], y=0 if axis in axes else y.strides[axis]) for axis, size in enumerate(x.shape)]
    kept = _merged([dim for axis, dim in enumerate(dims) if axis not in axes])
    reduced = _merged([dim for axis, dim in enumerate(dims) if axis in axes]) or [Dim(1, {})]
    operands = in_single({"x": start_of(x), "y": start_of(y)})
    vector, across = _choose(kept, reduced, combine, x.step)
    loops = tuple(dim for dim in kept if dim is not vector)
    inner = tuple(dim for dim in reduced if dim is not vector)
    return Reduction(combine, before, operands, loops, inner, vector, across, factor)


def _merged(dims: list[Dim]) -> list[Dim]:
    return merge_dims(sorted(dims, key=lambda dim: -abs(dim.stride("x"))))


def _choose(kept: list[Dim], reduced: list[Dim], combine: str, step: int) -> tuple[Dim, bool]:
    """The dimension for vectors, and whether it is a reduced one."""
    for dim in kept:
        if dim.stride("x") == step and dim.count >= _FEW:
            return dim, False
    if combine == "mul":
        return max(kept, key=lambda dim: dim.count, default=Dim(1, {})), False
    for dim in reduced:
        if dim.stride("x") == step:
            return dim, True
    longest = max(kept, key=lambda dim: dim.count, default=Dim(1, {}))
    most = max(reduced, key=lambda dim: dim.count)
    return (longest, False) if longest.count >= most.count else (most, True)


@OPERATORS.register("Reduce")
def lower_reduce(lowering: Lowering, node: Node, draft: Draft) -> None:
    """The output may lack the axes or have them with size 1."""
    x, given = lowering.read(node.inputs[0]), node.attributes
    y = lowering.write(node.outputs[0], draft)
    kept = y.reshaped([1 if axis in given["axes"] else size for axis, size in enumerate(x.shape)])
    assert kept is not None  # axes of size 1 come and go freely
    draft.kernels.append(reduction_kernel(x, kept, given["axes"], given["combine"], given["before"], given["factor"]))


def _lanes(x: View, y: View, axis: int) -> tuple[tuple[Dim, ...], Dim]:
    """Loops and vector dimension over all axes but one."""
    dims = [axis_dim(size, x=x.strides[i], y=y.strides[i]) for i, size in enumerate(x.shape) if i != axis]
    merged = _merged(dims) or [Dim(1, {})]
    vector = max(merged, key=lambda dim: min(dim.count, 32) / (1 + 2 * (dim.stride("x") != x.step)))
    return tuple(dim for dim in merged if dim is not vector), vector


@OPERATORS.register("Arg")
def lower_arg(lowering: Lowering, node: Node, draft: Draft) -> None:
    """The place of the extreme along an axis."""
    x, given = lowering.read(node.inputs[0]), node.attributes
    axis = given["axis"]
    y = lowering.write(node.outputs[0], draft).reshaped([1 if i == axis else size for i, size in enumerate(x.shape)])
    assert y is not None
    loops, vector = _lanes(x, y, axis)
    along = axis_dim(x.shape[axis], x=x.strides[axis])
    operands = {"x": start_of(x), "y": start_of(y)}
    draft.kernels.append(Arg(given["largest"], given["last"], operands, loops, along, vector))


@OPERATORS.register("Largest")
def lower_largest(lowering: Lowering, node: Node, draft: Draft) -> None:
    """The places of several extremes along an axis, best first."""
    x, axis = lowering.read(node.inputs[0]), node.attributes["axis"]
    y = lowering.write(node.outputs[0], draft)
    loops, vector = _lanes(x, y, axis)
    along, results = axis_dim(x.shape[axis], x=x.strides[axis]), axis_dim(y.shape[axis], y=y.strides[axis])
    operands = in_single({"x": start_of(x), "y": start_of(y)})
    if vector.count * _FEW <= min(along.count, _LANES):
        rows = tuple(dim for dim in (*loops, vector) if dim.count > 1)
        draft.kernels.append(LargestOfRow(node.attributes["largest"], operands, rows, results, along))
        return
    draft.kernels.append(Largest(node.attributes["largest"], operands, loops, along, results, vector))


@OPERATORS.register("Cumulative")
def lower_cumulative(lowering: Lowering, node: Node, draft: Draft) -> None:
    """Running sums or products, forwards or backwards."""
    x, given = lowering.read(node.inputs[0]), node.attributes
    y, axis = lowering.write(node.outputs[0], draft), given["axis"]
    if given["reverse"]:
        starts = [size - 1 if i == axis else 0 for i, size in enumerate(x.shape)]
        steps = [-1 if i == axis else 1 for i in range(len(x.shape))]
        x, y = (view.sliced(starts, steps, view.shape) for view in (x, y))
    loops, vector = _lanes(x, y, axis)
    along = axis_dim(x.shape[axis], x=x.strides[axis], y=y.strides[axis])
    operands = in_single({"x": start_of(x), "y": start_of(y)})
    draft.kernels.append(Cumulative(given["combine"], given["exclusive"], operands, loops, along, vector))
