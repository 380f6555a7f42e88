"""The `Netlist` hypergraph of placeable objects, and the `Canvas` it is placed on. All lengths in µm.

Objects are hard macros, soft macros (clusters of standard cells) and ports. Pins belong to objects; a net is a driver
pin and its sinks with one weight. Everything is a flat array so that kernels read it as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np


class ObjectKind(IntEnum):
    """What a placeable object is."""

    MACRO = 0
    SOFT_MACRO = 1
    PORT = 2


ORIENTATIONS = ("N", "FN", "S", "FS", "E", "FE", "W", "FW")
"""Names of orientations; arrays hold indices into this tuple. Only N FN S FS and only E FE W FW swap freely,
unless `Netlist.may_rotate`."""


TURN = np.array(
    [
        [1, 0, 0, 1], [-1, 0, 0, 1], [-1, 0, 0, -1], [1, 0, 0, -1],
        [0, 1, -1, 0], [0, -1, -1, 0], [0, -1, 1, 0], [0, 1, 1, 0],
    ],
    np.float64,
)  # fmt: skip
"""Row per orientation: x' = t0·x + t1·y, y' = t2·x + t3·y. Source: cost-and-environment §1.3; LEF/DEF for E FE W FW."""


@dataclass(frozen=True)
class Canvas:
    """The area to place on, its grid, and the routing supply (cost-and-environment: `# Columns`, `# Width`, ...).

    Attributes
    ----------
    width_um, height_um: size of the canvas.
    columns, rows: placement and congestion grid.
    horizontal_routes_per_um, vertical_routes_per_um: routing tracks per µm.
    macro_horizontal_routes_per_um, macro_vertical_routes_per_um: tracks per µm that a hard macro takes.
    smooth_range: cells to each side over which net congestion is spread.
    overlap_threshold: tolerated relative overlap in the input file (results never overlap).
    blockages: rectangles (min x, min y, max x, max y, rate), shape (n, 5).
    left_um, bottom_um: where the canvas' lower left corner is in the file it came from; here it is always at (0, 0).
    has_routing: False where the format knows no routing supply: then only wirelength counts, the tracks mean nothing.
    """

    width_um: float
    height_um: float
    columns: int
    rows: int
    horizontal_routes_per_um: float
    vertical_routes_per_um: float
    macro_horizontal_routes_per_um: float
    macro_vertical_routes_per_um: float
    smooth_range: int = 2
    overlap_threshold: float = 0.0
    blockages: np.ndarray = field(default_factory=lambda: np.zeros((0, 5)))
    left_um: float = 0.0
    bottom_um: float = 0.0
    has_routing: bool = True

    @property
    def cell_width_um(self) -> float:
        """Width of a grid cell."""
        return self.width_um / self.columns

    @property
    def cell_height_um(self) -> float:
        """Height of a grid cell."""
        return self.height_um / self.rows


@dataclass(frozen=True)
class Netlist:
    """A hypergraph of n objects, p pins and m nets.

    Attributes
    ----------
    name: the design's name.
    object_names: names, n of them.
    kind: ObjectKind per object, int8 (n).
    width_um, height_um: size for orientation N, float64 (n); 0 for ports.
    x_um, y_um: centre given by the file, float64 (n); NaN where the file gives none. Fixed objects stand there.
    orientation: index into ORIENTATIONS, int8 (n).
    is_fixed: objects that must not move (ports, pre-placed macros), bool (n).
    file_index: the object's index in the file it came from (.plc files name objects by it), int32 (n).
    pin_object: owner of each pin, int32 (p).
    pin_x_um, pin_y_um: offset from the owner's centre for orientation N, float64 (p).
    net_start: net i has pins ``net_pin[net_start[i]:net_start[i + 1]]``, int32 (m + 1).
    net_pin: pin indices, the driver first, int32.
    net_weight: float64 (m).
    may_rotate: hard macros may be turned by 90 degrees (E FE W FW besides N FN S FS); only where the format allows it.
    """

    name: str
    object_names: tuple[str, ...]
    kind: np.ndarray
    width_um: np.ndarray
    height_um: np.ndarray
    x_um: np.ndarray
    y_um: np.ndarray
    orientation: np.ndarray
    is_fixed: np.ndarray
    file_index: np.ndarray
    pin_object: np.ndarray
    pin_x_um: np.ndarray
    pin_y_um: np.ndarray
    net_start: np.ndarray
    net_pin: np.ndarray
    net_weight: np.ndarray
    may_rotate: bool = False

    @property
    def objects(self) -> int:
        """Number of objects."""
        return len(self.object_names)

    @property
    def nets(self) -> int:
        """Number of nets."""
        return len(self.net_weight)

    def indices(self, kind: ObjectKind) -> np.ndarray:
        """Indices of all objects of a kind, ascending."""
        return np.flatnonzero(self.kind == kind)

    def fixed_at(self, is_fixed: np.ndarray, x_um: np.ndarray, y_um: np.ndarray, orientation: np.ndarray) -> Netlist:
        """The netlist with those objects fixed that are marked, each where a placement has it; the others as they are."""
        return replace(
            self, is_fixed=is_fixed, x_um=np.where(is_fixed, x_um, self.x_um), y_um=np.where(is_fixed, y_um, self.y_um),
            orientation=np.where(is_fixed, orientation, self.orientation).astype(self.orientation.dtype),
        )  # fmt: skip


@dataclass(frozen=True)
class Floorplan:
    """A netlist with a place for every object on a canvas.

    Attributes
    ----------
    netlist, canvas: what is placed where.
    x_um, y_um: centres, float64 (objects).
    orientation: index into ORIENTATIONS, int8 (objects).
    """

    netlist: Netlist
    canvas: Canvas
    x_um: np.ndarray
    y_um: np.ndarray
    orientation: np.ndarray
