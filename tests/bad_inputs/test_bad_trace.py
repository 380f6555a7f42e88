"""Broken traces and logs: one sentence each."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from workbench.base.errors import InputError
from workbench.core.config import load_core
from workbench.core.trace.build import write_trace
from workbench.core.trace.columns import NAMES, Columns
from workbench.core.trace.file import METADATA_KEY, About, Piece, TraceWriter, schema
from workbench.core.trace.qemu import open_qemu_log
from workbench.core.trace.simulate import simulate_trace
from workbench.core.trace.spike import open_spike_log

ABOUT = {
    "version": 1, "origin": "execution", "program": "p", "vlen_bits": 128, "instructions": 3, "vector_instructions": 0,
    "exit_code": 0, "regions": ["", "main"], "notes": [],
}  # fmt: skip
LISTS = {"jump_gap": [0], "jump_to": [0]}
AGAIN = "record it again with `workbench trace`."


def trace(path, about=None, static=((0x10000, 0x00128293, 4, 1),), instructions=3, **lists):
    """A trace of `addi t0, t0, 1` in a loop onto itself, with what a test changes."""
    table = dict(zip(("static_pc", "static_word", "static_length", "static_region"), zip(*static, strict=True), strict=True))
    arrays = {name: np.array({**LISTS, **lists}.get(name, []), np.int64) for name in NAMES}
    if "jump_to" not in lists:
        arrays["jump_gap"], arrays["jump_to"] = np.array([0, 0]), np.array([0, 0])
    with path.open("wb") as stream:
        writer = TraceWriter(stream)
        static = {name: np.array(values) for name, values in table.items()}
        writer.write(Piece(instructions, 0x10004, Columns(**arrays), static))
        writer.close(About.model_validate_json(json.dumps({**ABOUT, **(about or {})})))
    return path


def simulate(path, core="thead_c906"):
    return simulate_trace(path, load_core(core))[0]


def sentence(path, core="thead_c906"):
    with pytest.raises(InputError) as error:
        simulate(path, core)
    return str(error.value)


def test_the_trace_that_the_others_are_made_from_is_good(tmp_path):
    assert simulate(trace(tmp_path / "t")).instructions == 3


def test_files_that_are_no_trace(tmp_path):
    path = tmp_path / "t"
    assert sentence(path) == f"{path}: found no such file, expected an existing file; check the path."
    path.write_bytes(b"")
    assert sentence(path) == f"{path}: found an empty file, expected a trace file (50 41 52 31); {AGAIN}"
    path.write_bytes(b"hello")
    assert sentence(path) == (
        f"{path}: found a file that begins with 68 65 6c 6c, expected a trace file (50 41 52 31); {AGAIN}"
    )
    path.write_bytes(b"\x7fELF" + bytes(100))
    assert sentence(path) == (
        f"{path}: found a program, expected a trace file; record it with `workbench trace`, or use `workbench run`."
    )
    parquet.write_table(pa.table({"a": [1]}), path)
    assert sentence(path) == f"{path}: found a Parquet file without a trace, expected a trace file; {AGAIN}"


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_a_truncated_trace(tmp_path, share):
    path = trace(tmp_path / "t")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert sentence(path) == f"{path}: found a damaged or truncated file, expected a whole trace file; {AGAIN}"


def test_damaged_bytes_never_end_in_a_traceback(tmp_path):
    path = trace(tmp_path / "t")
    data, generator = path.read_bytes(), np.random.default_rng(3)
    for _ in range(40):
        broken = bytearray(data)
        for place in generator.integers(4, len(data), 3):
            broken[place] = generator.integers(256)
        path.write_bytes(bytes(broken))
        try:
            simulate(path)
        except InputError:
            continue


def test_a_trace_of_another_version(tmp_path):
    path = tmp_path / "t"
    table = pa.table({name: pa.array([], kind) for name, kind in zip(schema().names, schema().types, strict=True)})
    data = json.dumps({**ABOUT, "version": 7})
    parquet.write_table(table.replace_schema_metadata({METADATA_KEY: data}), path)
    assert sentence(path) == f"{path}: found a trace of version 7, expected version 1; {AGAIN}"
    parquet.write_table(table.replace_schema_metadata({METADATA_KEY: b"{"}), path)
    assert sentence(path) == f"{path}: found a damaged description of the run, expected a whole trace file; {AGAIN}"
    parquet.write_table(pa.table({"a": [1]}).replace_schema_metadata({METADATA_KEY: json.dumps(ABOUT)}), path)
    assert sentence(path) == f"{path}: found columns that are not those of a trace, expected a whole trace file; {AGAIN}"


@pytest.mark.parametrize("change,found", [
    ({"jump_gap": [0], "jump_to": [0]}, "an instruction that is not in its table"),
    ({"jump_gap": [0, 0], "jump_to": [0, 5]}, "an instruction that is not in its table"),
    ({"jump_gap": [0, 0, 9], "jump_to": [0, 0, 0]}, "a column with values left over"),
    ({"address": [1]}, "a column with values left over"),
    ({"static": ((0x10000, 0x00033503, 4, 0),)}, "a column that ends too early"),
    ({"static": ((0x10000, 0x022180D7, 4, 0),), "vector": [1 << 40 | 200 << 32] * 3},
     "a vector configuration that does not exist"),
])  # fmt: skip
def test_columns_that_do_not_fit_together(tmp_path, change, found):
    path = trace(tmp_path / "t", **change)
    assert sentence(path) == f"{path}, piece 1: found {found}, expected columns that fit together; {AGAIN}"


@pytest.mark.parametrize("change,found", [
    ({"static": ((0x10000, 0, 4, 0),)}, "the word 0x00000000, which is no instruction"),
    ({"static": ((0x10000, 0x00128293, 4, 2),)}, "a region without a name"),
    ({"instructions": 70_000}, "a piece of 70,000 instructions"),
])  # fmt: skip
def test_pieces_that_cannot_be(tmp_path, change, found):
    path = trace(tmp_path / "t", **change)
    assert sentence(path) == f"{path}: found {found}, expected a whole trace file; {AGAIN}"


def test_a_trace_that_is_shorter_than_it_says(tmp_path):
    path = trace(tmp_path / "t", about={"instructions": 9})
    assert sentence(path) == f"{path}: found 3 instructions, expected 9, as it says itself; record it again."


def test_cores_that_a_trace_does_not_fit(tmp_path):
    path = trace(tmp_path / "t", about={"vector_instructions": 2, "vlen_bits": 256})
    assert sentence(path) == (
        f"{path}: found vector instructions recorded with 256-bit registers, expected the 128 bits of thead_c906; "
        "record it with `workbench trace --core thead_c906`."
    )


def test_logs_that_are_none(tmp_path):
    log = tmp_path / "log"
    log.write_text("hello\n")
    for open_log, sentence in (
        (open_spike_log, "found no line of executed instructions, expected a log of `spike -l --log-commits`; "
         "log the program with Spike."),
        (open_qemu_log, "found no line of an executed block, expected a log of QEMU; "
         "log with `qemu-riscv64 -d in_asm,exec,nochain -D LOG PROGRAM`."),
    ):  # fmt: skip
        with pytest.raises(InputError) as error:
            open_log(log)
        assert str(error.value) == f"{log}: {sentence}"
    log.write_bytes(b"\0" * 100)
    with pytest.raises(InputError) as error:
        open_spike_log(log)
    assert str(error.value) == f"{log}, line 1: found binary data, expected a text log; check the file's kind."


@pytest.mark.parametrize("line,found", [
    ("core   0: 3 0x0000000000010000 (0x00000000)",
     "line 1: found the word 0x0 at 0x10000, expected an RV64GCV instruction; record a program without other extensions."),
    ("core   0: 3 0x0000000000010000 (0x022180d7) e32 m1 l9 v1 0x0",
     "line 1: found vl of 9 with 32-bit elements, expected what fits 128-bit registers; "
     "give the log's register length with --vlen."),
])  # fmt: skip
def test_lines_of_a_spike_log_that_cannot_be(tmp_path, line, found):
    (tmp_path / "log").write_text(line + "\n")
    source, instructions = open_spike_log(tmp_path / "log")
    with pytest.raises(InputError) as error:
        write_trace(source, instructions, tmp_path / "t", vlen_bits=128)
    assert str(error.value) == f"{tmp_path / 'log'}, {found}"
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("text,found", [
    ("Trace 0: 0x7f9afac00100 [0000000000000000/0000000000010000/00207600/00000200] _start\n",
     "line 1: found a block at 0x10000 without its instructions, expected an IN: block; "),
    ("IN: a\n0x0000000000010000:  00500293          addi t0,zero,5\n"
     "Trace 0: 0x7 [0/0000000000010000/0/0]\nTrace 0: 0x7 [0/0000000000010000/0/0]\n",
     "line 4: found a block at 0x10000 that cannot follow 0x10000, expected every block; "),
])  # fmt: skip
def test_qemu_logs_that_lack_something(tmp_path, text, found):
    (tmp_path / "log").write_text(text)
    with pytest.raises(InputError) as error:
        list(open_qemu_log(tmp_path / "log")[1])
    advice = "log with `qemu-riscv64 -d in_asm,exec,nochain -D LOG PROGRAM`."
    assert str(error.value) == f"{tmp_path / 'log'}, {found}{advice}"
