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
    "norm of all pixels": _single("GlobalLpPool", (2, 5, 6, 7), p=3),
    "root of all squares": _single("GlobalLpPool", (1, 5, 6, 7)),
    "reversed sequences": ([helper.make_node("Abs", ["x"], ["a"]), helper.make_node("ReverseSequence", ["a", "n"], ["y"], batch_axis=0, time_axis=1)],
                           {"x": (3, 6, 5)}, ["y"], {"n": _ints(4, 1, 6)}),
    "reversed by the data": ([helper.make_node("ReduceMax", ["x"], ["m"], axes=[1, 2], keepdims=0), helper.make_node("Abs", ["m"], ["b"]), helper.make_node("Cast", ["b"], ["i"], to=7),
                              helper.make_node("Add", ["i", "n"], ["l"]), helper.make_node("ReverseSequence", ["t", "l"], ["y"]), helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2])],
                             {"x": (3, 8, 2)}, ["y"], {"n": _ints(1, 3, 2)}),
    "unpooled maxima": ([helper.make_node("MaxPool", ["x"], ["m", "i"], kernel_shape=[2, 3], strides=[2, 3]), helper.make_node("MaxUnpool", ["m", "i"], ["y"], kernel_shape=[2, 3], strides=[2, 3])],
                        {"x": (2, 3, 6, 9)}, ["y"], {}),
    "windowed spectra": ([helper.make_node("STFT", ["x", "s", "w"], ["y"]), helper.make_node("STFT", ["x", "s", "", "n"], ["z"], onesided=0)],
                         {"x": (2, 50, 1)}, ["y", "z"], {"s": np.int64(6), "w": np.hanning(16).astype(np.float32), "n": np.int64(11)}),
    "one value where a mask is": ([helper.make_node("Less", ["x", "c"], ["m"]), helper.make_node("NonZero", ["m"], ["p"]), helper.make_node("Transpose", ["p"], ["t"], perm=[1, 0]),
                                   helper.make_node("Shape", ["p"], ["s"], start=1), helper.make_node("Expand", ["v", "s"], ["e"]), helper.make_node("ScatterND", ["x", "t", "e"], ["y"])],
                                  {"x": (2, 3, 7)}, ["y"], {"c": _floats(1), "v": np.float32(0.25)}),
    "one value for rows of a mask": ([helper.make_node("ReduceMax", ["x"], ["a"], axes=[2], keepdims=0), helper.make_node("Less", ["a", "c"], ["m"]), helper.make_node("NonZero", ["m"], ["p"]),
                                      helper.make_node("Transpose", ["p"], ["t"]), helper.make_node("Shape", ["t"], ["n"], end=1), helper.make_node("Concat", ["n", "k"], ["s"], axis=0),
                                      helper.make_node("Expand", ["v", "s"], ["e"]), helper.make_node("ScatterND", ["x", "t", "e"], ["y"])], {"x": (3, 4, 5)}, ["y"],
                                     {"c": np.float32([1.0]), "v": np.float32([0.25]), "k": _ints(5)}),
    "double precision inside": ([helper.make_node("Cast", ["x"], ["d"], to=11), helper.make_node("IsInf", ["d"], ["i"]), helper.make_node("Not", ["i"], ["f"]), helper.make_node("Mul", ["d", "c"], ["m"]),
                                 helper.make_node("Where", ["f", "m", "c"], ["w"]), helper.make_node("Cast", ["w"], ["y"], to=1)], {"x": (4, 9)}, ["y"], {"c": np.float64([0.1])}),
    "an axis in a list": ([helper.make_node("CumSum", ["c", "a"], ["s"]), helper.make_node("Add", ["x", "s"], ["y"])], {"x": (3, 4)}, ["y"], {"c": _floats(3, 4), "a": _ints(1)}),
    "roots of negative numbers": _single("Sqrt", (3, 30)),
    "largest of channels": ([helper.make_node("TopK", ["x", "k"], ["y", "i"], axis=1)], {"x": (2, 9, 5)}, ["y", "i"], {"k": _ints(4)}),
    "largest of one long row": ([helper.make_node("Round", ["x"], ["r"]), helper.make_node("TopK", ["x", "k"], ["y", "i"]), helper.make_node("TopK", ["r", "k"], ["z", "j"]),
                                 helper.make_node("Cast", ["r"], ["n"], to=6), helper.make_node("TopK", ["n", "k"], ["v", "w"], largest=0)], {"x": (1, 333)}, ["y", "i", "z", "j", "v", "w"], {"k": _ints(50)}),
    "all of few rows": ([helper.make_node("TopK", ["x", "k"], ["y", "i"], axis=1), helper.make_node("Sub", ["y", "y"], ["o"])], {"x": (1, 37, 2)}, ["y", "i", "o"], {"k": _ints(37)}),
    "smallest of a row": ([helper.make_node("TopK", ["x", "k"], ["y", "i"], largest=0)], {"x": (3, 40)}, ["y", "i"], {"k": _ints(40)}),
    "equal ones in order": ([helper.make_node("Round", ["x"], ["r"]), helper.make_node("TopK", ["r", "k"], ["y", "i"])], {"x": (2, 50)}, ["y", "i"], {"k": _ints(30)}),
    "places of integers": ([helper.make_node("Cast", ["x"], ["r"], to=7), helper.make_node("TopK", ["r", "k"], ["y", "i"])], {"x": (4, 20)}, ["i"], {"k": _ints(5)}),
    **{f"grid sample {mode} {padding} {corners}": ([helper.make_node("GridSample", ["x", "g"], ["y"], mode=mode, padding_mode=padding, align_corners=corners)], {"x": (2, 3, 5, 6), "g": (2, 4, 3, 2)}, ["y"], {})
       for mode, padding, corners in (("bilinear", "zeros", 0), ("bilinear", "reflection", 1), ("bicubic", "border", 0), ("bicubic", "reflection", 0), ("nearest", "zeros", 1))},
    "regions of an image": _single("RoiAlign", (2, 3, 8, 9), {"r": np.float32([[0, 0, 5, 6], [1, 2, 9, 9], [-3, -2, 4, 12]]), "b": _ints(0, 1, 0)}, output_height=3, output_width=2, sampling_ratio=2),
    "columns to image": (*_single("Col2Im", (2, 18, 16), {"s": _ints(7, 6), "k": _ints(3, 3)}, pads=[1, 0, 1, 0], strides=[2, 1]), 18),
    "gather computed": ([helper.make_node("Cast", ["x"], ["i"], to=7), helper.make_node("Gather", ["w", "i"], ["y"])], {"x": (2, 3)}, ["y"], {"w": _floats(5, 6)}),
    "gather scattered": _single("Gather", (2, 30, 6), {"i": RNG.permutation(30)}, axis=1),
    "matmul of heads": ([helper.make_node("Transpose", ["x"], ["q"], perm=[0, 2, 1, 3]), helper.make_node("Transpose", ["x"], ["k"], perm=[0, 2, 3, 1]),
                         helper.make_node("MatMul", ["q", "k"], ["y"])], {"x": (1, 9, 2, 8)}, ["y"], {}),
    "conv 3-D": _single("Conv", (1, 3, 5, 6, 7), {"w": _floats(4, 3, 2, 3, 3), "b": _floats(4)}, pads=[1, 1, 1, 0, 1, 1], strides=[2, 1, 2]),
    "average pool 3-D": _single("AveragePool", (2, 3, 6, 5, 7), kernel_shape=[2, 3, 3], strides=[2, 1, 2], pads=[1, 1, 1, 0, 1, 1]),
    "conv transpose": _single("ConvTranspose", (1, 5, 4, 6), {"w": _floats(5, 7, 3, 4), "b": _floats(7)}, strides=[2, 3], pads=[1, 0, 1, 2], output_padding=[1, 0]),
    "conv transpose grouped": _single("ConvTranspose", (1, 6, 5, 4), {"w": _floats(6, 2, 3, 3)}, group=3, strides=[2, 2], dilations=[2, 1]),
    "conv transpose depthwise 1-D": _single("ConvTranspose", (1, 6, 9), {"w": _floats(6, 1, 4)}, group=6, strides=[3]),
    "reduce mean": _single("ReduceMean", (1, 6, 5, 5), axes=[2, 3], keepdims=0),
}  # fmt: skip


