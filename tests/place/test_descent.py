import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import ObjectKind
from workbench.place.agents.base import PlacementOptions
from workbench.place.agents.coordinate_descent import CoordinateDescentAgent
from workbench.place.agents.greedy import greedy_floorplan
from workbench.place.cost import evaluate
from workbench.place.cost_kernels import rebuild
from workbench.place.cost_model import make_model, make_state
from workbench.place.descent import descend
from workbench.place.legality import check
from workbench.place.obstacles import make_obstacles
from workbench.place.start import starting_floorplan

sys.path.insert(0, str(Path(__file__).parent))

from random_designs import floorplan_of, random_plain  # noqa: E402


def design(seed=1, macros=6, soft=8):
    canvas, objects, nets = random_plain(seed, macros=macros, soft=soft, nets=40)
    canvas.update(columns=9, rows=8)
    for item in objects[:macros]:
        item.update(w=item["w"] / 2, h=item["h"] / 2)
    floorplan = floorplan_of(canvas, objects, nets)
    return Design("random", floorplan.netlist, floorplan.canvas, floorplan)


def slow_best(floorplan, item, reach):
    """The best floorplan with one object on a cell within reach, in any mirroring: everything evaluated from scratch."""
    netlist, canvas = floorplan.netlist, floorplan.canvas
    is_hard = netlist.kind[item] == ObjectKind.MACRO
    column, row = int(floorplan.x_um[item] / canvas.cell_width_um), int(floorplan.y_um[item] / canvas.cell_height_um)
    best = floorplan
    for r in range(canvas.rows):
        for c in range(canvas.columns):
            if abs(r - row) + abs(c - column) > reach:
                continue
            for turn in range(4) if is_hard else (int(floorplan.orientation[item]),):
                x, y, orientation = floorplan.x_um.copy(), floorplan.y_um.copy(), floorplan.orientation.copy()
                x[item], y[item], orientation[item] = (
                    (c + 0.5) * canvas.cell_width_um, (r + 0.5) * canvas.cell_height_um, turn,
                )  # fmt: skip
                if not is_hard:  # soft macros are held inside the canvas
                    half_width, half_height = netlist.width_um[item] / 2, netlist.height_um[item] / 2
                    x[item] = max(min(x[item], canvas.width_um - half_width), half_width)
                    y[item] = max(min(y[item], canvas.height_um - half_height), half_height)
                other = dataclasses.replace(floorplan, x_um=x, y_um=y, orientation=orientation)
                if not check(other) and evaluate(other).proxy < evaluate(best).proxy - 1e-9:
                    best = other
    return best


@pytest.mark.parametrize("seed", range(3))
def test_each_object_takes_the_place_that_a_slow_search_finds(seed):
    what = design(seed)
    start = starting_floorplan(what.netlist, what.canvas, make_rng(seed), None, True)
    model = make_model(what.netlist, what.canvas)
    state, obstacles = make_state(model, start), make_obstacles(start)
    rebuild(model, state)
    items = make_rng(seed).permutation(np.flatnonzero(~what.netlist.is_fixed))
    slow = start
    for item in items:
        slow = slow_best(slow, item, 2)
    tried, cost = descend(model, state, obstacles, items, 2, True)
    assert tried > 100 and cost == pytest.approx(evaluate(slow).proxy, rel=1e-9)
    assert np.allclose(state.x, slow.x_um) and np.allclose(state.y, slow.y_um)
    assert np.array_equal(state.orientation, slow.orientation)
    assert evaluate(slow).proxy < evaluate(start).proxy


def place(what, seed=1, seconds=60.0, **options):
    with Progress("coordinate_descent", quiet=True) as progress:
        return CoordinateDescentAgent().place(
            what, seconds=seconds, seed=seed, progress=progress, options=PlacementOptions(**options)
        )


@pytest.mark.parametrize("soft", ["free", "fd"])
@pytest.mark.parametrize("on_grid", [False, True])
def test_the_agent_is_better_than_the_greedy_placement_it_starts_from(on_grid, soft):
    what = design(4)
    start = greedy_floorplan(what, make_model(what.netlist, what.canvas), make_rng(1))
    result = place(what, steps=3000, on_grid=on_grid, soft=soft)
    assert check(result.floorplan) == [] and result.costs.proxy < evaluate(start).proxy
    assert result.history[-1][2] == result.costs.proxy and 3000 <= result.evaluations < 5000
    if on_grid:
        hard = what.netlist.indices(ObjectKind.MACRO)
        cells = result.floorplan.x_um[hard] / what.canvas.cell_width_um - 0.5
        assert np.allclose(cells, np.round(cells), atol=1e-6)


def test_more_work_goes_into_restarts_that_find_better_floorplans():
    what = design(5)
    short, long = place(what, steps=3000), place(what, steps=40_000)
    assert long.costs.proxy < short.costs.proxy
    costs = [cost for _, _, cost in long.history]
    assert all(a >= b - 1e-9 for a, b in zip(costs, costs[1:], strict=False))


@pytest.mark.parametrize("macros, soft", [(0, 5), (3, 0), (0, 0)])
def test_designs_with_only_some_kinds_of_objects_are_placed(macros, soft):
    assert check(place(design(8, macros, soft), steps=500).floorplan) == []


def test_settings_out_of_range_are_refused():
    with pytest.raises(InputError) as caught:
        place(design(), steps=10, params={"disturbed": 2.0})
    assert str(caught.value) == (
        "--param: found settings out of range, expected 0 <= disturbed <= 1, reaches >= 0; correct them."
    )
