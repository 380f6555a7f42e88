"""Small tiles of an image multiplied by a matrix from both sides: the transforms around a Winograd convolution.

``y[p, q] = epilogue(sum_ij down[p, i] x[i, j] right[q, j] + bias)`` for every tile, vectors over channels. Rows of
`down` that are the sum and the difference of two others are computed from these; the elements of `x` are loaded again for
every such pair, because a tile does not fit into the registers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from workbench.compiler.elements import bits_of
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Address, Value, number
from workbench.compiler.kernels.epilogue import NOTHING, Epilogue, finish
from workbench.compiler.kernels.nest import Dim, Locate, Operand, Pointers, chunks_over, load_vector, loop_over

Row = tuple[Fraction, ...]


@dataclass(frozen=True)
class Work:
    """Vector loads, arithmetic instructions and stores of one tile."""

    loads: int
    operations: int
    stores: int


@dataclass(frozen=True)
class Transform:
    """Operands ``x``, ``y``, optionally ``bias``, and those of the epilogue; `loops` are over tiles.

    `down` and `right` are the matrices (results x elements), `axes` the steps between elements and between results along
    both: strides of `x` count elements, the others results. `lmul` is the schedule.
    """

    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    down: tuple[Row, ...]
    right: tuple[Row, ...]
    axes: tuple[Dim, Dim]
    vector: Dim
    epilogue: Epilogue = NOTHING
    lmul: int = 1
    parallel: ClassVar[tuple[str, ...]] = ("loops", "vector")

    @property
    def sum_bits(self) -> int:
        """Width of the elements that are computed with, all of one type."""
        return bits_of(self._kind)

    @property
    def _kind(self) -> str:
        return self.operands["x"].element.computed

    def describe(self) -> str:
        """The kind of work, for people."""
        return f"transform of tiles, LMUL {self.lmul}"

    def smaller(self) -> Transform | None:
        """A schedule that needs fewer vector registers: none."""
        return None

    @property
    def work(self) -> Work:
        """What one vector of one tile takes."""
        pairs, width = _paired(self.down), len(self.right[0])
        loads = width * sum(sum(map(bool, map(any, zip(*pair, strict=True)))) for pair in pairs)
        first = width * sum(_operations(pair) for pair in pairs)
        second = len(self.down) * sum(_operations(pair) for pair in _paired(self.right))
        results = len(self.down) * len(self.right)
        extra = ("bias" in self.operands) + len(self.epilogue.steps)
        return Work(loads + len(self.epilogue.extras) * results, first + second + extra * results, results)

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        self.emit_at(builder, {name: operand.pointer(locate) for name, operand in self.operands.items()})

    def emit_at(self, builder: Builder, pointers: Pointers) -> None:
        """Generate the code for operands at other places."""

        def chunk(inside: Pointers) -> None:
            bias = load_vector(builder, self, "bias", Address(inside["bias"])) if "bias" in inside else None
            loop_over(builder, self.loops, inside, lambda here: self._tile(builder, here, bias))

        chunks_over(builder, self.vector, self.lmul, pointers, chunk, self.sum_bits)

    def _tile(self, builder: Builder, pointers: Pointers, bias: Value | None) -> None:
        stride = self.axes[0].stride("x")
        rows = [
            Address(builder.opaque(builder.pointer(Address(pointers["x"], i * stride)))) for i in range(len(self.down[0]))
        ]
        place = 0
        for pair in _paired(self.down):
            columns = [self._column(builder, rows, pair, j) for j in range(len(self.right[0]))]
            for row in range(len(_rows_of(pair))):
                sums = _apply(builder, self.right, [column[row] for column in columns], self._kind)
                for q, value in enumerate(sums):
                    self._finish(builder, pointers, (place, q), value, bias)
                builder.fence()
                place += 1

    def _column(self, builder: Builder, rows: list[Address], pair: tuple[Row, ...], j: int) -> list[Value]:
        """One column of the tile multiplied by one row of `down`, or by a pair of rows."""
        offset = j * self.axes[1].stride("x")
        used = [any(row[i] for row in pair) for i in range(len(rows))]
        values = [
            load_vector(builder, self, "x", row + offset) if wanted else None for row, wanted in zip(rows, used, strict=True)
        ]
        result = _pair(builder, pair, values, self._kind)
        builder.fence()
        return result

    def _finish(
        self, builder: Builder, pointers: Pointers, place: tuple[int, int], value: Value, bias: Value | None
    ) -> None:
        def address(name: str) -> Address:
            return Address(
                pointers[name], sum(p * axis.stride(name) for p, axis in zip(place, self.axes, strict=True))
            )  # fmt: skip

        if bias is not None:
            value = builder.arithmetic("vfadd", value, bias)
        places = {name: address(name) for name in ("y", *self.epilogue.extras)}
        finish(builder, self, self.epilogue, value, places)


def _paired(matrix: tuple[Row, ...]) -> list[tuple[Row, ...]]:
    """The rows in order; neighbours that are even + odd and even - odd as those two halves."""
    pairs: list[tuple[Row, ...]] = []
    place = 0
    while place < len(matrix):
        halves = _halves(matrix[place], matrix[place + 1]) if place + 1 < len(matrix) else None
        pairs.append(halves or (matrix[place],))
        place += 2 if halves else 1
    return pairs


def _halves(first: Row, second: Row) -> tuple[Row, Row] | None:
    even = tuple((a + b) / 2 for a, b in zip(first, second, strict=True))
    odd = tuple((a - b) / 2 for a, b in zip(first, second, strict=True))
    apart = not any(a and b for a, b in zip(even, odd, strict=True))
    return (even, odd) if apart and any(even) and any(odd) else None


def _rows_of(pair: tuple[Row, ...]) -> tuple[Row, ...]:
    if len(pair) == 1:
        return pair
    even, odd = pair
    return (
        tuple(a + b for a, b in zip(even, odd, strict=True)), tuple(a - b for a, b in zip(even, odd, strict=True)),
    )  # fmt: skip


def _operations(pair: tuple[Row, ...]) -> int:
    """Instructions for a row or a pair of rows."""
    single = sum(max(sum(map(bool, row)) - 1, 0) + (not any(abs(c) == 1 for c in row)) for row in pair)
    return single + (2 if len(pair) == 2 else 0)


def _apply(builder: Builder, matrix: tuple[Row, ...], values: list[Value], kind: str) -> list[Value]:
    """A matrix times a vector of vectors."""
    return [value for pair in _paired(matrix) for value in _pair(builder, pair, list(values), kind)]


def _pair(builder: Builder, pair: tuple[Row, ...], values: list[Value | None], kind: str) -> list[Value]:
    if len(pair) == 1:
        return [_combination(builder, pair[0], values, kind)]
    even, odd = (_combination(builder, row, values, kind) for row in pair)
    return [builder.arithmetic("vfadd", even, odd), builder.arithmetic("vfsub", even, odd)]


def _combination(builder: Builder, row: Row, values: list[Value | None], kind: str) -> Value:
    """A weighted sum; it begins with a term that needs no multiplication, where there is one."""
    terms = [(float(weight), value) for weight, value in zip(row, values, strict=True) if weight and value is not None]
    terms.sort(key=lambda term: (term[0] != 1.0, term[0] != -1.0))
    if not terms:
        return builder.splat(number(kind, 0.0))
    weight, total = terms[0]
    if weight != 1.0:
        total = builder.arithmetic("vfmul", total, number(kind, weight))
    for weight, value in terms[1:]:
        if abs(weight) == 1.0:
            total = builder.arithmetic("vfadd" if weight > 0 else "vfsub", total, value)
        else:
            total = builder.accumulate(total, number(kind, weight), value)
    return total
