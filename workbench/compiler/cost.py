"""Estimated cycles of kernels on a target, from its vector length, width, latencies, queue and caches.

model: ours. On a core's own vector unit, cycles are the larger of what the unit needs and what issuing the instructions
costs, plus a little for every instruction; where vector registers are not renamed, loads wait for the operations that still
read the old value, so both times add up. A decoupled engine starts in order and has few instructions in flight, each until
it is done: a load keeps an entry for its whole latency, and only what fits into the other entries runs meanwhile. Strided
accesses move single elements. The choices are checked in tests/compiler/test_schedule.py; benchmarks/kernel_efficiency.py
and benchmarks/compiler_networks.py show what they give.
"""

from __future__ import annotations

import math

from workbench.compiler.cost_short_sums import multiply_cost, short_sums_cycles
from workbench.compiler.kernels.contraction import Contraction
from workbench.compiler.kernels.matrix import DEPTH, MOST_RESULTS, TILE_BYTES, MatrixProduct
from workbench.compiler.kernels.nest import Dim
from workbench.compiler.kernels.pieces import Pieces
from workbench.compiler.kernels.transform import Transform
from workbench.compiler.kernels.window import Window
from workbench.isa.target import Target

Vectorised = Contraction | Pieces | Transform | Window

_INSTRUCTION_COST = 0.1
_CODE_CYCLES = 5.0  # to fetch an instruction the first time: a line of 16 from DRAM
SHARED_BYTES_PER_CYCLE = 16.0  # of a cache behind the first
DRAM_BYTES_PER_CYCLE = 4.0  # of one core, which waits for its misses
_USABLE = 0.75  # of a cache, for what a kernel reads again
_NOT_HIDDEN = 0.125  # of work behind the arrival of its weights, or of the arrival of data behind work
_LONG_VLEN_BITS = 512
_STRIDED_CYCLES = 2.0  # an element: its access and its share of more cache lines
_LINE_BYTES = 64
_BESIDE_VECTORS = 0.5  # of the instructions of single products of integers in order: scalars are loaded beside vectors
_INTEGER_WAIT = 0.35  # of each of these instructions nevertheless
_AHEAD_WAIT = 0.15  # of each where vectors are loaded and extended ahead
_COPY_INSTRUCTIONS = 4.0  # of a block of pieces: pointers, and the loop around
_BESIDE_WEIGHTS = 0.3  # of the first cache
_TILE_STEP_CYCLES = 11.0  # of a step of the epilogue (a conversion and its bounds) for a tile, and of its store
_TILE_CHAIN_CYCLES = 50.0  # of the epilogue, from the first instruction to the last
_TILE_START_CYCLES = 0.5  # of a load
_TILE_ROWS_CYCLES = 3.5  # to load a tile that lies in rows
_TILE_LOOP_CYCLES = 2.0  # of what is around a step
_NEW_IMAGE = 0.4  # of the tiles of an image, which the kernel's columns have in common
_TILE_WAIT = 0.65  # of loads, that products wait for them


def lanes(target: Target, kernel: Vectorised) -> int:
    """Sums that fit into a register group."""
    return target.vlen_bits // kernel.sum_bits * kernel.lmul


def contraction_cycles(target: Target, kernel: Contraction) -> float:
    """Estimated cycles of a contraction."""
    repeats = math.prod(dim.count for dim in (*kernel.loops, kernel.panels))
    cycles = sum(count * _contraction(target, kernel, used) for count, used in _chunks(target, kernel))
    return repeats * cycles + _CODE_CYCLES * kernel.code_instructions


def _chunks(target: Target, kernel: Vectorised) -> list[tuple[int, int]]:
    """How many vectors of which lengths cover the vector dimension."""
    full, rest = divmod(kernel.vector.count, lanes(target, kernel))
    return [(count, used) for count, used in ((full, lanes(target, kernel)), (1, rest)) if count and used]


