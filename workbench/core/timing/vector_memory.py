"""Vector loads and stores of the core's own pipes: unit-stride, strided, indexed and segment accesses.

Their port cycles are figures of the core's file (`config_vector.VectorAccess`); lines go through the core's L1D.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import get
from workbench.core.timing.classes import ACCESS, L1D_ARRAY
from workbench.core.timing.memory import data_access, translate_data
from workbench.core.timing.prefetch_sequential import follow_loads
from workbench.core.timing.state import FIXED
from workbench.core.timing.vector import MEMORY, V0, hand_to_queue, note_start, scalar_ready, take
from workbench.isa.code import Flag

_MASKED, _LOAD = int(Flag.MASKED), int(Flag.LOAD)
_STRIDED, _INDEXED = int(Flag.STRIDED), int(Flag.INDEXED)
_FIELDS = len(ACCESS)
_FIXED, _MINIMUM, _MASK, _MASKED_MINIMUM = (ACCESS[n] for n in ("fixed", "minimum", "masked", "masked_minimum"))
_FIRST_FAULT, _ELEMENT, _ELEMENT_BYTE = (ACCESS[n] for n in ("first_fault", "element_cycles", "element_byte_cycles"))
_SERIAL_FAULT, _SEGMENT, _SEGMENT_FIELD = (
    ACCESS["serial_fault_cycles"], ACCESS["segment_fixed"], ACCESS["segment_field_cycles"],
)  # fmt: skip
_SEGMENT_REGISTER = ACCESS["segment_register_cycles"]
_I64 = np.int64(0)


@inner_kernel
def access_registers(c: Any, vlen_bytes: int, sew_log2: int, lmul_log2: int) -> int:
    """Registers that a vector load or store fills or reads, all fields of a segment together."""
    word = int(c.raw)
    fields = ((word >> 29) & 7) + 1
    if (word >> 26) & 3 == 0:
        if (word >> 20) & 31 == 8:
            return fields
        if (word >> 20) & 31 == 11:
            return 1
    group = lmul_log2
    if not c.flags & _INDEXED:
        size = c.mem_bytes
        group += (3 if size == 1 else 4 if size == 2 else 5 if size == 4 else 6) - sew_log2
    return min(fields << max(group, 0), 8)


@inner_kernel
def access_bytes(c: Any, vlen_bytes: int, vl: int, sew_log2: int) -> int:
    """Bytes that a vector load or store moves."""
    word = int(c.raw)
    fields = ((word >> 29) & 7) + 1
    if (word >> 26) & 3 == 0:
        if (word >> 20) & 31 == 8:
            return fields * vlen_bytes
        if (word >> 20) & 31 == 11:
            return (vl + 7) >> 3
    element = (1 << sew_log2) >> 3 if c.flags & _INDEXED else c.mem_bytes
    return vl * element * fields


@inner_kernel
def access(
    s: Any, c: Any, pc: int, address: int, stride: int, vl: int, sew_log2: int, lmul_log2: int, elements: int, earliest: int
) -> int:
    """Completion of a vector load or store in the core's own pipes; sets `found` to the farthest level that served it."""
    registers = access_registers(c, s.vlen_bytes, sew_log2, lmul_log2)
    total = access_bytes(c, s.vlen_bytes, vl, sew_log2)
    is_load = c.flags & _LOAD != 0
    scalars = ready = scalar_ready(s, c, earliest)
    if c.flags & _MASKED:
        ready = max(ready, s.register_ready[V0])
    if c.flags & _INDEXED and c.rs2 >= V0:
        ready = max(ready, s.register_ready[c.rs2])
    if not is_load:
        for k in range(registers):
            ready = max(ready, s.register_ready[(c.rs3 if c.rs3 >= V0 else c.rd) + k])
    elif s.in_order:
        ready = max(ready, s.register_ready[c.rd])
    if s.in_order:
        ready = hand_to_queue(s, scalars, ready, MEMORY)
    s.vector_uops += registers
    s.vector_issue = s.vector_leave = ready
    if c.flags & (_STRIDED | _INDEXED):
        done = _scattered(s, c, pc, address, stride, vl, registers, total, elements, ready, is_load)
    else:
        done = _contiguous(s, c, pc, address, vl, registers, total, ready, is_load)
    if s.in_order:
        note_start(s, s.vector_issue, MEMORY)
        if s.vector_queue > 0:
            return s.vector_issue + 1
    return done


@inner_kernel
def _lines(s: Any, pc: int, address: int, size: int, time: int, is_load: bool) -> int:
    """Cycle at which all lines of a piece are there (a store only translates)."""
    time += translate_data(s, address, time)
    if not is_load:
        s.stores += 1
        return time + 1
    s.loads += 1
    done = time
    farthest = s.found
    for line in range(address >> s.line_shift, ((address + max(size, 1) - 1) >> s.line_shift) + 1):
        done = max(done, data_access(s, line, pc, line << s.line_shift, time, 0))
        farthest = max(farthest, s.found)
    s.found = farthest
    if s.sequential_loads > 0:
        follow_loads(s, address, size, time)
    return done


