"""Set-associative arrays with true LRU: caches, TLBs and target buffers share one tag store; sets are kept in order of use.

A stamp holds, from bit 6 up, the cycle at which the entry's content is there; bits 2-5 the level that it came from
(`classes.L1D_ARRAY` ... 4 = DRAM); bit 1 that it was prefetched and not used yet; bit 0 that it is dirty.
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel

DIRTY, PREFETCHED, STAMP_SHIFT = 1, 2, 6


@inner_kernel(forceinline=True)
def _move(s: Any, source: int, target: int) -> None:
    s.entries[target].tag = s.entries[source].tag
    s.entries[target].stamp = s.entries[source].stamp


@inner_kernel(forceinline=True)
def find(s: Any, array: int, key: int) -> int:
    """Slot of `key`, which becomes the most recently used of its set, or -1."""
    ways = s.ways[array]
    base = s.base[array] + (key & s.set_mask[array]) * ways
    tag = key + 1
    if s.entries[base].tag == tag:
        return base
    for slot in range(base + 1, base + ways):
        if s.entries[slot].tag == tag:
            stamp = s.entries[slot].stamp
            for k in range(slot, base, -1):
                _move(s, k - 1, k)
            s.entries[base].tag = tag
            s.entries[base].stamp = stamp
            return base
    return -1


@inner_kernel(forceinline=True)
def probe(s: Any, array: int, key: int) -> int:
    """Slot of `key` without a change to the order of use, or -1."""
    ways = s.ways[array]
    base = s.base[array] + (key & s.set_mask[array]) * ways
    for slot in range(base, base + ways):
        if s.entries[slot].tag == key + 1:
            return slot
    return -1


@inner_kernel
def remove(s: Any, array: int, slot: int) -> None:
    """Take out an entry of a set of caches; the room becomes the one that is used next."""
    ways = s.ways[array]
    last = slot - (slot - s.base[array]) % ways + ways - 1
    for k in range(slot, last):
        _move(s, k + 1, k)
    s.entries[last].tag = 0
    s.entries[last].stamp = 0


@inner_kernel(is_rare=True)
def insert(s: Any, array: int, key: int, stamp: int) -> None:
    """Enter `key` as the most recently used; what falls out is left in `victim` (-1 if none) and `victim_stamp`."""
    ways = s.ways[array]
    base = s.base[array] + (key & s.set_mask[array]) * ways
    last = base + ways - 1
    s.victim = s.entries[last].tag - 1
    s.victim_stamp = s.entries[last].stamp
    for k in range(last, base, -1):
        _move(s, k - 1, k)
    s.entries[base].tag = key + 1
    s.entries[base].stamp = stamp
