"""`workbench place --starts N`: several seeds side by side, the best kept, all in one table."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.base.progress import Progress
    from workbench.netlist.design import Design
    from workbench.place.agents.base import PlacementOptions
    from workbench.study.multi_start import MultiStart


def place_many(
    design: Design, agent: str, seconds: float, seed: int, options: PlacementOptions, starts: int, scheduler: str | None,
    workers: int | None, progress: Progress,
) -> MultiStart:  # fmt: skip
    """Place from `starts` seeds on a local cluster or on a scheduler."""
    from workbench.study.multi_start import place_starts
    from workbench.study.placing import PlacementJob
    from workbench.study.pool import check_workers

    given = options.init is not None
    job = PlacementJob(
        agent, seed, seconds, options.steps, options.on_grid, options.soft, given, tuple(sorted(options.params.items()))
    )
    return place_starts(design, job, starts, scheduler=scheduler, workers=check_workers(workers), progress=progress)


def describe_starts(many: MultiStart) -> dict[str, Any]:
    """Each start's figures, and mean and deviation of the costs, for the report."""
    costs = [start.placed.costs["proxy_cost"] for start in many.starts if start.placed is not None]
    rows = [
        {"seed": start.seed, "error": start.error, **dict.fromkeys(_FIGURES)} if start.placed is None else
        {"seed": start.seed, "error": "", **{name: start.placed.costs.get(name) for name in _FIGURES[:-2]},
         "evaluations": start.placed.evaluations, "seconds": round(start.placed.seconds, 3)}
        for start in many.starts
    ]  # fmt: skip
    spread = stdev(costs) if len(costs) > 1 else None
    return {"starts": rows, "mean_proxy_cost": fmean(costs), "deviation_of_proxy_cost": spread}


_FIGURES = ("proxy_cost", "wirelength_cost", "density_cost", "congestion_cost", "evaluations", "seconds")


def print_starts(report: Mapping[str, Any]) -> None:
    """The table of all starts, the best one marked."""
    from workbench.study.agent_comparison.layout import Column, text_table

    titles = {"seed": "d", "proxy_cost": ".5f", "wirelength_cost": ".5f", "density_cost": ".5f", "congestion_cost": ".5f"}
    titles |= {"evaluations": ",d", "seconds": ".1f", "remark": ""}
    columns = [Column(name.replace("_", " "), name, form) for name, form in titles.items()]
    rows = [
        {**row, "remark": row["error"] or ("best" if row["seed"] == report["seed"] else " ")} for row in report["starts"]
    ]
    print(text_table(columns, rows) + "\n")
