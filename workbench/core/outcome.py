"""The `SimResult` of a machine: what its program did, what the engines of its harts counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.core.result import STOPPED_EXIT_CODE, Activity, HartResult, Region, SimResult

if TYPE_CHECKING:
    from workbench.core.run import Machine
    from workbench.core.threads import Hart
    from workbench.core.timing.readout import TimingResult


def outcome(machine: Machine) -> SimResult:
    """The outcome so far."""
    counts = machine.region_instructions.copy()
    for thread in machine.harts.live:
        counts[int(thread.state["region"][0])] += int(thread.state["instructions"][0] - thread.state["region_start"][0])
    plain = _functional(machine, counts)
    if not machine.timed:
        return plain
    from workbench.core.timing.readout import read_results

    assert machine.core is not None
    harts = machine.harts.all
    total, parts = read_results(
        [hart.timing for hart in harts], machine.harts.running.hart.number, [hart.idle_cycles for hart in harts],
        len(counts), machine.core.memory.l1d.line_bytes,
    )  # fmt: skip
    cycles = np.zeros(len(counts), np.int64)
    cycles[: len(total.region_cycles)] = total.region_cycles
    return replace(
        plain, cycles=total.cycles, cpi_stack=total.cpi_stack, mpki=total.mpki, top_down=total.top_down,
        counters=total.counters, activity=total.activity, regions=_regions(machine, counts, cycles),
        harts=tuple(map(_timed_hart, harts, parts, [total.cycles] * len(parts))) if _has_several(machine) else (),
    )  # fmt: skip


def _functional(machine: Machine, counts: np.ndarray) -> SimResult:
    linux, instructions, clock = machine.linux, machine.instructions, machine.harts.running.hart.clock
    notes = [f"{what} is not offered: it returned ENOSYS." for what in linux.missing]
    if linux.signal:
        notes.append(f"Signal {linux.signal} ended the program.")
    harts = tuple(
        HartResult(hart.number, hart.started, hart.instructions, 0, max(clock - hart.instructions, 0))
        for hart in machine.harts.all
    )  # fmt: skip
    return SimResult(
        exit_code=linux.exit_code if linux.exit_code is not None else STOPPED_EXIT_CODE,
        stdout=bytes(linux.stdout), stderr=bytes(linux.stderr), instructions=instructions, cycles=0,
        frequency_mhz=machine.frequency_mhz, cpi_stack={}, mpki={}, activity=Activity(instructions=instructions),
        regions=_regions(machine, counts, np.zeros(len(counts), np.int64)), host_seconds=machine.host_seconds,
        notes=tuple(machine.notes + notes), harts=harts if _has_several(machine) else (),
    )  # fmt: skip


def _has_several(machine: Machine) -> bool:
    """Whether there is something to say of harts."""
    return len(machine.harts.all) > 1 or machine.harts.all[0].started > 1


def _regions(machine: Machine, instructions: np.ndarray, cycles: np.ndarray) -> tuple[Region, ...]:
    rows = zip(machine.code.regions, instructions, cycles, strict=True)
    regions = [Region(name or "(no symbol)", int(n), int(c)) for name, n, c in rows if n]
    return tuple(sorted(regions, key=lambda r: (-r.cycles, -r.instructions, r.name)))


def _timed_hart(hart: Hart, figures: TimingResult, cycles: int) -> HartResult:
    """One hart's part of a program that took so many cycles."""
    return HartResult(
        hart.number, hart.started, figures.instructions, figures.cycles, max(cycles - figures.cycles, 0), figures.cpi_stack,
        figures.mpki, figures.counters | figures.coherence,
    )  # fmt: skip
