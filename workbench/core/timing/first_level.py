"""The first-level target buffer: what is known of a branch before anything else, with true LRU within a set.

Every branch asks it, and mostly it is fully associative, so entries stay where they are (in the tag store that caches and
TLBs share) and are found by chains of entries whose keys have the same lowest bits. An entry's number is its place in the
buffer from 1 on; 0 ends a chain.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.limits import FIRST_LEVEL_ENTRIES
from workbench.core.timing.classes import UBTB_ARRAY

_CHAIN = FIRST_LEVEL_ENTRIES - 1


@inner_kernel(forceinline=True)
def find_first(s: Any, key: int) -> int:
    """Slot of `key`, which becomes the most recently used of its set, or -1."""
    before = s.base[UBTB_ARRAY] - 1
    entry = np.int64(s.first_chain[key & _CHAIN])
    while entry > 0 and s.entries[before + entry].tag != key + 1:
        entry = np.int64(s.first_next[entry])
    if entry == 0:
        return -1
    s.first_uses += 1
    s.first_used[entry] = s.first_uses
    return before + entry  # type: ignore[no-any-return]


@inner_kernel(is_rare=True)
def insert_first(s: Any, key: int, stamp: int) -> None:
    """Enter `key` in place of the least recently used of its set."""
    before = s.base[UBTB_ARRAY] - 1
    start = (key & s.set_mask[UBTB_ARRAY]) * s.ways[UBTB_ARRAY] + 1
    entry = start
    for k in range(start + 1, start + s.ways[UBTB_ARRAY]):
        if s.first_used[k] < s.first_used[entry]:
            entry = k
    if s.entries[before + entry].tag > 0:
        _unchain(s, entry, (s.entries[before + entry].tag - 1) & _CHAIN)
    s.first_uses += 1
    s.entries[before + entry].tag, s.entries[before + entry].stamp, s.first_used[entry] = key + 1, stamp, s.first_uses
    s.first_next[entry] = s.first_chain[key & _CHAIN]
    s.first_chain[key & _CHAIN] = entry


@inner_kernel
def _unchain(s: Any, entry: int, chain: int) -> None:
    other = s.first_chain[chain]
    if other == entry:
        s.first_chain[chain] = s.first_next[entry]
        return
    while s.first_next[other] != entry:
        other = s.first_next[other]
    s.first_next[other] = s.first_next[entry]
