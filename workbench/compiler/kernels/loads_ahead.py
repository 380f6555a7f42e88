"""The steps of a sum of products, and their vectors, loaded before they are needed.

A core in order waits for a load at the instruction that uses it: so the vectors of later steps are asked for while the
products of earlier ones are summed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from workbench.compiler.elements import Element
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Address, Value
from workbench.compiler.kernels.nest import Dim


@dataclass(frozen=True)
class Step:
    """One step of the sum: where its scalars lie, a place for every few of the block, and its vector."""

    rows: tuple[Address, ...]
    b: Address


def steps_of(dims: list[Dim], rows: list[Value], b: Value) -> list[Step]:
    """The steps of a nest, in order, from pointers to the first."""
    steps = [Step(tuple(Address(row) for row in rows), Address(b))]
    for dim in dims:
        places = [(place * dim.stride("a"), place * dim.stride("b")) for place in range(dim.count)]
        steps = [Step(tuple(row + a for row in step.rows), step.b + far) for step in steps for a, far in places]
    return steps


class LoadsAhead:
    """Vectors of groups of steps, one group in use after the other, `distance` of them loaded ahead.

    A vector has elements of the kind `element` that lie `stride` bytes apart.

    Groups ahead are as they are in memory, but the next one: narrow elements are extended while the group before is used.
    `held` has the vectors of the first groups, if they are loaded.
    """

    def __init__(
        self, builder: Builder, groups: list[list[Step]], held: list[Value], distance: int, stride: int, element: Element
    ) -> None:
        self._builder, self._distance, self._stride, self._element = builder, distance, stride, element
        self._groups, self._held = deque(groups), deque[list[Value]]()
        first = min(max(1, distance), len(groups))
        if held:
            for _ in range(first):
                size = len(self._groups.popleft())
                self._held.append(held[:size])
                held = held[size:]
            return
        for _ in range(first):
            self._fetch()
        self._held[0] = self._extended(self._held[0])

    @property
    def vectors(self) -> list[Value]:
        """Those in use."""
        return self._held[0]

    @property
    def ahead(self) -> list[Value]:
        """Those of all groups that are not used yet."""
        return [vector for group in self._held for vector in group]

    @property
    def extends(self) -> bool:
        """Whether vectors of the next group will be extended here."""
        return len(self._held) > 1 and bool(self._held[1]) and self._element.is_narrow

    def ask(self) -> None:
        """Load a group ahead."""
        if self._distance and self._groups:
            self._fetch()

    def extend(self) -> None:
        """Extend the next group's vectors, behind all that precedes and before all that follows."""
        if self.extends:
            self._held[1] = self._builder.pin(self._extended(self._builder.pin(self._held[1])))

    def turn(self) -> None:
        """Let the next group be in use."""
        self._held.popleft()
        if not self._held and self._groups:
            self._fetch()
            self._held[0] = self._extended(self._held[0])

    def _fetch(self) -> None:
        plain = self._element.uncomputed
        self._held.append([self._builder.vload(step.b, self._stride, plain) for step in self._groups.popleft()])
        self._builder.fence()

    def _extended(self, vectors: list[Value]) -> list[Value]:
        return [self._builder.extend(vector, self._element) for vector in vectors]
