"""Trials that ask for no more of the cost than they need: what is kept is exact, what is undone leaves no trace."""

import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.base.rng import make_rng
from workbench.place.agents.annealing import Annealing, AnnealingSettings
from workbench.place.annealing_moves import KINDS
from workbench.place.cost import evaluate
from workbench.place.cost_kernels import rebuild
from workbench.place.cost_model import make_model, make_state
from workbench.place.legality import check
from workbench.place.start import starting_floorplan

sys.path.insert(0, str(Path(__file__).parent))

from random_designs import floorplan_of, random_plain  # noqa: E402


def annealing(seed, macros=6, soft=14, smooth=None):
    canvas, objects, nets = random_plain(seed, macros=macros, soft=soft, nets=70)
    canvas.update(columns=12, rows=11)
    if smooth is not None:
        canvas.update(smooth=smooth)
    width, height = (min(item[side] for item in objects[:macros]) for side in "wh")
    for item in objects[:macros]:  # of one size, so that they can swap
        item.update(w=width, h=height)
    given = floorplan_of(canvas, objects, nets)
    start = starting_floorplan(given.netlist, given.canvas, make_rng(seed), None, False)
    return Annealing(
        start, make_model(start.netlist, start.canvas), AnnealingSettings(), make_rng(seed), on_grid=False, heat=0.15
    )


def floorplan(run):
    state, start = run.state, run.start
    return type(start)(start.netlist, start.canvas, state.x, state.y, state.orientation.astype(np.int8))


def plain_boxes(run):
    """The box around each net's pins on other objects, incidence by incidence, from the netlist's own pins."""
    model, state = run.model, run.state
    owner = np.repeat(np.arange(len(model.width)), np.diff(model.point_start))
    boxes = []
    for item in range(len(model.width)):
        for net in model.object_net[model.object_start[item] : model.object_start[item + 1]]:
            points = model.net_point[model.net_start[net] : model.net_start[net + 1]]
            others = points[owner[points] != item]
            x, y = state.point_x[others], state.point_y[others]
            boxes.append((x.min(initial=np.inf), x.max(initial=-np.inf), y.min(initial=np.inf), y.max(initial=-np.inf)))
    return np.array(boxes)


ONLY = [(own, kind) for own in (0, 1) for kind in KINDS if (own, kind) not in ((0, "flip"), (0, "group"), (1, "relief"))]


@pytest.mark.parametrize("own, kind", ONLY)
def test_after_any_number_of_trials_of_a_kind_everything_is_as_if_made_from_the_coordinates(own, kind):
    run = annealing(3 + own)
    run.hot = run.cold = 1e-2  # many are kept, many undone
    run.run["hard_share"] = own
    run.run["shares"][0][own] = np.array([name == kind for name in KINDS], float)
    run._slice(0.0, 0.2, 1500)
    assert run.run["accepted"][0].sum() > 20 and run.run["tried"][0][own][KINDS.index(kind)] == 1500
    now, totals = floorplan(run), run.memory.totals[0]
    costs = evaluate(now)
    assert totals["cost"] == pytest.approx(costs.proxy, rel=1e-10)
    assert totals["density"] == pytest.approx(costs.density) and totals["congestion"] == pytest.approx(costs.congestion)
    assert check(now) == []
    assert np.allclose(np.array(run.boxes[:4]).T, plain_boxes(run), rtol=0, atol=1e-9)
    fresh = make_state(run.model, now)
    rebuild(run.model, fresh)
    for state in (run.state, run.kept):
        for name in ("area", "macro_horizontal", "macro_vertical"):
            assert np.allclose(getattr(state, name), getattr(fresh, name), rtol=0, atol=1e-9), name
        assert np.array_equal(state.horizontal, fresh.horizontal) and np.array_equal(state.vertical, fresh.vertical)
    assert np.array_equal(run.state.point_column, fresh.point_column)


@pytest.mark.parametrize("smooth", [0, 1, 2, 5])
def test_few_of_the_trials_worth_keeping_are_refused(smooth):
    run = annealing(5, smooth=smooth)
    run.hot = run.cold = 3e-3
    run._slice(0.0, 0.2, 60_000)
    totals = run.memory.totals[0]
    assert totals["refused"] > 10_000 and totals["checked"] > 100
    assert totals["missed"] <= 0.1 * totals["checked"]


def test_the_best_state_is_the_one_with_the_best_cost():
    run = annealing(8)
    run.hot = 1e-2
    run._slice(0.0, 0.05, 20_000)  # it goes up and down
    best = run.movable
    seen = type(run.start)(
        run.start.netlist, run.start.canvas, best.best_x, best.best_y, best.best_orientation.astype(np.int8)
    )
    assert evaluate(seen).proxy == pytest.approx(float(run.run["best_cost"][0]), rel=1e-10)
    assert run.run["best_cost"][0] < run.memory.totals["cost"][0]
