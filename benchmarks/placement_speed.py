"""How fast the placement cost is: full evaluations, exact single moves, exact annealing moves, and how both scale.

    python benchmarks/placement_speed.py [NETLIST...] [--public-evaluator FOLDER] [--plot FILE.png]

Prints one line per netlist (default: the product's own and, where the reference data lies beside the project, the published
ones), then the same for synthetic netlists of the size of ariane133 and up to ten times that, and plots how the speed falls
with the number of nets. One thread.

With `--public-evaluator`, the folder of `plc_client_os.py` (see placement_public_evaluator.py), one full evaluation of
NanGate45_ariane133's legalized.plc by it is timed beside ours, in a process of its own, and the costs are compared.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from workbench.base.figures import new_figure, save_figure
from workbench.base.places import runs_folder
from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.load import load_design
from workbench.netlist.netlist import Canvas, Netlist, ObjectKind
from workbench.place.agents.annealing import AnnealingAgent
from workbench.place.agents.base import PlacementOptions
from workbench.place.cost import IncrementalCost, evaluate
from workbench.place.cost_kernels import costs_of, rebuild
from workbench.place.start import starting_floorplan

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference" / "placement" / "netlists"
TRIALS = 100_000
"""Trial moves of the search that are timed, illegal places among them."""
SIZES = (1, 2, 5, 10)
"""Sizes of the synthetic netlists, in nets of ariane133."""


def best_of(times: int, work: Callable[[], object]) -> float:
    """Shortest time of several runs, seconds of this process, so that what else runs matters less."""
    found = []
    for _ in range(times):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
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
    setup, whole = searching(design, 1), searching(design, TRIALS)
    return 1e3 * best_of(10, full), 300 / best_of(3, moves), TRIALS / (whole - setup)


def searching(design: Design, trials: int) -> float:
    """Seconds of this process for so many trial moves at the temperatures of the middle of a run, the fastest of two."""
    options = PlacementOptions(steps=trials, params={"hot": 0.05, "cold": 0.005})
    with Progress("", quiet=True) as progress:
        return best_of(2, lambda: AnnealingAgent().place(design, seconds=0, seed=1, progress=progress, options=options))


def synthetic(size: int, pins_per_object: int = 54) -> Design:
    """A random netlist `size` times as large as ariane133 (about 12,400 nets), of nets between near objects."""
    rng = make_rng(size)
    macros, soft = 100 * size, 815 * size
    objects = macros + soft
    side = 2000.0
    kind = np.array([ObjectKind.MACRO] * macros + [ObjectKind.SOFT_MACRO] * soft, np.int8)
    width = np.where(kind == ObjectKind.MACRO, 0.6 * side / macros**0.5, 0.6 * side / soft**0.5)
    starts, members = [0], []
    for _ in range(objects * pins_per_object // 4):
        centre = int(rng.integers(objects))
        near = (centre + rng.integers(-50, 51, int(rng.integers(3, 6)))) % objects
        members.extend(near.tolist())
        starts.append(len(members))
    zeros = np.zeros(objects)
    netlist = Netlist(
        f"synthetic, {size} x ariane133", tuple(f"o{i}" for i in range(objects)), kind, width, width.copy(), zeros,
        zeros.copy(), np.zeros(objects, np.int8), np.zeros(objects, bool), np.arange(objects, dtype=np.int32),
        np.array(members, np.int32), np.zeros(len(members)), np.zeros(len(members)), np.array(starts, np.int32),
        np.arange(len(members), dtype=np.int32), np.ones(len(starts) - 1),
    )  # fmt: skip
    cells = min(64, int(22.4 * size**0.5))  # as many cells an object as ariane133 has, up to the usual limit
    return Design(netlist.name, netlist, Canvas(side, side, cells, cells, 57.0, 57.0, 40.0, 30.0))


def beside(folder: Path) -> None:
    """Time the public evaluator on ariane133 beside ours and compare the costs."""
    source = REFERENCE / "NanGate45_ariane133"
    design = load_design(str(source), source / "legalized.plc")
    assert design.floorplan is not None
    canvas = design.canvas
    described = {
        "width": canvas.width_um, "height": canvas.height_um, "columns": canvas.columns, "rows": canvas.rows,
        "routes": [canvas.horizontal_routes_per_um, canvas.vertical_routes_per_um],
        "macro_routes": [canvas.macro_horizontal_routes_per_um, canvas.macro_vertical_routes_per_um],
        "smooth_range": canvas.smooth_range,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        plain = Path(place) / "netlist.pb.txt"
        plain.write_bytes(gzip.decompress((source / "netlist.pb.txt.gz").read_bytes()))
        script = Path(__file__).with_name("placement_public_evaluator.py")
        command = [sys.executable, script, folder, plain, source / "legalized.plc", json.dumps(described)]
        said = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout
    theirs, ours = json.loads(said.splitlines()[-1]), evaluate(design.floorplan)
    cost = IncrementalCost(design.floorplan)
    seconds = best_of(20, lambda: (rebuild(cost.model, cost.state), costs_of(cost.model, cost.state)))
    ratio = theirs["seconds"] / seconds
    print(f"public Python evaluator {theirs['seconds']:.2f} s, ours {1e3 * seconds:.2f} ms: {ratio:,.0f} times")
    for part in ("wirelength", "density", "congestion"):
        print(
            f"  {part:10} {theirs[part]:.9f} {getattr(ours, part):.9f} difference {theirs[part] - getattr(ours, part):+.1e}"
        )


def plot(rows: list[tuple[int, float, float, float]], path: Path) -> None:
    """Moves a second and milliseconds of a full evaluation over the number of nets of the synthetic netlists."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    nets, full, moves, annealing = (np.array(column) for column in zip(*rows, strict=True))
    figure = new_figure((8.0, 4.2))
    speeds = {"trial moves of the search": annealing, "single moves from Python": moves}
    panels = (
        (speeds, "exact moves a second, one thread", "#4477AA"),
        ({"full evaluation": full}, "full evaluation, ms", "#AA3377"),
    )
    for k, (series, title, colour) in enumerate(panels):
        axes = figure.add_axes((0.09 + 0.5 * k, 0.15, 0.39, 0.72))
        for (label, values), style in zip(series.items(), ("o-", "s--"), strict=False):
            axes.plot(nets, values, style, color=colour, label=label)
        axes.set(xscale="log", yscale="log", xlabel="nets")
        axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
        axes.set_xticks(nets, labels=[f"{count:,}" for count in nets], fontsize=8)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.grid(True, which="both", color="#dddddd", linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        if k == 0:
            axes.legend(frameon=False, fontsize=8)
    save_figure(figure, path)


def main() -> None:
    """Measure, print and plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("netlists", nargs="*", default=["rvv_npu", *(str(path) for path in sorted(REFERENCE.glob("*")))])
    parser.add_argument("--public-evaluator", type=Path, metavar="FOLDER")
    parser.add_argument("--plot", type=Path, default=runs_folder() / "placement_speed.png")
    given = parser.parse_args()
    if given.public_evaluator:
        beside(given.public_evaluator)
    print(f"{'netlist':28} {'objects':>8} {'nets':>8} {'full ms':>9} {'moves/s':>9} {'annealing moves/s':>18}")
    rows = []
    for what in [*given.netlists, *SIZES]:
        design = synthetic(what) if isinstance(what, int) else load_design(what)
        full, moves, annealing = measure(design)
        print(
            f"{design.name:28} {design.netlist.objects:8,} {design.netlist.nets:8,} {full:9.2f} {moves:9,.0f} "
            f"{annealing:18,.0f}", flush=True,
        )  # fmt: skip
        if isinstance(what, int):
            rows.append((design.netlist.nets, full, moves, annealing))
    given.plot.parent.mkdir(parents=True, exist_ok=True)
    plot(rows, given.plot)
    print(f"plot: {given.plot}")


if __name__ == "__main__":
    main()
