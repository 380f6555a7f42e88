"""How many starts a minute `workbench place --starts` makes with one and with more worker processes, and their ratio.

    python benchmarks/placement_starts.py [NETLIST] [--starts 8] [--steps 200000] [--workers 1 2]

Every start does the same fixed work, so the ratio is of work done in equal time: 2 is ideal for twice the workers. The time
counts everything after the workers have started: sending the netlist, loading the kernels, the starts, closing the workers.
"""

from __future__ import annotations

import argparse
import time

from workbench.base.progress import Progress
from workbench.netlist.load import load_design
from workbench.study.multi_start import place_starts
from workbench.study.placing import PlacementJob


class _Clock(Progress):
    """Notes when the kernels are ready."""

    def restart(self) -> None:
        """The starts begin now."""
        self.began = time.perf_counter()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("netlist", nargs="?", default="systolic")
    parser.add_argument("--starts", type=int, default=8)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    design, job = load_design(given.netlist), PlacementJob("annealing", 0, 0.0, given.steps)
    first = None
    for workers in given.workers:
        clock = _Clock("starts", total=1.0, quiet=True)
        found = place_starts(design, job, given.starts, scheduler=None, workers=workers, progress=clock)
        seconds = time.perf_counter() - clock.began
        first = first or seconds
        share = sum(s.placed.cpu_seconds for s in found.starts if s.placed) / seconds / workers
        print(
            f"{workers} workers: {given.starts} starts of {given.steps:,} trial moves in {seconds:.1f} s, "
            f"{first / seconds:.2f} times as many in equal time; each had {share:.2f} of a core; "
            f"best {found.best.costs.proxy:.5f}"
        )


if __name__ == "__main__":
    main()
