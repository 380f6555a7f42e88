"""The issue queue that a renamed instruction goes to where dispatch sorts them by how many instructions wait in each.

The instructions of a group that may go to the same queues are spread over these: the first goes to the one with the fewest
waiting, the second to the next, and so on, round again when all had one; of queues with as many the last one comes first.
What counts is what was in a queue some cycles before the group was renamed, so that groups close upon each other take no
notice of one another. Moves that are eliminated take their turn and a place among those that enter a queue.

Source
------
OpenXiangShan/XiangShan, kunminghu-v2 8dde746d7: NewDispatch.scala (IQSort, popFuTypeOH, uopSelIQ, uopBlockByIQ),
IssueQueue.scala (validCntDeqVec). Left out: the hardware counts only those that wait for the same port of a queue.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.limits import QUEUES, TOLD_CYCLES
from workbench.core.timing.state import QUEUE_CHOICES

_ENTRY_CYCLES = 2  # from rename into a queue


@inner_kernel(forceinline=True)
def sorted_queue(s: Any, kind: int, group: int) -> int:
    """Choice of an instruction of a class whose group is renamed at cycle `group`."""
    first = kind * QUEUE_CHOICES
    count = s.choice_count[kind]
    if count <= 1:
        return first  # type: ignore[no-any-return]
    family = s.class_family[kind]
    order = family * QUEUE_CHOICES
    if s.family_group[family] != group:
        _sort(s, family, first, count, group)
    turn = s.family_next[family]
    s.family_next[family] = turn + 1 if turn + 1 < count else 0
    return first + s.family_order[order + turn]  # type: ignore[no-any-return]


@inner_kernel(is_called=True)
def _sort(s: Any, family: int, first: int, count: int, group: int) -> None:
    """Order the choices from `first` on by what was in their queues before a group."""
    s.family_group[family], s.family_next[family] = group, 0
    order = family * QUEUE_CHOICES
    told = ((group - s.told_cycles - _ENTRY_CYCLES) & (TOLD_CYCLES - 1)) * QUEUES
    for k in range(count):
        waiting = _told(s, told, first + k)
        place = k
        while place > 0 and _told(s, told, first + s.family_order[order + place - 1]) >= waiting:
            s.family_order[order + place] = s.family_order[order + place - 1]
            place -= 1
        s.family_order[order + place] = k


@inner_kernel(forceinline=True)
def _told(s: Any, told: int, choice: int) -> int:
    queue = s.choice_queue[choice]
    return s.queue_size[queue] - np.int64(s.queue_told[told + queue])  # type: ignore[no-any-return]
