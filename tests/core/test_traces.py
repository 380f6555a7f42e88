"""Traces: what is timed from a file equals a run of the program, on every kind of core; logs of other simulators."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow.parquet as parquet
import pytest

from workbench.base.errors import InputError
from workbench.core.config import load_core
from workbench.core.logs.capture import StageLog
from workbench.core.run import run_program
from workbench.core.trace.build import write_trace
from workbench.core.trace.columns import NAMES, Columns, Predictions, encode
from workbench.core.trace.file import TraceReader
from workbench.core.trace.qemu import open_qemu_log
from workbench.core.trace.record import record_program
from workbench.core.trace.simulate import simulate_trace
from workbench.core.trace.spike import open_spike_log
from workbench.isa.disassemble import disassemble
from workbench.isa.predecode import predecode

SPACE = {"space_bytes": 1 << 20}


def figures(result):
    """All that is simulated of a result: neither host time nor what the program wrote."""
    values = dataclasses.asdict(result)
    return {name: value for name, value in values.items() if name not in ("host_seconds", "stdout", "stderr")}


@pytest.mark.parametrize("which,core", [
    ("scalar", "xiangshan_kunminghu_v2"), ("scalar", "thead_c906"), ("vector", "xiangshan_kunminghu_v2"),
    ("vector", "thead_c906"), ("vector", "xiangshan_kunminghu_v2_npu4"),
])  # fmt: skip
def test_a_trace_gives_the_figures_and_stages_of_the_run(programs, tmp_path, which, core):
    program, config = getattr(programs, which)(), load_core(core)
    record_program(program, tmp_path / "t", core=config)
    logs = StageLog(7, 60), StageLog(7, 60)
    run = run_program(program, config, observers=[logs[0]], **SPACE)
    simulated, table = simulate_trace(tmp_path / "t", config, stages=logs[1])
    assert figures(simulated) == figures(run)
    code = predecode(program)
    stages = logs[0].table(code.entries, code.regions).rows
    assert len(stages) == 60
    for name in set(stages.dtype.names) - {"entry"}:
        assert table.rows[name].tolist() == stages[name].tolist()


def test_one_trace_serves_every_core_of_its_vector_length(programs, tmp_path):
    program = programs.vector(3)
    record_program(program, tmp_path / "t", vlen_bits=128)
    for core in ("xiangshan_kunminghu_v2", "thead_c906"):
        run = run_program(program, load_core(core), **SPACE)
        assert figures(simulate_trace(tmp_path / "t", load_core(core))[0]) == figures(run)


def test_pieces_of_any_size_give_the_same(programs, tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.core.trace.record.PIECE_INSTRUCTIONS", 37)
    program, core = programs.vector(), load_core("thead_c906")
    _, about = record_program(program, tmp_path / "t", core=core)
    rows = sum(1 for _ in TraceReader(tmp_path / "t").pieces())
    assert rows == -(-about.instructions // 37)
    assert figures(simulate_trace(tmp_path / "t", core)[0]) == figures(run_program(program, core, **SPACE))


def test_system_calls_end_no_pieces(programs, tmp_path):
    calls = [("addi", "a7", 0, 172), ("ecall",)] * 40
    _, about = record_program(programs.program_of("calls.elf", *calls), tmp_path / "t")
    assert [piece.instructions for piece in TraceReader(tmp_path / "t").pieces()] == [about.instructions] == [83]


def test_machine_mode_between_a_branch_and_its_target_changes_no_prediction(programs, tmp_path):
    """Control registers of bare-metal programs are read and written outside of the interpreter, and are not timed."""
    program = programs.program_of(
        "bare.elf",
        ("lui", "s0", programs.DATA),
        ("addi", "t0", 0, 9),
        ("csrrw", 0, 0x340, "t0"),
        ("addi", "t0", "t0", -1),
        ("andi", "t1", "t0", 1),
        ("bne", "t1", 0, 8),
        ("csrrw", 0, 0x340, "t1"),
        ("bne", "t0", 0, -20),
        ("addi", "t0", 0, 1),
        ("sd", "t0", 0, "s0"),
    )
    program, core = dataclasses.replace(program, tohost_address=programs.DATA), load_core("xiangshan_kunminghu_v2")
    record_program(program, tmp_path / "t")
    run = run_program(program, core, **SPACE)
    simulated, _ = simulate_trace(tmp_path / "t", core)
    assert run.instructions == 2 + 9 * 5 + 5 + 2 and run.exit_code == 0
    assert {**figures(simulated), "regions": ()} == {**figures(run), "regions": ()}


def test_code_that_the_program_writes_over_is_traced_as_it_was_executed(programs, tmp_path):
    """Twice through an addition to t2, which becomes one to t3 in between."""
    from workbench.isa.encode import encode as word_of

    new = word_of("addi", 28, 28, 1)
    program = programs.program_of(
        "patch.elf",
        ("lui", "s0", 0x10000),
        ("addi", "t0", 0, 2),
        ("lui", "t1", new + 0x800 & 0xFFFFF000),
        ("addiw", "t1", "t1", (new & 0xFFF) - (new & 0x800) * 2),
        ("addi", "t2", "t2", 1),
        ("sw", "t1", 16, "s0"),
        ("fence.i",),
        ("addi", "t0", "t0", -1),
        ("bne", "t0", 0, -16),
    )
    segments = tuple(dataclasses.replace(segment, flags=7) for segment in program.segments)
    program, core = dataclasses.replace(program, segments=segments), load_core("xiangshan_kunminghu_v2")
    record_program(program, tmp_path / "t")
    reader = TraceReader(tmp_path / "t")
    list(reader.pieces())
    assert sorted(int(w) for pc, w in zip(reader.pcs, reader.entries["raw"], strict=True) if pc == 0x10010) == sorted(
        [word_of("addi", 7, 7, 1), new]
    )
    assert figures(simulate_trace(tmp_path / "t", core)[0]) == figures(run_program(program, core, **SPACE))


def test_a_part_of_a_trace_is_a_run_stopped_there(programs, tmp_path):
    program, core = programs.scalar(), load_core("thead_c906")
    record_program(program, tmp_path / "t")
    run = run_program(program, core, max_instructions=60, **SPACE)
    simulated, _ = simulate_trace(tmp_path / "t", core, max_instructions=60)
    assert (simulated.cycles, simulated.cpi_stack, simulated.exit_code) == (run.cycles, run.cpi_stack, 124)
    assert simulated.notes == ("Stopped after 60 of the trace's 170 instructions.",)


def test_a_trace_of_a_stopped_run_ends_where_that_did(programs, tmp_path):
    program, core = programs.scalar(), load_core("xiangshan_kunminghu_v2")
    record_program(program, tmp_path / "t", max_instructions=59)
    run = run_program(program, core, max_instructions=59, **SPACE)
    assert figures(simulate_trace(tmp_path / "t", core)[0]) == figures(run)


def test_a_loop_costs_next_to_nothing(programs, tmp_path):
    record_program(programs.scalar(2000), tmp_path / "long")
    record_program(programs.scalar(20), tmp_path / "short")
    grown = (tmp_path / "long").stat().st_size - (tmp_path / "short").stat().st_size
    assert grown * 8 < 0.5 * 1980 * 8  # less than half a bit an instruction


def test_the_columns_can_be_read_by_others(programs, tmp_path):
    """The control flow, decoded by the rules of the module's docstring in plain Python, is that of the program."""
    record_program(programs.scalar(5), tmp_path / "t")
    row = parquet.read_table(tmp_path / "t").to_pylist()[0]
    follow, path, gap, jumps = {}, [], 0, list(zip(row["jump_gap"], row["jump_to"], strict=True))
    for _ in range(row["instructions"]):
        if jumps and gap == jumps[0][0]:
            number, gap = jumps.pop(0)[1], 0
            if path:
                follow[path[-1]] = number
        else:
            number, gap = follow[path[-1]], gap + 1
        path.append(number)
    pcs = [row["static_pc"][number] for number in path]
    head, round_, skip, tail = [0, 4], [8, 12, 16, 20, 24, 28], [32], [36, 40]
    taken = [5 & 3, 4 & 3, 3 & 3, 2 & 3, 1 & 3]
    expected = head + [pc for t in taken for pc in round_ + (skip if not t else []) + tail] + [44, 48, 52]
    assert [pc - 0x10000 for pc in pcs] == expected


