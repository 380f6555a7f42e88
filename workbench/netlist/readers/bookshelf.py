"""Reads Bookshelf designs (`.aux` and the files that it names) and `.pl` placements.

Units are taken as µm. The canvas is the box of the rows; its corner becomes (0, 0), and the file's own corner is kept in
the canvas for writing back. What a node is follows from how such files are used:

- movable, not taller than a row: a standard cell, a soft macro of its own; taller: a hard macro (a name that begins with
  `Grp` is a cluster, as in the other formats);
- fixed (`terminal`, `/FIXED`) with an area within the rows: a fixed macro (a fixed cell if as tall as a row);
- `terminal_NI`, or fixed and without area, beside the rows or lower than a row: a pad, thus a port. It is a point at its
  lower left corner, and its pins are where they are, by their offsets.

A comment line ``# kind NAME macro|soft_macro|port`` overrides this; our writer adds one where the rule would err, and
adds the canvas lines of .plc headers to the .scl. The first output of a net drives it, or its first pin where it has
none. Nets with fewer than two pins are left out. `.shapes` and `.route` files are not read.

Cells keep their size (the bloat by which clustering doubles soft macros is not applied, so they count half as much in the
density as their clusters would) and the offsets of their pins.

Source: see `bookshelf_files`. Model ours: which nodes are ports; test_bookshelf.py.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.netlist.canvas import default_canvas
from workbench.netlist.design import Design
from workbench.netlist.netlist import ORIENTATIONS, TURN, Canvas, Floorplan, Netlist, ObjectKind
from workbench.netlist.plc import complete_canvas, parse_plc
from workbench.netlist.readers.bookshelf_files import (
    Nets,
    Node,
    Place,
    Rows,
    Source,
    read_aux,
    read_nets,
    read_nodes,
    read_places,
    read_rows,
    read_weights,
)

KIND_NAMES = {"macro": ObjectKind.MACRO, "soft_macro": ObjectKind.SOFT_MACRO, "port": ObjectKind.PORT}
"""Words of a ``# kind`` comment."""
_NOWHERE = Place(math.nan, math.nan, 0, False, False)


def load_bookshelf_design(path: Path, params: Mapping[str, Any]) -> Design:
    """The design of a .aux file; InputError (file and line) if one of its files is not complete and consistent."""
    files = read_aux(path)
    nodes_file = Source(files["nodes"])
    nodes = read_nodes(nodes_file)
    nets = read_nets(nets_file := Source(files["nets"]))
    weights = read_weights(Source(files["wts"]), nets.names, nodes) if "wts" in files else {}
    places = read_places(places_file := Source(files["pl"])) if "pl" in files else {}
    rows_file = Source(files["scl"]) if "scl" in files else None
    rows = read_rows(rows_file) if rows_file is not None else None
    listed = _places_of(nodes, places, places_file if "pl" in files else None)
    given = _Given(nodes, _kind_comments(nodes_file, nodes), listed, rows)
    netlist = _netlist(path, given, nets, weights, nets_file)
    canvas = _canvas(netlist, rows, rows_file)
    return _placed(Design(path.name.partition(".")[0], netlist, canvas, origin=path))


def place_by_pl(path: Path, design: Design) -> Design:
    """A design with its objects where a .pl file has their lower left corners; InputError for another design's file."""
    source = Source(path)
    places = read_places(source)
    index = {name: i for i, name in enumerate(design.netlist.object_names)}
    netlist, canvas = design.netlist, design.canvas
    before = design.floorplan or Floorplan(netlist, canvas, netlist.x_um, netlist.y_um, netlist.orientation)
    x, y, orientation, is_fixed = before.x_um.copy(), before.y_um.copy(), before.orientation.copy(), netlist.is_fixed.copy()
    for name, (offset, place) in places.items():
        i = index.get(name)
        if i is None:
            raise source.error(offset, f"node {name!r}", f"the name of a port or macro of {design.name}",
                               "use the placement file of this netlist")  # fmt: skip
        width, height = _turned(float(netlist.width_um[i]), float(netlist.height_um[i]), place.orientation)
        x[i], y[i] = place.x + width / 2 - canvas.left_um, place.y + height / 2 - canvas.bottom_um
        orientation[i] = place.orientation if netlist.kind[i] != ObjectKind.PORT else 0
        is_fixed[i] |= place.is_fixed
    missing = np.flatnonzero(~(np.isfinite(x) & np.isfinite(y)))
    if len(missing):
        found = f"no place for {netlist.object_names[missing[0]]!r} and {len(missing) - 1} others"
        expected = f"one line for every port and macro of {design.name}"
        raise InputError(path, found, expected, "use the placement file of this netlist")
    netlist = netlist.fixed_at(is_fixed, x, y, orientation)
    return dataclasses.replace(design, netlist=netlist, floorplan=Floorplan(netlist, canvas, x, y, orientation))


