"""Our RTL designs: lint-clean under slang, elaborated as slang does it, of the size that netlist.toml expects."""

from __future__ import annotations

import functools
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pyslang
import pytest
from pyslang import driver

from workbench.base.config import read_toml
from workbench.netlist.clustering.hierarchy import connectivity_graph
from workbench.netlist.load import load_design
from workbench.netlist.netlist import ObjectKind
from workbench.netlist.readers.verilog import flatten
from workbench.netlist.readers.verilog_config import VerilogConfig
from workbench.netlist.readers.verilog_flat import GLUE, FlatDesign

CASES = [
    ("rvv_npu", {"LANES": 1}),
    ("rvv_npu", {"LANES": 4}),
    ("rvv_npu", {"LANES": 16, "VLEN": 4096, "SPAD_BANKS": 16}),
    ("systolic", {"ROWS": 8, "COLS": 16}),
    ("systolic", {"ROWS": 16, "COLS": 16}),
]


def read_config(root: Path, name: str) -> tuple[Path, VerilogConfig]:
    toml = root / "netlists" / name / "netlist.toml"
    return toml, read_toml(toml, VerilogConfig)


def flat_design(root: Path, name: str, params: dict[str, int]) -> FlatDesign:
    return _flattened(root, name, tuple(params.items()))


@functools.cache
def _flattened(root: Path, name: str, params: tuple[tuple[str, int], ...]) -> FlatDesign:
    toml, config = read_config(root, name)
    return flatten(toml, config, config.values(dict(params), toml))


def slang(root: Path, name: str, params: dict[str, int]) -> driver.Driver:
    toml, config = read_config(root, name)
    judge = driver.Driver()
    judge.addStandardArgs()
    values = [f"-G {key}={value}" for key, value in params.items()]
    files = [str(toml.parent / file) for file in config.files]
    assert judge.parseCommandLine(" ".join(["slang", "--top", config.top, *values, *files]))
    assert judge.processOptions() and judge.parseAllSources()
    return judge


@pytest.mark.parametrize(("name", "params"), CASES)
def test_slang_finds_no_error_and_no_warning(root: Path, name: str, params: dict[str, int]) -> None:
    judge = slang(root, name, params)
    assert judge.runFullCompilation(True)
    assert judge.diagEngine.numErrors == 0
    assert judge.diagEngine.numWarnings == 0


@pytest.mark.parametrize(("name", "params"), CASES)
def test_every_leaf_is_instantiated_as_often_as_slang_says(root: Path, name: str, params: dict[str, int]) -> None:
    _, config = read_config(root, name)
    seen: Counter[str] = Counter()

    def visit(symbol: object) -> None:
        if isinstance(symbol, pyslang.ast.InstanceSymbol):
            seen[symbol.definition.name] += 1

    slang(root, name, params).createCompilation().getRoot().visit(visit)
    leaves = {*config.leaves, *config.macros}
    ours = flat_design(root, name, params).counts()
    ours.pop(GLUE, None)
    assert ours == {module: number for module, number in seen.items() if module in leaves}


@pytest.mark.parametrize("name", ["rvv_npu", "systolic"])
def test_the_expected_numbers_of_macros_and_leaves(root: Path, name: str) -> None:
    toml, config = read_config(root, name)
    assert config.expected.sets
    for case in config.expected.sets:
        counts = flat_design(root, name, case.parameters).counts()
        counts.pop(GLUE, None)
        assert sum(n for module, n in counts.items() if module in config.macros) == case.macros, case.parameters
        assert sum(counts.values()) == case.leaves, case.parameters


@pytest.mark.parametrize(("name", "params"), CASES)
def test_every_bit_net_has_one_driver(root: Path, name: str, params: dict[str, int]) -> None:
    flat = flat_design(root, name, params)
    drivers = np.bincount(flat.pin_net[flat.pin_drives & (flat.pin_net >= 0)], minlength=flat.nets)
    assert flat.undriven == 0
    assert drivers.min() == drivers.max() == 1


