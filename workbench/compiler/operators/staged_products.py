"""The matrix products of the parts that an image is worked off in: one schedule, and the packed weights only once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from workbench.compiler.kernels.contraction import Contraction
from workbench.compiler.kernels.nest import Operand
from workbench.compiler.lowering import Lowering
from workbench.compiler.schedule import Product, cheapest, contraction_choices, pack
from workbench.isa.target import Target


def products_of_parts(
    lowering: Lowering, products: Sequence[Product], kernel: Contraction, weights: np.ndarray
) -> list[list[Contraction]]:  # fmt: skip
    """The kernels of every product: of the first with the schedule of `kernel`, of the others with a like one.

    `weights` (groups, steps, filters) are those of all of them.
    """
    constant, kernels = _remembering(lowering.packed), []
    for place, product in enumerate(products):
        own = _like(lowering.target, kernel, product) if place else kernel
        own = replace(own, operands={**own.operands, **_renamed(own, product)})
        kernels.append(pack(lowering.target, product, own, weights, constant))
    return kernels


def _like(target: Target, kernel: Contraction, product: Product) -> Contraction:
    """The cheapest schedule that reads the same packed weights."""
    choices = contraction_choices(target, product)
    alike = [choice for choice in choices if (choice.kernel.role, choice.kernel.lmul) == (kernel.role, kernel.lmul)]
    cheap = cheapest(alike).kernel
    assert isinstance(cheap, Contraction)
    return cheap


def _renamed(kernel: Contraction, product: Product) -> dict[str, Operand]:
    """The product's operands under the names that the kernel has for them."""
    names = {"x": "a" if kernel.role == "channels" else "b"}
    return {names.get(name, name): operand for name, operand in product.operands.items() if name != "w"}


def _remembering(constant: Callable[[np.ndarray], Operand]) -> Callable[[np.ndarray], Operand]:
    """The same, with one operand for equal arrays."""
    known: dict[bytes, Operand] = {}

    def remembered(array: np.ndarray) -> Operand:
        key = hashlib.sha256(repr(array.shape).encode() + array.tobytes()).digest()
        if key not in known:
            known[key] = constant(array)
        return known[key]

    return remembered
