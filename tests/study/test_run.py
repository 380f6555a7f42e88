"""Running a study: shared work, failures, interruption, resumption, what lands in the run folder."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pyarrow.parquet
import pytest

from workbench.graph.dtype import Dtype
from workbench.study.run import run_study
from workbench.study.store import RunStore


def test_equal_work_is_done_once(maker, tmp_path: Path) -> None:  # noqa: ANN001
    study = maker.small_study()
    twice = study.designs[1].model_copy(update={"name": "NPU, 4 lanes, at 45 nm", "technology": "nangate45"})
    with maker.without_processes() as log:
        run = run_study(study.model_copy(update={"designs": (*study.designs, twice)}), tmp_path)
    assert len(run.points) == 8 and not run.failed
    kinds = [kind for kind, _ in log]
    assert kinds.count("place") == 2  # 4 and 16 lanes, whatever the network or technology
    clocks = {(arguments[0], arguments[3]) for kind, arguments in log if kind == "run"}
    assert len(clocks) == 4 and kinds.count("run") == 8  # three cores at 7 nm and one at 45 nm, two networks


def test_the_run_folder_holds_table_points_floorplans_and_charts(maker, tmp_path: Path) -> None:  # noqa: ANN001
    run = maker.make_store(tmp_path)
    table = pyarrow.parquet.read_table(run.folder / "table.parquet").to_pylist()
    assert [(row["design"], row["network"]) for row in table] == [(p.design, p.network) for p in run.points]
    for row, point in zip(table, run.points, strict=True):
        assert row["latency_ms"] == pytest.approx(point.ppa["cycles"] / point.ppa["frequency_mhz"] / 1e3)
        assert row["area_mm2"] == pytest.approx(sum(point.ppa["area_um2"].values()) / 1e6)
        assert row["energy_mj"] == pytest.approx(sum(point.ppa["energy_mj"].values()))
    assert (run.folder / "comparison.png").read_bytes()[:4] == b"\x89PNG"
    for slug in ("npu-4-lanes", "npu-16-lanes"):
        floorplan = json.loads((run.folder / "designs" / slug / "floorplan.json").read_text())
        assert len(floorplan["objects"]) == len(floorplan["x_um"]) == len(floorplan["kind"])
        assert (run.folder / "designs" / slug / "floorplan.plc").read_text().startswith("#")
        assert (run.folder / "designs" / slug / "floorplan.png").read_bytes()[:4] == b"\x89PNG"
    assert json.loads((run.folder / "study.json").read_text())["status"] == "done"


def test_a_design_with_an_npu_runs_at_the_clock_its_floorplan_allows(maker, tmp_path: Path) -> None:  # noqa: ANN001
    by_design = {point.design: point.ppa for point in maker.make_store(tmp_path).points}
    plain, npu = by_design["core alone"], by_design["NPU, 16 lanes"]
    assert plain["frequency_mhz"] == pytest.approx(3000)
    assert npu["frequency_mhz"] == min(npu["frequency_limits_mhz"].values()) < plain["frequency_mhz"]
    assert npu["longest_wire_um"] > 0


def test_failed_points_are_reported_and_the_others_kept(maker, tmp_path: Path) -> None:  # noqa: ANN001
    study = maker.small_study(networks=("squeezenet", "broken_net"))
    bad = study.designs[1].model_copy(update={"name": "bad netlist", "netlist": "broken"})
    with maker.without_processes():
        run = run_study(study.model_copy(update={"designs": (*study.designs, bad)}), tmp_path)
    errors = {(p.design, p.network): p.error for p in run.failed}
    assert len(run.points) == 8 and len(errors) == 5
    assert errors["core alone", "broken_net"] == (
        "broken_net: found an operator 'Foo', expected a supported operator; remove it."
    )
    assert errors["bad netlist", "squeezenet"] == "netlist: found 'broken', expected a netlist; choose another."
    info = RunStore(tmp_path).runs()[0]
    assert (info.status, info.points, info.done, info.failed) == ("done", 8, 3, 5)


def test_ctrl_c_keeps_what_is_finished_and_the_same_study_goes_on_from_there(maker, tmp_path: Path) -> None:  # noqa: ANN001
    calls = []

    def interrupted(core: str, network: str, dtype: str, clock: float, threads: int):  # noqa: ANN202
        calls.append(network)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return maker.fake_simulate(core, network, dtype, clock, threads)

    with pytest.raises(KeyboardInterrupt), maker.without_processes(simulate=interrupted):
        run_study(maker.small_study(), tmp_path)
    store = RunStore(tmp_path)
    [info] = store.runs()
    assert info.status == "stopped" and info.done == len(store.points(info.run)) == 3
    with maker.without_processes() as log:
        run = run_study(maker.small_study(), tmp_path)
    assert run.run == info.run and len(run.points) == 6 and not run.failed
    assert sum(kind == "run" for kind, _ in log) == 3  # only what was missing
    assert [info.status for info in store.runs()] == ["done"]


def test_a_finished_study_asks_for_no_work_again_unless_fresh(maker, tmp_path: Path) -> None:  # noqa: ANN001
    first = maker.make_store(tmp_path)
    with maker.without_processes() as log:
        again = run_study(maker.small_study(), tmp_path)
    assert log == [] and again.points == first.points
    with maker.without_processes() as log:
        run_study(maker.small_study(), tmp_path, fresh=True)
    assert len(log) == 8


def test_a_point_written_but_not_entered_in_the_index_is_taken_over(maker, tmp_path: Path) -> None:  # noqa: ANN001
    first = maker.make_store(tmp_path)
    connection = sqlite3.connect(tmp_path / "index.sqlite")
    with connection:
        connection.execute("DELETE FROM points")
    connection.close()
    with maker.without_processes() as log:
        again = run_study(maker.small_study(), tmp_path)
    assert log == [] and again.points == first.points


def test_another_study_takes_over_equal_points_with_their_floorplans(maker, tmp_path: Path) -> None:  # noqa: ANN001
    maker.make_store(tmp_path)
    with maker.without_processes() as log:
        other = run_study(maker.small_study(name="other", networks=("squeezenet", "new_net")), tmp_path)
    assert sorted(arguments[1] for kind, arguments in log if kind == "run") == ["new_net"] * 3
    assert (other.folder / "designs/npu-16-lanes/floorplan.png").is_file()


def test_a_changed_core_file_is_not_taken_over(maker, tmp_path: Path, root: Path) -> None:  # noqa: ANN001
    mine = tmp_path / "mine.toml"
    text = (root / "cores/xiangshan_kunminghu_v2.toml").read_text()
    mine.write_text(text)
    study = maker.small_study(networks=("squeezenet",))
    study = study.model_copy(update={"designs": (study.designs[0].model_copy(update={"core": str(mine)}),)})
    for expected in (1, 0):
        with maker.without_processes() as log:
            run_study(study, tmp_path / "store")
        assert len(log) == expected
    mine.write_text(text.replace("rob_size = 160", "rob_size = 192"))
    with maker.without_processes() as log:
        run_study(study, tmp_path / "store")
    assert len(log) == 1


def test_designs_that_differ_in_the_type_of_their_numbers_have_runs_of_their_own(maker, tmp_path: Path) -> None:  # noqa: ANN001
    study = maker.small_study(networks=("squeezenet",))
    single = study.designs[0]
    half = single.model_copy(update={"name": "the same in halves", "dtype": Dtype.FP16})
    with maker.without_processes() as log:
        run = run_study(study.model_copy(update={"designs": (single, half)}), tmp_path / "store")
    assert sorted(arguments[2] for kind, arguments in log if kind == "run") == ["fp16", "fp32"]
    assert [point.row()["dtype"] for point in run.points] == ["fp32", "fp16"]


def test_designs_of_several_cores_run_on_as_many_threads_and_have_the_area_of_all(maker, tmp_path: Path) -> None:  # noqa: ANN001
    study = maker.small_study(networks=("squeezenet",))
    single = study.designs[0].model_copy(update={"netlist": None, "placement": None, "parameters": {}})
    double = single.model_copy(update={"name": "two cores", "threads": 2})
    with maker.without_processes() as log:
        run = run_study(study.model_copy(update={"designs": (single, double)}), tmp_path / "store")
    assert sorted(arguments[4] for kind, arguments in log if kind == "run") == [1, 2]
    one, two = (point.row() for point in run.points)
    assert (one["threads"], two["threads"]) == (1, 2)
    assert two["area_mm2"] > 1.9 * one["area_mm2"]


def test_editing_a_core_while_the_study_runs_does_not_split_the_run(maker, tmp_path: Path, root: Path) -> None:  # noqa: ANN001
    mine = tmp_path / "mine.toml"
    mine.write_text((root / "cores/xiangshan_kunminghu_v2_npu4.toml").read_text())

    def simulate(core: str, network: str, dtype: str, clock: float, threads: int):  # noqa: ANN202
        mine.write_text(mine.read_text() + "# edited\n")
        return maker.fake_simulate(core, network, dtype, clock, threads)

    study = maker.small_study()
    design = study.designs[1].model_copy(update={"core": str(mine)})
    with maker.without_processes(simulate=simulate):
        run = run_study(study.model_copy(update={"designs": (design,)}), tmp_path / "store")
    assert len(run.points) == 2 and not run.failed


def test_floorplans_of_one_design_share_the_run_at_its_clock_without_wires(maker, tmp_path: Path) -> None:  # noqa: ANN001
    study = maker.small_study(networks=("squeezenet",))
    seeds = [
        study.designs[2].model_copy(
            update={"name": f"seed {s}", "placement": study.designs[2].placement.model_copy(update={"seed": s})}
        )
        for s in (1, 2)
    ]
    with maker.without_processes() as log:
        run = run_study(study.model_copy(update={"designs": tuple(seeds)}), tmp_path)
    [clock] = [arguments[3] for kind, arguments in log if kind == "run"]
    assert sum(kind == "place" for kind, _ in log) == 2
    for point in run.points:
        assert point.ppa["frequency_mhz"] < clock == round(point.ppa["frequency_limits_mhz"]["accelerator logic"])


def test_resimulating_runs_each_design_at_its_own_clock(maker, tmp_path: Path) -> None:  # noqa: ANN001
    study = maker.small_study(networks=("squeezenet",)).model_copy(update={"resimulate": True})
    with maker.without_processes() as log:
        run = run_study(study, tmp_path)
    clocks = sorted(arguments[3] for kind, arguments in log if kind == "run")
    assert clocks == sorted(round(point.ppa["frequency_mhz"]) for point in run.points)
    for point in run.points:
        assert point.simulation["simulated_frequency_mhz"] == pytest.approx(point.ppa["frequency_mhz"], rel=1e-3)
        assert point.ppa["cycles"] == pytest.approx(point.simulation["cycles"], rel=1e-3)
