import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.base.jit import kernel
from workbench.netlist.netlist import ORIENTATIONS, ObjectKind
from workbench.place.cost import IncrementalCost, evaluate
from workbench.place.cost_kernels import mean_of_largest

sys.path.insert(0, str(Path(__file__).parent))

from random_designs import floorplan_of, random_plain  # noqa: E402
from slow_cost import slow_costs  # noqa: E402


def figures(costs):
    return costs.wirelength_um, costs.wirelength, costs.density, costs.congestion


@pytest.mark.parametrize("seed", range(60))
def test_the_costs_equal_those_of_the_plain_formulas(seed):
    plain = random_plain(seed)
    assert figures(evaluate(floorplan_of(*plain))) == pytest.approx(slow_costs(*plain), rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_incremental_costs_equal_those_from_scratch_after_any_moves(seed):
    canvas, objects, nets = random_plain(seed, macros=6, soft=8, nets=60)
    incremental = IncrementalCost(floorplan_of(canvas, objects, nets))
    rng = np.random.default_rng(1000 + seed)
    movable = [i for i, item in enumerate(objects) if item["kind"] != "port"]
    for _ in range(50):
        item = int(rng.choice(movable))
        if rng.random() < 0.3:
            other = int(rng.choice([i for i in movable if i != item]))
            incremental.swap(item, other)
            for key in "xy":
                objects[item][key], objects[other][key] = objects[other][key], objects[item][key]
        else:
            turn = int(rng.integers(0, 4)) if objects[item]["kind"] == "macro" else 0
            x, y = rng.uniform(0, canvas["width"]), rng.uniform(0, canvas["height"])
            incremental.move(item, x, y, turn)
            objects[item].update(x=x, y=y, orientation=ORIENTATIONS[turn])
        assert figures(incremental.costs()) == pytest.approx(slow_costs(canvas, objects, nets), rel=1e-9, abs=1e-11)


def test_moving_there_and_back_restores_the_costs():
    incremental = IncrementalCost(floorplan_of(*random_plain(3)))
    before = incremental.proxy()
    x, y = incremental.floorplan().x_um[0], incremental.floorplan().y_um[0]
    incremental.move(0, 0.0, 0.0, 2)
    assert incremental.proxy() != before
    incremental.move(0, x, y, int(incremental.floorplan().netlist.orientation[0]))
    assert incremental.proxy() == pytest.approx(before, rel=1e-12)


def test_a_quarter_turn_swaps_width_and_height_and_turns_the_pins():
    canvas, objects, nets = random_plain(5, macros=2, soft=0, ports=1, nets=4)
    floorplan = floorplan_of(canvas, objects, nets)
    incremental = IncrementalCost(floorplan)
    incremental.move(0, 40.0, 30.0, ORIENTATIONS.index("W"))  # a quarter turn against the clock: (x, y) -> (-y, x)
    points = slice(incremental.model.point_start[0], incremental.model.point_start[1])
    assert np.allclose(incremental.state.point_x[points], 40.0 - incremental.model.point_dy[points])
    assert np.allclose(incremental.state.point_y[points], 30.0 + incremental.model.point_dx[points])
    turned = {**objects[0], "x": 40.0, "y": 30.0, "w": objects[0]["h"], "h": objects[0]["w"], "orientation": "N"}
    assert incremental.costs().density == pytest.approx(slow_costs(canvas, [turned, *objects[1:]], nets)[2])


def test_a_netlist_without_nets_costs_only_density_and_blockage():
    canvas, objects, _ = random_plain(7)
    floorplan = floorplan_of(canvas, objects, [(1.0, [(0, 0.0, 0.0)])])
    costs = evaluate(floorplan)
    assert costs.wirelength == 0 and costs.density > 0


def test_maps_are_the_cells_behind_the_costs():
    canvas, objects, nets = random_plain(11)
    floorplan = floorplan_of(canvas, objects, nets)
    maps, costs = IncrementalCost(floorplan).maps(), evaluate(floorplan)
    values = np.sort(np.concatenate([maps.horizontal.ravel(), maps.vertical.ravel()]))[::-1]
    assert values[: max(1, int(0.05 * len(values)))].mean() == pytest.approx(costs.congestion)
    cells = np.sort(maps.density.ravel())[::-1]
    assert 0.5 * cells[: max(1, int(0.1 * len(cells)))].mean() == pytest.approx(costs.density)
    assert maps.density.shape == maps.horizontal.shape == maps.vertical.shape == (canvas["rows"], canvas["columns"])


def test_blockages_count_as_area_at_their_rate():
    import dataclasses

    floorplan = floorplan_of(*random_plain(13, macros=1, soft=0))
    canvas = floorplan.canvas
    blocked = dataclasses.replace(canvas, blockages=np.array([[0.0, 0.0, canvas.width_um, canvas.height_um, 0.5]]))
    plain = IncrementalCost(floorplan).maps().density
    assert np.allclose(IncrementalCost(dataclasses.replace(floorplan, canvas=blocked)).maps().density, plain + 0.5)


def test_ports_are_never_part_of_the_density():
    floorplan = floorplan_of(*random_plain(17, macros=0, soft=0, ports=5))
    assert (floorplan.netlist.kind == ObjectKind.PORT).all() and evaluate(floorplan).density == 0


@kernel
def _mean_of_largest(values, wanted, threshold):
    return mean_of_largest(values, wanted, threshold)


@pytest.mark.parametrize("kind", ["uneven", "equal but for rounding", "all equal", "mostly zero", "negative"])
def test_the_mean_of_the_largest_is_that_of_the_sorted_values_wherever_the_search_begins(kind):
    rng = np.random.default_rng(0)
    for size, wanted in ((1, 1), (5, 5), (10, 3), (630, 63)):
        values = {
            "uneven": rng.lognormal(size=size),
            "equal but for rounding": np.minimum(1.3 * rng.random(size), 1.0) * (1.0 + 1e-15 * rng.integers(0, 3, size)),
            "all equal": np.full(size, 0.7),
            "mostly zero": np.where(rng.random(size) < 0.01, 1.0, 0.0),
            "negative": -rng.random(size),
        }[kind]
        largest = np.sort(values)[-wanted:]
        for begin in (0.0, 1e-300, -1.0, 1.0, 100.0, largest[0], 0.999 * largest[0], 1.02 * largest[0]):
            mean, threshold = _mean_of_largest(values, wanted, begin)
            assert mean == pytest.approx(largest.mean(), rel=1e-12, abs=1e-15)
            assert _mean_of_largest(values, wanted, threshold)[0] == pytest.approx(mean, rel=1e-12, abs=1e-15)
