"""Spreads macros over the canvas around what stays: short wires against even density, in a hundred steps.

Every macro is drawn by its nets (the slope of their half-perimeters, rounded off where a net is short) and pushed by a
field: the area that covers the canvas acts as charge, whose potential solves Poisson's equation on the placement grid and
pushes objects from where there is much of it to where there is little. The field's share grows from step to step and the
steps shorten, so that order comes first and evenness last.

Source: the electrostatic analogy is that of ePlace (Lu et al., ACM TODAES 20(2), 2015). Half-perimeter slopes instead of
smoothed wires, the fixed schedule and the floor under the charge are ours, chosen on ariane133 with annealed, greedy and
random hard macros: there, followed by one settling sweep (`environment_soft_macros`), the proxy cost is 0.668, 0.707 and
0.741, against 0.719, 0.748 and 0.791 by two sweeps alone; annealing everything reaches 0.643 in 2 million moves.
Backed by tests/place/test_spreading.py.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from workbench.base.jit import inner_kernel, kernel
from workbench.place.environment_kernels import stamp

if TYPE_CHECKING:
    from workbench.place.environment_problem import PlacementProblem

STEPS = 100
FIELD = (10.0, 1e4)
"""Weight of the field against the nets, first and last; between them it grows geometrically."""
REACH = (4.0, 0.2)
"""Longest displacement of a step in cells, first and last."""
ROUNDING = (4.0, 0.5)
"""Nets shorter than so many cells pull in proportion to their length, first and last."""
FLOOR = 0.7
"""Density below which a cell counts as free: there is no gain in thinning it further."""
PUSH = 4.0
"""What a field that falls by 1 a cell counts against a net's full pull."""
INERTIA = 0.5
"""Share of a displacement that is the one before."""


def spread_out(problem: PlacementProblem, movable: np.ndarray, x_um: np.ndarray, y_um: np.ndarray) -> None:
    """Spread the objects `movable` of a batch of floorplans in place, from where they are; `x_um`, `y_um` are (B, n)."""
    canvas = problem.canvas
    grid = np.array([canvas.columns, canvas.rows, canvas.width_um, canvas.height_um], dtype=np.float64)
    still = np.setdiff1d(np.flatnonzero((problem.width_um > 0) & (problem.height_um > 0)), movable).astype(np.int64)
    nets = (problem.net_start, problem.net_pin, problem.net_weight, problem.pin_object, problem.pin_x_um, problem.pin_y_um)
    owner = problem.pin_object[problem.net_pin]
    weight = np.repeat(problem.net_weight, np.diff(problem.net_start))
    degree = np.bincount(owner, weight, problem.netlist.objects)
    waves = *_cosines(canvas.rows), *_cosines(canvas.columns)
    schedule = np.array([FIELD, REACH, ROUNDING])
    for b in range(len(x_um)):
        _spread(
            x_um[b], y_um[b], movable, still, problem.width_um, problem.height_um, grid, nets, degree, waves, schedule,
            STEPS, FLOOR, PUSH, INERTIA,
        )  # fmt: skip


@cache
def _cosines(cells: int) -> tuple[np.ndarray, np.ndarray]:
    """The orthonormal cosine transform of a row of cells (k, cell), and the square of each wave's number per cell."""
    k = np.arange(cells)[:, None]
    waves = np.cos(np.pi * k * (np.arange(cells) + 0.5) / cells) * np.sqrt(2 / cells)
    waves[0] /= np.sqrt(2)
    return waves, (np.pi * np.arange(cells) / cells) ** 2


@inner_kernel
def _multiply(a: np.ndarray, b: np.ndarray, product: np.ndarray) -> None:
    """Matrix product; Numba's own needs SciPy."""
    for i in range(a.shape[0]):
        product[i] = 0.0
        for k in range(a.shape[1]):
            for j in range(b.shape[1]):
                product[i, j] += a[i, k] * b[k, j]


@kernel
def potential(
    charge: np.ndarray, rows: np.ndarray, row_squares: np.ndarray, columns: np.ndarray, column_squares: np.ndarray,
    result: np.ndarray,
) -> None:  # fmt: skip
    """Solve ∇²result = mean(charge) - charge on the grid, distances in cells, with no flow over the canvas edge."""
    half, waves = np.empty(charge.shape), np.empty(charge.shape)
    _multiply(charge, columns.T.copy(), half)
    _multiply(rows, half, waves)
    for r in range(charge.shape[0]):
        for c in range(charge.shape[1]):
            square = row_squares[r] + column_squares[c]
            waves[r, c] = waves[r, c] / square if square > 0 else 0.0
    _multiply(waves, columns, half)
    _multiply(rows.T.copy(), half, result)


