"""Does the policy transfer? On netlists it never saw: the policy as it is, an untrained one, random, greedy and annealing.

    python benchmarks/policy_transfer.py [NETLIST...] [--seeds 0 1 2 3 4] [--seconds 5] [--annealing-seconds 60]
        [--policy FILE] [--free] [--processor] [--methods polished annealing ...] [--out runs/policy_transfer]

Without netlists: `rvv_npu`, `systolic` and five designs of the family that is never trained on. Per seed: `policy` and
`untrained` draw floorplans for `--seconds` and keep the best (soft macros placed by `environment_soft_macros`, nothing
searched); `nearest` is no network at all: each macro on the legal cell nearest to where it is expected; `polished` is the
agent `ppo` with the policy, which draws a few floorplans, smooths the best and anneals it for what is left of the time;
`untrained_polished` is the same agent with random weights, which shows what the polish reaches alone; `analytical` begins
with the analytical placer's floorplan instead and anneals it likewise; random and greedy get the same time; annealing starts
from nothing, with its own time. The last four are on the grid, as the policy is, unless `--free` is given. Prints mean and
deviation over the seeds; also the mean of single draws. `--methods` measures some of them only.

With `--processor`, seconds are those of the processor, for machines that are busy with other things.

    python benchmarks/policy_transfer.py NETLIST --tune-minutes 5

also trains on the netlist, from the policy and from random weights, and prints the mean cost of their episodes over time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from workbench.base.files import make_folder, write_json
from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.load import load_design
from workbench.place.agents.base import PlacementOptions, make_agent
from workbench.place.agents.demonstrations import nearest_floorplan
from workbench.place.agents.policy import NetworkConfig, make_network
from workbench.place.agents.policy_polish import annealed
from workbench.place.agents.policy_sampling import policy_floorplans
from workbench.place.agents.policy_shipped import SHIPPED_POLICY, write_weights
from workbench.place.agents.ppo import compile_kernels
from workbench.place.agents.training_run import TrainingOptions, run_training
from workbench.place.analytical import analytical_floorplan
from workbench.place.cost import evaluate
from workbench.place.environment_problem import make_problem
from workbench.place.families import HELD_OUT, family_design

HELD_OUT_SEEDS = range(5)


def place(agent: str, design: Design, seconds: float, seed: int, options: PlacementOptions) -> float:
    """Proxy cost that an agent reaches in a time."""
    progress = Progress("", quiet=True)
    return make_agent(agent).place(design, seconds=seconds, seed=seed, progress=progress, options=options).costs.proxy


def sampled(design: Design, policy: Path, seconds: float, seed: int) -> tuple[float, float]:
    """Best of a policy's floorplans in a time, and the mean of the drawn ones; NaN if none is legal."""
    found = policy_floorplans(design, seed=seed, seconds=seconds, policy=policy)
    drawn = [one.costs.proxy for one in found if not one.is_greedy]
    return (found[0].costs.proxy, float(np.mean(drawn))) if drawn else (float("nan"), float("nan"))


def polished(design: Design, options: PlacementOptions, seconds: float, seed: int) -> float:
    """What the agent `ppo` reaches, whose time is too short to train."""
    return place("ppo", design, seconds, seed, options)


def analytical(design: Design, seconds: float, seed: int, on_grid: bool) -> float:
    """The analytical placer's floorplan, annealed like the policy's for the rest of the time."""
    began, options = time.monotonic(), PlacementOptions(on_grid=on_grid)
    floorplan, progress = analytical_floorplan(design, make_rng(seed), on_grid=on_grid), Progress("", quiet=True)
    left = seconds - (time.monotonic() - began)
    return annealed(design, floorplan, seconds=left, seed=seed, options=options, progress=progress).costs.proxy


def untrained_policy(folder: Path, design: Design) -> Path:
    """A policy file of fresh weights."""
    torch.manual_seed(0)
    network = make_network(NetworkConfig(), [make_problem(design.netlist, design.canvas, design.floorplan)], 128, 128)
    weights = {f"network.{name}": value for name, value in network.state_dict().items()}
    return write_weights(folder / "untrained.pt", weights, NetworkConfig(), [])


