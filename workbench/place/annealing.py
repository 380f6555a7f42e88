"""Simulated annealing on the exact proxy cost: one kernel makes thousands of trial moves of hard and soft macros.

Hard macros never overlap: a trial place that hits something is pushed out beside it, and given up if that does not
help. A trial move updates the state, reads the cost, and is undone by copying back the maps it touched, so that every
accepted cost is exact.

Moves: shift within a window that narrows with the temperature; jump to the neighbourhood of a connected pin; swap of two
macros; flip. Source: cost-and-environment §11 names shift, swap, move and flip; the jump to a connected pin, moving soft
macros as moves of their own instead of a force-directed pass, and the schedule are ours (benchmarks/placement_quality.py
shows what they reach).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.base.jit import kernel
from workbench.place.cost_kernels import costs_of, move_object, place_points, rebuild
from workbench.place.cost_model import CostModel, CostState
from workbench.place.obstacles import Obstacles, first_hit, is_inside, settle

ANNEALING_DTYPE = np.dtype(
    [
        ("temperature", np.float64),  # now, in units of the proxy cost
        ("cooling", np.float64),  # factor per trial move
        ("window", np.float64),  # reach of shifts now, as a share of the canvas
        ("narrowing", np.float64),  # factor per trial move
        ("density_weight", np.float64),
        ("congestion_weight", np.float64),
        ("hard_share", np.float64),  # share of trial moves that go to hard macros
        ("jump_share", np.float64),  # shares of the kinds of moves; the rest are shifts
        ("swap_share", np.float64),
        ("flip_share", np.float64),
        ("on_grid", np.bool_),  # hard macros only on cell centres
        ("cost", np.float64),  # of the state
        ("best_cost", np.float64),
        ("trials", np.int64),
        ("accepted", np.int64),
        ("illegal", np.int64),  # trial places that were given up before their cost was asked
    ]
)
"""Settings and counters of a run, one record."""


class Movable(NamedTuple):
    """What may move, and memory for undoing."""

    hard: np.ndarray  # object indices, int32
    soft: np.ndarray
    lengths: np.ndarray  # net lengths before the trial, for the objects moved (two at most)
    best_x: np.ndarray  # the best state so far
    best_y: np.ndarray
    best_orientation: np.ndarray


@kernel
def copy_maps(source: CostState, target: CostState, wires: bool, macros: bool) -> None:
    """Copy the covered area, and where asked the maps of wires and of macros."""
    target.area[:] = source.area
    if wires:
        target.horizontal[:] = source.horizontal
        target.vertical[:] = source.vertical
    if macros:
        target.macro_horizontal[:] = source.macro_horizontal
        target.macro_vertical[:] = source.macro_vertical


@kernel
def proxy_of(model: CostModel, state: CostState, run: np.ndarray) -> float:
    """The weighted cost of a state."""
    wirelength, density, congestion = costs_of(model, state)
    return wirelength + run[0].density_weight * density + run[0].congestion_weight * congestion


@kernel
def _apply(
    model: CostModel, state: CostState, lengths: np.ndarray, saved: int, item: int, x: float, y: float, orientation: int
) -> bool:
    """Move an object, keeping its nets' lengths in `lengths[saved:]`; True if wires changed their cells."""
    for i in range(model.object_start[item], model.object_start[item + 1]):
        lengths[saved] = state.net_length[model.object_net[i]]
        saved += 1
    return move_object(model, state, item, x, y, orientation)


@kernel
def _take_back(
    model: CostModel, state: CostState, lengths: np.ndarray, saved: int, item: int, x: float, y: float, orientation: int
) -> None:
    """Undo `_apply` for everything but the maps and the total."""
    state.x[item], state.y[item], state.orientation[item] = x, y, orientation
    place_points(model, state, item)
    for i in range(model.object_start[item], model.object_start[item + 1]):
        state.net_length[model.object_net[i]] = lengths[saved]
        saved += 1


