"""Our placement network: blind to padding, masked, the same weights on any design; the same of the published one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.base.errors import InputError
from workbench.place.agents.policy import NETWORKS, NetworkConfig, make_network
from workbench.place.environment_problem import make_problem
from workbench.place.environment_synthetic import synthetic_design
from workbench.place.vec_env import EpisodeBatch


@pytest.fixture(scope="module")
def problems():
    designs = [synthetic_design(1, macros=5, columns=8, rows=7), synthetic_design(2, macros=9, columns=11, rows=10)]
    return [make_problem(design.netlist, design.canvas) for design in designs]


def _stirred(network):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    return network


def _observation(problem, padded=None, steps=3):
    batch = EpisodeBatch(problem, 2, padded)
    batch.reset()
    for _ in range(steps):
        batch.step(np.array([np.flatnonzero(mask)[-1] for mask in batch.action_masks()]))
    return batch, {name: torch.as_tensor(value) for name, value in batch.observation().items()}


def test_an_untrained_policy_prefers_no_cell(problems):
    network = make_network(NetworkConfig(), problems[:1], 7, 8)
    _, observation = _observation(problems[0])
    logits, _ = network(observation, network.encode())
    assert logits.shape == (2, 56)
    assert (logits == 0).all()


@pytest.mark.parametrize("kind", sorted(NETWORKS))
def test_several_designs_on_a_padded_grid_get_what_each_gets_alone_on_its_own(problems, kind):
    together = _stirred(make_network(NetworkConfig(kind), problems, 10, 11))
    for index, problem in enumerate(problems):
        rows, columns = problem.canvas.rows, problem.canvas.columns
        alone = make_network(NetworkConfig(kind), [problem], rows, columns)
        alone.load_state_dict(together.state_dict())
        _, observation = _observation(problem)
        logits, values = alone(observation, alone.encode())
        _, observation = _observation(problem, (10, 11))
        observation["macros"] = torch.nn.functional.pad(observation["macros"], (0, 0, 0, 9 - problem.steps))
        observation["netlist_index"] = torch.full((2, 1), index)
        padded_logits, padded_values = together(observation, together.encode())
        inside = padded_logits.reshape(2, 10, 11)[:, :rows, :columns].flatten(1)
        torch.testing.assert_close(inside, logits, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(padded_values, values, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", sorted(NETWORKS))
def test_sharpening_divides_the_logits_by_the_temperature_and_leaves_the_values(problems, kind):
    network = _stirred(make_network(NetworkConfig(kind), problems[:1], 7, 8))
    _, observation = _observation(problems[0])
    logits, values = network(observation, network.encode())
    network.sharpen(0.5)
    sharper, same = network(observation, network.encode())
    torch.testing.assert_close(sharper, logits / 0.5)
    torch.testing.assert_close(same, values)


def test_an_unknown_network_is_refused(problems):
    with pytest.raises(InputError) as error:
        make_network(NetworkConfig("cell"), problems, 10, 11)
    assert str(error.value) == (
        "--network: found 'cell', expected one of cells, circuit_training; correct the name."
    )  # fmt: skip


@pytest.mark.parametrize("kind", sorted(NETWORKS))
def test_masked_cells_are_never_chosen_and_greedy_takes_the_likeliest(problems, kind):
    from workbench.place.agents.policy_masked import PlacementPolicy
    from workbench.place.agents.training_env import PlacementVecEnv

    environment = PlacementVecEnv(problems[:1], 2)
    policy = PlacementPolicy(
        environment.observation_space, environment.action_space, lambda _: 1e-3, problems=problems[:1],
        network=NetworkConfig(kind),
    )  # fmt: skip
    _stirred(policy.network)
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
