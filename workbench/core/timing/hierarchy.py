"""The levels behind the L1 caches: L2, L3, DRAM, their miss registers and write-backs.

A line in flight keeps the cycle at which it arrives, so that later accesses to it merge. Left out: coherence, banks of
L2 and L3.
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.limits import MSHRS
from workbench.core.timing.classes import L1D_ARRAY, L2_ARRAY, L3_ARRAY
from workbench.core.timing.state import HORIZON
from workbench.core.timing.tables import DIRTY, PREFETCHED, STAMP_SHIFT, find, insert, probe

DRAM_LEVEL = L3_ARRAY + 1
_CYCLE = HORIZON - 1


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
    else:
        s.row_hits += 1
    done = max(ready, s.bus_free[channel]) + s.burst
    s.bus_free[channel] = done
    s.bank_free[bank] = max(start + s.burst, done - s.cas)
    return done + (s.controller >> 1)


@inner_kernel
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
        slot = probe(s, k, line)
        if slot >= 0:
            s.stamps[slot] |= DIRTY
            return
    s.dram_writes += 1
    channel = line & (s.channels - 1)
    s.bus_free[channel] = max(s.bus_free[channel], time) + s.burst


@inner_kernel
def fill(s: Any, level: int, line: int, ready: int, source: int, flags: int) -> None:
    """Enter a line that arrives at `ready` from level `source`; a dirty victim is written back."""
    insert(s, level, line, (ready << STAMP_SHIFT) | (source << 2) | flags)
    if s.victim >= 0 and s.victim_stamp & DIRTY:
        _write_back(s, max(level + 1, L2_ARRAY), s.victim, ready)


@inner_kernel
def outer_access(s: Any, level: int, line: int, time: int) -> int:
    """Cycle at which a line that missed above `level` reaches the core; `found` is set to the level that had it.

    `s.demand` is 1 for what the program asks and 0 for a prefetch, which is not counted; `s.first_use` tells whether the
    line was prefetched into this level and is used for the first time.
    """
    s.first_use = 0
    if level > s.last_level or level == L1D_ARRAY:
        s.found = DRAM_LEVEL
        s.dram_reads += 1
        return dram_access(s, line, time + s.hit_cycles[s.last_level])
    s.accesses[level] += s.demand
    slot = find(s, level, line)
    if slot >= 0:
        stamp = s.stamps[slot]
        ready = time + s.hit_cycles[level]
        s.found = level
        if s.demand and stamp & PREFETCHED:
            s.stamps[slot] = stamp & ~PREFETCHED
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
    s.accesses[L3_ARRAY] += s.demand
    slot = find(s, L3_ARRAY, line)
    if slot >= 0:
        s.found = L3_ARRAY
        return max(time + s.hit_cycles[L3_ARRAY], s.stamps[slot] >> STAMP_SHIFT)
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
