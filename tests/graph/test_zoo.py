"""The networks of the zoo: layers as published, seeded weights, values of moderate size."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from workbench.compiler.compile import compile_graph
from workbench.compiler.network import CompiledNetwork
from workbench.core.run import run_program
from workbench.graph.graph import Graph
from workbench.graph.reference import random_inputs, relative_error, run_reference
from workbench.graph.zoo import MODELS, describe_models, load_model
from workbench.graph.zoo.builder import Builder
from workbench.graph.zoo.mobilenets import mobilenet_v2, round_channels
from workbench.isa.target import Target

TARGET = Target("test", 128, 256, False, 65536, 1 << 20)
NCNN = {  # name in reference/workloads/model_macs.csv, computed from ncnn's architecture files
    "mobilenet_v1": "mobilenet", "yolov4_tiny": "yolov4-tiny", "vit_b32_384": "vision_transformer",
    **{name: name for name in (
        "mobilenet_v2", "mobilenet_v3", "efficientnet_b0", "squeezenet", "shufflenet_v2", "googlenet", "vgg16", "resnet18",
        "resnet50",
    )},
}  # fmt: skip
PUBLISHED = {  # millions of multiply-accumulates: where they are given
    "mlperf_tiny_ad": (0.264, "C. Banbury et al., MLPerf Tiny: 640-128x4-8-128x4-640"),
    "mlperf_tiny_ic": (12.5, "the same, 12.5 M"), "mlperf_tiny_kws": (2.7, "the same, 2.7 M"),
    "mlperf_tiny_vww": (7.5, "the same, 7.5 M"), "mobilefacenet": (221, "S. Chen et al., MobileFaceNets, table 2"),
    "mobiledet_edgetpu": (1530, "Y. Xiong et al., MobileDets, table 1"),
    "vit_tiny": (1260, "H. Touvron et al., DeiT, table 5"),
    "ir_50": (6310, "12.6 GFLOPs of IR-50"),
}  # fmt: skip
SMALL = ("mlperf_tiny_ic", "mlperf_tiny_kws", "mlperf_tiny_vww", "mlperf_tiny_ad", "bert_tiny", "llama_step")


@pytest.mark.parametrize("name", NCNN)
def test_work_and_size_equal_those_of_ncnn(name: str, reference: Path) -> None:
    rows = csv.DictReader((reference / "workloads" / "model_macs.csv").open())
    row = next(row for row in rows if row["model"] == NCNN[name])
    count = MODELS[name].count()
    assert round(count.macs / 1e6, 3) == float(row["MACs_M"])
    assert round(count.depthwise_macs / 1e6, 3) == float(row["depthwise_MACs_M"])
    assert count.parameters / 1e6 == pytest.approx(float(row["params_M"]), rel=0.007)  # BatchNormalizations are not folded


@pytest.mark.parametrize("name", PUBLISHED)
def test_work_is_as_published(name: str) -> None:
    assert MODELS[name].count().macs / 1e6 == pytest.approx(PUBLISHED[name][0], rel=0.02)


def test_the_paper_has_no_convolution_in_the_first_expansion() -> None:
    """300.774 M multiply-accumulates: torchvision's model card of MobileNetV2."""
    builder = Builder("paper", with_weights=False)
    mobilenet_v2(builder, expand_first=False)
    assert round(builder.macs / 1e6, 3) == 300.774


@pytest.mark.parametrize(("channels", "rounded"), [(11.2, 16), (8.4, 8), (33.6, 32), (22.4, 24), (1792, 1792)])
def test_channels_are_rounded_as_in_the_reference_implementation(channels: float, rounded: int) -> None:
    assert round_channels(channels) == rounded


def test_the_seed_decides_the_weights() -> None:
    one, same, other = (MODELS["mlperf_tiny_kws"].make(seed=seed).model for seed in (0, 0, 1))
    assert one == same != other


def test_every_layer_computes_with_finite_values_of_moderate_size() -> None:
    graph = load_model("mobilenet_v2_0.35_96")
    output = run_reference(graph, random_inputs(graph, 0))["probabilities"]
    assert output.shape == (1, 1000) and np.isclose(output.sum(), 1.0, atol=1e-5)
    assert 1e-3 < output.max() < 0.9 and output.min() > 0


def test_every_model_has_a_description_with_its_work() -> None:
    found = describe_models()
    assert set(found) == set(MODELS) and len(MODELS) >= 27
    assert found["resnet18"] == "ResNet-18, 224 x 224: 1,826.9 M multiply-accumulates, 11.69 M weights"


def _run(graph: Graph) -> tuple[float, CompiledNetwork]:
    compiled = compile_graph(graph, TARGET)
    inputs = random_inputs(graph, 2)
    result = run_program(compiled.program, None, stdin=compiled.pack_inputs(inputs), timed=False)
    assert result.exit_code == 0
    return relative_error(compiled.unpack_outputs(result.stdout), run_reference(graph, inputs)), compiled


@pytest.mark.parametrize("name", SMALL)
def test_a_small_network_equals_onnxruntime(name: str) -> None:
    error, compiled = _run(load_model(name))
    assert error <= 1e-4
    assert compiled.macs == MODELS[name].count().macs


def test_a_batch_is_computed_image_by_image() -> None:
    error, compiled = _run(load_model("mlperf_tiny_kws", {"batch": 3}))
    assert error <= 1e-4
    assert compiled.outputs == {"probabilities": (3, 12)}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MODELS if name not in SMALL])
def test_a_network_equals_onnxruntime(name: str) -> None:
    error, compiled = _run(load_model(name))
    assert error <= 1e-4
    assert compiled.macs == MODELS[name].count().macs
