"""`place_starts`: one netlist placed from several seeds side by side; the best is kept, all are reported.

A start whose worker process dies is done again elsewhere. Ctrl-C asks the starts under way to end with the best they have,
so that what was searched until then counts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean

from workbench.base.errors import WorkbenchError
from workbench.base.progress import Progress
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan
from workbench.netlist.plc import parse_plc, place_as_listed
from workbench.place.agents.base import PlacementResult
from workbench.place.cost import evaluate
from workbench.place.legality import check
from workbench.study.placing import PlacedJob, PlacementJob, place_job, warm_up_apart
from workbench.study.pool import STOPPED, Pool, open_pool

_GRACE_SECONDS = 30.0


@dataclass(frozen=True)
class Start:
    """One seed's result; `placed` is None where `error` says what went wrong."""

    seed: int
    placed: PlacedJob | None
    error: str = ""


@dataclass(frozen=True)
class MultiStart:
    """All starts in the order of their seeds, and the best one's floorplan as a result of its own.

    `best.seconds` and `best.evaluations` are those of the best start alone.
    """

    starts: tuple[Start, ...]
    best_seed: int
    best: PlacementResult


def place_starts(
    design: Design, job: PlacementJob, starts: int, *, scheduler: str | None, workers: int, progress: Progress
) -> MultiStart:
    """Do a job with the seeds from `job.seed` on.

    Raises
    ------
    WorkbenchError: no start found a legal placement; the first one's sentence.
    KeyboardInterrupt: ended before any start had a placement.
    """
    seeds = range(job.seed, job.seed + starts)
    found, interrupted = {seed: Start(seed, None, STOPPED) for seed in seeds}, False
    with open_pool(scheduler, min(workers, starts)) as pool:
        try:
            for seed, value in _ask_all(pool, design, job, seeds, progress):
                found[seed] = _judged(seed, value, design)
        except KeyboardInterrupt:
            interrupted = True
            for name, value in pool.stop(_GRACE_SECONDS):
                if name.isdecimal():  # else kernels that were still being compiled
                    found[int(name)] = _judged(int(name), value, design)
    placed = {seed: start.placed for seed, start in found.items() if start.placed is not None}
    if not placed and interrupted:
        raise KeyboardInterrupt
    if not placed:
        raise WorkbenchError(found[job.seed].error)
    best_seed = min(placed, key=lambda seed: (placed[seed].costs["proxy_cost"], seed))
    return MultiStart(tuple(found.values()), best_seed, _result(design, placed[best_seed], interrupted))


def _ask_all(
    pool: Pool, design: Design, job: PlacementJob, seeds: range, progress: Progress
) -> Iterator[tuple[int, PlacedJob | str]]:
    """Each start as it ends."""
    shared = pool.share(design)
    progress.update(0.0, "compiling the kernels")
    warm_up_apart(pool, shared, [job])
    progress.restart()
    hear = progress_of_all(progress, len(seeds))
    pool.listen(hear)
    for seed in seeds:
        pool.ask(str(seed), place_job, shared, dataclasses.replace(job, seed=seed), pool.key, str(seed))
    for name, value in pool.finished():
        hear(name, 1.0, f"cost {value.costs['proxy_cost']:.5f}" if isinstance(value, PlacedJob) else "failed")
        yield int(name), value


def progress_of_all(progress: Progress, pieces: int) -> Callable[[str, float, str], None]:
    """Shows the mean share of several pieces and what the last one said."""
    shares: dict[str, float] = {}

    def hear(piece: str, share: float, note: str) -> None:
        shares[piece] = max(share, shares.get(piece, 0.0) == 1.0)
        done = sum(share == 1.0 for share in shares.values())
        part = fmean([*shares.values(), *[0.0] * (pieces - len(shares))])
        progress.update(part * (progress.total or 1), f"{done} of {pieces} starts; seed {piece}: {note}")

    return hear


def _judged(seed: int, value: PlacedJob | str, design: Design) -> Start:
    """A start's result, refused if its placement is not legal."""
    if isinstance(value, str):
        return Start(seed, None, value)
    wrong = check(_floorplan(design, value))
    return (
        Start(seed, None, f"not legal: {wrong[0].kind} of {' and '.join(wrong[0].objects)}") if wrong else Start(seed, value)
    )


def _floorplan(design: Design, placed: PlacedJob) -> Floorplan:
    file = parse_plc(placed.plc, "a worker's placement")
    return place_as_listed(design.netlist, file, file.canvas())


def _result(design: Design, placed: PlacedJob, interrupted: bool) -> PlacementResult:
    floorplan = _floorplan(design, placed)
    return PlacementResult(
        floorplan, evaluate(floorplan), placed.history, placed.evaluations, placed.seconds, interrupted, placed.notes
    )  # fmt: skip
