"""Fetch: blocks from a decoupled predictor, and where fetch goes on after control transfers and mispredictions."""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.limits import FTQ_ENTRIES, INSTRUCTION_BUFFER
from workbench.core.timing.classes import FRONTEND, FTB_ARRAY, ICACHE, ITLB, L1I_ARRAY, MISPREDICT
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
from workbench.core.timing.tables import find, probe
from workbench.isa.code import Flag

_BRANCH, _JUMP, _INDIRECT = int(Flag.BRANCH), int(Flag.JUMP), int(Flag.INDIRECT)
_CALL, _RETURN = int(Flag.CALL), int(Flag.RETURN)
_FTQ, _BUFFER = FTQ_ENTRIES - 1, INSTRUCTION_BUFFER - 1
_HIT, _BUBBLE, _MISS = 0, 1, 2
MISPREDICTED, UNKNOWN_TARGET, VIOLATED = 1, 2, 3  # why fetch starts again; in the order of their CPI causes


@inner_kernel(forceinline=True)
def fetch(s: Any, pc: int) -> int:
    """Cycle at which the instruction at `pc` is fetched."""
    if pc >= s.block_end:
        _begin_block(s, pc)
    return s.fetch_time


@inner_kernel(forceinline=True)
def _begin_block(s: Any, pc: int) -> None:
    s.fetch_cause = MISPREDICT + s.redirected - 1 if s.redirected else FRONTEND
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


@inner_kernel(is_rare=True)
def redirect(s: Any, time: int, why: int) -> None:
    """Fetch starts again after what is found out at `time`."""
    s.bpu_time = max(s.bpu_time, time + s.redirect - 1)
    s.redirected = why
    s.block_end = 0
    s.bubble = 0
    if s.walk_width > 0:
        _walk_back(s, time + 1)


@inner_kernel(is_rare=True)
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
        s.block_end = 0


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
    s.block_end = 0
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


@inner_kernel(is_rare=True)
def _unknown_target(s: Any, resolve: int) -> None:
    """Fetch went on behind a taken transfer that no buffer knew, until it resolved."""
    s.mispredicts += 1
    s.target_misses += 1
    redirect(s, resolve, UNKNOWN_TARGET)


@inner_kernel(forceinline=True)
def _steer_branch(s: Any, pc: int, taken: bool, resolve: int) -> None:
    guess = first_guess(s, pc, taken)
    s.guess = guess
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
        s.block_end = 0
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
