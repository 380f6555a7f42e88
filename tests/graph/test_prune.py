"""Pruned networks compute what the whole ones do with the removed channels at zero, and have less to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import helper, numpy_helper

from workbench.base.errors import InputError
from workbench.cli.app import app
from workbench.compiler.execute import run_network
from workbench.core.config import load_core
from workbench.graph.graph import Graph
from workbench.graph.macs import count_macs
from workbench.graph.onnx_reader import parse_onnx
from workbench.graph.prune import prune_channels, prune_weights
from workbench.graph.reference import random_inputs, run_reference
from workbench.graph.zoo import load_model

Build = Callable[..., Graph]


@pytest.fixture
def constants() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {
        "a": (16, 8, 3, 3), "a_bias": (16,), "b": (16, 16, 3, 3), "b_bias": (16,), "d": (16, 1, 3, 3), "d_bias": (16,),
        "slope": (1, 16, 1, 1), "c": (12, 16, 1, 1), "c_bias": (12,), "m": (12 * 9, 5), "m_bias": (5,),
    }  # fmt: skip
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def network(build_network: Build, constants: dict[str, np.ndarray]) -> Graph:
    """A residual block, a depthwise layer, factors of channels, and a matrix behind places of an image."""
    nodes = [
        helper.make_node("Conv", ["x", "a", "a_bias"], ["a0"], name="first", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a0"], ["a1"]),
        helper.make_node("Conv", ["a1", "b", "b_bias"], ["b0"], name="second", pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["a1", "b0"], ["s"]), helper.make_node("Relu", ["s"], ["s1"]),
        helper.make_node("Conv", ["s1", "d", "d_bias"], ["d0"], name="apart", group=16),
        helper.make_node("Mul", ["d0", "slope"], ["d1"]),
        helper.make_node("Conv", ["d1", "c", "c_bias"], ["c0"], name="third"),
        helper.make_node("Flatten", ["c0"], ["f"]), helper.make_node("Gemm", ["f", "m", "m_bias"], ["y"], name="last"),
    ]  # fmt: skip
    return build_network(nodes, {"x": (1, 8, 5, 5)}, ["y"], constants)


def kept(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Places of the biases that are still there."""
    return np.array([int(np.flatnonzero(before == value)[0]) for value in after])


def biases(graph: Graph, model: bytes) -> dict[str, np.ndarray]:
    import onnx

    found = onnx.load_from_string(model).graph
    arrays = {item.name: numpy_helper.to_array(item) for item in found.initializer}
    return {node.name: arrays[node.input[2]] for node in found.node if len(node.input) > 2 and node.op_type == "Conv"}


def test_the_rest_is_what_the_whole_network_computes_with_zeros(build_network: Build, constants) -> None:
    graph = network(build_network, constants)
    pruned = prune_channels(graph, 0.5)
    assert pruned.removed == {"first": 8, "second": 8, "apart": 8, "third": 6} and pruned.kept == ("last",)
    left = biases(graph, pruned.model)
    assert np.array_equal(kept(constants["a_bias"], left["first"]), kept(constants["b_bias"], left["second"]))
    zeroed = {name: array.copy() for name, array in constants.items()}
    stay = {name: kept(constants[f"{name}_bias"], left[layer]) for name, layer in (("a", "first"), ("c", "third"))}
    for name, places in (("a", stay["a"]), ("b", stay["a"]), ("d", stay["a"]), ("c", stay["c"])):
        gone = np.setdiff1d(np.arange(len(constants[name])), places)
        zeroed[name][gone], zeroed[f"{name}_bias"][gone] = 0, 0
    inputs = random_inputs(graph, 1)
    expected = run_reference(network(build_network, zeroed), inputs)["y"]
    np.testing.assert_allclose(run_reference(pruned.graph, inputs)["y"], expected, rtol=1e-4, atol=1e-4)
    assert count_macs(pruned.graph) < 0.4 * count_macs(graph)


