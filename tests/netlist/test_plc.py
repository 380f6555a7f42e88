import dataclasses

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.netlist.netlist import ORIENTATIONS
from workbench.netlist.plc import format_plc, parse_plc, place_as_listed, read_plc, write_plc
from workbench.netlist.readers.protobuf import parse_protobuf


def attributes(**values):
    texts = {key: f'placeholder: "{v}"' if isinstance(v, str) else f"f: {v}" for key, v in values.items()}
    return " ".join(f'attr {{ key: "{key}" value {{ {text} }} }}' for key, text in texts.items())


PORT = f'node {{ name: "P" input: "M/a" {attributes(type="PORT", x=0, y=5)} }}'
MACRO = f'node {{ name: "M" {attributes(type="MACRO", width=4, height=6, x=10, y=20, orientation="FS")} }}'
UNPLACED = f'node {{ name: "M" {attributes(type="MACRO", width=4, height=6)} }}'
PIN = f'node {{ name: "M/a" {attributes(type="MACRO_PIN", macro_name="M", x_offset=-2, y_offset=1)} }}'
GROUP = f'node {{ name: "Grp_1" {attributes(type="macro", width=3, height=0.5)} }}'
SMALL = PORT + MACRO + PIN + GROUP


def parse(text):
    return parse_protobuf(text, "n.pb.txt")


HEADER = """# Placement file for Circuit Training
# Columns : 24  Rows : 21
# Width : 1433.406  Height : 1400.5
# Wirelength : 4763106.815
# Wirelength cost : 0.0736
# Congestion cost : 0.7259
# Density cost : 0.4988
# Routes per micron, hor : 57.031 ver : 56.818
# Routes used by macros, hor : 39.583  ver : 30.303
# Smoothing factor : 3
# Overlap threshold : 0.004
# Blockage : 0 0 10 20.5 0.1
# node_index x y orientation fixed
"""
ROWS = "0 0 5 - 1\n1 100 200 S 1\n3 7 8 N 0\n"


def error_of(text, netlist_text=SMALL):
    with pytest.raises(InputError) as caught:
        file = parse_plc(text, "a.plc")
        place_as_listed(parse(netlist_text), file, file.canvas())
    return str(caught.value)


def test_header_and_rows_are_read():
    file = parse_plc(HEADER + ROWS, "a.plc")
    canvas = file.canvas()
    assert (canvas.columns, canvas.rows, canvas.width_um, canvas.height_um) == (24, 21, 1433.406, 1400.5)
    assert (canvas.horizontal_routes_per_um, canvas.vertical_routes_per_um) == (57.031, 56.818)
    assert (canvas.macro_horizontal_routes_per_um, canvas.macro_vertical_routes_per_um) == (39.583, 30.303)
    assert (canvas.smooth_range, canvas.overlap_threshold) == (3, 0.004)
    assert canvas.blockages.tolist() == [[0, 0, 10, 20.5, 0.1]]
    assert file.costs == {"wirelength_um": 4763106.815, "wirelength": 0.0736, "density": 0.4988, "congestion": 0.7259}
    floorplan = place_as_listed(parse(SMALL), file, canvas)
    assert floorplan.x_um.tolist() == [0, 100, 7] and floorplan.y_um.tolist() == [5, 200, 8]
    assert floorplan.orientation.tolist() == [0, 2, 0]
    assert floorplan.netlist.is_fixed.tolist() == [True, True, False]


def test_objects_that_the_file_leaves_out_stay_where_the_netlist_has_them():
    file = parse_plc(HEADER + "3 7 8 N 0\n", "a.plc")
    floorplan = place_as_listed(parse(SMALL), file, file.canvas())
    assert floorplan.x_um.tolist() == [0, 10, 7] and floorplan.orientation.tolist() == [0, 3, 0]


def test_a_written_placement_is_read_back_to_the_nanometre_of_a_nanometre(tmp_path):
    file = parse_plc(HEADER + ROWS, "a.plc")
    floorplan = place_as_listed(parse(SMALL), file, file.canvas())
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 1400, 3), rng.uniform(0, 1400, 3)
    turns = np.array([0, ORIENTATIONS.index("FS"), 0], np.int8)
    moved = dataclasses.replace(floorplan, x_um=x, y_um=y, orientation=turns)
    path = write_plc(tmp_path / "b.plc", moved, {"wirelength_um": 1.5, "density": 0.25})
    again, costs = read_plc(path, parse(SMALL))
    assert np.abs(again.x_um - x).max() < 1e-9 and np.abs(again.y_um - y).max() < 1e-9
    assert again.orientation.tolist() == turns.tolist() and costs == {"wirelength_um": 1.5, "density": 0.25}
    for name in ("columns", "rows", "width_um", "height_um", "smooth_range", "horizontal_routes_per_um"):
        assert getattr(again.canvas, name) == getattr(moved.canvas, name)
    assert again.canvas.blockages.tolist() == moved.canvas.blockages.tolist()
    assert again.netlist.is_fixed.tolist() == moved.netlist.is_fixed.tolist()


