"""A batch of placement episodes of one design, advanced together by Numba kernels.

One class serves the single environment (a batch of one) and training (many). Episodes are independent: what one of them
does never depends on the others (tests/place/test_vec_env.py compares step by step). Its state is a handful of arrays, so
that a training run can store them and go on exactly where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.base.errors import InputError
from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.place.cost import Costs, evaluate
from workbench.place.cost_model import CostModel, make_model, make_state
from workbench.place.environment_kernels import CHANNELS, observe, place_macros, stamp
from workbench.place.environment_problem import PlacementProblem
from workbench.place.environment_soft_macros import settle_soft_macros
from workbench.place.force_directed import PHASES, STEPS, make_soft_macros, place_by_force
from workbench.place.observation import GLOBALS, GlobalFeatures, macros_view

DEAD_END_PENALTY = 4.0
"""Cost of an episode that finds no legal cell for a macro (cost-and-environment §3)."""


@dataclass(frozen=True)
class EpisodeEnd:
    """How an episode ended.

    Attributes
    ----------
    cost: the proxy cost, or DEAD_END_PENALTY.
    placed: macros that were placed.
    floorplan, costs: the complete floorplan and its costs; None after a dead end.
    """

    cost: float
    placed: int
    floorplan: Floorplan | None = None
    costs: Costs | None = None


class EpisodeBatch:
    """`count` episodes of one design, each at its own step.

    Parameters
    ----------
    problem: the design.
    count: episodes.
    padded: (rows, columns) of masks and images, at least the grid's; the grid lies in the lower left corner. Actions
        count cells of the padded grid.
    soft: how soft macros are placed at an episode's end: `free` (`environment_soft_macros`: cell by cell on the exact
        wirelength and density) or `fd` (`force_directed`: the published method, about 50 times slower).
    model: the design's cost model, which spares building it again.
    """

    def __init__(
        self, problem: PlacementProblem, count: int, padded: tuple[int, int] | None = None, soft: str = "free",
        model: CostModel | None = None,
    ) -> None:  # fmt: skip
        canvas, objects = problem.canvas, problem.netlist.objects
        if soft not in ("free", "fd"):
            raise InputError("soft", repr(soft), "free or fd", "correct it")
        self.problem, self.count, self.soft = problem, count, soft
        self.cost_model: CostModel = make_model(problem.netlist, canvas) if model is None else model
        self.rows, self.columns = padded or (canvas.rows, canvas.columns)
        if self.rows < canvas.rows or self.columns < canvas.columns:
            raise ValueError(f"a grid of {canvas.rows} × {canvas.columns} does not fit into {self.rows} × {self.columns}")
        self.step_index = np.zeros(count, dtype=np.int64)
        self.x_um, self.y_um = np.zeros((count, objects)), np.zeros((count, objects))
        self.occupancy = np.zeros((count, canvas.rows, canvas.columns))
        self.placed = np.zeros((count, len(problem.obstacles) + problem.steps, 4), dtype=np.float32)
        self.mask = np.zeros((count, self.rows, self.columns), dtype=bool)
        self.images = np.zeros((count, len(CHANNELS), self.rows, self.columns), dtype=np.float32)
        self.spans = np.zeros((count, 3))
        self.globals = np.zeros((count, len(GLOBALS)), dtype=np.float32)
        self._global_features = GlobalFeatures(problem)
        self._is_soft = np.ascontiguousarray(problem.netlist.kind == ObjectKind.SOFT_MACRO)
        self._grid = np.array([canvas.columns, canvas.rows, canvas.width_um, canvas.height_um], dtype=np.float64)
        self._nets = (
            problem.object_net_start, problem.object_net, problem.net_start, problem.net_pin, problem.net_weight,
        )  # fmt: skip
        self._fresh = np.zeros((canvas.rows, canvas.columns))
        for left, bottom, right, top in problem.obstacles:
            stamp(self._fresh, left, bottom, right, top, canvas.cell_width_um, canvas.cell_height_um, 1.0)

    def reset(self, episodes: np.ndarray | None = None) -> None:
        """Start these episodes anew (all by default) and look at the first macro."""
        episodes = np.arange(self.count) if episodes is None else episodes
        self.step_index[episodes] = 0
        self.x_um[episodes], self.y_um[episodes] = self.problem.spread_x_um, self.problem.spread_y_um
        self.occupancy[episodes] = self._fresh
        self.placed[episodes] = 0.0
        self.placed[episodes, : len(self.problem.obstacles)] = self.problem.obstacles
        self._observe(episodes)

    def step(self, actions: np.ndarray) -> list[EpisodeEnd | None]:
        """Place every episode's current macro on its cell; returns how each episode ended, None where it goes on.

        Raises ValueError for an action that the mask forbids. A finished episode must be reset before the next step.
        """
        actions = np.asarray(actions, dtype=np.int64).reshape(self.count)
        row, column = actions // self.columns, actions % self.columns
        allowed = self.mask[np.arange(self.count), np.minimum(row, self.rows - 1), column]
        if (actions < 0).any() or (row >= self.rows).any() or not allowed.all():
            raise ValueError(f"action {actions[np.argmin(allowed)]} is not legal: choose one that the action mask allows")
        problem = self.problem
        place_macros(
            row * problem.canvas.columns + column, self.step_index, self.x_um, self.y_um, self.occupancy, problem.order,
            problem.width_um, problem.height_um, self._grid, problem.obstacles, self.placed, problem.gain,
        )  # fmt: skip
        self._observe(np.arange(self.count))
        return self._ends()

    def _observe(self, episodes: np.ndarray) -> None:
        """Refresh mask, images and globals of these episodes."""
        problem, every = self.problem, len(episodes) == self.count
        mask, images, spans = self.mask, self.images, self.spans
        if not every:
            mask, images, spans = mask[episodes], images[episodes], spans[episodes]
        chosen = slice(None) if every else episodes
        observe(
            self.step_index[chosen], self.x_um[chosen], self.y_um[chosen], self.occupancy[chosen], problem.order,
            self._is_soft, problem.width_um, problem.height_um, self._grid, problem.obstacles, self.placed[chosen],
            self._nets, problem.pin_object, problem.pin_x_um, problem.pin_y_um, problem.stiffness, mask, images, spans,
        )  # fmt: skip
        if not every:
            self.mask[episodes], self.images[episodes], self.spans[episodes] = mask, images, spans
        self.globals[episodes] = self._global_features(self.step_index[episodes], spans)

    def _ends(self) -> list[EpisodeEnd | None]:
        ends: list[EpisodeEnd | None] = [None] * self.count
        complete = np.flatnonzero(self.step_index == self.problem.steps)
        stuck = np.flatnonzero((self.step_index < self.problem.steps) & ~self.mask.any(axis=(1, 2)))
        for episode in stuck:
            ends[episode] = EpisodeEnd(DEAD_END_PENALTY, int(self.step_index[episode]))
        if len(complete):
            x, y = self.x_um[complete].copy(), self.y_um[complete].copy()
            if self.soft == "free":
                settle_soft_macros(self.problem, x, y)
            else:
                self._settle_by_force(x, y)
            for i, episode in enumerate(complete):
                ends[episode] = self.end_with(x[i], y[i])
        return ends

    def _settle_by_force(self, x_um: np.ndarray, y_um: np.ndarray) -> None:
        """Place the soft macros of finished episodes in place by the force-directed method; (B, n)."""
        start, model = self.problem.start, self.cost_model
        bodies = make_soft_macros(self.problem.netlist, model, start.orientation)
        for x, y in zip(x_um, y_um, strict=True):
            state = make_state(model, Floorplan(start.netlist, start.canvas, x, y, start.orientation))
            place_by_force(model, state, bodies, PHASES, STEPS)
            x[:], y[:] = state.x, state.y

    def end_with(self, x_um: np.ndarray, y_um: np.ndarray) -> EpisodeEnd:
        """The end of an episode that left every object there, scored."""
        start = self.problem.start
        floorplan = Floorplan(start.netlist, start.canvas, x_um, y_um, start.orientation)
        costs = evaluate(floorplan, self.cost_model)
        return EpisodeEnd(float(costs.proxy), self.problem.steps, floorplan, costs)

    def observation(self) -> dict[str, np.ndarray]:
        """The compact observation of every episode, copied (netlist_index 0)."""
        return {
            "images": self.images.copy(),
            "macros": macros_view(self.problem, self.x_um, self.y_um, self.step_index),
            "globals": self.globals.copy(),
            "current_macro": self.step_index[:, None].copy(),
            "netlist_index": np.zeros((self.count, 1), dtype=np.int64),
        }

    def action_masks(self) -> np.ndarray:
        """Legal cells of every episode, bool (B, rows·columns)."""
        return self.mask.reshape(self.count, -1).copy()

    def state(self) -> dict[str, np.ndarray]:
        """Everything that tells where the episodes stand, copied."""
        return {name: getattr(self, name).copy() for name in ("step_index", "x_um", "y_um", "occupancy", "placed")}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go back to a state that `state()` returned."""
        for name, value in state.items():
            getattr(self, name)[...] = value
        self._observe(np.arange(self.count))
