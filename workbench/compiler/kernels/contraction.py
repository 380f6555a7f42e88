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
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Address, Value, number
from workbench.compiler.kernels.epilogue import NOTHING, Epilogue, over_blocks
from workbench.compiler.kernels.loads_ahead import LoadsAhead, Step, steps_of
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
from workbench.compiler.kernels.short_sums import ShortSums, most_sums, signs_of

REGISTERS = 32
_BEHIND = (2, 3, 3, 2)
"""Operations behind the extension of vectors that come next, about its latency: in turn, so that where one of two pipes
extends, that pipe is the one whose turn it is, and the other does not wait."""
_UNROLLED_STEPS = 9
_UNROLL = 4
_OFFSET_REACH = 1800  # a load reaches 2,047 bytes; the rest is for unrolled steps


@dataclass(frozen=True)
class Contraction:
    """Operands ``a`` (scalars), ``b`` (vectors), ``y`` (result), optionally ``bias``, and those of the epilogue.

    `loops` are outer dimensions; `block` is i, `reduce` is k (outer to inner), `vector` is j. `lmul` and `tile` (block
    size) are the schedule; `group` vectors of `b` are loaded together, with `ahead` while the group before them is in use:
    where loads take long and an engine has few instructions in flight. `role` says what the vectors run over;
    `vector_outside` puts the loop over vectors outside `loops`, so that `b` is read once. `panels` are parts of j, each
    with its `b` in one piece: memory that is read in order is fetched ahead, and needs few pages. `products` is how many
    products of bytes are summed in 16 bits (as far as their vectors are loaded together), 1 for none: several such sums at a
    time (`sums_at_a_time`), more where results of so many instructions in flight are `renamed`.
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
    renamed: int = 0
    parallel: ClassVar[tuple[str, ...]] = ("panels", "loops", "block", "vector")

    def describe(self) -> str:
        """The schedule, for people."""
        loads = f", loads by {self.group}" if self.group > 1 else ""
        loads = f"{loads or ', loads'} ahead" if self.ahead else loads
        loads += f", {self.products} products in 16 bits" if self.products > 1 else ""
        loads += ", half precision" if self._total == "half" else ""
        return f"contraction, vectors over {self.role}, LMUL {self.lmul}, block {self.tile}{loads}"

    @property
    def loaded_steps(self) -> int:
        """Steps whose vectors of `b` are in registers at a time."""
        return self.group * (2 if self.ahead else 1)

    @property
    def sums_at_a_time(self) -> int:
        """Sums in 16 bits that are made at a time: as many as help and fit beside totals and vectors."""
        free = REGISTERS - self.lmul * self.tile - self.vector_registers
        return max(1, min(free // max(1, self.lmul // 2), most_sums(self.renamed, self.lmul, self.products)))

    @property
    def vector_registers(self) -> int:
        """Registers for vectors whose products are summed in 16 bits; some are in use while those that follow are loaded."""
        late = self.products - 1 if self.renamed else 0
        return (self.loaded_steps + late) * max(1, self.lmul // (2 if self.are_negated else 4))

    @property
    def unrolled_steps(self) -> int:
        """Steps of a loop's body, in whole groups."""
        return -(-_UNROLL // self.loaded_steps) * self.loaded_steps

    @property
    def distance(self) -> int:
        """How many groups of vectors are loaded ahead: narrow integers are extended in between."""
        element = self.operands["b"].element
        return (2 if element.is_narrow and not element.is_float else 1) if self.ahead else 0

    @property
    def code_instructions(self) -> int:
        """About how many instructions the code has: unrolled steps of whole and of remaining blocks."""
        steps = math.prod(dim.count for dim in self.reduce)
        unrolled = steps if steps <= _UNROLLED_STEPS else self.unrolled_steps * (2 if self.ahead else 1)
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
        """A schedule that needs fewer vector registers; None if this is the smallest.

        Three groups of half the registers come before one group: sums of a single one wait for each other. Where registers
        are renamed, smaller blocks come before sums in 16 bits of fewer products, which take additions more turns.
        """
        least = self.products if self.renamed and self.tile > 1 else 1
        if self.group > least:
            return replace(self, group=max(self.group // 2, least))
        if self.tile == 2 and self.lmul > 1:
            return replace(self, lmul=self.lmul // 2, tile=min(3, self.block.count))
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
            return self._run(builder, steps_of(dims, rows, b), totals)
        dim, rest = dims[0], dims[1:]
        inner, wanted = math.prod(d.count for d in rest), self.unrolled_steps
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
        held = self._loads(builder, self._groups(steps_of(once, rows, b))[: self.distance], []).ahead if ahead else []

        def body(values: list[Value], is_last: bool) -> list[Value]:
            here, here_b, rest_of = values[:width], values[width], values[width + 1 :]
            steps = steps_of(once, here, here_b)
            after = self._onward(builder, dim, unroll, here, here_b)
            following = steps_of(once, after[:width], after[width]) if ahead and not is_last else []
            later = self._groups(following)[: self.distance]
            sums, loaded = self._pipeline(builder, steps, later, rest_of[len(held) :], rest_of[: len(held)])
            return [*after, *loaded, *sums]

        carried = [*rows, b, *held, *totals]
        if ahead:
            carried = body(builder.loop(count - 1, carried, lambda values: body(values, False)), True)
        else:
            carried = builder.loop(count, carried, lambda values: body(values, True))
        here, here_b, totals = carried[:width], carried[width], carried[-len(totals) :]
        left = dim.count % unroll
        return self._run(builder, steps_of([Dim(left, dim.strides), *rest], here, here_b), totals) if left else totals

    def _is_even(self, dims: list[Dim]) -> bool:
        """Whether two sets of registers can take turns over the steps without a copy at the end."""
        return math.prod(dim.count for dim in dims) % (2 * self.group) == 0

    def _onward(self, builder: Builder, dim: Dim, steps: int, rows: list[Value], b: Value) -> list[Value]:
        """The pointers `steps` steps of a dimension on."""
        return [
            *(move(builder, row, steps * dim.stride("a")) for row in rows), move(builder, b, steps * dim.stride("b")),
        ]  # fmt: skip

    def _groups(self, steps: list[Step]) -> list[list[Step]]:
        return [steps[place : place + self.group] for place in range(0, len(steps), self.group)]

    def _loads(self, builder: Builder, groups: list[list[Step]], held: list[Value]) -> LoadsAhead:
        return LoadsAhead(builder, groups, held, self.distance, self.vector.stride("b"), self.operands["b"].element)

    def _run(self, builder: Builder, steps: list[Step], totals: list[Value]) -> list[Value]:
        return self._pipeline(builder, steps, [], totals, [])[0]

    def _pipeline(
        self, builder: Builder, steps: list[Step], later: list[list[Step]], totals: list[Value], held: list[Value]
    ) -> tuple[list[Value], list[Value]]:
        """Accumulate steps, `group` vectors loaded at a time, with `ahead` while those before are in use.

        `held` are the vectors that are loaded already; those of the groups `later` are loaded on the way and handed on.
        """
        groups = self._groups(steps)
        loads = self._loads(builder, [*groups, *later], held)
        add = self._in_shorts if self.products > 1 else self._at_once
        return add(builder, groups, loads, totals), loads.ahead

    def _at_once(
        self, builder: Builder, groups: list[list[Step]], loads: LoadsAhead, totals: list[Value]
    ) -> list[Value]:  # fmt: skip
        """Add each product to its total."""
        for place, group in enumerate(groups):
            loads.ask()
            behind = _BEHIND[place % len(_BEHIND)]
            for step, vector in zip(group[:-1], loads.vectors, strict=False):
                totals = self._accumulate(builder, step, vector, totals)
            totals = self._accumulate(
                builder, group[-1], loads.vectors[-1], totals, loads if loads.extends else None, behind
            )
            loads.turn()
        return totals

    def _accumulate(
        self,
        builder: Builder,
        step: Step,
        vector: Value,
        totals: list[Value],
        coming: LoadsAhead | None = None,
        behind: int = 0,
    ) -> list[Value]:
        """Add a step; before its last operations, so many, the vectors that come next are extended."""
        scalars = [self._factor(builder, step, place, len(totals)) for place in range(len(totals))]
        first = max(len(totals) - behind, 0)
        sums = [builder.accumulate(t, own, vector) for t, own in zip(totals[:first], scalars, strict=False)]
        if coming is not None:
            sums = builder.pin(sums)
            coming.extend()
            totals = [*totals[:first], *builder.pin(totals[first:])]
        sums += [builder.accumulate(t, own, vector) for t, own in zip(totals[first:], scalars[first:], strict=True)]
        if self.ahead:
            return builder.pin(sums)
        builder.fence()
        return sums

    def _in_shorts(
        self, builder: Builder, groups: list[list[Step]], loads: LoadsAhead, totals: list[Value]
    ) -> list[Value]:  # fmt: skip
        """Add `products` of a total that are summed in 16 bits before; scalars are loaded a sum ahead."""
        signs = None if self.are_negated else signs_of(self.operands["a"].element, self.operands["b"].element)
        sums, size = ShortSums(builder, totals, self.sums_at_a_time, signs), len(totals)
        firsts = [(group, first) for group in groups for first in range(0, len(group), self.products)]
        rows = [(group, first, place) for group, first in firsts for place in range(size)]

        def load(row: int) -> list[Value]:
            group, first, place = rows[row]
            return [self._factor(builder, step, place, size) for step in group[first : first + self.products]]

        scalars = load(0)
        for row, (group, first, place) in enumerate(rows):
            if first == place == 0:
                loads.ask()
            is_last = row + 1 == len(rows) or rows[row + 1][0] is not group
            own, scalars = scalars, load(row + 1) if row + 1 < len(rows) else []
            if is_last:
                loads.extend()
            sums.begin(place, own, loads.vectors[first : first + len(own)])
            if is_last:
                loads.turn()
        return sums.finish()

    def _factor(self, builder: Builder, step: Step, place: int, size: int) -> Value:
        """The scalar of a step for one of `size` sums."""
        each = -(-size // len(step.rows))
        return self._scalar(builder, "a", step.rows[place // each] + place % each * self.block.stride("a"))

    def _scalar(self, builder: Builder, name: str, address: Address) -> Value:
        return builder.load(address, self.operands[name].element)

    @property
    def _total(self) -> str:
        """The type of the sums."""
        kind = self.operands["y"].element.computed
        return kind if self.operands["a"].element.is_float else "i32"
