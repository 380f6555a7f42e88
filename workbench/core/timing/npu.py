"""The decoupled vector engine: an in-order queue, units that each work off one instruction, and chaining between them.

An instruction occupies its unit for ``ceil(vl * sew / (lanes * lane_bits))`` cycles; with chaining a dependent may start
when the first elements of its producer are there, and cannot end before the producer's last. Instructions are handed
over at the head of the reorder buffer (they are never speculative) and retire there; only scalar results make the core
wait. Left out: register-bank conflicts, misalignment, ordering between the core's and the engine's accesses.

Source
------
M. Perotti et al., "A 'New Ara' for vector computing", ASAP 2022 (arXiv 2210.08882): lanes, in-order issue, chaining.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import get, record_at
from workbench.core.limits import MSHRS, STRIDES
from workbench.core.timing.classes import L3_ARRAY, NPU_UNITS, RULE
from workbench.core.timing.coherence import level_home, remove_copies
from workbench.core.timing.dram import write_burst
from workbench.core.timing.hierarchy import fill
from workbench.core.timing.memory import outer_access
from workbench.core.timing.tables import DIRTY, probe
from workbench.core.timing.vector import V0, scalar_ready
from workbench.core.timing.vector_memory import access_bytes, access_registers
from workbench.isa.code import Flag

_LOAD, _STORE, _MASKED = int(Flag.LOAD), int(Flag.STORE), int(Flag.MASKED)
_WIDENING, _STRIDED, _INDEXED = int(Flag.WIDENING), int(Flag.STRIDED), int(Flag.INDEXED)
_LOAD_UNIT, _STORE_UNIT = NPU_UNITS.index("load"), NPU_UNITS.index("store")
_DIVIDES = (RULE["int_div"], RULE["fp_div"], RULE["fp_sqrt"])
_REDUCTION = int(Flag.REDUCTION)
_REDUCE_INT, _REDUCE_FP = RULE["reduce_int"], RULE["reduce_fp"]
_GATHER, _COMPRESS = RULE["gather"], RULE["compress"]
_INT_DIV, _FP_DIV, _FP_SQRT = _DIVIDES
_I64 = np.int64(0)


@inner_kernel
def hand_over(s: Any, c: Any, earliest: int) -> int:
    """Cycle at which the core gives an instruction to the engine: operands there, oldest in flight, a queue entry free."""
    ready = max(scalar_ready(s, c, earliest), s.last_commit)
    return max(ready, s.npu_queue_free[s.npu_head] - s.npu_dispatch)


@inner_kernel
def _start(s: Any, c: Any, unit: int, count: int, result_count: int, handed: int) -> int:
    """First cycle of work: in order, unit free, operands there (their first elements, with chaining)."""
    time = max(handed + s.npu_dispatch, s.npu_last + 1, s.npu_unit_free[unit])
    for j in range(count):
        if c.rs2 >= V0:
            time = max(time, _available(s, c.rs2 - V0 + j))
        if c.rs1 >= V0:
            time = max(time, _available(s, c.rs1 - V0 + j))
    for j in range(result_count):
        if c.rs3 >= V0:
            time = max(time, _available(s, c.rs3 - V0 + j))
        if c.rd >= V0 and not c.flags & _STORE:
            register = min(c.rd - V0 + j, 31)
            time = max(time, s.npu_read[register], _available(s, register) - 1)
    if c.flags & _MASKED:
        time = max(time, _available(s, 0))
    return time


@inner_kernel
def _available(s: Any, register: int) -> int:
    register = min(register, 31)
    return s.npu_first[register] if s.npu_chaining else s.npu_done[register]


@inner_kernel
def _last_operand(s: Any, c: Any, count: int, result_count: int) -> int:
    """Cycle at which the last elements of all operands are there."""
    time = 0
    for j in range(count):
        if c.rs2 >= V0:
            time = max(time, s.npu_done[min(c.rs2 - V0 + j, 31)])
        if c.rs1 >= V0:
            time = max(time, s.npu_done[min(c.rs1 - V0 + j, 31)])
    for j in range(result_count):
        if c.rs3 >= V0:
            time = max(time, s.npu_done[min(c.rs3 - V0 + j, 31)])
    if c.flags & _MASKED:
        time = max(time, s.npu_done[0])
    return time


@inner_kernel
def _finish(s: Any, c: Any, unit: int, count: int, result_count: int, start: int, first: int, done: int, free: int) -> None:
    """Enter the results and the end of the work in the engine's books."""
    s.npu_last = start
    s.npu_unit_free[unit] = free
    s.npu_queue_free[s.npu_head] = done
    s.npu_head += 1
    if s.npu_head >= s.npu_queue:
        s.npu_head = 0
    for j in range(count):
        if c.rs2 >= V0:
            s.npu_read[min(c.rs2 - V0 + j, 31)] = start + 1
        if c.rs1 >= V0:
            s.npu_read[min(c.rs1 - V0 + j, 31)] = start + 1
    if c.rd >= V0 and not c.flags & _STORE:
        for j in range(result_count):
            register = min(c.rd - V0 + j, 31)
            s.npu_first[register] = first
            s.npu_done[register] = done
    elif c.flags & _STORE and c.rs3 >= V0:
        for j in range(result_count):
            s.npu_read[min(c.rs3 - V0 + j, 31)] = start + 1


