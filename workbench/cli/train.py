"""`workbench train`: train a placement policy on one or more netlists; the run folder keeps everything that it learned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def command(
    netlists: Annotated[list[str], typer.Argument(metavar="NETLIST...", help="Names in netlists/, or files.")],
    out: Annotated[
        Path, typer.Option("--out", help="Run folder: checkpoint.pt, curve.csv, curve.png, training.json, .plc.")
    ],
    agent: Annotated[str, typer.Option("--agent", help="What to train; only ppo learns.")] = "ppo",
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Stop at so many environment steps in all.")] = None,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", min=0.0, max=1e6, help="Stop after so many minutes. [default: 10]"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="Seed of every random choice.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in the run folder.")] = False,
    environments: Annotated[
        int, typer.Option("--environments", min=1, max=1024, help="Episodes of a netlist that run together.")
    ] = 16,
    policy: Annotated[
        str | None,
        typer.Option("--policy", help="Weights to begin with: a checkpoint.pt, or shipped. [default: random ones]"),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            "--network", help="cells (ours) or circuit_training (the published one). [default: the policy's, or cells]"
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option("--learning-rate", min=1e-9, max=1.0, help="Of the first update. [default: 2e-3; with --policy 1e-3]"),
    ] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also write TensorBoard events.")] = False,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, max=1000, help="Train from so many seeds side by side, in OUT/seed_S.")
    ] = 1,
    scheduler: Annotated[str | None, typer.Option("--scheduler", help="Address of a dask scheduler for the seeds.")] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Local processes for the seeds. [default: one a core]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Train a placement policy with MaskablePPO, one hard macro a step, from random weights or from trained ones (--policy).

    Prints the mean cost of the policy's floorplans before and after and the best floorplan's. The run folder keeps the
    checkpoint, the learning curve and the best placements; `workbench place --agent ppo --policy OUT/checkpoint.pt` uses
    the weights. Ctrl-C ends it as the time does: what was learned up to the last update is kept; --resume goes on from
    there as if it had never stopped.

    Examples: `workbench train rvv_npu --policy shipped --minutes 10 --out tuned` fine-tunes the shipped policy;
    `workbench train rvv_npu systolic --out mine` trains one policy on two netlists from nothing.
    """
    from workbench.base.errors import InputError
    from workbench.cli.output import show
    from workbench.netlist.load import load_design
    from workbench.place.agents.base import AGENTS
    from workbench.place.agents.policy_shipped import policy_file
    from workbench.place.agents.training_run import TrainingOptions, run_training

    if agent != "ppo":
        found = f"{agent!r}, which does not learn" if agent in AGENTS else repr(agent)
        raise InputError("--agent", found, "ppo", "use `workbench place` for agents that do not learn")
    if steps is None and minutes is None:
        minutes = 10.0
    seconds = None if minutes is None else 60 * minutes
    weights = None if policy is None else policy_file(policy)
    options = TrainingOptions(
        out, steps, seconds, seed, environments, resume, weights, tensorboard, network, learning_rate
    )  # fmt: skip
    if seeds > 1 or scheduler is not None:
        from workbench.base.progress import Progress
        from workbench.study.pool import check_workers
        from workbench.study.training_seeds import train_seeds

        designs, count = [load_design(name) for name in netlists], check_workers(workers)
        with Progress("training", total=1.0, quiet=as_json) as progress:
            many = train_seeds(designs, options, seeds, scheduler=scheduler, workers=count, progress=progress)
        show(many, as_json)
        if many["interrupted"]:
            raise KeyboardInterrupt
        return
    report = run_training([load_design(name) for name in netlists], options, quiet=as_json)
    show(report, as_json)
    if report["interrupted"]:
        raise KeyboardInterrupt
