"""`run_study`: places, simulates and evaluates every point of a study on dask.distributed, into a run folder.

Equal work is done once: a netlist placed in one way is shared by all networks, a network run on one core by all its
floorplans. Finished points of any earlier run are taken over by their content key. A failed point is reported and the rest
goes on; Ctrl-C or a kill keeps what is finished, and the same command goes on from there.
"""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from workbench import __version__
from workbench.base.errors import WorkbenchError
from workbench.base.progress import Progress
from workbench.core.config import load_core
from workbench.netlist.design import Design
from workbench.ppa.evaluate import Ppa, evaluate_design
from workbench.ppa.technology import load_technology
from workbench.study.floorplans import copy_floorplan, write_floorplan
from workbench.study.keys import Keys, code_key, key_of
from workbench.study.pool import Pool, open_pool
from workbench.study.records import PointRecord, write_point, write_table
from workbench.study.store import RunStore
from workbench.study.study import DesignSpec, Study, slug_of
from workbench.study.work import Placed, Simulated, load_netlist, place_design, simulate_network


@dataclass(frozen=True)
class StudyRun:
    """A run of a study: its name in the store, its folder, its points in the study's order."""

    run: str
    folder: Path
    points: tuple[PointRecord, ...]

    @property
    def failed(self) -> tuple[PointRecord, ...]:
        """Points without a result."""
        return tuple(point for point in self.points if point.status != "done")


def run_study(
    study: Study, out: str | Path | None = None, *, scheduler: str | None = None, progress: Progress | None = None,
    fresh: bool = False, workers: int = 2,
) -> StudyRun:  # fmt: skip
    """Run all points of a study and write them to the run store.

    Parameters
    ----------
    study: what to run.
    out: folder of the run store; None for the usual one.
    scheduler: address of a dask scheduler (``tcp://...``); None starts a local cluster of `workers` processes.
    progress: shows finished pieces of work.
    fresh: do not take over finished points.

    Raises
    ------
    InputError: the scheduler cannot be reached.
    KeyboardInterrupt: after what is finished has been written.
    """
    book = _Book(study, RunStore(out), fresh)
    book.write("running")
    interrupted = True
    try:
        book.take_over()
        if book.missing:
            with open_pool(scheduler, workers) as pool:
                _Scheduling(book, pool, progress or Progress("", quiet=True)).run()
        interrupted = False
    finally:
        book.close("stopped" if interrupted else "done")
    return StudyRun(book.run, book.folder, tuple(book.points()))


class _Book:
    """The run folder of a study while it runs: which points are there and which are missing."""

    def __init__(self, study: Study, store: RunStore, fresh: bool) -> None:
        self.study, self.store, self.fresh = study, store, fresh
        self.keys = Keys()
        self.run = f"{slug_of(study.name)}-{key_of('study', study.model_dump())[:8]}"
        self.folder = store.folder(self.run)
        self.started = _now()
        self.pairs = [(design, network) for design in study.designs for network in study.networks]
        self.done: dict[str, PointRecord] = {}

    @property
    def missing(self) -> list[tuple[DesignSpec, str]]:
        """Points without a record yet."""
        return [(design, network) for design, network in self.pairs if _slug(design, network) not in self.done]

    def take_over(self) -> None:
        """Copy finished points with the same content key, and their floorplans, from this or an earlier run."""
        if self.fresh:
            return
        for design, network in self.pairs:
            found = self.store.find_done(
                self.keys.point(design, network, self.study.resimulate), (self.run, _slug(design, network))
            )
            if found is None:
                continue
            run, point = found
            before = self.store.folder(run) / "designs" / point.slug.split("--")[0]
            if design.netlist is None or copy_floorplan(before, self.folder / "designs" / design.slug):
                slug = _slug(design, network)
                self.enter(dataclasses.replace(point, slug=slug, design=design.name, network=network_label(network)))

    def enter(self, point: PointRecord) -> None:
        """Write a point and count it."""
        write_point(self.folder, point)
        self.store.enter_point(self.run, point)
        self.done[point.slug] = point

    def points(self) -> list[PointRecord]:
        """Points there are, in the study's order."""
        return [self.done[slug] for slug in (_slug(*pair) for pair in self.pairs) if slug in self.done]

    def write(self, status: str) -> None:
        """Write `study.json`."""
        failed = sum(point.status != "done" for point in self.done.values())
        self.store.write_study(
            self.run,
            {
                "name": self.study.name, "description": self.study.description, "status": status, "started": self.started,
                "finished": "" if status == "running" else _now(), "points": [_slug(*pair) for pair in self.pairs],
                "done": len(self.done) - failed, "failed": failed, "study": self.study.model_dump(mode="json"),
                "versions": {"workbench": __version__, "code": code_key(), "python": platform.python_version()},
            },
        )  # fmt: skip

    def close(self, status: str) -> None:
        """Write table, charts and the final status."""
        points = self.points()
        if points:
            write_table(self.folder / "table.parquet", points)
        if any(point.status == "done" for point in points):
            from workbench.study.charts import draw_comparison

            draw_comparison(points, self.folder / "comparison.png", self.study.name)
        all_failed = bool(points) and all(point.status != "done" for point in points)
        self.write("failed" if status == "done" and all_failed else status)


