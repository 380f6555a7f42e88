"""The placement network: equal to a plain per-edge version, blind to padding, masked, the same weights on any design."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.place.agents.policy import EdgeGnn, NetworkConfig, PlacementNetwork
from workbench.place.environment_problem import make_problem
from workbench.place.environment_synthetic import synthetic_design
from workbench.place.observation import graph_of
from workbench.place.vec_env import EpisodeBatch


@pytest.fixture(scope="module")
def problems():
    designs = [synthetic_design(1, macros=5, columns=8, rows=7), synthetic_design(2, macros=9, columns=11, rows=10)]
    return [make_problem(design.netlist, design.canvas) for design in designs]


def _stir(network):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))


def _observation(problem, padded=None, steps=3):
    batch = EpisodeBatch(problem, 2, padded)
    batch.reset()
    for _ in range(steps):
        batch.step(np.array([np.flatnonzero(mask)[-1] for mask in batch.action_masks()]))
    return batch, {name: torch.as_tensor(value) for name, value in batch.observation().items()}


def test_split_weight_messages_equal_a_layer_on_the_concatenated_ends_edge_by_edge(problems):
    config = NetworkConfig(width=4, layers=2)
    gnn, graph = EdgeGnn(config), graph_of(problems[0])
    _stir(gnn)
    features, weight = torch.from_numpy(graph.features), torch.from_numpy(graph.edge_weight)
    fast = gnn(features, torch.from_numpy(graph.edge_a), torch.from_numpy(graph.edge_b), weight)
    h = torch.relu(gnn.embed(features))
    for layer in range(config.layers):
        joint = torch.cat(
            [gnn.from_a[layer].weight, gnn.from_b[layer].weight, gnn.from_weight[layer][:, None]], dim=1
        )  # fmt: skip
        message = {node: [] for node in range(len(h))}
        for a, b, w in zip(graph.edge_a, graph.edge_b, weight, strict=True):
            ends = [torch.cat([h[i], h[j], w[None]]) for i, j in ((a, b), (b, a))]
            e = 0.5 * sum(torch.relu(joint @ end + gnn.from_a[layer].bias) for end in ends)
            message[int(a)].append(e)
            message[int(b)].append(e)
        h = torch.stack([h[i] + torch.stack(m).mean(0) if m else h[i] for i, m in message.items()])
    torch.testing.assert_close(fast, h, atol=1e-5, rtol=1e-4)


def test_an_untrained_policy_prefers_no_cell(problems):
    network = PlacementNetwork(problems[:1], 7, 8, NetworkConfig())
    _, observation = _observation(problems[0])
    logits, _ = network(observation, network.encode())
    assert logits.shape == (2, 56)
    assert (logits == 0).all()


def test_several_designs_in_one_table_get_what_each_gets_alone(problems):
    together = PlacementNetwork(problems, 10, 11, NetworkConfig())
    _stir(together)
    for index, problem in enumerate(problems):
        alone = PlacementNetwork([problem], 10, 11, NetworkConfig())
        alone.load_state_dict(together.state_dict())
        _, observation = _observation(problem, (10, 11))
        expected = alone(observation, alone.encode())
        missing = together.table.steps - problem.steps
        observation["macros"] = torch.nn.functional.pad(observation["macros"], (0, 0, 0, missing))
        observation["netlist_index"] = torch.full((2, 1), index)
        for got, want in zip(together(observation, together.encode()), expected, strict=True):
            torch.testing.assert_close(got, want)


def test_masked_cells_are_never_chosen_and_greedy_takes_the_likeliest(problems):
    from workbench.place.agents.policy_masked import PlacementPolicy
    from workbench.place.agents.training_env import PlacementVecEnv

    environment = PlacementVecEnv(problems[:1], 2)
    policy = PlacementPolicy(
        environment.observation_space, environment.action_space, lambda _: 1e-3, problems=problems[:1]
    )  # fmt: skip
    _stir(policy.network)
    batch, observation = _observation(problems[0], steps=1)
    masks = batch.action_masks()
    with torch.no_grad():
        logits, _ = policy.network(observation, policy.network.encode())
    for deterministic in (False, True):
        actions, _, log_probability = policy(observation, deterministic=deterministic, action_masks=masks)
        assert masks[np.arange(2), actions.numpy()].all()
        legal = torch.where(torch.from_numpy(masks), logits, -torch.inf).log_softmax(dim=1)
        torch.testing.assert_close(log_probability, legal[torch.arange(2), actions], atol=1e-4, rtol=1e-4)
        if deterministic:
            assert torch.equal(actions, legal.argmax(dim=1))
