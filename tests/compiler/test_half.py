"""Half precision: float16 networks, and float32 networks put into it, on cores with Zvfh."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from workbench.base.errors import InputError
from workbench.compiler.compile import compile_graph
from workbench.compiler.planner import Planner, Schedule
from workbench.core.run import run_program
from workbench.graph.graph import Graph
from workbench.graph.half import in_half_precision
from workbench.graph.onnx_reader import make_graph
from workbench.graph.reference import random_inputs, relative_error, run_reference
from workbench.isa.target import Target

sys.path.insert(0, str(Path(__file__).parent))
from test_operators import CASES  # noqa: E402

CORE = Target("half", 128, 256, True, 65536, 1 << 20)
ROUNDING = 2.0**-11  # of one operation
TOLERANCE = 10 * ROUNDING  # of both factors, and of sums of up to 250 products: about half the root of as many roundings
QUICK = (
    "conv 3x3 padded", "conv depthwise", "conv long reduction", "gemm", "matmul of two inputs", "max pool", "average pool",
    "global average pool", "softmax", "sigmoid", "clip", "batch normalization", "gather scattered", "pad", "concat",
    "transpose",
)  # fmt: skip
Build = Callable[..., Graph]


def _outputs(graph: Graph, inputs: dict[str, np.ndarray], vlen_bits: int = 128) -> dict[str, np.ndarray]:
    compiled = compile_graph(graph, CORE)
    result = run_program(compiled.program, None, stdin=compiled.pack_inputs(inputs), timed=False, vlen_bits=vlen_bits)
    assert result.exit_code == 0
    return compiled.unpack_outputs(result.stdout)


def _error(graph: Graph) -> float:
    """Of the network in half precision against onnxruntime in single precision."""
    inputs = random_inputs(graph, 0)
    return relative_error(_outputs(in_half_precision(graph), inputs), run_reference(graph, inputs))


@pytest.mark.parametrize("name", QUICK)
def test_an_operator_in_half_precision_is_right_to_its_precision(name: str, build_network: Build) -> None:
    error = _error(build_network(*CASES[name]))
    assert error < TOLERANCE


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name not in QUICK])
def test_every_operator_in_half_precision_is_right_to_its_precision(name: str, build_network: Build) -> None:
    cubic = 2 if "bicubic" in name else 1  # the absolute weights of a cubic sum to more than 1, and places are rounded too
    assert _error(build_network(*CASES[name])) < cubic * TOLERANCE


@pytest.mark.parametrize("name", ["conv long reduction", "conv depthwise", "gemm", "matmul of two inputs", "conv transpose"])
def test_sums_in_single_precision_leave_the_rounding_of_factors_and_results(name: str, build_network: Build) -> None:
    graph = build_network(*CASES[name])
    inputs = random_inputs(graph, 0)
    reference = run_reference(graph, inputs)
    assert relative_error(_outputs(in_half_precision(graph, single_sums=True), inputs), reference) < 3 * ROUNDING


def _half_network(nodes: list[object], inputs: dict[str, int], types: dict[str, int], outputs: dict[str, int]) -> Graph:
    """A network over vectors, from types by name."""
    graph = helper.make_graph(
        nodes, "half",
        [helper.make_tensor_value_info(name, types.get(name, TensorProto.FLOAT16), [size]) for name, size in inputs.items()],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()],
    )  # fmt: skip
    return make_graph(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "half", "half.onnx"
    )


def test_simple_operations_of_a_float16_network_give_numpys_bits() -> None:
    nodes = [
        helper.make_node("Add", ["x", "z"], ["a"]), helper.make_node("Mul", ["x", "z"], ["m"]),
        helper.make_node("Div", ["x", "z"], ["d"]), helper.make_node("Max", ["x", "z"], ["b"]),
        helper.make_node("Less", ["x", "z"], ["l"]),
    ]  # fmt: skip
    half = TensorProto.FLOAT16
    graph = _half_network(nodes, {"x": 200, "z": 200}, {}, {**dict.fromkeys("amdb", half), "l": TensorProto.BOOL})
    x, z = (np.random.default_rng(seed).standard_normal(200).astype(np.float16) * 50 for seed in (1, 2))
    found = _outputs(graph, {"x": x, "z": z})
    for name, expected in {"a": x + z, "m": x * z, "d": x / z, "b": np.maximum(x, z), "l": x < z}.items():
        assert found[name].dtype == expected.dtype
        assert np.array_equal(found[name], expected), name


def test_casts_round_as_numpy_does() -> None:
    """To half and back, tiny and large numbers included, and between halves and integers."""
    nodes = [
        helper.make_node("Cast", ["x"], ["h"], to=TensorProto.FLOAT16),
        helper.make_node("Cast", ["h"], ["y"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["i"], ["g"], to=TensorProto.FLOAT16),
        helper.make_node("Cast", ["g"], ["j"], to=TensorProto.INT32),
    ]
    types = {"x": TensorProto.FLOAT, "i": TensorProto.INT32}
    outputs = {"h": TensorProto.FLOAT16, "y": TensorProto.FLOAT, "g": TensorProto.FLOAT16, "j": TensorProto.INT32}
    graph = _half_network(nodes, {"x": 9, "i": 5}, types, outputs)
    x = np.float32([0.1, -1e-7, 3e-5, 65504.0, 65519.0, 65520.0, -1e30, 1 + 2**-11, 2049.0])
    i = np.int32([0, -7, 2049, 4099, 65504])
    found = _outputs(graph, {"x": x, "i": i})
    with np.errstate(over="ignore"):
        h, g = x.astype(np.float16), i.astype(np.float16)
    for name, expected in {"h": h, "y": h.astype(np.float32), "g": g, "j": g.astype(np.int32)}.items():
        assert np.array_equal(found[name], expected), name


@pytest.mark.parametrize("vlen_bits", [128, 1024])
def test_a_float16_model_with_weights_is_right_at_any_vector_length(vlen_bits: int) -> None:
    """A convolution, an activation and a fully connected layer, against double precision on the same halves."""
    rng = np.random.default_rng(5)
    w, b = rng.standard_normal((16, 8)).astype(np.float16), rng.standard_normal(16).astype(np.float16)
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "w", "b"], ["g"], transB=1), helper.make_node("Tanh", ["g"], ["y"])], "half",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT16, [5, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT16, [5, 16])],
        [numpy_helper.from_array(w, "w"), numpy_helper.from_array(b, "b")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    x = rng.standard_normal((5, 8)).astype(np.float16)
    found = _outputs(make_graph(model, "half", "half.onnx"), {"x": x}, vlen_bits)["y"]
    expected = np.tanh(x.astype(np.float64) @ w.astype(np.float64).T + b)
    assert found.dtype == np.float16
    assert np.abs(found - expected).max() < TOLERANCE


def test_half_precision_halves_weights_and_keeps_the_ends(build_network: Build) -> None:
    graph = build_network(*CASES["conv long reduction"])
    single, half = compile_graph(graph, CORE), compile_graph(in_half_precision(graph), CORE)
    assert half.weight_bytes < 0.55 * single.weight_bytes
    assert half.dtypes == single.dtypes == {"x": "float32", "y": "float32"}


def test_a_core_without_half_precision_says_so(build_network: Build) -> None:
    graph = in_half_precision(build_network(*CASES["relu"]))
    with pytest.raises(InputError) as caught:
        compile_graph(graph, replace(CORE, name="plain", has_fp16=False))
    assert str(caught.value) == (
        "test_fp16, tensor x~half: found elements of type float16 for the core plain, which has no Zvfh, "
        "expected a core with has_fp16 = true; choose one, or use float32."
    )


@pytest.mark.parametrize("size,tolerance", [(2, TOLERANCE), (4, 8 * TOLERANCE)])
def test_winograd_in_half_precision_is_right_to_the_precision_of_its_tiles(
    size: int, tolerance: float, build_network: Build
) -> None:
    rng = np.random.default_rng(3)
    constants = {
        "w": rng.standard_normal((24, 16, 3, 3)).astype(np.float32),
        "b": rng.standard_normal(24).astype(np.float32),
    }
    nodes = [
        helper.make_node("Sigmoid", ["x"], ["s"]),
        helper.make_node("Conv", ["s", "w", "b"], ["c"], pads=[1, 1, 1, 1], name="three"),
        helper.make_node("Relu", ["c"], ["r"]), helper.make_node("MaxPool", ["r"], ["y"], kernel_shape=[2, 2]),
    ]  # fmt: skip
    graph = build_network(nodes, {"x": (1, 16, 13, 14)}, ["y"], constants)
    half, inputs = in_half_precision(graph), random_inputs(graph, 0)
    planner = Planner({"three": Schedule(f"winograd F({size},3)", "channels", 1, 4)})
    compiled = compile_graph(half, CORE, planner=planner)
    assert any(layer.algorithm.startswith(f"winograd F({size},3)") for layer in compiled.layers)
    result = run_program(compiled.program, None, stdin=compiled.pack_inputs(inputs), timed=False, vlen_bits=128)
    assert relative_error(compiled.unpack_outputs(result.stdout), run_reference(graph, inputs)) < tolerance
