"""Products of bytes by matrix instructions: tiles of 4 positions by 4 filters, 8 bytes of the sum at a time.

``y[i, j] = epilogue(bias + sum_k a[i, k] * b[k, j])`` as in `contraction`, but each register holds a tile: 4 rows of 8 bytes
of `a` (4 positions, read where the image lies), or of `b` (4 filters, packed). A pair of registers holds the 16 sums of
4 positions and 4 filters, and the epilogue works on these as one vector; its operands are constants of the filters,
repeated for every position, or images of bytes like the results. The positions of a tile are neighbours that are read where
the image lies, or any four whose bytes a copy has put side by side: then a tile is one load.

Source: `isa.table_matrix`; the shape is that of registers of 256 bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Address, Value, integer, number
from workbench.compiler.kernels.epilogue import NOTHING, Epilogue
from workbench.compiler.kernels.lockstep import in_lockstep, parts_of, several
from workbench.compiler.kernels.nest import Dim, Locate, Operand, Pointers, loop_over, move, over_tiles

ROWS, DEPTH = 4, 8  # of a tile
TILE_BYTES = ROWS * DEPTH
SUMS = ROWS * ROWS
_LMUL = 2  # of sums
_REGISTERS = 32
MOST_RESULTS = 6
"""Tiles of results that go through the epilogue at a time."""
_PRODUCT_BITS = 2  # of the vector unit's width, for each product: a whole register makes 128 of them


@dataclass(frozen=True)
class MatrixProduct:
    """Operands ``a`` (image), ``b`` (packed weights), ``y`` (bytes), ``bias`` and those of the epilogue.

    `loops` and `block` are positions; `reduce` is k in steps of 8 bytes; `filters` counts tiles of 4 filters. `tile` tiles
    of positions and `group` tiles of filters are in registers at a time. `vector_outside` puts the loop over filters
    outside those over positions, so that weights are read once. With `ahead`, tiles are loaded while those before them are
    multiplied. With `rows`, byte offsets of the results of a tile's positions (which lie at ``rows`` too), tiles are packed
    and `block` counts them.
    """

    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    block: Dim
    reduce: tuple[Dim, ...]
    filters: Dim
    epilogue: Epilogue = NOTHING
    tile: int = 1
    group: int = 1
    ahead: bool = False
    vector_outside: bool = True
    rows: tuple[int, ...] = ()
    role: str = "tiles"
    lmul: int = _LMUL
    parallel: ClassVar[tuple[str, ...]] = ("filters", "loops", "block")

    def describe(self) -> str:
        """The schedule, for people."""
        packed, ahead = ", packed" if self.rows else "", ", loads ahead" if self.ahead else ""
        return f"matrix instructions, tiles of 4 x 4{packed}, block {self.tile} x {self.group}{ahead}"

    @property
    def span(self) -> int:
        """Steps of `block` that a tile takes."""
        return 1 if self.rows else ROWS

    def is_image(self, name: str) -> bool:
        """Whether an operand of the epilogue differs from position to position: bytes as the results have them."""
        return any(dim.stride(name) for dim in (*self.loops, self.block))

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
        over_tiles(builder, self.block, self.tile * self.span, pointers, body)

    def _tiles(self, builder: Builder, pointers: Pointers, positions: int) -> None:
        """Sums of some steps of the block and `group` tiles of filters, to the end."""
        rows = [ROWS if self.rows else min(ROWS, positions - first) for first in range(0, positions, self.span)]
        builder.group(_LMUL)
        builder.vl = integer(SUMS)
        totals = [builder.splat(number("i32", 0)) for _ in range(len(rows) * self.group)]
        totals = self._sum(builder, list(self.reduce), pointers["a"], pointers["b"], rows, totals)[2:]
        at_once = self._columns_at_once(len(rows))
        for first in range(0, self.group, at_once):
            columns = range(first, min(first + at_once, self.group))
            self._finish(builder, pointers, [totals[c :: self.group] for c in columns], columns, rows)

    def _columns_at_once(self, rows: int) -> int:
        """Tiles of filters whose results, for so many tiles of positions, go through the epilogue in lockstep."""
        moving = sum(map(self.is_image, self.epilogue.extras))
        constants = 1 + sum(self.filters.stride(name) != 0 for name in self.epilogue.extras) - moving
        own = (moving + max(0, self.epilogue.spare - len(self.epilogue.extras))) * rows
        free = (_REGISTERS - _LMUL * self.tile * self.group) // _LMUL
        return max(1, min(MOST_RESULTS // rows, free // (constants + own)))

    def _sum(
        self, builder: Builder, dims: list[Dim], a: Value, b: Value, rows: list[int], totals: list[Value]
    ) -> list[Value]:  # fmt: skip
        """Pointers and sums behind the nest of steps; the weights of all steps follow each other."""
        if not dims:
            tiles = self._load(builder, a, b, rows)
            return [a, move(builder, b, self.group * TILE_BYTES), *self._multiply(builder, tiles, rows, totals)]
        dim, rest = dims[0], dims[1:]
        if self.ahead and not rest:
            return self._stream(builder, dim, a, b, rows, totals)

        def step(values: list[Value]) -> list[Value]:
            after = self._sum(builder, rest, values[0], values[1], rows, values[2:])
            return [move(builder, values[0], dim.stride("a")), *after[1:]]

        return builder.loop(dim.count, [a, b, *totals], step)

    def _stream(self, builder: Builder, dim: Dim, a: Value, b: Value, rows: list[int], totals: list[Value]) -> list[Value]:
        """The innermost steps; each tile of the next one takes the registers of its forerunner when that is used up."""
        count = len(rows) + self.group

        def step(values: list[Value]) -> list[Value]:
            a, b = move(builder, values[0], dim.stride("a")), move(builder, values[1], self.group * TILE_BYTES)
            tiles, sums = values[2 : 2 + count], values[2 + count :]
            for row, column in _in_order(len(rows), self.group):
                place = row * self.group + column
                sums[place] = self._product(builder, sums[place], values[2 + row], values[2 + len(rows) + column])
                builder.fence()
                for used_up in _used_up(row, column, len(rows), self.group):
                    tiles[used_up] = self._tile(builder, a, b, used_up, rows)
            return [a, b, *tiles, *sums]

        first = [a, b, *self._load(builder, a, b, rows), *totals]
        values = builder.loop(dim.count - 1, first, step)
        after = move(builder, b, dim.count * self.group * TILE_BYTES)
        return [a, after, *self._multiply(builder, values[2 : 2 + count], rows, values[2 + count :])]

    def _load(self, builder: Builder, a: Value, b: Value, rows: list[int]) -> list[Value]:
        """Tiles of positions, then tiles of filters."""
        return [self._tile(builder, a, b, place, rows) for place in range(len(rows) + self.group)]

    def _tile(self, builder: Builder, a: Value, b: Value, place: int, rows: list[int]) -> Value:
        """Of the tiles of positions and then those of filters, number `place`."""
        if place >= len(rows):
            return builder.load_tile(Address(b, (place - len(rows)) * TILE_BYTES))
        stride = self.block.stride("a")
        at = Address(a, place * self.span * stride)
        return builder.load_tile(at) if self.rows else builder.load_rows(at, stride, rows[place])

    def _multiply(self, builder: Builder, tiles: list[Value], rows: list[int], totals: list[Value]) -> list[Value]:
        return [
            self._product(builder, totals[row * self.group + column], tiles[row], tiles[len(rows) + column])
            for row in range(len(rows))
            for column in range(self.group)
        ]

    def _product(self, builder: Builder, total: Value, image: Value, weights: Value) -> Value:
        return builder.multiply_tiles(total, image, weights, self.operands["a"].element.is_signed)

    def _finish(
        self, builder: Builder, pointers: Pointers, totals: list[list[Value]], columns: range, rows: list[int]
    ) -> None:  # fmt: skip
        """Bias, epilogue and store of all tiles of some columns, `totals` of each in order of rows."""
        together = in_lockstep(builder, len(columns) * len(rows))

        def at(name: str, row: int, column: int) -> Address:
            step = self.span * self.block.stride(name)
            return Address(pointers[name], row * step + column * self.filters.stride(name))

        def constant(name: str) -> Value:
            """Of every tile; those of one column share it."""
            element = self.operands[name].element
            loaded = [builder.vload(at(name, 0, column), element.size_bytes, element) for column in columns]
            return several([value for value in loaded for _ in rows]) if len(loaded) > 1 else loaded[0]

        places = [(row, column) for column in columns for row in range(len(rows))]

        def image(name: str) -> Value:
            stride, element = self.block.stride(name), self.operands[name].element
            return several([builder.load_results(at(name, row, c), stride, rows[row], element) for row, c in places])

        def read(name: str) -> Value:
            if self.is_image(name):
                return image(name)
            return constant(name) if self.filters.stride(name) else builder.load(at(name, 0, 0), self.operands[name].element)

        builder.group(_LMUL)
        builder.vl = integer(SUMS)
        total = together.arithmetic("vadd", several([value for column in totals for value in column]), constant("bias"))
        value = together.shorten(self.epilogue.apply(together, total, read), self.operands["y"].element)
        for part, (row, column) in zip(parts_of(value, len(places)), places, strict=True):
            self._store(builder, pointers, part, at("y", row, column), rows[row])

    def _store(self, builder: Builder, pointers: Pointers, value: Value, at: Address, rows: int) -> None:
        """The results of one tile, at its rows."""
        step = self.rows[1] - self.rows[0] if self.rows else self.block.stride("y")
        if all(offset == place * step for place, offset in enumerate(self.rows)):
            builder.store_rows(value, at, step, rows)
        else:
            builder.scatter_rows(value, at, Address(pointers["rows"]))


def _in_order(rows: int, columns: int) -> list[tuple[int, int]]:
    """Products of a step in an order in which tiles are used up one by one: by columns, but the last row at the end."""
    return [*((r, c) for c in range(columns) for r in range(rows - 1)), *((rows - 1, c) for c in range(columns))]


def _used_up(row: int, column: int, rows: int, columns: int) -> list[int]:
    """Numbers of the tiles, of rows and then of columns, that no product after this one needs."""
    return [rows + column] * (row == rows - 1) + [row] * (column == columns - 1)
