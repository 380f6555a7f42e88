"""Wirelength of GSRC/MCNC floorplans in a fixed outline, beside published figures.

    python benchmarks/floorplan_gsrc.py [--seconds 60] [--seeds 1 2 3 4 5] [--circuits n10 n30 n100 ami33]
                                        [--folder ../shared/reference/placement/gsrc] [--white-space 10] [--kept]

One thread, one run after another. The convention (outline, terminals, pins) is that of `netlist/readers/gsrc.py`; `--kept`
leaves the terminals where the files have them instead of stretching them to the outline. Published: B*-tree annealing,
sequence pair and CORE as in Li et al., CORE, NeurIPS 2025. CORE's published command for these figures gives neither the
area nor what lies outside of the outline a weight (`--A_weight=0 --O_weight=0`), so its column need not fit the outline;
every figure here does.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import mean, pstdev

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.netlist.load import load_design
from workbench.place.agents.base import PlacementOptions, make_agent
from workbench.place.legality import check

PUBLISHED = {
    "n10": (36044, 36514, 35170),
    "n30": (111496, 108835, 99964),
    "n100": (218976, 222559, 191349),
    "ami33": (81629, 64315, 52672),
}
"""µm: B*-tree annealing, sequence pair, CORE. Source: reference/placement/published.md."""


def main() -> None:
    """Place every circuit with every seed and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--circuits", nargs="+", default=[*PUBLISHED, "apte"])
    parser.add_argument("--folder", type=Path, default=Path("../shared/reference/placement/gsrc"))
    parser.add_argument("--white-space", type=float, default=10.0)
    parser.add_argument("--kept", action="store_true")
    parser.add_argument("--steps", type=int, help="trial moves instead of seconds: the same everywhere")
    parser.add_argument("--param", action="append", default=[], help="NAME=VALUE, a setting of the agent")
    given = parser.parse_args()
    settings = {name: float(value) for name, value in (word.split("=") for word in given.param)}
    options = PlacementOptions(steps=given.steps, params=settings)
    print(
        f"{'circuit':8} {'best':>9} {'mean':>9} {'std':>7} {'legal':>6} {'white':>7} {'seconds':>8} {'trials/s':>9} "
        f"{'B*-tree':>8} {'seq.pair':>8} {'CORE':>8} {'best/annealing':>14} {'best/CORE':>9}"
    )
    for circuit in given.circuits:
        _row(circuit, given, options)


def _row(circuit: str, given: argparse.Namespace, options: PlacementOptions) -> None:
    params = {"WHITE_SPACE": given.white_space, "TERMINALS_STRETCHED": int(not given.kept)}
    design = load_design(given.folder / f"{circuit}.blocks", params=params)
    netlist, canvas = design.netlist, design.canvas
    white = canvas.width_um * canvas.height_um / float(netlist.width_um @ netlist.height_um) - 1
    wires, seconds, trials, legal = [], [], 0, 0
    for seed in given.seeds:
        try:
            with Progress(circuit, quiet=True) as progress:
                result = make_agent("sequence_pair").place(
                    design, seconds=given.seconds, seed=seed, progress=progress, options=options
                )
        except InputError as error:
            print(f"{circuit:8} seed {seed}: {error}")
            continue
        wires.append(result.costs.wirelength_um)
        seconds.append(result.seconds)
        trials += result.evaluations
        legal += not check(result.floorplan)
    if not wires:
        return
    published = PUBLISHED.get(circuit)
    beside = "" if published is None else (
        f" {published[0]:8} {published[1]:8} {published[2]:8} {min(wires) / min(published[:2]):14.3f} "
        f"{min(wires) / published[2]:9.3f}"
    )  # fmt: skip
    found = f"{min(wires):9.0f} {mean(wires):9.0f} {pstdev(wires):7.0f} {legal:3}/{len(given.seeds):<2}"
    print(f"{circuit:8} {found} {white:7.1%} {mean(seconds):8.1f} {trials / sum(seconds):9.0f}{beside}", flush=True)


if __name__ == "__main__":
    main()