@dataclass(frozen=True)
class _Given:
    """What the files say of nodes."""

    nodes: dict[str, Node]
    kinds: dict[str, ObjectKind]
    places: list[Place]
    rows: Rows | None

    @property
    def row_height(self) -> float:
        """Height of a row; without rows the most frequent height of movable nodes."""
        if self.rows is not None:
            return self.rows.height
        heights = [node.height for node in self.nodes.values() if not node.is_terminal]
        return max(set(heights), key=heights.count) if len(set(heights)) < len(heights) else 0.0


def node_kind(name: str, node: Node, place: Place, row_height: float, rows: Rows | None) -> ObjectKind:
    """What a node is by the rules at the top of this file."""
    is_cell = node.height <= row_height * (1 + 1e-9)
    if not (node.is_terminal or place.is_fixed):
        return ObjectKind.SOFT_MACRO if is_cell or name.startswith("Grp") else ObjectKind.MACRO
    if node.may_overlap or place.may_overlap or node.width * node.height == 0 or node.height < row_height * (1 - 1e-9):
        return ObjectKind.PORT
    width, height = _turned(node.width, node.height, place.orientation)
    if rows is not None and (
        place.x >= rows.right or place.y >= rows.top or place.x + width <= rows.left or place.y + height <= rows.bottom
    ):
        return ObjectKind.PORT
    return ObjectKind.SOFT_MACRO if is_cell or name.startswith("Grp") else ObjectKind.MACRO


def _turned(width: float, height: float, orientation: int) -> tuple[float, float]:
    return (height, width) if ORIENTATIONS[orientation][-1] in "EW" else (width, height)


def _places_of(nodes: dict[str, Node], places: dict[str, tuple[int, Place]], source: Source | None) -> list[Place]:
    """The place of each node; nowhere for movable nodes that are not listed or all lie on one point (not placed yet)."""
    for name, (offset, _) in places.items():
        if name not in nodes and source is not None:
            raise source.error(offset, f"node {name!r}", "the name of a node", "correct or remove it")
    listed = [places[name][1] if name in places else _NOWHERE for name in nodes]
    movable = [p for p, node in zip(listed, nodes.values(), strict=True) if not (p.is_fixed or node.is_terminal)]
    if len(movable) > 1 and len({(place.x, place.y) for place in movable}) == 1:
        return [
            p if p.is_fixed or node.is_terminal else dataclasses.replace(p, x=math.nan, y=math.nan)
            for p, node in zip(listed, nodes.values(), strict=True)
        ]
    return listed


def _kind_comments(source: Source, nodes: dict[str, Node]) -> dict[str, ObjectKind]:
    found: dict[str, ObjectKind] = {}
    for offset, comment in source.comments():
        words = comment[1:].split()
        if len(words) == 3 and words[0] == "kind":
            if words[1] not in nodes or words[2] not in KIND_NAMES:
                raise source.error(offset, repr(comment[:60]), "`# kind NODE macro|soft_macro|port`", "correct or remove it")
            found[words[1]] = KIND_NAMES[words[2]]
    return found


