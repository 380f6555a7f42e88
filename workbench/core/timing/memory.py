"""Caches, TLBs, prefetchers, MSHRs and DRAM: when the data of an access is there, and which level gave it.

An access is served in program order but at its own time; a line in flight keeps the cycle at which it arrives, so that
later accesses to it merge. Left out: cache bank conflicts, the bandwidth of the links between levels, coherence.
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.limits import MSHRS
from workbench.core.timing.classes import DTLB_ARRAY, ITLB_ARRAY, L1D_ARRAY, L1I_ARRAY, L2_ARRAY, L3_ARRAY, STLB_ARRAY
from workbench.core.timing.tables import DIRTY, PREFETCHED, STAMP_SHIFT, find, insert, probe

_DRAM_LEVEL = L3_ARRAY + 1


@inner_kernel
def dram_access(s: Any, line: int, time: int) -> int:
    """Cycle at which a line's burst is over, as seen by the last cache; open rows, one bus a channel."""
    channel = line & (s.channels - 1)
    rest = line >> s.channel_bits
    bank = channel * s.banks + (rest & (s.banks - 1))
    row = rest >> (s.bank_bits + s.column_bits)
    start = max(time + (s.controller >> 1), s.bank_free[bank])
    ready = start + s.cas
    if s.bank_row[bank] != row:
        start += s.activate
        if s.bank_row[bank] >= 0:
            start += s.precharge
        ready = start + s.cas
        s.bank_row[bank] = row
    done = max(ready, s.bus_free[channel]) + s.burst
    s.bus_free[channel] = done
    s.bank_free[bank] = max(start + s.burst, done - s.cas)
    return done + (s.controller >> 1)


@inner_kernel
def _claim_mshr(s: Any, level: int, time: int) -> int:
    """Slot of the MSHR of a level that is free first."""
    best = level * MSHRS
    for k in range(level * MSHRS + 1, level * MSHRS + s.mshrs[level]):
        if s.mshr_free[k] < s.mshr_free[best]:
            best = k
            if s.mshr_free[k] <= time:
                break
    return best


@inner_kernel
def _write_back(s: Any, level: int, line: int, time: int) -> None:
    """Hand a dirty line that fell out of the level above to `level` or to the next one that holds it."""
    for k in range(level, s.last_level + 1):
        slot = probe(s, k, line)
        if slot >= 0:
            s.stamps[slot] |= DIRTY
            return
    s.dram_writes += 1
    channel = line & (s.channels - 1)
    s.bus_free[channel] = max(s.bus_free[channel], time) + s.burst


@inner_kernel
def _fill(s: Any, level: int, line: int, ready: int, source: int, flags: int) -> None:
    insert(s, level, line, (ready << STAMP_SHIFT) | (source << 2) | flags)
    if s.victim >= 0 and s.victim_stamp & DIRTY:
        _write_back(s, max(level + 1, L2_ARRAY), s.victim, ready)


@inner_kernel
def outer_access(s: Any, level: int, line: int, time: int) -> int:
    """Cycle at which a line that missed above `level` reaches the core; `found` is set to the level that had it."""
    if level > s.last_level or level == L1D_ARRAY:
        s.found = _DRAM_LEVEL
        s.dram_reads += 1
        return dram_access(s, line, time + s.hit_cycles[s.last_level])
    s.accesses[level] += 1
    slot = find(s, level, line)
    if slot >= 0:
        stamp = s.stamps[slot]
        ready = time + s.hit_cycles[level]
        s.found = level
        if stamp >> STAMP_SHIFT > ready:
            s.found = (stamp >> 2) & 15
            ready = stamp >> STAMP_SHIFT
        return ready
    s.misses[level] += 1
    mshr = _claim_mshr(s, level, time)
    start = max(time, s.mshr_free[mshr])
    if level == L2_ARRAY and s.has_l3:
        ready = _last_access(s, line, start)
    else:
        s.found = _DRAM_LEVEL
        s.dram_reads += 1
        ready = dram_access(s, line, start + s.hit_cycles[level])
    s.mshr_free[mshr] = ready
    _fill(s, level, line, ready, s.found, 0)
    return ready


@inner_kernel
def _last_access(s: Any, line: int, time: int) -> int:
    """The same for the L3."""
    s.accesses[L3_ARRAY] += 1
    slot = find(s, L3_ARRAY, line)
    if slot >= 0:
        s.found = L3_ARRAY
        return max(time + s.hit_cycles[L3_ARRAY], s.stamps[slot] >> STAMP_SHIFT)
    s.misses[L3_ARRAY] += 1
    mshr = _claim_mshr(s, L3_ARRAY, time)
    start = max(time, s.mshr_free[mshr])
    s.found = _DRAM_LEVEL
    s.dram_reads += 1
    ready = dram_access(s, line, start + s.hit_cycles[L3_ARRAY])
    s.mshr_free[mshr] = ready
    _fill(s, L3_ARRAY, line, ready, _DRAM_LEVEL, 0)
    return ready


@inner_kernel
def _next_level(s: Any) -> int:
    return L2_ARRAY if s.has_l2 else L1D_ARRAY


