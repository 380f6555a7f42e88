"""Every design in netlists/: loads for its defaults and for the ends of every parameter, and says where it comes from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.base.config import read_toml
from workbench.base.places import data_folder
from workbench.netlist.load import load_design, netlist_names
from workbench.netlist.netlist import ObjectKind
from workbench.netlist.readers.verilog_config import VerilogConfig

FOLDERS = [p for p in sorted(data_folder("netlists").iterdir()) if (p / "netlist.toml").is_file()]


def ends() -> list[tuple[str, dict[str, int]]]:
    """Each design with its defaults, and with each parameter at its smallest and largest value."""
    cases: list[tuple[str, dict[str, int]]] = []
    for folder in FOLDERS:
        config = read_toml(folder / "netlist.toml", VerilogConfig)
        cases.append((folder.name, {}))
        for name, parameter in config.parameters.items():
            cases += [(folder.name, {name: value}) for value in (min(parameter.choices), max(parameter.choices))]
    return cases


def test_designs_are_found_by_name() -> None:
    assert FOLDERS
    assert {folder.name for folder in FOLDERS} <= set(netlist_names())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_design_is_named_as_its_folder_and_described(folder: Path) -> None:
    config = read_toml(folder / "netlist.toml", VerilogConfig)
    assert config.name == folder.name
    assert config.expected.sets
    assert config.unsourced() == []
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in config.parameters)


@pytest.mark.parametrize(("name", "params"), ends(), ids=str)
def test_a_design_loads_complete(name: str, params: dict[str, int]) -> None:
    design = load_design(name, params=params)
    netlist, canvas = design.netlist, design.canvas
    assert design.cells is not None and design.name == name
    assert len(netlist.indices(ObjectKind.MACRO)) >= 8
    assert 30 <= len(netlist.indices(ObjectKind.SOFT_MACRO)) <= 300
    assert len(set(netlist.object_names)) == netlist.objects
    assert (netlist.width_um <= canvas.width_um).all() and (netlist.height_um <= canvas.height_um).all()
    assert (netlist.net_weight >= 1).all() and np.isfinite(netlist.pin_x_um).all() and np.isfinite(netlist.pin_y_um).all()
    assert 10 <= max(leaf.logic_depth_fo4 for leaf in design.cells.leaves) <= 60
