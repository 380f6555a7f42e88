"""Reads floorplanning benchmarks of the GSRC/MCNC bookshelf: blocks, nets and terminals in `.blocks`, `.nets`, `.pl`.

What is read: rectangular hard blocks given by four corners (larger rectilinear shapes are refused, not approximated), soft
blocks given by an area and a range of aspect ratios, terminals (points), nets with pins at the blocks' centres or at
offsets in per cent of the block's width and height from its centre (`bk1 B : %-50 %12.5`: at the left edge), places of
lower left corners. A soft block gets the shape nearest to a square within its range and keeps it. Blocks may be turned by
90 degrees. Nets have no direction: the first pin counts as the driver.

The files say nothing of the area to place on. It is a fixed outline, 1:1, of the blocks' area plus `WHITE_SPACE` per cent
of it, and the terminals, which the files place around an outline of their own, are stretched to it, each axis by itself, so
that the outermost lie on its edges. `TERMINALS_STRETCHED=0` keeps them where the files have them, `WHITE_SPACE=15` changes
the outline. There is no routing supply either: only wirelength counts (`Canvas.has_routing`).

Source: vlsicad.eecs.umich.edu/BK/BlockPacking (formats); the reader of Parquet (offsets are per cent of the whole width);
outline, stretching, pins at centres and rotation are those of the published comparison (Li et al., CORE, NeurIPS 2025,
code github.com/yeshenpy/CORE, `Floorplanner::parse_blk`).
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.base.files import read_text
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.netlist.canvas import default_canvas
from workbench.netlist.design import Design
from workbench.netlist.netlist import ORIENTATIONS, Netlist, ObjectKind

WHITE_SPACE = 10.0
"""White space of the outline in per cent of the blocks' area, where no parameter gives another."""
LARGEST_NUMBER = 1e9
"""Sizes, places and offsets above this are refused."""

_COUNTS = {
    "numsoftrectangularblocks": "NumSoftRectangularBlocks",
    "numhardrectilinearblocks": "NumHardRectilinearBlocks",
    "numterminals": "NumTerminals",
    "numnets": "NumNets",
    "numpins": "NumPins",
}
_CORNER = re.compile(r"\(\s*([^\s(),]+)\s*,\s*([^\s(),]+)\s*\)")


@dataclass(frozen=True)
class Blocks:
    """A `.blocks` file: names and sizes (µm) of the blocks, names of the terminals."""

    names: tuple[str, ...]
    width_um: tuple[float, ...]
    height_um: tuple[float, ...]
    terminals: tuple[str, ...]


Pin = tuple[str, float, float]
"""Name of a block or terminal, offset from its centre as shares of its width and height."""


def load_gsrc_design(path: Path, params: Mapping[str, Any], limits: Limits = DEFAULT_LIMITS) -> Design:
    """The design of a `.blocks` file and of the `.nets` and `.pl` files beside it that have the same name.

    Parameters
    ----------
    params: `WHITE_SPACE` in per cent, `TERMINALS_STRETCHED` (0 or 1); see the module.

    Raises
    ------
    InputError: a file is absent, damaged or contradicts another, or a block is longer than the outline.
    """
    white_space, is_stretched = _parameters(params)
    blocks = parse_blocks(read_text(path, limits), str(path), limits)
    nets_file, places_file = path.with_suffix(".nets"), path.with_suffix(".pl")
    nets = parse_nets(read_text(nets_file, limits), str(nets_file), blocks, limits)
    places = parse_places(read_text(places_file, limits), str(places_file), blocks)
    area = sum(w * h for w, h in zip(blocks.width_um, blocks.height_um, strict=True))
    side = math.sqrt(area * (1 + white_space / 100))
    _refuse_longer_than(side, blocks, str(path))
    netlist = _netlist(path.stem, blocks, nets, places, side if is_stretched else None, str(places_file))
    canvas = dataclasses.replace(default_canvas(netlist, (side, side)), has_routing=False)
    return Design(path.stem, netlist, canvas, origin=path)


