"""Networks that cannot be quantised and samples that do not fit: each ends in one sentence and exit code 2."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from workbench.base.errors import InputError
from workbench.cli import main
from workbench.graph.graph import Graph
from workbench.graph.onnx_reader import make_graph
from workbench.graph.samples import read_samples


def _model(operator: str = "Conv", kind: int = TensorProto.FLOAT, inputs: int = 1) -> Any:
    weights = numpy_helper.from_array(np.ones((4, 3, 1, 1), helper.tensor_dtype_to_np_dtype(kind)), "w")
    nodes = [helper.make_node(operator, ["x0", "w"] if operator == "Conv" else ["x0"], ["a"], name="first")]
    nodes += [helper.make_node("Mul" if inputs > 1 else "Identity", ["a", "x1"][:inputs], ["y"], name="last")]
    values = [helper.make_tensor_value_info(f"x{i}", kind, [1, (3, 1)[i], 5, 5]) for i in range(inputs)]
    result = helper.make_tensor_value_info("y", kind, None)
    graph = helper.make_graph(nodes, "bad", values, [result], [weights] if operator == "Conv" else [])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _graph(inputs: int = 1) -> Graph:
    return make_graph(_model(inputs=inputs), "bad", "bad.onnx")


def _npy(array: np.ndarray) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.save(folder / "s.npy", array)
        return folder / "s.npy"

    return write


def _npz(**arrays: np.ndarray) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        np.savez(folder / "s.npz", **arrays)
        return folder / "s.npz"

    return write


def _bytes(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def _damaged(folder: Path) -> Path:
    np.savez_compressed(folder / "s.npz", x0=np.random.default_rng(0).random((2, 3, 5, 5), np.float32))
    data = bytearray((folder / "s.npz").read_bytes())
    data[120:140] = bytes(20)
    return _bytes("s.npz", bytes(data))(folder)


IMAGE = np.zeros((1, 3, 5, 5), np.float32)
FEW = np.zeros((2, 3, 5, 5), np.float32)
SAMPLES: dict[str, tuple[Callable[[Path], Path], int, str]] = {
    "another shape": (
        _npy(np.zeros((2, 3, 4, 5), np.float32)), 1,
        "s.npy, x0: found an array of shape [2, 3, 4, 5], expected shape [1, 3, 5, 5] of input x0; reshape it.",
    ),
    "no numbers": (
        _npy(np.where(np.arange(25) == 3, np.nan, FEW.reshape(6, 25)).reshape(FEW.shape)), 1,
        "s.npy, x0: found numbers that are not finite, expected finite numbers; remove or replace them.",
    ),
    "none": (_npy(FEW[:0]), 1, "s.npy: found no samples, expected at least one; write some along the first axis."),
    "no name for two inputs": (
        _npy(IMAGE), 2,
        "s.npy: found one array for 2 inputs, expected a .npz file with arrays x0, x1; write it with numpy.savez.",
    ),
    "another name": (
        _npz(image=IMAGE), 1, "s.npz: found arrays image, expected the inputs x0; name them so in numpy.savez.",
    ),
    "different numbers": (
        _npz(x0=FEW, x1=np.zeros((3, 1, 5, 5), np.float32)), 2,
        "s.npz: found samples: 2 of x0, 3 of x1, expected as many of each input; write the same number.",
    ),
    "damaged": (
        _damaged, 1, "s.npz: found bytes that are not an archive of arrays, expected a .npz file; use numpy.savez.",
    ),
    "another ending": (
        _bytes("s.jpg", b"picture"), 1,
        "s.jpg: found a file of kind .jpg, expected .npy, .npz or a folder; convert it.",
    ),
    "no file": (
        lambda folder: folder / "s.npy", 1, "s.npy: found no such file, expected an existing file; check the path.",
    ),
    "an empty folder": (
        lambda folder: folder, 1,
        "FOLDER: found a folder without .npy or .npz files, expected samples; write them with numpy.save or numpy.savez.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_that_do_not_fit(name: str, tmp_path: Path) -> None:
    write, inputs, sentence = SAMPLES[name]
    with pytest.raises(InputError) as caught:
        read_samples(write(tmp_path), _graph(inputs))
    assert str(caught.value).replace(f"{tmp_path}/", "").replace(str(tmp_path), "FOLDER") == sentence


def test_samples_of_another_type(tmp_path: Path) -> None:
    model = _model("Identity", TensorProto.INT64)
    np.save(tmp_path / "s.npy", FEW)
    with pytest.raises(InputError) as caught:
        read_samples(tmp_path / "s.npy", make_graph(model, "bad", "bad.onnx"))
    assert str(caught.value).replace(f"{tmp_path}/", "") == (
        "s.npy, x0: found elements of type float32, expected int64 as the input; convert them with array.astype."
    )


def test_a_sample_may_leave_out_the_axis_of_its_batch(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", IMAGE[0])
    (sample,) = read_samples(tmp_path, _graph())
    assert sample["x0"].shape == IMAGE.shape


COMMANDS = {
    "quantize none.onnx -o out.onnx": "workbench: none.onnx: found no such file, expected an existing file; check the path.",
    "quantize resnet -o out.onnx": "workbench: model: found 'resnet', expected one of resnet50, resnet18; "
    "see `workbench list models`.",
    "quantize relu.onnx -o out.onnx": "workbench: relu: found no layer of float32 sums of products, expected Conv, Gemm or "
    "MatMul; quantise another network.",
    "quantize int8.onnx -o out.onnx": "workbench: int8: found a network that is quantised already, expected one of float32; "
    "give it to run or compile.",
    "quantize conv.onnx -o out.onnx --form best": "workbench: invalid value for '--form': 'best' is not one of "
    "'qdq', 'qoperator'; see `workbench quantize --help`.",
    "quantize conv.onnx -o conv.onnx/out.onnx": "workbench: conv.onnx: found an unwritable place (File exists), "
    "expected a writable folder; choose another.",
    "quantize conv.onnx -o .": "workbench: .: found a folder, expected a name for a file; choose another name.",
    "quantize conv.onnx": "workbench: missing option '-o' / '--output'; see `workbench quantize --help`.",
    "quantize conv.onnx -o out.onnx --dim width=3": "workbench: conv.onnx: found no open dimension 'width', expected one "
    "of none: all sizes of this network are fixed; leave the option out or export anew.",
}


@pytest.mark.parametrize("arguments", COMMANDS)
def test_the_command_ends_in_one_sentence(
    arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    quantised = _model()
    numbers = [numpy_helper.from_array(np.array(v, t), n) for n, v, t in (("s", 0.1, np.float32), ("z", 0, np.int8))]
    quantised.graph.initializer.extend(numbers)
    quantised.graph.node[1].CopyFrom(helper.make_node("QuantizeLinear", ["a", "s", "z"], ["y"], name="last"))
    quantised.graph.output[0].type.tensor_type.elem_type = TensorProto.INT8
    for name, model in (("conv", _model()), ("relu", _model("Relu")), ("int8", quantised)):
        onnx.save(model, f"{name}.onnx")
    monkeypatch.setattr(sys, "argv", ["workbench", *arguments.split()])
    with pytest.raises(SystemExit) as left:
        main()
    out, err = capsys.readouterr()
    assert (left.value.code, out, err.strip()) == (2, "", COMMANDS[arguments])
    assert not Path("out.onnx").exists()
