"""How products of integers are summed: in what types the factors are, and how many products fit into 16 bits.

model: ours; tests/compiler/test_products.py runs kernels at the bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from workbench.compiler.elements import Element, element_of_dtype
from workbench.compiler.kernels.nest import Operand
from workbench.compiler.views import View

MOST_PRODUCTS = 8  # their vectors are in registers at once
_LARGEST = (1 << 15) - 1
_NEGATED_PRODUCTS = 2


def products_in_16_bits(weights: np.ndarray, element: Element) -> int:
    """How many consecutive products of bytes with constant weights (..., K, N) stay within 16 bits, whatever the bytes.

    The sum of a product of bytes x in [low, high] lies between ``low P - high M`` and ``high P - low M``, where P and M are
    the sums of the positive and of the negative weights' magnitudes.
    """
    low, high = (-128, 127) if element.is_signed else (0, 255)
    signs = (np.maximum(weights, 0), np.maximum(-weights.astype(np.int64), 0))
    positive, negative = (np.cumsum(np.insert(part, 0, 0, axis=-2), axis=-2, dtype=np.int64) for part in signs)
    best, length = 1, weights.shape[-2]
    for count in range(2, min(MOST_PRODUCTS, length) + 1):
        plus, minus = (total[..., count:, :] - total[..., :-count, :] for total in (positive, negative))
        if max((high * plus - low * minus).max(), (high * minus - low * plus).max()) > _LARGEST:
            break
        best = count
    return best


@dataclass(frozen=True)
class Factors:
    """Elements of both factors as they are computed, and how many products may be summed in 16 bits (1: none)."""

    x: Element
    w: Element
    products: int

    def of(self, operand: Operand) -> Operand:
        """The operand of the first factor."""
        return replace(operand, element=self.x)


def factors_of(x: View, w: View | np.ndarray, weights: np.ndarray | None = None) -> Factors:
    """Both factors of a product; `weights` are those of `w` as (..., K, N), where it is constant.

    Constant weights say how many products of bytes fit into 16 bits. Of two computed factors with signs two negated ones
    fit, in the 16 bits of each factor: a sum of -x w lies between -128 * 128 and 127 * 128.
    """
    other = w.element if isinstance(w, View) else element_of_dtype(w.dtype.name)
    if x.element.is_float:
        return Factors(x.element, other, 1)
    bytes_only = x.element.size_bytes == other.size_bytes == 1
    if weights is None:
        products = _NEGATED_PRODUCTS if bytes_only and x.element.is_signed and other.is_signed else 1
        kind = "i16" if max(x.element.size_bytes, other.size_bytes) <= 2 else "i32"
        return Factors(x.element.computed_as(kind), other.computed_as(kind), products)
    products = products_in_16_bits(weights, x.element) if bytes_only else 1
    kind = "i8" if products > 1 else "i16" if max(x.element.size_bytes, other.size_bytes) <= 2 else "i32"
    return Factors(x.element.computed_as(kind), other.computed_as(kind), products)
