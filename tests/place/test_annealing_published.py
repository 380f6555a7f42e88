import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.place.agents.annealing_published import (
    GWTW,
    PublishedAnnealing,
    PublishedAnnealingAgent,
    PublishedSettings,
    packed,
    spiral,
)
from workbench.place.agents.base import PlacementOptions
from workbench.place.annealing_published import walk
from workbench.place.cost import evaluate
from workbench.place.cost_model import make_model
from workbench.place.legality import check
from workbench.place.start import legalize

sys.path.insert(0, str(Path(__file__).parent))

from random_designs import floorplan_of, random_plain  # noqa: E402


def design(seed=1, macros=7, soft=8):
    canvas, objects, nets = random_plain(seed, macros=macros, soft=soft, nets=40)
    canvas.update(columns=12, rows=11)
    for item in objects[:macros]:
        item.update(w=item["w"] / 2, h=item["h"] / 2)
    floorplan = floorplan_of(canvas, objects, nets)
    return Design("random", floorplan.netlist, floorplan.canvas, floorplan)


def place(what, seed=1, steps=3000, **params):
    with Progress("annealing_published", quiet=True) as progress:
        options = PlacementOptions(steps=steps, params=params)
        return PublishedAnnealingAgent().place(what, seconds=60, seed=seed, progress=progress, options=options)


def annealing(what, settings=PublishedSettings()):  # noqa: B008 (frozen)
    model = make_model(what.netlist, what.canvas)
    return PublishedAnnealing(legalize(packed(what, make_rng(1), False), True), model, settings, make_rng(1))


def floorplan_of_walker(what, walker):
    state = walker.state
    return Floorplan(what.netlist, what.canvas, state.x.copy(), state.y.copy(), state.orientation.astype(np.int8))


@pytest.mark.parametrize("params", [{}, {"ispd": 1.0, "packing": 1.0}, {"walkers": 3.0}])
def test_the_baseline_lowers_the_cost_and_stays_legal_on_the_grid(params):
    what = design()
    result = place(what, **params)
    assert check(result.floorplan) == [] and result.costs.proxy < result.history[0][2]
    assert result.history[-1][2] == pytest.approx(result.costs.proxy, abs=1e-6)
    hard = what.netlist.indices(ObjectKind.MACRO)
    for centres, size in (
        (result.floorplan.x_um, what.canvas.cell_width_um), (result.floorplan.y_um, what.canvas.cell_height_um)
    ):  # fmt: skip
        cells = centres[hard] / size - 0.5
        assert np.allclose(cells, np.round(cells), atol=1e-6)


@pytest.mark.parametrize("action", range(5))
def test_every_kind_of_action_keeps_the_cost_exact_and_the_floorplan_legal(action):
    what = design(2)
    run = annealing(what)
    walker = run.walkers[0]
    before = floorplan_of_walker(what, walker)
    shares = np.cumsum(np.eye(5)[action])
    tried = walk(run.model, walker, shares, 10.0, 1.0, 300, run.rng)
    after = floorplan_of_walker(what, walker)
    assert tried > 1 and float(walker.cost[0]) == pytest.approx(evaluate(after).proxy, rel=1e-9) and check(after) == []
    moved = (before.x_um != after.x_um) | (before.y_um != after.y_um)
    turned = before.orientation != after.orientation
    soft = what.netlist.indices(ObjectKind.SOFT_MACRO)
    assert (turned.any(), moved.any()) == ((True, False) if action == 4 else (False, True))
    assert not moved[soft].any() and (np.array(turned[before.orientation >= 4]).sum() == 0)
    if action in (0, 3):  # places are exchanged, none is new
        hard = what.netlist.indices(ObjectKind.MACRO)
        assert np.allclose(np.sort(before.x_um[hard]), np.sort(after.x_um[hard]))


def test_cold_walks_only_go_down():
    what = design(3)
    run = annealing(what)
    walker = run.walkers[0]
    costs = []
    for _ in range(20):
        walk(run.model, walker, np.cumsum(GWTW), 1e-12, 1.0, 50, run.rng)
        costs.append(float(walker.cost[0]))
    assert all(a >= b - 1e-12 for a, b in zip(costs, costs[1:], strict=False)) and costs[-1] < costs[0]


def test_the_winner_is_cloned_to_the_other_walkers():
    run = annealing(design(4), PublishedSettings(walkers=3))
    for walker, actions in zip(run.walkers, (0, 200, 400), strict=True):
        walk(run.model, walker, run.shares, 1e-12, 1.0, actions, run.rng)
    winner = min(run.walkers, key=lambda walker: walker.cost[0])
    assert len({float(walker.cost[0]) for walker in run.walkers}) == 3
    run._clone_winners()
    for walker in run.walkers:
        walk(run.model, walker, run.shares, 1e-12, 1.0, 0, run.rng)
        assert np.array_equal(walker.state.x, winner.state.x) and walker.cost[0] == pytest.approx(winner.cost[0])
        assert np.array_equal(walker.obstacles.x, winner.obstacles.x)


def test_the_spiral_follows_the_boundary_anticlockwise_and_then_inwards():
    canvas, objects, nets = random_plain(1)
    canvas.update(columns=4, rows=3)
    assert spiral(floorplan_of(canvas, objects, nets).canvas).tolist() == [0, 1, 2, 3, 7, 11, 10, 9, 8, 4, 5, 6]


def test_the_same_seed_and_actions_give_the_same_floorplan():
    first, second, other = (place(design(5), seed=seed, steps=500).floorplan for seed in (7, 7, 8))
    assert np.array_equal(first.x_um, second.x_um) and not np.array_equal(first.x_um, other.x_um)


@pytest.mark.parametrize("macros, soft", [(0, 5), (1, 0), (2, 3), (0, 0)])
def test_designs_with_few_objects_are_placed(macros, soft):
    assert check(place(design(8, macros, soft), steps=200).floorplan) == []


def test_settings_out_of_range_are_refused():
    with pytest.raises(InputError) as caught:
        place(design(), walkers=0.0)
    assert str(caught.value) == (
        "--param: found settings out of range, expected hot >= cold > 0, 1 <= walkers <= 1000, interval >= 1; correct them."
    )
