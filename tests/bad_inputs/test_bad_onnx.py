"""Broken and unsupported ONNX files end in one sentence each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from workbench.base.errors import InputError
from workbench.base.limits import Limits
from workbench.graph.onnx_reader import read_onnx
from workbench.graph.zoo import load_model


def _model(nodes: list[Any], constants: Sequence[Any] = (), shape: Sequence[Any] = (1, 4)) -> ModelProto:
    graph = helper.make_graph(
        nodes, "bad", [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], list(constants),
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _relu(source: str = "x", target: str = "y", name: str = "act") -> Any:
    return helper.make_node("Relu", [source], [target], name=name)


def _message(tmp_path: Path, content: bytes | ModelProto, limits: Limits | None = None) -> str:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    with pytest.raises(InputError) as caught:
        read_onnx(path, limits or Limits())
    return str(caught.value).replace(f"{tmp_path}/", "")


def _tensor(name: str, dims: list[int], raw: bytes) -> TensorProto:
    return TensorProto(name=name, dims=dims, data_type=TensorProto.FLOAT, raw_data=raw)


def test_absent(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="found no such file, expected an existing file; check the path.$"):
        read_onnx(tmp_path / "none.onnx")


def test_empty(tmp_path: Path) -> None:
    expected = "bad.onnx: found an empty file, expected a file with content; check how it was written."
    assert _message(tmp_path, b"") == expected


def test_not_onnx(tmp_path: Path) -> None:
    expected = "bad.onnx: found bytes that are not an ONNX model, expected a complete ONNX file; export it again."
    assert _message(tmp_path, b"\x7fELF and more") == expected


def test_truncated(tmp_path: Path) -> None:
    content = _model([_relu()], [numpy_helper.from_array(np.zeros(100, np.float32), "w")]).SerializeToString()
    expected = "bad.onnx: found bytes that are not an ONNX model, expected a complete ONNX file; export it again."
    assert _message(tmp_path, content[:-300]) == expected


def test_every_truncation_is_refused_or_complete(tmp_path: Path) -> None:
    content = _model([_relu()]).SerializeToString()
    for size in range(1, len(content) - 20, 7):
        path = tmp_path / "cut.onnx"
        path.write_bytes(content[:size])
        with pytest.raises(InputError):
            read_onnx(path)


def test_no_operators(tmp_path: Path) -> None:
    expected = "bad.onnx: found no operators, outputs or opset, expected an ONNX model; export it again."
    assert _message(tmp_path, _model([])) == expected


def test_a_declared_size_above_the_limit(tmp_path: Path) -> None:
    huge = _tensor("w", [1 << 20, 1 << 20], b"")
    expected = (
        "bad.onnx, tensor w: found 4,398,046,511,104 tensor bytes, expected at most 2,147,483,648; "
        "raise the limit or use a smaller input."
    )
    assert _message(tmp_path, _model([_relu()], [huge])) == expected


def test_a_constant_of_a_huge_shape(tmp_path: Path) -> None:
    shape = numpy_helper.from_array(np.array([1 << 40], np.int64), "s")
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["c"], name="fill"), helper.make_node("Add", ["x", "c"], ["y"])]
    expected = (
        "bad.onnx, node fill (ConstantOfShape): found 8,796,093,022,208 tensor bytes, expected at most 2,147,483,648; "
        "raise the limit or use a smaller input."
    )
    assert _message(tmp_path, _model(nodes, [shape])) == expected


def test_a_negative_size(tmp_path: Path) -> None:
    expected = "bad.onnx, tensor w: found dimensions [-1, 4], expected sizes of 0 or more; export it again."
    assert _message(tmp_path, _model([_relu()], [_tensor("w", [-1, 4], b"")])) == expected


def test_data_of_another_size(tmp_path: Path) -> None:
    expected = "bad.onnx, tensor w: found 8 bytes of data, expected 16 for dimensions [4]; export it again."
    assert _message(tmp_path, _model([_relu()], [_tensor("w", [4], bytes(8))])) == expected


def test_external_data_outside_of_the_folder(tmp_path: Path) -> None:
    tensor = TensorProto(name="w", dims=[4], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../../secret.bin")
    expected = (
        "bad.onnx, tensor w: found external data at '../../secret.bin', expected a file inside the model's folder; "
        "move it there and export again."
    )
    assert _message(tmp_path, _model([_relu()], [tensor])) == expected


def test_a_condition_of_many_values(tmp_path: Path) -> None:
    branch = helper.make_graph([_relu("x", "b")], "then", [], [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)])
    node = helper.make_node("If", ["x"], ["y"], name="choose", then_branch=branch, else_branch=branch)
    expected = "bad.onnx, node choose: found a condition of 4 values, expected one; export it again."
    assert _message(tmp_path, _model([node])) == expected


def test_an_operator_of_another_domain(tmp_path: Path) -> None:
    node = helper.make_node("Gelu", ["x"], ["y"], name="act", domain="com.microsoft")
    expected = (
        "bad.onnx, node act: found operator Gelu of domain 'com.microsoft', expected an operator of the ONNX standard; "
        "export it with standard operators."
    )
    assert _message(tmp_path, _model([node])) == expected


def test_an_operator_that_is_not_supported(tmp_path: Path) -> None:
    node = helper.make_node("MaxRoiPool", ["x", "r"], ["y"], name="act", pooled_shape=[2, 2])
    regions = numpy_helper.from_array(np.zeros((1, 5), np.float32), "r")
    expected = (
        "bad.onnx, node act: found operator MaxRoiPool, expected a supported operator (nearest: RoiAlign); "
        "replace it in the export."
    )
    assert _message(tmp_path, _model([node], [regions], (1, 1, 4, 4))) == expected


def test_a_result_whose_size_depends_on_the_data(tmp_path: Path) -> None:
    """The operator itself is named, not one behind it."""
    nodes = [helper.make_node("NonZero", ["x"], ["z"], name="act"), helper.make_node("Transpose", ["z"], ["y"])]
    expected = (
        "bad.onnx, node act (NonZero): found operator NonZero, whose result has as many elements as its data say, "
        "expected results of fixed sizes; use a mask, or end the network before it."
    )
    assert _message(tmp_path, _model(nodes)) == expected


def test_a_cycle(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["x", "b"], ["a"], name="first"), _relu("a", "b", "second"), _relu("b")]
    expected = "bad.onnx, node first: found a cycle behind input 'b', expected operators in a sequence; export it again."
    assert _message(tmp_path, _model(nodes)) == expected


def test_an_input_that_nothing_makes(tmp_path: Path) -> None:
    expected = "bad.onnx, node act: found no producer behind input 'q', expected operators in a sequence; export it again."
    assert _message(tmp_path, _model([_relu("q")])) == expected


def test_two_producers(tmp_path: Path) -> None:
    expected = "bad.onnx, tensor y: found more than one producer, expected one; export it again."
    assert _message(tmp_path, _model([_relu(), _relu()])) == expected


def test_an_open_size_that_is_not_the_batch(tmp_path: Path) -> None:
    expected = "bad.onnx, input x: found an open size (width) of dimension 1, expected a number; give it with --dim width=N."
    assert _message(tmp_path, _model([_relu()], shape=["batch", "width"])) == expected


def test_weights_that_do_not_fit(tmp_path: Path) -> None:
    weights = numpy_helper.from_array(np.zeros((2, 3, 1, 1), np.float32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv", group=1)
    message = _message(tmp_path, _model([node], [weights], shape=[1, 4, 5, 5]))
    assert message.startswith("bad.onnx") and message.count("; ") == 1 and "\n" not in message


def test_computed_weights(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "x"], ["y"], name="conv")
    expected = "bad.onnx, node conv: found Conv with computed weights, expected constant weights; export it with constants."
    assert _message(tmp_path, _model([node], shape=[1, 1, 3, 3])) == expected


def test_another_type(tmp_path: Path) -> None:
    model = _model([_relu()])
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    expected = (
        "bad.onnx, input x: found elements of type float64, expected float32, float16, int32, int64, int8, uint8, int16, "
        "uint16 or bool; export a float32 network."
    )
    assert _message(tmp_path, model) == expected


def test_an_unknown_name() -> None:
    with pytest.raises(InputError) as caught:
        load_model("mobilenet")
    assert str(caught.value) == (
        "model: found 'mobilenet', expected one of mobilenet_v3, mobilenet_v2, mobilenet_v1; see `workbench list models`."
    )


def test_an_operator_that_onnx_does_not_have(tmp_path: Path) -> None:
    node = helper.make_node("Foo", ["x"], ["y"], name="act")
    assert _message(tmp_path, _model([node])) == (
        "bad.onnx, node act: found the unknown operator Foo, expected an operator of the ONNX standard; "
        "export it with standard operators."
    )


def test_a_reshape_to_more_elements(tmp_path: Path) -> None:
    node = helper.make_node("Reshape", ["x", "shape"], ["y"], name="view")
    shape = numpy_helper.from_array(np.array([3, 3], np.int64), "shape")
    assert _message(tmp_path, _model([node], [shape])) == (
        "bad.onnx, node view: found shape [3, 3] for [1, 4], expected as many elements; export it again."
    )


@pytest.mark.parametrize(
    ("attributes", "sentence"),
    [
        ({"kernel_shape": [5, 5]}, "found kernel_shape [5, 5] with weights [2, 3, 3, 3], expected kernel_shape [3, 3]"),
        ({"auto_pad": "SOME"}, "found auto_pad 'SOME', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID"),
    ],
)
def test_attributes_that_contradict_the_weights(tmp_path: Path, attributes: dict[str, Any], sentence: str) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv", **attributes)
    weights = numpy_helper.from_array(np.zeros((2, 3, 3, 3), np.float32), "w")
    message = _message(tmp_path, _model([node], [weights], (1, 3, 8, 8)))
    assert message == f"bad.onnx, node conv: {sentence}; export it again."


def test_external_data_in_an_attribute_outside_of_the_folder(tmp_path: Path) -> None:
    tensor = TensorProto(name="w", dims=[4], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/passwd")
    nodes = [helper.make_node("Constant", [], ["c"], name="fill"), helper.make_node("Add", ["x", "c"], ["y"])]
    nodes[0].attribute.add(name="value", type=4).t.CopyFrom(tensor)
    expected = (
        "bad.onnx, tensor w: found external data at '/etc/passwd', expected a file inside the model's folder; "
        "move it there and export again."
    )
    assert _message(tmp_path, _model(nodes)) == expected


def test_a_result_of_terabytes(tmp_path: Path) -> None:
    repeats = numpy_helper.from_array(np.array([1 << 20, 1 << 20], np.int64), "r")
    node = helper.make_node("Tile", ["x", "r"], ["y"], name="again")
    expected = (
        "bad.onnx, node again (Tile): found 17,592,186,044,416 tensor bytes, expected at most 2,147,483,648; "
        "raise the limit or use a smaller input."
    )
    assert _message(tmp_path, _model([node], [repeats])) == expected


def test_a_range_without_end(tmp_path: Path) -> None:
    numbers = [numpy_helper.from_array(np.array(v, np.float32), n) for n, v in (("a", 0), ("b", 1e12), ("c", 1e-3))]
    nodes = [helper.make_node("Range", ["a", "b", "c"], ["r"], name="far"), helper.make_node("Add", ["x", "r"], ["y"])]
    message = _message(tmp_path, _model(nodes, numbers))
    assert message.startswith("bad.onnx, node far (Range): found 7,99") and "tensor bytes" in message


def test_functions_that_call_each_other(tmp_path: Path) -> None:
    call = [helper.make_node("F", ["a"], ["b"], domain="own")]
    function = helper.make_function("own", "F", ["a"], ["b"], call, [helper.make_opsetid("own", 1)])
    model = _model([helper.make_node("F", ["x"], ["y"], domain="own")])
    model.functions.append(function)
    expected = "bad.onnx, function F: found a call of itself, expected functions in a sequence; export it again."
    assert _message(tmp_path, model) == expected


def test_functions_that_grow_without_bound(tmp_path: Path) -> None:
    model = _model([helper.make_node("F0", ["x"], ["y"], domain="own")])
    for level in range(40):
        inner, domain = (f"F{level + 1}", "own") if level < 39 else ("Neg", "")
        body = [helper.make_node(inner, [a], [b], domain=domain) for a, b in (("a", "c"), ("c", "b"))]
        function = helper.make_function("own", f"F{level}", ["a"], ["b"], body, [helper.make_opsetid("", 17)])
        model.functions.append(function)
    expected = (
        "bad.onnx, functions: found 1,099,511,627,776 nodes, expected at most 5,000,000; "
        "raise the limit or use a smaller input."
    )
    assert _message(tmp_path, model) == expected


def test_too_many_dimensions(tmp_path: Path) -> None:
    expected = "bad.onnx, tensor w: found 40 dimensions, expected at most 32; export it again."
    assert _message(tmp_path, _model([_relu()], [_tensor("w", [1] * 40, bytes(4))])) == expected


def test_a_size_that_is_fixed_cannot_be_given(tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(_model([_relu()]).SerializeToString())
    messages = []
    for sizes in ({"x.1": 5}, {"width": 5}):
        with pytest.raises(InputError) as caught:
            read_onnx(path, sizes=sizes)
        messages.append(str(caught.value).replace(f"{tmp_path}/", ""))
    assert messages == [
        "bad.onnx, input x: found a fixed size of 4 in dimension 1, expected 5; export it with an open one.",
        "bad.onnx: found no open dimension 'width', expected one of none: all sizes of this network are fixed; "
        "leave the option out or export anew.",
    ]


def test_a_node_that_contradicts_the_standard(tmp_path: Path) -> None:
    node = helper.make_node("MaxPool", ["x"], ["y"], name="pool", kernel_shape=[2, 2], strides=[0, 0])
    message = _message(tmp_path, _model([node], shape=[1, 1, 4, 4]))
    assert message.startswith("bad.onnx") and message.count("; ") == 1 and "\n" not in message


def test_damaged_bytes_end_in_a_sentence_or_a_graph(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    weights = numpy_helper.from_array(rng.standard_normal((2, 3, 3, 3)).astype(np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["r"]), helper.make_node("GlobalAveragePool", ["r"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]), helper.make_node("Softmax", ["f"], ["y"], axis=1),
    ]  # fmt: skip
    content = bytearray(_model(nodes, [weights], [1, 3, 8, 8]).SerializeToString())
    path = tmp_path / "damaged.onnx"
    for _ in range(150):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), 3):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        try:
            read_onnx(path)
        except InputError as error:
            assert "\n" not in str(error)
