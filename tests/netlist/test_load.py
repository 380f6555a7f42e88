import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.netlist.grid import choose_grid
from workbench.netlist.load import load_design, netlist_names


@pytest.fixture
def designs(reference, tmp_path, monkeypatch):
    """A folder of netlists that names are looked up in."""
    shutil.copytree(reference / "placement" / "formats" / "sample_clustered", tmp_path / "sample")
    monkeypatch.setenv("WORKBENCH_NETLISTS", str(tmp_path))
    return tmp_path


def error_of(*arguments):
    with pytest.raises(InputError) as caught:
        load_design(*arguments)
    return str(caught.value)


def test_a_design_is_found_by_name_folder_and_file(designs):
    found = [load_design(where) for where in ("sample", designs / "sample", designs / "sample" / "netlist.pb.txt")]
    assert {design.name for design in found} == {"sample"} and "sample" in netlist_names()
    assert all(design.floorplan is not None and design.canvas.columns == 2 for design in found)


def test_a_gzip_netlist_is_the_same_design(designs):
    plain = load_design("sample").netlist
    folder = designs / "packed"
    folder.mkdir()
    (folder / "netlist.pb.txt.gz").write_bytes(gzip.compress((designs / "sample" / "netlist.pb.txt").read_bytes()))
    packed = load_design("packed").netlist
    assert packed.object_names == plain.object_names and np.array_equal(packed.net_pin, plain.net_pin)


def test_an_unknown_name_says_which_are_near(designs):
    assert error_of("sampel") == "netlist: found 'sampel', expected one of sample; see `workbench list netlists`."


def test_a_folder_without_a_netlist_is_refused(designs):
    (designs / "empty").mkdir()
    assert error_of("empty") == (
        f"{designs / 'empty'}: found a folder without a netlist, expected netlist.toml or netlist.pb.txt in it; name a "
        "design's folder."
    )


def test_a_missing_file_is_refused(tmp_path):
    path = tmp_path / "x.pb.txt"
    assert error_of(path) == f"{path}: found no such file, expected an existing file; check the path."


@pytest.mark.parametrize(
    "data, found",
    [
        (b"", "an empty file, expected a file with content; check how it was written."),
        (b"\x1f\x8b\x08\x00half", "a damaged gzip file, expected a complete gzip file; fetch or write it again."),
        (b"\xff\xfe\x00node", "byte 0xff at offset 0, expected UTF-8 text; check the file's kind."),
    ],
)
def test_unreadable_netlists_are_refused(tmp_path, data, found):
    path = tmp_path / "n.pb.txt"
    path.write_bytes(data)
    assert error_of(path) == f"{path}: found {found}"


def test_parameters_are_for_rtl_only(designs):
    assert error_of("sample", None, {"LANES": 4}).endswith(
        "netlist.pb.txt: found parameter LANES, expected no parameters; give them to RTL designs only."
    )


def test_without_a_placement_the_canvas_comes_from_the_bounding_box_comment(reference, tmp_path):
    source = reference / "placement" / "formats" / "simple_with_coords" / "netlist.pb.txt"
    shutil.copy(source, tmp_path / "netlist.pb.txt")
    canvas = load_design(tmp_path).canvas
    assert (canvas.width_um, canvas.height_um) == (500, 500) and 500 <= canvas.columns * canvas.rows <= 4096


@pytest.mark.parametrize(
    "name, side_um, grid", [("NanGate45_ariane133", 1433.406, (24, 21)), ("ASAP7_nvdla", 399.789, (23, 23))]
)
def test_the_chosen_grid_is_that_of_the_published_placements(published, name, side_um, grid):
    netlist = published(name, "legalized.plc").netlist
    assert choose_grid(side_um, side_um, netlist) == grid


def test_a_very_long_canvas_still_gets_a_grid(reference):
    netlist = load_design(reference / "placement" / "formats" / "toy_macro_stdcell").netlist
    columns, rows = choose_grid(10_000.0, 10.0, netlist)
    assert 1 <= columns <= 128 and 1 <= rows <= 128


def test_a_design_of_an_uneven_size_costs_the_same_when_its_placement_is_read_again(tmp_path):
    from workbench.base.rng import make_rng
    from workbench.netlist.plc import write_plc
    from workbench.place.agents.base import as_written
    from workbench.place.cost import evaluate
    from workbench.place.start import starting_floorplan

    design = load_design(Path(__file__).parents[1] / "samples" / "rtl")
    placed = as_written(starting_floorplan(design.netlist, design.canvas, make_rng(0), None, False))
    path = write_plc(tmp_path / "placed.plc", placed, {})
    again = load_design(Path(__file__).parents[1] / "samples" / "rtl", path)
    assert again.canvas.width_um == design.canvas.width_um and again.floorplan is not None
    np.testing.assert_array_equal(again.floorplan.x_um, placed.x_um)
    assert evaluate(again.floorplan) == evaluate(placed)