def test_random_columns_come_back(programs):
    from workbench.core.timing.replay import ROW_DTYPE
    from workbench.core.trace.columns import OK, decode
    from workbench.core.trace.file import decode_words
    from workbench.isa.encode import encode as word_of

    generator = np.random.default_rng(1)
    words = [word_of("addi", 5, 5, 1), word_of("ld", 5, 0, 6), word_of("sd", 5, 8, 6)]
    entries = decode_words(np.array(words, np.uint32), np.full(3, 4))
    path = generator.integers(0, 3, 5000)
    addresses = generator.integers(-(1 << 63), 1 << 63, 5000, dtype=np.int64, endpoint=False)
    recorded = [value for k, a in zip(path, addresses, strict=True) for value in ([k, a] if k else [k])]
    columns, first, count = encode(
        np.array(recorded), entries["flags"].astype(np.int64), np.zeros(3, np.int64), Predictions(4)
    )
    assert count == 5000 and len(first) == 3
    rows = np.zeros(count, ROW_DTYPE)
    pcs = 4 * np.arange(3)[first]
    assert decode(columns, count, 99, entries[first], pcs, 128, Predictions(4), rows, np.zeros(1, np.int64)) == OK
    assert (first[rows["entry"]] == path).all() and rows["next_pc"][-1] == 99
    assert (rows["address"] == np.where(path > 0, addresses, 0)).all()


