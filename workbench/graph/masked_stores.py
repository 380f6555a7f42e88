"""Values stored where a mask says so, which exporters write with the places of the mask's elements: selections instead.

``x[mask] = value`` becomes a ScatterND at the transposed result of NonZero, as many elements as the data say. With one value
for all places it is a Where, whose sizes are fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from workbench.graph.graph import Graph, Node, Tensor

_SHAPED = ("Expand", "Reshape", "Identity", "Unsqueeze", "Squeeze")


def as_selections(graph: Graph) -> Graph:
    """The network with such stores as selections, and without the nodes that nothing uses then."""
    makers = {output: node for node in graph.nodes for output in node.outputs}
    nodes: list[Node] = []
    tensors = dict(graph.tensors)
    for node in graph.nodes:
        nodes += _selection(node, makers, graph, tensors) or [node]
    if len(nodes) == len(graph.nodes):
        return graph
    wanted, kept = set(graph.outputs), []
    for node in reversed(nodes):
        if wanted & set(node.outputs):
            kept.append(node)
            wanted |= set(node.inputs)
    return replace(graph, nodes=tuple(reversed(kept)), tensors=tensors)


def _selection(node: Node, makers: Mapping[str, Node], graph: Graph, tensors: dict[str, Tensor]) -> list[Node] | None:
    """The nodes in place of a store at a mask's places; None for any other node."""
    if node.operator != "ScatterND" or node.attributes.get("reduction", "none") != "none":
        return None
    mask, value = _mask(node.inputs[1], makers), _value(node.inputs[2], makers, graph)
    data = graph.tensors.get(node.inputs[0])
    if not mask or not value or data is None or -1 in data.shape or mask not in graph.tensors:
        return None
    condition = graph.tensors[mask]
    rank = len(condition.shape)
    if condition.dtype != "bool" or condition.shape != data.shape[:rank]:
        return None
    names = [f"{node.outputs[0]}~mask", f"{node.outputs[0]}~stored"]
    tensors[names[0]] = Tensor(names[0], condition.shape + (1,) * (len(data.shape) - rank), "bool")
    tensors[names[1]] = Tensor(names[1], (), data.dtype)
    return [
        Node(node.name, "Reshape", (mask,), (names[0],)),
        Node(node.name, "Reshape", (value,), (names[1],)),
        Node(node.name, "Where", (*names, node.inputs[0]), node.outputs),
    ]


def _mask(name: str, makers: Mapping[str, Node]) -> str:
    """The mask whose places a tensor holds, one a row; "" if it is none."""
    turned = makers.get(name)
    if turned is None or turned.operator != "Transpose" or list(turned.attributes.get("perm", (1, 0))) != [1, 0]:
        return ""
    places = makers.get(turned.inputs[0])
    return places.inputs[0] if places is not None and places.operator == "NonZero" else ""


def _value(name: str, makers: Mapping[str, Node], graph: Graph) -> str:
    """The one element that a tensor repeats; "" if there are several."""
    while True:
        tensor = graph.tensors.get(name)
        if tensor is not None and -1 not in tensor.shape and tensor.elements == 1:
            return name
        node = makers.get(name)
        if node is None or node.operator not in _SHAPED:
            return ""
        name = node.inputs[0]
