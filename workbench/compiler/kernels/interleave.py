"""Copies of two images into one in turn: x[0], y[0], x[1], y[1], ... (channel shuffles of two groups).

Storing every second element takes an access for each. Two elements as one of twice the width lie without a gap: x + y
(vwaddu) and y (2^bits - 1) added to it (vwmaccu) is x + 2^bits y.

model: ours; tests/compiler/test_operators.py compares shuffles with onnxruntime.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from workbench.compiler.elements import Element, bits_of
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Address, Value, number
from workbench.compiler.kernels.nest import Dim, Locate, Operand, Pointers, chunks_over, loop_over, over_tiles


@dataclass(frozen=True)
class Interleave:
    """Operands ``x0`` and ``y`` of one type of at most 32 bits; `pair` are the two elements that become neighbours.

    `vector` runs over the pairs; `tile` steps of `block` are in registers at a time, pairs fill `lmul` of them.
    """

    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    block: Dim
    vector: Dim
    pair: Dim
    lmul: int = 4
    tile: int = 3
    parallel: ClassVar[tuple[str, ...]] = ("loops", "block", "vector")

    @property
    def sum_bits(self) -> int:
        """Width of a pair."""
        return 2 * bits_of(self._one.memory)

    @property
    def _one(self) -> Element:
        size = self.operands["y"].element.size_bytes
        return Element("bits", f"i{8 * size}", f"i{8 * size}", size, f"<u{size}", is_signed=False)

    @property
    def _two(self) -> Element:
        size = 2 * self._one.size_bytes
        return Element("pair", f"i{8 * size}", f"i{8 * size}", size, f"<u{size}", is_signed=False)

    def describe(self) -> str:
        """The kind of work, for people."""
        return f"copy of pairs, LMUL {self.lmul}, block {self.tile}"

    def smaller(self) -> Interleave | None:
        """A schedule that needs fewer vector registers; None if this is the smallest."""
        return replace(self, tile=self.tile - 1) if self.tile > 1 else None

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        pointers = {name: operand.pointer(locate) for name, operand in self.operands.items()}
        loop_over(builder, self.loops, pointers, lambda inside: self._blocks(builder, inside))

    def _blocks(self, builder: Builder, pointers: Pointers) -> None:
        """A few steps of the block at a time: of these all vectors, as they lie in memory."""

        def vectors(here: Pointers, count: int) -> None:
            chunks_over(
                builder, self.vector, self.lmul, here, lambda inside: self._pairs(builder, inside, count), self.sum_bits
            )

        over_tiles(builder, self.block, self.tile, pointers, vectors)

    def _pairs(self, builder: Builder, pointers: Pointers, count: int) -> None:
        """Load both of `count` vectors of pairs, then join and store them."""
        loaded = [[self._load(builder, pointers["x0"], place, which) for which in range(2)] for place in range(count)]
        builder.fence()
        for place, (first, second) in enumerate(loaded):
            pairs = builder.accumulate(builder.add_wide(first, second), number(self._one.memory, -1), second, "u")
            at = Address(pointers["y"], place * self.block.stride("y"))
            builder.vstore(pairs, at, self.vector.stride("y"), self._two)
        builder.fence()

    def _load(self, builder: Builder, pointer: Value, place: int, which: int) -> Value:
        offset = place * self.block.stride("x0") + which * self.pair.stride("x0")
        return builder.vload(Address(pointer, offset), self.vector.stride("x0"), self._one)
