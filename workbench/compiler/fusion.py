"""Elementwise operators go into the layer before them, as its epilogue.

A layer takes every chain, and every bundle of branches that come together again (``x * sigmoid(x)``), whose values nothing
else reads and which has the shape and type of the layer's result. It then runs in the place of the last operator, so that a
residual that is computed in between is there. Layers of multiplications and windows choose first, since they leave their
result in registers.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

import numpy as np

from workbench.compiler.kernels.epilogue import Epilogue, Step
from workbench.compiler.kernels.operations import OPERATIONS
from workbench.graph.graph import Graph, Node

_LAYERS = frozenset(("Conv", "ConvTranspose", "Gemm", "MatMul", "MaxPool", "AveragePool"))
_TYPES = ("float32", "float16", "int32")
_OF_BYTES = ("quantised_add", "quantised_mul")
_MOST_STEPS = 16


@dataclass
class _Chain:
    """Followers of a node being collected: their places, the steps that they become, operands from outside."""

    values: dict[str, int]
    places: list[int] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    result: str = ""


def fuse_elementwise(graph: Graph) -> Graph:
    """The graph with as few elementwise nodes as possible; the extra inputs of a layer follow its own."""
    work = _Fusion(graph)
    for operators in (_LAYERS, frozenset(OPERATIONS)):
        for place in range(len(work.nodes)):
            node = work.nodes[place]
            if node is not None and node.operator in operators and "epilogue" not in node.attributes:
                work.fuse(place, node)
    return replace(graph, nodes=tuple(node for node in work.nodes if node is not None))


class _Fusion:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: list[Node | None] = list(graph.nodes)
        self._readers: dict[str, set[int]] = defaultdict(set)
        for place, node in enumerate(graph.nodes):
            self._connect(place, node)

    def _connect(self, place: int, node: Node) -> None:
        for name in node.inputs:
            self._readers[name].add(place)

    def fuse(self, place: int, node: Node) -> None:
        """Put the longest closed chain behind a node into it."""
        chain = self._longest(node)
        if chain is None:
            return
        members = [place, *chain.places]
        names = tuple(name for p in members for name in self._fused_names(p))
        for member in members:
            for name in self.nodes[member].inputs:  # type: ignore[union-attr]
                self._readers[name].discard(member)
            self.nodes[member] = None
        attributes = {**node.attributes, "epilogue": Epilogue(tuple(chain.steps)), "fused": names}
        fused = replace(node, inputs=(*node.inputs, *chain.extras), outputs=(chain.result,), attributes=attributes)
        self.nodes[max(members)] = fused
        self._connect(max(members), fused)

    def _fused_names(self, place: int) -> tuple[str, ...]:
        node = self.nodes[place]
        assert node is not None
        return tuple(node.attributes.get("fused", (node.operator,)))

    def _longest(self, node: Node) -> _Chain | None:
        """The longest chain that ends in a single value; None where there is none."""
        name = node.outputs[0]
        if self.graph.tensors[name].dtype not in _TYPES:
            return None
        chain, closed = _Chain({name: 0}), None
        while len(chain.places) < _MOST_STEPS:
            waiting = [value for value in chain.values if self._is_read_outside(value, chain)]
            if len(waiting) == 1 and chain.places:
                closed = replace(
                    chain, places=[*chain.places], steps=[*chain.steps], extras=[*chain.extras], result=waiting[0]
                )
            following = [p for value in waiting for p in self._readers[value] if p not in chain.places]
            if not following or not self._add(chain, min(following)):
                break
        return closed

    def _is_read_outside(self, name: str, chain: _Chain) -> bool:
        return name in self.graph.outputs or not self._readers[name] <= {*chain.places}

    def _add(self, chain: _Chain, place: int) -> bool:
        """Let a node be the next step; whether it can."""
        node = self.nodes[place]
        assert node is not None
        if node.operator not in OPERATIONS or "epilogue" in node.attributes or not self._fits(node, chain):
            return False
        arguments = tuple(chain.values.get(name, self._extra(name, chain)) for name in node.inputs)
        chain.steps.append(Step(node.operator, arguments, tuple(node.attributes.get("parameters", ()))))
        chain.values[node.outputs[0]] = len(chain.steps)
        chain.places.append(place)
        return True

    def _extra(self, name: str, chain: _Chain) -> str:
        if name in chain.values:
            return ""
        if name not in chain.extras:
            chain.extras.append(name)
        return f"e{chain.extras.index(name)}"

    def _fits(self, node: Node, chain: _Chain) -> bool:
        """Whether a node keeps shape and type, and its other inputs spread to them.

        A sum of integers is first quantised; then quantised tensors may be added to it or multiplied with it.
        """
        first = next(iter(chain.values))
        shape, dtype = self.graph.shape(first), self.graph.tensors[first].dtype
        tensors = [self.graph.tensors[name] for name in (*node.inputs, *node.outputs)]
        if dtype == "int32":
            fits = node.operator == "requantise" if not chain.places else node.operator in _OF_BYTES
        else:
            fits = all(tensor.dtype == dtype for tensor in tensors)
        if not fits or tensors[-1].shape != shape:
            return False
        return all(np.broadcast_shapes(tensor.shape, shape) == shape for tensor in tensors)