@kernel
def _trial(
    model: CostModel, state: CostState, kept: CostState, movable: Movable, run: np.ndarray, rng: np.random.Generator,
    item: int, x: float, y: float, orientation: int, other: int, other_x: float, other_y: float,
) -> bool:  # fmt: skip
    """Move one object, or two if `other` >= 0, and keep that if the temperature allows; True if kept."""
    old_x, old_y, old_orientation = state.x[item], state.y[item], state.orientation[item]
    before = state.totals[0].wirelength
    own_nets = model.object_start[item + 1] - model.object_start[item]
    macros = model.is_macro[item]
    wires = _apply(model, state, movable.lengths, 0, item, x, y, orientation)
    if other >= 0:
        was_x, was_y = state.x[other], state.y[other]
        macros |= model.is_macro[other]
        wires |= _apply(model, state, movable.lengths, own_nets, other, other_x, other_y, state.orientation[other])
    cost = proxy_of(model, state, run)
    change = cost - run[0].cost
    if change <= 0.0 or rng.random() < np.exp(-change / run[0].temperature):
        copy_maps(state, kept, wires, macros)
        run[0].cost = cost
        return True
    copy_maps(kept, state, wires, macros)
    if other >= 0:
        _take_back(model, state, movable.lengths, own_nets, other, was_x, was_y, state.orientation[other])
    _take_back(model, state, movable.lengths, 0, item, old_x, old_y, old_orientation)
    state.totals[0].wirelength = before
    return False


@kernel
def _connected_place(model: CostModel, state: CostState, rng: np.random.Generator, item: int) -> tuple[float, float]:
    """Position of a random other pin of a random net of an object (its own centre if it has no nets)."""
    start, end = model.object_start[item], model.object_start[item + 1]
    if start == end:
        return state.x[item], state.y[item]
    net = model.object_net[start + int(rng.random() * (end - start))]
    first, last = model.net_start[net], model.net_start[net + 1]
    point = model.net_point[first + int(rng.random() * (last - first))]
    return state.point_x[point], state.point_y[point]


@kernel
def _wanted_place(
    model: CostModel, state: CostState, run: np.ndarray, rng: np.random.Generator, item: int, jumps: bool
) -> tuple[float, float]:
    """A random place: near a connected pin, or near the present one within the window."""
    grid = model.grid[0]
    if jumps:
        x, y = _connected_place(model, state, rng, item)
        reach_x, reach_y = 2.0 * grid.cell_width, 2.0 * grid.cell_height
    else:
        x, y = state.x[item], state.y[item]
        reach_x, reach_y = run[0].window * grid.width, run[0].window * grid.height
        if run[0].on_grid and model.is_macro[item]:
            reach_x, reach_y = max(reach_x, 1.5 * grid.cell_width), max(reach_y, 1.5 * grid.cell_height)
    return x + (2.0 * rng.random() - 1.0) * reach_x, y + (2.0 * rng.random() - 1.0) * reach_y


@kernel
def _try_hard(
    model: CostModel, state: CostState, kept: CostState, movable: Movable, obstacles: Obstacles, run: np.ndarray,
    rng: np.random.Generator,
) -> bool:  # fmt: skip
    """One trial move of a hard macro; True if kept."""
    grid = model.grid[0]
    item = movable.hard[int(rng.random() * len(movable.hard))]
    own = obstacles.of_object[item]
    half_width, half_height = obstacles.half_width[own], obstacles.half_height[own]
    kind = rng.random()
    if kind < run[0].flip_share:
        orientation = (state.orientation[item] & ~3) | ((state.orientation[item] + 1 + int(rng.random() * 3)) & 3)
        return _trial(model, state, kept, movable, run, rng, item, state.x[item], state.y[item], orientation, -1, 0.0, 0.0)
    kind -= run[0].flip_share
    if kind < run[0].swap_share:
        other = movable.hard[int(rng.random() * len(movable.hard))]
        return other != item and _try_swap(model, state, kept, movable, obstacles, run, rng, item, other)
    kind -= run[0].swap_share
    x, y = _wanted_place(model, state, run, rng, item, kind < run[0].jump_share)
    if run[0].on_grid:
        x = (np.floor(x / grid.cell_width) + 0.5) * grid.cell_width
        y = (np.floor(y / grid.cell_height) + 0.5) * grid.cell_height
        found = is_inside(obstacles, x, y, half_width, half_height) and (
            first_hit(obstacles, x, y, half_width, half_height, own, -1) < 0
        )
    else:
        found, x, y = settle(obstacles, x, y, half_width, half_height, own, 3)
    if not found or (x == state.x[item] and y == state.y[item]):
        run[0].illegal += 1
        return False
    keeps = _trial(model, state, kept, movable, run, rng, item, x, y, state.orientation[item], -1, 0.0, 0.0)
    if keeps:
        obstacles.x[own], obstacles.y[own] = x, y
    return keeps


