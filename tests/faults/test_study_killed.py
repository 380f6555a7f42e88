"""A study on the real cluster whose process is killed: finished points stay, and the same command goes on from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

STUDY = """
name = "killed"
networks = ["one.onnx", "two.onnx", "three.onnx"]
[[designs]]
name = "C906"
core = "thead_c906"
[[designs]]
name = "Kunminghu"
core = "xiangshan_kunminghu_v2"
"""


def _write_network(path: Path, layers: int) -> None:
    """A chain of small matrix products with Relu between them."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = [numpy_helper.from_array(np.full((64, 64), 0.01, np.float32), f"w{i}") for i in range(layers)]
    nodes = []
    for i in range(layers):
        nodes.append(helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"y{i}"]))
        nodes.append(helper.make_node("Relu", [f"y{i}"], [f"x{i + 1}"]))
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [8, 64]) for name in ("x0", f"x{layers}")]
    graph = helper.make_graph(nodes, path.stem, [ends[0]], [ends[1]], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)


def _compare(study: Path, store: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from workbench.cli import main; main()"]
    return subprocess.Popen(
        [*command, "compare", str(study), "--out", str(store), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def test_a_killed_study_goes_on_with_what_was_missing(tmp_path: Path) -> None:
    for layers, name in ((4, "one"), (6, "two"), (8, "three")):
        _write_network(tmp_path / f"{name}.onnx", layers)
    study, store = tmp_path / "study.toml", tmp_path / "runs"
    study.write_text(STUDY)
    process = _compare(study, store)
    for _ in range(3000):
        finished = sorted(store.glob("*/points/*/result.json"))
        if finished or process.poll() is not None:
            break
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert finished
    written = {path: path.stat().st_mtime_ns for path in sorted(store.glob("*/points/*/result.json"))}
    values = {path: json.loads(path.read_text()) for path in written}

    again = _compare(study, store)
    out, err = again.communicate(timeout=600)
    assert again.returncode == 0, err
    report = json.loads(out)
    assert len(report["points"]) == 6 and report["failed"] == 0
    for path, value in values.items():
        assert json.loads(path.read_text()) == value  # taken over, not run again: host_seconds are the same
    for point in report["points"]:
        assert point["simulation"]["output_error"] <= 1e-4
        assert point["ppa"]["latency_ms"] > 0
