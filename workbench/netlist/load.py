"""Finds a design by name or path and loads it with its canvas and placement, whatever format it is in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.base.places import data_folder
from workbench.base.registry import unknown_name
from workbench.netlist.design import Design
from workbench.netlist.formats import READERS, Format, format_of, placement_format_of
from workbench.netlist.readers.lefdef_files import lef_files, names_def

_BEGINNING_CHARACTERS = 4096
"""How much of a file is looked at to tell its format where its name does not."""


def netlist_folders() -> list[Path]:
    """Folders whose sub-folders are designs: those of `WORKBENCH_NETLISTS`, then the product's own."""
    extra = os.environ.get("WORKBENCH_NETLISTS", "")
    return [*(Path(part) for part in extra.split(os.pathsep) if part), data_folder("netlists")]


def netlist_names() -> list[str]:
    """Names of all designs that `load_design` finds without a path."""
    found = {
        folder.name for root in netlist_folders() if root.is_dir() for folder in root.iterdir()
        if folder.is_dir() and _files_of(folder)
    }  # fmt: skip
    return sorted(found)


def load_design(
    name_or_path: str | Path, placement: str | Path | None = None, params: Mapping[str, Any] | None = None
) -> Design:
    """Load a design.

    Parameters
    ----------
    name_or_path: a name in `netlists/`, a folder of one design, or a file of a format in `formats.READERS`.
    placement: a file of a format in `formats.PLACEMENTS` for this netlist; without it the one that the netlist's own
        files give, if they do.
    params: parameters of the RTL (`LANES`, `VLEN`) or of the reader (`WHITE_SPACE`), for designs that have them.

    Raises
    ------
    InputError: nothing has that name, or a file cannot be used.
    """
    path = find_netlist(name_or_path)
    kind = format_at(path)
    if params and not kind.takes_params:
        raise InputError(str(path), f"parameter {next(iter(params))}", "no parameters", "give them to RTL designs only")
    design = _in_nine_decimals(kind.load()(path, dict(params or {})))
    if placement is None:
        return design
    return placement_format_of(Path(placement)).load()(Path(placement), design)


def _in_nine_decimals(design: Design) -> Design:
    """The design with its canvas and places as a .plc file holds them, nine decimals.

    Otherwise a port on the border of two grid cells may fall into the other one when its placement is read again.
    """
    canvas, netlist, floorplan = design.canvas, design.netlist, design.floorplan
    canvas = replace(canvas, width_um=round(canvas.width_um, 9), height_um=round(canvas.height_um, 9))
    netlist = replace(netlist, x_um=np.round(netlist.x_um, 9), y_um=np.round(netlist.y_um, 9))
    if floorplan is not None:
        x_um, y_um = np.round(floorplan.x_um, 9), np.round(floorplan.y_um, 9)
        floorplan = replace(floorplan, netlist=netlist, canvas=canvas, x_um=x_um, y_um=y_um)
    return replace(design, netlist=netlist, canvas=canvas, floorplan=floorplan)


def format_at(name_or_path: str | Path) -> Format:
    """The format of the netlist that `load_design` would load."""
    path = find_netlist(name_or_path)
    return format_of(path, _beginning(path))


def find_netlist(name_or_path: str | Path) -> Path:
    """The file of a design to read first; InputError if there is none, or several to choose from."""
    path = Path(name_or_path)
    is_bare = path.name == str(name_or_path)
    if not path.exists() and is_bare:
        path = next((root / path for root in netlist_folders() if (root / path).is_dir()), path)
    if path.is_dir():
        found = _files_of(path)
        if not found:
            raise InputError(
                path, "a folder without a netlist", "netlist.toml or netlist.pb.txt in it", "name a design's folder"
            )
        if len(found) > 1:
            names = " and ".join(file.name for file in found[:2])
            raise InputError(path, f"{names} in one folder", "the files of one design", "name the file")
        path = found[0]
    if path.suffix == ".toml" and names_def(path):
        return lef_files(path).design
    if not path.exists() and is_bare and "." not in path.name:
        raise unknown_name("netlist", str(name_or_path), netlist_names() or ["a file"])
    if not path.exists():
        raise InputError(path, "no such file", "an existing file", "check the path")
    return path


def _files_of(folder: Path) -> list[Path]:
    """The main files of a folder's design: those of the first format that has any."""
    files = sorted(file for file in folder.iterdir() if file.is_file())
    for kind in READERS:
        for ending in kind.folder_endings:
            if found := [file for file in files if file.name.lower().endswith(ending)]:
                return found
    return []


def _beginning(path: Path) -> str:
    """The first characters of a file, for the formats that are known by them; nothing of a file that is not there."""
    try:
        with path.open("rb") as stream:
            return stream.read(_BEGINNING_CHARACTERS).decode("utf-8", "replace")
    except OSError:
        return ""
