"""Sweeps: the plan and its refusals, the rows against runs made one by one, going on after a stop, a real cluster."""

from __future__ import annotations

import contextlib
import csv
import json
from dataclasses import replace

import pyarrow.parquet as parquet
import pytest
from onnx import TensorProto, helper, save

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.compiler.execute import run_network
from workbench.core.config import load_core
from workbench.core.run import run_program
from workbench.core.trace.record import record_program
from workbench.isa.elf import read_elf, write_elf
from workbench.study.pool import run_quietly
from workbench.study.sweep.picture import draw_sweep
from workbench.study.sweep.plan import make_plan, parse_setting, with_setting
from workbench.study.sweep.run import run_sweep

FIELD = "memory.l1d.hit_latency_cycles"


class InlinePool:
    """Does the pieces one after another in this process; `stop_after` presses Ctrl-C then."""

    key = ""

    def __init__(self, stop_after=None):
        self.pieces, self.stop_after = [], stop_after

    def share(self, value):
        return value

    def listen(self, hear):
        self.hear = hear

    def ask(self, name, function, *arguments):
        self.pieces.append((name, function, arguments))

    def finished(self):
        for number, (name, function, arguments) in enumerate(self.pieces):
            if number == self.stop_after:
                raise KeyboardInterrupt
            yield name, run_quietly(function, *arguments)

    def stop(self, within_s):
        return iter(())


@pytest.fixture
def files(programs, tmp_path):
    write_elf(tmp_path / "scalar.elf", programs.scalar())
    record_program(programs.vector(2), tmp_path / "vector.trace", vlen_bits=128)
    return tmp_path


@pytest.fixture
def pools(monkeypatch):
    """Pools that work in this process; the pictures are drawn by one test alone."""
    made = []
    monkeypatch.setattr("workbench.study.sweep.run.draw_sweep", lambda rows, path: path)

    def use(stop_after=None):
        @contextlib.contextmanager
        def open_pool(scheduler, workers):
            made.append(InlinePool(stop_after))
            yield made[-1]

        monkeypatch.setattr("workbench.study.sweep.run.open_pool", open_pool)
        return made

    return use


def test_rows_are_those_of_runs_made_one_by_one(files, pools):
    pools()
    names = [str(files / "scalar.elf"), str(files / "vector.trace")]
    points = make_plan(names, ["thead_c906", "xiangshan_kunminghu_v2"], [f"{FIELD}=4,9"], None)
    sweep = run_sweep(points, files / "out", progress=Progress("", total=1.0, quiet=True))
    assert len(sweep.rows) == 8 and not sweep.failed
    for row in sweep.rows[:4]:
        core = load_core(row["core"])
        memory = core.memory.model_copy(
            update={"l1d": core.memory.l1d.model_copy(update={"hit_latency_cycles": row[FIELD]})}
        )
        run = run_program(read_elf(files / "scalar.elf"), core.model_copy(update={"memory": memory}))
        assert (row["workload"], row["cycles"], row["ipc"]) == ("scalar.elf", run.cycles, run.ipc)
    assert {row["workload"] for row in sweep.rows[4:]} == {"vector.trace"}
    with (files / "out/sweep.csv").open() as stream:
        assert [int(row["cycles"]) for row in csv.DictReader(stream)] == [row["cycles"] for row in sweep.rows]
    table = parquet.read_table(files / "out/sweep.parquet").to_pylist()
    assert [row[FIELD] for row in table] == [4, 9] * 4
    draw_sweep(sweep.rows, files / "sweep.png")
    assert (files / "sweep.png").read_bytes()[:4] == b"\x89PNG"


def test_a_network_is_swept_over_threads_and_a_program_is_not(files, pools):
    pools()
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [32, 32]) for name in ("x", "w", "y")]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    path = files / "product.onnx"
    save(helper.make_model(helper.make_graph(nodes, "product", tensors[:2], tensors[2:]), ir_version=8), path)
    sweep = run_sweep(make_plan([str(path)], ["spacemit_x60"], ["threads=1,2"], None), files / "out")
    assert not sweep.failed and [row["threads"] for row in sweep.rows] == [1, 2]
    for row in sweep.rows:
        run = run_network(str(path), load_core("spacemit_x60"), check=False, threads=row["threads"])
        assert row["cycles"] == run.result.cycles
    with pytest.raises(InputError) as caught:
        make_plan([str(files / "scalar.elf")], ["thead_c906"], ["threads=1,2"], None)
    assert str(caught.value) == (
        "--set threads=2: found a program, scalar.elf, expected networks, whose layers threads share; sweep it on its own."
    )
    with pytest.raises(InputError, match=r"--set threads=65: found an impossible number, expected 1 to 64"):
        make_plan([str(path)], ["thead_c906"], ["threads=65"], None)


