"""The moves of the published simulated annealing baseline, on the grid and on the exact proxy cost.

Source: cost-and-environment §11 (TILOS MacroPlacement): swap two hard macros, shift one to a neighbouring cell, move one to
any legal cell, shuffle four, flip one. A move that would overlap or leave the canvas is given up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.base.jit import kernel
from workbench.place.cost import CONGESTION_WEIGHT, DENSITY_WEIGHT
from workbench.place.cost_kernels import costs_of, move_object, rebuild
from workbench.place.cost_model import CostModel, CostState
from workbench.place.obstacles import Obstacles, first_hit, is_inside
from workbench.place.routing_kernels import cell_of, inner

SWAP, SHIFT, MOVE, SHUFFLE, FLIP = range(5)
SHUFFLED = 4
"""Macros in a shuffle."""
TRIES = 50
"""Random cells tried for a move before it is given up (model: ours; any legal cell is equally likely)."""


class Walker(NamedTuple):
    """One annealing walk: where everything is, and the best it has seen."""

    state: CostState
    obstacles: Obstacles
    hard: np.ndarray  # movable hard macros, object indices, int64
    cost: np.ndarray  # proxy cost now and of the best (2)
    best_x: np.ndarray
    best_y: np.ndarray
    best_orientation: np.ndarray
    items: np.ndarray  # scratch: the macros of an action and where they go, (SHUFFLED)
    x: np.ndarray
    y: np.ndarray
    before_x: np.ndarray
    before_y: np.ndarray


@inner
def _keep_if_best(walker: Walker) -> None:
    if walker.cost[0] < walker.cost[1]:
        walker.cost[1] = walker.cost[0]
        walker.best_x[:] = walker.state.x
        walker.best_y[:] = walker.state.y
        walker.best_orientation[:] = walker.state.orientation


@inner
def _proxy(model: CostModel, state: CostState) -> float:
    wirelength, density, congestion = costs_of(model, state)
    return wirelength + DENSITY_WEIGHT * density + CONGESTION_WEIGHT * congestion


@inner
def _is_free(walker: Walker, count: int) -> bool:
    """Whether the first `count` items are legal where the obstacles now have them."""
    obstacles = walker.obstacles
    for k in range(count):
        own = obstacles.of_object[walker.items[k]]
        x, y, half_width, half_height = (
            obstacles.x[own], obstacles.y[own], obstacles.half_width[own], obstacles.half_height[own]
        )  # fmt: skip
        if not is_inside(obstacles, x, y, half_width, half_height):
            return False
        if first_hit(obstacles, x, y, half_width, half_height, own, -1) >= 0:
            return False
    return True


@inner
def _put(walker: Walker, count: int, x: np.ndarray, y: np.ndarray) -> None:
    for k in range(count):
        own = walker.obstacles.of_object[walker.items[k]]
        walker.obstacles.x[own], walker.obstacles.y[own] = x[k], y[k]


@inner
def _choose_places(model: CostModel, walker: Walker, action: int, rng: np.random.Generator) -> int:
    """Pick an action's macros and where they go; the number of macros, 0 if there are too few."""
    grid, state, hard = model.grid[0], walker.state, walker.hard
    items, x, y = walker.items, walker.x, walker.y
    count = min(2 if action == SWAP else SHUFFLED if action == SHUFFLE else 1, len(hard))
    for k in range(count):  # distinct macros
        while True:
            items[k] = hard[int(rng.random() * len(hard))]
            if not (items[:k] == items[k]).any():
                break
        walker.before_x[k], walker.before_y[k] = state.x[items[k]], state.y[items[k]]
        x[k], y[k] = walker.before_x[k], walker.before_y[k]
    if action == SWAP or action == SHUFFLE:
        if count < 2:
            return 0
        for k in range(count - 1, 0, -1):
            other = int(rng.random() * (k + 1)) if action == SHUFFLE else 0
            x[k], x[other] = x[other], x[k]
            y[k], y[other] = y[other], y[k]
    elif action == SHIFT:
        column, row = cell_of(x[0], grid.cell_width, grid.columns), cell_of(y[0], grid.cell_height, grid.rows)
        side = int(rng.random() * 4)
        x[0] = (column + 0.5 + (1 if side == 0 else -1 if side == 1 else 0)) * grid.cell_width
        y[0] = (row + 0.5 + (1 if side == 2 else -1 if side == 3 else 0)) * grid.cell_height
    return count


@inner
def _find_cell(model: CostModel, walker: Walker, rng: np.random.Generator) -> bool:
    """Draw cells for the one macro of a move until one is legal; the obstacles then have it there."""
    grid = model.grid[0]
    for _ in range(TRIES):
        walker.x[0] = (int(rng.random() * grid.columns) + 0.5) * grid.cell_width
        walker.y[0] = (int(rng.random() * grid.rows) + 0.5) * grid.cell_height
        _put(walker, 1, walker.x, walker.y)
        if _is_free(walker, 1):
            return True
    return False


@inner
def _act(model: CostModel, walker: Walker, action: int, temperature: float, rng: np.random.Generator) -> bool:
    """Try one action and keep it if the temperature allows; False if it was not legal."""
    state = walker.state
    count = _choose_places(model, walker, action, rng)
    _put(walker, count, walker.x, walker.y)
    if action == MOVE:
        found = _find_cell(model, walker, rng)
    else:
        found = action == FLIP or (count > 0 and _is_free(walker, count))
    if not found:
        _put(walker, count, walker.before_x, walker.before_y)
        return False
    turn = state.orientation[walker.items[0]]
    turned = turn ^ (1 if rng.random() < 0.5 else 3) if action == FLIP else turn  # N-FN S-FS, or N-FS S-FN
    for k in range(count):
        item = walker.items[k]
        move_object(model, state, item, walker.x[k], walker.y[k], turned if k == 0 else state.orientation[item])
    cost = _proxy(model, state)
    if cost <= walker.cost[0] or rng.random() < np.exp((walker.cost[0] - cost) / temperature):
        walker.cost[0] = cost
        return True
    _put(walker, count, walker.before_x, walker.before_y)
    for k in range(count):
        item = walker.items[k]
        back = turn if k == 0 else state.orientation[item]
        move_object(model, state, item, walker.before_x[k], walker.before_y[k], back)
    return True


@kernel
def walk(
    model: CostModel, walker: Walker, shares: np.ndarray, temperature: float, cooling: float, actions: int,
    rng: np.random.Generator,
) -> int:  # fmt: skip
    """Try a number of actions, the temperature falling by a factor each; returns how many costs were computed.

    `shares` are the cumulated probabilities of SWAP, SHIFT, MOVE, SHUFFLE, FLIP. The state's maps are built anew first.
    """
    rebuild(model, walker.state)
    walker.cost[0] = _proxy(model, walker.state)
    _keep_if_best(walker)
    tried = 1
    for _ in range(actions):
        kind = rng.random()
        action = 0
        while action < FLIP and kind >= shares[action]:
            action += 1
        tried += _act(model, walker, action, temperature, rng)
        temperature *= cooling
        _keep_if_best(walker)
    return tried