def _parameters(params: Mapping[str, Any]) -> tuple[float, bool]:
    for name in params:
        if name not in ("WHITE_SPACE", "TERMINALS_STRETCHED"):
            raise InputError("--param", repr(name), "WHITE_SPACE or TERMINALS_STRETCHED", "correct the name")
    white_space = float(params.get("WHITE_SPACE", WHITE_SPACE))
    if not 0 <= white_space <= 1000:
        raise InputError("--param WHITE_SPACE", f"{white_space:g}", "per cent from 0 to 1000", "correct it")
    return white_space, bool(params.get("TERMINALS_STRETCHED", 1))


def _refuse_longer_than(side: float, blocks: Blocks, where: str) -> None:
    for name, width, height in zip(blocks.names, blocks.width_um, blocks.height_um, strict=True):
        if max(width, height) > side:
            raise InputError(
                where, f"block {name!r} of {width:g} x {height:g} µm", f"blocks that fit on {side:g} x {side:g} µm",
                "raise WHITE_SPACE",
            )  # fmt: skip


def parse_blocks(text: str, where: str, limits: Limits = DEFAULT_LIMITS) -> Blocks:
    """Blocks and terminals of a `.blocks` text; InputError with the line where it is damaged."""
    lines = _Lines(text, where, limits)
    found: dict[str, tuple[float, float] | None] = {}
    hard = soft = 0
    for at, words in lines.entries():
        kind = next((k for k in ("hardrectilinear", "softrectangular", "terminal") if k in words[1:]), None)
        if kind is None:
            expected = "`name hardrectilinear ...`, `name softrectangular ...` or `name terminal`"
            raise InputError(at, repr(" ".join(words)[:40]), expected, "correct it")
        if words[0] in found:
            raise InputError(at, f"a second block or terminal {words[0]!r}", "unique names", "rename or remove it")
        if kind == "terminal":
            found[words[0]] = None
        elif kind == "softrectangular":
            found[words[0]], soft = _soft_size(words, at), soft + 1
        else:
            found[words[0]], hard = _corner_size(words, at, lines), hard + 1
    counts = {"numhardrectilinearblocks": hard, "numsoftrectangularblocks": soft, "numterminals": len(found) - hard - soft}
    lines.compare(counts)
    sizes = {name: size for name, size in found.items() if size is not None}
    if not sizes:
        raise InputError(where, "no block", "`name hardrectilinear 4 (x, y) ...` lines", "give a .blocks file")
    width, height = zip(*sizes.values(), strict=True)
    return Blocks(tuple(sizes), width, height, tuple(name for name, size in found.items() if size is None))


def _corner_size(words: list[str], at: str, lines: _Lines) -> tuple[float, float]:
    """Width and height of a rectangle given by its corners, which may go on over the next lines."""
    if len(words) < 3 or words[2] != "4":
        corners = words[2] if len(words) > 2 else "no"
        raise InputError(at, f"block {words[0]!r} of {corners} corners", "4 corners", "use rectangles only")
    text = " ".join(words[3:])
    while text.count(")") < 4 and (more := lines.continuation()) is not None:
        text = f"{text} {more}"
    points = [(_number(x, at), _number(y, at)) for x, y in _CORNER.findall(text)]
    if len(points) != 4:
        raise InputError(at, f"block {words[0]!r} with {len(points)} corners", "4 corners `(x, y)`", "complete it")
    xs, ys = sorted({x for x, _ in points}), sorted({y for _, y in points})
    if len(set(points)) != 4 or len(xs) != 2 or len(ys) != 2:
        raise InputError(at, f"block {words[0]!r}, which is no rectangle", "the 4 corners of one", "correct its corners")
    return xs[1] - xs[0], ys[1] - ys[0]


