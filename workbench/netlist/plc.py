"""Reads and writes `.plc` placement files: the canvas in comment lines, then one line per placed object.

Coordinates are written with nine decimals: with six digits the congestion of an on-grid placement moves by 0.001-0.003.

Source: cost-and-environment §1.2; the header's keys are those of circuit_training's placement files.
"""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.base.errors import InputError
from workbench.base.files import read_text, write_text
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.netlist.canvas import DEFAULT_ROUTES
from workbench.netlist.design import Design
from workbench.netlist.formats import Written
from workbench.netlist.grid import choose_grid
from workbench.netlist.netlist import ORIENTATIONS, Canvas, Floorplan, Netlist, ObjectKind

_COST_KEYS = {  # header line: name in the returned dictionary
    "Wirelength": "wirelength_um",
    "Wirelength cost": "wirelength",
    "Density cost": "density",
    "Congestion cost": "congestion",
}
_PAIRS = {  # header line: its two keys
    "Columns": ("Columns", "Rows"),
    "Width": ("Width", "Height"),
    "Routes per micron, hor": ("Routes per micron, hor", "ver"),
    "Routes used by macros, hor": ("Routes used by macros, hor", "ver"),
}
_LARGEST_GRID = 4096
"""Columns or rows above this are refused."""
_LARGEST_UM = 1e9
"""Sizes and coordinates beyond this are refused."""


@dataclass(frozen=True)
class PlacementFile:
    """The content of a .plc file before it is joined with a netlist.

    Attributes
    ----------
    where: the file, for errors.
    columns, rows, width_um, height_um: None where the header does not say.
    routes: tracks per µm: horizontal, vertical, horizontal and vertical used by macros.
    smooth_range, overlap_threshold, blockages: as in `Canvas`.
    costs: the costs that the header states.
    line, node, x_um, y_um, orientation, is_fixed: one entry per placed object; `node` is the index in the netlist file.
    """

    where: str
    columns: int | None
    rows: int | None
    width_um: float | None
    height_um: float | None
    routes: tuple[float, float, float, float]
    smooth_range: int
    overlap_threshold: float
    blockages: np.ndarray
    costs: dict[str, float]
    line: np.ndarray
    node: np.ndarray
    x_um: np.ndarray
    y_um: np.ndarray
    orientation: np.ndarray
    is_fixed: np.ndarray

    def canvas(self) -> Canvas:
        """The canvas of the header; InputError if it does not give one."""
        for name, value in (("Width", self.width_um), ("Height", self.height_um)):
            if value is None:
                raise InputError(
                    self.where, f"no `# {name}` in its header", "`# Width : W  Height : H`", "give a complete .plc file"
                )
        if self.columns is None or self.rows is None:
            raise InputError(self.where, "no grid in its header", "`# Columns : C  Rows : R`", "give a complete .plc file")
        return Canvas(
            float(self.width_um or 0), float(self.height_um or 0), self.columns, self.rows, *self.routes,
            self.smooth_range, self.overlap_threshold, self.blockages,
        )  # fmt: skip


def read_plc(path: str | Path, netlist: Netlist, limits: Limits = DEFAULT_LIMITS) -> tuple[Floorplan, dict[str, float]]:
    """Placement of a netlist and the costs of the file's header; InputError if they do not belong together."""
    file = read_placement_file(path, limits)
    return place_as_listed(netlist, file, file.canvas()), file.costs


def place_by_plc(path: Path, design: Design) -> Design:
    """A design with the canvas and the placement of a .plc file; what its header leaves out stays the design's."""
    file = read_placement_file(path)
    canvas = dataclasses.replace(complete_canvas(file, design), has_routing=design.canvas.has_routing)
    floorplan = place_as_listed(design.netlist, file, canvas)
    return dataclasses.replace(
        design, netlist=floorplan.netlist, canvas=floorplan.canvas, floorplan=floorplan, header_costs=file.costs
    )


