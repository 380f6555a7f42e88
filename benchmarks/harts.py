"""How a program's threads scale over the harts of a machine: cycles, speed-up, DRAM bandwidth, lines between caches.

    python benchmarks/harts.py [--core CORE] [--harts 1 2 4 8]

Needs a RISC-V gcc; the program is `programs/threads.c`, with as many threads as harts and the same work for any number. One
line a kernel and number of harts: cycles of the whole run with the start of the threads, speed-up over one hart, DRAM
traffic as a share of what the buses carry, lines that harts took from each other per thousand instructions, MIPS simulated.
What is to be expected: `poly` and `padded` scale until the start of the threads shows, `triad` until DRAM is full; `packed`
(counters of all threads in one or two lines), `atomic` and `mutex` (one for all) do not.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

from workbench.core.config import CoreConfig, load_core
from workbench.core.run import run_program
from workbench.isa.elf import read_elf
from workbench.isa.program import Program

KERNELS = ("poly", "triad", "padded", "packed", "atomic", "mutex")
_SOURCE = Path(__file__).parent / "programs" / "threads.c"


def compiled(folder: Path) -> Program:
    """The program, static, with glibc's threads."""
    path = folder / "threads"
    command = ["riscv64-linux-gnu-gcc", "-O2", "-static", "-pthread", str(_SOURCE), "-o", str(path)]
    subprocess.run(command, check=True)
    return read_elf(path)


def peak_bytes_per_cycle(core: CoreConfig) -> float:
    """What the buses of all channels carry at most."""
    burst_cycles = max(round(core.dram.burst_ns * core.frequency_mhz / 1000), 1)
    return core.dram.channels * core.memory.l1d.line_bytes / burst_cycles


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--core", default="xiangshan_kunminghu_v2")
    parser.add_argument("--harts", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--kernels", nargs="+", choices=KERNELS, default=list(KERNELS))
    arguments = parser.parse_args()
    core = load_core(arguments.core)
    with tempfile.TemporaryDirectory() as folder:
        program = compiled(Path(folder))
    print(f"{'kernel':<8}{'harts':>6}{'cycles':>14}{'speed-up':>10}{'DRAM':>7}{'lines taken':>13}{'MIPS':>8}")
    for kernel in arguments.kernels:
        base = 0
        for harts in arguments.harts:
            began = time.process_time()
            result = run_program(program, core, argv=[kernel, str(harts)], harts=harts)
            mips = result.instructions / (time.process_time() - began) / 1e6
            base = base or result.cycles
            share = result.counters["dram_bytes_per_cycle"] / peak_bytes_per_cycle(core)
            taken = sum(hart.counters["transfers"] for hart in result.harts) / result.instructions * 1000
            speed_up = base / result.cycles
            print(f"{kernel:<8}{harts:>6}{result.cycles:>14,}{speed_up:>10.2f}{share:>7.1%}{taken:>13.2f}{mips:>8.1f}")


if __name__ == "__main__":
    main()
