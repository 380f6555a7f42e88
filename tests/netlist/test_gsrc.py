"""The GSRC/MCNC reader and writer: the public files' figures, offsets, shapes, the outline and its terminals."""

import numpy as np
import pytest

from workbench.netlist.design import Design
from workbench.netlist.load import load_design
from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.netlist.readers.gsrc import load_gsrc_design
from workbench.netlist.writers.gsrc import write_gsrc_design
from workbench.place.cost import evaluate

TINY = "tests/samples/gsrc/tiny.blocks"

PUBLIC = [  # circuit, blocks, terminals, nets, pins, area of the blocks (read off the files' heads; area: GSRC's own tables)
    ("n10", 10, 69, 118, 248, 221679),
    ("n30", 30, 212, 349, 723, 208591),
    ("n100", 100, 334, 885, 1873, 179501),
    ("ami33", 33, 42, 123, 520, 1156449),
    ("apte", 9, 73, 97, 287, 46561628),
]


@pytest.mark.parametrize("name, blocks, terminals, nets, pins, area", PUBLIC)
def test_public_circuits_have_their_known_sizes(reference, name, blocks, terminals, nets, pins, area):
    design = load_design(reference / "placement" / "gsrc" / f"{name}.blocks")
    netlist, canvas = design.netlist, design.canvas
    assert len(netlist.indices(ObjectKind.MACRO)) == blocks and len(netlist.indices(ObjectKind.PORT)) == terminals
    assert (netlist.nets, len(netlist.net_pin)) == (nets, pins)
    assert float(netlist.width_um @ netlist.height_um) == area
    assert canvas.width_um == canvas.height_um == pytest.approx((1.1 * area) ** 0.5)
    assert netlist.may_rotate and not canvas.has_routing


def test_terminals_are_stretched_to_the_outline_or_kept(root):
    path = root / TINY
    stretched, kept = load_gsrc_design(path, {}), load_gsrc_design(path, {"TERMINALS_STRETCHED": 0})
    ports, side = stretched.netlist.indices(ObjectKind.PORT), stretched.canvas.width_um
    assert side == pytest.approx((1.1 * (800 + 1000 + 900 + 800)) ** 0.5)
    assert stretched.netlist.x_um[ports] == pytest.approx([0, side / 2, side])
    assert stretched.netlist.y_um[ports] == pytest.approx([0, side, 0.3 * side])
    assert kept.netlist.x_um[ports].tolist() == [0, 50, 100] and kept.netlist.y_um[ports].tolist() == [0, 100, 30]


def test_white_space_sets_the_outline(root):
    assert load_gsrc_design(root / TINY, {"WHITE_SPACE": 44}).canvas.width_um == pytest.approx((1.44 * 3500) ** 0.5)


def test_offsets_are_per_cent_of_the_whole_block_from_its_centre(root):
    netlist = load_gsrc_design(root / TINY, {}).netlist
    assert (netlist.pin_x_um[0], netlist.pin_y_um[0]) == (-10.0, 10.0)  # a is 20 x 40: its left edge
    assert (netlist.pin_x_um[3], netlist.pin_y_um[3]) == (0.0, -15.0)  # c is 30 x 30: its bottom edge


def test_a_soft_block_gets_the_shape_nearest_to_a_square(root, tmp_path):
    netlist = load_gsrc_design(root / TINY, {}).netlist
    assert netlist.width_um[3] == netlist.height_um[3] == pytest.approx(800**0.5)
    for ending in ("nets", "pl"):
        (tmp_path / f"t.{ending}").write_text((root / TINY).with_suffix(f".{ending}").read_text())
    (tmp_path / "t.blocks").write_text((root / TINY).read_text().replace("800 0.5 2.0", "800 2.0 3.0"))
    netlist = load_gsrc_design(tmp_path / "t.blocks", {}).netlist
    assert (netlist.width_um[3], netlist.height_um[3]) == pytest.approx((40.0, 20.0))


def test_wirelength_alone_is_the_cost_and_is_that_of_the_pins(root):
    """The nets of the sample by hand, its blocks where its .pl has them and its terminals kept."""
    design = load_gsrc_design(root / TINY, {"TERMINALS_STRETCHED": 0})
    netlist = design.netlist
    costs = evaluate(Floorplan(netlist, design.canvas, netlist.x_um, netlist.y_um, netlist.orientation))
    side = 800**0.5 / 2
    by_hand = (45 + 30) + (15 + 80) + (max(35, side) - min(10, side) + 20 + side) + (100 - side + 40 + side - 30)
    assert costs.wirelength_um == pytest.approx(by_hand)
    assert costs.proxy == costs.wirelength and set(costs.report()) == {
        "wirelength_um", "wirelength_cost", "proxy_cost", "overlap_um2",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["n10", "ami33"])
def test_what_is_written_is_read_again(reference, tmp_path, name):
    kept = {"TERMINALS_STRETCHED": 0}
    design = load_gsrc_design(reference / "placement" / "gsrc" / f"{name}.blocks", kept)
    _assert_round_trip(design, tmp_path / f"{name}.blocks", kept)


def test_offsets_survive_writing(root, tmp_path):
    kept = {"TERMINALS_STRETCHED": 0}
    _assert_round_trip(load_gsrc_design(root / TINY, kept), tmp_path / "tiny.blocks", kept)


def _assert_round_trip(design: Design, path, params) -> None:
    assert write_gsrc_design(path, design).notes == ()
    again = load_gsrc_design(path, params)
    for column in vars(design.netlist):
        before, after = getattr(design.netlist, column), getattr(again.netlist, column)
        assert np.allclose(before, after, atol=1e-8) if isinstance(before, np.ndarray) else before == after, column
    assert again.canvas.width_um == pytest.approx(design.canvas.width_um)


def test_the_writer_says_what_the_format_cannot_hold(root, tmp_path):
    written = write_gsrc_design(tmp_path / "p.blocks", load_design(root / "tests" / "samples" / "protobuf"))
    assert any("soft macros are written as hard blocks." in note for note in written.notes)
