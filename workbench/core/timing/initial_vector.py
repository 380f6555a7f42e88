"""Initial state of the vector unit, in the core or decoupled: cost rules, ports and access costs in sixteenths of cycles."""

from __future__ import annotations

from typing import Any

from workbench.core.config import CoreConfig
from workbench.core.config_vector import Vector, VectorCost
from workbench.core.timing import classes as K
from workbench.core.timing.initial_queues import ports_of_unit
from workbench.core.timing.state import FIXED, LMUL_STEPS, SEWS
from workbench.isa.timing_class import TimingClass


def _port_cycles(cost: VectorCost, step: int, sew_log2: int, has_fractions: bool) -> int:
    """Port cycles in sixteenths for ``2**step`` registers, without what depends on the number of elements."""
    registers = 2.0 ** (step if has_fractions else max(step, 0))
    scale = (cost.half, cost.half, 1.0, cost.double)[sew_log2 - 3]
    cycles = cost.fixed + cost.linear * registers + cost.pairs * registers * registers + cost.doublings * max(step, 0)
    if cost.single is not None and step <= 0:
        cycles = cost.single
    return round(max(cycles * scale, cost.cubes * registers**3) * FIXED)


def _rule_latency(cost: VectorCost, sew_log2: int) -> int:
    return cost.latency if isinstance(cost.latency, int) else cost.latency[max(sew_log2 - 4, 0)]


def _accumulate_latency(cost: VectorCost, sew_log2: int, latency: int) -> int:
    given = cost.accumulate_latency
    return latency if given is None else given if isinstance(given, int) else given[max(sew_log2 - 4, 0)]


def cost_of(vector: Vector, name: str) -> VectorCost:
    """The cost rule of a vector unit, or that of the nearest rule that stands in for it."""
    while (cost := getattr(vector, name)) is None:
        name = K.PARENT_RULE[name]
    return cost  # type: ignore[no-any-return]


def set_vector(s: Any, core: CoreConfig) -> None:
    """Enter the core's own vector unit, and its ports unless a decoupled engine executes."""
    s["vlen_bytes"] = core.vlen_bits // 8
    for kind, rule in K.RULE_OF_CLASS.items():
        s["rule_of_class"][kind] = K.RULE[rule]
    if core.vector is None:
        return
    v = core.vector
    s["load_port"], s["store_port"], s["scalar_operand"] = v.load_port_bytes, v.store_port_bytes, v.scalar_operand_cycles
    s["scalar_interval"], s["vector_queue"] = round(v.scalar_operand_interval_cycles * FIXED), v.queue_entries
    s["has_chaining"], s["binds_pipes"], s["work_follows_vl"] = v.has_chaining, v.binds_pipes, v.work_follows_vl
    s["widening_source_rate"] = v.widening_source_rate
    s["masked_reads_old"], s["overwrite_waits"] = v.masked_reads_destination, v.overwrite_waits
    for number, (name, _, _) in enumerate(K.RULES):
        _rule(s, number, cost_of(v, name))
    for store, access in enumerate((v.load, v.store)):
        for field, place in K.ACCESS.items():
            s["access_cost"][store * len(K.ACCESS) + place] = round(getattr(access, field) * FIXED)
        s["parallel_fields"][store], s["field_slots"][store] = access.parallel_fields, access.field_slots
    if core.npu is None:
        _vector_ports(s, core)


def _rule(s: Any, number: int, cost: VectorCost) -> None:
    s["rule_minimum"][number], s["rule_fixed"][number] = round(cost.minimum * FIXED), round(cost.fixed * FIXED)
    s["rule_elements"][number], s["rule_tree"][number] = round(cost.elements * FIXED), round(cost.tree_steps * FIXED)
    s["rule_element_pairs"][number] = round(cost.element_pairs * FIXED * FIXED)
    s["rule_chain"][number], s["rule_reads_old"][number] = K.CHAIN[cost.chain], cost.reads_destination
    for sew_log2 in range(3, 7):
        place = number * SEWS + sew_log2 - 3
        s["rule_latency"][place] = latency = _rule_latency(cost, sew_log2)
        s["rule_saving"][place] = latency - _accumulate_latency(cost, sew_log2, latency)
        for step in range(LMUL_STEPS):
            s["rule_cost"][place * LMUL_STEPS + step] = _port_cycles(cost, step - 3, sew_log2, s["work_follows_vl"] != 0)


def _vector_ports(s: Any, core: CoreConfig) -> None:
    units = ports_of_unit(core)
    for number, (_, choices, _) in enumerate(K.RULES):
        unit = next(unit for unit in choices if unit in units)
        s["rule_queue"][number], s["rule_ports"][number] = units[unit]
    s["masked_ports"] = units["v_masked"][1] if "v_masked" in units else -1
    s["scalar_ports"] = units["v_scalar"][1] if "v_scalar" in units else 0
    for kind in (TimingClass.V_LOAD, TimingClass.V_LOAD_STRIDED, TimingClass.V_LOAD_INDEXED):
        s["class_queue"][kind], s["class_ports"][kind] = units["v_load"]
    for kind in (TimingClass.V_STORE, TimingClass.V_STORE_STRIDED, TimingClass.V_STORE_INDEXED):
        s["class_queue"][kind], s["class_ports"][kind] = units["v_store"]


def set_npu(s: Any, core: CoreConfig) -> None:
    """Enter the decoupled engine, if there is one."""
    n = core.npu
    if n is None:
        return
    s["has_npu"], s["npu_bytes"], s["npu_chaining"] = 1, n.lanes * n.lane_bits // 8, n.has_chaining
    s["npu_level"] = {"l2": K.L2_ARRAY, "l3": K.L3_ARRAY, "dram": K.L3_ARRAY + 1}[n.memory_level]
    s["npu_prefetch"] = n.prefetch_lines
    s["npu_port"], s["npu_lines"], s["npu_queue"] = n.memory_port_bytes, n.outstanding_lines, n.queue_entries
    s["npu_dispatch"], s["npu_result"], s["npu_lanes"] = n.dispatch_cycles, n.result_cycles, n.lanes
    s["npu_divide"], s["npu_reduce"], s["npu_memory"] = (
        n.divide_cycles_per_element, n.reduce_step_cycles, n.memory_startup_cycles,
    )  # fmt: skip
    startup = {
        "alu": n.alu_startup_cycles, "multiply": n.fma_startup_cycles, "slide": n.slide_startup_cycles,
        "mask": n.mask_startup_cycles,
    }  # fmt: skip
    for number, (name, _, _) in enumerate(K.RULES):
        unit = K.NPU_UNIT_OF_RULE.get(name, "alu")
        s["npu_rule_unit"][number] = K.NPU_UNITS.index(unit)
        s["npu_rule_startup"][number] = startup[unit]
    s["npu_rule_startup"][K.RULE["int_mul"]] = n.multiply_startup_cycles
    s["npu_rule_startup"][K.RULE["fp_convert"]] = s["npu_rule_startup"][K.RULE["narrow_fp"]] = n.convert_startup_cycles
