"""The timing engine's whole state as one structured record, and its initial value for a core.

Arrays are allocated at the maxima of `workbench.core.limits`; the actual limits are fields. Cycles count from 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.core.config import Cache, CoreConfig, HistoryTable
from workbench.core.config_vector import Vector, VectorCost
from workbench.core.limits import (
    CACHE_ENTRIES,
    DISPATCH_ENTRIES,
    DRAM_BANKS,
    DRAM_CHANNELS,
    FTQ_ENTRIES,
    HARTS,
    INSTRUCTION_BUFFER,
    L1D_BANKS,
    LESSONS,
    MSHRS,
    NPU_QUEUE,
    OFFSETS,
    PATTERNS,
    PREDICTOR_ENTRIES,
    QUEUES,
    RAS_ENTRIES,
    RECENT_REQUESTS,
    REGIONS,
    ROB_ENTRIES,
    SPATIAL_REGIONS,
    STREAMS,
    STRIDES,
    TAGE_TABLES,
    USE_ALTERNATE,
)
from workbench.core.timing import classes as K
from workbench.isa.code import NO_REGISTER
from workbench.isa.fusion import fusion_mask
from workbench.isa.timing_class import TimingClass

CLASSES = 64  # timing classes at most
SEWS = 4  # widths of vector elements: 8, 16, 32, 64 bits
HORIZON = 1024  # cycles that calendars look ahead
BANK_SLOTS, BUS_SLOTS = 1024, 16384  # bursts that the calendars of DRAM's banks and buses look ahead
FOREVER = 1 << 62  # a cycle that never comes
FULL_SPANS = 16  # masks of vector ports whose span of taken cycles is remembered
HOLDS_PORT, HOLDS_WRITE_PORT = 1, 2  # classes that keep their port busy, or where units of a port share its write port
QUEUE_CHOICES = 4  # issue queues that an instruction may go to at most
DEPENDENTS = 4096  # loads that the dependence predictor tells apart at most
FORWARD = 4096  # recent stores that a load may forward from, hashed by address
FIXED = 16  # vector port cycles are in sixteenths
LMUL_STEPS = 8  # registers of one operation: 1/8, 1/4, 1/2, 1, 2, 4, 8, 16
RULE_MEMOS = 1024  # instructions whose cost rule is remembered, hashed by their bits
SEWS = 4  # 8, 16, 32 and 64 bits
OFFSET_ROUNDS, OFFSET_MOST, OFFSET_LEAST = 50, 31, 1  # of a best-offset learning phase; Michaud 2016: 100, 31, 1
HUGE_PAGE = 1 << 21  # bytes; numpy asks the system for such pages in large arrays
CAUSES = len(K.CPI_CAUSES)
_W = np.int64


def _size(field: Any) -> int:
    return int(np.dtype([field]).itemsize)


_FIELDS: list[Any] = [
    # --- front end
    ("fetch_bytes", _W), ("fetch_to_rename", _W), ("redirect", _W), ("decode_redirect", _W), ("ftq_entries", _W),
    ("buffer_entries", _W), ("decode_vector", _W), ("decode_simple_vector", _W), ("page_shift", _W),
    ("next_line_instruction", _W), ("fetch_directed", _W),
    ("block_end", _W), ("block_start", _W), ("block_slot", _W), ("branches_per_block", _W), ("known", _W),
    ("new_block", _W), ("bpu_time", _W), ("bubble", _W), ("fetch_time", _W),
    ("fetch_cause", _W), ("redirected", _W), ("blocks", _W), ("fetch_line", _W),
    ("ftq", _W, FTQ_ENTRIES), ("rename_times", _W, INSTRUCTION_BUFFER),
    # --- predictors
    ("is_tage", _W), ("base_mask", _W), ("gshare_mask", _W), ("tables", _W), ("indirect_tables", _W),
    ("sc_tables", _W), ("sc_mask", _W), ("sc_threshold", _W), ("sc_tune", _W), ("ftb_bubble", _W), ("has_ftb", _W),
    ("decode_finds_taken", _W), ("ras_entries", _W), ("ras_top", _W), ("training", _W), ("first_counters", _W),
    ("late_bubble", _W), ("overruled", _W), ("keeps_bias", _W), ("path_directions", _W), ("path_indirect", _W),
    ("history", _W), ("older_history", _W), ("path", _W), ("allocation", _W), ("allocation_ticks", _W),
    ("table_mask", _W, TAGE_TABLES), ("table_tag_mask", _W, TAGE_TABLES), ("table_history", _W, TAGE_TABLES),
    ("table_older", _W, TAGE_TABLES), ("table_index", _W, LESSONS * TAGE_TABLES),
    ("table_tag", _W, LESSONS * TAGE_TABLES), ("learns", _W), ("resolved", _W),  # ring of predictions to learn from
    ("lesson_first", _W), ("lesson_next", _W), ("lesson_time", _W, LESSONS), ("lesson_provider", _W, LESSONS),
    ("lesson_base", _W, LESSONS), ("lesson_outcome", _W, LESSONS), ("lesson_total", _W, LESSONS),
    ("indirect_mask", _W, TAGE_TABLES), ("indirect_tag_mask", _W, TAGE_TABLES),
    ("indirect_history", _W, TAGE_TABLES), ("indirect_index", _W, TAGE_TABLES), ("indirect_tag", _W, TAGE_TABLES),
    ("sc_history", _W, 4), ("sc_index", _W, LESSONS * 4), ("ras", _W, RAS_ENTRIES),
    ("base_counters", np.int8, PREDICTOR_ENTRIES), ("sc_counters", np.int8, 4 * PREDICTOR_ENTRIES),
    ("tags_tage", np.int32, TAGE_TABLES * PREDICTOR_ENTRIES), ("counters", np.int8, TAGE_TABLES * PREDICTOR_ENTRIES),
    ("useful", np.int8, TAGE_TABLES * PREDICTOR_ENTRIES), ("base_alternate", _W),
    ("use_alternate", np.int8, USE_ALTERNATE),
    ("indirect_tags", np.int32, TAGE_TABLES * PREDICTOR_ENTRIES),
    ("indirect_targets", _W, TAGE_TABLES * PREDICTOR_ENTRIES), ("last_targets", _W, 4096),
    # --- rename, window, commit
    ("rename_width", _W), ("issue_width", _W), ("commit_width", _W), ("window", _W), ("rename_to_issue", _W),
    ("in_order", _W), ("move_elimination", _W), ("trap_cycles", _W), ("fusion", _W), ("fused_pc", _W),
    ("rob_compression", _W), ("rob_open", _W), ("rob_merges", _W), ("class_simple", _W, CLASSES),
    ("rename_time", _W), ("rename_count", _W), ("vector_count", _W), ("barrier", _W), ("walk_width", _W), ("walk_end", _W),
    ("rename_groups", _W), ("group_left", _W), ("group_start", _W), ("group_closed", _W), ("entry_wakeup", _W),
    ("rob_head", _W), ("rob", _W, ROB_ENTRIES), ("register_end", _W, 3), ("register_head", _W, 3),
    ("register_ring", _W, 3 * ROB_ENTRIES), ("register_ready", _W, 256), ("register_started", _W, 128),
    ("last_issue", _W), ("issue_count", _W), ("last_commit", _W), ("commit_count", _W), ("instructions", _W),
    # --- dispatch queues: when the last entries left each, and how many in the last cycle in which some did
    ("dispatch_entries", _W), ("dispatch_width", _W), ("class_dispatch", _W, CLASSES), ("dispatch_head", _W, 3),
    ("dispatch_left", _W, 3 * DISPATCH_ENTRIES), ("dispatch_time", _W, 3), ("dispatch_count", _W, 3),
    # --- issue queues and ports
    # entries that are free; the last cycle in which some entered, above their number (8 bits); how many may, as long as
    # how many were free before it; 1 where they are counted
    ("clock", _W), ("queue_size", _W, QUEUES), ("queue_free", np.uint8, QUEUES), ("queue_entered", _W, QUEUES),
    ("queue_limit", _W, QUEUES), ("queue_needs", _W, QUEUES), ("queue_counts", _W, QUEUES),
    ("queue_leaving", np.uint8, QUEUES * HORIZON), ("port_book", _W, HORIZON),
    ("full_ports", _W, FULL_SPANS), ("full_start", _W, FULL_SPANS), ("full_end", _W, FULL_SPANS),
    # from which queues wake-up is slow; what wrote a register, 63 for those that are never written
    ("queue_late", _W, QUEUES), ("register_queue", _W, 256), ("slow_wakeup", _W), ("queue_entry", _W, QUEUES),
    ("choice_next", _W, CLASSES), ("choice_after", _W, CLASSES * QUEUE_CHOICES),
    ("choice_queue", _W, CLASSES * QUEUE_CHOICES), ("choice_ports", _W, CLASSES * QUEUE_CHOICES),
    ("class_queue", _W, CLASSES), ("class_ports", _W, CLASSES), ("class_latency", _W, CLASSES * 4),
    ("class_shift", _W, CLASSES), ("class_forms", _W, CLASSES), ("class_holds", _W, CLASSES),
    ("class_at_once", _W, CLASSES), ("write_book", _W, HORIZON),
    # --- memory
    ("load_queue", _W), ("store_queue", _W), ("buffer_lines", _W), ("forward_cycles", _W), ("line_shift", _W),
    ("last_level", _W), ("has_l2", _W), ("has_l3", _W),
    ("load_head", _W), ("store_head", _W), ("drain_time", _W), ("drain_count", _W), ("drain_line", _W),
    ("buffer_head", _W), ("found", _W), ("victim", _W), ("victim_stamp", _W),
    ("second_tlb_cycles", _W), ("walk_cycles", _W), ("last_data_page", _W), ("last_code_page", _W),
    ("load_ring", _W, ROB_ENTRIES), ("store_ring", _W, ROB_ENTRIES), ("buffer_free", _W, MSHRS),
    ("buffer_line", _W, MSHRS),
    ("forward_address", _W, FORWARD), ("forward_ready", _W, FORWARD), ("forward_until", _W, FORWARD),
    ("forward_known", _W, FORWARD), ("translated", _W), ("violation_time", _W), ("dependence_mask", _W),
    ("dependence_cycles", _W), ("dependent", _W, DEPENDENTS), ("device_end", _W), ("uncached_cycles", _W),
    ("replay_cycles", _W), ("replay_wakeup", _W),
    ("l1d_banks", _W), ("bank_conflict_cycles", _W), ("bank_cycle", _W, L1D_BANKS), ("bank_line", _W, L1D_BANKS),
    ("refill_cycles", _W), ("refill_taken", _W, HORIZON), ("demand", _W), ("first_use", _W),
    ("walk_reads", _W), ("walk_tables", _W, 16),
    ("base", _W, K.ARRAYS), ("set_mask", _W, K.ARRAYS), ("ways", _W, K.ARRAYS), ("hit_cycles", _W, 4),
    ("mshrs", _W, 4), ("mshr_free", _W, 4 * MSHRS),
    ("tags", _W, CACHE_ENTRIES), ("stamps", _W, CACHE_ENTRIES),
    # --- prefetch
    ("streams", _W), ("stream_distance", _W), ("stride_entries", _W), ("stride_degree", _W), ("stream_next", _W),
    ("stream_line", _W, STREAMS), ("stream_step", _W, STREAMS), ("stream_trust", _W, STREAMS),
    ("stream_ahead", _W, STREAMS), ("stride_pc", _W, STRIDES), ("stride_address", _W, STRIDES),
    ("stride_step", _W, STRIDES), ("stride_trust", _W, STRIDES), ("stream_l2_distance", _W),
    ("stores_train", _W), ("stream_far", _W, STREAMS),
    ("sms_regions", _W), ("sms_next", _W), ("sms_region", _W, SPATIAL_REGIONS), ("sms_trigger", _W, SPATIAL_REGIONS),
    ("sms_lines", _W, SPATIAL_REGIONS), ("pattern_trigger", _W, PATTERNS), ("pattern_lines", _W, PATTERNS),
    ("offsets", _W), ("offset", _W, OFFSETS), ("offset_score", _W, OFFSETS), ("offset_index", _W), ("offset_round", _W),
    ("offset_rounds", _W), ("offset_most", _W), ("offset_least", _W), ("offset_best", _W),
    ("request_line", _W, RECENT_REQUESTS), ("request_time", _W, RECENT_REQUESTS),
    # --- DRAM
    ("channels", _W), ("channel_bits", _W), ("banks", _W), ("bank_bits", _W), ("column_bits", _W), ("cas", _W),
    ("activate", _W), ("precharge", _W), ("burst", _W), ("controller", _W),
    ("bank_free", _W, DRAM_BANKS), ("bank_row", _W, DRAM_BANKS), ("bus_free", _W, DRAM_CHANNELS),
    ("bus_taken", _W, DRAM_CHANNELS * BUS_SLOTS), ("bank_taken", _W, DRAM_BANKS * BANK_SLOTS),
    # --- several harts: host address of the record whose caches from `shared_level` on and DRAM all harts use, 0 for this
    # one; those of the other harts; cycles to them and back; the commit after which a slice ends
    ("harts", _W), ("home", _W), ("shared_level", _W), ("peers", _W, HARTS), ("snoop_cycles", _W), ("slice_end", _W),
    # --- vector
    ("vlen_bytes", _W), ("load_port", _W), ("store_port", _W), ("scalar_operand", _W), ("scalar_interval", _W),
    ("scalar_next", _W), ("scalar_ports", _W), ("masked_ports", _W), ("has_chaining", _W), ("binds_pipes", _W),
    ("work_follows_vl", _W), ("widening_source_rate", _W), ("masked_reads_old", _W), ("overwrite_waits", _W),
    ("vector_port", _W), ("vector_leave", _W), ("vector_beat", _W), ("vector_queue", _W), ("vector_head", _W),
    ("vector_order", _W, 2), ("vector_ring", _W, NPU_QUEUE), ("rule_of_class", _W, CLASSES),
    ("rule_cost", _W, len(K.RULES) * SEWS * LMUL_STEPS), ("rule_latency", _W, len(K.RULES) * SEWS),
    ("rule_saving", _W, len(K.RULES) * SEWS), ("rule_minimum", _W, len(K.RULES)), ("rule_fixed", _W, len(K.RULES)),
    ("rule_elements", _W, len(K.RULES)), ("rule_element_pairs", _W, len(K.RULES)), ("rule_tree", _W, len(K.RULES)),
    ("rule_chain", _W, len(K.RULES)), ("rule_reads_old", _W, len(K.RULES)), ("rule_ports", _W, len(K.RULES)),
    ("rule_memo", _W, RULE_MEMOS),  # bits of an instruction and its class above its rule
    ("rule_queue", _W, len(K.RULES)), ("rule_credit", _W, len(K.RULES)), ("register_saving", _W, 128),
    ("access_cost", _W, 2 * len(K.ACCESS)), ("parallel_fields", _W, 2), ("field_slots", _W, 2),
    ("access_credit", _W, 2),
    # --- decoupled engine
    ("has_npu", _W), ("npu_bytes", _W), ("npu_chaining", _W), ("npu_level", _W), ("npu_port", _W), ("npu_lines", _W),
    ("npu_dispatch", _W), ("npu_result", _W), ("npu_queue", _W), ("npu_divide", _W), ("npu_reduce", _W),
    ("npu_memory", _W), ("npu_lanes", _W), ("npu_head", _W), ("npu_line_head", _W), ("npu_last", _W),
    ("npu_rule_unit", _W, len(K.RULES)), ("npu_rule_startup", _W, len(K.RULES)),
    ("npu_unit_free", _W, len(K.NPU_UNITS)), ("npu_queue_free", _W, NPU_QUEUE), ("npu_line_free", _W, MSHRS),
    ("npu_prefetch", _W), ("npu_stream_address", _W, STRIDES), ("npu_stream_step", _W, STRIDES),
    ("npu_first", _W, 32), ("npu_done", _W, 32), ("npu_read", _W, 32),
    # --- log of stages (`workbench.core.timing.stages`): host address of the next row, rows that are still wanted
    ("log_pointer", _W), ("log_left", _W), ("vector_issue", _W),
    # --- regions: the one of the last commit, and what had been counted when it was entered
    ("region", _W), ("region_cycle", _W), ("region_instruction", _W), ("region_cycles", _W, REGIONS),
    ("region_instructions", _W, REGIONS),
]  # fmt: skip
_COUNTS: list[Any] = [
    ("stack", _W, CAUSES),
    ("class_count", _W, CLASSES), ("class_elements", _W, (CLASSES, SEWS)), ("vector_uops", _W), ("vector_bytes", _W),
    ("vector_instructions", _W), ("branches", _W), ("mispredicts", _W), ("indirect_mispredicts", _W),
    ("loads", _W), ("stores", _W), ("accesses", _W, 4), ("misses", _W, 4), ("tlb_misses", _W), ("dram_reads", _W),
    ("dram_writes", _W), ("prefetches", _W), ("npu_traffic", _W), ("conditional_branches", _W),
    ("branch_mispredicts", _W), ("return_mispredicts", _W), ("target_misses", _W), ("override_bubbles", _W),
    ("violations", _W), ("forwards", _W), ("bank_conflicts", _W), ("replays", _W), ("fusions", _W),
    ("useful_prefetches", _W), ("level_tlb_misses", _W, 3), ("row_hits", _W), ("miss_cycles", _W), ("device_accesses", _W),
    ("invalidations", _W), ("transfers", _W),
    ("rob_occupancy", _W), ("queue_occupancy", _W), ("load_occupancy", _W), ("store_occupancy", _W),
]  # fmt: skip
COUNTS = tuple(name for name, *_ in _COUNTS)
TIMING_DTYPE = np.dtype(sorted(_FIELDS + _COUNTS, key=_size), align=True)  # what every instruction touches lies together


def make_state(core: CoreConfig, regions: int = 1, device_end: int | None = None) -> Any:
    """A fresh engine for `core`: an array of one `TIMING_DTYPE` record. Region numbers from `REGIONS` on share number 0.

    `device_end` is for programs without an operating system: addresses are not translated, and those below it are devices.
    """
    state = _zeroed_record()
    s = state[0]
    _front_end(s, core)
    _predictor(s, core)
    _back_end(s, core)
    _queues(s, core)
    _memory(s, core)
    _dram(s, core)
    _vector(s, core)
    _npu(s, core)
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
    s["new_block"], s["fetch_line"], s["fused_pc"] = 1, -1, -1


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
    s["decode_finds_taken"] = p.decode_finds_taken_branches
    s["training"], s["first_counters"], s["late_bubble"] = p.training_cycles, p.first_level_counters, p.late_bubble_cycles
    s["keeps_bias"], s["learns"] = p.always_taken_bit, ("at_once", "resolution", "commit").index(p.direction_training)
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
        s["class_dispatch"][kind] = 2 if unit in ("load", "store") else 1 if unit.startswith("fp") else 0
    for kind in K.SIMPLE_CLASSES:
        s["class_simple"][kind] = 1
    s["register_head"] = np.arange(3) * ROB_ENTRIES
    s["register_end"] = s["register_head"] + (b.phys_regs_int - 32, b.phys_regs_fp - 32, b.phys_regs_vec - 32)


def _ports_of_unit(core: CoreConfig) -> dict[str, tuple[int, int]]:
    """Unit -> (queue number, mask of ports); ports with fewer units get the lower numbers, which are tried first."""
    ports = [(len(port), q, port) for q, queue in enumerate(core.issue_queues) for port in queue.ports]
    units: dict[str, tuple[int, int]] = {}
    for number, (_, queue, port) in enumerate(sorted(ports, key=lambda item: item[0])):
        for unit in port:
            first, mask = units.get(unit, (queue, 0))
            units[unit] = (first, mask | 1 << number)
    return units


def _choices_of_unit(core: CoreConfig) -> dict[str, dict[int, int]]:
    """Unit -> {queue number: mask of its ports with the unit}, at most `QUEUE_CHOICES` queues."""
    ports = [(len(port), q, port) for q, queue in enumerate(core.issue_queues) for port in queue.ports]
    choices: dict[str, dict[int, int]] = {}
    for number, (_, queue, port) in enumerate(sorted(ports, key=lambda item: item[0])):
        for unit in port:
            of_unit = choices.setdefault(unit, {})
            if queue in of_unit or len(of_unit) < QUEUE_CHOICES:
                of_unit[queue] = of_unit.get(queue, 0) | 1 << number
    return choices


def _queues(s: Any, core: CoreConfig) -> None:
    for q, queue in enumerate(core.issue_queues):
        s["queue_size"][q] = s["queue_free"][q] = queue.size
        limit, s["queue_entry"][q] = queue.entries_per_cycle, queue.entry_cycles
        s["queue_limit"][q], s["queue_needs"][q], s["queue_counts"][q] = limit or 1, limit or 1, limit > 0
        for k, producer in enumerate(core.issue_queues):
            if producer.wakes is not None and queue.name not in producer.wakes:
                s["queue_late"][q] |= 1 << k
    s["slow_wakeup"], s["register_queue"][[0, NO_REGISTER]] = core.backend.slow_wakeup_cycles, 63
    units, choices = _ports_of_unit(core), _choices_of_unit(core)
    latency = core.latency.model_dump()
    latency |= {
        name: latency[other] for name, other in _SAME_LATENCY.items() if latency[name] is None
    }  # fmt: skip
    s["choice_next"] = np.arange(CLASSES) * QUEUE_CHOICES
    s["choice_after"] = np.repeat(s["choice_next"], QUEUE_CHOICES)
    for kind, unit in K.UNIT_OF_CLASS.items():
        if unit not in units:  # a core without vectors has none for vset
            continue
        s["class_queue"][kind], s["class_ports"][kind] = units[unit]
        s["choice_after"][kind * QUEUE_CHOICES : kind * QUEUE_CHOICES + len(choices[unit])] = [
            kind * QUEUE_CHOICES + (k + 1) % len(choices[unit]) for k in range(len(choices[unit]))
        ]
        for k, (queue_number, mask) in enumerate(sorted(choices[unit].items())):
            s["choice_queue"][kind * QUEUE_CHOICES + k], s["choice_ports"][kind * QUEUE_CHOICES + k] = queue_number, mask
    for kind, field in K.LATENCY_OF_CLASS.items():
        value = latency[field]
        s["class_latency"][kind * 4 : kind * 4 + 4] = _by_size(value)
        s["class_shift"][kind], s["class_forms"][kind] = _size_field(value)
    for kind in (TimingClass.INT_DIV, TimingClass.FP_DIV, TimingClass.FP_SQRT):
        s["class_holds"][kind] = HOLDS_PORT
    if core.backend.shared_write_ports:
        s["class_at_once"][TimingClass.INT_ALU] = -1
        s["class_holds"][TimingClass.INT_MUL] = s["class_holds"][TimingClass.BIT_OP] = HOLDS_WRITE_PORT


_SAME_LATENCY = {"convert_to_int": "fp_convert", "convert_from_int": "fp_convert", "fp_classify": "fp_misc"}


def _by_size(value: int | tuple[int, ...]) -> tuple[int, int, int, int]:
    """Latency by the field of the instruction that tells its size: (double, word) or (single, double, half)."""
    if isinstance(value, int):
        return (value,) * 4
    if len(value) == 2:
        word, double = value
        return double, word, word, word
    half, single, double = value
    return single, double, half, double


def _size_field(value: int | tuple[int, ...]) -> tuple[int, int]:
    """Where in an instruction its size stands: lowest bit and mask (bit 3 of the opcode: a word; fmt)."""
    return (0, 0) if isinstance(value, int) else (3, 1) if len(value) == 2 else (25, 3)


def _memory(s: Any, core: CoreConfig) -> None:
    m = core.memory
    s["load_queue"], s["store_queue"], s["buffer_lines"] = m.load_queue, m.store_queue, m.store_buffer_lines
    s["forward_cycles"], s["line_shift"] = m.store_forward_cycles, int(math.log2(m.l1d.line_bytes))
    s["replay_cycles"], s["replay_wakeup"] = m.replay_cycles, m.replay_wakeup_cycles
    s["has_l2"], s["has_l3"] = m.l2 is not None, m.l3 is not None
    s["last_level"] = K.L3_ARRAY if m.l3 else K.L2_ARRAY if m.l2 else K.L1D_ARRAY
    s["page_shift"] = int(math.log2(m.tlb.page_bytes))
    s["harts"], s["slice_end"] = 1, FOREVER
    s["second_tlb_cycles"], s["walk_cycles"] = m.tlb.second_level_latency_cycles, m.tlb.walk_latency_cycles
    s["last_data_page"] = s["last_code_page"] = s["drain_line"] = -1
    s["buffer_line"][:] = s["forward_address"][:] = -1
    s["next_line_instruction"] = m.prefetch.next_line_instruction
    s["streams"], s["stream_distance"] = m.prefetch.streams, m.prefetch.stream_distance_lines
    s["stride_entries"], s["stride_degree"] = m.prefetch.stride_entries, m.prefetch.stride_degree
    s["stream_line"][:] = s["sms_region"][:] = s["pattern_trigger"][:] = s["request_line"][:] = -1 << 40
    s["demand"], s["walk_reads"], s["uncached_cycles"] = 1, m.tlb.walk_reads_caches, m.uncached_cycles
    s["dependence_mask"] = min(m.dependence_entries, DEPENDENTS) - 1
    s["dependence_cycles"] = m.dependence_reset_cycles
    s["l1d_banks"], s["bank_conflict_cycles"], s["bank_cycle"][:] = m.l1d_banks, m.bank_conflict_cycles, -1
    s["refill_cycles"] = m.l1d.line_bytes // m.refill_bytes_per_cycle if m.refill_bytes_per_cycle else 0
    s["stream_l2_distance"], s["sms_regions"] = m.prefetch.stream_l2_distance_lines, m.prefetch.spatial_regions
    s["stores_train"], s["fetch_directed"] = m.prefetch.trained_by_stores, m.prefetch.fetch_directed
    s["offsets"] = len(m.prefetch.best_offsets)
    s["offset"][: s["offsets"]] = m.prefetch.best_offsets
    s["offset_rounds"], s["offset_most"], s["offset_least"] = OFFSET_ROUNDS, OFFSET_MOST, OFFSET_LEAST
    _arrays(s, core)


def _arrays(s: Any, core: CoreConfig) -> None:
    m, p = core.memory, core.predictor
    caches: tuple[Cache | None, ...] = (m.l1i, m.l1d, m.l2, m.l3)
    for k, cache in enumerate(caches):
        if cache:
            s["hit_cycles"][k], s["mshrs"][k] = cache.hit_latency_cycles, cache.mshrs
    _sharing(s)
    shapes = [(cache.sets, cache.ways) if cache else (1, 1) for cache in caches]
    shapes += [_shape(n) for n in (m.tlb.instruction_entries, m.tlb.data_entries, m.tlb.second_level_entries)]
    shapes += [_shape(p.ubtb_entries), _shape(p.ftb_entries, p.ftb_ways)]
    base = 0
    for k, (sets, ways) in enumerate(shapes):
        s["base"][k], s["set_mask"][k], s["ways"][k] = base, sets - 1, ways
        base += sets * ways


def _sharing(s: Any) -> None:
    """The last cache behind the L1 is that of all harts; the way to a line in another one's cache leads through it."""
    last = int(s["last_level"])
    is_shared = last > K.L1D_ARRAY
    s["shared_level"] = last if is_shared else K.L3_ARRAY + 1
    s["snoop_cycles"] = s["hit_cycles"][last] + (s["hit_cycles"][last - 1] if is_shared else 0)


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
    s["new_block"], s["clock"] = 1, cycle
    s["queue_free"], s["queue_leaving"][:] = s["queue_size"], 0  # all instructions before have left their queues


