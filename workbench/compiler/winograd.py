"""Matrices of Winograd's minimal filtering F(m, r): m results of a filter of r taps from m + r - 1 products, exact.

``y = A ((G g) * (B d))`` for results y, filter g and inputs d, in one dimension; in two, each matrix acts on both axes.

Source: A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", CVPR 2016 (arXiv 1509.09308); construction
from interpolation points after Cook and Toom, as in S. Winograd, "Arithmetic complexity of computations", SIAM 1980.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

Matrix = tuple[tuple[Fraction, ...], ...]
_POINTS = tuple(Fraction(*pair) for pair in ((0, 1), (1, 1), (-1, 1), (2, 1), (-2, 1), (1, 2), (-1, 2)))


@dataclass(frozen=True)
class Winograd:
    """`inputs` is B (n x n), `filters` G (n x r), `results` A (m x n), with n = m + r - 1."""

    inputs: Matrix
    filters: Matrix
    results: Matrix


def make_winograd(results: int, taps: int) -> Winograd:
    """The matrices of F(results, taps), from the points 0, 1, -1, 2, -2, 1/2, -1/2 (as many as needed) and infinity."""
    points = _POINTS[: results + taps - 2]
    scales = [math.prod((a - b for b in points if b != a), start=Fraction(1)) for a in points]
    infinity = Fraction(1)
    return Winograd(
        inputs=(*(_polynomial([b for b in points if b != a], len(points) + 1) for a in points),
                _polynomial(points, len(points) + 1)),
        filters=(*(tuple(a**k / scale for k in range(taps)) for a, scale in zip(points, scales, strict=True)),
                 tuple(infinity if k == taps - 1 else Fraction(0) for k in range(taps))),
        results=tuple(
            (*(a**row for a in points), infinity if row == results - 1 else Fraction(0)) for row in range(results)
        ),
    )  # fmt: skip


def _polynomial(roots: tuple[Fraction, ...] | list[Fraction], size: int) -> tuple[Fraction, ...]:
    """Coefficients of the monic polynomial with these roots, from the constant on, filled up with zeros."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        coefficients = [a - root * b for a, b in zip(shifted, [*coefficients, Fraction(0)], strict=True)]
    return (*coefficients, *(Fraction(0) for _ in range(size - len(coefficients))))
