"""Kernels that propose moves for the search: where a hard or soft macro might go next.

Kinds, drawn by the shares of the run (`SHIFT` ... `GROUP`): shift within a window; jump near a pin of a net; go to the
median of some connected pins; swap two macros; flip; leave a densest cell for the emptiest of some near ones (soft
macros); a hard macro together with the soft macros on and around it. Hard macros go only where they are legal: off the
grid, a place that hits something is pushed out beside it.

Source: cost-and-environment §11 names shift, swap, move and flip; the others are ours (benchmarks/placement_quality.py).
"""

from __future__ import annotations

import numpy as np

from workbench.place.cost_model import CostModel, CostState
from workbench.place.obstacles import Obstacles, first_hit, is_inside, settle
from workbench.place.routing_kernels import cell_of, lean
from workbench.place.trial_kernels import MOST_MOVED

KINDS = ("shift", "jump", "median", "swap", "flip", "relief", "group")
SHIFT, JUMP, MEDIAN, SWAP, FLIP, RELIEF, GROUP = range(len(KINDS))

JUMP_REACH = 2.0
"""A jump lands within so many cells of a connected pin."""
MEDIAN_PINS = 5
"""How many connected pins a macro asks for their median."""
MEDIAN_REACH = 1.0
"""It lands within so many cells of it."""
RELIEF_TRIES = 4
"""How many soft macros are asked whether they are in a densest cell, and how many places then."""
GROUP_MARGIN = 0.25
"""Soft macros go with a hard one if their centre is over it or beside it, within this share of its size."""
PUSHES = 3
"""How often a hard macro is pushed out of what it hits before the place is given up. (All of these are model: ours.)"""


@lean
def draw_kind(shares: np.ndarray, rng: np.random.Generator) -> int:
    """A kind of move by the shares, which sum to one."""
    rest = rng.random()
    for kind in range(len(shares)):
        rest -= shares[kind]
        if rest < 0.0:
            return kind
    return SHIFT


@lean
def _around(x: float, y: float, reach_x: float, reach_y: float, rng: np.random.Generator) -> tuple[float, float]:
    return x + (2.0 * rng.random() - 1.0) * reach_x, y + (2.0 * rng.random() - 1.0) * reach_y


@lean
def _connected_pin(model: CostModel, item: int, rng: np.random.Generator) -> int:
    """A random point of a random net of an object; -1 if it has no net."""
    start, end = model.object_start[item], model.object_start[item + 1]
    if start == end:
        return -1
    net = model.object_net[start + int(rng.random() * (end - start))]
    first, last = model.net_start[net], model.net_start[net + 1]
    return model.net_point[first + int(rng.random() * (last - first))]


