"""What the placement agents reach at equal wall time, several seeds, with the components.

    python benchmarks/placement_quality.py NETLIST [--seconds 60] [--seeds 1 2 3] [--agents NAME ...] [--steps N]
                                           [--init PLACEMENT] [--grid] [--param NAME=VALUE ...]

Prints one line per agent and seed, then the mean; without --agents all there are. A learning agent trains within its time.
With --steps every agent does so much work of its own kind (trial moves, placements) instead. Published figures to
compare with: reference/placement/published.md.
"""

from __future__ import annotations

import argparse
from statistics import mean

from workbench.base.progress import Progress
from workbench.netlist.load import load_design
from workbench.place.agents.base import AGENTS, PlacementOptions, make_agent
from workbench.place.legality import check


def main() -> None:
    """Place and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("netlist")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--agents", nargs="+", default=sorted(AGENTS))
    parser.add_argument("--steps", type=int)
    parser.add_argument("--init")
    parser.add_argument("--grid", action="store_true")
    parser.add_argument("--param", action="append", default=[])
    given = parser.parse_args()
    design = load_design(given.netlist, given.init)
    params = {name: float(value) for name, value in (word.split("=") for word in given.param)}
    options = PlacementOptions(design.floorplan if given.init else None, given.grid, steps=given.steps, params=params)
    print(f"{'agent':19} {'seed':>4} {'proxy':>8} {'wirelength':>10} {'density':>8} {'congestion':>10} {'evaluations':>12}")
    for agent in given.agents:
        proxies = []
        for seed in given.seeds:
            with Progress(agent, quiet=True) as progress:
                result = make_agent(agent).place(
                    design, seconds=given.seconds, seed=seed, progress=progress, options=options
                )
            costs = result.costs
            legal = "" if not check(result.floorplan) else "  NOT LEGAL"
            print(
                f"{agent:19} {seed:4} {costs.proxy:8.5f} {costs.wirelength:10.5f} {costs.density:8.5f} "
                f"{costs.congestion:10.5f} {result.evaluations:12,}{legal}", flush=True,
            )  # fmt: skip
            proxies.append(costs.proxy)
        print(f"{agent:19} mean {mean(proxies):8.5f}")


if __name__ == "__main__":
    main()
