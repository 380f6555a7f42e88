"""Fetch, rename, issue and commit: each takes the earliest cycle at which an instruction may pass and returns when it does.

Fetch blocks come from a decoupled predictor; rename is in order and waits for the window, registers and queues; ports
are a calendar with gap filling, so that a later instruction may take a port before an older one that waits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.limits import DISPATCH_ENTRIES, FTQ_ENTRIES, INSTRUCTION_BUFFER, PORTS, QUEUES, REGIONS, ROB_ENTRIES
from workbench.core.timing.classes import BASE, FRONTEND, FTB_ARRAY, ICACHE, ITLB, L1I_ARRAY, MISPREDICT
from workbench.core.timing.memory import instruction_access, translate_code
from workbench.core.timing.predict import (
    first_guess,
    follow_path,
    look_up_target,
    pop_return,
    predict_branch,
    predict_indirect,
    push_return,
)
from workbench.core.timing.prefetch import prefetch_far
from workbench.core.timing.state import HORIZON
from workbench.core.timing.tables import find, probe
from workbench.isa.code import Flag

_BRANCH, _JUMP, _INDIRECT = int(Flag.BRANCH), int(Flag.JUMP), int(Flag.INDIRECT)
_CALL, _RETURN = int(Flag.CALL), int(Flag.RETURN)
_FTQ, _BUFFER, _CYCLE = FTQ_ENTRIES - 1, INSTRUCTION_BUFFER - 1, HORIZON - 1
_HIT, _BUBBLE, _MISS = 0, 1, 2
_ENTERED_BITS = 8  # of `queue_entered`, for the entries of a cycle; the cycle is above
MISPREDICTED, UNKNOWN_TARGET, VIOLATED = 1, 2, 3  # why fetch starts again; in the order of their CPI causes


@inner_kernel(forceinline=True)
def fetch(s: Any, pc: int) -> int:
    """Cycle at which the instruction at `pc` is fetched."""
    if s.new_block or pc >= s.block_end:
        _begin_block(s, pc)
    return s.fetch_time


@inner_kernel(forceinline=True)
def _begin_block(s: Any, pc: int) -> None:
    s.fetch_cause = MISPREDICT + s.redirected - 1 if s.redirected else FRONTEND
    s.new_block = 0
    s.block_end = pc + s.fetch_bytes
    s.block_start, s.block_slot = pc, 0
    s.ftq[s.blocks & _FTQ] = s.last_commit  # the previous block leaves the queue when its last instruction commits
    s.blocks += 1
    predicted = max(s.bpu_time + 1 + s.bubble, s.ftq[(s.blocks - s.ftq_entries) & _FTQ])
    s.bubble = 0
    s.bpu_time = predicted
    time = max(predicted, s.fetch_time + 1)
    if s.instructions >= s.buffer_entries:
        room = s.rename_times[(s.instructions - s.buffer_entries) & _BUFFER]
        time = max(time, room - s.fetch_to_rename)
    line = pc >> s.line_shift
    arrival = time
    asked = predicted if s.fetch_directed else time
    if line != s.fetch_line:
        s.fetch_line = line
        translation = translate_code(s, pc, predicted)
        if not s.fetch_directed and probe(s, L1I_ARRAY, line) < 0:
            prefetch_far(s, line, predicted + translation)
        arrival = instruction_access(s, line, asked + translation)
        if arrival > time and not s.redirected:
            s.fetch_cause = ITLB if translation > 0 else ICACHE
    end = (s.block_end - 1) >> s.line_shift
    if end != line:
        s.fetch_line = end
        arrival = max(arrival, instruction_access(s, end, asked))
        if arrival > time and s.fetch_cause == FRONTEND:
            s.fetch_cause = ICACHE
    s.redirected = 0
    s.fetch_time = max(time, arrival)


@inner_kernel(forceinline=True)
def advance(s: Any, time: int) -> None:
    """Move the queues' books on to `time`, which never goes back: entries that left until then are free.

    A queue's count is a byte, so that one addition moves eight queues on; no byte overflows, since no more entries leave
    a queue than are in it.
    """
    now = s.clock
    if now < time:
        free, leaving = s.queue_free.view(np.int64), s.queue_leaving.view(np.int64)
        while now < time:
            now += 1
            first = (now & _CYCLE) * (QUEUES // 8)
            for k in range(QUEUES // 8):
                free[k] += leaving[first + k]
                leaving[first + k] = 0
        s.clock = now


@inner_kernel(forceinline=True)
def admit(s: Any, queue: int) -> int:
    """Cycle, from the clock's on, at which an issue queue has a free entry."""
    while not _has_room(s, queue):
        advance(s, s.clock + 1)
    return s.clock


