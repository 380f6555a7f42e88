"""Sums of products: convolution, matrix product and fully connected layers share this one generator.

``y[i, j] = epilogue(bias + sum_k a[i, k] * b[k, j])``: `j` is the vector dimension, a block of `i` is kept in
vector registers, `a` is read as scalars. For "channels" j runs over output channels (b are the weights), for "pixels"
over output positions (a are the weights): the same code with the roles exchanged.

Bytes are summed in 32 bits, `products` of them in 16 bits before (`short_sums`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from workbench.compiler.elements import bits_of
from workbench.compiler.ir import Address, Builder, Value, number
from workbench.compiler.kernels.epilogue import NOTHING, Epilogue, over_blocks
from workbench.compiler.kernels.nest import (
    Dim,
    Locate,
    Operand,
    Pointers,
    chunks_over,
    load_vector,
    loop_over,
    move,
)
from workbench.compiler.kernels.short_sums import add_shorts, signs_of, subtract_shorts

SHORT_SUMS = 2
"""Sums of bytes in 16 bits that are in registers at a time, at most: in order, one is made while another is added."""
_UNROLLED_STEPS = 9
_UNROLL = 4
_OFFSET_REACH = 1800  # a load reaches 2,047 bytes; the rest is for unrolled steps


@dataclass(frozen=True)
class _Step:
    """One step of the sum: where its scalars lie, a place for every few of the block, and its vector."""

    rows: tuple[Address, ...]
    b: Address


def _steps(dims: list[Dim], rows: list[Value], b: Value) -> list[_Step]:
    """The steps of a nest, in order, from pointers to the first."""
    steps = [_Step(tuple(Address(row) for row in rows), Address(b))]
    for dim in dims:
        places = [(place * dim.stride("a"), place * dim.stride("b")) for place in range(dim.count)]
        steps = [_Step(tuple(row + a for row in step.rows), step.b + far) for step in steps for a, far in places]
    return steps


@dataclass(frozen=True)
class Contraction:
    """Operands ``a`` (scalars), ``b`` (vectors), ``y`` (result), optionally ``bias``, and those of the epilogue.

    `loops` are outer dimensions; `block` is i, `reduce` is k (outer to inner), `vector` is j. `lmul` and `tile` (block
    size) are the schedule; `group` vectors of `b` are loaded together, with `ahead` while the group before them is in use:
    where loads take long and an engine has few instructions in flight. `role` says what the vectors run over;
    `vector_outside` puts the loop over vectors outside `loops`, so that `b` is read once. `panels` are parts of j, each
    with its `b` in one piece: memory that is read in order is fetched ahead, and needs few pages. `products` is how many
    products of bytes are summed in 16 bits (as far as their vectors are loaded together), 1 for none; `shorts` such sums are
    made at a time.
    """

    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    block: Dim
    reduce: tuple[Dim, ...]
    vector: Dim
    epilogue: Epilogue = NOTHING
    lmul: int = 1
    tile: int = 1
    group: int = 1
    ahead: bool = False
    vector_outside: bool = True
    role: str = "channels"
    panels: Dim = Dim(1, {})
    products: int = 1
    shorts: int = SHORT_SUMS
    parallel: ClassVar[tuple[str, ...]] = ("panels", "loops", "block", "vector")

    def describe(self) -> str:
        """The schedule, for people."""
        loads = f", loads by {self.group}" if self.group > 1 else ""
        loads += " ahead" if self.ahead else ""
        loads += f", {self.products} products in 16 bits" if self.products > 1 else ""
        loads += ", half precision" if self._total == "half" else ""
        return f"contraction, vectors over {self.role}, LMUL {self.lmul}, block {self.tile}{loads}"

    @property
    def loaded_steps(self) -> int:
        """Steps whose vectors of `b` are in registers at a time."""
        return self.group * (2 if self.ahead else 1)

    @property
    def code_instructions(self) -> int:
        """About how many instructions the code has: unrolled steps of whole and of remaining blocks."""
        steps = math.prod(dim.count for dim in self.reduce)
        unrolled = steps if steps <= _UNROLLED_STEPS else max(_UNROLL, self.loaded_steps) * (2 if self.ahead else 1)
        rest = self.block.count % self.tile
        return (self.tile + rest) * (2 * unrolled + 6)

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        self.emit_at(builder, {name: operand.pointer(locate) for name, operand in self.operands.items()})

    def emit_at(self, builder: Builder, pointers: Pointers) -> None:
        """Generate the code for operands at other places."""

        def vectors(inside: Pointers, body: Callable[[Pointers], None]) -> None:
            loop_over(
                builder, [self.panels] if self.panels.count > 1 else [], inside,
                lambda p: chunks_over(builder, self.vector, self.lmul, p, body, self.sum_bits),
            )  # fmt: skip

        def places(inside: Pointers, body: Callable[[Pointers], None]) -> None:
            loop_over(builder, self.loops, inside, body)

        outer, inner = (vectors, places) if self.vector_outside else (places, vectors)
        outer(pointers, lambda p: inner(p, lambda q: self._blocks(builder, q)))

    @property
    def are_negated(self) -> bool:
        """Whether sums in 16 bits are negated ones of factors that were extended to 16 bits."""
        return self.products > 1 and self.operands["b"].element.computed == "i16"

    @property
    def sum_bits(self) -> int:
        """Width of a sum, which fills `lmul` registers."""
        return bits_of(self._total)

    def smaller(self) -> Contraction | None:
        """A schedule that needs fewer vector registers; None if this is the smallest."""
        if self.group > 1:
            return replace(self, group=self.group // 2)
        if self.tile > 1:
            return replace(self, tile=self.tile - 1)
        return replace(self, lmul=self.lmul // 2) if self.lmul > 1 else None

    def _blocks(self, builder: Builder, pointers: Pointers) -> None:
        over_blocks(builder, self, pointers, lambda here, size: self._tile(builder, here, size))

    def _tile(self, builder: Builder, pointers: Pointers, size: int) -> list[Value]:
        rows = self._rows(builder, pointers["a"], size)
        totals = self._start(builder, pointers, size)
        return self._sum(builder, list(self.reduce), rows, pointers["b"], totals)

    def _start(self, builder: Builder, pointers: Pointers, size: int) -> list[Value]:
        """Accumulators that hold the bias."""
        if "bias" not in pointers:
            return [builder.splat(number(self._total, 0.0))] * size
        if self.vector.stride("bias"):
            return [self._bias(builder, pointers["bias"]) for _ in range(size)]
        step = self.block.stride("bias")
        return [
            builder.splat(self._scalar(builder, "bias", Address(pointers["bias"], place * step))) for place in range(size)
        ]

    def _bias(self, builder: Builder, pointer: Value) -> Value:
        """The bias, loaded on its own for every accumulator: copies of one value confuse the register allocator."""
        value = load_vector(builder, self, "bias", Address(pointer))
        builder.fence()
        return value

    def _rows(self, builder: Builder, pointer: Value, size: int) -> list[Value]:
        """Pointers to the scalars of a block: as few as the reach of a load's offset allows."""
        step = self.block.stride("a")
        reach = max(1, _OFFSET_REACH // max(abs(step), 1))
        each = -(-size // -(-size // reach))
        others = [builder.opaque(move(builder, pointer, place * step)) for place in range(each, size, each)]
        return [pointer, *others]

    def _sum(self, builder: Builder, dims: list[Dim], rows: list[Value], b: Value, totals: list[Value]) -> list[Value]:
        """Accumulate over the reduced dimensions: short ones unrolled, the innermost unrolled in part."""
        if math.prod(dim.count for dim in dims) <= _UNROLLED_STEPS:
            return self._run(builder, _steps(dims, rows, b), totals)
        dim, rest = dims[0], dims[1:]
        inner, wanted = math.prod(d.count for d in rest), max(_UNROLL, self.loaded_steps)
        if inner <= wanted:
            return self._stream(builder, dim, rest, max(1, min(dim.count, wanted // inner)), rows, b, totals)

        def step(values: list[Value]) -> list[Value]:
            here, here_b = values[: len(rows)], values[len(rows)]
            sums = self._sum(builder, rest, here, here_b, values[len(rows) + 1 :])
            return [*self._onward(builder, dim, 1, here, here_b), *sums]

        return builder.loop(dim.count, [*rows, b, *totals], step)[len(rows) + 1 :]

    def _stream(
        self, builder: Builder, dim: Dim, rest: list[Dim], unroll: int, rows: list[Value], b: Value, totals: list[Value]
    ) -> list[Value]:
        """A loop over `unroll` steps of `dim` at a time; with `ahead` its first loads are those of the iteration before."""
        once, count, width = [Dim(unroll, dim.strides), *rest], dim.count // unroll, len(rows)
        ahead = self.ahead and count > 1 and self._is_even(once)
        held = self._load(builder, self._groups(_steps(once, rows, b))[0]) if ahead else []

        def body(values: list[Value], is_last: bool) -> list[Value]:
            here, here_b, rest_of = values[:width], values[width], values[width + 1 :]
            steps = _steps(once, here, here_b)
            after = self._onward(builder, dim, unroll, here, here_b)
            following = _steps(once, after[:width], after[width]) if ahead and not is_last else []
            following = self._groups(following)[0] if following else []
            sums, loaded = self._pipeline(builder, steps, following, rest_of[len(held) :], rest_of[: len(held)])
            return [*after, *loaded, *sums]

        carried = [*rows, b, *held, *totals]
        if ahead:
            carried = body(builder.loop(count - 1, carried, lambda values: body(values, False)), True)
        else:
            carried = builder.loop(count, carried, lambda values: body(values, True))
        here, here_b, totals = carried[:width], carried[width], carried[-len(totals) :]
        left = dim.count % unroll
        return self._run(builder, _steps([Dim(left, dim.strides), *rest], here, here_b), totals) if left else totals

    def _is_even(self, dims: list[Dim]) -> bool:
        """Whether two sets of registers can take turns over the steps without a copy at the end."""
        return math.prod(dim.count for dim in dims) % (2 * self.group) == 0

    def _onward(self, builder: Builder, dim: Dim, steps: int, rows: list[Value], b: Value) -> list[Value]:
        """The pointers `steps` steps of a dimension on."""
        return [
            *(move(builder, row, steps * dim.stride("a")) for row in rows), move(builder, b, steps * dim.stride("b")),
        ]  # fmt: skip

    def _groups(self, steps: list[_Step]) -> list[list[_Step]]:
        return [steps[place : place + self.group] for place in range(0, len(steps), self.group)]

    def _load(self, builder: Builder, steps: list[_Step]) -> list[Value]:
        """The vectors of steps, asked for before anything that follows."""
        vectors = [load_vector(builder, self, "b", step.b) for step in steps]
        builder.fence()
        return vectors

    def _run(self, builder: Builder, steps: list[_Step], totals: list[Value]) -> list[Value]:
        return self._pipeline(builder, steps, [], totals, [])[0]

    def _pipeline(
        self, builder: Builder, steps: list[_Step], following: list[_Step], totals: list[Value], held: list[Value]
    ) -> tuple[list[Value], list[Value]]:
        """Accumulate steps, `group` vectors loaded at a time; with `ahead` before the steps of the group before them.

        `held` are the vectors of the first group; those of `following` are loaded on the way and handed on.
        """
        groups = self._groups(steps)
        held = held or self._load(builder, groups[0])
        for place, group in enumerate(groups):
            after = groups[place + 1] if place + 1 < len(groups) else following
            loaded = self._load(builder, after) if self.ahead and after else []
            for first in range(0, len(group), self.products):
                part = slice(first, first + self.products)
                totals = self._accumulate(builder, group[part], held[part], totals)
            held = loaded or (self._load(builder, after) if after else [])
        return totals, held

    def _accumulate(self, builder: Builder, steps: list[_Step], vectors: list[Value], totals: list[Value]) -> list[Value]:
        stride, each = self.block.stride("a"), -(-len(totals) // len(steps[0].rows))

        def load(place: int) -> list[Value]:
            return [self._scalar(builder, "a", step.rows[place // each] + place % each * stride) for step in steps]

        if self.are_negated:
            return subtract_shorts(builder, totals, load, vectors, self.shorts)
        scalars = [load(place) for place in range(len(totals))]
        if self.products == 1:
            sums = [builder.accumulate(t, own[0], vectors[0]) for t, own in zip(totals, scalars, strict=True)]
        else:
            signs = signs_of(self.operands["a"].element, self.operands["b"].element)
            sums = add_shorts(builder, totals, scalars, vectors, self.shorts, signs)
        if self.ahead:
            return builder.pin(sums)
        builder.fence()
        return sums

    def _scalar(self, builder: Builder, name: str, address: Address) -> Value:
        return builder.load(address, self.operands[name].element)

    @property
    def _total(self) -> str:
        """The type of the sums."""
        kind = self.operands["y"].element.computed
        return kind if self.operands["a"].element.is_float else "i32"
