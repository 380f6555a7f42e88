"""`workbench compare-agents`: placement agents against each other at equal wall time, with statistics and pictures."""

from __future__ import annotations

import dataclasses
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

if TYPE_CHECKING:
    from workbench.study.agent_comparison.run import Comparison


class Command(typer.core.TyperCommand):
    """The command with one habit more: `--agents A B C` is `--agents A --agents B --agents C`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse after spreading the lists."""
        return super().parse_args(ctx, spread(args, "--agents"))


def spread(words: list[str], option: str) -> list[str]:
    """The words with the option repeated before each word that follows it, up to the next option."""
    spread_words: list[str] = []
    in_list = False
    for word in words:
        if word.startswith("-"):
            in_list = word == option
            spread_words += [] if in_list else [word]
        else:
            spread_words += [option, word] if in_list else [word]
    return spread_words


def command(
    netlists: Annotated[
        list[str], typer.Argument(metavar="NETLIST...", help="Names in netlists/ or files; NAME:PARAMETER=N for RTL.")
    ],
    agents: Annotated[
        list[str], typer.Option("--agents", help="Names, several after each other; NAME:SETTING=N for other settings.")
    ],
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=10_000, help="Seeds of each agent on each netlist.")] = 5,
    first_seed: Annotated[
        int, typer.Option("--first-seed", min=0, max=2**62, help="The first seed; the others follow it.")
    ] = 0,
    minutes: Annotated[float, typer.Option("--minutes", help="Wall time of every job, without compilation.")] = 1.0,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Work instead of time: results then repeat.")] = None,
    grid: Annotated[bool, typer.Option("--grid/--no-grid", help="Hard macros on the centres of grid cells only.")] = False,
    soft: Annotated[str, typer.Option("--soft", help="Soft macros move free, or force-directed (fd).")] = "free",
    init: Annotated[bool, typer.Option("--init", help="Start from the placement that comes with each netlist.")] = False,
    baseline: Annotated[
        str | None, typer.Option("--baseline", help="Agent that the others are tested against. [default: annealing]")
    ] = None,
    scheduler: Annotated[str | None, typer.Option("--scheduler", help="Address of a dask scheduler.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Local processes. [default: one a core]")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the results (default: one in runs/).")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on in the folder with the jobs that are missing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare agents on netlists over seeds: costs with spread and components, significance, curves and floorplans.

    Every job has the same wall time and one thread. Finished jobs are kept at once: Ctrl-C or a kill loses only what is
    being done, and the same command with --resume goes on. comparison.html in the folder shows everything on one page.
    """
    from workbench.base.errors import InputError
    from workbench.base.places import runs_folder
    from workbench.base.progress import Progress
    from workbench.study.agent_comparison.plan import Conditions, make_plan
    from workbench.study.agent_comparison.run import run_comparison
    from workbench.study.pool import check_workers

    if not 0 < minutes <= 1e6:
        raise InputError("--minutes", f"{minutes:g}", "a number above 0", "correct it")
    if soft not in ("free", "fd"):
        raise InputError("--soft", repr(soft), "free or fd", "correct it")
    if resume and out is None:
        raise InputError("--resume", "no --out", "the folder to go on in", "name it with --out")
    wanted = [name for words in agents for name in words.split(",")]
    conditions = Conditions(60 * minutes, steps, grid, soft, init)
    plan, designs = make_plan(netlists, wanted, range(first_seed, first_seed + seeds), conditions, baseline)
    folder = out if out is not None else runs_folder() / f"agents-{time.strftime('%Y%m%d-%H%M%S')}"
    with Progress("comparing agents", total=1.0, quiet=as_json) as progress:
        comparison = run_comparison(
            plan, designs, folder, resume=resume, scheduler=scheduler, workers=check_workers(workers), progress=progress,
            command=shlex.join(["workbench", *sys.argv[1:]]),
        )  # fmt: skip
    _show(comparison, as_json)
    if comparison.failed:
        raise typer.Exit(1)


def _show(comparison: Comparison, as_json: bool) -> None:
    from workbench.cli.output import show
    from workbench.study.agent_comparison import layout
    from workbench.study.agent_comparison.table import job_rows

    tables = comparison.tables
    failed = job_rows(comparison.failed)
    if as_json:
        show({"out": str(comparison.folder), **dataclasses.asdict(tables), "failed": failed}, as_json=True)
        return
    for columns, rows in ((layout.COSTS, tables.costs), (layout.PAIRS, tables.pairs), (layout.OVERALL, tables.overall)):
        if rows:
            print(layout.text_table(columns, rows) + "\n")
    for row in failed:
        typer.echo(f"{row['status']}: {row['agent']} on {row['netlist']}, seed {row['seed']}: {row['error']}", err=True)
    print(f"one page with everything: {comparison.folder / 'comparison.html'}")
