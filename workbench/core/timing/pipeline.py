"""Rename, dispatch and commit: each takes the earliest cycle at which an instruction may pass and returns when it does.

Rename is in order and waits for the window, registers and queues. Fetch: `workbench.core.timing.fetch`; issue: `queues`
and `ports` beside it.
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.limits import DISPATCH_ENTRIES, INSTRUCTION_BUFFER, REGIONS, ROB_ENTRIES
from workbench.core.timing.classes import BASE

_BUFFER = INSTRUCTION_BUFFER - 1


@inner_kernel(forceinline=True)
def rename(s: Any, time: int, arrived: int, joins: bool, slots: int, is_simple: int) -> int:
    """Cycle at which an instruction of `slots` micro-operations that `arrived` is renamed, in order and within the width.

    `joins` tells whether it is `in_group`.

    With compression, neighbours that cannot fault (`is_simple` is 1; not pairs that fuse) and are renamed in one cycle
    share an entry of the reorder buffer.
    """
    if s.rename_groups:
        time = _join_group(s, time, arrived, joins, slots)
        merges = s.rob_open & is_simple
    else:
        merges = s.rob_open & is_simple & (time <= s.rename_time) & (s.rename_count + slots <= s.rename_width)
    s.rob_merges = merges
    s.rob_open = is_simple & s.rob_compression
    if not merges:
        time = max(time, s.rob[s.rob_head] + 1)
    if time > s.rename_time:
        s.rename_time = time
        s.rename_count = 0
        s.vector_count = 0
    s.rename_count += slots
    while s.rename_count > s.rename_width:
        s.rename_count -= s.rename_width
        s.rename_time += 1
        s.vector_count = 0
    s.rename_times[s.instructions & _BUFFER] = s.rename_time
    return s.rename_time


@inner_kernel(forceinline=True)
def in_group(s: Any, arrived: int) -> bool:
    """Whether an instruction that has `arrived` was decoded together with the one renamed last."""
    return s.group_left > 0 and arrived <= s.group_closed


@inner_kernel(forceinline=True)
def group_cycle(s: Any, arrived: int, joins: bool) -> int:
    """First cycle in which the group of an instruction that has `arrived` may be renamed."""
    return s.group_start if joins else max(arrived, s.rename_time + 1)  # type: ignore[no-any-return]


@inner_kernel(forceinline=True)
def _join_group(s: Any, time: int, arrived: int, joins: bool, slots: int) -> int:
    """Cycle from `time` on at which the group of an instruction may be renamed; begins one if the last is complete.

    A group holds what had arrived when the group before moved on, up to `rename_width` micro-operations.
    """
    if not joins:
        s.group_closed = max(arrived, s.group_start + 1)
        s.group_start = max(arrived, s.rename_time + 1)
        s.group_left = s.rename_width
        s.rob_open = 0
        last = s.rob_head + s.rename_width - 1
        room = s.rob[last if last < s.window else last - s.window] + 1
        time = max(time, s.group_start, room)
        if s.dispatch_entries > 0:
            time = max(time, _dispatch_room(s))
    s.group_left -= slots
    while s.group_left < 0:
        s.group_left += s.rename_width
    return time


@inner_kernel(is_rare=True)
def _dispatch_room(s: Any) -> int:
    """First cycle in which each dispatch queue has room for a full group."""
    time = 0
    for k in range(3):
        last = (s.dispatch_head[k] + s.rename_width - 1) & (s.dispatch_entries - 1)
        time = max(time, s.dispatch_left[k * DISPATCH_ENTRIES + last] + 1)
    return time


@inner_kernel
def _await_turn(s: Any, k: int, leaving: int) -> int:
    """Cycle from `leaving` on in which an instruction has the first place in an even cycle or the third in an odd one."""
    while s.dispatch_count[k] != 2 * (leaving & 1):
        leaving += 1
        s.dispatch_time[k], s.dispatch_count[k] = leaving, 0
    return leaving


@inner_kernel(is_rare=True)
def dispatch(s: Any, kind: int, time: int) -> int:
    """Cycles that an instruction renamed at `time` stays in its dispatch queue longer than in an empty one."""
    k = s.class_dispatch[kind]
    leaving = max(time, s.dispatch_time[k])
    if leaving > s.dispatch_time[k]:
        s.dispatch_time[k], s.dispatch_count[k] = leaving, 0
    elif s.dispatch_count[k] >= s.dispatch_width:
        leaving += 1
        s.dispatch_time[k], s.dispatch_count[k] = leaving, 0
    if s.class_turns[kind]:
        leaving = _await_turn(s, k, leaving)
    s.dispatch_count[k] += 1
    head = s.dispatch_head[k]
    s.dispatch_left[k * DISPATCH_ENTRIES + head] = leaving
    s.dispatch_head[k] = (head + 1) & (s.dispatch_entries - 1)
    return leaving - time


@inner_kernel(forceinline=True)
def commit(s: Any, region: int, complete: int, cause: int) -> int:
    """Commit cycle of the oldest instruction; the cycles since the last commit go to base (1) and `cause` (the rest)."""
    if region != s.region:
        enter_region(s, region)
    time = max(complete + 1, s.last_commit)
    before = s.last_commit
    if time > before:
        s.commit_count = 0
        s.stack[BASE] += 1
        s.stack[cause] += time - before - 1
    elif s.commit_count >= s.commit_width and not s.rob_merges:
        time += 1
        s.commit_count = 0
        s.stack[BASE] += 1
    s.last_commit = time
    s.rob_occupancy += time - s.rename_time
    head = s.rob_head
    if s.rob_merges:
        s.rob[head - 1 if head > 0 else s.window - 1] = time
    else:
        s.commit_count += 1
        s.rob[head] = time
        s.rob_head = head + 1 if head + 1 < s.window else 0
    s.instructions += 1
    return time


@inner_kernel(is_rare=True)
def enter_region(s: Any, region: int) -> None:
    """Give what was committed since the last change of region to the region that is left."""
    left = s.region if 0 <= s.region < REGIONS else 0
    s.region_cycles[left] += s.last_commit - s.region_cycle
    s.region_instructions[left] += s.instructions - s.region_instruction
    s.region_cycle, s.region_instruction, s.region = s.last_commit, s.instructions, region


@inner_kernel(forceinline=True)
def register_slot(s: Any, file: int, time: int) -> int:
    """Cycle from `time` on at which a physical register of a file is free."""
    return max(time, s.register_ring[s.register_head[file]] + 1)


@inner_kernel(forceinline=True)
def free_register(s: Any, file: int, time: int) -> None:
    """The register that this instruction replaces is free after its commit at `time`."""
    head = s.register_head[file]
    s.register_ring[head] = time
    s.register_head[file] = head + 1 if head + 1 < s.register_end[file] else file * ROB_ENTRIES
