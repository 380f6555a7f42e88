"""The timing engine's two entry points: `step` for a scalar instruction, `step_vector` for a vector one.

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

from workbench.base.jit import inner_kernel
from workbench.core.limits import INSTRUCTION_BUFFER
from workbench.core.timing.classes import (
    CORE,
    FP_REGISTERS,
    INT_REGISTERS,
    L1D_ARRAY,
    L2_ARRAY,
    SERIALIZE,
    STORE,
    VEC_REGISTERS,
    VECTOR,
    VIOLATION,
)
from workbench.core.timing.loadstore import (
    drain_store,
    enter_load,
    enter_store,
    flush_violation,
    memory_cause,
    retire_access,
    scalar_access,
)
from workbench.core.timing.npu import compute, hand_over, transfer
from workbench.core.timing.pipeline import (
    admit,
    advance,
    block_port,
    commit,
    fetch,
    free_register,
    in_order_time,
    leave,
    note_issue,
    pick_queue,
    register_slot,
    rename,
    steer,
    take_port,
)
from workbench.core.timing.stages import log_stages
from workbench.core.timing.state import QUEUE_CHOICES
from workbench.core.timing.vector import (
    V0,
    cost_rule,
    operate,
    registers_log2,
    vector_cause,
)
from workbench.core.timing.vector_memory import access, access_bytes, access_registers
from workbench.isa.code import Flag
from workbench.isa.timing_class import TimingClass

_LOAD, _STORE, _SERIALIZE = int(Flag.LOAD), int(Flag.STORE), int(Flag.SERIALIZE)
_CONTROL = int(Flag.BRANCH | Flag.JUMP | Flag.INDIRECT)
_MEMORY = _LOAD | _STORE
_INDEXED, _MOVE = int(Flag.INDEXED), int(Flag.MOVE)
_SCATTERED = int(Flag.STRIDED | Flag.INDEXED)
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
    fetched = fetch(s, pc) + s.fetch_to_rename
    is_second = pc == s.fused_pc
    s.fused_pc = pc + c.length if c.fusion & s.fusion and not is_second else -1
    if is_second and s.rename_count < s.rename_width:
        _second_half(s, c, i, pc, kind, rd)
        return
    time = max(fetched, s.rename_time)
    choice = kind * QUEUE_CHOICES
    idle = kind == _NOP or (flags & _MOVE != 0 and s.move_elimination != 0)
    advance(s, time)
    if not idle:
        choice = pick_queue(s, kind)
    queue = s.choice_queue[choice]
    if not idle:
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
    time = rename(s, time, 1, s.class_simple[kind] == 1)
    front_bound = time == fetched
    cause = s.fetch_cause if front_bound else waiting
    known = time
    if idle:
        if rd > 0:
            s.register_ready[rd] = s.register_ready[max(c.rs1, c.rs2)] if flags & _MOVE else time
        done = time
        issue = time
    else:
        earliest = time + s.rename_to_issue
        ready = earliest
        if c.rs1 > 0:
            ready = max(ready, s.register_ready[c.rs1])
        known = ready
        if c.rs2 > 0:
            ready = max(ready, s.register_ready[c.rs2])
        if c.rs3 > 0:
            ready = max(ready, s.register_ready[c.rs3])
        if s.in_order:
            if rd > 0:
                ready = max(ready, s.register_ready[rd])
            ready = in_order_time(s, ready)
        ports = s.choice_ports[choice]
        issue = take_port(s, ports, ready)
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
            if s.class_blocks[kind]:
                block_port(s, ports, issue, latency)
        if rd > 0:
            s.register_ready[rd] = done
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


@inner_kernel
def _second_half(s: Any, c: Any, i: int, pc: int, kind: int, rd: int) -> None:
    """Account for the second instruction of a fused pair: it adds its other operand to the operation of the first."""
    other = c.rs2 if c.rs1 == rd else c.rs1
    done = s.register_ready[rd]
    if other > 0 and other != rd:
        done = max(done, s.register_ready[other] + 1)
    done += _latency(s, c, kind) - 1
    s.register_ready[rd] = done
    s.fusions += 1
    s.rob_merges = 1
    s.rename_times[s.instructions & (INSTRUCTION_BUFFER - 1)] = s.rename_time
    finished = commit(s, c.region, done, CORE)
    if s.log_left > 0:
        log_stages(s, i, pc, s.rename_time, done - 1, done, finished, 0, 0, 0)


@inner_kernel
def step_vector(
    s: Any, c: Any, i: int, pc: int, next_pc: int, address: int, stride: int, vl: int, sew_log2: int, lmul_log2: int,
    element_addresses: Any,
) -> None:  # fmt: skip
    """Account for one vector instruction: `vl` elements of ``1 << sew_log2`` bits, groups of ``2**lmul_log2`` registers."""
    flags, kind, rd = c.flags, c.timing, c.rd
    is_memory = flags & _MEMORY != 0
    rule = 0 if is_memory else cost_rule(s, kind, int(c.raw))
    steps = 0 if is_memory else registers_log2(kind, rule, int(c.raw), flags, lmul_log2)
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
    time = rename(s, max(time, s.barrier), 1 if s.has_npu or s.in_order else uops, False)
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


@inner_kernel
def _count_vector(s: Any, c: Any, kind: int, vl: int, sew_log2: int, is_memory: bool) -> None:
    s.class_count[kind] += 1
    s.class_elements[kind] += vl
    s.vector_instructions += 1
    operands = 1
    if not is_memory:
        operands += (c.rs1 >= V0) + (c.rs2 >= V0) + (c.rs3 >= V0)
    s.vector_bytes += vl * ((1 << sew_log2) >> 3) * operands


@inner_kernel
def _retire_vector_access(
    s: Any, c: Any, pc: int, address: int, stride: int, vl: int, sew_log2: int, elements: Any, finished: int
) -> None:
    """Enter the access in the load or store ring; the core's own vector stores drain line by line."""
    if c.flags & _LOAD:
        enter_load(s, finished)
        return
    drained = finished
    if not s.has_npu:
        if c.flags & _SCATTERED:
            for k in range(vl):
                drained = drain_store(s, pc, elements[k] if c.flags & _INDEXED else address + k * stride, finished)
        else:
            size = access_bytes(c, s.vlen_bytes, vl, sew_log2)
            for line in range(address >> s.line_shift, ((address + max(size, 1) - 1) >> s.line_shift) + 1):
                drained = drain_store(s, pc, line << s.line_shift, finished)
    enter_store(s, drained)


@inner_kernel
def _latency(s: Any, c: Any, kind: int) -> int:
    size = s.class_size[kind]
    if size == 0:
        return s.class_latency[kind * 4]
    word = int(c.raw)
    if size == 1:
        return s.class_latency[kind * 4 + (0 if word & 8 else 1)]
    return s.class_latency[kind * 4 + ((word >> 25) & 3)]
