"""The text of a DEF file: a new one for any netlist, or the one that a design came from with its components moved.

In a new file the placement grid is the GCELLGRID, placed objects that may move are PLACED and the others FIXED, weights are
WEIGHT (whole numbers). Where a port is in several nets it has a pin for each, and the pin's property `port` names the port.

Coordinates are rounded to the database unit each on its own. That cannot make macros overlap that did not, as long as their
sizes are multiples of the unit: rounding keeps the order, and two numbers that lie a whole number of units apart.

Source: LEF/DEF 5.8 Language Reference, chapter 2.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.base.errors import InputError
from workbench.netlist.design import Design
from workbench.netlist.netlist import ORIENTATIONS, Canvas, Netlist, ObjectKind
from workbench.netlist.readers.def_entries import take
from workbench.netlist.readers.def_text import DefFile, Statement, plain_name, statements
from workbench.netlist.readers.lefdef_canvas import SMOOTH_RANGE
from workbench.netlist.readers.lefdef_text import plain_text
from workbench.netlist.writers.lef import UNITS, Layer, Library

_UNSPEAKABLE = re.compile(r'[\s;"#()]|^-|^\+')
_PLACED = re.compile(r"\+\s+(?:(?:PLACED|FIXED|COVER)\s+\([^)]*\)\s+\w+|UNPLACED)")


def format_def(design: Design, library: Library, layers: list[Layer]) -> str:
    """The text of a new DEF file whose macros are those of a library that we made.

    Raises
    ------
    InputError: a name that DEF cannot hold.
    """
    netlist, canvas = design.netlist, design.canvas
    width, height = (math.ceil(size * UNITS - 1e-6) for size in (canvas.width_um, canvas.height_um))
    left, bottom = _corner(canvas)
    port_pins = _port_pins(netlist)
    lines = [
        "VERSION 5.8 ;", 'DIVIDERCHAR "/" ;', 'BUSBITCHARS "[]" ;', f"DESIGN {_name(netlist.name)} ;",
        f"UNITS DISTANCE MICRONS {UNITS} ;",
        "PROPERTYDEFINITIONS", f"  DESIGN {SMOOTH_RANGE} INTEGER {canvas.smooth_range} ;", "  COMPONENTPIN port STRING ;",
        "END PROPERTYDEFINITIONS", f"DIEAREA ( {left} {bottom} ) ( {left + width} {bottom + height} ) ;",
        *(_tracks(layer, left, bottom, width, height) for layer in layers),
        *_grid("X", left, width, canvas.columns), *_grid("Y", bottom, height, canvas.rows),
        *_components(design, library), *_pins(design, port_pins), *_blockages(canvas),
        *_nets(netlist, library, port_pins), "END DESIGN", "",
    ]  # fmt: skip
    return "\n".join(lines)


def _corner(canvas: Canvas) -> tuple[int, int]:
    """Lower left corner of the die, in database units."""
    return round(canvas.left_um * UNITS), round(canvas.bottom_um * UNITS)


def lower_left(design: Design, units: int, left: int, bottom: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lower left corner of every object in database units (NaN without a place), and the index of its orientation, on a
    die whose lower left corner is at (left, bottom)."""
    netlist, plan = design.netlist, design.floorplan
    x, y, turned = (
        (netlist.x_um, netlist.y_um, netlist.orientation) if plan is None else (plan.x_um, plan.y_um, plan.orientation)
    )
    is_turned = turned >= 4  # E FE W FW
    width = np.where(is_turned, netlist.height_um, netlist.width_um)
    height = np.where(is_turned, netlist.width_um, netlist.height_um)
    return np.rint((x - width / 2) * units) + left, np.rint((y - height / 2) * units) + bottom, turned


def update_def(text: str, where: Path, design: Design) -> tuple[str, int]:
    """The text of a DEF file with the design's movable components where they are now and all the rest as it was, and the
    number of movable objects of the design that are none of its components."""
    file = DefFile(str(where), plain_text(text))
    index = _movable(design.netlist)
    entries = list[Statement]()
    for statement in statements(file):
        if statement.section == "COMPONENTS":
            entries.append(statement)
        elif not statement.section:
            take(file, statement)
    left, bottom = (file.die or (0, 0))[:2]
    x, y, turned = lower_left(design, file.units, left, bottom)
    parts, done = list[str](), 0
    for entry in entries:
        words = entry.text.split(None, 2)
        i = index.pop(plain_name(words[1]), -1) if len(words) > 1 else -1
        if i < 0 or not np.isfinite(x[i] + y[i]):
            continue
        old = _PLACED.search(entry.text)
        start, end = old.span() if old else (len(entry.text),) * 2
        place = f"+ PLACED ( {int(x[i])} {int(y[i])} ) {ORIENTATIONS[turned[i]]}"
        parts += [text[done : entry.start + start], place if old else f" {place}"]
        done = entry.start + end
    return "".join([*parts, text[done:]]), len(index)


def _movable(netlist: Netlist) -> dict[str, int]:
    """Index by name of all objects that may move."""
    return {name: i for i, name in enumerate(netlist.object_names) if not netlist.is_fixed[i]}


def _name(name: str, escape: bool = False) -> str:
    if not name or _UNSPEAKABLE.search(name):
        raise InputError("DEF", f"the name {name[:60]!r}", "a name without blanks, brackets and quotes", "rename it")
    return re.sub(r"(?<!\\)([\[\]])", r"\\\1", name) if escape else name


