"""DRAM behind the last cache: banks with open rows, one data bus a channel; all harts of a machine use the same.

The engine of one hart asks in the order of its program, and a bank or bus remembers when it is next free. Several harts
take turns of some hundred cycles, so that one that comes later may ask at an earlier cycle: there, banks and buses keep a
calendar of the bursts that are taken, and each request gets the first gap from its own cycle on. Rows are opened in the
order in which the harts are simulated, which batches the hits of a turn as a controller's scheduler would.

Left out: refresh, the turn-around between reads and writes, the rows of writes. model: ours
(tests/claims/test_claims_memory.py, tests/core/test_harts.py).
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import record_at
from workbench.core.limits import DRAM_CHANNELS
from workbench.core.timing.state import DRAM_SLOTS


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
    """The same by the calendars of banks and buses, without the controller's cycles."""
    d = record_at(s.home, s)
    opening = 0
    if d.bank_row[bank] == row:
        s.row_hits += 1
    else:
        opening = s.activate if d.bank_row[bank] < 0 else s.activate + s.precharge
        d.bank_row[bank] = row
    start = _book(d, DRAM_CHANNELS + bank, time, 1 + (opening + s.burst - 1) // s.burst)
    return _book(d, channel, start + opening + s.cas, 1) + s.burst


@inner_kernel
def write_burst(s: Any, line: int, time: int) -> int:
    """Cycle at which a line that is written to DRAM has left the bus."""
    channel = line & (s.channels - 1)
    if s.harts > 1:
        return _book(record_at(s.home, s), channel, time, 1) + s.burst
    s.bus_free[channel] = max(s.bus_free[channel], time) + s.burst
    return s.bus_free[channel]


@inner_kernel
def _book(d: Any, row: int, time: int, bursts: int) -> int:
    """Take the first free bursts of a row of the calendar from `time` on; the cycle at which the first begins."""
    base = row * DRAM_SLOTS
    slot = time // d.burst + 1  # numbers from 1 on: 0 is a place that was never taken
    while d.dram_taken[base + (slot & (DRAM_SLOTS - 1))] == slot:
        slot += 1
    start = max(time, (slot - 1) * d.burst)
    while bursts > 0:
        if d.dram_taken[base + (slot & (DRAM_SLOTS - 1))] != slot:
            d.dram_taken[base + (slot & (DRAM_SLOTS - 1))] = slot
            bursts -= 1
        slot += 1
    return start
