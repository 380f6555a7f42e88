"""Canonical forms of recurrent layers: one product for the whole sequence, then the steps one behind the other.

``X W^T + biases`` needs nothing of the steps before: one Gemm over all steps. Each step adds the product of the state before
with ``R^T`` and applies the gates; gates that share a function are computed together. The first step of a layer that starts
from zeros has no product. The number of steps is that of the input, so a network is compiled for one length.

Source: ONNX operator specification, RNN, GRU and LSTM, opsets 1 to 22: equations, order of gates (LSTM i o f c, GRU z r h),
peepholes in the order i o f, activations with their default numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.graph.canonical import Canonical, rule
from workbench.graph.graph import Node

_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
_FUNCTIONS = {"RNN": ("Tanh",), "GRU": ("Sigmoid", "Tanh"), "LSTM": ("Sigmoid", "Tanh", "Tanh")}
_NUMBERS: dict[str, tuple[float | None, float | None]] = {  # alpha and beta where a function has them, with their defaults
    "sigmoid": (None, None), "tanh": (None, None), "relu": (None, None), "softsign": (None, None), "softplus": (None, None),
    "affine": (1.0, 0.0), "leakyrelu": (0.01, None), "thresholdedrelu": (1.0, None), "scaledtanh": (1.0, 1.0),
    "hardsigmoid": (0.2, 0.5), "elu": (1.0, None),
}  # fmt: skip
_NAMES = {
    "sigmoid": "Sigmoid", "tanh": "Tanh", "softsign": "Softsign", "softplus": "Softplus", "affine": "affine",
    "leakyrelu": "LeakyRelu", "thresholdedrelu": "ThresholdedRelu", "hardsigmoid": "HardSigmoid", "elu": "Elu",
}  # fmt: skip


@dataclass(frozen=True)
class _Function:
    """An activation with its numbers."""

    name: str
    parameters: tuple[float, ...]


@dataclass(frozen=True)
class _Direction:
    """One direction of a layer while it is written: numpy weights, names of states.

    Attributes
    ----------
    inputs: W, (gates x hidden, input); recurrent: R, (gates x hidden, hidden)
    input_bias, state_bias: (gates x hidden,)
    peepholes: (3, hidden), or None
    functions: of the gates, of the new state, of an LSTM's result
    state, cell: names of the first state and (LSTM) cell, (batch, hidden); "" for zeros
    """

    work: Canonical
    node: Node
    steps: int
    batch: int
    hidden: int
    inputs: np.ndarray
    recurrent: np.ndarray
    input_bias: np.ndarray
    state_bias: np.ndarray
    peepholes: np.ndarray | None
    functions: tuple[_Function, ...]
    is_reverse: bool
    state: str
    cell: str

    def run(self, sequence: str) -> tuple[list[str], str, str]:
        """Results of all steps in their order, the last state and the last cell; `sequence` is (steps x batch, input)."""
        state, cell = self.state, self.cell
        results = [""] * self.steps
        products = self._products(sequence)
        for step in reversed(range(self.steps)) if self.is_reverse else range(self.steps):
            fixed = self._step_of(products, step)
            if self.node.operator == "LSTM":
                state, cell = self._lstm(fixed, state, cell)
            elif self.node.operator == "GRU":
                state = self._gru(fixed, state)
            else:
                state = self._activated(self._sum(fixed, self._times(state, self.recurrent)), self.functions[0])
            results[step] = state
        return results, state, cell

    def _products(self, sequence: str) -> str:
        """What all steps take from the input, with every bias that is added before a gate's function: one Gemm."""
        bias = self.input_bias.copy()
        added = len(bias) - self.hidden if self._resets_product else len(bias)  # the last is added before the reset gate
        bias[:added] += self.state_bias[:added]
        return self._gemm(sequence, self.inputs, bias)

    @property
    def _resets_product(self) -> bool:
        """Whether a GRU's reset gate scales the product with the state instead of the state."""
        return self.node.operator == "GRU" and bool(self.node.attributes.get("linear_before_reset", 0))

    def _lstm(self, fixed: str, state: str, cell: str) -> tuple[str, str]:
        """A step of an LSTM: the new state and cell."""
        gate, new, result = self.functions
        sums = self._sum(fixed, self._times(state, self.recurrent))
        couples = bool(self.node.attributes.get("input_forget", 0))
        if self.peepholes is None:
            gates = self._activated(self._gate(sums, 0, 3), gate)
            entry, leave, forget = (self._gate(gates, place) for place in range(3))
        else:
            entry = self._activated(self._peeped(self._gate(sums, 0), cell, 0), gate)
            forget = "" if couples else self._activated(self._peeped(self._gate(sums, 2), cell, 2), gate)
            leave = ""
        if couples:
            forget = self._emit("affine", [entry], parameters=(-1.0, 1.0))
        fresh = self._emit("Mul", [entry, self._activated(self._gate(sums, 3), new)])
        cell = self._emit("Add", [self._emit("Mul", [forget, cell]), fresh]) if cell else fresh
        leave = leave or self._activated(self._peeped(self._gate(sums, 1), cell, 1), gate)
        return self._emit("Mul", [leave, self._applied(cell, result)]), cell

    def _gru(self, fixed: str, state: str) -> str:
        """A step of a GRU: the new state."""
        gate, new = self.functions
        split, size = 2 * self.hidden, self.hidden
        sums = self._sum(self._gate(fixed, 0, 2), self._times(state, self.recurrent[:split]))
        gates = self._activated(sums, gate)
        update, reset = self._gate(gates, 0), self._gate(gates, 1)
        own = self._gate(fixed, 2)
        if self._resets_product:
            bias = self.state_bias[split:]
            product = self._gemm(state, self.recurrent[split:], bias) if state else self._broadcast(bias)
            own = self._emit("Add", [own, self._emit("Mul", [reset, product], (self.batch, size))])
        elif state:
            own = self._sum(own, self._times(self._emit("Mul", [reset, state]), self.recurrent[split:]))
        fresh = self._activated(own, new)
        kept = self._emit("affine", [update], parameters=(-1.0, 1.0))
        fresh = self._emit("Mul", [kept, fresh])
        return self._emit("Add", [fresh, self._emit("Mul", [update, state])]) if state else fresh

    # --- pieces ----------------------------------------------------------------------------------------------------

    def _emit(self, operator: str, inputs: Sequence[str], shape: Sequence[int] | None = None, **attributes: Any) -> str:
        return self.work.emit(operator, self.node, inputs, shape, final=False, **attributes)

    def _gemm(self, source: str, weights: np.ndarray, bias: np.ndarray) -> str:
        names = [self.work.shared_constant(self.node, array) for array in (weights.T, bias)]
        return self._emit("Gemm", [source, *names], (self.work.shape(source)[0], len(bias)))

    def _times(self, state: str, weights: np.ndarray) -> str:
        """The product of a state with weights; nothing for a state of zeros."""
        return self._gemm(state, weights, np.zeros(len(weights), np.float32)) if state else ""

    def _sum(self, left: str, right: str) -> str:
        return self._emit("Add", [left, right]) if right else left

    def _broadcast(self, row: np.ndarray) -> str:
        return self.work.shared_constant(self.node, row[None])

    def _slice(self, source: str, row: int, column: int, rows: int, columns: int) -> str:
        return self._emit("Slice", [source], (rows, columns), starts=(row, column), steps=(1, 1))

    def _step_of(self, products: str, step: int) -> str:
        """The rows of one step."""
        if self.steps == 1:
            return products
        return self._slice(products, step * self.batch, 0, self.batch, len(self.input_bias))

    def _gate(self, source: str, place: int, count: int = 1) -> str:
        """Columns of one or several gates."""
        return self._slice(source, 0, place * self.hidden, self.batch, count * self.hidden)

    def _peeped(self, value: str, cell: str, place: int) -> str:
        if self.peepholes is None or not cell:
            return value
        weights = self.work.shared_constant(self.node, self.peepholes[place][None])
        return self._sum(value, self._emit("Mul", [cell, weights]))

    def _activated(self, value: str, function: _Function) -> str:
        """A function of a clipped value."""
        limit = float(self.node.attributes.get("clip", 0.0))
        return self._applied(self._emit("Clip", [value], parameters=(-limit, limit)) if limit else value, function)

    def _applied(self, value: str, function: _Function) -> str:
        if function.name == "relu":
            return self._emit("Clip", [value], parameters=(0.0, np.inf))
        if function.name == "scaledtanh":
            alpha, beta = function.parameters
            inner = self._emit("Tanh", [self._emit("affine", [value], parameters=(beta, 0.0))], parameters=())
            return self._emit("affine", [inner], parameters=(alpha, 0.0))
        return self._emit(_NAMES[function.name], [value], parameters=function.parameters)


