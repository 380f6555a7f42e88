"""Weights that are no policy of ours, through the command line: one sentence, exit code 2, and no code of theirs is run."""

from __future__ import annotations

import pickle
import sys

import pytest
import torch

from workbench.cli import main


class _Trap:
    def __reduce__(self):
        return (print, ("a policy ran code",))


def _refused(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["workbench", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    output = capsys.readouterr()
    assert ended.value.code == 2 and "ran code" not in output.out + output.err
    return output.err


@pytest.fixture()
def files(tmp_path):
    (tmp_path / "pickled.pt").write_bytes(pickle.dumps(_Trap()))
    torch.save({"weights": {"layer": torch.zeros(3)}}, tmp_path / "foreign.pt")
    return tmp_path


@pytest.mark.parametrize("name", ["pickled.pt", "foreign.pt"])
def test_pickled_and_foreign_weights_are_refused(files, monkeypatch, capsys, name):
    path = files / name
    said = _refused(
        monkeypatch, capsys, "place", "rvv_npu", "--agent", "ppo", "--policy", path, "--minutes", 0.01, "--out", files / "o"
    )  # fmt: skip
    assert said.splitlines()[-1] == (
        f"workbench: {path}: found no checkpoint of this version, expected one that `workbench train` wrote; train anew."
    )


def test_the_hybrid_does_not_go_on_without_the_policy_that_was_asked_for(files, monkeypatch, capsys):
    path = files / "pickled.pt"
    said = _refused(
        monkeypatch, capsys, "place", "rvv_npu", "--agent", "hybrid", "--param", "analytical=0", "--param", "LANES=1",
        "--policy", path, "--steps", 1, "--out", files / "o",
    )  # fmt: skip
    assert said.splitlines()[-1] == (
        f"workbench: {path}: found no checkpoint of this version, expected one that `workbench train` wrote; train anew."
    )


def test_weights_for_an_agent_without_a_policy_are_refused(files, monkeypatch, capsys):
    said = _refused(monkeypatch, capsys, "place", "rvv_npu", "--agent", "annealing", "--policy", files / "pickled.pt")
    assert said == (
        "workbench: --policy: found it with --agent annealing, expected --agent ppo or hybrid; leave one out.\n"
    )  # fmt: skip


def test_an_unknown_network_is_refused(files, monkeypatch, capsys):
    said = _refused(monkeypatch, capsys, "train", "rvv_npu", "--network", "gnn", "--steps", 1, "--out", files / "run")
    assert said.splitlines()[-1] == (
        "workbench: --network: found 'gnn', expected one of cells, circuit_training; correct the name."
    )  # fmt: skip
