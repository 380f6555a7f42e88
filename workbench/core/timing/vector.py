"""The in-core vector unit: an instruction becomes one micro-operation a register, each with its own operands and port.

How many port cycles an operation takes is a rule of the core's file (`config_vector.VectorCost`): a sum over registers,
pairs of registers, elements or tree steps. Fractions accumulate from one instruction to the next. An operation that is
split into chains of micro-operations, as XiangShan does, is as late as its chain is long, and may wait for the register
that it overwrites. On an in-order core the micro-operations of an instruction stay on one pipe, and a unit with a queue
of its own runs behind the scalar pipeline. Left out: the places that members of a chain take in the queue; forwarding
from vector stores to loads; register-bank conflicts; dividers that depend on their operands.
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import inner_kernel
from workbench.core.timing.classes import CHAIN, L2, L2_ARRAY, RULE, VECTOR
from workbench.core.timing.ports import busy_ports, in_order_time, keep_port, note_issue, take_port
from workbench.core.timing.state import FIXED, FULL_SPANS, LMUL_STEPS, SEWS
from workbench.core.timing.vector_rules import LARGEST, SMALLEST
from workbench.isa.code import F0, Flag
from workbench.isa.timing_class import TimingClass

_MASKED, _READS_SCALAR, _WIDENING = int(Flag.MASKED), int(Flag.READS_SCALAR), int(Flag.WIDENING)
_WRITES_MASK, _REDUCTION = int(Flag.WRITES_MASK), int(Flag.REDUCTION)
_FP_CONVERT_CLASS = int(TimingClass.FP_CONVERT)
_INT_MAC, _INT_MAC_WIDE, _FP_FMA = RULE["int_mac"], RULE["int_mac_wide"], RULE["fp_fma"]
_FP_FMA_WIDE, _NARROW, _NARROW_FP = RULE["fp_fma_wide"], RULE["narrow"], RULE["narrow_fp"]
_MASK, _MASK_LOGIC, _IOTA = RULE["mask"], RULE["mask_logic"], RULE["iota"]
_WHOLE, _SCALAR, _FP_SCALAR, _SLIDE = RULE["whole_move"], RULE["scalar_move"], RULE["fp_scalar_move"], RULE["slide"]
_SLIDE1, _GATHER, _COMPRESS = RULE["slide1"], RULE["gather"], RULE["compress"]
_REDUCE_INT, _REDUCE_FP = RULE["reduce_int"], RULE["reduce_fp"]
_ONE, _PAIR, _REGISTERS = CHAIN["one"], CHAIN["pair"], CHAIN["registers"]
V0 = 64  # first vector register in the unified numbering
ARITHMETIC, MEMORY = 0, 1  # the two in-order streams of a unit with a queue
_SPREAD, _SLOTS = 0x9E3779B1, FULL_SPANS - 1  # multiplicative hash of a mask of ports


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
def _sources(s: Any, c: Any, low: int, high: int) -> int:
    """Cycle at which the source registers `low` ... `high` - 1 of each group are there."""
    ready = 0
    for j in range(low, high):
        if c.rs2 >= V0:
            ready = max(ready, s.register_ready[c.rs2 + j])
        if c.rs1 >= V0:
            ready = max(ready, s.register_ready[c.rs1 + j])
    return ready


@inner_kernel
def _mask(s: Any, c: Any, k: int, count: int) -> int:
    """Cycle at which the mask is there, and the old register `k` of the result where a masked operation keeps some of it."""
    ready = s.register_ready[V0]
    if s.masked_reads_old and _keeps_old(c, count):
        ready = max(ready, s.register_ready[c.rd + k])
    return ready  # type: ignore[no-any-return]


@inner_kernel
def _keeps_old(c: Any, count: int) -> bool:
    """Whether masked-off elements of the result keep what they were (not a carry, a reduction or an addend).

    A mask only where it comes from one register (C910 rows of rvv-bench-results: compares at LMUL 1 and vmsbf wait for it).
    """
    word = int(c.raw)
    form, major = (word >> 12) & 7, (word >> 26) & 63
    carries = (form == 0 or form == 3 or form == 4) and 16 <= major <= 19
    keeps = c.flags & _REDUCTION == 0 and (c.flags & _WRITES_MASK == 0 or count == 1)
    return c.rd >= V0 and c.rs3 < V0 and keeps and not carries


@inner_kernel
def take(s: Any, ports: int, ready: int, cycles: int) -> int:
    """First cycle of a micro-operation that keeps one port busy for `cycles`; leaves the port and the last beat.

    For every mask of ports (its hash) the last span of cycles in which all were found taken is remembered, and skipped.
    """
    s.vector_beat = ready
    if cycles <= 0:
        return ready
    slot = ((ports * _SPREAD) >> 32) & _SLOTS
    time = ready
    known = s.full_ports[slot] == ports and s.full_start[slot] <= ready <= s.full_end[slot]
    if known:
        time = s.full_end[slot]
    busy = busy_ports(s, time)
    while ports & ~busy == 0:
        time += 1
        busy = busy_ports(s, time)
    if not known:
        s.full_ports[slot], s.full_start[slot] = ports, ready
    s.full_end[slot] = first = time
    free = ports & ~busy
    port = free & -free
    keep_port(s, time, busy | port)
    for _ in range(cycles - 1):  # the other beats follow on the same port
        time += 1
        busy = busy_ports(s, time)
        while busy & port:
            time += 1
            busy = busy_ports(s, time)
        keep_port(s, time, busy | port)
    s.vector_port = port
    s.vector_beat = time
    return first


@inner_kernel
def _bound_port(ports: int, number: int) -> int:
    """The port whose turn it is, of a unit whose micro-operations, counted by `number`, take its pipes in turn."""
    lowest = ports & -ports
    others = ports & ~lowest
    if others == 0:
        return ports
    return others & -others if number & 1 else lowest


@inner_kernel
def _scalar_operand(s: Any, c: Any, base: int) -> int:
    """Cycle at which the scalar operand has reached the vector unit."""
    base += s.scalar_operand
    if c.rs1 >= F0 and s.scalar_operand > 0 and s.scalar_ports == 0:
        base = take_port(s, s.class_ports[_FP_CONVERT_CLASS], base, 0)
    if s.scalar_interval > 0:
        start = max(base * FIXED, s.scalar_next)
        s.scalar_next = start + s.scalar_interval
        base = start // FIXED
    if s.scalar_ports != 0:
        base = take_port(s, s.scalar_ports, base, 0)
    return base


@inner_kernel
def port_cost(s: Any, c: Any, rule: int, steps: int, vl: int, sew_log2: int, lmul_log2: int) -> int:
    """Port cycles of an instruction, in sixteenths."""
    step = steps - SMALLEST
    if rule == _NARROW or rule == _NARROW_FP:
        step = min(max(lmul_log2, SMALLEST) + 1, LARGEST) - SMALLEST
    elif s.widening_source_rate and c.flags & _WIDENING and c.flags & _REDUCTION == 0:
        step = max(step - 1, 0)
    cost = s.rule_cost[(rule * SEWS + sew_log2 - 3) * LMUL_STEPS + step]
    wide = sew_log2 + 1 if c.flags & _WIDENING else sew_log2
    if s.rule_elements[rule] == 0 and _takes_wide_indices(c, rule, sew_log2):
        cost *= 2
    if s.work_follows_vl:
        bits = s.vlen_bytes << 3
        most = bits if _MASK <= rule <= _MASK_LOGIC else bits << 3 >> sew_log2 >> (3 - lmul_log2)
        if vl < most and rule != _WHOLE and not _SCALAR <= rule <= _FP_SCALAR:
            fixed = s.rule_fixed[rule]
            cost = fixed + (cost - fixed) * vl // most
    cost += s.rule_elements[rule] * vl + s.rule_element_pairs[rule] * vl * vl // FIXED
    if s.rule_tree[rule] > 0:
        elements = min(vl, (s.vlen_bytes << 3) >> wide)
        while elements > 1:
            cost += s.rule_tree[rule]
            elements = (elements + 1) >> 1
    return max(cost, s.rule_minimum[rule])


@inner_kernel
def _chain(s: Any, c: Any, rule: int, count: int, sew_log2: int, lmul_log2: int) -> int:
    """Micro-operations one after the other behind a result of an operation over `count` registers."""
    kind = s.rule_chain[rule]
    if rule == _NARROW or rule == _NARROW_FP:
        count = 1 << max(lmul_log2 + 1, 0)
    if kind == _PAIR:
        return min(count, 2)
    if kind == _REGISTERS:
        return 2 * count if _takes_wide_indices(c, rule, sew_log2) else count
    wide = sew_log2 + 1 if c.flags & _WIDENING else sew_log2
    depth, parts = 1, count * ((s.vlen_bytes << 3) >> wide)
    if lmul_log2 < 0:
        parts >>= -lmul_log2
    while parts > 1:
        depth += 1
        parts >>= 1
    return depth


@inner_kernel
def _takes_wide_indices(c: Any, rule: int, sew_log2: int) -> bool:
    """Whether an operation gathers bytes by 16-bit indices, which fill twice the registers."""
    return rule == _GATHER and sew_log2 == 3 and (int(c.raw) >> 26) & 63 == 14


@inner_kernel
def hand_to_queue(s: Any, scalars: int, ready: int, stream: int) -> int:
    """Earliest start on an in-order core: with the scalar instructions, or from the unit's queue, in order there.

    Into the queue go instructions whose scalar operands are there (`scalars`); all operands are at `ready`.
    """
    if s.vector_queue == 0:
        return in_order_time(s, ready)
    handed = in_order_time(s, max(scalars, s.vector_ring[s.vector_head] + 1))
    note_issue(s, handed)
    return max(handed + 1, s.vector_order[stream], ready)


@inner_kernel
def note_start(s: Any, time: int, stream: int) -> None:
    """Enter the start of an in-order core's vector instruction in the books of the pipeline or of the queue."""
    if s.vector_queue == 0:
        note_issue(s, time)
        return
    s.vector_order[stream] = time + 1
    s.vector_ring[s.vector_head] = time
    s.vector_head += 1
    if s.vector_head >= s.vector_queue:
        s.vector_head = 0


