"""What the timing engine's state says at the end of a run: cycles, CPI stack, misses, activity, regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workbench.core.result import Activity
from workbench.core.timing import classes as K
from workbench.core.timing.state import TIMING_DTYPE
from workbench.isa.timing_class import TimingClass as Class

_FP_ADDS = (
    Class.FP_ADD, Class.FP_COMPARE, Class.FP_CONVERT, Class.CONVERT_TO_INT, Class.CONVERT_FROM_INT, Class.FP_MISC,
    Class.FP_CLASSIFY,
)  # fmt: skip
LEVELS = ("l1i", "l1d", "l2", "l3")
_VECTOR_INTEGER = (
    Class.V_INT_ALU, Class.V_COMPARE, Class.V_MOVE, Class.V_SLIDE, Class.V_GATHER, Class.V_PERMUTE, Class.V_REDUCE_INT,
)  # fmt: skip


@dataclass(frozen=True)
class TimingResult:
    """Figures of one timed run; `cpi_stack` sums to `cycles`, region arrays are indexed by region number."""

    instructions: int
    cycles: int
    cpi_stack: dict[str, int]
    mpki: dict[str, float]
    activity: Activity
    region_cycles: tuple[int, ...]
    region_instructions: tuple[int, ...]


def read_result(state: Any, regions: int = 1, line_bytes: int = 64) -> TimingResult:
    """Read a state made by `make_state`; work that a decoupled engine has left at the end counts as vector cycles."""
    assert state.dtype == TIMING_DTYPE
    s = state[0]
    instructions, committed = int(s["instructions"]), int(s["last_commit"])
    tail = max(int(s["npu_done"].max()), int(s["npu_queue_free"].max())) - committed if s["has_npu"] else 0
    stack = {cause: int(cycles) for cause, cycles in zip(K.CPI_CAUSES, s["stack"], strict=True)}
    stack["vector"] += max(tail, 0)
    return TimingResult(
        instructions=instructions,
        cycles=committed + max(tail, 0),
        cpi_stack=stack,
        mpki=_mpki(s, instructions),
        activity=_activity(s, line_bytes),
        region_cycles=tuple(int(c) for c in s["region_cycles"][:regions]),
        region_instructions=tuple(int(n) for n in s["region_instructions"][:regions]),
    )


def _mpki(s: Any, instructions: int) -> dict[str, float]:
    counts = {"branch": s["mispredicts"], "indirect": s["indirect_mispredicts"], "tlb": s["tlb_misses"]}
    counts |= {level: s["misses"][k] for k, level in enumerate(LEVELS)}
    return {name: 1000 * int(count) / max(instructions, 1) for name, count in counts.items()}


def _activity(s: Any, line_bytes: int) -> Activity:
    def count(*kinds: Class) -> int:
        return sum(int(s["class_count"][kind]) for kind in kinds)

    def elements(*kinds: Class) -> int:
        return sum(int(s["class_elements"][kind]) for kind in kinds)

    levels = {f"{name}_accesses": int(s["accesses"][k]) for k, name in enumerate(LEVELS)}
    levels |= {f"{name}_misses": int(s["misses"][k]) for k, name in enumerate(LEVELS)}
    return Activity(
        instructions=int(s["instructions"]),
        vector_instructions=int(s["vector_instructions"]),
        int_operations=count(Class.INT_ALU, Class.BIT_OP, Class.BRANCH, Class.JUMP, Class.JUMP_INDIRECT, Class.VSET),
        int_multiplies=count(Class.INT_MUL),
        int_divides=count(Class.INT_DIV),
        fp_adds=count(*_FP_ADDS),
        fp_multiplies=count(Class.FP_MUL),
        fp_fmas=count(Class.FP_FMA),
        fp_divides=count(Class.FP_DIV, Class.FP_SQRT),
        vector_uops=int(s["vector_uops"]),
        vector_int_elements=elements(*_VECTOR_INTEGER),
        vector_int_multiply_elements=elements(Class.V_INT_MUL, Class.V_INT_MAC, Class.V_INT_DIV),
        vector_fp_add_elements=elements(Class.V_FP_ADD, Class.V_FP_CONVERT, Class.V_FP_MISC, Class.V_REDUCE_FP),
        vector_fp_multiply_elements=elements(Class.V_FP_MUL),
        vector_fp_fma_elements=elements(Class.V_FP_FMA),
        vector_fp_divide_elements=elements(Class.V_FP_DIV, Class.V_FP_SQRT),
        vector_element_bytes=int(s["vector_bytes"]),
        branches=int(s["branches"]),
        branch_mispredicts=int(s["mispredicts"]),
        loads=int(s["loads"]),
        stores=int(s["stores"]),
        **levels,
        dram_read_bytes=int(s["dram_reads"]) * line_bytes,
        dram_write_bytes=int(s["dram_writes"]) * line_bytes,
    )
