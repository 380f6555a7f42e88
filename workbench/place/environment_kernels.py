"""Numba kernels of the placement environment: legality mask, per-cell features, placing a macro, for a batch of episodes.

The per-cell features follow the idea of MaskPlace (Lai, Mu, Luo: MaskPlace: Fast Chip Placement via Reinforced Visual
Representation Learning, NeurIPS 2022): what a policy should know of a cell is whether the macro fits there, how much
wirelength it would add there and what lies around. Only the idea; the formulas are below.

Shapes: B episodes, n objects, R rows, C columns. Row 0 is at the bottom; cell = row·C + column.
"""

from __future__ import annotations

import numpy as np

from workbench.base.jit import inner_kernel, kernel

CHANNELS = ("legal", "wire", "pull", "occupancy", "soft_density", "soft_under", "contact", "packing")
"""Per-cell features of the macro to place, in order.

legal: 1 where the macro fits. wire: rise of the half-perimeter of its nets, others at their expected positions, scaled to
[0, 1] over the legal cells. pull: squared distance to its own expected position, scaled likewise. occupancy: share of the
cell covered by hard macros. soft_density: area of soft macros expected in the cell, relative to the cell. soft_under: mean
of soft_density under the macro there. contact: share of a one-cell margin around the macro there that is macro or outside.
packing: half the number of placed macros of the same size that it would be next to there, in line and as close as the grid
allows (after the packing heat map of Circuit Training, cost-and-environment §7).
"""

HALF = np.float32(0.5)


@kernel
def legal_cells(
    low_x: np.ndarray, high_x: np.ndarray, low_y: np.ndarray, high_y: np.ndarray, canvas_width: float,
    canvas_height: float, rectangles: np.ndarray, count: int, legal: np.ndarray,
) -> int:  # fmt: skip
    """Mark the cells whose centre can hold a macro inside the canvas and clear of `count` rectangles; returns how many.

    `low_x`, `high_x` are the macro's edges per column, `low_y`, `high_y` per row; `rectangles` are (min x, min y,
    max x, max y). All in single precision, as the judge of legality has it (`place.legality`): shared area is exactly zero.
    """
    rows, columns = legal.shape
    for r in range(rows):
        inside = low_y[r] >= 0 and high_y[r] <= canvas_height
        for c in range(columns):
            legal[r, c] = inside and low_x[c] >= 0 and high_x[c] <= canvas_width
    for i in range(count):
        left, bottom, right, top = rectangles[i, 0], rectangles[i, 1], rectangles[i, 2], rectangles[i, 3]
        for r in range(rows):
            if low_y[r] < top and high_y[r] > bottom:
                for c in range(columns):
                    if low_x[c] < right and high_x[c] > left:
                        legal[r, c] = False
    total = 0
    for r in range(rows):
        for c in range(columns):
            total += legal[r, c]
    return total


