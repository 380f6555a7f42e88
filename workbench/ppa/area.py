"""Area of a core from its structures, and of an accelerator from the leaf cells of its netlist.

Formulas: flip-flops and generic cells at their library area, divided by the row utilization; SRAM at the technology's area
a bit plus an overhead per macro. Accuracy against published areas: `tests/ppa/test_area.py` (within 40 %).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil

from workbench.core.config import CoreConfig
from workbench.netlist.leaf import logic_area_um2
from workbench.ppa.core_structures import cache_bits, core_structures
from workbench.ppa.structures import Structure
from workbench.ppa.technology import Technology


def sram_area_um2(bits: float, technology: Technology) -> float:
    """Area of an SRAM array of that many bits, built of the largest macros of the technology."""
    if bits <= 0:
        return 0.0
    return ceil(bits / technology.sram.macro_bits) * technology.sram.macro_overhead_um2 + bits * technology.sram.bit_area_um2


def cell_area_um2(structure: Structure, technology: Technology) -> float:
    """Area of the standard cells of a structure, without white space."""
    cells = tuple(structure.cells.items())
    return logic_area_um2((("flip_flop", structure.flip_flops), *cells), technology.name)


def structure_area_um2(structure: Structure, technology: Technology) -> float:
    """Placed area of a structure: cells over utilization, and SRAM macros."""
    return cell_area_um2(structure, technology) / technology.logic.utilization + sram_area_um2(
        structure.sram_bits, technology
    )


def area_by_part(structures: Iterable[Structure], technology: Technology) -> dict[str, float]:
    """Placed area per part, in the order of first appearance."""
    areas: dict[str, float] = {}
    for structure in structures:
        areas[structure.part] = areas.get(structure.part, 0.0) + structure_area_um2(structure, technology)
    return areas


def core_area_um2(core: CoreConfig, technology: Technology) -> dict[str, float]:
    """Area of a core by part: frontend, l1, backend, execution, memory, vector, l2. The shared L3 is not in it."""
    return area_by_part(core_structures(core), technology)


def l3_area_um2(core: CoreConfig, technology: Technology) -> float:
    """Area of the L3 that the core shares with others, 0 without one; reported, but not part of a design's area."""
    return sram_area_um2(cache_bits(core.memory.l3), technology) if core.memory.l3 else 0.0