def complete_canvas(file: PlacementFile, design: Design) -> Canvas:
    """The canvas of a header; a size that it lacks is the design's, a grid that it lacks is chosen."""
    if None not in (file.width_um, file.height_um, file.columns, file.rows):
        return file.canvas()
    width, height = file.width_um or design.canvas.width_um, file.height_um or design.canvas.height_um
    columns, rows = choose_grid(width, height, design.netlist)
    return dataclasses.replace(
        file, width_um=width, height_um=height, columns=file.columns or columns, rows=file.rows or rows
    ).canvas()


def read_placement_file(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> PlacementFile:
    """A .plc file on its own; InputError (file and line) where it is not one."""
    return parse_plc(read_text(path, limits), str(path))


def place_as_listed(netlist: Netlist, file: PlacementFile, canvas: Canvas) -> Floorplan:
    """The netlist with every object where the file has it, or where the netlist has it if the file leaves it out."""
    object_of = np.full(int(netlist.file_index.max(initial=-1)) + 1, -1)
    object_of[netlist.file_index] = np.arange(netlist.objects)
    known = (file.node >= 0) & (file.node < len(object_of))
    known[known] = object_of[file.node[known]] >= 0
    if not known.all():
        first = int(np.flatnonzero(~known)[0])
        raise InputError(
            f"{file.where}, line {file.line[first]}", f"node {file.node[first]}",
            f"the index of a port or macro of {netlist.name}", "use the placement file of this netlist",
        )  # fmt: skip
    placed = object_of[file.node]
    x, y, orientation = netlist.x_um.copy(), netlist.y_um.copy(), netlist.orientation.copy()
    x[placed], y[placed] = file.x_um, file.y_um
    turned = file.orientation >= 0
    orientation[placed[turned]] = file.orientation[turned]
    missing = np.flatnonzero(~(np.isfinite(x) & np.isfinite(y)))
    if len(missing):
        raise InputError(
            file.where, f"no place for {netlist.object_names[missing[0]]!r} and {len(missing) - 1} others",
            f"one line for every port and macro of {netlist.name}", "use the placement file of this netlist",
        )  # fmt: skip
    is_fixed = netlist.is_fixed.copy()
    is_fixed[placed] |= file.is_fixed
    return Floorplan(netlist.fixed_at(is_fixed, x, y, orientation), canvas, x, y, orientation)


_LINE = re.compile(r"(?:\s++|#[^\n:]*+(?=\n|\Z))*+(\S[^\n]*+)")
"""The next line that is neither blank nor a comment without a colon; it gives nothing back, so it takes no memory."""
_LONGEST_LINE = 1000
"""Characters of a line that are looked at."""


def parse_plc(text: str, where: str) -> PlacementFile:
    """Parse the text of a .plc file; `where` names its origin in errors."""
    header: dict[str, tuple[float, int]] = {}
    blockages: list[list[float]] = []
    rows: list[tuple[int, int, float, float, int, bool]] = []
    number, end = 1, 0
    while found := _LINE.match(text, end):
        number += text.count("\n", end, found.start(1))
        line, end = found[1].rstrip(), found.end()
        if line.startswith("#"):
            if ":" in line[:_LONGEST_LINE]:
                _header_line(line[1:_LONGEST_LINE].strip(), f"{where}, line {number}", number, header, blockages)
        else:
            rows.append((number, *_row(line, f"{where}, line {number}")))
    if not rows and not header:
        raise InputError(where, "neither a header nor a placed object", "a .plc placement file", "check the file's kind")
    columns = list(zip(*rows, strict=True)) or [()] * 6
    file = PlacementFile(
        where, _count(where, header, "Columns"), _count(where, header, "Rows"), _size(where, header, "Width"),
        _size(where, header, "Height"), _routes(where, header), int(_value(where, header, "Smoothing factor", 2, 0, 128)),
        _value(where, header, "Overlap threshold", 0.0, 0, math.inf), np.array(blockages).reshape(-1, 5),
        {name: header[key][0] for key, name in _COST_KEYS.items() if key in header},
        np.array(columns[0], np.int64), np.array(columns[1], np.int64), np.array(columns[2], np.float64),
        np.array(columns[3], np.float64), np.array(columns[4], np.int8), np.array(columns[5], bool),
    )  # fmt: skip
    _refuse_repeats(file)
    return file


_PAIR_LINE = re.compile(r"^(.*?)\s*:\s*(\S+)\s+(\w+)\s*:\s*(\S+)$")
_SINGLE_LINE = re.compile(r"^([A-Za-z ]+?)\s*:\s*(\S+)$")


def _header_line(
    line: str, where: str, number: int, header: dict[str, tuple[float, int]], blockages: list[list[float]]
) -> None:
    pair = _PAIR_LINE.match(line)
    if pair and pair[1] in _PAIRS:
        first, second = _PAIRS[pair[1]]
        second = f"{pair[1]} {second}" if second == "ver" else second
        header[first], header[second] = (_float(pair[2], where), number), (_float(pair[4], where), number)
    elif line.startswith("Blockage :"):
        numbers = [_float(word, where) for word in line.split(":", 1)[1].split()]
        if len(numbers) != 5:
            raise InputError(where, f"a blockage of {len(numbers)} numbers", "minx miny maxx maxy rate", "correct it")
        _refuse_beyond(where, numbers)
        if not (numbers[0] <= numbers[2] and numbers[1] <= numbers[3] and 0 <= numbers[4]):
            found = "a blockage " + " ".join(f"{number:g}" for number in numbers)
            raise InputError(where, found, "minx <= maxx, miny <= maxy and a rate of at least 0", "correct it")
        blockages.append(numbers)
    elif (single := _SINGLE_LINE.match(line)) and single[1] in (*_COST_KEYS, "Smoothing factor", "Overlap threshold"):
        header[single[1]] = (_float(single[2], where), number)


def _row(line: str, where: str) -> tuple[int, float, float, int, bool]:
    words = line[:_LONGEST_LINE].split()
    if (
        len(words) != 5
        or len(line) > _LONGEST_LINE
        or not words[0].isdigit()
        or words[4] not in ("0", "1")
        or len(words[0]) > 9
    ):
        raise InputError(where, repr(line[:40]), "`node_index x y orientation fixed`", "give a complete .plc file")
    if words[3] != "-" and words[3] not in ORIENTATIONS:
        raise InputError(where, f"orientation {words[3]!r}", f"- or one of {' '.join(ORIENTATIONS)}", "correct it")
    orientation = -1 if words[3] == "-" else ORIENTATIONS.index(words[3])
    x, y = _float(words[1], where), _float(words[2], where)
    _refuse_beyond(where, [x, y])
    return int(words[0]), x, y, orientation, words[4] == "1"


def _refuse_beyond(where: str, numbers: list[float]) -> None:
    """InputError for coordinates beyond any canvas, whose squares and areas would overflow."""
    for number in numbers:
        if abs(number) > _LARGEST_UM:
            raise InputError(
                where, f"{number:g}", f"coordinates from -{_LARGEST_UM:g} to {_LARGEST_UM:g} µm", "correct them"
            )


def _float(word: str, where: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(where, repr(word[:40]), "a finite number", "correct it")
    return value


def _value(where: str, header: dict[str, tuple[float, int]], key: str, default: float, least: float, most: float) -> float:
    value, line = header.get(key, (default, 0))
    if not least <= value <= most:
        raise InputError(
            f"{where}, line {line}", f"{key} {value:g}", f"a value from {least:g} to {most:g}", "correct the header"
        )
    return value


def _count(where: str, header: dict[str, tuple[float, int]], key: str) -> int | None:
    return int(_value(where, header, key, 1, 1, _LARGEST_GRID)) if key in header else None


def _size(where: str, header: dict[str, tuple[float, int]], key: str) -> float | None:
    return _value(where, header, key, 1, 1e-6, _LARGEST_UM) if key in header else None


def _routes(where: str, header: dict[str, tuple[float, int]]) -> tuple[float, float, float, float]:
    supply, used = "Routes per micron, hor", "Routes used by macros, hor"
    keys = ((supply, 1e-9), (f"{supply} ver", 1e-9), (used, 0), (f"{used} ver", 0))
    first, second, third, fourth = (
        _value(where, header, key, default, least, 1e9) for (key, least), default in zip(keys, DEFAULT_ROUTES, strict=True)
    )
    return first, second, third, fourth


def _refuse_repeats(file: PlacementFile) -> None:
    order = np.argsort(file.node, kind="stable")
    repeats = np.flatnonzero(np.diff(file.node[order]) == 0)
    if len(repeats):
        again = order[repeats[0] + 1]
        raise InputError(
            f"{file.where}, line {file.line[again]}", f"node {file.node[again]} a second time", "one line per object",
            "remove one of them",
        )  # fmt: skip


def write_plc_design(path: Path, design: Design) -> Written:
    """Write the placement of a design; of one without, the canvas and the places that its netlist gives."""
    floorplan = design.floorplan or Floorplan(
        design.netlist, design.canvas, design.netlist.x_um, design.netlist.y_um, design.netlist.orientation
    )
    nowhere = int((~np.isfinite(floorplan.x_um + floorplan.y_um)).sum())
    notes = (f"{nowhere} objects have no place yet and are left out.",) if nowhere else ()
    return Written((write_plc(path, floorplan, design.header_costs),), notes)


def write_plc(path: str | Path, floorplan: Floorplan, costs: dict[str, float] | None = None) -> Path:
    """Write a placement; `costs` may hold `wirelength_um`, `wirelength`, `density`, `congestion` for the header."""
    return write_text(path, format_plc(floorplan, costs or {}))


def format_plc(floorplan: Floorplan, costs: dict[str, float]) -> str:
    """The text of a .plc file."""
    netlist, canvas = floorplan.netlist, floorplan.canvas
    kinds = [int((netlist.kind == kind).sum()) for kind in ObjectKind]
    lines = [
        "# Placement file for Circuit Training",
        f"# Columns : {canvas.columns}  Rows : {canvas.rows}",
        f"# Width : {format_number(canvas.width_um)}  Height : {format_number(canvas.height_um)}",
        *(f"# {key} : {costs[name]:.9f}" for key, name in _COST_KEYS.items() if name in costs),
        "# Project : workbench",
        f"# Block : {netlist.name}",
        f"# Routes per micron, hor : {format_number(canvas.horizontal_routes_per_um)}"
        f"  ver : {format_number(canvas.vertical_routes_per_um)}",
        f"# Routes used by macros, hor : {format_number(canvas.macro_horizontal_routes_per_um)}"
        f"  ver : {format_number(canvas.macro_vertical_routes_per_um)}",
        f"# Smoothing factor : {canvas.smooth_range}",
        f"# Overlap threshold : {format_number(canvas.overlap_threshold)}",
        *("# Blockage : " + " ".join(format_number(value) for value in blockage) for blockage in canvas.blockages),
        "#",
        "# Counts of node types:",
        *(f"# {name:<16}: {count:9d}" for name, count in zip(("HARD_MACROs", "SOFT_MACROs", "PORTs"), kinds, strict=True)),
        "#",
        "# node_index x y orientation fixed",
    ]
    placed = np.isfinite(floorplan.x_um) & np.isfinite(floorplan.y_um)
    order = np.argsort(netlist.file_index, kind="stable")
    for i in order[placed[order]]:
        turned = "-" if netlist.kind[i] == ObjectKind.PORT else ORIENTATIONS[floorplan.orientation[i]]
        place = f"{format_number(floorplan.x_um[i])} {format_number(floorplan.y_um[i])}"
        lines.append(f"{netlist.file_index[i]} {place} {turned} {int(netlist.is_fixed[i])}")
    return "\n".join(lines) + "\n"


def format_number(value: float) -> str:
    """Nine decimals, without trailing zeros."""
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
