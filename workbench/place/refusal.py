"""Designs that no agent can place, refused before any work begins on them, with the reason."""

from __future__ import annotations

from workbench.base.errors import InputError
from workbench.netlist.clustering.flat import refuse_flat
from workbench.netlist.describe import refuse_unfit
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan
from workbench.place.legality import check


def refuse_unplaceable(design: Design, where: str) -> None:
    """InputError for a design that has no legal floorplan for a reason that can be seen beforehand; `where` names its file.

    Too many loose cells, macros that cannot fit on the canvas, or fixed macros that stand in each other or outside of it.
    """
    refuse_flat(design.netlist, where)
    refuse_unfit(design)
    _refuse_fixed(design)


def _refuse_fixed(design: Design) -> None:
    """InputError if fixed hard macros are illegal as they stand: agents may not move them."""
    netlist = design.netlist
    fixed = {name for name, is_fixed in zip(netlist.object_names, netlist.is_fixed, strict=True) if is_fixed}
    x, y = (axis.copy() for axis in (netlist.x_um, netlist.y_um))
    x[~netlist.is_fixed] = y[~netlist.is_fixed] = 0.0  # somewhere: what moves does not count here
    standing = Floorplan(netlist, design.canvas, x, y, netlist.orientation)
    for violation in check(standing):
        if violation.kind in ("overlap", "outside") and fixed.issuperset(violation.objects):
            names = " and ".join(repr(name) for name in violation.objects)
            found = (
                f"fixed macros {names} overlapping"
                if violation.kind == "overlap"
                else f"fixed macro {names} outside of the canvas"
            )
            raise InputError(
                design.name,
                found,
                "fixed macros that are legal where they stand",
                "correct their places, or do not fix them",
            )
