"""Rewriting of the graph before lowering: constants folded into weights, elementwise operators fused into layers."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from workbench.compiler.fusion import fuse_elementwise
from workbench.graph.graph import Graph, Node, Tensor

_LINEAR = ("Conv", "Gemm")


def optimise(graph: Graph) -> Graph:
    """All passes, in order."""
    for step in (fold_batch_normalization, scale_by_channel, fuse_elementwise):
        graph = step(graph)
    return graph


def fold_batch_normalization(graph: Graph) -> Graph:
    """Scale and shift of a BatchNormalization go into the weights and bias of the Conv or Gemm before it."""
    work = _Work(graph)
    for node in graph.nodes:
        before = work.producer(node.inputs[0]) if node.operator == "BatchNormalization" else None
        if before is None or before.operator not in _LINEAR or not work.is_private(node.inputs[0]):
            continue
        weights, bias = (work.constants[name].astype(np.float64) for name in before.inputs[1:3])
        scale, shift = (work.constants[name].astype(np.float64) for name in node.inputs[1:3])
        dtype = work.tensors[before.inputs[1]].dtype
        shape = (-1, *(1,) * (weights.ndim - 1)) if before.operator == "Conv" else (1, -1)
        inputs = (
            before.inputs[0],
            work.add(f"{before.inputs[1]}~{node.name}", weights * scale.reshape(shape), dtype),
            work.add(f"{before.inputs[2]}~{node.name}", bias * scale + shift, dtype),
        )
        work.fuse(before, node, replace(before, inputs=inputs))
    return work.finish()


def scale_by_channel(graph: Graph) -> Graph:
    """A BatchNormalization that remains becomes an elementwise operator with factors of one size for each channel."""
    work = _Work(graph)
    for place, node in enumerate(graph.nodes):
        if node.operator == "BatchNormalization":
            shape = (-1, *(1,) * (len(graph.shape(node.outputs[0])) - 2))
            arrays = {name: graph.constants[name].reshape(shape) for name in node.inputs[1:3]}
            factors = [work.add(f"{name}~{node.name}", array, array.dtype.name) for name, array in arrays.items()]
            attributes = {**node.attributes, "fused": node.attributes.get("fused", (node.operator,))}
            inputs = (node.inputs[0], *factors)
            work.nodes[place] = replace(node, operator="scale_shift", inputs=inputs, attributes=attributes)
    return work.finish()


class _Work:
    """Nodes being fused: a later node disappears into an earlier one."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[Node | None] = list(graph.nodes)
        self.constants = dict(graph.constants)
        self.tensors = dict(graph.tensors)
        self._uses = Counter(name for node in graph.nodes for name in node.inputs)
        self._uses.update(graph.outputs)
        self._places = {name: place for place, node in enumerate(graph.nodes) for name in node.outputs}

    def producer(self, name: str) -> Node | None:
        """The node that makes a tensor."""
        place = self._places.get(name)
        return None if place is None else self.nodes[place]

    def is_private(self, name: str) -> bool:
        """Whether exactly one node uses a tensor."""
        return self._uses[name] == 1

    def add(self, name: str, array: np.ndarray, dtype: str) -> str:
        """A new constant."""
        self.constants[name] = array.astype(dtype)
        self.tensors[name] = Tensor(name, tuple(array.shape), dtype)
        return name

    def fuse(self, before: Node, node: Node, fused: Node) -> None:
        """Replace two nodes by one in the earlier's place that makes the later one's output."""
        first, second = self._places[before.outputs[0]], self._places[node.outputs[0]]
        names = (*before.attributes.get("fused", (before.operator,)), *node.attributes.get("fused", (node.operator,)))
        self.nodes[first] = replace(fused, outputs=node.outputs, attributes={**fused.attributes, "fused": names})
        self.nodes[second] = None
        for name in node.outputs:
            self._places[name] = first
        del self._places[before.outputs[0]]

    def finish(self) -> Graph:
        """The graph without the nodes that disappeared."""
        nodes = tuple(node for node in self.nodes if node is not None)
        return replace(self.graph, nodes=nodes, constants=self.constants, tensors=self.tensors)
