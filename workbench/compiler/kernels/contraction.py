"""Sums of products: convolution, matrix product and fully connected layers share this one generator.

``y[i, j] = clip(bias + sum_k a[i, k] * b[k, j] + r[i, j])``: `j` is the vector dimension, a block of `i` is kept in
vector registers, `a` is read as scalars. For "channels" j runs over output channels (b are the weights), for "pixels"
over output positions (a are the weights): the same code with the roles exchanged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from workbench.compiler.ir import Address, Builder, Value
from workbench.compiler.kernels.nest import (
    Dim,
    Locate,
    Operand,
    Pointers,
    advance,
    chunks_over,
    clipped,
    loop_over,
    move,
)

_UNROLLED_STEPS = 9
_UNROLL = 4
_OFFSET_REACH = 1800  # a load reaches 2,047 bytes; the rest is for unrolled steps


@dataclass(frozen=True)
class Contraction:
    """Operands ``a`` (scalars), ``b`` (vectors), ``y`` (result) and optionally ``bias`` and ``r`` (added).

    `loops` are outer dimensions; `block` is i, `reduce` is k (outer to inner), `vector` is j. `lmul` and `tile` (block
    size) are the schedule; `role` says what the vectors run over; `vector_outside` puts the loop over vectors outside
    `loops`, so that `b` is read once.
    """

    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    block: Dim
    reduce: tuple[Dim, ...]
    vector: Dim
    clip: tuple[float, float]
    lmul: int = 1
    tile: int = 1
    vector_outside: bool = True
    role: str = "channels"

    def describe(self) -> str:
        """The schedule, for people."""
        return f"contraction, vectors over {self.role}, LMUL {self.lmul}, block {self.tile}"

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        pointers = {name: operand.pointer(locate) for name, operand in self.operands.items()}
        if self.vector_outside:
            chunks_over(
                builder, self.vector, self.lmul, pointers,
                lambda inside: loop_over(builder, self.loops, inside, lambda p: self._blocks(builder, p)),
            )  # fmt: skip
        else:
            loop_over(
                builder, self.loops, pointers,
                lambda inside: chunks_over(
                    builder, self.vector, self.lmul, inside, lambda p: self._blocks(builder, p)
                ),
            )  # fmt: skip

    def smaller(self) -> Contraction | None:
        """A schedule that needs fewer vector registers; None if this is the smallest."""
        if self.tile > 1:
            return replace(self, tile=self.tile - 1)
        return replace(self, lmul=self.lmul // 2) if self.lmul > 1 else None

    def _blocks(self, builder: Builder, pointers: Pointers) -> None:
        full, rest = divmod(self.block.count, self.tile)
        names = [name for name in pointers if self.block.stride(name)]

        def step(values: list[Value]) -> list[Value]:
            here = {**pointers, **dict(zip(names, values, strict=True))}
            self._tile(builder, here, self.tile)
            after = advance(builder, here, self.block, self.tile)
            return [after[name] for name in names]

        after = builder.loop(full, [pointers[name] for name in names], step)
        if rest:
            self._tile(builder, {**pointers, **dict(zip(names, after, strict=True))}, rest)

    def _tile(self, builder: Builder, pointers: Pointers, size: int) -> None:
        rows = self._rows(builder, pointers["a"], size)
        totals = self._start(builder, pointers, size)
        totals = self._sum(builder, list(self.reduce), rows, pointers["b"], totals)
        for place, total in enumerate(totals):
            self._finish(builder, pointers, place, total)

    def _start(self, builder: Builder, pointers: Pointers, size: int) -> list[Value]:
        """Accumulators that hold the bias."""
        if "bias" not in pointers:
            return [builder.splat(Value("float", "0.0"))] * size
        if self.vector.stride("bias"):
            return [self._bias(builder, pointers["bias"]) for _ in range(size)]
        step = self.block.stride("bias")
        return [builder.splat(builder.load(Address(pointers["bias"], place * step))) for place in range(size)]

    def _bias(self, builder: Builder, pointer: Value) -> Value:
        """The bias, loaded on its own for every accumulator: copies of one value confuse the register allocator."""
        value = builder.vload(Address(pointer), self.vector.stride("bias"))
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
        steps = math.prod(dim.count for dim in dims)
        if steps <= _UNROLLED_STEPS:
            return self._unrolled(builder, dims, [Address(row) for row in rows], Address(b), totals)
        dim, rest = dims[0], dims[1:]
        inner = math.prod(d.count for d in rest)
        unroll = max(1, min(dim.count, _UNROLL // inner)) if inner <= _UNROLL else 1
        once = [Dim(unroll, dim.strides), *rest]
        width = len(rows)

        def step(values: list[Value]) -> list[Value]:
            here, here_b, sums = values[:width], values[width], values[width + 1 :]
            if unroll * inner <= _UNROLLED_STEPS:
                sums = self._unrolled(builder, once, [Address(row) for row in here], Address(here_b), sums)
            else:
                sums = self._sum(builder, rest, here, here_b, sums)
            after = [move(builder, row, unroll * dim.stride("a")) for row in here]
            return [*after, move(builder, here_b, unroll * dim.stride("b")), *sums]

        after = builder.loop(dim.count // unroll, [*rows, b, *totals], step)
        left = dim.count % unroll
        if left:
            tail = [Dim(left, dim.strides), *rest]
            starts = [Address(row) for row in after[:width]]
            return self._unrolled(builder, tail, starts, Address(after[width]), after[width + 1 :])
        return after[width + 1 :]

    def _unrolled(
        self, builder: Builder, dims: list[Dim], rows: list[Address], b: Address, totals: list[Value]
    ) -> list[Value]:
        if dims:
            dim = dims[0]
            for place in range(dim.count):
                here = [row + place * dim.stride("a") for row in rows]
                totals = self._unrolled(builder, dims[1:], here, b + place * dim.stride("b"), totals)
            return totals
        vector = builder.vload(b, self.vector.stride("b"))
        step, each = self.block.stride("a"), -(-len(totals) // len(rows))
        scalars = [builder.load(rows[place // each] + place % each * step) for place in range(len(totals))]
        sums = [builder.accumulate(t, s, vector) for t, s in zip(totals, scalars, strict=True)]
        builder.fence()
        return sums

    def _finish(self, builder: Builder, pointers: Pointers, place: int, total: Value) -> None:
        if "r" in pointers:
            address = Address(pointers["r"], place * self.block.stride("r"))
            total = builder.arithmetic("vfadd", total, builder.vload(address, self.vector.stride("r")))
        total = clipped(builder, total, self.clip)
        builder.vstore(total, Address(pointers["y"], place * self.block.stride("y")), self.vector.stride("y"))
