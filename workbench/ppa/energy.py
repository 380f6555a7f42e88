"""Energy of a run: event counts times energy per event, clocked flip-flops, wires, and leakage over time.

Events (energies of `operations.toml` at 45 nm and 0.9 V, scaled by `scaling`):

* integer and floating operations: Horowitz's figures for 32 bits; scalar integer and scalar double operations count
  as 64 bits (adders twice, multipliers four times); multiply-add is both;
* vector elements: by their SEW. Horowitz has integer units of 8 and 32 bits and floating ones of 16 and 32; integers of 16
  bits lie between (adders grow with the width, multipliers with its square); 64 bits as above; a divider of 16 bits is to
  that of 32 as multipliers are; the wider addition of widening multiply-adds counts as of SEW;
* products of small matrices count with the figures for 8 bits.
* SRAM: Horowitz's 8 KiB access, in proportion to the width and to the square root of the capacity.
* an instruction: its micro-operation's bits through the pipeline registers and queues, half of them changing.
* wires of the accelerator: bits moved x mean net length x C V² / 2 x toggle rate.

Left out: glitches, off-chip interface power beyond the DRAM figure, the shared L3's leakage. Accuracy: within a factor of
1.6 of the published power of the XuanTie C910 (`tests/ppa/test_energy.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from workbench.core.config import CoreConfig
from workbench.core.result import Activity
from workbench.ppa.area import cell_area_um2
from workbench.ppa.core_structures import MICRO_OP_BITS
from workbench.ppa.scaling import scale
from workbench.ppa.structures import Structure
from workbench.ppa.technology import Technology, operations

_TRANSITIONS_PER_BIT = 0.5
_SUM_ADDERS = 2.5  # adders of 8 bits per product: for eight, a tree of seven of 18 bits and the sum's 32 bits


@dataclass(frozen=True)
class OperationEnergies:
    """Energy per event in one technology, pJ."""

    int_add_32: float
    int_multiply_32: float
    int_add_8: float
    int_multiply_8: float
    fp_add_32: float
    fp_multiply_32: float
    fp_divide_32: float
    fp_add_16: float
    fp_multiply_16: float
    sram_8_kib_64_bit: float

    def int_add(self, bits: int) -> float:
        """An addition of 8, 16, 32 or 64 bits: linear in the width between 8 and 32 bits, twice as much for 64."""
        step = (self.int_add_32 - self.int_add_8) / 24
        return 2 * self.int_add_32 if bits == 64 else self.int_add_8 + step * (bits - 8)

    def int_multiply(self, bits: int) -> float:
        """A multiplication of 8, 16, 32 or 64 bits: as the square of the width where there is no figure."""
        byte, word = self.int_multiply_8, self.int_multiply_32
        return {8: byte, 16: 4 * byte, 32: word, 64: 4 * word}[bits]

    def fp_add(self, bits: int) -> float:
        """A floating addition of 16, 32 or 64 bits."""
        return {16: self.fp_add_16, 32: self.fp_add_32, 64: 2 * self.fp_add_32}[bits]

    def fp_multiply(self, bits: int) -> float:
        """A floating multiplication of 16, 32 or 64 bits."""
        return {16: self.fp_multiply_16, 32: self.fp_multiply_32, 64: 4 * self.fp_multiply_32}[bits]

    def fp_divide(self, bits: int) -> float:
        """A floating division of 16, 32 or 64 bits."""
        half = self.fp_divide_32 * self.fp_multiply_16 / self.fp_multiply_32
        return {16: half, 32: self.fp_divide_32, 64: 2 * self.fp_divide_32}[bits]

    def sram(self, capacity_bytes: float, bits: float) -> float:
        """One access of `bits` to a memory of that capacity."""
        return self.sram_8_kib_64_bit * bits / 64 * sqrt(capacity_bytes / 8192)


def operation_energies(technology: Technology) -> OperationEnergies:
    """The energies of `operations.toml` at a technology's node and voltage."""
    base = operations()

    def at_node(value_pj: float) -> float:
        return scale("energy", value_pj, (base.node_nm, base.voltage_v), (technology.node_nm, technology.voltage_v))

    return OperationEnergies(
        at_node(base.int_add_32_pj), at_node(base.int_multiply_32_pj), at_node(base.int_add_8_pj),
        at_node(base.int_multiply_8_pj), at_node(base.fp_add_32_pj), at_node(base.fp_multiply_32_pj),
        at_node(base.fp_divide_32_pj), at_node(base.fp_add_16_pj), at_node(base.fp_multiply_16_pj),
        at_node(base.sram_8_kib_64_bit_pj),
    )  # fmt: skip


