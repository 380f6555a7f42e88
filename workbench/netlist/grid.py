"""Chooses the placement grid of a canvas that comes without one."""

from __future__ import annotations

import math

import numpy as np

from workbench.netlist.netlist import Netlist, ObjectKind

FEWEST_LINES, MOST_LINES = 10, 128
"""Range of the number of columns and of rows."""
FEWEST_CELLS, MOST_CELLS = 500, 4096
"""Range of the number of cells."""
LARGEST_ASPECT = 1.5
"""Largest ratio of a cell's sides."""
TOLERANCE = 0.05
"""Wasted space given up for fewer cells, as a share of the macros' area."""


def choose_grid(width_um: float, height_um: float, netlist: Netlist) -> tuple[int, int]:
    """Columns and rows: the fewest cells whose wasted space exceeds the least by at most 5 %.

    Wasted space is the share of the area of hard macros that is lost when each is snapped to whole cells.

    Source: cost-and-environment §2 (the sweep of circuit_training's grid_size_selection). Accuracy: gives the grids of
    the published NanGate45 ariane133 and ASAP7 nvdla, and 39 x 37 where 39 x 36 was published for NanGate45 nvdla.
    """
    hard = netlist.indices(ObjectKind.MACRO)
    widths, heights = netlist.width_um[hard], netlist.height_um[hard]
    options = [
        (columns * rows, columns, rows)
        for columns in range(FEWEST_LINES, MOST_LINES + 1)
        for rows in range(FEWEST_LINES, MOST_LINES + 1)
        if FEWEST_CELLS <= columns * rows <= MOST_CELLS
        and 1 / LARGEST_ASPECT <= (width_um / columns) / (height_um / rows) <= LARGEST_ASPECT
    ]
    if not options:  # a canvas too long for cells of that shape
        columns = min(MOST_LINES, max(1, round(math.sqrt(FEWEST_CELLS * width_um / height_um))))
        return columns, min(MOST_LINES, max(1, math.ceil(FEWEST_CELLS / columns)))
    if not len(hard):
        _, columns, rows = min(options)
        return columns, rows
    snapped_x = {c: _snapped(widths, width_um / c) for c in {option[1] for option in options}}
    snapped_y = {r: _snapped(heights, height_um / r) for r in {option[2] for option in options}}
    area = float(widths @ heights)
    waste = np.array([float(snapped_x[c] @ snapped_y[r]) / area - 1 for _, c, r in options])
    good = [option for option, value in zip(options, waste, strict=True) if value <= waste.min() + TOLERANCE]
    _, columns, rows = min(good)
    return columns, rows


def _snapped(sizes: np.ndarray, cell_um: float) -> np.ndarray:
    return np.ceil(sizes / cell_um - 1e-9) * cell_um