def _tracks(layer: Layer, left: int, bottom: int, width: int, height: int) -> str:
    axis, first, length = ("Y", bottom, height) if layer.direction == "HORIZONTAL" else ("X", left, width)
    step = max(1, round(UNITS / layer.tracks_per_um))
    return f"TRACKS {axis} {first + step // 2} DO {max(1, length // step)} STEP {step} LAYER {layer.name} ;"


def _grid(axis: str, start: int, length: int, cells: int) -> list[str]:
    """Cells of equal width, the last as wide as what is left."""
    step = length // cells
    last = (cells - 1) * step
    first = [f"GCELLGRID {axis} {start} DO {cells} STEP {step} ;"] if cells > 1 else []
    return [*first, f"GCELLGRID {axis} {start + last} DO 2 STEP {length - last} ;"]


def _place(x: float, y: float, orientation: int, is_fixed: bool) -> str:
    if not np.isfinite(x + y):
        return "+ UNPLACED"
    return f"+ {'FIXED' if is_fixed else 'PLACED'} ( {int(x)} {int(y)} ) {ORIENTATIONS[orientation]}"


def _components(design: Design, library: Library) -> list[str]:
    netlist = design.netlist
    x, y, turned = lower_left(design, UNITS, *_corner(design.canvas))
    lines = [
        f"- {_name(netlist.object_names[i], True)} {library.macros[macro][0]}"
        f" {_place(x[i], y[i], turned[i], bool(netlist.is_fixed[i]))} ;"
        for i, macro in enumerate(library.macro_of) if macro >= 0
    ]  # fmt: skip
    return [f"COMPONENTS {len(lines)} ;", *lines, "END COMPONENTS"]


@dataclass(frozen=True)
class _PortPin:
    """A pin of the design: its port, its entry in `net_pin` and its net (-1: none), its name, whether it drives the net."""

    port: int
    entry: int
    net: int
    name: str
    drives: bool


def _port_pins(netlist: Netlist) -> list[_PortPin]:
    """Pins of all ports: one for every time that a port is in a net, one for a port in none; the first has its name."""
    used, has_pin, result = set(netlist.object_names), set[int](), list[_PortPin]()
    owner, start = netlist.pin_object[netlist.net_pin], netlist.net_start
    net_of = np.repeat(np.arange(netlist.nets), np.diff(start))
    is_first = np.zeros(len(owner), bool)
    is_first[start[:-1]] = True
    for entry in np.flatnonzero(netlist.kind[owner] == ObjectKind.PORT).tolist():
        port = int(owner[entry])
        name, number = netlist.object_names[port], 1
        while number > 1 or port in has_pin:
            number += 1
            if (copy := f"{name}__{number}") not in used:
                name = copy
                break
        used.add(name)
        has_pin.add(port)
        result.append(_PortPin(port, entry, int(net_of[entry]), name, bool(is_first[entry])))
    alone = [int(port) for port in netlist.indices(ObjectKind.PORT) if port not in has_pin]
    return result + [_PortPin(port, -1, -1, netlist.object_names[port], True) for port in alone]


def _pins(design: Design, port_pins: list[_PortPin]) -> list[str]:
    names = design.netlist.object_names
    x, y, _ = lower_left(design, UNITS, *_corner(design.canvas))
    lines, properties = list[str](), list[str]()
    for pin in port_pins:
        net = f"n{pin.net}" if pin.net >= 0 else _name(pin.name)
        lines.append(
            f"- {_name(pin.name)} + NET {net} + DIRECTION {'INPUT' if pin.drives else 'OUTPUT'} + USE SIGNAL"
            f" + LAYER M1 ( -100 -100 ) ( 100 100 ) {_place(x[pin.port], y[pin.port], 0, True)} ;"
        )
        if pin.name != names[pin.port]:
            properties.append(f'- PIN {pin.name} + PROPERTY port "{names[pin.port]}" ;')
    more = [f"PINPROPERTIES {len(properties)} ;", *properties, "END PINPROPERTIES"] if properties else []
    return [f"PINS {len(lines)} ;", *lines, "END PINS", *more]


def _blockages(canvas: Canvas) -> list[str]:
    lines = []
    for left, bottom, right, top, rate in canvas.blockages:
        box = zip((left, bottom, right, top), _corner(canvas) * 2, strict=True)
        corners = [round(value * UNITS) + offset for value, offset in box]
        partial = "" if rate >= 1 else f" + PARTIAL {(1 - rate) * 100:.6f}"
        lines.append(f"- PLACEMENT{partial} RECT ( {corners[0]} {corners[1]} ) ( {corners[2]} {corners[3]} ) ;")
    return [f"BLOCKAGES {len(lines)} ;", *lines, "END BLOCKAGES"] if lines else []


def _nets(netlist: Netlist, library: Library, port_pins: list[_PortPin]) -> list[str]:
    pin_name = {pin.entry: pin.name for pin in port_pins}
    owner, start = netlist.pin_object[netlist.net_pin].tolist(), netlist.net_start.tolist()
    names = [_name(name, True) for name in netlist.object_names]
    lines = []
    for net, weight in enumerate(netlist.net_weight.tolist()):
        words = [f"- n{net}"]
        for entry in range(start[net], start[net + 1]):
            port = pin_name.get(entry)
            words.append(f"( {names[owner[entry]]} p{library.pin_of[entry]} )" if port is None else f"( PIN {port} )")
        words.append("+ USE SIGNAL" if weight == 1 else f"+ USE SIGNAL + WEIGHT {round(weight)}")
        lines.append(" ".join(words) + " ;")
    return [f"NETS {len(lines)} ;", *lines, "END NETS"]
