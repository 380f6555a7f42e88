"""The choice of schedule: the algorithm of a layer, which dimension runs in vectors, LMUL, and the block in registers.

A layer offers `Choice`s: main kernels with their estimated cycles (`cost`) and how the layer's kernels are made from one.
A `Planner` takes the cheapest, or the one that the user pins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.compiler.cost import beside_weights, lanes, prefers_vectors_outside
from workbench.compiler.ir.builder import LMULS
from workbench.compiler.kernels.contraction import REGISTERS, Contraction
from workbench.compiler.kernels.epilogue import NOTHING, Epilogue
from workbench.compiler.kernels.matrix import MatrixProduct
from workbench.compiler.kernels.nest import Dim, Operand, merge_dims
from workbench.compiler.kernels.pieces import Pieces
from workbench.compiler.kernels.short_sums import SHORT_SUMS, most_sums
from workbench.compiler.kernels.staged import Staged
from workbench.compiler.kernels.window import Window
from workbench.compiler.partition import kernel_cycles
from workbench.isa.target import Target

MainKernel = Contraction | MatrixProduct | Window
Kernel = Contraction | MatrixProduct | Staged | Window
_SCALARS = 24  # more accumulators would need more scalar registers than there are
_MOST_PIECES = 8  # copied at a time
_GROUPS = (1, 2, 4, 8)  # vectors loaded together
_AT_A_TIME = (SHORT_SUMS, 4, 6, 9)  # sums in 16 bits that a block leaves room for


@dataclass(frozen=True)
class Choice:
    """A way to compute a layer: estimated cycles, main kernel, algorithm, and how all kernels follow from the main one.

    `is_default`: it may be taken because it is cheap.
    """

    cycles: float
    kernel: MainKernel
    algorithm: str = "direct"
    build: Callable[[Any], Sequence[Kernel]] = lambda kernel: [kernel]
    is_default: bool = True


def cheapest(choices: Iterable[Choice]) -> Choice:
    """The choice with the fewest estimated cycles of those that may be taken by default."""
    return min((choice for choice in choices if choice.is_default), key=lambda choice: choice.cycles)


@dataclass(frozen=True)
class Product:
    """``y[position, filter] = sum_k x[position, k] * w[k, filter]``: operands and dimensions from outer to inner.

    `batches` and `groups` are outer dimensions; `epilogue` is what is done with the results. Operands are called x, w
    (of no buffer where weights are packed later), y, bias, and those of the epilogue. `products` of bytes may
    be summed in 16 bits.
    """

    operands: dict[str, Operand]
    positions: Sequence[Dim]
    reduce: Sequence[Dim]
    filters: Dim
    epilogue: Epilogue = NOTHING
    groups: Dim = Dim(1, {})
    batches: Sequence[Dim] = ()
    products: int = 1


def plan_contraction(target: Target, product: Product) -> Contraction:
    """The cheapest kernel."""
    kernel = cheapest(contraction_choices(target, product)).kernel
    assert isinstance(kernel, Contraction)
    return kernel


def contraction_choices(target: Target, product: Product) -> Iterator[Choice]:
    """All kernels, with vectors over filters or over positions."""
    outer = merge_dims([*product.batches, product.groups])
    places = merge_dims(product.positions) or [Dim(1, {})]
    loops = (*outer, *places[:-1])
    over_filters = _kernel(product, loops, places[-1], product.filters, {"x": "a", "w": "b"}, "channels")
    over_places = _kernel(product, loops, product.filters, places[-1], {"w": "a", "x": "b"}, "positions")
    for kernel in (over_filters, over_places):
        for shaped in _shapes(target, kernel, product.products):
            outside = not outer and prefers_vectors_outside(target, shaped)
            yield Choice(kernel_cycles(target, shaped), replace(shaped, vector_outside=outside))


def _kernel(
    product: Product, loops: Sequence[Dim], block: Dim, vector: Dim, names: dict[str, str], role: str
) -> Contraction:
    def named(dim: Dim) -> Dim:
        return Dim(dim.count, {names.get(name, name): step for name, step in dim.strides.items()})

    operands = {names.get(name, name): operand for name, operand in product.operands.items()}
    reduce = tuple(named(dim) for dim in product.reduce)
    return Contraction(
        operands, tuple(map(named, loops)), named(block), reduce, named(vector), product.epilogue, role=role
    )  # fmt: skip


def _shapes(target: Target, kernel: Contraction, products: int) -> Iterator[Contraction]:
    """LMUL, block and loads that fit into the registers; grouping loads helps engines, whose loads are late."""
    steps = math.prod(dim.count for dim in kernel.reduce)
    renamed = target.renamed_registers if target.renames_vectors else 0
    for lmul in LMULS:
        for group, together in _loads(target, products):
            for ahead in (False, True) if _may_be_ahead(target, kernel, together) else (False,):
                shaped = replace(kernel, lmul=lmul, group=group, ahead=ahead, products=together, renamed=renamed)
                for most in _rooms(shaped) if group <= steps else ():
                    yield replace(shaped, tile=-(-kernel.block.count // -(-kernel.block.count // most)))


def _may_be_ahead(target: Target, kernel: Contraction, products: int) -> bool:
    """Whether loads ahead can pay: in engines, and in order for integers that are extended behind their loads."""
    element = kernel.operands["b"].element
    is_extended = element.is_narrow and not element.is_float and products == 1
    return bool(target.engine_entries) or (is_extended and not target.renames_vectors)


def _loads(target: Target, products: int) -> Iterator[tuple[int, int]]:
    """How many vectors are loaded together, and how many of their products are summed in 16 bits."""
    if products == 1:
        yield from ((group, 1) for group in (_GROUPS if target.engine_entries else (1,)))
        return
    for together in sorted({min(products, most) for most in (2, 3, 4, 6, 8)}):
        yield together, together
        if target.engine_entries and 2 * together <= _GROUPS[-1]:
            yield 2 * together, together


def _rooms(kernel: Contraction) -> list[int]:
    """Sums that fit beside the vectors that are loaded and, of bytes, beside few or many sums in 16 bits."""
    if kernel.products == 1:
        rooms = [REGISTERS // kernel.lmul - kernel.loaded_steps]
    else:
        free, short = REGISTERS - kernel.vector_registers, max(1, kernel.lmul // 2)
        most = most_sums(kernel.renamed, kernel.lmul, kernel.products)
        rooms = [(free - count * short) // kernel.lmul for count in _AT_A_TIME if count <= most]
    return sorted({min(room, _SCALARS) for room in rooms if room > 0})


def packed_choices(
    target: Target, product: Product, weights: np.ndarray, constant: Callable[[np.ndarray], Operand],
    algorithm: str = "direct",
) -> Iterator[Choice]:  # fmt: skip
    """All kernels for constant weights of shape (groups, steps, filters), packed as the schedule reads them.

    With vectors over filters that do not fit into one, the weights of each full vector are put in one piece; the filters
    that remain are a product of their own. `constant` makes an operand of an array.
    """

    def build(kernel: Contraction) -> list[Contraction]:
        return pack(target, product, kernel, weights, constant)

    for choice in contraction_choices(target, product):
        cycles = beside_weights(target, choice.cycles, weights.nbytes, 1)
        yield replace(choice, cycles=cycles, algorithm=algorithm, build=build)


def pack(
    target: Target, product: Product, kernel: Contraction, weights: np.ndarray, constant: Callable[[np.ndarray], Operand]
) -> list[Contraction]:
    """The kernels of one schedule; see `packed_choices`."""
    count, width = product.filters.count, lanes(target, kernel)
    if kernel.role != "channels" or count <= width:
        name = "b" if kernel.role == "channels" else "a"
        return [replace(kernel, operands={**kernel.operands, name: _placed(kernel, name, constant(weights))})]
    full = count // width * width
    kernels = [_panels(kernel, width, weights[..., :full], constant)]
    if full < count:
        rest = _remaining(product, full)
        kernels += pack(target, rest, plan_contraction(target, rest), weights[..., full:], constant)
    return kernels


def _placed(kernel: Contraction, name: str, place: Operand) -> Operand:
    """Packed weights, computed in the type that the kernel has for them."""
    return replace(place, element=kernel.operands[name].element)


def _panels(kernel: Contraction, width: int, weights: np.ndarray, constant: Callable[[np.ndarray], Operand]) -> Contraction:
    """A kernel whose weights lie in panels of `width` filters."""
    groups, steps, filters = weights.shape
    packed = weights.reshape(groups, steps, filters // width, width).transpose(0, 2, 1, 3)
    return in_panels(kernel, width, filters, constant(packed))


def in_panels(kernel: Contraction, width: int, filters: int, place: Operand) -> Contraction:
    """A kernel over the first `filters` of a matrix, whole panels of `width`, which lie in order at `place`."""
    total, one = kernel.vector.count, kernel.vector.stride("b")
    steps = math.prod(dim.count for dim in kernel.reduce)
    panels = {name: stride * width for name, stride in kernel.vector.strides.items()} | {"b": steps * width * one}
    return replace(
        kernel, operands={**kernel.operands, "b": _placed(kernel, "b", place)},
        loops=tuple(_scaled(dim, "b", filters, total) for dim in kernel.loops),
        reduce=tuple(_scaled(dim, "b", width, total) for dim in kernel.reduce),
        vector=Dim(width, kernel.vector.strides), panels=Dim(filters // width, panels),
    )  # fmt: skip


def _remaining(product: Product, first: int) -> Product:
    """The product for the filters from `first` on, whose weights lie in an array of their own."""
    total, filters = product.filters.count, product.filters

    def fewer(dim: Dim) -> Dim:
        return _scaled(dim, "w", total - first, total)

    operands = {
        name: replace(operand, offset=operand.offset + first * filters.stride(name))
        for name, operand in product.operands.items()
    }
    return replace(
        product, operands=operands, filters=Dim(total - first, filters.strides), groups=fewer(product.groups),
        reduce=[fewer(dim) for dim in product.reduce], batches=[fewer(dim) for dim in product.batches],
    )  # fmt: skip


def _scaled(dim: Dim, name: str, numerator: int, denominator: int) -> Dim:
    """A dimension with the stride of one operand multiplied by a fraction."""
    return Dim(dim.count, {**dim.strides, name: dim.stride(name) * numerator // denominator})


def plan_pieces(target: Target, operands: dict[str, Operand], dims: Sequence[Dim]) -> Pieces:
    """A copy of ``x0`` to ``y`` along `dims` (outer to inner): vectors along the longest pieces, a short axis in a block."""
    size = operands["y"].element.size_bytes
    merged = merge_dims(dims) or [Dim(1, {})]
    vector = max(merged, key=lambda d: min(d.count, 64) / (1 + 2 * sum(d.stride(name) != size for name in ("x0", "y"))))
    rest = [dim for dim in merged if dim is not vector]
    short = [dim for dim in rest if dim.count <= _MOST_PIECES]
    block = max(short, key=lambda dim: dim.count) if short else rest[-1] if rest else Dim(1, {})
    loops = tuple(dim for dim in rest if dim is not block)
    lmul = next((lmul for lmul in LMULS if vector.count * size * 8 <= target.vlen_bits * lmul), LMULS[-1])
    fits = vector.count * size * 8 <= target.vlen_bits * lmul
    operands = {name: replace(operand, element=operand.element.uncomputed) for name, operand in operands.items()}
    return Pieces(operands, loops, block, vector, lmul, min(block.count, _MOST_PIECES, REGISTERS // lmul), fits)


def window_choices(
    target: Target, combine: str, operands: dict[str, Operand], batch: Dim, down: tuple[Dim, Dim],
    right: tuple[Dim, Dim], channels: Dim, epilogue: Epilogue = NOTHING, factor: float = 1.0,
) -> Iterator[Choice]:  # fmt: skip
    """All window kernels, with vectors over channels or over the columns of the image."""
    over_channels = Window(
        combine, operands, (batch, down[0]), right[0], down[1], right[1], channels, epilogue, factor, role="channels"
    )
    over_columns = Window(
        combine, operands, (batch, channels), down[0], right[1], down[1], right[0], epilogue, factor, role="columns"
    )
    for kernel in (over_channels, over_columns):
        for shaped in _window_shapes(target, kernel):
            yield Choice(kernel_cycles(target, shaped), shaped, "window")


def _window_shapes(target: Target, kernel: Window) -> Iterator[Window]:
    taps = kernel.along.count * kernel.across.count
    weighted = "w" in kernel.operands
    for lmul in LMULS:
        groups = REGISTERS // lmul
        vector_weights = weighted and kernel.vector.stride("w") != 0
        options = [(False, groups - 2 - (min(kernel.across.count, groups - 3) if vector_weights else 0))]
        if weighted:
            options.append((True, groups - 2 - (taps if vector_weights else 0)))
        for hoisted, room in options:
            if hoisted and taps > 16:
                continue
            for tile in sorted({1, 2, 3, 4, 6, max(room, 1)}):
                if tile <= min(room, kernel.block.count, 8):
                    shaped = replace(kernel, lmul=lmul, tile=tile, hoisted=hoisted)
                    yield shaped
                    if target.engine_entries and tile + shaped.columns(tile) <= room + 1:
                        yield replace(shaped, together=True)
