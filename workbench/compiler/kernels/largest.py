"""Places of the k largest (or smallest) elements along a dimension, in order: what the standard's TopK looks for.

Every round looks for the best of those that come after the last one found, by value and then by place, so nothing has to be
copied or marked; k rounds read the row k times. That suits the few results that networks ask for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Address, Value, whole
from workbench.compiler.kernels.algebra import Mask, Vector
from workbench.compiler.kernels.nest import Dim, Locate, Operand, Pointers, chunks_over, load_vector, loop_over, store_vector
from workbench.compiler.kernels.reduction import carry_over, neutral


@dataclass(frozen=True)
class Largest:
    """``y[i, r]``: the place k of the r-th best ``x[i, k]``, of equal ones the first; every lane has a row of its own.

    `along` is k, `results` is r, `loops` and `vector` are i. NaN is never found; where nothing else is left, places are -1.
    """

    largest: bool
    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    along: Dim
    results: Dim
    vector: Dim
    lmul: int = 2
    parallel: ClassVar[tuple[str, ...]] = ("loops", "vector")

    def describe(self) -> str:
        """The schedule, for people."""
        return f"{self.results.count} {'largest' if self.largest else 'smallest'}, LMUL {self.lmul}"

    def smaller(self) -> Largest | None:
        """A schedule that needs fewer vector registers; None if this is the smallest."""
        return replace(self, lmul=self.lmul // 2) if self.lmul > 1 else None

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        pointers = {name: operand.pointer(locate) for name, operand in self.operands.items()}
        loop_over(
            builder, self.loops, pointers,
            lambda inside: chunks_over(builder, self.vector, self.lmul, inside, lambda p: self._rows(builder, p)),
        )  # fmt: skip

    def _rows(self, builder: Builder, pointers: Pointers) -> None:
        """All results of one vector of rows; before the first, everything is still to come."""
        kind = self.operands["x"].element.computed
        best = neutral("min" if self.largest else "max", kind)
        start = [builder.splat(best), builder.splat(whole(-1))]

        def result(here: Pointers, last: list[Value]) -> list[Value]:
            value, place = self._next(builder, pointers["x"], *last)
            store_vector(builder, self, "y", place, Address(here["y"]))
            return [value, place]

        carry_over(builder, [self.results], {"y": pointers["y"]}, start, result)

    def _next(self, builder: Builder, row: Value, value: Value, place: Value) -> list[Value]:
        """Value and place of the best that comes after the last one."""
        behind, before = ("lt", "gt") if self.largest else ("gt", "lt")
        last, last_place = Vector(builder, value), Vector(builder, place)

        def step(here: Pointers, carried: list[Value]) -> list[Value]:
            best, where, index = (Vector(builder, value) for value in carried)
            x = Vector(builder, load_vector(builder, self, "x", Address(here["x"])))
            comes = _both(x.compare("eq", last), last_place.compare("lt", index))
            comes = _either(comes, x.compare(behind, last))
            better = _either(x.compare(before, best), where.compare("lt", 0))
            chosen = _both(comes, better)
            after = builder.emit("i32", f"add i32 {index.value.text}, 1")
            return [chosen.choose(x, best).value, chosen.choose(index, where).value, after]

        kind = self.operands["x"].element.computed
        nothing = neutral("max" if self.largest else "min", kind)
        start = [builder.splat(nothing), builder.splat(whole(-1)), whole(0)]
        found = carry_over(builder, [self.along], {"x": row}, start, step)
        return found[:2]


def _both(left: Mask, right: Mask) -> Mask:
    return _combined("and", left, right)


def _either(left: Mask, right: Mask) -> Mask:
    return _combined("or", left, right)


def _combined(operation: str, left: Mask, right: Mask) -> Mask:
    kind = left.value.type
    return Mask(left.builder, left.builder.emit(kind, f"{operation} {kind} {left.value.text}, {right.value.text}"))
