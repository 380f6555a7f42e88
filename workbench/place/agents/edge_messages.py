"""Messages along the edges of a graph and their sums at the nodes, for a batch of episodes, with gradients, in one pass.

torch would write, read and keep eight numbers for every edge, direction and episode. Here an edge's message exists in a
register only: forwards it is added to its two nodes and to the numbers over all edges, backwards it is computed again.
Eight channels are one vector of 32 bytes, which is the width of the published network.

Model: the edge function of cost-and-environment §8 (Mirhoseini et al., Nature 594, 2021). Backed by
tests/place/test_edge_messages.py, against torch's own operators and gradients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from llvmlite import ir

from workbench.base.jit import intrinsic, kernel

WIDTH = 8
_BYTES = 4 * WIDTH
_SUM, _SQUARES, _HIGHEST, _LOWEST, _AT_HIGHEST, _AT_LOWEST = range(6)
_SUMMARIES = 6
"""Rows of the numbers over all edges; the last two count the edges at which the highest and the lowest message are."""
_VECTOR = ir.VectorType(ir.FloatType(), WIDTH)


@dataclass(frozen=True)
class Messages:
    """What the edges of each of B episodes give.

    Attributes
    ----------
    at_node: (B, nodes, 8), sum of the messages of a node's edges.
    total, squares, highest, lowest: (B, 8), over all edges; zeros where there are none.
    """

    at_node: torch.Tensor
    total: torch.Tensor
    squares: torch.Tensor
    highest: torch.Tensor
    lowest: torch.Tensor


def edge_messages(
    h: torch.Tensor, first: torch.Tensor, second: torch.Tensor, bias: torch.Tensor, ends: torch.Tensor
) -> Messages:
    """Messages ``(relu(F h_a + S h_b + bias) + relu(F h_b + S h_a + bias)) / 2`` of edges between nodes a and b.

    `h` (B, nodes, 8) are the embeddings, `first` F and `second` S (8, 8), `bias` (edges, 8) is what an edge brings itself,
    `ends` (2, edges), int64, has a and b. Gradients go to all but `ends`; where several edges have the highest or lowest
    message they share its gradient, as in torch.
    """
    at_node, summary = _EdgeMessages.apply(h @ first.T, h @ second.T, bias, ends)  # type: ignore[no-untyped-call]
    return Messages(at_node, summary[:, _SUM], summary[:, _SQUARES], summary[:, _HIGHEST], summary[:, _LOWEST])


class _EdgeMessages(torch.autograd.Function):
    """(h F, h S, bias, ends) to the sums at the nodes and the numbers over all edges, (B, 6, 8)."""

    @staticmethod
    def forward(
        ctx: Any, as_first: torch.Tensor, as_second: torch.Tensor, bias: torch.Tensor, ends: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        as_first, as_second, bias = as_first.contiguous(), as_second.contiguous(), bias.contiguous()
        at_node, summary = torch.zeros_like(as_first), as_first.new_zeros(len(as_first), _SUMMARIES, WIDTH)
        summary[:, _HIGHEST], summary[:, _LOWEST] = (-np.inf, np.inf) if ends.shape[1] else (0.0, 0.0)
        _send(*(tensor.detach().numpy() for tensor in (as_first, as_second, bias, ends, at_node, summary)))
        ctx.save_for_backward(as_first, as_second, bias, ends, summary)
        return at_node, summary

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        as_first, as_second, bias, ends, summary = ctx.saved_tensors
        of_node, of_summary = (gradient.contiguous() for gradient in gradients)
        shared = of_summary.clone()
        for extreme, count in ((_HIGHEST, _AT_HIGHEST), (_LOWEST, _AT_LOWEST)):
            shared[:, extreme] /= summary[:, count].clamp(min=1.0)
        found = torch.zeros_like(as_first), torch.zeros_like(as_second), torch.zeros_like(bias)
        given = as_first, as_second, bias, ends, summary, of_node, shared
        _send_back(*(tensor.detach().numpy() for tensor in (*given, *found)))
        return *found, None


def _pointers(builder: Any, addresses: Any) -> list[Any]:
    return [builder.inttoptr(address, _VECTOR.as_pointer()) for address in addresses]


def _constant(value: float) -> Any:
    return ir.Constant(_VECTOR, [value] * WIDTH)


def _load(builder: Any, pointer: Any) -> Any:
    return builder.load(pointer, align=4)


def _add_to(builder: Any, pointer: Any, value: Any) -> None:
    builder.store(builder.fadd(builder.load(pointer, align=4), value), pointer, align=4)


def _row(builder: Any, summary: Any, number: int) -> Any:
    return builder.gep(summary, [ir.IntType(64)(number)])


def _both_ways(builder: Any, first_a: Any, first_b: Any, second_a: Any, second_b: Any, bias: Any) -> tuple[Any, Any, Any]:
    """What goes into the two rectifiers, and the message."""
    zero, own = _constant(0.0), _load(builder, bias)
    ways = []
    for first, second in ((first_a, second_b), (first_b, second_a)):
        ways.append(builder.fadd(builder.fadd(_load(builder, first), _load(builder, second)), own))
    passed = [builder.select(builder.fcmp_ordered(">", way, zero), way, zero) for way in ways]
    return ways[0], ways[1], builder.fmul(builder.fadd(*passed), _constant(0.5))


@intrinsic
def _forward_edge(
    typing_context: Any, first_a: Any, first_b: Any, second_a: Any, second_b: Any, bias: Any, to_a: Any, to_b: Any,
    summary: Any,
) -> Any:  # fmt: skip
    """One edge forwards; the arguments are addresses of eight numbers, `summary` of the first of its rows."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        *places, to_a, to_b, summary = _pointers(builder, arguments)
        *_, message = _both_ways(builder, *places)
        for place in (to_a, to_b, _row(builder, summary, _SUM)):
            _add_to(builder, place, message)
        _add_to(builder, _row(builder, summary, _SQUARES), builder.fmul(message, message))
        for extreme, count, sign in ((_HIGHEST, _AT_HIGHEST, ">"), (_LOWEST, _AT_LOWEST, "<")):
            most, many = (_row(builder, summary, row) for row in (extreme, count))
            old = _load(builder, most)
            is_new, is_equal = builder.fcmp_ordered(sign, message, old), builder.fcmp_ordered("==", message, old)
            more = builder.fadd(_load(builder, many), builder.select(is_equal, _constant(1.0), _constant(0.0)))
            builder.store(builder.select(is_new, message, old), most, align=4)
            builder.store(builder.select(is_new, _constant(1.0), more), many, align=4)
        return arguments[0]

    places = first_a, first_b, second_a, second_b, bias, to_a, to_b, summary
    return first_a(*places), emit