def _shape(entries: int, ways: int = 4) -> tuple[int, int]:
    """Sets (a power of two) and ways of a table; up to 64 entries are fully associative."""
    if entries <= 64:
        return 1, max(entries, 1)
    sets = 1 << max(int(math.log2(max(entries // ways, 1))), 0)
    return sets, max(entries // sets, 1)


def _dram(s: Any, core: CoreConfig) -> None:
    d, cycles_per_ns = core.dram, core.frequency_mhz / 1000
    s["channels"], s["channel_bits"] = d.channels, int(math.log2(d.channels))
    s["banks"], s["bank_bits"] = d.banks_per_channel, int(math.log2(d.banks_per_channel))
    s["column_bits"] = int(math.log2(max(d.row_bytes // core.memory.l1d.line_bytes, 1)))
    for field, value in (
        ("cas", d.cas_ns), ("activate", d.activate_ns), ("precharge", d.precharge_ns), ("burst", d.burst_ns),
        ("controller", d.controller_ns),
    ):  # fmt: skip
        s[field] = max(round(value * cycles_per_ns), 1)
    s["bank_row"][:] = -1


def _port_cycles(cost: VectorCost, step: int, sew_log2: int, has_fractions: bool) -> int:
    """Port cycles in sixteenths for ``2**step`` registers, without what depends on the number of elements."""
    registers = 2.0 ** (step if has_fractions else max(step, 0))
    scale = (cost.half, cost.half, 1.0, cost.double)[sew_log2 - 3]
    cycles = cost.fixed + cost.linear * registers + cost.pairs * registers * registers + cost.doublings * max(step, 0)
    if cost.single is not None and step <= 0:
        cycles = cost.single
    return round(max(cycles * scale, cost.cubes * registers**3) * FIXED)


def _rule_latency(cost: VectorCost, sew_log2: int) -> int:
    return cost.latency if isinstance(cost.latency, int) else cost.latency[max(sew_log2 - 4, 0)]


def _accumulate_latency(cost: VectorCost, sew_log2: int, latency: int) -> int:
    given = cost.accumulate_latency
    return latency if given is None else given if isinstance(given, int) else given[max(sew_log2 - 4, 0)]


def cost_of(vector: Vector, name: str) -> VectorCost:
    """The cost rule of a vector unit, or that of the nearest rule that stands in for it."""
    while (cost := getattr(vector, name)) is None:
        name = K.PARENT_RULE[name]
    return cost  # type: ignore[no-any-return]


def _vector(s: Any, core: CoreConfig) -> None:
    s["vlen_bytes"] = core.vlen_bits // 8
    for kind, rule in K.RULE_OF_CLASS.items():
        s["rule_of_class"][kind] = K.RULE[rule]
    if core.vector is None:
        return
    v = core.vector
    s["load_port"], s["store_port"], s["scalar_operand"] = v.load_port_bytes, v.store_port_bytes, v.scalar_operand_cycles
    s["scalar_interval"], s["vector_queue"] = round(v.scalar_operand_interval_cycles * FIXED), v.queue_entries
    s["has_chaining"], s["binds_pipes"], s["work_follows_vl"] = v.has_chaining, v.binds_pipes, v.work_follows_vl
    s["widening_source_rate"] = v.widening_source_rate
    s["masked_reads_old"], s["overwrite_waits"] = v.masked_reads_destination, v.overwrite_waits
    for number, (name, _, _) in enumerate(K.RULES):
        _rule(s, number, cost_of(v, name))
    for store, access in enumerate((v.load, v.store)):
        for field, place in K.ACCESS.items():
            s["access_cost"][store * len(K.ACCESS) + place] = round(getattr(access, field) * FIXED)
        s["parallel_fields"][store], s["field_slots"][store] = access.parallel_fields, access.field_slots
    if core.npu is None:
        _vector_ports(s, core)


def _rule(s: Any, number: int, cost: VectorCost) -> None:
    s["rule_minimum"][number], s["rule_fixed"][number] = round(cost.minimum * FIXED), round(cost.fixed * FIXED)
    s["rule_elements"][number], s["rule_tree"][number] = round(cost.elements * FIXED), round(cost.tree_steps * FIXED)
    s["rule_element_pairs"][number] = round(cost.element_pairs * FIXED * FIXED)
    s["rule_chain"][number], s["rule_reads_old"][number] = K.CHAIN[cost.chain], cost.reads_destination
    for sew_log2 in range(3, 7):
        place = number * SEWS + sew_log2 - 3
        s["rule_latency"][place] = latency = _rule_latency(cost, sew_log2)
        s["rule_saving"][place] = latency - _accumulate_latency(cost, sew_log2, latency)
        for step in range(LMUL_STEPS):
            s["rule_cost"][place * LMUL_STEPS + step] = _port_cycles(cost, step - 3, sew_log2, s["work_follows_vl"] != 0)


def _vector_ports(s: Any, core: CoreConfig) -> None:
    units = _ports_of_unit(core)
    for number, (_, choices, _) in enumerate(K.RULES):
        unit = next(unit for unit in choices if unit in units)
        s["rule_queue"][number], s["rule_ports"][number] = units[unit]
    s["masked_ports"] = units["v_masked"][1] if "v_masked" in units else -1
    s["scalar_ports"] = units["v_scalar"][1] if "v_scalar" in units else 0
    for kind in (TimingClass.V_LOAD, TimingClass.V_LOAD_STRIDED, TimingClass.V_LOAD_INDEXED):
        s["class_queue"][kind], s["class_ports"][kind] = units["v_load"]
    for kind in (TimingClass.V_STORE, TimingClass.V_STORE_STRIDED, TimingClass.V_STORE_INDEXED):
        s["class_queue"][kind], s["class_ports"][kind] = units["v_store"]


def _npu(s: Any, core: CoreConfig) -> None:
    n = core.npu
    if n is None:
        return
    s["has_npu"], s["npu_bytes"], s["npu_chaining"] = 1, n.lanes * n.lane_bits // 8, n.has_chaining
    s["npu_level"] = {"l2": K.L2_ARRAY, "l3": K.L3_ARRAY, "dram": K.L3_ARRAY + 1}[n.memory_level]
    s["npu_prefetch"] = n.prefetch_lines
    s["npu_port"], s["npu_lines"], s["npu_queue"] = n.memory_port_bytes, n.outstanding_lines, n.queue_entries
    s["npu_dispatch"], s["npu_result"], s["npu_lanes"] = n.dispatch_cycles, n.result_cycles, n.lanes
    s["npu_divide"], s["npu_reduce"], s["npu_memory"] = (
        n.divide_cycles_per_element, n.reduce_step_cycles, n.memory_startup_cycles,
    )  # fmt: skip
    startup = {
        "alu": n.alu_startup_cycles, "multiply": n.fma_startup_cycles, "slide": n.slide_startup_cycles,
        "mask": n.mask_startup_cycles,
    }  # fmt: skip
    for number, (name, _, _) in enumerate(K.RULES):
        unit = K.NPU_UNIT_OF_RULE.get(name, "alu")
        s["npu_rule_unit"][number] = K.NPU_UNITS.index(unit)
        s["npu_rule_startup"][number] = startup[unit]
    s["npu_rule_startup"][K.RULE["int_mul"]] = n.multiply_startup_cycles
    s["npu_rule_startup"][K.RULE["fp_convert"]] = s["npu_rule_startup"][K.RULE["narrow_fp"]] = n.convert_startup_cycles
