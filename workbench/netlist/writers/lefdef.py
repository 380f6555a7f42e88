"""Writes a design as DEF with the LEF files that it needs.

A design that came from DEF keeps its file: only its movable components change their places, so that everything that a
`Netlist` does not hold (power nets, properties, rows, tracks) stays. Any other design gets a new DEF and a LEF of its own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.base.errors import InputError
from workbench.base.files import read_bytes, read_text, write_bytes, write_text
from workbench.netlist.design import Design
from workbench.netlist.formats import Written
from workbench.netlist.readers.lefdef_files import lef_files
from workbench.netlist.writers.def_text import format_def, update_def
from workbench.netlist.writers.lef import format_lef, layers_of, make_library


def write_def_design(path: Path, design: Design) -> Written:
    """Write a design as `path` (.def) and its LEF files beside it.

    Raises
    ------
    InputError: a name that DEF cannot hold, or a place that cannot be written.
    """
    if design.origin is not None and design.origin.name.lower().removesuffix(".gz").endswith(".def"):
        return _update(path, design, design.origin)
    library, layers = make_library(design.netlist), layers_of(design.canvas)
    text = format_def(design, library, layers)
    lef = write_text(path.with_suffix(".lef"), format_lef(library, layers))
    return Written((write_text(path, text), lef), tuple(_losses(design)))


def _update(path: Path, design: Design, origin: Path) -> Written:
    text, unknown = update_def(read_text(origin), origin, design)
    copies = [_copy(lef, path.parent / lef.name) for lef in lef_files(origin).lef]
    notes = (
        (f"{unknown} objects are no components of {origin.name}, whose own keep their places instead.",) if unknown else ()
    )
    return Written((write_text(path, text), *copies), notes)


def _copy(source: Path, target: Path) -> Path:
    """A copy of a LEF file, unless it is there already; InputError if another of that name is."""
    data = read_bytes(source)
    if target.exists():
        if read_bytes(target) != data:
            raise InputError(target, "another LEF file of that name", "a folder without it", "choose another folder")
        return target
    return write_bytes(target, data)


def _losses(design: Design) -> list[str]:
    """What DEF cannot hold of a design."""
    weights, notes = design.netlist.net_weight, list[str]()
    if fractions := int((weights != np.rint(weights)).sum()):
        notes.append(f"{fractions} net weights are rounded to whole numbers.")
    if design.canvas.overlap_threshold:
        notes.append(f"The overlap threshold {design.canvas.overlap_threshold:g} is left out.")
    return notes