@lean
def _median_place(
    model: CostModel, state: CostState, x: np.ndarray, y: np.ndarray, item: int, rng: np.random.Generator
) -> tuple[float, float]:
    """The median of some connected pins, each coordinate by itself; x and y are memory."""
    for k in range(MEDIAN_PINS):
        point = _connected_pin(model, item, rng)
        at_x, at_y = (state.point_x[point], state.point_y[point]) if point >= 0 else (state.x[item], state.y[item])
        place = k
        while place > 0 and x[place - 1] > at_x:
            x[place] = x[place - 1]
            place -= 1
        x[place] = at_x
        place = k
        while place > 0 and y[place - 1] > at_y:
            y[place] = y[place - 1]
            place -= 1
        y[place] = at_y
    return x[MEDIAN_PINS // 2], y[MEDIAN_PINS // 2]


@lean
def _wanted_place(
    model: CostModel, state: CostState, proposal: np.ndarray, item: int, window: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Where an object would like to go, by the kind of the proposal."""
    grid, kind = model.grid[0], proposal[0].kind
    if kind == JUMP:
        point = _connected_pin(model, item, rng)
        if point >= 0:
            x, y = state.point_x[point], state.point_y[point]
            return _around(x, y, JUMP_REACH * grid.cell_width, JUMP_REACH * grid.cell_height, rng)
    if kind == MEDIAN:
        x, y = _median_place(model, state, proposal[0].x, proposal[0].y, item, rng)
        return _around(x, y, MEDIAN_REACH * grid.cell_width, MEDIAN_REACH * grid.cell_height, rng)
    return _around(state.x[item], state.y[item], window * grid.width, window * grid.height, rng)


@lean
def _stay(state: CostState, proposal: np.ndarray, item: int) -> None:
    """A proposal that leaves one object where it is."""
    proposal[0].moves, proposal[0].item[0] = 1, item
    proposal[0].x[0], proposal[0].y[0] = state.x[item], state.y[item]
    proposal[0].orientation[0] = state.orientation[item]


@lean
def _swap(state: CostState, proposal: np.ndarray, item: int, other: int) -> bool:
    """Two objects exchange their centres."""
    _stay(state, proposal, item)
    proposal[0].moves, proposal[0].item[1], proposal[0].orientation[1] = 2, other, state.orientation[other]
    proposal[0].x[0], proposal[0].y[0] = state.x[other], state.y[other]
    proposal[0].x[1], proposal[0].y[1] = state.x[item], state.y[item]
    return item != other


@lean
def _is_free(obstacles: Obstacles, x: float, y: float, own: int, other: int) -> bool:
    """Whether an obstacle may stand at (x, y), `other` being away."""
    half_width, half_height = obstacles.half_width[own], obstacles.half_height[own]
    return (
        is_inside(obstacles, x, y, half_width, half_height)
        and first_hit(obstacles, x, y, half_width, half_height, own, other) < 0
    )


@lean
def propose_hard(
    model: CostModel, state: CostState, hard: np.ndarray, soft: np.ndarray, obstacles: Obstacles, proposal: np.ndarray,
    window: float, on_grid: bool, rng: np.random.Generator,
) -> bool:  # fmt: skip
    """Propose a move of a hard macro of the kind in the proposal; False if the place drawn is not legal."""
    grid, kind = model.grid[0], proposal[0].kind
    item = hard[int(rng.random() * len(hard))]
    own = obstacles.of_object[item]
    if kind == SWAP:
        other = hard[int(rng.random() * len(hard))]
        its = obstacles.of_object[other]
        return (
            _swap(state, proposal, item, other)
            and _is_free(obstacles, state.x[other], state.y[other], own, its)
            and _is_free(obstacles, state.x[item], state.y[item], its, own)
        )
    if kind == FLIP:  # another one of the four that keep the shape
        _stay(state, proposal, item)
        turned = (state.orientation[item] + 1 + int(rng.random() * 3)) & 3
        proposal[0].orientation[0] = (state.orientation[item] & ~3) | turned
        return True
    if on_grid:
        window = max(window, 1.5 * max(grid.cell_width / grid.width, grid.cell_height / grid.height))
    x, y = _wanted_place(model, state, proposal, item, window, rng)
    _stay(state, proposal, item)
    if on_grid:
        x = (np.floor(x / grid.cell_width) + 0.5) * grid.cell_width
        y = (np.floor(y / grid.cell_height) + 0.5) * grid.cell_height
        found = _is_free(obstacles, x, y, own, -1)
    else:
        found, x, y = settle(obstacles, x, y, obstacles.half_width[own], obstacles.half_height[own], own, PUSHES)
    if not found or (x == state.x[item] and y == state.y[item]):
        return False
    proposal[0].x[0], proposal[0].y[0] = x, y
    if kind == GROUP:
        _take_along(model, state, soft, obstacles, proposal, own)
    return True


@lean
def _take_along(
    model: CostModel, state: CostState, soft: np.ndarray, obstacles: Obstacles, proposal: np.ndarray, own: int
) -> None:
    """Soft macros on and around a hard one make the same step, as many as a proposal holds."""
    step = proposal[0]
    item = step.item[0]
    reach_x = (1.0 + GROUP_MARGIN) * obstacles.half_width[own]
    reach_y = (1.0 + GROUP_MARGIN) * obstacles.half_height[own]
    from_x, from_y = state.x[item], state.y[item]
    for other in soft:
        if abs(state.x[other] - from_x) < reach_x and abs(state.y[other] - from_y) < reach_y:
            k = step.moves
            if k == MOST_MOVED:
                return
            step.item[k], step.orientation[k] = other, state.orientation[other]
            step.x[k], step.y[k] = state.x[other] + step.x[0] - from_x, state.y[other] + step.y[0] - from_y
            _pull_inside(model, proposal, k)
            step.moves += 1


@lean
def _pull_inside(model: CostModel, proposal: np.ndarray, k: int) -> None:
    """The k-th object of a proposal, a soft macro, does not leave the canvas."""
    grid, step = model.grid[0], proposal[0]
    half_width, half_height = 0.5 * model.width[step.item[k]], 0.5 * model.height[step.item[k]]
    step.x[k] = max(min(step.x[k], grid.width - half_width), half_width)
    step.y[k] = max(min(step.y[k], grid.height - half_height), half_height)


@lean
def propose_soft(
    model: CostModel, state: CostState, soft: np.ndarray, proposal: np.ndarray, window: float, rng: np.random.Generator
) -> bool:
    """Propose a move of a soft macro of the kind in the proposal, which may overlap anything inside the canvas."""
    kind = proposal[0].kind
    item = soft[int(rng.random() * len(soft))]
    found = True
    if kind == SWAP:
        found = _swap(state, proposal, item, soft[int(rng.random() * len(soft))])
    elif kind == RELIEF:
        item = _crowded(model, state, soft, rng)
        x, y = _emptier_place(model, state, item, window, rng)
        _stay(state, proposal, item)
        proposal[0].x[0], proposal[0].y[0] = x, y
    else:
        x, y = _wanted_place(model, state, proposal, item, window, rng)
        _stay(state, proposal, item)
        proposal[0].x[0], proposal[0].y[0] = x, y
    for k in range(proposal[0].moves):
        _pull_inside(model, proposal, k)
    return found


@lean
def _area_at(model: CostModel, state: CostState, x: float, y: float) -> float:
    """Covered area of the cell at a place, µm²."""
    grid = model.grid[0]
    row, column = cell_of(y, grid.cell_height, grid.rows), cell_of(x, grid.cell_width, grid.columns)
    return state.area[row * grid.columns + column]


@lean
def _crowded(model: CostModel, state: CostState, soft: np.ndarray, rng: np.random.Generator) -> int:
    """A soft macro in one of the densest cells, if a few tries find one."""
    item = soft[0]
    for _ in range(RELIEF_TRIES):
        item = soft[int(rng.random() * len(soft))]
        if _area_at(model, state, state.x[item], state.y[item]) >= state.totals[0].density_threshold:
            break
    return item


@lean
def _emptier_place(
    model: CostModel, state: CostState, item: int, window: float, rng: np.random.Generator
) -> tuple[float, float]:
    """The place in the least covered cell of a few in the window, which is two cells at least."""
    grid = model.grid[0]
    reach_x = max(window * grid.width, 2.0 * grid.cell_width)
    reach_y = max(window * grid.height, 2.0 * grid.cell_height)
    best, best_x, best_y = np.inf, state.x[item], state.y[item]
    for _ in range(RELIEF_TRIES):
        x, y = _around(state.x[item], state.y[item], reach_x, reach_y, rng)
        covered = _area_at(model, state, x, y)
        if covered < best:
            best, best_x, best_y = covered, x, y
    return best_x, best_y