SPIKE_VECTOR = "e{sew} {lmul} l{vl}"


def spike_log(program, path, *, with_commits=True):
    """A log in Spike's form of the run that our own trace of the program holds (Spike also logs its boot code)."""
    record_program(program, path.with_suffix(".t"), vlen_bits=128)
    reader, lines, at = TraceReader(path.with_suffix(".t")), [], 0
    from workbench.core.timing.replay import ROW_DTYPE
    from workbench.core.trace.columns import decode

    for piece in reader.pieces():
        rows = np.zeros(piece.instructions, ROW_DTYPE)
        elements = np.zeros(len(piece.columns.element) + 1, np.int64)
        state = Predictions(1)
        decode(piece.columns, len(rows), piece.next_pc, reader.entries, reader.pcs, 128, state, rows, elements)
        for row in rows:
            entry = reader.entries[row["entry"]]
            head = f"core   0: {'0 ' if with_commits else ''}0x{row['pc']:016x} (0x{entry['raw']:08x})"
            lines.append(
                head + (_spike_rest(entry, row, elements) if with_commits else " " + disassemble(int(entry["raw"])))
            )
            at += 1
    boot = "core   0: 3 0x0000000000001000 (0x00000297) x5  0x0000000000001000"
    path.write_text("\n".join(["warning: something", *([boot] if with_commits else []), *lines, ""]))
    return at


def _spike_rest(entry, row, elements):
    from workbench.isa.code import Flag

    flags, text = int(entry["flags"]), ""
    if flags & Flag.VECTOR:
        lmul = row["lmul_log2"]
        shape = f"m{1 << lmul}" if lmul >= 0 else f"mf{1 << -lmul}"
        text += f" e{1 << row['sew_log2']} {shape} l{row['vl']} v2  0x00"
    if flags & (Flag.LOAD | Flag.STORE):
        count, size = (row["vl"], int(entry["mem_bytes"])) if flags & Flag.VECTOR else (1, 0)
        fields = int(entry["fields"]) + 1
        for k in range(count):
            step = row["stride"] if flags & Flag.STRIDED else size * fields
            where = elements[row["element"] + k] if flags & Flag.INDEXED else row["address"] + k * step
            text += "".join(f" mem 0x{int(where) + f * size:016x}" for f in range(fields))
    return text


@pytest.mark.parametrize("which", ["scalar", "vector"])
def test_an_imported_spike_log_is_timed_like_the_run(programs, tmp_path, which):
    program, core = getattr(programs, which)(), load_core("xiangshan_kunminghu_v2")
    count = spike_log(program, tmp_path / "log")
    source, instructions = open_spike_log(tmp_path / "log")
    about = write_trace(source, instructions, tmp_path / "imported", vlen_bits=128, program=program)
    simulated, _ = simulate_trace(tmp_path / "imported", core)
    run = run_program(program, core, **SPACE)
    assert about.instructions == count == run.instructions
    assert (simulated.cycles, simulated.cpi_stack, simulated.activity) == (run.cycles, run.cpi_stack, run.activity)
    assert simulated.regions == run.regions
    assert simulated.notes[-1] == "Only its instructions in user mode are in the trace."


