"""The in-core vector unit: an instruction becomes one micro-operation a register, each with its own operands and port.

How many port cycles an operation takes is a rule of the core's file (`config.VectorCost`): linear in the registers, or
in pairs of registers where every result register needs every source register. Fractions accumulate from one
instruction to the next. Vector stores do not forward to loads; tail and mask policies cost nothing.
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.timing.classes import L1D_ARRAY, L2, L2_ARRAY, RULE, VECTOR
from workbench.core.timing.memory import data_access, translate_data
from workbench.core.timing.pipeline import in_order_time, note_issue, take_port
from workbench.core.timing.state import FIXED, LMUL_STEPS
from workbench.isa.code import F0, Flag
from workbench.isa.timing_class import TimingClass

_MASKED, _READS_SCALAR, _WIDENING = int(Flag.MASKED), int(Flag.READS_SCALAR), int(Flag.WIDENING)
_WRITES_MASK = int(Flag.WRITES_MASK)
_LOAD, _STRIDED, _INDEXED = int(Flag.LOAD), int(Flag.STRIDED), int(Flag.INDEXED)
_V_MASK, _V_SLIDE, _V_MOVE = int(TimingClass.V_MASK), int(TimingClass.V_SLIDE), int(TimingClass.V_MOVE)
_FP_CONVERT_CLASS = int(TimingClass.FP_CONVERT)
_V_FP_CONVERT, _V_FP_MISC = int(TimingClass.V_FP_CONVERT), int(TimingClass.V_FP_MISC)
_FP_ADD, _FP_CONVERT = RULE["fp_add"], RULE["fp_convert"]
_INT_ALU, _NARROW, _NARROW_FP = RULE["int_alu"], RULE["narrow"], RULE["narrow_fp"]
_MASK, _IOTA, _WHOLE, _SCALAR = RULE["mask"], RULE["iota"], RULE["whole_move"], RULE["scalar_move"]
_SLIDE, _SLIDE1, _SLIDE1_DOWN, _GATHER = RULE["slide"], RULE["slide1"], RULE["slide1_down"], RULE["gather"]
_COMPARE, _REDUCE_INT, _REDUCE_FP = RULE["compare"], RULE["reduce_int"], RULE["reduce_fp"]
V0 = 64  # first vector register in the unified numbering
MOST_REGISTERS_LOG2 = LMUL_STEPS - 1


@inner_kernel
def cost_rule(s: Any, kind: int, word: int) -> int:
    """Number of the cost rule of a vector arithmetic instruction, from its class and its encoding."""
    major, form, select = (word >> 26) & 63, (word >> 12) & 7, (word >> 15) & 31
    if kind == _V_MASK:
        if form == 2 and 24 <= major <= 31:
            return _INT_ALU  # logic between mask registers
        return _IOTA if form == 2 and major == 20 and 16 <= select <= 17 else _MASK
    if kind == _V_SLIDE and (form == 5 or form == 6):
        return _SLIDE1 if major == 14 else _SLIDE1_DOWN
    if kind == _V_MOVE and form == 3 and major == 39:
        return _WHOLE
    if kind == _V_MOVE and form == 5:
        return _FP_ADD  # moves and merges of a floating-point scalar
    if kind == _V_FP_MISC and major == 19:
        return _FP_CONVERT  # reciprocal estimates and classification
    if kind == _V_FP_CONVERT and major == 18 and 16 <= select <= 23:
        return _NARROW_FP
    if 44 <= major <= 47 and (form == 0 or form == 3 or form == 4):
        return _NARROW
    return s.rule_of_class[kind]


@inner_kernel
def registers_log2(kind: int, rule: int, word: int, flags: int, lmul_log2: int) -> int:
    """Log2 of the registers that an operation works through (its wider operand or result)."""
    if rule == _MASK or rule == _SCALAR or (kind == _V_MASK and rule == _INT_ALU):
        return 0
    if rule == _WHOLE:
        count = ((word >> 15) & 7) + 1
        return 3 if count > 4 else 2 if count > 2 else 1 if count > 1 else 0
    if flags & _WIDENING:
        lmul_log2 += 1
    return min(max(lmul_log2, 0), MOST_REGISTERS_LOG2)


@inner_kernel
def scalar_ready(s: Any, c: Any, earliest: int) -> int:
    """Cycle at which an instruction's scalar operands are there."""
    ready = earliest
    if 0 < c.rs1 < V0:
        ready = max(ready, s.register_ready[c.rs1])
    if 0 < c.rs2 < V0:
        ready = max(ready, s.register_ready[c.rs2])
    return ready


@inner_kernel
def _operands(s: Any, c: Any, low: int, high: int, k: int) -> int:
    """Cycle at which the source registers `low`..`high` of each group, the old result and the mask are there."""
    ready = 0
    for j in range(low, high):
        if c.rs2 >= V0:
            ready = max(ready, s.register_ready[c.rs2 + j])
        if c.rs1 >= V0:
            ready = max(ready, s.register_ready[c.rs1 + j])
    if c.rs3 >= V0:
        ready = max(ready, s.register_ready[c.rs3 + k])
    if c.flags & _MASKED:
        ready = max(ready, s.register_ready[V0])
    return ready


@inner_kernel
def _take(s: Any, ports: int, ready: int, cycles: int) -> int:
    """Issue cycle of a micro-operation that takes `cycles` port cycles."""
    if cycles <= 0:
        return ready
    time = take_port(s, ports, ready)
    later = time
    for _ in range(1, cycles):
        later = take_port(s, ports, later)
    return time


