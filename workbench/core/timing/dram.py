"""DRAM behind the last cache: banks with open rows, one data bus a channel; all harts of a machine use the same.

The engine of one hart asks in the order of its program, and a bank or bus remembers when it is next free. Several harts
take turns of some hundred cycles, so that one that comes later may ask at an earlier cycle. So each hart keeps when banks
and buses are free of its own requests, and all together keep a calendar of the bursts that are taken: a request gets the
first gap from there on. While the others ask for nothing, a hart gets exactly what it gets alone. Rows are opened in the
order in which the harts are simulated, which batches the hits of a turn as a controller's scheduler would.

A controller that finds its channel idle writes at once, into a row that it opens, if the core's file has a time of write
recovery; else, and of several harts, writes are taken to be gathered by row and take the bus only.

Left out: refresh, the turn-around between reads and writes. model: ours (tests/claims/test_claims_memory.py,
tests/claims/test_claims_simple_memory.py, tests/core/test_harts.py).
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import record_at
from workbench.core.timing.state import BANK_SLOTS, BUS_SLOTS


@inner_kernel
def dram_access(s: Any, line: int, time: int) -> int:
    """Cycle at which a line's burst is over, as seen by the last cache."""
    channel = line & (s.channels - 1)
    rest = line >> s.channel_bits
    bank = channel * s.banks + (rest & (s.banks - 1))
    row = rest >> (s.bank_bits + s.column_bits)
    if s.harts > 1:
        return _shared_access(s, channel, bank, row, time + (s.controller >> 1)) + (s.controller >> 1)
    start = max(time + (s.controller >> 1), s.bank_free[bank])
    ready = start + s.cas
    if s.bank_row[bank] != row:
        start += s.activate
        if s.bank_row[bank] >= 0:
            start += s.precharge
        ready = start + s.cas
        s.bank_row[bank] = row
    else:
        s.row_hits += 1
    done = max(ready, s.bus_free[channel]) + s.burst
    s.bus_free[channel] = done
    s.bank_free[bank] = max(start + s.burst, done - s.cas)
    return done + (s.controller >> 1)


@inner_kernel
def _shared_access(s: Any, channel: int, bank: int, row: int, time: int) -> int:
    """The same beside the requests of other harts, without the controller's cycles."""
    d = record_at(s.home, s)
    opening = 0
    if d.bank_row[bank] == row:
        s.row_hits += 1
    else:
        opening = s.activate if d.bank_row[bank] < 0 else s.activate + s.precharge
        d.bank_row[bank] = row
    start = _book(d.bank_taken, bank, BANK_SLOTS, s.burst, max(time, s.bank_free[bank]), opening + s.burst) + opening
    ready = max(start + s.cas, s.bus_free[channel])
    done = _book(d.bus_taken, channel, BUS_SLOTS, s.burst, ready, s.burst) + s.burst
    s.bus_free[channel] = done
    s.bank_free[bank] = max(start + s.burst, done - s.cas)
    return done


@inner_kernel
def write_burst(s: Any, line: int, time: int) -> int:
    """Cycle at which a line that is written to DRAM has left the bus."""
    channel = line & (s.channels - 1)
    if s.write_recovery > 0 and s.harts == 1 and s.bus_free[channel] <= time:
        return _write_at_once(s, channel, line >> s.channel_bits, time)
    start = max(s.bus_free[channel], time)
    if s.harts > 1:
        start = _book(record_at(s.home, s).bus_taken, channel, BUS_SLOTS, s.burst, start, s.burst)
    s.bus_free[channel] = start + s.burst
    return start + s.burst


@inner_kernel
def _write_at_once(s: Any, channel: int, rest: int, time: int) -> int:
    """The same for a write that finds the channel idle: it opens its row, which the next read has to close."""
    bank = channel * s.banks + (rest & (s.banks - 1))
    row = rest >> (s.bank_bits + s.column_bits)
    start = max(time, s.bank_free[bank])
    if s.bank_row[bank] != row:
        start += s.activate + (s.precharge if s.bank_row[bank] >= 0 else 0)
        s.bank_row[bank] = row
    s.bus_free[channel] = start + s.burst
    s.bank_free[bank] = start + s.burst + s.write_recovery
    return start + s.burst  # type: ignore[no-any-return]


@inner_kernel
def _book(taken: Any, row: int, slots: int, burst: int, time: int, cycles: int) -> int:
    """Take the first gap from `time` on of a row of a calendar, for so many cycles; the cycle at which it begins.

    The calendar has a place for each time of a burst, which holds the number of the one that took it; 0 is a free place.
    """
    base, mask = row * slots, slots - 1
    number = time // burst + 1
    while taken[base + (number & mask)] == number:
        number += 1
    start = max(time, (number - 1) * burst)
    left = max((start + cycles) // burst - number + 1, 1)
    while left > 0:
        if taken[base + (number & mask)] != number:
            taken[base + (number & mask)] = number
            left -= 1
        number += 1
    return start
