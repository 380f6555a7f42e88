"""Scalar loads and stores: forwarding, order violations, the store queue and the store buffer.

A load knows the addresses of older stores that have executed. If an older store to its bytes has not, the load either
waits (when the dependence predictor knows it) or takes stale data, and everything from it on is fetched again.

Source
------
G. Chrysos, J. Emer, "Memory dependence prediction using store sets", ISCA 1998: here with one set a load, which waits
for the store that it really depends on. model: ours (tests/claims/test_claims_memory.py).
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.timing.banks import bank_time
from workbench.core.timing.classes import DRAM, DTLB, L1, L1D_ARRAY, L2, L2_ARRAY, L3, L3_ARRAY
from workbench.core.timing.fetch import VIOLATED, redirect
from workbench.core.timing.memory import data_access, translate_data
from workbench.core.timing.prefetch_sequential import follow_loads
from workbench.core.timing.state import FORWARD
from workbench.core.timing.store_buffer import bytes_of_line, drain_store
from workbench.core.timing.tables import DIRTY
from workbench.isa.code import Flag

_LOAD, _STORE, _ATOMIC = int(Flag.LOAD), int(Flag.STORE), int(Flag.ATOMIC)
_SLOT = FORWARD - 1


@inner_kernel(forceinline=True)
def memory_cause(s: Any, cause: int, waiting: int) -> int:
    """The level that a load waited for; a hit in the L1 counts only where the load held itself back (`waiting`)."""
    if s.found == L2_ARRAY:
        return L2
    if s.found == L3_ARRAY:
        return L3
    if s.found > L3_ARRAY:
        return DRAM
    if s.translated > 0:
        return DTLB
    return L1 if cause == waiting else cause


@inner_kernel(forceinline=True)
def scalar_access(s: Any, c: Any, pc: int, address: int, issue: int, flags: int) -> int:
    """Completion of a load (data there), a store (address and data in the store queue) or an atomic (both)."""
    s.found = -1
    s.translated = 0
    if address < s.device_end:
        s.device_accesses += 1
        return max(issue, s.last_commit + 1) + s.uncached_cycles
    s.translated = translate_data(s, address, issue)
    if not flags & _LOAD:
        s.stores += 1
        return issue + 1 + s.translated
    s.loads += 1
    issue += s.translated
    slot = (address >> 3) & _SLOT
    recent = s.recent_stores[slot]
    if recent.address == address >> 3 and recent.until > issue:
        done = _forward(s, pc, slot, issue)
        s.found = L1D_ARRAY
    else:
        first = address >> s.line_shift
        if s.l1d_banks > 0:
            issue = bank_time(s, address, first, issue)
        done = data_access(s, first, pc, address, issue, DIRTY if flags & _ATOMIC else 0)
        last = (address + c.mem_bytes - 1) >> s.line_shift
        if last != first and c.mem_bytes > 0:
            done = max(done, data_access(s, last, pc, address, issue + 1, 0))
        if s.sequential_loads > 0:
            follow_loads(s, address, c.mem_bytes, issue)
    if flags & _ATOMIC and flags & _STORE:
        done += s.hit_cycles[L1D_ARRAY]
    return done


@inner_kernel(is_called=True)
def _forward(s: Any, pc: int, slot: int, issue: int) -> int:
    """Completion of a load from the store queue or store buffer."""
    s.forwards += 1
    known, ready = s.recent_stores[slot].known, s.recent_stores[slot].ready
    if issue >= known or s.dependence_mask < 0:
        return _await_data(s, issue, ready)
    entry = (pc >> 1) & s.dependence_mask
    if s.dependent[entry] > s.last_commit:
        return _await_data(s, _replay(s, issue, known + 1) if s.replay_cycles > 0 else known, ready)
    s.dependent[entry] = s.last_commit + s.dependence_cycles
    s.violations += 1
    s.violation_time = max(known, ready) + 1
    return s.violation_time + s.redirect + s.fetch_to_rename + s.rename_to_issue + s.forward_cycles


@inner_kernel(forceinline=True)
def _await_data(s: Any, issue: int, ready: int) -> int:
    """Completion of a load at `issue` from a store whose data execute at `ready` and are in its queue a cycle later."""
    if issue <= ready and s.replay_cycles > 0:
        issue = _replay(s, issue, ready)
    return max(issue, ready) + s.forward_cycles


@inner_kernel(forceinline=True)
def _replay(s: Any, issue: int, event: int) -> int:
    """When a load that gave up at `issue` issues again, from the queue of such loads, because of what came at `event`."""
    s.replays += 1
    return max(issue + s.replay_cycles, event + s.replay_wakeup)


@inner_kernel(forceinline=True)
def flush_violation(s: Any) -> None:
    """Fetch again after a load that took stale data."""
    if s.violation_time > 0:
        redirect(s, s.violation_time, VIOLATED)
        s.violation_time = 0


@inner_kernel(forceinline=True)
def retire_access(s: Any, flags: int, pc: int, address: int, size: int, known: int, ready: int, finished: int) -> None:
    """Enter an access in its queue; `known` and `ready`: when a store's address and its data were in the store queue."""
    if flags & _LOAD:
        enter_load(s, finished)
    if flags & _STORE:
        drained = finished
        if address >= s.device_end:
            drained = drain_store(s, pc, address, bytes_of_line(s, address, size), finished)
        _remember_store(s, address >> 3, known, ready, drained)
        if (address & 7) + size > 8:
            _remember_store(s, (address >> 3) + 1, known, ready, drained)
        enter_store(s, drained)


@inner_kernel(forceinline=True)
def _remember_store(s: Any, place: int, known: int, ready: int, drained: int) -> None:
    recent = s.recent_stores[place & _SLOT]
    recent.address = place
    recent.known = known
    recent.ready = ready
    recent.until = drained


@inner_kernel(forceinline=True)
def enter_load(s: Any, finished: int) -> None:
    """An entry of the load queue is taken until `finished`."""
    s.load_ring[s.load_head] = finished
    s.load_occupancy += finished - s.rename_time
    s.load_head += 1
    if s.load_head >= s.load_queue:
        s.load_head = 0


@inner_kernel(forceinline=True)
def enter_store(s: Any, drained: int) -> None:
    """An entry of the store queue is taken until `drained`."""
    s.store_ring[s.store_head] = drained
    s.store_occupancy += drained - s.rename_time
    s.store_head += 1
    if s.store_head >= s.store_queue:
        s.store_head = 0