@rule("RNN", "GRU", "LSTM")
def recurrent(work: Canonical, node: Node) -> None:
    """A layer in one or both directions, as its steps."""
    is_batch_first = bool(node.attributes.get("layout", 0))
    steps, batch, width = _swapped(work.shape(node.inputs[0]), is_batch_first)
    outputs = (*node.outputs, "", "")[:3]
    node = Node(node.name, node.operator, node.inputs, tuple(filter(None, outputs)), node.attributes)
    _check_lengths(work, node, steps)
    sequence = node.inputs[0]
    if is_batch_first:
        sequence = work.emit("Transpose", node, [sequence], (steps, batch, width), final=False, perm=(1, 0, 2))
    sequence = work.reshaped(node, sequence, (steps * batch, width))
    ends = [direction.run(sequence) for direction in _directions(work, node, steps, batch, is_batch_first)]
    hidden = work.shape(ends[0][1])[1]
    if outputs[0]:
        shape = (batch, steps, len(ends), hidden) if is_batch_first else (steps, len(ends), batch, hidden)
        _join_steps(work, node, [results for results, _, _ in ends], shape, is_batch_first)
    if outputs[1]:
        _join(work, node, [state for _, state, _ in ends], outputs[1], is_batch_first)
    if outputs[2]:
        _join(work, node, [cell for _, _, cell in ends], outputs[2], is_batch_first)


