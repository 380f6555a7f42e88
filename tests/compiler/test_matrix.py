"""Products of bytes by matrix instructions give onnxruntime's bits, wherever tiles fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import helper, numpy_helper

from workbench.base.errors import InputError
from workbench.compiler.compile import compile_graph
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.function import Module
from workbench.compiler.ir.values import Value, vector_type
from workbench.compiler.machine import MATRIX_STAND_INS
from workbench.compiler.planner import Planner, Schedule
from workbench.core.config import CoreConfig, load_core
from workbench.core.run import run_program
from workbench.graph.graph import Graph
from workbench.graph.onnx_reader import make_graph
from workbench.graph.reference import random_inputs, run_reference

CORE = load_core("spacemit_x60")
OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]


def network(nodes: list[Any], arrays: dict[str, np.ndarray], x: tuple[int, ...], dtype: str) -> Graph:
    graph = helper.make_graph(
        nodes, "bytes", [helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), x)],
        [helper.make_empty_tensor_value_info("y")], [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )  # fmt: skip
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)], ir_version=8
    )
    return make_graph(model, "bytes", "bytes")


def common(dtype: str, weights: np.ndarray, scales: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(len(weights))
    w_scale = rng.uniform(0.004, 0.01, scales).astype(np.float32) if scales > 1 else np.float32(0.006).reshape(())
    return {
        "x_scale": np.float32(0.02).reshape(()), "x_zero": np.array(7, dtype), "w": weights, "w_scale": w_scale,
        "w_zero": np.zeros(np.shape(w_scale), np.int8), "y_scale": np.float32(0.03).reshape(()),
        "y_zero": np.array(3, dtype),
    }  # fmt: skip


def convolution(
    dtype: str, channels: int, filters: int, size: tuple[int, int], kernel: int, stride: int = 1, per_filter: bool = True,
    batch: int = 1,
) -> Graph:  # fmt: skip
    rng = np.random.default_rng(channels)
    weights = rng.integers(-60, 61, (filters, channels, kernel, kernel)).astype(np.int8)
    arrays = common(dtype, weights, filters if per_filter else 1)
    arrays["bias"] = rng.integers(-4000, 4000, filters).astype(np.int32)
    names = ["near", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero", "bias"]
    pad = kernel // 2
    nodes = [  # pools of single elements: between them images lie as in the middle of a network
        helper.make_node("MaxPool", ["x"], ["near"], kernel_shape=[1, 1]),
        helper.make_node("QLinearConv", names, ["result"], name="product", strides=[stride] * 2, pads=[pad] * 4),
        helper.make_node("MaxPool", ["result"], ["y"], kernel_shape=[1, 1]),
    ]
    return network(nodes, arrays, (batch, channels, *size), dtype)


def check(graph: Graph, planner: Planner | None = None, uses_matrix: bool = True, core: CoreConfig = CORE) -> None:
    compiled = compile_graph(graph, core.target(), planner=planner)
    algorithm = next(layer.algorithm for layer in compiled.layers if layer.name == "product")
    assert ("matrix instructions" in algorithm) == uses_matrix
    values = random_inputs(graph, 2)
    run = run_program(compiled.program, core, stdin=compiled.pack_inputs(values), timed=False)
    np.testing.assert_array_equal(compiled.unpack_outputs(run.stdout)["y"], run_reference(graph, values)["y"])


SHAPES = [
    (8, 4, (1, 1), 1, 1), (16, 16, (5, 7), 3, 1), (32, 12, (9, 6), 1, 2), (24, 64, (4, 13), 3, 2), (8, 20, (3, 3), 5, 1),
]  # fmt: skip


@pytest.mark.parametrize("algorithm", ["matrix", "packed matrix"])
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("channels,filters,size,kernel,stride", SHAPES)
def test_convolutions_are_right_up_to_their_edges(algorithm, dtype, channels, filters, size, kernel, stride):
    pin = Schedule(algorithm, "tiles", 2, 1, 1, True, True)
    check(convolution(dtype, channels, filters, size, kernel, stride), Planner({"product": pin}))


@pytest.mark.parametrize("size,batch,kernel", [((14, 5), 2, 3), ((9, 4), 1, 1), ((6, 6), 2, 1)])
def test_packed_strips_of_parts_that_overlap_are_right(monkeypatch, size, batch, kernel):
    """Rows that four parts do not divide, in strips of a row or two, for every image of a batch."""
    monkeypatch.setattr("workbench.compiler.operators.packed_tiles._SHARE", 5000 / (512 << 10))
    pin = Schedule("packed matrix", "tiles", 2, 2, 2, True, True)
    check(convolution("uint8", 16, 8, size, kernel, batch=batch), Planner({"product": pin}))


@pytest.mark.parametrize("core", [CORE, CORE.without_matrix()], ids=["matrix", "plain"])
@pytest.mark.parametrize("size,filters", [((5, 6), 12), ((3, 3), 64)])
def test_a_sum_with_another_image_is_part_of_the_product(size, filters, core):
    rng = np.random.default_rng(3)
    arrays = common("int8", rng.integers(-60, 61, (filters, 16, 3, 3)).astype(np.int8), filters)
    arrays |= {"v": rng.integers(-60, 61, (filters, 16, 1, 1)).astype(np.int8), "s": np.float32(0.05).reshape(())}
    scales = ["x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero"]
    others = [name if name != "w" else "v" for name in scales]
    nodes = [
        helper.make_node("MaxPool", ["x"], ["near"], kernel_shape=[1, 1]),
        helper.make_node("QLinearConv", ["near", *scales], ["a"], name="product", pads=[1] * 4),
        helper.make_node("QLinearConv", ["near", *others], ["b"], name="other"),
        helper.make_node(
            "QLinearAdd", ["a", "y_scale", "y_zero", "b", "y_scale", "y_zero", "s", "x_zero"], ["c"], domain="com.microsoft"
        ),
        helper.make_node("MaxPool", ["c"], ["y"], kernel_shape=[1, 1]),
    ]
    graph = network(nodes, arrays, (1, 16, *size), "int8")
    check(graph, uses_matrix=core.target().has_matrix, core=core)
    layers = compile_graph(graph, core.target()).layers
    assert [layer.operator for layer in layers if layer.name == "product"] == ["Conv+requantise+quantised_add"]


def test_packing_pays_where_many_filters_use_a_tile():
    algorithms = {}
    for filters in (4, 64):
        layers = compile_graph(convolution("uint8", 64, filters, (16, 16), 3), CORE.target()).layers
        algorithms[filters] = next(layer.schedule.algorithm for layer in layers if layer.name == "product")
    assert algorithms == {4: "matrix", 64: "packed matrix"}


def test_one_scale_for_all_filters():
    check(convolution("uint8", 16, 8, (6, 6), 3, per_filter=False))


@pytest.mark.parametrize("rows,depth,columns", [(1, 64, 12), (7, 24, 8), (33, 40, 32)])
def test_matrix_products_are_right(rows, depth, columns):
    weights = np.random.default_rng(rows).integers(-60, 61, (depth, columns)).astype(np.int8)
    arrays = common("int8", weights, 1)
    names = ["x", "x_scale", "x_zero", "w", "w_scale", "w_zero", "y_scale", "y_zero"]
    check(network([helper.make_node("QLinearMatMul", names, ["y"], name="product")], arrays, (rows, depth), "int8"))


@pytest.mark.parametrize("channels,filters", [(12, 16), (16, 10)])
def test_where_tiles_do_not_fit_vectors_take_over(channels, filters):
    check(convolution("uint8", channels, filters, (6, 6), 1), uses_matrix=False)


@pytest.mark.parametrize("algorithm", ["matrix", "packed matrix"])
@pytest.mark.parametrize("ahead,outside", [(False, True), (True, False), (True, True)])
@pytest.mark.parametrize("block,loads", [(1, 1), (2, 2), (3, 4), (5, 2)])
def test_every_block_that_is_pinned_is_right(algorithm, block, loads, ahead, outside):
    pin = Schedule(algorithm, "tiles", 2, block, loads, ahead, outside)
    check(convolution("int8", 16, 16, (5, 9), 3), Planner({"product": pin}))


@pytest.mark.parametrize("block,loads,found", [(1, 3, "a divisor of 4 tiles"), (5, 4, "at most 32")])
def test_impossible_blocks_are_refused(block, loads, found):
    with pytest.raises(InputError, match=found):
        check(convolution("int8", 16, 16, (5, 9), 3), Planner({"product": Schedule("matrix", "tiles", 2, block, loads)}))


def test_assembly_names_them_and_plain_programs_have_none():
    graph = convolution("uint8", 16, 16, (6, 6), 3)
    with_matrix, plain = (
        compile_graph(graph, core.target(), with_assembly=True).assembly for core in (CORE, CORE.without_matrix())
    )
    assert "smt.vmadotus\t" in with_matrix and not any(name in with_matrix for name in MATRIX_STAND_INS)
    assert "smt." not in plain


def test_nothing_else_may_be_written_with_the_stand_ins():
    builder = Builder(Module(), "f")
    wide, narrow = Value(vector_type(2, "i32"), "%a"), Value(vector_type(2, "i16"), "%b")
    with pytest.raises(ValueError, match="stand in"):
        builder.accumulate(wide, narrow, narrow, "u")
