"""`workbench place`: floorplan a netlist with an agent; writes the placement, two pictures and the figures."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from workbench.netlist.design import Design
    from workbench.place.agents.base import PlacementOptions, PlacementResult
    from workbench.study.placing import History


def command(
    netlist: Annotated[str, typer.Argument(help="Name in netlists/, folder or file of a known format.")],
    agent: Annotated[str, typer.Option(help="A name of `workbench list agents`.")] = "annealing",
    minutes: Annotated[float, typer.Option(help="Time to search, without compilation.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    init: Annotated[Path | None, typer.Option(help="Placement to start from, .plc or .pl; else from nothing.")] = None,
    soft: Annotated[str, typer.Option(help="Soft macros move free, or force-directed (fd).")] = "free",
    grid: Annotated[bool, typer.Option("--grid/--no-grid", help="Hard macros on the centres of grid cells only.")] = False,
    param: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE: a setting of the agent, or a parameter of the RTL. Repeatable.")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Amount of work instead of time: then results repeat exactly.")] = None,
    starts: Annotated[int, typer.Option(min=1, max=10_000, help="Seeds to try side by side; the best is kept.")] = 1,
    scheduler: Annotated[str | None, typer.Option(help="Address of a dask scheduler for the starts.")] = None,
    workers: Annotated[int | None, typer.Option(help="Local processes for the starts. [default: one a core]")] = None,
    policy: Annotated[
        Path | None, typer.Option(help="Weights for agents that use a policy (a checkpoint.pt); else the shipped ones.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results (default: one in runs/).")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Floorplan a netlist; the result never has overlapping hard macros. Ctrl-C ends early and keeps the best so far."""
    from workbench.base.files import make_folder
    from workbench.base.progress import Progress
    from workbench.cli.output import show
    from workbench.cli.place_starts import describe_starts, place_many, print_starts
    from workbench.netlist.load import load_design
    from workbench.place.agents.base import PlacementOptions, make_agent
    from workbench.place.refusal import refuse_unplaceable

    _check(minutes, seed, soft, steps)
    _check_policy(agent, policy)
    chosen = make_agent(agent)
    settings, rtl = _split_params(param or [])
    design = load_design(netlist, init, rtl or None)
    refuse_unplaceable(design, netlist)
    start = design.floorplan if init is not None else None
    options = PlacementOptions(start, grid, soft, steps, settings, policy)
    folder = make_folder(out if out is not None else _new_folder(design.name, agent))
    many: dict[str, Any] = {}
    with Progress(f"{agent} on {design.name}", total=60 * minutes if steps is None else steps, quiet=json) as progress:
        if starts == 1 and scheduler is None:
            result = chosen.place(design, seconds=60 * minutes, seed=seed, progress=progress, options=options)
            histories = {agent: result.history}
        else:
            found = place_many(design, agent, 60 * minutes, seed, options, starts, scheduler, workers, progress)
            seed, result, many = found.best_seed, found.best, describe_starts(found)
            histories = {f"seed {start.seed}": start.placed.history for start in found.starts if start.placed}
    report = {"netlist": design.name, "agent": agent, "seed": seed, **_report(result, folder), **many}
    _write(folder, design, result, report, options, histories)
    if many and not json:
        print_starts(report)
    show(report if json else {name: value for name, value in report.items() if name != "starts"}, json)
    if result.interrupted:
        print("workbench: stopped early; the best floorplan so far is kept.", file=sys.stderr)
        raise typer.Exit(130)


def _check(minutes: float, seed: int, soft: str, steps: int | None) -> None:
    from workbench.base.errors import InputError

    if not 0 < minutes <= 1e6:
        raise InputError("--minutes", f"{minutes:g}", "a number above 0", "correct it")
    if seed < 0:
        raise InputError("--seed", f"{seed}", "a whole number of at least 0", "correct it")
    if seed >= 2**63:  # torch takes no larger ones
        raise InputError("--seed", f"{seed}", "a whole number below 2^63", "correct it")
    if steps is not None and steps < 1:
        raise InputError("--steps", f"{steps}", "a whole number of at least 1", "correct it")
    if soft not in ("free", "fd"):
        raise InputError("--soft", repr(soft), "free or fd", "correct it")


def _check_policy(agent: str, policy: Path | None) -> None:
    from workbench.base.errors import InputError
    from workbench.place.agents.base import POLICY_AGENTS

    if policy is not None and agent not in POLICY_AGENTS:
        raise InputError("--policy", f"it with --agent {agent}", f"--agent {' or '.join(POLICY_AGENTS)}", "leave one out")


def _split_params(words: list[str]) -> tuple[dict[str, float], dict[str, Any]]:
    """Settings of the agent (lower-case names) and parameters of the RTL (upper-case names)."""
    from workbench.base.errors import InputError

    settings: dict[str, float] = {}
    rtl: dict[str, Any] = {}
    for word in words:
        name, _, value = word.partition("=")
        try:
            if name.isupper():
                rtl[name] = int(value)
            else:
                settings[name] = float(value)
        except ValueError:
            raise InputError("--param", repr(word), "NAME=VALUE with a number", "correct it") from None
    return settings, rtl


def _new_folder(design: str, agent: str) -> Path:
    from workbench.base.places import runs_folder

    return runs_folder() / f"place-{design}-{agent}-{time.strftime('%Y%m%d-%H%M%S')}"


def _report(result: PlacementResult, folder: Path) -> dict[str, Any]:
    return {
        **result.costs.report(), "seconds": round(result.seconds, 3), "evaluations": result.evaluations,
        "evaluations_per_second": round(result.evaluations / max(result.seconds, 1e-9), 1),
        "interrupted": result.interrupted, "notes": list(result.notes), "out": str(folder),
    }  # fmt: skip


def _write(
    folder: Path, design: Design, result: PlacementResult, report: dict[str, Any], options: PlacementOptions,
    histories: dict[str, History],
) -> None:  # fmt: skip
    from workbench.base.files import write_json
    from workbench.netlist.plc import write_plc
    from workbench.place.picture import draw_convergence, draw_floorplan
    from workbench.study.placing import thin

    write_plc(folder / "placement.plc", result.floorplan, result.costs.header())
    history = [{"seconds": seconds, "evaluations": done, "proxy_cost": cost} for seconds, done, cost in thin(result.history)]
    asked = {"on_grid": options.on_grid, "soft": options.soft, "steps": options.steps, "params": dict(options.params)}
    origin = str(design.origin) if design.origin else None
    write_json(folder / "result.json", {**report, "options": asked, "origin": origin, "history": history})
    draw_floorplan(result.floorplan, result.costs, folder / "floorplan.png")
    draw_convergence(histories, folder / "convergence.png", design.name)
