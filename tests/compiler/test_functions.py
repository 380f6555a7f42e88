"""Elementary functions, compiled and run, against numpy and the math module in double precision."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from onnx import helper

from workbench.compiler.compile import compile_graph
from workbench.core.run import run_program
from workbench.isa.target import Target

FUNCTIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float, float, float]] = {  # lowest, highest, relative error
    "Exp": (np.exp, -80, 88, 3e-7), "Log": (np.log, 1e-30, 1e30, 3e-7), "Tanh": (np.tanh, -12, 12, 3e-7),
    "Sigmoid": (lambda x: 1 / (1 + np.exp(-x)), -20, 20, 3e-7), "Sinh": (np.sinh, -20, 20, 1e-6),
    "Atan": (np.arctan, -50, 50, 3e-7), "Sqrt": (np.sqrt, 0, 1e6, 1e-7),
    "Softplus": (lambda x: np.logaddexp(0, x), -10, 20, 4e-7),
    "Erf": (np.vectorize(math.erf), -4, 4, 4e-7),
}  # fmt: skip
ABSOLUTE = {"Sin": (np.sin, -100, 100, 3e-7), "Cos": (np.cos, -100, 100, 3e-7), "Asin": (np.arcsin, -1, 1, 5e-7)}
POINTS = 4001


@pytest.fixture(scope="module")
def results() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Arguments and values of every function."""
    from onnx import TensorProto

    from workbench.graph.onnx_reader import make_graph

    table = {**FUNCTIONS, **ABSOLUTE}
    arguments = {}
    for name, (_, low, high, _) in table.items():
        spread = np.geomspace(low, high, POINTS) if low > 0 else np.linspace(low, high, POINTS)
        arguments[f"x_{name}"] = spread.astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node(name, [f"x_{name}"], [name]) for name in table], "functions",
        [helper.make_tensor_value_info(f"x_{name}", TensorProto.FLOAT, [POINTS]) for name in table],
        [helper.make_empty_tensor_value_info(name) for name in table],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    compiled = compile_graph(make_graph(model, "functions", "functions"), Target("test", 256, 256, False, 65536, 1 << 20))
    run = run_program(compiled.program, None, stdin=compiled.pack_inputs(arguments), timed=False, vlen_bits=256)
    values = compiled.unpack_outputs(run.stdout)
    return {name: (arguments[f"x_{name}"].astype(np.float64), values[name].astype(np.float64)) for name in table}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_small_relative_error(name: str, results: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    x, y = results[name]
    expected = FUNCTIONS[name][0](x)
    error = np.abs(y - expected) / np.maximum(np.abs(expected), 1e-30)
    assert error.max() <= FUNCTIONS[name][3], (error.max(), x[error.argmax()])


@pytest.mark.parametrize("name", ABSOLUTE)
def test_a_function_of_an_angle_has_a_small_absolute_error(
    name: str, results: dict[str, tuple[np.ndarray, np.ndarray]]
) -> None:
    x, y = results[name]
    assert np.abs(y - ABSOLUTE[name][0](x)).max() <= ABSOLUTE[name][3]
