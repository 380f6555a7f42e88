"""`PlacementJob`: one netlist placed by one agent from one seed, as a piece of work that any worker process can do.

The kernels that the agent needs are compiled, or read from their cache, before its clock starts: each process first lets
the agent place the netlist in no time. What the job really used is measured around the agent and not by it: wall time, and
processor time, whose ratio says whether it had one core to itself, and no more than one.
"""

from __future__ import annotations

import contextlib
import copy
import platform
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.netlist.design import Design
from workbench.netlist.load import load_design
from workbench.netlist.plc import format_plc
from workbench.place.agents.base import AGENTS, PlacementOptions, PlacementResult, make_agent
from workbench.place.refusal import refuse_unplaceable
from workbench.study.pool import Pool
from workbench.study.pool_worker import WorkerProgress

History = tuple[tuple[float, int, float], ...]
"""(seconds, evaluations, best proxy cost so far), in order of time."""

_MOST_KEPT = 600


@dataclass(frozen=True)
class PlacementJob:
    """What to do.

    Attributes
    ----------
    agent, params: the agent's name and settings.
    seed: of everything random.
    seconds: time to search. steps: amount of work instead of time, or None.
    on_grid, soft: as in `PlacementOptions`. from_given: start from the placement that the design comes with.
    """

    agent: str
    seed: int
    seconds: float
    steps: int | None = None
    on_grid: bool = False
    soft: str = "free"
    from_given: bool = False
    params: tuple[tuple[str, float], ...] = ()

    def options(self, design: Design) -> PlacementOptions:
        """The agent's options for a design."""
        init = design.floorplan if self.from_given else None
        return PlacementOptions(init, self.on_grid, self.soft, self.steps, dict(self.params))


@dataclass(frozen=True)
class PlacedJob:
    """What came out.

    Attributes
    ----------
    plc: the placement as the text of a .plc file. costs: as the agent reports them, under their command-line names.
    history: its improvements, see `History`. evaluations: as the agent counts them.
    seconds: the agent's own clock. wall_seconds, cpu_seconds: the whole call, measured around it.
    machine: kind of processor it ran on.
    interrupted: ended early. notes: the agent's sentences.
    """

    plc: str
    costs: dict[str, float]
    history: History
    evaluations: int
    seconds: float
    wall_seconds: float
    cpu_seconds: float
    machine: str
    interrupted: bool = False
    notes: tuple[str, ...] = ()


def place_job(design: Design, job: PlacementJob, pool: str = "", piece: str = "") -> PlacedJob:
    """Do a job; `pool` and `piece` say who hears of its progress."""
    design = copy.deepcopy(design)  # arrays that have come over the wire are read-only
    warm_up(design, job)
    wall, cpu = time.perf_counter(), time.process_time()
    result = make_agent(job.agent).place(
        design, seconds=job.seconds, seed=job.seed, progress=WorkerProgress(pool, piece), options=job.options(design)
    )
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return describe(result, wall, cpu)


def describe(result: PlacementResult, wall_seconds: float, cpu_seconds: float) -> PlacedJob:
    """An agent's result as it travels."""
    return PlacedJob(
        format_plc(result.floorplan, result.costs.header()), result.costs.report(), improvements(result.history),
        int(result.evaluations), float(result.seconds), wall_seconds, cpu_seconds, machine(), result.interrupted,
        result.notes,
    )  # fmt: skip


_warm: set[tuple[Any, ...]] = set()


def warm_up(design: Design, job: PlacementJob) -> None:
    """Once in a process for each agent with its settings: let it compile what it needs, on this design, in no time."""
    kind = (job.agent, job.params, job.on_grid, job.soft, job.from_given)
    if kind in _warm:
        return
    _warm.add(kind)
    options = replace(job.options(design), steps=None)
    with contextlib.suppress(InputError):  # no room found in no time; the job itself will tell
        make_agent(job.agent).place(design, seconds=0.0, seed=job.seed, progress=Progress("", quiet=True), options=options)


def warm_up_apart(pool: Pool, design: Any, jobs: Iterable[PlacementJob]) -> dict[str, str]:
    """Fill the cache of compiled kernels, one process an agent, before any job starts; error texts by agent."""
    for job in {job.agent: job for job in jobs}.values():
        pool.ask(f"kernels-{job.agent}", warm_up, design, job)
    return {name: value for name, value in pool.finished() if isinstance(value, str)}


def improvements(history: History, most: int = _MOST_KEPT) -> History:
    """The entries of a history at which the cost fell, the first and the last; thinned evenly if there are too many."""
    kept = [
        (float(entry[0]), int(entry[1]), float(entry[2])) for i, entry in enumerate(history)
        if i in (0, len(history) - 1) or entry[2] < history[i - 1][2]
    ]  # fmt: skip
    return thin(kept, most)


def thin(history: Iterable[tuple[float, int, float]], most: int = 2000) -> History:
    """At most so many entries of a history, evenly, the last one always among them."""
    entries = tuple(history)
    kept = entries[:: -(-len(entries) // most) or 1]
    return kept if not entries or kept[-1] == entries[-1] else (*kept, entries[-1])


def machine() -> str:
    """Kind of processor of this machine."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def parse_agent(words: str) -> tuple[str, tuple[tuple[str, float], ...]]:
    """Name and settings of an agent written as ``name`` or ``name:setting=value:...``; InputError if there is none."""
    name, *settings = words.split(":")
    if name not in AGENTS:
        make_agent(name)
    return name, tuple((key, float(value)) for key, value in _settings("--agents", words, settings))


def load_netlist(words: str, init: bool = False) -> tuple[str, Design]:
    """A short name and the design of a netlist written as ``name``, ``path`` or either with ``:PARAMETER=value:...``.

    `init` demands a placement that comes with it.
    """
    path, *settings = words.split(":") if not Path(words).exists() else [words]
    params = {key: int(value) for key, value in _settings("netlist", words, settings)}
    design = load_design(path, params=params or None)
    refuse_unplaceable(design, path)
    if init and design.floorplan is None:
        raise InputError(words, "no placement beside it", "an initial.plc to start from", "add one or leave out --init")
    named = Path(path)
    stem = named.parent.name if named.name.startswith("netlist.") and named.is_file() else named.name.split(".")[0]
    return ":".join([stem or design.name, *settings]), design


def _settings(where: str, words: str, settings: list[str]) -> list[tuple[str, float]]:
    found = []
    for setting in settings:
        key, _, value = setting.partition("=")
        try:
            found.append((key, float(value)))
        except ValueError:
            raise InputError(where, repr(words), "NAME or NAME:SETTING=NUMBER", "correct it") from None
    return found