def arithmetic_pj(activity: Activity, energy: OperationEnergies) -> dict[str, float]:
    """Energy in scalar and vector execution units."""
    double_multiply, double_add = 4 * energy.fp_multiply_32, 2 * energy.fp_add_32
    scalar = (
        activity.int_operations * 2 * energy.int_add_32
        + activity.int_multiplies * 4 * energy.int_multiply_32
        + activity.int_divides * 8 * energy.int_multiply_32
        + activity.fp_adds * double_add
        + activity.fp_multiplies * double_multiply
        + activity.fp_fmas * (double_multiply + double_add)
        + activity.fp_divides * 2 * energy.fp_divide_32
    )
    matrix = activity.matrix_products * (energy.int_multiply_8 + _SUM_ADDERS * energy.int_add_8)
    return {"scalar units": scalar, "vector units": matrix + _vector_pj(activity, energy)}


def _vector_pj(activity: Activity, energy: OperationEnergies) -> float:
    """Energy of all elements in the vector units."""

    def elements(name: str) -> int:
        return int(getattr(activity, f"vector_{name}_elements"))

    integer = sum(
        elements(f"int{bits}") * energy.int_add(bits) + elements(f"int{bits}_multiply") * energy.int_multiply(bits)
        for bits in (8, 16, 32, 64)
    )
    return integer + sum(
        elements(f"fp{bits}_add") * energy.fp_add(bits)
        + elements(f"fp{bits}_multiply") * energy.fp_multiply(bits)
        + elements(f"fp{bits}_fma") * (energy.fp_multiply(bits) + energy.fp_add(bits))
        + elements(f"fp{bits}_divide") * energy.fp_divide(bits)
        for bits in (16, 32, 64)
    )


def memory_pj(activity: Activity, core: CoreConfig, energy: OperationEnergies, technology: Technology) -> dict[str, float]:
    """Energy in vector registers, caches and DRAM."""
    memory, line_bits = core.memory, core.memory.l1d.line_bytes * 8
    fetch_bits = core.frontend.fetch_bytes * 8
    data_bits = 128 if core.vector and not core.npu else 64

    def cache(level: str, accesses: int, misses: int, bits: int) -> float:
        config = getattr(memory, level)
        return energy.sram(config.size_kib * 1024, 1) * (accesses * bits + misses * line_bits) if config else 0.0

    dram_bits = 8 * (activity.dram_read_bytes + activity.dram_write_bytes)
    return {
        "vector registers": activity.vector_element_bytes / 8 * energy.sram(vector_bank_bytes(core), 64),
        "l1i": cache("l1i", activity.l1i_accesses, activity.l1i_misses, fetch_bits),
        "l1d": cache("l1d", activity.l1d_accesses, activity.l1d_misses, data_bits),
        "l2": cache("l2", activity.l2_accesses, activity.l2_misses, line_bits),
        "l3": cache("l3", activity.l3_accesses, activity.l3_misses, line_bits),
        "dram": dram_bits * technology.dram.energy_pj_per_bit,
    }


def vector_bank_bytes(core: CoreConfig) -> float:
    """Capacity of the vector register file that one 64-bit lane reaches."""
    if core.npu:
        return 32 * core.npu.vlen_bits / 8 / core.npu.lanes
    if core.vector is None:
        return 64.0
    registers = core.backend.phys_regs_vec if core.kind == "out_of_order" else 32
    return registers * core.vector.vlen_bits / 8 / max(core.vector.vlen_bits / 64, 1)


def instruction_pj(core: CoreConfig, technology: Technology) -> float:
    """Energy of moving one instruction through fetch, decode, rename, queues, register files and commit."""
    stages = core.frontend.fetch_to_rename_cycles + core.backend.rename_to_issue_cycles + 3
    queues = 0 if core.kind == "in_order" else 4  # issue queue and reorder buffer, each written and read
    switched = MICRO_OP_BITS * (stages + queues) * _TRANSITIONS_PER_BIT + 3 * 64
    return switched * 2 * technology.logic.clock_pin_fj * 1e-3


def clock_pj_per_cycle(flip_flops: float, technology: Technology) -> float:
    """Energy of the clock of that many flip-flops in an average cycle."""
    return flip_flops * technology.logic.clock_pin_fj * (1 - technology.logic.clock_gated_share) * 1e-3


def wire_pj(bits: float, mean_length_um: float, technology: Technology) -> float:
    """Energy of moving bits over wires of a mean length."""
    swing_pj = technology.wire.capacitance_ff_per_um * mean_length_um * technology.voltage_v**2 / 2 * 1e-3
    return bits * technology.wire.toggle_rate * swing_pj


def leakage_mw(structures: Iterable[Structure], technology: Technology) -> float:
    """Leakage of structures."""
    structures = list(structures)
    cells = sum(cell_area_um2(structure, technology) for structure in structures)
    bits = sum(structure.sram_bits for structure in structures)
    return leakage_of_mw(cells, bits, technology)


def leakage_of_mw(cells_um2: float, sram_bits: float, technology: Technology) -> float:
    """Leakage of that much cell area and SRAM."""
    return (cells_um2 * technology.logic.leakage_nw_per_um2 + sram_bits * technology.sram.leakage_nw_per_bit) * 1e-6
