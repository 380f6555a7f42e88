"""Private caches of several harts kept coherent: one writer or many readers of a line, as an exact directory would.

The last cache behind the L1 is that of all harts (`state.share_levels`); without one, all caches are private. A hart that
fetches a line which another one has written gets it through the shared cache, which keeps it, and the writer's copy is
clean from then on. A hart that writes a line which others hold removes their copies first. Either costs the way to the
shared cache and from there to the other hart's last private cache (`snoop_cycles`). Nothing is asked while nobody else has
the line, so that private data cost what they cost one hart.

Left out: the directory's size and its evictions, transactions that meet on their way, instruction caches (which are not
kept coherent on RISC-V either), copies that a write removes after they were read in the same turn of the harts.

Source: D. Sorin et al., "A Primer on Memory Consistency and Cache Coherence", 2nd ed. 2020, chapter 8 (MESI with a
directory in the shared cache). The latencies are a model of ours (tests/core/test_harts.py).
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import record_at
from workbench.core.timing.classes import L1D_ARRAY, L2_ARRAY
from workbench.core.timing.tables import DIRTY, STAMP_SHIFT, probe, remove


@inner_kernel
def level_home(s: Any, level: int) -> int:
    """Where the tags of a level are, for `record_at`."""
    return s.home if level >= s.shared_level else 0


@inner_kernel
def fetch_written(s: Any, line: int) -> int:
    """Clean a line that another hart has written and not given away: the cycle of its last write, -1 if there is none."""
    for k in range(s.harts - 1):
        other = record_at(s.peers[k], s)
        written = -1
        for level in range(L1D_ARRAY, min(L2_ARRAY + 1, s.shared_level)):
            slot = probe(other, level, line)
            if slot >= 0 and other.entries[slot].stamp & DIRTY:
                other.entries[slot].stamp &= ~DIRTY
                written = max(written, other.entries[slot].stamp >> STAMP_SHIFT)
        if written >= 0:
            written = max(written, _end_stores(other, line))
            s.transfers += 1
            _shorten_slice(s)
            return written
    return -1


@inner_kernel
def remove_copies(s: Any, line: int) -> int:
    """Take a line out of the private caches of all other harts; the number of harts that had it."""
    holders = 0
    for k in range(s.harts - 1):
        other = record_at(s.peers[k], s)
        copies = 0
        for level in range(L1D_ARRAY, min(L2_ARRAY + 1, s.shared_level)):
            slot = probe(other, level, line)
            if slot >= 0:
                remove(other, level, slot)
                copies = 1
        if copies:
            _end_stores(other, line)
        holders += copies
    if holders > 0:
        s.invalidations += holders
        _shorten_slice(s)
    return holders


@inner_kernel
def _shorten_slice(s: Any) -> None:
    """A hart that has taken a line from another keeps it as long as the other's request for it would take."""
    s.slice_end = min(s.slice_end, s.last_commit + s.snoop_cycles)


@inner_kernel
def _end_stores(s: Any, line: int) -> int:
    """Cycle at which the stores to a line so far are in the cache; the next one does not merge with them."""
    done = 0
    if s.drain_line >> s.word_bits == line:
        s.drain_line = -1
        done = s.drain_time
    for k in range(s.buffer_lines):
        if s.buffer_line[k] >> s.word_bits == line:
            s.buffer_line[k] = -1
            done = max(done, s.buffer_free[k])
    for k in range(s.kept_lines):
        if s.kept_line[k] == line:
            s.kept_line[k], s.kept_use[k] = -1, 0
    return done


@inner_kernel(is_rare=True)
def own(s: Any, line: int, time: int) -> int:
    """Cycle at which a line may be written that was asked for at `time`: 0 if no other hart has it."""
    return time + s.snoop_cycles if remove_copies(s, line) > 0 else 0
