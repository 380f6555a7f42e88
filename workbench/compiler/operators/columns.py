"""Convolution as a matrix product over columns of the image ("im2col"): a copy of what every result needs, in one piece.

The image is worked off in strips of rows of results. For every strip the elements under each window are copied to working
memory, then the strip is one matrix product whose sum runs over one dimension. That costs the copy, and saves short inner
loops, strided loads and blocks that end with every row.

Source: K. Chellapilla, S. Puri, P. Simard, "High Performance Convolutional Neural Networks for Document Processing", 2006.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from workbench.compiler.cost import beside_weights, lanes, reread_cycles
from workbench.compiler.elements import U8
from workbench.compiler.kernels.contraction import Contraction
from workbench.compiler.kernels.nest import Operand, axis_dim, merge_dims, start_of
from workbench.compiler.kernels.pieces import Pieces
from workbench.compiler.kernels.staged import Staged
from workbench.compiler.lowering import Lowering
from workbench.compiler.operators.convolution_layer import ConvolutionLayer
from workbench.compiler.operators.staged_products import products_of_parts
from workbench.compiler.partition import kernel_cycles, waiting_cycles
from workbench.compiler.products import Factors, factors_of
from workbench.compiler.schedule import Choice, Product, contraction_choices, plan_pieces
from workbench.compiler.tiles import Block, make_blocks
from workbench.compiler.views import View, contiguous_strides

ALGORITHM = "im2col"
_WAITS = 2  # of threads for each other: before the product of a strip, and after it
_SHARE = 0.25  # of the cache, for the columns of a strip


def columns_choices(lowering: Lowering, layer: ConvolutionLayer, operands: Mapping[str, Operand]) -> Iterator[Choice]:
    """All schedules of the product, over columns that lie as each reads them; none for groups and for other than images.

    `operands` are those of the direct product.
    """
    if layer.group == 1 and len(layer.x.shape) == 4:
        for role in ("channels", "positions"):
            yield from _Plan(lowering, layer, operands, role).choices()


@dataclass(frozen=True)
class _Plan:
    """Columns for products whose vectors run over channels or over positions, as `role` says."""

    lowering: Lowering
    layer: ConvolutionLayer
    given: Mapping[str, Operand]
    role: str

    @cached_property
    def _kernel_axes(self) -> tuple[int, int, int]:
        """Channels and axes of the kernel (axes 1, 2, 3) in the order of the image, so that copies are of long pieces."""
        steps = (1, *self.layer.dilations)
        first, second, third = sorted((1, 2, 3), key=lambda axis: -self.layer.x.strides[axis] * steps[axis - 1])
        return first, second, third

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        """Elements of a column along these axes."""
        return tuple(self.layer.weights.shape[axis] for axis in self._kernel_axes)

    @cached_property
    def steps(self) -> int:
        """Elements of a column."""
        return int(np.prod(self._sizes))

    @cached_property
    def blocks(self) -> list[Block]:
        """Strips whose columns fit the nearest cache (of all threads), of one row of results at least."""
        target = self.lowering.target
        room = _SHARE * (target.l1d_bytes or target.l2_bytes)
        most = int(room // (self.steps * self.layer.x.step)) * target.threads
        return make_blocks(self.layer.y.shape[2], self.layer.y.shape[3], 1, most)

    def choices(self) -> Iterator[Choice]:
        """Every schedule of the matrix product of the main strip; to be pinned, since few win (docs/accuracy.md)."""
        target, batch, main = self.lowering.target, self.layer.y.shape[0], self.blocks[0]
        scratch = self._shaped(View(-1, 0, self._shape, self._strides, element=self.layer.x.element))
        around = sum(block.times * kernel_cycles(target, self._copy(block, scratch)) for block in self.blocks)
        around += waiting_cycles(target, _WAITS * sum(block.times for block in self.blocks))
        positions = sum(block.times * block.tiles for block in self.blocks)
        strip_bytes = main.tiles * self.steps * self.layer.x.step
        weights_bytes, times = self.layer.weights.nbytes, batch * sum(block.times for block in self.blocks)
        for choice in contraction_choices(target, self._product(main, scratch)):
            kernel = choice.kernel
            if isinstance(kernel, Contraction) and kernel.role == self.role:
                vectors = -(-kernel.vector.count // lanes(target, kernel)) if self.role == "channels" else 0
                product = (choice.cycles + reread_cycles(target, strip_bytes, vectors)) * positions / main.tiles
                cycles = batch * around + beside_weights(target, batch * product, weights_bytes, times)
                yield Choice(cycles, kernel, ALGORITHM, self._build, is_default=False)

    # --- the columns of a strip -----------------------------------------------------------------------------------

    @property
    def _shape(self) -> tuple[int, int]:
        """Columns in rows of memory, or one element of all columns in each."""
        positions = max(block.tiles for block in self.blocks)
        return (positions, self.steps) if self.role == "channels" else (self.steps, positions)

    @property
    def _strides(self) -> tuple[int, ...]:
        return contiguous_strides(self._shape, self.layer.x.element)

    def _shaped(self, memory: View) -> View:
        """Columns as (positions, steps)."""
        return memory if self.role == "channels" else memory.transposed((1, 0))

    def _copy(self, block: Block, columns: View) -> Pieces:
        """The copy of the windows of one strip, from (rows, columns, channels and kernel axes) of the image."""
        x, strides = self.layer.x, self.layer.strides
        at = x.sliced((0, 0, block.start * strides[0], 0), (1,) * 4, x.shape)
        taken, kept = (1, *self.layer.dilations), contiguous_strides(self._sizes, U8)
        window = [
            axis_dim(size, x0=x.strides[axis] * taken[axis - 1], y=step * columns.strides[1])
            for axis, size, step in zip(self._kernel_axes, self._sizes, kept, strict=True)
        ]
        down = axis_dim(block.rows, x0=x.strides[2] * strides[0], y=block.pitch * columns.strides[0])
        right = axis_dim(block.pitch, x0=x.strides[3] * strides[1], y=columns.strides[0])
        operands = {"x0": start_of(at), "y": start_of(columns)}
        return plan_pieces(self.lowering.target, operands, [down, right, *window])

    # --- kernels --------------------------------------------------------------------------------------------------

    def _product(self, block: Block, columns: View) -> Product:
        """The product of the columns of the first strip of a block."""
        layer, (position, step) = self.layer, columns.strides
        factors = self._factors
        filters = axis_dim(layer.weights.shape[0], w=factors.w.size_bytes, bias=layer.bias_step, **layer.written(1))
        moved = layer.written(2, block.start)
        operands = {name: replace(o, offset=o.offset + moved.get(name, 0)) for name, o in self.given.items()}
        operands |= {"x": factors.of(start_of(columns)), "w": Operand(-1, 0, factors.w)}
        return Product(
            operands,
            [axis_dim(block.rows, x=block.pitch * position, **layer.written(2)),
             axis_dim(block.pitch, x=position, **layer.written(3))],
            [axis_dim(self.steps, x=step, w=factors.w.size_bytes * filters.count)], filters, layer.finish.epilogue,
            products=factors.products,
        )  # fmt: skip

    @cached_property
    def _weights(self) -> np.ndarray:
        """(1, steps, filters)"""
        weights = self.layer.weights
        return weights.transpose(*self._kernel_axes, 0).reshape(1, -1, len(weights))

    @cached_property
    def _factors(self) -> Factors:
        return factors_of(self.layer.x, self.layer.weights, self._weights)

    def _build(self, kernel: Contraction) -> list[Staged]:
        """The layer's kernels, with this schedule of the product in the main strips and a like one in the last."""
        columns = self._shaped(self.lowering.scratch(self._shape, element=self.layer.x.element))
        products = [self._product(block, columns) for block in self.blocks]
        kernels = products_of_parts(self.lowering, products, kernel, self._weights)
        return [self._staged(block, columns, own) for block, own in zip(self.blocks, kernels, strict=True)]

    def _staged(self, block: Block, columns: View, products: list[Contraction]) -> Staged:
        layer = self.layer
        written = {name: operand for name, operand in self.given.items() if name not in ("x", "w", "bias")}
        x = layer.x.strides
        loops = merge_dims([
            axis_dim(layer.y.shape[0], x0=x[0], **layer.written(0)),
            axis_dim(block.times, x0=block.rows * layer.strides[0] * x[2], **layer.written(2, block.rows)),
        ])  # fmt: skip
        images = {"x0": start_of(layer.x)} | written
        return Staged(ALGORITHM, images, tuple(loops), (self._copy(block, columns), *products), 1)
