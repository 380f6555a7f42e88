"""The timing engine's entry point for vector instructions, a unit that is compiled when a program has the first of them.

Scalar instructions, and what the engine leaves out: `workbench.core.timing.engine`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.base.jit_units import unit
from workbench.core.interpreter.primitives import get
from workbench.core.timing.classes import (
    FP_REGISTERS,
    INT_REGISTERS,
    L1D_ARRAY,
    L2_ARRAY,
    VEC_REGISTERS,
    VECTOR,
)
from workbench.core.timing.fetch import fetch
from workbench.core.timing.loadstore import enter_load, enter_store
from workbench.core.timing.npu import compute, hand_over, transfer
from workbench.core.timing.pipeline import commit, free_register, in_group, register_slot, rename
from workbench.core.timing.queues import admit, advance, leave
from workbench.core.timing.stages import log_stages
from workbench.core.timing.state import TIMING_DTYPE
from workbench.core.timing.store_buffer import bytes_of_line, drain_store
from workbench.core.timing.store_words import bytes_until
from workbench.core.timing.vector import V0, operate, vector_cause
from workbench.core.timing.vector_memory import access, access_bytes, access_registers
from workbench.core.timing.vector_rules import known_rule, registers_log2
from workbench.isa.code import INSTRUCTION_DTYPE, Flag

_LOAD, _STORE = int(Flag.LOAD), int(Flag.STORE)
_MEMORY = _LOAD | _STORE
_INDEXED, _SCATTERED = int(Flag.INDEXED), int(Flag.STRIDED | Flag.INDEXED)
_I64 = np.int64(0)
_WHOLE_LINE = -1  # bits of its bytes


@unit(TIMING_DTYPE, INSTRUCTION_DTYPE, int, int, int, int, int, int, int, int, int)
def step_vector(
    s: Any, c: Any, i: int, pc: int, next_pc: int, address: int, stride: int, vl: int, sew_log2: int, lmul_log2: int,
    element_addresses: int,
) -> int:  # fmt: skip
    """Account for one vector instruction: `vl` elements of ``1 << sew_log2`` bits, groups of ``2**lmul_log2`` registers.

    `element_addresses` is the host address of those of an indexed access. Returns the cycle of its commit.
    """
    flags, kind, rd = c.flags, c.timing, c.rd
    is_memory = flags & _MEMORY != 0
    rule = 0 if is_memory else known_rule(s, kind, int(c.raw))
    steps = 0 if is_memory else registers_log2(s, rule, int(c.raw), flags, lmul_log2)
    uops = access_registers(c, s.vlen_bytes, sew_log2, lmul_log2) if is_memory else 1 << max(steps, 0)
    _count_vector(s, c, kind, vl, sew_log2, is_memory)
    fetched = fetch(s, pc) + s.fetch_to_rename
    time = max(fetched, s.rename_time)
    queue = s.class_queue[kind] if is_memory else s.rule_queue[rule]
    advance(s, time)
    if not s.has_npu:
        time = admit(s, queue)
    if flags & _LOAD:
        time = max(time, s.load_ring[s.load_head] + 1)
    if flags & _STORE:
        time = max(time, s.store_ring[s.store_head] + 1)
    file = -1
    if rd > 0 and not flags & _STORE:
        file = VEC_REGISTERS if rd >= V0 else INT_REGISTERS if rd < 32 else FP_REGISTERS
        time = register_slot(s, file, time)
    limit = s.decode_simple_vector if uops == 1 else s.decode_vector
    if time <= s.rename_time and s.vector_count >= limit:
        time = s.rename_time + 1
    time = rename(s, max(time, s.barrier), fetched, in_group(s, fetched), 1 if s.has_npu or s.in_order else uops, 0)
    s.vector_count += 1
    earliest = time + s.rename_to_issue
    cause = VECTOR
    s.found = L1D_ARRAY
    engine_done = 0
    if s.has_npu:
        done = hand_over(s, c, earliest)
        s.vector_issue = done
        if is_memory:
            engine_done = transfer(s, c, pc, address, stride, vl, sew_log2, lmul_log2, element_addresses, done)
        else:
            engine_done = compute(s, c, rule, steps, vl, sew_log2, done)
            if 0 <= rd < V0:
                done = engine_done + s.npu_result
                if rd > 0:
                    s.register_ready[rd] = done
    elif is_memory:
        done = access(s, c, pc, address, stride, vl, sew_log2, lmul_log2, element_addresses, earliest)
        cause = vector_cause(s, flags & _LOAD != 0)
    else:
        done = operate(s, c, rule, steps, vl, sew_log2, lmul_log2, earliest)
    if not s.has_npu:
        leave(s, queue, max(s.vector_leave, earliest))
    if time == fetched and done <= earliest + 8 and s.found < L2_ARRAY:
        cause = s.fetch_cause
    finished = commit(s, c.region, done, cause)
    if file >= 0:
        for _ in range(1 if file != VEC_REGISTERS or s.has_npu else uops):
            free_register(s, file, finished)
    if is_memory:
        _retire_vector_access(s, c, pc, address, stride, vl, sew_log2, element_addresses, finished)
    if s.log_left > 0:
        stored = s.drain_time if flags & _STORE and not s.has_npu else 0
        start = s.npu_last if s.has_npu else 0
        log_stages(s, i, pc, time, s.vector_issue, done, finished, stored, start, engine_done)
    return finished  # type: ignore[no-any-return]


@inner_kernel
def _count_vector(s: Any, c: Any, kind: int, vl: int, sew_log2: int, is_memory: bool) -> None:
    s.class_count[kind] += 1
    s.class_elements[kind, sew_log2 - 3] += vl
    s.vector_instructions += 1
    operands = 1
    if not is_memory:
        operands += (c.rs1 >= V0) + (c.rs2 >= V0) + (c.rs3 >= V0)
    s.vector_bytes += vl * ((1 << sew_log2) >> 3) * operands


@inner_kernel
def _retire_vector_access(
    s: Any, c: Any, pc: int, address: int, stride: int, vl: int, sew_log2: int, elements: int, finished: int
) -> None:
    """Enter the access in the load or store ring; the core's own vector stores drain line by line."""
    if c.flags & _LOAD:
        enter_load(s, finished)
        return
    drained = finished
    if not s.has_npu:
        if c.flags & _SCATTERED:
            for k in range(vl):
                where = get(elements, k, _I64) if c.flags & _INDEXED else address + k * stride
                drained = drain_store(s, pc, where, bytes_of_line(s, where, 1 << sew_log2 >> 3), finished)
        else:
            size = access_bytes(c, s.vlen_bytes, vl, sew_log2)
            end = address + max(size, 1)
            for line in range(address >> s.line_shift, ((end - 1) >> s.line_shift) + 1):
                first = max(address, line << s.line_shift)
                written = _WHOLE_LINE if s.word_bits == 0 else bytes_until(s, first, end)
                drained = drain_store(s, pc, first, written, finished)
    enter_store(s, drained)
