"""`workbench demo`: the whole loop on a small real case, with pictures."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.output import show

if TYPE_CHECKING:
    from workbench.study.records import PointRecord
    from workbench.study.run import StudyRun


def command(
    out: Annotated[Path | None, typer.Option(help="Folder of the run store (default: runs, or WORKBENCH_RUNS).")] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes to work with.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Floorplan an NPU with the agent and with annealing, run two networks on three designs, compare them."""
    from workbench.base.places import data_folder
    from workbench.base.progress import Progress
    from workbench.study.run import run_study
    from workbench.study.study import read_study

    plan = read_study(data_folder("studies") / "demo.toml")
    if not as_json:
        print(f"{plan.description}; networks: {', '.join(plan.networks)}.")
        print("Everything is computed anew. The first run also compiles the simulator, which later runs find in the cache.")
    with Progress("demo", total=1.0, quiet=as_json) as progress:
        run = run_study(plan, out, progress=progress, fresh=True, workers=workers)
    if as_json:
        points = [dataclasses.asdict(point) | {"row": point.row()} for point in run.points]
        show({"run": run.run, "folder": str(run.folder), "points": points}, as_json=True)
    else:
        _report(run)
    if run.failed:
        raise typer.Exit(1)


def _report(run: StudyRun) -> None:
    from workbench.cli.compare import print_table

    print("\nFloorplans (proxy cost = wirelength + 0.5 density + 0.5 congestion; lower is better)\n")
    _print_floorplans(run.points)
    print("\nPower, performance, area and inference latency\n")
    print_table([point.row() for point in run.points])
    for point in run.failed:
        print(f"failed: {point.design} on {point.network}: {point.error}")
    pictures = sorted(run.folder.rglob("*.png"))
    print("\nPictures")
    for picture in pictures:
        print(f"  {picture}")
    print("\nLook at all of it in the browser:  .venv/bin/workbench dashboard")


def _print_floorplans(points: tuple[PointRecord, ...]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("design")
    columns = ("wirelength_cost", "density_cost", "congestion_cost", "proxy_cost", "overlap_um2")
    for column in columns:
        table.add_column(column.replace("_cost", "").replace("overlap_um2", "overlap µm²"), justify="right")
    placed = {point.design: point for point in points if point.placement_costs}
    for point in placed.values():
        table.add_row(point.design, *(f"{point.placement_costs.get(column, 0.0):.4f}" for column in columns))
    Console().print(table)