UNARY = {  # operator: attributes; computed from x, or where that could be outside of the domain, from another value
    "tanh": {"Acos": {}, "Asin": {}, "Sqrt": {}},
    "positive": {"Sqrt": {}, "Log": {}, "Reciprocal": {}, "Acosh": {}, "Pow": {}},
    "x": {
        **{name: {} for name in (
            "Abs Asinh Atan Ceil Cos Cosh Erf Exp Floor HardSwish Mish Neg Round Sigmoid Sign Sin Sinh Softplus Softsign "
            "Tanh IsNaN IsInf Hardmax LogSoftmax MeanVarianceNormalization LpNormalization"
        ).split()},
        "Elu": {"alpha": 0.7}, "Selu": {}, "Celu": {"alpha": 0.7}, "HardSigmoid": {"alpha": 0.3}, "LeakyRelu": {"alpha": 0.1},
        "ThresholdedRelu": {"alpha": 0.2}, "Shrink": {"bias": 0.1, "lambd": 0.4}, "Gelu": {"approximate": "tanh"},
        "LRN": {"size": 3}, "SpaceToDepth": {"blocksize": 2}, "DepthToSpace": {"blocksize": 2}, "ArgMax": {"axis": 3},
        "ArgMin": {"axis": 1}, "LpPool": {"kernel_shape": [2, 2], "p": 3}, "ReduceL1": {}, "ReduceL2": {},
        "ReduceLogSumExp": {}, "ReduceMax": {}, "ReduceMin": {}, "ReduceSumSquare": {}, "ReduceProd": {}, "Trilu": {},
    },
}  # fmt: skip


