"""`ComparisonPlan`: which agents, netlists and seeds are compared under which conditions, and the jobs that follow from it.

The conditions are the same for every job: that is the point. A folder holds the results of one set of conditions; agents,
netlists and seeds may be added to it later, but none of what it holds may be left out or mean something else.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.base.files import read_text
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.study.placing import PlacementJob, load_netlist, parse_agent

SCHEMA = 1
PLAN_FILE = "comparison.json"
_ORDER_SEED = 20_240


@dataclass(frozen=True)
class Conditions:
    """What every job has in common; the fields are those of `PlacementJob`."""

    seconds: float
    steps: int | None = None
    on_grid: bool = False
    soft: str = "free"
    from_given: bool = False

    def text(self) -> str:
        """The conditions in words."""
        work = f"{self.seconds:g} s" if self.steps is None else f"{self.steps:,} steps"
        place = "grid centres only" if self.on_grid else "free coordinates"
        start = "from the given placement" if self.from_given else "from nothing"
        soft = "force-directed" if self.soft == "fd" else "moved freely"
        return f"{work} a job, {place}, soft macros {soft}, {start}"


@dataclass(frozen=True)
class JobName:
    """Which job: a netlist and an agent by their labels, and a seed."""

    netlist: str
    agent: str
    seed: int

    @property
    def path(self) -> str:
        """Path of the job's files in the folder, without their endings."""
        return f"jobs/{file_name(self.netlist)}/{file_name(self.agent)}-seed{self.seed}"


@dataclass(frozen=True)
class ComparisonPlan:
    """What is compared.

    Attributes
    ----------
    agents: as written on the command line, which is also what they are called in the tables.
    netlists: their labels. netlist_keys: hash of each one's content.
    seeds: the same for every agent and netlist.
    baseline: the agent that the others are tested against.
    """

    agents: tuple[str, ...]
    netlists: tuple[str, ...]
    netlist_keys: tuple[str, ...]
    seeds: tuple[int, ...]
    conditions: Conditions
    baseline: str

    def jobs(self) -> list[JobName]:
        """All jobs in a random order that depends on nothing but their number.

        A machine that grows slower or faster meanwhile does so for every agent alike. Each seed's jobs come together, so
        that a comparison that is stopped has as many seeds of every agent as possible.
        """
        rng = make_rng(_ORDER_SEED)
        order = []
        for seed in self.seeds:
            pairs = [JobName(netlist, agent, seed) for netlist in self.netlists for agent in self.agents]
            order += [pairs[i] for i in rng.permutation(len(pairs))]
        return order

    def job(self, name: JobName) -> PlacementJob:
        """The work of a job."""
        agent, params = parse_agent(name.agent)
        return PlacementJob(agent, name.seed, params=params, **asdict(self.conditions))

    def as_json(self) -> dict[str, Any]:
        """The plan as it is written."""
        return {"schema": SCHEMA, **asdict(self)}


def make_plan(
    netlists: Sequence[str], agents: Sequence[str], seeds: Sequence[int], conditions: Conditions, baseline: str | None
) -> tuple[ComparisonPlan, dict[str, Design]]:
    """The plan and the designs by label; InputError for an unknown or repeated name."""
    for words in agents:
        parse_agent(words)
    _refuse_repeats("--agents", list(agents))
    if baseline is not None and baseline not in agents:
        raise InputError("--baseline", repr(baseline), f"one of {', '.join(agents)}", "name one of --agents")
    loaded = [load_netlist(words, conditions.from_given) for words in netlists]
    _refuse_repeats("netlist", [label for label, _ in loaded])
    chosen = baseline or ("annealing" if "annealing" in agents else agents[0])
    keys = tuple(design_key(design) for _, design in loaded)
    plan = ComparisonPlan(tuple(agents), tuple(label for label, _ in loaded), keys, tuple(seeds), conditions, chosen)
    return plan, dict(loaded)


def _refuse_repeats(where: str, labels: list[str]) -> None:
    files = [file_name(label) for label in labels]
    for index, name in enumerate(files):
        if name in files[:index]:
            raise InputError(where, f"{labels[index]!r} twice", "each of them once", "remove or rename one")


def file_name(label: str) -> str:
    """A label as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9._=+-]", "-", label).strip(".") or "-"


def design_key(design: Design) -> str:
    """Hash of everything about a design that a placement depends on."""
    digest = hashlib.sha256()
    for part in (design.netlist, design.canvas, design.floorplan):
        for field in fields(part) if part is not None else ():
            value = getattr(part, field.name)
            if field.name in ("netlist", "canvas", "name"):
                continue
            data = value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()
            digest.update(field.name.encode() + data)
    return digest.hexdigest()[:24]


def read_plan(folder: Path) -> tuple[ComparisonPlan, dict[str, Any]]:
    """The plan of a folder and everything else that its file says; InputError if it is not a comparison's."""
    path = folder / PLAN_FILE
    try:
        values = json.loads(read_text(path))
        plan = dict(values["plan"])
        if plan.pop("schema") != SCHEMA:
            raise InputError(path, "another schema", f"schema {SCHEMA}", "compare again into a new folder")
        lists: dict[str, Any] = {name: tuple(plan.pop(name)) for name in ("agents", "netlists", "netlist_keys", "seeds")}
        return ComparisonPlan(**lists, conditions=Conditions(**plan.pop("conditions")), **plan), values
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InputError(path, "no comparison of agents", f"a {PLAN_FILE}", "compare again into a new folder") from None


def check_resumable(folder: Path, plan: ComparisonPlan) -> None:
    """InputError unless every result in the folder belongs to the plan."""
    before, _ = read_plan(folder)
    found, wanted = before.conditions.text(), plan.conditions.text()
    if found != wanted:
        raise InputError(folder, f"a comparison under other conditions ({found})", wanted, "give another --out")
    for what in ("agents", "netlists", "seeds"):
        gone = [item for item in getattr(before, what) if item not in getattr(plan, what)]
        if gone:
            raise InputError(
                folder, f"a comparison of other {what} ({', '.join(map(str, gone))})", "all of them again, or more",
                "add them, or give another --out",
            )  # fmt: skip
    keys: Mapping[str, str] = dict(zip(plan.netlists, plan.netlist_keys, strict=True))
    for label, key in zip(before.netlists, before.netlist_keys, strict=True):
        if keys[label] != key:
            raise InputError(folder, f"results of another {label!r}", "the same netlist", "give another --out")
