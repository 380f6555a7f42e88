"""Committed stores on their way to the L1D: they merge in a buffer of lines, which are written when there are many.

A buffer with a threshold holds what was written last and sends the least recently written line to the L1D as soon as
`store_buffer_threshold` lines wait. The L1D's banks have one port: a load that reads a bank in the cycle in which a line is
written to it issues again, and one that reads any bank in the cycle in which a line is read to be merged with parts of
words. Lines that come from the next level are written like that, too.

Source
------
OpenXiangShan/XiangShan, kunminghu-v2 8dde746d7 and nanhu 997cd5b35: Sbuffer.scala (do_eviction), MainPipe.scala
(banked_store_rmask, data_write), BankedDataArray.scala (wr_bank_conflict, rrl_bank_conflict). model: ours
(tests/claims/test_claims_memory.py); lines are replaced least recently used first, the hardware's order is a tree's.
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.timing.banks import ALL_BANKS, take_banks
from workbench.core.timing.memory import data_access
from workbench.core.timing.store_words import drain_words
from workbench.core.timing.tables import DIRTY

_READ, _WRITTEN = 1, 3  # stages of the L1D's pipe in which a line is read to be merged, and written
_WORD_BYTES, _WHOLE_WORD = 8, 255  # of a bank; its bytes in a mask


@inner_kernel(is_called=True)
def drain_store(s: Any, pc: int, address: int, written: int, finished: int) -> int:
    """Cycle at which a committed store leaves the store queue for the store buffer, which merges stores to one line.

    `written`: a bit for each byte of the line, from its first.
    """
    if s.word_bits > 0:
        return drain_words(s, pc, address, written, finished)  # type: ignore[no-any-return]
    line = address >> s.line_shift
    time = max(finished + 1, s.drain_time)
    if _is_new(s, line, written, time):
        time = max(time, s.buffer_free[s.buffer_head])
        s.buffer_free[s.buffer_head] = data_access(s, line, pc, address, time, DIRTY)
        s.buffer_line[s.buffer_head] = line
        s.buffer_head += 1
        if s.buffer_head >= s.buffer_lines:
            s.buffer_head = 0
    s.drain_line = line
    s.drain_count += 1
    if time > s.drain_time:
        s.drain_count = 1
    elif s.drain_count > 2:
        time += 1
        s.drain_count = 1
    s.drain_time = time
    return time


@inner_kernel(forceinline=True)
def bytes_of_line(s: Any, address: int, size: int) -> int:
    """Bit mask of the bytes of its line that an access of up to eight bytes touches."""
    return ((1 << size) - 1) << (address & ((1 << s.line_shift) - 1))


@inner_kernel
def _is_new(s: Any, line: int, written: int, time: int) -> bool:
    """Whether a line is not in the buffer; the stores to it are there afterwards."""
    if s.kept_lines == 0:
        return line != s.drain_line and not _is_buffered(s, line)  # type: ignore[no-any-return]
    if line == s.drain_line:
        s.kept_bytes[s.kept_last] |= written
        return False
    place, oldest, least = -1, 0, s.kept_uses
    s.kept_uses += 1
    for k in range(s.kept_lines):
        use = s.kept_use[k]
        place = k if s.kept_line[k] == line else place
        oldest = k if use < least else oldest
        least = min(use, least)
    if place >= 0:
        s.kept_bytes[place] |= written
        s.kept_use[place] = s.kept_uses
        s.kept_last = place
        return False
    if s.kept_line[oldest] >= 0:
        _write_line(s, s.kept_bytes[oldest], time)
    s.kept_line[oldest], s.kept_bytes[oldest], s.kept_use[oldest] = line, written, s.kept_uses
    s.kept_last = oldest
    return True


@inner_kernel
def _write_line(s: Any, written: int, time: int) -> None:
    """Write a line of the buffer to the L1D's banks."""
    banks = 0
    merges = False
    for bank in range(s.l1d_banks):
        part = (written >> (bank * _WORD_BYTES)) & _WHOLE_WORD
        if part != 0:
            banks |= 1 << bank
            merges |= part != _WHOLE_WORD
    if merges:
        take_banks(s, time + _READ, ALL_BANKS)
    take_banks(s, time + _WRITTEN, ALL_BANKS if s.banks_share_port else banks)


@inner_kernel
def _is_buffered(s: Any, line: int) -> bool:
    """Whether one of the four youngest entries of the store buffer holds the line."""
    slot = s.buffer_head
    for _ in range(min(s.buffer_lines, 4)):
        slot = slot - 1 if slot > 0 else s.buffer_lines - 1
        if s.buffer_line[slot] == line:
            return True
    return False
