"""Copies of many short pieces of an image: several are loaded before the first is stored, since each load takes its time.

The vector length is set once for all pieces, which are alike; that, and having loads in flight together, is what tells
these copies from those of `elementwise`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from workbench.compiler.elements import bits_of
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Address
from workbench.compiler.kernels.nest import (
    Dim,
    Locate,
    Operand,
    Pointers,
    chunks_over,
    load_vector,
    loop_over,
    over_tiles,
    store_vector,
)  # fmt: skip


@dataclass(frozen=True)
class Pieces:
    """Operands ``x0`` and ``y`` of one type; `tile` steps of `block` are in registers at a time, vectors of `lmul`.

    `origins`, where there are any, are the byte offsets of ``x0`` for the steps of the block, which are then done at once.
    `vector_outside` puts the loop over vectors outside the others: right where one vector holds a piece.
    """

    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    block: Dim
    vector: Dim
    lmul: int = 1
    tile: int = 1
    vector_outside: bool = True
    origins: tuple[int, ...] = ()
    parallel: ClassVar[tuple[str, ...]] = ("loops", "block", "vector")

    @property
    def sum_bits(self) -> int:
        """Width of the elements."""
        return bits_of(self.operands["y"].element.memory)

    def describe(self) -> str:
        """The kind of work, for people."""
        return f"copy of pieces, LMUL {self.lmul}, block {self.tile}"

    def smaller(self) -> Pieces | None:
        """A schedule that needs fewer vector registers; None if this is the smallest."""
        if self.origins:
            return replace(self, lmul=self.lmul // 2) if self.lmul > 1 else None
        return replace(self, tile=self.tile - 1) if self.tile > 1 else None

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        self.emit_at(builder, {name: operand.pointer(locate) for name, operand in self.operands.items()})

    def emit_at(self, builder: Builder, pointers: Pointers) -> None:
        """Generate the code for operands at other places."""

        def vectors(here: Pointers, body: Callable[[Pointers], None]) -> None:
            chunks_over(builder, self.vector, self.lmul, here, body, self.sum_bits)

        def places(here: Pointers, body: Callable[[Pointers], None]) -> None:
            loop_over(builder, self.loops, here, body)

        outer, inner = (vectors, places) if self.vector_outside else (places, vectors)
        outer(pointers, lambda here: inner(here, lambda inside: self._blocks(builder, inside)))

    def _blocks(self, builder: Builder, pointers: Pointers) -> None:
        over_tiles(builder, self.block, self.tile, pointers, lambda here, count: self._pieces(builder, here, count))

    def _pieces(self, builder: Builder, pointers: Pointers, count: int) -> None:
        """Load `count` pieces, then store them."""

        def at(name: str, place: int) -> Address:
            is_listed = self.origins and name == "x0"
            return Address(pointers[name], self.origins[place] if is_listed else place * self.block.stride(name))

        vectors = [load_vector(builder, self, "x0", at("x0", place)) for place in range(count)]
        builder.fence()
        for place, vector in enumerate(vectors):
            store_vector(builder, self, "y", vector, at("y", place))
        builder.fence()
