"""`Accelerator`: what power, performance and area need to know of a netlist and its floorplan, in one technology.

A design whose leaf cells are known (our RTL) is counted cell by cell. A netlist that comes without RTL (protobuf) is
counted by its objects: hard macros are SRAM, soft macros are cells. A design drawn in another technology is resized: logic
by the areas of its generic cells there, SRAM by its bits, lengths by the square root of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from workbench.netlist.design import CellData, Design
from workbench.netlist.leaf import LeafCell, logic_area_um2
from workbench.netlist.netlist import ObjectKind
from workbench.ppa.area import sram_area_um2
from workbench.ppa.clock import Wires, measure_wires
from workbench.ppa.technology import Technology

DEFAULT_DEPTH_FO4 = 30.0
"""Logic depth assumed for netlists that do not state one (estimate: Ara2 is published with 40 FO4, fast cores with 19)."""


@dataclass(frozen=True)
class Accelerator:
    """An accelerator in one technology.

    Attributes
    ----------
    name: the design's name.
    cells_um2: standard-cell area without white space.
    sram_um2, sram_bits: its memory macros.
    flip_flops: single-bit registers.
    area_um2: of the canvas if it is placed, else of cells over utilization and SRAM.
    area_by_part_um2: area of cells and SRAM by part of the design.
    logic_depth_fo4: longest register-to-register path without wires.
    wires: lengths in its floorplan; None without one.
    notes: what was assumed, one sentence each.
    """

    name: str
    cells_um2: float
    sram_um2: float
    sram_bits: float
    flip_flops: float
    area_um2: float
    area_by_part_um2: dict[str, float]
    logic_depth_fo4: float
    wires: Wires | None
    notes: tuple[str, ...] = ()


def measure_accelerator(design: Design, technology: Technology) -> Accelerator:
    """Count a design's cells, memories and wires as they are in a technology."""
    cells = design.cells
    return _from_leaves(design, cells, technology) if cells and cells.leaves else _from_objects(design, technology)


def _from_leaves(design: Design, data: CellData, technology: Technology) -> Accelerator:
    parts: dict[str, float] = {}
    cells, sram, bits, flip_flops = 0.0, 0.0, 0.0, 0.0
    for leaf in data.leaves:
        area = leaf.instances * _leaf_area_um2(leaf, data.technology, technology)
        if leaf.is_sram:
            sram += area
            bits += leaf.instances * leaf.bits
        else:
            cells += area
            flip_flops += leaf.instances * dict(leaf.cells).get("flip_flop", leaf.bits)
        parts[leaf.part] = parts.get(leaf.part, 0.0) + area
    ratio = (cells + sram) / sum(leaf.total_area_um2 for leaf in data.leaves)
    same = data.technology == technology.name
    notes = () if same else (f"the netlist is drawn for {data.technology} and resized to {technology.name}",)
    depth = max(leaf.logic_depth_fo4 for leaf in data.leaves) or DEFAULT_DEPTH_FO4
    return _placed(design, technology, cells, sram, bits, flip_flops, parts, depth, ratio, notes)


def _leaf_area_um2(leaf: LeafCell, drawn_in: str, technology: Technology) -> float:
    if drawn_in == technology.name:
        return leaf.area_um2
    return sram_area_um2(leaf.bits, technology) if leaf.is_sram else logic_area_um2(leaf.cells, technology.name)


def _from_objects(design: Design, technology: Technology) -> Accelerator:
    netlist = design.netlist
    area = netlist.width_um * netlist.height_um
    sram = float(area[netlist.indices(ObjectKind.MACRO)].sum())
    cells = float(area[netlist.indices(ObjectKind.SOFT_MACRO)].sum())
    bits = sram / technology.sram.bit_area_um2
    flip_flops = 0.25 * cells / logic_area_um2((("flip_flop", 1),), technology.name)
    parts = {"memory macros": sram, "logic": cells}
    notes = (
        f"the netlist states no cells: macros are taken as SRAM, a quarter of the logic as flip-flops, all drawn in "
        f"{technology.name}, and its logic as {DEFAULT_DEPTH_FO4:.0f} FO4 deep",
    )
    return _placed(design, technology, cells, sram, bits, flip_flops, parts, DEFAULT_DEPTH_FO4, 1.0, notes)


def _placed(
    design: Design, technology: Technology, cells: float, sram: float, bits: float, flip_flops: float,
    parts: dict[str, float], depth: float, area_ratio: float, notes: tuple[str, ...],
) -> Accelerator:  # fmt: skip
    """Add what the floorplan says: the canvas is the area, and wires scale with the side."""
    floorplan = design.floorplan
    if floorplan is None:
        area = cells / technology.logic.utilization + sram
        notes = (*notes, "the netlist is not placed: its area is an estimate and its wires are left out")
        return Accelerator(design.name, cells, sram, bits, flip_flops, area, parts, depth, None, notes)
    wires, side = measure_wires(floorplan), sqrt(area_ratio)
    wires = Wires(wires.longest_um * side, wires.longest_net, wires.mean_um * side, wires.total_um * side)
    area = float(floorplan.canvas.width_um * floorplan.canvas.height_um * area_ratio)
    return Accelerator(design.name, cells, sram, bits, flip_flops, area, parts, depth, wires, notes)
