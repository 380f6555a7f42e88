"""From QDQ form to QLinear form: a float operator between DequantizeLinear and QuantizeLinear becomes one of integers.

Operators that only move elements, or take the largest, come before the DequantizeLinear in front of them, and a
QuantizeLinear behind a DequantizeLinear of the same scale and zero disappears with it. Then ``Q(op(DQ(x), DQ(w), ...))``
becomes the operator that ONNX or onnxruntime defines for it (QLinearConv, QLinearMatMul and those of `CONTRIB`). Relu and
Clip before the QuantizeLinear become bounds of the quantised result where the operator has some, exactly because
quantisation never changes the order of two numbers. What does not fit is left as it is and computed in floats.

Source: ONNX operator specification; onnxruntime, "Contrib operators" (domain com.microsoft).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.graph.graph import Graph, Node, Tensor

BYTES = ("int8", "uint8")
CONTRIB = (
    "QGemm", "QLinearAdd", "QLinearAveragePool", "QLinearConcat", "QLinearGlobalAveragePool", "QLinearLeakyRelu",
    "QLinearMul", "QLinearSigmoid", "QLinearSoftmax",
)  # fmt: skip
"""Operators of onnxruntime's own domain that the reader knows."""
BOUNDS = "quantised_bounds"
"""Attribute: lowest and highest quantised result, where they are tighter than the type's."""

_MOVES = frozenset(
    "Reshape Flatten Squeeze Unsqueeze Transpose Slice Expand DepthToSpace SpaceToDepth MaxPool Gather".split()
)
_SCALE_TOLERANCE = 1e-3  # of a bias whose scale should be the product of the factors' scales


@dataclass(frozen=True)
class Quantised:
    """An integer tensor and the names of its scale and zero (empty for 0); `axis` of scales that differ."""

    value: str
    scale: str
    zero: str
    axis: int

    @property
    def names(self) -> tuple[str, str, str]:
        """Value, scale and zero, as operators of integers take them."""
        return self.value, self.scale, self.zero


