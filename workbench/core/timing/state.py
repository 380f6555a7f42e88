"""The timing engine's whole state as one structured record; its initial value for a core: `workbench.core.timing.initial`.

Arrays are allocated at the maxima of `workbench.core.limits`; the actual limits are fields. Cycles count from 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.core.limits import (
    CACHE_ENTRIES,
    DISPATCH_ENTRIES,
    DRAM_BANKS,
    DRAM_CHANNELS,
    FIRST_LEVEL_ENTRIES,
    FTQ_ENTRIES,
    HARTS,
    INSTRUCTION_BUFFER,
    KEPT_LINES,
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
    TOLD_CYCLES,
    USE_ALTERNATE,
)
from workbench.core.timing import classes as K
from workbench.core.timing.banks import BOOKED_CYCLES

CLASSES = 64  # timing classes at most
SEWS = 4  # widths of vector elements: 8, 16, 32, 64 bits
HORIZON_BITS = 10
HORIZON = 1 << HORIZON_BITS  # cycles that calendars look ahead
QUEUE_CHOICES = 4  # issue queues that an instruction may go to at most
BANK_SLOTS, BUS_SLOTS = 1024, 16384  # bursts that the calendars of DRAM's banks and buses look ahead
FOREVER = 1 << 62  # a cycle that never comes
FULL_SPANS = 16  # masks of vector ports whose span of taken cycles is remembered
HOLDS_PORT, HOLDS_WRITE_PORT = 1, 2  # classes that keep their port busy, or where units of a port share its write port
DEPENDENTS = 4096  # loads that the dependence predictor tells apart at most
FORWARD = 4096  # recent stores that a load may forward from, hashed by address
FIXED = 16  # vector port cycles are in sixteenths
LMUL_STEPS = 8  # registers of one operation: 1/8, 1/4, 1/2, 1, 2, 4, 8, 16
RULE_MEMOS = 1024  # instructions whose cost rule is remembered, hashed by their bits
OFFSET_ROUNDS, OFFSET_MOST, OFFSET_LEAST = 50, 31, 1  # of a best-offset learning phase; Michaud 2016: 100, 31, 1
ABSENT = 1 << 16  # more than wait in any queue, for a choice that a class has not
CAUSES = len(K.CPI_CAUSES)
_W = np.int64
# a store: its eight bytes of memory, when address and data were in the store queue, and until when a load may have them
_RECENT_STORE = np.dtype([("address", _W), ("known", _W), ("ready", _W), ("until", _W)])
_TAGGED = np.dtype([("tag", _W), ("stamp", _W)])  # an entry of a cache, TLB or target buffer (`tables`)
_TAGE_ENTRY = np.dtype([("tag", np.int32), ("counter", np.int8), ("useful", np.int8)], align=True)
_HOST_LINE_BYTES = 64


def _size(field: Any) -> int:
    return int(np.dtype([field]).itemsize)


_FIELDS: list[Any] = [
    # --- front end
    ("fetch_bytes", _W), ("fetch_to_rename", _W), ("redirect", _W), ("decode_redirect", _W), ("ftq_entries", _W),
    ("buffer_entries", _W), ("decode_vector", _W), ("decode_simple_vector", _W), ("page_shift", _W),
    ("next_line_instruction", _W), ("fetch_directed", _W),
    ("block_end", _W), ("block_start", _W), ("block_slot", _W), ("branches_per_block", _W), ("known", _W),
    ("bpu_time", _W), ("bubble", _W), ("fetch_time", _W),
    ("fetch_cause", _W), ("redirected", _W), ("blocks", _W), ("fetch_line", _W),
    ("ftq", _W, FTQ_ENTRIES), ("rename_times", _W, INSTRUCTION_BUFFER),
    # --- predictors
    ("is_tage", _W), ("base_mask", _W), ("gshare_mask", _W), ("tables", _W), ("indirect_tables", _W),
    ("sc_tables", _W), ("sc_mask", _W), ("sc_threshold", _W), ("sc_tune", _W), ("ftb_bubble", _W), ("has_ftb", _W),
    ("decode_finds_taken", _W), ("ras_entries", _W), ("ras_top", _W), ("training", _W), ("first_counters", _W),
    ("late_bubble", _W), ("overruled", _W), ("guess", _W),
    # chains of the first-level target buffer's entries, and when each was used last
    ("first_chain", np.int16, FIRST_LEVEL_ENTRIES), ("first_next", np.int16, FIRST_LEVEL_ENTRIES + 1),
    ("first_used", _W, FIRST_LEVEL_ENTRIES + 1), ("first_uses", _W),
    # banks of tables with one port that are written in a cycle
    ("tage_banks", _W), ("base_banks", _W), ("sc_banks", _W), ("written_cycle", _W), ("tage_written", _W),
    ("base_written", _W), ("sc_written", _W),
    ("keeps_bias", _W), ("path_directions", _W), ("path_indirect", _W),
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
    ("tage", _TAGE_ENTRY, TAGE_TABLES * PREDICTOR_ENTRIES), ("base_alternate", _W),
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
    ("dispatch_entries", _W), ("dispatch_width", _W), ("class_dispatch", _W, CLASSES), ("class_turns", _W, CLASSES),
    ("dispatch_head", _W, 3),
    ("dispatch_left", _W, 3 * DISPATCH_ENTRIES), ("dispatch_time", _W, 3), ("dispatch_count", _W, 3),
    # --- issue queues and ports
    # entries that are free; the last cycle in which some entered, above their number (8 bits); how many may, as long as
    # how many were free before it; 1 where they are counted. The calendar of ports has two words a cycle: ports that are
    # taken, and ports whose register write port is
    ("clock", _W), ("queue_size", _W, QUEUES), ("queue_free", np.uint8, QUEUES), ("queue_entered", _W, QUEUES),
    ("queue_limit", _W, QUEUES), ("queue_counts", _W, QUEUES),
    ("queue_leaving", np.uint8, QUEUES * HORIZON), ("port_book", _W, 2 * HORIZON),
    ("full_ports", _W, FULL_SPANS), ("full_start", _W, FULL_SPANS), ("full_end", _W, FULL_SPANS),
    # from which queues wake-up is slow; what wrote a register, 63 for those that are never written
    ("queue_late", _W, QUEUES), ("register_queue", _W, 256), ("slow_wakeup", _W), ("queue_entry", _W, QUEUES),
    ("choice_next", _W, CLASSES), ("choice_after", _W, CLASSES * QUEUE_CHOICES),
    ("choice_queue", _W, CLASSES * QUEUE_CHOICES), ("choice_ports", _W, CLASSES * QUEUE_CHOICES),
    # entries that were free in the last cycles; how many queues a class chooses from, classes that choose from the same
    # ones, and the order of these for the rest of the group of a cycle, the next in the lowest bits
    ("queue_told", np.uint8, QUEUES * TOLD_CYCLES), ("told_cycles", _W), ("sorts_queues", _W),
    ("choice_count", _W, CLASSES), ("choice_rank", _W, CLASSES * QUEUE_CHOICES), ("class_family", _W, CLASSES),
    ("family_group", _W, CLASSES),
    ("family_order", _W, CLASSES),
    ("class_queue", _W, CLASSES), ("class_ports", _W, CLASSES), ("class_latency", _W, CLASSES * 4),
    ("class_shift", _W, CLASSES), ("class_forms", _W, CLASSES), ("class_holds", _W, CLASSES),
    ("class_at_once", _W, CLASSES),
    # --- memory
    ("load_queue", _W), ("store_queue", _W), ("buffer_lines", _W), ("forward_cycles", _W), ("line_shift", _W),
    ("last_level", _W), ("has_l2", _W), ("has_l3", _W),
    ("load_head", _W), ("store_head", _W), ("drain_time", _W), ("drain_count", _W), ("drain_line", _W),
    ("buffer_head", _W), ("found", _W), ("victim", _W), ("victim_stamp", _W),
    ("second_tlb_cycles", _W), ("walk_cycles", _W), ("last_data_page", _W), ("last_code_page", _W),
    ("load_ring", _W, ROB_ENTRIES), ("store_ring", _W, ROB_ENTRIES), ("buffer_free", _W, MSHRS),
    ("buffer_line", _W, MSHRS),
    ("recent_stores", _RECENT_STORE, FORWARD), ("translated", _W), ("violation_time", _W), ("dependence_mask", _W),
    ("dependence_cycles", _W), ("dependent", _W, DEPENDENTS), ("device_end", _W), ("uncached_cycles", _W),
    ("replay_cycles", _W), ("replay_wakeup", _W),
    ("l1d_banks", _W), ("bank_conflict_cycles", _W), ("bank_cycle", _W, L1D_BANKS), ("bank_line", _W, L1D_BANKS),
    ("bank_book", _W, BOOKED_CYCLES), ("banks_share_port", _W),
    # lines that a store buffer with a threshold holds, the bytes written there, and the store that was the last to each
    ("kept_lines", _W), ("kept_uses", _W), ("kept_last", _W), ("kept_line", _W, KEPT_LINES), ("kept_bytes", _W, KEPT_LINES),
    ("kept_use", _W, KEPT_LINES),
    # a store buffer of words: bits of a word's number within its line, and where the stores in a row began and ended
    ("word_bits", _W), ("stream_writes", _W), ("written_bytes", _W), ("write_begin", _W), ("write_end", _W),
    ("write_trust", _W), ("streamed_line", _W),
    ("refill_cycles", _W), ("refill_taken", _W, HORIZON), ("demand", _W), ("first_use", _W),
    ("walk_reads", _W), ("walk_tables", _W, 16),
    ("base", _W, K.ARRAYS), ("set_mask", _W, K.ARRAYS), ("ways", _W, K.ARRAYS), ("hit_cycles", _W, 4),
    ("mshrs", _W, 4), ("mshr_free", _W, 4 * MSHRS),
    ("entries", _TAGGED, CACHE_ENTRIES),
    # --- prefetch
    ("streams", _W), ("stream_distance", _W), ("stride_entries", _W), ("stride_degree", _W), ("stream_next", _W),
    ("stream_line", _W, STREAMS), ("stream_step", _W, STREAMS), ("stream_trust", _W, STREAMS),
    ("stream_ahead", _W, STREAMS), ("stride_pc", _W, STRIDES), ("stride_address", _W, STRIDES),
    ("stride_step", _W, STRIDES), ("stride_trust", _W, STRIDES), ("stream_l2_distance", _W),
    ("stores_train", _W), ("stream_far", _W, STREAMS),
    ("sequential_loads", _W), ("load_address", _W), ("load_stride", _W), ("load_hits", _W), ("load_trust", _W),
    ("loads_ahead", _W), ("load_ahead", _W),
    ("sms_regions", _W), ("sms_next", _W), ("sms_region", _W, SPATIAL_REGIONS), ("sms_trigger", _W, SPATIAL_REGIONS),
    ("sms_lines", _W, SPATIAL_REGIONS), ("pattern_trigger", _W, PATTERNS), ("pattern_lines", _W, PATTERNS),
    ("offsets", _W), ("offset", _W, OFFSETS), ("offset_score", _W, OFFSETS), ("offset_index", _W), ("offset_round", _W),
    ("offset_rounds", _W), ("offset_most", _W), ("offset_least", _W), ("offset_best", _W),
    ("request_line", _W, RECENT_REQUESTS), ("request_time", _W, RECENT_REQUESTS),
    # --- DRAM
    ("channels", _W), ("channel_bits", _W), ("banks", _W), ("bank_bits", _W), ("column_bits", _W), ("cas", _W),
    ("activate", _W), ("precharge", _W), ("burst", _W), ("controller", _W), ("write_recovery", _W),
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


def _record(fields: list[Any]) -> np.dtype:
    """One record: what every instruction touches lies together, and the last array begins with a line of the host."""
    before = np.dtype(fields[:-1], align=True).itemsize
    missing = -before % _HOST_LINE_BYTES // np.dtype(_W).itemsize
    return np.dtype([*fields[:-1], *[("unused", _W, missing)][: missing > 0], fields[-1]], align=True)


TIMING_DTYPE = _record(sorted(_FIELDS + _COUNTS, key=_size))
