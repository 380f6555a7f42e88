"""Coordinate descent: every macro in turn takes the best of all places and mirrorings near it, by the exact cost.

Source: cost-and-environment §10 (circuit_training's coordinate_descent_placer: epochs in random order, all legal cells
within a Manhattan distance of 5, all allowed orientations, soft macros placed anew afterwards). Ours: the start is the
greedy placement where none is given; with `soft="free"` soft macros descend as objects of their own, with `fd` they are
placed anew by the published force-directed method after each epoch and kept if that is better; off the grid, places beside
what is in the way count too; when an epoch gains nothing any more, the descent goes on from another greedy placement (if
none was given) and from the best one disturbed, in turns.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.place.agents.base import PlacementOptions, PlacementResult, as_written, known_settings, read_params
from workbench.place.agents.greedy import greedy_floorplan
from workbench.place.cost import evaluate
from workbench.place.cost_kernels import rebuild
from workbench.place.cost_model import CostModel, make_model, make_state
from workbench.place.descent import descend
from workbench.place.force_directed import PHASES, STEPS, make_soft_macros, place_by_force
from workbench.place.obstacles import make_obstacles, nearest_legal
from workbench.place.start import LATTICE, starting_floorplan

BATCH = 8
"""Objects per call of the kernel, so that the clock and Ctrl-C are looked at often."""


@dataclass(frozen=True)
class DescentSettings:
    """Settings (source: §10; the last two ours).

    Attributes
    ----------
    reach: Manhattan distance in cells within which hard macros look for a place.
    soft_reach: the same for soft macros that descend.
    least_gain: fall of the cost per epoch below which it has converged.
    disturbed: share of the hard macros that a disturbance throws somewhere else.
    """

    reach: float = 5
    soft_reach: float = 2
    least_gain: float = 1e-5
    disturbed: float = 0.1


class CoordinateDescentAgent:
    """Descends until the time is over, again and again from other places; steps are costs computed."""

    def place(
        self, design: Design, *, seconds: float, seed: int, progress: Progress, options: PlacementOptions
    ) -> PlacementResult:
        """Place a design; see `Agent`."""
        settings = DescentSettings(**read_params(options.params, known_settings(DescentSettings())))
        if not 0 <= settings.disturbed <= 1 or min(settings.reach, settings.soft_reach) < 0:
            raise InputError("--param", "settings out of range", "0 <= disturbed <= 1, reaches >= 0", "correct them")
        rng = make_rng(seed)
        model = make_model(design.netlist, design.canvas)

        def fresh() -> Floorplan:
            start = greedy_floorplan(design, model, rng) if options.init is None else options.init
            return starting_floorplan(design.netlist, design.canvas, rng, start, options.on_grid)

        return Descending(fresh(), model, settings, rng, options, seconds, fresh).run(progress)


@dataclass
class Descending:
    """One run: where everything is, the best so far, and how much has been done."""

    start: Floorplan
    model: CostModel
    settings: DescentSettings
    rng: np.random.Generator
    options: PlacementOptions
    seconds: float
    fresh: Callable[[], Floorplan]
    restarts: int = 0
    evaluations: int = 0
    history: list[tuple[float, int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        netlist = self.start.netlist
        free = ~netlist.is_fixed
        self.hard = np.flatnonzero((netlist.kind == ObjectKind.MACRO) & free)
        self.soft = np.flatnonzero((netlist.kind == ObjectKind.SOFT_MACRO) & free)
        self.state = make_state(self.model, self.start)
        self.obstacles = make_obstacles(self.start)
        rebuild(self.model, self.state)
        self.cost = descend(self.model, self.state, self.obstacles, self.hard[:0], 0, True)[1]
        self.best, self.best_cost = self.start, self.cost
        self.began = time.monotonic()
        self.history.append((0.0, 0, self.cost))

    def run(self, progress: Progress) -> PlacementResult:
        """Descend, disturb, descend again; the best floorplan found."""
        interrupted = False
        try:
            while not self._is_over() and len(self.hard) + len(self.soft) > 0:
                before = self.cost
                self._epoch(progress)
                if before - self.cost < self.settings.least_gain and not self._is_over():
                    self._restart()
        except KeyboardInterrupt:
            interrupted = True
            self._keep()
        best = as_written(self.best)
        costs = evaluate(best, self.model)
        self.history.append((time.monotonic() - self.began, self.evaluations, costs.proxy))
        seconds = time.monotonic() - self.began
        return PlacementResult(best, costs, tuple(self.history), max(1, self.evaluations), seconds, interrupted)

    def _share(self) -> float:
        if self.options.steps is not None:
            return self.evaluations / max(1, self.options.steps)
        return (time.monotonic() - self.began) / max(self.seconds, 1e-9)

    def _is_over(self) -> bool:
        return self._share() >= 1.0

    def _epoch(self, progress: Progress) -> None:
        """Every macro once, in random order, then the soft macros."""
        rebuild(self.model, self.state)
        settings = self.settings
        self._descend(self.rng.permutation(self.hard), int(settings.reach), progress)
        if self.options.soft == "free":
            self._descend(self.rng.permutation(self.soft), int(settings.soft_reach), progress)
        elif len(self.soft) > 0:
            self._place_by_force()
        self._keep()

    def _descend(self, items: np.ndarray, reach: int, progress: Progress) -> None:
        for first in range(0, len(items), BATCH):
            if self._is_over():
                break
            batch = items[first : first + BATCH]
            tried, self.cost = descend(self.model, self.state, self.obstacles, batch, reach, self.options.on_grid)
            self.evaluations += tried + 1  # the cost before the first trial is one too
            self._keep()
            note = f"cost {self.best_cost:.5f}, {self.evaluations / 1000:.0f}k moves"
            progress.update(min(1.0, self._share()) * (progress.total or 1), note)

    def _place_by_force(self) -> None:
        """Soft macros anew by the published method; as before if that is no better."""
        state, before = self.state, (self.state.x.copy(), self.state.y.copy(), self.cost)
        place_by_force(self.model, state, make_soft_macros(self.start.netlist, self.model, state.orientation), PHASES, STEPS)
        self._recompute()
        if self.cost > before[2]:
            state.x[:], state.y[:] = before[:2]
            self._recompute()

    def _recompute(self) -> None:
        rebuild(self.model, self.state)
        self.cost = descend(self.model, self.state, self.obstacles, self.hard[:0], 0, True)[1]
        self.evaluations += 1

    def _keep(self) -> None:
        """What is there now becomes the best if it is better."""
        if self.cost < self.best_cost:
            state = self.state
            self.best_cost = self.cost
            self.best = dataclasses.replace(
                self.start, x_um=state.x.copy(), y_um=state.y.copy(), orientation=state.orientation.astype(np.int8)
            )
        self.history.append((time.monotonic() - self.began, self.evaluations, self.best_cost))

    def _restart(self) -> None:
        """Go on from another greedy placement, or from the best with some of its hard macros elsewhere, in turns."""
        self.restarts += 1
        is_fresh = self.restarts % 2 == 1 and self.options.init is None
        state, start = self.state, self.fresh() if is_fresh else self.best
        state.x[:], state.y[:], state.orientation[:] = start.x_um, start.y_um, start.orientation
        own = self.obstacles.of_object[self.hard]
        self.obstacles.x[own], self.obstacles.y[own] = state.x[self.hard], state.y[self.hard]
        if not is_fresh:
            self._disturb()
        self._recompute()

    def _disturb(self) -> None:
        """Throw some hard macros to the legal places nearest to random ones."""
        state, obstacles, canvas = self.state, self.obstacles, self.start.canvas
        grid = (canvas.columns, canvas.rows, 0) if self.options.on_grid else (LATTICE, LATTICE, 2)
        count = min(len(self.hard), max(1, round(self.settings.disturbed * len(self.hard))))
        for item in self.rng.choice(self.hard, count, replace=False):
            i = obstacles.of_object[item]
            x, y = self.rng.random(2) * (canvas.width_um, canvas.height_um)
            found, x, y = nearest_legal(obstacles, x, y, obstacles.half_width[i], obstacles.half_height[i], i, *grid)
            if found:
                state.x[item], state.y[item] = obstacles.x[i], obstacles.y[i] = x, y