@kernel
def edges_of(centre: np.ndarray, size: float) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper edges of an object of `size` at each centre, in single precision."""
    half = HALF * np.float32(size)
    low, high = np.empty(len(centre), np.float32), np.empty(len(centre), np.float32)
    for i in range(len(centre)):
        low[i], high[i] = np.float32(centre[i]) - half, np.float32(centre[i]) + half
    return low, high


@kernel
def wire_rise(
    macro: int, centre: np.ndarray, net_from: int, net_to: int, object_net: np.ndarray, net_start: np.ndarray,
    net_pin: np.ndarray, net_weight: np.ndarray, pin_object: np.ndarray, offset: np.ndarray, position: np.ndarray,
    rise: np.ndarray,
) -> None:  # fmt: skip
    """Add to `rise` the growth, along one axis, of the nets of a macro for each candidate centre on that axis."""
    for i in range(net_from, net_to):
        net = object_net[i]
        low, high, own_low, own_high = np.inf, -np.inf, np.inf, -np.inf
        for j in range(net_start[net], net_start[net + 1]):
            pin = net_pin[j]
            owner = pin_object[pin]
            if owner == macro:
                own_low, own_high = min(own_low, offset[pin]), max(own_high, offset[pin])
            else:
                at = position[owner] + offset[pin]
                low, high = min(low, at), max(high, at)
        if high >= low:
            for c in range(len(centre)):
                grown = max(high, centre[c] + own_high) - min(low, centre[c] + own_low)
                rise[c] += net_weight[net] * (grown - (high - low))


@kernel
def stamp(
    area: np.ndarray, left: float, bottom: float, right: float, top: float, cell_width: float, cell_height: float,
    sign: float,
) -> None:  # fmt: skip
    """Add `sign` times the share of every cell that a rectangle covers."""
    rows, columns = area.shape
    c0, c1 = max(0, int(left / cell_width)), min(columns - 1, int(right / cell_width))
    r0, r1 = max(0, int(bottom / cell_height)), min(rows - 1, int(top / cell_height))
    for r in range(r0, r1 + 1):
        h = min(top, (r + 1) * cell_height) - max(bottom, r * cell_height)
        for c in range(c0, c1 + 1):
            w = min(right, (c + 1) * cell_width) - max(left, c * cell_width)
            if w > 0 and h > 0:
                area[r, c] += sign * w * h / (cell_width * cell_height)


@inner_kernel
def _integral(table: np.ndarray, x: float, y: float) -> float:
    """Integral of a cell map from the origin to (x, y) in cells, from its summed-area table; outside counts nothing."""
    rows, columns = table.shape[0] - 1, table.shape[1] - 1
    x, y = min(max(x, 0.0), float(columns)), min(max(y, 0.0), float(rows))
    c, r = min(int(x), columns - 1), min(int(y), rows - 1)
    u, v = x - c, y - r
    low = table[r, c] * (1 - u) + table[r, c + 1] * u
    high = table[r + 1, c] * (1 - u) + table[r + 1, c + 1] * u
    return low * (1 - v) + high * v


@inner_kernel
def _box(table: np.ndarray, left: float, bottom: float, right: float, top: float) -> float:
    return (
        _integral(table, right, top) - _integral(table, left, top)
        - _integral(table, right, bottom) + _integral(table, left, bottom)
    )  # fmt: skip


@inner_kernel
def _sum_areas(cells: np.ndarray, table: np.ndarray) -> None:
    for r in range(cells.shape[0]):
        line = 0.0
        for c in range(cells.shape[1]):
            line += cells[r, c]
            table[r + 1, c + 1] = table[r, c + 1] + line


@inner_kernel
def _scaled(values: np.ndarray, legal: np.ndarray, image: np.ndarray) -> float:
    """Write values scaled so that the legal cells span [0, 1], others clipped; returns the span before scaling."""
    low, high = np.inf, -np.inf
    rows, columns = legal.shape
    for r in range(rows):
        for c in range(columns):
            if legal[r, c]:
                low, high = min(low, values[r, c]), max(high, values[r, c])
    span = high - low if high > low else 0.0
    for r in range(rows):
        for c in range(columns):
            scaled = (values[r, c] - low) / span if span > 0 else 0.0
            image[r, c] = min(max(scaled, 0.0), 1.0)
    return span


@inner_kernel
def _neighbourhood(
    occupancy: np.ndarray, soft: np.ndarray, half_width: float, half_height: float, images: np.ndarray,
) -> None:  # fmt: skip
    """Channels soft_under and contact: means over the macro's footprint and over a one-cell margin, from area tables."""
    rows, columns = occupancy.shape
    taken, load = np.zeros((rows + 1, columns + 1)), np.zeros((rows + 1, columns + 1))
    _sum_areas(occupancy, taken)
    _sum_areas(soft, load)
    footprint = max(4 * half_width * half_height, 1e-9)
    margin = 4 * (half_width + 1) * (half_height + 1) - footprint
    for r in range(rows):
        for c in range(columns):
            x, y = c + 0.5, r + 0.5
            under = _box(load, x - half_width, y - half_height, x + half_width, y + half_height)
            left, right = x - half_width - 1, x + half_width + 1
            bottom, top = y - half_height - 1, y + half_height + 1
            inside = (min(right, float(columns)) - max(left, 0.0)) * (min(top, float(rows)) - max(bottom, 0.0))
            beyond = 4 * (half_width + 1) * (half_height + 1) - inside
            images[5, r, c] = min(max(under / footprint, 0.0), 4.0)
            images[6, r, c] = min(max((_box(taken, left, bottom, right, top) + beyond) / margin, 0.0), 1.0)


@inner_kernel
def _packing(
    step: int, order: np.ndarray, x: np.ndarray, y: np.ndarray, width: np.ndarray, height: np.ndarray, cell_width: float,
    cell_height: float, rows: int, columns: int, image: np.ndarray,
) -> None:  # fmt: skip
    """Channel packing: the four places beside each placed macro of the current one's size, in line with it."""
    macro = order[step]
    across, up = int(np.ceil(width[macro] / cell_width - 1e-6)), int(np.ceil(height[macro] / cell_height - 1e-6))
    for k in range(step):
        other = order[k]
        if (
            abs(width[other] - width[macro]) > 1e-6 * width[macro]
            or abs(height[other] - height[macro]) > 1e-6 * height[macro]
        ):
            continue
        row, column = int(y[other] / cell_height), int(x[other] / cell_width)
        for away_r, away_c in ((0, across), (0, -across), (up, 0), (-up, 0)):
            r, c = row + away_r, column + away_c
            if 0 <= r < rows and 0 <= c < columns:
                image[r, c] = min(image[r, c] + HALF, np.float32(4.0))


