"""Where tensors lie: order of the axes, borders of zeros for the convolutions that read them, parts of a Concat."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from workbench.compiler.views import NO_HALO
from workbench.graph.graph import Graph, Node
from workbench.isa.target import Target

CHANNELS_LAST = (0, 2, 3, 1)
_SPATIAL = ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "scale_shift", "Interpolate", "Resize")
_REARRANGING = ("Reshape", "Transpose", "MatMul", "Gemm", "Gather", "GatherElements", "GatherND", "Expand")
_WINDOWS = ("Conv", "MaxPool", "AveragePool")
_VIEWS = ("Reshape", "Transpose", "Slice", "Expand", "Identity", "Resize")
Pads = tuple[int, int, int, int]


@dataclass(frozen=True)
class Part:
    """A tensor that is written directly into its place in a Concat's result."""

    parent: str
    axis: int
    start: int


class Layouts:
    """Decisions over the whole graph, before any layer is lowered."""

    def __init__(self, graph: Graph, target: Target) -> None:
        self.graph, self.target = graph, target
        self._producers = {name: node for node in graph.nodes for name in node.outputs}
        self._consumers: dict[str, list[Node]] = defaultdict(list)
        for node in graph.nodes:
            for name in dict.fromkeys(node.inputs):
                self._consumers[name].append(node)
        self.parts = self._find_parts()
        self._images = self._find_images()
        self._children: dict[str, list[str]] = defaultdict(list)
        for name, part in self.parts.items():
            self._children[part.parent].append(name)

    def _find_parts(self) -> dict[str, Part]:
        """Inputs of Concats whose producer can write them in place."""
        parts: dict[str, Part] = {}
        for node in reversed(self.graph.nodes):
            if node.operator != "Concat":
                continue
            start, axis = 0, node.attributes["axis"]
            for name in node.inputs:
                made = self._producers.get(name)
                free = name not in parts and name not in self.graph.outputs and node.inputs.count(name) == 1
                if made is not None and made.operator not in _VIEWS and free:
                    parts[name] = Part(node.outputs[0], axis, start)
                start += self.graph.shape(name)[axis]
        return parts

    def order(self, name: str) -> tuple[int, ...] | None:
        """Axes of a tensor from the outermost to the innermost; None for the order of ONNX."""
        if name in self.graph.outputs or name not in self._images:
            return None
        return CHANNELS_LAST

    def _find_images(self) -> set[str]:
        """Tensors of four axes that belong to an image: what an operator over images touches, and what is computed from
        or with it element by element."""
        neighbours: dict[str, set[str]] = defaultdict(set)
        images: list[str] = []
        for node in self.graph.nodes:
            names = [name for name in (*node.inputs, *node.outputs) if self._has_four_axes(name)]
            if node.operator in _SPATIAL:
                images += [*node.inputs[:1], *node.outputs]
            if node.operator not in _REARRANGING:
                for name in names[1:]:
                    neighbours[names[0]].add(name)
                    neighbours[name].add(names[0])
        found: set[str] = set()
        while images:
            name = images.pop()
            if name not in found and self._has_four_axes(name):
                found.add(name)
                images += neighbours[name]
        return found

    def _has_four_axes(self, name: str) -> bool:
        return name in self.graph.tensors and name not in self.graph.constants and len(self.graph.shape(name)) == 4

    def halo(self, name: str) -> Pads:
        """Border that the readers of a tensor, and of the parts of it, can use."""
        if name in self.graph.outputs or len(self.graph.shape(name)) != 4:
            return NO_HALO
        family = self._family(name)
        if any(node.operator == "Reshape" for member in family for node in self._consumers[member]):
            return NO_HALO
        if any(self.parts[member].axis != 1 for member in family[1:]):
            return NO_HALO
        if len(self._borders(family)) > 1:
            return NO_HALO
        wanted = [self._wanted(node, member) for member in family for node in self._consumers[member]]
        return tuple(max(sides) for sides in zip(NO_HALO, *wanted, strict=True))  # type: ignore[return-value]

    def border(self, name: str) -> float:
        """The value around a tensor that its readers expect: what stands for zero."""
        return next(iter(self._borders(self._family(name))), 0.0)

    def _borders(self, family: list[str]) -> set[float]:
        readers = [(node, member) for member in family for node in self._consumers[member]]
        return {node.attributes.get("border", 0.0) for node, member in readers if any(self._wanted(node, member))}

    def _family(self, name: str) -> list[str]:
        """A tensor and everything that is written into it as a part."""
        return [name, *(member for child in self._children[name] for member in self._family(child))]

    def _wanted(self, node: Node, name: str) -> Pads:
        """Border that a node would read around a tensor."""
        if node.operator not in _WINDOWS or node.inputs[0] != name:
            return NO_HALO
        if node.operator == "MaxPool" and not self.is_non_negative(name):
            return NO_HALO
        return reach(node, self.graph.shape(name), self.graph.shape(node.outputs[0]))

    def is_non_negative(self, name: str) -> bool:
        """Whether a tensor cannot have negative elements, so that zeros around it do not change a maximum."""
        if self.graph.tensors[name].dtype.startswith("uint"):
            return True
        made = self._producers.get(name)
        if made is None:
            return False
        if "epilogue" in made.attributes:
            return bool(made.attributes["epilogue"].is_non_negative)
        if made.operator in ("MaxPool", "Concat"):
            inputs = made.inputs if made.operator == "Concat" else made.inputs[:1]
            return all(self.is_non_negative(source) for source in inputs)
        return made.operator == "Clip" and bool(made.attributes["parameters"][0] >= 0)


def reach(node: Node, source: tuple[int, ...], target: tuple[int, ...]) -> Pads:
    """Border (top, left, bottom, right) that a window operator really reads."""
    top, left = node.attributes["pads"][:2]
    ends = []
    for axis, begin in ((0, top), (1, left)):
        kernel, stride = node.attributes["kernel"][axis], node.attributes["strides"][axis]
        span = (target[axis + 2] - 1) * stride + (kernel - 1) * node.attributes["dilations"][axis] + 1
        ends.append(max(span - source[axis + 2] - begin, 0))
    return (top, left, ends[0], ends[1])
