"""Quantised networks are computed in integers and give onnxruntime's bits, in QDQ form and in QLinear form."""
# ruff: noqa: E501  one case a line

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import helper

from workbench.compiler.compile import compile_graph
from workbench.core.run import run_program
from workbench.graph.graph import Graph
from workbench.graph.reference import random_inputs, run_reference
from workbench.isa.target import Target

RNG = np.random.default_rng(11)
F = np.float32
Network = tuple[list[Any], dict[str, tuple[int, ...]], list[str], dict[str, np.ndarray], dict[str, str]]


def _target(vlen_bits: int) -> Target:
    return Target("test", vlen_bits, 256, False, 65536, 1 << 20)


def _run(
    graph: Graph, vlen_bits: int = 128, inputs: dict[str, np.ndarray] | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Outputs of the program and of onnxruntime."""
    compiled = compile_graph(graph, _target(vlen_bits))
    values = inputs or random_inputs(graph, 5)
    result = run_program(compiled.program, None, stdin=compiled.pack_inputs(values), timed=False, vlen_bits=vlen_bits)
    assert result.exit_code == 0
    return compiled.unpack_outputs(result.stdout), run_reference(graph, values)


def _weights(*shape: int, most: int = 60) -> np.ndarray:
    """Signed bytes; onnxruntime's kernels for AVX2 saturate sums of larger ones in 16 bits."""
    return RNG.integers(-most, most + 1, shape).astype(np.int8)


class _Qdq:
    """A network in QDQ form, built operator by operator."""

    def __init__(self, dtype: str, **shapes: tuple[int, ...]) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.dtype, self.shapes, self.count = dtype, shapes, 0

    def _constant(self, array: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = array
        return name

    def _node(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        self.count += 1
        self.nodes.append(helper.make_node(operator, inputs, [f"t{self.count}"], **attributes))
        return f"t{self.count}"

    def quantised(self, name: str, scale: float, zero: int) -> str:
        """A value through QuantizeLinear and DequantizeLinear."""
        numbers = [self._constant(np.array(scale, F)), self._constant(np.array(zero, self.dtype))]
        return self._node("DequantizeLinear", [self._node("QuantizeLinear", [name, *numbers]), *numbers])

    def weights(self, array: np.ndarray, scales: np.ndarray, axis: int = 0) -> str:
        zeros = np.zeros(scales.shape, array.dtype)
        return self._node(
            "DequantizeLinear", [self._constant(array), self._constant(scales), self._constant(zeros)], axis=axis
        )

    def layer(
        self, operator: str, x: str, x_scale: float, w: np.ndarray, bias: int, axis: int = 0, **attributes: Any
    ) -> str:
        """A layer with a scale for every filter; `bias`: its number of elements, 0 for none."""
        scales = RNG.uniform(0.002, 0.01, w.shape[axis]).astype(F)
        inputs = [x, self.weights(w, scales, axis)]
        if bias:
            inputs.append(self.weights(RNG.integers(-900, 900, bias).astype(np.int32), F(x_scale) * scales))
        return self._node(operator, inputs, **attributes)

    def network(self, y: str) -> Network:
        self.nodes.append(helper.make_node("Identity", [y], ["y"]))
        return self.nodes, self.shapes, ["y"], self.constants, {}


def _convolutions(dtype: str, zero: int, relu_zero: int | None = None) -> Network:
    """Many operators; `relu_zero` stands for zero behind a Relu."""
    net = _Qdq(dtype, x=(1, 3, 11, 10))
    relu_zero = int(np.iinfo(dtype).min) if relu_zero is None else relu_zero
    value = net.quantised("x", 0.02, zero)
    value = net.layer("Conv", value, 0.02, _weights(24, 3, 3, 3), 24, pads=[1, 1, 1, 1], strides=[2, 1])
    value = net.quantised(net._node("Relu", [value]), 0.03, relu_zero)
    value = net.quantised(net.layer("Conv", value, 0.03, _weights(24, 1, 3, 3), 24, pads=[1, 1, 1, 1], group=24), 0.02, zero)
    branch = net.quantised(net.layer("Conv", value, 0.02, _weights(24, 6, 1, 1), 0, group=4), 0.025, zero - 3)
    value = net.quantised(net._node("Add", [value, branch]), 0.04, zero + 2)
    value = net._node("MaxPool", [value], kernel_shape=[2, 2])
    value = net.quantised(net._node("Mul", [value, value]), 0.05, zero)
    value = net.quantised(net._node("GlobalAveragePool", [value]), 0.03, zero)
    value = net._node("Reshape", [value, net._constant(np.array([1, 24]))])
    return net.network(net.quantised(net.layer("Gemm", value, 0.03, _weights(19, 24), 19, transB=1), 0.02, zero))


def _products(dtype: str, zero: int) -> Network:
    net = _Qdq(dtype, x=(2, 7, 33), z=(2, 33, 6))
    left, right = net.quantised("x", 0.02, zero), net.quantised("z", 0.03, zero + 5)
    both = net.quantised(net._node("MatMul", [left, right]), 0.1, zero)
    return net.network(net.quantised(net.layer("MatMul", both, 0.1, _weights(6, 35), 0, axis=1), 0.05, zero))


def _functions(dtype: str, zero: int) -> Network:
    """Operators that are tables, means and exponentials of bytes."""
    net = _Qdq(dtype, x=(1, 6, 9, 8))
    value = net.quantised("x", 0.02, zero)
    logistic = net.quantised(net._node("Sigmoid", [value]), 1 / 256, int(np.iinfo(dtype).min))
    bent = net.quantised(net._node("LeakyRelu", [value], alpha=0.2), 0.018, zero + 1)
    value = net.quantised(net._node("Concat", [logistic, value, bent], axis=1), 0.021, zero - 1)
    value = net.quantised(net._node("AveragePool", [value], kernel_shape=[3, 3], pads=[1, 1, 0, 0]), 0.017, zero)
    return net.network(net.quantised(net._node("Softmax", [value], axis=3), 1 / 256, int(np.iinfo(dtype).min)))


QDQ = {"convolutions": _convolutions, "matrix products": _products, "functions": _functions}


@pytest.mark.parametrize("vlen_bits", [128, 512])
@pytest.mark.parametrize(("dtype", "zero"), [("int8", 0), ("int8", -9), ("uint8", 131)])
@pytest.mark.parametrize("name", QDQ)
def test_a_network_in_qdq_form_gives_the_bits_of_onnxruntime(
    name: str, dtype: str, zero: int, vlen_bits: int, build_network: Callable[..., Graph]
) -> None:
    *parts, types = QDQ[name](dtype, zero)
    graph = build_network(*parts, types=types)
    assert not {"Conv", "Gemm", "MatMul", "Sigmoid", "Softmax", "LeakyRelu", "Concat"} & {
        node.operator for node in graph.nodes if graph.tensors[node.outputs[0]].dtype == "float32"
    }
    found, expected = _run(graph, vlen_bits)
    np.testing.assert_array_equal(found["y"], expected["y"])


def test_sums_of_large_weights_are_exact_where_onnxruntime_has_no_kernel_for_int8(
    build_network: Callable[..., Graph],
) -> None:
    """It has no QGemm of int8, and left alone its kernels saturate the sum of two products at 16 bits."""
    net = _Qdq("int8", x=(1, 64))
    value, scale = net.quantised("x", 0.02, -128), 0.02
    for wider in (1.0, 50.0):
        value = net.quantised(net.layer("Gemm", value, scale, _weights(64, 64, most=127), 64, transB=1), wider, -3)
        scale = wider
    *parts, types = net.network(value)
    graph = build_network(*parts, types=types)
    found, expected = _run(graph, inputs={"x": RNG.uniform(0, 5, (1, 64)).astype(F)})
    np.testing.assert_array_equal(found["y"], expected["y"])


def test_a_relu_with_another_zero_is_within_a_unit_of_floats(build_network: Callable[..., Graph]) -> None:
    """onnxruntime then computes the convolution in floats, which round their sums."""
    net = _Qdq("int8", x=(1, 3, 9, 10))
    value = net._node("Relu", [net.layer("Conv", net.quantised("x", 0.02, 4), 0.02, _weights(24, 3, 3, 3), 24)])
    *parts, types = net.network(net.quantised(value, 0.03, -9))
    graph = build_network(*parts, types=types)
    assert "Conv" in {node.operator for node in graph.nodes if graph.tensors[node.outputs[0]].dtype == "int32"}
    found, expected = _run(graph)
    assert np.abs(found["y"] - expected["y"]).max() <= 0.03 * 1.001
    assert np.mean(found["y"] != expected["y"]) < 0.01


def _numbers(*pairs: tuple[float, int, str]) -> dict[str, np.ndarray]:
    """Scales s0, s1, ... and zeros z0, z1, ..."""
    return {f"s{i}": np.array(s, F) for i, (s, _, _) in enumerate(pairs)} | {
        f"z{i}": np.array(z, t) for i, (_, z, t) in enumerate(pairs)
    }


_B = "com.microsoft"
QLINEAR: dict[str, Network] = {
    "QLinearConv": (
        [helper.make_node("QLinearConv", ["x", "s0", "z0", "w", "s1", "z1", "s2", "z2", "b"], ["y"], pads=[1, 1, 1, 1])],
        {"x": (1, 5, 7, 6)},
        ["y"],
        {
            "w": _weights(9, 5, 3, 3),
            "b": RNG.integers(-999, 999, 9).astype(np.int32),
            **_numbers((0.02, 120, "uint8"), (0.01, 0, "int8"), (0.07, 100, "uint8")),
        },
        {"x": "uint8"},
    ),
    "QLinearMatMul": (
        [helper.make_node("QLinearMatMul", ["x", "s0", "z0", "w", "s1", "z1", "s2", "z2"], ["y"])],
        {"x": (2, 4, 18)},
        ["y"],
        {
            "w": RNG.integers(60, 190, (18, 7)).astype(np.uint8),
            **_numbers((0.02, 120, "uint8"), (0.01, 125, "uint8"), (0.02, 100, "uint8")),
        },
        {"x": "uint8"},
    ),
    "MatMulInteger": (
        [helper.make_node("MatMulInteger", ["x", "w", "z0", "z1"], ["y"])],
        {"x": (4, 18), "w": (18, 7)},
        ["y"],
        _numbers((1, 120, "uint8"), (1, 125, "uint8")),
        {"x": "uint8", "w": "uint8"},
    ),
    "ConvInteger": (
        [helper.make_node("ConvInteger", ["x", "w", "z0"], ["y"], pads=[1, 0, 1, 0])],
        {"x": (1, 4, 6, 6)},
        ["y"],
        {"w": RNG.integers(0, 120, (5, 4, 3, 3)).astype(np.uint8), **_numbers((1, 9, "uint8"))},
        {"x": "uint8"},
    ),
    "DynamicQuantizeLinear": (
        [helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "scale", "zero"])],
        {"x": (3, 50)},
        ["y", "scale", "zero"],
        {},
        {},
    ),
    "QLinearAdd": (
        [helper.make_node("QLinearAdd", ["x", "s0", "z0", "w", "s1", "z1", "s2", "z2"], ["y"], domain=_B)],
        {"x": (2, 4, 18), "w": (4, 1)},
        ["y"],
        _numbers((0.02, 12, "int8"), (0.01, -5, "int8"), (0.02, 1, "int8")),
        {"x": "int8", "w": "int8"},
    ),
    "QLinearMul": (
        [helper.make_node("QLinearMul", ["x", "s0", "z0", "w", "s1", "z1", "s2", "z2"], ["y"], domain=_B)],
        {"x": (2, 4, 18), "w": (4, 1)},
        ["y"],
        _numbers((0.02, 12, "int8"), (0.01, -5, "int8"), (0.01, 1, "int8")),
        {"x": "int8", "w": "int8"},
    ),
    "QLinearGlobalAveragePool": (
        [helper.make_node("QLinearGlobalAveragePool", ["x", "s0", "z0", "s1", "z1"], ["y"], domain=_B)],
        {"x": (1, 18, 5, 7)},
        ["y"],
        _numbers((0.02, 12, "uint8"), (0.01, 5, "uint8")),
        {"x": "uint8"},
    ),
    "QGemm": (
        [helper.make_node("QGemm", ["x", "s0", "z0", "w", "s1", "z1", "b", "s2", "z2"], ["y"], domain=_B, transB=1)],
        {"x": (3, 18)},
        ["y"],
        {
            "w": _weights(9, 18),
            "b": RNG.integers(-999, 999, 9).astype(np.int32),
            **_numbers((0.02, 12, "int8"), (0.01, 0, "int8"), (0.02, 1, "int8")),
        },
        {"x": "int8"},
    ),
    "QuantizeLinear": (
        [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"], axis=1)],
        {"x": (3, 5, 20)},
        ["y"],
        {"s": RNG.uniform(0.005, 0.02, 5).astype(F), "z": np.arange(5, dtype=np.int8)},
        {},
    ),
    "DequantizeLinear": (
        [helper.make_node("DequantizeLinear", ["x", "s", "z"], ["y"], axis=1)],
        {"x": (3, 5, 20)},
        ["y"],
        {"s": RNG.uniform(0.005, 0.02, 5).astype(F), "z": np.arange(5, dtype=np.int8)},
        {"x": "int8"},
    ),
}


EVERY_BYTE = {t: np.arange(256, dtype=np.uint8).view(t) for t in ("uint8", "int8")}


def _by_itself(operator: str, dtype: str, scales: tuple[float, float], zeros: tuple[int, int], **attributes: Any) -> Network:
    """An operator of one tensor, for every byte."""
    node = helper.make_node(operator, ["x", "s0", "z0", "s1", "z1"], ["y"], domain=_B, **attributes)
    constants = _numbers((scales[0], zeros[0], dtype), (scales[1], zeros[1], dtype))
    return [node], {"x": (1, 4, 8, 8)}, ["y"], constants, {"x": dtype}


def _pooled(dtype: str, pads: list[int], **attributes: Any) -> Network:
    return _by_itself("QLinearAveragePool", dtype, (0.02, 0.02), (3, 1), kernel_shape=[3, 2], pads=pads, **attributes)


_JOINED = [name for n in range(3) for name in (("x", "w", "v")[n], f"s{n}", f"z{n}")]
QLINEAR |= {
    "QLinearSigmoid": _by_itself("QLinearSigmoid", "uint8", (0.05, 1 / 256), (120, 0)),
    "QLinearLeakyRelu": _by_itself("QLinearLeakyRelu", "int8", (0.05, 0.04), (10, -20), alpha=0.13),
    "QLinearSoftmax": _by_itself("QLinearSoftmax", "uint8", (0.05, 1 / 256), (120, 0), opset=13, axis=-1),
    "QLinearAveragePool": _pooled("uint8", [1, 0, 1, 1], strides=[2, 1]),
    "QLinearConcat": (
        [helper.make_node("QLinearConcat", ["s3", "z3", *_JOINED], ["y"], domain=_B, axis=1)],
        {"x": (1, 3, 8, 8), "w": (1, 4, 8, 8), "v": (1, 2, 8, 8)},
        ["y"],
        _numbers((0.02, 12, "int8"), (0.05, -5, "int8"), (0.03, 1, "int8"), (0.05, -5, "int8")),
        {"x": "int8", "w": "int8", "v": "int8"},
    ),
}
MORE = {
    **{
        f"sigmoid {t} {s}": _by_itself("QLinearSigmoid", t, (s, 1 / 256), (z, z - 120))
        for t, s, z in (("int8", 0.05, -8), ("int8", 0.11, 3), ("uint8", 0.023, 131), ("uint8", 0.0087, 128))
    },
    "leaky relu of unsigned bytes": _by_itself("QLinearLeakyRelu", "uint8", (0.05, 0.045), (100, 80)),
    "softmax of signed bytes": _by_itself("QLinearSoftmax", "int8", (0.03, 1 / 256), (4, -128), opset=13, axis=1),
    "softmax of all that follows": _by_itself("QLinearSoftmax", "int8", (0.04, 1 / 200), (4, -100), opset=12, axis=1),
    "average with padding": _pooled("int8", [1, 1, 1, 1], count_include_pad=1),
    "average up to the end": _pooled("int8", [0, 0, 0, 0], strides=[3, 3], ceil_mode=1),
    "average of the same size": _by_itself(
        "QLinearAveragePool", "uint8", (0.02, 0.013), (3, 1), kernel_shape=[2, 2], strides=[2, 2], auto_pad="SAME_UPPER"
    ),
}


@pytest.mark.parametrize("name", MORE)
def test_further_forms_give_the_bits_of_onnxruntime(name: str, build_network: Callable[..., Graph]) -> None:
    *parts, types = MORE[name]
    dtype = types["x"]
    x = RNG.permutation(EVERY_BYTE[dtype]).reshape(1, 4, 8, 8)
    found, expected = _run(build_network(*parts, types=types), 128, {"x": x})
    np.testing.assert_array_equal(found["y"], expected["y"])


@pytest.mark.parametrize("name", QLINEAR)
def test_a_quantised_operator_gives_the_bits_of_onnxruntime(name: str, build_network: Callable[..., Graph]) -> None:
    *parts, types = QLINEAR[name]
    found, expected = _run(build_network(*parts, types=types), 256)
    for output in expected:
        np.testing.assert_array_equal(found[output], expected[output])


def test_every_quantised_operator_of_the_reader_has_a_case() -> None:
    from workbench.graph.canonical import supported_operators

    wanted = {name for name in supported_operators() if name.startswith("Q") or name.endswith(("Integer", "izeLinear"))}
    assert wanted == set(QLINEAR)


def test_what_cannot_be_folded_is_computed_in_floats(build_network: Callable[..., Graph]) -> None:
    net = _Qdq("int8", x=(1, 3, 8, 8))
    value = net.layer("Conv", net.quantised("x", 0.02, 3), 0.02, _weights(6, 3, 3, 3), 0)
    *parts, types = net.network(net._node("Sigmoid", [value]))
    graph = build_network(*parts, types=types)
    assert {node.operator for node in graph.nodes} >= {"quantise", "dequantise", "Conv", "Sigmoid"}
    found, expected = _run(graph)
    np.testing.assert_allclose(found["y"], expected["y"], rtol=1e-4, atol=1e-6)