@kernel
def observe(
    step: np.ndarray, x: np.ndarray, y: np.ndarray, occupancy: np.ndarray, order: np.ndarray, is_soft: np.ndarray,
    width: np.ndarray, height: np.ndarray, grid: np.ndarray, obstacles: np.ndarray, placed: np.ndarray,
    net_arrays: tuple[np.ndarray, ...], pin_object: np.ndarray, pin_x: np.ndarray, pin_y: np.ndarray,
    stiffness: np.ndarray, mask: np.ndarray, images: np.ndarray, spans: np.ndarray,
) -> None:  # fmt: skip
    """Mask, images and spans of every episode's current macro; an episode that is over gets zeros.

    `grid` is (columns, rows, canvas width, canvas height); `net_arrays` is (object_net_start, object_net, net_start,
    net_pin, net_weight). Writes mask (B, rows', columns'), images (B, 8, rows', columns') in their lower left corner and
    spans (B, 3): the ranges over the legal cells of the wire rise (µm·weight) and of the pull, and the legal share.
    """
    columns, rows = int(grid[0]), int(grid[1])
    cell_width, cell_height = grid[2] / columns, grid[3] / rows
    column_x = (np.arange(columns) + 0.5) * cell_width
    row_y = (np.arange(rows) + 0.5) * cell_height
    object_net_start, object_net, net_start, net_pin, net_weight = net_arrays
    legal, values, soft = np.zeros((rows, columns), np.bool_), np.zeros((rows, columns)), np.zeros((rows, columns))
    for b in range(len(step)):
        images[b] = 0.0
        mask[b] = False
        spans[b] = 0.0
        if step[b] >= len(order):
            continue
        macro = order[step[b]]
        rectangles = placed[b]
        count = len(obstacles) + step[b]
        low_x, high_x = edges_of(column_x, width[macro])
        low_y, high_y = edges_of(row_y, height[macro])
        edge_x, edge_y = np.float32(grid[2]), np.float32(grid[3])
        fitting = legal_cells(low_x, high_x, low_y, high_y, edge_x, edge_y, rectangles, count, legal)
        mask[b, :rows, :columns] = legal
        rise_x, rise_y = np.zeros(columns), np.zeros(rows)
        first, last = object_net_start[macro], object_net_start[macro + 1]
        wire_rise(macro, column_x, first, last, object_net, net_start, net_pin, net_weight, pin_object, pin_x, x[b], rise_x)
        wire_rise(macro, row_y, first, last, object_net, net_start, net_pin, net_weight, pin_object, pin_y, y[b], rise_y)
        for r in range(rows):
            for c in range(columns):
                values[r, c] = rise_x[c] + rise_y[r]
                images[b, 0, r, c] = legal[r, c]
                images[b, 3, r, c] = min(occupancy[b, r, c], 1.0)
        spans[b, 0] = _scaled(values, legal, images[b, 1, :rows, :columns])
        for r in range(rows):
            for c in range(columns):
                away_x, away_y = column_x[c] - x[b, macro], row_y[r] - y[b, macro]
                values[r, c] = stiffness[step[b]] * (away_x * away_x + away_y * away_y)
        spans[b, 1] = _scaled(values, legal, images[b, 2, :rows, :columns])
        spans[b, 2] = fitting / (rows * columns)
        soft[:] = 0.0
        for i in range(len(is_soft)):
            if is_soft[i]:
                c = min(max(int(x[b, i] / cell_width), 0), columns - 1)
                r = min(max(int(y[b, i] / cell_height), 0), rows - 1)
                soft[r, c] += width[i] * height[i] / (cell_width * cell_height)
        for r in range(rows):
            for c in range(columns):
                images[b, 4, r, c] = min(soft[r, c], 4.0)
        half_width, half_height = width[macro] / cell_width / 2, height[macro] / cell_height / 2
        _neighbourhood(occupancy[b], soft, half_width, half_height, images[b])
        _packing(step[b], order, x[b], y[b], width, height, cell_width, cell_height, rows, columns, images[b, 7])


@kernel
def place_macros(
    cells: np.ndarray, step: np.ndarray, x: np.ndarray, y: np.ndarray, occupancy: np.ndarray, order: np.ndarray,
    width: np.ndarray, height: np.ndarray, grid: np.ndarray, obstacles: np.ndarray, placed: np.ndarray,
    gain: np.ndarray,
) -> None:  # fmt: skip
    """Put every episode's current macro on the centre of its cell, move all expected positions, and advance the step."""
    columns, rows = int(grid[0]), int(grid[1])
    cell_width, cell_height = grid[2] / columns, grid[3] / rows
    for b in range(len(step)):
        k = step[b]
        macro = order[k]
        row, column = cells[b] // columns, cells[b] % columns
        at_x, at_y = (column + 0.5) * cell_width, (row + 0.5) * cell_height
        away_x, away_y = at_x - x[b, macro], at_y - y[b, macro]
        for i in range(x.shape[1]):
            x[b, i] += gain[k, i] * away_x
            y[b, i] += gain[k, i] * away_y
        x[b, macro], y[b, macro] = at_x, at_y
        left, right = at_x - width[macro] / 2, at_x + width[macro] / 2
        bottom, top = at_y - height[macro] / 2, at_y + height[macro] / 2
        half_width, half_height = HALF * np.float32(width[macro]), HALF * np.float32(height[macro])
        rectangle = placed[b, len(obstacles) + k]
        rectangle[0], rectangle[2] = np.float32(at_x) - half_width, np.float32(at_x) + half_width
        rectangle[1], rectangle[3] = np.float32(at_y) - half_height, np.float32(at_y) + half_height
        stamp(occupancy[b], left, bottom, right, top, cell_width, cell_height, 1.0)
        step[b] = k + 1
