"""The canvas of a DEF design: its die, its grid, its blockages, and the routing supply of its LEF layers.

The canvas is the die's bounding box with its lower left corner at (0, 0). Its grid is the GCELLGRID where that is coarse
enough to place on. Routing supply, model ours: the tracks of all routing layers but the lowest (which cells and rails
fill), macros taking those of the layers in their OBS (the usual share where no macro has one). For NanGate45 this gives
12.59 and 14.28 tracks per µm; published are 12.279 and 13.591 (cost-and-environment §3.4).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from workbench.netlist.canvas import DEFAULT_ROUTES, guess_size
from workbench.netlist.grid import MOST_LINES, choose_grid
from workbench.netlist.netlist import Canvas, Netlist
from workbench.netlist.readers.def_text import DefBlockage, DefFile
from workbench.netlist.readers.lef import LefLibrary, LefMacro

SMOOTH_RANGE = "workbench_smooth_range"
"""Property of a design in which our writer keeps `Canvas.smooth_range`."""
_WAYS = ("HORIZONTAL", "VERTICAL")
_USUALLY_TAKEN = DEFAULT_ROUTES[2] / DEFAULT_ROUTES[0], DEFAULT_ROUTES[3] / DEFAULT_ROUTES[1]


def def_canvas(file: DefFile, library: LefLibrary, netlist: Netlist, hard: Iterable[LefMacro]) -> Canvas:
    """The canvas of a DEF file; `hard` are the macros of all components that are hard."""
    left, bottom, right, top = file.die or (0, 0, 0, 0)
    width, height = (right - left) / file.units, (top - bottom) / file.units
    if file.die is None:
        width, height = guess_size(netlist)
    columns, rows = file.grid_cells.get("X", 0), file.grid_cells.get("Y", 0)
    if not (0 < columns <= MOST_LINES and 0 < rows <= MOST_LINES):
        columns, rows = choose_grid(width, height, netlist)
    smooth = file.properties.get(SMOOTH_RANGE, "2")
    smooth_range = int(smooth) if smooth.isdigit() and len(smooth) < 4 else 2
    boxes = [box for blockage in file.blockages for box in _boxes(blockage, file)]
    return Canvas(
        width, height, columns, rows, *routing_supply(library, hard), smooth_range,
        blockages=np.array(boxes, float).reshape(-1, 5), left_um=left / file.units, bottom_um=bottom / file.units,
    )  # fmt: skip


def routing_supply(library: LefLibrary, hard: Iterable[LefMacro]) -> tuple[float, float, float, float]:
    """Tracks per µm, horizontal and vertical, then those that the hard macros take, by their area on average."""
    layers = library.layers[1:]
    supply = {way: sum(1 / layer.pitch_um for layer in layers if layer.direction == way) for way in _WAYS}
    if not all(supply.values()):
        return DEFAULT_ROUTES
    taken, area, has_obstructions = dict.fromkeys(_WAYS, 0.0), 0.0, False
    for macro in hard:
        size = macro.width_um * macro.height_um
        area += size
        has_obstructions |= bool(macro.blocked_layers)
        for layer in layers:
            if layer.name in macro.blocked_layers and layer.direction in taken:
                taken[layer.direction] += size / layer.pitch_um
    across, up = supply.values()
    if not has_obstructions:
        return across, up, across * _USUALLY_TAKEN[0], up * _USUALLY_TAKEN[1]
    return across, up, taken["HORIZONTAL"] / area, taken["VERTICAL"] / area


def _boxes(blockage: DefBlockage, file: DefFile) -> list[tuple[float, float, float, float, float]]:
    """Rectangles in µm on the canvas that make up a blockage; a polygon is cut at the heights of its corners."""
    left, bottom = (file.die or (0, 0))[:2]
    corners = [((x - left) / file.units, (y - bottom) / file.units) for x, y in blockage.corners]
    xs, ys = [x for x, _ in corners], sorted({y for _, y in corners})
    if len(corners) == 2:
        return [(min(xs), ys[0], max(xs), ys[-1], blockage.rate)]
    upright = [(x, *sorted((y, up))) for (x, y), (across, up) in zip(corners, corners[1:] + corners[:1], strict=True)
               if x == across]  # fmt: skip
    boxes = []
    for low, high in zip(ys, ys[1:], strict=False):
        walls = sorted(x for x, start, end in upright if start <= low and end >= high)
        boxes += [(a, low, b, high, blockage.rate) for a, b in zip(walls[::2], walls[1::2], strict=False)]
    return boxes
