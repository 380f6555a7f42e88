"""Compiles the Numba kernels before the suite: the core's and the placement's side by side, each once, into the cache.

Without it both test workers would compile the same kernels at the same time. Functions that kernels share are compiled in
each process that needs them, so one process takes the agents in their order, and the one of the core, when that is done,
takes what is left from the end, where the agents stand that share the least.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from multiprocessing.sharedctypes import Synchronized

STEPS = {"annealing": 100, "annealing_published": 100, "hybrid": 100, "sequence_pair": 100}
"""Trial moves of the agents whose steps are moves; one placement of the others."""


def core(taken: Synchronized) -> None:
    """The interpreter with the timing engine (one small network, simulated) and without, the engine alone (a stream)."""
    from workbench.compiler.execute import run_network
    from workbench.core.config import load_core
    from workbench.core.run import run_program
    from workbench.core.timing.stream import Stream
    from workbench.isa.encode import assemble
    from workbench.isa.program import Program, Segment
    from workbench.isa.timing_class import TimingClass

    code = assemble(("fadd.s", "f0", "f0", "f0"), ("addi", "a7", 0, 93), ("ecall",))
    run_program(Program("scalar", 0x10000, (Segment(0x10000, code, len(code), 5),), ()), None)
    core = load_core("xiangshan_kunminghu_v2_npu4")
    run_network("mobilenet_v2_0.35_96", core, check=False)
    Stream().loop(lambda stream, _: stream.add(TimingClass.INT_ALU, 5), 1).run(core)
    place(taken, from_the_end=True)


def place(taken: Synchronized, from_the_end: bool = False) -> None:
    """Cost, annealing, environment: each agent places the smallest design; `taken` has a bit for each begun."""
    from workbench.base.progress import Progress
    from workbench.netlist.load import load_design
    from workbench.place.agents.base import AGENTS, PlacementOptions, make_agent

    design = load_design("rvv_npu", params={"LANES": 1})
    numbered = list(enumerate(AGENTS))
    for number, name in reversed(numbered) if from_the_end else numbered:
        with taken.get_lock():
            if taken.value >> number & 1:
                return
            taken.value |= 1 << number
        make_agent(name).place(
            design,
            seconds=1,
            seed=0,
            progress=Progress(name, quiet=True),
            options=PlacementOptions(steps=STEPS.get(name, 1)),
        )


def main() -> None:
    """Run both, report the time, fail if one fails."""
    began = time.monotonic()
    context = multiprocessing.get_context("spawn")
    taken = context.Value("q", 0)
    parts = [context.Process(target=part, args=(taken,)) for part in (core, place)]
    for part in parts:
        part.start()
    for part in parts:
        part.join()
    print(f"kernels ready after {time.monotonic() - began:.0f} s")
    sys.exit(any(part.exitcode for part in parts))


if __name__ == "__main__":
    main()
