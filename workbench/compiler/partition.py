"""Which dimension of a kernel the threads of a program share, and what a kernel takes then: estimated cycles.

A shared kernel takes what its largest part takes (`cost`), and the time in which that brings its data from the cache that
cores share. The dimension with the cheapest part is shared, if threads gain more than a barrier takes.

model: ours; of four networks on four threads the cycles change by less than 0.8 % for any least gain between none and
3,000 cycles. benchmarks/network_threads.py shows the speed-up.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from workbench.compiler.cost import (
    DRAM_BYTES_PER_CYCLE,
    SHARED_BYTES_PER_CYCLE,
    contraction_cycles,
    copy_cycles,
    matrix_cycles,
    transform_cycles,
    window_cycles,
)
from workbench.compiler.kernels.contraction import Contraction
from workbench.compiler.kernels.matrix import MatrixProduct
from workbench.compiler.kernels.pieces import Pieces
from workbench.compiler.kernels.staged import Staged
from workbench.compiler.kernels.transform import Transform
from workbench.compiler.kernels.window import Window
from workbench.compiler.phases import plan_stage_waits
from workbench.compiler.shares import all_dims, piece_of, shares_of, touched_bytes
from workbench.isa.target import Target

BARRIER_CYCLES = 300.0
"""About what it takes until threads have met: lines of the barrier move between caches twice."""
LEAST_GAIN_CYCLES = BARRIER_CYCLES
"""What threads must gain to share a kernel: between kernels of thread 0 nobody waits."""
_VECTOR_CYCLES = 2.0  # of an operand's vector in kernels that have no model of their own


def kernel_cycles(target: Target, kernel: Any) -> float:
    """Estimated cycles of a kernel: of the largest part, where threads share it."""
    if target.threads == 1:
        return _alone(target, kernel)
    return min(part_cycles(target, part) for part in (kernel, *(shares.largest for shares in shares_of(target, kernel))))


def waiting_cycles(target: Target, waits: int) -> float:
    """Estimated cycles in which threads wait for each other so many times, though all have as much to do."""
    return waits * BARRIER_CYCLES if target.threads > 1 else 0.0


def part_cycles(target: Target, part: Any) -> float:
    """Estimated cycles of one thread's part, which may be all of the kernel.

    What threads wrote comes from other cores, weights come from DRAM; a core waits for these, a decoupled engine does not.
    """
    touched = touched_bytes(part)
    weights = touched.pop(_weights_of(part), 0)
    rate = SHARED_BYTES_PER_CYCLE if target.engine_entries else DRAM_BYTES_PER_CYCLE
    return _alone(target, part) + sum(touched.values()) / SHARED_BYTES_PER_CYCLE + weights / rate


def _weights_of(kernel: Any) -> str:
    """The operand that nothing has read before."""
    if isinstance(kernel, Contraction):
        return "b" if kernel.role == "channels" else "a"
    return {MatrixProduct: "b", Window: "w"}.get(type(kernel), "")


def shared_kernel(target: Target, kernel: Any) -> Any:
    """The kernel with the dimension marked that threads share best; unchanged where they would not gain a barrier's time."""
    if isinstance(kernel, Staged):
        stages = tuple(shared_kernel(target, stage) for stage in kernel.stages)
        return replace(kernel, stages=stages, waits=plan_stage_waits(stages))
    parts = [(part_cycles(target, shares.largest), shares.kernel) for shares in shares_of(target, kernel)]
    cycles, best = min(parts, key=lambda part: part[0], default=(math.inf, kernel))
    return best if cycles + LEAST_GAIN_CYCLES < part_cycles(target, kernel) else kernel


def _alone(target: Target, kernel: Any) -> float:
    """Cycles of one thread for a kernel."""
    if isinstance(kernel, Contraction):
        return contraction_cycles(target, kernel)
    if isinstance(kernel, MatrixProduct):
        return matrix_cycles(target, kernel)
    if isinstance(kernel, Transform):
        return transform_cycles(target, kernel)
    if isinstance(kernel, Window):
        return window_cycles(target, kernel)
    if isinstance(kernel, Pieces):
        return copy_cycles(target, kernel)
    along = "vector" if hasattr(kernel, "vector") else "row"
    width = piece_of(target, kernel, "vector")
    steps = math.prod(dim.count for name, dims in all_dims(kernel).items() if name != along for dim in dims)
    return steps * -(-getattr(kernel, along).count // width) * len(kernel.operands) * max(1, kernel.lmul) * _VECTOR_CYCLES