def _soft_size(words: list[str], at: str) -> tuple[float, float]:
    """Width and height of a soft block: the shape nearest to a square within its range of aspect ratios."""
    if len(words) < 5:
        expected = "`name softrectangular area least_aspect greatest_aspect`"
        raise InputError(at, repr(" ".join(words)[:40]), expected, "complete it")
    area, least, most = (_number(word, at) for word in words[2:5])
    if area <= 0 or not 0 < least <= most:
        found = f"area {area:g} and aspect ratios {least:g} to {most:g}"
        raise InputError(at, f"block {words[0]!r} of {found}", "an area and a range above 0", "correct it")
    aspect = min(max(1.0, least), most)
    return math.sqrt(area * aspect), math.sqrt(area / aspect)


def parse_nets(text: str, where: str, blocks: Blocks, limits: Limits = DEFAULT_LIMITS) -> list[list[Pin]]:
    """Nets of a `.nets` text, each a list of pins; InputError with the line where it is damaged."""
    lines = _Lines(text, where, limits)
    known, terminals = {*blocks.names, *blocks.terminals}, set(blocks.terminals)
    nets: list[list[Pin]] = []
    degree, begins = 0, where
    for at, words in lines.entries():
        if words[0].lower().rstrip(":") == "netdegree":
            _refuse_incomplete(nets, degree, begins)
            count = next((word.strip(":") for word in words[:3][::1] if word.strip(":").isdigit()), "")
            degree, begins = _count(count, "NetDegree", at), at
            nets.append([])
            continue
        if not nets:
            raise InputError(at, repr(" ".join(words)[:40]), "`NetDegree : n` first", "give a .nets file")
        if words[0] not in known:
            raise InputError(at, f"{words[0]!r} in a net", "a block or terminal of the .blocks file", "correct the name")
        if len(nets[-1]) == degree:
            raise InputError(at, f"pin {degree + 1} of a net of {degree}", "as many pins as NetDegree says", "correct it")
        nets[-1].append((words[0], *_offset(words, at, words[0] in terminals)))
    _refuse_incomplete(nets, degree, begins)
    lines.compare({"numnets": len(nets), "numpins": sum(map(len, nets))})
    return nets


def _refuse_incomplete(nets: list[list[Pin]], degree: int, begins: str) -> None:
    if nets and len(nets[-1]) != degree:
        found = f"a net of {len(nets[-1])} pins"
        raise InputError(begins, found, f"the {degree} that its NetDegree says", "complete the file")


def _offset(words: list[str], at: str, is_terminal: bool) -> tuple[float, float]:
    """Offset of a pin as shares of its block's width and height; (0, 0) where none is written."""
    numbers = [word.strip("%") for word in " ".join(words[1:]).replace(":", " ").split() if word.strip("%")]
    if numbers and numbers[0].upper() in ("B", "I", "O"):
        numbers = numbers[1:]
    if not numbers or is_terminal:
        return 0.0, 0.0
    if len(numbers) != 2:
        raise InputError(at, repr(" ".join(words)[:40]), "`name B` or `name B : %x %y`", "correct it")
    return _number(numbers[0], at) / 100, _number(numbers[1], at) / 100


def parse_places(text: str, where: str, blocks: Blocks) -> dict[str, tuple[float, float]]:
    """Lower left corners of blocks and places of terminals of a `.pl` text; InputError for an unknown or repeated name."""
    known = {*blocks.names, *blocks.terminals}
    places: dict[str, tuple[float, float]] = {}
    for at, words in _Lines(text, where, DEFAULT_LIMITS).entries():
        if len(words) < 3:
            raise InputError(at, repr(" ".join(words)[:40]), "`name x y`", "correct it")
        if words[0] not in known:
            raise InputError(at, f"a place for {words[0]!r}", "a block or terminal of the .blocks file", "correct the name")
        if words[0] in places:
            raise InputError(at, f"a second place for {words[0]!r}", "one line per name", "remove one of them")
        places[words[0]] = _number(words[1], at), _number(words[2], at)
    for name in blocks.terminals:
        if name not in places:
            raise InputError(where, f"no place for terminal {name!r}", "one line for every terminal", "add it")
    return places


