import dataclasses
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from workbench.netlist.netlist import ObjectKind
from workbench.place.legality import check, overlap_um2, overlaps

sys.path.insert(0, str(Path(__file__).parent))

from random_designs import floorplan_of, random_plain  # noqa: E402


def two_macros(second_x, second_y=30.0, canvas_um=100.0, x=20.0):
    """Two macros of 10 x 20 µm at (x, 30) and (second_x, second_y) on a square canvas."""
    canvas = dict(width=canvas_um, height=canvas_um, columns=4, rows=4, h=1.0, v=1.0, mh=0.5, mv=0.5, smooth=0)
    objects = [dict(kind="macro", x=place[0], y=place[1], w=10.0, h=20.0, orientation="N")
               for place in ((x, 30.0), (second_x, second_y))]  # fmt: skip
    return floorplan_of(canvas, objects, [(1.0, [(0, 0.0, 0.0), (1, 0.0, 0.0)])])


def test_touching_macros_do_not_overlap():
    assert check(two_macros(30.0)) == [] and overlap_um2(two_macros(30.0)) == 0


def test_an_overlap_is_reported_with_its_area_and_both_macros():
    (violation,) = check(two_macros(29.0, 35.0))
    assert (violation.kind, violation.objects) == ("overlap", ("o0", "o1"))
    assert violation.amount == pytest.approx(1 * 15)


def test_the_smallest_overlap_of_single_precision_counts_and_less_does_not():
    ulp = float(np.spacing(np.float32(30.0)))
    assert overlap_um2(two_macros(30.0 - ulp)) > 0
    assert overlap_um2(two_macros(30.0 - ulp / 100)) == 0


@pytest.mark.parametrize("x, y", [(4.9, 30.0), (95.1, 30.0), (50.0, 9.9), (50.0, 90.1)])
def test_a_macro_beyond_each_edge_is_outside(x, y):
    (violation,) = check(two_macros(x, y, x=40.0 if y > 20 else 70.0))
    assert (violation.kind, violation.objects) == ("outside", ("o1",)) and violation.amount == pytest.approx(0.1, abs=1e-4)


def test_a_quarter_turn_changes_what_overlaps():
    floorplan = two_macros(34.0)
    assert check(floorplan) == []
    turned = dataclasses.replace(floorplan, orientation=np.array([4, 4], np.int8))  # E: 20 wide, 10 high
    assert overlap_um2(turned) == pytest.approx(6 * 10)


def test_blockages_keep_macros_out():
    floorplan = two_macros(60.0)
    canvas = dataclasses.replace(floorplan.canvas, blockages=np.array([[62.0, 0.0, 70.0, 100.0, 1.0]]))
    (violation,) = check(dataclasses.replace(floorplan, canvas=canvas))
    assert (violation.kind, violation.objects, violation.amount) == ("blockage", ("o1",), pytest.approx(3 * 20))


def test_an_object_without_a_place_is_nowhere():
    (violation,) = check(two_macros(float("nan")))
    assert (violation.kind, violation.objects) == ("nowhere", ("o1",))


@pytest.mark.parametrize("seed", range(10))
def test_overlaps_equal_those_of_every_pair(seed):
    _, objects, _ = plain = random_plain(seed, macros=9)
    expected = {}
    for i, j in combinations(range(9), 2):
        a, b = objects[i], objects[j]
        across = min(a["x"] + a["w"] / 2, b["x"] + b["w"] / 2) - max(a["x"] - a["w"] / 2, b["x"] - b["w"] / 2)
        up = min(a["y"] + a["h"] / 2, b["y"] + b["h"] / 2) - max(a["y"] - a["h"] / 2, b["y"] - b["h"] / 2)
        if across > 0 and up > 0:
            expected[i, j] = across * up
    found = {(i, j): area for i, j, area in overlaps(floorplan_of(*plain))}
    assert found == pytest.approx(expected, rel=1e-3)


def test_soft_macros_and_ports_may_overlap_anything():
    floorplan = floorplan_of(*random_plain(2, macros=0, soft=12))
    assert (floorplan.netlist.kind != ObjectKind.MACRO).all() and check(floorplan) == []
