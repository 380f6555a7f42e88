"""`run_sweep`: simulates every point of a plan on dask.distributed and keeps each one as it finishes.

    DIR/points/<slug>.json     one file a point, written at once: Ctrl-C or a kill loses only what is being simulated
    DIR/sweep.csv, .parquet    one row a point
    DIR/sweep.png              cycles or speed over the swept field, or bars by core

A point whose file has the same key (workload, core, fields and this program's sources) is not simulated again.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.base.errors import InputError
from workbench.base.files import make_folder, read_bytes, read_text, write_json
from workbench.base.progress import Progress
from workbench.core.result import SimResult
from workbench.study.pool import Pool, open_pool
from workbench.study.sweep.picture import draw_sweep
from workbench.study.sweep.plan import SweepPoint, Workload
from workbench.study.sweep.table import rows_of, write_tables
from workbench.study.sweep.work import run_point

_STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Sweep:
    """A sweep as far as it is finished: `records` by point, in the plan's order, and which were there already."""

    folder: Path
    records: dict[SweepPoint, dict[str, Any]]
    taken_over: int

    @property
    def failed(self) -> dict[SweepPoint, str]:
        """Points without a result, and why."""
        return {point: record["error"] for point, record in self.records.items() if record["error"]}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One flat row a point."""
        return rows_of(self.records)


def run_sweep(
    points: Sequence[SweepPoint], folder: Path, *, max_instructions: int | None = None, scheduler: str | None = None,
    workers: int = 1, progress: Progress | None = None, fresh: bool = False,
) -> Sweep:  # fmt: skip
    """Simulate what the folder lacks, then write tables and picture (also after Ctrl-C, of what is finished)."""
    make_folder(folder / "points")
    progress = progress or Progress("", quiet=True)
    done = {} if fresh else {point: record for point in points if (record := _read(folder, point))}
    taken_over = len(done)
    missing = list({point.key: point for point in points if point not in done}.values())
    try:
        if missing:
            with open_pool(scheduler, min(workers, len(missing))) as pool:
                _simulate(pool, missing, folder, done, len(points), max_instructions, progress, scheduler is None)
    finally:
        sweep = Sweep(folder, {point: done[point] for point in points if point in done}, taken_over)
        if any(not record["error"] for record in sweep.records.values()):
            write_tables(folder, sweep.rows)
            draw_sweep(sweep.rows, folder / "sweep.png")
    return sweep


def _simulate(
    pool: Pool, missing: list[SweepPoint], folder: Path, done: dict[SweepPoint, dict[str, Any]], total: int,
    max_instructions: int | None, progress: Progress, is_local: bool,
) -> None:  # fmt: skip
    contents = {workload: _content(workload, is_local) for workload in {point.workload: None for point in missing}}
    shared = {workload: pool.share(content) for workload, content in contents.items()}
    notes: dict[str, str] = {}

    def show(piece: str, note: str) -> None:
        notes[piece] = note
        share = len(done) / total * (progress.total or 1)
        progress.update(share, f"{len(done)} of {total} points; {piece}: {note}")

    pool.listen(lambda piece, share, note: show(piece, note))
    by_slug = {point.slug: point for point in missing}
    for slug, point in by_slug.items():
        w = point.workload
        pool.ask(slug, run_point, w.kind, w.name, shared[w], point.core, point.threads, max_instructions, pool.key, slug)
    try:
        for slug, value in pool.finished():
            point = by_slug[slug]
            done[point] = _keep(folder, point, value)
            show(slug, done[point]["error"] or f"{done[point]['cycles']:,} cycles")
    except KeyboardInterrupt:
        for slug, value in pool.stop(_STOP_SECONDS):
            if isinstance(value, SimResult):
                done[by_slug[slug]] = _keep(folder, by_slug[slug], value)
        raise


def _content(workload: Workload, is_local: bool) -> Any:
    """What a worker needs; a trace on this machine is read where it lies."""
    if workload.kind == "network":
        from workbench.graph.zoo import load_model

        return load_model(workload.source)
    if workload.kind == "trace":
        path = Path(workload.source).resolve()
        return str(path) if is_local else path.read_bytes()
    return read_bytes(workload.source)


def _keep(folder: Path, point: SweepPoint, value: SimResult | str) -> dict[str, Any]:
    record: dict[str, Any] = {
        "workload": point.workload.name, "core": point.core_name, "setting": dict(point.setting), "key": point.key,
        "error": value if isinstance(value, str) else "",
    }  # fmt: skip
    if isinstance(value, SimResult):
        figures = dataclasses.asdict(value)
        del figures["stdout"], figures["stderr"]
        record |= {**figures, "ipc": value.ipc, "latency_ms": value.latency_ms}
    write_json(folder / "points" / f"{point.slug}.json", record)
    return record


def _read(folder: Path, point: SweepPoint) -> dict[str, Any] | None:
    """The kept record of a point that was simulated with success, None if there is none."""
    path = folder / "points" / f"{point.slug}.json"
    if not path.exists():
        return None
    try:
        record: dict[str, Any] = json.loads(read_text(path))
    except (ValueError, InputError):
        return None
    is_kept = isinstance(record, dict) and record.get("key") == point.key and record.get("error") == ""
    return record if is_kept else None
