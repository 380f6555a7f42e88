"""Writes a design's floorplan into its run folder: .plc for tools, JSON for the dashboard, PNG for reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.base.files import write_bytes, write_text
from workbench.netlist.netlist import ObjectKind
from workbench.netlist.plc import write_plc
from workbench.study.work import Placed


def write_floorplan(folder: Path, placed: Placed, name: str) -> None:
    """`floorplan.plc`, `.json` and `.png`; does nothing for a design without a placement or one already written."""
    floorplan = placed.design.floorplan
    if floorplan is None or (folder / "floorplan.json").is_file():
        return
    from workbench.place.cost import evaluate
    from workbench.place.picture import draw_floorplan

    costs = evaluate(floorplan)
    write_plc(folder / "floorplan.plc", floorplan, costs.header())
    draw_floorplan(floorplan, costs, folder / "floorplan.png")
    write_json_floorplan(folder / "floorplan.json", placed, name)  # last: its presence says that all are there


_FILES = ("floorplan.plc", "floorplan.png", "floorplan.json")


def copy_floorplan(source: Path, destination: Path) -> bool:
    """Copy the files of a floorplan already drawn; False if there are none to copy."""
    if not (source / "floorplan.json").is_file():
        return False
    if source != destination:
        for name in _FILES:
            if (source / name).is_file():
                write_bytes(destination / name, (source / name).read_bytes())
    return True


def write_json_floorplan(path: Path, placed: Placed, name: str) -> None:
    """Geometry, maps, costs and the search's history, compact."""
    import json

    floorplan = placed.design.floorplan
    assert floorplan is not None
    netlist, canvas = floorplan.netlist, floorplan.canvas
    turned = np.isin(floorplan.orientation, (4, 5, 6, 7))
    width = np.where(turned, netlist.height_um, netlist.width_um)
    height = np.where(turned, netlist.width_um, netlist.height_um)
    values = {
        "name": name, "netlist": netlist.name, "width_um": canvas.width_um, "height_um": canvas.height_um,
        "columns": canvas.columns, "rows": canvas.rows, "kinds": [kind.name.lower() for kind in ObjectKind],
        "objects": list(netlist.object_names), "kind": netlist.kind.tolist(), "x_um": _round(floorplan.x_um),
        "y_um": _round(floorplan.y_um), "object_width_um": _round(width), "object_height_um": _round(height),
        "density": [_round(np.array(row)) for row in placed.density],
        "congestion": [_round(np.array(row)) for row in placed.congestion],
        "costs": placed.costs, "history": placed.history, "evaluations": placed.evaluations,
    }  # fmt: skip
    write_text(path, json.dumps(values, allow_nan=False))


def _round(values: np.ndarray) -> list[float]:
    return [round(float(value), 4) for value in values]
