import json
import shutil
import signal
import sys
import threading

import numpy as np
import pytest

from workbench.cli import main
from workbench.netlist.load import load_design
from workbench.place.cost import evaluate
from workbench.place.legality import check


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


@pytest.fixture
def toy(reference, tmp_path):
    """A folder with a small flat netlist and its canvas."""
    return shutil.copytree(reference / "placement" / "formats" / "toy_macro_stdcell", tmp_path / "toy")


def test_score_prints_the_documented_figures_as_json(run, reference):
    folder = reference / "placement" / "netlists" / "NanGate45_ariane133_orig"
    code, out, _ = run("score", folder, folder / "legalized.plc", "--json")
    values = json.loads(out)
    assert code == 0 and list(values) == [
        "wirelength_um", "wirelength_cost", "density_cost", "congestion_cost", "proxy_cost", "overlap_um2"
    ]  # fmt: skip
    assert values["proxy_cost"] == pytest.approx(0.685935, abs=1e-6)
    assert values["wirelength_um"] == pytest.approx(4763107.117, abs=1e-3) and values["overlap_um2"] == 0


def test_place_writes_placement_pictures_and_figures(run, toy, tmp_path):
    out = tmp_path / "out"
    code, text, _ = run("place", toy, "--agent", "annealing", "--steps", 5000, "--seed", 3, "--out", out, "--json")
    assert code == 0
    report = json.loads(text)
    assert sorted(path.name for path in out.iterdir()) == [
        "convergence.png", "floorplan.png", "placement.plc", "result.json"
    ]  # fmt: skip
    floorplan = load_design(toy, out / "placement.plc").floorplan
    assert check(floorplan) == [] and report["overlap_um2"] == 0
    assert evaluate(floorplan).report() == pytest.approx({key: report[key] for key in evaluate(floorplan).report()})
    for name in ("floorplan.png", "convergence.png"):
        assert (out / name).read_bytes()[:4] == b"\x89PNG"
    stored = json.loads((out / "result.json").read_text())
    assert stored["proxy_cost"] == report["proxy_cost"] and stored["history"][-1]["evaluations"] > 0
    assert stored["options"] == {"on_grid": False, "soft": "free", "steps": 5000, "params": {}}


def test_score_writes_the_maps_behind_the_costs(run, toy, tmp_path):
    run("place", toy, "--agent", "greedy", "--steps", 1, "--out", tmp_path / "a")
    placement = tmp_path / "a" / "placement.plc"
    code, text, _ = run("score", toy, placement, "--maps", tmp_path / "maps", "--json")
    report, floorplan = json.loads(text), load_design(toy, placement).floorplan
    maps = np.load(tmp_path / "maps" / "maps.npz")
    both = np.sort(np.concatenate([maps["horizontal"].ravel(), maps["vertical"].ravel()]))[::-1]
    assert code == 0 and maps["density"].shape == (floorplan.canvas.rows, floorplan.canvas.columns)
    assert both[: max(1, int(0.05 * len(both)))].mean() == pytest.approx(report["congestion_cost"])
    cells = np.sort(maps["density"].ravel())[::-1]
    assert 0.5 * cells[: max(1, int(0.1 * len(cells)))].mean() == pytest.approx(report["density_cost"])
    for name in ("density", "horizontal", "vertical"):
        assert (tmp_path / "maps" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_command_gives_the_same_bytes(run, toy, tmp_path):
    for out in ("a", "b"):
        run("place", toy, "--agent", "greedy", "--steps", 2, "--out", tmp_path / out)
    for name in ("placement.plc", "floorplan.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_place_starts_from_a_placement_and_keeps_the_grid(run, toy, tmp_path):
    run("place", toy, "--agent", "random", "--steps", 1, "--out", tmp_path / "a")
    code, text, _ = run(
        "place", toy, "--init", tmp_path / "a" / "placement.plc", "--grid", "--steps", 3000, "--out", tmp_path / "b",
        "--param", "hard_flip=0.5", "--json",
    )  # fmt: skip
    assert code == 0
    floorplan = load_design(toy, tmp_path / "b" / "placement.plc").floorplan
    hard = floorplan.netlist.indices(0)
    cells = floorplan.x_um[hard] / floorplan.canvas.cell_width_um - 0.5
    assert np.allclose(cells, np.round(cells), atol=1e-6)
    assert json.loads(text)["proxy_cost"] <= evaluate(load_design(toy, tmp_path / "a" / "placement.plc").floorplan).proxy


def test_ctrl_c_writes_the_best_so_far_and_exits_with_130(run, toy, tmp_path):
    run("place", toy, "--steps", 10, "--out", tmp_path / "compiled")
    timer = threading.Timer(1.0, signal.raise_signal, [signal.SIGINT])
    timer.start()
    code, text, err = run("place", toy, "--minutes", 5, "--out", tmp_path / "out", "--json")
    assert code == 130 and err == "workbench: stopped early; the best floorplan so far is kept.\n"
    assert json.loads(text)["interrupted"] is True
    assert check(load_design(toy, tmp_path / "out" / "placement.plc").floorplan) == []
    assert (tmp_path / "out" / "floorplan.png").is_file()


WRONG = {
    "unknown netlist": (("score", "no_such_design", "x.plc"), "workbench: netlist: found 'no_such_design', "),
    "no placement": (("score", "{toy}", "{toy}/none.plc"), "workbench: {toy}/none.plc: found no such file, expected an "
                     "existing file; check the path.\n"),
    "netlist as placement": (("score", "{toy}", "{toy}/netlist.pb.txt"), "workbench: {toy}/netlist.pb.txt, line 3: found "
                             "'node {{', expected `node_index x y orientation fixed`; give a complete .plc file.\n"),
    "unknown agent": (("place", "{toy}", "--agent", "genetic"), "workbench: agent: found 'genetic', expected one of "),
    "no time": (("place", "{toy}", "--minutes", "0"), "workbench: --minutes: found 0, expected a number above 0; correct "
                "it.\n"),
    "negative seed": (("place", "{toy}", "--seed=-1"), "workbench: --seed: found -1, expected a whole number of at least "
                      "0; correct it.\n"),
    "soft": (("place", "{toy}", "--soft", "hard"), "workbench: --soft: found 'hard', expected free or fd; correct it.\n"),
    "param": (("place", "{toy}", "--param", "hot"), "workbench: --param: found 'hot', expected NAME=VALUE with a number; "
              "correct it.\n"),
    "steps": (("place", "{toy}", "--steps", "0"), "workbench: --steps: found 0, expected a whole number of at least 1; "
              "correct it.\n"),
}  # fmt: skip


@pytest.mark.parametrize("arguments, message", WRONG.values(), ids=WRONG)
def test_what_cannot_be_done_is_said_in_one_sentence_with_exit_code_2(run, toy, arguments, message):
    code, out, err = run(*(argument.format(toy=toy) for argument in arguments))
    assert code == 2 and out == ""
    assert err.startswith(message.format(toy=toy)) and err.count("\n") == 1