@inner_kernel(forceinline=True)
def _has_room(s: Any, queue: int) -> bool:
    entered = max(s.queue_entered[queue] - (s.clock << _ENTERED_BITS), 0)
    return entered < s.queue_limit[queue] and np.int64(s.queue_free[queue]) + entered >= s.queue_needs[queue]


@inner_kernel(forceinline=True)
def pick_queue(s: Any, kind: int) -> int:
    """Choice among the queues that can issue a class: the emptier of the next two in turn at the clock's cycle."""
    first = s.choice_next[kind]
    second = s.choice_after[first]
    s.choice_next[kind] = second
    free, other = s.queue_free[s.choice_queue[first]], s.queue_free[s.choice_queue[second]]
    return first if free >= other else second  # type: ignore[no-any-return]


@inner_kernel(forceinline=True)
def leave(s: Any, queue: int, issue: int) -> None:
    """Enter in the queue's book that an instruction leaves it at `issue`, which is after the clock's cycle."""
    ahead = min(issue - s.clock, HORIZON - 1)
    s.queue_leaving[((s.clock + ahead) & _CYCLE) * QUEUES + queue] += 1
    s.queue_free[queue] -= 1
    s.queue_entered[queue] = max(s.queue_entered[queue], s.rename_time << _ENTERED_BITS) + s.queue_counts[queue]


@inner_kernel(forceinline=True)
def rename(s: Any, time: int, arrived: int, slots: int, is_simple: int) -> int:
    """Cycle at which an instruction of `slots` micro-operations that `arrived` is renamed, in order and within the width.

    With compression, neighbours that cannot fault (`is_simple` is 1; not pairs that fuse) and are renamed in one cycle
    share an entry of the reorder buffer.
    """
    if s.rename_groups:
        time = _join_group(s, time, arrived, slots)
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
def _join_group(s: Any, time: int, arrived: int, slots: int) -> int:
    """Cycle from `time` on at which the group of an instruction may be renamed; begins one if the last is complete.

    A group holds what had arrived when the group before moved on, up to `rename_width` micro-operations.
    """
    if not in_group(s, arrived):
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


@inner_kernel(is_called=True)
def _dispatch_room(s: Any) -> int:
    """First cycle in which each dispatch queue has room for a full group."""
    time = 0
    for k in range(3):
        last = (s.dispatch_head[k] + s.rename_width - 1) & (s.dispatch_entries - 1)
        time = max(time, s.dispatch_left[k * DISPATCH_ENTRIES + last] + 1)
    return time


@inner_kernel(is_called=True)
def dispatch(s: Any, kind: int, time: int) -> int:
    """Cycles that an instruction renamed at `time` stays in its dispatch queue longer than in an empty one."""
    k = s.class_dispatch[kind]
    leaving = max(time, s.dispatch_time[k])
    if leaving > s.dispatch_time[k]:
        s.dispatch_time[k], s.dispatch_count[k] = leaving, 0
    elif s.dispatch_count[k] >= s.dispatch_width:
        leaving += 1
        s.dispatch_time[k], s.dispatch_count[k] = leaving, 0
    s.dispatch_count[k] += 1
    head = s.dispatch_head[k]
    s.dispatch_left[k * DISPATCH_ENTRIES + head] = leaving
    s.dispatch_head[k] = (head + 1) & (s.dispatch_entries - 1)
    return leaving - time


