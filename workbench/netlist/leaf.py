"""Leaf cells of a design: how many of each, how large, how deep; and the cell library that sizes are counted in.

A leaf is the module at which elaboration stops. Its logic is given as counts of nine generic cells (full adders, flip-flops,
...), so that any technology with areas for these cells can size it; an SRAM leaf has the size of its macro.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workbench.base.errors import InputError

GENERIC_CELLS = ("full_adder", "half_adder", "flip_flop", "mux2", "xor2", "and2", "nand2", "aoi21", "inverter")
"""The cells that leaf sizes are counted in; `cells.toml` has their areas by technology."""


@dataclass(frozen=True)
class LeafCell:
    """One kind of leaf in a design (one module with one set of parameters).

    Attributes
    ----------
    module: name of the Verilog module.
    parameters: its parameters as ``NAME=value`` joined by commas, empty if it has none.
    part: the part of the chip it belongs to (``lane``, ``vector_registers``, ``scratchpad``, ``control``, ...).
    instances: how many of it there are.
    area_um2: cell area of one instance in the design's technology, before any bloat or utilization.
    is_sram: a memory macro (True) or logic (False).
    bits: stored bits of one instance: SRAM capacity, or flip-flops for logic.
    logic_depth_fo4: longest register-to-register path in fan-out-of-4 inverter delays; 0 if unknown (SRAM).
    cells: (generic cell, count) of one instance; empty for SRAM.
    """

    module: str
    parameters: str
    part: str
    instances: int
    area_um2: float
    is_sram: bool
    bits: int
    logic_depth_fo4: float
    cells: tuple[tuple[str, float], ...] = ()

    @property
    def total_area_um2(self) -> float:
        """Area of all instances."""
        return self.instances * self.area_um2


@cache
def cell_areas_um2(technology: str) -> dict[str, float]:
    """Area of each generic cell in a technology, from `cells.toml` (which names the library's cell for each).

    Raises
    ------
    InputError: the technology is not in that file.
    """
    library = tomllib.loads((Path(__file__).parent / "cells.toml").read_text(encoding="utf-8"))
    if technology not in library:
        raise InputError("technology", repr(technology), f"one of {', '.join(sorted(library))}", "choose one of them")
    return {name: float(library[technology][name]["area_um2"]) for name in GENERIC_CELLS}


def logic_area_um2(cells: tuple[tuple[str, float], ...], technology: str) -> float:
    """Area of a bag of generic cells in a technology."""
    areas = cell_areas_um2(technology)
    return sum(areas[name] * count for name, count in cells)
