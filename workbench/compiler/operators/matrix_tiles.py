"""Choices that compute products of bytes by matrix instructions, on cores that have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from workbench.compiler.kernels.matrix import DEPTH, ROWS, MatrixProduct
from workbench.compiler.kernels.nest import Dim, Operand, merge_dims
from workbench.compiler.lowering import Lowering
from workbench.compiler.partition import kernel_cycles
from workbench.compiler.schedule import Choice, Product

_REGISTERS = 32
_MOST_TILES = 6
ALGORITHM = "matrix"


def matrix_choices(lowering: Lowering, product: Product, weights: np.ndarray) -> Iterator[Choice]:
    """All blocks of tiles of neighbours for constant weights of shape (groups, steps, filters); none where none fit.

    8 bytes of the sum have to follow each other in memory.
    """
    places, reduce = merge_dims(product.positions) or [Dim(1, {})], _byte_steps(product.reduce)
    if reduce is not None and tiles_fit(lowering, product, weights):
        kernel = MatrixProduct(
            {"a": product.operands["x"], **{name: product.operands[name] for name in ("y", *images_of(product))}},
            tuple(map(_named, places[:-1])), _named(places[-1]), reduce, filters_in_tiles(product), product.epilogue,
        )  # fmt: skip
        constants = TileConstants(lowering, product, weights[0])
        for chosen in blocks_of_tiles(kernel):
            yield Choice(kernel_cycles(lowering.target, chosen), chosen, ALGORITHM, lambda own: [constants.of(own)])


def tiles_fit(lowering: Lowering, product: Product, weights: np.ndarray) -> bool:
    """Whether filters come by 4, results are bytes side by side, and the epilogue reads such bytes, or constants."""
    signed_bytes = weights.dtype == np.int8 and product.operands["x"].element.size_bytes == 1
    if not lowering.target.has_matrix or lowering.target.vlen_bits != 256 or not signed_bytes or len(weights) > 1:
        return False
    if product.batches or any(
        product.operands[name].element.size_bytes != 1 or product.filters.stride(name) != 1
        for name in ("y", *images_of(product))
    ):
        return False
    constants = _constants(product)
    is_fixed = all(_is_constant(lowering, product, name) for name in constants)
    return weights.shape[2] % ROWS == 0 and "bias" in constants and is_fixed


def filters_in_tiles(product: Product) -> Dim:
    """The dimension of tiles of filters."""
    return Dim(
        product.filters.count // ROWS, {name: ROWS * product.filters.stride(name) for name in ("y", *images_of(product))}
    )


def blocks_of_tiles(kernel: MatrixProduct) -> Iterator[MatrixProduct]:
    """The kernel with every block that fits into the registers."""
    for tile in range(1, _MOST_TILES + 1):
        for group in range(1, _MOST_TILES + 1):
            shaped = replace(kernel, tile=tile, group=group)
            fits = kernel.filters.count % group == 0 and tile <= -(-kernel.block.count // kernel.span)
            if fits and shaped.registers() <= _REGISTERS:
                for outside in (True, False) if kernel.filters.count > group else (True,):
                    yield from (replace(shaped, vector_outside=outside, ahead=ahead) for ahead in (True, False))


class TileConstants:
    """Weights (steps, filters) and operands of the epilogue as kernels of one product read them, each made once."""

    def __init__(self, lowering: Lowering, product: Product, weights: np.ndarray) -> None:
        self._product, self._steps = product, len(weights)
        self._tiled = cache(lambda name: _repeated(lowering, product, name))
        self._packed = cache(lambda group: lowering.packed(_packed(weights, group)))

    def of(self, kernel: MatrixProduct) -> MatrixProduct:
        """The kernel with them."""
        operands = {name: self._tiled(name) for name in _constants(self._product)} | {"b": self._packed(kernel.group)}
        strides = {"b": self._steps * ROWS, **kernel.filters.strides}
        strides |= {
            name: ROWS * ROWS * operands[name].element.size_bytes
            for name in _constants(self._product)
            if _steps(self._product, name)
        }
        return replace(kernel, operands=kernel.operands | operands, filters=replace(kernel.filters, strides=strides))


def _constants(product: Product) -> list[str]:
    """Names of what the epilogue reads for all positions alike."""
    return [name for name in product.operands if name not in ("x", "w", "y", *images_of(product))]


def images_of(product: Product) -> list[str]:
    """Names of what the epilogue reads for every position."""
    return [name for name in product.epilogue.extras if any(dim.stride(name) for dim in product.positions)]


def _named(dim: Dim) -> Dim:
    """A dimension of positions as the kernel names its operands."""
    return Dim(dim.count, {"a" if name == "x" else name: step for name, step in dim.strides.items() if name != "w"})


def _byte_steps(dims: Sequence[Dim]) -> tuple[Dim, ...] | None:
    """The sum in steps of 8 bytes; None where these do not follow each other."""
    merged = merge_dims(dims)
    if not merged or merged[-1].stride("x") != 1 or merged[-1].count % DEPTH:
        return None
    *outer, inner = (Dim(dim.count, {"a": dim.stride("x")}) for dim in merged)
    return (*outer, Dim(inner.count // DEPTH, {"a": DEPTH}))


def _steps(product: Product, name: str) -> bool:
    """Whether an operand differs from filter to filter (biases are taken to)."""
    return name == "bias" or product.filters.stride(name) != 0


def _is_constant(lowering: Lowering, product: Product, name: str) -> bool:
    return lowering.buffers[product.operands[name].buffer].data is not None


def _repeated(lowering: Lowering, product: Product, name: str) -> Operand:
    """A constant of the filters, repeated for the positions of a tile; as it is where there is one for all filters."""
    operand, stride = product.operands[name], product.filters.stride(name)
    if not _steps(product, name):
        return operand
    data = lowering.buffers[operand.buffer].data
    assert data is not None
    values = data.reshape(-1).view(operand.element.file_type)[operand.offset // operand.element.size_bytes :]
    each = values[np.arange(product.filters.count) * stride // operand.element.size_bytes].reshape(-1, 1, ROWS)
    return replace(lowering.packed(np.repeat(each, ROWS, axis=1)), element=operand.element)


def _packed(weights: np.ndarray, group: int) -> np.ndarray:
    """Weights (steps, filters) as the kernel reads them: blocks of filters, steps of 8, tiles, filters, bytes."""
    steps, filters = weights.shape
    parts = weights.reshape(steps // DEPTH, DEPTH, filters // (group * ROWS), group, ROWS)
    return np.ascontiguousarray(parts.transpose(2, 0, 3, 4, 1))
