"""Kernels of the proxy cost: stamp macros, sum the worst cells, follow moves; for whole placements and for single moves.

Every formula is from cost-and-environment §3 (validated there against the public evaluator). Routing maps hold sums of
whole net weights, so adding and removing a net restores them exactly; covered areas drift by rounding only, and
`rebuild` starts afresh.
"""

from __future__ import annotations

import numpy as np

from workbench.base.jit import inner_kernel, kernel
from workbench.place.cost_model import CostModel, CostState
from workbench.place.routing_kernels import BORROWED, cell_of, copy_values, lean, route_net, route_nets

_VECTOR = {"reassoc", "nsz", "contract"}
"""Freedom given to sums of maps: their order, nothing else."""
TIE = 4e-12
"""Share by which values may differ and count as equal when the largest are summed: rounding of equal areas."""
LEAST = 1e-9
"""Values smaller than this count as so large for the two shares."""
FIRST_STEP, STEP_GROWTH = 1e-3, 4.0
"""Share of a threshold by which the search for a better one steps first, and the growth of its steps (model: ours)."""


@lean
def place_points(model: CostModel, state: CostState, item: int) -> bool:
    """Move the points of an object to where its centre is; True if any came into another cell (see `moved`)."""
    grid = model.grid[0]
    x, y, turn = state.x[item], state.y[item], model.turn[state.orientation[item]]
    dx, dy = model.point_dx, model.point_dy
    point_x, point_y, moved = state.point_x, state.point_y, state.moved
    column, row = state.point_column, state.point_row
    any_moved = False
    for p in range(model.point_start[item], model.point_start[item + 1]):
        point_x[p] = x + turn[0] * dx[p] + turn[1] * dy[p]
        point_y[p] = y + turn[2] * dx[p] + turn[3] * dy[p]
        c = cell_of(point_x[p], grid.cell_width, grid.columns)
        r = cell_of(point_y[p], grid.cell_height, grid.rows)
        moved[p] = c != column[p] or r != row[p]
        any_moved |= moved[p]
        column[p], row[p] = c, r
    return any_moved


@lean
def _net_length(net_point: np.ndarray, point_x: np.ndarray, point_y: np.ndarray, start: int, end: int) -> float:
    left = right = point_x[net_point[start]]
    bottom = top = point_y[net_point[start]]
    for j in range(start + 1, end):
        x, y = point_x[net_point[j]], point_y[net_point[j]]
        left, right = min(left, x), max(right, x)
        bottom, top = min(bottom, y), max(top, y)
    return (right - left) + (top - bottom)


@lean
def stamp(model: CostModel, state: CostState, item: int, sign: float) -> None:
    """Add (sign 1) or remove (sign -1) the area of an object and, for a hard macro, the tracks it takes."""
    grid = model.grid[0]
    columns, rows, across, up = grid.columns, grid.rows, grid.cell_width, grid.cell_height
    turn = model.turn[state.orientation[item]]
    half_width = 0.5 * (abs(turn[0]) * model.width[item] + abs(turn[1]) * model.height[item])
    half_height = 0.5 * (abs(turn[2]) * model.width[item] + abs(turn[3]) * model.height[item])
    left, right = state.x[item] - half_width, state.x[item] + half_width
    bottom, top = state.y[item] - half_height, state.y[item] + half_height
    first_column, last_column = cell_of(left, across, columns), cell_of(right, across, columns)
    first_row, last_row = cell_of(bottom, up, rows), cell_of(top, up, rows)
    area = state.area
    for r in range(first_row, last_row + 1):
        covered_y = sign * max(0.0, min(top, (r + 1) * up) - max(bottom, r * up))
        for c in range(first_column, last_column + 1):
            area[r * columns + c] += covered_y * max(0.0, min(right, (c + 1) * across) - max(left, c * across))
    if not model.is_macro[item]:
        return
    # A macro that covers its first or last row only in part does not block the vertical tracks of its last row, and
    # likewise for columns: the rule of the public evaluator.
    low = min(top, (first_row + 1) * up) - max(bottom, first_row * up)
    high = min(top, (last_row + 1) * up) - max(bottom, last_row * up)
    near = min(right, (first_column + 1) * across) - max(left, first_column * across)
    far = min(right, (last_column + 1) * across) - max(left, last_column * across)
    free_rows = 1 if last_row > first_row and (abs(low - up) > 1e-5 or abs(high - up) > 1e-5) else 0
    free_columns = 1 if last_column > first_column and (abs(near - across) > 1e-5 or abs(far - across) > 1e-5) else 0
    macro_horizontal, macro_vertical = state.macro_horizontal, state.macro_vertical
    for c in range(first_column, last_column + 1):
        covered_x = max(0.0, min(right, (c + 1) * across) - max(left, c * across))
        for r in range(first_row, last_row + 1):
            covered_y = max(0.0, min(top, (r + 1) * up) - max(bottom, r * up))
            if covered_x > 0.0 and covered_y > 0.0:
                if r <= last_row - free_rows:
                    macro_vertical[r * columns + c] += sign * covered_x * grid.macro_vertical_scale
                if c <= last_column - free_columns:
                    macro_horizontal[c * rows + r] += sign * covered_y * grid.macro_horizontal_scale


