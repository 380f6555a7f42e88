"""The published simulated annealing baseline of the TILOS study, as faithful as stated here, beside our own `annealing`.

Source: cost-and-environment §11 and published.md (C.-K. Cheng et al., Assessment of Reinforcement Learning for Macro
Placement, ISPD 2023, and the TILOS-AI-Institute/MacroPlacement repository): actions swap, shift, move, shuffle and flip on
hard macros at grid centres, with probabilities .24 .24 .24 .24 .04 ("go with the winners") or .2 each (`ispd=1`);
temperature falling geometrically from 0.005 to 1e-8; soft macros placed by force every `interval`·n actions for n hard
macros; start by a spiral along the boundary or by packing from a corner (`packing=1`); with several `walkers`, the best
tenth is cloned to all after every tenth of the run.

Deviations: the cost is exact after every action (the same numbers, updated instead of recomputed); the force-directed
method is ours (`force_directed`: the published ones disagree with each other); the length is a time or a number of
actions in all, not a number of iterations; walkers take turns on one thread instead of having one each; a run given a
placement starts from that, brought onto the grid; mirrorings of a flip are two, along either axis. Always on the grid and
always `soft="fd"`, whatever the options say, as that is the baseline.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass

import numpy as np

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import Canvas, Floorplan, ObjectKind
from workbench.place.agents.base import PlacementOptions, PlacementResult, as_written, known_settings, read_params
from workbench.place.annealing_published import SHUFFLED, Walker, walk
from workbench.place.cost import evaluate
from workbench.place.cost_model import CostModel, make_model, make_state
from workbench.place.force_directed import PHASES, STEPS, make_soft_macros, place_by_force
from workbench.place.obstacles import make_obstacles
from workbench.place.start import legalize, place_macros, sketch

GWTW, ISPD = (0.24, 0.24, 0.24, 0.24, 0.04), (0.2, 0.2, 0.2, 0.2, 0.2)
"""Probabilities of swap, shift, move, shuffle and flip in the two published variants."""
TENTHS = 10
"""Rounds of cloning in a run, and one walker in so many is cloned."""


@dataclass(frozen=True)
class PublishedSettings:
    """Settings; the defaults are the published ones.

    Attributes
    ----------
    hot, cold: temperature at the start and at the end, in units of the proxy cost.
    interval: actions per hard macro between two placements of the soft macros (2 to 5 published).
    ispd: 1 for the action probabilities of ISPD 2023, 0 for those of "go with the winners".
    packing: 1 to start by packing from a corner, 0 by a spiral along the boundary.
    walkers: annealing walks in turns (80 published, on as many threads).
    """

    hot: float = 5e-3
    cold: float = 1e-8
    interval: float = 2
    ispd: float = 0
    packing: float = 0
    walkers: float = 1


class PublishedAnnealingAgent:
    """Anneals for a time or for a number of actions."""

    def place(
        self, design: Design, *, seconds: float, seed: int, progress: Progress, options: PlacementOptions
    ) -> PlacementResult:
        """Place a design; see `Agent`."""
        settings = PublishedSettings(**read_params(options.params, known_settings(PublishedSettings())))
        if not settings.hot >= settings.cold > 0 or not 1 <= settings.walkers <= 1000 or settings.interval < 1:
            raise InputError(
                "--param", "settings out of range", "hot >= cold > 0, 1 <= walkers <= 1000, interval >= 1", "correct them"
            )
        rng = make_rng(seed)
        model = make_model(design.netlist, design.canvas)
        start = options.init or packed(design, rng, settings.packing > 0)
        run = PublishedAnnealing(legalize(start, True), model, settings, rng)
        return run.run(seconds, options.steps, progress)


def packed(design: Design, rng: np.random.Generator, from_corner: bool) -> Floorplan:
    """Hard macros, largest first, each on the first legal cell of a walk: row by row, or in a spiral along the boundary."""
    around = sketch(design.netlist, design.canvas, rng)
    cells = design.canvas.columns * design.canvas.rows
    order = np.arange(cells) if from_corner else spiral(design.canvas)
    found = place_macros(around, lambda item, legal, x, y: int(order[np.argmax(legal[order])]))
    return around if found is None else found


def spiral(canvas: Canvas) -> np.ndarray:
    """All cells, row by row numbered, from the lower left along the boundary, anticlockwise, inwards."""
    row, column = np.divmod(np.arange(canvas.columns * canvas.rows), canvas.columns)
    last_row, last_column = canvas.rows - 1, canvas.columns - 1
    ring = np.minimum(np.minimum(row, last_row - row), np.minimum(column, last_column - column))
    side = np.select([row == ring, column == last_column - ring, row == last_row - ring], [0, 1, 2], 3)
    along = np.select([side == 0, side == 1, side == 2], [column, row, -column], -row)
    return np.lexsort((along, side, ring))


class PublishedAnnealing:
    """One run of some walkers."""

    def __init__(self, start: Floorplan, model: CostModel, settings: PublishedSettings, rng: np.random.Generator) -> None:
        self.start, self.model, self.settings, self.rng = start, model, settings, rng
        self.shares = np.cumsum(ISPD if settings.ispd > 0 else GWTW)
        self.walkers = [_walker(start, model) for _ in range(int(settings.walkers))]
        self.bodies = make_soft_macros(start.netlist, model, start.orientation)
        self.evaluations, self.actions, self.interrupted = 0, 0, False
        for walker in self.walkers:
            walk(model, walker, self.shares, 1.0, 1.0, 0, rng)  # compiles if need be, and knows the start's cost
            self._place_soft(walker)
        self.began = time.monotonic()
        self.history = [(0.0, 0, self._best().cost[1])]

    def run(self, seconds: float, steps: int | None, progress: Progress) -> PlacementResult:
        """Anneal for so many seconds, or so many actions in all."""
        hard = len(self.walkers[0].hard)
        length = max(1, int(self.settings.interval) * hard)
        cloned, share, growth = 0, 0.0, 1e-3
        try:
            while share < 1.0 and hard > 0:
                for walker in self.walkers:
                    left = length if steps is None else min(length, steps - self.actions)
                    self._walk(walker, share, growth, left)
                    now = (
                        (time.monotonic() - self.began) / max(seconds, 1e-9)
                        if steps is None
                        else self.actions / max(1, steps)
                    )
                    share, growth = min(1.0, now), max(now - share, 0.0)
                    if share >= 1.0:
                        break
                if int(share * TENTHS) > cloned:
                    cloned = int(share * TENTHS)
                    self._clone_winners()
                progress.update(share * (progress.total or 1), f"cost {self._best().cost[1]:.5f}, {self.actions} actions")
        except KeyboardInterrupt:
            self.interrupted = True
        return self._result()

    def _walk(self, walker: Walker, share: float, growth: float, actions: int) -> None:
        """Some actions, at the temperatures of this share of the run, then the soft macros."""
        hot, ratio = self.settings.hot, self.settings.cold / self.settings.hot
        cooling = ratio ** (min(growth, 1.0 - share) / max(1, actions))
        tried = walk(self.model, walker, self.shares, hot * ratio**share, cooling, actions, self.rng)
        self.evaluations, self.actions = self.evaluations + tried, self.actions + actions
        self._place_soft(walker)
        self.history.append((time.monotonic() - self.began, self.evaluations, float(self._best().cost[1])))

    def _place_soft(self, walker: Walker) -> None:
        place_by_force(self.model, walker.state, self.bodies, PHASES, STEPS)
        self.evaluations += walk(self.model, walker, self.shares, 1.0, 1.0, 0, self.rng)

    def _clone_winners(self) -> None:
        """The best tenth of the walkers, by their cost now, replaces all others in turn."""
        ranked = sorted(self.walkers, key=lambda walker: float(walker.cost[0]))
        winners = max(1, len(ranked) // TENTHS)
        for k, loser in enumerate(ranked[winners:]):
            winner = ranked[k % winners]
            for name in ("x", "y", "orientation"):
                getattr(loser.state, name)[:] = getattr(winner.state, name)
            loser.obstacles.x[:], loser.obstacles.y[:] = winner.obstacles.x, winner.obstacles.y

    def _best(self) -> Walker:
        return min(self.walkers, key=lambda walker: float(walker.cost[1]))

    def _result(self) -> PlacementResult:
        walker = self._best()
        turned = walker.best_orientation.astype(np.int8)
        best = as_written(dataclasses.replace(self.start, x_um=walker.best_x, y_um=walker.best_y, orientation=turned))
        seconds, costs = time.monotonic() - self.began, evaluate(best, self.model)
        return PlacementResult(best, costs, tuple(self.history), self.evaluations, seconds, self.interrupted)


def _walker(start: Floorplan, model: CostModel) -> Walker:
    netlist = start.netlist
    hard = np.flatnonzero((netlist.kind == ObjectKind.MACRO) & ~netlist.is_fixed)
    return Walker(
        make_state(model, start), make_obstacles(start), hard, np.full(2, np.inf), start.x_um.copy(), start.y_um.copy(),
        start.orientation.astype(np.int64), np.zeros(SHUFFLED, np.int64), np.zeros(SHUFFLED), np.zeros(SHUFFLED),
        np.zeros(SHUFFLED), np.zeros(SHUFFLED),
    )  # fmt: skip
