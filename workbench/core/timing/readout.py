"""What the timing engine's state says at the end of a run: cycles, CPI stack, misses, activity, regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from workbench.core.result import Activity
from workbench.core.timing import classes as K
from workbench.core.timing.state import COUNTS, TIMING_DTYPE
from workbench.isa.table_matrix import products_per_instruction
from workbench.isa.timing_class import TimingClass as Class

_FP_ADDS = (
    Class.FP_ADD, Class.FP_COMPARE, Class.FP_CONVERT, Class.CONVERT_TO_INT, Class.CONVERT_FROM_INT, Class.FP_MISC,
    Class.FP_CLASSIFY,
)  # fmt: skip
_FIELDS = frozenset(field.name for field in fields(Activity))
LEVELS = ("l1i", "l1d", "l2", "l3")
_VECTOR_INTEGER = (
    Class.V_INT_ALU, Class.V_COMPARE, Class.V_MOVE, Class.V_SLIDE, Class.V_GATHER, Class.V_PERMUTE, Class.V_REDUCE_INT,
)  # fmt: skip


@dataclass(frozen=True)
class TimingResult:
    """Figures of one timed run; `cpi_stack` sums to `cycles`, region arrays are indexed by region number.

    `top_down` is the share of cycles per branch of the top-down tree (`classes.TOP_DOWN`); `counters` are event counts
    and means over the run, their names say the unit.
    """

    instructions: int
    cycles: int
    cpi_stack: dict[str, int]
    mpki: dict[str, float]
    activity: Activity
    region_cycles: tuple[int, ...]
    region_instructions: tuple[int, ...]
    top_down: dict[str, float]
    counters: dict[str, float]
    coherence: dict[str, float] = field(default_factory=dict)


def read_result(state: Any, regions: int = 1, line_bytes: int = 64, idle_cycles: int = 0) -> TimingResult:
    """Read a state made by `make_state`; work that a decoupled engine has left at the end counts as vector cycles.

    `idle_cycles` are taken out of the cycles.
    """
    assert state.dtype == TIMING_DTYPE
    s = state[0]
    instructions, committed = int(s["instructions"]), int(s["last_commit"])
    tail = max(int(s["npu_done"].max()), int(s["npu_queue_free"].max())) - committed if s["has_npu"] else 0
    stack = {cause: int(cycles) for cause, cycles in zip(K.CPI_CAUSES, s["stack"], strict=True)}
    stack["vector"] += max(tail, 0)
    cycles = committed + max(tail, 0) - idle_cycles
    return TimingResult(
        instructions=instructions,
        cycles=cycles,
        cpi_stack=stack,
        mpki=_mpki(s, instructions),
        activity=_activity(s, line_bytes),
        region_cycles=_of_regions(s, "region_cycles", committed - int(s["region_cycle"]), regions),
        region_instructions=_of_regions(s, "region_instructions", instructions - int(s["region_instruction"]), regions),
        top_down=top_down(stack),
        counters=_counters(s, cycles, line_bytes),
        coherence={name: int(s[name]) for name in ("invalidations", "transfers")},
    )


def read_results(
    states: Sequence[Any], last: int, idle_cycles: Sequence[int], regions: int = 1, line_bytes: int = 64
) -> tuple[TimingResult, list[TimingResult]]:
    """Harts of one machine: their sum, and each one without its idle cycles.

    The sum's cycles are the clock of hart `last`, which ended the program, or the end of the last decoupled engine's work.
    """
    parts = [read_result(s, regions, line_bytes, idle) for s, idle in zip(states, idle_cycles, strict=True)]
    if len(parts) == 1 and not idle_cycles[0]:
        return parts[0], parts
    total = {name: sum(state[name][0] for state in states) for name in (*COUNTS, "instructions")}
    total["vlen_bytes"] = states[0]["vlen_bytes"][0]
    instructions, ends = (
        int(total["instructions"]),
        [part.cycles + idle for part, idle in zip(parts, idle_cycles, strict=True)],
    )
    cycles = max(ends) if states[0]["has_npu"][0] else ends[last]
    stack = {cause: sum(part.cpi_stack[cause] for part in parts) for cause in K.CPI_CAUSES}
    together = TimingResult(
        instructions=instructions,
        cycles=cycles,
        cpi_stack=stack,
        mpki=_mpki(total, instructions),
        activity=_activity(total, line_bytes),
        region_cycles=tuple(map(sum, zip(*(part.region_cycles for part in parts), strict=True))),
        region_instructions=tuple(map(sum, zip(*(part.region_instructions for part in parts), strict=True))),
        top_down=top_down(stack),
        counters=_counters(total, cycles, line_bytes),
    )
    return together, parts


def _of_regions(s: Any, field: str, since: int, regions: int) -> tuple[int, ...]:
    """A count by region; `since` is what the region that is executed has gathered since it was entered."""
    counts = s[field][:regions].copy()
    current = int(s["region"])
    counts[current if 0 <= current < len(counts) else 0] += since
    return tuple(int(count) for count in counts)


def top_down(cpi_stack: dict[str, int]) -> dict[str, float]:
    """Share of all cycles per branch of the top-down tree; the shares sum to 1."""
    total = max(sum(cpi_stack.values()), 1)
    return {name: sum(cpi_stack[cause] for cause in causes) / total for name, causes in K.TOP_DOWN.items()}


_EVENTS = (
    "conditional_branches", "target_misses", "override_bubbles", "fusions", "forwards", "violations", "replays",
    "bank_conflicts", "prefetches", "useful_prefetches", "device_accesses", "dram_reads", "dram_writes",
)  # fmt: skip
_OCCUPANCIES = {
    "rob_instructions": "rob_occupancy", "issue_queue_entries": "queue_occupancy", "load_queue_entries": "load_occupancy",
    "store_queue_entries": "store_occupancy", "l1d_misses_in_flight": "miss_cycles",
}  # fmt: skip


def _counters(s: Any, cycles: int, line_bytes: int) -> dict[str, float]:
    """Event counts; `mean_*`: entries in use, by Little's law; `dram_bytes_per_cycle`, `dram_row_hit_rate`."""
    traffic = int(s["dram_reads"]) + int(s["dram_writes"])
    figures: dict[str, float] = {name: int(s[name]) for name in _EVENTS}
    figures |= {f"mean_{name}": int(s[total]) / max(cycles, 1) for name, total in _OCCUPANCIES.items()}
    figures["dram_bytes_per_cycle"] = traffic * line_bytes / max(cycles, 1)
    figures["dram_row_hit_rate"] = int(s["row_hits"]) / max(int(s["dram_reads"]), 1)
    return figures


