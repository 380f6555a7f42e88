"""Sequences of tensors, resolved while constants are folded: a list of tensors' names takes the place of each.

Lengths and positions must be known after folding. A value of an optional type is the tensor or sequence in it.

Source: ONNX operator specification, SequenceConstruct to SequenceMap, SplitToSequence, ConcatFromSequence (opset 11 and
later), OptionalHasElement and OptionalGetElement (opset 15 and later).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from workbench.graph.control_flow import ControlFlow, Numbered

OPERATORS = (
    "SequenceEmpty", "SequenceConstruct", "SequenceInsert", "SequenceErase", "SequenceAt", "SequenceLength",
    "ConcatFromSequence", "SplitToSequence", "Optional", "OptionalHasElement", "OptionalGetElement",
)  # fmt: skip


class Sequences:
    """The sequences that are known, by name, as names of their tensors."""

    def __init__(self, flow: ControlFlow) -> None:
        self.flow = flow
        self.elements: dict[str, tuple[str, ...]] = {}
        self._empty: set[str] = set()  # optional values without an element

    def is_alias(self, node: Any) -> bool:
        """Whether a node gives another name to a sequence."""
        return node.op_type == "Identity" and bool(node.input) and node.input[0] in self.elements

    def resolved(self, index: int, node: Any) -> list[Numbered]:
        """The nodes in place of one that makes or reads a sequence; itself where something is not known yet."""
        made = self._resolve(index, node)
        if made is None:
            return [(index, node)]
        self.flow.has_progress = True
        return self.flow.reduced(made)

    def unresolved(self, node: Any) -> tuple[str, str, str]:
        """What is said of a node that remains."""
        return (
            f"{node.op_type} of a sequence whose length or position the data say",
            "sequences of known length, constant positions", "export it with tensors (nearest: Gather, Concat)",
        )  # fmt: skip

    def mapped(self, index: int, node: Any) -> list[Numbered]:
        """SequenceMap: its body once for every element."""
        flow, names = self.flow, list(node.input)
        if names[0] not in self.elements:
            return [(index, node)]
        body = next(attribute.g for attribute in node.attribute if attribute.name == "body")
        made: list[Numbered] = []
        results: list[list[str]] = [[] for _ in node.output]
        shared = flow.body_constants(body, {})
        for step in range(len(self.elements[names[0]])):
            given = {
                value.name: self.elements[name][step] if name in self.elements else name
                for value, name in zip(body.input, names, strict=True)
            }
            nodes, values = flow.steps_of(node, index, body, given | shared, step)
            made += nodes
            for parts, value in zip(results, values, strict=True):
                parts.append(value)
        flow.has_progress = True
        self.elements |= {output: tuple(parts) for output, parts in zip(node.output, results, strict=True)}
        return made

    def _resolve(self, index: int, node: Any) -> list[Numbered] | None:
        operator, flow = node.op_type, self.flow
        output, source = node.output[0], node.input[0] if node.input else ""
        if operator in ("SequenceEmpty", "SequenceConstruct"):
            self.elements[output] = tuple(node.input)
            return []
        if operator in ("Optional", "OptionalHasElement", "OptionalGetElement"):
            return self._optional(index, node, source, output)
        if operator == "SplitToSequence":
            return self._split(index, node)
        if source not in self.elements:
            return None
        parts = self.elements[source]
        if operator == "SequenceLength":
            flow.constants[output] = np.array(len(parts), np.int64)
            return []
        if operator == "Identity":
            self.elements[output] = parts
            return []
        if operator == "ConcatFromSequence":
            return self._joined(index, node, parts)
        return self._at(index, node, parts)

    def _at(self, index: int, node: Any, parts: tuple[str, ...]) -> list[Numbered] | None:
        """SequenceAt, SequenceInsert, SequenceErase: at a position that counts from the end where it is negative."""
        is_insert = node.op_type == "SequenceInsert"
        which = 2 if is_insert else 1
        name = node.input[which] if len(node.input) > which else ""
        if name and name not in self.flow.constants:
            return None
        default = len(parts) if is_insert else len(parts) - 1
        place = int(self.flow.constants[name].ravel()[0]) if name else default
        if not -len(parts) <= place < len(parts) + is_insert:
            found = f"position {place} in a sequence of {len(parts)}"
            raise self.flow.error(node, index, found, "a position inside", "export it again")
        place += len(parts) if place < 0 else 0
        if node.op_type == "SequenceAt":
            return [self.flow.make(index, "Identity", [parts[place]], node.output[0], node.name)]
        before, behind = parts[:place], parts[place if is_insert else place + 1 :]
        self.elements[node.output[0]] = (*before, *node.input[1:2], *behind) if is_insert else before + behind
        return []

    def _joined(self, index: int, node: Any, parts: tuple[str, ...]) -> list[Numbered]:
        """ConcatFromSequence, along an axis or a new one."""
        given, flow = {attribute.name: attribute.i for attribute in node.attribute}, self.flow
        if not parts:
            raise flow.error(node, index, "a sequence without tensors to join", "one or more", "export it again")
        axis, made = int(given.get("axis", 0)), []
        if given.get("new_axis", 0):
            made = [flow.unsqueezed(index, part, axis, node.name) for part in parts]
            parts = tuple(part.output[0] for _, part in made)
        return [*made, flow.make(index, "Concat", parts, node.output[0], node.name, axis=axis)]

    def _split(self, index: int, node: Any) -> list[Numbered] | None:
        """SplitToSequence, into parts of constant sizes or of one element each."""
        flow, source = self.flow, node.input[0]
        name = node.input[1] if len(node.input) > 1 else ""
        shape = flow.shape(source)
        if -1 in shape or name and name not in flow.constants:
            return None
        given = {attribute.name: attribute.i for attribute in node.attribute}
        axis = int(given.get("axis", 0)) % max(len(shape), 1)
        size = shape[axis]
        sizes = flow.constants[name] if name else np.array(1)
        if sizes.ndim == 0:
            step = max(int(sizes), 1)
            sizes = np.array([min(step, size - start) for start in range(0, size, step)], np.int64)
        parts = [flow.fresh(source) for _ in sizes]
        self.elements[node.output[0]] = tuple(parts)
        made = [self._split_node(index, node, parts, [int(v) for v in sizes], axis)]
        if name or given.get("keepdims", 1):
            return made
        squeezed = [flow.fresh(part) for part in parts]
        self.elements[node.output[0]] = tuple(squeezed)
        axes = {"axes": [axis]} if flow.opset < 13 else {}
        more = [] if axes else [flow.constant("axis", [axis])]
        pairs = zip(parts, squeezed, strict=True)
        return made + [flow.make(index, "Squeeze", [part, *more], result, node.name, **axes) for part, result in pairs]

    def _split_node(self, index: int, node: Any, parts: list[str], sizes: list[int], axis: int) -> Numbered:
        import onnx

        if self.flow.opset < 13:
            return index, onnx.helper.make_node("Split", [node.input[0]], parts, node.name, axis=axis, split=sizes)
        inputs = [node.input[0], self.flow.constant("sizes", sizes)]
        return index, onnx.helper.make_node("Split", inputs, parts, node.name, axis=axis)

    def _optional(self, index: int, node: Any, source: str, output: str) -> list[Numbered]:
        """What holds an element is the element itself."""
        is_empty = not source or source in self._empty
        if node.op_type == "OptionalHasElement":
            self.flow.constants[output] = np.array(not is_empty)
            return []
        if is_empty and node.op_type == "OptionalGetElement":
            raise self.flow.error(node, index, "an optional value without an element", "one", "export it again")
        if is_empty:
            self._empty.add(output)
            return []
        return [self.flow.make(index, "Identity", [source], output, node.name)]
