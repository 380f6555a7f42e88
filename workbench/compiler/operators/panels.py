"""Products of two computed matrices, of which the second is copied to panels first: columns for one vector, row after row.

A panel is read in order, where rows of a matrix lie apart: rows that do so by a power of two fall into few sets of a cache.
Bytes are extended to 16 bits by the copy, once instead of for every block of results.

Source: K. Goto, R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34 (3), 2008.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from workbench.compiler.cost import lanes
from workbench.compiler.elements import I16, Element
from workbench.compiler.kernels.contraction import REGISTERS, Contraction
from workbench.compiler.kernels.nest import Dim, Operand, axis_dim, start_of
from workbench.compiler.kernels.pieces import Pieces
from workbench.compiler.kernels.staged import Staged
from workbench.compiler.lowering import Lowering
from workbench.compiler.partition import kernel_cycles, waiting_cycles
from workbench.compiler.schedule import Choice, Product, cheapest, contraction_choices, in_panels

ALGORITHM = "panels"
_WAITS = 2  # of threads for each other: before the product of a matrix, and after it
_TILE = 8  # rows of a panel copied at a time
_NOWHERE = Operand(-1, 0)


def panel_choices(lowering: Lowering, product: Product) -> Iterator[Choice]:
    """All schedules with vectors over columns that fill panels; of matrices with one dimension to sum over."""
    if len(product.reduce) == 1 and product.groups.count == 1:
        yield from _Plan(lowering, product).choices()


@dataclass(frozen=True)
class _Plan:
    """The product of each pair of matrices: a copy, the product of whole panels, and that of the columns that remain."""

    lowering: Lowering
    product: Product

    @property
    def _element(self) -> Element:
        """Type of the panels: that in which factors are computed, if it is wider by itself."""
        element = self.product.operands["w"].element
        return I16.computed_as("i16") if element.computed == "i16" else element

    def choices(self) -> Iterator[Choice]:
        """Every schedule of the product."""
        target, times = self.lowering.target, math.prod(dim.count for dim in self.product.batches)
        for choice in contraction_choices(target, self._packed()):
            kernel = choice.kernel
            if isinstance(kernel, Contraction) and kernel.role == "channels":
                copy = kernel_cycles(target, self._copy(kernel, _NOWHERE)) + waiting_cycles(target, _WAITS)
                yield Choice(times * (copy + choice.cycles), kernel, ALGORITHM, self._build)

    def _packed(self) -> Product:
        """The product of one pair of matrices, whose second one lies in order."""
        product, width = self.product, self._element.size_bytes
        (steps,), filters = product.reduce, product.filters
        return replace(
            product, operands=product.operands | {"w": replace(_NOWHERE, element=self._element)}, batches=(),
            reduce=[Dim(steps.count, {**steps.strides, "w": width * filters.count})],
            filters=Dim(filters.count, {**filters.strides, "w": width}),
        )  # fmt: skip

    def _width(self, kernel: Contraction) -> int:
        """Columns of a panel."""
        return min(lanes(self.lowering.target, kernel), self.product.filters.count)

    def _copy(self, kernel: Contraction, packed: Operand) -> Pieces:
        """The copy of all whole panels."""
        (steps,), filters = self.product.reduce, self.product.filters
        width, size, step = self._width(kernel), self._element.size_bytes, filters.stride("w")
        loops = (axis_dim(filters.count // width, x0=step * width, y=steps.count * width * size),)
        rows = axis_dim(steps.count, x0=steps.stride("w"), y=width * size)
        operands = {"x0": self.product.operands["w"], "y": replace(packed, element=self._element)}
        lmul = max(1, kernel.lmul * size // 4)
        tile = min(steps.count, _TILE, REGISTERS // (2 * lmul))
        return Pieces(operands, loops, rows, axis_dim(width, x0=step, y=size), lmul, tile)

    def _build(self, chosen: Contraction) -> list[Staged]:
        product, width = self.product, self._width(chosen)
        whole = product.filters.count // width * width
        place = start_of(self.lowering.scratch((whole * product.reduce[0].count,), element=self._element))
        stages: list[Pieces | Contraction] = [self._copy(chosen, place), in_panels(chosen, width, whole, place)]
        if whole < product.filters.count:
            rest = contraction_choices(self.lowering.target, self._rest(whole))
            kernel = cheapest(choice for choice in rest if choice.kernel.role == chosen.role).kernel
            assert isinstance(kernel, Contraction)
            stages.append(kernel)
        moving = product.operands | {"x0": product.operands["w"]}
        images = {{"x": "a", "w": "b"}.get(name, name): operand for name, operand in moving.items()}
        loops = tuple(self._named(dim) for dim in product.batches)
        return [Staged(ALGORITHM, images, loops, tuple(stages), 1)]

    def _rest(self, first: int) -> Product:
        """The product of the columns from `first` on, where they are."""
        product, filters = self.product, self.product.filters
        operands = {
            name: replace(operand, offset=operand.offset + first * filters.stride(name))
            for name, operand in product.operands.items()
        }
        return replace(product, operands=operands, filters=Dim(filters.count - first, filters.strides), batches=())

    def _named(self, dim: Dim) -> Dim:
        """A loop over pairs of matrices by the names of the stages' operands."""
        steps = {{"x": "a", "w": "b"}.get(name, name): step for name, step in dim.strides.items()}
        return Dim(dim.count, steps | {"x0": dim.stride("w")})