def _contraction(target: Target, kernel: Contraction, used: int) -> float:
    """Cycles of all blocks for one vector of results."""
    steps = math.prod(dim.count for dim in kernel.reduce)
    load = _access(target, used, kernel, "b", steps)
    store = _access(target, used, kernel, "y", 1)
    width = _width(target, used, kernel)
    apart = _rows_apart(target, kernel, "b", kernel.vector, used, steps)
    apart += _rows_apart(target, kernel, "a", kernel.block, kernel.tile, steps)
    full, rest = divmod(kernel.block.count, kernel.tile)
    total = 0.0
    for count, size in ((full, kernel.tile), (1, rest)):
        if count and size:
            groups = steps / kernel.group
            inner = groups * _group(target, kernel, size, width, load) + steps * apart
            total += count * (inner + _edge(target, size, width, load, store))
    return total


def _group(target: Target, kernel: Contraction, size: int, width: float, load: float) -> float:
    """Cycles of the steps whose vectors are loaded together, for a block of `size` results."""
    own, shared = _work(target, kernel)
    issued = kernel.group * (2 * size + 1) + 1.75 * max(1.0, kernel.group / 4)
    issued += kernel.group * (size / kernel.products if kernel.products > 1 else 2 * shared)
    if not target.engine_entries:
        compute, access = kernel.group * (own * size + shared) * width, kernel.group * load
        compute = max(compute, kernel.group * size * target.scalar_operand_cycles)
        if kernel.products == 1:
            compute = max(compute, kernel.group * target.fma_latency_cycles)  # each sum waits for its last product
        if kernel.products > 1 and target.renames_vectors:
            return max(access, short_sums_cycles(target, kernel, size, issued + kernel.group * shared, compute))
        if kernel.operands["a"].element.is_float or kernel.products > 1 or target.renames_vectors:
            return _bounded(target, issued, compute, access)
        if kernel.ahead:
            return _bounded(target, _BESIDE_VECTORS * issued, compute, 0.0) + _AHEAD_WAIT * issued
        return _bounded(target, _BESIDE_VECTORS * issued, compute, access) + _INTEGER_WAIT * issued
    rate = max(width, (target.fma_latency_cycles + width) / target.engine_entries, 2 / target.instructions_per_cycle)
    latency = target.load_latency_cycles + target.fma_latency_cycles
    hidden = (target.engine_entries - kernel.group) * rate if kernel.ahead else 2 * width
    compute = kernel.group * (own * size + shared) * rate
    stall = max(0.0, latency + kernel.group * load - max(0.0, hidden))
    return max(compute + stall, kernel.group * load, issued / target.instructions_per_cycle)


def _work(target: Target, kernel: Contraction) -> tuple[float, float]:
    """Operations on vectors of 32 bits for each step: of every sum, and of all sums together."""
    multiply = multiply_cost(target, kernel)
    own = max(0.5 * multiply, 0.5 + 1.0 / kernel.products) if kernel.products > 1 else multiply
    return own, 0.5 if kernel.operands["b"].element.is_narrow else 0.0


def _edge(target: Target, size: int, width: float, load: float, store: float) -> float:
    """Cycles of the first values and of the results of a block."""
    if not target.engine_entries:
        return _bounded(target, 5 * size + 6, 3 * size * width, size * store)
    waits = max(load, target.load_latency_cycles / target.engine_entries)
    return target.load_latency_cycles + 2 * target.fma_latency_cycles + size * (waits + max(width, store))


def _width(target: Target, used: int, kernel: Vectorised) -> float:
    """Cycles of one operation on `used` elements; short registers are processed whole."""
    elements = used if target.engine_entries or target.vlen_bits > _LONG_VLEN_BITS else lanes(target, kernel)
    cycles = max(1.0, elements * kernel.sum_bits / target.vector_bits_per_cycle)
    return float(math.ceil(cycles)) if target.engine_entries else cycles


