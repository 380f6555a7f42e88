"""Arrays behind the proxy cost: what is fixed for a netlist on a canvas (`CostModel`) and what moves (`CostState`).

Pins that always coincide are one *point*: all pins of a soft macro, all pins of a macro with the same offset. Nets over
the same points with the same driver are one net; its weight is their sum. Nets with a single point cannot cost anything
and are left out (their weights still count in the normalisation).

Routing maps are kept as *differences* along the direction of the wire, so that a segment of any length is two updates
and the map is one running sum. The horizontal map lies column by column, the vertical one row by row: then the running
sums are vector operations.

Both classes are named tuples of arrays, because a netlist's sizes vary at run time; kernels unpack them once a move.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.netlist.netlist import TURN, Canvas, Floorplan, Netlist, ObjectKind

DENSITY_SHARE = 0.1
"""Share of the cells, the densest ones, whose mean is the density. Source: cost-and-environment §3.2."""
CONGESTION_SHARE = 0.05
"""Share of both routing maps' cells whose mean is the congestion. Source: cost-and-environment §3.3."""

GRID_DTYPE = np.dtype(
    [
        ("columns", np.int64),
        ("rows", np.int64),
        ("width", np.float64),  # canvas, µm
        ("height", np.float64),
        ("cell_width", np.float64),
        ("cell_height", np.float64),
        ("macro_horizontal_scale", np.float64),  # congestion per µm of macro in a cell
        ("macro_vertical_scale", np.float64),
        ("smooth_range", np.int64),
        ("density_cells", np.int64),  # how many of the densest cells count
        ("congestion_cells", np.int64),
        ("wirelength_scale", np.float64),  # wirelength cost per µm
    ]
)
"""Facts of the canvas that kernels read, one record."""

TOTALS_DTYPE = np.dtype(
    [
        ("wirelength", np.float64),  # weighted half-perimeters, µm
        ("density_threshold", np.float64),  # the smallest value that counted last time, where the search starts
        ("congestion_threshold", np.float64),
        ("epoch", np.int64),  # mark of the net being looked at in `seen`
    ]
)
"""Running totals and search hints of a `CostState`, one record."""


class CostModel(NamedTuple):
    """Read-only arrays of a netlist on a canvas.

    n objects, q points (grouped by object), m nets, i incidences of objects and nets.
    """

    grid: np.ndarray  # GRID_DTYPE (1)
    turn: np.ndarray  # TURN
    is_macro: np.ndarray  # hard macros, bool (n)
    width: np.ndarray  # µm, orientation N (n); 0 for ports
    height: np.ndarray
    point_start: np.ndarray  # int32 (n + 1)
    point_dx: np.ndarray  # offset for orientation N, µm (q)
    point_dy: np.ndarray
    net_start: np.ndarray  # int32 (m + 1)
    net_point: np.ndarray  # int32, the driver's point first
    net_weight: np.ndarray  # for the wirelength (m)
    net_demand: np.ndarray  # wires for the congestion (m)
    object_start: np.ndarray  # int32 (n + 1)
    object_net: np.ndarray  # nets of each object, each once, int32 (i)
    object_point: np.ndarray  # the object's point in that net; -1 if it has several, int32 (i)
    base_area: np.ndarray  # area taken by blockages per cell, µm² (rows * columns)
    row_scale: np.ndarray  # horizontal congestion of each cell in reach per wire in a cell of that row (rows)
    column_scale: np.ndarray  # vertical congestion likewise, by column (columns)


