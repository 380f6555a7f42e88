"""Elementwise operators with broadcasting: everything in the table of operations, and bounds and scales of their own."""

from __future__ import annotations

from workbench.compiler.kernels.operations import OPERATIONS
from workbench.compiler.lowering import OPERATORS, Draft, Lowering, elementwise_kernel
from workbench.compiler.passes import NO_CLIP
from workbench.graph.graph import Node


def _lower(lowering: Lowering, node: Node, draft: Draft) -> None:
    views = [lowering.read(name) for name in node.inputs]
    target = lowering.write(node.outputs[0], draft)
    clip, parameters = node.attributes.get("clip", NO_CLIP), node.attributes.get("parameters", ())
    draft.kernels.append(elementwise_kernel(node.operator, views, target, clip, parameters=parameters))


for _operator in OPERATIONS:
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
