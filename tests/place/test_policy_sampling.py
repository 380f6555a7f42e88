"""Floorplans of a policy without training: legal, exact, repeatable, the greedy one that of the likeliest cells."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from workbench.place.agents.policy_sampling import policy_floorplans
from workbench.place.agents.policy_shipped import SHIPPED_POLICY, read_network
from workbench.place.cost import evaluate
from workbench.place.environment_problem import make_problem
from workbench.place.environment_synthetic import synthetic_design
from workbench.place.legality import check
from workbench.place.vec_env import EpisodeBatch


@pytest.fixture(scope="module")
def design():
    return synthetic_design(5, macros=6, columns=9, rows=9, macro_share=0.3)


def test_the_floorplans_are_legal_exact_and_the_cheapest_comes_first(design):
    samples = policy_floorplans(design, seed=1, episodes=5)
    assert len(samples) == 5 and sum(sample.is_greedy for sample in samples) == 1
    for sample in samples:
        assert check(sample.floorplan) == []
        assert sample.costs == evaluate(sample.floorplan)
    costs = [sample.costs.proxy for sample in samples]
    assert costs == sorted(costs)


def test_the_same_seed_gives_the_same_floorplans_and_another_one_others(design):
    first, again, other = (
        [sample.costs.proxy for sample in policy_floorplans(design, seed=s, episodes=4)] for s in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_the_greedy_floorplan_takes_the_likeliest_legal_cell_at_every_step(design):
    greedy = next(sample for sample in policy_floorplans(design, seed=3, episodes=2) if sample.is_greedy)
    problem = make_problem(design.netlist, design.canvas)
    network, batch = read_network(SHIPPED_POLICY, [problem]), EpisodeBatch(problem, 1)
    batch.reset()
    end = None
    while end is None:
        observation = {name: torch.from_numpy(value) for name, value in batch.observation().items()}
        with torch.no_grad():
            logits, _ = network(observation, network.encode())
        masked = np.where(batch.action_masks()[0], logits[0].numpy(), -np.inf)
        end = batch.step(np.array([masked.argmax()]))[0]
    np.testing.assert_array_equal(greedy.floorplan.x_um, end.floorplan.x_um)


def test_in_a_time_at_least_one_batch_is_played(design):
    assert len(policy_floorplans(design, seed=1, seconds=0.0)) == 16


def test_a_design_without_room_has_no_floorplans():
    crowded = synthetic_design(1, macros=4, columns=4, rows=4, macro_share=0.9)
    hard = crowded.netlist.kind == 0
    width = np.where(hard, 0.6 * crowded.canvas.width_um, crowded.netlist.width_um)
    height = np.where(hard, 0.6 * crowded.canvas.height_um, crowded.netlist.height_um)
    netlist = dataclasses.replace(crowded.netlist, width_um=width, height_um=height)
    assert policy_floorplans(dataclasses.replace(crowded, netlist=netlist), seed=0, episodes=3) == []
