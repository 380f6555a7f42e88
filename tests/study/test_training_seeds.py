"""Training from several seeds: what is reported of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.base.progress import Progress
from workbench.netlist.load import load_design
from workbench.place.agents.training_run import TrainingOptions
from workbench.study.training_seeds import summary, train_seeds


def test_the_summary_names_the_best_seed_and_the_spread():
    found = {"1": {"trained_policy": {"mean_cost": 0.9}}, "0": {"trained_policy": {"mean_cost": 0.7}},
             "2": "no room.", "3": {"trained_policy": None}}  # fmt: skip
    assert summary(found) == {
        "trained_mean_cost": {"0": 0.7, "1": 0.9}, "best_seed": 0, "mean": pytest.approx(0.8),
        "deviation": pytest.approx(0.1414213562), "errors": {"2": "no room."},
    }  # fmt: skip


@pytest.mark.slow
def test_each_seed_has_its_own_folder_and_checkpoint(tmp_path: Path):
    options = TrainingOptions(tmp_path, steps=1, environments=2)
    designs = [load_design("rvv_npu", params={"LANES": 1})]
    progress = Progress("", quiet=True)
    report = train_seeds(designs, options, 2, scheduler=None, workers=1, progress=progress)
    assert report["errors"] == {} and set(report["trained_mean_cost"]) == {"0", "1"}
    assert all((tmp_path / f"seed_{seed}" / "checkpoint.pt").is_file() for seed in (0, 1))
    assert (tmp_path / "seeds.json").is_file()
