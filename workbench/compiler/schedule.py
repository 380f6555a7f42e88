"""The choice of schedule: which dimension runs in vectors, LMUL, and the block kept in registers.

model: ours. Cycles are the larger of what the vector unit needs and what issuing the instructions costs, plus a little for
every instruction, because simulators pay for those. Where vector registers are not renamed, loads wait for the operations
that still read the old value, so both times add up. Strided accesses move single elements. The choices are checked in
tests/compiler/test_compile.py; benchmarks/compiler_networks.py shows what they give.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from workbench.compiler.ir import LMULS
from workbench.compiler.kernels.contraction import Contraction
from workbench.compiler.kernels.nest import Dim, Operand, merge_dims
from workbench.compiler.kernels.window import Window
from workbench.compiler.views import ELEMENT_BYTES
from workbench.isa.target import Target

_REGISTERS = 32
_SCALARS = 24  # more accumulators would need more scalar registers than there are
_INSTRUCTION_COST = 0.1
_SHARED_BYTES_PER_CYCLE = 16.0
_DRAM_BYTES_PER_CYCLE = 4.0
_USABLE = 0.75  # of a cache, for what a kernel reads again
_LONG_VLEN_BITS = 512
_STRIDED_CYCLES = 2.0  # an element: its access and its share of more cache lines
_LINE_BYTES = 64
_BIT = 8 * ELEMENT_BYTES


@dataclass(frozen=True)
class _Choice:
    cycles: float
    kernel: Contraction


def plan_contraction(
    target: Target, operands: dict[str, Operand], groups: Dim, positions: Sequence[Dim], reduce: Sequence[Dim],
    filters: Dim, clip: tuple[float, float], batches: Sequence[Dim] = (),
) -> Contraction:  # fmt: skip
    """The cheapest kernel for ``y[position, filter] = sum_k x[position, k] * w[k, filter]``."""
    outer = merge_dims([*batches, groups])
    places = merge_dims(positions) or [Dim(1, {})]
    choices = [
        *_choices(target, operands, outer, places[:-1], places[-1], reduce, filters, clip, "x", "w"),
        *_choices(target, operands, outer, places[:-1], filters, reduce, places[-1], clip, "w", "x"),
    ]
    return min(choices, key=lambda choice: choice.cycles).kernel


def _choices(
    target: Target, operands: dict[str, Operand], outer: Sequence[Dim], places: Sequence[Dim], block: Dim,
    reduce: Sequence[Dim], vector: Dim, clip: tuple[float, float], scalar: str, loaded: str,
) -> Iterator[_Choice]:  # fmt: skip
    names = {scalar: "a", loaded: "b"}

    def named(dim: Dim) -> Dim:
        return Dim(dim.count, {names.get(name, name): step for name, step in dim.strides.items()})

    renamed = {names.get(name, name): operand for name, operand in operands.items()}
    kernel = Contraction(
        renamed, tuple(named(dim) for dim in (*outer, *places)), named(block), tuple(named(dim) for dim in reduce),
        named(vector), clip, role="channels" if loaded == "w" else "positions",
    )  # fmt: skip
    for lmul in LMULS:
        most = min(_REGISTERS // lmul - 1, _SCALARS)
        blocks = -(-block.count // most)
        tile = -(-block.count // blocks)
        shaped = replace(kernel, lmul=lmul, tile=tile)
        outside = not outer and _prefers_vectors_outside(target, shaped)
        yield _Choice(_cycles(target, shaped), replace(shaped, vector_outside=outside))


def _cycles(target: Target, kernel: Contraction) -> float:
    """Estimated cycles of a contraction."""
    chunks, used, width = _vectors(target, kernel.vector.count, kernel.lmul)
    repeats = math.prod(dim.count for dim in kernel.loops) * chunks
    steps = math.prod(dim.count for dim in kernel.reduce)
    load = _access(target, used, kernel.vector.stride("b"), steps)
    store = _access(target, used, kernel.vector.stride("y"), 1)
    full, rest = divmod(kernel.block.count, kernel.tile)
    total = 0.0
    for count, size in ((full, kernel.tile), (1 if rest else 0, rest)):
        inner = steps * _bounded(target, 2 * size + 2.75, size * width, load)
        edge = _bounded(target, 5 * size + 6, 3 * size * width, size * store)
        total += count * (inner + edge)
    return repeats * total


def _vectors(target: Target, count: int, lmul: int) -> tuple[int, float, float]:
    """Vectors that cover `count` elements, elements of one, and cycles of one operation on it."""
    lanes = target.vlen_bits // _BIT * lmul
    chunks = -(-count // lanes)
    used = count / chunks
    registers = used if target.vlen_bits > _LONG_VLEN_BITS else lanes  # short registers are processed whole
    return chunks, used, max(1.0, registers * _BIT / target.vector_bits_per_cycle)


def _access(target: Target, used: float, stride: int, steps: int) -> float:
    """Cycles of a vector load or store, one of `steps` whose data is used again from the nearest cache that holds it."""
    if stride != ELEMENT_BYTES:
        return _STRIDED_CYCLES * used
    size = used * ELEMENT_BYTES
    rate = target.vector_bits_per_cycle / 8 * (1.0 if target.renames_vectors else 0.5)
    shared = max(_SHARED_BYTES_PER_CYCLE, target.vector_bits_per_cycle / 16)
    if steps * size > _USABLE * target.l1d_bytes:
        rate = min(rate, shared)
    if steps * size > _USABLE * max(target.l1d_bytes, target.l2_bytes):
        rate = min(rate, _DRAM_BYTES_PER_CYCLE)
    return size / rate


def _bounded(target: Target, instructions: float, compute: float, access: float) -> float:
    units = max(compute, access) if target.renames_vectors else compute + access
    return max(instructions / target.instructions_per_cycle, units) + _INSTRUCTION_COST * instructions


def _prefers_vectors_outside(target: Target, kernel: Contraction) -> bool:
    """Whether reading `a` again for every vector moves fewer bytes than reading `b` again for every outer step."""
    lanes = target.vlen_bits // _BIT * kernel.lmul
    chunks = -(-kernel.vector.count // lanes)
    outer = math.prod(dim.count for dim in kernel.loops)
    steps = math.prod(dim.count for dim in kernel.reduce)
    b_moves = any(dim.stride("b") for dim in kernel.loops)
    if b_moves or chunks == 1:
        return not b_moves
    a_bytes = outer * kernel.block.count * steps * ELEMENT_BYTES
    b_bytes = steps * kernel.vector.count * ELEMENT_BYTES
    return a_bytes * chunks <= a_bytes + b_bytes * outer


def plan_window(
    target: Target, combine: str, operands: dict[str, Operand], batch: Dim, down: tuple[Dim, Dim],
    right: tuple[Dim, Dim], channels: Dim, clip: tuple[float, float], factor: float = 1.0,
) -> Window:  # fmt: skip
    """The cheapest window kernel, with vectors over channels or over the columns of the image."""
    over_channels = Window(
        combine, operands, (batch, down[0]), right[0], down[1], right[1], channels, clip, factor, role="channels"
    )
    over_columns = Window(
        combine, operands, (batch, channels), down[0], right[1], down[1], right[0], clip, factor, role="columns"
    )
    best, cycles = over_channels, math.inf
    for kernel in (over_channels, over_columns):
        for shaped in _window_shapes(kernel):
            estimate = _window_cycles(target, shaped)
            if estimate < cycles:
                best, cycles = shaped, estimate
    return best


def _window_shapes(kernel: Window) -> Iterator[Window]:
    taps = kernel.along.count * kernel.across.count
    weighted = "w" in kernel.operands
    for lmul in LMULS:
        groups = _REGISTERS // lmul
        vector_weights = weighted and kernel.vector.stride("w") != 0
        options = [(False, groups - 2 - (min(kernel.across.count, groups - 3) if vector_weights else 0))]
        if weighted and not vector_weights:
            options.append((True, groups - 2))
        for hoisted, room in options:
            if room < 1 or (hoisted and taps > 16):
                continue
            for tile in {1, 2, 3, 4, 6, room}:
                if tile <= min(room, kernel.block.count, 8):
                    yield replace(kernel, lmul=lmul, tile=tile, hoisted=hoisted)


def _window_cycles(target: Target, kernel: Window) -> float:
    """Estimated cycles of a window."""
    chunks, used, width = _vectors(target, kernel.vector.count, kernel.lmul)
    repeats = math.prod(dim.count for dim in kernel.loops) * chunks
    step, tap = kernel.block.stride("x"), kernel.across.stride("x")
    load = _access(target, used, kernel.vector.stride("x"), 1)
    store = _access(target, used, kernel.vector.stride("y"), 1)
    full, rest = divmod(kernel.block.count, kernel.tile)
    total = 0.0
    for count, size in ((full, kernel.tile), (1 if rest else 0, rest)):
        columns = len({i * step + t * tap for i in range(size) for t in range(kernel.across.count)})
        loads = columns * kernel.along.count
        weights = 0 if kernel.hoisted or "w" not in kernel.operands else kernel.along.count * kernel.across.count
        sums = size * kernel.along.count * kernel.across.count
        moved = loads * load + size * store + (weights * load if kernel.vector.stride("w") else 0.0)
        total += count * _bounded(target, 2 * loads + 2 * weights + sums + 5 * size + 6, sums * width, moved)
    return repeats * total + _streaming(target, kernel, used)


def _streaming(target: Target, kernel: Window, used: float) -> float:
    """Cycles to fetch the image where it exceeds the first cache: a vector below a line fetches the line again."""
    image = math.prod(dim.count for dim in kernel.loops) * kernel.block.count * kernel.vector.count * ELEMENT_BYTES
    if image <= target.l1d_bytes or kernel.vector.stride("x") != ELEMENT_BYTES:
        return 0.0
    repeats = max(1.0, min(_LINE_BYTES / (used * ELEMENT_BYTES), kernel.vector.count / used))
    rate = _SHARED_BYTES_PER_CYCLE if image <= target.l2_bytes else _DRAM_BYTES_PER_CYCLE
    return image * (repeats - 1.0) / rate
