"""`evaluate_design`: power, performance and area of a core, its accelerator and its floorplan, and of a run on them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from workbench.core.config import CoreConfig
from workbench.core.result import SimResult
from workbench.netlist.design import Design
from workbench.ppa import energy as model
from workbench.ppa.accelerator import Accelerator, measure_accelerator
from workbench.ppa.area import area_by_part, l3_area_um2
from workbench.ppa.clock import core_limit_mhz, cycle_ps
from workbench.ppa.core_structures import core_structures
from workbench.ppa.npu_structures import npu_structures
from workbench.ppa.structures import Structure
from workbench.ppa.technology import Technology


@dataclass(frozen=True)
class Ppa:
    """Power, performance and area of one design, and of one run on it where there is one.

    Attributes
    ----------
    core, accelerator, technology: names; the first two are empty where there is none.
    area_um2: placed area by part, of all cores; the shared L3 is not a part.
    l3_area_um2: area of that L3.
    frequency_mhz: the design's clock, the lowest of `frequency_limits_mhz`.
    frequency_limits_mhz: clock that each part allows.
    longest_wire_um, longest_wire: driver and farthest sink of the longest net of the floorplan.
    leakage_power_mw: at all times.
    cycles, latency_ms: of the run at that clock; 0 without a run.
    energy_mj: of the run by cause, leakage included.
    notes: assumptions, one sentence each.
    cores: how many there are.
    """

    core: str
    accelerator: str
    technology: str
    area_um2: dict[str, float]
    l3_area_um2: float
    frequency_mhz: float
    frequency_limits_mhz: dict[str, float]
    longest_wire_um: float
    longest_wire: tuple[str, str]
    leakage_power_mw: float
    cycles: float = 0.0
    latency_ms: float = 0.0
    energy_mj: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    cores: int = 1

    @property
    def total_area_um2(self) -> float:
        """Area of all parts."""
        return sum(self.area_um2.values())

    @property
    def total_energy_mj(self) -> float:
        """Energy of the run."""
        return sum(self.energy_mj.values())

    @property
    def dynamic_power_mw(self) -> float:
        """Mean power of the run without leakage; 0 without a run."""
        return (self.total_energy_mj - self.energy_mj["leakage"]) / self.latency_ms * 1e3 if self.latency_ms else 0.0

    @property
    def average_power_mw(self) -> float:
        """Mean power of the run."""
        return self.dynamic_power_mw + self.leakage_power_mw if self.latency_ms else 0.0

    def report(self) -> dict[str, Any]:
        """All figures under stable names, ready for JSON."""
        values = dataclasses.asdict(self)
        values["longest_wire"], values["notes"] = list(self.longest_wire), list(self.notes)
        values["total_area_um2"] = self.total_area_um2
        values["total_energy_mj"] = self.total_energy_mj
        values["dynamic_power_mw"] = self.dynamic_power_mw
        values["average_power_mw"] = self.average_power_mw
        return values


def evaluate_design(
    core: CoreConfig | None, design: Design | None, technology: Technology, result: SimResult | None = None, cores: int = 1
) -> Ppa:
    """Power, performance and area of a design point.

    Parameters
    ----------
    core: the core, or None to look at an accelerator alone.
    design: the accelerator's netlist with its floorplan, or None.
    technology: where both are made.
    result: a run on the core (simulated at any clock: its DRAM cycles are scaled to the design's clock).
    cores: of that kind, on which the run's threads were. They share the last cache, an L2 where there is no L3; the wires
    and the coherence directory between them are not counted, and none has its clock stopped while it waits.
    """
    accelerator = measure_accelerator(design, technology) if design else None
    structures = of_cores(core_structures(core), core, cores) if core else []
    area = area_by_part(structures, technology)
    notes = list(accelerator.notes) if accelerator else []
    if accelerator:
        area["npu"] = accelerator.area_um2
    elif core and core.npu:
        estimate = npu_structures(core.npu) * cores
        structures, area = [*structures, *estimate], area | area_by_part(estimate, technology)
        notes.append("no netlist was given for the NPU: its area is an estimate and does not bound the clock")
    limits = frequency_limits_mhz(core, accelerator, technology)
    ppa = Ppa(
        core.name if core else "", accelerator.name if accelerator else "", technology.name, area,
        l3_area_um2(core, technology) if core else 0.0, min(limits.values()), limits,
        accelerator.wires.longest_um if accelerator and accelerator.wires else 0.0,
        accelerator.wires.longest_net if accelerator and accelerator.wires else ("", ""),
        _leakage_mw(structures, accelerator, technology), notes=tuple(notes), cores=cores,
    )  # fmt: skip
    return _with_run(ppa, core, structures, accelerator, technology, result) if core and result else ppa


def of_cores(structures: list[Structure], core: CoreConfig, cores: int) -> list[Structure]:
    """The structures of several cores, from those of one: what they share is there once."""
    shared = [s for s in structures if s.part == "l2"] if core.memory.l3 is None else []
    own = [s for s in structures if s not in shared]
    return [*own * cores, *shared]


def frequency_limits_mhz(
    core: CoreConfig | None, accelerator: Accelerator | None, technology: Technology
) -> dict[str, float]:
    """The clock that each part allows; the design runs at the lowest."""
    limits: dict[str, float] = {}
    if core:
        limits = {"core as published": core.frequency_mhz, "core in this technology": core_limit_mhz(technology)}
    if accelerator:
        wire = accelerator.wires.longest_um if accelerator.wires else 0.0
        limits["accelerator logic"] = 1e6 / cycle_ps(accelerator.logic_depth_fo4, 0.0, technology)
        limits["accelerator logic and longest wire"] = 1e6 / cycle_ps(accelerator.logic_depth_fo4, wire, technology)
    return limits


def cycles_at(result: SimResult, frequency_mhz: float) -> float:
    """Cycles of a run at another clock: cycles that wait for DRAM take the same time, all others the same cycles.

    Of several harts, each waits for DRAM for as many cycles as they do on average.

    Source: the stall-time model of G. Keramidas, V. Spiliopoulos and S. Kaxiras, "Interval-based models for run-time DVFS
    orchestration in superscalar processors", Computing Frontiers 2010.
    """
    waiting = result.cpi_stack.get("dram", 0) / max(len(result.harts), 1)
    return result.cycles + waiting * (frequency_mhz / result.frequency_mhz - 1)


def _leakage_mw(structures: list[Structure], accelerator: Accelerator | None, technology: Technology) -> float:
    leakage = model.leakage_mw(structures, technology)
    if accelerator:
        leakage += model.leakage_of_mw(accelerator.cells_um2, accelerator.sram_bits, technology)
    return leakage


def _with_run(
    ppa: Ppa, core: CoreConfig, structures: list[Structure], accelerator: Accelerator | None, technology: Technology,
    result: SimResult,
) -> Ppa:  # fmt: skip
    activity, cycles = result.activity, cycles_at(result, ppa.frequency_mhz)
    latency_ms = cycles / (ppa.frequency_mhz * 1e3)
    events = model.operation_energies(technology)
    flip_flops = sum(s.flip_flops for s in structures) + (accelerator.flip_flops if accelerator else 0.0)
    picojoules = model.arithmetic_pj(activity, events) | model.memory_pj(activity, core, events, technology)
    picojoules["instructions"] = activity.instructions * model.instruction_pj(core, technology)
    picojoules["clock"] = cycles * model.clock_pj_per_cycle(flip_flops, technology)
    if accelerator and accelerator.wires:
        bits = 8 * (activity.vector_element_bytes + activity.scratchpad_bytes)
        picojoules["accelerator wires"] = model.wire_pj(bits, accelerator.wires.mean_um, technology)
    energy_mj = {name: value * 1e-9 for name, value in picojoules.items()}
    energy_mj["leakage"] = ppa.leakage_power_mw * latency_ms * 1e-3
    notes = ppa.notes
    if abs(ppa.frequency_mhz / result.frequency_mhz - 1) > 0.001 and result.cycles:
        notes += (f"the run was simulated at {result.frequency_mhz:.0f} MHz; its DRAM cycles were scaled to the clock",)
    return dataclasses.replace(ppa, cycles=cycles, latency_ms=latency_ms, energy_mj=energy_mj, notes=notes)
