"""Estimated cycles of sums of bytes in 16 bits where vector registers are renamed (`kernels.short_sums`).

model: ours. For matrices of 256 x 256 with constant weights it is within 4 % of what Kunminghu V2 is simulated to take, for
LMUL 1 to 8 and two to ten sums at a time (benchmarks/int8_gemm.py).
"""

from __future__ import annotations

import math

from workbench.compiler.kernels.contraction import Contraction
from workbench.isa.target import Target

_ISSUE = 1.2  # cycles to issue those of sums in 16 bits: three depend on each other, and the vector's type changes
_AROUND = 5.0  # cycles of an instruction in flight besides its latency
_COVERED_SUMS = 4  # by whose products additions come behind, besides two latencies, until none takes the multiplier's turn


def short_sums_cycles(target: Target, kernel: Contraction, size: int, issued: float, compute: float) -> float:
    """Cycles of a group of steps for `size` totals, of so many instructions and so many cycles of the pipes that compute."""
    issue = _ISSUE * (issued + kernel.group * 2 * size / kernel.products) / target.instructions_per_cycle
    row = compute / (size * kernel.group / kernel.products)
    return max(issue, compute * _turns(target, kernel, size, row), _in_flight(target, kernel, size))


def multiply_cost(target: Target, kernel: Contraction) -> float:
    """Cycles of a product of integers beside those of a floating one, which may have more pipes."""
    if kernel.operands["a"].element.is_float or not target.integer_bits_per_cycle:
        return 1.0
    return max(1.0, target.vector_bits_per_cycle / target.integer_bits_per_cycle)


def _in_flight(target: Target, kernel: Contraction, size: int) -> float:
    """Cycles of a group where renamed registers limit how much is in flight, each from its load to its addition."""
    short, narrow = max(1, kernel.lmul // 2), max(1, kernel.lmul // 4)
    vectors = narrow if not kernel.are_negated else short + narrow if kernel.operands["b"].element.is_narrow else short
    results = kernel.group * (size * (short + kernel.lmul / kernel.products) + vectors)
    latency = target.load_latency_cycles + 3 * target.integer_latency_cycles + _AROUND
    return results / target.renamed_registers * latency


def _turns(target: Target, kernel: Contraction, size: int, row: float) -> float:
    """How much longer sums in 16 bits take, each `row` cycles, where their additions take turns of the pipe that multiplies.

    An addition finds the pipe taken if enough products of later sums are in the queue when its own sum is there, and goes to
    another; at the end of a loop's body there are none. Else one pipe gets half of the additions, but for one of a group.
    """
    if multiply_cost(target, kernel) == 1.0:
        return 1.0
    steps = min(math.prod(dim.count for dim in kernel.reduce), kernel.unrolled_steps)
    sums = max(1.0, size * steps / kernel.products)
    behind = min(kernel.sums_at_a_time - 1, sums)
    lead = behind * (1 - behind / (2 * sums)) * row
    uncovered = max(0.0, 1 - lead / (2 * target.integer_latency_cycles + _COVERED_SUMS * row))
    return 1 + 0.5 * (1 - 1 / kernel.lmul) * uncovered