@pytest.mark.parametrize("lanes", [4, 16])
def test_all_lanes_are_alike(root: Path, lanes: int) -> None:
    design = load_design("rvv_npu", params={"LANES": lanes})
    netlist = design.netlist
    graph = connectivity_graph(netlist)
    shapes: Counter[tuple[object, ...]] = Counter()
    for lane in range(lanes):
        members = {
            i: re.sub(r"^(Grp_)?lane\[\d+\]", r"\1lane", netlist.object_names[i])
            for i in range(netlist.objects)
            if re.match(rf"(Grp_)?lane\[{lane}\]\.", netlist.object_names[i])
        }
        assert len(members) > 4
        edges = sorted(
            (*sorted((members[a], members[b])), d["weight"])
            for a, b, d in graph.edges(members, data=True)
            if a in members and b in members
        )
        sizes = sorted((name, float(netlist.width_um[i])) for i, name in members.items())
        shapes[(tuple(edges), tuple(sizes))] += 1
    assert len(shapes) == 1


@pytest.mark.parametrize(("name", "params"), CASES)
def test_the_netlist_can_be_placed(root: Path, name: str, params: dict[str, int]) -> None:
    design = load_design(name, params=params)
    netlist, canvas = design.netlist, design.canvas
    hard, soft = netlist.indices(ObjectKind.MACRO), netlist.indices(ObjectKind.SOFT_MACRO)
    ports = netlist.indices(ObjectKind.PORT)
    assert 30 <= len(soft) <= 300
    areas = netlist.width_um * netlist.height_um
    assert design.cells is not None
    assert areas[hard].sum() == pytest.approx(design.cells.macro_area_um2)
    assert areas[soft].sum() == pytest.approx(2 * design.cells.cell_area_um2)
    assert areas.sum() <= 0.91 * canvas.width_um * canvas.height_um
    on_edge = np.isin(netlist.x_um[ports], [0, canvas.width_um]) | np.isin(netlist.y_um[ports], [0, canvas.height_um])
    assert on_edge.all() and netlist.is_fixed[ports].all()
    owners = netlist.pin_object[netlist.net_pin]
    assert netlist.net_start[-1] == len(netlist.net_pin) and (np.diff(netlist.net_start) >= 2).all()
    assert set(owners.tolist()) == set(range(netlist.objects))
    inside = np.abs(netlist.pin_x_um) <= netlist.width_um[netlist.pin_object] / 2 + 1e-9
    assert inside.all() and (np.abs(netlist.pin_y_um) <= netlist.height_um[netlist.pin_object] / 2 + 1e-9).all()


def test_weights_count_the_bits_of_a_bus(root: Path) -> None:
    """All 64 bits of an SRAM's read data leave it, in four pins of 16 bits, whatever clustering made of the rest."""
    netlist = load_design("rvv_npu", params={"LANES": 1}).netlist
    memory = netlist.object_names.index("lane[0].unit.registers.bank[0].memory.words256.memory")
    sources = netlist.net_pin[netlist.net_start[:-1]]
    mine = netlist.pin_object[sources] == memory
    assert netlist.net_weight[mine].sum() == 64
    assert len(set(sources[mine].tolist())) == 4


def test_leaf_cells_add_up_to_the_cell_area(root: Path) -> None:
    data = load_design("rvv_npu").cells
    assert data is not None
    assert sum(c.total_area_um2 for c in data.leaves if not c.is_sram) == pytest.approx(data.cell_area_um2)
    assert sum(c.instances * c.bits for c in data.leaves if c.part == "scratchpad" and c.is_sram) == 8 * 1024 * 64
    assert sum(data.area_by_module_um2.values()) == pytest.approx(data.cell_area_um2 + data.macro_area_um2)
    assert data.logic_depth == 42
