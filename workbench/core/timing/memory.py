"""L1 caches and address translation: when the data of an access is there, and which level gave it.

An access is served in program order but at its own time. Levels behind the L1: `hierarchy`; prefetchers: `prefetch`.
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import record_at
from workbench.core.timing.banks import ALL_BANKS, REFILL_STAGES, take_banks
from workbench.core.timing.classes import DTLB_ARRAY, ITLB_ARRAY, L1D_ARRAY, L1I_ARRAY, L2_ARRAY, L3_ARRAY, STLB_ARRAY
from workbench.core.timing.coherence import level_home, own
from workbench.core.timing.dram import dram_access
from workbench.core.timing.hierarchy import claim_mshr, fill, next_level, outer_access, refill
from workbench.core.timing.prefetch import train
from workbench.core.timing.tables import DIRTY, PREFETCHED, STAMP_SHIFT, find, insert, probe

__all__ = ["data_access", "instruction_access", "outer_access", "translate_code", "translate_data"]

_PAGE_TABLES, _UPPER_TABLES = 1 << 52, 1 << 53  # line numbers of page tables, apart from those of the program
_ENTRIES_BITS = 3  # page-table entries of a line: 8
_TABLE_BITS = 9  # entries of a page table: 512


@inner_kernel(forceinline=True)
def data_access(s: Any, line: int, pc: int, address: int, time: int, flags: int) -> int:
    """Cycle at which the data of an L1D access is there; `flags` is DIRTY for a write. Sets `found`, trains prefetch."""
    s.accesses[L1D_ARRAY] += 1
    slot = find(s, L1D_ARRAY, line)
    if slot >= 0:
        stamp = s.entries[slot].stamp
        s.found = L1D_ARRAY
        ready = time + s.hit_cycles[L1D_ARRAY]
        if stamp >> STAMP_SHIFT > ready:
            ready = stamp >> STAMP_SHIFT
            s.found = (stamp >> 2) & 15
        s.entries[slot].stamp = (stamp & ~PREFETCHED) | flags
        if s.harts > 1 and flags & ~stamp & DIRTY:
            owned = own(s, line, time)
            if owned > ready:
                ready = owned
                s.found = s.last_level
        if stamp & PREFETCHED:
            s.useful_prefetches += 1
            level = s.found
            train(s, line, pc, address, time, ready, flags != 0, (stamp >> 2) & 15 > L2_ARRAY)
            s.found = level
        return ready
    s.misses[L1D_ARRAY] += 1
    mshr = claim_mshr(s, L1D_ARRAY, time)
    start = max(time, s.mshr_free[mshr])
    ready = refill(s, outer_access(s, next_level(s), line, start))
    level = s.found
    l2_event = level > L2_ARRAY or s.first_use == 1
    if s.harts > 1 and flags & DIRTY:
        ready = max(ready, own(s, line, start))
    s.mshr_free[mshr] = ready
    if s.kept_lines > 0:
        take_banks(s, ready + REFILL_STAGES, ALL_BANKS)
    s.miss_cycles += ready - start
    fill(s, L1D_ARRAY, line, ready, level, flags)
    train(s, line, pc, address, start, ready, flags != 0, l2_event)
    s.found = level
    return ready


@inner_kernel(is_called=True)
def instruction_access(s: Any, line: int, time: int) -> int:
    """Cycle at which an instruction line is there, `time` for a hit (its latency is part of the pipeline)."""
    s.accesses[L1I_ARRAY] += 1
    slot = find(s, L1I_ARRAY, line)
    if slot >= 0:
        return max(time, s.entries[slot].stamp >> STAMP_SHIFT)
    s.misses[L1I_ARRAY] += 1
    mshr = claim_mshr(s, L1I_ARRAY, time)
    start = max(time, s.mshr_free[mshr])
    ready = outer_access(s, next_level(s), line, start)
    s.mshr_free[mshr] = ready
    insert(s, L1I_ARRAY, line, ready << STAMP_SHIFT)
    if s.next_line_instruction and probe(s, L1I_ARRAY, line + 1) < 0:
        s.demand = 0
        arrival = outer_access(s, next_level(s), line + 1, start)
        s.demand = 1
        insert(s, L1I_ARRAY, line + 1, arrival << STAMP_SHIFT)
    return ready


@inner_kernel(is_rare=True)
def _translate(s: Any, array: int, page: int, time: int) -> int:
    if find(s, array, page) >= 0:
        return 0
    s.tlb_misses += 1
    s.level_tlb_misses[array - ITLB_ARRAY] += 1
    insert(s, array, page, 0)
    if find(s, STLB_ARRAY, page) >= 0:
        return s.second_tlb_cycles
    s.level_tlb_misses[STLB_ARRAY - ITLB_ARRAY] += 1
    insert(s, STLB_ARRAY, page, 0)
    walk = s.second_tlb_cycles + s.walk_cycles
    return walk + _walk(s, page, time + walk)


@inner_kernel
def _walk(s: Any, page: int, begin: int) -> int:
    """Cycles that a page walk waits for its table entries; upper levels are kept in the walker.

    The system wrote the tables when it mapped the pages: an entry that is not in the L2 is in the L3 where there is one.
    """
    if not s.walk_reads:
        return 0
    table = page >> _TABLE_BITS
    slot = table & (len(s.walk_tables) - 1)
    time = begin
    if s.walk_tables[slot] != table + 1:
        s.walk_tables[slot] = table + 1
        time = _table_entry(s, _UPPER_TABLES + (table >> _ENTRIES_BITS), time)
    return _table_entry(s, _PAGE_TABLES + (page >> _ENTRIES_BITS), time) - begin


@inner_kernel
def _table_entry(s: Any, line: int, time: int) -> int:
    if s.has_l2 and find(record_at(level_home(s, L2_ARRAY), s), L2_ARRAY, line) >= 0:
        return time + s.hit_cycles[L2_ARRAY]
    ready = time + s.hit_cycles[L3_ARRAY]
    if not s.has_l3:
        ready = dram_access(s, line, time + s.hit_cycles[s.last_level])
    if s.has_l2:
        fill(s, L2_ARRAY, line, ready, L3_ARRAY, 0)
    return ready


@inner_kernel(forceinline=True)
def translate_data(s: Any, address: int, time: int) -> int:
    """Extra cycles of the translation of a data address asked for at `time`."""
    page = address >> s.page_shift
    if page == s.last_data_page:
        return 0
    s.last_data_page = page
    return _translate(s, DTLB_ARRAY, page, time)


@inner_kernel
def translate_code(s: Any, address: int, time: int) -> int:
    """Extra cycles of the translation of an instruction address asked for at `time`."""
    page = address >> s.page_shift
    if page == s.last_code_page:
        return 0
    s.last_code_page = page
    return _translate(s, ITLB_ARRAY, page, time)
