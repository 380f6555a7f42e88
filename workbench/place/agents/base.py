"""What a placement agent is, what it returns, and which ones there are."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.base.registry import unknown_name
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan
from workbench.place.cost import Costs, evaluate
from workbench.place.cost_model import CostModel
from workbench.place.legality import check

AGENTS = {
    "annealing": "workbench.place.agents.annealing:AnnealingAgent",
    "hybrid": "workbench.place.agents.hybrid:HybridAgent",
    "ppo": "workbench.place.agents.ppo:PPOAgent",
    "random": "workbench.place.agents.random:RandomAgent",
    "greedy": "workbench.place.agents.greedy:GreedyAgent",
    "analytical": "workbench.place.agents.analytical:AnalyticalAgent",
    "coordinate_descent": "workbench.place.agents.coordinate_descent:CoordinateDescentAgent",
    "force_directed": "workbench.place.agents.force_directed:ForceDirectedAgent",
    "annealing_published": "workbench.place.agents.annealing_published:PublishedAnnealingAgent",
    "sequence_pair": "workbench.place.agents.sequence_pair:SequencePairAgent",
}
"""Agents by name, as module:class, so that only the one in use is imported (the learning one brings torch)."""

POLICY_AGENTS = ("ppo", "hybrid")
"""Agents that use a trained policy."""


@dataclass(frozen=True)
class PlacementOptions:
    """How to place, the same for all agents.

    Attributes
    ----------
    init: placement to start from; None to start from nothing but the canvas and the ports.
    on_grid: hard macros only on the centres of grid cells.
    soft: how soft macros move: `free` (as objects of their own) or `fd` (force-directed).
    steps: amount of work instead of time (trial moves, placements): then the same seed gives the same result.
    params: settings of the agent by name.
    policy: file of weights, for agents that use a policy; None for the shipped one.
    """

    init: Floorplan | None = None
    on_grid: bool = False
    soft: str = "free"
    steps: int | None = None
    params: Mapping[str, float] = field(default_factory=dict)
    policy: Path | None = None


@dataclass(frozen=True)
class PlacementResult:
    """What an agent found.

    Attributes
    ----------
    floorplan, costs: the best legal floorplan and its costs, evaluated from scratch.
    history: (seconds, evaluations, best proxy cost so far) in order of time.
    evaluations: placements or trial moves whose cost was computed.
    seconds: time it took.
    interrupted: stopped by the user before its time.
    notes: sentences for the user.
    """

    floorplan: Floorplan
    costs: Costs
    history: tuple[tuple[float, int, float], ...]
    evaluations: int
    seconds: float = 0.0
    interrupted: bool = False
    notes: tuple[str, ...] = ()


class Agent(Protocol):
    """Finds a place for everything that may move."""

    def place(
        self, design: Design, *, seconds: float, seed: int, progress: Progress, options: PlacementOptions
    ) -> PlacementResult:
        """Place a design within a time; Ctrl-C ends it early with the best so far (`interrupted`)."""
        ...


class Search:
    """Keeps the best floorplan of an agent that makes whole placements one after another, and its history."""

    def __init__(self, model: CostModel) -> None:
        self.model, self.began = model, time.monotonic()
        self.best: Floorplan | None = None
        self.costs: Costs | None = None
        self.history: list[tuple[float, int, float]] = []
        self.evaluations = 0

    @property
    def seconds(self) -> float:
        """Time since the search began."""
        return time.monotonic() - self.began

    def offer(self, floorplan: Floorplan) -> None:
        """Evaluate a floorplan and keep it if it is legal and the best so far."""
        floorplan = as_written(floorplan)
        costs = evaluate(floorplan, self.model)
        self.evaluations += 1
        if not check(floorplan) and (self.costs is None or costs.proxy < self.costs.proxy):
            self.best, self.costs = floorplan, costs
        if self.costs is not None:
            self.history.append((self.seconds, self.evaluations, self.costs.proxy))

    def run(self, attempt: Callable[[int], Floorplan | None], seconds: float, steps: int | None, progress: Progress) -> bool:
        """Offer `attempt(0)`, `attempt(1)`, ... until the time is over or `steps` are made; True if interrupted.

        At least one attempt is made; None from an attempt is a placement that found no room.
        """
        done = 0
        try:
            while done == 0 or (done < steps if steps is not None else self.seconds < seconds):
                floorplan = attempt(done)
                if floorplan is not None:
                    self.offer(floorplan)
                done += 1
                share = done / steps if steps else min(1.0, self.seconds / max(seconds, 1e-9))
                best = f"cost {self.costs.proxy:.5f}, " if self.costs else ""
                progress.update(share * (progress.total or 1), f"{best}{done} placements")
        except KeyboardInterrupt:
            if self.best is None:
                raise
            return True
        return False

    def result(self, interrupted: bool, name: str) -> PlacementResult:
        """The best found; InputError if no attempt was legal."""
        if self.best is None or self.costs is None:
            raise InputError(
                name, "no legal placement in the time given", "one", "give more time, or use annealing without --grid"
            )
        return PlacementResult(self.best, self.costs, tuple(self.history), self.evaluations, self.seconds, interrupted)


def as_written(floorplan: Floorplan) -> Floorplan:
    """The floorplan with coordinates as a .plc file holds them (nine decimals), so that its costs are those of the file."""
    return dataclasses.replace(floorplan, x_um=np.round(floorplan.x_um, 9), y_um=np.round(floorplan.y_um, 9))


def make_agent(name: str) -> Agent:
    """The agent of that name; InputError naming the nearest ones if there is none."""
    if name not in AGENTS:
        raise unknown_name("agent", name, list(AGENTS))
    module, cls = AGENTS[name].split(":")
    agent: Agent = getattr(importlib.import_module(module), cls)()
    return agent


def describe_agents() -> dict[str, str]:
    """What each agent is: the first line of its module's docstring, read without importing it."""
    described = {}
    for name, place in AGENTS.items():
        spec = importlib.util.find_spec(place.partition(":")[0])
        source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
        described[name] = (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
    return described


LARGEST_SETTING = 1e9
"""Settings are factors, shares and counts; larger ones, infinite and NaN are refused."""


def read_params(params: Mapping[str, float], defaults: Mapping[str, float]) -> dict[str, float]:
    """An agent's settings: the defaults, overridden by `params`; InputError for an unknown name or no usable number."""
    for name in params:
        if name not in defaults:
            known = f"one of {', '.join(sorted(defaults))}" if defaults else "no setting, for this agent has none"
            raise InputError("--param", repr(name), known, "correct the name" if defaults else "leave it out")
        if not abs(params[name]) <= LARGEST_SETTING:
            raise InputError("--param", f"{name}={params[name]:g}", f"a number up to {LARGEST_SETTING:g}", "correct it")
    return {**defaults, **params}


def known_settings(values: Any) -> dict[str, float]:
    """The fields of a settings dataclass as a dictionary of numbers."""
    return {name: float(value) for name, value in vars(values).items()}
