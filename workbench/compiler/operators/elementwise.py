"""Elementwise operators with broadcasting."""

from __future__ import annotations

from workbench.compiler.lowering import OPERATORS, Draft, Lowering, elementwise_kernel
from workbench.compiler.passes import NO_CLIP
from workbench.graph.graph import Node

_OPERATIONS = {
    "Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Max": "max", "Min": "min", "Sigmoid": "sigmoid", "Exp": "exp",
}  # fmt: skip


def _lower(lowering: Lowering, node: Node, draft: Draft) -> None:
    views = [lowering.read(name) for name in node.inputs]
    target = lowering.write(node.outputs[0], draft)
    clip = node.attributes.get("clip", NO_CLIP)
    draft.kernels.append(elementwise_kernel(_OPERATIONS[node.operator], views, target, clip))


for _operator in _OPERATIONS:
    OPERATORS.register(_operator)(_lower)


@OPERATORS.register("Clip")
def lower_clip(lowering: Lowering, node: Node, draft: Draft) -> None:
    """A copy with bounds."""
    view = lowering.read(node.inputs[0])
    target = lowering.write(node.outputs[0], draft)
    bounds = (node.attributes["low"], node.attributes["high"])
    draft.kernels.append(elementwise_kernel("copy", [view], target, bounds))


@OPERATORS.register("BatchNormalization")
def lower_batch_normalization(lowering: Lowering, node: Node, draft: Draft) -> None:
    """Scale and shift along axis 1."""
    x, scale, shift = (lowering.read(name) for name in node.inputs)
    target = lowering.write(node.outputs[0], draft)
    tail = (1,) * (len(target.shape) - 2)
    factors = [view.reshaped((view.shape[0], *tail)) for view in (scale, shift)]
    views = [x, *(view for view in factors if view is not None)]
    clip = node.attributes.get("clip", NO_CLIP)
    draft.kernels.append(elementwise_kernel("scale_shift", views, target, clip))
    draft.weight_bytes += 8 * scale.elements
