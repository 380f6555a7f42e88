"""Products of bytes, some of them summed in 16 bits before they are added to sums of 32 bits.

Bytes are summed in 32 bits in one of three ways. Where some products of them fit into 16 bits whatever the data, so many are
summed there (vwmul, vwmacc: 16 bits of work for each) before one vwadd.w (32 bits) adds them to the total. Of two computed
factors with signs, two products reach from -32,512 to 32,768, one more than fits; negated they fit: -a b - c d is summed in
16 bits (vmul, vnmsac of factors that loads extend) and taken from the total (vwsub.w). Else both factors are extended to
16 bits and vwmacc adds each product to the total (32 bits of work; `Contraction` does so).

model: ours; tests/compiler/test_products.py runs all of them at the bounds.
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.compiler.elements import Element
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Value, number

SHORT_SUMS = 2
"""Sums in 16 bits at a time, at most: in order, one is made while another is added."""
RENAMED_SHORT_SUMS = 10
"""The same out of order: additions come behind products that keep the pipe that multiplies busy meanwhile."""
_SIGNS = {(True, True): "", (False, True): "us", (True, False): "su", (False, False): "u"}


def signs_of(scalar: Element, vector: Element) -> str:
    """How the instructions name the signs of their factors."""
    return _SIGNS[scalar.is_signed, vector.is_signed]


def most_sums(renamed: int, lmul: int, products: int) -> int:
    """Sums for totals of `lmul` registers that help: at most those whose results can be in flight, if they are renamed."""
    if not renamed:
        return SHORT_SUMS
    each = lmul + products * max(1, lmul // 2)
    return max(SHORT_SUMS, min(RENAMED_SHORT_SUMS, renamed // each))


class ShortSums:
    """Sums in 16 bits on their way to totals, at most `most` at a time, each an operation further in every turn.

    In order, an operation does not wait for the one before it. Out of order, additions come behind products of later
    sums: they find the pipe that multiplies taken, and leave it to those. Every operation is pinned, since LLVM would put
    them back together; `signs` are those of `signs_of`, or None for factors of 16 bits whose sums are negated.
    """

    def __init__(self, builder: Builder, totals: list[Value], most: int, signs: str | None) -> None:
        self._builder, self._most, self._signs = builder, most, signs
        self._totals = list(totals)
        self._active: list[Iterator[None]] = []

    def begin(self, place: int, scalars: list[Value], vectors: list[Value]) -> None:
        """Begin a sum for the total at `place`, as soon as another one is done."""
        while len(self._active) >= self._most:
            self._turn()
        self._active.append(self._sum(place, scalars, vectors))
        self._turn()

    def finish(self) -> list[Value]:
        """The totals, with all sums."""
        while self._active:
            self._turn()
        return self._totals

    def _turn(self) -> None:
        self._active = [own for own in reversed(self._active) if next(own, self) is not self][::-1]

    def _sum(self, place: int, scalars: list[Value], vectors: list[Value]) -> Iterator[None]:
        short = self._first(scalars[0], vectors[0])
        for scalar, vector in zip(scalars[1:], vectors[1:], strict=True):
            yield
            short = self._next(short, scalar, vector)
        for _ in range(max(1, self._most - len(vectors))):  # the others keep the pipe that multiplies busy
            yield
        if self._most > SHORT_SUMS:
            (short,) = self._builder.pin([short])  # or LLVM would add at once, to need fewer registers
        (self._totals[place],) = self._builder.pin([self._add(self._totals[place], short)])

    def _first(self, scalar: Value, vector: Value) -> Value:
        builder = self._builder
        if self._signs is None:
            short = builder.arithmetic("vmul", vector, builder.negate(scalar))
        elif self._signs == "su":  # there is no product of a signed scalar and an unsigned vector
            short = builder.accumulate(builder.splat(number("i16", 0)), scalar, vector, self._signs)
        else:
            short = builder.product(scalar, vector, self._signs)
        return builder.pin([short])[0]

    def _next(self, short: Value, scalar: Value, vector: Value) -> Value:
        builder = self._builder
        if self._signs is None:
            short = builder.subtract_product(short, scalar, vector)
        else:
            short = builder.accumulate(short, scalar, vector, self._signs)
        return builder.pin([short])[0]

    def _add(self, total: Value, short: Value) -> Value:
        add = self._builder.subtract_half if self._signs is None else self._builder.add_half
        return add(total, short)
