"""Reads the files of a Bookshelf design, each into plain columns: .aux .nodes .nets .wts .pl .scl.

Lines are found one at a time, so that nonsense of any size ends at its first line. Comments (`#`) may stand anywhere.

Source: the UCLA Bookshelf placement format, with the additions of ISPD 2005/2006 (`/FIXED`), ISPD 2011 (`terminal_NI`,
`/FIXED_NI`) and ICCAD 2004 (pads beside the rows).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from workbench.base.errors import InputError
from workbench.base.files import read_text
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.netlist.netlist import ORIENTATIONS

LARGEST_NUMBER = 1e9
"""Sizes, coordinates and weights above this are refused, as in .plc headers."""
_LONGEST_LINE = 10_000
"""Characters of a line above which it is no Bookshelf line; looked at before the line is split."""
_LINE = re.compile(r"(?:\s++|#[^\n]*+)*+([^\s#][^\n]*+)")
"""The next line that is neither blank nor a comment; it gives nothing back, so it takes no memory."""
_COMMENT = re.compile(r"^#[^\n]*", re.MULTILINE)
_KINDS = ("nodes", "nets", "wts", "pl", "scl")


@dataclass(frozen=True)
class Node:
    """One line of .nodes; sizes for orientation N."""

    width: float
    height: float
    is_terminal: bool
    may_overlap: bool


@dataclass(frozen=True)
class Place:
    """One line of .pl: the lower left corner, index into ORIENTATIONS, and what its `/FIXED` says."""

    x: float
    y: float
    orientation: int
    is_fixed: bool
    may_overlap: bool


@dataclass
class Nets:
    """The .nets file: net i has the pins ``start[i]:start[i + 1]``, in the file's order."""

    names: dict[str, int] = field(default_factory=dict)
    start: list[int] = field(default_factory=lambda: [0])
    node: list[str] = field(default_factory=list)
    is_output: list[bool] = field(default_factory=list)
    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    offset: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Rows:
    """Box of all rows of .scl and the height of its lowest row."""

    left: float
    bottom: float
    right: float
    top: float
    height: float


class Source:
    """The text of one file: its lines without comments, and where an error is."""

    def __init__(self, path: Path, limits: Limits = DEFAULT_LIMITS) -> None:
        self.path, self.limits = path, limits
        self.text = read_text(path, limits)

    def lines(self) -> Iterator[tuple[int, list[str]]]:
        """Offset and words of each line; the heading `UCLA kind version` and comments are left out."""
        end = 0
        while found := _LINE.match(self.text, end):
            line, start, end = found[1], found.start(1), found.end()
            if len(line) > _LONGEST_LINE:
                raise self.error(start, f"a line of {len(line):,} characters", "short lines", "check the file's kind")
            words = line.partition("#")[0].replace(":", " : ").split()
            if words[0] != "UCLA":
                yield start, words

    def comments(self) -> Iterator[tuple[int, str]]:
        """Offset and text of each comment that fills its line."""
        for found in _COMMENT.finditer(self.text):
            if len(found[0]) <= _LONGEST_LINE:
                yield found.start(), found[0]

    def error(self, offset: int, found: str, expected: str, advice: str) -> InputError:
        """An InputError at a place of the text."""
        return InputError(f"{self.path}, line {self.text.count(chr(10), 0, offset) + 1}", found, expected, advice)

    def number(self, offset: int, word: str, least: float = -LARGEST_NUMBER) -> float:
        """The number that a word is; InputError unless it is finite and within the range."""
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not least <= value <= LARGEST_NUMBER:
            expected = "a finite number" if least < 0 else f"a number of at least {least:g}"
            raise self.error(offset, repr(word[:40]), f"{expected}, at most {LARGEST_NUMBER:g}", "correct it")
        return value

    def line_error(self, offset: int, words: list[str], expected: str) -> InputError:
        """An InputError for a line of another shape."""
        return self.error(offset, repr(" ".join(words)[:40]), expected, f"give a complete .{self.path.suffix[1:]} file")


def read_aux(path: Path, limits: Limits = DEFAULT_LIMITS) -> dict[str, Path]:
    """The files that a .aux names, by kind; InputError if .nodes or .nets is missing, or one is in another folder."""
    source = Source(path, limits)
    files: dict[str, Path] = {}
    for offset, words in source.lines():
        if len(words) < 3 or words[1] != ":":
            raise source.line_error(offset, words, "`RowBasedPlacement : a.nodes a.nets a.wts a.pl a.scl`")
        for name in words[2:]:
            kind = name.rpartition(".")[2].lower()
            if kind in files:
                raise source.error(offset, f"a second .{kind} file {name!r}", "one of each kind", "remove it")
            file = path.parent / name
            if "\0" in name or not file.resolve().is_relative_to(path.parent.resolve()):
                raise source.error(offset, repr(name[:60]), "a file in the folder of the .aux", "copy it there")
            if kind in _KINDS and not file.is_file():
                raise source.error(offset, f"the name of a missing file {name!r}", "files that exist", "add it")
            files[kind] = file
    for kind in ("nodes", "nets"):
        if kind not in files:
            raise InputError(path, f"no .{kind} file", "the names of .nodes, .nets, .pl and .scl", "name it")
    return files