def test_a_stopped_sweep_keeps_what_it_has_and_goes_on(files, pools):
    points = make_plan([str(files / "scalar.elf")], ["thead_c906"], [f"{FIELD}=2,3,4"], None)
    pools(stop_after=2)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(points, files / "out")
    with (files / "out/sweep.csv").open() as stream:
        assert [row[FIELD] for row in csv.DictReader(stream)] == ["2", "3"]
    made = pools()
    sweep = run_sweep(points, files / "out")
    assert sweep.taken_over == 2 and len(made[-1].pieces) == 1 and len(sweep.rows) == 3
    assert run_sweep(points, files / "out").taken_over == 3 and len(made) == 2
    assert run_sweep(points, files / "out", fresh=True).taken_over == 0


def test_a_point_of_another_program_or_a_damaged_file_is_not_taken_over(files, pools):
    pools()
    path = files / "scalar.elf"
    run_sweep(make_plan([str(path)], ["thead_c906"], [], None), files / "out")
    [kept] = (files / "out/points").iterdir()
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "key": "x"}))
    assert run_sweep(make_plan([str(path)], ["thead_c906"], [], None), files / "out").taken_over == 0
    kept.write_text("{")
    assert run_sweep(make_plan([str(path)], ["thead_c906"], [], None), files / "out").taken_over == 0
    assert run_sweep(make_plan([str(path)], ["thead_c906"], [], 100), files / "out").taken_over == 0


def test_a_point_that_fails_is_a_row_that_says_why(files, pools):
    pools()
    program = read_elf(files / "scalar.elf")
    code = bytearray(program.segments[0].data)
    code[4:8] = bytes(4)
    broken = replace(program.segments[0], data=bytes(code))
    write_elf(files / "broken.elf", replace(program, name="broken.elf", segments=(broken, *program.segments[1:])))
    points = make_plan([str(files / "broken.elf"), str(files / "scalar.elf")], ["thead_c906"], [], None)
    sweep = run_sweep(points, files / "out")
    assert list(sweep.failed.values())[0].startswith("broken.elf: an illegal instruction at 0x10004")
    assert [bool(row["error"]) for row in sweep.rows] == [True, False]


@pytest.mark.parametrize("text,sentence", [
    ("memory.l2.size_kib", "--set: found 'memory.l2.size_kib', expected FIELD=VALUE,VALUE; "
     "write it like memory.l2.size_kib=256,512."),
    ("memory.l9.ways=4", "--set memory.l9.ways: found no such field, expected a field of thead_c906 that has a value; "
     "see its file in cores/."),
    ("memory.l1d=4", "--set memory.l1d: found a whole table, expected a field with one value; name a field in it."),
    ("memory.l1d.ways=3", "--set memory.l1d.ways=3, thead_c906: found an impossible memory.l1d, expected ways that divide "
     "its 512 lines; set another value."),
    ("frequency_mhz=fast", "--set frequency_mhz=fast, thead_c906: found an impossible frequency_mhz, expected a valid "
     "number; set another value."),
])  # fmt: skip
def test_settings_that_no_core_can_have(text, sentence):
    with pytest.raises(InputError) as error:
        name, values = parse_setting(text)
        with_setting(load_core("thead_c906"), ((name, values[0]),))
    assert str(error.value) == sentence


def test_a_field_of_a_list_is_named_by_its_place():
    core = with_setting(load_core("thead_c906"), (("issue_queues.0.size", 3),))
    assert core.issue_queues[0].size == 3


def test_a_trace_that_fits_no_core_of_the_sweep_is_refused_before_any_work(files):
    with pytest.raises(InputError) as error:
        make_plan([str(files / "vector.trace")], ["xiangshan_kunminghu_v2_npu4"], [], None)
    assert "expected the 1024 bits of" in str(error.value)


@pytest.mark.slow
def test_a_local_cluster_gives_the_same_rows(files, pools):
    points = make_plan([str(files / "vector.trace")], ["thead_c906"], [f"{FIELD}=2,5"], None)
    rows = run_sweep(points, files / "cluster", workers=2, progress=Progress("", total=1.0, quiet=True)).rows
    pools()
    inline = run_sweep(points, files / "inline").rows
    assert [row["cycles"] for row in rows] == [row["cycles"] for row in inline]
