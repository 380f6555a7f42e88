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
_CHOICE_BITS, _CHOICE = 2, QUEUE_CHOICES - 1  # of the number of one choice


@inner_kernel(forceinline=True)
def sorted_queue(s: Any, kind: int, group: int) -> int:
    """Choice of an instruction of a class whose group is renamed at cycle `group`."""
    first = kind * QUEUE_CHOICES
    count = s.choice_count[kind]
    if count <= 1:
        return first  # type: ignore[no-any-return]
    family = s.class_family[kind]
    order = s.family_order[family]
    if s.family_group[family] != group:
        s.family_group[family] = group
        order = _sorted(s, first, count, group)
    turn = order & _CHOICE
    s.family_order[family] = (order >> _CHOICE_BITS) | (turn << (_CHOICE_BITS * (count - 1)))
    return first + turn  # type: ignore[no-any-return]


@inner_kernel(forceinline=True)
def _sorted(s: Any, first: int, count: int, group: int) -> int:
    """The choices from `first` on by what was in their queues before a group: the numbers of `count`, the lowest bits first.

    A network of four comparisons and one, without branches: what the host would have to foretell is as good as random.
    """
    told = ((group - s.told_cycles - _ENTRY_CYCLES) & (TOLD_CYCLES - 1)) * QUEUES
    a, b, c, d = _rank(s, told, first), _rank(s, told, first + 1), _rank(s, told, first + 2), _rank(s, told, first + 3)
    a, b = min(a, b), max(a, b)
    c, d = min(c, d), max(c, d)
    a, c = min(a, c), max(a, c)
    b, d = min(b, d), max(b, d)
    b, c = min(b, c), max(b, c)
    ranks = (a & _CHOICE) | (b & _CHOICE) << _CHOICE_BITS | (c & _CHOICE) << 2 * _CHOICE_BITS
    return ~(ranks | (d & _CHOICE) << 3 * _CHOICE_BITS) & ((1 << _CHOICE_BITS * count) - 1)


@inner_kernel(forceinline=True)
def _rank(s: Any, told: int, choice: int) -> int:
    """What orders a choice: how many waited in its queue, above the inverse of the choice's number."""
    free = np.int64(s.queue_told[told + s.choice_queue[choice]])
    return s.choice_rank[choice] - (free << _CHOICE_BITS)  # type: ignore[no-any-return]