@kernel
def _try_swap(
    model: CostModel, state: CostState, kept: CostState, movable: Movable, obstacles: Obstacles, run: np.ndarray,
    rng: np.random.Generator, item: int, other: int,
) -> bool:  # fmt: skip
    """Exchange the centres of two hard macros if that is legal; True if kept."""
    own, its = obstacles.of_object[item], obstacles.of_object[other]
    width, height = obstacles.half_width, obstacles.half_height
    x, y, other_x, other_y = state.x[item], state.y[item], state.x[other], state.y[other]
    legal = is_inside(obstacles, other_x, other_y, width[own], height[own]) and is_inside(
        obstacles, x, y, width[its], height[its]
    )
    if width[own] != width[its] or height[own] != height[its]:
        legal = (
            legal
            and first_hit(obstacles, other_x, other_y, width[own], height[own], own, its) < 0
            and first_hit(obstacles, x, y, width[its], height[its], own, its) < 0
        )
    if not legal:
        run[0].illegal += 1
        return False
    keeps = _trial(model, state, kept, movable, run, rng, item, other_x, other_y, state.orientation[item], other, x, y)
    if keeps:
        obstacles.x[own], obstacles.y[own], obstacles.x[its], obstacles.y[its] = other_x, other_y, x, y
    return keeps


@kernel
def _try_soft(
    model: CostModel, state: CostState, kept: CostState, movable: Movable, run: np.ndarray, rng: np.random.Generator
) -> bool:
    """One trial move of a soft macro, which may overlap anything inside the canvas; True if kept."""
    grid = model.grid[0]
    item = movable.soft[int(rng.random() * len(movable.soft))]
    kind = rng.random()
    if kind < run[0].swap_share:
        other = movable.soft[int(rng.random() * len(movable.soft))]
        return other != item and _trial(
            model, state, kept, movable, run, rng, item, state.x[other], state.y[other], state.orientation[item],
            other, state.x[item], state.y[item],
        )  # fmt: skip
    x, y = _wanted_place(model, state, run, rng, item, kind - run[0].swap_share < run[0].jump_share)
    half_width, half_height = 0.5 * model.width[item], 0.5 * model.height[item]
    x = max(min(x, grid.width - half_width), half_width)
    y = max(min(y, grid.height - half_height), half_height)
    return _trial(model, state, kept, movable, run, rng, item, x, y, state.orientation[item], -1, 0.0, 0.0)


@kernel
def anneal(
    model: CostModel, state: CostState, kept: CostState, movable: Movable, obstacles: Obstacles, run: np.ndarray,
    rng: np.random.Generator, trials: int,
) -> None:  # fmt: skip
    """Make a number of trial moves; the best state so far is in `movable`, the counters in `run`."""
    rebuild(model, state)
    copy_maps(state, kept, True, True)
    run[0].cost = proxy_of(model, state, run)
    hard_share = run[0].hard_share
    if len(movable.soft) == 0:
        hard_share = 1.0
    if len(movable.hard) == 0:
        hard_share = 0.0
    for _ in range(trials):
        if rng.random() < hard_share:
            keeps = _try_hard(model, state, kept, movable, obstacles, run, rng)
        else:
            keeps = _try_soft(model, state, kept, movable, run, rng)
        run[0].trials += 1
        run[0].accepted += keeps
        if keeps and run[0].cost < run[0].best_cost - 1e-9:
            run[0].best_cost = run[0].cost
            movable.best_x[:] = state.x
            movable.best_y[:] = state.y
            movable.best_orientation[:] = state.orientation
        run[0].temperature *= run[0].cooling
        run[0].window *= run[0].narrowing
