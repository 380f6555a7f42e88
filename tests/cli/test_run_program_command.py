"""`workbench run` on programs: what it prints and how it refuses."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from workbench.base.errors import InputError
from workbench.cli.app import app
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


@pytest.mark.parametrize("options,sentence", [
    (("--vlen", "256"), "--vlen: found that option for a timed run, expected it left out; see `workbench run --help`."),
    (("--check",), "--check: found that option for a program, expected it left out; see `workbench run --help`."),
])  # fmt: skip
def test_options_that_do_not_fit_are_refused(elf, options, sentence):
    error = run(elf, *options).exception
    assert isinstance(error, InputError) and str(error) == sentence
