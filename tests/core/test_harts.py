"""Threads on one and several harts: Linux's calls for them, turns, coherence, shared caches and DRAM."""

from __future__ import annotations

import importlib.util
import random
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.core.config import load_core
from workbench.core.fault import ExecutionFault
from workbench.core.harts import QUANTUM_CYCLES, Harts
from workbench.core.phases import PhaseLog
from workbench.core.run import Machine, run_program
from workbench.core.timing.classes import L1D_ARRAY, L2_ARRAY, L3_ARRAY
from workbench.core.timing.initial import idle_until, make_state, share_levels
from workbench.core.timing.replay import replay
from workbench.core.timing.stream import Stream
from workbench.core.timing.tables import DIRTY
from workbench.isa.code import Flag
from workbench.isa.elf import write_elf
from workbench.isa.encode import vtype
from workbench.isa.timing_class import TimingClass


def _threaded_programs():
    path = Path(__file__).with_name("threaded_programs.py")
    spec = importlib.util.spec_from_file_location("threaded_programs", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


P = _threaded_programs()
LINE = 64


@pytest.fixture(scope="module")
def xiangshan():
    return load_core("xiangshan_kunminghu_v2")


def printed(result):
    assert (result.exit_code, result.notes) == (7, ())
    return struct.unpack("<q", result.stdout)[0]


WORK = {"atomic adds": P.ATOMIC_ADDS, "load-reserved and store-conditional": P.RESERVED_ADDS}


@pytest.mark.parametrize("work", list(WORK))
@pytest.mark.parametrize("timed", [False, True])
def test_no_addition_of_four_threads_is_lost_on_any_number_of_harts(xiangshan, work, timed):
    program = P.threaded(4, WORK[work])
    for harts in (1, 2, 3, 4, 7):
        result = run_program(program, xiangshan, timed=timed, harts=harts)
        assert printed(result) == 500 * (1 + 2 + 3 + 4)
        assert sum(hart.instructions for hart in result.harts) == result.instructions
        assert [hart.threads for hart in result.harts] == [4 // harts + (k < 4 % harts) for k in range(harts)]


@pytest.mark.skipif(not shutil.which("qemu-riscv64"), reason="qemu-riscv64 is not on this machine")
def test_threads_print_what_they_print_under_qemu(tmp_path):
    for work in WORK.values():
        path = write_elf(tmp_path / "threads.elf", P.threaded(3, work))
        path.chmod(0o755)
        theirs = subprocess.run(["qemu-riscv64", str(path)], capture_output=True, timeout=60)
        ours = run_program(P.threaded(3, work), None, harts=2)
        assert (ours.exit_code, ours.stdout) == (theirs.returncode, theirs.stdout)


def test_runs_of_several_harts_repeat_however_the_host_slices_them(xiangshan, monkeypatch):
    program = P.threaded(3, P.RESERVED_ADDS)
    whole = run_program(program, xiangshan, harts=2)
    turn = Harts.turn
    monkeypatch.setattr(Harts, "turn", lambda harts, limit: turn(harts, min(limit, 37)))
    pieces = run_program(program, xiangshan, harts=2)
    assert (pieces.cycles, pieces.cpi_stack, pieces.activity) == (whole.cycles, whole.cpi_stack, whole.activity)
    assert pieces.harts == whole.harts


def test_cycles_of_each_hart_are_its_stack_and_with_its_idle_ones_the_programs(xiangshan):
    result = run_program(P.threaded(2, P.ATOMIC_ADDS), xiangshan, harts=2)
    for hart in result.harts:
        assert hart.cycles == sum(hart.cpi_stack.values()) > 0
        assert hart.cycles + hart.idle_cycles == pytest.approx(result.cycles, abs=QUANTUM_CYCLES)
    assert result.cycles == result.harts[0].cycles + result.harts[0].idle_cycles
    assert result.activity.instructions == result.instructions
    assert sum(region.instructions for region in result.regions) == result.instructions


def test_a_program_of_one_thread_takes_as_long_on_any_number_of_harts(xiangshan):
    copy = [("add", "t2", "s2", "s4"), ("ld", "t0", 0, "s2"), ("addi", "s2", "s2", LINE), ("sd", "t0", 0, "t2")]
    stream = P.repeated(4096, copy)
    one, four = (run_program(P.threaded(1, stream), xiangshan, harts=harts) for harts in (1, 4))
    assert one.harts == () and one.cycles == sum(one.cpi_stack.values())
    assert (four.cycles, four.cpi_stack, four.activity) == (one.cycles, one.cpi_stack, one.activity)
    assert [(hart.cycles, hart.idle_cycles) for hart in four.harts[1:]] == [(0, four.cycles)] * 3


# What harts share


def test_harts_that_stay_in_their_l1_take_the_time_of_one(xiangshan):
    inside = P.repeated(4096 * 2, [("ld", "t0", 0, "s2"), ("add", "t1", "t1", "t0"), ("sd", "t1", 8, "s2")])
    one, four = (run_program(P.threaded(n, inside), xiangshan, harts=n).cycles for n in (1, 4))
    assert one <= four < 1.1 * one + 2000  # the start of the threads is in both


def test_harts_that_stream_get_no_more_than_the_bandwidth_of_dram_together(xiangshan):
    lines = 4096 * 3
    stream = P.repeated(lines, [("ld", "t0", 0, "s2"), ("addi", "s2", "s2", LINE)])
    results = {n: run_program(P.threaded(n, stream), xiangshan, harts=n) for n in (1, 2, 4)}
    peak = xiangshan.dram.channels * LINE / round(xiangshan.dram.burst_ns * xiangshan.frequency_mhz / 1000)
    for n, result in results.items():
        assert result.activity.dram_read_bytes >= n * lines * LINE
        assert result.counters["dram_bytes_per_cycle"] <= 1.001 * peak
    assert results[4].cycles > 3.5 * results[1].cycles  # one alone takes nearly all
    shares = [hart.cycles for hart in results[4].harts]
    assert max(shares) < 1.1 * min(shares)


def test_decoupled_engines_share_dram_too():
    core = load_core("ara_16_lanes")
    bytes_each = core.vlen_bits // 8 * 4
    load = [("vle32.v", "v0", "s2"), ("add", "s2", "s2", "t3")]
    body = [("vsetvli", "t0", 0, vtype(32, 4)), ("lui", "t3", bytes_each), *P.repeated(100, load)]
    for harts in (1, 2):
        result = run_program(P.threaded(harts, body), core, harts=harts)
        peak = core.dram.channels * LINE / round(core.dram.burst_ns * core.frequency_mhz / 1000)
        assert result.activity.dram_read_bytes >= harts * 100 * bytes_each
        assert 0.9 * peak < result.counters["dram_bytes_per_cycle"] <= 1.001 * peak


def test_a_line_that_another_hart_brought_to_the_l3_does_not_come_from_dram_again(xiangshan):
    own = P.repeated(1024, [("ld", "t0", 0, "s2"), ("addi", "s2", "s2", LINE)])
    same = [("lui", "s2", P.DATA + P.AREAS), *own]
    apart, together = (run_program(P.threaded(2, work), xiangshan, harts=2) for work in (own, same))
    assert apart.activity.dram_read_bytes > 1.8 * together.activity.dram_read_bytes


def _stores_in_turns(core, threads, step):
    """Cycles and lines from other harts of each thread's 500 stores, each waited for, `step` bytes from its neighbour's."""
    place = [("addi", "s5", "s0", 1024), ("addi", "t1", 0, step), ("mul", "t1", "t1", "s1"), ("add", "s5", "s5", "t1")]
    store = [("amoadd.d", "t0", "s1", "s5"), ("add", "s6", "t0", "t0"), ("fence",)]
    result = run_program(P.threaded(threads, [*place, *P.repeated(500, store)]), core, harts=threads)
    return result.cycles, sum(hart.counters["transfers"] for hart in result.harts)


def test_a_line_written_in_turns_by_two_harts_travels_through_the_l3(xiangshan):
    alone, _ = _stores_in_turns(xiangshan, 1, LINE)
    apart, few = _stores_in_turns(xiangshan, 2, LINE)
    shared, many = _stores_in_turns(xiangshan, 2, 8)  # different words of one line
    trip = xiangshan.memory.l3.hit_latency_cycles + xiangshan.memory.l2.hit_latency_cycles
    assert apart < 1.2 * alone + 1000 and few < 30
    assert many > 100
    assert shared > apart + (many - few) * trip // 2  # of two harts, each waits for its own


def test_a_message_is_not_read_before_it_was_written(xiangshan):
    """The second thread spins on a word that the first writes 3000 cycles after the start; both then read the clock."""
    first = [
        ("bne", "s1", 0, "second"), *P.repeated(1500, [("mul", "t1", "t1", "t1")]), ("csrrs", "s8", 0xC00, 0),
        ("addi", "t0", 0, 1), ("sd", "t0", 1024, "s0"), ("jal", 0, "ended"),
    ]  # fmt: skip
    second = [
        "second", ("ld", "t0", 1024, "s0"), ("beq", "t0", 0, "second"), ("csrrs", "s8", 0xC00, 0),
        ("sd", "s8", P.RESULT, "s0"), "ended",
    ]  # fmt: skip
    last = [("addi", "t0", "s0", 1032), ("bne", "s1", 0, "kept"), ("sd", "s8", 0, "t0"), "kept"]
    machine = Machine(P.threaded(2, [*first, *second, *last]), xiangshan, timed=True, harts=2)
    machine.run()
    written, read = (struct.unpack("<q", machine.memory.read(P.DATA + offset, 8))[0] for offset in (1032, P.RESULT))
    assert written < read < written + 4 * 78 + 250


def test_a_barrier_in_memory_costs_each_hart_some_trips(xiangshan):
    """Threads count themselves in and spin until all are there; rounds go by, the counter is never set back."""
    trip = xiangshan.memory.l3.hit_latency_cycles + xiangshan.memory.l2.hit_latency_cycles
    rounds, costs = 100, {}
    for threads in (2, 4):
        meet = [
            ("addi", "s5", "s5", threads), ("addi", "t0", 0, 1), ("addi", "s6", "s0", 1024), ("amoadd.d", 0, "t0", "s6"),
            "spin", ("ld", "t1", 0, "s6"), ("blt", "t1", "s5", "spin"),
        ]  # fmt: skip
        result = run_program(P.threaded(threads, P.repeated(rounds, meet)), xiangshan, harts=threads)
        costs[threads] = result.cycles / rounds
    assert trip < costs[2] < 6 * trip
    assert costs[2] < costs[4] < 4 * costs[2]


class Line:
    """What the tag stores of one engine say of a line, read without the engine's own code."""

    def __init__(self, state, arrays):
        self._s, self._arrays = state[0], arrays

    def flags(self, line):
        """Of its copies in the arrays."""
        found = []
        for array in self._arrays:
            ways = int(self._s["ways"][array])
            base = int(self._s["base"][array]) + (line & int(self._s["set_mask"][array])) * ways
            slots = np.flatnonzero(self._s["entries"]["tag"][base : base + ways] == line + 1)
            found += [int(stamp) & DIRTY for stamp in self._s["entries"]["stamp"][base + slots]]
        return found


@pytest.mark.parametrize("name", ["xiangshan_kunminghu_v2", "sifive_u74"])
def test_a_line_has_one_writer_or_many_readers(name):
    core = load_core(name)
    states = [make_state(core) for _ in range(3)]
    share_levels(states)
    private = [Line(state, [L1D_ARRAY, L2_ARRAY] if core.memory.l3 else [L1D_ARRAY]) for state in states]
    shared = [Line(state, [L3_ARRAY if core.memory.l3 else L2_ARRAY]) for state in states]
    generator = random.Random(3)
    last_writer = {}
    for step in range(1500):
        hart, line, writes = generator.randrange(3), generator.randrange(12) << 12, generator.random() < 0.4  # one set
        idle_until(states[hart], 1000 * (step + 1))
        stream, flags = Stream(), Flag.LOAD | Flag.STORE | Flag.ATOMIC if writes else Flag.LOAD
        code, rows = stream.add(TimingClass.ATOMIC, 5, flags=flags, address=line * LINE).arrays()
        replay(states[hart], code, rows, np.zeros(1, np.int64), 1)
        holders = [k for k, lines in enumerate(private) if lines.flags(line)]
        writers = [k for k, lines in enumerate(private) if any(lines.flags(line))]
        assert hart in holders and len(writers) <= 1
        if writes:
            assert writers == holders == [hart]
            last_writer[line] = hart
        elif writers:
            assert holders == writers == [hart] == [last_writer[line]]
        assert not any(lines.flags(line) for lines in shared[1:])  # the first engine holds what all share
    assert all(state["transfers"][0] > 0 and state["invalidations"][0] > 0 for state in states)


# Linux's calls


def alone(*lines):
    return P.program_of([("lui", "s0", P.DATA), *lines])


def test_waiting_for_nobody_is_a_deadlock():
    program = alone(("addi", "a0", "s0", 0), *[("addi", f"a{k}", 0, 0) for k in range(1, 4)], *P.call(98)[-2:])
    with pytest.raises(ExecutionFault) as caught:
        run_program(program, None)
    assert str(caught.value) == (
        "threads.elf: a deadlock: the only thread waits to be woken, thread 1000 by the futex at 0x100000, at 0x1001c, "
        "after 7 instructions."
    )


def test_a_wait_for_another_value_returns_at_once_and_one_with_a_timeout_when_it_is_over(xiangshan):
    linux = Machine(alone(*P.call(93, 0)), None).linux
    assert linux.call(98, (P.DATA, 128, 5, 0, 0, 0), 0) == -11
    assert linux.call(98, (P.DATA + 1, 0, 0, 0, 0, 0), 0) == -22
    assert linux.call(98, (8, 0, 0, 0, 0, 0), 0) == -14
    assert linux.call(98, (P.DATA, 5, 0, 0, 0, 0), 0) == -38
    timed_wait = [
        ("lui", "t0", 1 << 20), ("sd", "t0", 24, "s0"), ("addi", "a0", "s0", 0), ("addi", "a1", 0, 0), ("addi", "a2", 0, 0),
        ("addi", "a3", "s0", 16), ("addi", "a7", 0, 98), ("ecall",), ("sub", "a0", 0, "a0"), ("addi", "a7", 0, 93),
        ("ecall",),
    ]  # fmt: skip
    result = run_program(alone(*timed_wait), xiangshan)
    assert result.exit_code == 110
    assert result.cycles == pytest.approx((1 << 20) * xiangshan.frequency_mhz / 1000, rel=0.01)


def test_waiters_are_handed_from_one_futex_to_another():
    """Threads 1 to 3 wait at a word; the first thread wakes one and moves the others to another word, then wakes those."""
    waits = [
        ("beq", "s1", 0, "first"), ("addi", "a0", "s0", 1024), ("addi", "a1", 0, 0), ("addi", "a2", 0, 0),
        ("addi", "a3", 0, 0), ("addi", "a7", 0, 98), ("ecall",), ("addi", "t0", "s0", P.RESULT), ("addi", "t1", 0, 1),
        ("amoadd.d", 0, "t1", "t0"), ("jal", 0, "over"),
    ]  # fmt: skip
    first = ["first", *P.repeated(50, P.call(124))]
    for value, operation, count, moved in ((0, 4, 1, 2), (9, 4, 0, 0)):  # the second one finds another value
        first += [
            ("addi", "a0", "s0", 1024), ("addi", "a1", 0, operation), ("addi", "a2", 0, 1), ("addi", "a3", 0, 7),
            ("addi", "a4", "s0", 1032), ("addi", "a5", 0, value), ("addi", "a7", 0, 98), ("ecall",),
            ("addi", "t1", 0, count + moved if count else -11), ("bne", "a0", "t1", "wrong"),
        ]  # fmt: skip
    wake = [("addi", "a0", "s0", 1032), ("addi", "a1", 0, 1), ("addi", "a2", 0, 7), ("addi", "a7", 0, 98), ("ecall",)]
    first += [*wake, ("addi", "t1", 0, 2), ("beq", "a0", "t1", "over"), "wrong", *P.call(94, 99), "over"]
    for harts in (1, 2, 4):
        result = run_program(P.threaded(4, [*waits, *first]), None, harts=harts)
        assert printed(result) == 3


def test_a_sleep_lets_other_threads_run_until_it_is_over(xiangshan):
    """The first thread sleeps 100 us; the second adds meanwhile, on the same hart and on another one."""
    work = [
        ("bne", "s1", 0, "adds"), ("lui", "t0", 25 << 12), ("sd", "t0", 1032, "s0"), ("addi", "a0", "s0", 1024),
        ("addi", "a1", 0, 0), ("addi", "a7", 0, 101), ("ecall",), ("ld", "s9", 1040, "s0"), ("sd", "s9", P.RESULT, "s0"),
        ("jal", 0, "slept"), "adds", *P.repeated(1000, [("sd", "s4", 1040, "s0")]), "slept",
    ]  # fmt: skip
    for harts in (1, 2):
        result = run_program(P.threaded(2, work), xiangshan, harts=harts)
        assert printed(result) == 1
        assert 0.1 < result.latency_ms < 0.15


def test_threads_that_share_a_hart_take_turns_even_if_one_spins():
    spin = [  # the second thread, which comes last to the barrier and goes on first
        ("beq", "s1", 0, "sets"), "spin", ("ld", "t0", 1024, "s0"), ("beq", "t0", 0, "spin"), ("jal", 0, "seen"), "sets",
        ("addi", "t0", 0, 1), ("sd", "t0", 1024, "s0"), ("sd", "t0", P.RESULT, "s0"), "seen",
    ]  # fmt: skip
    result = run_program(P.threaded(2, spin), None)
    assert printed(result) == 1
    assert result.instructions > 1_000_000 / 2  # a turn of a millisecond
    yielding = [line if line != ("beq", "t0", 0, "spin") else ("beq", "t0", 0, "yield") for line in spin]
    yielding = [*yielding[:-1], ("jal", 0, "seen"), "yield", *P.call(124), ("jal", 0, "spin"), "seen"]
    assert run_program(P.threaded(2, yielding), None).instructions < 1000


def test_programs_see_the_harts():
    machine = Machine(alone(*P.call(93, 0)), None, harts=5)
    assert machine.linux.call(123, (0, 128, P.DATA, 0, 0, 0), 0) == 8
    assert struct.unpack("<Q", machine.memory.read(P.DATA, 8)) == (31,)
    assert machine.linux.call(168, (P.DATA, P.DATA + 4, 0, 0, 0, 0), 0) == 0
    assert machine.linux.call(178, (0,) * 6, 0) == 1000


def test_several_harts_are_refused_where_they_cannot_be(xiangshan):
    from dataclasses import replace

    program = alone(*P.call(93, 0))
    with pytest.raises(InputError, match=r"^harts: found 65, expected 1 to 64; correct it\.$"):
        Machine(program, None, harts=65)
    with pytest.raises(InputError, match="found a bare-metal program, expected a Linux program for several harts; leave"):
        Machine(replace(program, tohost_address=P.DATA), None, harts=2)
    sentence = (
        "threads.elf: found a program that starts threads, expected one thread, where pipeline logs, profiles, phases,"
    )
    with pytest.raises(InputError, match=sentence):
        run_program(P.threaded(2, []), xiangshan, observers=[PhaseLog()])
