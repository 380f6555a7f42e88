"""`train_seeds`: the same training from several seeds side by side, each in its own folder; best and mean are reported."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from workbench.base.files import write_json
from workbench.base.progress import Progress
from workbench.netlist.design import Design
from workbench.study.multi_start import progress_of_all
from workbench.study.pool import open_pool
from workbench.study.pool_worker import WorkerProgress

if TYPE_CHECKING:
    from workbench.place.agents.training_run import TrainingOptions

_GRACE_SECONDS = 120.0


def train_seeds(
    designs: Sequence[Design], options: TrainingOptions, seeds: int, *, scheduler: str | None, workers: int,
    progress: Progress,
) -> dict[str, Any]:  # fmt: skip
    """Train with the seeds from `options.seed` on, in the folders `seed_S` of `options.out`, and write `seeds.json` there.

    The folders are written by the worker processes: those of a scheduler elsewhere must see the same file system. Ctrl-C
    ends every training at its next boundary, with its checkpoint written; so does a worker that dies lose nothing else.
    """
    found: dict[str, Any] = {}
    interrupted = False
    with open_pool(scheduler, min(workers, seeds)) as pool:
        shared = pool.share(tuple(designs))
        hear = progress_of_all(progress, seeds)
        pool.listen(hear)
        for seed in range(options.seed, options.seed + seeds):
            own = dataclasses.replace(options, seed=seed, out=options.out / f"seed_{seed}")
            pool.ask(str(seed), _train, shared, own, pool.key, str(seed))
        try:
            for name, value in pool.finished():
                found[name] = value
                hear(name, 1.0, "failed" if isinstance(value, str) else "trained")
        except KeyboardInterrupt:
            interrupted = True
            found.update(pool.stop(_GRACE_SECONDS))
    report = {**summary(found), "interrupted": interrupted, "folder": str(options.out)}
    write_json(options.out / "seeds.json", report)
    return report


def _train(designs: tuple[Design, ...], options: TrainingOptions, pool: str, piece: str) -> dict[str, Any]:
    from workbench.place.agents.training_run import run_training

    total = float(options.steps or 0) if options.seconds is None else options.seconds
    return run_training(copy.deepcopy(designs), options, progress=WorkerProgress(pool, piece, total))


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """What each seed reached, the best one, and mean and deviation of the trained policies' mean costs.

    `found` holds by seed the report of a training, or a sentence where there is none.
    """
    reports = {int(seed): value for seed, value in found.items() if not isinstance(value, str)}
    costs = {s: r["trained_policy"]["mean_cost"] for s, r in reports.items() if r["trained_policy"] is not None}
    known = {seed: cost for seed, cost in sorted(costs.items()) if cost is not None}
    return {
        "trained_mean_cost": {str(seed): cost for seed, cost in known.items()},
        "best_seed": min(known, key=known.__getitem__) if known else None,
        "mean": fmean(known.values()) if known else None,
        "deviation": stdev(known.values()) if len(known) > 1 else None,
        "errors": {seed: value for seed, value in sorted(found.items()) if isinstance(value, str)},
    }
