"""The structures of a core, read off its configuration; sizes of entries are ours where the configuration has none.

Left out: debug, interrupts, clock and power control, pads. Entry widths are those of RV64 with 39-bit virtual and 48-bit
physical addresses. Source: model: ours; `tests/ppa/test_area.py` compares the area with published cores.
"""

from __future__ import annotations

from workbench.core.config import CoreConfig
from workbench.core.config_memory import Cache
from workbench.isa.table_matrix import products_per_instruction
from workbench.ppa.structures import (
    Structure,
    add_cells,
    alu,
    divider,
    fused_multiply_add,
    logic,
    matrix_unit,
    multiplier,
    queue,
    register_file,
    sram,
)

_ADDRESS, _TAG, MICRO_OP_BITS = 48, 40, 180
_DECODE_GATES = 2500  # NAND2 per decoder
UNCOUNTED = {"out_of_order": 4.4, "in_order": 1.5}
"""Flip-flops and gates in the whole over those in named structures: control, replay, buffers, drive strength, CSRs, MMU.

Out of order: the geometric mean of what two published cores need, XuanTie C910 (3.2) and XiangShan Yanqihu (6.1; its
426,500 flip-flops alone are 2.8 times those counted here). In order: an estimate between those and the 45 nm core of
0.044 mm² that needs none.
"""


def core_structures(core: CoreConfig) -> list[Structure]:
    """Every counted structure of a core without its NPU (whose area comes from its netlist) and without the L3."""
    named = named_structures(core)
    factor = UNCOUNTED[core.kind]
    return [s if s.sram_bits else s.times(factor) for s in named]


def named_structures(core: CoreConfig) -> list[Structure]:
    """The structures that the configuration names, without the factor for what it does not."""
    return [*_frontend(core), *_predictor(core), *_backend(core), *_execution(core), *_memory(core), *_vector(core)]


def cache_bits(cache: Cache) -> int:
    """Data and tag bits of a cache."""
    return cache.sets * cache.ways * (cache.line_bytes * 8 + _TAG)


def _ports(core: CoreConfig, *units: str) -> int:
    return sum(1 for queue_ in core.issue_queues for port in queue_.ports if any(unit in port for unit in units))


def _frontend(core: CoreConfig) -> list[Structure]:
    front, width = core.frontend, core.frontend.decode_width
    pipeline = front.fetch_to_rename_cycles * (front.fetch_bytes * 8 + width * MICRO_OP_BITS) / 2
    return [
        sram("l1i", "l1", cache_bits(core.memory.l1i)),
        queue("fetch targets", "frontend", front.ftq_entries, 160, 3),
        queue("instruction buffer", "frontend", front.instruction_buffer_entries, 48, 2 * width),
        queue("instruction tlb", "frontend", core.memory.tlb.instruction_entries, 64, 1, 27, 1),
        logic("decoders", "frontend", {"nand2": width * _DECODE_GATES}, pipeline),
    ]


def _predictor(core: CoreConfig) -> list[Structure]:
    p = core.predictor
    bits = 2 * p.base_entries + 6 * p.sc_entries * len(p.sc_history_bits) + p.ftb_entries * 80
    bits += sum(table.entries * (table.tag_bits + 5) for table in p.tage_tables)
    bits += sum(table.entries * (table.tag_bits + 45) for table in p.ittage_tables)
    arrays = [sram("predictor tables", "frontend", bits)] if bits > 4096 else [queue("predictor", "frontend", 1, bits, 2)]
    ubtb = queue("micro btb", "frontend", p.ubtb_entries, 60, 1, 16, 1)
    return [*arrays, ubtb, queue("return stack", "frontend", p.ras_entries, _ADDRESS, 2)]


def _backend(core: CoreConfig) -> list[Structure]:
    back = core.backend
    ports = sum(len(queue_.ports) for queue_ in core.issue_queues)
    pipeline = (back.rename_to_issue_cycles * back.rename_width + ports) * MICRO_OP_BITS
    stages = logic("pipeline registers", "backend", {"mux2": pipeline}, pipeline)
    if core.kind == "in_order":
        reads, writes = 2 * back.issue_width, back.issue_width + 1
        return [
            register_file("integer registers", "backend", 32, 64, reads, writes),
            register_file("fp registers", "backend", 32, 64, 3, 2),
            stages,
        ]
    int_ports = _ports(core, "alu", "mul", "branch", "load", "store")
    fp_ports = max(_ports(core, "fp_add", "fp_fma"), 1)
    width = back.rename_width
    return [
        register_file("integer registers", "backend", back.phys_regs_int, 64, 2 * int_ports, int_ports),
        register_file("fp registers", "backend", back.phys_regs_fp, 64, 3 * fp_ports, fp_ports + 2),
        register_file("rename table", "backend", 96, 8, 3 * width, width),
        queue("free lists", "backend", back.phys_regs_int + back.phys_regs_fp, 8, 2),
        queue("reorder buffer", "backend", back.rob_size, 100, 3),
        *(queue(q.name, "backend", q.size, 130, 2 + len(q.ports), 16, ports) for q in core.issue_queues),
        stages,
    ]


