"""Images packed into tiles for the matrix instructions: what four rows of results need lies side by side, 8 bytes of each.

A tile has to hold 8 bytes of four positions. Four neighbours would have to be packed anew for every column of the kernel;
four positions in rows that lie far apart need not: one step to the right is one step for all four. So the rows of results
are cut into four parts, which overlap where their number is no multiple of four, and 8 bytes of each part's image follow
each other. Every byte is copied about once, and each tile is one load instead of four.

model: ours; tests/compiler/test_packed_tiles.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from workbench.compiler.cost import beside_weights
from workbench.compiler.elements import WORD
from workbench.compiler.kernels.matrix import DEPTH, ROWS, TILE_BYTES, MatrixProduct
from workbench.compiler.kernels.nest import Dim, Operand, axis_dim, merge_dims, start_of
from workbench.compiler.kernels.pieces import Pieces
from workbench.compiler.kernels.staged import Staged
from workbench.compiler.lowering import Lowering
from workbench.compiler.operators.convolution_layer import ConvolutionLayer
from workbench.compiler.operators.matrix_tiles import TileConstants, blocks_of_tiles, filters_in_tiles, images_of, tiles_fit
from workbench.compiler.partition import kernel_cycles, waiting_cycles
from workbench.compiler.schedule import Choice, Product
from workbench.compiler.tiles import Block, make_blocks

ALGORITHM = "packed matrix"
_NOWHERE = Operand(-1, 0, WORD)  # memory that is not there yet, to estimate with
_COPY_LMUL = 4
_WAITS = 2  # of threads for each other: before the product of a strip, and after it
_SHARE = 0.5  # of the larger cache, for a strip of the packed image


def packed_tile_choices(
    lowering: Lowering, layer: ConvolutionLayer, product: Product, weights: np.ndarray
) -> Iterator[Choice]:  # fmt: skip
    """All blocks of packed tiles; none where tiles do not fit. `product` is the direct one, with `weights` packed for it."""
    is_image = len(layer.x.shape) == 4 and layer.x.strides[1] == 1 and not images_of(product)
    words = [stride % DEPTH for axis, stride in enumerate(layer.x.strides) if axis != 1 and layer.x.shape[axis] > 1]
    if is_image and layer.x.shape[1] % DEPTH == 0 and not any(words) and tiles_fit(lowering, product, weights):
        yield from _Plan(lowering, _flattened(layer), product, weights[0]).choices()


def _flattened(layer: ConvolutionLayer) -> ConvolutionLayer:
    """The same layer with all that lies between the pixels it reads left out, and as one column where that is possible."""
    if layer.weights.shape[2:] != (1, 1):
        return layer
    x = layer.x.sliced((0,) * 4, (1, 1, *layer.strides), (*layer.x.shape[:2], *layer.y.shape[2:]))
    layer = replace(layer, x=x, strides=(1, 1), dilations=(1, 1))
    shape = (x.shape[2] * x.shape[3], 1)
    column, y = x.reshaped((*x.shape[:2], *shape)), layer.y.reshaped((*layer.y.shape[:2], *shape))
    return layer if column is None or y is None else replace(layer, x=column, y=y)


@dataclass(frozen=True)
class _Plan:
    """A convolution over packed tiles; `product` is the direct one."""

    lowering: Lowering
    layer: ConvolutionLayer
    product: Product
    weights: np.ndarray

    @property
    def part(self) -> int:
        """Rows of results of one part."""
        return -(-self.layer.y.shape[2] // ROWS)

    @property
    def starts(self) -> list[int]:
        """First row of results of every part."""
        return [min(place * self.part, self.layer.y.shape[2] - self.part) for place in range(ROWS)]

    def _needed(self, axis: int, results: int) -> int:
        """Rows (axis 2) or columns of the image that some results need."""
        layer, place = self.layer, axis - 2
        return (results - 1) * layer.strides[place] + (layer.weights.shape[axis] - 1) * layer.dilations[place] + 1

    @cached_property
    def columns(self) -> int:
        """Columns of the packed image."""
        return self._needed(3, self.layer.y.shape[3])

    @cached_property
    def blocks(self) -> list[Block]:
        """Strips of every part that fit the cache together."""
        target, row = self.lowering.target, ROWS * self.columns * self.layer.x.shape[1]
        rows = int(_SHARE * max(target.l1d_bytes, target.l2_bytes) // row) - self._needed(2, 1) + 1
        width = self.layer.y.shape[3]
        return make_blocks(self.part, width, 1, width * max(1, rows // self.layer.strides[0]))

    @cached_property
    def _steps(self) -> tuple[int, int]:
        """Bytes from a row and from a column of the packed image to the next."""
        column = self.layer.x.shape[1] // DEPTH * TILE_BYTES
        return self.columns * column, column

    def choices(self) -> Iterator[Choice]:
        """Every block of tiles of the main strip."""
        target, batch, main = self.lowering.target, self.layer.y.shape[0], self.blocks[0]
        around = sum(block.times * kernel_cycles(target, self._copy(block, _NOWHERE)) for block in self.blocks)
        around += waiting_cycles(target, _WAITS * sum(block.times for block in self.blocks))
        tiles = sum(block.times * block.tiles for block in self.blocks)
        times = batch * sum(block.times for block in self.blocks)
        for kernel in blocks_of_tiles(self._kernel(main, _NOWHERE)):
            products = kernel_cycles(target, kernel) * tiles / main.tiles
            cycles = batch * around + beside_weights(target, batch * products, self.weights.nbytes, times)
            yield Choice(cycles, kernel, ALGORITHM, self._build)

    # --- stages ---------------------------------------------------------------------------------------------------

    def _copy(self, block: Block, packed: Operand) -> Pieces:
        """The copy of the first strip of a block, 8 bytes of all parts after each other."""
        x, (row, column) = self.layer.x, self._steps
        *loops, vector = merge_dims([
            axis_dim(self._needed(2, block.rows), x0=x.strides[2], y=row),
            axis_dim(self.columns, x0=x.strides[3], y=column),
            axis_dim(x.shape[1] // DEPTH, x0=DEPTH, y=TILE_BYTES),
        ]) or [axis_dim(1, x0=DEPTH, y=TILE_BYTES)]  # fmt: skip
        step = self.layer.strides[0] * x.strides[2]
        operands = {"x0": Operand(x.buffer, x.offset + block.start * step, WORD), "y": packed}
        origins = tuple(start * step for start in self.starts)
        parts = axis_dim(ROWS, y=DEPTH)
        return Pieces(operands, tuple(loops), parts, vector, _COPY_LMUL, ROWS, not loops, origins)

    def _kernel(self, block: Block, packed: Operand) -> MatrixProduct:
        """The product of the first strip of a block."""
        layer, (row, column) = self.layer, self._steps
        down, right = layer.y.strides[2:]
        y = start_of(layer.y)
        *loops, inner = merge_dims([
            axis_dim(block.rows, a=row * layer.strides[0], y=down),
            axis_dim(block.pitch, a=column * layer.strides[1], y=right),
        ]) or [Dim(1, {})]  # fmt: skip
        reduce = merge_dims([
            axis_dim(layer.weights.shape[2], a=row * layer.dilations[0]),
            axis_dim(layer.weights.shape[3], a=column * layer.dilations[1]),
            axis_dim(layer.x.shape[1] // DEPTH, a=TILE_BYTES),
        ]) or [Dim(1, {})]  # fmt: skip
        return MatrixProduct(
            {"a": replace(packed, element=self.product.operands["x"].element),
             "y": replace(y, offset=y.offset + block.start * down, element=self.product.operands["y"].element)},
            tuple(loops), inner, tuple(reduce), filters_in_tiles(self.product), self.product.epilogue,
            rows=tuple(start * down for start in self.starts),
        )  # fmt: skip

    def _build(self, chosen: MatrixProduct) -> list[Staged]:
        rows = max(self._needed(2, block.rows) for block in self.blocks)
        packed = start_of(self.lowering.scratch((rows * self._steps[0] // DEPTH,), element=WORD))
        constants = TileConstants(self.lowering, self.product, self.weights)
        places = {"rows": self.lowering.packed(np.array(chosen.rows, np.int32))}
        staged = []
        for block in self.blocks:
            own = self._kernel(block, packed)
            own = replace(own, operands=own.operands | places, tile=chosen.tile, group=chosen.group, ahead=chosen.ahead)
            kernel = constants.of(replace(own, vector_outside=chosen.vector_outside))
            staged.append(self._staged(block, self._copy(block, packed), kernel))
        return staged

    def _staged(self, block: Block, copy: Pieces, kernel: MatrixProduct) -> Staged:
        x, y = self.layer.x, self.layer.y
        loops = merge_dims([
            axis_dim(y.shape[0], x0=x.strides[0], y=y.strides[0]),
            axis_dim(block.times, x0=block.rows * self.layer.strides[0] * x.strides[2], y=block.rows * y.strides[2]),
        ])  # fmt: skip
        return Staged(ALGORITHM, {"x0": start_of(x), "y": start_of(y)}, tuple(loops), (copy, kernel), 1)