@inner_kernel
def _pull(
    net_start: np.ndarray, net_pin: np.ndarray, net_weight: np.ndarray, pin_object: np.ndarray, offset: np.ndarray,
    centre: np.ndarray, rounding: float, force: np.ndarray,
) -> None:  # fmt: skip
    """Add the nets' pull along one axis to the force on their outermost objects."""
    for net in range(len(net_weight)):
        first, last = net_start[net], net_start[net + 1]
        if last <= first:
            continue
        low = high = pin_object[net_pin[first]]
        least = most = centre[low] + offset[net_pin[first]]
        for j in range(first + 1, last):
            owner = pin_object[net_pin[j]]
            at = centre[owner] + offset[net_pin[j]]
            if at < least:
                least, low = at, owner
            if at > most:
                most, high = at, owner
        pull = net_weight[net] * min(1.0, (most - least) / rounding)
        force[low] += pull
        force[high] -= pull


@inner_kernel
def _slope(field: np.ndarray, r: int, c: int, axis: int) -> float:
    """Fall of the potential per cell at a cell, along x (axis 0) or y."""
    rows, columns = field.shape
    if axis == 0:
        return 0.5 * (field[r, max(c - 1, 0)] - field[r, min(c + 1, columns - 1)])
    return 0.5 * (field[max(r - 1, 0), c] - field[min(r + 1, rows - 1), c])


@inner_kernel
def _push(field: np.ndarray, column: float, row: float, axis: int) -> float:
    """Fall of the potential at a point in cells, interpolated between the four cells around it."""
    rows, columns = field.shape
    u, v = min(max(column - 0.5, 0.0), columns - 1.0), min(max(row - 0.5, 0.0), rows - 1.0)
    c, r = int(u), int(v)
    right, above = min(c + 1, columns - 1), min(r + 1, rows - 1)
    low = _slope(field, r, c, axis) * (1 - (u - c)) + _slope(field, r, right, axis) * (u - c)
    high = _slope(field, above, c, axis) * (1 - (u - c)) + _slope(field, above, right, axis) * (u - c)
    return low * (1 - (v - r)) + high * (v - r)


@inner_kernel
def _within(at: float, size: float, length: float) -> float:
    """The nearest centre at which an object lies inside; the middle if it is too large."""
    return min(max(at, size / 2), length - size / 2) if size < length else length / 2


@kernel
def _spread(
    x: np.ndarray, y: np.ndarray, movable: np.ndarray, still: np.ndarray, width: np.ndarray, height: np.ndarray,
    grid: np.ndarray, nets: tuple[np.ndarray, ...], degree: np.ndarray, waves: tuple[np.ndarray, ...],
    schedule: np.ndarray, steps: int, floor: float, push: float, inertia: float,
) -> None:  # fmt: skip
    columns, rows = int(grid[0]), int(grid[1])
    cell_width, cell_height = grid[2] / columns, grid[3] / rows
    net_start, net_pin, net_weight, pin_object, pin_x, pin_y = nets
    fixed, charge, field = np.zeros((rows, columns)), np.empty((rows, columns)), np.empty((rows, columns))
    for i in still:
        left, bottom = x[i] - width[i] / 2, y[i] - height[i] / 2
        stamp(fixed, left, bottom, left + width[i], bottom + height[i], cell_width, cell_height, 1.0)
    force_x, force_y, speed = np.empty(len(x)), np.empty(len(x)), np.zeros((len(x), 2))
    for step in range(steps):
        share = step / max(1, steps - 1)
        weight = schedule[0, 0] * (schedule[0, 1] / schedule[0, 0]) ** share
        reach = schedule[1, 0] * (schedule[1, 1] / schedule[1, 0]) ** share
        rounding = schedule[2, 0] * (schedule[2, 1] / schedule[2, 0]) ** share
        force_x[:] = 0.0
        force_y[:] = 0.0
        _pull(net_start, net_pin, net_weight, pin_object, pin_x, x, rounding * cell_width, force_x)
        _pull(net_start, net_pin, net_weight, pin_object, pin_y, y, rounding * cell_height, force_y)
        charge[:] = fixed
        for i in movable:
            left, bottom = x[i] - width[i] / 2, y[i] - height[i] / 2
            stamp(charge, left, bottom, left + width[i], bottom + height[i], cell_width, cell_height, 1.0)
        charge[:] = np.maximum(charge, floor)
        potential(charge, waves[0], waves[1], waves[2], waves[3], field)
        for i in movable:
            load = weight * width[i] * height[i] / (cell_width * cell_height)
            mass = max(degree[i] + load, 1e-30)
            column, row = x[i] / cell_width, y[i] / cell_height
            across = (force_x[i] + push * load * _push(field, column, row, 0)) / mass
            up = (force_y[i] + push * load * _push(field, column, row, 1)) / mass
            speed[i, 0] = inertia * speed[i, 0] + (1 - inertia) * min(max(across, -1.0), 1.0)
            speed[i, 1] = inertia * speed[i, 1] + (1 - inertia) * min(max(up, -1.0), 1.0)
            x[i] = _within(x[i] + reach * cell_width * speed[i, 0], width[i], grid[2])
            y[i] = _within(y[i] + reach * cell_height * speed[i, 1], height[i], grid[3])
