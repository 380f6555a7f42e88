"""Where soft macros go once all hard macros lie: one fast, deterministic method, the same for every agent compared.

They start at their expected positions for the given macros (`environment_problem`), are spread
evenly between the hard macros (`spreading`) and then take, largest first, the grid-cell centre where the
wirelength cost plus the density cost rises least, `SWEEPS` times over. The density cost counts the area above a threshold,
the density of the k-th densest cell when the sweep starts (at least 1, that of a hard macro), at the slope of the cost
(cost-and-environment §3.2: 0.5·0.5/k per unit of density in the k densest cells), so that each choice is a step of
coordinate descent on these two parts of the proxy cost. Congestion is not looked at; wires count `WIRE_FACTOR` times
because shorter wires also congest less.

This stands for the force-directed step of Circuit Training (cost-and-environment §5), whose results depend on its code and
which takes 300 sweeps over all pairs; bounded cost is the point here (model: ours; benchmarks/training_curve.py).
"""

from __future__ import annotations

import numpy as np

from workbench.base.jit import inner_kernel, kernel
from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.place.environment_kernels import stamp, wire_rise
from workbench.place.environment_problem import PlacementProblem, make_problem
from workbench.place.order import fixed_objects
from workbench.place.spreading import spread_out

SWEEPS = 2
WIRE_FACTOR = 1.0
DENSITY_SLOPE = 0.25
"""0.5 (weight of the density in the proxy) times 0.5 (undoes the bloat of the soft macros)."""


def movable_soft_macros(problem: PlacementProblem) -> np.ndarray:
    """Soft macros that may move, largest area first, ties by index."""
    netlist = problem.netlist
    soft = np.flatnonzero((netlist.kind == ObjectKind.SOFT_MACRO) & ~fixed_objects(netlist))
    return soft[np.argsort(-(problem.width_um * problem.height_um)[soft], kind="stable")].astype(np.int64)


def place_soft_macros(floorplan: Floorplan, problem: PlacementProblem | None = None) -> Floorplan:
    """The same floorplan with every movable soft macro placed anew; hard macros and ports stay."""
    problem = problem or make_problem(floorplan.netlist, floorplan.canvas, floorplan)
    x, y = problem.spread_x_um.copy(), problem.spread_y_um.copy()
    for k, macro in enumerate(problem.order):
        away_x, away_y = floorplan.x_um[macro] - x[macro], floorplan.y_um[macro] - y[macro]
        x += problem.gain[k] * away_x
        y += problem.gain[k] * away_y
    x[problem.order], y[problem.order] = floorplan.x_um[problem.order], floorplan.y_um[problem.order]
    settle_soft_macros(problem, x[None], y[None])
    return Floorplan(floorplan.netlist, floorplan.canvas, x, y, floorplan.orientation)


def settle_soft_macros(problem: PlacementProblem, x_um: np.ndarray, y_um: np.ndarray) -> None:
    """Place the soft macros of a batch of finished episodes in place; `x_um`, `y_um` are (B, n), softs as expected."""
    canvas = problem.canvas
    soft = movable_soft_macros(problem)
    spread_out(problem, soft, x_um, y_um)
    still = np.flatnonzero(problem.netlist.kind != ObjectKind.PORT)
    still = np.setdiff1d(still, soft).astype(np.int64)
    grid = np.array([canvas.columns, canvas.rows, canvas.width_um, canvas.height_um], dtype=np.float64)
    nets = (problem.object_net_start, problem.object_net, problem.net_start, problem.net_pin, problem.net_weight)
    for b in range(len(x_um)):
        _settle(
            x_um[b], y_um[b], soft, still, problem.width_um, problem.height_um, grid, nets, problem.pin_object,
            problem.pin_x_um, problem.pin_y_um, problem.weight_um, SWEEPS, WIRE_FACTOR, DENSITY_SLOPE,
        )  # fmt: skip


