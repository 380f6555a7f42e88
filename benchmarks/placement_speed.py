"""How fast the placement cost is: full evaluations, exact single moves, exact annealing moves, and how both scale.

    python benchmarks/placement_speed.py [NETLIST...]

Prints one line per netlist (default: the product's own and, where the reference data lies beside the project, the published
ones), then a table of synthetic netlists of growing size. One thread. The public Python evaluator takes 6.9 s for one full
evaluation of NanGate45_ariane133 (reference/placement/published.md); the ratio is printed for that netlist.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.load import load_design
from workbench.netlist.netlist import Canvas, Netlist, ObjectKind
from workbench.place.agents.annealing import AnnealingAgent
from workbench.place.agents.base import PlacementOptions
from workbench.place.cost import IncrementalCost
from workbench.place.cost_kernels import costs_of, rebuild
from workbench.place.start import starting_floorplan

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference" / "placement" / "netlists"
PUBLIC_EVALUATOR_SECONDS = 6.9


def best_of(times: int, work: Callable[[], object]) -> float:
    """Shortest time of several runs, seconds."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def measure(design: Design) -> tuple[float, float, float]:
    """Milliseconds a full evaluation, single moves a second from Python, annealing moves a second."""
    floorplan = design.floorplan or starting_floorplan(design.netlist, design.canvas, make_rng(0), None, False)
    cost = IncrementalCost(floorplan)

    def full() -> None:
        rebuild(cost.model, cost.state)
        costs_of(cost.model, cost.state)

    rng = make_rng(1)
    movable = np.flatnonzero(~design.netlist.is_fixed)

    def moves() -> None:
        for item in rng.choice(movable, 300).tolist():
            cost.move(item, rng.uniform(0, design.canvas.width_um), rng.uniform(0, design.canvas.height_um))
            cost.proxy()

    full(), moves()
    with Progress("", quiet=True) as progress:
        options = PlacementOptions(params={"hot": 5e-5, "cold": 5e-6})
        result = AnnealingAgent().place(design, seconds=4.0, seed=1, progress=progress, options=options)
    return 1e3 * best_of(10, full), 300 / best_of(3, moves), result.evaluations / result.seconds


def synthetic(soft: int, macros: int = 100, pins_per_object: int = 12) -> Design:
    """A random netlist with nets of three to five pins between near objects, on a grid of about 32 x 32 cells."""
    rng = make_rng(soft)
    objects = macros + soft
    side = 2000.0
    kind = np.array([ObjectKind.MACRO] * macros + [ObjectKind.SOFT_MACRO] * soft, np.int8)
    size = np.where(kind == ObjectKind.MACRO, 0.6 * side / macros**0.5, 0.6 * side / soft**0.5)
    starts, members = [0], []
    for _ in range(objects * pins_per_object // 4):
        centre = int(rng.integers(objects))
        near = (centre + rng.integers(-50, 51, int(rng.integers(3, 6)))) % objects
        members.extend(near.tolist())
        starts.append(len(members))
    zeros = np.zeros(objects)
    netlist = Netlist(
        f"synthetic_{objects}", tuple(f"o{i}" for i in range(objects)), kind, size, size.copy(), zeros, zeros.copy(),
        np.zeros(objects, np.int8), np.zeros(objects, bool), np.arange(objects, dtype=np.int32),
        np.array(members, np.int32), np.zeros(len(members)), np.zeros(len(members)), np.array(starts, np.int32),
        np.arange(len(members), dtype=np.int32), np.ones(len(starts) - 1),
    )  # fmt: skip
    return Design(netlist.name, netlist, Canvas(side, side, 32, 32, 57.0, 57.0, 40.0, 30.0))


def main() -> None:
    """Measure and print."""
    names = sys.argv[1:] or ["rvv_npu", *(str(path) for path in sorted(REFERENCE.glob("*")))]
    designs = [load_design(name) for name in names] + [synthetic(soft) for soft in (500, 2000, 8000, 32000)]
    print(f"{'netlist':28} {'objects':>8} {'nets':>8} {'full ms':>9} {'moves/s':>9} {'annealing moves/s':>18}")
    for design in designs:
        full, moves, annealing = measure(design)
        print(
            f"{design.name:28} {design.netlist.objects:8,} {design.netlist.nets:8,} {full:9.2f} {moves:9,.0f} "
            f"{annealing:18,.0f}", flush=True,
        )  # fmt: skip
        if design.name == "NanGate45_ariane133":
            print(f"  {1e3 * PUBLIC_EVALUATOR_SECONDS / full:,.0f} times the public Python evaluator's speed")


if __name__ == "__main__":
    main()
