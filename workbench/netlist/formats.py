"""The tables of file formats: netlists that are read, placements that are read onto a netlist, and what is written.

A new format is one file in `readers/` or `writers/` and one line here; it is imported when a file of it is met. A reader
comes with a small sample design in the folder `tests/samples/NAME/`: the contract tests and `benchmarks/fuzz_readers.py`
run over every line of these tables.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.base.errors import InputError
from workbench.netlist.design import Design


@dataclass(frozen=True)
class Written:
    """What a writer did: the files it wrote, the main one first, and what the format could not hold, in sentences."""

    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


NetlistReader = Callable[[Path, Mapping[str, Any]], Design]
"""``read(path, params)``: the design of a file, with a floorplan where the format has one; `params` is for RTL."""
PlacementReader = Callable[[Path, Design], Design]
"""``read(path, design)``: the same design with the canvas and floorplan of a placement file; InputError for another's."""
Writer = Callable[[Path, Design], Written]
"""``write(path, design)``: the design, with its floorplan if it has one, into the file `path` and those that go with it."""


@dataclass(frozen=True)
class Format:
    """One line of a table.

    Attributes
    ----------
    name: what `--to` and `workbench netlist info` call it.
    title: what it is, for people.
    endings: endings of its files' names, lower case, the preferred one first.
    function: ``module:function`` below `workbench.netlist`; a NetlistReader, PlacementReader or Writer.
    marker: pattern that the beginning of a file of an unknown ending matches (readers only; empty: none).
    takes_params: it has parameters that can be set: those of RTL, or the reader's own (upper case).
    folder_endings: endings by which a folder is recognised as a design of this format, the surest first (readers only).
    """

    name: str
    title: str
    endings: tuple[str, ...]
    function: str
    marker: str = ""
    takes_params: bool = False
    folder_endings: tuple[str, ...] = ()

    def fits(self, path: Path) -> bool:
        """Whether the file's name ends as this format's files do."""
        return path.name.lower().endswith(self.endings)

    def load(self) -> Any:
        """The function, its module imported now."""
        module, function = self.function.split(":")
        return getattr(importlib.import_module(f"workbench.netlist.{module}"), function)


READERS = (
    Format(
        "rtl", "structural Verilog or SystemVerilog with a netlist.toml", (".toml", ".v", ".sv"),
        "readers.verilog:load_verilog_design", takes_params=True, folder_endings=("netlist.toml",),
    ),
    Format(
        "protobuf", "Circuit Training text protobuf", (".pb.txt", ".pb.txt.gz", ".pbtxt"),
        "readers.protobuf:load_protobuf_design", r"(?:\s|#[^\n]*+)*+(node|__metadata__|versions|library)\s*:?\s*\{",
        folder_endings=("netlist.pb.txt", "netlist.pb.txt.gz", ".pb.txt", ".pb.txt.gz"),
    ),
    Format(
        "gsrc", "GSRC/MCNC floorplanning: .blocks, .nets, .pl", (".blocks",), "readers.gsrc:load_gsrc_design",
        r"(?:\s|#[^\n]*+)*+UCSC blocks", takes_params=True, folder_endings=(".blocks",),
    ),
    Format(
        "bookshelf", "Bookshelf", (".aux",), "readers.bookshelf:load_bookshelf_design", r"\s*RowBasedPlacement\s*:",
        folder_endings=(".aux",),
    ),
    Format(
        "def", "DEF with its LEF files", (".def", ".def.gz"), "readers.lefdef:load_def_design",
        r"(?:\s|#[^\n]*+)*+VERSION\s+5[.\d]*\s+;", folder_endings=(".def", ".def.gz"),
    ),
    Format(
        "yosys", "JSON of Yosys with LEF files or a netlist.toml", (".json",), "readers.verilog:load_verilog_design",
        r"\s*\{\s*\"(creator|modules)\"", takes_params=True, folder_endings=(".json",),
    ),
)  # fmt: skip
"""Netlists that are read; a folder with files of several of them is the design of the first."""

PLACEMENTS = (
    Format("plc", "Circuit Training placement", (".plc",), "plc:place_by_plc"),
    Format("pl", "Bookshelf placement", (".pl",), "readers.bookshelf:place_by_pl"),
)
"""Placements that are read onto a netlist of any format; the first also for names of unknown endings."""

WRITERS = (
    Format("plc", "Circuit Training placement", (".plc",), "plc:write_plc_design"),
    Format("gsrc", "GSRC/MCNC floorplanning: .blocks, .nets, .pl", (".blocks",), "writers.gsrc:write_gsrc_design"),
    Format(
        "protobuf",
        "Circuit Training text protobuf with .plc",
        (".pb.txt", ".pbtxt"),
        "writers.protobuf:write_protobuf_design",
    ),
    Format("bookshelf", "Bookshelf", (".aux",), "writers.bookshelf:write_bookshelf_design"),
    Format("pl", "Bookshelf placement", (".pl",), "writers.bookshelf:write_pl_design"),
    Format("def", "DEF with the LEF files that it needs", (".def",), "writers.lefdef:write_def_design"),
)
"""Formats that are written."""


def format_of(path: Path, beginning: str = "") -> Format:
    """The netlist format of a file, by its name, else by how it begins; InputError naming all formats if it has none."""
    for item in READERS:
        if item.fits(path):
            return item
    for item in READERS:
        if item.marker and re.match(item.marker, beginning):
            return item
    known = ", ".join(item.endings[0] for item in READERS)
    raise InputError(path, "a netlist of no known format", f"a file that ends in one of {known}", "convert or rename it")


def placement_format_of(path: Path) -> Format:
    """The placement format of a file by its name; .plc where the name says nothing."""
    return next((item for item in PLACEMENTS if item.fits(path)), PLACEMENTS[0])


def writer_of(path: Path, name: str | None = None) -> Format:
    """The written format called `name`, or that of the file's name; InputError if there is none."""
    names = ", ".join(item.name for item in WRITERS)
    if name is not None:
        found = next((item for item in WRITERS if item.name == name), None)
        if found is None:
            raise InputError("--to", repr(name), f"one of {names}", "choose one of them")
        return found
    found = next((item for item in WRITERS if item.fits(path)), None)
    if found is None:
        raise InputError(path, "a name that says no format", f"an ending, or --to with one of {names}", "add it")
    return found
