"""Writes a design as GSRC/MCNC floorplanning files: `.blocks`, `.nets` and `.pl` of the same name beside each other.

The format has no canvas, no net weights and no difference between hard macros and soft ones: soft macros become blocks of
their shape, weights other than 1 are left out, and both is said. Places are those of the floorplan where there is one.
Source: as for the reader.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.base.files import write_text
from workbench.netlist.design import Design
from workbench.netlist.formats import Written
from workbench.netlist.netlist import ORIENTATIONS, Netlist, ObjectKind


def write_gsrc_design(path: Path, design: Design) -> Written:
    """Write a design; `path` is the `.blocks` file."""
    netlist, plan = design.netlist, design.floorplan
    x, y = (netlist.x_um, netlist.y_um) if plan is None else (plan.x_um, plan.y_um)
    turned = netlist.orientation if plan is None else plan.orientation
    files = (
        write_text(path, _blocks(netlist)),
        write_text(path.with_suffix(".nets"), _nets(netlist)),
        write_text(path.with_suffix(".pl"), _places(netlist, x, y, turned)),
    )
    return Written(files, _notes(netlist))


def _blocks(netlist: Netlist) -> str:
    is_port = netlist.kind == ObjectKind.PORT
    lines = [
        "UCSC blocks 1.0", "", "NumSoftRectangularBlocks : 0", f"NumHardRectilinearBlocks : {int((~is_port).sum())}",
        f"NumTerminals : {int(is_port.sum())}", "",
    ]  # fmt: skip
    for i in np.flatnonzero(~is_port):
        w, h = _number(netlist.width_um[i]), _number(netlist.height_um[i])
        lines.append(f"{_name(netlist, i)} hardrectilinear 4 (0, 0) (0, {h}) ({w}, {h}) ({w}, 0)")
    lines += ["", *(f"{_name(netlist, i)} terminal" for i in np.flatnonzero(is_port))]
    return "\n".join(lines) + "\n"


def _nets(netlist: Netlist) -> str:
    degrees = np.diff(netlist.net_start)
    lines = ["UCLA nets 1.0", "", f"NumNets : {netlist.nets}", f"NumPins : {int(degrees.sum())}"]
    for net, degree in enumerate(degrees):
        lines.append(f"NetDegree : {degree}")
        for pin in netlist.net_pin[netlist.net_start[net] : netlist.net_start[net + 1]]:
            owner, across, up = netlist.pin_object[pin], netlist.pin_x_um[pin], netlist.pin_y_um[pin]
            offset, has_size = "", netlist.width_um[owner] > 0 and netlist.height_um[owner] > 0
            if has_size and (across or up):  # offsets are shares of the size
                share_x, share_y = 100 * across / netlist.width_um[owner], 100 * up / netlist.height_um[owner]
                offset = f" : %{_number(share_x)} %{_number(share_y)}"
            lines.append(f"{_name(netlist, owner)} B{offset}")
    return "\n".join(lines) + "\n"


def _places(netlist: Netlist, x: np.ndarray, y: np.ndarray, turned: np.ndarray) -> str:
    lines = ["UCLA pl 1.0", ""]
    for i in np.flatnonzero(np.isfinite(x) & np.isfinite(y)):
        size = (netlist.width_um[i], netlist.height_um[i])
        across, up = size[::-1] if turned[i] >= 4 else size
        orientation = "" if netlist.kind[i] == ObjectKind.PORT else f" : {ORIENTATIONS[turned[i]]}"
        lines.append(f"{_name(netlist, i)} {_number(x[i] - across / 2)} {_number(y[i] - up / 2)}{orientation}")
    return "\n".join(lines) + "\n"


def _notes(netlist: Netlist) -> tuple[str, ...]:
    soft, weighted = int((netlist.kind == ObjectKind.SOFT_MACRO).sum()), int((netlist.net_weight != 1).sum())
    notes = []
    if soft:
        notes.append(f"{soft} soft macros are written as hard blocks.")
    if weighted:
        notes.append(f"The weights of {weighted} nets are not written.")
    return tuple(notes)


def _name(netlist: Netlist, i: int | np.integer) -> str:
    """The object's name without white space and comment signs, which the format cannot hold."""
    return "".join("_" if sign.isspace() or sign in "#(),:" else sign for sign in netlist.object_names[i])


def _number(value: float) -> str:
    """Nine decimals, without trailing zeros."""
    text = f"{value:.9f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
