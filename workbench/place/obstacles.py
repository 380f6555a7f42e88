"""Where a hard macro may stand: the rectangles it must not touch, tests and searches for legal places.

Rectangles are hard macros (movable or not) and blockages. A *gap* is kept between them, wide enough that single
precision and nine written digits cannot turn contact into overlap, far below anything that matters (a millionth of the
canvas).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.base.jit import kernel
from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.place.routing_kernels import BORROWED

GAP = 1e-6
"""Distance kept between rectangles, as a share of the canvas' longer side."""


class Obstacles(NamedTuple):
    """Rectangles in the way. The first entries are the hard macros in netlist order, the rest blockages.

    An obstacle whose half_width is negative is not there (a macro that is not placed yet).
    """

    canvas: np.ndarray  # width, height, gap, µm (3)
    x: np.ndarray  # centres, µm
    y: np.ndarray
    half_width: np.ndarray  # µm
    half_height: np.ndarray
    macro: np.ndarray  # object index per obstacle, int64; -1 for blockages
    of_object: np.ndarray  # obstacle index per object, int64; -1 for others


def make_obstacles(floorplan: Floorplan) -> Obstacles:
    """Obstacles of a floorplan with all its hard macros where they are."""
    netlist, canvas = floorplan.netlist, floorplan.canvas
    hard = netlist.indices(ObjectKind.MACRO)
    width, height = turned_size(floorplan)
    blocked = canvas.blockages
    of_object = np.full(netlist.objects, -1)
    of_object[hard] = np.arange(len(hard))
    longer = max(canvas.width_um, canvas.height_um)
    return Obstacles(
        np.array([canvas.width_um, canvas.height_um, GAP * longer]),
        np.concatenate([floorplan.x_um[hard], (blocked[:, 0] + blocked[:, 2]) / 2]),
        np.concatenate([floorplan.y_um[hard], (blocked[:, 1] + blocked[:, 3]) / 2]),
        np.concatenate([width[hard] / 2, (blocked[:, 2] - blocked[:, 0]) / 2]),
        np.concatenate([height[hard] / 2, (blocked[:, 3] - blocked[:, 1]) / 2]),
        np.concatenate([hard, np.full(len(blocked), -1)]).astype(np.int64), of_object,
    )  # fmt: skip


def turned_size(floorplan: Floorplan) -> tuple[np.ndarray, np.ndarray]:
    """Width and height of every object as it is turned, µm."""
    netlist = floorplan.netlist
    is_turned = floorplan.orientation >= 4  # E FE W FW
    width = np.where(is_turned, netlist.height_um, netlist.width_um)
    return width, np.where(is_turned, netlist.width_um, netlist.height_um)


@kernel(**BORROWED)
def is_inside(obstacles: Obstacles, x: float, y: float, half_width: float, half_height: float) -> bool:
    """Whether a rectangle lies within the canvas, in single precision like the legality check."""
    wide, high = np.float32(0.5) * np.float32(2.0 * half_width), np.float32(0.5) * np.float32(2.0 * half_height)
    at_x, at_y = np.float32(x), np.float32(y)
    right, top = np.float32(obstacles.canvas[0]), np.float32(obstacles.canvas[1])
    return bool(at_x - wide >= 0 and at_y - high >= 0 and at_x + wide <= right and at_y + high <= top)


@kernel(**BORROWED)
def first_hit(
    obstacles: Obstacles, x: float, y: float, half_width: float, half_height: float, skip_1: int, skip_2: int
) -> int:
    """An obstacle closer than the gap to a rectangle, -1 if none; the two to be skipped may be -1."""
    gap = obstacles.canvas[2]
    other_x, other_y, widths, heights = obstacles.x, obstacles.y, obstacles.half_width, obstacles.half_height
    reach_x, reach_y = half_width + gap, half_height + gap
    for i in range(len(other_x)):
        if abs(x - other_x[i]) < reach_x + widths[i] and abs(y - other_y[i]) < reach_y + heights[i]:
            if i != skip_1 and i != skip_2 and widths[i] >= 0.0:
                return i
    return -1


@kernel(**BORROWED)
def settle(
    obstacles: Obstacles, x: float, y: float, half_width: float, half_height: float, skip: int, pushes: int
) -> tuple[bool, float, float]:
    """A legal place at or beside (x, y): pushed out of what it hits, the shortest way, at most `pushes` times."""
    width, height, gap = obstacles.canvas[0], obstacles.canvas[1], obstacles.canvas[2]
    if 2 * half_width > width or 2 * half_height > height:
        return False, x, y
    edge_x, edge_y = min(gap, 0.5 * width - half_width), min(gap, 0.5 * height - half_height)
    for attempt in range(pushes + 1):
        x = min(max(x, half_width + edge_x), width - half_width - edge_x)
        y = min(max(y, half_height + edge_y), height - half_height - edge_y)
        hit = first_hit(obstacles, x, y, half_width, half_height, skip, -1)
        if hit < 0:
            return True, x, y
        if attempt == pushes:
            break
        # a hair more than the gap, so that rounding does not bring the hit back
        reach_x = half_width + obstacles.half_width[hit] + 1.01 * gap
        reach_y = half_height + obstacles.half_height[hit] + 1.01 * gap
        push_x, push_y = reach_x - abs(x - obstacles.x[hit]), reach_y - abs(y - obstacles.y[hit])
        if push_x < push_y:
            x = obstacles.x[hit] + (reach_x if x >= obstacles.x[hit] else -reach_x)
        else:
            y = obstacles.y[hit] + (reach_y if y >= obstacles.y[hit] else -reach_y)
    return False, x, y


