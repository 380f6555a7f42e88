"""Rewriting of the graph before lowering: constants folded into weights, followers fused into convolutions."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np

from workbench.graph.graph import Graph, Node, Tensor

NO_CLIP = (-math.inf, math.inf)
_LINEAR = ("Conv", "Gemm")
_CLIPPABLE = ("Conv", "Gemm", "MatMul", "Add", "Sub", "Mul", "Div", "BatchNormalization", "MaxPool", "AveragePool")


def optimise(graph: Graph) -> Graph:
    """All passes, in order."""
    for step in (fold_batch_normalization, fuse_residual, fuse_clip):
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
        shape = (-1, 1, 1, 1) if before.operator == "Conv" else (1, -1)
        inputs = (
            before.inputs[0],
            work.add(f"{before.inputs[1]}~{node.name}", weights * scale.reshape(shape)),
            work.add(f"{before.inputs[2]}~{node.name}", bias * scale + shift),
        )
        work.fuse(before, node, replace(before, inputs=inputs))
    return work.finish()


def fuse_residual(graph: Graph) -> Graph:
    """An Add of equal shapes goes into the Conv or Gemm that makes one side and runs in the Add's place."""
    work = _Work(graph)
    for node in graph.nodes:
        if node.operator != "Add" or node.inputs[0] == node.inputs[1]:
            continue
        for own, other in (node.inputs, node.inputs[::-1]):
            before = work.producer(own)
            if before is None or before.operator not in _LINEAR or len(before.inputs) > 3:
                continue
            if work.is_private(own) and graph.shape(own) == graph.shape(other) and other not in graph.constants:
                work.fuse(before, node, replace(before, inputs=(*before.inputs, other)), later=True)
                break
    return work.finish()


def fuse_clip(graph: Graph) -> Graph:
    """A Clip becomes the attribute `clip` of the operator before it."""
    work = _Work(graph)
    for node in graph.nodes:
        before = work.producer(node.inputs[0]) if node.operator == "Clip" else None
        if before is None or before.operator not in _CLIPPABLE or not work.is_private(node.inputs[0]):
            continue
        low, high = before.attributes.get("clip", NO_CLIP)
        bounds = (max(low, node.attributes["low"]), max(min(high, node.attributes["high"]), node.attributes["low"]))
        work.fuse(before, node, replace(before, attributes={**before.attributes, "clip": bounds}))
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

    def add(self, name: str, array: np.ndarray) -> str:
        """A new constant."""
        self.constants[name] = array.astype(np.float32)
        self.tensors[name] = Tensor(name, tuple(array.shape))
        return name

    def fuse(self, before: Node, node: Node, fused: Node, later: bool = False) -> None:
        """Replace two nodes by one that makes the later one's output; it runs in the earlier's place unless `later`."""
        first, second = self._places[before.outputs[0]], self._places[node.outputs[0]]
        names = (*before.attributes.get("fused", (before.operator,)), *node.attributes.get("fused", (node.operator,)))
        fused = replace(fused, outputs=node.outputs, attributes={**fused.attributes, "fused": names})
        keep, drop = (second, first) if later else (first, second)
        self.nodes[keep], self.nodes[drop] = fused, None
        for name in node.outputs:
            self._places[name] = keep
        del self._places[before.outputs[0]]

    def finish(self) -> Graph:
        """The graph without the nodes that disappeared."""
        nodes = tuple(node for node in self.nodes if node is not None)
        return replace(self.graph, nodes=nodes, constants=self.constants, tensors=self.tensors)
