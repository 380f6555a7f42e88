"""`run_comparison`: does every job of a plan on dask.distributed and writes each one as it finishes.

No more jobs run than there are cores, one thread each. A job that fails is a row that says so. Ctrl-C or a kill keeps every
finished job; `resume` goes on with those that are missing or failed, and ends as if there had been no interruption.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from workbench.base.errors import InputError
from workbench.base.files import make_folder, write_json
from workbench.base.progress import Progress
from workbench.netlist.design import Design
from workbench.study.agent_comparison.plan import PLAN_FILE, ComparisonPlan, JobName, check_resumable, read_plan
from workbench.study.agent_comparison.records import JobRecord, keep_job, read_job
from workbench.study.agent_comparison.report import write_report
from workbench.study.agent_comparison.table import Tables, make_tables
from workbench.study.keys import code_key
from workbench.study.placing import machine, place_job, warm_up_apart
from workbench.study.pool import Pool, cores, open_pool

_PACKAGES = ("chip-workbench", "numpy", "numba", "llvmlite", "torch", "stable-baselines3", "sb3-contrib")


@dataclass(frozen=True)
class Comparison:
    """A comparison as far as it is finished."""

    folder: Path
    plan: ComparisonPlan
    records: tuple[JobRecord, ...]
    tables: Tables
    about: dict[str, Any]

    @property
    def failed(self) -> list[JobRecord]:
        """Jobs without a legal placement."""
        return [record for record in self.records if record.status != "done"]


def run_comparison(
    plan: ComparisonPlan, designs: dict[str, Design], folder: Path, *, resume: bool = False, scheduler: str | None = None,
    workers: int = 1, progress: Progress | None = None, command: str = "",
) -> Comparison:  # fmt: skip
    """Run the jobs that the folder lacks and write tables, pictures and the page.

    Raises
    ------
    InputError: the folder holds another comparison, or the scheduler cannot be used.
    KeyboardInterrupt: after what is finished has been written.
    """
    _check_folder(folder, plan, resume)
    done = [record for name in plan.jobs() if (record := read_job(folder, name)) and record.status != "failed"]
    about = _about(folder, command, workers if scheduler is None else None)
    _write(folder, plan, about, "running")
    book = _Book(plan, designs, folder, {record.name: record for record in done}, progress or Progress("", quiet=True))
    status = "stopped"
    try:
        if book.missing:
            with open_pool(scheduler, min(workers, len(book.missing))) as pool:
                _check_threads(pool, scheduler)
                book.run(pool)
        status = "done"
    finally:
        records = [book.done[name] for name in plan.jobs() if name in book.done]
        about["finished"] = _now()
        if records:
            comparison = _report(folder, plan, designs, records, about)
        _write(folder, plan, about, status)
    return comparison


def load_comparison(folder: Path) -> Comparison:
    """A comparison from its folder, as far as it is finished."""
    plan, about = read_plan(folder)
    records = [record for name in plan.jobs() if (record := read_job(folder, name))]
    return Comparison(folder, plan, tuple(records), make_tables(plan, records), about)


def _report(
    folder: Path, plan: ComparisonPlan, designs: dict[str, Design], records: list[JobRecord], about: dict[str, Any]
) -> Comparison:
    comparison = Comparison(folder, plan, tuple(records), make_tables(plan, records), about)
    write_report(folder, plan, designs, records, comparison.tables, about)
    return comparison


def _check_folder(folder: Path, plan: ComparisonPlan, resume: bool) -> None:
    if (folder / PLAN_FILE).exists():
        if not resume:
            raise InputError(folder, "an earlier comparison", "a new folder", "give another --out, or --resume")
        check_resumable(folder, plan)
    make_folder(folder)


def _check_threads(pool: Pool, scheduler: str | None) -> None:
    threads = pool.most_threads()
    if scheduler is not None and threads > 1:
        raise InputError(
            "--scheduler", f"a worker of {threads} threads", "one thread a worker, so that every job has a core",
            "start them with `dask worker --nthreads 1 --nworkers CORES`",
        )  # fmt: skip


@dataclass
class _Book:
    """What is finished of a plan, and what is being done."""

    plan: ComparisonPlan
    designs: dict[str, Design]
    folder: Path
    done: dict[JobName, JobRecord]
    progress: Progress

    @property
    def missing(self) -> list[JobName]:
        """Jobs without a result, in the plan's order."""
        return [name for name in self.plan.jobs() if name not in self.done]

    def run(self, pool: Pool) -> None:
        """Do what is missing."""
        missing, code = self.missing, code_key()
        shared = {netlist: pool.share(self.designs[netlist]) for netlist in dict.fromkeys(n.netlist for n in missing)}
        smallest = min(shared, key=lambda netlist: self.designs[netlist].netlist.objects)
        self.progress.update(0.0, "compiling the kernels")
        warm_up_apart(pool, shared[smallest], [self.plan.job(name) for name in missing])
        self.progress.restart()
        shares: dict[str, float] = {}

        def hear(piece: str, share: float, note: str) -> None:
            shares[piece] = share
            self._show(shares, f"{piece}: {note}")

        pool.listen(hear)
        names = {name.path: name for name in missing}
        for path, name in names.items():
            pool.ask(path, place_job, shared[name.netlist], self.plan.job(name), pool.key, path)
        for path, value in pool.finished():
            name = names[path]
            design, on_grid = self.designs[name.netlist], self.plan.conditions.on_grid
            self.done[name] = keep_job(self.folder, name, value, design, on_grid, code)
            shares[path] = 1.0
            self._show(shares, f"{path}: {self.done[name].status}")

    def _show(self, shares: dict[str, float], note: str) -> None:
        before = len(self.done) - sum(share == 1.0 for share in shares.values())
        total = len(self.plan.jobs())
        part = (max(0, before) + sum(shares.values())) / total
        self.progress.update(part * (self.progress.total or 1), f"{len(self.done)} of {total} jobs; {note}")


def _about(folder: Path, command: str, workers: int | None) -> dict[str, Any]:
    """What is needed to do it again."""
    started = read_plan(folder)[1].get("started") if (folder / PLAN_FILE).exists() else None
    return {
        "command": command, "started": started or _now(), "finished": "", "workers": workers,
        "machine": {"processor": machine(), "cores": cores(), "system": platform.platform()},
        "versions": {"python": platform.python_version(), **_versions(_PACKAGES)}, "code": code_key(),
    }  # fmt: skip


def _versions(packages: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _write(folder: Path, plan: ComparisonPlan, about: dict[str, Any], status: str) -> None:
    write_json(folder / PLAN_FILE, {"plan": plan.as_json(), "status": status, **about})


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