def _netlist(
    name: str, blocks: Blocks, nets: list[list[Pin]], places: dict[str, tuple[float, float]], side: float | None, where: str
) -> Netlist:
    """The netlist, its terminals stretched to an outline of that side if one is given."""
    names = blocks.names + blocks.terminals
    index = {entry: i for i, entry in enumerate(names)}
    count, terminals = len(blocks.names), len(blocks.terminals)
    size = np.zeros((2, len(names)))
    size[0, :count], size[1, :count] = blocks.width_um, blocks.height_um
    corner = np.array([places.get(entry, (math.nan, math.nan)) for entry in names], np.float64).T
    if side is not None and terminals:
        for axis in corner[:, count:]:
            low, high = min(0.0, float(axis.min())), float(axis.max())
            if high <= low:
                raise InputError(where, "terminals on one line", "terminals around the outline", "use TERMINALS_STRETCHED=0")
            axis[:] = (axis - low) * side / (high - low)
    centre = corner + size / 2
    owner = np.array([index[pin[0]] for net in nets for pin in net], np.int32)
    offset = np.array([pin[1:] for net in nets for pin in net], np.float64).reshape(-1, 2).T
    kinds = np.array([ObjectKind.MACRO] * count + [ObjectKind.PORT] * terminals, np.int8)
    return Netlist(
        name=name, object_names=names, kind=kinds, width_um=size[0].copy(), height_um=size[1].copy(),
        x_um=centre[0].copy(), y_um=centre[1].copy(),
        orientation=np.full(len(names), ORIENTATIONS.index("N"), np.int8), is_fixed=kinds == ObjectKind.PORT,
        file_index=np.arange(len(names), dtype=np.int32), pin_object=owner,
        pin_x_um=offset[0] * size[0, owner], pin_y_um=offset[1] * size[1, owner],
        net_start=np.cumsum([0, *map(len, nets)]).astype(np.int32), net_pin=np.arange(len(owner), dtype=np.int32),
        net_weight=np.ones(len(nets)), may_rotate=True,
    )  # fmt: skip


class _Lines:
    """The lines of one of the three files without comments; the counts that its head declares."""

    def __init__(self, text: str, where: str, limits: Limits) -> None:
        self.where, self.limits, self.declared = where, limits, dict[str, int]()
        self._rest = iter(
            [(n, words) for n, line in enumerate(text.split("\n"), 1) if (words := line.split("#")[0].split())]
        )

    def entries(self) -> Any:
        """(place in the file, words) of every line that is no head line."""
        for number, words in self._rest:
            at = f"{self.where}, line {number}"
            key = words[0].rstrip(":").lower()
            if key in _COUNTS:
                value = _count("".join(words[1:]).strip(":"), _COUNTS[key], at)
                self.limits.check(at, "pins" if key == "numpins" else "nodes", value)
                self.declared[key] = value
            elif not (words[0] in ("UCSC", "UCLA") and len(words) > 1):
                yield at, words

    def continuation(self) -> str | None:
        """The next line as text; None at the end."""
        _, words = next(self._rest, (0, None))
        return None if words is None else " ".join(words)

    def compare(self, found: Mapping[str, int]) -> None:
        """InputError if the head declares other counts, or none."""
        for key, count in found.items():
            if key not in self.declared:
                raise InputError(self.where, f"no {_COUNTS[key]}", f"`{_COUNTS[key]} : {count}`", "check the file's kind")
            if self.declared[key] != count:
                raise InputError(
                    self.where, f"{count} where {_COUNTS[key]} says {self.declared[key]}", "the same number",
                    "complete or correct the file",
                )  # fmt: skip


def _count(word: str, name: str, at: str) -> int:
    if not word.isascii() or not word.isdigit() or len(word) > 9:
        raise InputError(at, f"{name} {word[:20]!r}", "a whole number", "correct it")
    return int(word)


def _number(word: str, at: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not abs(value) <= LARGEST_NUMBER:
        raise InputError(at, repr(word[:40]), f"a number up to {LARGEST_NUMBER:g}", "correct it")
    return value
