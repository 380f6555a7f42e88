"""Which dimension of a kernel threads can share, and what the largest part is then.

Threads share one dimension of a kernel, in pieces that belong together: vectors, blocks of results in registers, panels
of weights. Every result is computed as by a single thread, so its bits do not depend on the number of threads. What has
no two pieces is for thread 0 alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from workbench.compiler.kernels.matrix import TILE_BYTES, MatrixProduct
from workbench.compiler.kernels.nest import Dim
from workbench.compiler.kernels.threads import dims_of
from workbench.isa.target import Target

_VECTOR_BITS = 32


@dataclass(frozen=True)
class Shares:
    """A kernel of which threads share a dimension, and the kernel that the largest part of it is."""

    kernel: Any
    largest: Any


def shares_of(target: Target, kernel: Any) -> Iterator[Shares]:
    """Every dimension with results of its own at each step that has more than one piece."""
    for name in kernel.parallel:
        dims = dims_of(kernel, name)
        for place, dim in enumerate(dims):
            piece = piece_of(target, kernel, name)
            largest = _largest(dim.count, piece, target.threads, name == "block")
            if largest < dim.count and dim.stride("y"):
                marked, part = (
                    _with(kernel, name, dims, place, new)
                    for new in (replace(dim, shared=piece), replace(dim, count=largest))
                )
                yield Shares(marked, part)


def _with(kernel: Any, name: str, dims: tuple[Dim, ...], place: int, dim: Dim) -> Any:
    value = dim if isinstance(getattr(kernel, name), Dim) else (*dims[:place], dim, *dims[place + 1 :])
    return replace(kernel, **{name: value})


def piece_of(target: Target, kernel: Any, name: str) -> int:
    """Steps of a dimension that belong together."""
    if name == "vector":
        bits = getattr(kernel, "vector_bits", getattr(kernel, "sum_bits", _VECTOR_BITS))
        return max(1, int(target.vlen_bits * kernel.lmul // bits))
    if name == "block":
        return _tile(kernel)
    return int(kernel.group) if name == "filters" else 1


def _largest(count: int, piece: int, threads: int, is_tiled: bool) -> int:
    """Steps of the thread with most: whole pieces as even as they go (`nest.within_share`); of blocks the last thread has
    those of no whole one as well (`nest.over_tiles`)."""
    if is_tiled:
        full, rest = divmod(count, piece)
        return max(-(-full // threads) * piece, full // threads * piece + rest)
    pieces = -(-count // piece)
    return min(count, -(-pieces // threads) * piece)


def parts_of(kernel: Any, threads: int) -> tuple[int, float]:
    """How many threads have a part of a kernel, and how much of it the one with most has."""
    for name in kernel.parallel:
        for dim in dims_of(kernel, name):
            if dim.shared:
                piece = _tile(kernel) if name == "block" else dim.shared
                return min(threads, -(-dim.count // piece)), _largest(dim.count, piece, threads, name == "block") / dim.count
    return 1, 1.0


def _tile(kernel: Any) -> int:
    """Steps of the block whose results are in registers at a time."""
    return int(kernel.tile) * (kernel.span if isinstance(kernel, MatrixProduct) else 1)


def all_dims(kernel: Any) -> dict[str, tuple[Dim, ...]]:
    """The dimensions of a kernel by field, shared or not."""
    found = {}
    for item in fields(kernel):
        value = getattr(kernel, item.name)
        if isinstance(value, Dim) or isinstance(value, tuple) and value and isinstance(value[0], Dim):
            found[item.name] = dims_of(kernel, item.name)
    return found


def touched_bytes(kernel: Any) -> dict[str, int]:
    """About how many bytes of each of its operands a kernel reads or writes, each counted once."""
    dims = [dim for own in all_dims(kernel).values() for dim in own]
    touched = {}
    for name, operand in kernel.operands.items():
        size, moving = operand.element.size_bytes, [dim for dim in dims if dim.stride(name)]
        span = size + sum((dim.count - 1) * abs(dim.stride(name)) for dim in moving)
        touched[name] = min(span, size * math.prod(dim.count for dim in moving))
    if isinstance(kernel, MatrixProduct):  # whose weights follow each other without a stride
        touched["b"] = kernel.steps * kernel.filters.count * TILE_BYTES
    return touched
