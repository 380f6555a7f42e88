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
from workbench.place.routing_kernels import inner

JUMP_REACH = 2.0
"""A jump to a connected pin lands within so many cells of it (model: ours)."""
PUSHES = 3
"""How often a hard macro is pushed out of what it hits before the place is given up (model: ours)."""

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


PROPOSAL_DTYPE = np.dtype(
    [
        ("moves", np.int64),  # 1, or 2 for a swap
        ("item", np.int64, 2),
        ("x", np.float64, 2),
        ("y", np.float64, 2),
        ("orientation", np.int64, 2),
    ]
)
"""One trial move: objects and where they shall go, one record."""


class Movable(NamedTuple):
    """What may move, and memory for undoing."""

    hard: np.ndarray  # object indices, int64
    soft: np.ndarray
    proposal: np.ndarray  # PROPOSAL_DTYPE (1)
    before: np.ndarray  # PROPOSAL_DTYPE (1): the same objects where they were
    lengths: np.ndarray  # net lengths before the trial, for the objects moved (two at most)
    best_x: np.ndarray  # the best state so far
    best_y: np.ndarray
    best_orientation: np.ndarray


@inner
def copy_maps(source: CostState, target: CostState, wires: bool, macros: bool) -> None:
    """Copy the covered area, and where asked the maps of wires and of macros."""
    target.area[:] = source.area
    if wires:
        target.horizontal[:] = source.horizontal
        target.vertical[:] = source.vertical
    if macros:
        target.macro_horizontal[:] = source.macro_horizontal
        target.macro_vertical[:] = source.macro_vertical


@inner
def proxy_of(model: CostModel, state: CostState, run: np.ndarray) -> float:
    """The weighted cost of a state."""
    wirelength, density, congestion = costs_of(model, state)
    return wirelength + run[0].density_weight * density + run[0].congestion_weight * congestion


@inner
def _keep_lengths(model: CostModel, state: CostState, lengths: np.ndarray, item: int, saved: int, back: bool) -> int:
    """Save the lengths of an object's nets in `lengths[saved:]`, or bring them back; returns the next free place."""
    for i in range(model.object_start[item], model.object_start[item + 1]):
        net = model.object_net[i]
        if back:
            state.net_length[net] = lengths[saved]
        else:
            lengths[saved] = state.net_length[net]
        saved += 1
    return saved


@inner
def _trial(
    model: CostModel, state: CostState, kept: CostState, movable: Movable, run: np.ndarray, rng: np.random.Generator
) -> bool:
    """Carry out the proposal and keep it if the temperature allows; True if kept."""
    proposal, before = movable.proposal[0], movable.before[0]
    wirelength = state.totals[0].wirelength
    saved, wires, macros = 0, False, False
    for k in range(proposal.moves):
        item = proposal.item[k]
        before.x[k], before.y[k], before.orientation[k] = state.x[item], state.y[item], state.orientation[item]
        macros |= model.is_macro[item]
        saved = _keep_lengths(model, state, movable.lengths, item, saved, False)
        wires |= move_object(model, state, item, proposal.x[k], proposal.y[k], proposal.orientation[k])
    cost = proxy_of(model, state, run)
    change = cost - run[0].cost
    if change <= 0.0 or rng.random() < np.exp(-change / run[0].temperature):
        copy_maps(state, kept, wires, macros)
        run[0].cost = cost
        return True
    copy_maps(kept, state, wires, macros)
    for k in range(proposal.moves):
        item = proposal.item[k]
        state.x[item], state.y[item], state.orientation[item] = before.x[k], before.y[k], before.orientation[k]
        place_points(model, state, item)
    # two objects may share nets, whose lengths before the first move are the right ones: brought back last
    first_nets = model.object_start[proposal.item[0] + 1] - model.object_start[proposal.item[0]]
    for k in range(proposal.moves - 1, -1, -1):
        _keep_lengths(model, state, movable.lengths, proposal.item[k], k * first_nets, True)
    state.totals[0].wirelength = wirelength
    return False


@inner
def _wanted_place(
    model: CostModel, state: CostState, run: np.ndarray, rng: np.random.Generator, item: int, jumps: bool
) -> tuple[float, float]:
    """A random place: near a random pin of a random net of the object, or near where it is, within the window."""
    grid = model.grid[0]
    x, y = state.x[item], state.y[item]
    start, end = model.object_start[item], model.object_start[item + 1]
    if jumps and end > start:
        net = model.object_net[start + int(rng.random() * (end - start))]
        first, last = model.net_start[net], model.net_start[net + 1]
        point = model.net_point[first + int(rng.random() * (last - first))]
        x, y = state.point_x[point], state.point_y[point]
        reach_x, reach_y = JUMP_REACH * grid.cell_width, JUMP_REACH * grid.cell_height
    else:
        reach_x, reach_y = run[0].window * grid.width, run[0].window * grid.height
        if run[0].on_grid and model.is_macro[item]:
            reach_x, reach_y = max(reach_x, 1.5 * grid.cell_width), max(reach_y, 1.5 * grid.cell_height)
    return x + (2.0 * rng.random() - 1.0) * reach_x, y + (2.0 * rng.random() - 1.0) * reach_y


