"""`workbench/Placement-v0` as other people's tools see it."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest

import workbench.place
from workbench.place.environment_synthetic import synthetic_design


@pytest.fixture(scope="module")
def design():
    return synthetic_design(2, macros=6, columns=10, rows=8, macro_share=0.3)


@pytest.mark.parametrize("observation", ["full", "compact"])
def test_gymnasiums_own_checker_accepts_it(design, observation):
    from gymnasium.utils.env_checker import check_env

    environment = gymnasium.make(workbench.place.ENVIRONMENT_ID, design=design, observation=observation)
    check_env(environment.unwrapped, skip_render_check=True)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_stable_baselines3s_checker_accepts_it(design):
    from stable_baselines3.common.env_checker import check_env

    check_env(gymnasium.make(workbench.place.ENVIRONMENT_ID, design=design).unwrapped, warn=True)


def test_an_episode_pays_nothing_until_the_end_and_then_minus_the_cost_of_a_legal_floorplan(design):
    from workbench.place.legality import check

    environment = gymnasium.make(workbench.place.ENVIRONMENT_ID, design=design).unwrapped
    environment.reset(seed=0)
    rng, rewards, done = np.random.default_rng(0), [], False
    while not done:
        legal = np.flatnonzero(environment.action_masks())
        observation, reward, done, truncated, info = environment.step(int(rng.choice(legal)))
        assert not truncated
        rewards.append(reward)
    assert rewards[:-1] == [0.0] * 5
    assert rewards[-1] == -info["costs"].proxy
    assert check(info["floorplan"]) == []
    assert observation["macros"][:, 2].all()


def test_an_unmasked_agent_gets_the_nearest_legal_cell_and_stays_legal(design):
    from workbench.place.legality import check

    environment = gymnasium.make(workbench.place.ENVIRONMENT_ID, design=design).unwrapped
    environment.reset()
    done = False
    while not done:
        *_, done, _, info = environment.step(0)
    assert check(info["floorplan"]) == []


def test_the_full_observation_holds_the_graph_of_the_netlist(design):
    environment = gymnasium.make(workbench.place.ENVIRONMENT_ID, design=design).unwrapped
    observation, _ = environment.reset()
    a, b = observation["edges"]
    assert (a < b).all()
    netlist, weight = design.netlist, {}
    for net in range(netlist.nets):
        pins = netlist.net_pin[netlist.net_start[net] : netlist.net_start[net + 1]]
        owners = netlist.pin_object[pins]
        for sink in owners[1:]:
            pair = tuple(sorted((int(owners[0]), int(sink))))
            if pair[0] != pair[1] and max(pair) < 30:  # macros and soft macros: nodes keep their index
                weight[pair] = weight.get(pair, 0.0) + netlist.net_weight[net] / (len(pins) - 1)
    seen = {(int(i), int(j)): float(w) for i, j, w in zip(a, b, observation["edge_weight"], strict=True) if j < 30}
    assert seen.keys() == weight.keys()
    scale = sum(seen.values()) / sum(weight.values())
    for pair, value in weight.items():
        assert seen[pair] == pytest.approx(scale * value, rel=1e-5)


def test_the_picture_shows_placed_macros(design):
    environment = gymnasium.make(workbench.place.ENVIRONMENT_ID, design=design, render_mode="rgb_array").unwrapped
    environment.reset()
    empty = environment.render()
    environment.step(int(np.flatnonzero(environment.action_masks())[0]))
    assert environment.render().shape == (64, 80, 3)
    assert (environment.render() != empty).any()


def test_soft_macros_can_be_placed_by_force_at_the_end(design):
    ends = {}
    for soft in ("free", "fd"):
        environment = gymnasium.make(workbench.place.ENVIRONMENT_ID, design=design, soft=soft).unwrapped
        environment.reset()
        done = False
        while not done:
            *_, done, _, info = environment.step(int(np.flatnonzero(environment.action_masks())[0]))
        ends[soft] = info["floorplan"]
    is_soft = design.netlist.kind == 1
    np.testing.assert_array_equal(ends["free"].x_um[~is_soft], ends["fd"].x_um[~is_soft])
    assert (ends["free"].x_um[is_soft] != ends["fd"].x_um[is_soft]).all()
    half = np.sqrt(design.netlist.width_um * design.netlist.height_um)[is_soft] / 2
    assert (ends["fd"].x_um[is_soft] >= half - 1e-6).all()
    assert (ends["fd"].x_um[is_soft] <= design.canvas.width_um - half + 1e-6).all()


def test_unknown_choices_are_refused_in_one_sentence(design):
    from workbench.base.errors import InputError

    for options, message in (
        ({"observation": "ful"}, "full"), ({"soft": "forces"}, "soft: found 'forces', expected free or fd; correct it"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            gymnasium.make(workbench.place.ENVIRONMENT_ID, design=design, **options)
