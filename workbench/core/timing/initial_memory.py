"""Initial state of caches, TLBs, target buffers, prefetchers and DRAM."""

from __future__ import annotations

import math
from typing import Any

from workbench.core.config import CoreConfig
from workbench.core.config_memory import Cache
from workbench.core.timing import classes as K
from workbench.core.timing.state import DEPENDENTS, FOREVER, OFFSET_LEAST, OFFSET_MOST, OFFSET_ROUNDS
from workbench.core.timing.store_words import WORD_SHIFT


def set_memory(s: Any, core: CoreConfig) -> None:
    """Enter load and store queues, caches, TLBs and prefetchers."""
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
    s["buffer_line"][:] = s["recent_stores"]["address"] = -1
    s["next_line_instruction"] = m.prefetch.next_line_instruction
    s["streams"], s["stream_distance"] = m.prefetch.streams, m.prefetch.stream_distance_lines
    s["stride_entries"], s["stride_degree"] = m.prefetch.stride_entries, m.prefetch.stride_degree
    s["stream_line"][:] = s["sms_region"][:] = s["pattern_trigger"][:] = s["request_line"][:] = -1 << 40
    s["demand"], s["walk_reads"], s["uncached_cycles"] = 1, m.tlb.walk_reads_caches, m.uncached_cycles
    s["dependence_mask"] = min(m.dependence_entries, DEPENDENTS) - 1
    s["dependence_cycles"] = m.dependence_reset_cycles
    s["l1d_banks"], s["bank_conflict_cycles"], s["bank_cycle"][:] = m.l1d_banks, m.bank_conflict_cycles, -1
    s["kept_lines"], s["kept_line"][:] = max(m.store_buffer_threshold - 1, 0), -1
    s["banks_share_port"] = m.bank_conflicts == "any"
    s["word_bits"] = int(s["line_shift"]) - WORD_SHIFT if m.store_buffer_words else 0
    s["stream_writes"], s["streamed_line"] = m.write_stream_lines * m.l1d.line_bytes, -1
    s["sequential_loads"] = m.prefetch.sequential_loads
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


def _shape(entries: int, ways: int = 4) -> tuple[int, int]:
    """Sets (a power of two) and ways of a table; up to 64 entries are fully associative."""
    if entries <= 64:
        return 1, max(entries, 1)
    sets = 1 << max(int(math.log2(max(entries // ways, 1))), 0)
    return sets, max(entries // sets, 1)


def set_dram(s: Any, core: CoreConfig) -> None:
    """Enter the geometry of DRAM, and its times in cycles of the core."""
    d, cycles_per_ns = core.dram, core.frequency_mhz / 1000
    s["channels"], s["channel_bits"] = d.channels, int(math.log2(d.channels))
    s["banks"], s["bank_bits"] = d.banks_per_channel, int(math.log2(d.banks_per_channel))
    s["column_bits"] = int(math.log2(max(d.row_bytes // core.memory.l1d.line_bytes, 1)))
    for field, value in (
        ("cas", d.cas_ns), ("activate", d.activate_ns), ("precharge", d.precharge_ns), ("burst", d.burst_ns),
        ("controller", d.controller_ns),
    ):  # fmt: skip
        s[field] = max(round(value * cycles_per_ns), 1)
    s["write_recovery"] = round(d.write_recovery_ns * cycles_per_ns)
    s["bank_row"][:] = -1