@kernel(**BORROWED)
def rebuild(model: CostModel, state: CostState) -> None:
    """All maps and totals from the coordinates."""
    copy_values(model.base_area, state.area)
    state.horizontal[:] = 0.0
    state.vertical[:] = 0.0
    state.macro_horizontal[:] = 0.0
    state.macro_vertical[:] = 0.0
    for item in range(len(state.x)):
        place_points(model, state, item)
        stamp(model, state, item, 1.0)
    total = 0.0
    for net in range(len(model.net_weight)):
        route_net(model, state, net, 1.0)
        length = _net_length(model.net_point, state.point_x, state.point_y, model.net_start[net], model.net_start[net + 1])
        state.net_length[net] = length
        total += model.net_weight[net] * length
    state.totals[0].wirelength = total


@lean
def update_lengths(model: CostModel, state: CostState, item: int) -> None:
    """Half-perimeters of the nets of an object whose points have moved."""
    net_start, net_point, weight = model.net_start, model.net_point, model.net_weight
    point_x, point_y, lengths = state.point_x, state.point_y, state.net_length
    change = 0.0
    for i in range(model.object_start[item], model.object_start[item + 1]):
        net = model.object_net[i]
        length = _net_length(net_point, point_x, point_y, net_start[net], net_start[net + 1])
        change += weight[net] * (length - lengths[net])
        lengths[net] = length
    state.totals[0].wirelength += change


@kernel(**BORROWED)
def move_object(model: CostModel, state: CostState, item: int, x: float, y: float, orientation: int) -> bool:
    """Put an object somewhere else and update everything that follows; True if wires changed their cells."""
    old_x, old_y, old_orientation = state.x[item], state.y[item], state.orientation[item]
    is_sized = model.width[item] > 0.0
    if is_sized:
        stamp(model, state, item, -1.0)
    state.x[item], state.y[item], state.orientation[item] = x, y, orientation
    rerouted = place_points(model, state, item)
    if rerouted:
        state.x[item], state.y[item], state.orientation[item] = old_x, old_y, old_orientation
        _restore_cells(model, state, item)
        route_nets(model, state, item, -1.0)
        state.x[item], state.y[item], state.orientation[item] = x, y, orientation
        place_points(model, state, item)
        route_nets(model, state, item, 1.0)
    if is_sized:
        stamp(model, state, item, 1.0)
    update_lengths(model, state, item)
    return rerouted


@lean
def _restore_cells(model: CostModel, state: CostState, item: int) -> None:
    """Cells of an object's points at its present centre; `moved` stays as it is."""
    grid = model.grid[0]
    turn = model.turn[state.orientation[item]]
    for p in range(model.point_start[item], model.point_start[item + 1]):
        x = state.x[item] + turn[0] * model.point_dx[p] + turn[1] * model.point_dy[p]
        y = state.y[item] + turn[2] * model.point_dx[p] + turn[3] * model.point_dy[p]
        state.point_column[p] = cell_of(x, grid.cell_width, grid.columns)
        state.point_row[p] = cell_of(y, grid.cell_height, grid.rows)


@inner_kernel(fastmath=_VECTOR, **BORROWED)
def _at_least(values: np.ndarray, threshold: float) -> tuple[int, float]:
    """How many values are at least the threshold, and their sum (an index and a whole count: else it is no vector loop)."""
    count, total = 0, 0.0
    for i in range(len(values)):
        count += 1 if values[i] >= threshold else 0
        total += values[i] if values[i] >= threshold else 0.0
    return count, total