@inner_kernel
def operate(s: Any, c: Any, rule: int, steps: int, sew_log2: int, lmul_log2: int, earliest: int) -> int:
    """Completion of a vector arithmetic instruction over `1 << steps` registers; `last_issue` and results are entered."""
    count = 1 << steps
    narrow = rule == _NARROW or rule == _NARROW_FP
    if narrow and lmul_log2 < 0:  # the wide operand is one register
        rule, narrow = _COMPARE if rule == _NARROW else _FP_CONVERT, False
    case = 0 if sew_log2 <= 4 else sew_log2 - 4
    cost = s.rule_cost[(rule * 3 + case) * LMUL_STEPS + steps] >> steps
    ports, latency = s.rule_ports[rule], s.rule_latency[rule]
    whole = rule == _SLIDE or rule == _GATHER or rule == _IOTA or rule == _SLIDE1_DOWN
    single = c.flags & _WRITES_MASK != 0 or rule == _REDUCE_INT or rule == _REDUCE_FP or c.rd < V0
    base = scalar_ready(s, c, earliest)
    if c.flags & _READS_SCALAR:
        base += s.scalar_operand
        if c.rs1 >= F0 and s.scalar_operand > 0:
            base = take_port(s, s.class_ports[_FP_CONVERT_CLASS], base)
    done, issue, results = 0, 0, 0
    for k in range(count):
        low = k >> 1 if c.flags & _WIDENING else 2 * k if narrow else k
        high = low + (2 if narrow else 1)
        ready = max(base, _operands(s, c, 0 if whole else low, count if whole else high, 0 if single else k))
        if s.in_order:
            if c.rd >= 0:
                ready = max(ready, s.register_started[c.rd + (0 if single else k)])
            if k == 0:
                ready = in_order_time(s, ready)
        s.rule_credit[rule] += cost
        cycles = s.rule_credit[rule] // FIXED
        s.rule_credit[rule] -= cycles * FIXED
        time = _take(s, ports, ready, cycles)
        if k == 0:
            issue = time
            if s.in_order:
                note_issue(s, issue)
        done = max(done, time + latency)
        if not single:
            s.register_ready[c.rd + k] = s.register_started[c.rd + k] = time + latency
        results += 1
    s.vector_issue = issue
    if single and c.rd > 0:
        s.register_ready[c.rd] = done
        s.register_started[c.rd] = issue + latency
    s.vector_uops += results
    return done


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
    s: Any, c: Any, pc: int, address: int, stride: int, vl: int, sew_log2: int, lmul_log2: int, elements: Any, earliest: int
) -> int:
    """Completion of a vector load or store in the core's own pipes; sets `found` to the farthest level that served it."""
    registers = access_registers(c, s.vlen_bytes, sew_log2, lmul_log2)
    total = access_bytes(c, s.vlen_bytes, vl, sew_log2)
    is_load = c.flags & _LOAD != 0
    ready = scalar_ready(s, c, earliest)
    if c.flags & _MASKED:
        ready = max(ready, s.register_ready[V0])
    if c.flags & _INDEXED and c.rs2 >= V0:
        ready = max(ready, s.register_ready[c.rs2])
    if not is_load:
        for k in range(registers):
            ready = max(ready, s.register_ready[(c.rs3 if c.rs3 >= V0 else c.rd) + k])
    elif s.in_order:
        for k in range(registers):
            ready = max(ready, s.register_ready[c.rd + k])
    if s.in_order:
        ready = in_order_time(s, ready)
        note_issue(s, ready)
    s.vector_uops += registers
    s.vector_issue = ready
    if c.flags & (_STRIDED | _INDEXED):
        return _scattered(s, c, pc, address, stride, vl, registers, total, elements, ready, is_load)
    return _contiguous(s, c, pc, address, registers, total, ready, is_load)


@inner_kernel
def _lines(s: Any, pc: int, address: int, size: int, time: int, is_load: bool) -> int:
    """Cycle at which all lines of a piece are there (a store only translates)."""
    time += translate_data(s, address)
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
    return done


@inner_kernel
def _contiguous(s: Any, c: Any, pc: int, address: int, registers: int, total: int, ready: int, is_load: bool) -> int:
    ports = s.class_ports[c.timing]
    port_bytes = s.load_port if is_load else s.store_port
    cycles = max((s.vlen_bytes + port_bytes - 1) // port_bytes, 1)
    if c.fields > 0 and c.mem_bytes > 0:
        cycles = max(s.vlen_bytes // c.mem_bytes, 1)  # segments move one element a cycle
    done = ready
    s.found = L1D_ARRAY
    for k in range(registers):
        start = k * s.vlen_bytes
        time = _take(s, ports, ready, cycles)
        arrived = time + 1
        if start < total:
            arrived = _lines(s, pc, address + start, min(s.vlen_bytes, total - start), time, is_load) + cycles - 1
        if is_load:
            s.register_ready[c.rd + k] = s.register_started[c.rd + k] = arrived
        done = max(done, arrived)
    return done


@inner_kernel
def _scattered(
    s: Any, c: Any, pc: int, address: int, stride: int, vl: int, registers: int, total: int, elements: Any,
    ready: int, is_load: bool,
) -> int:  # fmt: skip
    ports = s.class_ports[c.timing]
    done = ready
    s.found = L1D_ARRAY
    size = max(total // max(vl, 1), 1)
    time = ready
    for k in range(vl):
        where = elements[k] if c.flags & _INDEXED else address + k * stride
        time = take_port(s, ports, time)
        done = max(done, _lines(s, pc, where, size, time, is_load))
    if is_load:
        for k in range(registers):
            s.register_ready[c.rd + k] = s.register_started[c.rd + k] = done
    return done


@inner_kernel
def vector_cause(s: Any, is_load: bool) -> int:
    """What a stall on a vector instruction counts as: the level that a load waited for, or the vector unit."""
    return L2 + s.found - L2_ARRAY if is_load and s.found >= L2_ARRAY else VECTOR
