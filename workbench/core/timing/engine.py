"""The timing engine's entry point for scalar instructions, `step`; for vector ones: `workbench.core.timing.vector_step`.

Each dynamic instruction passes once, in program order, and gets the cycles at which it is fetched, renamed, issued,
completed and committed, from resources that remember when they are next free. Stall cycles at commit are given to
what the oldest instruction waited for; they sum to the cycles of the run.

Left out: wrong-path fetches and accesses, speculative wake-up and its replays, forwarding from vector stores, waiting
of the core's loads for the decoupled engine's stores.

Accuracy: docs/accuracy.md. The vector rules are fitted on rvv-bench's cells (benchmarks/rvv_throughput.py; a fit, not a
prediction); scalar latencies of the C906 and C910 are those of the vendor's tables
(tests/claims/test_claims_vendor_latencies.py). IPC of whole programs beside RTL simulation:
benchmarks/core_accuracy.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.limits import INSTRUCTION_BUFFER
from workbench.core.timing.classes import (
    CORE,
    FP_REGISTERS,
    INT_REGISTERS,
    L1D_ARRAY,
    SERIALIZE,
    STORE,
    VIOLATION,
)
from workbench.core.timing.dispatch import sorted_queue
from workbench.core.timing.fetch import fetch, split_block, steer
from workbench.core.timing.loadstore import flush_violation, memory_cause, retire_access, scalar_access
from workbench.core.timing.pipeline import commit, dispatch, free_register, group_cycle, in_group, register_slot, rename
from workbench.core.timing.ports import block_port, hold_write_port, in_order_time, note_issue, take_port
from workbench.core.timing.queues import admit, advance, leave, pick_queue, take_entry
from workbench.core.timing.stages import log_stages
from workbench.core.timing.state import HOLDS_PORT, HOLDS_WRITE_PORT, QUEUE_CHOICES
from workbench.isa.code import Flag
from workbench.isa.timing_class import TimingClass

_LOAD, _STORE, _SERIALIZE = int(Flag.LOAD), int(Flag.STORE), int(Flag.SERIALIZE)
_CONTROL = int(Flag.BRANCH | Flag.JUMP | Flag.INDIRECT)
_MEMORY = _LOAD | _STORE
_MOVE = int(Flag.MOVE)
_NOP, _SYSTEM = int(TimingClass.NOP), int(TimingClass.SYSTEM)


@inner_kernel(forceinline=True)
def step(s: Any, c: Any, i: int, pc: int, next_pc: int, address: int) -> None:
    """Account for one scalar instruction: `c`, entry `i` of the code, at `pc`, followed by `next_pc`; `address` if it
    accesses memory.
    """
    flags = c.flags
    kind = c.timing
    rd = c.rd
    s.class_count[kind] += 1
    if flags & _CONTROL and s.branches_per_block > 0:
        split_block(s, pc)
    fetched = fetch(s, pc) + s.fetch_to_rename
    joins = in_group(s, fetched)
    is_second = pc == s.fused_pc
    s.fused_pc = pc + c.length if c.fusion & s.fusion and not is_second else -1
    if is_second and (joins if s.rename_groups else s.rename_count < s.rename_width):
        _second_half(s, c, i, pc, kind, rd)
        return
    time = max(fetched, s.rename_time)
    choice = kind * QUEUE_CHOICES
    idle = kind == _NOP or (flags & _MOVE != 0 and s.move_elimination != 0)
    advance(s, time)
    if s.sorts_queues:
        choice = sorted_queue(s, kind, group_cycle(s, fetched, joins))
    elif not idle:
        choice = pick_queue(s, kind)
    queue = s.choice_queue[choice]
    if not idle or s.sorts_queues:
        time = admit(s, queue)
    file = -1
    if rd > 0:
        file = INT_REGISTERS if rd < 32 else FP_REGISTERS
        time = register_slot(s, file, time)
    waiting = CORE
    if flags & _LOAD:
        time = max(time, s.load_ring[s.load_head] + 1)
    if flags & _STORE and time <= s.store_ring[s.store_head]:
        time = s.store_ring[s.store_head] + 1
        waiting = STORE
    if flags & _SERIALIZE:
        time = max(time, s.last_commit + 1)
        waiting = SERIALIZE
    if time < s.barrier:
        time = s.barrier
        waiting = SERIALIZE
    time = rename(s, time, fetched, joins, 1, s.class_simple[kind] if s.fused_pc < 0 else 0)
    fetch_cause, front_bound = s.fetch_cause, (time == fetched) | (time == s.walk_end)
    cause = fetch_cause if front_bound else waiting
    known = time
    if idle:
        if s.sorts_queues:
            take_entry(s, queue)
        if rd > 0:
            source = max(c.rs1, c.rs2)
            s.register_ready[rd] = s.register_ready[source] if flags & _MOVE else time
            s.register_queue[rd] = s.register_queue[source]
        done = time
        issue = time
    else:
        earliest = time + s.rename_to_issue + s.queue_entry[queue]
        if s.dispatch_entries > 0:
            earliest += dispatch(s, kind, time)
        late = s.queue_late[queue]
        operands = _operand(s, c.rs1, late)
        known = max(earliest, operands)
        operands = max(operands, _operand(s, c.rs2, late), _operand(s, c.rs3, late))
        wakeup = s.entry_wakeup
        ready = max(earliest, operands) + (wakeup if operands == earliest else 0)
        if s.in_order:
            if rd > 0:
                ready = max(ready, s.register_ready[rd])
            ready = in_order_time(s, ready)
        ports = s.choice_ports[choice]
        issue = take_port(s, ports, ready, ports & s.class_at_once[kind])
        if s.in_order:
            note_issue(s, issue)
        leave(s, queue, issue)
        s.queue_occupancy += issue - time
        if issue > earliest:
            cause = waiting
        if flags & _MEMORY:
            done = scalar_access(s, c, pc, address, issue, flags)
            if flags & _LOAD and s.found >= L1D_ARRAY:
                cause = VIOLATION if s.violation_time > 0 else memory_cause(s, cause, waiting)
        else:
            latency = _latency(s, c, kind)
            done = issue + latency
            holds = s.class_holds[kind]
            if holds == HOLDS_PORT:
                block_port(s, ports, issue, latency)
            elif holds == HOLDS_WRITE_PORT:
                hold_write_port(s, ports, done - 1)
        if rd > 0:
            s.register_ready[rd] = done
            s.register_queue[rd] = queue
    finished = commit(s, c.region, done, cause)
    if file >= 0:
        free_register(s, file, finished)
    if flags & _MEMORY:
        retire_access(s, flags, pc, address, c.mem_bytes, known, issue, finished)
        flush_violation(s)
    if flags & _SERIALIZE:
        s.barrier = finished + (s.trap_cycles if kind == _SYSTEM else 1)
    if s.log_left > 0:
        log_stages(s, i, pc, time, issue, done, finished, s.drain_time if flags & _STORE else 0, 0, 0)
    if flags & _CONTROL:
        steer(s, flags, pc, pc + c.length, next_pc, done)


@inner_kernel(forceinline=True)
def _operand(s: Any, register: int, late: int) -> int:
    """When an operand is known to a queue that learns late of what the queues in `late` produce; 0 if there is none."""
    place = np.uint8(register)
    ready = s.register_ready[place]
    if late != 0 and (late >> s.register_queue[place]) & 1:
        ready += s.slow_wakeup
    return ready  # type: ignore[no-any-return]


@inner_kernel(is_rare=True)
def _second_half(s: Any, c: Any, i: int, pc: int, kind: int, rd: int) -> None:
    """Account for the second instruction of a fused pair: it adds its other operand to the operation of the first."""
    other = c.rs2 if c.rs1 == rd else c.rs1
    done = s.register_ready[rd]
    if other > 0 and other != rd:
        done = max(done, s.register_ready[other] + 1)
    done += _latency(s, c, kind) - 1
    s.register_ready[rd] = done
    s.fusions += 1
    s.group_left -= 1
    s.rob_merges = 1
    s.rename_times[s.instructions & (INSTRUCTION_BUFFER - 1)] = s.rename_time
    finished = commit(s, c.region, done, CORE)
    if s.log_left > 0:
        log_stages(s, i, pc, s.rename_time, done - 1, done, finished, 0, 0, 0)


@inner_kernel(forceinline=True)
def _latency(s: Any, c: Any, kind: int) -> int:
    return s.class_latency[kind * 4 + ((int(c.raw) >> s.class_shift[kind]) & s.class_forms[kind])]  # type: ignore[no-any-return]
