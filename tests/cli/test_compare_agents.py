"""`workbench compare-agents` from the command line to the folder, with the real agents on the smallest design."""

from __future__ import annotations

import json
import sys

import pytest

from workbench.cli import main
from workbench.cli.compare_agents import spread


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs `workbench ...` in this process; returns exit code, standard output, standard error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return left.value.code or 0, captured.out, captured.err

    return call


def test_lists_after_an_option_are_spread():
    words = ["n1", "n2", "--agents", "a", "b,c", "--seeds", "5"]
    assert spread(words, "--agents") == ["n1", "n2", "--agents", "a", "--agents", "b,c", "--seeds", "5"]


@pytest.mark.slow
def test_two_agents_and_a_setting_are_compared_and_the_folder_is_ready_to_read(run, tmp_path):
    out = tmp_path / "out"
    words = "compare-agents systolic --agents random annealing annealing:hot=1e-3 --seeds 2 --steps 3 --workers 1".split()
    words += ["--out", out]
    code, text, err = run(*words, "--json")
    assert code == 0, err
    report = json.loads(text)
    assert [(row["agent"], row["legal"]) for row in report["costs"]] == [
        ("random", 2), ("annealing", 2), ("annealing:hot=1e-3", 2)
    ]  # fmt: skip
    assert {row["baseline"] for row in report["pairs"]} == {"annealing"} and report["failed"] == []
    assert (out / "comparison.html").is_file()
    code, text, err = run(*words, "--resume")
    assert code == 0 and f"one page with everything: {out}/comparison.html" in text
    assert "systolic  annealing:hot=1e-3" in text and "chance of lower cost" in text
