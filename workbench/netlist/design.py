"""The `Design`: a netlist, the canvas to place it on, a placement if one is known, and what its RTL says about cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from workbench.netlist.leaf import LeafCell
from workbench.netlist.netlist import Canvas, Floorplan, Netlist


@dataclass(frozen=True)
class CellData:
    """What elaborated RTL says about a design beyond its hypergraph; None for netlists that come without RTL.

    Attributes
    ----------
    technology: name of the technology that the areas are for.
    cells: standard cells of the whole design.
    cell_area_um2: their area, not bloated.
    macro_area_um2: area of all hard macros.
    area_by_module_um2: area (cells and macros) by module of the first hierarchy level.
    logic_depth: gates on the longest register-to-register path, 0 if unknown.
    leaves: how many of each leaf cell there are, how large and how deep.
    """

    technology: str
    cells: int
    cell_area_um2: float
    macro_area_um2: float
    area_by_module_um2: dict[str, float] = field(default_factory=dict)
    logic_depth: int = 0
    leaves: tuple[LeafCell, ...] = ()


@dataclass(frozen=True)
class Design:
    """Everything that placement needs to know about a design.

    Attributes
    ----------
    name: the design's name, for titles and folders.
    netlist, canvas: what is placed where.
    floorplan: a placement that came with it or was asked for, else None.
    header_costs: costs that the placement file's header states (`wirelength_um`, `wirelength`, `density`, `congestion`).
    cells: figures of its RTL, None for netlists without.
    origin: the file or folder it was read from.
    notes: what the reader left out of the file, in words.
    """

    name: str
    netlist: Netlist
    canvas: Canvas
    floorplan: Floorplan | None = None
    header_costs: dict[str, float] = field(default_factory=dict)
    cells: CellData | None = None
    origin: Path | None = None
    notes: tuple[str, ...] = ()
