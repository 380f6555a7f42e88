"""Reads structural Verilog and SystemVerilog designs: RTL above named leaves, or gate-level netlists of library cells.

A design is a folder with a `netlist.toml` (see `verilog_config`) and its files. Steps: preprocess, parse and elaborate to
leaves, cluster the logic into soft macros, build the netlist. Verilog-2001 is read with pyverilog, SystemVerilog (.sv) and
Verilog above `LARGE_BYTES` with slang, the JSON of Yosys by a reader of its own; tests hold the three against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workbench.base.config import read_toml
from workbench.base.errors import InputError
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.netlist.design import CellData, Design
from workbench.netlist.leaf import GENERIC_CELLS, LeafCell, cell_areas_um2, logic_area_um2
from workbench.netlist.readers.lef_leaves import config_from_lef, with_lef_leaves
from workbench.netlist.readers.verilog_build import LeafKinds, build_netlist
from workbench.netlist.readers.verilog_config import VerilogConfig, count
from workbench.netlist.readers.verilog_elaborate import elaborate
from workbench.netlist.readers.verilog_flat import GLUE, FlatDesign, LeafType
from workbench.netlist.readers.verilog_parse import parse_modules
from workbench.netlist.readers.verilog_preprocess import preprocess
from workbench.netlist.readers.yosys_json import read_yosys_json

LARGE_BYTES = 1_000_000
"""Verilog text above this is read with slang: pyverilog takes a minute for 10 MB."""


def load_verilog_design(
    path: str | Path, params: Mapping[str, Any] | None = None, limits: Limits = DEFAULT_LIMITS
) -> Design:
    """Load a Verilog design.

    Parameters
    ----------
    path: its `netlist.toml`, or a .v file beside one.
    params: values for parameters that `netlist.toml` names.

    Raises
    ------
    InputError: one sentence for anything wrong in one of its files.
    """
    toml, config = _config(Path(path), limits)
    config = with_lef_leaves(config, toml, limits)
    flat = flatten(toml, config, config.values(params or {}, toml), limits)
    kinds = leaf_kinds(flat, config, toml)
    netlist, canvas = build_netlist(config.name, flat, kinds, config.ideal_nets, config.routes, config.target_utilization)
    return Design(config.name, netlist, canvas, cells=_cell_data(flat, kinds, config), origin=toml)


def _config(path: Path, limits: Limits) -> tuple[Path, VerilogConfig]:
    toml = path if path.suffix == ".toml" else path.parent / "netlist.toml"
    if path.suffix == ".json" and not toml.is_file() and (config := config_from_lef(path, limits)) is not None:
        return path, config.model_copy(update={"top": ""})
    if path != toml and not toml.is_file():
        raise InputError(
            path, "no netlist.toml beside it", "one that gives the top module and the sizes of the leaves", "add it"
        )
    config = read_toml(toml, VerilogConfig, limits)
    if path != toml and path.resolve() not in [(toml.parent / name).resolve() for name in config.files]:
        raise InputError(toml, f"a design without {path.name}", "it among its files", "add it to `files`")
    cell_areas_um2(config.technology)
    return toml, config


def flatten(toml: Path, config: VerilogConfig, values: Mapping[str, int], limits: Limits = DEFAULT_LIMITS) -> FlatDesign:
    """Preprocess, parse and elaborate the files of a design."""
    folder = toml.parent.resolve()
    paths = [folder / name for name in config.files]
    for name, file in zip(config.files, paths, strict=True):
        if not file.resolve().is_relative_to(folder):
            raise InputError(f"{toml}, files", repr(name), "a file in the design's folder", "copy it there")
    leaves = {name: tuple(leaf.outputs) for name, leaf in config.leaves.items()}
    leaves |= {name: tuple(macro.outputs) for name, macro in config.macros.items()}
    if any(path.suffix == ".json" for path in paths):
        if len(paths) > 1:
            raise InputError(f"{toml}, files", f"{len(paths)} files, one of them JSON", "one JSON file", "remove the others")
        return read_yosys_json(paths[0], config.top, leaves, limits)
    source = preprocess(paths, folder, limits)
    if any(path.suffix == ".sv" for path in paths) or sum(map(len, source.lines)) > LARGE_BYTES:
        from workbench.netlist.readers.systemverilog import elaborate_systemverilog

        return elaborate_systemverilog(source, config.top, leaves, values, limits)
    modules = parse_modules(source, frozenset(leaves))
    return elaborate(modules, source, config.top, leaves, values, limits)


def leaf_kinds(flat: FlatDesign, config: VerilogConfig, toml: Path) -> LeafKinds:
    """Leaf cell and macro of each type of leaf."""
    instances = np.bincount(flat.instance_type, minlength=len(flat.types))
    pairs = list(zip(flat.types, instances.tolist(), strict=True))
    return LeafKinds(
        tuple(_leaf_cell(kind, number, config, toml) for kind, number in pairs),
        tuple(config.macros.get(kind.module) for kind in flat.types),
    )


def _leaf_cell(kind: LeafType, instances: int, config: VerilogConfig, toml: Path) -> LeafCell:
    shown = ",".join(f"{name}={value}" for name, value in kind.parameters)
    if (macro := config.macros.get(kind.module)) is not None:
        area = macro.width_um * macro.height_um
        return LeafCell(kind.module, shown, macro.part, instances, area, True, macro.bits, 0.0)
    if kind.module == GLUE:
        cells = tuple((name, float(number)) for name, number in kind.parameters)
        return LeafCell(GLUE, "", "glue", instances, logic_area_um2(cells, config.technology), False, 0, 0.0, cells)
    leaf = config.leaves[kind.module]
    where = f"{toml}, leaves.{kind.module}.cells"
    values = dict(kind.parameters)
    counted = {name: count(text, values, f"{where}.{name}") for name, text in leaf.cells.items()}
    cells = tuple((name, counted[name]) for name in GENERIC_CELLS if name in counted)
    area = leaf.area_um2 if leaf.area_um2 is not None else logic_area_um2(cells, config.technology)
    bits = int(counted.get("flip_flop", 0))
    return LeafCell(kind.module, shown, leaf.part, instances, area, False, bits, leaf.depth_fo4, cells)


def _cell_data(flat: FlatDesign, kinds: LeafKinds, config: VerilogConfig) -> CellData:
    logic = [cell for cell in kinds.cells if not cell.is_sram]
    number = sum(cell.instances * (sum(n for _, n in cell.cells) or 1) for cell in logic)
    by_module: dict[str, float] = {}
    for name, index in zip(flat.instance_names, flat.instance_type, strict=True):
        first = name.split(".")[0].split("[")[0]
        by_module[first] = by_module.get(first, 0.0) + kinds.cells[index].area_um2
    return CellData(
        technology=config.technology,
        cells=round(number),
        cell_area_um2=sum(cell.total_area_um2 for cell in logic),
        macro_area_um2=sum(cell.total_area_um2 for cell in kinds.cells if cell.is_sram),
        area_by_module_um2=by_module,
        logic_depth=round(max((cell.logic_depth_fo4 for cell in logic), default=0.0)),
        leaves=kinds.cells,
    )
