"""The polish of a policy's floorplan: legal, never worse, repeatable, all of it within its time, hotter for more moves."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.netlist import ObjectKind
from workbench.place.agents.annealing import Annealing
from workbench.place.agents.base import PlacementOptions
from workbench.place.agents.policy_polish import POLISH, annealed, polish
from workbench.place.agents.policy_sampling import policy_floorplans
from workbench.place.cost import evaluate
from workbench.place.cost_model import make_model
from workbench.place.environment_synthetic import synthetic_design
from workbench.place.legality import check

QUIET = Progress("polish", quiet=True)


@pytest.fixture(scope="module")
def design():
    return synthetic_design(7, macros=8, columns=12, rows=12, macro_share=0.3)


@pytest.fixture(scope="module")
def floorplan(design):
    return policy_floorplans(design, seed=1, episodes=2)[0].floorplan


@pytest.mark.parametrize("on_grid", [False, True])
def test_the_floorplan_is_legal_smoothed_first_and_then_cheaper(design, floorplan, on_grid):
    options = PlacementOptions(steps=4000, on_grid=on_grid)
    result = polish(design, floorplan, seconds=0, seed=1, options=options, progress=QUIET)
    assert check(result.floorplan) == []
    assert result.costs == evaluate(result.floorplan)
    assert result.costs.proxy < result.history[0][2] < evaluate(floorplan).proxy
    again = polish(design, floorplan, seconds=0, seed=1, options=options, progress=QUIET)
    np.testing.assert_array_equal(again.floorplan.x_um, result.floorplan.x_um)


def test_soft_macros_that_follow_by_force_are_not_smoothed(design, floorplan):
    """The cost at the beginning is that of annealing the floorplan as it is."""
    options = PlacementOptions(steps=200, soft="fd")
    result = polish(design, floorplan, seconds=0, seed=1, options=options, progress=QUIET)
    same = annealed(design, floorplan, seconds=0, seed=1, options=options, progress=QUIET)
    assert [cost for _, _, cost in result.history] == [cost for _, _, cost in same.history]


def test_the_smoothing_counts_as_time(design, floorplan):
    result = polish(design, floorplan, seconds=0.0, seed=1, options=PlacementOptions(), progress=QUIET)
    assert result.evaluations == 0
    assert result.history[0][0] > 0
    assert result.seconds >= result.history[0][0]
    assert result.costs.proxy < evaluate(floorplan).proxy  # by the smoothing alone


def test_four_times_the_moves_begin_twice_as_hot_up_to_a_limit(design, floorplan):
    netlist = design.netlist
    macros = int(((netlist.kind != ObjectKind.PORT) & ~netlist.is_fixed).sum())
    model, hot = make_model(netlist, design.canvas), []
    for moves_per_macro in (500, 2000, 100_000_000):
        run = Annealing(floorplan, model, POLISH, make_rng(1), True, POLISH.warm)
        run.by_trials(10, QUIET, (0.0, 10 / (moves_per_macro * macros)))
        hot.append(run.hot * macros)
    assert hot[1] == pytest.approx(2 * hot[0])
    assert hot[1] == pytest.approx(POLISH.warm)
    assert hot[2] == pytest.approx(POLISH.hottest * POLISH.warm)