def read_nodes(source: Source) -> dict[str, Node]:
    """The nodes by name, in the file's order."""
    nodes: dict[str, Node] = {}
    declared: dict[str, int] = {}
    terminals = 0
    for offset, words in source.lines():
        if _is_count(source, offset, words, declared, ("NumNodes", "NumTerminals"), "nodes"):
            continue
        if len(words) not in (3, 4):
            raise source.line_error(offset, words, "`name width height [terminal]`")
        kind = words[3].lower() if len(words) == 4 else ""
        if kind not in ("", "terminal", "terminal_ni"):
            raise source.error(offset, repr(words[3][:40]), "terminal or terminal_NI", "correct it")
        if words[0] in nodes:
            raise source.error(offset, f"a second node {words[0]!r}", "unique names", "rename or remove it")
        width, height = source.number(offset, words[1], 0), source.number(offset, words[2], 0)
        if not kind and (width == 0 or height == 0):
            raise source.error(offset, f"movable node {words[0]!r} of size {width:g} x {height:g}", "a size above 0",
                               "give its width and height")  # fmt: skip
        nodes[words[0]] = Node(width, height, bool(kind), kind == "terminal_ni")
        terminals += bool(kind)
        if len(nodes) > source.limits.nodes:
            source.limits.check(str(source.path), "nodes", len(nodes))
    if not nodes:
        raise InputError(source.path, "no nodes", "`name width height [terminal]` lines", "give a complete .nodes file")
    _check_counts(source, declared, {"NumNodes": len(nodes), "NumTerminals": terminals})
    return nodes


def read_nets(source: Source) -> Nets:
    """The nets and their pins."""
    nets = Nets()
    declared: dict[str, int] = {}
    left, at = 0, 0
    for offset, words in source.lines():
        if words[0] == "NetDegree":
            if left:
                break
            if len(words) not in (3, 4) or words[1] != ":" or not words[2].isdecimal():
                raise source.line_error(offset, words, "`NetDegree : pins name`")
            left, at = int(words[2][:12]), offset
            source.limits.check(str(source.path), "pins", left)
            name = words[3] if len(words) == 4 else f"net{len(nets.start) - 1}"
            if name in nets.names:
                raise source.error(offset, f"a second net {name!r}", "unique names", "rename or remove it")
            nets.names[name] = len(nets.start) - 1
            nets.start.append(nets.start[-1])
        elif left:
            _pin(source, offset, words, nets)
            left -= 1
        elif not _is_count(source, offset, words, declared, ("NumNets", "NumPins"), "pins"):
            raise source.line_error(offset, words, "`NetDegree : pins name`")
    if left:
        given = nets.start[-1] - nets.start[-2]
        raise source.error(at, f"a net of {given} pins", f"the {given + left} pins that it declares", "correct NetDegree")
    _check_counts(source, declared, {"NumNets": len(nets.names), "NumPins": len(nets.node)})
    return nets


def _pin(source: Source, offset: int, words: list[str], nets: Nets) -> None:
    """One line ``node I|O|B : x y``; direction and offset may be left out, the pin's size after a second colon is."""
    direction = words[1].upper() if len(words) > 1 and words[1] != ":" else "I"
    colon = words.index(":") if ":" in words else len(words)
    is_whole = len(words) - colon in (0, 3) or words[colon + 3 : colon + 4] == [":"]
    if direction not in ("I", "O", "B") or colon > 2 or not is_whole:
        raise source.line_error(offset, words, "`node I|O|B : x_offset y_offset`")
    given = words[colon + 1 : colon + 3] or ("0", "0")
    nets.node.append(words[0])
    nets.is_output.append(direction == "O")
    nets.x.append(source.number(offset, given[0]))
    nets.y.append(source.number(offset, given[1]))
    nets.offset.append(offset)
    nets.start[-1] += 1
    if len(nets.node) > source.limits.pins:
        source.limits.check(str(source.path), "pins", len(nets.node))


def read_weights(source: Source, nets: dict[str, int], nodes: dict[str, Node]) -> dict[int, float]:
    """Weights by net; weights of nodes, which some files carry, are passed over."""
    weights: dict[int, float] = {}
    for offset, words in source.lines():
        if len(words) != 2:
            raise source.line_error(offset, words, "`net weight`")
        if words[0] in nets:
            weights[nets[words[0]]] = source.number(offset, words[1], 0)
        elif words[0] not in nodes:
            raise source.error(offset, f"a weight of {words[0]!r}", "the name of a net", "correct or remove it")
    return weights


