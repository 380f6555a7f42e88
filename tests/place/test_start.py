import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.base.rng import make_rng
from workbench.netlist.netlist import Canvas, Netlist, ObjectKind
from workbench.place.legality import check
from workbench.place.obstacles import legal_cells, make_obstacles
from workbench.place.start import legalize, starting_floorplan

sys.path.insert(0, str(Path(__file__).parent))

from random_designs import floorplan_of, random_plain  # noqa: E402


def packed(count, side_um=10.0, canvas_um=100.0, cells=10):
    """A netlist of equal square macros and its canvas; they fill count·side²/canvas² of it."""
    zeros = np.zeros(count)
    netlist = Netlist(
        "packed", tuple(f"m{i}" for i in range(count)), np.zeros(count, np.int8), zeros + side_um, zeros + side_um,
        zeros + canvas_um / 2, zeros + canvas_um / 2, np.zeros(count, np.int8), np.zeros(count, bool),
        np.arange(count, dtype=np.int32), np.arange(count, dtype=np.int32), zeros, zeros,
        np.array([0, count], np.int32), np.arange(count, dtype=np.int32), np.ones(1),
    )  # fmt: skip
    return netlist, Canvas(canvas_um, canvas_um, cells, cells, 10.0, 10.0, 5.0, 5.0)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("on_grid", [False, True])
def test_a_start_from_nothing_is_legal(seed, on_grid):
    canvas, objects, nets = random_plain(seed, macros=5)
    canvas.update(columns=20, rows=20)
    for item in objects[:5]:
        item.update(w=item["w"] / 2, h=item["h"] / 2)
    floorplan = floorplan_of(canvas, objects, nets)
    start = starting_floorplan(floorplan.netlist, floorplan.canvas, make_rng(seed), None, on_grid)
    assert check(start) == []
    hard = start.netlist.indices(ObjectKind.MACRO)
    if on_grid:
        cells = start.x_um[hard] / start.canvas.cell_width_um - 0.5
        assert np.allclose(cells, np.round(cells))
    ports = start.netlist.indices(ObjectKind.PORT)
    assert np.array_equal(start.x_um[ports], floorplan.x_um[ports])


def test_a_legal_placement_is_left_as_it_is():
    netlist, canvas = packed(40)
    start = starting_floorplan(netlist, canvas, make_rng(0), None, False)
    again = starting_floorplan(netlist, canvas, make_rng(1), start, False)
    assert np.array_equal(again.x_um, start.x_um) and np.array_equal(again.y_um, start.y_um)


def test_only_macros_in_the_way_move():
    netlist, canvas = packed(9)
    start = starting_floorplan(netlist, canvas, make_rng(0), None, False)
    x, y = start.x_um.copy(), start.y_um.copy()
    x[3], y[3] = x[4], y[4] + 1.0
    fixed = legalize(dataclasses.replace(start, x_um=x, y_um=y), False)
    assert check(fixed) == []
    assert (np.abs(fixed.x_um - x) + np.abs(fixed.y_um - y) > 0).sum() == 1


@pytest.mark.parametrize("count", [60, 80, 90])
def test_tight_canvases_are_packed_in_rows(count):
    """From 60 to 90 % of the canvas; a hundred would leave no gap at all."""
    netlist, canvas = packed(count, side_um=9.99)
    assert check(starting_floorplan(netlist, canvas, make_rng(0), None, False)) == []


@pytest.mark.parametrize("on_grid, advice", [(False, "use a larger canvas"), (True, "use --no-grid or a larger canvas")])
def test_macros_that_do_not_fit_are_named(on_grid, advice):
    netlist, canvas = packed(101)
    with pytest.raises(InputError) as caught:
        starting_floorplan(netlist, canvas, make_rng(0), None, on_grid)
    assert str(caught.value).startswith("packed: found no room left for macro 'm")
    assert str(caught.value).endswith(f", expected hard macros that fit on 100 x 100 µm; {advice}.")


def test_a_macro_larger_than_the_canvas_is_refused():
    netlist, canvas = packed(1, side_um=101.0)
    with pytest.raises(InputError, match="no room left for macro 'm0'"):
        starting_floorplan(netlist, canvas, make_rng(0), None, False)


def test_ports_without_coordinates_are_named():
    netlist, canvas = packed(3)
    lost = dataclasses.replace(netlist, is_fixed=np.array([True, False, False]), x_um=np.array([np.nan, 1, 1]))
    with pytest.raises(InputError) as caught:
        starting_floorplan(lost, canvas, make_rng(0), None, False)
    assert str(caught.value) == (
        "packed: found no coordinates for 'm0', expected a place for every port; give a .plc file with it."
    )


@pytest.mark.parametrize("seed", range(15))
def test_the_mask_of_legal_cells_is_what_the_checker_says(seed):
    canvas, objects, nets = random_plain(seed, macros=4, soft=0)
    floorplan = floorplan_of(canvas, objects, nets)
    others = [violation for violation in check(floorplan) if "o0" not in violation.objects]
    obstacles = make_obstacles(floorplan)
    columns, rows = canvas["columns"], canvas["rows"]
    mask = np.zeros(columns * rows, bool)
    count = legal_cells(obstacles, obstacles.half_width[0], obstacles.half_height[0], 0, columns, rows, mask)
    assert count == mask.sum()
    for cell in range(columns * rows):
        x, y = floorplan.x_um.copy(), floorplan.y_um.copy()
        x[0] = (cell % columns + 0.5) * floorplan.canvas.cell_width_um
        y[0] = (cell // columns + 0.5) * floorplan.canvas.cell_height_um
        assert mask[cell] == (check(dataclasses.replace(floorplan, x_um=x, y_um=y)) == others)
