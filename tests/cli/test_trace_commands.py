"""`workbench trace`, `simulate`, `sweep`, and the log options of `run`: what they print, write and refuse."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from workbench.base.errors import InputError
from workbench.cli.app import app
from workbench.isa.elf import write_elf


@pytest.fixture
def folder(programs, tmp_path, monkeypatch):
    write_elf(tmp_path / "p.elf", programs.vector())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def workbench(*arguments):
    return CliRunner().invoke(app, list(arguments))


def printed(*arguments):
    done = workbench(*arguments, "--json")
    assert done.exception is None, done.exception
    return json.loads(done.stdout)


def test_run_and_simulate_print_the_same_and_write_the_same_logs(folder):
    options = ("--kanata", "{}.kanata", "--o3pipeview", "{}.o3", "--chrome-trace", "{}.json", "--stats", "{}.txt")
    first = printed("run", "p.elf", "--core", "thead_c906", *(option.format("a") for option in options))
    about = printed("trace", "p.elf", "-o", "p.trace", "--core", "thead_c906")
    second = printed("simulate", "p.trace", "--core", "thead_c906", *(option.format("b") for option in options))
    for name in set(second) - {"host_mips"}:
        assert first[name] == second[name]
    assert first["notes"] == [] and about["instructions"] == first["instructions"] and about["vlen_bits"] == 128
    for ending in ("kanata", "o3"):
        assert (folder / f"a.{ending}").read_text() == (folder / f"b.{ending}").read_text() != ""
    assert json.loads((folder / "a.json").read_text())["traceEvents"]
    assert "Begin Simulation Statistics" in (folder / "b.txt").read_text()


def _trace(folder, *options):
    figures = printed("run", "mlperf_tiny_ad", "--core", "thead_c906", "--chrome-trace", "n.json", *options)
    events = json.loads((folder / "n.json").read_text())["traceEvents"]
    return figures, [event for event in events if event["ph"] == "X"]


def test_the_chrome_trace_of_a_sampled_network_has_a_slice_for_each_layer(folder, monkeypatch):
    for limit in ("_SHORT", "_WORTH_ALL"):  # sample a network that is short enough to be run in full
        monkeypatch.setattr(f"workbench.compiler.execute.{limit}", 1.0)
    figures, slices = _trace(folder)
    layers = figures["layers"]
    assert [event["name"] for event in slices] == ["start, inputs and outputs", *(layer["name"] for layer in layers)]
    assert [event["dur"] for event in slices[1:]] == [layer["cycles"] for layer in layers]
    ends = [event["ts"] + event["dur"] for event in slices]
    assert [event["ts"] for event in slices] == [0, *ends[:-1]] and ends[-1] == figures["cycles"]
    assert slices[1]["args"]["macs"] == layers[0]["macs"] and any("Sampled" in note for note in figures["notes"])


def test_the_chrome_trace_of_a_network_in_full_has_the_pipeline(folder):
    for options in (("--full", "--log-count", "200"), ("--log-count", "200")):
        figures, slices = _trace(folder, *options)
        assert {event["pid"] for event in slices} > {1} and not any("Sampled" in note for note in figures["notes"])


def test_a_part_of_a_log_is_noted(folder):
    figures = printed("run", "p.elf", "--core", "thead_c906", "--kanata", "k", "--log-from", "10", "--log-count", "20")
    assert figures["notes"] == ["The log holds instructions 11 to 30 of 84 (--log-from and --log-count choose others)."]


def test_sweep_prints_a_table_and_fills_its_folder(folder, monkeypatch):
    import contextlib

    from workbench.study.pool import run_quietly

    class Inline:
        key, listen = "", staticmethod(lambda hear: None)

        def __init__(self):
            self.pieces = []

        def share(self, value):
            return value

        def ask(self, name, function, *arguments):
            self.pieces.append((name, function, arguments))

        def finished(self):
            return ((name, run_quietly(function, *arguments)) for name, function, arguments in self.pieces)

    monkeypatch.setattr("workbench.study.sweep.run.open_pool", lambda *_: contextlib.nullcontext(Inline()))
    done = workbench(
        "sweep", "p.elf", "--cores", "thead_c906", "xiangshan_kunminghu_v2", "--set", "memory.l1d.hit_latency_cycles=4,8",
        "-o", "out", "--workers", "1",
    )  # fmt: skip
    assert done.exit_code == 0, done.exception
    lines = done.stdout.splitlines()
    assert lines[0].split()[:4] == ["workload", "core", "memory.l1d.hit_latency_cycles", "instructions"]
    assert [line.split()[1:3] for line in lines[1:5]] == [
        ["thead_c906", "4"], ["thead_c906", "8"], ["xiangshan_kunminghu_v2", "4"], ["xiangshan_kunminghu_v2", "8"],
    ]  # fmt: skip
    assert lines[5] == "table and picture: out/sweep.csv, out/sweep.png"
    assert (folder / "out/sweep.png").exists() and len(list((folder / "out/points").iterdir())) == 4


@pytest.mark.parametrize("arguments,sentence", [
    (("run", "p.elf", "--functional", "--kanata", "k"),
     "--kanata: found that option for a functional run, expected it left out; see `workbench run --help`."),
    (("run", "p.elf", "--kanata", "k", "--log-count", "3000000"),
     "--log-count: found 3,000,000, expected at most 2,000,000; log a part with --log-from."),
    (("run", "p.elf", "--stats", "."), ".: found a folder, expected a name for a file; choose another name."),
    (("trace", "p.elf"), "-o: found no file, expected the name of the trace to write; add -o TRACE."),
    (("trace", "-o", "t"),
     "PROGRAM: found neither a program nor a log, expected one of them; see `workbench trace --help`."),
    (("trace", "--from-spike", "a", "--from-qemu", "b", "-o", "t"),
     "--from-qemu: found two logs, expected one; leave one out."),
    (("trace", "--from-spike", "a", "--arg", "b", "-o", "t"),
     "--arg: found that option for a log, expected it left out; see `workbench trace --help`."),
    (("simulate", "p.elf"),
     "p.elf: found a program, expected a trace file; record it with `workbench trace`, or use `workbench run`."),
    (("sweep", "p.elf", "--cores", "thead_c906", "--set", "backend.rob_size=1,2", "--set", "backend.rob_size=3"),
     "--set: found the same field twice, expected each field once; give all of its values in one --set."),
])  # fmt: skip
def test_options_that_cannot_be_used_are_refused(folder, arguments, sentence):
    error = workbench(*arguments).exception
    assert isinstance(error, InputError) and str(error) == sentence