def test_a_spike_log_without_commits_says_what_it_lacks(programs, tmp_path):
    spike_log(programs.vector(), tmp_path / "log", with_commits=False)
    source, instructions = open_spike_log(tmp_path / "log")
    write_trace(source, instructions, tmp_path / "imported", vlen_bits=128)
    simulated, _ = simulate_trace(tmp_path / "imported", load_core("thead_c906"))
    assert simulated.activity.vector_instructions == 6 * 8 and simulated.activity.l1d_misses <= 64
    assert simulated.notes == (
        "From a Spike log without --log-commits: it has no memory addresses, so every access is taken to hit the L1, "
        "and no vector lengths, so each is taken as the longest.",
    )


QEMU_BLOCKS = """----------------
IN: _start
0x0000000000010000:  00500293          addi                    t0,zero,5

Trace 0: 0x7f9afac00100 [0000000000000000/0000000000010000/00207600/00000200] _start
----------------
IN:
0x0000000000010004:  12fd              addi                    t0,t0,-1
0x0000000000010006:  fe029fe3          bnez                    t0,-2            # 0x10004

Trace 0: 0x7f9afac00240 [0000000000000000/0000000000010004/00207600/00000200]
Stopped execution of TB chain before 0x7f9afac00240 [0000000000010004]
Trace 0: 0x7f9afac00240 [0000000000000000/0000000000010004/00207600/00000200]
Trace 0: 0x7f9afac00240 [0000000000000000/0000000000010004/00207600/00000200]
"""


def test_blocks_of_qemu_become_the_instructions_that_were_executed(tmp_path):
    (tmp_path / "log").write_text(QEMU_BLOCKS)
    _, instructions = open_qemu_log(tmp_path / "log")
    assert [(e.pc, e.word) for e in instructions] == [
        (0x10000, 0x00500293), (0x10004, 0x12FD), (0x10006, 0xFE029FE3), (0x10004, 0x12FD), (0x10006, 0xFE029FE3),
    ]  # fmt: skip


def test_lines_of_qemus_plugin_have_addresses(tmp_path):
    (tmp_path / "log").write_text(
        '0, 0x10000, 0x33503, "ld                      a0,0(t1)", load, 0x40800a20\n'
        '0, 0x10004, 0xa82300a8, "nop"\n'
        '0, 0x10006, 0xa33023, "sd a0,0(t1)", store, 0x40800a28\n'
    )
    source, instructions = open_qemu_log(tmp_path / "log")
    found = list(instructions)
    assert [(e.pc, e.word, list(e.addresses)) for e in found] == [
        (0x10000, 0x33503, [0x40800A20]), (0x10004, 0x00A8, []), (0x10006, 0xA33023, [0x40800A28]),
    ]  # fmt: skip
    write_trace(source, iter(found), tmp_path / "t", vlen_bits=128)
    simulated, _ = simulate_trace(tmp_path / "t", load_core("thead_c906"))
    assert (simulated.instructions, simulated.activity.loads, simulated.activity.stores) == (3, 1, 1)


def test_a_program_that_reads_the_clock_is_noted(programs, tmp_path):
    program = programs.program_of("clock.elf", ("csrrs", "t0", 0xC00, 0))
    _, about = record_program(program, tmp_path / "t")
    assert about.notes == (
        "The program reads the clock: in the trace it saw one cycle per instruction, where a run with timing sees the "
        "core's, so it may take other paths there.",
    )


def test_columns_are_the_lists_of_the_file():
    assert tuple(Columns.__dataclass_fields__) == NAMES


def test_a_failed_recording_leaves_no_file(programs, tmp_path):
    with pytest.raises(InputError):
        record_program(programs.vector(), tmp_path / "t", vlen_bits=100)
    assert list(tmp_path.iterdir()) == []