class CostState(NamedTuple):
    """Where everything is and the maps that follow from it. Cells: c columns, r rows."""

    totals: np.ndarray  # TOTALS_DTYPE (1)
    x: np.ndarray  # centres, µm (n)
    y: np.ndarray
    orientation: np.ndarray  # int64 (n)
    point_x: np.ndarray  # µm (q)
    point_y: np.ndarray
    point_column: np.ndarray  # int32 (q)
    point_row: np.ndarray
    net_length: np.ndarray  # half-perimeter, µm (m)
    horizontal: np.ndarray  # differences of wires crossing right edges, [column * r + row]
    vertical: np.ndarray  # differences of wires crossing top edges, [row * c + column]
    macro_horizontal: np.ndarray  # congestion by macros, [column * r + row]
    macro_vertical: np.ndarray  # [row * c + column]
    area: np.ndarray  # covered area per cell, µm², [row * c + column]
    values: np.ndarray  # scratch: both congestion maps (2 r c)
    line: np.ndarray  # scratch: running sums of one row or column, and their shares with a margin
    seen: np.ndarray  # scratch: last epoch a cell was met in, int64 (r c)
    pin_column: np.ndarray  # scratch: distinct cells of a net, int32
    pin_row: np.ndarray
    moved: np.ndarray  # scratch: point is now in another cell, bool (q)


def make_model(netlist: Netlist, canvas: Canvas) -> CostModel:
    """The cost model of a netlist on a canvas."""
    point_start, point_dx, point_dy, point_of_pin = _points(netlist)
    point_object = np.repeat(np.arange(netlist.objects, dtype=np.int32), np.diff(point_start))
    net_start, net_point, weight, demand = _nets(netlist, point_of_pin)
    object_start, object_net, object_point = _incidences(netlist.objects, point_object, net_start, net_point)
    return CostModel(
        _grid(netlist, canvas), TURN, netlist.kind == ObjectKind.MACRO,
        np.ascontiguousarray(netlist.width_um, np.float64), np.ascontiguousarray(netlist.height_um, np.float64),
        point_start, point_dx, point_dy, net_start, net_point, weight, demand,
        object_start, object_net, object_point, blocked_area(canvas),
        _spread(canvas.rows, canvas.smooth_range) / (canvas.cell_height_um * canvas.horizontal_routes_per_um),
        _spread(canvas.columns, canvas.smooth_range) / (canvas.cell_width_um * canvas.vertical_routes_per_um),
    )  # fmt: skip


def make_state(model: CostModel, floorplan: Floorplan) -> CostState:
    """A state with the floorplan's coordinates; its maps are filled by `cost_kernels.rebuild`."""
    grid = model.grid[0]
    columns, rows = int(grid["columns"]), int(grid["rows"])
    cells, points = columns * rows, len(model.point_dx)
    largest_net = int(np.diff(model.net_start).max(initial=1))
    state = CostState(
        np.zeros(1, TOTALS_DTYPE),
        np.array(floorplan.x_um, np.float64), np.array(floorplan.y_um, np.float64),
        np.array(floorplan.orientation, np.int64),
        np.zeros(points), np.zeros(points), np.zeros(points, np.int32), np.zeros(points, np.int32),
        np.zeros(len(model.net_weight)),
        np.zeros(cells), np.zeros(cells), np.zeros(cells), np.zeros(cells), np.zeros(cells),
        np.zeros(2 * cells), np.zeros(2 * (max(columns, rows) + int(grid["smooth_range"]))), np.full(cells, -1, np.int64),
        np.zeros(min(cells, largest_net) + 1, np.int32), np.zeros(min(cells, largest_net) + 1, np.int32),
        np.zeros(points, np.bool_),
    )  # fmt: skip
    return state


def _grid(netlist: Netlist, canvas: Canvas) -> np.ndarray:
    grid = np.zeros(1, GRID_DTYPE)
    cells = canvas.columns * canvas.rows
    vertical_supply = canvas.cell_width_um * canvas.vertical_routes_per_um
    horizontal_supply = canvas.cell_height_um * canvas.horizontal_routes_per_um
    has_sink = np.diff(netlist.net_start) > 1
    weights = float(netlist.net_weight[has_sink].sum())
    grid[0] = (
        canvas.columns, canvas.rows, canvas.width_um, canvas.height_um, canvas.cell_width_um, canvas.cell_height_um,
        canvas.macro_horizontal_routes_per_um / horizontal_supply,
        canvas.macro_vertical_routes_per_um / vertical_supply,
        canvas.smooth_range, max(1, int(DENSITY_SHARE * cells)), max(1, int(CONGESTION_SHARE * 2 * cells)),
        1 / ((canvas.width_um + canvas.height_um) * weights) if weights > 0 else 0.0,
    )  # fmt: skip
    return grid