@inner_kernel
def data_access(s: Any, line: int, pc: int, address: int, time: int, flags: int) -> int:
    """Cycle at which the data of an L1D access is there; `flags` is DIRTY for a write. Sets `found`, trains prefetch."""
    s.accesses[L1D_ARRAY] += 1
    slot = find(s, L1D_ARRAY, line)
    if slot >= 0:
        stamp = s.stamps[slot]
        s.found = L1D_ARRAY
        ready = time + s.hit_cycles[L1D_ARRAY]
        if stamp >> STAMP_SHIFT > ready:
            ready = stamp >> STAMP_SHIFT
            s.found = (stamp >> 2) & 15
        s.stamps[slot] = (stamp & ~PREFETCHED) | flags
        if stamp & PREFETCHED:
            level = s.found
            _train(s, line, pc, address, time)
            s.found = level
        return ready
    s.misses[L1D_ARRAY] += 1
    mshr = _claim_mshr(s, L1D_ARRAY, time)
    start = max(time, s.mshr_free[mshr])
    ready = outer_access(s, _next_level(s), line, start)
    level = s.found
    s.mshr_free[mshr] = ready
    _fill(s, L1D_ARRAY, line, ready, level, flags)
    _train(s, line, pc, address, time)
    s.found = level
    return ready


@inner_kernel
def _prefetch(s: Any, line: int, time: int) -> None:
    """Bring a line into the L1D if it is not there and an MSHR is free."""
    if line < 0 or probe(s, L1D_ARRAY, line) >= 0:
        return
    mshr = _claim_mshr(s, L1D_ARRAY, time)
    if s.mshr_free[mshr] > time:
        return
    s.prefetches += 1
    ready = outer_access(s, _next_level(s), line, time)
    s.mshr_free[mshr] = ready
    _fill(s, L1D_ARRAY, line, ready, s.found, PREFETCHED)


@inner_kernel
def _train(s: Any, line: int, pc: int, address: int, time: int) -> None:
    """Train the stream and stride prefetchers with a miss or the first use of a prefetched line."""
    if s.stride_entries > 0 and _train_stride(s, pc, address, time):
        return
    oldest = 0
    for k in range(s.streams):
        distance = line - s.stream_line[k]
        if -3 < distance < 3:
            if distance != 0:
                _advance_stream(s, k, line, 1 if distance > 0 else -1, time)
            return
    if s.streams > 0:
        oldest = s.stream_next
        s.stream_next = oldest + 1 if oldest + 1 < s.streams else 0
        s.stream_line[oldest] = line
        s.stream_trust[oldest] = 0


@inner_kernel
def _advance_stream(s: Any, k: int, line: int, step: int, time: int) -> None:
    s.stream_trust[k] = s.stream_trust[k] + 1 if step == s.stream_step[k] else 1
    s.stream_step[k] = step
    s.stream_line[k] = line
    if s.stream_trust[k] < 2:
        s.stream_ahead[k] = line
        return
    ahead = s.stream_ahead[k]
    if (ahead - line) * step < 0:
        ahead = line
    issued = 0
    while issued < 4 and (ahead - line) * step < s.stream_distance:
        ahead += step
        _prefetch(s, ahead, time)
        issued += 1
    s.stream_ahead[k] = ahead


@inner_kernel
def _train_stride(s: Any, pc: int, address: int, time: int) -> bool:
    """Whether the access continues a known stride of more than a line (then its successors are prefetched)."""
    slot = (pc >> 1) % s.stride_entries
    if s.stride_pc[slot] != pc:
        s.stride_pc[slot] = pc
        s.stride_trust[slot] = 0
        s.stride_address[slot] = address
        return False
    step = address - s.stride_address[slot]
    s.stride_address[slot] = address
    s.stride_trust[slot] = s.stride_trust[slot] + 1 if step == s.stride_step[slot] else 0
    s.stride_step[slot] = step
    if s.stride_trust[slot] < 2 or abs(step) <= 1 << s.line_shift:
        return False
    for k in range(1, s.stride_degree + 1):
        _prefetch(s, (address + k * step) >> s.line_shift, time)
    return True


@inner_kernel
def instruction_access(s: Any, line: int, time: int) -> int:
    """Cycle at which an instruction line is there, `time` for a hit (its latency is part of the pipeline)."""
    s.accesses[L1I_ARRAY] += 1
    slot = find(s, L1I_ARRAY, line)
    if slot >= 0:
        return max(time, s.stamps[slot] >> STAMP_SHIFT)
    s.misses[L1I_ARRAY] += 1
    mshr = _claim_mshr(s, L1I_ARRAY, time)
    start = max(time, s.mshr_free[mshr])
    ready = outer_access(s, _next_level(s), line, start)
    s.mshr_free[mshr] = ready
    insert(s, L1I_ARRAY, line, ready << STAMP_SHIFT)
    if s.next_line_instruction and probe(s, L1I_ARRAY, line + 1) < 0:
        arrival = outer_access(s, _next_level(s), line + 1, start)
        insert(s, L1I_ARRAY, line + 1, arrival << STAMP_SHIFT)
    return ready


@inner_kernel
def _translate(s: Any, array: int, page: int) -> int:
    if find(s, array, page) >= 0:
        return 0
    s.tlb_misses += 1
    insert(s, array, page, 0)
    if find(s, STLB_ARRAY, page) >= 0:
        return s.second_tlb_cycles
    insert(s, STLB_ARRAY, page, 0)
    return s.second_tlb_cycles + s.walk_cycles


@inner_kernel
def translate_data(s: Any, address: int) -> int:
    """Extra cycles of a data address' translation."""
    page = address >> s.page_shift
    if page == s.last_data_page:
        return 0
    s.last_data_page = page
    return _translate(s, DTLB_ARRAY, page)


@inner_kernel
def translate_code(s: Any, address: int) -> int:
    """Extra cycles of an instruction address' translation."""
    page = address >> s.page_shift
    if page == s.last_code_page:
        return 0
    s.last_code_page = page
    return _translate(s, ITLB_ARRAY, page)
