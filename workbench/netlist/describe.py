"""What is in a design, in figures, and what is wrong with it, in sentences: `workbench netlist info`."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.netlist.design import Design
from workbench.netlist.netlist import ORIENTATIONS, Canvas, Floorplan, Netlist, ObjectKind

_DEGREES = (2, 3, 4, 5, 10, 20, 50, 100, 500)
"""Upper bounds of the classes of pins per net."""
_MOST_NAMED = 3
"""Objects named in a sentence; the others are counted."""


def describe(design: Design) -> dict[str, Any]:
    """Counts, areas in µm², canvas in µm, grid, pins per net and problems of a design, under readable names."""
    netlist, canvas = design.netlist, design.canvas
    area = netlist.width_um * netlist.height_um
    hard, soft = netlist.indices(ObjectKind.MACRO), netlist.indices(ObjectKind.SOFT_MACRO)
    canvas_area = canvas.width_um * canvas.height_um
    figures: dict[str, Any] = {
        "name": design.name, "macros": len(hard), "fixed_macros": int(netlist.is_fixed[hard].sum()),
        "soft_macros": len(soft), "ports": len(netlist.indices(ObjectKind.PORT)), "nets": netlist.nets,
        "pins": len(netlist.pin_object), "pins_per_net": degree_histogram(netlist),
        "macro_area_um2": float(area[hard].sum()), "soft_macro_area_um2": float(area[soft].sum()),
        "utilization": float(area.sum() / canvas_area), "canvas_width_um": canvas.width_um,
        "canvas_height_um": canvas.height_um, "grid_columns": canvas.columns, "grid_rows": canvas.rows,
        "blockages": len(canvas.blockages), "placed": design.floorplan is not None,
    }  # fmt: skip
    if design.cells is not None:
        cells = {"cells": design.cells.cells, "cell_area_um2": design.cells.cell_area_um2}
        figures = {**figures, **cells, "technology": design.cells.technology}
    if design.notes:
        figures["notes"] = list(design.notes)
    return {**figures, "problems": problems(design)}


def refuse_unfit(design: Design) -> None:
    """Raise InputError if no placement can be legal: a hard macro larger than the canvas, or more of them than it holds."""
    netlist, canvas = design.netlist, design.canvas
    room = f"hard macros that fit on {canvas.width_um:g} x {canvas.height_um:g} µm"
    for i in _oversized(netlist, canvas)[:1]:
        size = f"{netlist.width_um[i]:g} x {netlist.height_um[i]:g} µm"
        raise InputError(design.name, f"macro {netlist.object_names[i]!r} of {size}", room, "use a larger canvas")
    hard = netlist.indices(ObjectKind.MACRO)
    area = float(netlist.width_um[hard] @ netlist.height_um[hard])
    if area > canvas.width_um * canvas.height_um * (1 + 1e-9) and not netlist.is_fixed[hard].any():
        raise InputError(design.name, f"hard macros of {area:g} µm² in all", room, "use a larger canvas")


def degree_histogram(netlist: Netlist) -> dict[str, int]:
    """Nets by their number of pins: ``{"2": 10, "3": 4, "6-10": 1}``; classes without nets are left out."""
    degree = np.diff(netlist.net_start)
    bounds = (1, *_DEGREES)
    counts = {"1": int((degree <= 1).sum())}
    for low, high in zip(bounds[:-1], bounds[1:], strict=True):
        counts[str(high) if high == low + 1 else f"{low + 1}-{high}"] = int(((degree > low) & (degree <= high)).sum())
    counts[f"over {bounds[-1]}"] = int((degree > bounds[-1]).sum())
    return {name: count for name, count in counts.items() if count}


def problems(design: Design) -> list[str]:
    """What will make placement fail or its result doubtful, a sentence each; empty if there is nothing."""
    netlist, canvas = design.netlist, design.canvas
    named = {
        "hard macros have no net": _unconnected(netlist, ObjectKind.MACRO),
        "soft macros have no net": _unconnected(netlist, ObjectKind.SOFT_MACRO),
        "ports have no net": _unconnected(netlist, ObjectKind.PORT),
        "hard macros are larger than the canvas": _oversized(netlist, canvas),
        "pins lie outside their macro": _outside_pins(netlist),
        "ports have no place": np.flatnonzero((netlist.kind == ObjectKind.PORT) & ~np.isfinite(netlist.x_um + netlist.y_um)),
    }
    if design.floorplan is not None:
        named["placed macros reach over the canvas"] = _outside(design.floorplan)
    found = [_sentence(netlist, what, objects) for what, objects in named.items() if len(objects)]
    hard = netlist.indices(ObjectKind.MACRO)
    share = float(netlist.width_um[hard] @ netlist.height_um[hard]) / (canvas.width_um * canvas.height_um)
    if share > 1:
        found.append(f"The hard macros cover {share:.0%} of the canvas, so they cannot fit.")
    if not netlist.nets:
        found.append("There are no nets.")
    elif single := int((np.diff(netlist.net_start) < 2).sum()):
        found.append(f"{single} nets have a single pin.")
    return found


def _unconnected(netlist: Netlist, kind: ObjectKind) -> np.ndarray:
    nets = np.bincount(netlist.pin_object[netlist.net_pin], minlength=netlist.objects)
    return np.flatnonzero((netlist.kind == kind) & (nets == 0))


def _oversized(netlist: Netlist, canvas: Canvas) -> np.ndarray:
    """Hard macros that do not fit on the canvas, turned as they are or, where quarter turns are allowed, either way."""
    width, height = _turned(netlist, netlist.orientation)
    if netlist.may_rotate and canvas.width_um > canvas.height_um:
        width, height = np.maximum(width, height), np.minimum(width, height)
    elif netlist.may_rotate:
        width, height = np.minimum(width, height), np.maximum(width, height)
    is_larger = (width > canvas.width_um * (1 + 1e-9)) | (height > canvas.height_um * (1 + 1e-9))
    return np.flatnonzero((netlist.kind == ObjectKind.MACRO) & is_larger & ~netlist.is_fixed)


def _outside_pins(netlist: Netlist) -> np.ndarray:
    """Owners of pins that lie outside them, once for each such pin."""
    owner, slack = netlist.pin_object, 1e-6
    beyond = (np.abs(netlist.pin_x_um) > netlist.width_um[owner] / 2 + slack) | (
        np.abs(netlist.pin_y_um) > netlist.height_um[owner] / 2 + slack
    )
    return owner[beyond & (netlist.kind[owner] == ObjectKind.MACRO)]


def _outside(floorplan: Floorplan) -> np.ndarray:
    netlist, canvas, slack = floorplan.netlist, floorplan.canvas, 1e-6
    width, height = _turned(netlist, floorplan.orientation)
    x, y = floorplan.x_um, floorplan.y_um
    beyond = np.maximum(np.maximum(width / 2 - x, x + width / 2 - canvas.width_um),
                        np.maximum(height / 2 - y, y + height / 2 - canvas.height_um))  # fmt: skip
    return np.flatnonzero((netlist.kind == ObjectKind.MACRO) & (beyond > slack))


def _turned(netlist: Netlist, orientation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    is_turned = np.array([name[-1] in "EW" for name in ORIENTATIONS])[orientation]
    width = np.where(is_turned, netlist.height_um, netlist.width_um)
    return width, np.where(is_turned, netlist.width_um, netlist.height_um)


def _sentence(netlist: Netlist, what: str, objects: np.ndarray) -> str:
    names = ", ".join(netlist.object_names[i] for i in objects[:_MOST_NAMED])
    more = ", ..." if len(objects) > _MOST_NAMED else ""
    return f"{len(objects)} {what} ({names}{more})."
