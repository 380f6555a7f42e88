"""Elementwise operators run inside the layer before them, and change nothing of what is computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from onnx import helper

from workbench.compiler.fusion import fuse_elementwise
from workbench.compiler.passes import optimise
from workbench.graph.graph import Graph

TOLERANCE = 1e-5
RNG = np.random.default_rng(11)
CONV = {"w": RNG.standard_normal((10, 6, 3, 3)).astype(np.float32), "b": RNG.standard_normal(10).astype(np.float32)}
DEPTHWISE = {"w": RNG.standard_normal((6, 1, 3, 3)).astype(np.float32)}
SLOPES = {"p": RNG.standard_normal((10, 1, 1)).astype(np.float32)}
HALF, SIXTH = {"h": np.float32(0.5)}, {"s": np.float32(1 / 6)}
Node = Any


def _op(operator: str, *inputs: str, to: str, **attributes: object) -> Node:
    return helper.make_node(operator, list(inputs), [to], **attributes)


def _conv() -> Node:
    return _op("Conv", "x", "w", "b", to="c", pads=[1, 1, 1, 1])


CHAINS: dict[str, tuple[list[Node], dict[str, np.ndarray]]] = {
    "Relu": ([_conv(), _op("Relu", "c", to="y")], CONV),
    "Clip": ([_conv(), _op("Clip", "c", "h", to="y")], CONV | HALF),
    "LeakyRelu": ([_conv(), _op("LeakyRelu", "c", to="y", alpha=0.1)], CONV),
    "LeakyRelu that grows": ([_conv(), _op("LeakyRelu", "c", to="y", alpha=-1.5)], CONV),
    "PRelu by channel": ([_conv(), _op("PRelu", "c", "p", to="y")], CONV | SLOPES),
    "Sigmoid": ([_conv(), _op("Sigmoid", "c", to="y")], CONV),
    "Tanh": ([_conv(), _op("Tanh", "c", to="y")], CONV),
    "HardSwish": ([_conv(), _op("HardSwish", "c", to="y")], CONV),
    "HardSigmoid times its argument": (
        [_conv(), _op("HardSigmoid", "c", to="s"), _op("Mul", "s", "c", to="y")], CONV),
    "Silu as two operators": ([_conv(), _op("Sigmoid", "c", to="s"), _op("Mul", "c", "s", to="y")], CONV),
    "Mish as three operators": (
        [_conv(), _op("Softplus", "c", to="s"), _op("Tanh", "s", to="t"), _op("Mul", "c", "t", to="y")], CONV),
    "a residual and Relu": ([_op("Exp", "x", to="r"), _op("Conv", "x", "w", to="c", pads=[1] * 4, group=6),
                             _op("Add", "r", "c", to="a"), _op("Relu", "a", to="y")], DEPTHWISE),
    "a residual of its own input": (
        [_op("Conv", "x", "w", to="c", pads=[1] * 4, group=6), _op("Sub", "x", "c", to="y")], DEPTHWISE),
    "a pool and a scale": (
        [_op("MaxPool", "x", to="c", kernel_shape=[3, 3]), _op("Mul", "c", "h", to="s"), _op("Erf", "s", to="y")], HALF),
    "a transpose of a convolution": (
        [_op("ConvTranspose", "x", "t", to="c", strides=[2, 2]), _op("PRelu", "c", "p", to="y")],
        SLOPES | {"t": RNG.standard_normal((6, 10, 3, 3)).astype(np.float32)}),
    "elementwise operators among themselves": (
        [_op("Add", "x", "h", to="a"), _op("Relu", "a", to="r"), _op("Mul", "r", "s", to="m"),
         _op("Sqrt", "m", to="y")], HALF | SIXTH),
}  # fmt: skip
Build = Callable[..., Graph]


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_one_layer_and_right(name: str, build_network: Build, network_error: Callable[..., float]) -> None:
    nodes, constants = CHAINS[name]
    graph = build_network(nodes, {"x": (2, 6, 7, 9)}, ["y"], constants)
    assert len(optimise(graph).nodes) - (name == "a residual and Relu") == 1
    assert network_error(graph) < TOLERANCE


@pytest.mark.parametrize("vlen_bits", [128, 1024])
def test_matrix_products_take_what_follows(
    vlen_bits: int, build_network: Build, network_error: Callable[..., float]
) -> None:
    """A product of heads with scale and mask, and a fully connected layer with Gelu in five operators."""
    weights = {"w": RNG.standard_normal((16, 40)).astype(np.float32), "b": RNG.standard_normal(40).astype(np.float32)}
    nodes = [
        _op("MatMul", "q", "k", to="m"), _op("Mul", "m", "h", to="s"), _op("Add", "s", "mask", to="t"),
        _op("MatMul", "t", "w", to="f"), _op("Add", "f", "b", to="g"), _op("Mul", "g", "r", to="u"), _op("Erf", "u", to="e"),
        _op("Add", "e", "one", to="p"), _op("Mul", "g", "p", to="v"), _op("Mul", "v", "h", to="y"),
    ]  # fmt: skip
    constants = weights | HALF | {"r": np.float32(0.5**0.5), "one": np.float32(1.0)}
    inputs = {"q": (2, 5, 8), "k": (2, 8, 16), "mask": (5, 16)}
    graph = build_network(nodes, inputs, ["y"], constants)
    assert [node.operator for node in optimise(graph).nodes] == ["MatMul", "Gemm"]
    assert network_error(graph, vlen_bits) < TOLERANCE


def _operators(build_network: Build, nodes: Sequence[Node], outputs: Sequence[str]) -> list[str]:
    graph = build_network(nodes, {"x": (1, 6, 4, 4)}, outputs, CONV)
    return [node.operator for node in fuse_elementwise(graph).nodes]


def test_a_value_that_something_else_reads_is_kept(build_network: Build) -> None:
    squeeze = [_conv(), _op("GlobalAveragePool", "c", to="g"), _op("Mul", "c", "g", to="y")]
    assert _operators(build_network, squeeze, ["y"]) == ["Conv", "AveragePool", "Mul"]
    assert _operators(build_network, [_conv(), _op("Relu", "c", to="y")], ["y", "c"]) == ["Conv", "Clip"]


def test_a_value_that_spreads_to_a_larger_shape_is_kept(build_network: Build) -> None:
    nodes = [_op("GlobalAveragePool", "x", to="g"), _op("Sqrt", "g", to="s"), _op("Add", "x", "s", to="y")]
    assert _operators(build_network, nodes, ["y"]) == ["AveragePool", "Add"]