def _access(target: Target, used: float, kernel: Vectorised, name: str, steps: int) -> float:
    """Cycles of a vector load or store, one of `steps` whose data is used again from the nearest cache that holds it."""
    element_bytes = kernel.operands[name].element.size_bytes
    if kernel.vector.stride(name) != element_bytes:
        return _STRIDED_CYCLES * used
    size = used * element_bytes
    if target.engine_entries:
        rate = target.load_bytes_per_cycle or target.vector_bits_per_cycle / 8
        return size / (rate if steps * size <= _USABLE * target.l2_bytes else min(rate, DRAM_BYTES_PER_CYCLE))
    rate = target.vector_bits_per_cycle / 8 * (1.0 if target.renames_vectors else 0.5)
    shared = max(SHARED_BYTES_PER_CYCLE, target.vector_bits_per_cycle / 16)
    if steps * size > _USABLE * target.l1d_bytes:
        rate = min(rate, shared)
    if steps * size > _USABLE * max(target.l1d_bytes, target.l2_bytes):
        rate = min(rate, DRAM_BYTES_PER_CYCLE)
    return size / rate


def _rows_apart(target: Target, kernel: Contraction, name: str, along: Dim, count: int, steps: int) -> float:
    """Cycles that `count` elements of a step take longer where those of all steps would stay in the first cache in order.

    Rows that lie apart by a multiple of a power of two fall into few sets, so they come from the cache behind every time.
    """
    apart, place = max((abs(dim.stride(name)) for dim in kernel.reduce), default=0), kernel.operands[name]
    lines = -(-count * place.element.size_bytes // _LINE_BYTES) * _LINE_BYTES
    is_packed = place.buffer < 0 or name == "b" and kernel.panels.count > 1
    if target.engine_entries or is_packed or apart <= lines or along.stride(name) != place.element.size_bytes:
        return 0.0
    room, touched = _USABLE * target.l1d_bytes, steps * lines
    if not room * min(1.0, lines / math.gcd(apart, target.l1d_bytes // target.l1d_ways)) < touched <= room:
        return 0.0
    rate = SHARED_BYTES_PER_CYCLE if touched <= _USABLE * target.l2_bytes else DRAM_BYTES_PER_CYCLE
    return lines / rate * (_NOT_HIDDEN if target.renames_vectors else 1.0)


def _bounded(target: Target, instructions: float, compute: float, access: float) -> float:
    units = max(compute, access) if target.renames_vectors else compute + access
    return max(instructions / target.instructions_per_cycle, units) + _INSTRUCTION_COST * instructions


def prefers_vectors_outside(target: Target, kernel: Contraction) -> bool:
    """Whether reading `a` again for every vector moves fewer bytes than reading `b` again for every outer step."""
    chunks = -(-kernel.vector.count // lanes(target, kernel)) * kernel.panels.count
    outer = math.prod(dim.count for dim in kernel.loops)
    steps = math.prod(dim.count for dim in kernel.reduce)
    b_moves = any(dim.stride("b") for dim in kernel.loops)
    if b_moves or chunks == 1:
        return not b_moves
    a_bytes = outer * kernel.block.count * steps * kernel.operands["a"].element.size_bytes
    b_bytes = steps * kernel.vector.count * kernel.panels.count * kernel.operands["b"].element.size_bytes
    return a_bytes * chunks <= a_bytes + b_bytes * outer


def matrix_cycles(target: Target, kernel: MatrixProduct) -> float:
    """Estimated cycles of a product by matrix instructions, one of which starts each cycle."""
    full, rest = divmod(kernel.block.count, kernel.tile * kernel.span)
    sizes = [(full, kernel.tile), (1, -(-rest // kernel.span))]
    blocks = math.prod(dim.count for dim in kernel.loops) * kernel.filters.count / kernel.group
    return blocks * sum(count * _tiles(target, kernel, size) for count, size in sizes if count and size)


def _tiles(target: Target, kernel: MatrixProduct, size: int) -> float:
    """Cycles of one block of tiles, `size` of them along the positions."""
    is_whole = kernel.rows or kernel.block.stride("a") == DEPTH
    whole = TILE_BYTES / target.load_bytes_per_cycle + _TILE_START_CYCLES
    loads = size * (whole if is_whole else _TILE_ROWS_CYCLES) + kernel.group * whole
    products = size * kernel.group
    if kernel.ahead:  # instructions are decoded one after the other
        step = max(products + size + kernel.group + _TILE_LOOP_CYCLES, loads)
    else:
        step = products + _TILE_WAIT * loads
    step += _TILE_WAIT * _far_tiles(target, kernel, size)
    chains = -(-products // MOST_RESULTS) * _TILE_CHAIN_CYCLES
    return kernel.steps * step + max(chains, products * (len(kernel.epilogue.steps) + 1) * _TILE_STEP_CYCLES)


def _far_tiles(target: Target, kernel: MatrixProduct, size: int) -> float:
    """Cycles of a step to fetch tiles that do not stay in the first cache until they are used again."""
    near, nearest = _USABLE * target.l1d_bytes, _USABLE * max(target.l1d_bytes, target.l2_bytes)
    weights, cycles = kernel.steps * kernel.group * TILE_BYTES, 0.0
    if not kernel.vector_outside:
        weights *= kernel.filters.count // kernel.group
    image = math.prod(dim.count for dim in kernel.loops) * kernel.block.count * kernel.block.stride("a")
    if image > near:
        cycles += _NEW_IMAGE * size * TILE_BYTES / SHARED_BYTES_PER_CYCLE
    if weights + _NEW_IMAGE * kernel.steps * size * TILE_BYTES > near:
        rate = DRAM_BYTES_PER_CYCLE if weights > nearest else SHARED_BYTES_PER_CYCLE
        cycles += kernel.group * TILE_BYTES / rate
    return cycles


def transform_cycles(target: Target, kernel: Transform) -> float:
    """Estimated cycles of the transforms of all tiles."""
    work, total = kernel.work, 0.0
    for count, used in _chunks(target, kernel):
        width = _width(target, used, kernel)
        load = _access(target, used, kernel, "x", 1)
        store = _access(target, used, kernel, "y", 1)
        if target.engine_entries:
            load = max(load, target.load_latency_cycles / target.engine_entries)
            rate = max(width, (target.fma_latency_cycles + width) / target.engine_entries)
            total += count * (work.loads * load + work.operations * rate + work.stores * max(1.0, store))
        else:
            instructions = 1.5 * (work.loads + work.stores) + work.operations
            total += count * _bounded(target, instructions, work.operations * width, work.loads * load + work.stores * store)
    return total * math.prod(dim.count for dim in kernel.loops)


def copy_cycles(target: Target, kernel: Pieces) -> float:
    """Estimated cycles of copies; where registers are not renamed, the first store of a block waits for its load."""
    total, blocks = 0.0, -(-kernel.block.count // kernel.tile)
    for count, used in _chunks(target, kernel):
        load, store = _access(target, used, kernel, "x0", 1), _access(target, used, kernel, "y", 1)
        waiting = 0.0 if target.renames_vectors else float(target.load_latency_cycles)
        if target.engine_entries:
            waiting, load = float(target.load_latency_cycles), max(1.0, load)
        moved = kernel.block.count * (load + max(1.0, store))
        total += count * _bounded(target, 2 * kernel.block.count + _COPY_INSTRUCTIONS * blocks, waiting * blocks, moved)
    return total * math.prod(dim.count for dim in kernel.loops)


def reread_cycles(target: Target, size_bytes: int, times: int) -> float:
    """Cycles to read working memory again `times` times, where it does not stay in the first cache beside weights."""
    if size_bytes <= _BESIDE_WEIGHTS * target.l1d_bytes:
        return 0.0
    return times * size_bytes / (SHARED_BYTES_PER_CYCLE if size_bytes <= target.l2_bytes else DRAM_BYTES_PER_CYCLE)


def weights_cycles(target: Target, size_bytes: int, times: int) -> float:
    """Cycles to bring weights near: the first time from DRAM, then from where they fit; threads each bring their part."""
    fits = size_bytes <= _USABLE * max(target.l1d_bytes, target.l2_bytes)
    dram = target.threads * DRAM_BYTES_PER_CYCLE  # a core waits for its misses
    dram = min(dram, target.dram_bytes_per_cycle) if target.threads > 1 else dram
    again = target.threads * SHARED_BYTES_PER_CYCLE if fits else dram
    return size_bytes / dram + (times - 1) * size_bytes / again


def beside_weights(target: Target, cycles: float, size_bytes: int, times: int) -> float:
    """Cycles of work while its weights are brought near: the longer of the two, and a part of the other.

    The part tells schedules apart whose weights take longer than their work: less work leaves more misses under way.
    """
    streamed = weights_cycles(target, size_bytes, times)
    return max(cycles, streamed) + _NOT_HIDDEN * min(cycles, streamed)


def window_cycles(target: Target, kernel: Window) -> float:
    """Estimated cycles of a window."""
    repeats = math.prod(dim.count for dim in kernel.loops)
    cycles = sum(count * _window(target, kernel, used) for count, used in _chunks(target, kernel))
    used = kernel.vector.count / sum(count for count, _ in _chunks(target, kernel))
    return repeats * cycles + _streaming(target, kernel, used)


def _window(target: Target, kernel: Window, used: int) -> float:
    """Cycles of all blocks for one vector of results."""
    width = _window_width(target, used, kernel)
    load = _access(target, used, kernel, "x", 1)
    store = _access(target, used, kernel, "y", 1)
    full, rest = divmod(kernel.block.count, kernel.tile)
    total, taps = 0.0, kernel.along.count * kernel.across.count
    weights = 0 if kernel.hoisted or "w" not in kernel.operands else taps
    for count, size in ((full, kernel.tile), (1 if rest else 0, rest)):
        loads = kernel.columns(size) * kernel.along.count
        vectors = loads + (weights if kernel.vector.stride("w") else 0)
        if target.engine_entries:
            each = max(load, target.load_latency_cycles / target.engine_entries)
            late = kernel.along.count if kernel.together else loads  # loads whose whole latency shows
            waiting = (vectors + size) * each + late * (target.load_latency_cycles - each)
            rate = max(math.ceil(width), (target.fma_latency_cycles + width) / target.engine_entries)
            total += count * (waiting + size * (taps * rate + max(1.0, store)))
        else:
            moved, sums = vectors * load + size * store, size * taps
            total += count * _bounded(target, 2 * loads + 2 * weights + sums + 5 * size + 6, sums * width, moved)
    return total


def _window_width(target: Target, used: float, kernel: Window) -> float:
    registers = used if target.vlen_bits > _LONG_VLEN_BITS else lanes(target, kernel)
    return max(1.0, registers * kernel.sum_bits / target.vector_bits_per_cycle)


def _streaming(target: Target, kernel: Window, used: float) -> float:
    """Cycles to fetch the image where it exceeds the first cache: a vector below a line fetches the line again."""
    width = kernel.operands["x"].element.size_bytes
    image = math.prod(dim.count for dim in kernel.loops) * kernel.block.count * kernel.vector.count * width
    if image <= target.l1d_bytes or kernel.vector.stride("x") != width:
        return 0.0
    repeats = max(1.0, min(_LINE_BYTES / (used * width), kernel.vector.count / used))
    rate = SHARED_BYTES_PER_CYCLE if image <= target.l2_bytes else DRAM_BYTES_PER_CYCLE
    return image * (repeats - 1.0) / rate
