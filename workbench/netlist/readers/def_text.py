"""A DEF file in parts, in database units, as they stand there; and its text cut into statements.

Source: LEF/DEF 5.8 Language Reference, chapter 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from workbench.base.errors import InputError
from workbench.netlist.readers.lefdef_text import line_of

Box = tuple[int, int, int, int]

_END = re.compile(r";(?<=\s;)(?=\s|\Z)")
_HEAD = re.compile(r"\s*((?:END\s+\w+\s+)*)(-|\w+)")
_VISIBLE = re.compile(r"\S")
_SECTIONS = frozenset(
    "COMPONENTS PINS PINPROPERTIES NETS SPECIALNETS BLOCKAGES GROUPS REGIONS VIAS NONDEFAULTRULES FILLS SLOTS SCANCHAINS"
    " STYLES".split()
)


class DefComponent(NamedTuple):
    """A component: names, where it stands in the text, status (``PLACED FIXED COVER UNPLACED``), lower left corner,
    orientation's index."""

    name: str
    macro: str
    offset: int
    status: str
    x: int
    y: int
    orientation: int


class DefPin(NamedTuple):
    """A pin of the design: where it stands in the text, status, place of its origin, orientation, and the middle of its
    shape for orientation N."""

    name: str
    net: str
    offset: int
    direction: str
    use: str
    status: str
    x: int
    y: int
    orientation: int
    shape_x: float
    shape_y: float


class DefNet(NamedTuple):
    """A net: its pins as (component or PIN, pin), its use and weight, and where in the text it begins."""

    name: str
    pins: list[tuple[str, str]]
    use: str
    weight: int
    offset: int


class DefBlockage(NamedTuple):
    """A placement blockage: the corners of a rectangle (two) or polygon, and the share of it that is blocked."""

    corners: list[tuple[int, int]]
    rate: float


@dataclass
class DefFile:
    """A DEF file; lengths in database units, of which `units` are a µm. `text` is the plain text, for errors."""

    where: str
    text: str
    design: str = ""
    units: int = 100
    die: Box | None = None
    rows: int = 0
    properties: dict[str, str] = field(default_factory=dict)
    grid_cells: dict[str, int] = field(default_factory=dict)
    components: list[DefComponent] = field(default_factory=list)
    pins: list[DefPin] = field(default_factory=list)
    port_of_pin: dict[str, str] = field(default_factory=dict)
    nets: list[DefNet] = field(default_factory=list)
    blockages: list[DefBlockage] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)

    def at(self, offset: int) -> str:
        """Place of a character, for errors."""
        return f"{self.where}, line {line_of(self.text, offset)}"


class Statement(NamedTuple):
    """A statement without its semicolon: the section that it is in, its keyword, its text and where that begins."""

    section: str
    keyword: str
    text: str
    start: int


def plain_name(name: str) -> str:
    """A name without the backslashes that keep brackets and dividers from being read as such."""
    return name.replace("\\", "") if "\\" in name else name


def statements(file: DefFile) -> Iterator[Statement]:
    """All statements of a file; those that open a section have no section themselves.

    Raises
    ------
    InputError: a section or the file without its END.
    """
    text, section, start = file.text, "", 0
    for end in _END.finditer(text):
        head = _HEAD.match(text, start, end.start())
        if head is None:
            raise InputError(file.at(_first(text, start)), repr(text[start : end.start()].strip()[:40]),
                             "a DEF statement", "give a DEF file")  # fmt: skip
        for word in head[1].split()[1::2]:
            section = _closed(file, word, section, head.start(1))
        keyword, first = head[2], head.start(2)
        start = end.end()
        if keyword == "PROPERTYDEFINITIONS":  # no semicolon stands between it and the first definition
            section, first = keyword, first + len(keyword)
            yield Statement(section, keyword, text[first : end.start()].rstrip(), first)
        elif section and (keyword == "-" or section == "PROPERTYDEFINITIONS"):
            yield Statement(section, keyword, text[first : end.start()].rstrip(), first)
        elif section:
            raise InputError(file.at(first), f"{keyword} in {section}", "- name ...", f"end the section with END {section}")
        elif keyword in _SECTIONS:
            section = keyword
        elif keyword == "-":
            raise InputError(file.at(first), "an entry outside a section", "a section before it", "name the section")
        else:
            yield Statement("", keyword, text[first : end.start()].rstrip(), first)
    rest = text[start:].split()
    for word in rest[1::2] if rest[::2] and set(rest[::2]) == {"END"} else []:
        if word == "DESIGN" and not section:
            return
        section = _closed(file, word, section, start)
    raise InputError(file.where, "no END DESIGN", "a complete DEF file", "fetch or write it again")


def _first(text: str, start: int) -> int:
    """Offset of the first character from `start` that is no blank."""
    found = _VISIBLE.search(text, start)
    return found.start() if found else start


def _closed(file: DefFile, word: str, section: str, offset: int) -> str:
    if word != section:
        found = f"END {word} in {section}" if section else f"END {word} outside a section"
        raise InputError(file.at(offset), found, f"END {section}" if section else "its section before it", "correct it")
    return ""
