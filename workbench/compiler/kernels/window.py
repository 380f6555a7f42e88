"""Sliding windows in which every result depends on one channel: depthwise convolution and pooling.

``y[i] = epilogue(scale * combine_t x[i, t] (* w[t]))``: a block of neighbouring results shares the vectors of `x` that their
windows have in common. Bytes are extended to 16 bits and their products added to sums of 32.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from workbench.compiler.elements import FLOATING, bits_of
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Address, Value, number
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

_MOST_UNROLLED = 25
_FEW_TAPS = 3  # in a row; with more, LLVM's scheduler starts later rows too early and spills
_COMBINED = {"add": ("vfadd", "vadd"), "max": ("vfmax", "vmax")}
_LOWEST = -3.4028234663852886e38


@dataclass(frozen=True)
class Window:
    """Operands ``x``, ``y`` and, where used, ``w`` (weights), ``bias``, ``scale`` (a table of factors), and
    those of the epilogue.

    `combine` is ``multiply`` (with `w`), ``add`` or ``max``. `across` is the window's dimension along `block`, `along`
    the other one. `factor` scales a sum. `hoisted` keeps all
    weights in registers, `together` loads all vectors of a row before the first is used, for engines, whose loads are late;
    `role` says what the vectors run over.
    """

    combine: str
    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    block: Dim
    along: Dim
    across: Dim
    vector: Dim
    epilogue: Epilogue = NOTHING
    factor: float = 1.0
    lmul: int = 1
    tile: int = 1
    hoisted: bool = False
    together: bool = False
    role: str = "channels"
    parallel: ClassVar[tuple[str, ...]] = ("loops", "block", "vector")

    def describe(self) -> str:
        """The schedule, for people."""
        held = (", weights in registers" if self.hoisted else "") + (", loads by row" if self.together else "")
        return f"window, vectors over {self.role}, LMUL {self.lmul}, block {self.tile}{held}"

    def columns(self, size: int) -> int:
        """Vectors of `x` that one row of the windows of `size` results has."""
        step, tap = self.block.stride("x"), self.across.stride("x")
        return len({i * step + t * tap for i in range(size) for t in range(self.across.count)})

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        pointers = {name: operand.pointer(locate) for name, operand in self.operands.items()}
        depth = self._hoist_depth()

        def chunk(inside: Pointers) -> None:
            loop_over(builder, self.loops[depth:], inside, lambda p: self._blocks(builder, p, weights(p)))

        held: list[list[list[Value]]] = []

        def weights(p: Pointers) -> list[list[Value]] | None:
            return held[-1] if held else None

        def vector(inside: Pointers) -> None:
            if self.hoisted and self.vector.stride("w"):
                held.append(self._weights(builder, inside))
            chunk(inside)
            held.clear()

        def outer(inside: Pointers) -> None:
            if self.hoisted and not self.vector.stride("w"):
                held.append(self._weights(builder, inside))
            chunks_over(builder, self.vector, self.lmul, inside, vector_or_chunk, self.sum_bits)
            held.clear()

        def vector_or_chunk(inside: Pointers) -> None:
            if held:
                chunk(inside)
            else:
                vector(inside)

        loop_over(builder, self.loops[:depth], pointers, outer)

    @property
    def sum_bits(self) -> int:
        """Width of a sum, which fills `lmul` registers."""
        return bits_of(self._kind) if self._kind in FLOATING else 32

    def smaller(self) -> Window | None:
        """A schedule that needs fewer vector registers; None if this is the smallest."""
        if self.tile > 1:
            return replace(self, tile=self.tile - 1)
        return replace(self, lmul=self.lmul // 2) if self.lmul > 1 else None

    def _hoist_depth(self) -> int:
        """How many outer loops change the weights: the loop over vectors and the hoisted weights go inside those."""
        moving = [place for place, dim in enumerate(self.loops) if dim.stride("w")]
        return moving[-1] + 1 if moving else 0

    def _weights(self, builder: Builder, pointers: Pointers) -> list[list[Value]]:
        base = Address(pointers["w"])
        return [
            [self._weight(builder, base + (row * self.along.stride("w") + col * self.across.stride("w")))
             for col in range(self.across.count)]
            for row in range(self.along.count)
        ]  # fmt: skip

    def _weight(self, builder: Builder, address: Address) -> Value:
        if self.vector.stride("w"):
            return load_vector(builder, self, "w", address)
        return builder.load(address, self.operands["w"].element)

    def _blocks(self, builder: Builder, pointers: Pointers, weights: list[list[Value]] | None) -> None:
        over_blocks(builder, self, pointers, lambda here, size: self._tile(builder, here, size, weights))

    def _tile(self, builder: Builder, pointers: Pointers, size: int, weights: list[list[Value]] | None) -> list[Value]:
        x, w = pointers["x"], pointers.get("w", pointers["x"])
        if self.along.count * self.across.count <= _MOST_UNROLLED:
            rows_x = self._rows(builder, x, "x")
            rows_w = self._rows(builder, w, "w") if "w" in pointers and weights is None else rows_x
            totals = self._start(builder, pointers, size)
            for row in range(self.along.count):
                given = weights[row] if weights is not None else None
                totals = self._row(builder, Address(rows_x[row]), Address(rows_w[row]), totals, given)
                if self.across.count > _FEW_TAPS or self.together:
                    totals = builder.pin(totals)
        else:
            totals = self._start(builder, pointers, size)

            def step(values: list[Value]) -> list[Value]:
                sums = self._long_row(builder, values[0], values[1], values[2:])
                after = [move(builder, v, self.along.stride(n)) for v, n in zip(values[:2], ("x", "w"), strict=True)]
                return [*after, *sums]

            totals = builder.loop(self.along.count, [x, w, *totals], step)[2:]
        return [self._scaled(builder, pointers, place, total) for place, total in enumerate(totals)]

    def _rows(self, builder: Builder, pointer: Value, operand: str) -> list[Value]:
        """A pointer to every row of the window, computed once."""
        step = self.along.stride(operand)
        return [pointer, *(builder.opaque(move(builder, pointer, row * step)) for row in range(1, self.along.count))]

    def _start(self, builder: Builder, pointers: Pointers, size: int) -> list[Value]:
        if "bias" in pointers:
            if self.vector.stride("bias"):
                return [self._bias(builder, pointers["bias"]) for _ in range(size)]
            return [builder.splat(builder.load(Address(pointers["bias"]), self.operands["bias"].element))] * size
        lowest = _LOWEST if self._kind in FLOATING else -(2.0**31)
        kind = self._kind if self._kind in FLOATING else "i32"
        return [builder.splat(number(kind, lowest if self.combine == "max" else 0.0))] * size

    def _bias(self, builder: Builder, pointer: Value) -> Value:
        """The bias, loaded on its own for every result: copies of one value confuse the register allocator."""
        value = load_vector(builder, self, "bias", Address(pointer))
        builder.fence()
        return value

    def _row(
        self, builder: Builder, x: Address, w: Address, totals: list[Value], weights: list[Value] | None
    ) -> list[Value]:
        """One row of the window for all results of the tile; each vector of `x` is loaded once."""
        users: dict[int, list[tuple[int, int]]] = {}
        for tap in range(self.across.count):
            for place in range(len(totals)):
                offset = place * self.block.stride("x") + tap * self.across.stride("x")
                users.setdefault(offset, []).append((place, tap))
        sums, known = list(totals), {}
        early = {offset: load_vector(builder, self, "x", x + offset) for offset in users} if self.together else {}
        if early:
            builder.fence()
        for offset in sorted(users):
            vector = early[offset] if early else load_vector(builder, self, "x", x + offset)
            for place, tap in users[offset]:
                if self.combine == "multiply" and weights is None and tap not in known:
                    known[tap] = self._weight(builder, w + tap * self.across.stride("w"))
                weight = weights[tap] if weights is not None else known.get(tap)
                sums[place] = self._combine(builder, sums[place], vector, weight)
            builder.fence()
        return sums

    def _combine(self, builder: Builder, total: Value, x: Value, weight: Value | None) -> Value:
        if self.combine == "multiply":
            assert weight is not None
            return builder.accumulate(total, weight, x)
        return builder.arithmetic(_COMBINED[self.combine][self._kind not in FLOATING], total, x)

    @property
    def _kind(self) -> str:
        """The type that floats are summed in, or that integers are computed in."""
        x, y = (self.operands[name].element for name in ("x", "y"))
        return y.computed if x.is_float else x.computed

    def _long_row(self, builder: Builder, x: Value, w: Value, totals: list[Value]) -> list[Value]:
        """One row of a large window, tap by tap."""
        if self.across.count <= _MOST_UNROLLED:
            return self._row(builder, Address(x), Address(w), totals, None)

        def step(values: list[Value]) -> list[Value]:
            weight = self._weight(builder, Address(values[1])) if self.combine == "multiply" else None
            sums = []
            for place, total in enumerate(values[2:]):
                vector = load_vector(builder, self, "x", Address(values[0], place * self.block.stride("x")))
                sums.append(self._combine(builder, total, vector, weight))
            after = [move(builder, v, self.across.stride(n)) for v, n in zip(values[:2], ("x", "w"), strict=True)]
            return [*after, *sums]

        return builder.loop(self.across.count, [x, w, *totals], step)[2:]

    def _scaled(self, builder: Builder, pointers: Pointers, place: int, total: Value) -> Value:
        if "scale" in pointers:
            table = Address(pointers["scale"], place * self.block.stride("scale"))
            factor = load_vector(builder, self, "scale", table) if self.vector.stride("scale") else builder.load(table)
            return builder.arithmetic("vfmul", total, factor)
        return total if self.factor == 1.0 else builder.arithmetic("vfmul", total, number(self._kind, self.factor))
