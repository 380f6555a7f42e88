import sys
from pathlib import Path

import pytest

from workbench.place.cost import evaluate
from workbench.place.picture import draw_convergence, draw_floorplan, macro_families

sys.path.insert(0, str(Path(__file__).parent))

from random_designs import floorplan_of, random_plain  # noqa: E402


def pixels(path):
    from matplotlib.image import imread

    return imread(path)


@pytest.mark.parametrize("macros, soft, ports", [(30, 5, 6), (0, 3, 0), (100, 900, 100)])
def test_a_floorplan_of_any_size_is_drawn(tmp_path, macros, soft, ports):
    floorplan = floorplan_of(*random_plain(1, macros=macros, soft=soft, ports=ports, nets=50))
    image = pixels(draw_floorplan(floorplan, evaluate(floorplan), tmp_path / "f.png"))
    assert image.shape[0] > 800 and image.shape[1] > 1000
    assert len({tuple(pixel) for pixel in image[::7, ::7, :3].reshape(-1, 3).tolist()}) > 20  # not a blank sheet


def test_a_macro_is_drawn_where_it_is(tmp_path):
    canvas = dict(width=100.0, height=100.0, columns=4, rows=4, h=1.0, v=1.0, mh=0.5, mv=0.5, smooth=0)
    macro = dict(kind="macro", x=20.0, y=80.0, w=30.0, h=30.0, orientation="N")
    floorplan = floorplan_of(canvas, [macro], [(1.0, [(0, 0.0, 0.0)])])
    image = pixels(draw_floorplan(floorplan, evaluate(floorplan), tmp_path / "f.png"))[:, :, :3]
    blue = (image[:, :, 2] - image[:, :, 0] > 0.2)[:, : image.shape[1] * 2 // 3]
    blue[image.shape[0] * 17 // 20 :] = False  # the legend
    rows, columns = blue.nonzero()
    assert rows.mean() < 0.4 * image.shape[0] and columns.mean() < 0.25 * image.shape[1]


def test_an_svg_has_the_figures_in_its_title(tmp_path):
    floorplan = floorplan_of(*random_plain(2))
    costs = evaluate(floorplan)
    assert b"<svg" in draw_floorplan(floorplan, costs, tmp_path / "f.svg").read_bytes()


def test_convergence_curves_are_drawn_for_several_runs_and_for_none(tmp_path):
    histories = {"a": [(0.0, 0, 1.0), (1.0, 10, 0.5)], "b": [(0.0, 0, 0.9), (2.0, 5, 0.7)]}
    full = draw_convergence(histories, tmp_path / "c.png", "two runs").read_bytes()
    empty = draw_convergence({"a": []}, tmp_path / "d.png").read_bytes()
    assert full[:4] == empty[:4] == b"\x89PNG" and full != empty


def test_banks_of_a_memory_are_one_family_and_what_all_share_is_left_out():
    names = ["core/cache/bank[0]/ram", "core/cache/bank[11]/ram", "core/tags/ram_1/ram"]
    assert macro_families(names) == ["cache.bank", "cache.bank", "tags.ram"]
    assert macro_families(["M3", "M4"]) == ["M", "M"] and macro_families(["a.b"]) == ["a.b"] and macro_families([]) == []