def _many() -> tuple:
    """One network with an output for every operator of `UNARY`, and some with two inputs."""
    nodes = [helper.make_node("Tanh", ["x"], ["tanh"]), helper.make_node("Mul", ["tanh", "tanh"], ["square"]),
             helper.make_node("Add", ["square", "one"], ["positive"])]  # fmt: skip
    outputs = []
    for source, table in UNARY.items():
        for operator, attributes in table.items():
            name = f"{operator}_{source}"
            source_ = "square" if operator == "Sqrt" else source
            inputs = [source_, "half"] if operator == "Pow" else [source_]
            nodes.append(helper.make_node(operator, inputs, [name], **attributes))
            outputs.append(name)
    return nodes, {"x": (1, 8, 4, 6)}, outputs, {"one": np.float32([1.0]), "half": np.float32([-0.7])}


PAIRS = {
    "Equal": "ii", "Greater": "xz", "GreaterOrEqual": "ii", "Less": "xz", "LessOrEqual": "ii", "And": "bc", "Or": "bc",
    "Xor": "bc", "Mod": "ij", "Pow": "ij", "PRelu": "xz", "Sum": "xzx", "Mean": "xzx", "Where": "bxz", "Max": "ij", "Min": "ij",
    "Add": "ij", "Mul": "ij", "Sub": "ij", "Div": "ij", "BitwiseAnd": "ij", "BitwiseOr": "ij", "BitwiseXor": "ij",
    "Not": "b", "BitwiseNot": "i", "CumSum": "xa", "Expand": "xs", "Tile": "xr", "OneHot": "jdv", "ReduceSum": "i",
    "GatherElements": "xe", "GatherND": "xn", "ScatterND": "xnu", "ScatterElements": "xek",
    "LayerNormalization": "xll", "InstanceNormalization": "xmm", "GroupNormalization": "xmm", "ReduceLogSum": "p",
    "CastLike": "ix", "Size": "x",
}  # fmt: skip
ATTRIBUTES = {"GatherElements": {"axis": 1}, "ScatterElements": {"axis": 1, "reduction": "add"},
              "GroupNormalization": {"num_groups": 2}}  # fmt: skip