@inner_kernel
def operate(s: Any, c: Any, rule: int, steps: int, vl: int, sew_log2: int, lmul_log2: int, earliest: int) -> int:
    """Completion of a vector arithmetic instruction; its results and the cycle of its last issue are entered."""
    count = 1 << max(steps, 0)
    narrow = rule == _NARROW or rule == _NARROW_FP
    cost = port_cost(s, c, rule, steps, vl, sew_log2, lmul_log2)
    share = cost >> max(steps, 0)
    extra = cost - share * count
    ports = s.rule_ports[rule]
    if c.flags & _MASKED and ports & s.masked_ports != 0 and not (sew_log2 == 3 and lmul_log2 == 3):
        ports &= s.masked_ports  # a mask that fills its register, of bytes in groups of eight, is read by all pipes
    place = rule * SEWS + sew_log2 - 3
    latency = s.rule_latency[place]
    whole = rule == _IOTA or _SLIDE <= rule <= _COMPRESS and rule != _SLIDE1
    single = c.flags & (_WRITES_MASK | _REDUCTION) != 0 or rule == _REDUCE_INT or rule == _REDUCE_FP or c.rd < V0
    reads_old, chain = s.rule_reads_old[rule] != 0 and c.rd >= V0, s.rule_chain[rule]
    if chain != _ONE:
        latency *= _chain(s, c, rule, count, sew_log2, lmul_log2)
    follows = chain == _ONE or chain == _PAIR  # the register's own micro-operation, not those of the whole group
    multiplies = rule == _INT_MAC or rule == _INT_MAC_WIDE or rule == _FP_FMA or rule == _FP_FMA_WIDE
    accumulates = multiplies and (int(c.raw) >> 28) & 1 != 0
    base = scalar_ready(s, c, earliest)
    if c.flags & _READS_SCALAR:
        base = _scalar_operand(s, c, base)
    done, issue, last, beat = 0, 0, 0, 0
    rd, rs1, rs2, rs3 = int(c.rd), int(c.rs1), int(c.rs2), int(c.rs3)
    halves, masked = 1 if c.flags & _WIDENING else 0, c.flags & _MASKED != 0
    saving, credit, uops = s.rule_saving[place], s.rule_credit[rule] + extra, s.vector_uops
    for k in range(count):
        ready = base
        if whole:
            ready = max(ready, _sources(s, c, 0, count))
        elif narrow:
            ready = max(ready, _sources(s, c, 2 * k, 2 * k + 2))
        else:
            if rs2 >= V0:
                ready = max(ready, s.register_ready[rs2 + (k >> halves)])
            if rs1 >= V0:
                ready = max(ready, s.register_ready[rs1 + (k >> halves)])
        old = 0 if single else k
        if rs3 >= V0:
            addend = s.register_ready[rs3 + old]
            ready = max(ready, addend - s.register_saving[rs3 + old] if accumulates else addend)
        if masked:
            ready = max(ready, _mask(s, c, old, count))
        if reads_old:
            ready = max(ready, s.register_ready[rd + old])
        if s.in_order:
            if rd >= 0:
                ready = max(ready, s.register_started[rd + old])
            if k == 0:
                base = ready = hand_to_queue(s, base, ready, ARITHMETIC)
            else:
                ports = s.vector_port
        credit += share
        cycles = credit // FIXED
        credit -= cycles * FIXED
        s.vector_port = ports
        last = take(s, _bound_port(ports, uops + k) if s.binds_pipes else ports, ready, cycles)
        beat = max(beat, s.vector_beat)
        if k == 0:
            issue = last
            if s.in_order:
                note_start(s, issue, ARITHMETIC)
        start = last if follows else issue
        done = max(done, start + latency)
        if not single:
            s.register_ready[rd + k] = s.register_started[rd + k] = start + latency
            s.register_saving[rd + k] = saving
    s.rule_credit[rule], s.vector_uops = credit, uops + count
    s.vector_issue, s.vector_leave = issue, last
    if single:
        done = beat + latency if follows else max(beat + 1, issue + latency)
        if c.rd > 0:
            s.register_ready[c.rd] = done
            s.register_saving[c.rd] = 0
            s.register_started[c.rd] = done if s.overwrite_waits else issue + latency
    elif not s.has_chaining:
        done = beat + latency
        for k in range(count):
            s.register_ready[c.rd + k] = done
    if s.in_order and s.vector_queue > 0 and c.rd >= V0:
        return issue  # retires when the unit takes it
    return done


@inner_kernel
def vector_cause(s: Any, is_load: bool) -> int:
    """What a stall on a vector instruction counts as: the level that a load waited for, or the vector unit."""
    return L2 + s.found - L2_ARRAY if is_load and s.found >= L2_ARRAY else VECTOR
