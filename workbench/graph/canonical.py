"""Operators of any opset in one canonical form, so that later stages see few operators with explicit attributes.

Canonical operators: Conv, ConvTranspose (explicit pads), Gemm (constant weights K x N and bias N), MatMul, MaxPool,
AveragePool, elementwise functions under the names of the compiler's table with their numbers in `parameters`, Clip,
Softmax (one axis), BatchNormalization (scale and shift), Normalize, Reduce, Arg, Largest, CumSum, Gather and Scatter
with their variants, Interpolate, Concat, Pad (constant), Resize (whole factors), and the views Reshape, Transpose,
Slice, Expand, Identity. Bytes: Conv, Gemm, MatMul and AveragePool with a quantised result, ``quantise`` and others, see
`canonical_quantised`.

Types are those of `ALL_TYPES`; integers are computed in 32 bits and keep the low bits of their own width.

Source: ONNX operator specification, opsets 1 to 26.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.graph.control_flow import CONTROL_FLOW
from workbench.graph.graph import Graph, Node, Tensor
from workbench.graph.inlining import DEFINED
from workbench.graph.sequences import OPERATORS as SEQUENCES

Rule = Callable[["Canonical", Node], None]
FLOATS = ("float32",)
NARROW = ("int8", "uint8", "int16", "uint16")
INTEGERS = ("int32", "int64", *NARROW)
NUMBERS = (*FLOATS, *INTEGERS)
ALL_TYPES = (*NUMBERS, "bool")


@dataclass(frozen=True)
class _Entry:
    rule: Rule
    types: tuple[str, ...]


_RULES: dict[str, _Entry] = {}
NEAREST = {"MaxRoiPool": "RoiAlign"}


def rule(*operators: str, types: tuple[str, ...] = FLOATS) -> Callable[[Rule], Rule]:
    """Decorator that enters the rewriting of ONNX operators; `types` are those of its computed inputs and result."""

    def enter(function: Rule) -> Rule:
        for operator in operators:
            _RULES[operator] = _Entry(function, types)
        return function

    return enter


def supported_operators() -> dict[str, tuple[str, ...]]:
    """The ONNX operators that the reader accepts, with their element types."""
    _load_rules()
    types = {name: entry.types for name, entry in _RULES.items()} | dict.fromkeys(DEFINED, FLOATS)
    types |= dict.fromkeys((*CONTROL_FLOW, *SEQUENCES), ALL_TYPES)
    return {name: _with_half(name, types[name]) for name in sorted(types)}


def _with_half(operator: str, types: tuple[str, ...]) -> tuple[str, ...]:
    """Half precision goes wherever single precision does, but for the bits of numbers."""
    if "float32" not in types or operator == "BitCast":
        return types
    return tuple(name for kind in types for name in ((kind, "float16") if kind == "float32" else (kind,)))


def is_supported(operator: str) -> bool:
    """Whether there is a rule for an ONNX operator."""
    _load_rules()
    return operator in _RULES


def _load_rules() -> None:
    from workbench.graph import (  # noqa: F401
        canonical_deformed,
        canonical_einsum,
        canonical_elementwise,
        canonical_fourier,
        canonical_layers,
        canonical_normalizations,
        canonical_quantised,
        canonical_quantised_tables,
        canonical_recurrent,
        canonical_reductions,
        canonical_resize,
        canonical_sampling,
        canonical_selections,
        canonical_shapes,
    )


def _nearest(operator: str) -> tuple[str, str]:
    """What is expected in place of an operator, and what to do."""
    import difflib

    if operator in NEAREST:
        return f"a supported operator (nearest: {NEAREST[operator]})", "replace it in the export"
    near = difflib.get_close_matches(operator, _RULES, n=1, cutoff=0.75)
    return f"a supported operator{f' (nearest: {near[0]})' if near else ''}", (
        "replace it in the export; see `workbench list operators`"
    )


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
        self._shared: dict[tuple[tuple[int, ...], bytes], str] = {}
        self._place = where

    def rewrite(self, node: Node) -> None:
        """Add the canonical form of one node."""
        self._place = f"{self.where}, node {node.name}"
        if node.operator not in _RULES:
            raise self.error(f"operator {node.operator}", *_nearest(node.operator))
        entry = _RULES[node.operator]
        if all(not self.tensors[name].elements for name in node.outputs if name):
            for name in filter(None, node.outputs):
                self.set_constant(name, np.zeros(self.shape(name), self.dtype(name)))
            return
        self._check_types(node, entry.types)
        inputs = tuple(self._renamed.get(name, name) for name in node.inputs)
        try:
            entry.rule(self, Node(node.name, node.operator, inputs, node.outputs, node.attributes))
        except _MISFITS as error:
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            found = f"attributes or inputs that do not fit {node.operator} ({reason})"
            raise self.error(found, "a valid node", "export it again") from None

    def _check_types(self, node: Node, types: tuple[str, ...]) -> None:
        """Refuse element types that are not built: of the result for the operator, of anything computed at all."""
        first = next(filter(None, node.outputs))
        allowed = ALL_TYPES if node.operator in _TYPE_CHANGING else types
        for what, names, known in (
            ("results", (first,), allowed), ("inputs", [n for n in node.inputs if n and n not in self.constants], ALL_TYPES),
        ):  # fmt: skip
            for name in names:
                if self.dtype(name) not in known:
                    found = f"operator {node.operator} with {what} of type {self.dtype(name)}"
                    advice = "export a float32 network" if "float32" in known else "insert a Cast"
                    raise self.error(found, _either(known), advice)
        data = node.inputs[0] if node.inputs else ""
        if data and data not in self.constants and self.dtype(data) not in types:
            found = f"operator {node.operator} with inputs of type {self.dtype(data)}"
            raise self.error(found, _either(types), "insert a Cast")

    def finish(self) -> Graph:
        """The canonical graph, without nodes and tensors that nothing uses."""
        made = {name for node in self.nodes for name in node.outputs}
        for index, name in enumerate(self.graph.outputs):
            source = self._renamed.get(name, name)
            if name not in self.tensors or source == name and name not in {*made, *self.constants, *self.graph.inputs}:
                raise InputError(f"{self.where}, output {name}", "no computed value", "one", "export it again")
            if self.dtype(name) not in ALL_TYPES:
                place = f"{self.where}, output {name}"
                raise InputError(place, f"elements of type {self.dtype(name)}", EVERY_TYPE, "export a float32 network")
            if source == name and name in made:
                continue
            if name in self.graph.inputs:
                raise InputError(f"{self.where}, output {name}", "an input", "a computed value", "remove it")
            if source == name:
                source = f"{name}~value"
                self.set_constant(source, self.constants.pop(name))
                made.add(name)
            elif source in made and source not in self.graph.outputs:
                self._take_over(source, name)
                made.add(name)
                continue
            self.nodes.append(Node(f"output_{index}", "Identity", (source,), (name,)))
        wanted, nodes = set(self.graph.outputs), []
        for node in reversed(self.nodes):
            if wanted & set(node.outputs):
                nodes.append(node)
                wanted |= set(node.inputs)
        wanted |= set(self.graph.inputs)
        tensors = {name: self.tensors[name] for name in self.tensors if name in wanted}
        constants = {name: array for name, array in self.constants.items() if name in wanted}
        self._check_constants(constants)
        graph = self.graph
        return Graph(graph.name, tensors, constants, tuple(reversed(nodes)), graph.inputs, graph.outputs, graph.model)

    def _take_over(self, source: str, name: str) -> None:
        """Let a computed value have another name everywhere."""
        self.tensors[name] = Tensor(name, self.shape(source), self.dtype(name))
        self._renamed = {key: name if value == source else value for key, value in self._renamed.items()}
        for place, node in enumerate(self.nodes):
            inputs, outputs = (tuple(name if n == source else n for n in names) for names in (node.inputs, node.outputs))
            if (inputs, outputs) != (node.inputs, node.outputs):
                self.nodes[place] = Node(node.name, node.operator, inputs, outputs, node.attributes)

    def _check_constants(self, constants: dict[str, np.ndarray]) -> None:
        """Integers that the network computes with must fit 32 bits."""
        for name, array in constants.items():
            if array.dtype.kind in "iu" and array.size and not np.array_equal(array, array.astype(np.int32)):
                place = f"{self.where}, tensor {name.split('~')[0]}"
                raise InputError(place, "integers of more than 32 bits", "values of 32 bits", "export smaller constants")

    # --- what rules use -------------------------------------------------------------------------------------------

    def error(self, found: str, expected: str, advice: str) -> InputError:
        """An error at the present node."""
        return InputError(self._place, found, expected, advice)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return self.tensors[name].shape

    def dtype(self, name: str) -> str:
        """Element type of a tensor."""
        return self.tensors[name].dtype

    def has_input(self, node: Node, index: int) -> bool:
        """Whether an optional input is there."""
        return index < len(node.inputs) and bool(node.inputs[index])

    def axes(self, node: Node, index: int, rank: int) -> list[int]:
        """Axes from an attribute or input, counted from the front, in order; all where none are given."""
        given = self.integers(node, "axes", index)
        return sorted(axis % rank for axis in given) if given is not None else list(range(rank))

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

    def emit(self, operator: str, node: Node, inputs: Sequence[str], shape: Sequence[int] | None = None,
             final: bool | str = True, dtype: str | None = None, **attributes: Any) -> str:  # fmt: skip
        """Add a node; it makes the node's own output, the output named by `final`, or (False) a value of the given shape.

        Without a shape it is that of the first input; without a type, that of the output or of the first input.
        """
        shape = self.shape(inputs[0]) if shape is None else shape
        if final:
            output = final if isinstance(final, str) else node.outputs[0]
            dtype = dtype or self.dtype(output)
        else:
            output = f"{node.outputs[0]}~{len(self.nodes)}"
            dtype = dtype or self.dtype(inputs[0])
        self.tensors[output] = Tensor(output, tuple(int(size) for size in shape), dtype)
        self.nodes.append(Node(node.name, operator, tuple(inputs), (output,), attributes))
        return output

    def add_constant(self, node: Node, array: np.ndarray) -> str:
        """Add a constant for a node: float32, or integers and booleans as they are."""
        array = np.asarray(array)
        kind = np.float32 if array.dtype.kind == "f" else array.dtype
        return self.set_constant(f"{node.outputs[0]}~c{len(self.constants)}", array.astype(kind))

    def shared_constant(self, node: Node, array: np.ndarray) -> str:
        """A constant that may be asked for again, as the steps of a recurrent layer do: one name for equal ones."""
        array = np.ascontiguousarray(array, np.float32)
        key = (array.shape, hashlib.blake2b(array).digest())
        if key not in self._shared:
            self._shared[key] = self.add_constant(node, array)
        return self._shared[key]

    def set_constant(self, name: str, array: np.ndarray) -> str:
        """Let a tensor be a constant."""
        self.constants[name] = np.ascontiguousarray(array).reshape(np.shape(array))
        self.tensors[name] = Tensor(name, tuple(np.shape(array)), self.constants[name].dtype.name)
        return name

    def reshaped(self, node: Node, name: str, shape: Sequence[int], final: bool | str = False) -> str:
        """The elements of a tensor in another shape; constants are reshaped here and now."""
        if name in self.constants and not final:
            return self.add_constant(node, self.constants[name].reshape(tuple(shape)))
        if tuple(shape) == self.shape(name) and not final:
            return name
        return self.emit("Reshape", node, [name], shape, final)

    def rename(self, output: str, source: str) -> None:
        """Let `output` be another name of `source`."""
        if source in self.constants:
            self.set_constant(output, self.constants[source])
        else:
            self._renamed[output] = source


_TYPE_CHANGING = frozenset(
    (
        "Equal Less LessOrEqual Greater GreaterOrEqual IsNaN IsInf Cast CastLike ArgMax ArgMin TopK Shape Size OneHot "
        "BitCast"
    ).split()
)


# What rules meet in nodes that contradict the standard: shape inference has not refused them.
_MISFITS = (ValueError, TypeError, KeyError, IndexError, ZeroDivisionError, OverflowError, AssertionError)


def _either(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


EVERY_TYPE = _either(_with_half("", ALL_TYPES))
"""All element types, for sentences."""