@inner_kernel
def _unit_cost(s: Any, c: Any, vl: int, registers: int, total: int, is_load: bool) -> int:
    """Port cycles of a unit-stride or unit-stride segment access, in sixteenths."""
    book = 0 if is_load else _FIELDS
    store = 0 if is_load else 1
    port = s.load_port if is_load else s.store_port
    fields = c.fields + 1
    faults = is_load and (int(c.raw) >> 20) & 31 == 16
    moved = total if s.work_follows_vl else registers * s.vlen_bytes
    if c.fields <= 0 or c.mem_bytes <= 0:
        cost = s.access_cost[book + _FIXED] + FIXED * moved // port
        if not s.work_follows_vl:
            cost = s.access_cost[book + _FIXED] + registers * FIXED * ((s.vlen_bytes + port - 1) // port)
    elif fields <= s.parallel_fields[store]:
        slots = s.field_slots[store]
        rounded = (fields + slots - 1) // slots * slots
        whole = s.access_cost[book + _SEGMENT_REGISTER] * moved * rounded // (fields * s.vlen_bytes)
        cost = max(s.access_cost[book + _SEGMENT] + s.access_cost[book + _SEGMENT_FIELD] * fields, whole)
    else:
        cost = s.access_cost[book + _ELEMENT] * vl * fields
        if not s.work_follows_vl:
            cost = s.access_cost[book + _ELEMENT] * registers * max(s.vlen_bytes // c.mem_bytes, 1)
        return cost + (s.access_cost[book + _SERIAL_FAULT] * vl if faults else 0)
    if faults:
        cost += s.access_cost[book + _FIRST_FAULT]
    if c.flags & _MASKED:
        return max(cost + s.access_cost[book + _MASK], s.access_cost[book + _MASKED_MINIMUM])
    return max(cost, s.access_cost[book + _MINIMUM])


@inner_kernel
def _contiguous(
    s: Any, c: Any, pc: int, address: int, vl: int, registers: int, total: int, ready: int, is_load: bool
) -> int:
    ports = s.class_ports[c.timing]
    direction = 0 if is_load else 1
    cost = _unit_cost(s, c, vl, registers, total, is_load)
    share = cost // registers
    done = ready
    s.found = L1D_ARRAY
    for k in range(registers):
        start = k * s.vlen_bytes
        s.access_credit[direction] += share + (cost - share * registers if k == 0 else 0)
        cycles = s.access_credit[direction] // FIXED
        s.access_credit[direction] -= cycles * FIXED
        time = take(s, ports, ready, cycles)
        if k == 0:
            s.vector_issue = s.vector_leave = time
        arrived = time + 1
        if start < total:
            arrived = _lines(s, pc, address + start, min(s.vlen_bytes, total - start), time, is_load) + max(cycles - 1, 0)
        if is_load:
            s.register_ready[c.rd + k] = s.register_started[c.rd + k] = arrived
            s.register_saving[c.rd + k] = 0
        done = max(done, arrived)
    return done


@inner_kernel
def _scattered(
    s: Any, c: Any, pc: int, address: int, stride: int, vl: int, registers: int, total: int, elements: int,
    ready: int, is_load: bool,
) -> int:  # fmt: skip
    ports = s.class_ports[c.timing]
    book, direction = (0, 0) if is_load else (_FIELDS, 1)
    fields = c.fields + 1 if c.fields > 0 else 1
    size = max(total // max(vl, 1), 1)
    each = s.access_cost[book + _ELEMENT]
    if fields > s.parallel_fields[direction]:
        each *= fields
    elif fields > 1:
        each += s.access_cost[book + _ELEMENT_BYTE] * size
    if c.flags & _MASKED:
        s.access_credit[direction] += s.access_cost[book + _MASK]
    done = ready
    s.found = L1D_ARRAY
    time = ready
    for k in range(vl):
        where = get(elements, k, _I64) if c.flags & _INDEXED else address + k * stride
        s.access_credit[direction] += each
        cycles = s.access_credit[direction] // FIXED
        s.access_credit[direction] -= cycles * FIXED
        time = take(s, ports, time, cycles)
        if k == 0:
            s.vector_issue = s.vector_leave = time
        done = max(done, _lines(s, pc, where, size, time, is_load))
        time = s.vector_beat
    if is_load:
        for k in range(registers):
            s.register_ready[c.rd + k] = s.register_started[c.rd + k] = done
            s.register_saving[c.rd + k] = 0
    return done
