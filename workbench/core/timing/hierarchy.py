"""The levels behind the L1 caches: L2, L3, their miss registers and write-backs; DRAM is in `dram`.

A line in flight keeps the cycle at which it arrives, so that later accesses to it merge. Of several harts, the last level
is one for all (its record is found by `coherence.level_home`). Left out: banks of L2 and L3; miss registers of a shared
level that harts take from each other (each hart has as many as the core's file says).
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import record_at
from workbench.core.limits import MSHRS
from workbench.core.timing.classes import L1D_ARRAY, L2_ARRAY, L3_ARRAY
from workbench.core.timing.coherence import fetch_written, level_home
from workbench.core.timing.dram import dram_access, write_burst
from workbench.core.timing.state import HORIZON
from workbench.core.timing.tables import DIRTY, PREFETCHED, STAMP_SHIFT, find, insert, probe

DRAM_LEVEL = L3_ARRAY + 1
_CYCLE = HORIZON - 1


@inner_kernel(is_rare=True)
def claim_mshr(s: Any, level: int, time: int) -> int:
    """Slot of the miss register of a level that is free first."""
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
        h = record_at(level_home(s, k), s)
        slot = probe(h, k, line)
        if slot >= 0:
            h.entries[slot].stamp |= DIRTY
            return
    s.dram_writes += 1
    write_burst(s, line, time)


@inner_kernel
def fill(s: Any, level: int, line: int, ready: int, source: int, flags: int) -> None:
    """Enter a line that arrives at `ready` from level `source`; a dirty victim is written back."""
    h = record_at(level_home(s, level), s)
    insert(h, level, line, (ready << STAMP_SHIFT) | (source << 2) | flags)
    if h.victim >= 0 and h.victim_stamp & DIRTY:
        _write_back(s, max(level + 1, L2_ARRAY), h.victim, ready)


@inner_kernel
def _share(s: Any, line: int, time: int) -> None:
    """Before an access of the shared level or of DRAM: bring a line there that another hart has written."""
    written = fetch_written(s, line)
    if written < 0:
        return
    ready = max(time, written) + s.snoop_cycles
    level = s.last_level
    if level < s.shared_level:
        s.dram_writes += 1
        write_burst(s, line, ready)
        return
    h = record_at(level_home(s, level), s)
    slot = probe(h, level, line)
    if slot >= 0:
        h.entries[slot].stamp = (ready << STAMP_SHIFT) | (level << 2) | DIRTY
    else:
        fill(s, level, line, ready, level, DIRTY)


@inner_kernel(is_rare=True)
def outer_access(s: Any, level: int, line: int, time: int) -> int:
    """Cycle at which a line that missed above `level` reaches the core; `found` is set to the level that had it.

    `s.demand` is 1 for what the program asks and 0 for a prefetch, which is not counted; `s.first_use` tells whether the
    line was prefetched into this level and is used for the first time.
    """
    s.first_use = 0
    if s.harts > 1 and (level >= s.shared_level or level == L1D_ARRAY):
        _share(s, line, time)
    if level > s.last_level or level == L1D_ARRAY:
        s.found = DRAM_LEVEL
        s.dram_reads += 1
        return dram_access(s, line, time + s.hit_cycles[s.last_level])
    s.accesses[level] += s.demand
    h = record_at(level_home(s, level), s)
    slot = find(h, level, line)
    if slot >= 0:
        stamp = h.entries[slot].stamp
        ready = time + s.hit_cycles[level]
        s.found = level
        if s.demand and stamp & PREFETCHED:
            h.entries[slot].stamp = stamp & ~PREFETCHED
            s.first_use = 1
            s.useful_prefetches += 1
        if stamp >> STAMP_SHIFT > ready:
            s.found = (stamp >> 2) & 15
            ready = stamp >> STAMP_SHIFT
        return ready
    s.misses[level] += s.demand
    mshr = claim_mshr(s, level, time)
    start = max(time, s.mshr_free[mshr])
    if level == L2_ARRAY and s.has_l3:
        ready = _last_access(s, line, start)
    else:
        s.found = DRAM_LEVEL
        s.dram_reads += 1
        ready = dram_access(s, line, start + s.hit_cycles[level])
    s.mshr_free[mshr] = ready
    fill(s, level, line, ready, s.found, 0)
    return ready


@inner_kernel
def _last_access(s: Any, line: int, time: int) -> int:
    """The same for the L3."""
    if s.harts > 1:
        _share(s, line, time)
    s.accesses[L3_ARRAY] += s.demand
    h = record_at(s.home, s)
    slot = find(h, L3_ARRAY, line)
    if slot >= 0:
        s.found = L3_ARRAY
        return max(time + s.hit_cycles[L3_ARRAY], h.entries[slot].stamp >> STAMP_SHIFT)
    s.misses[L3_ARRAY] += s.demand
    mshr = claim_mshr(s, L3_ARRAY, time)
    start = max(time, s.mshr_free[mshr])
    s.found = DRAM_LEVEL
    s.dram_reads += 1
    ready = dram_access(s, line, start + s.hit_cycles[L3_ARRAY])
    s.mshr_free[mshr] = ready
    fill(s, L3_ARRAY, line, ready, DRAM_LEVEL, 0)
    return ready


@inner_kernel
def next_level(s: Any) -> int:
    """The level behind the L1 caches."""
    return L2_ARRAY if s.has_l2 else L1D_ARRAY


@inner_kernel
def refill(s: Any, ready: int) -> int:
    """Cycle at which a line that is ready behind the L1D is in it: the link takes `refill_cycles` a line."""
    if s.refill_cycles == 0:
        return ready
    slot = ready // s.refill_cycles
    while s.refill_taken[slot & _CYCLE] == slot:
        slot += 1
    s.refill_taken[slot & _CYCLE] = slot
    return max(ready, slot * s.refill_cycles)
