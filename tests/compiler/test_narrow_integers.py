"""Integers of 8 and 16 bits have their width in memory and the arithmetic of numpy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from onnx import helper

from workbench.compiler.compile import compile_graph
from workbench.core.run import run_program
from workbench.graph.graph import Graph
from workbench.graph.reference import random_inputs
from workbench.isa.target import Target

TARGET = Target("test", 128, 256, False, 65536, 1 << 20)
NARROW = ("int8", "uint8", "int16", "uint16")


def _run(graph: Graph, vlen_bits: int = 128) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    compiled = compile_graph(graph, TARGET)
    inputs = random_inputs(graph, 3)
    result = run_program(compiled.program, None, stdin=compiled.pack_inputs(inputs), timed=False, vlen_bits=vlen_bits)
    assert result.exit_code == 0
    return inputs, compiled.unpack_outputs(result.stdout)


@pytest.mark.parametrize("dtype", NARROW)
def test_sums_wrap_around_and_extremes_respect_the_sign(dtype: str, build_network: Callable[..., Graph]) -> None:
    nodes = [helper.make_node("Add", ["x", "z"], ["sum"]), helper.make_node("Max", ["x", "z"], ["largest"]),
             helper.make_node("ReduceMin", ["x"], ["smallest"], axes=[0], keepdims=0),
             helper.make_node("Cast", ["x"], ["whole"], to=7)]  # fmt: skip
    shapes, outputs = {"x": (5, 37), "z": (5, 37)}, ["sum", "largest", "smallest", "whole"]
    graph = build_network(nodes, shapes, outputs, {}, types={"x": dtype, "z": dtype})
    given, found = _run(graph, 256)
    assert {name: array.dtype.name for name, array in found.items()}["sum"] == dtype
    np.testing.assert_array_equal(found["sum"], given["x"] + given["z"])
    np.testing.assert_array_equal(found["largest"], np.maximum(given["x"], given["z"]))
    np.testing.assert_array_equal(found["smallest"], given["x"].min(axis=0))
    np.testing.assert_array_equal(found["whole"], given["x"].astype(np.int64))


@pytest.mark.parametrize("dtype", ("int8", "uint8"))
def test_pools_and_moves_keep_bytes(dtype: str, build_network: Callable[..., Graph]) -> None:
    nodes = [helper.make_node("MaxPool", ["x"], ["pooled"], kernel_shape=[2, 2], pads=[1, 1, 0, 0]),
             helper.make_node("Transpose", ["pooled"], ["turned"], perm=[0, 3, 1, 2]),
             helper.make_node("Concat", ["turned", "turned"], ["y"], axis=1)]  # fmt: skip
    given, found = _run(build_network(nodes, {"x": (1, 3, 6, 7)}, ["y"], {}, types={"x": dtype}))
    padded = np.pad(given["x"], [(0, 0), (0, 0), (1, 0), (1, 0)], constant_values=np.iinfo(dtype).min)
    windows = [padded[:, :, i : i + 6, j : j + 7] for i in (0, 1) for j in (0, 1)]
    turned = np.max(windows, axis=0).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(found["y"], np.concatenate([turned, turned], axis=1))


def test_elements_have_their_width_in_files_and_memory(build_network: Callable[..., Graph]) -> None:
    nodes = [helper.make_node("Add", ["x", "c"], ["y"]), helper.make_node("Less", ["x", "c"], ["less"])]
    constants = {"c": np.arange(1000, dtype=np.int8)}
    compiled = compile_graph(build_network(nodes, {"x": (1000,)}, ["y", "less"], constants, types={"x": "int8"}), TARGET)
    assert len(compiled.pack_inputs({"x": np.zeros(1000, np.int8)})) == 1000
    assert compiled.output_bytes == 2000
    assert compiled.weight_bytes == 1024  # of which 24 align