def test_a_constant_of_several_layers_is_cut_for_each(build_network: Build, constants) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "a", "a_bias"], ["a0"], name="first"), helper.make_node("Relu", ["a0"], ["a1"]),
        helper.make_node("Conv", ["a1", "b", "a_bias"], ["b0"], name="second"), helper.make_node("Relu", ["b0"], ["b1"]),
        helper.make_node("Conv", ["b1", "c", "c_bias"], ["y"], name="third"),
    ]  # fmt: skip
    pruned = prune_channels(build_network(nodes, {"x": (1, 8, 7, 7)}, ["y"], constants), 0.5)
    assert pruned.removed == {"first": 8, "second": 8}
    assert run_reference(pruned.graph, random_inputs(pruned.graph, 0))["y"].shape == (1, 12, 3, 3)


def test_channels_with_the_smallest_weights_go(build_network: Build, constants) -> None:
    constants["c"][3:9] *= 0.01
    pruned = prune_channels(network(build_network, constants), 0.5)
    left = biases(pruned.graph, pruned.model)["third"]
    assert sorted(kept(constants["c_bias"], left)) == [0, 1, 2, 9, 10, 11]


def test_a_pruned_network_takes_fewer_cycles() -> None:
    graph, core = load_model("mlperf_tiny_kws"), load_core("thead_c906")
    pruned = prune_channels(graph, 0.5, multiple=8)
    whole, half = (run_network(g, core, check=True) for g in (graph, pruned.graph))
    assert half.relative_error is not None and half.relative_error < 1e-4
    assert half.result.cycles < 0.5 * whole.result.cycles


@pytest.mark.parametrize("is_global", [False, True])
def test_small_weights_become_zero(build_network: Build, constants, is_global: bool) -> None:
    constants["b"] *= 0.01
    graph = network(build_network, constants)
    pruned = prune_weights(graph, 0.6, is_global)
    assert pruned.zeros == pytest.approx(0.6, abs=0.01)
    arrays = {name: array for name, array in pruned.graph.constants.items() if array.ndim == 4}
    small = [float((array == 0).mean()) for array in arrays.values() if 0 < np.abs(array).max() < 0.5]
    assert all(part > 0.95 for part in small) if is_global else all(part < 0.65 for part in small)


def _conv(name: str, source: str, target: str, *constants: str) -> Any:
    return helper.make_node("Conv", [source, *constants], [target], name=name)


