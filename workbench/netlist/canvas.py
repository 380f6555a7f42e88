"""The canvas of a netlist whose files do not give one, or give only a part of it."""

from __future__ import annotations

import math

import numpy as np

from workbench.base.errors import InputError
from workbench.netlist.grid import choose_grid
from workbench.netlist.netlist import Canvas, Netlist, ObjectKind

UTILIZATION = 0.68
"""Share of the canvas that objects fill where no file gives its size (model: ours; the denser variants of §3.4)."""

DEFAULT_ROUTES = (70.33, 74.51, 51.79, 51.79)
"""Tracks per µm, horizontal and vertical, then those used by macros, where a file names none.

Source: circuit_training's defaults (cost-and-environment §3.4).
"""


def default_canvas(netlist: Netlist, size_um: tuple[float, float] | None = None) -> Canvas:
    """A canvas of that size with the chosen grid and the default routing supply; without a size, of the guessed one."""
    width, height = guess_size(netlist) if size_um is None else size_um
    columns, rows = choose_grid(width, height, netlist)
    return Canvas(width, height, columns, rows, *DEFAULT_ROUTES)


def guess_size(netlist: Netlist) -> tuple[float, float]:
    """Width and height: the ports' extent where everything fits into it, else a square with room for the objects' area.

    Raises
    ------
    InputError: nothing in the netlist has an area or a place.
    """
    area = float(netlist.width_um @ netlist.height_um)
    ports = netlist.indices(ObjectKind.PORT)
    width, height = (_reach(axis[ports]) for axis in (netlist.x_um, netlist.y_um))
    if area > 0 and width * height > area:
        return width, height
    side = max(width, height, math.sqrt(area / UTILIZATION))
    if side == 0:
        raise InputError(netlist.name, "objects without any area", "macros to place", "give a netlist with macros")
    return side, side


def _reach(values: np.ndarray) -> float:
    return float(np.max(values[np.isfinite(values)], initial=0.0))