def _spread(cells: int, reach: int) -> np.ndarray:
    """Share of a cell's wires that each cell of its neighbourhood on the grid gets. Source: cost-and-environment §3.3."""
    index = np.arange(cells)
    return 1.0 / (np.minimum(index + reach, cells - 1) - np.maximum(index - reach, 0) + 1)


def _points(netlist: Netlist) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Distinct (object, offset) of all pins: start per object, offsets, and the point of each pin."""
    table = np.zeros(len(netlist.pin_object), [("object", np.int32), ("dx", np.float64), ("dy", np.float64)])
    table["object"], table["dx"], table["dy"] = netlist.pin_object, netlist.pin_x_um + 0.0, netlist.pin_y_um + 0.0
    points, of_pin = np.unique(table, return_inverse=True)
    start = np.searchsorted(points["object"], np.arange(netlist.objects + 1)).astype(np.int32)
    return start, points["dx"].copy(), points["dy"].copy(), of_pin.reshape(-1)


def _nets(netlist: Netlist, point_of_pin: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Nets over points, equal ones merged; weights and wires are sums over the merged nets."""
    merged: dict[tuple[int, ...], list[float]] = {}
    points, starts = point_of_pin[netlist.net_pin].tolist(), netlist.net_start.tolist()
    for i, weight in enumerate(netlist.net_weight.tolist()):
        pins = points[starts[i] : starts[i + 1]]
        sinks = set(pins[1:])
        sinks.discard(pins[0])
        if sinks:
            sums = merged.setdefault((pins[0], *sorted(sinks)), [0.0, 0.0])
            sums[0] += weight
            sums[1] += max(1.0, weight)
    start = np.cumsum([0, *(len(key) for key in merged)]).astype(np.int32)
    members = np.fromiter((point for key in merged for point in key), np.int32, int(start[-1]))
    table = np.array(list(merged.values()), np.float64).reshape(-1, 2)
    return start, members, table[:, 0].copy(), table[:, 1].copy()


def _incidences(
    objects: int, point_object: np.ndarray, net_start: np.ndarray, net_point: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per object its nets, each once, with the point that connects it (-1 if several)."""
    net = np.repeat(np.arange(len(net_start) - 1, dtype=np.int64), np.diff(net_start))
    key = point_object[net_point].astype(np.int64) * max(1, len(net_start)) + net
    order = np.argsort(key, kind="stable")
    unique, first, counts = np.unique(key[order], return_index=True, return_counts=True)
    owner, nets = np.divmod(unique, max(1, len(net_start)))
    points = np.where(counts == 1, net_point[order][first], -1).astype(np.int32)
    start = np.searchsorted(owner, np.arange(objects + 1)).astype(np.int32)
    return start, nets.astype(np.int32), points


def blocked_area(canvas: Canvas) -> np.ndarray:
    """Area that blockages take of each cell, weighted by their rate, µm², flat, row by row.

    Source: cost-and-environment §4.1 (the density starts with the blockages).
    """
    area = np.zeros((canvas.rows, canvas.columns))
    for left, bottom, right, top, rate in canvas.blockages:
        across = _shares(left, right, canvas.columns, canvas.cell_width_um)
        area += rate * np.outer(_shares(bottom, top, canvas.rows, canvas.cell_height_um), across)
    return area.ravel()


def _shares(low: float, high: float, cells: int, size: float) -> np.ndarray:
    edges = np.arange(cells + 1) * size
    return np.clip(np.minimum(high, edges[1:]) - np.maximum(low, edges[:-1]), 0.0, None)
