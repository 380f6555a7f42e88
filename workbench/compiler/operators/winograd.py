"""Winograd convolutions of 3 x 3 kernels with stride 1: transformed tiles, one matrix product for every point, results.

The image is worked off in blocks of tile rows, so that the transformed tiles of a block stay in the caches. Tiles that stand
out over the right or lower edge read and write only what is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workbench.compiler.cost import beside_weights
from workbench.compiler.elements import FLOAT, HALF
from workbench.compiler.kernels.contraction import Contraction
from workbench.compiler.kernels.nest import Operand, axis_dim, merge_dims, start_of
from workbench.compiler.kernels.staged import Stage, Staged
from workbench.compiler.kernels.transform import Row, Transform
from workbench.compiler.lowering import Lowering
from workbench.compiler.operators.convolution_layer import ConvolutionLayer
from workbench.compiler.operators.staged_products import products_of_parts
from workbench.compiler.partition import kernel_cycles, waiting_cycles
from workbench.compiler.schedule import Choice, Product, contraction_choices
from workbench.compiler.tiles import Block, Segment, make_blocks
from workbench.compiler.views import View, contiguous_strides
from workbench.compiler.winograd import make_winograd

SIZES = (2, 4, 6)
DEFAULT_SIZES = {FLOAT: (2, 4), HALF: (2,)}  # larger tiles lose accuracy: they are there to be pinned
_TAPS = 3
_WAITS = 2  # of threads for each other: before the products of a block, and after them
_LEAST_ROOM_BYTES = 1 << 17
_SHARE = 0.5  # of the cache, for transformed tiles


def winograd_choices(lowering: Lowering, layer: ConvolutionLayer) -> Iterator[Choice]:
    """All sizes of tiles with all schedules of their matrix products; none where the kernel is not 3 x 3 with stride 1."""
    is_square = layer.weights.shape[2:] == (_TAPS, _TAPS) and layer.group == 1
    is_plain = {*layer.strides, *layer.dilations} == {1} and layer.sums is None and layer.y.element == layer.x.element
    if is_square and is_plain and layer.x.element in DEFAULT_SIZES:
        for size in SIZES:
            yield from _Plan(lowering, layer, size).choices()


@dataclass(frozen=True)
class _Scratch:
    """Transformed tiles and their products, (points, tiles, channels or filters)."""

    u: View
    v: View


class _Plan:
    """Tiles of one size."""

    def __init__(self, lowering: Lowering, layer: ConvolutionLayer, size: int) -> None:
        self.lowering, self.layer, self.size = lowering, layer, size
        self.filters, self.channels = layer.weights.shape[:2]
        self.side, self.element = size + _TAPS - 1, layer.x.element
        target = lowering.target
        room = max(_SHARE * max(target.l2_bytes, target.l1d_bytes), _LEAST_ROOM_BYTES)
        most = int(room // (self.element.size_bytes * self.side**2 * (self.channels + self.filters)))
        self.blocks = make_blocks(layer.y.shape[2], layer.y.shape[3], size, most)

    @cached_property
    def _matrices(self) -> tuple[tuple[Row, ...], tuple[Row, ...], np.ndarray]:
        exact = make_winograd(self.size, _TAPS)
        return exact.inputs, exact.results, np.array(exact.filters, np.float64)

    def choices(self) -> Iterator[Choice]:
        """Every schedule of the matrix product of the main block."""
        target, batch, main = self.lowering.target, self.layer.y.shape[0], self.blocks[0]
        scratch = _Scratch(*(self._unplaced(shape) for shape in self._shapes()))
        around = sum(
            block.times * kernel_cycles(target, stage) for block in self.blocks for stage in self._around(block, scratch)
        )
        around += waiting_cycles(target, _WAITS * sum(block.times for block in self.blocks))
        tiles = sum(block.times * block.tiles for block in self.blocks)
        size_bytes = self.element.size_bytes * self.side**2 * self.channels * self.filters
        times = batch * sum(block.times for block in self.blocks)
        for choice in contraction_choices(target, self._product(main, scratch)):
            products = batch * choice.cycles * tiles / main.tiles
            cycles = batch * around + beside_weights(target, products, size_bytes, times)
            name = f"winograd F({self.size},{_TAPS})"
            yield Choice(cycles, choice.kernel, name, self._build, is_default=self.size in DEFAULT_SIZES[self.element])

    def _unplaced(self, shape: tuple[int, ...]) -> View:
        """A view of memory that is not there yet, to estimate with."""
        return View(-1, 0, shape, contiguous_strides(shape, self.element), element=self.element)

    def _shapes(self) -> list[tuple[int, int, int]]:
        tiles = max(block.tiles for block in self.blocks)
        return [(self.side**2, tiles, width) for width in (self.channels, self.filters)]

    def _product(self, block: Block, scratch: _Scratch) -> Product:
        """One matrix product for every point, the points being its groups."""
        u, v = scratch.u, scratch.v
        w = contiguous_strides((self.side**2, self.channels, self.filters), self.element)
        return Product(
            {"x": start_of(u), "w": Operand(-1, 0, self.element), "y": start_of(v)},
            [axis_dim(block.tiles, x=u.strides[1], y=v.strides[1])],
            [axis_dim(self.channels, x=u.strides[2], w=w[1])], axis_dim(self.filters, w=w[2], y=v.strides[2]),
            groups=axis_dim(self.side**2, x=u.strides[0], w=w[0], y=v.strides[0]),
        )  # fmt: skip

    # --- kernels --------------------------------------------------------------------------------------------------

    def _build(self, kernel: Contraction) -> list[Staged]:
        """The layer's kernels, with this schedule of the matrix product in the main block and a like one in the other."""
        scratch = _Scratch(*(self.lowering.scratch(shape, element=self.element) for shape in self._shapes()))
        matrix = self._matrices[2]
        weights = np.einsum("ia,fcab,jb->ijcf", matrix, self.layer.weights.astype(np.float64), matrix)
        weights = weights.reshape(self.side**2, self.channels, self.filters).astype(self.element.file_type)
        products = products_of_parts(
            self.lowering, [self._product(block, scratch) for block in self.blocks], kernel, weights
        )  # fmt: skip
        return [self._staged(block, scratch, own) for block, own in zip(self.blocks, products, strict=True)]

    def _staged(self, block: Block, scratch: _Scratch, products: list[Contraction]) -> Staged:
        layer = self.layer
        images = {"x": start_of(layer.x), "y": start_of(layer.y)} | layer.finish.operands
        x = layer.x.strides
        loops = merge_dims([
            axis_dim(layer.y.shape[0], x=x[0], **layer.written(0)),
            axis_dim(block.times, x=block.rows * x[2], **layer.written(2, block.rows)),
        ])  # fmt: skip
        around = self._around(block, scratch)
        inputs = len(block.down) * len(block.right)
        stages: list[Stage] = [*around[:inputs], *products, *around[inputs:]]
        return Staged(f"winograd F({self.size},{_TAPS})", images, tuple(loops), tuple(stages), inputs)

    def _around(self, block: Block, scratch: _Scratch) -> list[Transform]:
        """The transforms of the inputs, then those of the results, for every kind of tile."""
        parts = [(down, right) for down in block.down for right in block.right]
        bias = self.lowering.constant(self.layer.bias) if scratch.u.buffer >= 0 else self._unplaced((self.filters,))
        inputs = [self._input(block, down, right, scratch.u) for down, right in parts]
        return [*inputs, *(self._result(block, down, right, scratch.v, bias) for down, right in parts)]

    def _input(self, block: Block, down: Segment, right: Segment, u: View) -> Transform:
        x, side, size = self.layer.x, self.side, self.size
        matrix = self._matrices[0]
        start = x.sliced((0, 0, block.start + down.start, right.start), (1,) * 4, x.shape)
        tile = down.tile * block.pitch + right.tile
        return Transform(
            {"x": start_of(start), "y": start_of(u.sliced((0, tile, 0), (1,) * 3, u.shape))},
            (axis_dim(down.count, x=size * x.strides[2], y=block.pitch * u.strides[1]),
             axis_dim(right.count, x=size * x.strides[3], y=u.strides[1])),
            _first_columns(matrix, down.size + _TAPS - 1), _first_columns(matrix, right.size + _TAPS - 1),
            (axis_dim(1, x=x.strides[2], y=side * u.strides[0]), axis_dim(1, x=x.strides[3], y=u.strides[0])),
            axis_dim(self.channels, x=x.strides[1], y=u.strides[2]),
        )  # fmt: skip

    def _result(self, block: Block, down: Segment, right: Segment, v: View, bias: View) -> Transform:
        layer, side, size, matrix = self.layer, self.side, self.size, self._matrices[1]
        place = (0, 0, block.start + down.start, right.start), (1,) * 4, layer.y.shape
        tile = down.tile * block.pitch + right.tile
        operands = {"x": start_of(v.sliced((0, tile, 0), (1,) * 3, v.shape)), "bias": start_of(bias)}
        operands |= {"y": start_of(layer.y.sliced(*place)), **layer.finish.sliced(*place).operands}
        return Transform(
            operands,
            (axis_dim(down.count, x=block.pitch * v.strides[1], **layer.written(2, size)),
             axis_dim(right.count, x=v.strides[1], **layer.written(3, size))),
            matrix[: down.size], matrix[: right.size],
            (axis_dim(1, x=side * v.strides[0], **layer.written(2)),
             axis_dim(1, x=v.strides[0], **layer.written(3))),
            axis_dim(self.filters, x=v.strides[2], bias=bias.strides[0], **layer.written(1)), layer.finish.epilogue,
        )  # fmt: skip


def _first_columns(matrix: tuple[Row, ...], count: int) -> tuple[Row, ...]:
    """A matrix for inputs of which only the first are there, the others being zero."""
    return tuple(row[:count] for row in matrix)
