"""What a training run leaves for people: its curve as CSV and PNG, and a summary as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from workbench.base.figures import new_figure, save_figure
from workbench.base.files import write_text
from workbench.netlist.netlist import Floorplan
from workbench.place.cost import Costs
from workbench.place.vec_env import EpisodeEnd

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Iteration:
    """One rollout and the update before it: a row of the curve.

    Attributes
    ----------
    steps, episodes, seconds: done since training began (seconds of training alone).
    mean_cost: of the rollout's legal episodes, mean over designs of their means; NaN if none was legal.
    legal_share: share of episodes in which every macro found room.
    wirelength, density, congestion: means of the legal episodes' cost components.
    best_cost: lowest so far, mean over designs.
    entropy, kl_divergence, explained_variance: of the update before this rollout, NaN before the first.
    """

    steps: int
    episodes: int
    seconds: float
    mean_cost: float
    legal_share: float
    wirelength: float
    density: float
    congestion: float
    best_cost: float
    entropy: float = float("nan")
    kl_divergence: float = float("nan")
    explained_variance: float = float("nan")


@dataclass(frozen=True)
class Evaluation:
    """Costs of a policy's sampled episodes, mean over designs.

    Attributes
    ----------
    mean_cost, deviation: mean and standard deviation of the legal episodes' costs; NaN if none was legal.
    legal_share: share of legal episodes. episodes: how many there were.
    """

    mean_cost: float
    deviation: float
    legal_share: float
    episodes: int

    def is_better_than(self, other: Evaluation) -> bool:
        """More legal floorplans, or as many and cheaper ones."""
        if self.legal_share != other.legal_share:
            return self.legal_share > other.legal_share
        return self.mean_cost < other.mean_cost


@dataclass
class EpisodeLog:
    """Collects finished episodes of several designs and keeps the best floorplan of each."""

    designs: int
    episodes: int = 0
    recent: list[list[EpisodeEnd]] = field(default_factory=list)
    best: list[tuple[Floorplan, Costs] | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.recent = [[] for _ in range(self.designs)]
        self.best = self.best or [None] * self.designs

    def add(self, design: int, end: EpisodeEnd) -> None:
        """Take note of a finished episode."""
        self.episodes += 1
        self.recent[design].append(end)
        best = self.best[design]
        if end.floorplan is not None and end.costs is not None and (best is None or end.cost < best[1].proxy):
            self.best[design] = (end.floorplan, end.costs)

    def take(self) -> list[list[EpisodeEnd]]:
        """The episodes since the last call, by design."""
        recent, self.recent = self.recent, [[] for _ in range(self.designs)]
        return recent

    @property
    def best_cost(self) -> float:
        """Mean over designs of the lowest cost, NaN until all have one."""
        return float(np.mean([np.nan if best is None else best[1].proxy for best in self.best]))


def mean_over_designs(ends: Sequence[Sequence[EpisodeEnd]], of: str) -> float:
    """Mean over designs of the mean of one cost of their legal episodes; NaN if there are none."""
    means = []
    for design in ends:
        values = [getattr(end.costs, of) for end in design if end.costs is not None]
        if values:
            means.append(np.mean(values))
    return float(np.mean(means)) if means else float("nan")


def legal_share(ends: Sequence[Sequence[EpisodeEnd]]) -> float:
    """Share of episodes that placed every macro; NaN if there are none."""
    flat = [end.floorplan is not None for design in ends for end in design]
    return float(np.mean(flat)) if flat else float("nan")


def evaluation_of(ends: Sequence[Sequence[EpisodeEnd]]) -> Evaluation:
    """Mean, deviation and legal share of finished episodes."""
    deviations = []
    for design in ends:
        costs = [end.cost for end in design if end.costs is not None]
        if costs:
            deviations.append(np.std(costs))
    deviation = float(np.mean(deviations)) if deviations else float("nan")
    return Evaluation(mean_over_designs(ends, "proxy"), deviation, legal_share(ends), sum(map(len, ends)))


def as_numbers(value: Iteration | Evaluation) -> dict[str, float | None]:
    """A row as plain numbers, None for NaN (JSON has no NaN)."""
    return {name: None if number != number else number for name, number in asdict(value).items()}


def write_curve(folder: Path, curve: Sequence[Iteration], untrained: Evaluation) -> list[Path]:
    """Write ``curve.csv`` and ``curve.png`` into a folder; returns their paths."""
    names = [item.name for item in fields(Iteration)]
    lines = [",".join(names)] + [",".join(f"{getattr(row, name):.9g}" for name in names) for row in curve]
    paths = [write_text(folder / "curve.csv", "\n".join(lines) + "\n")]
    return [*paths, save_figure(_draw_curve(curve, untrained), folder / "curve.png")]


def _draw_curve(curve: Sequence[Iteration], untrained: Evaluation) -> Figure:
    figure = new_figure((8, 4.5), "constrained")
    axes = figure.add_subplot()
    minutes = [row.seconds / 60 for row in curve]
    axes.plot(minutes, [row.mean_cost for row in curve], color="#2563a8", label="mean of the rollout's episodes")
    axes.plot(minutes, [row.best_cost for row in curve], color="#c2571a", label="best so far")
    if np.isfinite(untrained.mean_cost):
        axes.axhline(untrained.mean_cost, color="#777777", linestyle="--", label="untrained policy, mean")
        low, high = untrained.mean_cost - untrained.deviation, untrained.mean_cost + untrained.deviation
        axes.axhspan(low, high, color="#777777", alpha=0.15)
    axes.set(xlabel="minutes of training", ylabel="proxy cost", title="Cost of the policy's floorplans")
    axes.legend()
    axes.grid(alpha=0.3)
    return figure
