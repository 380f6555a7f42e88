"""The edges' messages: values and gradients of torch's own operators, also where messages tie or there are no edges."""

from __future__ import annotations

import pytest
import torch

from workbench.place.agents.edge_messages import edge_messages

EPISODES, NODES = 3, 9


def _plain(h, first, second, bias, ends):
    """The same with a tensor of every edge's message."""
    at_a, at_b = h[:, ends[0]], h[:, ends[1]]
    ways = [torch.relu(p @ first.T + q @ second.T + bias) for p, q in ((at_a, at_b), (at_b, at_a))]
    message = 0.5 * (ways[0] + ways[1])
    at_node = torch.zeros_like(h).index_add(1, ends[0], message).index_add(1, ends[1], message)
    return at_node, message.sum(dim=1), (message**2).sum(dim=1), message.amax(dim=1), message.amin(dim=1)


def _arguments(edges, seed=0):
    """Embeddings, weights and edges; the last two edges join the same kinds of nodes, so that their messages tie."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (EPISODES, NODES, 8), (8, 8), (8, 8), (edges, 8)
    h, first, second, bias = (torch.randn(shape, generator=generator) for shape in shapes)
    a = torch.randint(NODES - 1, (edges,), generator=generator)
    ends = torch.stack([a, a + 1])
    if edges > 1:
        bias[-1], ends[:, -1] = bias[-2], ends[:, -2]
    return [value.requires_grad_() for value in (h, first, second, bias)], ends


@pytest.mark.parametrize("edges", [1, 40])
@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_values_and_gradients_are_those_of_torch(edges, scale):
    given, ends = _arguments(edges)
    with torch.no_grad():
        given[3][-2:] += scale  # the highest ones are those that tie
    found = edge_messages(*given, ends)
    values = found.at_node, found.total, found.squares, found.highest, found.lowest
    expected = _plain(*given, ends)
    weights = [torch.randn(value.shape, generator=torch.Generator().manual_seed(k)) for k, value in enumerate(expected)]
    gradients = []
    for results in (values, expected):
        loss = sum((weight * result).sum() for weight, result in zip(weights, results, strict=True))
        gradients.append(torch.autograd.grad(loss, given))
    for ours, theirs in zip((*values, *gradients[0]), (*expected, *gradients[1]), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_a_graph_without_edges_has_zeros():
    given, ends = _arguments(0)
    found = edge_messages(*given, ends)
    assert not any(value.any() for value in (found.at_node, found.total, found.squares, found.highest, found.lowest))
    (found.at_node.sum() + found.highest.sum()).backward()
    assert not given[0].grad.any()