def _swapped(shape: Sequence[int], is_batch_first: bool) -> tuple[int, int, int]:
    first, second, width = shape
    return (second, first, width) if is_batch_first else (first, second, width)


def _check_lengths(work: Canonical, node: Node, steps: int) -> None:
    """Sequences of a batch must all be as long as the input."""
    lengths = work.constant(node, 4, "sequence lengths")
    if lengths is not None and not np.all(lengths == steps):
        found = f"{node.operator} with sequences of {sorted({int(length) for length in lengths.ravel()})} steps"
        raise work.error(found, f"sequences of all {steps} steps", "cut the input to its length")


def _directions(work: Canonical, node: Node, steps: int, batch: int, is_batch_first: bool) -> Iterator[_Direction]:
    """The directions of a layer with their parts of all weights."""
    kind = node.attributes.get("direction", "forward")
    count, gates = (2 if kind == "bidirectional" else 1), _GATES[node.operator]
    weights, states = work.constant(node, 1, "weights"), work.constant(node, 2, "weights")
    assert weights is not None and states is not None
    hidden = states.shape[2]
    bias, peepholes = work.constant(node, 3, "bias"), work.constant(node, 7, "peepholes") if gates == 4 else None
    bias = np.zeros((count, 2 * gates * hidden), np.float32) if bias is None else bias
    for what, array, shape in (("weights", weights, (count, gates * hidden, weights.shape[2])),
                               ("weights", states, (count, gates * hidden, hidden)),
                               ("bias", bias, (count, 2 * gates * hidden))):  # fmt: skip
        if array.shape != shape:
            raise work.error(f"{node.operator} {what} {list(array.shape)}", f"{what} {list(shape)}", "export it again")
    functions = _functions(work, node, count)
    for place in range(count):
        input_bias, state_bias = np.split(bias[place], 2)
        first, cell = (
            _first(work, node, index, place, (count, batch, hidden), is_batch_first) if index < 6 or gates == 4 else ""
            for index in (5, 6)
        )
        yield _Direction(
            work, node, steps, batch, hidden, weights[place], states[place], input_bias, state_bias,
            None if peepholes is None else peepholes[place].reshape(3, hidden), functions[place],
            kind == "reverse" or place == 1, first, cell,
        )  # fmt: skip


