"""The ppo agent: legal, exact, honest about its phases, repeatable, stoppable."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.place import analytical, cost, vec_env
from workbench.place.agents import policy_polish, policy_sampling, ppo
from workbench.place.agents.base import PlacementOptions, make_agent
from workbench.place.agents.policy_polish import smoothed
from workbench.place.agents.policy_sampling import BATCH, FEW
from workbench.place.cost import evaluate
from workbench.place.environment_synthetic import synthetic_design
from workbench.place.legality import check
from workbench.place.start import starting_floorplan
from workbench.place.vec_env import EpisodeEnd

SMALL = {"environments": 2.0, "polish_share": 0.0}
POLISHED = {**SMALL, "polish_share": 0.5, "polish_moves": 500.0}


@pytest.fixture(scope="module")
def design():
    return synthetic_design(5, macros=5, columns=9, rows=9, macro_share=0.3)


def _place(design, options, seconds=60.0, seed=1):
    with Progress("ppo", quiet=True) as progress:
        return make_agent("ppo").place(design, seconds=seconds, seed=seed, progress=progress, options=options)


@pytest.fixture(scope="module")
def result(design):
    return _place(design, PlacementOptions(steps=40, params=POLISHED))


def test_the_floorplan_is_legal_and_its_costs_are_exact(result):
    assert check(result.floorplan) == []
    assert result.costs == evaluate(result.floorplan)


def test_the_history_runs_forward_and_ends_at_the_result(result):
    seconds, evaluations, costs = zip(*result.history, strict=True)
    assert list(seconds) == sorted(seconds)
    assert list(evaluations) == sorted(evaluations)
    assert list(costs) == sorted(costs, reverse=True)
    assert costs[-1] == pytest.approx(result.costs.proxy, abs=1e-9)


def test_the_notes_say_what_each_phase_reached(result):
    learned, polished = result.notes
    assert learned.startswith("The policy began with the shipped policy: mean cost ")
    assert "; trained here for 40 steps: mean " in learned
    assert f"to {result.costs.proxy:.5f} in" in polished
    zero_shot = float(learned.split("and best ")[1].split()[0])
    best = float(learned.split("best ")[2].split()[0])
    assert best == pytest.approx(float(polished.split("went from ")[1].split(",")[0]))
    assert result.costs.proxy < best <= zero_shot
    assert result.costs.proxy <= float(polished.split("smoothed ")[1].split(",")[0]) <= best


@pytest.mark.parametrize("on_grid", [False, True])
def test_smoothing_keeps_what_is_legal_and_never_makes_it_worse(on_grid):
    design = synthetic_design(7, macros=8, columns=12, rows=12, macro_share=0.3)
    start = starting_floorplan(design.netlist, design.canvas, np.random.default_rng(0), None, on_grid)
    after = smoothed(design, start, 0, on_grid)
    assert check(after) == []
    assert evaluate(after).proxy < evaluate(start).proxy
    again = smoothed(design, after, 0, on_grid)
    assert evaluate(again).proxy <= evaluate(after).proxy


def test_the_same_seed_and_work_give_the_same_floorplan(design, result):
    again = _place(design, PlacementOptions(steps=40, params=POLISHED))
    np.testing.assert_array_equal(again.floorplan.x_um, result.floorplan.x_um)
    assert again.costs == result.costs


def test_without_polish_the_result_is_the_policys_own(design):
    own = _place(design, PlacementOptions(steps=20, params=SMALL))
    assert len(own.notes) == 1
    assert check(own.floorplan) == []
    column = own.floorplan.x_um[:5] / design.canvas.cell_width_um - 0.5
    np.testing.assert_allclose(column, np.round(column), atol=1e-6)  # on cell centres, as the environment places


def test_in_a_time_too_short_to_train_the_polish_has_all_that_is_left(design, monkeypatch):
    monkeypatch.setattr(ppo, "ITERATION", 1e6)  # one of training is estimated to take far longer than there is time
    result = _place(design, PlacementOptions(params={"polish_share": 0.01, "environments": 64.0}), seconds=0.3)
    assert "trained" not in result.notes[0]
    assert f"({FEW} floorplans in " in result.notes[0]
    drawn = float(result.notes[0].split(" floorplans in ")[1].split()[0])
    assert float(result.notes[1].split(" in ")[1].split()[0]) >= 0.3 - drawn - 0.1


def test_a_policy_without_a_legal_floorplan_among_the_first_goes_on_drawing(design, monkeypatch):
    calls = []

    def play(problem, network, count, generator, greedy, model):
        calls.append(count)
        return (
            [EpisodeEnd(4.0, 0)] * count
            if len(calls) < 3
            else policy_sampling.play(problem, network, count, generator, greedy, model)
        )

    monkeypatch.setattr(ppo, "play", play)
    result = _place(design, PlacementOptions(params={**POLISHED, "environments": 64.0}), seconds=2.0)
    assert calls[:3] == [FEW, BATCH, BATCH]
    assert check(result.floorplan) == []


def test_in_no_time_a_few_floorplans_are_drawn(design):
    own = _place(design, PlacementOptions(params=SMALL), seconds=0.0)
    assert "trained" not in own.notes[0]
    assert own.evaluations == FEW
    assert "more of them" not in own.notes[0]


def test_the_weights_asked_for_are_used(design, tmp_path):
    from workbench.place.agents.policy import NetworkConfig
    from workbench.place.agents.policy_shipped import write_weights
    from workbench.place.agents.training import Trainer, TrainingConfig

    costs = []
    for like in (1.0, -1.0):  # towards cells that add little wirelength, then towards those that add much
        trainer = Trainer([design], TrainingConfig())
        trainer.model.policy.network.cell_weights.bias.data[1] = -30.0 * like
        path = write_weights(tmp_path / f"{like}.pt", trainer.model.policy.state_dict(), NetworkConfig(), [])
        result = _place(design, PlacementOptions(params=SMALL, policy=path), seconds=0.0)
        assert result.notes[0].startswith(f"The policy began with {path}: ")
        costs.append(result.costs.wirelength)
    assert costs[0] < costs[1]


def test_random_weights_can_be_asked_for(design):
    result = _place(design, PlacementOptions(params={**SMALL, "shipped_policy": 0.0}), seconds=0.0)
    assert result.notes[0].startswith("The policy began with random weights: ")


def test_ctrl_c_while_learning_gives_the_policys_best_so_far(design, monkeypatch):
    def train(self, stop, on_boundary):
        raise KeyboardInterrupt

    monkeypatch.setattr(ppo.Trainer, "train", train)
    result = _place(design, PlacementOptions(steps=20, params=SMALL))
    assert result.interrupted
    assert check(result.floorplan) == []


def test_settings_out_of_range_are_refused(design):
    with pytest.raises(InputError) as error:
        _place(design, PlacementOptions(params={"polish_share": 1.0}))
    assert str(error.value) == (
        "--param: found a setting out of range, expected 0 <= polish_share < 1, environments >= 1 and learning_rate > 0; "
        "correct it."
    )


def test_a_design_without_room_ends_in_one_sentence():
    crowded = synthetic_design(1, macros=4, columns=4, rows=4, macro_share=0.9)
    width = crowded.netlist.width_um.copy()
    width[:4] = 0.6 * crowded.canvas.width_um
    height = np.where(crowded.netlist.kind == 0, 0.6 * crowded.canvas.height_um, crowded.netlist.height_um)
    crowded = dataclasses.replace(
        crowded, netlist=dataclasses.replace(crowded.netlist, width_um=width, height_um=height)
    )  # fmt: skip
    with pytest.raises(InputError) as error:
        _place(crowded, PlacementOptions(steps=8, params=SMALL))
    assert str(error.value) == (
        "synthetic_1: found no legal floorplan by the policy, expected one; give more time, or use --agent annealing."
    )


def test_within_the_time_nothing_builds_a_cost_model_again(design, monkeypatch):
    """On netlists of twenty thousand nets it took a fifth of five seconds, three times over."""
    run = ppo._Run.place

    def without_building(self, seconds):
        for module in (vec_env, cost, policy_polish, analytical):
            monkeypatch.setattr(module, "make_model", None)
        return run(self, seconds)

    monkeypatch.setattr(ppo._Run, "place", without_building)
    assert _place(design, PlacementOptions(params={"polish_moves": 50.0}), seconds=0.2).costs.proxy > 0
