"""Networks and parts that cannot be pruned: each ends in one sentence and exit code 2."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from workbench.cli import main

SENTENCES = {
    "prune mlperf_tiny_kws -o out.onnx --sparsity 1": "workbench: --sparsity: found 1.0, expected a number from 0 to below "
    "1; change it.",
    "prune mlperf_tiny_kws -o out.onnx --sparsity nan": "workbench: --sparsity: found nan, expected a number from 0 to "
    "below 1; change it.",
    "prune mlperf_tiny_kws -o out.onnx --sparsity 0.01": "workbench: --sparsity: found 0.01 of the channels, which is none "
    "in multiples of 8, expected a part that removes some; raise it or lower --multiple.",
    "prune mlperf_tiny_kws -o out.onnx --sparsity 0.5 --global": "workbench: --global: found a choice of weights, expected "
    "--magnitude with it; add it.",
    "prune mlperf_tiny_kws -o out.onnx": "workbench: missing option '--sparsity'; see `workbench prune --help`.",
    "prune conv.onnx -o out.onnx --sparsity 0.5": "workbench: conv: found no channels that can be removed, expected "
    "convolutions between others; try --magnitude.",
    "prune relu.onnx -o out.onnx --sparsity 0.5": "workbench: relu: found no weights to prune, expected Conv, Gemm or "
    "MatMul with constant weights; prune another.",
    "prune conv.onnx -o . --sparsity 0.5": "workbench: .: found a folder, expected a name for a file; choose another name.",
    "prune conv.onnx -o conv.onnx/out.onnx --sparsity 0.5": "workbench: conv.onnx: found an unwritable place (File exists), "
    "expected a writable folder; choose another.",
    "prune none.onnx -o out.onnx --sparsity 0.5": "workbench: none.onnx: found no such file, expected an existing file; "
    "check the path.",
}


def _save(path: str, node: Any) -> None:
    values = [helper.make_tensor_value_info(name, 1, [1, 3, 5, 5]) for name in ("x", "y")]
    weights = numpy_helper.from_array(np.ones((3, 3, 1, 1), np.float32), "w")
    graph = helper.make_graph([node], "net", values[:1], values[1:], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.mark.parametrize("arguments", SENTENCES)
def test_the_command_ends_in_one_sentence(
    arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _save("conv.onnx", helper.make_node("Conv", ["x", "w"], ["y"], name="only"))
    _save("relu.onnx", helper.make_node("Relu", ["x"], ["y"], name="only"))
    monkeypatch.setattr(sys, "argv", ["workbench", *arguments.split()])
    with pytest.raises(SystemExit) as left:
        main()
    out, err = capsys.readouterr()
    assert (left.value.code, out, err.strip()) == (2, "", SENTENCES[arguments])
    assert not Path("out.onnx").exists()
