"""Analytical placement: a legal floorplan in seconds, for its own sake or as the start of a search.

Global placement (`global_placement`) moves hard and soft macros together; now and then, on a copy, hard macros that overlap
are pushed apart and the exact proxy cost is asked, and the best of these copies wins: the descent itself knows
wirelength and density, the choice knows congestion too. What still overlaps is legalised; then soft macros, the hard
ones fixed, and afterwards hard macros take the best places and mirrorings near them by the exact cost (`descent`).

The best target density depends on the design: the density cost looks at the densest tenth of the cells only, so spreading
evenly lowers it below what a full but shorter placement has, at the price of wire.

Source: `global_placement`; the push, the choice along the way and the refinement by the exact cost are ours
(benchmarks/placement_quality.py shows what they reach).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.place.analytical_kernels import push_apart
from workbench.place.cost import IncrementalCost
from workbench.place.cost_kernels import rebuild
from workbench.place.cost_model import CostModel, make_model, make_state
from workbench.place.descent import descend
from workbench.place.global_placement import GlobalPlacement
from workbench.place.obstacles import make_obstacles
from workbench.place.start import legalize, sketch

PUSH_SWEEPS = 100
"""Most rounds over all pairs in which macros are pushed apart (model: ours)."""
PATIENCE = 8
"""Looks without a better placement after which the descent ends (model: ours)."""
CENTRE = 0.05
"""Without a placement to start from, everything starts within so much of the canvas' centre (model: ours)."""


@dataclass(frozen=True)
class AnalyticalSettings:
    """Settings (model: ours, tuned in benchmarks/placement_quality.py).

    Attributes
    ----------
    bins: density bins along the canvas' longer side.
    growth: factor of the density's weight per step.
    balance: its weight at the beginning, in units of the one at which it pulls as much as the wirelength: what is spread
        already comes closer together first below one, and objects pass each other.
    steps: steps after which the descent ends in any case.
    target: density up to which a bin counts as free.
    reach: grid cells within which the refinement looks for better places; 0 only mirrors hard macros.
    rounds: rounds of refinement.
    """

    bins: float = 48
    growth: float = 1.04
    balance: float = 1.0
    steps: float = 400
    target: float = 0.7
    reach: float = 2
    rounds: float = 1


def analytical_floorplan(
    design: Design, rng: np.random.Generator, settings: AnalyticalSettings | None = None, *, init: Floorplan | None = None,
    on_grid: bool = False, model: CostModel | None = None,
) -> Floorplan:  # fmt: skip
    """A legal floorplan by global placement from the canvas' centre, or from `init`; `model` spares building it again.

    Raises
    ------
    InputError: the hard macros do not fit (or not on the grid), or a port has no coordinates.
    """
    settings = settings or AnalyticalSettings()
    netlist = design.netlist
    model = make_model(netlist, design.canvas) if model is None else model
    start = _from_the_centre(design, rng) if init is None else init
    movable = np.flatnonzero((netlist.kind != ObjectKind.PORT) & ~netlist.is_fixed)
    if len(movable) == 0:
        return legalize(start, on_grid)
    placement = GlobalPlacement(start, model, movable, rng, max(4, int(settings.bins)), settings.target)
    looks = _Looks(start, model)
    placement.run(int(settings.steps), settings.growth, looks.look, settings.balance)
    return refined(legalize(looks.best, on_grid), model, rng, int(settings.reach), int(settings.rounds), on_grid)


def refined(
    floorplan: Floorplan, model: CostModel, rng: np.random.Generator, reach: int, rounds: int, on_grid: bool
) -> Floorplan:
    """A legal floorplan after rounds of coordinate descent, soft macros first; each round in a new random order."""
    netlist = floorplan.netlist
    state, obstacles = make_state(model, floorplan), make_obstacles(floorplan)
    for _ in range(rounds):
        rebuild(model, state)
        for kind in (ObjectKind.SOFT_MACRO, ObjectKind.MACRO):
            items = np.flatnonzero((netlist.kind == kind) & ~netlist.is_fixed)
            descend(model, state, obstacles, rng.permutation(items), reach, on_grid)
    return dataclasses.replace(floorplan, x_um=state.x, y_um=state.y, orientation=state.orientation.astype(np.int8))


class _Looks:
    """Keeps the best placement of a descent: legal after pushing before not, then the lower exact cost."""

    def __init__(self, start: Floorplan, model: CostModel) -> None:
        self.start, self.model, self.best = start, model, start
        self.obstacles = make_obstacles(start)
        self.hard = start.netlist.indices(ObjectKind.MACRO)
        self.movable = np.zeros(len(self.obstacles.x), np.bool_)
        self.movable[: len(self.hard)] = ~start.netlist.is_fixed[self.hard]
        self.rank = (np.inf, np.inf)
        self.waited = 0

    def look(self, place: np.ndarray) -> bool:
        """Consider the centres (2, n), whose hard macros may overlap; True if nothing better has come for long."""
        for centres, own in zip(place, (self.obstacles.x, self.obstacles.y), strict=True):
            own[: len(self.hard)] = centres[self.hard]
        missing = push_apart(self.obstacles, self.movable, PUSH_SWEEPS)
        for centres, own in zip(place, (self.obstacles.x, self.obstacles.y), strict=True):
            centres[self.hard] = own[: len(self.hard)]
        floorplan = dataclasses.replace(self.start, x_um=place[0], y_um=place[1])
        rank = (float(missing > 0.0), IncrementalCost(floorplan, self.model).proxy())
        self.waited += 1
        if rank < self.rank:
            self.rank, self.best, self.waited = rank, floorplan, 0
        return self.waited >= PATIENCE and self.rank[0] == 0.0


def _from_the_centre(design: Design, rng: np.random.Generator) -> Floorplan:
    """Everything that may move near the centre of the canvas, at random."""
    around = sketch(design.netlist, design.canvas, rng)  # asks for the coordinates of all ports
    free = ~design.netlist.is_fixed
    x, y = around.x_um.copy(), around.y_um.copy()
    for axis, length in ((x, design.canvas.width_um), (y, design.canvas.height_um)):
        axis[free] = length * rng.uniform(0.5 - CENTRE, 0.5 + CENTRE, int(free.sum()))
    return dataclasses.replace(around, x_um=x, y_um=y)