def compare(design: Design, arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Costs of every method over the seeds."""
    seconds, policy = arguments.seconds, arguments.policy
    untrained = untrained_policy(arguments.out, design)
    compile_kernels(design)
    place("random", design, 0.0, 0, PlacementOptions())  # the clock starts when everything is compiled
    place("greedy", design, 0.0, 0, PlacementOptions())
    start = nearest_floorplan(make_problem(design.netlist, design.canvas, design.floorplan))
    on_grid = not arguments.free
    legal = PlacementOptions(on_grid=on_grid, policy=policy)
    alone = PlacementOptions(on_grid=on_grid)
    random_weights = PlacementOptions(on_grid=on_grid, params={"shipped_policy": 0.0})
    methods: dict[str, Callable[[int], tuple[float, ...]]] = {
        "policy policy_draw": lambda seed: sampled(design, policy, seconds, seed),
        "untrained untrained_draw": lambda seed: sampled(design, untrained, seconds, seed),
        "nearest": lambda seed: (float("nan") if start is None else evaluate(start).proxy,),
        "polished": lambda seed: (polished(design, legal, seconds, seed),),
        "untrained_polished": lambda seed: (polished(design, random_weights, seconds, seed),),
        "analytical": lambda seed: (analytical(design, seconds, seed, on_grid),),
        "random": lambda seed: (place("random", design, seconds, seed, PlacementOptions()),),
        "greedy": lambda seed: (place("greedy", design, seconds, seed, PlacementOptions()),),
        "annealing": lambda seed: (place("annealing", design, arguments.annealing_seconds, seed, alone),),
    }
    costs: dict[str, list[float]] = {}
    for names, method in methods.items():
        if arguments.methods and names.split()[0] not in arguments.methods:
            continue
        for seed in arguments.seeds:
            for name, cost in zip(names.split(), method(seed), strict=True):
                costs.setdefault(name, []).append(cost)
    return costs


def tune(design: Design, arguments: argparse.Namespace) -> None:
    """Mean costs of the episodes while training from the policy and from random weights."""
    for name, policy in (("from the policy", arguments.policy), ("from scratch", None)):
        for seed in arguments.seeds:
            out = arguments.out / f"tune_{design.name}_{name.replace(' ', '_')}_{seed}"
            options = TrainingOptions(out, seconds=60 * arguments.tune_minutes, seed=seed, policy=policy)
            run_training([design], options, quiet=True)
            rows = [line.split(",") for line in (out / "curve.csv").read_text().splitlines()]
            seconds, mean, best = (rows[0].index(column) for column in ("seconds", "mean_cost", "best_cost"))
            marks = [rows[1 + round(share * (len(rows) - 2))] for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
            curve = " ".join(f"{float(r[seconds]):.0f} s {float(r[mean]):.4f}" for r in marks)
            print(f"{design.name} {name}, seed {seed}: {curve}; best {float(marks[-1][best]):.4f}", flush=True)


def main() -> None:
    """Compare on every netlist and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("netlists", nargs="*")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--annealing-seconds", type=float, default=60.0)
    parser.add_argument("--policy", type=Path, default=SHIPPED_POLICY)
    parser.add_argument("--tune-minutes", type=float, default=0.0)
    parser.add_argument("--methods", nargs="+")
    parser.add_argument("--free", action="store_true")
    parser.add_argument("--processor", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("runs/policy_transfer"))
    arguments = parser.parse_args()
    make_folder(arguments.out)
    if arguments.processor:
        time.monotonic = time.process_time
    designs = [load_design(name) for name in arguments.netlists or ["rvv_npu", "systolic"]]
    if not arguments.netlists:
        designs += [family_design(HELD_OUT, seed, 150) for seed in HELD_OUT_SEEDS]
    table = {}
    for design in designs:
        costs = table[design.name] = compare(design, arguments)
        if len(table) == 1:
            print(f"{'':24s}" + "".join(f"{name:>20s}" for name in costs))
        cells = "".join(f"{np.mean(c):13.4f} ±{np.std(c):.3f}" for c in costs.values())
        print(f"{design.name:24s}{cells}", flush=True)
        write_json(arguments.out / "table.json", table)
        if arguments.tune_minutes:
            tune(design, arguments)


if __name__ == "__main__":
    main()
