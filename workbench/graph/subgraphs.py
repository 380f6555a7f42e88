"""Bodies of control flow: the names that they take from outside, and their nodes written out under names of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_GRAPH, _GRAPHS = 5, 10  # AttributeProto.AttributeType


def bodies(node: Any) -> Iterator[Any]:
    """The graphs in a node's attributes."""
    for attribute in node.attribute:
        if attribute.type == _GRAPH:
            yield attribute.g
        elif attribute.type == _GRAPHS:
            yield from attribute.graphs


def body_of(node: Any, name: str) -> Any | None:
    """The graph in the attribute of that name."""
    return next((a.g for a in node.attribute if a.name == name and a.type == _GRAPH), None)


def every_node(nodes: Sequence[Any]) -> Iterator[Any]:
    """Nodes and those in their bodies, at any depth."""
    for node in nodes:
        yield node
        for body in bodies(node):
            yield from every_node(body.node)


def every_body(nodes: Sequence[Any]) -> Iterator[Any]:
    """The bodies of nodes, at any depth."""
    for node in every_node(nodes):
        yield from bodies(node)


def read_names(node: Any) -> set[str]:
    """What must be there before a node can run: its inputs, and what its bodies take from outside."""
    names = set(node.input)
    for body in bodies(node):
        inside = {name for inner in body.node for name in read_names(inner)} | {value.name for value in body.output}
        names |= inside - _own_names(body)
    return names - {""}


def _own_names(body: Any) -> set[str]:
    names = {value.name for value in body.input} | {tensor.name for tensor in body.initializer}
    return names | {name for node in body.node for name in node.output}


def written_out(body: Any, given: Mapping[str, str], label: str, mark: str) -> tuple[list[Any], list[str]]:
    """A body's nodes, and the names of its results.

    Values become the names in `given`, all other names of its own end in `mark`, and names of nodes begin with `label`.
    """
    names = {name: f"{name}{mark}" for name in _own_names(body) if name} | dict(given)
    nodes = []
    for place, node in enumerate(body.node):
        copy = type(node).FromString(node.SerializeToString())
        copy.name = f"{label}/{node.name or f'{node.op_type}_{place}'}"
        copy.output[:] = [names.get(name, name) for name in node.output]
        _rename(copy, names)
        nodes.append(copy)
    return nodes, [names.get(value.name, value.name) for value in body.output]


def _rename(node: Any, names: Mapping[str, str]) -> None:
    """New names for what a node and its bodies read."""
    node.input[:] = [names.get(name, name) for name in node.input]
    for body in bodies(node):
        own = _own_names(body)
        outer = {name: new for name, new in names.items() if name not in own}
        for inner in body.node:
            _rename(inner, outer)
        for value in body.output:
            value.name = outer.get(value.name, value.name)
