"""The weights that ship with the agent: small, of today's network, and better than none on designs they never saw."""

from __future__ import annotations

import numpy as np
import torch

from workbench.place.agents.policy import NetworkConfig, make_network
from workbench.place.agents.policy_sampling import policy_floorplans
from workbench.place.agents.policy_shipped import SHIPPED_POLICY, policy_file, write_weights
from workbench.place.agents.training import design_identity
from workbench.place.agents.training_checkpoint import read_checkpoint
from workbench.place.environment_problem import make_problem
from workbench.place.families import HELD_OUT, family_design


def test_on_a_family_it_never_saw_the_shipped_policy_places_more_cheaply_than_untrained_weights(tmp_path):
    designs = [family_design(HELD_OUT, seed, 40) for seed in (2, 3, 6)]
    seen = [identity[:3] for identity in read_checkpoint(SHIPPED_POLICY)["designs"]]
    costs = {"shipped": [], "untrained": []}
    for design in designs:
        assert design_identity(design)[:3] not in seen
        network = make_network(NetworkConfig(), [make_problem(design.netlist, design.canvas)], 64, 64)
        weights = {f"network.{name}": value for name, value in network.state_dict().items()}
        untrained = write_weights(tmp_path / "untrained.pt", weights, NetworkConfig(), [])
        for name, policy in (("shipped", SHIPPED_POLICY), ("untrained", untrained)):
            found = policy_floorplans(design, seed=0, episodes=9, policy=policy)
            costs[name].append(np.mean([one.costs.proxy for one in found if not one.is_greedy]))
    assert all(shipped < untrained for shipped, untrained in zip(costs["shipped"], costs["untrained"], strict=True))


def test_the_file_is_small_and_holds_only_weights_their_sizes_and_names():
    assert SHIPPED_POLICY.stat().st_size < 1_000_000
    state = read_checkpoint(SHIPPED_POLICY)
    assert set(state) == {"format", "weights", "network", "designs"}
    assert all(isinstance(value, torch.Tensor) for value in state["weights"].values())
    assert policy_file("shipped") == SHIPPED_POLICY