def _netlist(path: Path, given: _Given, nets: Nets, weights: dict[int, float], nets_file: Source) -> Netlist:
    nodes, row_height = given.nodes, given.row_height
    names = list(nodes)
    kind = np.array(
        [
            given.kinds[name] if name in given.kinds else node_kind(name, node, place, row_height, given.rows)
            for (name, node), place in zip(nodes.items(), given.places, strict=True)
        ],
        np.int8,
    )
    size = np.array([(node.width, node.height) for node in nodes.values()])
    orientation = np.array([place.orientation for place in given.places], np.int8)
    turned = np.array([name[-1] in "EW" for name in ORIENTATIONS])[orientation]
    is_fixed = np.array([n.is_terminal or p.is_fixed for n, p in zip(nodes.values(), given.places, strict=True)], bool)
    is_port = kind == ObjectKind.PORT
    corner = np.array([(place.x, place.y) for place in given.places])
    origin = (0.0, 0.0) if given.rows is None else (given.rows.left, given.rows.bottom)
    centre = corner - origin + np.where(turned[:, None], size[:, ::-1], size) / 2
    owner, offset = _pins(names, nets, nets_file)
    start = np.array(nets.start, np.int64)
    driver_first = _driver_first(start, np.array(nets.is_output, bool))
    on_port = is_port[owner]
    offset[on_port] = _offsets_from_corner(offset[on_port], centre[owner[on_port]] - corner[owner[on_port]] + origin,
                                           orientation[owner[on_port]])  # fmt: skip
    centre[is_port] = corner[is_port] - origin
    orientation[is_port] = 0
    size[is_port] = 0.0
    kept = np.diff(start) >= 2
    net_of_pin = np.repeat(np.arange(len(kept)), np.diff(start))
    weight = np.ones(len(kept))
    weight[list(weights)] = list(weights.values())
    _refuse_unplaced(path, names, kind, is_fixed, centre)
    return Netlist(
        name=path.name.partition(".")[0], object_names=tuple(names), kind=kind, width_um=size[:, 0].copy(),
        height_um=size[:, 1].copy(), x_um=centre[:, 0].copy(), y_um=centre[:, 1].copy(), orientation=orientation,
        is_fixed=is_fixed | is_port, file_index=np.arange(len(names), dtype=np.int32), pin_object=owner.astype(np.int32),
        pin_x_um=offset[:, 0].copy(), pin_y_um=offset[:, 1].copy(),
        net_start=np.concatenate([[0], np.cumsum(np.diff(start)[kept])]).astype(np.int32),
        net_pin=driver_first[kept[net_of_pin]].astype(np.int32), net_weight=weight[kept],
    )  # fmt: skip


def _pins(names: list[str], nets: Nets, source: Source) -> tuple[np.ndarray, np.ndarray]:
    """Owner (p) and offset (p, 2) of each pin."""
    index = {name: i for i, name in enumerate(names)}
    owner = np.array([index.get(name, -1) for name in nets.node], np.int64)
    if len(unknown := np.flatnonzero(owner < 0)):
        pin = int(unknown[0])
        raise source.error(nets.offset[pin], f"a pin of {nets.node[pin]!r}", "the name of a node", "add or remove it")
    return owner, np.stack([np.array(nets.x, np.float64), np.array(nets.y, np.float64)], axis=1)


def _driver_first(start: np.ndarray, is_output: np.ndarray) -> np.ndarray:
    """Pins net by net, the first output of each net moved to its front."""
    order = np.arange(len(is_output))
    net = np.repeat(np.arange(len(start) - 1), np.diff(start))
    outputs = np.flatnonzero(is_output)
    nets, first = np.unique(net[outputs], return_index=True)
    rank = order.astype(np.float64)
    rank[outputs[first]] = start[nets] - 0.5
    return np.argsort(rank, kind="stable")


def _offsets_from_corner(offset: np.ndarray, half_size: np.ndarray, orientation: np.ndarray) -> np.ndarray:
    """Offsets (p, 2) of pins from the lower left corner of what they are on, as it is turned; 0 for what has no place."""
    turn = TURN[orientation].reshape(-1, 2, 2)
    return np.einsum("pij,pj->pi", turn, offset) + np.nan_to_num(half_size)


def _refuse_unplaced(path: Path, names: list[str], kind: np.ndarray, is_fixed: np.ndarray, centre: np.ndarray) -> None:
    lost = np.flatnonzero(is_fixed & (kind != ObjectKind.PORT) & ~np.isfinite(centre).all(axis=1))
    if len(lost):
        raise InputError(path, f"fixed node {names[lost[0]]!r} without a place", "its place in the .pl file", "add it")


def _canvas(netlist: Netlist, rows: Rows | None, source: Source | None) -> Canvas:
    """The box of the rows with the grid and the routing supply that the .scl's comments give, else the chosen ones."""
    if rows is None or source is None:
        return default_canvas(netlist)
    canvas = default_canvas(netlist, (rows.right - rows.left, rows.top - rows.bottom))
    lines = [line if line.startswith("#") else "" for line in source.text.split("\n")]
    if any(line.startswith("# Columns :") for line in lines):
        design = Design(netlist.name, netlist, canvas)
        canvas = complete_canvas(parse_plc("\n".join(lines), str(source.path)), design)
    return dataclasses.replace(canvas, left_um=rows.left, bottom_um=rows.bottom)


def _placed(design: Design) -> Design:
    """The design with a floorplan if everything in it has a place."""
    netlist = design.netlist
    if not np.all(np.isfinite(netlist.x_um) & np.isfinite(netlist.y_um)):
        return design
    floorplan = Floorplan(netlist, design.canvas, netlist.x_um, netlist.y_um, netlist.orientation)
    return dataclasses.replace(design, floorplan=floorplan)
