"""`workbench run` on programs: what it prints and how it refuses."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from workbench.base.errors import InputError
from workbench.cli.app import app
from workbench.core.fault import ExecutionFault
from workbench.isa.elf import write_elf
from workbench.isa.encode import assemble
from workbench.isa.program import Program, Segment, Symbol


@pytest.fixture
def elf(tmp_path):
    code = assemble(
        ("lui", "a1", 0x20000), ("addi", "a0", 0, 1), ("addi", "a2", 0, 3), ("addi", "a7", 0, 64), ("ecall",),
        ("addi", "a0", 0, 5), ("addi", "a7", 0, 93), ("ecall",),
    )  # fmt: skip
    segments = (Segment(0x10000, code, len(code), 5), Segment(0x20000, b"hi\n", 3, 4))
    return write_elf(
        tmp_path / "hi.elf", Program("hi.elf", 0x10000, segments, (Symbol("_start", 0x10000, len(code), True),))
    )


def run(*arguments):
    return CliRunner().invoke(app, ["run", *map(str, arguments)])


def test_prints_output_then_figures(elf):
    done = run(elf, "--core", "thead_c906")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "hi"
    assert [line.split()[0] for line in lines[1:7]] == [
        "exit_code",
        "instructions",
        "cycles",
        "ipc",
        "frequency_mhz",
        "latency_ms",
    ]
    assert "_start" in done.stdout


def test_json_is_one_object_with_the_promised_names(elf):
    figures = json.loads(run(elf, "--core", "thead_c906", "--json").stdout)
    assert figures["exit_code"] == 5 and figures["stdout"] == "hi\n" and figures["instructions"] == 8
    assert {"cycles", "ipc", "frequency_mhz", "latency_ms", "cpi_stack", "mpki", "regions", "notes"} <= set(figures)
    assert figures["regions"]["_start"]["instructions"] == 8


def test_a_functional_run_has_no_cycles(elf):
    figures = json.loads(run(elf, "--functional", "--vlen", "256", "--json").stdout)
    assert figures["cycles"] == 0 and "ipc" not in figures


COPY = [  # standard input to standard output, then the first argument's first letter as exit code
    ("ld", "s0", 16, "sp"), ("lui", "a1", 0x20000), ("addi", "a2", 0, 100), ("addi", "a7", 0, 63), ("ecall",),
    ("addi", "a2", "a0", 0), ("addi", "a0", 0, 1), ("addi", "a7", 0, 64), ("ecall",), ("lbu", "a0", 0, "s0"),
    ("addi", "a7", 0, 93), ("ecall",),
]  # fmt: skip


@pytest.fixture
def copy(tmp_path):
    code = assemble(*COPY)
    segments = (Segment(0x10000, code, len(code), 5), Segment(0x20000, b"", 4096, 6))
    return write_elf(tmp_path / "copy.elf", Program("copy.elf", 0x10000, segments))


def test_arguments_follow_two_dashes_and_standard_input_is_passed_on(copy):
    done = CliRunner().invoke(app, ["run", str(copy), "--functional", "--exit-code", "--", "A", "--json"], input="given\n")
    assert done.exit_code == ord("A") and done.stdout.splitlines()[0] == "given"
    done = CliRunner().invoke(app, ["run", str(copy), "--functional", "--arg", "B", "--stdin", str(copy), "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["exit_code"] == ord("B")


def test_a_fault_ends_with_two_or_with_the_signals_code(tmp_path, capsys):
    code = assemble(("ld", "a0", 8, 0))
    path = write_elf(tmp_path / "f.elf", Program("f.elf", 0x10000, (Segment(0x10000, code, len(code), 5),)))
    error = run(path, "--functional").exception
    assert isinstance(error, ExecutionFault) and str(error).startswith("f.elf: a load from 0x8, outside")
    assert run(path, "--functional", "--exit-code").exit_code == 128 + 11


def test_a_fault_keeps_the_profile_so_far(tmp_path):
    code = assemble(("addi", "a0", 0, 1), ("ld", "a0", 8, 0))
    symbols = (Symbol("_start", 0x10000, len(code), True),)
    path = write_elf(tmp_path / "f.elf", Program("f.elf", 0x10000, (Segment(0x10000, code, len(code), 5),), symbols))
    assert isinstance(run(path, "--functional", "--folded", tmp_path / "paths.txt").exception, ExecutionFault)
    assert (tmp_path / "paths.txt").read_text() == "_start 1\n"


@pytest.mark.parametrize("options,sentence", [
    (("--env", "A"), "--env: found 'A', expected NAME=VALUE; correct it."),
    (("--root", "absent"), "absent: found no folder to open (No such file or directory), expected an existing folder; "
     "name one with --root."),
    (("--stdin", "absent"), "absent: found no such file, expected an existing file; check the path."),
    (("--vlen", "256"), "--vlen: found that option for a timed run, expected it left out; see `workbench run --help`."),
    (("--check",), "--check: found that option for a program, expected it left out; see `workbench run --help`."),
])  # fmt: skip
def test_options_that_do_not_fit_are_refused(elf, options, sentence):
    error = run(elf, *options).exception
    assert isinstance(error, InputError) and str(error) == sentence


def test_views_write_their_files_and_profile_the_run(elf, tmp_path):
    folded, phases, pictures = tmp_path / "new" / "paths.txt", tmp_path / "phases.csv", tmp_path / "pictures"
    figures = json.loads(
        run(
            elf,
            "--core",
            "thead_c906",
            "--json",
            "--profile",
            "--folded",
            folded,
            "--phases",
            phases,
            "--pictures",
            pictures,
        ).stdout
    )
    (row,) = figures["profile"]
    assert (row["name"], row["instructions"], row["cycles"], row["share"]) == ("_start", 8, figures["cycles"], 1.0)
    assert folded.read_text() == f"_start {figures['cycles']}\n"
    head, line = phases.read_text().splitlines()
    interval = dict(zip(head.split(","), line.split(","), strict=True))
    assert (interval["instructions"], interval["cycles"]) == ("8", str(figures["cycles"]))
    stack = [float(value) for name, value in interval.items() if name.startswith("cpi_")]
    assert sum(stack) == pytest.approx(figures["cycles"] / 8, rel=1e-4)
    assert sorted(p.name for p in pictures.iterdir()) == ["cpi_stack.png", "functions.png", "phases.png"]


@pytest.mark.parametrize("options,sentence", [
    (("--functional", "--phases", "p.csv"), "--phases: found that option for a functional run, expected a timed run; "
     "leave --functional out."),
    (("--profile", "--chrome-trace", "t.json"), "--chrome-trace: found that option for a run with --profile, --folded or "
     "--pictures, expected it left out; see `workbench run --help`."),
])  # fmt: skip
def test_views_that_do_not_fit_are_refused(elf, options, sentence):
    error = run(elf, *options).exception
    assert isinstance(error, InputError) and str(error) == sentence


def test_each_of_several_harts_has_a_line_and_figures(elf):
    printed = run(elf, "--core", "thead_c906", "--harts", "2").stdout.splitlines()
    begins = [line.strip() for line in printed if line.startswith("  hart ")]
    assert begins[0].startswith("hart 0  1 thread, 8 instructions in ") and begins[0].endswith(" 0 cycles idle")
    cycles = next(line.split()[1] for line in printed if line.startswith("cycles"))
    assert begins[1] == f"hart 1  0 threads, 0 instructions, {cycles} cycles idle"
    figures = json.loads(run(elf, "--core", "thead_c906", "--harts", "2", "--json").stdout)["harts"]
    assert [(hart["number"], hart["threads"], hart["instructions"]) for hart in figures] == [(0, 1, 8), (1, 0, 0)]
    assert {"cycles", "idle_cycles", "ipc", "cpi_stack", "mpki", "counters"} <= set(figures[0])
    assert "harts" not in json.loads(run(elf, "--core", "thead_c906", "--json").stdout)


def test_what_follows_one_thread_is_refused_with_several_harts(elf, tmp_path):
    for option in (("--profile",), ("--phases", tmp_path / "p.csv"), ("--kanata", tmp_path / "k.txt")):
        refused = run(elf, "--harts", "2", *option)
        assert isinstance(refused.exception, InputError)
        assert str(refused.exception) == (
            f"{option[0]}: found that option for a run on several harts, expected it left out; see `workbench run --help`."
        )