@inner_kernel(forceinline=True)
def busy_ports(s: Any, time: int) -> int:
    """Ports that are taken in a cycle; the word of its slot belongs to another cycle if its upper bits differ."""
    taken = s.port_book[time & _CYCLE] ^ _round(time)
    return taken if taken >> PORTS == 0 else 0


@inner_kernel(forceinline=True)
def _round(time: int) -> int:
    """Upper bits of the words of a calendar's slot that belong to a cycle."""
    return (time // HORIZON) << PORTS


@inner_kernel(forceinline=True)
def keep_port(s: Any, time: int, busy: int) -> None:
    """Write down the ports that are taken in a cycle."""
    s.port_book[time & _CYCLE] = _round(time) | busy


@inner_kernel(forceinline=True)
def take_port(s: Any, ports: int, time: int, writing: int) -> int:
    """First cycle from `time` on in which one of `ports` is free; takes it.

    Of those in `writing` the register write port must be free, too, a cycle later: operations of one cycle share it.
    """
    while True:
        busy = busy_ports(s, time)
        free = ports & ~busy
        if free & writing:
            free &= ~(_written_ports(s, time) & writing)
        if free != 0:
            keep_port(s, time, busy | (free & -free))
            return time
        time = _port_time(s, ports, time + 1)


@inner_kernel(is_called=True)
def _port_time(s: Any, ports: int, time: int) -> int:
    """First cycle from `time` on in which one of `ports` is free."""
    while ports & ~busy_ports(s, time) == 0:
        time += 1
    return time


@inner_kernel(is_called=True)
def block_port(s: Any, ports: int, time: int, cycles: int) -> None:
    """Keep one of `ports` busy for `cycles` after `time` (units that are not pipelined)."""
    for later in range(time + 1, time + cycles):
        busy = busy_ports(s, later)
        free = ports & ~busy
        keep_port(s, later, busy | (free & -free))


@inner_kernel(forceinline=True)
def _written_ports(s: Any, time: int) -> int:
    """Ports whose register write port a longer operation takes in the cycle in which one of one cycle would."""
    taken = s.write_book[time & _CYCLE] ^ _round(time)
    return taken if taken >> PORTS == 0 else 0


@inner_kernel(is_called=True)
def hold_write_port(s: Any, port: int, time: int) -> None:
    """Enter that the operation which `port` began ends as one of a cycle would that issues at `time`."""
    s.write_book[time & _CYCLE] = _round(time) | _written_ports(s, time) | port


@inner_kernel(is_called=True)
def in_order_time(s: Any, time: int) -> int:
    """Issue cycle of an in-order core: not before the previous instruction, at most `issue_width` a cycle."""
    if time <= s.last_issue:
        time = s.last_issue
        if s.issue_count >= s.issue_width:
            time += 1
    return time


@inner_kernel(is_called=True)
def note_issue(s: Any, time: int) -> None:
    """Count an issue of an in-order core."""
    if time > s.last_issue:
        s.last_issue = time
        s.issue_count = 0
    s.issue_count += 1


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


@inner_kernel(is_called=True)
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


@inner_kernel(is_called=True)
def redirect(s: Any, time: int, why: int) -> None:
    """Fetch starts again after what is found out at `time`."""
    s.bpu_time = max(s.bpu_time, time + s.redirect - 1)
    s.redirected = why
    s.new_block = 1
    s.bubble = 0
    if s.walk_width > 0:
        _walk_back(s, time + 1)


@inner_kernel(is_called=True)
def _walk_back(s: Any, time: int) -> None:
    """Rename waits until what was renamed after the last instruction, up to `time`, is undone.

    How many these are is estimated, since they are of a wrong path: a fetch block of mean length a cycle, as often
    interrupted by mispredictions as the program is so far, while the reorder buffer has room.
    """
    waited = time - s.rename_time
    between = s.instructions // max(s.mispredicts, 1)
    period = between * s.blocks // max(s.instructions, 1) + s.redirect + s.fetch_to_rename + s.rename_to_issue
    begun = min(waited % period * s.instructions // s.blocks, between)
    younger = min(waited // period * between + begun, waited * s.rename_width, s.window - _in_flight(s, time))
    s.walk_end = time + 1 + -(-younger // s.walk_width)
    s.rename_time = max(s.rename_time, s.walk_end - 1)


@inner_kernel
def _in_flight(s: Any, time: int) -> int:
    """Entries of the reorder buffer that are left after `time`, by halving: the later entered, the later left."""
    fewer, more = 0, s.window
    while fewer < more:
        middle = (fewer + more) // 2
        place = s.rob_head - 1 - middle
        if s.rob[place if place >= 0 else place + s.window] > time:
            fewer = middle + 1
        else:
            more = middle
    return fewer


@inner_kernel(is_called=True)
def split_block(s: Any, pc: int) -> None:
    """End the fetch block before a branch that its entry in the target buffer has no room for."""
    if s.block_slot >= s.branches_per_block and find(s, FTB_ARRAY, pc >> 1) >= 0:
        s.new_block = 1


@inner_kernel(is_called=True)
def steer(s: Any, flags: int, pc: int, fall_through: int, next_pc: int, resolve: int) -> None:
    """Predict a control transfer that resolves at `resolve`, and direct the fetch of what follows."""
    s.branches += 1
    s.resolved = resolve
    if flags & _BRANCH:
        s.conditional_branches += 1
        _steer_branch(s, pc, next_pc != fall_through, resolve)
        if next_pc != fall_through:
            follow_path(s, next_pc)
        return
    s.new_block = 1
    place = look_up_target(s, pc)
    wrong = False
    bubble = 0
    if flags & _RETURN:
        wrong = pop_return(s, next_pc)
        s.return_mispredicts += wrong
    elif flags & _INDIRECT:
        wrong = predict_indirect(s, pc, next_pc)
        bubble = s.late_bubble
    if flags & _CALL:
        push_return(s, fall_through)
    if place == _MISS and flags & (_INDIRECT | _RETURN) == _INDIRECT and not s.decode_finds_taken:
        _unknown_target(s, resolve)
    elif wrong:
        s.mispredicts += 1
        s.indirect_mispredicts += 1
        redirect(s, resolve, MISPREDICTED)
    else:
        s.bubble = max(_bubble(s, place), bubble)
    follow_path(s, next_pc)


@inner_kernel(is_called=True)
def _unknown_target(s: Any, resolve: int) -> None:
    """Fetch went on behind a taken transfer that no buffer knew, until it resolved."""
    s.mispredicts += 1
    s.target_misses += 1
    redirect(s, resolve, UNKNOWN_TARGET)


@inner_kernel(forceinline=True)
def _steer_branch(s: Any, pc: int, taken: bool, resolve: int) -> None:
    guess = first_guess(s, pc, taken)
    key = s.block_start + s.block_slot << 1 if s.branches_per_block > 0 else pc
    wrong = predict_branch(s, pc, key, taken)
    s.block_slot += s.known
    place = look_up_target(s, pc) if taken else _HIT
    if wrong:
        s.mispredicts += 1
        s.branch_mispredicts += 1
        redirect(s, resolve, MISPREDICTED)
        return
    late = s.late_bubble if s.overruled else 0
    if taken:
        s.new_block = 1
        if place == _MISS and not s.decode_finds_taken:
            _unknown_target(s, resolve)
            return
        s.bubble = max(_bubble(s, place), late)
    if guess >= 0 and (guess > 0) != taken:
        s.override_bubbles += 1
        late = max(late, s.ftb_bubble)
    s.bubble = max(s.bubble, late)


@inner_kernel
def _bubble(s: Any, place: int) -> int:
    """Cycles lost in prediction; a target that only decode finds holds it up from when the block was fetched."""
    if place == _MISS:
        s.target_misses += 1
        s.bpu_time = max(s.bpu_time, s.fetch_time + s.decode_redirect)
        return 0
    return s.ftb_bubble if place == _BUBBLE else 0