@kernel
def _settle(
    x: np.ndarray, y: np.ndarray, soft: np.ndarray, still: np.ndarray, width: np.ndarray, height: np.ndarray,
    grid: np.ndarray, nets: tuple[np.ndarray, ...], pin_object: np.ndarray, pin_x: np.ndarray, pin_y: np.ndarray,
    weight_um: float, sweeps: int, wire_factor: float, slope: float,
) -> None:  # fmt: skip
    columns, rows = int(grid[0]), int(grid[1])
    cell_width, cell_height = grid[2] / columns, grid[3] / rows
    column_x, row_y = (np.arange(columns) + 0.5) * cell_width, (np.arange(rows) + 0.5) * cell_height
    object_net_start, object_net, net_start, net_pin, net_weight = nets
    density = np.zeros((rows, columns))
    for i in still:
        _stamp_object(density, i, x, y, width, height, cell_width, cell_height, 1.0)
    for i in soft:
        x[i], y[i] = min(max(x[i], 0.0), grid[2]), min(max(y[i], 0.0), grid[3])
        _stamp_object(density, i, x, y, width, height, cell_width, cell_height, 1.0)
    top = max(1, rows * columns // 10)
    rise_x, rise_y = np.zeros(columns), np.zeros(rows)
    for _ in range(sweeps):
        threshold = max(1.0, np.sort(density.ravel())[rows * columns - top])
        for i in soft:
            _stamp_object(density, i, x, y, width, height, cell_width, cell_height, -1.0)
            rise_x[:] = 0.0
            rise_y[:] = 0.0
            first, last = object_net_start[i], object_net_start[i + 1]
            wire_rise(i, column_x, first, last, object_net, net_start, net_pin, net_weight, pin_object, pin_x, x, rise_x)
            wire_rise(i, row_y, first, last, object_net, net_start, net_pin, net_weight, pin_object, pin_y, y, rise_y)
            _keep_inside(rise_x, column_x, width[i], grid[2])
            _keep_inside(rise_y, row_y, height[i], grid[3])
            row, column = _best_cell(
                density, rise_x, rise_y, wire_factor / weight_um, slope / top, threshold,
                width[i] / cell_width, height[i] / cell_height,
            )  # fmt: skip
            x[i], y[i] = column_x[column], row_y[row]
            _stamp_object(density, i, x, y, width, height, cell_width, cell_height, 1.0)


@inner_kernel
def _keep_inside(rise: np.ndarray, centre: np.ndarray, size: float, limit: float) -> None:
    """Forbid centres that push an object over the canvas edge, unless it is larger than the canvas."""
    for c in range(len(centre)):
        if size < limit and (centre[c] < size / 2 or centre[c] + size / 2 > limit):
            rise[c] = np.inf


@inner_kernel
def _stamp_object(
    density: np.ndarray, i: int, x: np.ndarray, y: np.ndarray, width: np.ndarray, height: np.ndarray, cell_width: float,
    cell_height: float, sign: float,
) -> None:  # fmt: skip
    left, right = x[i] - width[i] / 2, x[i] + width[i] / 2
    bottom, top = y[i] - height[i] / 2, y[i] + height[i] / 2
    stamp(density, left, bottom, right, top, cell_width, cell_height, sign)


@inner_kernel
def _best_cell(
    density: np.ndarray, rise_x: np.ndarray, rise_y: np.ndarray, wire_scale: float, slope: float, threshold: float,
    width: float, height: float,
) -> tuple[int, int]:  # fmt: skip
    """Row and column of the cheapest cell centre for an object of `width` by `height` cells; ties to the lowest cell."""
    rows, columns = density.shape
    reach_x, reach_y = int(np.ceil(max(width - 1, 0.0) / 2)), int(np.ceil(max(height - 1, 0.0) / 2))
    best, best_row, best_column = np.inf, 0, 0
    for r in range(rows):
        for c in range(columns):
            cost = wire_scale * (rise_x[c] + rise_y[r])
            if cost >= best:
                continue
            for i in range(max(0, r - reach_y), min(rows, r + reach_y + 1)):
                h = min(i + 1.0, r + 0.5 + height / 2) - max(float(i), r + 0.5 - height / 2)
                for j in range(max(0, c - reach_x), min(columns, c + reach_x + 1)):
                    w = min(j + 1.0, c + 0.5 + width / 2) - max(float(j), c + 0.5 - width / 2)
                    over = max(density[i, j] + w * h - threshold, 0.0) - max(density[i, j] - threshold, 0.0)
                    cost += slope * over
            if cost < best:
                best, best_row, best_column = cost, r, c
    return best_row, best_column
