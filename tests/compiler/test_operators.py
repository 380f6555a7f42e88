"""Every operator, compiled and run on our simulator, gives what onnxruntime gives."""
# ruff: noqa: E501  one case a line

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from onnx import helper

TOLERANCE = 1e-5
RNG = np.random.default_rng(7)


def _floats(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def _ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def _single(operator: str, shape: tuple[int, ...], constants: dict[str, np.ndarray] | None = None, **attributes):
    names = list(constants or {})
    return [helper.make_node(operator, ["x", *names], ["y"], **attributes)], {"x": shape}, ["y"], constants or {}


CASES = {
    "conv 3x3 padded": _single("Conv", (1, 5, 9, 8), {"w": _floats(7, 5, 3, 3), "b": _floats(7)}, pads=[1, 1, 1, 1]),
    "conv strided": _single("Conv", (1, 3, 11, 10), {"w": _floats(8, 3, 3, 3)}, pads=[1, 0, 1, 1], strides=[2, 2]),
    "conv dilated": _single("Conv", (1, 4, 12, 12), {"w": _floats(6, 4, 3, 3)}, dilations=[2, 3], pads=[2, 0, 2, 0]),
    "conv grouped": _single("Conv", (1, 8, 6, 7), {"w": _floats(12, 2, 3, 3), "b": _floats(12)}, group=4),
    "conv depthwise": _single("Conv", (1, 19, 9, 9), {"w": _floats(19, 1, 3, 3), "b": _floats(19)}, group=19, pads=[1] * 4),
    "conv depthwise strided 5x5": _single("Conv", (1, 6, 12, 11), {"w": _floats(6, 1, 5, 5)}, group=6, strides=[2, 2], pads=[2] * 4),
    "conv depth multiplier": _single("Conv", (1, 3, 6, 6), {"w": _floats(6, 1, 3, 3)}, group=3),
    "conv same upper": _single("Conv", (1, 2, 7, 7), {"w": _floats(3, 2, 4, 4)}, auto_pad="SAME_UPPER", strides=[2, 2]),
    "conv same lower": _single("Conv", (1, 2, 7, 7), {"w": _floats(3, 2, 4, 4)}, auto_pad="SAME_LOWER"),
    "conv of a batch": _single("Conv", (3, 4, 5, 5), {"w": _floats(5, 4, 3, 3)}, pads=[1] * 4),
    "conv 1-D": _single("Conv", (1, 4, 17), {"w": _floats(6, 4, 5), "b": _floats(6)}, pads=[2, 2], strides=[2]),
    "conv long reduction": _single("Conv", (1, 131, 4, 5), {"w": _floats(35, 131, 1, 1), "b": _floats(35)}),
    "gemm": _single("Gemm", (3, 17), {"w": _floats(17, 21), "b": _floats(21)}),
    "gemm transposed and scaled": _single("Gemm", (17, 3), {"w": _floats(9, 17), "b": _floats(9)}, transA=1, transB=1, alpha=0.5, beta=2.0),
    "matmul with weights": _single("MatMul", (2, 3, 10), {"w": _floats(10, 6)}),
    "max pool": _single("MaxPool", (1, 5, 9, 9), kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    "max pool ceil": _single("MaxPool", (1, 3, 8, 8), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
    "average pool": _single("AveragePool", (1, 5, 9, 9), kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4),
    "average pool with padding": _single("AveragePool", (1, 5, 8, 9), kernel_shape=[3, 2], pads=[1] * 4, count_include_pad=1),
    "global average pool": _single("GlobalAveragePool", (1, 37, 7, 7)),
    "global max pool": _single("GlobalMaxPool", (1, 10, 7, 7)),
    "large window": _single("AveragePool", (1, 3, 30, 31), kernel_shape=[28, 29]),
    "add a vector": _single("Add", (1, 6, 5, 4), {"c": _floats(6, 1, 1)}),
    "sub from the left": ([helper.make_node("Sub", ["c", "x"], ["y"])], {"x": (2, 9)}, ["y"], {"c": _floats(1)}),
    "mul": _single("Mul", (1, 6, 5, 4), {"c": _floats(1, 6, 1, 4)}),
    "div": _single("Div", (3, 40), {"c": _floats(3, 1)}),
    "min and max": ([helper.make_node("Max", ["x", "c"], ["m"]), helper.make_node("Min", ["m", "d"], ["y"])], {"x": (33,)}, ["y"],
                    {"c": np.float32([-0.5]), "d": np.float32([0.5])}),
    "relu": _single("Relu", (1, 3, 5, 5)),
    "clip": _single("Clip", (1, 70), {"low": np.float32(-0.5), "high": np.float32(0.25)}),
    "sigmoid": _single("Sigmoid", (2, 50)),
    "exp": _single("Exp", (2, 50)),
    "batch normalization": _single("BatchNormalization", (1, 6, 4, 5), {"s": _floats(6), "b": _floats(6), "m": _floats(6), "v": np.abs(_floats(6)) + 0.5}),
    "softmax": _single("Softmax", (3, 77), axis=1),
    "softmax over channels": _single("Softmax", (1, 9, 4, 5), axis=1),
    "flatten": _single("Flatten", (1, 3, 4, 5)),
    "transpose": _single("Transpose", (2, 3, 4, 5), perm=[0, 3, 1, 2]),
    "slice backwards": _single("Slice", (5, 9), {"s": _ints(-1, 7), "e": _ints(-100, 1), "a": _ints(0, 1), "t": _ints(-2, -3)}),
    "split": ([helper.make_node("Split", ["x", "n"], ["a", "b"], axis=1), helper.make_node("Relu", ["a"], ["y"]), helper.make_node("Exp", ["b"], ["z"])],
              {"x": (1, 7, 3, 3)}, ["y", "z"], {"n": _ints(3, 4)}),
    "gather": _single("Gather", (5, 6), {"i": _ints(4, 1, 2, 3, 0)}, axis=0),
    "pad": _single("Pad", (1, 3, 4, 5), {"p": _ints(0, 1, 2, 0, 0, 0, 1, 3), "v": np.float32(2.5)}),
    "resize": _single("Resize", (1, 4, 3, 5), {"r": np.zeros(0, np.float32), "s": np.float32([1, 1, 2, 3])}, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    "concat": ([helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Concat", ["a", "x", "a"], ["y"], axis=1)], {"x": (1, 3, 4, 4)}, ["y"], {}),
    "matmul of two inputs": ([helper.make_node("MatMul", ["x", "z"], ["y"])], {"x": (2, 4, 7), "z": (2, 7, 5)}, ["y"], {}),
    "squeeze and unsqueeze": ([helper.make_node("Squeeze", ["x", "s"], ["a"]), helper.make_node("Unsqueeze", ["a", "u"], ["y"])], {"x": (1, 5, 1)}, ["y"],
                              {"s": _ints(2), "u": _ints(1)}),
    "dropout and identity": ([helper.make_node("Dropout", ["x"], ["a"]), helper.make_node("Identity", ["a"], ["y"])], {"x": (4, 4)}, ["y"], {}),
    "reduce mean": _single("ReduceMean", (1, 6, 5, 5), axes=[2, 3], keepdims=0),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("vlen_bits", [128, 1024])
def test_an_operator_equals_onnxruntime(
    name: str, vlen_bits: int, build_network: Callable[..., object], network_error: Callable[..., float]
) -> None:
    assert network_error(build_network(*CASES[name]), vlen_bits) <= TOLERANCE


@pytest.mark.parametrize("vlen_bits", [256, 512, 4096, 65536])
def test_a_program_tuned_for_one_vector_length_is_right_on_others(
    vlen_bits: int, build_network: Callable[..., object], network_error: Callable[..., float]
) -> None:
    graph = build_network(*CASES["conv 3x3 padded"])
    assert network_error(graph, vlen_bits, tuned_for=128) <= TOLERANCE
    assert network_error(graph, 128, tuned_for=vlen_bits) <= TOLERANCE


def test_every_operator_of_the_reader_has_a_case() -> None:
    from workbench.graph.canonical import supported_operators

    used = {node.op_type for nodes, *_ in CASES.values() for node in nodes}
    others = {"Cast": "float32 to float32 only, tested with the reader", "Upsample": "removed in opset 10", "Sum": "as Add",
              "Reshape": "as Flatten"}  # fmt: skip
    assert set(supported_operators()) - used == set(others)
