"""The Bookshelf reader and writer: what each line means, and that nothing is lost on the way out and back."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from workbench.netlist.load import load_design
from workbench.netlist.netlist import ORIENTATIONS, ObjectKind
from workbench.netlist.writers.bookshelf import write_bookshelf_design, write_pl_design

SAMPLE = Path(__file__).resolve().parents[1] / "samples" / "bookshelf"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A copy of the sample design that a test may change."""
    return Path(shutil.copytree(SAMPLE, tmp_path / "sample"))


def edit(folder: Path, suffix: str, old: str, new: str) -> None:
    file = folder / f"sample{suffix}"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def kinds(design) -> dict[str, ObjectKind]:
    return {name: ObjectKind(kind) for name, kind in zip(design.netlist.object_names, design.netlist.kind, strict=True)}


def test_height_place_and_terminal_tell_macros_cells_and_ports_apart() -> None:
    design = load_design(SAMPLE)
    hard, soft, port = ObjectKind.MACRO, ObjectKind.SOFT_MACRO, ObjectKind.PORT
    assert kinds(design) == {
        "ram": hard, "rom": hard, "pll": hard, "a": soft, "b": soft, "c": soft, "tap": soft, "pad": port, "bump": port,
    }  # fmt: skip
    assert design.netlist.is_fixed.tolist() == [False, False, True, False, False, False, True, True, True]


def test_the_canvas_is_the_box_of_the_rows_and_its_corner_is_the_origin() -> None:
    design = load_design(SAMPLE)
    canvas = design.canvas
    assert (canvas.width_um, canvas.height_um, canvas.left_um, canvas.bottom_um) == (110, 96, 10, 20)
    assert design.floorplan is not None
    centres = dict(
        zip(design.netlist.object_names, zip(design.floorplan.x_um, design.floorplan.y_um, strict=True), strict=True)
    )
    assert centres["ram"] == (20 + 15 - 10, 32 + 12 - 20)  # its lower left corner is in the file
    assert centres["pll"] == (90 + 12 - 10, 20 + 8 - 20)  # lies on its side: 16 x 24 takes 24 x 16
    assert centres["a"] == (60.25 + 2 - 10, 20 + 6 - 20)
    assert centres["pad"] == (4 - 10, 50 - 20)  # a port is a point, beside the canvas too
    assert [ORIENTATIONS[turn] for turn in design.floorplan.orientation[:6]] == ["N", "FS", "E", "N", "FN", "N"]


def test_the_first_output_drives_a_net_and_weights_come_from_wts() -> None:
    netlist = load_design(SAMPLE).netlist
    nets = [
        [netlist.object_names[netlist.pin_object[pin]] for pin in netlist.net_pin[first:last]]
        for first, last in zip(netlist.net_start[:-1], netlist.net_start[1:], strict=True)
    ]
    assert nets == [["pll", "ram", "rom"], ["ram", "a", "b", "c"], ["pad", "a"], ["bump", "c", "tap"], ["b", "rom"]]
    assert netlist.net_weight.tolist() == [1, 8, 1, 1, 1]
    pin = int(netlist.net_pin[1])  # the clock of the ram
    assert (netlist.pin_x_um[pin], netlist.pin_y_um[pin]) == (-15, 6.5)


def test_wirelength_is_that_of_the_file_computed_by_hand() -> None:
    from workbench.place.cost import evaluate

    floorplan = load_design(SAMPLE).floorplan
    assert floorplan is not None
    # centres: ram (25, 24), rom (70, 42), pll (92, 8), a (52.25, 6), b (60, 6), c (43.25, 18), tap (1, 90)
    # pll's pin, E: (x, y) -> (y, -x), (92, 0); rom's pins, FS: (x, -y), (70, 60) and (60, 38); b's, FN: (-x, y)
    clock = (92 - 10) + (60 - 0)
    bus = 8 * ((62.5 - 40) + (24 - 6))
    into = (51.25 + 5) + (32 - 7)  # the pad's pin at (-5, 32)
    out = (91.5 - 1) + (90 - 20)  # the bump's pin at its centre (91.5, 81.5)
    loop = (60 - 57.5) + (38 - 6)
    assert evaluate(floorplan).wirelength_um == pytest.approx(clock + bus + into + out + loop, rel=1e-12)


