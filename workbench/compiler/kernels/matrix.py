"""Products of bytes by matrix instructions: tiles of 4 positions by 4 filters, 8 bytes of the sum at a time.

``y[i, j] = epilogue(bias + sum_k a[i, k] * b[k, j])`` as in `contraction`, but each register holds a tile: 4 rows of 8 bytes
of `a` (4 positions, read where the image lies), or of `b` (4 filters, packed). A pair of registers holds the 16 sums of
4 positions and 4 filters, and the epilogue works on these as one vector; its operands are constants of the filters,
repeated for every position.

Source: `isa.table_matrix`; the shape is that of registers of 256 bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from workbench.compiler.elements import I32
from workbench.compiler.ir import Address, Builder, Value, integer, number
from workbench.compiler.kernels.epilogue import NOTHING, Epilogue
from workbench.compiler.kernels.nest import Dim, Locate, Operand, Pointers, loop_over, move, over_tiles

ROWS, DEPTH = 4, 8  # of a tile
TILE_BYTES = ROWS * DEPTH
SUMS = ROWS * ROWS
_LMUL = 2  # of sums
_PRODUCT_BITS = 2  # of the vector unit's width, for each product: a whole register makes 128 of them


@dataclass(frozen=True)
class MatrixProduct:
    """Operands ``a`` (image), ``b`` (packed weights), ``y`` (bytes), ``bias`` and those of the epilogue.

    `loops` and `block` are positions; `reduce` is k in steps of 8 bytes; `filters` counts tiles of 4 filters. `tile` tiles
    of positions and `group` tiles of filters are in registers at a time. `vector_outside` puts the loop over filters
    outside those over positions, so that weights are read once.
    """

    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    block: Dim
    reduce: tuple[Dim, ...]
    filters: Dim
    epilogue: Epilogue = NOTHING
    tile: int = 1
    group: int = 1
    vector_outside: bool = True
    role: str = "tiles"
    lmul: int = _LMUL
    parallel: ClassVar[tuple[str, ...]] = ("filters", "loops", "block")

    def describe(self) -> str:
        """The schedule, for people."""
        return f"matrix instructions, tiles of 4 x 4, block {self.tile} x {self.group}"

    @property
    def sum_bits(self) -> int:
        """Width of the vector unit that a product takes."""
        return _PRODUCT_BITS

    @property
    def steps(self) -> int:
        """Steps of the sum."""
        return math.prod(dim.count for dim in self.reduce)

    def registers(self) -> int:
        """Vector registers of sums and factors, or of sums and what the epilogue needs."""
        sums = _LMUL * self.tile * self.group
        return sums + max(self.tile + self.group, _LMUL * (self.epilogue.spare + 1))

    def smaller(self) -> MatrixProduct | None:
        """A schedule that needs fewer vector registers; None if this is the smallest (`group` is how weights lie)."""
        return replace(self, tile=self.tile - 1) if self.tile > 1 else None

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        self.emit_at(builder, {name: operand.pointer(locate) for name, operand in self.operands.items()})

    def emit_at(self, builder: Builder, pointers: Pointers) -> None:
        """Generate the code for operands at other places."""
        strides = {n: self.group * s for n, s in self.filters.strides.items()}
        filters = Dim(self.filters.count // self.group, strides, self.filters.shared // self.group)

        def columns(here: Pointers, body: Callable[[Pointers], None]) -> None:
            loop_over(builder, [filters], here, body)

        def blocks(here: Pointers, body: Callable[[Pointers, int], None]) -> None:
            loop_over(builder, self.loops, here, lambda inside: self._blocks(builder, inside, body))

        if self.vector_outside:
            columns(pointers, lambda here: blocks(here, lambda p, positions: self._tiles(builder, p, positions)))
        else:
            blocks(pointers, lambda here, positions: columns(here, lambda p: self._tiles(builder, p, positions)))

    def _blocks(self, builder: Builder, pointers: Pointers, body: Callable[[Pointers, int], None]) -> None:
        """Run `body` for `tile` tiles of positions at a time, then for the positions that are left."""
        over_tiles(builder, self.block, self.tile * ROWS, pointers, body)

    def _tiles(self, builder: Builder, pointers: Pointers, positions: int) -> None:
        """Sums of some positions and `group` tiles of filters, to the end."""
        rows = [min(ROWS, positions - first) for first in range(0, positions, ROWS)]
        builder.group(_LMUL)
        builder.vl = integer(SUMS)
        totals = [builder.splat(number("i32", 0)) for _ in range(len(rows) * self.group)]
        totals = self._sum(builder, list(self.reduce), pointers["a"], pointers["b"], rows, totals)[2:]
        for place, total in enumerate(totals):
            row, column = divmod(place, self.group)
            self._finish(builder, pointers, total, row, column, rows[row])

    def _sum(
        self, builder: Builder, dims: list[Dim], a: Value, b: Value, rows: list[int], totals: list[Value]
    ) -> list[Value]:  # fmt: skip
        """Pointers and sums behind the nest of steps; the weights of all steps follow each other."""
        if not dims:
            return [a, *self._step(builder, a, b, rows, totals)]
        dim, rest = dims[0], dims[1:]

        def step(values: list[Value]) -> list[Value]:
            after = self._sum(builder, rest, values[0], values[1], rows, values[2:])
            return [move(builder, values[0], dim.stride("a")), *after[1:]]

        return builder.loop(dim.count, [a, b, *totals], step)

    def _step(self, builder: Builder, a: Value, b: Value, rows: list[int], totals: list[Value]) -> list[Value]:
        stride = self.block.stride("a")
        images = [builder.load_rows(Address(a, place * ROWS * stride), stride, count) for place, count in enumerate(rows)]
        weights = [builder.load_tile(Address(b, place * TILE_BYTES)) for place in range(self.group)]
        is_signed = self.operands["a"].element.is_signed
        sums = [
            builder.multiply_tiles(totals[place * self.group + column], image, weight, is_signed)
            for place, image in enumerate(images)
            for column, weight in enumerate(weights)
        ]
        return [move(builder, b, self.group * TILE_BYTES), *sums]

    def _finish(self, builder: Builder, pointers: Pointers, total: Value, row: int, column: int, rows: int) -> None:
        """Bias, epilogue and store of one tile."""

        def at(name: str) -> Address:
            return Address(pointers[name], row * ROWS * self.block.stride(name) + column * self.filters.stride(name))

        def read(name: str) -> Value:
            element = self.operands[name].element
            if self.filters.stride(name):
                return builder.vload(at(name), element.size_bytes, element)
            return builder.load(at(name), element)

        builder.group(_LMUL)
        builder.vl = integer(SUMS)
        total = builder.arithmetic("vadd", total, builder.vload(at("bias"), I32.size_bytes, I32))
        value = builder.shorten(self.epilogue.apply(builder, total, read), self.operands["y"].element)
        builder.store_rows(value, at("y"), self.block.stride("y"), rows)
