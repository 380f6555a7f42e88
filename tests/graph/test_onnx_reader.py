"""Reading networks: shapes, folding and canonical operators."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from workbench.graph.graph import Graph
from workbench.graph.onnx_reader import make_graph, read_onnx
from workbench.graph.reference import random_inputs, relative_error, run_reference
from workbench.graph.zoo import load_model


def _graph(nodes, shape, constants=(), outputs=("y",), opset=17) -> Graph:
    body = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in dict(constants).items()],
    )  # fmt: skip
    return make_graph(helper.make_model(body, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), "g", "g.onnx")


def _attributes(graph: Graph) -> dict:
    return dict(graph.nodes[0].attributes)


@pytest.mark.parametrize("batch", [0, "batch"])
def test_an_open_batch_is_one(batch) -> None:
    graph = _graph([helper.make_node("Relu", ["x"], ["y"])], [batch, 3])
    assert graph.shape("x") == graph.shape("y") == (1, 3)


def test_shapes_computed_in_the_network_become_constants() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"], axis=0),
        helper.make_node("Concat", ["n", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["y"]),
    ]
    graph = _graph(nodes, ["N", 3, 4], {"zero": np.array([0]), "rest": np.array([-1])})
    assert [node.operator for node in graph.nodes] == ["Reshape"]
    assert graph.shape("y") == (1, 12)


def test_nodes_are_put_in_order() -> None:
    nodes = [helper.make_node("Sigmoid", ["a"], ["y"]), helper.make_node("Relu", ["x"], ["a"])]
    assert [node.operator for node in _graph(nodes, [2]).nodes] == ["Clip", "Sigmoid"]


@pytest.mark.parametrize(
    ("opset", "shape", "operators"),
    [(17, (2, 3), ["Softmax"]), (9, (2, 3, 4), ["Reshape", "Softmax", "Reshape"])],
)
def test_softmax_before_opset_13_is_over_all_later_axes(opset, shape, operators) -> None:
    graph = _graph([helper.make_node("Softmax", ["x"], ["y"], axis=1)], shape, opset=opset)
    assert [node.operator for node in graph.nodes] == operators


def test_settings_as_attributes_and_as_inputs_mean_the_same() -> None:
    old = _graph([helper.make_node("Pad", ["x"], ["y"], pads=[0, 1, 0, 2], value=3.0)], [2, 3], opset=9)
    new = _graph(
        [helper.make_node("Pad", ["x", "p", "v"], ["y"])], [2, 3],
        {"p": np.array([0, 1, 0, 2]), "v": np.float32(3.0)}, opset=17,
    )  # fmt: skip
    assert _attributes(old) == _attributes(new)
    clips = [
        _graph([helper.make_node("Clip", ["x"], ["y"], min=0.0, max=6.0)], [2], opset=6),
        _graph([helper.make_node("Clip", ["x", "a", "b"], ["y"])], [2], {"a": np.float32(0), "b": np.float32(6)}),
    ]
    assert _attributes(clips[0]) == _attributes(clips[1]) == {"parameters": (0.0, 6.0)}


def test_a_cast_of_floats_to_floats_disappears() -> None:
    nodes = [helper.make_node("Cast", ["x"], ["c"], to=TensorProto.FLOAT), helper.make_node("Relu", ["c"], ["y"])]
    assert [node.operator for node in _graph(nodes, [2]).nodes] == ["Clip"]


def test_upsample_of_an_old_opset_is_a_resize() -> None:
    node = helper.make_node("Upsample", ["x", "s"], ["y"], mode="nearest")
    graph = _graph([node], [1, 2, 3, 3], {"s": np.float32([1, 1, 2, 2])}, opset=9)
    assert _attributes(graph) == {"factors": (1, 1, 2, 2)}


def test_weights_outside_of_the_file_are_read_from_its_folder(tmp_path: Path) -> None:
    weights = np.arange(6, dtype=np.float32).reshape(2, 3)
    body = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])], [numpy_helper.from_array(weights, "w")],
    )  # fmt: skip
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "network.onnx"
    save(model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    graph = read_onnx(path)
    assert np.array_equal(graph.constants[graph.nodes[0].inputs[1]], weights)
    inputs = random_inputs(graph, 0)
    assert relative_error({"y": inputs["x"] @ weights}, run_reference(graph, inputs)) < 1e-6


def test_squeezenet_has_the_published_size() -> None:
    graph = load_model("squeezenet")
    assert graph.name == "squeezenet" and graph.parameters == 1_235_496
    assert Counter(node.operator for node in graph.nodes)["Conv"] == 26


def test_open_sizes_are_given_by_name_or_by_place() -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    model = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", None])],
        [helper.make_empty_tensor_value_info("y")],
    )  # fmt: skip
    opset = [helper.make_opsetid("", 17)]
    sizes = {"batch": 2, "h": 5, "x.3": 7}
    graph = make_graph(helper.make_model(model, opset_imports=opset, ir_version=8), "g", "g", sizes=sizes)
    assert graph.shape("y") == (2, 3, 5, 7)


def test_functions_of_a_model_are_written_out() -> None:
    body = [helper.make_node("Sigmoid", ["a"], ["s"]), helper.make_node("Mul", ["a", "s"], ["b"])]
    opset = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    function = helper.make_function("own", "Silu", ["a"], ["b"], body, [helper.make_opsetid("", 17)])
    nodes = [helper.make_node("Silu", ["x"], ["t"], domain="own"), helper.make_node("Silu", ["t"], ["y"], domain="own")]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])], [helper.make_empty_tensor_value_info("y")]
    )
    model = helper.make_model(graph, opset_imports=opset, ir_version=8, functions=[function])
    assert [node.operator for node in make_graph(model, "g", "g").nodes] == ["Sigmoid", "Mul", "Sigmoid", "Mul"]


def test_integers_and_booleans_keep_their_types() -> None:
    nodes = [
        helper.make_node("Greater", ["x", "zero"], ["b"]), helper.make_node("Cast", ["b"], ["i"], to=TensorProto.INT64),
        helper.make_node("Add", ["i", "i"], ["y"]),
    ]  # fmt: skip
    graph = make_graph(
        helper.make_model(
            helper.make_graph(
                nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3])],
                [helper.make_empty_tensor_value_info("y"), helper.make_empty_tensor_value_info("b")],
                [numpy_helper.from_array(np.float32([0]), "zero")],
            ),
            opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
        ), "g", "g",
    )  # fmt: skip
    assert [graph.tensors[name].dtype for name in ("b", "i", "y")] == ["bool", "int64", "int64"]


def test_a_trained_network_keeps_its_shapes(reference: Path) -> None:
    graph = read_onnx(reference / "workloads/onnx/fastestdet.onnx")
    assert graph.shape(graph.inputs[0]) == (1, 3, 352, 352)
    assert [graph.shape(name) for name in graph.outputs] == [(1, 85, 22, 22)]