class QuantisedForm:
    """The rewriting of one graph."""

    def __init__(self, graph: Graph) -> None:
        self.tensors = dict(graph.tensors)
        self._before: dict[int, tuple[Node, ...]] = {}
        self._take(graph)

    def _take(self, graph: Graph) -> None:
        """Start over with a graph."""
        self.graph = graph
        self.nodes: list[Node | None] = list(graph.nodes)
        self._makers = {name: place for place, node in enumerate(graph.nodes) for name in node.outputs if name}
        self._uses = Counter(name for node in graph.nodes for name in node.inputs)
        self._uses.update(graph.outputs)
        self._readers = {name: place for place, node in enumerate(graph.nodes) for name in node.inputs}

    def run(self) -> Graph:
        """The graph with every group replaced that can be."""
        if not any(node.operator == "DequantizeLinear" for node in self.graph.nodes):
            return self.graph
        for place in range(len(self.graph.nodes)):
            self._move(place)
        self._take(replace(self.graph, nodes=tuple(self._flat())))
        for place, node in enumerate(self.graph.nodes):
            if node.operator == "QuantizeLinear":
                self._cancel(place, node)
            elif node.operator in _FORMS:
                self._fold(place, node)
        nodes = tuple(node for node in self.nodes if node is not None)
        return replace(self.graph, nodes=nodes, tensors=self.tensors)

    def _flat(self) -> list[Node]:
        """The nodes, moved ones before their DequantizeLinear."""
        return [node for place, own in enumerate(self.nodes) for node in (*self._before.get(place, ()), own) if node]

    def _move(self, place: int) -> None:
        """Let a node that only moves elements work on the integers."""
        node = self.graph.nodes[place]
        source = self.source(node.inputs[0]) if node.operator in _MOVES and node.inputs else None
        several = len(node.outputs) > 1 and bool(node.outputs[1])
        if source is None or several or not self.is_uniform(source) or not self.are_bytes(source):
            return
        name, output = f"{node.outputs[0]}~bytes", node.outputs[0]
        self.tensors[name] = Tensor(name, self.tensors[output].shape, self.dtype(source.value))
        self._before[place] = (replace(node, inputs=(source.value, *node.inputs[1:]), outputs=(name,)),)
        inputs = (name, source.scale, *([source.zero] if source.zero else []))
        self.nodes[place] = Node(f"{node.name}~dequantized", "DequantizeLinear", inputs, (output,))

    def _cancel(self, place: int, node: Node) -> None:
        """Drop a QuantizeLinear that only takes back a DequantizeLinear."""
        source, result = self.source(node.inputs[0]), self._meaning(node)
        if source is None or result is None or not self.is_uniform(source, result):
            return
        same = all(self.number(a) == self.number(b) for a, b in ((source.scale, result.scale), (source.zero, result.zero)))
        if same and self.dtype(source.value) == self.dtype(result.value):
            self.nodes[place] = Node(node.name, "Identity", (source.value,), node.outputs)

    def _fold(self, place: int, node: Node) -> None:
        chain, bounds = self._behind(node)
        if not chain:
            return
        last = self.graph.nodes[chain[-1]]
        result = self._meaning(last)
        sources = [self.source(name) for name in node.inputs]
        if result is None or self.dtype(last.outputs[0]) not in BYTES or sources[0] is None:
            return
        made = _FORMS[node.operator](self, node, sources, result)
        limits, info = self._limits(bounds, result, self.dtype(last.outputs[0])), np.iinfo(self.dtype(last.outputs[0]))
        if made is None or node.operator in _WITHOUT_BOUNDS and limits not in (None, (info.min, info.max)):
            return
        for gone in (place, *chain):
            self.nodes[gone] = None
        attributes = {**made.attributes, **({BOUNDS: limits} if limits else {})}
        self.nodes[chain[-1]] = replace(made, outputs=last.outputs, attributes=attributes)

    def _behind(self, node: Node) -> tuple[list[int], list[Node]]:
        """Places of the nodes from behind `node` to a QuantizeLinear (or none), and the bounds among them."""
        chain: list[int] = []
        bounds: list[Node] = []
        name = node.outputs[0]
        while self._uses[name] == 1 and name in self._readers:
            place = self._readers[name]
            reader = self.graph.nodes[place]
            if reader.inputs[0] != name or self.nodes[place] is None:
                break
            chain.append(place)
            if reader.operator == "QuantizeLinear":
                return chain, bounds
            if reader.operator not in ("Relu", "Clip"):
                break
            bounds.append(reader)
            name = reader.outputs[0]
        return [], []

    def _limits(self, bounds: list[Node], result: Quantised, dtype: str) -> tuple[int, int] | None:
        """Bounds of the quantised result."""
        info = np.iinfo(dtype)
        low, high = info.min, info.max
        scale, zero = np.float32(self.number(result.scale)), int(self.number(result.zero))
        for node in bounds:
            numbers = [self.number(name) if name else np.nan for name in (*node.inputs[1:3], "", "")[:2]]
            least = 0.0 if node.operator == "Relu" else node.attributes.get("min", numbers[0])
            most = np.nan if node.operator == "Relu" else node.attributes.get("max", numbers[1])
            inside = [int(np.clip(np.rint(np.float32(v) / scale) + zero, low, high)) for v in (least, most) if v == v]
            low = inside[0] if least == least else low
            high = inside[-1] if most == most else high
        return (low, high) if bounds else None

    # --- what forms use -------------------------------------------------------------------------------------------

    def dtype(self, name: str) -> str:
        """Element type of a tensor; empty where it is not known."""
        return self.tensors[name].dtype if name in self.tensors else ""

    def number(self, name: str) -> float:
        """A constant of one element; 0 where there is no name, NaN where it is computed or has more."""
        array = self.graph.constants.get(name) if name else np.zeros(1)
        return float(array.ravel()[0]) if array is not None and array.size == 1 else float("nan")

    def is_constant(self, *names: str) -> bool:
        """Whether all of them are constants (or absent)."""
        return all(name in self.graph.constants for name in names if name)

    def source(self, name: str) -> Quantised | None:
        """The integers behind a DequantizeLinear."""
        node = self.nodes[self._makers[name]] if name in self._makers else None
        return self._meaning(node) if node is not None and node.operator == "DequantizeLinear" else None

    def _meaning(self, node: Node) -> Quantised | None:
        """Integer tensor, scale and zero of a (De)QuantizeLinear; None where they are computed or in blocks."""
        zero = node.inputs[2] if len(node.inputs) > 2 else ""
        if not self.is_constant(node.inputs[1], zero) or node.attributes.get("block_size", 0):
            return None
        if any(self.bounds_of(node, place) for place in (1, 2)):
            return None
        value = node.outputs[0] if node.operator == "QuantizeLinear" else node.inputs[0]
        return Quantised(value, node.inputs[1], zero, int(node.attributes.get("axis", 1)))

    def bounds_of(self, node: Node, place: int) -> bool:
        """Whether a scale or zero has more than one axis."""
        name = node.inputs[place] if place < len(node.inputs) else ""
        return bool(name) and self.graph.constants[name].ndim > 1

    def is_uniform(self, *tensors: Quantised) -> bool:
        """Whether every tensor has one scale and one zero."""
        return all(
            self.number(t.scale) == self.number(t.scale) and self.number(t.zero) == self.number(t.zero) for t in tensors
        )

    def are_bytes(self, *tensors: Quantised) -> bool:
        """Whether all have elements of 8 bits."""
        return all(self.dtype(t.value) in BYTES for t in tensors)

    def has_axis(self, tensor: Quantised, axis: int) -> bool:
        """Whether scales that differ do so along `axis` (counted from the front)."""
        rank = len(self.tensors[tensor.value].shape)
        return self.is_uniform(tensor) or tensor.axis % rank == axis % rank

    def bias(self, bias: Quantised | None, x: Quantised, w: Quantised) -> str | None:
        """The name of a 32-bit bias in units of the products; None where it is not one."""
        if bias is None or self.dtype(bias.value) != "int32" or bias.value not in self.graph.constants:
            return None
        have = self.graph.constants[bias.scale]
        want = self.graph.constants[x.scale] * self.graph.constants[w.scale]
        zero = self.graph.constants.get(bias.zero, np.zeros(1))
        fits = np.allclose(have, want.reshape(-1) if want.size > 1 else want, rtol=_SCALE_TOLERANCE, atol=0.0)
        return bias.value if fits and not zero.any() else None


