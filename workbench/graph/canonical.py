"""Operators of any opset in one canonical form, so that later stages see few operators with explicit attributes.

Canonical operators: Conv (2-D, explicit pads), Gemm (constant weights K x N and bias N), MatMul, MaxPool, AveragePool,
Add, Sub, Mul, Div, Max, Min, Clip, Sigmoid, Exp, Softmax (one axis), BatchNormalization (scale and shift), Concat, Pad
(constant), Resize (whole factors, nearest), and the views Reshape, Transpose, Slice, Identity.

Source: ONNX operator specification, opsets 1 to 22.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.graph.graph import Graph, Node, Tensor

Rule = Callable[["Canonical", Node], None]
_RULES: dict[str, Rule] = {}


def rule(*operators: str) -> Callable[[Rule], Rule]:
    """Decorator that enters the rewriting of ONNX operators into canonical ones."""

    def enter(function: Rule) -> Rule:
        for operator in operators:
            _RULES[operator] = function
        return function

    return enter


def supported_operators() -> list[str]:
    """Names of the ONNX operators that the reader accepts."""
    _load_rules()
    return sorted(_RULES)


def _load_rules() -> None:
    import workbench.graph.canonical_layers
    import workbench.graph.canonical_shapes  # noqa: F401


def canonical_graph(graph: Graph, opset: int, where: str) -> Graph:
    """The same network in canonical operators; InputError naming node and operator where that is impossible."""
    _load_rules()
    work = Canonical(graph, opset, where)
    for node in graph.nodes:
        work.rewrite(node)
    return work.finish()


class Canonical:
    """The rewriting in progress: tensors and constants so far, nodes made."""

    def __init__(self, graph: Graph, opset: int, where: str) -> None:
        self.graph, self.opset, self.where = graph, opset, where
        self.tensors, self.constants = dict(graph.tensors), dict(graph.constants)
        self.nodes: list[Node] = []
        self._renamed: dict[str, str] = {}
        self._place = where

    def rewrite(self, node: Node) -> None:
        """Add the canonical form of one node."""
        self._place = f"{self.where}, node {node.name}"
        if node.operator not in _RULES:
            raise self.error(f"operator {node.operator}", "a supported operator", "replace it in the export")
        inputs = tuple(self._renamed.get(name, name) for name in node.inputs)
        for name in node.outputs[:1]:
            if 0 in self.tensors[name].shape:
                raise self.error(f"{node.operator} with an empty result", "at least one element", "remove it")
            if self.tensors[name].dtype != "float32":
                found = f"operator {node.operator} with results of type {self.tensors[name].dtype}"
                raise self.error(found, "float32", "export a float32 network")
        _RULES[node.operator](self, Node(node.name, node.operator, inputs, node.outputs, node.attributes))

    def finish(self) -> Graph:
        """The canonical graph, without nodes and tensors that nothing uses."""
        for index, name in enumerate(self.graph.outputs):
            source = self._renamed.get(name, name)
            if name not in self.tensors or not any(name in node.outputs for node in self.nodes) and source == name:
                raise InputError(
                    f"{self.where}, output {name}", "a constant, an input or a mask", "a computed value", "remove it"
                )
            if source != name:
                self.nodes.append(Node(f"output_{index}", "Identity", (source,), (name,)))
        wanted, nodes = set(self.graph.outputs), []
        for node in reversed(self.nodes):
            if wanted & set(node.outputs):
                nodes.append(node)
                wanted |= set(node.inputs)
        wanted |= set(self.graph.inputs)
        tensors = {name: self.tensors[name] for name in self.tensors if name in wanted}
        constants = {name: array for name, array in self.constants.items() if name in wanted}
        graph = self.graph
        return Graph(graph.name, tensors, constants, tuple(reversed(nodes)), graph.inputs, graph.outputs, graph.model)

    # --- what rules use -------------------------------------------------------------------------------------------

    def error(self, found: str, expected: str, advice: str) -> InputError:
        """An error at the present node."""
        return InputError(self._place, found, expected, advice)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return self.tensors[name].shape

    def constant(self, node: Node, index: int, what: str) -> np.ndarray | None:
        """The constant at an input; None if the input is absent; InputError if it is computed."""
        name = node.inputs[index] if index < len(node.inputs) else ""
        if not name:
            return None
        if name not in self.constants:
            raise self.error(f"{node.operator} with computed {what}", f"constant {what}", "export it with constants")
        return self.constants[name]

    def integers(self, node: Node, attribute: str, index: int) -> list[int] | None:
        """A list of integers that is an attribute in old opsets and an input in new ones."""
        if attribute in node.attributes:
            return [int(v) for v in np.ravel(node.attributes[attribute])]
        array = self.constant(node, index, attribute)
        return None if array is None else [int(v) for v in array.ravel()]

    def emit(self, operator: str, node: Node, inputs: Sequence[str], shape: Sequence[int], final: bool = True,
             **attributes: Any) -> str:  # fmt: skip
        """Add a node; it makes the node's own output (`final`) or a new value of the given shape."""
        if final:
            output = node.outputs[0]
        else:
            output = f"{node.outputs[0]}~{len(self.nodes)}"
        self.tensors[output] = Tensor(output, tuple(int(size) for size in shape))
        self.nodes.append(Node(node.name, operator, tuple(inputs), (output,), attributes))
        return output

    def add_constant(self, node: Node, array: np.ndarray) -> str:
        """Add a float32 constant for a node."""
        name = f"{node.outputs[0]}~c{len(self.constants)}"
        self.constants[name] = np.ascontiguousarray(array, np.float32).reshape(np.shape(array))
        self.tensors[name] = Tensor(name, tuple(np.shape(array)))
        return name

    def rename(self, output: str, source: str) -> None:
        """Let `output` be another name of `source`."""
        self._renamed[output] = source
