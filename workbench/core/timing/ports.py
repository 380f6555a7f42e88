"""Issue ports: a calendar with gap filling, so that a later instruction may take a port before an older one that waits.

In-order cores issue in program order besides.
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.limits import PORTS
from workbench.core.timing.state import HORIZON, HORIZON_BITS

_CYCLE = HORIZON - 1


@inner_kernel(forceinline=True)
def busy_ports(s: Any, time: int) -> int:
    """Ports that are taken in a cycle; the word of its slot belongs to another cycle if its upper bits differ."""
    taken = s.port_book[2 * (time & _CYCLE)] ^ _round(time)
    return taken if taken >> PORTS == 0 else 0


@inner_kernel(forceinline=True)
def _round(time: int) -> int:
    """Upper bits of the words of a calendar's slot that belong to a cycle."""
    return (time >> HORIZON_BITS) << PORTS


@inner_kernel(forceinline=True)
def keep_port(s: Any, time: int, busy: int) -> None:
    """Write down the ports that are taken in a cycle."""
    s.port_book[2 * (time & _CYCLE)] = _round(time) | busy


@inner_kernel(forceinline=True)
def take_port(s: Any, ports: int, time: int, writing: int) -> int:
    """First cycle from `time` on in which one of `ports` is free; takes it.

    Of those in `writing` the register write port must be free, too, a cycle later: operations of one cycle share it.
    """
    while True:
        busy = busy_ports(s, time)
        free = ports & ~busy & ~(_written_ports(s, time) & writing)
        if free != 0:
            keep_port(s, time, busy | (free & -free))
            return time
        time += 1


@inner_kernel(is_rare=True)
def block_port(s: Any, ports: int, time: int, cycles: int) -> None:
    """Keep one of `ports` busy for `cycles` after `time` (units that are not pipelined)."""
    for later in range(time + 1, time + cycles):
        busy = busy_ports(s, later)
        free = ports & ~busy
        keep_port(s, later, busy | (free & -free))


@inner_kernel(forceinline=True)
def _written_ports(s: Any, time: int) -> int:
    """Ports whose register write port a longer operation takes in the cycle in which one of one cycle would."""
    taken = s.port_book[2 * (time & _CYCLE) + 1] ^ _round(time)
    return taken if taken >> PORTS == 0 else 0


@inner_kernel(is_rare=True)
def hold_write_port(s: Any, port: int, time: int) -> None:
    """Enter that the operation which `port` began ends as one of a cycle would that issues at `time`."""
    s.port_book[2 * (time & _CYCLE) + 1] = _round(time) | _written_ports(s, time) | port


@inner_kernel(is_rare=True)
def in_order_time(s: Any, time: int) -> int:
    """Issue cycle of an in-order core: not before the previous instruction, at most `issue_width` a cycle."""
    if time <= s.last_issue:
        time = s.last_issue
        if s.issue_count >= s.issue_width:
            time += 1
    return time


@inner_kernel(is_rare=True)
def note_issue(s: Any, time: int) -> None:
    """Count an issue of an in-order core."""
    if time > s.last_issue:
        s.last_issue = time
        s.issue_count = 0
    s.issue_count += 1