def _functions(work: Canonical, node: Node, count: int) -> list[tuple[_Function, ...]]:
    """The activations of each direction; numbers are given in the order of the functions that have them."""
    names = [str(name) for name in node.attributes.get("activations", _FUNCTIONS[node.operator] * count)]
    numbers = [iter(node.attributes.get(f"activation_{which}", ())) for which in ("alpha", "beta")]
    functions = []
    for name in names:
        if name.lower() not in _NUMBERS:
            found = f"{node.operator} with activation {name}"
            raise work.error(found, f"one of {', '.join(_NUMBERS)}", "export it with another")
        defaults = _NUMBERS[name.lower()]
        pairs = zip(numbers, defaults, strict=True)
        values = [float(next(given, default)) for given, default in pairs if default is not None]
        functions.append(_Function(name.lower(), tuple(values)))
    each = len(_FUNCTIONS[node.operator])
    if len(functions) != each * count:
        raise work.error(f"{node.operator} with {len(functions)} activations", f"{each * count}", "export it again")
    return [tuple(functions[place * each : (place + 1) * each]) for place in range(count)]


def _first(work: Canonical, node: Node, index: int, place: int, shape: tuple[int, int, int], is_batch_first: bool) -> str:
    """The first state of a direction, (batch, hidden); "" where it is zero."""
    if not work.has_input(node, index):
        return ""
    name, (count, batch, hidden) = node.inputs[index], shape
    if name in work.constants:
        array = work.constants[name]
        array = array[:, place] if is_batch_first else array[place]
        return work.shared_constant(node, array) if np.any(array) else ""
    starts = (0, place, 0) if is_batch_first else (place, 0, 0)
    size = (batch, 1, hidden) if is_batch_first else (1, batch, hidden)
    if count > 1:
        name = work.emit("Slice", node, [name], size, final=False, starts=starts, steps=(1, 1, 1))
    return work.reshaped(node, name, (batch, hidden))


def _join_steps(
    work: Canonical, node: Node, directions: list[list[str]], shape: tuple[int, ...], is_batch_first: bool
) -> None:
    """All results, (steps, directions, batch, hidden) or batch first, as the node's first output."""
    steps, count = len(directions[0]), len(directions)
    rows = [results[step] for step in range(steps) for results in directions]
    batch, hidden = work.shape(rows[0])
    joined = rows[0]
    if len(rows) > 1:
        joined = work.emit("Concat", node, rows, (len(rows) * batch, hidden), final=False, axis=0)
    if not is_batch_first:
        work.emit("Reshape", node, [joined], shape)
        return
    apart = work.reshaped(node, joined, (steps, count, batch, hidden))
    work.emit("Transpose", node, [apart], shape, perm=(2, 0, 1, 3))


def _join(work: Canonical, node: Node, states: list[str], output: str, is_batch_first: bool) -> None:
    """The last states of all directions, (directions, batch, hidden) or batch first, as an output."""
    batch, hidden = work.shape(states[0])
    shape = (batch, len(states), hidden) if is_batch_first else (len(states), batch, hidden)
    joined = states[0]
    if len(states) > 1:
        wide = (batch, len(states) * hidden) if is_batch_first else (len(states) * batch, hidden)
        joined = work.emit("Concat", node, states, wide, final=False, axis=int(is_batch_first))
    work.emit("Reshape", node, [joined], shape, final=output)
