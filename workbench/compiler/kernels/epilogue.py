"""What happens to a kernel's result before it is stored: elementwise operations on it, with further operands.

A residual, an activation or a whole chain of them runs while the result is at hand. Where the chain needs few vector
registers, it works on the accumulators; else it runs over the stored result, with all registers free (lowering.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from workbench.compiler.ir.builder import LMULS, Builder
from workbench.compiler.ir.values import Address, Value, element_of
from workbench.compiler.kernels.algebra import Vector
from workbench.compiler.kernels.nest import Dim, Nested, Pointers, load_vector, over_tiles, store_vector
from workbench.compiler.kernels.operations import OPERATIONS, is_right_in_half

_MOST_SPARE = 3  # register groups; results that wait for them make room, but a chain that needs more runs after the block
_REGISTERS = 32

Read = Callable[[str], Value]
"""The present elements of an operand, as a vector, or as a scalar where all are equal."""


@dataclass(frozen=True)
class Step:
    """One operation of the table; an argument is the number of a value or the name of an operand.

    Value 0 is the kernel's result, value n what step n made (counted from 1).
    """

    operation: str
    arguments: tuple[int | str, ...]
    parameters: tuple[float, ...] = ()


@dataclass(frozen=True)
class Epilogue:
    """Steps in order; the last one's value is stored. Operands are called ``e0``, ``e1``, ... in order of use."""

    steps: tuple[Step, ...] = ()

    @property
    def extras(self) -> tuple[str, ...]:
        """Names of the further operands."""
        names = (name for step in self.steps for name in step.arguments if isinstance(name, str))
        return tuple(dict.fromkeys(names))

    @property
    def lmul(self) -> int:
        """The largest group of registers that all steps have room for, what waits for later steps included."""
        return max(lmul for lmul in LMULS if lmul * (self.spare + 2) <= _REGISTERS or lmul == 1)

    @property
    def spare(self) -> int:
        """Register groups that it needs beside the one of the result."""
        return max((self._groups(place) - 1 for place in range(len(self.steps))), default=0)

    @property
    def fits_registers(self) -> bool:
        """Whether it works on accumulators while others wait."""
        return self.spare <= _MOST_SPARE

    @property
    def is_right_in_half(self) -> bool:
        """Whether no step needs single precision inside."""
        return all(is_right_in_half(step.operation) for step in self.steps)

    @property
    def is_non_negative(self) -> bool:
        """Whether the last step leaves nothing below zero."""
        last = self.steps[-1] if self.steps else None
        return last is not None and last.operation in ("Clip", "requantise") and last.parameters[0] >= 0

    def _groups(self, place: int) -> int:
        """Groups in use during a step: its arguments, values that later steps read, its result and its own spare ones."""
        step, later = self.steps[place], self.steps[place + 1 :]
        waiting = {value for after in later for value in after.arguments if isinstance(value, int) and value <= place}
        most = max(len({*step.arguments, *waiting}), len(waiting) + 1)
        return most + OPERATIONS[step.operation].spare

    def apply(self, builder: Builder, result: Value, read: Read) -> Value:
        """The value to store."""
        values = [Vector(builder, result)]
        for step in self.steps:
            given = [values[a] if isinstance(a, int) else Vector(builder, read(a)) for a in step.arguments]
            values.append(OPERATIONS[step.operation].apply(given, step.parameters))
        return values[-1].full.value


NOTHING = Epilogue()


class Blocked(Nested, Protocol):
    """A kernel that keeps `tile` results of `block` in registers."""

    @property
    def epilogue(self) -> Epilogue:
        """What is done with the results."""

    @property
    def block(self) -> Dim:
        """The dimension of the results."""

    @property
    def tile(self) -> int:
        """How many of them."""


def over_blocks(
    builder: Builder, kernel: Blocked, pointers: Pointers, compute: Callable[[Pointers, int], Sequence[Value]]
) -> None:
    """Store ``y`` along the block, `tile` results (a vector each) at a time, as `compute` makes them, after the epilogue."""

    def part(here: Pointers, size: int) -> None:
        _store(builder, kernel, compute(here, size), here)

    over_tiles(builder, kernel.block, kernel.tile, pointers, part)


def _store(builder: Builder, kernel: Blocked, totals: Sequence[Value], pointers: Pointers) -> None:
    """Store the results of a block after the epilogue.

    One group of registers is free beside the results; where more are needed, the first results wait in memory,
    if they have the type that is stored.
    """
    epilogue, block = kernel.epilogue, kernel.block
    waits = element_of(totals[0]) == kernel.operands["y"].element.memory
    waiting = min(len(totals), max(0, epilogue.spare - 1)) if waits else 0
    places = [
        {name: Address(pointers[name], place * block.stride(name)) for name in ("y", *epilogue.extras)}
        for place in range(len(totals))
    ]
    for here, total in zip(places[:waiting], totals, strict=False):
        store_vector(builder, kernel, "y", total, here["y"])
    for here, total in zip(places[waiting:], totals[waiting:], strict=True):
        finish(builder, kernel, epilogue, total, here)
    for here in places[:waiting]:
        finish(builder, kernel, epilogue, load_vector(builder, kernel, "y", here["y"]), here)


def finish(builder: Builder, kernel: Nested, epilogue: Epilogue, value: Value, here: dict[str, Address]) -> None:
    """Store one vector of results after the epilogue; `here` are the places of ``y`` and of the operands."""

    def read(name: str) -> Value:
        if kernel.vector.stride(name):
            return load_vector(builder, kernel, name, here[name])
        return builder.load(here[name], kernel.operands[name].element)

    store_vector(builder, kernel, "y", epilogue.apply(builder, value, read), here["y"])
