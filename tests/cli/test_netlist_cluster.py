"""`workbench netlist cluster` through the command line: files, figures, and placing what it wrote."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.cli import main
from workbench.netlist.load import load_design
from workbench.place.cost import evaluate

sys.path.insert(0, str(Path(__file__).parents[1] / "netlist" / "clustering"))

from flat_designs import node  # noqa: E402


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return left.value.code or 0, captured.out, captured.err

    return call


@pytest.fixture
def flat(tmp_path):
    """A file of 300 cells in a chain between a macro and a port, with places."""
    cells = [
        node(f"c{i}", "STDCELL", [f"c{i + 1}"] if i < 299 else ["m/i"], width=1.0, height=1.4, x=i / 3, y=5.0 + i / 4)
        for i in range(300)
    ]
    text = "# FP bbox: {0.0 0.0} {100.0 80.0}\n" + node("p", "PORT", ["c0"], x=0.0, y=5.0) + "".join(cells)
    text += node("m", "MACRO", [], width=20.0, height=10.0, x=70.0, y=40.0)
    text += node("m/i", "MACRO_PIN", [], macro_name="m", x_offset=-10.0, y_offset=0.0)
    path = tmp_path / "chain.pb.txt"
    path.write_text(text)
    return path


def test_it_writes_a_design_that_scores_and_groups_that_give_it_again(run, flat, tmp_path):
    code, out, err = run("netlist", "cluster", flat, "--out", tmp_path / "first", "--seed", 2, "--json")
    report = json.loads(out)
    assert (code, err) == (0, "")
    assert report["cells"] == 300 and report["groups_after"]["pre_groups"] == 2 and 5 < report["soft_macros"] < 40
    assert json.loads((tmp_path / "first" / "clustering.json").read_text()) == report
    design = load_design(tmp_path / "first")
    assert design.floorplan is not None and design.netlist.nets == report["clustered_nets"]
    groups = tmp_path / "first" / "groups.txt"
    assert run("netlist", "cluster", flat, "--out", tmp_path / "again", "--groups", groups)[0] == 0
    for name in ("netlist.pb.txt", "initial.plc", "groups.txt"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    assert np.isfinite(evaluate(design.floorplan).proxy)


def test_more_parts_give_more_soft_macros_and_another_canvas_another_width(run, flat, tmp_path):
    few, many = (
        json.loads(run("netlist", "cluster", flat, "--out", tmp_path / str(n), "--parts", n, "--json")[1]) for n in (2, 60)
    )
    assert few["soft_macros"] < many["soft_macros"] and few["cut_nets"] < many["cut_nets"]
    canvas = tmp_path / "2" / "initial.plc"
    lines = canvas.read_text().splitlines()
    canvas.write_text("\n".join("# Columns : 5  Rows : 4" if "Columns" in line else line for line in lines) + "\n")
    assert run("netlist", "cluster", flat, "--out", tmp_path / "wide", "--canvas", canvas)[0] == 0
    assert load_design(tmp_path / "wide").netlist.width_um[-1] == pytest.approx(20.0)


def test_cells_without_places_give_soft_macros_without_places_that_can_be_placed(run, flat, tmp_path):
    text = "".join(
        line.split("attr { key: \"x\"")[0] + "}\n" if "STDCELL" in line else line for line in flat.open()
    )  # fmt: skip
    flat.write_text(text)
    assert run("netlist", "cluster", flat, "--out", tmp_path / "out")[0] == 0
    code, _, err = run("place", tmp_path / "out", "--agent", "greedy", "--steps", 1, "--out", tmp_path / "placed")
    assert code == 0, err
