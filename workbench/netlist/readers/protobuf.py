"""Reads the text-protobuf netlists of graph placement (`netlist.pb.txt`, also gzip) into a `Netlist`.

A file is a sequence of ``node { name: "..." input: "..."* attr { key: "k" value { f: 1 | placeholder: "s" } }* }``.
Read here with all the variants seen: no coordinates, no orientation, upper- and lower-case types, `__metadata__`,
standard cells (flat netlists; each becomes a soft macro of its own), attribute values of any scalar field.

What decides that a macro is soft: it is of the lower-case type `macro` and its name begins with `Grp`. Two public tools
disagree on lower-case macros with other names (one goes by type, the other by name); their pins have offsets, so they
are hard here.

Source: cost-and-environment §1.1 (written from circuit_training and MacroPlacement).
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.base.files import read_text
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.netlist.canvas import default_canvas
from workbench.netlist.design import Design
from workbench.netlist.netlist import ORIENTATIONS, Netlist, ObjectKind
from workbench.netlist.plc import complete_canvas, place_by_plc, read_placement_file

METADATA = "__metadata__"
"""Name of the optional node that carries facts about the file; it has no index."""

_TOKEN = re.compile(
    r"""\s*+(?:\#[^\n]*+\s*+)*+(?:
      attr\s*\{\s*key\s*:\s*"([^"\\]*)"\s*value\s*:?\s*\{\s*(?:placeholder|f|s|i|b)\s*:\s*(?:"([^"\\]*)"|([^\s"{}]+))\s*\}\s*\}
    | input\s*:\s*"([^"\\]*)"
    | (name)\s*:\s*"([^"\\]*)"
    | (node)\s*:?\s*\{
    | (\})
    | (\w++)\s*:?\s*(\{)
    | (\w++)\s*:\s*(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"|([^\s"{}]+))[,;]?
    | (\Z)
    )""",
    re.VERBOSE,
)
_CUT = re.compile(r'\w*\s*(?::\s*(?:"[^"\n]*|[^\s"{}]*)?)?')
"""What is left of a field where a file is cut: a part of a word, of a string or of a number."""
_KNOWN_TYPES = ("port", "macro", "macro_pin", "stdcell")
_LARGEST_NUMBER = 1e9
"""Sizes, coordinates and weights above this are refused, as in .plc headers."""


@dataclass
class _Node:
    """One node of the file as it is written there."""

    name: str
    offset: int
    inputs: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)


def read_protobuf(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> Netlist:
    """Read a netlist file; InputError (file and line) if it is not a complete, consistent netlist."""
    return parse_protobuf(read_text(path, limits), str(path), limits)


def load_protobuf_design(path: Path, params: Mapping[str, Any]) -> Design:
    """The design of a netlist file, with the placement beside it: `initial.plc`, else one of its own name or the only one.

    The canvas is that of the placement's header, else of the netlist's `FP bbox` comment, else a guessed one.
    """
    text = read_text(path)
    netlist = parse_protobuf(text, str(path))
    design = Design(netlist.name, netlist, default_canvas(netlist, _box(text, str(path))), origin=path)
    beside = _placement_beside(path)
    if beside is None:
        return design
    try:
        return place_by_plc(beside, design)
    except InputError as refusal:  # the folder's file gives the canvas only
        canvas = complete_canvas(read_placement_file(beside), design)
        return dataclasses.replace(design, canvas=canvas, notes=(f"Only the canvas was taken of a placement: {refusal}",))


def _placement_beside(path: Path) -> Path | None:
    stem = path.name.lower().removesuffix(".gz").removesuffix(".txt").removesuffix(".pb").removesuffix(".pbtxt")
    found = sorted(path.parent.glob("*.plc"))
    named = [file for name in ("initial", stem) for file in found if file.stem == name]
    return named[0] if named else found[0] if len(found) == 1 else None


_BOX = re.compile(r"#\s*FP bbox:\s*\{\s*(\S+)\s+(\S+)\s*\}\s*\{\s*(\S+)\s+(\S+)\s*\}")


def _box(text: str, where: str) -> tuple[float, float] | None:
    """Width and height of the `FP bbox` comment; None without one."""
    box = _BOX.search(text[:100_000])
    if box is None:
        return None
    try:
        width, height = float(box[3]) - float(box[1]), float(box[4]) - float(box[2])
    except ValueError:
        width = height = math.nan
    if not (0 < width <= _LARGEST_NUMBER and 0 < height <= _LARGEST_NUMBER):
        line = f"{where}, line {text.count(chr(10), 0, box.start()) + 1}"
        raise InputError(line, repr(box[0][:60]), "`# FP bbox: {left bottom} {right top}` in µm", "correct it")
    return width, height


def parse_protobuf(text: str, where: str, limits: Limits = DEFAULT_LIMITS) -> Netlist:
    """Netlist of a text; `where` names its origin in errors and, without folders and suffixes, the design."""
    nodes = _Scanner(text, where, limits).nodes()
    if not nodes:
        raise InputError(where, "no node", "`node { ... }` entries", "give a netlist in text-protobuf form")
    return _Builder(text, where, nodes).netlist()


class _Scanner:
    """Turns the text into nodes with one regular expression per token."""

    def __init__(self, text: str, where: str, limits: Limits) -> None:
        self.text, self.where, self.limits = text, where, limits

    def nodes(self) -> list[_Node]:
        found: list[_Node] = []
        position = 0
        while True:
            token = _TOKEN.match(self.text, position)
            if token is None:
                raise self._unexpected(position)
            position = token.end()
            if token.group(7):
                node, position = self._node(position, token.start(7))
                if node.name != METADATA:
                    found.append(node)
                    if len(found) > self.limits.nodes:
                        self.limits.check(self.where, "nodes", len(found))
            elif token.group(10):
                position = self._skip_message(position, token.start(9))
            elif token.group(14) is not None:
                return found
            elif not token.group(11):
                raise self._unexpected(token.end() - len(token.group().lstrip()))

    def _node(self, position: int, start: int) -> tuple[_Node, int]:
        node = _Node("", start)
        match = _TOKEN.match
        text, attributes, inputs = self.text, node.attributes, node.inputs
        while True:
            token = match(text, position)
            if token is None:
                raise self._unexpected(position, node)
            position = token.end()
            which = token.lastindex
            if which in (2, 3):
                attributes[token[1]] = token[which]
            elif which == 4:
                inputs.append(token[4])
            elif which == 6:
                node.name = token[6]
            elif which == 8:
                break
            elif which == 10 and token[9] == "attr":
                position = self._attribute(node, position)
            elif which == 10:
                position = self._skip_message(position, token.start(9))
            elif which == 7 or which == 14:
                raise self._truncated(node)
        if not node.name:
            raise InputError(self._line(start), "a node without a name", 'a field `name: "..."`', "name it")
        return node, position

    def _attribute(self, node: _Node, position: int) -> int:
        """An `attr` message in another order or with escapes than the common one."""
        key, value, depth = "", None, 1
        while depth:
            token = _TOKEN.match(self.text, position)
            if token is None:
                raise self._unexpected(position, node)
            position = token.end()
            if token.lastindex == 14:
                raise self._truncated(node)
            depth += (token.group(10) is not None) - (token.group(8) is not None)
            if token[11] == "key":
                key = token[12] or ""
            elif token[11] and depth == 2:
                value = token[12] if token[12] is not None else token[13]
        if key and value is not None:
            node.attributes[key] = value
        return position

    def _skip_message(self, position: int, start: int) -> int:
        depth = 1
        while depth:
            token = _TOKEN.match(self.text, position)
            if token is None:
                raise self._unexpected(position)
            position = token.end()
            if token.lastindex == 14:
                raise InputError(self._line(start), "a message without its end", "a closing brace", "fetch the file again")
            depth += (token.group(10) is not None or token.group(7) is not None) - (token.group(8) is not None)
            self.limits.check(self.where, "hierarchy_depth", depth)
        return position

    def _line(self, offset: int) -> str:
        return f"{self.where}, line {self.text.count(chr(10), 0, offset) + 1}"

    def _unexpected(self, position: int, node: _Node | None = None) -> InputError:
        rest = self.text[position:].lstrip()
        if node is not None and _CUT.fullmatch(rest):
            return self._truncated(node)
        found = rest[:30].split("\n")[0].strip()
        expected = "a field, `attr { ... }` or `}`" if node is not None else "`node { ... }`"
        place = self._line(len(self.text) - len(rest))
        return InputError(place, repr(found), expected, "give a netlist in text-protobuf form")

    def _truncated(self, node: _Node) -> InputError:
        name = f"node {node.name!r}" if node.name else "a node"
        return InputError(self._line(node.offset), f"{name} without its end", "a closing brace", "fetch the file again")


class _Builder:
    """Turns nodes into the arrays of a `Netlist` and checks them on the way."""

    def __init__(self, text: str, where: str, nodes: list[_Node]) -> None:
        self.text, self.where, self.nodes = text, where, nodes
        self.types = [self._type(node) for node in nodes]
        self.index: dict[str, int] = {}
        for number, node in enumerate(nodes):
            if self.index.setdefault(node.name, number) != number:
                raise InputError(self._at(node), f"a second node {node.name!r}", "unique names", "rename or remove it")

    def netlist(self) -> Netlist:
        objects = [i for i, kind in enumerate(self.types) if kind != "macro_pin"]
        object_of = {node: position for position, node in enumerate(objects)}
        nodes = [self.nodes[i] for i in objects]
        kinds = np.array([self._kind(i) for i in objects], np.int8)
        sizes = np.array([self._size(node, kind) for node, kind in zip(nodes, kinds, strict=True)])
        pins = self._pins(object_of, kinds)
        nets = self._nets(pins.of_node)
        return Netlist(
            name=_design_name(self.where),
            object_names=tuple(node.name for node in nodes),
            kind=kinds, width_um=sizes[:, 0].copy(), height_um=sizes[:, 1].copy(),
            x_um=np.array([self._number(node, "x", math.nan) for node in nodes]),
            y_um=np.array([self._number(node, "y", math.nan) for node in nodes]),
            orientation=np.array([self._orientation(node) for node in nodes], np.int8),
            is_fixed=kinds == ObjectKind.PORT,
            file_index=np.array(objects, np.int32),
            pin_object=np.array(pins.owner, np.int32), pin_x_um=np.array(pins.x), pin_y_um=np.array(pins.y),
            net_start=nets[0], net_pin=nets[1], net_weight=nets[2],
        )  # fmt: skip

    def _pins(self, object_of: dict[int, int], kinds: np.ndarray) -> _Pins:
        pins = _Pins()
        driven = {self._find(name, node) for node in self.nodes for name in node.inputs}
        for number, node in enumerate(self.nodes):
            if self.types[number] == "macro_pin":
                owner = object_of[self._owner(node)]
                dx, dy = self._offset(node, self.nodes[self._owner(node)], bool(kinds[owner] == ObjectKind.SOFT_MACRO))
                pins.add(number, owner, dx, dy)
            elif self.types[number] != "macro" or node.inputs or number in driven:
                pins.add(number, object_of[number], 0.0, 0.0)
        return pins

    def _nets(self, pin_of_node: dict[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        start, members, weights = [0], [], []
        for number, node in enumerate(self.nodes):
            if not node.inputs:
                continue
            members.append(pin_of_node[number])
            members.extend(pin_of_node[self._find(name, node)] for name in node.inputs)
            start.append(len(members))
            weights.append(self._number(node, "weight", 1.0, least=0.0))
        return np.array(start, np.int32), np.array(members, np.int32), np.array(weights, np.float64)

    def _type(self, node: _Node) -> str:
        kind = node.attributes.get("type", "")
        if kind.lower() not in _KNOWN_TYPES:
            raise InputError(
                f"{self._at(node)}, node {node.name!r}", f"type {kind!r}" if kind else "no type",
                "PORT, MACRO, MACRO_PIN or STDCELL", "correct the attribute `type`",
            )  # fmt: skip
        return kind.lower()

    def _kind(self, number: int) -> int:
        node, kind = self.nodes[number], self.types[number]
        if kind == "port":
            return ObjectKind.PORT
        is_group = node.attributes["type"] == "macro" and node.name.startswith("Grp")
        return ObjectKind.SOFT_MACRO if kind == "stdcell" or is_group else ObjectKind.MACRO

    def _size(self, node: _Node, kind: int) -> tuple[float, float]:
        if kind == ObjectKind.PORT:
            return 0.0, 0.0
        sizes = self._number(node, "width", math.nan, least=0.0), self._number(node, "height", math.nan, least=0.0)
        for key, value in zip(("width", "height"), sizes, strict=True):
            if math.isnan(value) or (value == 0 and kind == ObjectKind.MACRO):
                found = f"no {key}" if math.isnan(value) else f"{key} 0"
                raise InputError(f"{self._at(node)}, node {node.name!r}", found, "a size above 0", f"give its {key} in µm")
        return sizes

    def _orientation(self, node: _Node) -> int:
        name = node.attributes.get("orientation", "N")
        name = "N" if name in ("-", "") else name
        if name not in ORIENTATIONS:
            raise InputError(
                f"{self._at(node)}, node {node.name!r}", f"orientation {name!r}", f"one of {' '.join(ORIENTATIONS)}",
                "correct it",
            )  # fmt: skip
        return ORIENTATIONS.index(name)

    def _owner(self, node: _Node) -> int:
        name = node.attributes.get("macro_name", "")
        owner = self.index.get(name)
        if owner is None or self.types[owner] != "macro":
            found = f"macro_name {name!r}, which is no macro" if name else "no macro_name"
            raise InputError(f"{self._at(node)}, pin {node.name!r}", found, "the name of its macro", "correct it")
        return owner

    def _offset(self, node: _Node, owner: _Node, is_soft: bool) -> tuple[float, float]:
        """Pin offset for orientation N; pins of soft macros are at the centre."""
        if is_soft:
            return 0.0, 0.0
        given = [self._number(node, key, math.nan) for key in ("x_offset", "y_offset")]
        for axis, key in enumerate("xy"):
            if math.isnan(given[axis]):
                distance = self._number(node, key, math.nan) - self._number(owner, key, math.nan)
                given[axis] = 0.0 if math.isnan(distance) else distance
        return given[0], given[1]

    def _number(self, node: _Node, key: str, default: float, least: float = -math.inf) -> float:
        written = node.attributes.get(key)
        if written is None:
            return default
        try:
            value = float(written)
        except ValueError:
            value = math.nan
        if not (abs(value) <= _LARGEST_NUMBER and value >= least):
            expected = "a finite number" if least < 0 else "a finite number of at least 0"
            if math.isfinite(value) and value >= least:
                expected = f"at most {_LARGEST_NUMBER:g}"
            raise InputError(f"{self._at(node)}, node {node.name!r}", f"{key} {written}", expected, "correct it")
        return value

    def _find(self, name: str, node: _Node) -> int:
        found = self.index.get(name)
        if found is None:
            raise InputError(
                f"{self._at(node)}, node {node.name!r}",
                f"input {name!r}",
                "the name of a node",
                "add or remove it",
            )
        return found

    def _at(self, node: _Node) -> str:
        return f"{self.where}, line {self.text.count(chr(10), 0, node.offset) + 1}"


@dataclass
class _Pins:
    """Pins as they are collected: owner and offset, and which pin stands for a node."""

    owner: list[int] = field(default_factory=list)
    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    of_node: dict[int, int] = field(default_factory=dict)

    def add(self, node: int, owner: int, x: float, y: float) -> None:
        self.of_node[node] = len(self.owner)
        self.owner.append(owner)
        self.x.append(x)
        self.y.append(y)


def _design_name(where: str) -> str:
    """`folder/netlist.pb.txt.gz` is called folder, `folder/other.pb.txt` is called other."""
    path = Path(where)
    stem = path.name.split(".")[0]
    return path.parent.name if stem == "netlist" and path.parent.name else stem