def _pairs() -> tuple:
    """One network with an output for every operator of `PAIRS`; lower case letters name its values."""
    nodes = [
        helper.make_node("Mul", ["x", "three"], ["x3"]), helper.make_node("Cast", ["x3"], ["i"], to=7),
        helper.make_node("Cast", ["z"], ["z1"], to=7), helper.make_node("Abs", ["z1"], ["z2"]),
        helper.make_node("Add", ["z2", "two"], ["j"]), helper.make_node("Greater", ["x", "zero"], ["b"]),
        helper.make_node("Less", ["z", "x"], ["c"]), helper.make_node("Exp", ["x"], ["p"]),
    ]  # fmt: skip
    for operator, letters in PAIRS.items():
        nodes.append(helper.make_node(operator, list(letters), [operator], **ATTRIBUTES.get(operator, {})))
    constants = {
        "three": np.float32([3]), "two": _ints(2), "zero": np.float32([0]), "a": np.array(1), "s": _ints(2, 3, 4, 5),
        "r": _ints(1, 2, 1, 2), "d": np.array(6), "v": np.float32([-1, 2]), "l": _floats(5), "m": _floats(4),
        "e": RNG.integers(-4, 4, (1, 3, 4, 5)), "k": _floats(1, 3, 4, 5), "n": _ints(0, 3, 0, 1).reshape(2, 2),
        "u": _floats(2, 3, 5),
    }  # fmt: skip
    constants["s"] = _ints(2, 4, 3, 5)
    constants["e"] = RNG.permuted(np.tile(np.arange(-4, 0), (5, 3, 1)).transpose(2, 1, 0)[None], axis=1)[:, :3]
    constants["k"] = _floats(1, 3, 3, 5)
    return nodes, {"x": (1, 4, 3, 5), "z": (1, 4, 3, 5)}, list(PAIRS), constants


RESIZE = [
    ("linear", "half_pixel", {}), ("linear", "align_corners", {}), ("linear", "asymmetric", {}),
    ("cubic", "half_pixel", {"cubic_coeff_a": -0.5}), ("nearest", "half_pixel", {"nearest_mode": "round_prefer_ceil"}),
    ("linear", "half_pixel", {"antialias": 1}),
]  # fmt: skip


def _resizes() -> tuple:
    nodes = [
        helper.make_node("Resize", ["x", "", "", "s"], [f"y{place}"], mode=mode, coordinate_transformation_mode=how, **more)
        for place, (mode, how, more) in enumerate(RESIZE)
    ]
    return nodes, {"x": (1, 3, 5, 8)}, [f"y{place}" for place in range(len(RESIZE))], {"s": _ints(1, 3, 8, 6)}


def _attention() -> tuple:
    """With keys and values of before, and no mask."""
    node = helper.make_node("Attention", ["x", "x", "x", "", "k", "v"], ["y", "a", "b"], is_causal=1)
    return [node], {"x": (1, 2, 5, 8)}, ["y", "a", "b"], {"k": _floats(1, 2, 3, 8), "v": _floats(1, 2, 3, 8)}


