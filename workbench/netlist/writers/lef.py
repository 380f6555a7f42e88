"""Writes a LEF library for a netlist that did not come from LEF, just enough for its DEF to stand on its own.

Objects of the same kind, size and pins share a macro. A pin of DEF is in one net only, while a pin of a `Netlist` may be in
several; so there is a LEF pin for every net that an object is in, at the place of the netlist's pin. Soft macros are
CLASS BLOCK SOFT. The routing layers are such that a reader that adds up their tracks finds the canvas' supply again: the
lowest is for pins, the next two are those that macros take, the last two are the rest.

Source: LEF/DEF 5.8 Language Reference, chapter 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.netlist.netlist import Canvas, Netlist, ObjectKind
from workbench.netlist.plc import format_number

UNITS = 2000
"""Database units per µm of files that we write on our own."""
_PIN_HALF_UM = 0.05
_CUT_UM = 0.05


@dataclass(frozen=True)
class Layer:
    """A routing layer: name, direction of its wires, tracks per µm, whether hard macros take its tracks."""

    name: str
    direction: str
    tracks_per_um: float
    is_taken: bool = False


@dataclass(frozen=True)
class Library:
    """Macros of a netlist's objects.

    Attributes
    ----------
    macros: for every macro its name, kind, width, height and pins as (is output, x, y from the centre).
    macro_of: index of each object's macro; -1 for ports.
    pin_of: for each entry of `net_pin` the number of its pin among those of its object.
    """

    macros: list[tuple[str, ObjectKind, float, float, tuple[tuple[bool, float, float], ...]]]
    macro_of: list[int]
    pin_of: list[int]


def make_library(netlist: Netlist) -> Library:
    """Macros for the objects of a netlist, equal ones shared."""
    pins: list[list[tuple[bool, float, float]]] = [[] for _ in range(netlist.objects)]
    owner = netlist.pin_object[netlist.net_pin].tolist()
    x, y = netlist.pin_x_um[netlist.net_pin].tolist(), netlist.pin_y_um[netlist.net_pin].tolist()
    drives = np.zeros(len(owner), bool)
    drives[netlist.net_start[:-1][np.diff(netlist.net_start) > 0]] = True
    pin_of = []
    for entry, is_output in enumerate(drives.tolist()):
        mine = pins[owner[entry]]
        pin_of.append(len(mine))
        mine.append((is_output, x[entry], y[entry]))
    numbers: dict[tuple, int] = {}
    macro_of = []
    for kind, *size, mine in zip(
        netlist.kind.tolist(), netlist.width_um.tolist(), netlist.height_um.tolist(), pins, strict=True
    ):
        key = (kind, *size, tuple(mine))
        macro_of.append(-1 if kind == ObjectKind.PORT else numbers.setdefault(key, len(numbers)))
    prefix = {ObjectKind.MACRO: "HARD", ObjectKind.SOFT_MACRO: "SOFT"}
    macros = [(f"{prefix[kind]}_{i}", ObjectKind(kind), w, h, mine) for i, (kind, w, h, mine) in enumerate(numbers)]
    return Library(macros, macro_of, pin_of)


def layers_of(canvas: Canvas) -> list[Layer]:
    """Routing layers that give a canvas' supply, from the bottom up."""
    rest = [
        max(0.0, all_tracks - taken)
        for all_tracks, taken in (
            (canvas.vertical_routes_per_um, canvas.macro_vertical_routes_per_um),
            (canvas.horizontal_routes_per_um, canvas.macro_horizontal_routes_per_um),
        )
    ]
    found = [
        Layer("M1", "HORIZONTAL", canvas.horizontal_routes_per_um),
        Layer("M2", "VERTICAL", canvas.macro_vertical_routes_per_um, True),
        Layer("M3", "HORIZONTAL", canvas.macro_horizontal_routes_per_um, True),
        Layer("M4", "VERTICAL", rest[0]),
        Layer("M5", "HORIZONTAL", rest[1]),
    ]
    return [layer for layer in found if layer.tracks_per_um > 0]


def format_lef(library: Library, layers: list[Layer]) -> str:
    """The text of a LEF file."""
    lines = [
        "VERSION 5.8 ;",
        'BUSBITCHARS "[]" ;',
        'DIVIDERCHAR "/" ;',
        "UNITS",
        f"  DATABASE MICRONS {UNITS} ;",
        "END UNITS",
    ]
    for number, layer in enumerate(layers):
        pitch = 1 / layer.tracks_per_um
        if number:
            cut = f"V{number}"
            lines += [f"LAYER {cut}", "  TYPE CUT ;", f"  WIDTH {_CUT_UM} ;", f"  SPACING {_CUT_UM} ;", f"END {cut}"]
        lines += [
            f"LAYER {layer.name}", "  TYPE ROUTING ;", f"  DIRECTION {layer.direction} ;", f"  PITCH {pitch:.12f} ;",
            f"  WIDTH {pitch / 2:.6f} ;", f"  SPACING {pitch / 2:.6f} ;", f"END {layer.name}",
        ]  # fmt: skip
    lines += ["LAYER OVERLAP", "  TYPE OVERLAP ;", "END OVERLAP"]
    taken = [layer.name for layer in layers if layer.is_taken] or ["OVERLAP"]
    for name, kind, width, height, pins in library.macros:
        size = f"{format_number(width)} BY {format_number(height)}"
        is_soft = kind == ObjectKind.SOFT_MACRO
        lines += [f"MACRO {name}", f"  CLASS BLOCK{' SOFT' if is_soft else ''} ;", "  ORIGIN 0 0 ;", f"  SIZE {size} ;"]
        if not is_soft:
            lines.append("  SYMMETRY X Y ;")
        for number, (is_output, x, y) in enumerate(pins):
            lines += _pin(f"p{number}", "OUTPUT" if is_output else "INPUT", x + width / 2, y + height / 2)
        if not is_soft:
            box = f"RECT 0 0 {format_number(width)} {format_number(height)} ;"
            lines += ["  OBS", *(f"    LAYER {layer} ; {box}" for layer in taken), "  END"]
        lines.append(f"END {name}")
    return "\n".join([*lines, "END LIBRARY", ""])


def _pin(name: str, direction: str, x: float, y: float) -> list[str]:
    box = " ".join(format_number(v) for v in (x - _PIN_HALF_UM, y - _PIN_HALF_UM, x + _PIN_HALF_UM, y + _PIN_HALF_UM))
    return [
        f"  PIN {name}", f"    DIRECTION {direction} ;", "    USE SIGNAL ;", f"    PORT LAYER M1 ; RECT {box} ; END",
        f"  END {name}",
    ]  # fmt: skip
