"""The memory that instructions access, taken from what the interpreter records, and carried on to skipped iterations.

Accesses are rows (`ACCESS_COLUMNS`): address, bytes, entry of the code. In a loop whose iterations do the same, an access
moves on by a fixed step: the accesses of any later iteration follow from two recorded ones. `warm` enters their lines and
pages in the caches and TLBs, in order of use, without time passing: the state that the skipped iterations would leave
behind, but for prefetches.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel, kernel
from workbench.core.interpreter.record import SEW_SHIFT, VL_MASK
from workbench.core.timing.classes import DTLB_ARRAY, L1D_ARRAY, STLB_ARRAY
from workbench.core.timing.hierarchy import fill, next_level
from workbench.core.timing.tables import DIRTY, find, insert
from workbench.core.timing.vector_memory import access_bytes
from workbench.isa.code import Flag

ADDRESS, BYTES, ENTRY = range(3)
_VECTOR, _LOAD, _STORE = int(Flag.VECTOR), int(Flag.LOAD), int(Flag.STORE)
_STRIDED, _INDEXED = int(Flag.STRIDED), int(Flag.INDEXED)
_MEMORY = _LOAD | _STORE
IS_STORE, IS_VECTOR = 1, 2


@kernel
def read_accesses(words: Any, code: Any, vlen_bytes: int, rows: Any) -> int:
    """Decode recorded instructions (`interpreter.record`) to access rows; returns their number (`rows` may be too short)."""
    at, count = 0, 0
    while at < len(words):
        entry = words[at]
        c = code[entry]
        at += 1
        vl, sew = np.int64(0), np.int64(0)
        if c.flags & _VECTOR:
            vl, sew = words[at] & VL_MASK, (words[at] >> SEW_SHIFT) & 0xFF
            at += 1
        if not c.flags & _MEMORY:
            if c.flags & _STRIDED:
                at += 1
            if c.flags & _INDEXED:
                at += int(vl)
            continue
        address = words[at]
        at += 1
        size = np.int64(c.mem_bytes)
        if c.flags & _VECTOR:
            size = access_bytes(c, vlen_bytes, vl, sew)
        if c.flags & (_STRIDED | _INDEXED):
            stride = np.int64(0)
            if c.flags & _STRIDED:
                stride = words[at]
                at += 1
            for k in range(vl):
                where = words[at + k] if c.flags & _INDEXED else address + k * stride
                if count < len(rows):
                    rows[count, ADDRESS], rows[count, BYTES], rows[count, ENTRY] = where, size // vl, entry
                count += 1
            if c.flags & _INDEXED:
                at += int(vl)
        elif size > 0:
            if count < len(rows):
                rows[count, ADDRESS], rows[count, BYTES], rows[count, ENTRY] = address, size, entry
            count += 1
    return count


@kernel
def join_accesses(firsts: Any, ends: Any, kinds: Any, steps: Any, rows: Any, gap: int) -> int:
    """Join accesses sorted by kind, step and address that lie at most `gap` bytes apart: rows of first, end, kind, step."""
    count = -1
    for k in range(len(firsts)):
        if count >= 0 and rows[count, 2] == kinds[k] and rows[count, 3] == steps[k] and firsts[k] <= rows[count, 1] + gap:
            rows[count, 1] = max(rows[count, 1], ends[k])
        else:
            count += 1
            rows[count, 0], rows[count, 1], rows[count, 2], rows[count, 3] = firsts[k], ends[k], kinds[k], steps[k]
    return count + 1


@kernel
def warm(timing: Any, rows: Any, iterations: int) -> int:
    """Enter the lines and pages that joined accesses touch in so many iterations, of which `rows` is the first.

    Returns the number of lines that came from DRAM or were written back to it.
    """
    s = timing[0]
    writes, reads = s.dram_writes, s.dram_reads
    saved = s.bus_free.copy()
    for k in range(iterations):
        for i in range(len(rows)):
            first, end = rows[i, 0] + k * rows[i, 3], rows[i, 1] + k * rows[i, 3]
            kind = rows[i, 2]
            for page in range(first >> s.page_shift, ((end - 1) >> s.page_shift) + 1):
                if page != s.last_data_page:
                    s.last_data_page = page
                    if find(s, DTLB_ARRAY, page) < 0:
                        insert(s, DTLB_ARRAY, page, 0)
                        if find(s, STLB_ARRAY, page) < 0:
                            insert(s, STLB_ARRAY, page, 0)
            level = np.int64(L1D_ARRAY)
            if s.has_npu and kind & IS_VECTOR:
                level = s.npu_level
            for line in range(first >> s.line_shift, ((end - 1) >> s.line_shift) + 1):
                _touch(s, level, line, DIRTY if kind & IS_STORE else 0)
    moved = s.dram_reads - reads + s.dram_writes - writes
    s.dram_writes, s.dram_reads = writes, reads
    s.bus_free[:] = saved
    return moved


@inner_kernel
def _touch(s: Any, level: int, line: int, flags: int) -> None:
    """Use a line at `level`; one that is not there comes from the levels behind, except to be written whole by an engine."""
    if level > s.last_level:
        return
    slot = find(s, level, line)
    if slot >= 0:
        s.entries[slot].stamp |= flags
        return
    behind = next_level(s) if level == L1D_ARRAY else level + 1
    writes_whole_line = level > L1D_ARRAY and flags != 0
    if not writes_whole_line:
        _touch_outer(s, behind if behind > L1D_ARRAY else s.last_level + 1, line)
    fill(s, level, line, 0, behind, flags)


@inner_kernel
def _touch_outer(s: Any, level: int, line: int) -> None:
    """Enter a line in the levels from `level` on, down to the first that has it."""
    for k in range(level, s.last_level + 1):
        if find(s, k, line) >= 0:
            return
        fill(s, k, line, 0, k + 1, 0)
    s.dram_reads += 1


def joined(accesses: np.ndarray, steps: np.ndarray, flags: np.ndarray, gap: int) -> np.ndarray:
    """Accesses and their steps as few ranges (`join_accesses`); `flags` are those of the code's entries."""
    kinds = flags[accesses[:, ENTRY]]
    kinds = np.where(kinds & _STORE, IS_STORE, 0) | np.where(kinds & _VECTOR, IS_VECTOR, 0)
    order = np.lexsort((accesses[:, ADDRESS], steps, kinds))
    firsts, kinds, steps = accesses[order, ADDRESS], kinds[order], steps[order]
    rows = np.empty((len(order), 4), np.int64)
    count = join_accesses(firsts, firsts + accesses[order, BYTES], kinds, steps, rows, gap)
    return rows[:count].copy()


def later(accesses: np.ndarray, steps: np.ndarray, first: int, iterations: int) -> np.ndarray:
    """The accesses of `iterations` iterations, the first of which is `first` after the one given."""
    times = np.arange(first, first + iterations)
    rows = np.repeat(accesses[None], iterations, axis=0)
    rows[:, :, ADDRESS] += times[:, None] * steps[None]
    return rows.reshape(-1, accesses.shape[1])
