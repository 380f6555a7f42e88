"""Places of the k largest (or smallest) elements along a dimension, in order: what the standard's TopK looks for.

Every round looks for the best of those that come after the last one found, by value and then by place, so nothing has to be
copied or marked; k rounds read the row k times. That suits the few results that networks ask for. Every lane has a row of
its own, or, where there are few rows, a row runs over the lanes: the best value is found, then the first place that has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from workbench.compiler.elements import FLOATING
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Address, Value, integer, whole
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


@dataclass(frozen=True)
class LargestOfRow:
    """The same for few rows: `vector` is k, and `loops` are all of i."""

    largest: bool
    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    results: Dim
    vector: Dim
    lmul: int = 4
    parallel: ClassVar[tuple[str, ...]] = ("loops",)

    def describe(self) -> str:
        """The schedule, for people."""
        return f"{self.results.count} {'largest' if self.largest else 'smallest'} of a row, LMUL {self.lmul}"

    def smaller(self) -> LargestOfRow | None:
        """A schedule that needs fewer vector registers; None if this is the smallest."""
        return replace(self, lmul=self.lmul // 2) if self.lmul > 1 else None

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        pointers = {name: operand.pointer(locate) for name, operand in self.operands.items()}
        loop_over(builder, self.loops, pointers, lambda inside: self._row(builder, inside))

    @property
    def _kind(self) -> str:
        return self.operands["x"].element.computed

    def _row(self, builder: Builder, pointers: Pointers) -> None:
        """All results of one row; before the first, everything is still to come."""
        builder.group(self.lmul)
        start = [neutral("min" if self.largest else "max", self._kind), whole(-1)]

        def result(here: Pointers, last: list[Value]) -> list[Value]:
            value = self._best(builder, pointers["x"], *last)
            place = self._place(builder, pointers["x"], value, *last)
            builder.store(place, Address(here["y"]), self.operands["y"].element)
            return [value, place]

        carry_over(builder, [self.results], {"y": pointers["y"]}, start, result)

    def _best(self, builder: Builder, row: Value, last: Value, place: Value) -> Value:
        """The best value that comes after the last one."""
        combine, behind = ("max", "lt") if self.largest else ("min", "gt")
        nothing = neutral(combine, self._kind)

        def candidates(x: Vector, index: Vector) -> Value:
            comes = _both(x.compare("eq", Vector(builder, last)), index.compare("gt", Vector(builder, place)))
            comes = _either(comes, x.compare(behind, Vector(builder, last)))
            return builder.merge(comes.value, x.value, builder.splat(nothing))

        prefix = "vf" if self._kind in FLOATING else "v"
        return self._over(builder, row, prefix + combine, f"{prefix}red{combine}", nothing, candidates)

    def _place(self, builder: Builder, row: Value, value: Value, last: Value, place: Value) -> Value:
        """The first place with a value, behind the last place where that has it too; -1 where there is none."""
        equal = "fcmp oeq" if self._kind in FLOATING else "icmp eq"
        is_again = builder.emit("i1", f"{equal} {value}, {last.text}")
        after = builder.emit("i32", f"select {is_again}, {place}, i32 -1")
        none = neutral("min", "i32")

        def candidates(x: Vector, index: Vector) -> Value:
            found = _both(x.compare("eq", Vector(builder, value)), index.compare("gt", Vector(builder, after)))
            return builder.merge(found.value, index.value, builder.splat(none))

        first = self._over(builder, row, "vmin", "vredmin", none, candidates)
        is_none = builder.emit("i1", f"icmp eq {first}, {none.text}")
        return builder.emit("i32", f"select {is_none}, i32 -1, {first}")

    def _over(
        self,
        builder: Builder,
        row: Value,
        each: str,
        across: str,
        start: Value,
        candidates: Callable[[Vector, Vector], Value],
    ) -> Value:
        """Combine what `candidates` makes of a row and its places; the first vector is as long as any."""
        builder.set_vl(integer(self.vector.count))
        longest = builder.vl

        def step(values: list[Value]) -> tuple[Value, list[Value]]:
            left, pointer, first, total = values
            builder.set_vl(left)
            x = Vector(builder, load_vector(builder, self, "x", Address(pointer)))
            index = Vector(builder, builder.lanes()) + Vector(builder, first)
            total = builder.arithmetic(each, total, candidates(x, index), keep=total)
            rest = builder.emit("i64", f"sub i64 {left.text}, {builder.vl.text}")
            done = builder.emit("i32", f"trunc i64 {builder.vl.text} to i32")
            after = builder.emit("i32", f"add i32 {first.text}, {done.text}")
            return rest, [rest, builder.advance(pointer, self.vector.stride("x")), after, total]

        carried = [integer(self.vector.count), row, whole(0), builder.splat(start)]
        total = builder.repeat(carried, step)[3]
        builder.vl = longest
        return builder.reduce(across, total, start)


def _both(left: Mask, right: Mask) -> Mask:
    return _combined("and", left, right)


def _either(left: Mask, right: Mask) -> Mask:
    return _combined("or", left, right)


def _combined(operation: str, left: Mask, right: Mask) -> Mask:
    kind = left.value.type
    return Mask(left.builder, left.builder.emit(kind, f"{operation} {kind} {left.value.text}, {right.value.text}"))
