"""A legal floorplan to start from: made from nothing, or from a given one whose hard macros may overlap.

From nothing, everything is drawn towards what it is connected to, the ports standing still, and the picture is spread
over the canvas by rank; then hard macros take, largest first, the nearest legal place. If the nearest places leave
no room for the last macros, all are packed in rows instead.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from workbench.base.errors import InputError
from workbench.netlist.netlist import Canvas, Floorplan, Netlist, ObjectKind
from workbench.place.legality import check
from workbench.place.obstacles import (
    GAP,
    Obstacles,
    first_hit,
    is_inside,
    legal_cells,
    make_obstacles,
    nearest_legal,
    settle,
    turned_size,
)  # fmt: skip

SWEEPS = 40
"""Rounds of moving everything to the mean of its nets (model: ours)."""
LATTICE = 96
"""Places tried along each side when macros need not be on the grid (model: ours)."""


def starting_floorplan(
    netlist: Netlist, canvas: Canvas, rng: np.random.Generator, init: Floorplan | None, on_grid: bool
) -> Floorplan:
    """A legal floorplan: `init` if it is one, else the nearest to it that was found, or one made from nothing.

    Raises
    ------
    InputError: the hard macros do not fit (or not on the grid).
    """
    if init is None:
        return legalize(sketch(netlist, canvas, rng), on_grid)
    if not check(init) and not on_grid:
        return init
    return legalize(init, on_grid)


def sketch(netlist: Netlist, canvas: Canvas, rng: np.random.Generator) -> Floorplan:
    """Where everything would like to be: connected things together, spread over the canvas; overlapping."""
    x = np.where(netlist.is_fixed, netlist.x_um, canvas.width_um * rng.uniform(0.3, 0.7, netlist.objects))
    y = np.where(netlist.is_fixed, netlist.y_um, canvas.height_um * rng.uniform(0.3, 0.7, netlist.objects))
    missing = np.flatnonzero(~(np.isfinite(x) & np.isfinite(y)))
    if len(missing):
        name = netlist.object_names[missing[0]]
        raise InputError(netlist.name, f"no coordinates for {name!r}", "a place for every port", "give a .plc file with it")
    owner = netlist.pin_object[netlist.net_pin]
    net = np.repeat(np.arange(netlist.nets), np.diff(netlist.net_start))
    pull = (netlist.net_weight / np.maximum(1, np.diff(netlist.net_start)))[net]
    degree = np.bincount(owner, pull, netlist.objects)
    free = ~netlist.is_fixed & (degree > 0)
    pins = np.maximum(1, np.diff(netlist.net_start))
    for _ in range(SWEEPS):
        for axis in (x, y):
            centre = np.bincount(net, axis[owner], netlist.nets) / pins
            mean = np.bincount(owner, pull * centre[net], netlist.objects) / np.maximum(degree, 1e-30)
            axis[free] = 0.5 * axis[free] + 0.5 * mean[free]
    area = netlist.width_um * netlist.height_um
    movable = np.flatnonzero(~netlist.is_fixed)
    for axis, length in ((x, canvas.width_um), (y, canvas.height_um)):
        order = movable[np.argsort(axis[movable], kind="stable")]
        share = np.cumsum(area[order]) - area[order] / 2
        axis[order] = length * share / max(float(area[order].sum()), 1e-30)
    return Floorplan(netlist, canvas, x, y, netlist.orientation.copy())


def legalize(floorplan: Floorplan, on_grid: bool) -> Floorplan:
    """The floorplan with its movable hard macros moved, largest first, to the nearest legal place of each."""
    netlist, canvas = floorplan.netlist, floorplan.canvas
    movable = netlist.indices(ObjectKind.MACRO)
    movable = movable[~netlist.is_fixed[movable]]
    x, y = floorplan.x_um.copy(), floorplan.y_um.copy()
    _pull_inside(floorplan, x, y)
    inside = dataclasses.replace(floorplan, x_um=x.copy(), y_um=y.copy())
    if not on_grid:  # those in nobody's way stay
        movable = _offenders(inside, movable)
    area = netlist.width_um * netlist.height_um
    order = movable[np.argsort(-area[movable], kind="stable")]
    grid = (canvas.columns, canvas.rows, 0) if on_grid else (LATTICE, LATTICE, 2)
    stuck = _place_nearest(inside, order, x, y, grid)
    if stuck >= 0 and not on_grid:
        every = netlist.indices(ObjectKind.MACRO)
        stuck = _place_in_rows(inside, every[~netlist.is_fixed[every]], x, y)
    if stuck >= 0:
        advice = "use --no-grid or a larger canvas" if on_grid else "use a larger canvas"
        raise InputError(
            netlist.name, f"no room left for macro {netlist.object_names[stuck]!r}",
            f"hard macros that fit on {canvas.width_um:g} x {canvas.height_um:g} µm", advice,
        )  # fmt: skip
    return dataclasses.replace(floorplan, x_um=x, y_um=y)


def _place_nearest(floorplan: Floorplan, order: np.ndarray, x: np.ndarray, y: np.ndarray, grid: tuple[int, int, int]) -> int:
    """Place macros one by one as near as possible to (x, y), in place; the object that found no room, or -1."""
    obstacles = make_obstacles(floorplan)
    half_width, half_height = obstacles.half_width.copy(), obstacles.half_height.copy()
    own = obstacles.of_object[order]
    obstacles.half_width[own] = -1.0  # not there yet
    for item, i in zip(order, own, strict=True):
        place = _nearest(obstacles, float(x[item]), float(y[item]), half_width[i], half_height[i], i, grid)
        if place is None:
            return int(item)
        x[item], y[item] = obstacles.x[i], obstacles.y[i] = place
        obstacles.half_width[i] = half_width[i]
    return -1


def _nearest(
    obstacles: Obstacles, x: float, y: float, half_width: float, half_height: float, own: int, grid: tuple[int, int, int]
) -> tuple[float, float] | None:
    columns, rows, pushes = grid
    if pushes:
        if is_inside(obstacles, x, y, half_width, half_height) and (
            first_hit(obstacles, x, y, half_width, half_height, own, -1) < 0
        ):
            return x, y
        found, at_x, at_y = settle(obstacles, x, y, half_width, half_height, own, 1)
        if found:
            return at_x, at_y
    found, at_x, at_y = nearest_legal(obstacles, x, y, half_width, half_height, own, columns, rows, pushes)
    return (at_x, at_y) if found else None


def _place_in_rows(floorplan: Floorplan, movable: np.ndarray, x: np.ndarray, y: np.ndarray) -> int:
    """Pack macros in rows, tallest first, in place; the object that found no room, or -1."""
    canvas = floorplan.canvas
    width, height = turned_size(floorplan)
    obstacles = make_obstacles(floorplan)
    gap = 1.01 * obstacles.canvas[2]
    own = obstacles.of_object[movable]
    obstacles.half_width[own] = -1.0
    left, bottom, row_height = 0.0, 0.0, 0.0
    for item in movable[np.lexsort((-width[movable], -height[movable]))]:
        while True:
            if left + width[item] > canvas.width_um:
                left, bottom, row_height = 0.0, bottom + row_height + gap, 0.0
            if bottom + height[item] > canvas.height_um or width[item] > canvas.width_um:
                return int(item)
            at_x, at_y = left + width[item] / 2, bottom + height[item] / 2
            hit = first_hit(obstacles, at_x, at_y, width[item] / 2, height[item] / 2, -1, -1)
            row_height = max(row_height, height[item])
            if hit < 0:
                break
            left = float(obstacles.x[hit] + obstacles.half_width[hit]) + gap  # beyond the fixed macro or blockage
        x[item], y[item] = at_x, at_y
        left += width[item] + gap
    return -1


def _pull_inside(floorplan: Floorplan, x: np.ndarray, y: np.ndarray) -> None:
    """Movable macros, hard and soft, that lie partly outside come in, in place."""
    canvas = floorplan.canvas
    movable = np.flatnonzero((floorplan.netlist.kind != ObjectKind.PORT) & ~floorplan.netlist.is_fixed)
    for axis, sizes, length in zip((x, y), turned_size(floorplan), (canvas.width_um, canvas.height_um), strict=True):
        half = np.minimum(sizes[movable], length) / 2
        near = np.minimum(half + GAP * max(canvas.width_um, canvas.height_um), length / 2)
        axis[movable] = np.clip(axis[movable], near, length - near)


def _offenders(floorplan: Floorplan, movable: np.ndarray) -> np.ndarray:
    """The movable macros that violations name; of two that overlap, the smaller one unless it is fixed."""
    netlist = floorplan.netlist
    area = netlist.width_um * netlist.height_um
    index = {netlist.object_names[i]: int(i) for i in movable}
    named = [[index[name] for name in violation.objects if name in index] for violation in check(floorplan)]
    return np.array(sorted({min(items, key=lambda i: (area[i], i)) for items in named if items}), np.int64)


def place_macros(floorplan: Floorplan, choose: Callable[[int, np.ndarray, np.ndarray, np.ndarray], int]) -> Floorplan | None:
    """Put the movable hard macros, largest first, on the legal cells that `choose` picks; None if one finds none.

    `choose` gets the object, the mask of legal cells (flat, row by row) and all centres as they are, x and y, in µm.
    """
    netlist, canvas = floorplan.netlist, floorplan.canvas
    movable = netlist.indices(ObjectKind.MACRO)
    movable = movable[~netlist.is_fixed[movable]]
    area = netlist.width_um * netlist.height_um
    obstacles = make_obstacles(floorplan)
    own = obstacles.of_object[movable]
    half_width, half_height = obstacles.half_width.copy(), obstacles.half_height.copy()
    obstacles.half_width[own] = -1.0
    x, y = floorplan.x_um.copy(), floorplan.y_um.copy()
    legal = np.zeros(canvas.columns * canvas.rows, np.bool_)
    for item in movable[np.argsort(-area[movable], kind="stable")]:
        i = obstacles.of_object[item]
        if not legal_cells(obstacles, half_width[i], half_height[i], i, canvas.columns, canvas.rows, legal):
            return None
        row, column = divmod(choose(int(item), legal, x, y), canvas.columns)
        x[item] = obstacles.x[i] = (column + 0.5) * canvas.cell_width_um
        y[item] = obstacles.y[i] = (row + 0.5) * canvas.cell_height_um
        obstacles.half_width[i] = half_width[i]
    return dataclasses.replace(floorplan, x_um=x, y_um=y)
