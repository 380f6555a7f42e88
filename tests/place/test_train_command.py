"""`workbench train` from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from workbench.base.errors import WorkbenchError
from workbench.cli.app import app

WORKBENCH = [sys.executable, "-c", "from workbench.cli import main; main()"]


def _run(*arguments):
    return subprocess.run([*WORKBENCH, "train", *map(str, arguments)], capture_output=True, text=True, timeout=500)


def _refusal(*arguments):
    done = CliRunner().invoke(app, ["train", *map(str, arguments)])
    assert isinstance(done.exception, WorkbenchError)
    return str(done.exception)


def test_an_agent_that_does_not_learn_is_refused(tmp_path):
    assert _refusal("rvv_npu", "--agent", "annealing", "--out", tmp_path) == (
        "--agent: found 'annealing', which does not learn, expected ppo; use `workbench place` for agents that do not learn."
    )


def test_resuming_where_nothing_was_trained_is_refused(tmp_path):
    assert _refusal("rvv_npu", "--steps", 1, "--resume", "--out", tmp_path) == (
        f"{tmp_path}/checkpoint.pt: found no such file, expected an existing file; check the path."
    )


@pytest.mark.slow
def test_ctrl_c_keeps_the_work_and_resume_goes_on(tmp_path):
    out = tmp_path / "run"
    arguments = ["rvv_npu", "--minutes", "60", "--environments", "2", "--out", str(out)]
    running = subprocess.Popen([*WORKBENCH, "train", *arguments], stderr=subprocess.PIPE, text=True)
    assert running.stderr is not None
    for line in running.stderr:  # the first progress line: the training is under way
        if line.startswith("training on rvv_npu"):
            break
    time.sleep(1)
    os.kill(running.pid, signal.SIGINT)
    errors = running.stderr.read()
    assert running.wait(timeout=300) == 130
    assert "Traceback" not in errors
    saved = json.loads((out / "training.json").read_text())
    assert saved["interrupted"] and saved["steps"] > 0
    done = _run("rvv_npu", "--steps", saved["steps"] + 1, "--resume", "--json", "--out", out)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"] > saved["steps"]