@dataclass
class _Scheduling:
    """Hands work to the pool as soon as it can start and writes each point when both of its halves are there."""

    book: _Book
    pool: Pool
    progress: Progress
    placed: dict[str, Placed | str] = field(default_factory=dict)  # by placement key; a text is an error
    simulated: dict[str, Simulated | str] = field(default_factory=dict)
    clocks: dict[str, float | str] = field(default_factory=dict)  # by design: what its runs are simulated at
    asked: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Until every point has a record."""
        self._settle(self.book.missing[:1])  # one worker compiles the simulator while the others place
        for design, _ in self.book.missing:
            if design.netlist:
                self._ask(f"place-{self.book.keys.placement(design)}", place_design, design)
        self._settle(self.book.missing)
        for name, value in self.pool.finished():
            kind, key = name.split("-", 1)
            (self.simulated if kind == "run" else self.placed)[key] = value
            self._settle(self.book.missing)
            self.progress.update(self.pool.done / max(self.pool.asked, 1), f"{len(self.book.done)} points")
        for design, network in self.book.missing:
            self.book.enter(self._failed(design, network, "no result came back from the workers"))

    def _ask(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        if name not in self.asked:
            self.asked.add(name)
            self.pool.ask(name, function, *arguments)

    def _settle(self, points: list[tuple[DesignSpec, str]]) -> None:
        """Ask for every run whose clock is known and write every point that is complete."""
        for design, network in points:
            placed = self.placed.get(self.book.keys.placement(design)) if design.netlist else None
            clock = self._clock(design, placed)
            error = next((value for value in (placed, clock) if isinstance(value, str)), None)
            if error is not None:
                self.book.enter(self._failed(design, network, error))
            elif isinstance(clock, float):
                key = self.book.keys.simulation(design, network, clock)
                self._ask(f"run-{key}", simulate_network, design.core, network, design.dtype, clock, design.threads)
                simulated = self.simulated.get(key)
                if simulated is not None and not (design.netlist and placed is None):
                    self.book.enter(self._point(design, network, cast("Placed | None", placed), simulated))

    def _clock(self, design: DesignSpec, placed: Placed | str | None) -> float | str | None:
        """MHz to simulate at: the design's clock without wires, or with them if the study asks; None if not known yet."""
        if design.name not in self.clocks:
            late = self.book.study.resimulate and design.netlist is not None
            if late and not isinstance(placed, Placed):
                return None
            try:
                netlist = placed.design if late and isinstance(placed, Placed) else _without_wires(design)
                technology = load_technology(design.technology)
                ppa = evaluate_design(load_core(design.core), netlist, technology, cores=design.threads)
                self.clocks[design.name] = float(round(ppa.frequency_mhz))
            except WorkbenchError as error:
                self.clocks[design.name] = str(error)
        return self.clocks[design.name]

    def _point(self, design: DesignSpec, network: str, placed: Placed | None, simulated: Simulated | str) -> PointRecord:
        if isinstance(simulated, str):
            return self._failed(design, network, simulated)
        try:
            netlist = placed.design if placed else None
            core, technology = load_core(design.core), load_technology(design.technology)
            ppa = evaluate_design(core, netlist, technology, simulated.result, design.threads)
            if placed:
                write_floorplan(self.book.folder / "designs" / design.slug, placed, design.name)
        except WorkbenchError as error:
            return self._failed(design, network, str(error))
        return _done(self._failed(design, network, ""), placed, simulated, ppa)

    def _failed(self, design: DesignSpec, network: str, error: str) -> PointRecord:
        """A point without results; `_done` adds them."""
        return PointRecord(
            design=design.name, network=network_label(network), slug=_slug(design, network),
            key=self.book.keys.point(design, network, self.book.study.resimulate), status="failed",
            core=Path(design.core).stem, netlist=Path(design.netlist or "").stem, parameters=dict(design.parameters),
            placement=design.placement.label if design.placement else "", technology=design.technology, dtype=design.dtype,
            threads=design.threads,
            error=error,
        )  # fmt: skip


def _without_wires(design: DesignSpec) -> Design | None:
    return dataclasses.replace(load_netlist(design), floorplan=None) if design.netlist else None


def _done(point: PointRecord, placed: Placed | None, simulated: Simulated, ppa: Ppa) -> PointRecord:
    result = simulated.result
    simulation = {
        "instructions": result.instructions, "cycles": result.cycles, "ipc": result.ipc, "macs": simulated.macs,
        "simulated_frequency_mhz": result.frequency_mhz, "exit_code": result.exit_code, "cpi_stack": dict(result.cpi_stack),
        "mpki": dict(result.mpki), "activity": dataclasses.asdict(result.activity), "host_seconds": result.host_seconds,
        "notes": list(result.notes), "output_error": simulated.output_error,
    }  # fmt: skip
    return dataclasses.replace(
        point, status="done", ppa=ppa.report(), simulation=simulation,
        layers=simulated.layers, placement_costs=placed.costs if placed else {},
    )  # fmt: skip


def network_label(network: str) -> str:
    """A network's name in tables: a file's stem, or the name itself."""
    return Path(network).stem if network.endswith(".onnx") else network


def _slug(design: DesignSpec, network: str) -> str:
    return f"{design.slug}--{slug_of(network)}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
