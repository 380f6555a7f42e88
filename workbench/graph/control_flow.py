"""Control flow written out while constants are folded: `If`, `Loop`, `Scan`, and sequences (`sequences.py`).

A condition that depends only on constants and shapes takes its branch; loops are unrolled. Where a condition is computed by
the program, both branches of an `If` run and their results are selected element by element; a `Loop` with a constant number
of steps runs all of them and keeps its values from the step on at which the condition fails. Only operators remain.

Left out: loops whose number of steps only the data say, and branches of different shapes chosen by the data; each ends in a
sentence that names the node. At most `MOST_NODES` operators are written out.

Source: ONNX operator specification, If, Loop and Scan (opsets 9 and later).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.graph.graph import Tensor
from workbench.graph.scan import scan
from workbench.graph.sequences import OPERATORS, Sequences
from workbench.graph.subgraphs import body_of, written_out

MOST_NODES = 20_000
"""Operators that control flow may become; each is a layer to compile."""
CONTROL_FLOW = ("If", "Loop", "Scan", "SequenceMap")

_MISFITS = (ValueError, TypeError, KeyError, IndexError, AttributeError, StopIteration)
"""What is met in nodes and bodies that contradict the standard."""

Numbered = tuple[int, Any]
Fold = Callable[[Any, int], bool]


@dataclass
class Run:
    """A loop in progress: steps so far, the condition of the next ("" if none), values, and what each step hands out."""

    condition: str
    states: list[str]
    handed_out: list[list[str]]
    steps: int = 0
    constants: dict[str, str] = field(default_factory=dict)


class ControlFlow:
    """The writing out in progress over the rounds of folding.

    `constants` gains what becomes known. `fold` makes a node's outputs constants where it can; `shapes` are those of the
    present round. Where `is_late` is set, which is when nothing else becomes known, the next computed condition selects.
    """

    def __init__(self, opset: int, where: str, constants: dict[str, np.ndarray], fold: Fold) -> None:
        self.opset, self.where, self.constants, self.fold = opset, where, constants, fold
        self.shapes: dict[str, Tensor] = {}
        self.has_progress = False
        self.is_late = False
        self.sequences = Sequences(self)
        self._runs: dict[str, Run] = {}
        self._written = 0
        self._bodies = 0
        self._selected: list[tuple[str, str, str]] = []

    def reduced(self, nodes: Sequence[Numbered]) -> list[Numbered]:
        """The nodes that remain after folding and writing out what can be."""
        left: list[Numbered] = []
        for index, node in nodes:
            try:
                left += self._reduced(index, node)
            except _MISFITS as error:
                reason = " ".join(str(error).split())[:120] or type(error).__name__
                found = f"attributes, inputs or a body that do not fit {node.op_type} ({reason})"
                raise self.error(node, index, found, "a valid node", "export it again") from None
        return left

    def _reduced(self, index: int, node: Any) -> list[Numbered]:
        if node.op_type in CONTROL_FLOW:
            return self._written_out(index, node)
        if node.op_type in OPERATORS or self.sequences.is_alias(node):
            return self.sequences.resolved(index, node)
        if not self.fold(node, index):
            return [(index, node)]
        self.has_progress = True
        return []

    def check(self, nodes: Sequence[Numbered], inputs: Sequence[str], outputs: Sequence[str]) -> None:
        """InputError for what could not be written out, and for tensors that nothing makes."""
        known = {"", *inputs, *self.constants}
        for index, node in nodes:
            if node.op_type in CONTROL_FLOW:
                raise self.error(node, index, *_unresolved(node))
            if node.op_type in OPERATORS:
                raise self.error(node, index, *self.sequences.unresolved(node))
            missing = next((name for name in node.input if name not in known), None)
            if missing is not None:
                what = "a sequence as" if missing in self.sequences.elements else "no producer behind"
                raise self.error(node, index, f"{what} input {missing!r}", "a tensor that is made before", "export it again")
            known |= set(node.output)
        for name in outputs:
            if name in self.sequences.elements:
                place = f"{self.where}, output {name}"
                raise InputError(place, "a sequence of tensors", "a tensor", "join it with ConcatFromSequence")
        for label, one, other in self._selected:
            shapes = [self.shape(name) for name in (one, other)]
            if shapes[0] != shapes[1]:
                found = f"values of shapes {list(shapes[0])} and {list(shapes[1])} between which the data choose"
                raise InputError(f"{self.where}, node {label}", found, "equal shapes", "export it with a fixed choice")

    # --- what sequences and scans use too -------------------------------------------------------------------------------

    def error(self, node: Any, index: int, found: str, expected: str, advice: str) -> InputError:
        """An error at a node."""
        return InputError(f"{self.where}, node {label_of(node, index)}", found, expected, advice)

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a value; (-1,) where nothing is known of it."""
        if name in self.constants:
            return self.constants[name].shape
        return self.shapes[name].shape if name in self.shapes else (-1,)

    def make(self, index: int, operator: str, inputs: Sequence[str], output: str, name: str, **attributes: Any) -> Numbered:
        """A new node."""
        import onnx

        return index, onnx.helper.make_node(operator, list(inputs), [output], name, **attributes)

    def fresh(self, name: str) -> str:
        """A name that nothing else has."""
        self._bodies += 1
        return f"{name}@{self._bodies}"

    def constant(self, name: str, value: Any, dtype: Any = np.int64) -> str:
        """The name of a new constant."""
        fresh = self.fresh(name)
        self.constants[fresh] = np.asarray(value, dtype)
        return fresh

    def unsqueezed(self, index: int, source: str, axis: int, name: str) -> Numbered:
        """A node that adds an axis of size 1, in the form of the opset."""
        output = self.fresh(source)
        if self.opset < 13:
            return self.make(index, "Unsqueeze", [source], output, name, axes=[axis])
        return self.make(index, "Unsqueeze", [source, self.constant("axis", [axis])], output, name)

    def steps_of(
        self, node: Any, index: int, body: Any, given: dict[str, str], step: int
    ) -> tuple[list[Numbered], list[str]]:
        """The reduced nodes of one run of a body, and the names of its results."""
        self._written += 1 + len(body.node)
        if self._written > MOST_NODES:
            found = f"{node.op_type} that becomes more than {MOST_NODES:,} operators when it is written out"
            raise self.error(node, index, found, f"at most {MOST_NODES:,}", "export one step of it as a network")
        self.has_progress = True
        label = label_of(node, index) if step < 0 else f"{label_of(node, index)}/{step}"
        nodes, results = written_out(body, given, label, self.fresh(""))
        return self.reduced([(index, inner) for inner in nodes]), results

    def body_constants(self, body: Any, known: dict[str, str]) -> dict[str, str]:
        """The constants of a body, which all of its runs share."""
        import onnx

        for tensor in body.initializer:
            if tensor.name not in known:
                known[tensor.name] = self.fresh(tensor.name)
                self.constants[known[tensor.name]] = onnx.numpy_helper.to_array(tensor)
        return known

    def truth(self, node: Any, index: int, name: str) -> bool | None:
        """The value of a condition; None where it is computed."""
        if not name:
            return True
        value, known = self.constants.get(name), self.shapes.get(name)
        values = value.size if value is not None else known.elements if known is not None else 1
        if values not in (1, -1):
            raise self.error(node, index, f"a condition of {values} values", "one", "export it again")
        return None if value is None else bool(value.ravel()[0])

    def selected(self, index: int, condition: str, one: str, other: str, output: str, name: str) -> list[Numbered]:
        """Nodes that give `one` where the condition is true, else `other`."""
        scalar = self.fresh(condition)
        self._selected.append((name, one, other))
        return [
            self.make(index, "Reshape", [condition, self.constant("scalar", [])], scalar, name),
            self.make(index, "Where", [scalar, one, other], output, name),
        ]

    # --- the operators ----------------------------------------------------------------------------------------------

    def _written_out(self, index: int, node: Any) -> list[Numbered]:
        if node.op_type == "If":
            return self._branch(index, node)
        if node.op_type == "SequenceMap":
            return self.sequences.mapped(index, node)
        return self._loop(index, node) if node.op_type == "Loop" else scan(self, index, node)

    def body(self, node: Any, index: int, name: str, inputs: int) -> Any:
        """The body in an attribute; InputError if it does not take as many inputs."""
        body = body_of(node, name)
        if body is None or len(body.input) != inputs:
            found = f"{node.op_type} with {'no' if body is None else 'a misfit'} {name}"
            raise self.error(node, index, found, f"a graph of {inputs} inputs", "export it again")
        return body

    def named(self, index: int, sources: Sequence[str], node: Any) -> list[Numbered]:
        """Results under the names of a node's outputs."""
        pairs = zip(sources, node.output, strict=False)
        made = [self.make(index, "Identity", [source], output, label_of(node, index)) for source, output in pairs if output]
        return self.reduced(made)

    def _branch(self, index: int, node: Any) -> list[Numbered]:
        """The branch that a known condition takes, or both with a selection."""
        truth = self.truth(node, index, node.input[0] if node.input else "")
        if truth is None and not self.is_late:
            return [(index, node)]
        self.is_late = False
        results, made = [], []
        for name in ("then_branch", "else_branch") if truth is None else ("then_branch",) if truth else ("else_branch",):
            body = self.body(node, index, name, 0)
            nodes, outputs = self.steps_of(node, index, body, self.body_constants(body, {}), -1)
            made += nodes
            results.append(outputs)
        if len(results) == 1:
            return made + self.named(index, results[0], node)
        for one, other, output in zip(*results, node.output, strict=True):
            self._refuse_sequences(node, index, (one, other))
            if output:
                made += self.selected(index, node.input[0], one, other, output, label_of(node, index))
        return made

    def _refuse_sequences(self, node: Any, index: int, names: Sequence[str]) -> None:
        if any(name in self.sequences.elements for name in names):
            raise self.error(
                node, index, f"{node.op_type} that chooses between sequences by the data", "tensors", "export it unrolled"
            )

    def _loop(self, index: int, node: Any) -> list[Numbered]:
        """As many steps as are known, or all of a constant number with values that stay once the condition fails."""
        body = self.body(node, index, "body", len(node.input))
        if node.input[0] and node.input[0] not in self.constants:
            return [(index, node)]
        most = int(self.constants[node.input[0]].ravel()[0]) if node.input[0] else MOST_NODES + 1
        states = len(node.input) - 2
        first = Run(node.input[1], list(node.input[2:]), [[] for _ in body.output[1 + states :]])
        run = self._runs.setdefault("\n".join(node.output), first)
        made: list[Numbered] = []
        may_choose, self.is_late = self.is_late, False
        while run.steps < most:
            truth = self.truth(node, index, run.condition)
            if truth is None and not may_choose:
                return [*made, (index, node)]
            if truth is None and (most > MOST_NODES or run.handed_out):
                raise self.error(node, index, *_unresolved(node))
            if truth is False:
                break
            made += self._step(index, node, body, run, truth is None)
        made += self.named(index, run.states, node)
        for place, parts in enumerate(run.handed_out):
            made += self.stacked(index, node, states + place, parts)
        return made

    def _step(self, index: int, node: Any, body: Any, run: Run, is_chosen: bool) -> list[Numbered]:
        """One step of a loop."""
        number, condition = self.constant("step", run.steps), run.condition or self.constant("condition", True, np.bool_)
        given = dict(zip([value.name for value in body.input], [number, condition, *run.states], strict=True))
        given |= self.body_constants(body, run.constants)
        made, (condition, *values) = self.steps_of(node, index, body, given, run.steps)
        if is_chosen:
            self._refuse_sequences(node, index, (*run.states, *values))
            name, kept, alive = label_of(node, index), [], self.fresh(condition)
            for old, new in zip(run.states, values, strict=True):
                kept.append(self.fresh(new))
                made += self.selected(index, run.condition, new, old, kept[-1], name)
            made.append(self.make(index, "And", [run.condition, condition], alive, name))
            condition, values = alive, kept
        for parts, value in zip(run.handed_out, values[len(run.states) :], strict=True):
            parts.append(value)
        run.condition, run.states, run.steps = condition, values[: len(run.states)], run.steps + 1
        return made

    def stacked(self, index: int, node: Any, place: int, parts: list[str], axis: int = 0) -> list[Numbered]:
        """What the steps handed out, along a new axis."""
        output, name = node.output[place], label_of(node, index)
        if not output:
            return []
        if parts:
            made = [self.unsqueezed(index, part, axis, name) for part in parts]
            made.append(self.make(index, "Concat", [part.output[0] for _, part in made], output, name, axis=axis))
            return self.reduced(made)
        known = self.shapes.get(output)
        if known is None or -1 in known.shape[1:]:
            raise self.error(node, index, "no step of a loop whose results have no known shape", "a step", "export it again")
        self.constants[output] = np.zeros((0, *known.shape[1:]), known.dtype)
        return []


def label_of(node: Any, index: int) -> str:
    """Name of a node for people: its own, or operator and position."""
    return str(node.name or f"{node.op_type}_{index}")


def _unresolved(node: Any) -> tuple[str, str, str]:
    """What is said of control flow that remains."""
    if node.op_type == "Loop":
        return (
            "Loop whose number of steps, or of results, the data say", "a constant number of steps (nearest: Scan, or a "
            "Loop without results of every step)", "export it unrolled",
        )  # fmt: skip
    return f"{node.op_type} over values of unknown size", "fixed sizes", "export it with fixed sizes"
