"""Every block of the tutorial and of the environment's page runs, in its order, in an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```(bash|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RESULTS = [
    "floorplan/placement.plc",
    "floorplan/floorplan.png",
    "floorplan-ppo/floorplan.png",
    "network.elf",
    "network.s",
]


@pytest.mark.slow
def test_the_tutorial_runs_as_written(root: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "WORKBENCH_RUNS": str(tmp_path / "runs"),
    }
    blocks = BLOCK.findall((root / "docs" / "tutorial.md").read_text())
    assert len(blocks) >= 7
    for kind, block in blocks:
        if kind == "toml":
            (tmp_path / "first.toml").write_text(block)
            continue
        done = subprocess.run(["bash", "-euc", block], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    assert all((tmp_path / name).stat().st_size for name in RESULTS)
    assert list((tmp_path / "runs").rglob("comparison.png"))


def test_the_environments_page_runs_as_written(root: Path, tmp_path: Path) -> None:
    text = (root / "docs" / "environment.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    done = subprocess.run([sys.executable, "-c", "\n".join(blocks)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    cost, reward = done.stdout.split()[:2]
    assert cost == reward
