"""A store buffer of words: each entry holds eight bytes until their line is in the L1D, so that few lines are under way.

A full line that misses fills a buffer of four entries with its first half; the other half waits until the line has come.
Stores in a row that write lines from one end to the other are recognised after some lines. Lines that they write from
there on and that the L1D does not hold go to memory as they are, without being fetched; as many of them as the L1D has miss
registers wait for the memory's bus without holding up the stores behind them.

Source
------
XUANTIE-RV/openc906: aq_lsu_stb.v, aq_lsu_stb_entry.v (four entries of 64 bits, state WLFB), aq_lsu_amr.v (states CALS, CHCK,
FUNC; two bits of confidence); measured on the Allwinner D1 by tinymembench (cores/thead_c906.toml).
model: ours (tests/claims/test_claims_simple_memory.py). Left out: such streams of several harts, whose lines are fetched.
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.timing.classes import L1D_ARRAY
from workbench.core.timing.dram import write_burst
from workbench.core.timing.memory import data_access
from workbench.core.timing.tables import DIRTY, probe

WORD_SHIFT = 3
_TRUST = 3  # stores out of the row that a stream of writes survives
_WORD_BYTES, _WHOLE_WORD = 8, 255


@inner_kernel(forceinline=True)
def bytes_until(s: Any, address: int, end: int) -> int:
    """Bit mask of the bytes of its line from an address to the line's end or `end`, whichever comes first."""
    offset = address & ((1 << s.line_shift) - 1)
    size = min(end - address, (1 << s.line_shift) - offset)
    return (-1 if size > 63 else (1 << size) - 1) << offset


@inner_kernel(is_called=True)
def drain_words(s: Any, pc: int, address: int, written: int, finished: int) -> int:
    """Cycle at which the last word of a committed store has an entry: one word a cycle; see `store_buffer.drain_store`."""
    time = max(finished + 1, s.drain_time)
    first = (address >> s.line_shift) << s.word_bits
    streams = s.stream_writes > 0 and _follow_writes(s, address, _bytes_in(written))
    for word in range(1 << s.word_bits):
        if (written >> (word * _WORD_BYTES)) & _WHOLE_WORD != 0:
            time = _drain_word(s, pc, address, first + word, streams, time) + 1
    s.drain_time = time
    return time - 1


@inner_kernel
def _bytes_in(written: int) -> int:
    count = 0
    while written != 0:
        written &= written - 1
        count += 1
    return count


@inner_kernel
def _drain_word(s: Any, pc: int, address: int, word: int, streams: bool, time: int) -> int:
    """Cycle at which a word is in an entry, its own or, while that waits, one of the same word."""
    if word == s.drain_line:
        return time
    s.drain_line = word
    for k in range(s.buffer_lines):
        if s.buffer_line[k] == word and s.buffer_free[k] > time:
            return time
    k = s.buffer_head
    time = max(time, s.buffer_free[k])
    line = word >> s.word_bits
    if streams and s.harts == 1 and probe(s, L1D_ARRAY, line) < 0:
        if line != s.streamed_line:
            s.streamed_line = line
            s.dram_writes += 1
            time = max(time, write_burst(s, line, time) - s.mshrs[L1D_ARRAY] * s.burst)
        s.buffer_free[k] = time + 1
    else:
        s.buffer_free[k] = data_access(s, line, pc, address, time, DIRTY)
    s.buffer_line[k] = word
    s.buffer_head = k + 1 if k + 1 < s.buffer_lines else 0
    return time


@inner_kernel
def _follow_writes(s: Any, address: int, size: int) -> bool:
    """Whether a store belongs to a row that has written enough lines, upwards or downwards without a gap."""
    if address == s.write_end or address + size == s.write_begin:
        s.written_bytes += size
    elif s.written_bytes >= s.stream_writes and s.write_trust > 0:
        s.write_trust -= 1
    else:
        s.written_bytes = 0
    s.write_begin, s.write_end = address, address + size
    if s.written_bytes < s.stream_writes:
        s.write_trust = _TRUST
        return False
    return True