def read_places(source: Source) -> dict[str, tuple[int, Place]]:
    """Offset in the file and place of each node that .pl lists."""
    places: dict[str, tuple[int, Place]] = {}
    for offset, words in source.lines():
        rest = words[4:] if words[3:4] == [":"] else []
        if len(words) < 3 or (len(words) > 3 and (words[3] != ":" or not 1 <= len(rest) <= 2)):
            raise source.line_error(offset, words, "`name x y : orientation [/FIXED]`")
        if rest and rest[0] not in ORIENTATIONS:
            raise source.error(offset, f"orientation {rest[0][:40]!r}", f"one of {' '.join(ORIENTATIONS)}", "correct it")
        fixed = rest[1].upper() if len(rest) == 2 else ""
        if fixed not in ("", "/FIXED", "/FIXED_NI"):
            raise source.error(offset, repr(rest[1][:40]), "/FIXED or /FIXED_NI", "correct it")
        if words[0] in places:
            raise source.error(offset, f"node {words[0]!r} a second time", "one line per node", "remove one of them")
        x, y = source.number(offset, words[1]), source.number(offset, words[2])
        orientation = ORIENTATIONS.index(rest[0]) if rest else 0
        places[words[0]] = offset, Place(x, y, orientation, bool(fixed), fixed == "/FIXED_NI")
        if len(places) > source.limits.nodes:
            source.limits.check(str(source.path), "nodes", len(places))
    return places


def read_rows(source: Source) -> Rows:
    """The box of the rows; InputError unless there is a row with an area."""
    boxes: list[tuple[float, float, float, float, float]] = []
    declared: dict[str, int] = {}
    row: dict[str, float] | None = None
    at = 0
    for offset, words in source.lines():
        if words[0] == "CoreRow":
            if row is not None:
                break
            row, at = {}, offset
        elif words[0] == "End" and row is not None:
            boxes.append(_row_box(source, at, row))
            row = None
        elif row is not None:
            _row_fields(source, offset, words, row)
        elif not _is_count(source, offset, words, declared, ("NumRows",), "nodes"):
            raise source.line_error(offset, words, "`CoreRow Horizontal`")
    if row is not None:
        raise source.error(at, "a row without its end", "`End` after its fields", "give a complete .scl file")
    if not boxes:
        raise InputError(source.path, "no rows", "`CoreRow Horizontal` entries", "give a complete .scl file")
    _check_counts(source, declared, {"NumRows": len(boxes)})
    left, bottom, right, top, height = zip(*boxes, strict=True)
    return Rows(min(left), min(bottom), max(right), max(top), min(height))


def _row_fields(source: Source, offset: int, words: list[str], row: dict[str, float]) -> None:
    """The fields ``key : value`` of a line; of several subrows, the leftmost origin and the rightmost end are kept."""
    if len(words) % 3 or any(word != ":" for word in words[1::3]):
        raise source.line_error(offset, words, "`key : value` fields of a row")
    fields = {key.lower(): value for key, value in zip(words[::3], words[2::3], strict=True)}
    for key in ("coordinate", "height", "sitewidth", "sitespacing"):
        if key in fields:
            row[key] = source.number(offset, fields[key])
    if "subroworigin" in fields:
        origin, sites = source.number(offset, fields["subroworigin"]), source.number(offset, fields.get("numsites", "0"), 0)
        pitch = row.get("sitespacing", row.get("sitewidth", 1.0))
        row["left"] = min(origin, row.get("left", math.inf))
        row["right"] = max(origin + sites * pitch, row.get("right", -math.inf))


def _row_box(source: Source, offset: int, row: dict[str, float]) -> tuple[float, float, float, float, float]:
    missing = [name for name in ("coordinate", "height", "left") if name not in row]
    if missing:
        name = {"left": "SubrowOrigin", "coordinate": "Coordinate", "height": "Height"}[missing[0]]
        raise source.error(offset, f"a row without {name}", "Coordinate, Height and SubrowOrigin", "add it")
    width, height = row["right"] - row["left"], row["height"]
    if not (width > 0 and height > 0 and width <= LARGEST_NUMBER):
        raise source.error(offset, f"a row of {width:g} x {height:g}", "a row with an area", "correct it")
    return row["left"], row["coordinate"], row["right"], row["coordinate"] + height, height


def _is_count(
    source: Source, offset: int, words: list[str], declared: dict[str, int], keys: tuple[str, ...], limit: str
) -> bool:
    """Whether a line declares a count (kept and checked against the limits)."""
    key = next((key for key in keys if key.lower() == words[0].lower()), None)
    if key is None:
        return False
    if len(words) != 3 or words[1] != ":" or not words[2].isdecimal():
        raise source.line_error(offset, words, f"`{key} : count`")
    declared[key] = int(words[2][:12])
    source.limits.check(str(source.path), limit, declared[key])
    return True


def _check_counts(source: Source, declared: dict[str, int], found: dict[str, int]) -> None:
    for key, count in declared.items():
        if found[key] != count:
            what = {
                "NumNodes": "nodes",
                "NumTerminals": "terminals",
                "NumNets": "nets",
                "NumPins": "pins",
                "NumRows": "rows",
            }
            raise InputError(source.path, f"{found[key]} {what[key]}", f"the {count} that {key} declares",
                             "give a complete file or correct the count")  # fmt: skip
