"""Structures of an NPU read off its configuration, for designs whose NPU has no netlist."""

from __future__ import annotations

from workbench.core.config import Npu
from workbench.ppa.structures import Structure, add_cells, alu, fused_multiply_add, logic, multiplier, queue, sram


def npu_structures(npu: Npu) -> list[Structure]:
    """Lanes with multiply-add units, vector register banks in SRAM, the instruction queue and the lane interconnect.

    Source: model: ours, after the block diagram of Ara (M. Perotti et al., IEEE Trans. Computers 2024); an estimate that
    a netlist replaces.
    """
    words = npu.lanes * npu.lane_bits // 32
    lane = logic("integer", "npu", add_cells(alu(32), multiplier(32)), 32 * 6)
    units = [Structure(s.name, "npu", 0.0, s.flip_flops, s.cells).times(words) for s in (fused_multiply_add(24), lane)]
    crossbar = logic(
        "interconnect", "npu", {"mux2": float(npu.lanes * npu.lane_bits * npu.lanes)}, npu.lanes * npu.lane_bits * 2
    )
    return [
        *units,
        sram("vector registers", "npu", 32 * npu.vlen_bits),
        queue("queue", "npu", npu.queue_entries, 128, 2),
        crossbar,
    ]
