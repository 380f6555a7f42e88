"""About how many instructions a kernel executes, from its loops and its schedule.

Counted are the vector instructions and the scalars that they need; pointers and loops around them add a part. It says
whether a network is short enough to be simulated in full (`execute`), so a quarter more or less does not matter.

model: ours; tests/compiler/test_instructions.py compares it with what networks execute.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from workbench.compiler.kernels.contraction import Contraction
from workbench.compiler.kernels.matrix import MatrixProduct
from workbench.compiler.kernels.nest import Dim
from workbench.compiler.kernels.pieces import Pieces
from workbench.compiler.kernels.staged import Staged
from workbench.compiler.kernels.transform import Transform
from workbench.compiler.kernels.window import Window
from workbench.compiler.shares import all_dims, piece_of
from workbench.isa.target import Target

_OF_TILE = 12.0  # of a tile of results: a step of the epilogue, as much to convert and to store it
_AROUND = 4.0  # of a vector or a block: pointers, the loop, its length
_OF_STEP = 3.0  # of a sum: the load of its vector, and a part of pointers and of the loop
_PINNED = 0.75  # of a sum that is held in its place: the length is set anew
_OF_RESULT = 4.0  # bias, epilogue and store of a vector of results


def kernel_instructions(target: Target, kernel: Any) -> float:
    """Instructions of all threads together."""
    if isinstance(kernel, Staged):
        return _steps(kernel.loops) * sum(kernel_instructions(target, stage) for stage in kernel.stages)
    if isinstance(kernel, MatrixProduct):
        return _of_matrices(kernel)
    along = "vector" if hasattr(kernel, "vector") else "row"
    vectors = -(-getattr(kernel, along).count // piece_of(target, kernel, "vector"))
    if isinstance(kernel, Contraction):
        return vectors * _steps((*kernel.loops, kernel.panels)) * sum(_of_sums(kernel, size) for size in _blocks(kernel))
    if isinstance(kernel, Window):
        return vectors * _steps(kernel.loops) * sum(_of_window(kernel, size) for size in _blocks(kernel))
    if isinstance(kernel, Pieces):
        return vectors * _steps(kernel.loops) * sum(2 * size + _AROUND for size in _blocks(kernel))
    if isinstance(kernel, Transform):
        work = kernel.work
        return vectors * _steps(kernel.loops) * (1.5 * (work.loads + work.stores) + work.operations)
    others = [dim for name, dims in all_dims(kernel).items() if name != along for dim in dims]
    return vectors * _steps(others) * (2 * len(kernel.operands) + _AROUND)


def _steps(dims: Iterable[Dim]) -> int:
    return math.prod(dim.count for dim in dims)


def _blocks(kernel: Contraction | Window | Pieces) -> list[int]:
    """Sizes of all blocks."""
    full, rest = divmod(kernel.block.count, kernel.tile)
    return [kernel.tile] * full + [rest] * (rest > 0)


def _of_sums(kernel: Contraction, size: int) -> float:
    """A block of sums for one vector: a scalar and an addition for each, or fewer additions of sums in 16 bits."""
    extended = kernel.operands["b"].element.is_narrow
    each = 2 + (1 / kernel.products if kernel.products > 1 else 0) + (_PINNED if kernel.ahead else 0)
    return _steps(kernel.reduce) * (each * size + _OF_STEP + extended) + size * _OF_RESULT + _AROUND


def _of_window(kernel: Window, size: int) -> float:
    """A block of windows for one vector."""
    taps, operands = kernel.along.count * kernel.across.count, kernel.operands
    loads = kernel.columns(size) * kernel.along.count * (1.5 + operands["x"].element.is_narrow)
    if "w" in operands and not kernel.hoisted:
        loads += taps * (1.5 + operands["w"].element.is_narrow)
    return loads + size * (taps + _OF_RESULT + 2 * len(kernel.epilogue.steps)) + _AROUND


def _of_matrices(kernel: MatrixProduct) -> float:
    """All blocks of tiles."""
    tiles, groups = -(-kernel.block.count // kernel.span), kernel.filters.count / kernel.group
    results = kernel.group * (len(kernel.epilogue.steps) + 1) * _OF_TILE
    each = kernel.steps * (kernel.group * (1 + 1 / kernel.tile) + 2) + results
    return _steps(kernel.loops) * groups * tiles * each
