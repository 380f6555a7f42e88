"""Every block of the tutorials and of the environment's page runs, in its order, in an empty folder."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```(bash|c|python|toml|verilog)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RESULTS = [
    "floorplan/placement.plc",
    "floorplan/floorplan.png",
    "floorplan-hybrid/floorplan.png",
    "network.elf",
    "network.s",
]


PLACEMENT_RESULTS = [
    "plan/floorplan.png", "maps/maps.npz", "for_openroad/tiles.lef", "comparison/comparison.html",
    "zero_shot/floorplan.png", "tuned/curve.png", "after_tuning/placement.plc",
]  # fmt: skip


CORE_RESULTS = [
    *(f"{kind}/{name}.png" for kind in ("ordered", "shuffled") for name in ("cpi_stack", "phases", "functions")),
    "paths.txt", "phases.csv",
]  # fmt: skip


NETWORK_RESULTS = [
    *(f"{folder}/{name}.png" for folder in ("kunminghu", "x60", "x60-int8") for name in ("latency", "roofline")),
    "half.csv", "plain.csv", "mine.elf",
]  # fmt: skip


def run_blocks(page: Path, folder: Path) -> int:
    """Run a page's bash blocks in a folder and save its other blocks as the sentence before or after them says."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "WORKBENCH_RUNS": str(folder / "runs"),
    }
    text = page.read_text()
    blocks = list(BLOCK.finditer(text))
    for block in blocks:
        kind, content = block.groups()
        if kind == "bash":
            done = subprocess.run(["bash", "-euc", content], cwd=folder, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{content}\n{done.stdout}\n{done.stderr}"
            continue
        before, after = text[: block.start()].rstrip(), text[block.end() :].lstrip()
        name = re.search(r"Saved as `([^`]+)`:$", before) or re.match(r"Saved as `([^`]+)`:", after)
        assert name, f"a {kind} block without a name"
        path = folder / name[1]
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return len(blocks)


@pytest.mark.slow
def test_the_tutorial_runs_as_written(root: Path, tmp_path: Path) -> None:
    assert run_blocks(root / "docs" / "tutorial.md", tmp_path) >= 7
    assert all((tmp_path / name).stat().st_size for name in RESULTS)
    assert list((tmp_path / "runs").rglob("comparison.png"))


@pytest.mark.slow
def test_the_placement_tutorial_runs_as_written(root: Path, tmp_path: Path) -> None:
    assert run_blocks(root / "docs" / "tutorial-placement.md", tmp_path) >= 8
    assert all((tmp_path / name).stat().st_size for name in PLACEMENT_RESULTS)


@pytest.mark.slow
def test_the_network_tutorial_runs_as_written(root: Path, tmp_path: Path) -> None:
    assert run_blocks(root / "docs" / "tutorial-network.md", tmp_path) >= 7
    assert all((tmp_path / name).stat().st_size for name in NETWORK_RESULTS)
    assert "smt.vmadot" in (tmp_path / "mine.s").read_text()
    cycles = {name: _cycles(tmp_path / f"{name}.csv") for name in ("x60", "plain", "int8", "pruned")}
    assert cycles["pruned"] < 0.5 * cycles["x60"]
    assert cycles["int8"] < 0.5 * cycles["x60"] and cycles["int8"] < cycles["plain"]


def _cycles(table: Path) -> int:
    with table.open() as file:
        return sum(int(row["cycles"]) for row in csv.DictReader(file))


@pytest.mark.slow
def test_the_page_about_traces_runs_as_written(root: Path, tmp_path: Path) -> None:
    assert run_blocks(root / "docs" / "traces.md", tmp_path) == 3
    assert all(
        (tmp_path / name).stat().st_size
        for name in ("mobilenet.kanata", "mobilenet.json", "mobilenet.txt", "sweep/sweep.png")
    )


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("riscv64-linux-gnu-gcc"), reason="riscv64-linux-gnu-gcc is not on this machine")
def test_the_core_tutorial_runs_as_written(root: Path, tmp_path: Path) -> None:
    assert run_blocks(root / "docs" / "tutorial-core.md", tmp_path) >= 9
    assert all((tmp_path / name).stat().st_size for name in CORE_RESULTS)


@pytest.mark.slow
def test_the_environments_page_runs_as_written(root: Path, tmp_path: Path) -> None:
    text = (root / "docs" / "environment.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    done = subprocess.run([sys.executable, "-c", "\n".join(blocks)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    cost, reward = done.stdout.split()[:2]
    assert cost == reward
