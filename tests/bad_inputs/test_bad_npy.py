"""Input arrays that are damaged, too large, of another shape or of no real numbers: each ends in one sentence."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from workbench.base.errors import InputError
from workbench.cli.run_network import read_inputs
from workbench.graph.onnx_reader import make_graph


def saved(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


GOOD = saved(np.zeros((1, 4)))
NO_ARRAY = "x.npy: found bytes that are not an array, expected a .npy file; write it with numpy.save."

SENTENCES = {
    "empty": (b"", "x.npy: found an empty file, expected a file with content; check how it was written."),
    "picture": (b"\x89PNG\r\n\x1a\n and more", NO_ARRAY),
    "header only begun": (GOOD[:20], NO_ARRAY),
    "data cut off": (
        GOOD[:100],
        NO_ARRAY,
    ),
    "data missing": (
        GOOD[:-8],
        NO_ARRAY,
    ),
    "pickled objects": (saved(np.array([{}], dtype=object)), NO_ARRAY),
    "declared huge": (
        GOOD.replace(b"(1, 4), }" + b" " * 8, b"(1000, 999999), }", 1),
        "x.npy: found an array of shape [1000, 999999] in 160 bytes, expected all of it; write it again.",
    ),
    "other shape": (
        saved(np.zeros((3, 3))),
        "x.npy: found an array of shape [3, 3], expected shape [1, 4] of input x; reshape it.",
    ),
    "texts": (
        saved(np.full((1, 4), "a")),
        "x.npy: found elements of type <U1, expected real numbers; convert them with array.astype.",
    ),
    "complex numbers": (
        saved(np.zeros((1, 4), complex)),
        "x.npy: found elements of type complex128, expected real numbers; convert them with array.astype.",
    ),
}


@pytest.fixture(scope="module")
def graph():
    """A network with one input x of shape [1, 4]."""
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "xy"]
    model = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", value[:1], value[1:])
    return make_graph(helper.make_model(model, opset_imports=[helper.make_opsetid("", 17)]), "g", "g")


@pytest.mark.parametrize("kind", SENTENCES)
def test_each_broken_array_has_its_sentence(tmp_path: Path, graph, kind: str) -> None:
    content, sentence = SENTENCES[kind]
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_inputs(graph, [path])
    assert str(caught.value).replace(f"{tmp_path}/", "") == sentence


def test_more_arrays_than_inputs(graph) -> None:
    with pytest.raises(InputError) as caught:
        read_inputs(graph, [Path("a.npy"), Path("b.npy")])
    assert str(caught.value) == "--input: found 2 files, expected at most 1, one for each input; remove some."


def test_whole_numbers_become_float32(tmp_path: Path, graph) -> None:
    np.save(tmp_path / "x.npy", np.arange(4)[None])
    values = read_inputs(graph, [tmp_path / "x.npy"])["x"]
    assert values.dtype == np.float32 and values.tolist() == [[0, 1, 2, 3]]
