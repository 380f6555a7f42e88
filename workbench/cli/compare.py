"""`workbench compare`: run a study of designs and networks."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.cli.output import show


def command(
    study: Annotated[Path, typer.Argument(help="The study's TOML file.")],
    scheduler: Annotated[str | None, typer.Option(help="Address of a dask scheduler, like tcp://host:8786.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes of the local cluster.")] = 2,
    out: Annotated[Path | None, typer.Option(help="Folder of the run store (default: runs, or WORKBENCH_RUNS).")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not take over finished points of earlier runs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Place, simulate and evaluate every design on every network; a stopped study goes on where it was."""
    from workbench.base.progress import Progress
    from workbench.study.run import run_study
    from workbench.study.study import check_names, read_study

    plan = read_study(study)
    check_names(plan, study)
    with Progress(plan.name, total=1.0, quiet=as_json) as progress:
        run = run_study(plan, out, scheduler=scheduler, progress=progress, fresh=fresh, workers=workers)
    if as_json:
        rows = [dataclasses.asdict(point) | {"row": point.row()} for point in run.points]
        show({"run": run.run, "folder": str(run.folder), "failed": len(run.failed), "points": rows}, as_json=True)
    else:
        print_table([point.row() for point in run.points])
        for point in run.failed:
            typer.echo(f"failed: {point.design} on {point.network}: {point.error}", err=True)
        typer.echo(f"\nresults in {run.folder}; look at them with `workbench dashboard`")
    if run.failed:
        raise typer.Exit(1)


_COLUMNS = {  # title: (field, digits after the point)
    "design": ("design", None),
    "network": ("network", None),
    "clock MHz": ("frequency_mhz", 0),
    "latency ms": ("latency_ms", 3),
    "energy mJ": ("energy_mj", 3),
    "power mW": ("average_power_mw", 1),
    "area mm²": ("area_mm2", 3),
    "ipc": ("ipc", 2),
    "macs/cycle": ("macs_per_cycle", 2),
}


def print_table(rows: list[dict[str, Any]]) -> None:
    """The comparison as an aligned table on standard output."""
    lines = [list(_COLUMNS)] + [[_text(row[field], digits) for field, digits in _COLUMNS.values()] for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_COLUMNS))]
    for line in lines:
        cells = zip(line, widths, _COLUMNS.values(), strict=True)
        typer.echo(
            "  ".join(f"{cell:{'<' if digits is None else '>'}{width}}" for cell, width, (_, digits) in cells).rstrip()
        )


def _text(value: Any, digits: int | None) -> str:
    if value is None:
        return "-"
    return str(value) if digits is None else f"{value:,.{digits}f}"
