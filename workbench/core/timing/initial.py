"""The timing engine's initial state for a core, and the states of several harts of one machine.

The record's fields: `workbench.core.timing.state`. Kernels import none of the modules `initial*`, so that a change in how a
core's file becomes a state compiles nothing anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.core.config import CoreConfig, HistoryTable
from workbench.core.limits import ROB_ENTRIES
from workbench.core.timing import classes as K
from workbench.core.timing.initial_memory import set_dram, set_memory
from workbench.core.timing.initial_queues import set_queues
from workbench.core.timing.initial_vector import set_npu, set_vector
from workbench.core.timing.state import TIMING_DTYPE
from workbench.isa.fusion import fusion_mask

HUGE_PAGE = 1 << 21  # bytes; numpy asks the system for such pages in large arrays


def make_state(core: CoreConfig, regions: int = 1, device_end: int | None = None) -> Any:
    """A fresh engine for `core`: an array of one `TIMING_DTYPE` record. Region numbers from `REGIONS` on share number 0.

    `device_end` is for programs without an operating system: addresses are not translated, and those below it are devices.
    """
    state = _zeroed_record()
    s = state[0]
    _front_end(s, core)
    _predictor(s, core)
    _back_end(s, core)
    set_queues(s, core)
    set_memory(s, core)
    set_dram(s, core)
    set_vector(s, core)
    set_npu(s, core)
    if device_end is not None:
        s["page_shift"] = 62
        s["device_end"] = device_end if core.memory.uncached_cycles else 0
    return state


def _zeroed_record() -> Any:
    """Zeros of one record that begins with a huge page, so that all its small fields share an entry of the host's TLB."""
    room = np.zeros(TIMING_DTYPE.itemsize + HUGE_PAGE, np.uint8)
    start = -room.ctypes.data % HUGE_PAGE
    return room[start : start + TIMING_DTYPE.itemsize].view(TIMING_DTYPE)


def _front_end(s: Any, core: CoreConfig) -> None:
    front = core.frontend
    s["fetch_bytes"], s["fetch_to_rename"] = front.fetch_bytes, front.fetch_to_rename_cycles
    s["redirect"], s["decode_redirect"] = front.redirect_cycles, front.decode_redirect_cycles
    s["ftq_entries"], s["buffer_entries"] = front.ftq_entries, front.instruction_buffer_entries
    s["decode_vector"], s["decode_simple_vector"] = front.decode_vector_per_cycle, front.decode_simple_vector_per_cycle
    s["fetch_line"], s["fused_pc"] = -1, -1


def _history_masks(table: HistoryTable) -> tuple[int, int]:
    recent, older = min(table.history_bits, 64), max(table.history_bits - 64, 0)
    return -1 if recent == 64 else (1 << recent) - 1, (1 << older) - 1


def _predictor(s: Any, core: CoreConfig) -> None:
    p = core.predictor
    s["is_tage"], s["base_mask"] = p.direction == "tage_sc", p.base_entries - 1
    s["gshare_mask"] = (1 << p.gshare_history_bits) - 1
    s["tables"], s["indirect_tables"], s["sc_tables"] = len(p.tage_tables), len(p.ittage_tables), len(p.sc_history_bits)
    s["base_alternate"] = p.tage_alternate == "base"
    s["sc_mask"], s["sc_threshold"] = p.sc_entries - 1, 6 if s["base_alternate"] else 24
    s["ftb_bubble"], s["has_ftb"], s["ras_entries"] = p.ftb_bubble_cycles, p.ftb_entries > 0, p.ras_entries
    s["branches_per_block"] = p.branches_per_block
    s["tage_banks"], s["base_banks"], s["sc_banks"] = p.tage_banks, p.base_banks, p.sc_banks
    s["decode_finds_taken"] = p.decode_finds_taken_branches
    s["training"], s["first_counters"], s["late_bubble"] = p.training_cycles, p.first_level_counters, p.late_bubble_cycles
    s["keeps_bias"], s["learns"] = p.always_taken_bit, K.TRAINING_TIMES.index(p.direction_training)
    s["path_directions"], s["path_indirect"] = p.direction_history == "path", p.indirect_history == "path"
    for k, table in enumerate(p.tage_tables):
        s["table_mask"][k], s["table_tag_mask"][k] = table.entries - 1, (1 << table.tag_bits) - 1
        s["table_history"][k], s["table_older"][k] = _history_masks(table)
    for k, table in enumerate(p.ittage_tables):
        s["indirect_mask"][k], s["indirect_tag_mask"][k] = table.entries - 1, (1 << table.tag_bits) - 1
        s["indirect_history"][k] = _history_masks(table)[0]
    for k, bits in enumerate(p.sc_history_bits):
        s["sc_history"][k] = (1 << bits) - 1


def _back_end(s: Any, core: CoreConfig) -> None:
    b = core.backend
    s["rename_width"], s["issue_width"] = min(b.rename_width, core.frontend.decode_width), b.issue_width
    s["commit_width"], s["window"], s["rename_to_issue"] = b.commit_width, b.window, b.rename_to_issue_cycles
    s["in_order"], s["move_elimination"] = core.kind == "in_order", b.move_elimination
    s["trap_cycles"], s["fusion"], s["rob_compression"] = b.trap_cycles, fusion_mask(b.fusion), b.rob_compression
    s["rename_groups"], s["entry_wakeup"], s["walk_width"] = b.rename_groups, b.entry_wakeup_cycles, b.walk_width
    s["dispatch_entries"], s["dispatch_width"] = b.dispatch_queue_entries, b.dispatch_width
    for kind, unit in K.UNIT_OF_CLASS.items():
        s["class_turns"][kind] = unit in b.dispatch_turns
        s["class_dispatch"][kind] = 2 if unit in ("load", "store") else 1 if unit.startswith("fp") else 0
    for kind in K.SIMPLE_CLASSES:
        s["class_simple"][kind] = 1
    s["register_head"] = np.arange(3) * ROB_ENTRIES
    s["register_end"] = s["register_head"] + (b.phys_regs_int - 32, b.phys_regs_fp - 32, b.phys_regs_vec - 32)


def share_levels(states: Sequence[Any]) -> None:
    """Make engines that `make_state` made for one core the harts of one machine; the first holds what they share."""
    addresses = [state.ctypes.data for state in states]
    for number, state in enumerate(states):
        others = addresses[:number] + addresses[number + 1 :]
        state["harts"], state["home"] = len(states), addresses[0] if number else 0
        state["peers"][0, : len(others)] = others


def idle_until(state: Any, cycle: int) -> None:
    """Let an engine wait, without instructions, until a cycle that is not before its last commit."""
    s = state[0]
    s["region_cycle"] += cycle - s["last_commit"]
    s["last_commit"] = cycle
    s["bpu_time"], s["barrier"] = max(s["bpu_time"], cycle), max(s["barrier"], cycle + s["trap_cycles"])
    s["block_end"], s["clock"] = 0, cycle
    s["queue_free"], s["queue_leaving"][:] = s["queue_size"], 0  # all instructions before have left their queues
