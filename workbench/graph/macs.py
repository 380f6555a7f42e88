"""Multiply-accumulate operations of a network."""

from __future__ import annotations

import math

from workbench.graph.graph import Graph, Node


def count_macs(graph: Graph) -> int:
    """Those of all convolutions and matrix products; padding counts as data."""
    return sum(_macs(graph, node) for node in graph.nodes)


def _macs(graph: Graph, node: Node) -> int:
    if node.operator not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return 0
    x, weights, y = (graph.shape(name) for name in (node.inputs[0], node.inputs[1], node.outputs[0]))
    if node.operator == "Conv":
        return math.prod(y) * math.prod(weights[1:])
    return math.prod(x) * math.prod(weights[1:]) if node.operator == "ConvTranspose" else math.prod(y) * x[-1]