@intrinsic
def _backward_edge(
    typing_context: Any, first_a: Any, first_b: Any, second_a: Any, second_b: Any, bias: Any, from_a: Any, from_b: Any,
    summary: Any, from_summary: Any, to_first_a: Any, to_first_b: Any, to_second_a: Any, to_second_b: Any, to_bias: Any,
) -> Any:  # fmt: skip
    """One edge backwards: gradients at its nodes and over all edges (`from_`) to those of what the message came from."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        places = _pointers(builder, arguments)
        (from_a, from_b, summary, from_summary), targets = places[5:9], places[9:]
        forth, back, message = _both_ways(builder, *places[:5])
        gradient = builder.fadd(_load(builder, from_a), _load(builder, from_b))
        gradient = builder.fadd(gradient, _load(builder, _row(builder, from_summary, _SUM)))
        of_squares = builder.fmul(_load(builder, _row(builder, from_summary, _SQUARES)), _constant(2.0))
        gradient = builder.fadd(gradient, builder.fmul(of_squares, message))
        for extreme in (_HIGHEST, _LOWEST):
            is_it = builder.fcmp_ordered("==", message, _load(builder, _row(builder, summary, extreme)))
            share = builder.select(is_it, _load(builder, _row(builder, from_summary, extreme)), _constant(0.0))
            gradient = builder.fadd(gradient, share)
        half, zero = builder.fmul(gradient, _constant(0.5)), _constant(0.0)
        of_forth, of_back = (builder.select(builder.fcmp_ordered(">", way, zero), half, zero) for way in (forth, back))
        first_a, first_b, second_a, second_b, to_bias = targets
        for target, value in ((first_a, of_forth), (second_b, of_forth), (first_b, of_back), (second_a, of_back)):
            _add_to(builder, target, value)
        _add_to(builder, to_bias, builder.fadd(of_forth, of_back))
        return arguments[0]

    places = first_a, first_b, second_a, second_b, bias, from_a, from_b, summary, from_summary
    return first_a(*places, to_first_a, to_first_b, to_second_a, to_second_b, to_bias), emit


@kernel
def _send(
    as_first: np.ndarray, as_second: np.ndarray, bias: np.ndarray, ends: np.ndarray, at_node: np.ndarray, summary: np.ndarray
) -> None:
    """All episodes forwards; float32 in rows of eight, C order, `ends` int64."""
    episodes, nodes, edges = as_first.shape[0], as_first.shape[1], ends.shape[1]
    for episode in range(episodes):
        own = episode * nodes * _BYTES
        first, second, to = as_first.ctypes.data + own, as_second.ctypes.data + own, at_node.ctypes.data + own
        over_all = summary.ctypes.data + episode * _SUMMARIES * _BYTES
        for edge in range(edges):
            a, b = ends[0, edge] * _BYTES, ends[1, edge] * _BYTES
            _forward_edge(
                first + a, first + b, second + a, second + b, bias.ctypes.data + edge * _BYTES, to + a, to + b, over_all
            )  # fmt: skip


@kernel
def _send_back(
    as_first: np.ndarray, as_second: np.ndarray, bias: np.ndarray, ends: np.ndarray, summary: np.ndarray,
    of_node: np.ndarray, of_summary: np.ndarray, to_first: np.ndarray, to_second: np.ndarray, to_bias: np.ndarray,
) -> None:  # fmt: skip
    """All episodes backwards; the last three begin with zeros."""
    episodes, nodes, edges = as_first.shape[0], as_first.shape[1], ends.shape[1]
    for episode in range(episodes):
        own, over_all = episode * nodes * _BYTES, episode * _SUMMARIES * _BYTES
        first, second, gradient = as_first.ctypes.data + own, as_second.ctypes.data + own, of_node.ctypes.data + own
        target, other = to_first.ctypes.data + own, to_second.ctypes.data + own
        for edge in range(edges):
            a, b, at = ends[0, edge] * _BYTES, ends[1, edge] * _BYTES, edge * _BYTES
            _backward_edge(
                first + a, first + b, second + a, second + b, bias.ctypes.data + at, gradient + a, gradient + b,
                summary.ctypes.data + over_all, of_summary.ctypes.data + over_all,
                target + a, target + b, other + a, other + b, to_bias.ctypes.data + at,
            )  # fmt: skip