Sources = Sequence[Quantised | None]
Form = Callable[[QuantisedForm, Node, Sources, Quantised], Node | None]


def _conv(form: QuantisedForm, node: Node, sources: Sources, result: Quantised) -> Node | None:
    x, w = sources[:2]
    if x is None or w is None or not form.are_bytes(x, w) or not form.is_uniform(x, result):
        return None
    if w.value not in form.graph.constants or not form.has_axis(w, 0):
        return None
    inputs: tuple[str, ...] = (*x.names, *w.names, result.scale, result.zero)
    if len(node.inputs) > 2 and node.inputs[2]:
        bias = form.bias(sources[2], x, w)
        if bias is None:
            return None
        inputs = (*inputs, bias)
    return Node(node.name, "QLinearConv", inputs, node.outputs, node.attributes)


def _matmul(form: QuantisedForm, node: Node, sources: Sources, result: Quantised) -> Node | None:
    a, b = sources[:2]
    if a is None or b is None or not form.are_bytes(a, b) or not form.is_uniform(a, result) or not form.has_axis(b, -1):
        return None
    return Node(node.name, "QLinearMatMul", (*a.names, *b.names, result.scale, result.zero), node.outputs)


def _gemm(form: QuantisedForm, node: Node, sources: Sources, result: Quantised) -> Node | None:
    a, b = sources[:2]
    if a is None or b is None or not form.are_bytes(a, b) or not form.is_uniform(a, result):
        return None
    if not form.has_axis(b, 0 if node.attributes.get("transB", 0) else 1) or node.attributes.get("beta", 1.0) != 1.0:
        return None
    bias: str | None = ""
    if len(node.inputs) > 2 and node.inputs[2]:
        bias = form.bias(sources[2], a, b)
    if bias is None or (bias and node.attributes.get("alpha", 1.0) != 1.0):
        return None
    return Node(node.name, "QGemm", (*a.names, *b.names, bias, result.scale, result.zero), node.outputs, node.attributes)


def _binary(form: QuantisedForm, node: Node, sources: Sources, result: Quantised) -> Node | None:
    a, b = sources[:2]
    if a is None or b is None or not form.are_bytes(a, b) or not form.is_uniform(a, b, result):
        return None
    return Node(node.name, f"QLinear{node.operator}", (*a.names, *b.names, result.scale, result.zero), node.outputs)


def _unary(form: QuantisedForm, node: Node, sources: Sources, result: Quantised) -> Node | None:
    x = sources[0]
    if x is None or not form.are_bytes(x) or not form.is_uniform(x, result):
        return None
    inputs = (*x.names, result.scale, result.zero)
    return Node(node.name, f"QLinear{node.operator}", inputs, node.outputs, node.attributes)


def _joined(form: QuantisedForm, node: Node, sources: Sources, result: Quantised) -> Node | None:
    parts = [part for part in sources if part is not None]
    if len(parts) < len(sources) or not form.are_bytes(*parts) or not form.is_uniform(*parts, result):
        return None
    if len({form.dtype(part.value) for part in (*parts, result)}) > 1:
        return None
    inputs = (result.scale, result.zero, *(name for part in parts for name in part.names))
    return Node(node.name, "QLinearConcat", inputs, node.outputs, node.attributes)


_WITHOUT_BOUNDS = ("AveragePool", "Concat", "LeakyRelu", "Sigmoid", "Softmax")
_FORMS: dict[str, Form] = {
    "Conv": _conv, "MatMul": _matmul, "Gemm": _gemm, "Add": _binary, "Mul": _binary, "GlobalAveragePool": _unary,
    "AveragePool": _unary, "LeakyRelu": _unary, "Sigmoid": _unary, "Softmax": _unary, "Concat": _joined,
}  # fmt: skip
