"""Networks on several threads: what the second core is worth where there is work for it, and where there is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from onnx import helper

from workbench.compiler.execute import NetworkResult, run_network
from workbench.core.config import CoreConfig
from workbench.graph.graph import Graph


@pytest.fixture(scope="module")
def run_convolution(xiangshan: CoreConfig) -> Callable[[Graph, int], NetworkResult]:
    def run(graph: Graph, threads: int) -> NetworkResult:
        return run_network(graph, xiangshan, threads=threads)

    return run


@pytest.fixture
def convolution(build_network: Callable[..., Graph]) -> Graph:
    """32 channels to 64, 3 x 3, of an image of 14 x 14: 3.6 million multiply-adds."""
    weights = {"w": np.random.default_rng(0).standard_normal((64, 32, 3, 3)).astype(np.float32)}
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], name="c", pads=[1] * 4)]
    return build_network(nodes, {"x": (1, 32, 14, 14)}, ["y"], weights)


def test_two_threads_need_little_more_than_half_the_time_of_one_for_a_convolution(
    run_convolution: Callable[[Graph, int], NetworkResult], convolution: Graph
) -> None:
    one, two = (run_convolution(convolution, threads) for threads in (1, 2))
    assert two.relative_error < 1e-4
    layers = [run.layers[0].cycles for run in (one, two)]
    assert 0.5 < layers[1] / layers[0] < 0.62
    assert two.result.cycles < one.result.cycles


def test_runs_of_two_threads_repeat_exactly(
    run_convolution: Callable[[Graph, int], NetworkResult], convolution: Graph
) -> None:
    first, second = (run_convolution(convolution, 2).result for _ in range(2))
    assert (first.cycles, first.instructions, first.harts) == (second.cycles, second.instructions, second.harts)


def test_a_layer_that_one_thread_runs_alone_takes_its_time(
    run_convolution: Callable[[Graph, int], NetworkResult], build_network: Callable[..., Graph]
) -> None:
    graph = build_network([helper.make_node("Softmax", ["x"], ["y"], axis=1)], {"x": (1, 3000)}, ["y"], {})
    one, two = (run_convolution(graph, threads).layers[0].cycles for threads in (1, 2))
    assert two == pytest.approx(one, rel=0.05)
