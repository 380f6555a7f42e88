"""``workbench sweep``: programs, traces and networks on many cores and parameter values at once."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from workbench.cli.compare_agents import spread

if TYPE_CHECKING:
    from workbench.study.sweep.run import Sweep


class Command(typer.core.TyperCommand):
    """The command with one habit more: `--cores A B` is `--cores A --cores B`, and so for `--set`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse after spreading the lists."""
        return super().parse_args(ctx, spread(spread(args, "--cores"), "--set"))


def command(
    workloads: Annotated[
        list[str],
        typer.Argument(metavar="PROGRAM|TRACE|MODEL...", help="programs (.elf), files of `workbench trace`, networks"),
    ],
    cores: Annotated[list[str], typer.Option("--cores", help="names in cores/ or TOML files, several after each other")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="FIELD=VALUE,VALUE of the cores, like memory.l2.size_kib=256,512 (repeatable)"),
    ] = None,
    max_instructions: Annotated[int | None, typer.Option(help="stop each point after so many instructions", min=1)] = None,
    scheduler: Annotated[str | None, typer.Option("--scheduler", help="address of a dask scheduler")] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="local processes [default: one a core]")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="folder for the results (default: one in runs/)")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="do not take over points that the folder has")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Simulate every workload on every core with every combination of values: a table, a picture, a file a point.

    The same command with the same folder goes on where it was stopped, and takes over points that it has.
    """
    from workbench.base.places import runs_folder
    from workbench.base.progress import Progress
    from workbench.study.pool import check_workers
    from workbench.study.sweep.plan import make_plan
    from workbench.study.sweep.run import run_sweep

    points = make_plan(workloads, cores, settings or [], max_instructions)
    folder = out if out is not None else runs_folder() / f"sweep-{time.strftime('%Y%m%d-%H%M%S')}"
    with Progress(f"sweep of {len(points)} points", total=1.0, quiet=as_json) as progress:
        sweep = run_sweep(
            points, folder, max_instructions=max_instructions, scheduler=scheduler, workers=check_workers(workers),
            progress=progress, fresh=fresh,
        )  # fmt: skip
    _show(sweep, as_json)
    if sweep.failed:
        raise typer.Exit(1)


def _show(sweep: Sweep, as_json: bool) -> None:
    from workbench.cli.output import show
    from workbench.study.agent_comparison.layout import Column, text_table

    failed = {point.slug: error for point, error in sweep.failed.items()}
    if as_json:
        show(
            {"out": str(sweep.folder), "taken_over": sweep.taken_over, "failed": failed, "points": sweep.rows}, as_json=True
        )
        return
    rows = sweep.rows
    fields = list(rows[0])[2 : list(rows[0]).index("error")]
    columns = [Column("workload", "workload"), Column("core", "core"), *(Column(name, name) for name in fields)]
    columns += [
        Column("instructions", "instructions", ",d"), Column("cycles", "cycles", ",d"), Column("IPC", "ipc", ".3f"),
        Column("latency ms", "latency_ms", ".4f"), Column("branch MPKI", "mpki_branch", ".2f"),
        Column("L1D MPKI", "mpki_l1d", ".2f"),
    ]  # fmt: skip
    shown = [row for row in rows if not row["error"]]
    if shown:
        print(text_table(columns, shown))
    for slug, error in failed.items():
        typer.echo(f"failed: {slug}: {error}", err=True)
    if sweep.taken_over:
        print(f"{sweep.taken_over} of {len(rows)} points were there already")
    print(f"table and picture: {sweep.folder / 'sweep.csv'}, {sweep.folder / 'sweep.png'}")
