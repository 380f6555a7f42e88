"""Elementwise operators with broadcasting: everything in the table of operations."""

from __future__ import annotations

from workbench.compiler.kernels.operations import OPERATIONS
from workbench.compiler.lowering import OPERATORS, Draft, Lowering, elementwise_kernel
from workbench.graph.graph import Node


def _lower(lowering: Lowering, node: Node, draft: Draft) -> None:
    finish = lowering.finish_of(node)
    views = [lowering.read(name) for name in node.inputs[: len(node.inputs) - len(finish.views)]]
    target = lowering.write(node.outputs[0], draft)
    parameters = node.attributes.get("parameters", ())
    draft.kernels.append(elementwise_kernel(node.operator, views, target, finish, parameters=parameters))


for _operator in OPERATIONS:
    OPERATORS.register(_operator)(_lower)