@lean
def mean_of_largest(values: np.ndarray, wanted: int, threshold: float) -> tuple[float, float]:
    """Mean of the `wanted` largest values and a threshold that they reach; quick if `threshold` is near it.

    The threshold is searched by counting between bounds; values that differ by no more than the share `TIE` count as equal.
    """
    count, total = _at_least(values, threshold)
    low, low_count, low_total, high, high_count, high_total = threshold, count, total, threshold, count, total
    first = step = FIRST_STEP * max(abs(threshold), LEAST)
    while low_count < wanted:
        high, high_count, high_total = low, low_count, low_total
        low, step = low - step, step * STEP_GROWTH
        low_count, low_total = _at_least(values, low)
    step = TIE * max(abs(low), LEAST)  # first whether they are equal ones
    while high_count > wanted:
        low, low_count, low_total = high, high_count, high_total
        high, step = high + step, max(step * STEP_GROWTH, first)
        high_count, high_total = _at_least(values, high)
    if high_count == wanted:
        return high_total / wanted, high
    halve = False
    while low_count > wanted and high - low > TIE * max(abs(low), abs(high), LEAST):
        share = 0.5 if halve else (low_count - wanted + 0.5) / (low_count - high_count + 1.0)
        middle = low + share * (high - low)
        count, total = _at_least(values, middle)
        if count >= wanted:
            halve = 2 * (low_count - count) < low_count - high_count
            low, low_count, low_total = middle, count, total
        else:
            halve = 2 * (count - high_count) < low_count - high_count
            high, high_count, high_total = middle, count, total
    between = (low_total - high_total) / (low_count - high_count)
    return (high_total + (wanted - high_count) * between) / wanted, low


@lean
def density_cost(model: CostModel, state: CostState) -> float:
    """Half the mean density of the densest tenth of the cells. Source: cost-and-environment §3.2."""
    grid, totals = model.grid[0], state.totals[0]
    mean, threshold = mean_of_largest(state.area, grid.density_cells, totals.density_threshold)
    state.totals[0].density_threshold = threshold
    return 0.5 * mean / (grid.cell_width * grid.cell_height)


@kernel(**BORROWED)
def congestion_cost(model: CostModel, state: CostState) -> float:
    """Mean of the most congested twentieth of both routing maps. Source: cost-and-environment §3.3."""
    grid = model.grid[0]
    columns, rows, cells, values = grid.columns, grid.rows, grid.columns * grid.rows, state.values
    reach = grid.smooth_range
    congestion_map(
        state.horizontal, state.macro_horizontal, values[:cells], state.line, columns, model.row_scale, reach
    )  # fmt: skip
    congestion_map(state.vertical, state.macro_vertical, values[cells:], state.line, rows, model.column_scale, reach)
    mean, threshold = mean_of_largest(values, grid.congestion_cells, state.totals[0].congestion_threshold)
    state.totals[0].congestion_threshold = threshold
    return mean


@inner_kernel(fastmath=_VECTOR, **BORROWED)
def congestion_map(
    differences: np.ndarray, macro: np.ndarray, out: np.ndarray, line: np.ndarray, lines: int, scale: np.ndarray,
    reach: int,
) -> None:  # fmt: skip
    """Congestion of one direction: running sums over `lines` of lines of cells, spread within them, plus the macros'.

    A cell's wires count `scale` per cell in each of the cells up to `reach` before and after it.
    """
    length = len(scale)
    running, share = line[:length], line[length : 2 * (length + reach)]
    running[:] = 0.0
    share[:] = 0.0
    for i in range(lines):
        base = i * length
        delta, taken, result = differences[base : base + length], macro[base : base + length], out[base : base + length]
        if reach == 0:
            for j in range(length):
                running[j] += delta[j]
                result[j] = running[j] * scale[j] + taken[j]
            continue
        own = share[reach : reach + length]
        for j in range(length):
            running[j] += delta[j]
            own[j] = running[j] * scale[j]
        if reach == 2:  # the usual range, as one vector operation
            before_2, before_1, after_1, after_2 = share[:length], share[1:], share[3:], share[4:]
            for j in range(length):
                result[j] = taken[j] + before_2[j] + before_1[j] + own[j] + after_1[j] + after_2[j]
            continue
        for j in range(length):
            result[j] = taken[j]
        for step in range(2 * reach + 1):
            near = share[step : step + length]
            for j in range(length):
                result[j] += near[j]


@kernel(**BORROWED)
def costs_of(model: CostModel, state: CostState) -> tuple[float, float, float]:
    """Wirelength, density and congestion cost of a state."""
    wirelength = state.totals[0].wirelength * model.grid[0].wirelength_scale
    return wirelength, density_cost(model, state), congestion_cost(model, state)
