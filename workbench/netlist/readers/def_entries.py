"""Reads the statements of a DEF file into the parts of a `DefFile`.

Read: DESIGN and its properties, UNITS, DIEAREA, ROW (number), GCELLGRID, COMPONENTS, PINS, PINPROPERTIES (`port`, see the
writer), NETS (pins, USE, WEIGHT; no wires), BLOCKAGES of placement. Passed over: tracks, vias, rules, special nets, fills,
slots, scan chains; groups, regions and routing blockages are counted in `skipped`.

Each statement is matched with a regular expression or two, so that the work per statement is a few microseconds.

Source: LEF/DEF 5.8 Language Reference, chapter 2.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from workbench.base.errors import InputError
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.netlist.netlist import ORIENTATIONS
from workbench.netlist.readers.def_text import (
    DefBlockage,
    DefComponent,
    DefFile,
    DefNet,
    DefPin,
    Statement,
    plain_name,
    statements,
)
from workbench.netlist.readers.lefdef_text import plain_text

_NAME = re.compile(r"-\s+(\S+)(?:\s+(\S+))?")
_PLACE = re.compile(r"\+\s+(PLACED|FIXED|COVER)\s+\(\s*(-?\d+)\s+(-?\d+)\s*\)\s+(\w+)")
_UNREADABLE_PLACE = re.compile(r"\+\s+(?:PLACED|FIXED|COVER)\b(?:\s+\(?\s*\S+\s+\S+)?")
_OPTION = re.compile(r"\+\s+(NET|DIRECTION|USE|WEIGHT)\s+(\S+)")
_SHAPE = re.compile(
    r"\+\s+(?:LAYER|POLYGON)\s+\S+((?:\s+(?:MASK|SPACING|DESIGNRULEWIDTH)\s+\d+)*(?:\s*\(\s*-?\d+\s+-?\d+\s*\))+)"
)
_POINT = re.compile(r"\(\s*(-?\d+|\*)\s+(-?\d+|\*)[^)]*\)")
_NET_PINS = re.compile(r"-\s+(\S+)((?:\s*\(\s*\S+\s+\S+\s*(?:\+\s+SYNTHESIZED\s*)?\))*)\s*(?=\+|\Z)")
_NET_PIN = re.compile(r"\(\s*(\S+)\s+([^\s)]+)")
_PORT = re.compile(r'-\s+PIN\s+(\S+)\s.*?\+\s+PROPERTY\s.*?\bport\s+"?([^"\s]+)', re.DOTALL)
_COUNTED = {"GROUPS": "groups", "REGIONS": "regions"}
_LARGEST_COORDINATE = 1 << 40


def parse_def(text: str, where: str, limits: Limits = DEFAULT_LIMITS) -> DefFile:
    """Parts of a DEF text.

    Raises
    ------
    InputError: file and line of what is not DEF, or more objects than the limits allow.
    """
    file = DefFile(where, plain_text(text))
    for statement in statements(file):
        take(file, statement, limits)
    if not file.design:
        raise InputError(where, "no DESIGN", "`DESIGN name ;`", "give a DEF file")
    return file


def take(file: DefFile, statement: Statement, limits: Limits = DEFAULT_LIMITS) -> None:
    """Enter what a statement says into the file; InputError if it cannot be read."""
    handlers, key = (_ENTRIES, statement.section) if statement.section else (_SINGLE, statement.keyword)
    handlers.get(key, _ignore)(file, statement, limits)


def _ignore(file: DefFile, statement: Statement, limits: Limits) -> None:
    """Statements that say nothing about the netlist."""


def _design(file: DefFile, statement: Statement, limits: Limits) -> None:
    file.design = plain_name((statement.text.split() + [""])[1])


def _units(file: DefFile, statement: Statement, limits: Limits) -> None:
    words = statement.text.split()
    if len(words) != 4 or not words[3].isdigit() or not 0 < int(words[3][:10]) <= 1_000_000:
        raise InputError(file.at(statement.start), repr(statement.text[:40]), "`UNITS DISTANCE MICRONS n ;`", "correct it")
    file.units = int(words[3])


def _die(file: DefFile, statement: Statement, limits: Limits) -> None:
    corners = _corners(file, statement, statement.text)
    if len(corners) < 2:
        raise InputError(file.at(statement.start), f"a DIEAREA of {len(corners)} points", "two or more", "correct it")
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    if min(xs) < max(xs) and min(ys) < max(ys):  # before floorplanning it may be empty
        file.die = min(xs), min(ys), max(xs), max(ys)


def _property(file: DefFile, statement: Statement, limits: Limits) -> None:
    words = statement.text.split()
    if len(words) == 4 and words[0] == "DESIGN":
        file.properties[words[1]] = words[3]


def _row(file: DefFile, statement: Statement, limits: Limits) -> None:
    file.rows += 1


def _grid(file: DefFile, statement: Statement, limits: Limits) -> None:
    words = statement.text.split()
    if len(words) == 7 and words[3] == "DO" and words[4].isdigit():
        file.grid_cells[words[1]] = file.grid_cells.get(words[1], 0) + max(0, int(words[4][:9]) - 1)


def _component(file: DefFile, statement: Statement, limits: Limits) -> None:
    name = _NAME.match(statement.text)
    if name is None or name[2] is None or name[2] == "+":
        raise InputError(file.at(statement.start), repr(statement.text[:40]), "`- component macro ...`", "correct it")
    if len(file.components) >= limits.nodes:
        limits.check(file.where, "nodes", len(file.components) + 1)
    file.components.append(DefComponent(plain_name(name[1]), plain_name(name[2]), statement.start, *_place(file, statement)))


def _pin(file: DefFile, statement: Statement, limits: Limits) -> None:
    name = _NAME.match(statement.text)
    if name is None:
        raise InputError(file.at(statement.start), repr(statement.text[:40]), "`- pin + NET net ...`", "correct it")
    options = dict(_OPTION.findall(statement.text)[::-1])  # of several ports the first
    shape = _SHAPE.search(statement.text)
    corners = _corners(file, statement, shape[1]) if shape else [(0, 0)]
    middle = [(min(axis) + max(axis)) / 2 for axis in zip(*corners, strict=True)]
    limits.check(file.where, "pins", len(file.pins) + 1)
    file.pins.append(
        DefPin(
            plain_name(name[1]),
            plain_name(options.get("NET", "")),
            statement.start,
            options.get("DIRECTION", "INPUT"),
            options.get("USE", "SIGNAL"),
            *_place(file, statement),
            *middle,
        )  # fmt: skip
    )


def _pin_property(file: DefFile, statement: Statement, limits: Limits) -> None:
    if found := _PORT.match(statement.text):
        file.port_of_pin[plain_name(found[1])] = plain_name(found[2])


def _net(file: DefFile, statement: Statement, limits: Limits) -> None:
    found = _NET_PINS.match(statement.text)
    if found is None:
        raise InputError(
            file.at(statement.start), repr(statement.text[:40]), "`- net ( component pin ) ... + options`", "correct it"
        )
    if found[1] == "MUSTJOIN":
        return
    rest = statement.text[found.end() :]
    options = dict(_OPTION.findall(rest)) if rest else {}
    weight = options.get("WEIGHT", "1")
    if not weight.isdigit() or len(weight) > 9:
        raise InputError(file.at(statement.start), f"WEIGHT {weight[:40]}", "a whole number", "correct it")
    pins = _NET_PIN.findall(found[2])
    file.nets.append(DefNet(found[1], pins, options.get("USE", "SIGNAL"), int(weight), statement.start))


def _blockage(file: DefFile, statement: Statement, limits: Limits) -> None:
    kind, *shapes = re.split(r"\b(RECT|POLYGON)\b", statement.text)
    words = kind.split()
    if words[1:2] != ["PLACEMENT"]:
        file.skipped["routing blockages"] = file.skipped.get("routing blockages", 0) + 1
        return
    rate = 1.0
    if "PARTIAL" in words[:-1]:
        share = words[words.index("PARTIAL") + 1]
        if not re.fullmatch(r"\d{1,3}(\.\d*)?", share) or float(share) > 100:
            raise InputError(file.at(statement.start), f"PARTIAL {share[:40]}", "a density from 0 to 100", "correct it")
        rate = round(1 - float(share) / 100, 9)
    for shape in shapes[1::2]:
        corners = _corners(file, statement, shape)
        if len(corners) < 2:
            raise InputError(file.at(statement.start), "a blockage without corners", "two corners or more", "correct it")
        file.blockages.append(DefBlockage(corners, rate))


def _count(file: DefFile, statement: Statement, limits: Limits) -> None:
    name = _COUNTED[statement.section]
    file.skipped[name] = file.skipped.get(name, 0) + 1


def _corners(file: DefFile, statement: Statement, text: str) -> list[tuple[int, int]]:
    """Points of a text; * repeats the coordinate before it."""
    corners, x, y = [], 0, 0
    for across, up in _POINT.findall(text):
        x, y = x if across == "*" else int(across[:20]), y if up == "*" else int(up[:20])
        corners.append((x, y))
    if any(abs(value) > _LARGEST_COORDINATE for corner in corners for value in corner):
        raise InputError(file.at(statement.start), "a coordinate beyond 2^40", "a place on a chip", "correct it")
    return corners


def _place(file: DefFile, statement: Statement) -> tuple[str, int, int, int]:
    """Status, place and orientation of a component or pin."""
    found = _PLACE.search(statement.text)
    if found is None:
        if (bad := _UNREADABLE_PLACE.search(statement.text)) is not None:
            words = " ".join(bad.group().split())[:60]
            raise InputError(file.at(statement.start), repr(words), "`+ PLACED ( x y ) orientation`", "correct it")
        return "UNPLACED", 0, 0, 0
    status, across, up, turned = found.groups()
    if turned not in ORIENTATIONS:
        raise InputError(
            file.at(statement.start), f"orientation {turned[:40]!r}", f"one of {' '.join(ORIENTATIONS)}", "correct it"
        )
    x, y = int(across[:20]), int(up[:20])
    if max(abs(x), abs(y)) > _LARGEST_COORDINATE:
        raise InputError(file.at(statement.start), "a coordinate beyond 2^40", "a place on a chip", "correct it")
    return status, x, y, ORIENTATIONS.index(turned)


_Handler = Callable[[DefFile, Statement, Limits], None]
_SINGLE: dict[str, _Handler] = {
    "DESIGN": _design, "UNITS": _units, "DIEAREA": _die, "ROW": _row, "GCELLGRID": _grid,
}  # fmt: skip
_ENTRIES: dict[str, _Handler] = {
    "COMPONENTS": _component, "PINS": _pin, "PINPROPERTIES": _pin_property, "NETS": _net, "BLOCKAGES": _blockage,
    "GROUPS": _count, "REGIONS": _count, "PROPERTYDEFINITIONS": _property,
}  # fmt: skip
