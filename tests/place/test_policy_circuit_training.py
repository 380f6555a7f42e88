"""The published network: its size, and equal to a plain version that pads its edges, whatever the order of the nodes."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from workbench.base.errors import InputError
from workbench.place.agents import policy_circuit_training
from workbench.place.agents.policy import NetworkConfig, make_network
from workbench.place.agents.policy_circuit_training import static_graph
from workbench.place.environment_problem import make_problem
from workbench.place.environment_synthetic import synthetic_design
from workbench.place.vec_env import EpisodeBatch


@pytest.fixture(scope="module")
def problem():
    design = synthetic_design(2, macros=7, columns=11, rows=10)
    return make_problem(design.netlist, design.canvas)


@pytest.fixture(scope="module")
def network(problem):
    torch.manual_seed(3)
    made = make_network(NetworkConfig("circuit_training"), [problem], 10, 11)
    with torch.no_grad():
        for module in made.modules():
            if hasattr(module, "bias") and isinstance(module.bias, torch.Tensor):
                module.bias.normal_(std=0.3)
    return made


def _observation(problem, steps=3):
    batch = EpisodeBatch(problem, 2)
    batch.reset()
    for _ in range(steps):
        batch.step(np.array([np.flatnonzero(mask)[-1] for mask in batch.action_masks()]))
    return {name: torch.as_tensor(value) for name, value in batch.observation().items()}


def _plain(network, observation, graph, edges):
    """The 56 numbers of the first episode by plain loops over the edges, padded with zeros to `edges`."""
    nodes, own = graph.nodes.clone(), graph.macro_node
    for macro, node in enumerate(own):
        x, y, placed = observation["macros"][0, macro]
        if placed:
            nodes[node, 0], nodes[node, 1], nodes[node, 7] = x * graph.scale[0], y * graph.scale[1], 1.0
    h = torch.relu(network.node(nodes))
    for layer in network.messages:
        e, at = torch.zeros(edges, 8), [[] for _ in h]
        for k, (i, j) in enumerate(zip(*graph.ends.tolist(), strict=True)):
            w = graph.edge_weight[k : k + 1]
            both = [torch.relu(layer.dense(torch.cat([h[p], h[q], w]))) for p, q in ((i, j), (j, i))]
            e[k] = 0.5 * (both[0] + both[1])
            at[i].append(e[k])
            at[j].append(e[k])
        h = torch.stack([h[i] + torch.stack(found).mean(dim=0) if found else h[i] for i, found in enumerate(at)])
    current = h[own[int(observation["current_macro"][0])]]
    attention = (network.key(h) @ network.query(current)).softmax(dim=0)
    summary = [e.mean(dim=0), e.var(dim=0, unbiased=False), e.amax(dim=0), e.amin(dim=0)]
    return torch.cat([torch.relu(network.meta(graph.metadata)), *summary, attention @ network.value(h), current])


def test_it_has_the_weights_that_its_description_adds_up_to(network):
    node, meta, messages, attention = 8 * 8 + 8, 12 * 8 + 8, 3 * (17 * 8 + 8), 3 * (8 * 8 + 8)
    image = 56 * 2048 + 2048
    deconvolutions = sum(9 * a * b + b for a, b in ((32, 16), (16, 8), (8, 4), (4, 2), (2, 1)))
    value = (56 * 32 + 32) + (32 * 8 + 8) + (8 + 1)
    expected = node + meta + messages + attention + image + deconvolutions + value
    assert sum(parameter.numel() for parameter in network.parameters()) == expected == 125_826


def test_it_equals_a_plain_version_with_padded_edges(network, problem, monkeypatch):
    observation, graph = _observation(problem), static_graph(problem)
    for edges in (graph.ends.shape[1], graph.ends.shape[1] + 50):
        monkeypatch.setattr(policy_circuit_training, "EDGES", edges)
        with torch.no_grad():
            fast = network.embed(observation["macros"], observation["current_macro"][:, 0], graph)
            torch.testing.assert_close(fast[0], _plain(network, observation, graph, edges), atol=1e-5, rtol=1e-4)


def test_the_order_of_the_nodes_does_not_matter(network, problem):
    observation, graph = _observation(problem), static_graph(problem)
    new = torch.randperm(len(graph.nodes), generator=torch.Generator().manual_seed(1))  # new[i]: old node at place i
    place = torch.argsort(new)
    permuted = replace(
        graph, nodes=graph.nodes[new], ends=place[graph.ends], incident=graph.incident[new],
        macro_node=place[graph.macro_node],
    )  # fmt: skip
    arguments = observation["macros"], observation["current_macro"][:, 0]
    torch.testing.assert_close(network.embed(*arguments, permuted), network.embed(*arguments, graph), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("sizes", [[(10, 11)], [(128, 128)], [(1, 2)], [(9, 64), (31, 8)]])
def test_only_the_cells_in_the_middle_are_computed_and_they_are_those_of_the_whole_image(network, problem, sizes):
    summary = torch.randn(len(sizes), 56, generator=torch.Generator().manual_seed(5))
    h = torch.relu(network.to_image(summary)).reshape(-1, 32, 8, 8)
    for layer in network.doublings:
        h = torch.relu(layer(h))
    whole = network.last(h)[:, 0]
    most = [max(size) for size in zip(*sizes, strict=True)]
    problems = [replace(problem, canvas=replace(problem.canvas, rows=rows, columns=columns)) for rows, columns in sizes]
    other = copy.deepcopy(network)
    other.use_for(problems, *most)
    logits = other._on_grid(other._images(summary), torch.arange(len(sizes))).reshape(len(sizes), *most)
    for found, expected, (rows, columns) in zip(logits, whole, sizes, strict=True):
        up, right = (128 - rows) // 2, (128 - columns) // 2
        torch.testing.assert_close(found[:rows, :columns], expected[up : up + rows, right : right + columns])


def test_a_grid_larger_than_the_published_one_is_refused(problem):
    canvas = replace(problem.canvas, columns=129)
    with pytest.raises(InputError) as error:
        static_graph(replace(problem, canvas=canvas))
    assert str(error.value) == (
        "synthetic_2: found a grid of 129 × 10, expected at most 128 × 128; use --network cells."
    )  # fmt: skip
