"""Reads a DEF design with its LEF library into a `Design`.

CLASS BLOCK (also PAD and RING), and anything taller than `TALL_ROWS` rows, is a hard macro. Other cells are soft macros of
their own with their size as it is and one pin in their middle, as the reader of protobuf netlists has them; so are blocks of
CLASS BLOCK SOFT, with all their pins in their middle. Fillers, taps, caps and covers are left out, and so are nets of clock
and power.

Source: LEF/DEF 5.8 Language Reference.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.base.files import read_text
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.netlist.design import Design
from workbench.netlist.netlist import ORIENTATIONS, Canvas, Floorplan, Netlist, ObjectKind
from workbench.netlist.ports import around
from workbench.netlist.readers.def_entries import parse_def
from workbench.netlist.readers.def_text import DefFile, DefNet, DefPin, plain_name
from workbench.netlist.readers.lef import LefLibrary, LefMacro, parse_lef
from workbench.netlist.readers.lefdef_canvas import def_canvas
from workbench.netlist.readers.lefdef_files import lef_files

TALL_ROWS = 4
"""Cells of more rows than this are placed as macros."""
_FILLERS = re.compile(r"CORE (SPACER|WELLTAP|FEEDTHRU|ANTENNACELL)|ENDCAP|COVER")
_UNROUTED = frozenset(("CLOCK", "POWER", "GROUND"))


def load_def_design(path: str | Path, params: Mapping[str, Any] | None = None) -> Design:
    """Load a DEF file, or the `netlist.toml` that names one, with the LEF files named there or lying beside it.

    Raises
    ------
    InputError: one sentence for anything wrong in one of its files.
    """
    files = lef_files(Path(path))
    file = parse_def(read_text(files.design), str(files.design))
    library, wanted = LefLibrary(), {component.macro for component in file.components}
    for lef in files.lef:
        if library.layers and wanted <= library.macros.keys():
            break
        parse_lef(read_text(lef), str(lef), library)
    return build_design(file, library, files.design, [lef.name for lef in files.lef])


def build_design(
    file: DefFile, library: LefLibrary, origin: Path | None, lef_names: list[str], limits: Limits = DEFAULT_LIMITS
) -> Design:
    """Design of a parsed DEF file."""
    builder = _Builder(file, library, lef_names, limits)
    netlist = builder.netlist()
    canvas = def_canvas(file, library, netlist, builder.hard_macros())
    netlist = builder.with_ports_around(netlist, canvas)
    is_placed = bool(np.isfinite(netlist.x_um).all() and np.isfinite(netlist.y_um).all())
    floorplan = Floorplan(netlist, canvas, netlist.x_um, netlist.y_um, netlist.orientation) if is_placed else None
    return Design(netlist.name, netlist, canvas, floorplan, origin=origin, notes=builder.notes())


@dataclass
class _Objects:
    """Objects as they are collected: ports, then components."""

    names: list[str] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    size: list[tuple[float, float]] = field(default_factory=list)
    place: list[tuple[float, float]] = field(default_factory=list)
    orientation: list[int] = field(default_factory=list)
    is_fixed: list[bool] = field(default_factory=list)

    def add(
        self, name: str, kind: int, size: tuple[float, float], place: tuple[float, float], orientation: int, fixed: bool
    ) -> int:
        self.names.append(name)
        self.kind.append(kind)
        self.size.append(size)
        self.place.append(place)
        self.orientation.append(orientation)
        self.is_fixed.append(fixed)
        return len(self.names) - 1


@dataclass
class _Pins:
    """Pins as they are collected: owner and offset."""

    owner: list[int] = field(default_factory=list)
    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    number: dict[tuple[int, str], int] = field(default_factory=dict)

    def of(self, owner: int, name: str, x: float, y: float) -> int:
        number = self.number.setdefault((owner, name), len(self.owner))
        if number == len(self.owner):
            self.owner.append(owner)
            self.x.append(x)
            self.y.append(y)
        return number


class _Builder:
    """Turns a DEF file and its library into the arrays of a `Netlist` and checks them on the way."""

    def __init__(self, file: DefFile, library: LefLibrary, lef_names: list[str], limits: Limits) -> None:
        self.file, self.library, self.limits = file, library, limits
        self.lef_names = lef_names
        self.left, self.bottom = (file.die or (0, 0))[:2]
        self.objects, self.pins = _Objects(), _Pins()
        self.port: dict[str, int] = {}
        self.pin_directions: dict[str, str] = {}
        self.component: dict[str, tuple[int, LefMacro]] = {}
        self.left_out: Counter[str] = Counter(file.skipped)
        self.is_hard: dict[str, bool] = {}

    def netlist(self) -> Netlist:
        self.add_ports()
        self.add_components()
        start, members, weights = self.nets()
        built, pins = self.objects, self.pins
        kind = np.array(built.kind, np.int8)
        size = np.array(built.size, float).reshape(-1, 2)
        place = np.array(built.place, float).reshape(-1, 2)
        return Netlist(
            self.file.design, tuple(built.names), kind, size[:, 0].copy(), size[:, 1].copy(),
            place[:, 0].copy(), place[:, 1].copy(), np.array(built.orientation, np.int8), np.array(built.is_fixed, bool),
            np.arange(len(kind), dtype=np.int32), np.array(pins.owner, np.int32), np.array(pins.x, float),
            np.array(pins.y, float), np.array(start, np.int32), np.array(members, np.int32), np.array(weights, float),
        )  # fmt: skip

    def hard_macros(self) -> Iterable[LefMacro]:
        """The LEF macro of every component that is a hard macro."""
        return (macro for _, macro in self.component.values() if self.is_hard[macro.name])

    def notes(self) -> tuple[str, ...]:
        """What the netlist leaves out, in words."""
        return tuple(f"Left out: {what} ({number:,})." for what, number in self.left_out.items())

    def add_ports(self) -> None:
        for pin in self.file.pins:
            if pin.name in self.pin_directions:
                raise InputError(self.file.at(pin.offset), f"pin {pin.name} again", "one pin of a name", "remove one")
            self.pin_directions[pin.name] = pin.direction
            if pin.use in _UNROUTED - {"CLOCK"}:
                continue
            name = self.file.port_of_pin.get(pin.name, pin.name)
            if name not in self.port:
                self.port[name] = self.objects.add(name, ObjectKind.PORT, (0.0, 0.0), self.pin_place(pin), 0, True)
            self.port.setdefault(pin.name, self.port[name])

    def pin_place(self, pin: DefPin) -> tuple[float, float]:
        """Middle of a port's shape, turned, in µm on the canvas."""
        if pin.status == "UNPLACED":
            return math.nan, math.nan
        across, up = _turned(pin.shape_x, pin.shape_y, pin.orientation)
        return (pin.x + across - self.left) / self.file.units, (pin.y + up - self.bottom) / self.file.units

    def add_components(self) -> None:
        file, units = self.file, self.file.units
        for name, macro_name, offset, status, x, y, orientation in file.components:
            macro = self.library.macros.get(macro_name)
            if macro is None:
                known = f"its size in {_listed(self.lef_names)}" if self.lef_names else "LEF files beside the DEF file"
                raise InputError(
                    file.at(offset), f"component {name} of macro {macro_name}, which no LEF file has", known,
                    "add the LEF file to the folder",
                )  # fmt: skip
            if name in self.component:
                raise InputError(file.at(offset), f"component {name} again", "unique names", "rename or remove one")
            if (is_hard := self.is_hard.get(macro_name)) is None:
                is_hard = self.is_hard[macro_name] = self.decide_hard(macro)
            if _FILLERS.match(macro.kind):
                self.left_out["fillers, taps, caps and covers"] += 1
                self.component[name] = (-1, macro)
                continue
            size = macro.width_um, macro.height_um
            place = math.nan, math.nan
            if status != "UNPLACED":
                width, height = size if orientation < 4 else size[::-1]
                place = (x - self.left) / units + width / 2, (y - self.bottom) / units + height / 2
            kind = ObjectKind.MACRO if is_hard else ObjectKind.SOFT_MACRO
            fixed = status in ("FIXED", "COVER")
            self.component[name] = self.objects.add(name, kind, size, place, orientation, fixed), macro

    def decide_hard(self, macro: LefMacro) -> bool:
        if macro.kind.startswith(("BLOCK", "PAD", "RING")):
            return "SOFT" not in macro.kind
        row = self.library.row_height_um
        return not _FILLERS.match(macro.kind) and row > 0 and macro.height_um > TALL_ROWS * row * (1 + 1e-9)

    def nets(self) -> tuple[list[int], list[int], list[float]]:
        start, members, weights = [0], list[int](), list[float]()
        for net in self.file.nets:
            if net.use in _UNROUTED:
                self.left_out["nets of clock and power"] += 1
                continue
            found = self.net_pins(net)
            if len(found) < 2:
                continue
            if len(members) + len(found) > self.limits.pins:
                self.limits.check(self.file.where, "pins", len(members) + len(found))
            members += found
            start.append(len(members))
            weights.append(float(net.weight))
        return start, members, weights

    def net_pins(self, net: DefNet) -> list[int]:
        """Pins of a net, each once, the driver first: an output, else a two-way pin, else the first."""
        found: dict[int, None] = {}
        driver, two_way = -1, -1
        for component, pin_name in net.pins:
            name = plain_name(pin_name)
            number, direction = self.port_pin(net, name) if component == "PIN" else self.cell_pin(net, component, name)
            if number < 0:
                continue
            found[number] = None
            if direction == "OUTPUT" and driver < 0:
                driver = number
            elif direction in ("INOUT", "FEEDTHRU") and two_way < 0:
                two_way = number
        first = driver if driver >= 0 else two_way
        if first < 0:
            return list(found)
        del found[first]
        return [first, *found]

    def port_pin(self, net: DefNet, name: str) -> tuple[int, str]:
        direction = self.pin_directions.get(name)
        if direction is None:
            raise InputError(
                self.file.at(net.offset), f"pin {name} in net {plain_name(net.name)}", "a pin of the section PINS", "add it"
            )
        if name not in self.port:
            return -1, ""
        driving = "OUTPUT" if direction == "INPUT" else "INPUT" if direction == "OUTPUT" else direction
        return self.pins.of(self.port[name], name, 0.0, 0.0), driving

    def cell_pin(self, net: DefNet, component: str, name: str) -> tuple[int, str]:
        owner, macro = self.component.get(plain_name(component), (-1, None))
        if macro is None:
            raise InputError(
                self.file.at(net.offset), f"component {plain_name(component)} in net {plain_name(net.name)}",
                "one of the section COMPONENTS", "add it",
            )  # fmt: skip
        pin = macro.pins.get(name)
        if pin is None:
            raise InputError(
                self.file.at(net.offset), f"no pin {name} on macro {macro.name} (component {plain_name(component)})",
                f"one of {_listed(list(macro.pins))}", "correct the net or the LEF file",
            )  # fmt: skip
        if owner < 0:
            return -1, ""
        if not self.is_hard[macro.name]:  # the pins of a block stay apart, so that its inner nets stay nets
            return self.pins.of(owner, name if macro.kind.startswith("BLOCK") else "", 0.0, 0.0), pin.direction
        return self.pins.of(owner, name, pin.x_um - macro.width_um / 2, pin.y_um - macro.height_um / 2), pin.direction

    def with_ports_around(self, netlist: Netlist, canvas: Canvas) -> Netlist:
        """Ports that have no place, evenly around the canvas."""
        lost = np.flatnonzero((netlist.kind == ObjectKind.PORT) & ~np.isfinite(netlist.x_um))
        if len(lost):
            netlist.x_um[lost], netlist.y_um[lost] = around(len(lost), canvas.width_um, canvas.height_um)
            self.left_out["places of pins, which stand evenly around the canvas"] = len(lost)
        return netlist


def _turned(x: float, y: float, orientation: int) -> tuple[float, float]:
    """A point turned about the origin as DEF has it."""
    match ORIENTATIONS[orientation]:
        case "FN":
            return -x, y
        case "S":
            return -x, -y
        case "FS":
            return x, -y
        case "E":
            return y, -x
        case "FE":
            return -y, -x
        case "W":
            return -y, x
        case "FW":
            return y, x
    return x, y


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "") or "none"