def test_cells_that_all_lie_on_one_point_are_not_placed_yet(sample: Path) -> None:
    for line in ("ram\t20\t32", "rom\t70\t44", "a\t60.25\t20", "b\t66\t20", "c\t50\t32"):
        edit(sample, ".pl", line, f"{line.split()[0]}\t0\t0")
    design = load_design(sample)
    assert design.floorplan is None
    assert np.isfinite(design.netlist.x_um).tolist() == [False, False, True, False, False, False, True, True, True]


def test_a_comment_says_what_a_node_is(sample: Path) -> None:
    edit(sample, ".nodes", "\tram", "# kind ram soft_macro\n# kind c macro\n\tram")
    assert kinds(load_design(sample))["ram"] == ObjectKind.SOFT_MACRO and kinds(load_design(sample))["c"] == ObjectKind.MACRO


def test_nets_of_one_pin_are_left_out(sample: Path) -> None:
    edit(sample, ".nets", "NetDegree : 2   loop\n\tb", "NetDegree : 1 stub\n\tb I\nNetDegree : 2   loop\n\tb")
    edit(sample, ".nets", "NumNets : 5\nNumPins : 14", "NumNets : 6\nNumPins : 15")
    assert load_design(sample).netlist.nets == 5


def test_nodes_alone_make_a_design_without_rows_and_places(sample: Path) -> None:
    (sample / "sample.aux").write_text("RowBasedPlacement : sample.nodes sample.nets\n")
    edit(sample, ".nodes", "\tpll\t16\t24\tterminal\n", "\tpll\t0\t0\tterminal\n")
    edit(sample, ".nodes", "\ttap\t2\t12\tterminal\n", "\ttap\t0\t0\tterminal\n")
    design = load_design(sample)
    assert (
        design.floorplan is None and kinds(design)["ram"] == ObjectKind.MACRO and kinds(design)["a"] == ObjectKind.SOFT_MACRO
    )


def test_a_written_design_is_read_back_the_same(tmp_path: Path) -> None:
    design = load_design(SAMPLE)
    written = write_bookshelf_design(tmp_path / "sample.aux", design)
    assert written.notes == () and [file.suffix for file in written.files] == [
        ".aux", ".nodes", ".nets", ".wts", ".pl", ".scl",
    ]  # fmt: skip
    again = load_design(tmp_path)
    assert again.floorplan is not None and design.floorplan is not None
    order = np.argsort(design.netlist.net_pin)  # pins are numbered net by net, the driver first, in a written file
    for name in ("object_names", "kind", "width_um", "height_um", "orientation", "is_fixed", "net_start", "net_weight"):
        assert np.array_equal(getattr(again.netlist, name), getattr(design.netlist, name)), name
    for name in ("pin_object", "pin_x_um", "pin_y_um"):
        assert np.array_equal(getattr(again.netlist, name)[order], getattr(design.netlist, name)), name
    assert np.allclose(again.floorplan.x_um, design.floorplan.x_um, rtol=0, atol=1e-12)
    for name in ("width_um", "height_um", "columns", "rows", "left_um", "bottom_um", "smooth_range"):
        assert getattr(again.canvas, name) == getattr(design.canvas, name)


def test_a_written_pl_places_the_files_that_the_design_came_from(sample: Path, tmp_path: Path) -> None:
    import dataclasses

    design = load_design(sample)
    assert design.floorplan is not None
    x = design.floorplan.x_um.copy()
    x[:2] += (3.25, -1 / 3)
    moved = dataclasses.replace(design, floorplan=dataclasses.replace(design.floorplan, x_um=x))
    path = write_pl_design(tmp_path / "moved.pl", moved).files[0]
    again = load_design(sample, path).floorplan
    assert again is not None and np.allclose(again.x_um, x, rtol=0, atol=1e-12)
    assert "ram 23.25 32 : N" in path.read_text().splitlines()  # the corner in the file's own coordinates
    shutil.copy(path, sample / "sample.pl")
    named = load_design(sample).floorplan
    assert named is not None and np.allclose(named.x_um, x, rtol=0, atol=1e-9)


def test_the_public_example_has_the_counts_of_its_headers(reference: Path) -> None:
    design = load_design(reference / "placement" / "formats" / "bookshelf")
    assert design.netlist.objects == 10 and design.netlist.nets == 8 and len(design.netlist.net_pin) == 26
    assert (design.canvas.width_um, design.canvas.height_um, design.canvas.left_um, design.canvas.bottom_um) == (
        96,
        96,
        459,
        459,
    )
    assert design.floorplan is None  # all movable nodes at (0, 0)
