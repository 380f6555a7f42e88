"""Does training help? Trains the placement policy from random weights with several seeds, compares it with itself untrained.

    python benchmarks/training_curve.py NETLIST [--minutes 10] [--seeds 0 1 2] [--out runs/training_curve]

Every seed is one `workbench train` run on one thread. Prints, for each, the mean cost of the untrained and of the trained
policy's sampled episodes, the difference in deviations of the untrained policy, and the best floorplan; keeps curves and a
table in the folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from workbench.base.files import write_json
from workbench.netlist.load import load_design
from workbench.place.agents.training_run import TrainingOptions, run_training


def main() -> None:
    """Run the seeds one after another."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("netlist")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/training_curve"))
    arguments = parser.parse_args()
    design, rows = load_design(arguments.netlist), []
    columns = ("seed", "untrained", "deviation", "trained", "gain/dev", "best", "episodes", "legal")
    print("".join(f"{name:>11}" for name in columns))
    for seed in arguments.seeds:
        options = TrainingOptions(arguments.out / f"seed_{seed}", seconds=60 * arguments.minutes, seed=seed)
        report = run_training([design], options)
        before, after = report["untrained_policy"], report["trained_policy"]
        best = report["best"][design.name]["proxy_cost"]
        gain = (before["mean_cost"] - after["mean_cost"]) / before["deviation"]
        figures = (before["mean_cost"], before["deviation"], after["mean_cost"], gain, best, report["episodes"])
        print(f"{seed:11d}" + "".join(f"{figure:11.5g}" for figure in figures) + f"{after['legal_share']:11.2f}", flush=True)
        rows.append(report)
        write_json(arguments.out / f"table_{'_'.join(map(str, arguments.seeds))}.json", rows)


if __name__ == "__main__":
    main()
