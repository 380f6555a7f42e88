"""LEF/DEF: the sample by hand-made figures, round trips of our own and of the reference netlists, moved components."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.netlist.load import load_design
from workbench.netlist.netlist import ORIENTATIONS, Floorplan, Netlist, ObjectKind
from workbench.netlist.readers.def_entries import parse_def
from workbench.netlist.readers.lef import parse_lef
from workbench.netlist.writers.lefdef import write_def_design
from workbench.place.cost import evaluate
from workbench.place.cost_model import TURN

DIE = (-10.0, -20.0)  # lower left corner of the sample's die, µm


@pytest.fixture(scope="module")
def sample(root):
    return load_design(root / "tests" / "samples" / "def" / "sample.def")


def pin_places(netlist: Netlist) -> np.ndarray:
    """Place of every pin on the canvas."""
    owner = netlist.pin_object
    turn = TURN[netlist.orientation[owner]]
    x = netlist.x_um[owner] + turn[:, 0] * netlist.pin_x_um + turn[:, 1] * netlist.pin_y_um
    y = netlist.y_um[owner] + turn[:, 2] * netlist.pin_x_um + turn[:, 3] * netlist.pin_y_um
    return np.stack([x, y], axis=1)


def nets_by_name(netlist: Netlist) -> list[tuple]:
    """Driver, sinks and weight of every net, pins by owner and offset, sorted."""
    ends = [
        (netlist.object_names[netlist.pin_object[p]], *np.round([netlist.pin_x_um[p], netlist.pin_y_um[p]], 6).tolist())
        for p in netlist.net_pin
    ]
    start = netlist.net_start
    return sorted(
        (ends[start[i]], tuple(sorted(ends[start[i] + 1 : start[i + 1]])), float(netlist.net_weight[i]))
        for i in range(netlist.nets)
    )


def test_lef_sizes_pins_and_layers(root):
    library = parse_lef((root / "tests" / "samples" / "def" / "sample.lef").read_text(), "sample.lef")
    ram = library.macros["ram"]
    assert (ram.kind, ram.width_um, ram.height_um, ram.blocked_layers) == ("BLOCK", 20, 12, {"m2", "m3"})
    # the box around both rectangles of the first port, moved by ORIGIN 1 2
    assert (ram.pins["a[0]"].x_um, ram.pins["a[0]"].y_um) == pytest.approx((0.2, 2.4))
    assert (ram.pins["q"].direction, ram.pins["q"].x_um, ram.pins["q"].y_um) == ("OUTPUT", 19, 11)
    assert [(layer.name, layer.direction, layer.pitch_um) for layer in library.layers] == [
        ("m1", "HORIZONTAL", 0.2), ("m2", "VERTICAL", 0.25), ("m3", "HORIZONTAL", 0.4), ("m4", "VERTICAL", 0.5),
    ]  # fmt: skip
    assert library.row_height_um == 2.0
    tower = library.macros["tower"]
    assert (tower.pins["y"].x_um, tower.pins["y"].y_um) == (2, 10)  # no shape: in the middle
    assert set(library.macros) == {"ram", "inv", "tower", "fill1"}


def test_a_pin_is_where_def_turns_it_for_all_eight_orientations(sample):
    """The pin d is at (3.5, 1.5) from the lower left corner of a 20 x 12 outline."""
    netlist, places = sample.netlist, pin_places(sample.netlist)
    expected = {  # lower left corner of the turned outline in the file, and the pin from it
        "n": (0, 0, 3.5, 1.5), "fn": (30, 0, 16.5, 1.5), "s": (60, 0, 16.5, 10.5), "fs": (90, 0, 3.5, 10.5),
        "e": (0, 30, 1.5, 16.5), "fe": (20, 30, 10.5, 16.5), "w": (40, 30, 10.5, 3.5), "fw": (60, 30, 1.5, 3.5),
    }  # fmt: skip
    all_pins = netlist.net_pin[netlist.net_start[netlist.nets - 1] :]
    found = {netlist.object_names[netlist.pin_object[p]].split("/")[-1]: places[p] for p in all_pins}
    assert found.pop("t1") == pytest.approx((122 - DIE[0], 20 - DIE[1]))
    assert found.keys() == expected.keys()
    for name, (left, bottom, dx, dy) in expected.items():
        assert found[name] == pytest.approx((left + dx - DIE[0], bottom + dy - DIE[1])), name
        assert ORIENTATIONS[netlist.orientation[netlist.object_names.index(_full(netlist, name))]] == name.upper()


def _full(netlist: Netlist, last: str) -> str:
    return next(name for name in netlist.object_names if name.endswith(f"/{last}"))


def test_what_is_a_macro_a_soft_macro_and_nothing(sample):
    netlist = sample.netlist
    kinds = {kind: [netlist.object_names[i] for i in netlist.indices(kind)] for kind in ObjectKind}
    assert kinds[ObjectKind.PORT] == ["in[0]", "out", "clk"]  # no power pins, no copies
    assert len(kinds[ObjectKind.MACRO]) == 9 and "t1" in kinds[ObjectKind.MACRO]  # ten rows tall
    assert kinds[ObjectKind.SOFT_MACRO] == ["u1", "u2"]
    assert netlist.is_fixed[netlist.object_names.index("bank[0]/fn")]
    assert netlist.is_fixed.sum() == 4
    assert sample.notes == (
        "Left out: routing blockages (1).", "Left out: groups (1).", "Left out: fillers, taps, caps and covers (1).",
        "Left out: nets of clock and power (1).",
    )  # fmt: skip


def test_nets_have_their_driver_first_and_their_weight(sample):
    nets = nets_by_name(sample.netlist)
    drivers = {net[0][0]: ([end[0] for end in net[1]], net[2]) for net in nets}
    assert drivers["in[0]"] == (["bank[0]/n", "u1"], 1)
    assert drivers["u1"] == (["bank[2]/e", "u2"], 3)  # u2 twice in the file, one pin here
    assert drivers["u2"] == (["bank[0]/fn", "out"], 1)
    assert drivers["bank[3]/fw"] == (["out"], 1)  # the copy of the port is the port
    assert len(nets) == 5  # without the clock's and the one with a single pin


def test_the_canvas_is_the_die_with_its_grid_blockages_and_tracks(sample):
    canvas = sample.canvas
    assert (canvas.width_um, canvas.height_um, canvas.columns, canvas.rows) == (160, 100, 16, 10)
    assert canvas.horizontal_routes_per_um == pytest.approx(1 / 0.4)
    assert canvas.vertical_routes_per_um == pytest.approx(1 / 0.25 + 1 / 0.5)
    area, blocked = 8 * 240 + 80, 8 * 240  # the tower has no obstructions
    assert canvas.macro_horizontal_routes_per_um == pytest.approx(blocked / area / 0.4)
    assert canvas.macro_vertical_routes_per_um == pytest.approx(blocked / area / 0.25)
    boxes = [
        (110, 80, 120, 100, 1),
        (10, 90, 15, 100, 0.6),
        (15, 90, 20, 95, 0.6),
        (80, 80, 100, 85, 1),
        (90, 85, 100, 90, 1),
    ]
    assert canvas.blockages == pytest.approx(np.array(boxes))
    assert sample.floorplan is not None


def test_pins_stand_in_the_middle_of_their_turned_shape(sample):
    netlist = sample.netlist
    # shape (-0.1, 0) to (0.1, 0.4) turned E at (-10, 10): its middle is 0.2 to the right
    place = [(float(netlist.x_um[i]), float(netlist.y_um[i])) for i in range(2)]
    assert place[0] == pytest.approx((0.2, 30))
    assert place[1] == pytest.approx((60, 99.85))  # of two ports the first


def without_files(design):
    """The design as if it had not come from DEF, so that a new DEF is written."""
    return dataclasses.replace(design, origin=None)


@pytest.mark.parametrize(
    "name", ["systolic", "rvv_npu", "formats/sample_clustered", "formats/macro_tiles_10x10", "netlists/NanGate45_ariane133"]
)
def test_a_written_design_is_read_back_as_it_was(name, request, tmp_path):
    where = name if "/" not in name else request.getfixturevalue("reference") / "placement" / name
    design = load_design(where)
    write_def_design(tmp_path / "x.def", without_files(design))
    again = load_design(tmp_path / "x.def")
    old, new = design.netlist, again.netlist
    names = [name.replace("\\", "") for name in old.object_names]
    index = [new.object_names.index(name) for name in names]
    assert len(names) == new.objects
    for field in ("kind", "is_fixed"):
        assert np.array_equal(getattr(old, field), getattr(new, field)[index]), field
    for field in ("width_um", "height_um"):
        assert getattr(new, field)[index] == pytest.approx(getattr(old, field), abs=1e-8)
    plain = dataclasses.replace(old, object_names=tuple(names))
    assert nets_by_name(plain) == nets_by_name(new)
    canvas, read = design.canvas, again.canvas
    assert (canvas.columns, canvas.rows, canvas.smooth_range) == (read.columns, read.rows, read.smooth_range)
    assert (canvas.width_um, canvas.height_um) == pytest.approx((read.width_um, read.height_um), abs=5e-4)
    for field in ("horizontal", "vertical", "macro_horizontal", "macro_vertical"):
        field += "_routes_per_um"
        assert getattr(canvas, field) == pytest.approx(getattr(read, field), rel=1e-7), field
    if design.floorplan is None:
        assert again.floorplan is None
        return
    plan, back = design.floorplan, again.floorplan
    assert back.x_um[index] == pytest.approx(plan.x_um, abs=2.5e-4 + 1e-9)  # half a database unit
    assert back.y_um[index] == pytest.approx(plan.y_um, abs=2.5e-4 + 1e-9)
    assert np.array_equal(back.orientation[index], plan.orientation)
    assert evaluate(back).proxy == pytest.approx(evaluate(plan).proxy, abs=1e-5)


def test_the_sample_without_its_files_keeps_turns_blockages_and_places(sample, tmp_path):
    write_def_design(tmp_path / "x.def", without_files(sample))
    again = load_design(tmp_path / "x.def")
    assert np.array_equal(again.netlist.orientation, sample.netlist.orientation)
    assert again.netlist.x_um == pytest.approx(sample.netlist.x_um) and again.netlist.y_um == pytest.approx(
        sample.netlist.y_um
    )
    assert again.canvas.blockages == pytest.approx(sample.canvas.blockages)
    assert nets_by_name(again.netlist) == nets_by_name(sample.netlist)
    places = [{tuple(place) for place in pin_places(netlist).round(4) + 0.0} for netlist in (again.netlist, sample.netlist)]
    assert places[0] == places[1]


def test_a_design_from_def_keeps_its_file_but_for_the_places_of_its_components(sample, root, tmp_path):
    netlist, plan = sample.netlist, sample.floorplan
    x, y, turned = plan.x_um.copy(), plan.y_um.copy(), plan.orientation.copy()
    moved = [netlist.object_names.index(name) for name in ("bank[0]/n", "bank[0]/fn", "bank[2]/e", "u2")]
    x[moved] += 3.5
    turned[moved[3]] = ORIENTATIONS.index("S")
    design = dataclasses.replace(sample, floorplan=Floorplan(netlist, sample.canvas, x, y, turned))
    written = write_def_design(tmp_path / "out.def", design)
    assert [file.name for file in written.files] == ["out.def", "sample.lef"] and not written.notes
    old = (root / "tests" / "samples" / "def" / "sample.def").read_text().split("\n")
    new = (tmp_path / "out.def").read_text().split("\n")
    changed = {a: b for a, b in zip(old, new, strict=True) if a != b}
    assert changed == {  # bank[0]/fn is FIXED and stays
        "- bank\\[0\\]/n ram + PLACED ( 0 0 ) N ;": "- bank\\[0\\]/n ram + PLACED ( 3500 0 ) N ;",
        "- bank\\[2\\]/e ram + SOURCE NETLIST + PLACED ( 0 30000 ) E ;":
        "- bank\\[2\\]/e ram + SOURCE NETLIST + PLACED ( 3500 30000 ) E ;",
        "- u2 inv + PLACED ( 10000 60000 ) FS ;": "- u2 inv + PLACED ( 13500 60000 ) S ;",
    }  # fmt: skip
    assert load_design(tmp_path / "out.def").netlist.x_um[moved[0]] == pytest.approx(x[moved[0]])


def test_a_netlist_toml_names_the_files(root, tmp_path):
    for name in ("sample.def", "sample.lef"):
        shutil.copy(root / "tests" / "samples" / "def" / name, tmp_path / name)
    (tmp_path / "sample.lef").rename(tmp_path / "cells.txt")
    (tmp_path / "netlist.toml").write_text('def = "sample.def"\nlef = ["cells.txt"]\n')
    for where in (tmp_path, tmp_path / "netlist.toml", tmp_path / "sample.def"):
        assert load_design(where).netlist.objects == 14
    (tmp_path / "netlist.toml").write_text('def = "sample.def"\nlef = ["../cells.txt"]\n')
    with pytest.raises(InputError, match="a file in the design's folder"):
        load_design(tmp_path)


def test_components_without_a_place_and_pins_around(sample, root, tmp_path):
    text = (root / "tests" / "samples" / "def" / "sample.def").read_text()
    text = text.replace("+ PLACED ( 0 0 ) N", "+ UNPLACED").replace("+ PLACED ( 70000 -20000 ) N", "")
    (tmp_path / "sample.def").write_text(text)
    shutil.copy(root / "tests" / "samples" / "def" / "sample.lef", tmp_path)
    design = load_design(tmp_path)
    assert design.floorplan is None and np.isnan(design.netlist.x_um[design.netlist.object_names.index("bank[0]/n")])
    assert design.netlist.x_um[design.netlist.object_names.index("clk")] in (0, 160) or design.netlist.y_um[2] in (0, 100)
    assert "Left out: places of pins, which stand evenly around the canvas (1)." in design.notes


def test_a_die_before_floorplanning_is_guessed():
    empty = "DESIGN x ;\nUNITS DISTANCE MICRONS 1000 ;\nDIEAREA ( 0 0 ) ( 0 0 ) ;\nEND DESIGN\n"
    assert parse_def(empty, "x.def").die is None


def test_weights_that_are_no_whole_numbers_are_said(sample, tmp_path):
    weights = sample.netlist.net_weight.copy()
    weights[0] = 1.5
    netlist = dataclasses.replace(sample.netlist, net_weight=weights)
    written = write_def_design(tmp_path / "x.def", without_files(dataclasses.replace(sample, netlist=netlist)))
    assert written.notes == ("1 net weights are rounded to whole numbers.",)


def test_a_lef_file_of_that_name_is_not_overwritten(sample, tmp_path):
    (tmp_path / "sample.lef").write_text("mine\n")
    with pytest.raises(InputError, match="another LEF file of that name"):
        write_def_design(tmp_path / "x.def", sample)
    assert (tmp_path / "sample.lef").read_text() == "mine\n"