def _execution(core: CoreConfig) -> list[Structure]:
    bypass = {"mux2": 64.0 * _ports(core, "alu", "load") * 2}
    units = [
        logic("integer units", "execution", add_cells(alu(), bypass), 64 * 2).times(_ports(core, "alu")),
        logic("multipliers", "execution", multiplier(64), 64 * 6).times(_ports(core, "mul")),
        divider().times(_ports(core, "div")),
        fused_multiply_add(53).times(_scalar_multiply_adds(core)),
        logic("fp adders", "execution", add_cells(alu(), alu()), 64 * 4).times(_ports(core, "fp_add")),
        divider().times(_ports(core, "fp_div")),
    ]
    return [unit for unit in units if unit.flip_flops]


def _scalar_multiply_adds(core: CoreConfig) -> int:
    """Scalar multiply-adders; a port that also does vector ones has none of its own (C910: both in the vector pipes)."""
    ports = [port for queue_ in core.issue_queues for port in queue_.ports]
    shared = sum("fp_fma" in port and "v_fma" in port for port in ports)
    return _ports(core, "fp_fma") - (0 if core.npu else shared)


def _memory(core: CoreConfig) -> list[Structure]:
    memory, loads, stores = core.memory, _ports(core, "load"), _ports(core, "store")
    line = memory.l1d.line_bytes * 8
    structures = [
        sram("l1d", "l1", cache_bits(memory.l1d)),
        queue("store buffer", "memory", memory.store_buffer_lines, line + _TAG, 1, _TAG, loads),
        queue("l1 misses", "memory", memory.l1d.mshrs, line + _ADDRESS, 1, _TAG, 1),
        queue("data tlb", "memory", memory.tlb.data_entries * max(loads, 1), 64, 1, 27, 1),
        sram("second-level tlb", "memory", memory.tlb.second_level_entries * 64),
        queue("prefetcher", "memory", memory.prefetch.streams + memory.prefetch.stride_entries, 80, 1),
    ]
    if core.kind == "out_of_order":
        structures.append(queue("load queue", "memory", memory.load_queue, 80, 1 + loads, 36, stores))
        structures.append(queue("store queue", "memory", memory.store_queue, 140, 1 + stores, 36, loads))
    if memory.l2:
        structures.append(sram("l2", "l2", cache_bits(memory.l2)))
    return structures


def _vector(core: CoreConfig) -> list[Structure]:
    if core.vector is None or core.npu is not None:
        return []
    vlen, pipes = core.vector.vlen_bits, max(_ports(core, "v_fma"), 1)
    lanes = core.vector.fma_bits_per_cycle / 64
    registers = core.backend.phys_regs_vec if core.kind == "out_of_order" else 32
    lane = [
        fused_multiply_add(53),
        fused_multiply_add(24),
        logic("vector integer", "vector", add_cells(alu(), multiplier(64), alu()), 64 * 8),
    ]
    units = [Structure(s.name, "vector", s.sram_bits, s.flip_flops, s.cells).times(lanes) for s in lane]
    crossbar = logic("vector permutation", "vector", {"mux2": vlen * 14.0}, vlen * 2)
    if core.has_matrix:
        units.append(matrix_unit(products_per_instruction(vlen // 8) / _matrix_cycles(core), 2 * vlen))
    return [register_file("vector registers", "vector", registers, vlen, 4 * pipes, pipes + 1), *units, crossbar]


def _matrix_cycles(core: CoreConfig) -> float:
    """Cycles that the matrix unit is taken by one instruction, over the ports that have it."""
    cost = core.vector.matrix if core.vector else None
    cycles = max(cost.linear * 2 + cost.fixed, cost.minimum, 1e-3) if cost else 1.0
    return cycles / max(_ports(core, "v_matrix"), 1)
