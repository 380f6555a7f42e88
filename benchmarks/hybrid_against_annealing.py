"""The hybrid against our own annealing at equal wall time, on every reference netlist and our own designs.

    python benchmarks/hybrid_against_annealing.py [--minutes 1] [--seeds 5] [--netlists NAME...] [--results FILE] [--print]

Both agents run in alternation on one core, seed by seed, from nothing and off the grid. Every finished run is a line of a
JSON-lines file, so that the work can be interrupted and resumed, and shared by two processes (one a core): a run that
another process has begun is left to it. Counted for both: everything after kernels are compiled and torch is imported;
the hybrid's seeds (policy inference, analytical placement) are made within its time.

Prints per netlist: mean ± standard deviation of both, the hybrid's gain, the p-value of Mann-Whitney's test, Welch's 95 %
interval and the components; then on how many netlists the hybrid is at least as good. Files are in `runs/` by default.

The baseline is the annealing as it stands, which shares every improvement of the search. So that it can be seen not to have
been weakened, this is what it reached before trials were evaluated in stages (commit 5d5dedc), 800,000 trial moves (18 to 35
s on a busy machine), seeds 1 to 3, mean ± standard deviation; the command is `workbench place ... --steps 800000`:
NanGate45_ariane133 .6203 ± .0057, NanGate45_nvdla .6636 ± .0010, ASAP7_nvdla .6958 ± .0094, rvv_npu .8884 ± .0078, systolic
.7680 ± .0089.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from workbench.base.places import runs_folder
from workbench.base.progress import Progress
from workbench.netlist.load import load_design
from workbench.place.agents.base import PlacementOptions, make_agent
from workbench.place.legality import check
from workbench.study.agent_comparison.statistics import difference

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference" / "placement" / "netlists"
AGENTS = ("annealing", "hybrid")


def main() -> None:
    """Run what is missing, then print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=5)
    reference = sorted(path.name for path in REFERENCE.glob("*")) if REFERENCE.is_dir() else []
    parser.add_argument("--netlists", nargs="+", default=["rvv_npu", "systolic", *reference])
    parser.add_argument("--results", type=Path, default=runs_folder() / "hybrid_against_annealing.jsonl")
    parser.add_argument("--print", action="store_true", help="only print what is there")
    given = parser.parse_args()
    given.results.parent.mkdir(parents=True, exist_ok=True)
    if not given.print:
        for seed in range(1, given.seeds + 1):
            for netlist in given.netlists:
                for agent in AGENTS if seed % 2 else AGENTS[::-1]:
                    run_once(given.results, netlist, agent, given.minutes, seed)
    report(given.results, given.netlists, given.minutes)


def run_once(results: Path, netlist: str, agent: str, minutes: float, seed: int) -> None:
    """Place once and append the result, unless it is there or another living process is at it."""
    key = {"netlist": netlist, "agent": agent, "minutes": minutes, "seed": seed}
    if any(key.items() <= row.items() for row in read(results)):
        return
    claim = results.with_name(f"{results.name}.{netlist}.{agent}.{minutes:g}.{seed}.claim")
    if not take(claim):
        return
    try:
        design = load_design(str(REFERENCE / netlist) if (REFERENCE / netlist).is_dir() else netlist)
        result = make_agent(agent).place(
            design, seconds=60 * minutes, seed=seed, progress=Progress("", quiet=True), options=PlacementOptions()
        )
        if result.interrupted:
            raise KeyboardInterrupt
        row: dict[str, Any] = {
            **key, **result.costs.report(), "seconds": result.seconds, "evaluations": result.evaluations,
            "legal": not check(result.floorplan), "notes": list(result.notes),
        }  # fmt: skip
        with results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{netlist} {agent} seed {seed}: {result.costs.proxy:.5f} in {result.seconds:.0f} s", flush=True)
    finally:
        claim.unlink()


def take(claim: Path) -> bool:
    """Take a run for this process, also from a process that has died; False if another one is at it."""
    try:
        with claim.open("x") as file:
            file.write(str(os.getpid()))
        return True
    except FileExistsError:
        holder = claim.read_text() if claim.exists() else ""
        if not holder.isdigit() or Path(f"/proc/{holder}").exists():
            return False
        claim.unlink(missing_ok=True)
        return take(claim)


def read(results: Path) -> list[dict[str, Any]]:
    """The finished runs."""
    if not results.exists():
        return []
    return [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines() if line]


def report(results: Path, netlists: list[str], minutes: float) -> None:
    """Print the comparison of the runs of that length."""
    rows = [row for row in read(results) if row["minutes"] == minutes]
    print(
        f"\n{minutes:g} min     {'annealing':>18} {'hybrid':>18} {'gain':>8} {'p':>6}  Welch 95 %   components of the hybrid"
    )
    as_good = better = compared = 0
    for netlist in netlists:
        cost = {a: [r["proxy_cost"] for r in rows if (r["netlist"], r["agent"]) == (netlist, a)] for a in AGENTS}
        if not all(cost.values()):
            print(f"{netlist:24} runs are missing")
            continue
        found = difference(cost["hybrid"], cost["annealing"])
        compared, as_good, better = (
            compared + 1,
            as_good + (found.mean <= 0),
            better + (found.mean < 0 and found.p_value < 0.05),
        )
        middle = " ".join(
            f"{mean(rows, netlist, part):.4f}" for part in ("wirelength_cost", "density_cost", "congestion_cost")
        )
        print(
            f"{netlist:24} {spread(cost['annealing'])} {spread(cost['hybrid'])} {-found.mean:8.5f} {found.p_value:6.3f}  "
            f"{found.low:+.4f} {found.high:+.4f}  {middle}"
        )
    print(
        f"The hybrid is at least as good on {as_good} of {compared} netlists, significantly better (p < 0.05) on {better}."
    )
    if illegal := [row for row in rows if not row["legal"]]:
        print(f"{len(illegal)} results are not legal")


def mean(rows: list[dict[str, Any]], netlist: str, part: str) -> float:
    """Mean of a component of the hybrid's runs."""
    return float(np.mean([row[part] for row in rows if (row["netlist"], row["agent"]) == (netlist, "hybrid")]))


def spread(costs: list[float]) -> str:
    """Mean ± standard deviation."""
    return f"{np.mean(costs):.5f} ± {np.std(costs, ddof=1) if len(costs) > 1 else 0.0:.5f}"


if __name__ == "__main__":
    main()
