"""Floorplans that a policy learns from by imitation: annealed on the grid, taken apart into one chosen cell a macro.

The annealing begins with what the policy sees: every macro on the legal cell nearest to where it is expected. What it ends
with improves on that beginning and can be told from the observation; annealed from anywhere else, a floorplan is one of
many equally good ones, turned and mirrored, and predicting its cells teaches next to nothing (cross-entropy 5.0 of 5.6).
What the policy learned from is said wherever its figures are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from workbench.base.progress import Progress
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan
from workbench.place.agents.annealing import AnnealingAgent
from workbench.place.agents.base import PlacementOptions
from workbench.place.agents.training_checkpoint import read_checkpoint, write_checkpoint
from workbench.place.environment_kernels import CHANNELS
from workbench.place.environment_problem import PlacementProblem, make_problem
from workbench.place.vec_env import EpisodeBatch

TRIALS_PER_OBJECT = 300
"""Trial moves of the annealing per object of the netlist; ariane133 would get 420,000."""


@dataclass(frozen=True)
class Demonstration:
    """One annealed floorplan of a design.

    Attributes
    ----------
    design: what was placed.
    cells: cell of every macro in placing order, row by row on the design's own grid, int64 (M).
    cost: proxy cost of the annealed floorplan.
    """

    design: Design
    cells: np.ndarray
    cost: float


def demonstrate(design: Design, seed: int, trials_per_object: int = TRIALS_PER_OBJECT) -> Demonstration | None:
    """Anneal a design on its grid from its expected positions and read off the cells; None if a macro finds no room."""
    problem, canvas = make_problem(design.netlist, design.canvas, design.floorplan), design.canvas
    start = nearest_floorplan(problem)
    if start is None:
        return None
    options = PlacementOptions(init=start, on_grid=True, steps=trials_per_object * design.netlist.objects)
    result = AnnealingAgent().place(design, seconds=0, seed=seed, progress=Progress("", quiet=True), options=options)
    column = (result.floorplan.x_um[problem.order] / canvas.cell_width_um).astype(np.int64)
    row = (result.floorplan.y_um[problem.order] / canvas.cell_height_um).astype(np.int64)
    return Demonstration(design, row * canvas.columns + column, result.costs.proxy)


def nearest_floorplan(problem: PlacementProblem) -> Floorplan | None:
    """Each macro in turn on the legal cell nearest to where it is expected, soft macros placed; None if one has no room."""
    batch, pull = EpisodeBatch(problem, 1), CHANNELS.index("pull")
    batch.reset()
    while batch.mask.any():
        away = np.where(batch.mask[0], batch.images[0, pull], np.inf)
        end = batch.step(np.array([away.argmin()]))[0]
        if end is not None:
            return end.floorplan
    return None


def collect(
    designs: Iterable[Design], path: Path, seed: int, on_done: Callable[[Demonstration], None] = lambda done: None
) -> list[Demonstration]:
    """Demonstrations of all designs; those already in the file are taken from there, new ones are added to it one by one."""
    kept = read_checkpoint(path)["demonstrations"] if path.exists() else {}
    found = []
    for design in designs:
        if design.name not in kept:
            done = demonstrate(design, seed)
            cells, cost = (np.zeros(0, np.int64), float("nan")) if done is None else (done.cells, done.cost)
            kept[design.name] = {"cells": torch.from_numpy(cells), "cost": cost}
            write_checkpoint(path, {"demonstrations": kept})
        entry = kept[design.name]
        if len(entry["cells"]):
            found.append(Demonstration(design, np.asarray(entry["cells"]), entry["cost"]))
            on_done(found[-1])
    return found
