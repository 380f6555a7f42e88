"""Combining elements along dimensions: sums, products, extremes, their places, and running sums.

Vectors run over a dimension that stays where one suits (every lane is a result of its own), else over a reduced one: then
lanes are combined in order at the end, so that every machine with the same VLEN gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from workbench.compiler.elements import FLOATING
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Address, Value, integer, real, whole
from workbench.compiler.kernels.algebra import Vector
from workbench.compiler.kernels.nest import (
    Dim,
    Locate,
    Operand,
    Pointers,
    chunks_over,
    load_vector,
    loop_over,
    move,
    store_vector,
)

_INT_MAX, _INT_MIN = 2**31 - 1, -(2**31)
_INSTRUCTIONS = {"add": ("vfadd", "vadd"), "mul": ("vfmul", "vmul"), "max": ("vfmax", "vmax"), "min": ("vfmin", "vmin")}
_ACROSS = {"add": ("vfredosum", "vredsum"), "max": ("vfredmax", "vredmax"), "min": ("vfredmin", "vredmin")}
_BEFORE: dict[str, Callable[[Vector], Vector]] = {"copy": lambda x: x, "square": lambda x: x * x, "Abs": abs}
Carried = list[Value]


def neutral(combine: str, element: str) -> Value:
    """The value that changes nothing."""
    floats = {"add": 0.0, "mul": 1.0, "max": -float("inf"), "min": float("inf")}
    integers = {"add": 0, "mul": 1, "max": _INT_MIN, "min": _INT_MAX}
    return real(floats[combine]) if element in FLOATING else whole(integers[combine])


def carry_over(
    builder: Builder, dims: Sequence[Dim], pointers: Pointers, carried: Carried,
    body: Callable[[Pointers, Carried], Carried],
) -> Carried:  # fmt: skip
    """Run `body` for every step of the nest, handing values on from step to step."""
    if not dims:
        return body(pointers, carried)
    dim, rest = dims[0], dims[1:]
    names = [name for name in pointers if dim.stride(name)]

    def step(values: list[Value]) -> list[Value]:
        here = {**pointers, **dict(zip(names, values, strict=False))}
        after = carry_over(builder, rest, here, values[len(names) :], body)
        return [*(move(builder, here[name], dim.stride(name)) for name in names), *after]

    return builder.loop(dim.count, [*(pointers[name] for name in names), *carried], step)[len(names) :]


class _EveryLane:
    """A kernel whose lanes have results of their own: `_along` generates the code for one vector of them."""

    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    vector: Dim
    lmul: int
    parallel: ClassVar[tuple[str, ...]] = ("loops", "vector")

    @property
    def _kind(self) -> str:
        """The type that `x` is computed in."""
        return self.operands["x"].element.computed

    def smaller(self) -> Self | None:
        """A schedule that needs fewer vector registers; None if this is the smallest."""
        return replace(self, lmul=self.lmul // 2) if self.lmul > 1 else None  # type: ignore[type-var]

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        pointers = {name: operand.pointer(locate) for name, operand in self.operands.items()}
        loop_over(
            builder, self.loops, pointers,
            lambda inside: chunks_over(builder, self.vector, self.lmul, inside, lambda p: self._along(builder, p)),
        )  # fmt: skip

    def _along(self, builder: Builder, pointers: Pointers) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Reduction(_EveryLane):
    """``y[i] = factor * combine_k before(x[i, k])``: `loops` and (unless `across`) `vector` are i, `reduce` is k.

    With `across`, the vectors run over the reduced dimension `vector`.
    """

    combine: str
    before: str
    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    reduce: tuple[Dim, ...]
    vector: Dim
    across: bool
    factor: float = 1.0
    lmul: int = 4

    def describe(self) -> str:
        """The schedule, for people."""
        return f"reduction, vectors over {'the reduced' if self.across else 'a kept'} dimension, LMUL {self.lmul}"

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        if not self.across:
            super().emit(builder, locate)
            return
        pointers = {name: operand.pointer(locate) for name, operand in self.operands.items()}
        loop_over(builder, self.loops, pointers, lambda inside: self._across(builder, inside))

    def _instruction(self, table: dict[str, tuple[str, str]]) -> str:
        return table[self.combine][self._kind not in FLOATING]

    def _element(self, builder: Builder, pointers: Pointers) -> Value:
        value = load_vector(builder, self, "x", Address(pointers["x"]))
        return _BEFORE[self.before](Vector(builder, value)).value

    def _along(self, builder: Builder, pointers: Pointers) -> None:
        """Every lane a result."""

        def step(place: Pointers, carried: Carried) -> Carried:
            value = self._element(builder, place)
            return [builder.arithmetic(self._instruction(_INSTRUCTIONS), carried[0], value)]

        start = builder.splat(neutral(self.combine, self._kind))
        (total,) = carry_over(builder, self.reduce, pointers, [start], step)
        if self.factor != 1.0:
            total = builder.arithmetic("vfmul", total, real(self.factor))
        store_vector(builder, self, "y", total, Address(pointers["y"]))

    def _across(self, builder: Builder, pointers: Pointers) -> None:
        """Lanes are combined at the end: the first vector is the longest, so its length covers all that were used."""
        builder.group(self.lmul)
        builder.set_vl(integer(self.vector.count))
        lanes = builder.vl
        start = builder.splat(neutral(self.combine, self._kind))
        (total,) = carry_over(builder, self.reduce, pointers, [start], lambda p, c: self._row(builder, p, c))
        builder.vl = lanes
        result = builder.reduce(self._instruction(_ACROSS), total, neutral(self.combine, self._kind))
        if self.factor != 1.0:
            result = builder.emit("float", f"fmul float {result.text}, {real(self.factor).text}")
        builder.store(result, Address(pointers["y"]), self.operands["y"].element)

    def _row(self, builder: Builder, pointers: Pointers, carried: Carried) -> Carried:
        def step(values: list[Value]) -> tuple[Value, list[Value]]:
            left, pointer, total = values
            builder.set_vl(left)
            value = self._element(builder, {**pointers, "x": pointer})
            total = builder.arithmetic(self._instruction(_INSTRUCTIONS), total, value, keep=total)
            rest = builder.emit("i64", f"sub i64 {left.text}, {builder.vl.text}")
            return rest, [rest, builder.advance(pointer, self.vector.stride("x")), total]

        return builder.repeat([integer(self.vector.count), pointers["x"], *carried], step)[2:]


@dataclass(frozen=True)
class Arg(_EveryLane):
    """``y[i]``: the first (or last) k with the largest (or smallest) ``x[i, k]``; every lane a result."""

    largest: bool
    last: bool
    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    reduce: Dim
    vector: Dim
    lmul: int = 4

    def describe(self) -> str:
        """The schedule, for people."""
        return f"place of the extreme, LMUL {self.lmul}"

    def _along(self, builder: Builder, pointers: Pointers) -> None:
        relation = ("ge" if self.last else "gt") if self.largest else ("le" if self.last else "lt")

        def step(place: Pointers, carried: Carried) -> Carried:
            best, where, index = carried
            value = Vector(builder, load_vector(builder, self, "x", Address(place["x"])))
            is_better = value.compare(relation, Vector(builder, best))
            after = builder.emit("i32", f"add i32 {index.text}, 1")
            chosen = is_better.choose(Vector(builder, index), Vector(builder, where))
            return [is_better.choose(value, Vector(builder, best)).value, chosen.value, after]

        first = load_vector(builder, self, "x", Address(pointers["x"]))
        start = [first, builder.splat(whole(0)), whole(1)]
        rest = Dim(self.reduce.count - 1, self.reduce.strides)
        begin = {**pointers, "x": move(builder, pointers["x"], self.reduce.stride("x"))}
        places = carry_over(builder, [rest], begin, start, step)[1]
        store_vector(builder, self, "y", places, Address(pointers["y"]))


@dataclass(frozen=True)
class Cumulative(_EveryLane):
    """``y[i, k] = combine_{l <= k} x[i, l]``, or l < k where `exclusive`; every lane a sequence of its own."""

    combine: str
    exclusive: bool
    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    along: Dim
    vector: Dim
    lmul: int = 4

    def describe(self) -> str:
        """The schedule, for people."""
        return f"running {self.combine}, LMUL {self.lmul}"

    def _along(self, builder: Builder, pointers: Pointers) -> None:
        operation = _INSTRUCTIONS[self.combine][self._kind not in FLOATING]

        def step(place: Pointers, carried: Carried) -> Carried:
            value = load_vector(builder, self, "x", Address(place["x"]))
            total = builder.arithmetic(operation, carried[0], value)
            store_vector(builder, self, "y", carried[0] if self.exclusive else total, Address(place["y"]))
            return [total]

        carry_over(builder, [self.along], pointers, [builder.splat(neutral(self.combine, self._kind))], step)
