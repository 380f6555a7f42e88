"""Softmax."""

from __future__ import annotations

from workbench.compiler.kernels.nest import axis_dim, in_single, merge_dims, start_of
from workbench.compiler.kernels.softmax import Softmax
from workbench.compiler.lowering import OPERATORS, Draft, Lowering
from workbench.graph.graph import Node


@OPERATORS.register("Softmax")
def lower_softmax(lowering: Lowering, node: Node, draft: Draft) -> None:
    """Rows along the axis, one for every step of the others."""
    x, axis = lowering.read(node.inputs[0]), node.attributes["axis"]
    y = lowering.write(node.outputs[0], draft)
    dims = [axis_dim(size, x=x.strides[i], y=y.strides[i]) for i, size in enumerate(y.shape)]
    loops = merge_dims([dim for i, dim in enumerate(dims) if i != axis])
    draft.kernels.append(Softmax(in_single({"x": start_of(x), "y": start_of(y)}), tuple(loops), dims[axis]))
