"""Issue queues: when one has a free entry, which of several an instruction goes to, and the book of who leaves when."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.limits import QUEUES, TOLD_CYCLES
from workbench.core.timing.state import HORIZON

_CYCLE, _TOLD, _WORDS = HORIZON - 1, TOLD_CYCLES - 1, QUEUES // 8
_ENTERED_BITS = 8  # of `queue_entered`, for the entries of a cycle; the cycle is above


@inner_kernel(forceinline=True)
def advance(s: Any, time: int) -> None:
    """Move the queues' books on to `time`, which never goes back: entries that left until then are free.

    Mostly by a cycle or none: the loop for more is apart.
    """
    if s.clock < time:
        _tick(s)
        if s.clock < time:
            _advance_far(s, time)


@inner_kernel(is_called=True)
def _advance_far(s: Any, time: int) -> None:
    while s.clock < time:
        _tick(s)


@inner_kernel(forceinline=True)
def _tick(s: Any) -> None:
    """Move the queues' books on by a cycle.

    A queue's count is a byte, so that one addition moves eight queues on; no byte overflows, since no more entries leave
    a queue than are in it. Single counts change by words, too: the host forwards no bytes that are being stored to a
    load of the word.
    """
    free, leaving, queue_told = _words(s.queue_free), _words(s.queue_leaving), _words(s.queue_told)
    told = (s.clock & _TOLD) * _WORDS
    s.clock += 1
    first = (s.clock & _CYCLE) * _WORDS
    for k in range(_WORDS):
        queue_told[told + k] = free[k]
        free[k] += leaving[first + k]
        leaving[first + k] = 0


@inner_kernel(forceinline=True)
def _words(counts: Any) -> Any:
    """Counts of queues, eight in a word."""
    return counts.view(np.int64)


@inner_kernel(forceinline=True)
def _free_entries(s: Any, queue: int) -> int:
    return (_words(s.queue_free)[queue >> 3] >> ((queue & 7) << 3)) & 255  # type: ignore[no-any-return]


@inner_kernel(forceinline=True)
def admit(s: Any, queue: int) -> int:
    """Cycle, from the clock's on, at which an issue queue has a free entry."""
    while not _has_room(s, queue):
        advance(s, s.clock + 1)
    return s.clock


@inner_kernel(forceinline=True)
def _has_room(s: Any, queue: int) -> bool:
    entered = max(s.queue_entered[queue] - (s.clock << _ENTERED_BITS), 0)
    limit = s.queue_limit[queue]
    return (entered < limit) & (_free_entries(s, queue) + entered >= limit)


@inner_kernel(forceinline=True)
def pick_queue(s: Any, kind: int) -> int:
    """Choice among the queues that can issue a class: the emptier of the next two in turn at the clock's cycle."""
    first = s.choice_next[kind]
    second = s.choice_after[first]
    s.choice_next[kind] = second
    free, other = _free_entries(s, s.choice_queue[first]), _free_entries(s, s.choice_queue[second])
    return first if free >= other else second  # type: ignore[no-any-return]


@inner_kernel(forceinline=True)
def take_entry(s: Any, queue: int) -> None:
    """Count an instruction among those that enter a queue in the cycle of rename, though it may not stay there."""
    s.queue_entered[queue] = max(s.queue_entered[queue], s.rename_time << _ENTERED_BITS) + s.queue_counts[queue]


@inner_kernel(forceinline=True)
def leave(s: Any, queue: int, issue: int) -> None:
    """Enter in the queue's book that an instruction leaves it at `issue`, which is after the clock's cycle."""
    ahead = min(issue - s.clock, HORIZON - 1)
    one = 1 << ((queue & 7) << 3)
    _words(s.queue_leaving)[((s.clock + ahead) & _CYCLE) * _WORDS + (queue >> 3)] += one
    _words(s.queue_free)[queue >> 3] -= one
    take_entry(s, queue)