@inner_kernel
def compute(s: Any, c: Any, rule: int, steps: int, vl: int, sew_log2: int, handed: int) -> int:
    """Completion of a vector arithmetic instruction in the engine."""
    unit, startup = s.npu_rule_unit[rule], s.npu_rule_startup[rule]
    result_count = 1 << max(steps, 0)
    count = max(result_count >> 1, 1) if c.flags & _WIDENING else result_count
    size = (1 << sew_log2) >> 3
    work = vl * size * (2 if c.flags & _WIDENING else 1)
    cycles = max((work + s.npu_bytes - 1) // s.npu_bytes, 1)
    if rule == _INT_DIV or rule == _FP_DIV or rule == _FP_SQRT:
        cycles = max(((vl + s.npu_lanes - 1) // s.npu_lanes) * s.npu_divide * size // 8, 1)
    if rule == _GATHER or rule == _COMPRESS:
        cycles = max(vl, 1)
    start = _start(s, c, unit, count, result_count, handed)
    done = max(start + cycles, _last_operand(s, c, count, result_count)) + startup
    free = max(start + cycles, done - startup)
    if c.flags & _REDUCTION or rule == _REDUCE_INT or rule == _REDUCE_FP:
        lanes = s.npu_lanes
        while lanes > 1:
            done += s.npu_reduce
            lanes >>= 1
        result_count = 1
        first = done
    else:
        first = start + startup
    s.vector_uops += cycles
    _finish(s, c, unit, count, result_count, start, first, done, free)
    return done


@inner_kernel
def transfer(
    s: Any, c: Any, pc: int, address: int, stride: int, vl: int, sew_log2: int, lmul_log2: int, elements: int, handed: int
) -> int:
    """Completion of a vector load or store through the engine's own memory port."""
    is_load = c.flags & _LOAD != 0
    unit = _LOAD_UNIT if is_load else _STORE_UNIT
    registers = access_registers(c, s.vlen_bytes, sew_log2, lmul_log2)
    total = access_bytes(c, s.vlen_bytes, vl, sew_log2)
    s.npu_traffic += total
    start = _start(s, c, unit, registers if c.flags & _INDEXED else 0, registers, handed)
    asked = start + s.npu_memory
    if not is_load:
        asked = max(asked, _last_operand(s, c, 0, registers) - (total + s.npu_port - 1) // s.npu_port)
    if c.flags & (_STRIDED | _INDEXED):
        first, done, last_asked = _elements(s, c, address, stride, vl, elements, asked, is_load)
    else:
        first, done, last_asked = _block(s, address, total, asked, is_load)
        if is_load and total > 0 and s.npu_prefetch > 0 and s.npu_level <= L3_ARRAY:
            _look_ahead(s, pc, address, total, asked)
    free = max(start + 1, last_asked - s.npu_memory + 1)
    _finish(s, c, unit, registers if c.flags & _INDEXED else 0, registers, start, first, done, free)
    return done


@inner_kernel
def _look_ahead(s: Any, pc: int, address: int, total: int, asked: int) -> None:
    """Prefetch the next blocks of a load whose addresses go on by a constant step from one execution to the next."""
    slot = (pc >> 1) & (STRIDES - 1)
    step = address - s.npu_stream_address[slot]
    steady = step == s.npu_stream_step[slot] and step != 0
    s.npu_stream_address[slot] = address
    s.npu_stream_step[slot] = step
    if not steady:
        return
    lines, where = s.npu_prefetch, address
    while lines > 0:
        where += step
        if where < 0:
            return
        for line in range(where >> s.line_shift, (where + total - 1 >> s.line_shift) + 1):
            lines -= 1
            if probe(record_at(level_home(s, s.npu_level), s), s.npu_level, line) < 0:
                s.prefetches += 1
                outer_access(s, s.npu_level, line, asked)


@inner_kernel
def _request(s: Any, line: int, asked: int, is_load: bool) -> int:
    """Cycle at which a line is there or written, and within the lines outstanding at a time (left in `found`: asked)."""
    slot = s.npu_line_head
    asked = max(asked, s.npu_line_free[slot])
    if is_load:
        s.loads += 1
        done = outer_access(s, s.npu_level, line, asked)
    else:
        s.stores += 1
        done = _write_line(s, line, asked)
    s.npu_line_free[slot] = done
    slot += 1
    s.npu_line_head = 0 if slot >= min(s.npu_lines, MSHRS) else slot
    s.found = asked
    return done


@inner_kernel
def _write_line(s: Any, line: int, asked: int) -> int:
    """Write a line where the engine is attached; whole lines are not read first."""
    level = s.npu_level
    if s.harts > 1:
        remove_copies(s, line)
    if level > L3_ARRAY:
        s.dram_writes += 1
        return write_burst(s, line, asked)
    s.accesses[level] += 1
    h = record_at(level_home(s, level), s)
    slot = probe(h, level, line)
    if slot >= 0:
        h.entries[slot].stamp |= DIRTY
    else:
        s.misses[level] += 1
        fill(s, level, line, asked, level, DIRTY)
    return asked + 1


@inner_kernel
def _block(s: Any, address: int, total: int, asked: int, is_load: bool) -> tuple[int, int, int]:
    """First and last arrival and last request of consecutive bytes, at most the port's width a cycle."""
    line_bytes = 1 << s.line_shift
    first, done, sent = -1, asked, 0
    last_asked = asked
    for line in range(address >> s.line_shift, (address + max(total, 1) - 1 >> s.line_shift) + 1):
        sent += min(line_bytes, total)
        ready = _request(s, line, max(asked + (sent - 1) // s.npu_port, last_asked), is_load)
        last_asked = s.found
        if first < 0:
            first = ready
        done = max(done, ready, first + (sent - 1) // s.npu_port)
    return first, done, last_asked


@inner_kernel
def _elements(
    s: Any, c: Any, address: int, stride: int, vl: int, elements: int, asked: int, is_load: bool
) -> tuple[int, int, int]:
    """The same for single elements, one a cycle; neighbours in one line share its request."""
    done, last_line, ready = asked, -1, asked
    last_asked = asked
    for k in range(vl):
        where = get(elements, k, _I64) if c.flags & _INDEXED else address + k * stride
        line = where >> s.line_shift
        last_asked = max(asked + k, last_asked)
        if line != last_line:
            ready = _request(s, line, last_asked, is_load)
            last_asked = s.found
            last_line = line
        done = max(done, ready, last_asked)
    return done, done, last_asked