@inner
def _propose_swap(state: CostState, proposal: np.ndarray, item: int, other: int) -> bool:
    """Two objects exchange their centres."""
    proposal[0].moves = 2
    for k in range(2):
        mover, goal = (item, other) if k == 0 else (other, item)
        proposal[0].item[k], proposal[0].orientation[k] = mover, state.orientation[mover]
        proposal[0].x[k], proposal[0].y[k] = state.x[goal], state.y[goal]
    return item != other


@inner
def _is_free(obstacles: Obstacles, x: float, y: float, own: int, other: int) -> bool:
    """Whether an obstacle may stand at (x, y), `other` being away."""
    half_width, half_height = obstacles.half_width[own], obstacles.half_height[own]
    return (
        is_inside(obstacles, x, y, half_width, half_height)
        and first_hit(obstacles, x, y, half_width, half_height, own, other) < 0
    )


@inner
def _propose_hard(
    model: CostModel, state: CostState, movable: Movable, obstacles: Obstacles, run: np.ndarray, rng: np.random.Generator
) -> bool:
    """Propose a move of a hard macro; False if none was found that is legal."""
    grid, proposal = model.grid[0], movable.proposal[0]
    item = movable.hard[int(rng.random() * len(movable.hard))]
    own = obstacles.of_object[item]
    kind = rng.random()
    proposal.moves, proposal.item[0] = 1, item
    proposal.x[0], proposal.y[0], proposal.orientation[0] = state.x[item], state.y[item], state.orientation[item]
    if kind < run[0].flip_share:  # another one of the four that keep the shape
        turned = (state.orientation[item] + 1 + int(rng.random() * 3)) & 3
        proposal.orientation[0] = (state.orientation[item] & ~3) | turned
        return True
    kind -= run[0].flip_share
    if kind < run[0].swap_share:
        other = movable.hard[int(rng.random() * len(movable.hard))]
        its = obstacles.of_object[other]
        return (
            _propose_swap(state, movable.proposal, item, other)
            and _is_free(obstacles, state.x[other], state.y[other], own, its)
            and _is_free(obstacles, state.x[item], state.y[item], its, own)
        )
    x, y = _wanted_place(model, state, run, rng, item, kind - run[0].swap_share < run[0].jump_share)
    if run[0].on_grid:
        x = (np.floor(x / grid.cell_width) + 0.5) * grid.cell_width
        y = (np.floor(y / grid.cell_height) + 0.5) * grid.cell_height
        found = _is_free(obstacles, x, y, own, -1)
    else:
        found, x, y = settle(obstacles, x, y, obstacles.half_width[own], obstacles.half_height[own], own, PUSHES)
    found = found and (x != proposal.x[0] or y != proposal.y[0])
    proposal.x[0], proposal.y[0] = x, y
    return found


@inner
def _propose_soft(model: CostModel, state: CostState, movable: Movable, run: np.ndarray, rng: np.random.Generator) -> bool:
    """Propose a move of a soft macro, which may overlap anything inside the canvas."""
    grid, proposal = model.grid[0], movable.proposal[0]
    item = movable.soft[int(rng.random() * len(movable.soft))]
    kind = rng.random()
    found = True
    if kind < run[0].swap_share:
        found = _propose_swap(state, movable.proposal, item, movable.soft[int(rng.random() * len(movable.soft))])
    else:
        proposal.moves, proposal.item[0], proposal.orientation[0] = 1, item, state.orientation[item]
        x, y = _wanted_place(model, state, run, rng, item, kind - run[0].swap_share < run[0].jump_share)
        proposal.x[0], proposal.y[0] = x, y
    for k in range(proposal.moves):
        half_width, half_height = 0.5 * model.width[proposal.item[k]], 0.5 * model.height[proposal.item[k]]
        proposal.x[k] = max(min(proposal.x[k], grid.width - half_width), half_width)
        proposal.y[k] = max(min(proposal.y[k], grid.height - half_height), half_height)
    return found


@kernel
def anneal(
    model: CostModel, state: CostState, kept: CostState, movable: Movable, obstacles: Obstacles, run: np.ndarray,
    rng: np.random.Generator, trials: int,
) -> None:  # fmt: skip
    """Make a number of trial moves; the best state so far is in `movable`, the counters in `run`."""
    rebuild(model, state)
    copy_maps(state, kept, True, True)
    run[0].cost = proxy_of(model, state, run)
    proposal = movable.proposal[0]
    for _ in range(trials):
        is_hard = rng.random() < run[0].hard_share
        if is_hard:
            found = _propose_hard(model, state, movable, obstacles, run, rng)
        else:
            found = _propose_soft(model, state, movable, run, rng)
        run[0].trials += 1
        run[0].temperature *= run[0].cooling
        run[0].window *= run[0].narrowing
        if not found:
            run[0].illegal += 1
            continue
        if not _trial(model, state, kept, movable, run, rng):
            continue
        run[0].accepted += 1
        if is_hard:
            for k in range(proposal.moves):
                own = obstacles.of_object[proposal.item[k]]
                obstacles.x[own], obstacles.y[own] = proposal.x[k], proposal.y[k]
        if run[0].cost < run[0].best_cost - 1e-9:
            run[0].best_cost = run[0].cost
            movable.best_x[:] = state.x
            movable.best_y[:] = state.y
            movable.best_orientation[:] = state.orientation
