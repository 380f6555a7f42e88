"""A design through a writer and the reader of that format is the same design, with the same costs."""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.netlist.design import Design
from workbench.netlist.formats import WRITERS
from workbench.netlist.load import load_design
from workbench.netlist.netlist import Floorplan
from workbench.place.cost import evaluate

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "place"))
from random_designs import floorplan_of, random_plain  # noqa: E402

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
NETLIST_WRITERS = [kind for kind in WRITERS if kind.name in ("protobuf", "bookshelf")]


def nets_of(netlist):
    """Each net as weight, driver and sorted sinks, a pin as its owner's index and offset; sorted."""
    found = []
    for net in range(netlist.nets):
        pins = netlist.net_pin[netlist.net_start[net] : netlist.net_start[net + 1]]
        ends = [(int(netlist.pin_object[p]), float(netlist.pin_x_um[p]), float(netlist.pin_y_um[p])) for p in pins]
        found.append((float(netlist.net_weight[net]), ends[0], tuple(sorted(ends[1:]))))
    return sorted(found)


def relative(first, second):
    figures = zip(first.header().values(), second.header().values(), strict=True)
    return max(abs(a - b) / max(abs(a), 1e-12) for a, b in figures)


def design_of(seed, macros, soft, ports, nets):
    """A random design in which a port drives one net at most, as in the files of graph placement."""
    canvas, objects, wires = random_plain(seed, macros, soft, ports, nets)
    drivers = [pins[0][0] for _, pins in wires]
    wires = [wire for i, wire in enumerate(wires) if objects[drivers[i]]["kind"] != "port" or drivers[i] not in drivers[:i]]
    floorplan = floorplan_of(canvas, objects, wires)
    names = tuple(f"Grp_{i}" if kind == 1 else f"o{i}" for i, kind in enumerate(floorplan.netlist.kind))
    netlist = dataclasses.replace(floorplan.netlist, object_names=names)
    return Design("random", netlist, floorplan.canvas, dataclasses.replace(floorplan, netlist=netlist))


@pytest.mark.parametrize("writer", NETLIST_WRITERS, ids=lambda kind: kind.name)
@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 6), st.integers(0, 8), st.integers(1, 6), st.integers(1, 40)
)  # fmt: skip
def test_a_random_design_comes_back_the_same(writer, seed, macros, soft, ports, nets):
    design = design_of(seed, macros, soft, ports, nets)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"random{writer.endings[0]}"
        writer.load()(path, design)
        again = load_design(path)
    before, after = design.netlist, again.netlist
    assert after.object_names == before.object_names
    for name in ("kind", "width_um", "height_um", "is_fixed"):
        assert np.array_equal(getattr(after, name), getattr(before, name)), name
    assert nets_of(after) == nets_of(before)
    assert np.allclose(again.floorplan.x_um, design.floorplan.x_um, rtol=0, atol=1e-9)
    assert np.array_equal(again.floorplan.orientation, design.floorplan.orientation)
    assert relative(evaluate(design.floorplan), evaluate(again.floorplan)) < 1e-9


@pytest.mark.parametrize("sample", ["protobuf", "rtl", "bookshelf"])
@pytest.mark.parametrize("writer", NETLIST_WRITERS, ids=lambda kind: kind.name)
def test_a_sample_has_the_same_costs_after_each_format(writer, sample, tmp_path):
    design = load_design(SAMPLES / sample)
    soft = design.netlist.kind[design.netlist.pin_object] == 1  # protobuf has these pins at the centre, and says so
    offsets = {name: np.where(soft, 0.0, getattr(design.netlist, name)) for name in ("pin_x_um", "pin_y_um")}
    netlist = dataclasses.replace(design.netlist, **offsets)
    rng = np.random.default_rng(7)
    x, y = (rng.uniform(0.2, 0.8, netlist.objects) * length for length in (design.canvas.width_um, design.canvas.height_um))
    x, y = (np.where(netlist.is_fixed, a, b) for a, b in ((netlist.x_um, x), (netlist.y_um, y)))
    turned = netlist.orientation if design.floorplan is None else design.floorplan.orientation
    floorplan = Floorplan(netlist, design.canvas, x, y, turned)
    design = dataclasses.replace(design, netlist=netlist, floorplan=floorplan)
    path = tmp_path / f"sample{writer.endings[0]}"
    writer.load()(path, design)
    assert relative(evaluate(floorplan), evaluate(load_design(path).floorplan)) < 1e-9


@pytest.mark.parametrize(
    "name", [
        "formats/sample_clustered", "formats/macro_tiles_10x10",
        pytest.param("netlists/NanGate45_ariane133", marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_protobuf_and_bookshelf_give_the_same_netlist_of_a_public_design(reference, tmp_path, name):
    design = load_design(reference / "placement" / name)
    costs = evaluate(design.floorplan)
    for writer in NETLIST_WRITERS:
        path = tmp_path / f"again{writer.endings[0]}"
        writer.load()(path, design)
        again = load_design(path)
        assert (
            nets_of(again.netlist) == nets_of(design.netlist) and again.netlist.object_names == design.netlist.object_names
        )
        assert relative(costs, evaluate(again.floorplan)) < 1e-9


@pytest.mark.parametrize("name", ["macro_tiles_10x10", "sample_clustered", "simple_with_coords", "toy_macro_stdcell"])
def test_each_variant_of_protobuf_comes_back_array_by_array(reference, tmp_path, name):
    design = load_design(reference / "placement" / "formats" / name)
    writer = next(kind for kind in WRITERS if kind.name == "protobuf")
    written = writer.load()(tmp_path / name / "netlist.pb.txt", design)
    assert written.notes == ()
    again = load_design(tmp_path / name)
    for field in dataclasses.fields(design.netlist):
        if field.name not in ("x_um", "y_um"):  # those of the placement, where there is one
            before, after = getattr(design.netlist, field.name), getattr(again.netlist, field.name)
            assert np.array_equal(before, after), field.name
    assert again.canvas.columns == design.canvas.columns and again.canvas.width_um == design.canvas.width_um


def test_a_pin_that_drives_two_nets_becomes_two_with_the_same_costs(tmp_path):
    design = design_of(3, 3, 3, 3, 12)
    netlist = design.netlist
    drivers = netlist.net_pin.copy()
    drivers[netlist.net_start[1:4]] = drivers[0]  # nets 1 to 3 are driven by the pin that drives net 0
    netlist = dataclasses.replace(netlist, net_pin=drivers)
    design = dataclasses.replace(design, netlist=netlist, floorplan=dataclasses.replace(design.floorplan, netlist=netlist))
    writer = next(kind for kind in WRITERS if kind.name == "protobuf")
    written = writer.load()(tmp_path / "n.pb.txt", design)
    assert written.notes == ("3 pins that drive several nets are written as several pins at their place.",)
    again = load_design(tmp_path / "n.pb.txt")
    assert again.netlist.nets == netlist.nets
    assert relative(evaluate(design.floorplan), evaluate(again.floorplan)) < 1e-9