def _arrays(**shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


NETWORKS: dict[str, tuple[list[Any], tuple[int, ...], dict[str, np.ndarray], dict[str, int]]] = {
    # nodes, shape of x, constants, and for each constant that reads the 8 channels of `w` their axis
    "a slope that two layers share": (
        [_conv("a", "x", "h", "w"), helper.make_node("PRelu", ["h", "s"], ["h1"]), _conv("b", "h1", "g", "v"),
         helper.make_node("PRelu", ["g", "s"], ["y"])],
        (1, 4, 5, 5), _arrays(w=(8, 4, 1, 1), v=(8, 8, 1, 1), s=(8, 1, 1)), {"v": 1},
    ),
    "a normalization behind a Flatten": (
        [_conv("a", "x", "h", "w"), helper.make_node("Flatten", ["h"], ["f"]),
         helper.make_node("BatchNormalization", ["f", "g", "b", "m", "n"], ["r"]), helper.make_node("Relu", ["r"], ["r1"]),
         helper.make_node("Gemm", ["r1", "v"], ["y"])],
        (1, 4, 3, 3), _arrays(w=(8, 4, 1, 1), g=(72,), b=(72,), m=(72,), v=(72, 5)) | {"n": np.ones(72, np.float32)},
        {"v": 0},
    ),
    "a Resize to sizes": (
        [_conv("a", "x", "h", "w"),
         helper.make_node("Resize", ["h", "", "", "n"], ["r"], coordinate_transformation_mode="asymmetric",
                          nearest_mode="floor"),
         _conv("c", "r", "y", "v")],
        (1, 4, 3, 3), _arrays(w=(8, 4, 1, 1), v=(3, 8, 1, 1)) | {"n": np.array([1, 8, 6, 6])}, {"v": 1},
    ),
    "a bias of one number": (
        [helper.make_node("Gemm", ["x", "w", "b"], ["h"], transB=1), helper.make_node("Gemm", ["h", "v"], ["y"])],
        (2, 6), _arrays(w=(8, 6), b=(1,), v=(8, 3)), {"v": 0},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_without_channels_it_computes_what_it_does_when_nothing_reads_them(name: str, build_network: Build) -> None:
    nodes, shape, arrays, readers = NETWORKS[name]
    graph = build_network(nodes, {"x": shape}, ["y"], arrays)
    pruned = prune_channels(graph, 0.5)
    left = next(a for a in pruned.graph.constants.values() if a.size == arrays["w"].size // 2 and a.ndim == arrays["w"].ndim)
    rows = left.reshape(4, -1) if left.shape[0] == 4 else left.reshape(-1, 4).T
    stay = [
        place for place, row in enumerate(arrays["w"].reshape(8, -1)) if any(np.array_equal(row, other) for other in rows)
    ]
    assert len(stay) == 4
    unread = dict(arrays)
    for reader, axis in readers.items():
        part = np.moveaxis(arrays[reader].copy(), axis, 0)
        part.reshape(8, -1)[np.setdiff1d(np.arange(8), stay)] = 0
        unread[reader] = np.moveaxis(part, 0, axis)
    inputs = random_inputs(graph, 2)
    expected = run_reference(build_network(nodes, {"x": shape}, ["y"], unread), inputs)["y"]
    np.testing.assert_allclose(run_reference(pruned.graph, inputs)["y"], expected, rtol=1e-4, atol=1e-4)


def test_of_equal_weights_no_more_become_zero_than_asked(build_network: Build) -> None:
    arrays = {"w": np.ones((8, 4, 1, 1), np.float32), "v": np.ones((3, 8, 1, 1), np.float32)}
    graph = build_network([_conv("a", "x", "h", "w"), _conv("b", "h", "y", "v")], {"x": (1, 4, 5, 5)}, ["y"], arrays)
    for is_global in (False, True):
        assert prune_weights(graph, 0.25, is_global).zeros == 0.25


def test_it_says_why_layers_keep_their_channels(build_network: Build, constants) -> None:
    assert prune_channels(network(build_network, constants), 0.5).reasons == {"last": "outputs of the network"}
    reasons = prune_channels(load_model("squeezenet"), 0.5, 8).reasons
    assert reasons["fire2_expand1x1"] == "Concat moves or mixes channels"


@pytest.mark.parametrize("sparsity", ["-0.1", "1", "nan"])
def test_impossible_parts_are_refused(sparsity: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["prune", "mlperf_tiny_kws", "-o", str(tmp_path / "p.onnx"), "--sparsity", sparsity])
    assert isinstance(done.exception, InputError) and "--sparsity" in str(done.exception)


def test_a_network_without_inner_channels_is_refused(build_network: Build) -> None:
    weights = np.ones((4, 4, 1, 1), np.float32)
    graph = build_network([helper.make_node("Conv", ["x", "w"], ["y"])], {"x": (1, 4, 3, 3)}, ["y"], {"w": weights})
    with pytest.raises(InputError, match="no channels that can be removed"):
        prune_channels(graph, 0.5)


def test_the_command_writes_a_network_that_can_be_read(tmp_path: Path) -> None:
    target = tmp_path / "pruned.onnx"
    done = CliRunner().invoke(app, ["prune", "mlperf_tiny_kws", "-o", str(target), "--sparsity", "0.25"])
    assert done.exit_code == 0, done.output
    assert "channels_removed" in done.output
    assert parse_onnx(target.read_bytes(), "pruned", "pruned").nodes


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenet_v2", "mobilenet_v3", "efficientnet_b0", "squeezenet", "googlenet", "shufflenet_v2"]
)
def test_networks_of_the_zoo_can_be_pruned(name: str) -> None:
    graph = load_model(name)
    pruned = prune_channels(graph, 0.3, multiple=8)
    assert count_macs(pruned.graph) < 0.95 * count_macs(graph)
    outputs = run_reference(pruned.graph, random_inputs(pruned.graph, 0))
    assert all(np.isfinite(value).all() for value in outputs.values())