def _mpki(s: Any, instructions: int) -> dict[str, float]:
    counts = {"branch": s["mispredicts"], "indirect": s["indirect_mispredicts"], "tlb": s["tlb_misses"]}
    counts |= {"conditional": s["branch_mispredicts"], "return": s["return_mispredicts"], "target": s["target_misses"]}
    counts |= {name: s["level_tlb_misses"][k] for k, name in enumerate(("itlb", "dtlb", "l2_tlb"))}
    counts |= {level: s["misses"][k] for k, level in enumerate(LEVELS)}
    return {name: 1000 * int(count) / max(instructions, 1) for name, count in counts.items()}


def _activity(s: Any, line_bytes: int) -> Activity:
    def count(*kinds: Class) -> int:
        return sum(int(s["class_count"][kind]) for kind in kinds)

    def elements(name: str, *kinds: Class) -> dict[str, int]:
        """Elements of each SEW; floating-point conversions of bytes count as of 16 bits."""
        counts = s["class_elements"][list(kinds)].sum(axis=0)
        if name.startswith("fp"):
            counts = (0, counts[0] + counts[1], *counts[2:])
        bits = {f"vector_{name.format(8 << place)}_elements": int(count) for place, count in enumerate(counts)}
        return {name: count for name, count in bits.items() if name in _FIELDS}

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
        **elements("int{}", *_VECTOR_INTEGER),
        **elements("int{}_multiply", Class.V_INT_MUL, Class.V_INT_MAC, Class.V_INT_DIV),
        matrix_products=count(Class.V_MATRIX) * products_per_instruction(int(s["vlen_bytes"])),
        **elements("fp{}_add", Class.V_FP_ADD, Class.V_FP_CONVERT, Class.V_FP_MISC, Class.V_REDUCE_FP),
        **elements("fp{}_multiply", Class.V_FP_MUL),
        **elements("fp{}_fma", Class.V_FP_FMA),
        **elements("fp{}_divide", Class.V_FP_DIV, Class.V_FP_SQRT),
        vector_element_bytes=int(s["vector_bytes"]),
        branches=int(s["branches"]),
        branch_mispredicts=int(s["mispredicts"]),
        loads=int(s["loads"]),
        stores=int(s["stores"]),
        **levels,
        dram_read_bytes=int(s["dram_reads"]) * line_bytes,
        dram_write_bytes=int(s["dram_writes"]) * line_bytes,
    )
