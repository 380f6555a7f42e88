"""Writes Bookshelf: `.aux .nodes .nets .wts .pl .scl` beside each other, or the `.pl` alone.

Lengths are µm with all their digits, so what is read back has the same costs. Rows are as high as the standard cells,
else half as high as the lowest hard macro; a comment says what a node is where its height would say something else. The
.scl carries grid and routing supply in the comment lines of .plc headers, which other tools skip.

Source: see `readers/bookshelf_files.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from workbench.base.files import write_text
from workbench.netlist.design import Design
from workbench.netlist.formats import Written
from workbench.netlist.netlist import ORIENTATIONS, Canvas, Floorplan, Netlist, ObjectKind
from workbench.netlist.readers.bookshelf import KIND_NAMES, node_kind
from workbench.netlist.readers.bookshelf_files import Node, Place, Rows

_MOST_ROWS = 100_000
_SITES = 1000
"""Sites of a row (model: ours; nothing here is aligned to sites)."""
_WORDS = {kind: word for word, kind in KIND_NAMES.items()}


def write_bookshelf_design(path: Path, design: Design) -> Written:
    """Write all files of a design; `path` is the .aux, the others have its stem."""
    floorplan = _floorplan(design)
    names, renamed = _names(design.netlist)
    rows = _rows(floorplan.netlist, floorplan.canvas)
    texts = {
        ".nodes": _nodes(floorplan, names, rows), ".nets": _nets(design.netlist, names), ".wts": _weights(design.netlist),
        ".pl": _places(floorplan, names), ".scl": _row_lines(floorplan.canvas, rows),
    }  # fmt: skip
    files = [path.with_suffix(suffix) for suffix in texts]
    for file, lines in zip(files, texts.values(), strict=True):
        write_text(file, "\n".join(lines) + "\n")
    write_text(path, "RowBasedPlacement : " + " ".join(file.name for file in files) + "\n")
    return Written((path, *files), tuple(_notes(floorplan, renamed)))


def write_pl_design(path: Path, design: Design) -> Written:
    """Write the placement of a design alone, for the Bookshelf files that it was read from."""
    floorplan = _floorplan(design)
    names, renamed = _names(design.netlist)
    write_text(path, "\n".join(_places(floorplan, names)) + "\n")
    return Written((path,), tuple(_notes(floorplan, renamed)))


def _floorplan(design: Design) -> Floorplan:
    netlist = design.netlist
    return design.floorplan or Floorplan(netlist, design.canvas, netlist.x_um, netlist.y_um, netlist.orientation)


def _notes(floorplan: Floorplan, renamed: int) -> Iterator[str]:
    if renamed:
        yield f"{renamed} names with spaces, # or : are written with _ instead."
    lost = int((~np.isfinite(floorplan.x_um + floorplan.y_um)).sum())
    if lost:
        yield f"{lost} objects have no place yet and are written at the lower left corner."


def _names(netlist: Netlist) -> tuple[list[str], int]:
    """Names without the characters that separate fields, and how many had any."""
    taken, renamed, names = set(netlist.object_names), 0, []
    for name in netlist.object_names:
        plain = "".join("_" if c.isspace() or c in "#:" else c for c in name) or "_"
        if plain != name:
            renamed += 1
            while plain in taken:
                plain += "_"
            taken.add(plain)
        names.append(plain)
    return names, renamed


def _rows(netlist: Netlist, canvas: Canvas) -> Rows:
    """Rows over the whole canvas, as high as the cells or lower than the macros."""
    soft, hard = netlist.indices(ObjectKind.SOFT_MACRO), netlist.indices(ObjectKind.MACRO)
    cells = [netlist.height_um[i] for i in soft if not netlist.object_names[i].startswith("Grp")]
    lowest = float(netlist.height_um[hard].min()) if len(hard) else canvas.height_um
    tallest = float(max(cells, default=0.0))
    count = (
        math.floor(canvas.height_um / tallest + 1e-6) if 0 < tallest < lowest else math.ceil(2 * canvas.height_um / lowest)
    )
    count = min(_MOST_ROWS, max(1, count))
    left, bottom = canvas.left_um, canvas.bottom_um
    return Rows(left, bottom, left + canvas.width_um, bottom + canvas.height_um, canvas.height_um / count)


def _nodes(floorplan: Floorplan, names: list[str], rows: Rows) -> Iterator[str]:
    netlist = floorplan.netlist
    yield "UCLA nodes 1.0"
    yield f"NumNodes : {netlist.objects}"
    yield f"NumTerminals : {int(netlist.is_fixed.sum())}"
    corner_x, corner_y = _corners(floorplan)
    for i, name in enumerate(names):
        width, height, kind = float(netlist.width_um[i]), float(netlist.height_um[i]), ObjectKind(netlist.kind[i])
        is_fixed = bool(netlist.is_fixed[i])
        node = Node(width, height, is_fixed, kind == ObjectKind.PORT)
        place = Place(corner_x[i], corner_y[i], int(floorplan.orientation[i]), False, False)
        if node_kind(name, node, place, rows.height, rows) != kind:
            yield f"# kind {name} {_WORDS[kind]}"
        word = "terminal_NI" if kind == ObjectKind.PORT else "terminal" if is_fixed else ""
        yield f"{name} {_number(width)} {_number(height)} {word}".rstrip()


def _corners(floorplan: Floorplan) -> tuple[list[float], list[float]]:
    """Lower left corners in the file's coordinates; those of what has no place are the canvas' corner."""
    netlist, canvas = floorplan.netlist, floorplan.canvas
    turned = np.array([name[-1] in "EW" for name in ORIENTATIONS])[floorplan.orientation]
    width = np.where(turned, netlist.height_um, netlist.width_um)
    height = np.where(turned, netlist.width_um, netlist.height_um)
    is_lost = ~np.isfinite(floorplan.x_um + floorplan.y_um)
    x = np.where(is_lost, 0.0, floorplan.x_um - width / 2) + canvas.left_um
    y = np.where(is_lost, 0.0, floorplan.y_um - height / 2) + canvas.bottom_um
    return x.tolist(), y.tolist()


def _nets(netlist: Netlist, names: list[str]) -> Iterator[str]:
    yield "UCLA nets 1.0"
    yield f"NumNets : {netlist.nets}"
    yield f"NumPins : {len(netlist.net_pin)}"
    owner, pins = netlist.pin_object.tolist(), netlist.net_pin.tolist()
    x, y, start = netlist.pin_x_um.tolist(), netlist.pin_y_um.tolist(), netlist.net_start.tolist()
    for net in range(netlist.nets):
        yield f"NetDegree : {start[net + 1] - start[net]} n{net}"
        for position in range(start[net], start[net + 1]):
            pin, direction = pins[position], "O" if position == start[net] else "I"
            yield f"{names[owner[pin]]} {direction} : {_number(x[pin])} {_number(y[pin])}"


def _weights(netlist: Netlist) -> Iterator[str]:
    yield "UCLA wts 1.0"
    for net, weight in enumerate(netlist.net_weight.tolist()):
        if weight != 1:
            yield f"n{net} {_number(weight)}"


def _places(floorplan: Floorplan, names: list[str]) -> Iterator[str]:
    yield "UCLA pl 1.0"
    x, y = _corners(floorplan)
    for i, name in enumerate(names):
        is_port = floorplan.netlist.kind[i] == ObjectKind.PORT
        fixed = " /FIXED_NI" if is_port else " /FIXED" if floorplan.netlist.is_fixed[i] else ""
        yield f"{name} {_number(x[i])} {_number(y[i])} : {ORIENTATIONS[floorplan.orientation[i]]}{fixed}"


def _row_lines(canvas: Canvas, rows: Rows) -> Iterator[str]:
    count = round(canvas.height_um / rows.height)
    yield "UCLA scl 1.0"
    yield f"# Columns : {canvas.columns}  Rows : {canvas.rows}"
    yield f"# Width : {_number(canvas.width_um)}  Height : {_number(canvas.height_um)}"
    hor, ver = canvas.horizontal_routes_per_um, canvas.vertical_routes_per_um
    yield f"# Routes per micron, hor : {_number(hor)}  ver : {_number(ver)}"
    hor, ver = canvas.macro_horizontal_routes_per_um, canvas.macro_vertical_routes_per_um
    yield f"# Routes used by macros, hor : {_number(hor)}  ver : {_number(ver)}"
    yield f"# Smoothing factor : {canvas.smooth_range}"
    yield f"# Overlap threshold : {_number(canvas.overlap_threshold)}"
    for blockage in canvas.blockages.tolist():
        yield "# Blockage : " + " ".join(_number(value) for value in blockage)
    yield f"NumRows : {count}"
    pitch = _number(canvas.width_um / _SITES)
    for row in range(count):
        yield "CoreRow Horizontal"
        yield f"  Coordinate : {_number(rows.bottom + row * rows.height)}"
        yield f"  Height : {_number(rows.height)}"
        yield f"  Sitewidth : {pitch}"
        yield f"  Sitespacing : {pitch}"
        yield "  Siteorient : 1"
        yield "  Sitesymmetry : 1"
        yield f"  SubrowOrigin : {_number(rows.left)}  NumSites : {_SITES}"
        yield "End"


def _number(value: float) -> str:
    """The shortest text that reads back as the same number."""
    return repr(float(value)).removesuffix(".0")
