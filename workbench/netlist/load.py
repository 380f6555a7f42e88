"""Finds a design by name or path and loads it with its canvas and placement, whatever format it is in."""

from __future__ import annotations

import dataclasses
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.base.files import read_text
from workbench.base.places import data_folder
from workbench.base.registry import unknown_name
from workbench.netlist.design import Design
from workbench.netlist.grid import choose_grid
from workbench.netlist.netlist import Canvas, Netlist, ObjectKind
from workbench.netlist.plc import DEFAULT_ROUTES, PlacementFile, place_as_listed, read_placement_file
from workbench.netlist.readers.protobuf import parse_protobuf

UTILIZATION = 0.68
"""Share of the canvas that objects fill where no file gives its size (model: ours; the denser variants of §3.4)."""

_PROTOBUF_NAMES = ("netlist.pb.txt", "netlist.pb.txt.gz")


def netlist_folders() -> list[Path]:
    """Folders whose sub-folders are designs: those of `WORKBENCH_NETLISTS`, then the product's own."""
    extra = os.environ.get("WORKBENCH_NETLISTS", "")
    return [*(Path(part) for part in extra.split(os.pathsep) if part), data_folder("netlists")]


def netlist_names() -> list[str]:
    """Names of all designs that `load_design` finds without a path."""
    found = {
        folder.name for root in netlist_folders() if root.is_dir() for folder in root.iterdir()
        if (folder / "netlist.toml").is_file() or any((folder / name).is_file() for name in _PROTOBUF_NAMES)
    }  # fmt: skip
    return sorted(found)


def load_design(
    name_or_path: str | Path, placement: str | Path | None = None, params: Mapping[str, Any] | None = None
) -> Design:
    """Load a design.

    Parameters
    ----------
    name_or_path: a name in `netlists/`, a folder (netlist.toml, or netlist.pb.txt[.gz] with initial.plc), or a file:
        .toml, .v, .sv or a text-protobuf netlist.
    placement: a .plc file of this netlist; without it `initial.plc` of the folder, or its only .plc.
    params: parameters of the RTL (`LANES`, `VLEN`), for designs that have them.

    Raises
    ------
    InputError: nothing has that name, or a file cannot be used.
    """
    path = _find(name_or_path)
    if path.suffix in (".toml", ".v", ".sv"):
        return _load_rtl(path, placement, params)
    if params:
        raise InputError(str(path), f"parameter {next(iter(params))}", "no parameters", "give them to RTL designs only")
    return _load_protobuf(path, placement)


def _find(name_or_path: str | Path) -> Path:
    """The file to read first."""
    path = Path(name_or_path)
    if not path.exists() and path.name == str(name_or_path):
        path = next((root / path for root in netlist_folders() if (root / path).is_dir()), path)
    if path.is_dir():
        for name in ("netlist.toml", *_PROTOBUF_NAMES):
            if (path / name).is_file():
                return path / name
        raise InputError(
            path, "a folder without a netlist", "netlist.toml or netlist.pb.txt in it", "name a design's folder"
        )
    if not path.exists() and path.name == str(name_or_path) and "." not in path.name:
        raise unknown_name("netlist", str(name_or_path), netlist_names() or ["a file"])
    if not path.exists():
        raise InputError(path, "no such file", "an existing file", "check the path")
    return path


def _load_rtl(path: Path, placement: str | Path | None, params: Mapping[str, Any] | None) -> Design:
    from workbench.netlist.readers.verilog import load_verilog_design

    design = load_verilog_design(path, dict(params or {}))
    if placement is None:
        return design
    file = read_placement_file(placement)
    floorplan = place_as_listed(design.netlist, file, file.canvas())
    return dataclasses.replace(
        design, netlist=floorplan.netlist, canvas=floorplan.canvas, floorplan=floorplan, header_costs=file.costs
    )


def _load_protobuf(path: Path, placement: str | Path | None) -> Design:
    text = read_text(path)
    netlist = parse_protobuf(text, str(path))
    source = placement if placement is not None else _placement_beside(path)
    if source is None:
        canvas = _guess_canvas(netlist, text, None)
        return Design(netlist.name, netlist, canvas, origin=path)
    file = read_placement_file(source)
    canvas = file.canvas() if _is_complete(file) else _guess_canvas(netlist, text, file)
    try:
        floorplan = place_as_listed(netlist, file, canvas)
    except InputError:
        if placement is not None:
            raise
        return Design(netlist.name, netlist, canvas, origin=path)  # the folder's file gives the canvas only
    return Design(netlist.name, floorplan.netlist, canvas, floorplan, file.costs, origin=path)


def _placement_beside(path: Path) -> Path | None:
    """`initial.plc` of the netlist's folder, or the only placement there."""
    found = sorted(path.parent.glob("*.plc"))
    initial = path.parent / "initial.plc"
    return initial if initial in found else found[0] if len(found) == 1 else None


def _is_complete(file: PlacementFile) -> bool:
    return None not in (file.width_um, file.height_um, file.columns, file.rows)


_BOX = re.compile(r"#\s*FP bbox:\s*\{\s*(\S+)\s+(\S+)\s*\}\s*\{\s*(\S+)\s+(\S+)\s*\}")


def _guess_canvas(netlist: Netlist, text: str, file: PlacementFile | None) -> Canvas:
    """Canvas from what there is: the .plc header, the netlist's `FP bbox` comment, the ports' extent, the area."""
    width, height = _extent(netlist, text)
    if file is not None and file.width_um and file.height_um:
        width, height = file.width_um, file.height_um
    columns, rows = choose_grid(width, height, netlist)
    if file is None:
        return Canvas(width, height, columns, rows, *DEFAULT_ROUTES)
    columns, rows = file.columns or columns, file.rows or rows
    return Canvas(width, height, columns, rows, *file.routes, file.smooth_range, file.overlap_threshold, file.blockages)


def _extent(netlist: Netlist, text: str) -> tuple[float, float]:
    if box := _BOX.search(text[:100_000]):
        try:
            return float(box[3]) - float(box[1]), float(box[4]) - float(box[2])
        except ValueError:
            pass
    area = float(netlist.width_um @ netlist.height_um)
    ports = netlist.indices(ObjectKind.PORT)
    width, height = (float(np.nanmax(axis[ports], initial=0.0)) for axis in (netlist.x_um, netlist.y_um))
    if area > 0 and width * height > area:
        return width, height
    side = max(width, height, math.sqrt(area / UTILIZATION))
    if side == 0:
        raise InputError(netlist.name, "objects without any area", "macros to place", "give a netlist with macros")
    return side, side
