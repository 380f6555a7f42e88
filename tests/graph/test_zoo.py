"""MobileNetV2 as built by the zoo."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.graph.graph import Graph
from workbench.graph.onnx_reader import make_graph
from workbench.graph.reference import random_inputs, run_reference
from workbench.graph.zoo import MODELS, describe_models, load_model
from workbench.graph.zoo.mobilenet_v2 import build_mobilenet_v2, round_channels


def _macs(graph: Graph) -> int:
    total = 0
    for node in graph.nodes:
        if node.operator == "Conv":
            total += np.prod(graph.shape(node.outputs[0])) * np.prod(graph.shape(node.inputs[1])[1:])
        elif node.operator == "Gemm":
            total += np.prod(graph.shape(node.inputs[1]))
    return int(total)


def test_multiply_accumulates_equal_the_published_counts() -> None:
    """313.619 M: ncnn's mobilenet_v2.param (reference/workloads/model_macs.csv); 300.774 M: torchvision's model card."""
    assert round(_macs(load_model("mobilenet_v2")) / 1e6, 3) == 313.619
    paper = make_graph(build_mobilenet_v2(expand_first=False), "paper", "paper")
    assert round(_macs(paper) / 1e6, 3) == 300.774


@pytest.mark.parametrize(("channels", "rounded"), [(11.2, 16), (8.4, 8), (33.6, 32), (22.4, 24), (1792, 1792)])
def test_channels_are_rounded_as_in_the_reference_implementation(channels: float, rounded: int) -> None:
    assert round_channels(channels) == rounded


def test_the_seed_decides_the_weights() -> None:
    one, same, other = (build_mobilenet_v2(0.35, 32, seed=seed).SerializeToString() for seed in (0, 0, 1))
    assert one == same != other


def test_every_layer_computes_with_finite_values_of_moderate_size() -> None:
    graph = load_model("mobilenet_v2_0.35_96")
    output = run_reference(graph, random_inputs(graph, 0))["probabilities"]
    assert output.shape == (1, 1000) and np.isclose(output.sum(), 1.0, atol=1e-5)
    assert 1e-3 < output.max() < 0.9 and output.min() > 0


def test_every_model_has_a_description() -> None:
    assert set(describe_models()) == set(MODELS) == {"mobilenet_v2", "mobilenet_v2_0.35_96", "squeezenet"}
