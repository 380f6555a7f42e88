"""Coordinate descent on the exact proxy cost: one object at a time takes the best of all places and mirrorings near it.

Source: cost-and-environment §10 (circuit_training's coordinate_descent_placer: all legal cells within a Manhattan distance,
all allowed orientations, the exact best). Ours: where hard macros need not lie on the grid, a cell whose centre is taken
counts with the place beside what is in the way; soft macros may descend as objects of their own.
"""

from __future__ import annotations

import numpy as np

from workbench.base.jit import kernel
from workbench.place.cost import CONGESTION_WEIGHT, DENSITY_WEIGHT
from workbench.place.cost_kernels import costs_of, move_object
from workbench.place.cost_model import CostModel, CostState
from workbench.place.obstacles import Obstacles, first_hit, is_inside, settle
from workbench.place.routing_kernels import cell_of, inner

GAIN = 1e-9
"""Least fall of the cost that counts as one: above the rounding of the updates."""
PUSHES = 3
"""How often a hard macro off the grid is pushed out of what it hits before a place is given up (model: ours)."""


@inner
def _proxy(model: CostModel, state: CostState) -> float:
    wirelength, density, congestion = costs_of(model, state)
    return wirelength + DENSITY_WEIGHT * density + CONGESTION_WEIGHT * congestion


@inner
def _place_in_cell(
    model: CostModel, obstacles: Obstacles, item: int, column: int, row: int, on_grid: bool
) -> tuple[bool, float, float]:
    """Where an object would stand in a cell: found, x, y. Soft macros may overlap anything inside the canvas."""
    grid = model.grid[0]
    x, y = (column + 0.5) * grid.cell_width, (row + 0.5) * grid.cell_height
    own = obstacles.of_object[item]
    if own < 0:
        half_width, half_height = 0.5 * model.width[item], 0.5 * model.height[item]
        x = max(min(x, grid.width - half_width), half_width)
        y = max(min(y, grid.height - half_height), half_height)
        return True, x, y
    half_width, half_height = obstacles.half_width[own], obstacles.half_height[own]
    if on_grid:
        free = is_inside(obstacles, x, y, half_width, half_height)
        return free and first_hit(obstacles, x, y, half_width, half_height, own, -1) < 0, x, y
    found, x, y = settle(obstacles, x, y, half_width, half_height, own, PUSHES)
    return found, x, y


@inner
def _descend_one(
    model: CostModel, state: CostState, obstacles: Obstacles, item: int, reach: int, on_grid: bool, cost: float
) -> tuple[int, float]:
    """Evaluations made and the cost reached."""
    grid = model.grid[0]
    tried = 0
    start_x, start_y, start_turn = state.x[item], state.y[item], state.orientation[item]
    best_x, best_y, best_turn = start_x, start_y, start_turn
    own = obstacles.of_object[item]
    turns = 4 if own >= 0 else 1
    column, row = cell_of(start_x, grid.cell_width, grid.columns), cell_of(start_y, grid.cell_height, grid.rows)
    for k in range(-1 if reach == 0 or not on_grid else 0, (2 * reach + 1) ** 2 if reach > 0 else 0):
        x, y = start_x, start_y  # k = -1: the same place, mirrored
        if k >= 0:
            up, across = k // (2 * reach + 1) - reach, k % (2 * reach + 1) - reach
            c, r = column + across, row + up
            if abs(up) + abs(across) > reach or c < 0 or r < 0 or c >= grid.columns or r >= grid.rows:
                continue
            found, x, y = _place_in_cell(model, obstacles, item, c, r, on_grid)
            if not found:
                continue
        for mirrored in range(turns):
            turn = ((start_turn & ~3) | mirrored) if own >= 0 else start_turn
            if x == start_x and y == start_y and turn == start_turn:
                continue
            move_object(model, state, item, x, y, turn)
            tried += 1
            now = _proxy(model, state)
            if now < cost - GAIN:
                cost, best_x, best_y, best_turn = now, x, y, turn
    if state.x[item] != best_x or state.y[item] != best_y or state.orientation[item] != best_turn:
        move_object(model, state, item, best_x, best_y, best_turn)
    if own >= 0:
        obstacles.x[own], obstacles.y[own] = best_x, best_y
    return tried, cost


@kernel
def descend(
    model: CostModel, state: CostState, obstacles: Obstacles, items: np.ndarray, reach: int, on_grid: bool
) -> tuple[int, float]:
    """Let each of `items` in turn take its best place within `reach` cells (0: only mirrorings).

    Updates state and obstacles; returns the number of costs computed and the proxy cost at the end. The state's maps must
    be those of its coordinates (`cost_kernels.rebuild`), and stay so.
    """
    tried, cost = 0, _proxy(model, state)
    for item in items:
        more, cost = _descend_one(model, state, obstacles, item, reach, on_grid, cost)
        tried += more
    return tried, cost