def _transforms() -> tuple:
    """Complex and real ones, of a part of the elements or of more, and the way back."""
    axis, less, more = "a", "l", "m"
    nodes = [
        helper.make_node("DFT", ["x", "", axis], ["y0"]), helper.make_node("DFT", ["x", more, axis], ["y1"], inverse=1),
        helper.make_node("DFT", ["z", less, axis], ["y2"], onesided=1), helper.make_node("DFT", ["y2", less, axis], ["y3"], inverse=1, onesided=1),
        helper.make_node("DFT", ["z"], ["y4"]),
    ]  # fmt: skip
    return (
        nodes,
        {"x": (2, 7, 3, 2), "z": (2, 9, 3, 1)},
        ["y0", "y1", "y2", "y3", "y4"],
        {"a": np.int64(1), "l": np.int64(8), "m": np.int64(10)},
    )


def _deformed() -> tuple:
    """Two groups of channels, two of offsets, steps, distances, padding and a mask."""
    node = helper.make_node("DeformConv", ["x", "w", "o", "b", "m"], ["y"], group=2, offset_group=2, strides=[2, 1],
                            dilations=[1, 2], pads=[1, 2, 0, 1], kernel_shape=[3, 2])  # fmt: skip
    inputs = {"x": (2, 4, 7, 6), "o": (2, 24, 3, 7), "m": (2, 12, 3, 7)}
    return [node], inputs, ["y"], {"w": _floats(6, 2, 3, 2), "b": _floats(6)}


NETWORKS = {
    "deformed": (_deformed(), 19),
    "transforms": (_transforms(), 20),
    "functions": (_many(), 20),
    "pairs": (_pairs(), 21),
    "resize": (_resizes(), 18),
    "attention": (_attention(), 23),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("vlen_bits", [128, 1024])
def test_an_operator_equals_onnxruntime(
    name: str, vlen_bits: int, build_network: Callable[..., object], network_error: Callable[..., float]
) -> None:
    assert network_error(build_network(*CASES[name]), vlen_bits) <= TOLERANCE


@pytest.mark.parametrize("name", NETWORKS)
def test_many_operators_in_one_network_equal_onnxruntime(
    name: str, build_network: Callable[..., object], network_error: Callable[..., float]
) -> None:
    network, opset = NETWORKS[name]
    assert network_error(build_network(*network, opset), 256) <= TOLERANCE


@pytest.mark.parametrize("vlen_bits", [256, 512, 4096, 65536])
def test_a_program_tuned_for_one_vector_length_is_right_on_others(
    vlen_bits: int, build_network: Callable[..., object], network_error: Callable[..., float]
) -> None:
    graph = build_network(*CASES["conv 3x3 padded"])
    assert network_error(graph, vlen_bits, tuned_for=128) <= TOLERANCE
    assert network_error(graph, 128, tuned_for=vlen_bits) <= TOLERANCE


def test_every_operator_of_the_reader_has_a_case() -> None:
    """Operators that onnxruntime lacks, or that only differ in the reader, are judged by the ONNX project's cases alone."""
    from workbench.graph.canonical import CONTROL_FLOW, SEQUENCES, supported_operators

    used = {node.op_type for nodes, *_ in CASES.values() for node in nodes}
    used |= {node.op_type for (nodes, *_), _ in NETWORKS.values() for node in nodes}
    only_there = set(
        "AffineGrid Atanh BitCast BitShift CausalConvWithState CenterCropPad Compress CumProd EyeLike LinearAttention NegativeLogLikelihoodLoss RMSNormalization Reshape "
        "RotaryEmbedding Scatter SoftmaxCrossEntropyLoss SwiGLU Swish Tan Upsample".split()
    )
    quantised = {name for name in supported_operators() if name.startswith("Q") or name.endswith(("Integer", "izeLinear"))}
    elsewhere = quantised | {"RNN", "GRU", "LSTM", "Einsum"}  # in test_quantised.py and test_recurrent.py
    elsewhere |= {*CONTROL_FLOW, *SEQUENCES}  # in test_control_flow.py
    assert set(supported_operators()) - used - elsewhere == only_there