def test_coordinates_are_written_with_nine_decimals_and_ports_without_orientation():
    file = parse_plc(HEADER + "0 0.123456789 5 - 1\n1 1433.40597851 200 S 0\n3 7 8 N 0\n", "a.plc")
    rows = format_plc(place_as_listed(parse(SMALL), file, file.canvas()), {}).splitlines()[-3:]
    assert rows == ["0 0.123456789 5 - 1", "1 1433.40597851 200 S 0", "3 7 8 N 0"]


@pytest.mark.parametrize("placement", ["initial.plc", "legalized.plc"])
def test_a_reference_placement_survives_writing_and_reading(published, tmp_path, placement):
    design = published("NanGate45_nvdla", placement)
    again, _ = read_plc(write_plc(tmp_path / "again.plc", design.floorplan), design.netlist)
    assert np.array_equal(again.x_um, design.floorplan.x_um) and np.array_equal(again.y_um, design.floorplan.y_um)
    assert again.canvas.width_um == design.canvas.width_um and again.canvas.columns == design.canvas.columns


BROKEN = {
    "wrong kind": ("node { }", "a.plc, line 1: found 'node { }', expected `node_index x y orientation fixed`; give a "
                   "complete .plc file."),
    "cut row": (HEADER + "0 0 5 - 1\n1 100 2", "a.plc, line 15: found '1 100 2', expected `node_index x y orientation "
                "fixed`; give a complete .plc file."),
    "not a number": (HEADER + "0 nan 5 - 1\n", "a.plc, line 14: found 'nan', expected a finite number; correct it."),
    "orientation": (HEADER + "1 1 5 NN 0\n", "a.plc, line 14: found orientation 'NN', expected - or one of N FN S FS E FE "
                    "W FW; correct it."),
    "twice": (HEADER + ROWS + "1 1 1 N 0\n", "a.plc, line 17: found node 1 a second time, expected one line per object; "
              "remove one of them."),
    "another netlist's": (HEADER + ROWS + "77 1 1 N 0\n", "a.plc, line 17: found node 77, expected the index of a port or "
                          "macro of n; use the placement file of this netlist."),
    "a pin's index": (HEADER + "2 1 1 N 0\n", "a.plc, line 14: found node 2, expected the index of a port or macro of n; "
                      "use the placement file of this netlist."),
    "too few": (HEADER + "0 0 5 - 1\n", "a.plc: found no place for 'Grp_1' and 0 others, expected one line for every port "
                "and macro of n; use the placement file of this netlist."),
    "no size": (ROWS, "a.plc: found no `# Width` in its header, expected `# Width : W  Height : H`; give a complete .plc "
                "file."),
    "no grid": ("# Width : 5  Height : 5\n" + ROWS, "a.plc: found no grid in its header, expected `# Columns : C  Rows : "
                "R`; give a complete .plc file."),
    "no column": ("# Columns : 0  Rows : 5\n", "a.plc, line 1: found Columns 0, expected a value from 1 to 4096; correct "
                  "the header."),
    "huge grid": ("# Columns : 5  Rows : 1000000\n", "a.plc, line 1: found Rows 1e+06, expected a value from 1 to 4096; "
                  "correct the header."),
    "no routes": ("# Routes per micron, hor : 0  ver : 1\n", "a.plc, line 1: found Routes per micron, hor 0, expected a "
                  "value from 1e-09 to 1e+09; correct the header."),
    "blockage": ("# Blockage : 1 2 3\n", "a.plc, line 1: found a blockage of 3 numbers, expected minx miny maxx maxy rate; "
                 "correct it."),
    "nothing": ("\n\n", "a.plc: found neither a header nor a placed object, expected a .plc placement file; check the "
                "file's kind."),
}  # fmt: skip


@pytest.mark.parametrize("text, message", BROKEN.values(), ids=BROKEN)
def test_a_broken_placement_is_refused_in_one_sentence(text, message):
    assert error_of(text) == message


def test_an_unplaced_macro_is_named():
    message = error_of(HEADER + "0 0 5 - 1\n", PORT + UNPLACED + PIN + GROUP)
    assert message.startswith("a.plc: found no place for 'M' and 1 others, expected one line for every port")