@kernel(**BORROWED)
def nearest_legal(
    obstacles: Obstacles, x: float, y: float, half_width: float, half_height: float, skip: int, columns: int, rows: int,
    pushes: int,
) -> tuple[bool, float, float]:  # fmt: skip
    """The legal place nearest to (x, y) among the cell centres of a grid, each settled if `pushes` > 0.

    Cells are tried in rings around the wanted one; the search ends when a further ring cannot be nearer.
    """
    cell_width, cell_height = obstacles.canvas[0] / columns, obstacles.canvas[1] / rows
    column = min(max(int(x / cell_width), 0), columns - 1)
    row = min(max(int(y / cell_height), 0), rows - 1)
    best, best_x, best_y = np.inf, x, y
    for ring in range(max(columns, rows)):
        if (ring - 1) * min(cell_width, cell_height) > best:
            break
        for r in range(max(0, row - ring), min(rows, row + ring + 1)):
            step = 1 if abs(r - row) == ring else max(1, 2 * ring)
            for c in range(column - ring, column + ring + 1, step):
                if c < 0 or c >= columns:
                    continue
                at_x, at_y = (c + 0.5) * cell_width, (r + 0.5) * cell_height
                if pushes > 0:
                    found, at_x, at_y = settle(obstacles, at_x, at_y, half_width, half_height, skip, pushes)
                else:
                    found = is_inside(obstacles, at_x, at_y, half_width, half_height) and (
                        first_hit(obstacles, at_x, at_y, half_width, half_height, skip, -1) < 0
                    )
                distance = np.hypot(at_x - x, at_y - y)
                if found and distance < best:
                    best, best_x, best_y = distance, at_x, at_y
    return best < np.inf, best_x, best_y


@kernel(**BORROWED)
def legal_cells(
    obstacles: Obstacles, half_width: float, half_height: float, skip: int, columns: int, rows: int, mask: np.ndarray
) -> int:
    """Mark the cells (row by row) on whose centre a rectangle is legal; returns their number.

    Contact is legal here, overlap of any area is not, as the environment's mask has it (cost-and-environment §4);
    computed in single precision like the legality check.
    """
    one_half = np.float32(0.5)
    wide, high = np.float32(2.0 * half_width), np.float32(2.0 * half_height)
    width, height = np.float32(obstacles.canvas[0]), np.float32(obstacles.canvas[1])
    cell_width, cell_height = obstacles.canvas[0] / columns, obstacles.canvas[1] / rows
    mask[:] = True
    for c in range(columns):
        x = np.float32((c + 0.5) * cell_width)
        if x - one_half * wide < 0 or x + one_half * wide > width:
            mask[c : columns * rows : columns] = False
    for r in range(rows):
        y = np.float32((r + 0.5) * cell_height)
        if y - one_half * high < 0 or y + one_half * high > height:
            mask[r * columns : (r + 1) * columns] = False
    for i in range(len(obstacles.x)):
        if i == skip or obstacles.half_width[i] < 0.0:
            continue
        other_wide, other_high = np.float32(2.0 * obstacles.half_width[i]), np.float32(2.0 * obstacles.half_height[i])
        other_x, other_y = np.float32(obstacles.x[i]), np.float32(obstacles.y[i])
        left, right = other_x - one_half * other_wide, other_x + one_half * other_wide
        bottom, top = other_y - one_half * other_high, other_y + one_half * other_high
        first_column = max(0, int((left - wide) / cell_width) - 1)
        last_column = min(columns - 1, int((right + wide) / cell_width) + 1)
        first_row = max(0, int((bottom - high) / cell_height) - 1)
        last_row = min(rows - 1, int((top + high) / cell_height) + 1)
        for r in range(first_row, last_row + 1):
            y = np.float32((r + 0.5) * cell_height)
            if y - one_half * high >= top or y + one_half * high <= bottom:
                continue
            for c in range(first_column, last_column + 1):
                x = np.float32((c + 0.5) * cell_width)
                if x - one_half * wide < right and x + one_half * wide > left:
                    mask[r * columns + c] = False
    count = 0
    for allowed in mask:
        count += 1 if allowed else 0
    return count
