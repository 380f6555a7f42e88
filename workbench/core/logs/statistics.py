"""A run's figures as statistics text in the layout of gem5's ``stats.txt``, for scripts that read that.

Names that gem5 has mean here what they mean there; what it does not have stands under ``system.cpu.cpiStack``,
``.mpki``, ``.activity`` and ``.functions``. Figures that this simulator does not have are left out, never zero.

Source: gem5 24, src/base/stats/text.cc (layout) and the names of src/cpu/o3, src/mem/cache, src/mem/mem_ctrl.cc.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from workbench.core.result import SimResult

_TICKS_PER_SECOND = 10**12
_CACHES = {"l1i": "system.cpu.icache", "l1d": "system.cpu.dcache", "l2": "system.l2", "l3": "system.l3"}


def statistics_text(result: SimResult) -> str:
    """The text of one timed run."""
    lines = [f"{name:<45} {value:>14} {share:>10}  # {meaning}" for name, value, share, meaning in _rows(result)]
    head, tail = "---------- Begin Simulation Statistics ----------", "---------- End Simulation Statistics   ----------"
    return "\n".join(["", head, *lines, "", tail, ""])


def _rows(result: SimResult) -> Iterator[tuple[str, str, str, str]]:
    yield from _time(result)
    yield from _core(result)
    yield from _memory(result)
    for cause, cycles in result.cpi_stack.items():
        share = f"{100 * cycles / max(result.cycles, 1):.2f}%"
        yield f"system.cpu.cpiStack::{cause}", str(cycles), share, "Cycles at commit by what they waited for (Cycle)"
    for name, value in result.mpki.items():
        yield f"system.cpu.mpki::{name}", f"{value:.6f}", "", "Misses per thousand instructions (Count)"
    for name, count in dataclasses.asdict(result.activity).items():
        yield f"system.cpu.activity.{name}", str(count), "", "Events that energy is made of (Count)"
    for region in result.regions:
        name = re.sub(r"[^\w.$()\[\]<>,:+-]", "_", region.name)
        yield f"system.cpu.functions.{name}::cycles", str(region.cycles), "", "Cycles in a function (Cycle)"
        yield f"system.cpu.functions.{name}::insts", str(region.instructions), "", "Instructions in a function (Count)"


def _time(result: SimResult) -> Iterator[tuple[str, str, str, str]]:
    clock = round(_TICKS_PER_SECOND / (result.frequency_mhz * 1e6))
    ticks = result.cycles * clock
    yield "simSeconds", f"{ticks / _TICKS_PER_SECOND:.6f}", "", "Number of seconds simulated (Second)"
    yield "simTicks", str(ticks), "", "Number of ticks simulated (Tick)"
    yield "finalTick", str(ticks), "", "Number of ticks from beginning of simulation (Tick)"
    yield "simFreq", str(_TICKS_PER_SECOND), "", "The number of ticks per simulated second (Tick/Second)"
    yield "hostSeconds", f"{result.host_seconds:.2f}", "", "Real time elapsed on the host (Second)"
    if result.host_seconds > 0:
        rate = round(result.instructions / result.host_seconds)
        yield "hostInstRate", str(rate), "", "Simulator instruction rate (Count/Second)"
    yield "simInsts", str(result.instructions), "", "Number of instructions simulated (Count)"
    yield "system.clk_domain.clock", str(clock), "", "Clock period in ticks (Tick)"


def _core(result: SimResult) -> Iterator[tuple[str, str, str, str]]:
    a, instructions = result.activity, max(result.instructions, 1)
    yield "system.cpu.numCycles", str(result.cycles), "", "Number of cpu cycles simulated (Cycle)"
    yield "system.cpu.cpi", f"{result.cycles / instructions:.6f}", "", "CPI: cycles per instruction (Cycle/Count)"
    yield "system.cpu.ipc", f"{result.ipc:.6f}", "", "IPC: instructions per cycle (Count/Cycle)"
    yield "system.cpu.commitStats0.numInsts", str(result.instructions), "", "Instructions committed (Count)"
    yield "system.cpu.commitStats0.numVecInsts", str(a.vector_instructions), "", "Vector instructions committed (Count)"
    yield "system.cpu.commit.branches", str(a.branches), "", "Conditional and indirect branches committed (Count)"
    yield "system.cpu.commit.branchMispredicts", str(a.branch_mispredicts), "", "Branches mispredicted (Count)"


def _memory(result: SimResult) -> Iterator[tuple[str, str, str, str]]:
    counts = dataclasses.asdict(result.activity)
    for level, place in _CACHES.items():
        accesses, misses = counts[f"{level}_accesses"], counts[f"{level}_misses"]
        if not accesses:
            continue
        yield f"{place}.overallHits::total", str(accesses - misses), "", "Number of overall hits (Count)"
        yield f"{place}.overallMisses::total", str(misses), "", "Number of overall misses (Count)"
        yield f"{place}.overallAccesses::total", str(accesses), "", "Number of overall accesses (Count)"
        rate = f"{misses / accesses:.6f}"
        yield f"{place}.overallMissRate::total", rate, "", "Miss rate for overall accesses (Ratio)"
    read, written = counts["dram_read_bytes"], counts["dram_write_bytes"]
    yield "system.mem_ctrls.dram.bytesRead::total", str(read), "", "Bytes read from this memory (Byte)"
    yield "system.mem_ctrls.dram.bytesWritten::total", str(written), "", "Bytes written to this memory (Byte)"
