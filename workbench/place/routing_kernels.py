"""Kernels that route nets over the grid: the wires that each net adds to the cells it crosses.

Source: cost-and-environment §3.3 (validated there against the public evaluator).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.place.cost_model import CostModel, CostState

BORROWED: dict[str, Any] = {"_nrt": False}
"""For kernels that allocate nothing: arrays are used without counting references. Counting them, for every array of a tuple
at every call, took a third of the time of the search."""
inner = inner_kernel
"""For kernels that only kernels call: without the entry from Python they compile much quicker."""
lean = inner_kernel(**BORROWED)
"""The same for those that allocate nothing."""


@lean
def copy_values(source: np.ndarray, target: np.ndarray) -> None:
    """Copy an array (a slice assignment would first make sure that the two do not overlap)."""
    for i in range(len(source)):
        target[i] = source[i]


@lean
def cell_of(position: float, size: float, cells: int) -> int:
    """Index of the cell that holds a position, clamped to the grid (ports lie on the canvas edge)."""
    index = int(np.floor(position / size))
    return min(max(index, 0), cells - 1)


@lean
def _route(
    grid: np.ndarray, horizontal: np.ndarray, vertical: np.ndarray, row_1: int, column_1: int, row_2: int, column_2: int,
    wires: float,
) -> None:  # fmt: skip
    """An L from cell 1 to cell 2 that leaves cell 1 horizontally."""
    rows, columns = grid[0].rows, grid[0].columns
    horizontal[min(column_1, column_2) * rows + row_1] += wires
    horizontal[max(column_1, column_2) * rows + row_1] -= wires
    vertical[min(row_1, row_2) * columns + column_2] += wires
    vertical[max(row_1, row_2) * columns + column_2] -= wires


@lean
def _route_three(
    grid: np.ndarray, horizontal: np.ndarray, vertical: np.ndarray, row: np.ndarray, column: np.ndarray, wires: float
) -> None:
    """A net in three distinct cells, given as the first three entries of row and column; sorts them."""
    _sort_three(column, row)
    y1, y2, y3 = row[0], row[1], row[2]
    x1, x2, x3 = column[0], column[1], column[2]
    if x1 < x2 < x3 and min(y1, y3) < y2 < max(y1, y3):
        _route(grid, horizontal, vertical, y1, x1, y2, x2, wires)
        _route(grid, horizontal, vertical, y2, x2, y3, x3, wires)
    elif x2 == x3 and x1 < x2 and y1 < min(y2, y3):
        _route(grid, horizontal, vertical, y1, x1, max(y2, y3), x2, wires)
    elif y2 == y3:
        _route(grid, horizontal, vertical, y1, x1, y2, x2, wires)
        _route(grid, horizontal, vertical, y2, x2, y2, x3, wires)
    else:
        _sort_three(row, column)
        y1, y2, y3 = row[0], row[1], row[2]
        x1, x2, x3 = column[0], column[1], column[2]
        left, right = min(x1, x2, x3), max(x1, x2, x3)
        _route(grid, horizontal, vertical, y2, left, y2, right, wires)
        _route(grid, horizontal, vertical, y1, x1, y2, x1, wires)
        _route(grid, horizontal, vertical, y2, x3, y3, x3, wires)


@lean
def _sort_three(first: np.ndarray, second: np.ndarray) -> None:
    """Sort the first three pairs by first, then second."""
    for i, j in ((0, 1), (1, 2), (0, 1)):
        if first[j] < first[i] or (first[j] == first[i] and second[j] < second[i]):
            first[i], first[j] = first[j], first[i]
            second[i], second[j] = second[j], second[i]


@lean
def route_nets(model: CostModel, state: CostState, item: int, sign: float) -> None:
    """Add (sign 1) or remove (sign -1) the wires of the nets of an object whose points have changed their cells.

    Nets whose one point on the object did not (`state.moved`) are left alone.
    """
    points, moved = model.object_point, state.moved
    for i in range(model.object_start[item], model.object_start[item + 1]):
        if points[i] < 0 or moved[points[i]]:
            route_net(model, state, model.object_net[i], sign)


@lean
def route_net(model: CostModel, state: CostState, net: int, sign: float) -> None:
    """Add (sign 1) or remove (sign -1) the wires of a net at the cells where its points are."""
    grid, net_point = model.grid, model.net_point
    columns = grid[0].columns
    horizontal, vertical, seen = state.horizontal, state.vertical, state.seen
    point_column, point_row = state.point_column, state.point_row
    column, row = state.pin_column, state.pin_row
    first, last = model.net_start[net], model.net_start[net + 1]
    wires = sign * model.net_demand[net]
    source_row, source_column = point_row[net_point[first]], point_column[net_point[first]]
    if last - first == 2:
        sink = net_point[first + 1]
        _route(grid, horizontal, vertical, source_row, source_column, point_row[sink], point_column[sink], wires)
        return
    state.totals[0].epoch += 1
    epoch, cells = state.totals[0].epoch, 0
    for j in range(first, last):
        r, c = point_row[net_point[j]], point_column[net_point[j]]
        if seen[r * columns + c] != epoch:
            seen[r * columns + c] = epoch
            row[cells], column[cells] = r, c
            cells += 1
    if cells == 3:
        _route_three(grid, horizontal, vertical, row, column, wires)
        return
    for j in range(1, cells):
        _route(grid, horizontal, vertical, source_row, source_column, row[j], column[j], wires)
