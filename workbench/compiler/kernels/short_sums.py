"""Products of bytes, some of them summed in 16 bits before they are added to sums of 32 bits.

Bytes are summed in 32 bits in one of three ways. Where some products of them fit into 16 bits whatever the data, so many are
summed there (vwmul, vwmacc: 16 bits of work for each) before one vwadd.w (32 bits) adds them to the total. Of two computed
factors with signs, two products reach from -32,512 to 32,768, one more than fits; negated they fit: -a b - c d is summed in
16 bits (vmul, vnmsac of factors that loads extend) and taken from the total (vwsub.w). Else both factors are extended to
16 bits and vwmacc adds each product to the total (32 bits of work; `Contraction` does so).

model: ours; tests/compiler/test_quantised.py runs all of them at the bounds.
"""

from __future__ import annotations

from collections.abc import Callable

from workbench.compiler.elements import Element
from workbench.compiler.ir import Builder, Value, number

_SIGNS = {(True, True): "", (False, True): "us", (True, False): "su", (False, False): "u"}


def signs_of(scalar: Element, vector: Element) -> str:
    """How the instructions name the signs of their factors."""
    return _SIGNS[scalar.is_signed, vector.is_signed]


def add_shorts(
    builder: Builder, totals: list[Value], scalars: list[list[Value]], vectors: list[Value], together: int, signs: str
) -> list[Value]:
    """Totals with products of bytes added that were summed in 16 bits, a few at a time: changing the width costs an
    instruction."""
    sums: list[Value] = []
    for first in range(0, len(totals), together):
        part = slice(first, first + together)
        shorts = [_short(builder, own, vectors, signs) for own in scalars[part]]
        sums += [builder.add_half(total, short) for total, short in zip(totals[part], shorts, strict=True)]
    return sums


def _short(builder: Builder, scalars: list[Value], vectors: list[Value], signs: str) -> Value:
    """Products of some scalars and vectors of bytes, summed in 16 bits."""
    if signs == "su":  # there is no product of a signed scalar and an unsigned vector
        short = builder.accumulate(builder.splat(number("i16", 0)), scalars[0], vectors[0], signs)
    else:
        short = builder.product(scalars[0], vectors[0], signs)
    for scalar, vector in zip(scalars[1:], vectors[1:], strict=True):
        short = builder.accumulate(short, scalar, vector, signs)
    return short


def subtract_shorts(
    builder: Builder, totals: list[Value], load: Callable[[int], list[Value]], vectors: list[Value], together: int
) -> list[Value]:
    """Totals with products of factors in 16 bits added, whose negated sums were made in 16 bits, a few at a time.

    `load` gives the scalars of a total. Each few totals are pinned before the next scalars but one are loaded: without
    that order LLVM makes more short sums than there are registers.
    """
    parts = [range(first, min(first + together, len(totals))) for first in range(0, len(totals), together)]
    scalars, sums = [load(place) for place in parts[0]], []
    for part, following in zip(parts, [*parts[1:], range(0)], strict=True):
        after = [load(place) for place in following]
        shorts = [_negated_short(builder, own, vectors) for own in scalars]
        results = [builder.subtract_half(totals[place], short) for place, short in zip(part, shorts, strict=True)]
        sums += builder.pin(results)
        scalars = after
    return sums


def _negated_short(builder: Builder, scalars: list[Value], vectors: list[Value]) -> Value:
    """Products of some scalars and vectors of 16 bits, summed with the other sign."""
    short = builder.arithmetic("vmul", vectors[0], builder.negate(scalars[0]))
    for scalar, vector in zip(scalars[1:], vectors[1:], strict=True):
        short = builder.subtract_product(short, scalar, vector)
    return short
