"""The commands around studies: compare, ppa, list, doctor."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.cli import main
from workbench.core.config import core_names
from workbench.graph.zoo import MODELS

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `workbench ...` in this process; returns exit code, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture(scope="module")
def maker(root: Path):  # noqa: ANN201
    spec = importlib.util.spec_from_file_location("make_store", root / "tests/study/make_store.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STUDY = """
name = "two"
networks = ["squeezenet", "{network}"]
[[designs]]
name = "core alone"
core = "xiangshan_kunminghu_v2"
"""


def test_doctor_finds_this_installation_complete(run: Run) -> None:
    code, out, _ = run("doctor", "--json")
    report = json.loads(out)
    assert code == 0 and report["problems"] == []
    assert report["packages"]["numba"] and report["system"]["cpu cores"] >= 1


def test_doctor_names_every_problem_at_once(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from importlib import metadata

    def version(name: str) -> str:
        if name in ("plotly", "numba"):
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "file" / "runs"))
    monkeypatch.setattr(metadata, "version", version)
    code, out, _ = run("doctor")
    assert code == 1
    assert "problem: the package numba is missing: run `pip install numba`" in out
    assert "problem: the package plotly is missing: run `pip install plotly`" in out
    assert f"problem: the folder for runs, {tmp_path / 'file' / 'runs'}, cannot be written to" in out


@pytest.mark.parametrize("kind", ["cores", "netlists", "models", "agents", "technologies"])
def test_list_names_every_kind_of_part(run: Run, kind: str) -> None:
    code, out, _ = run("list", kind, "--json")
    expected = {"cores": core_names(), "technologies": ["asap7", "nangate45"]}.get(kind)
    found = json.loads(out)
    assert code == 0 and found and (expected is None or sorted(found) == sorted(expected))


def test_list_estimates_gives_the_reason_of_each(run: Run) -> None:
    found = json.loads(run("list", "technologies", "--estimates", "--json")[1])
    assert found["asap7"]["logic.utilization"].startswith("estimate: 70 % row utilization")
    assert "logic.fo4_ps" not in found["asap7"]


def test_ppa_of_a_core_alone(run: Run) -> None:
    code, out, _ = run("ppa", "xiangshan_kunminghu_v2", "--technology", "nangate45", "--json")
    report = json.loads(out)
    assert code == 0 and report["technology"] == "NanGate45"
    assert report["total_area_um2"] == pytest.approx(sum(report["area_um2"].values()))
    assert report["frequency_mhz"] == min(report["frequency_limits_mhz"].values())


def test_ppa_of_a_netlist_with_its_core(run: Run) -> None:
    arguments = ("ppa", "rvv_npu", "--core", "xiangshan_kunminghu_v2_npu4", "--param", "LANES=4", "--json")
    code, out, _ = run(*arguments)
    report = json.loads(out)
    assert code == 0 and report["accelerator"] == "rvv_npu"
    assert report["area_um2"]["npu"] > 0 and report["frequency_limits_mhz"]["accelerator logic"] < 3000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing_like_it",), None),
        (
            ("xiangshan_kunminghu_v2", "--core", "thead_c906"),
            "workbench: --core: found 'thead_c906', expected nothing beside a core; leave it out or name a netlist first.\n",
        ),
        (
            ("xiangshan_kunminghu_v2", "--param", "LANES=4"),
            "workbench: --param or --placement: found a core alone, expected a netlist to apply it to; give --netlist.\n",
        ),
        (
            ("rvv_npu", "--param", "LANES"),
            "workbench: --param: found 'LANES', expected NAME=INTEGER; write it like LANES=4.\n",
        ),
    ],
)
def test_ppa_refuses_what_makes_no_design(run: Run, arguments: tuple[str, ...], message: str | None) -> None:
    code, _, err = run("ppa", *arguments)
    assert code == 2 and err.count("\n") == 1
    assert message is None or err == message


def test_compare_prints_table_and_failures_and_exits_with_1_if_a_point_failed(
    run: Run,
    maker,  # noqa: ANN001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(MODELS, "broken_net", MODELS["squeezenet"])
    study = tmp_path / "study.toml"
    study.write_text(STUDY.format(network="broken_net"))
    with maker.without_processes():
        code, out, err = run("compare", study, "--out", tmp_path / "runs")
    lines = out.splitlines()
    assert code == 1
    assert lines[0].split("  ")[0] == "design" and lines[1].startswith("core alone  squeezenet")
    assert lines[2].split()[-1] == "-"
    assert "failed: core alone on broken_net: broken_net: found an operator 'Foo', expected" in err


def test_compare_prints_one_json_object(run: Run, maker, tmp_path: Path) -> None:  # noqa: ANN001
    study = tmp_path / "study.toml"
    study.write_text(STUDY.format(network="mobilenet_v2"))
    with maker.without_processes():
        code, out, _ = run("compare", study, "--out", tmp_path / "runs", "--json")
    report = json.loads(out)
    assert code == 0 and report["failed"] == 0
    assert [point["network"] for point in report["points"]] == ["squeezenet", "mobilenet_v2"]
    assert (Path(report["folder"]) / "table.parquet").is_file()


@pytest.mark.parametrize("content", ["", "name = 1", "networks", "\x00", "name = 'x'\nnetworks = []\ndesigns = []"])
def test_compare_refuses_a_broken_study_in_one_sentence(run: Run, tmp_path: Path, content: str) -> None:
    study = tmp_path / "study.toml"
    study.write_text(content)
    code, out, err = run("compare", study, "--out", tmp_path / "runs")
    assert code == 2 and out == "" and err.startswith(f"workbench: {study}") and err.count("\n") == 1
    assert not (tmp_path / "runs").exists()
