"""Sampled functions: what is skipped changes nothing that can be known, and the cycles stay near a run in full."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workbench.core.breakpoints import Breakpoints
from workbench.core.config import load_core
from workbench.core.interpreter.state import RECORDS
from workbench.core.run import Machine
from workbench.core.sampling.accesses import AccessLog
from workbench.core.sampling.counters import COLUMNS as PLACES
from workbench.core.sampling.counters import CYCLES
from workbench.core.sampling.estimate import between, explained_step, mixture_error, spread_error
from workbench.core.sampling.footprint import ADDRESS, BYTES
from workbench.core.sampling.loops import find_loops
from workbench.core.sampling.run import run_sampled
from workbench.core.sampling.sampler import Sampler
from workbench.core.sampling.settings import Sampling
from workbench.isa.encode import assemble
from workbench.isa.predecode import predecode
from workbench.isa.program import Program, Segment, Symbol

CODE, DATA, ROWS, MANY_ROWS, COLUMNS = 0x10000, 0x100000, 300, 4000, 40
EXIT = (("addi", "a0", 0, 3), ("addi", "a7", 0, 93), ("ecall",))
DENSE = Sampling(timed_instructions=3_000, unit_instructions=200, least_skip=2_000)


def nest(rows: int = ROWS, columns: int = COLUMNS, apart: int = 8) -> Program:
    """A function that adds 1 to words of a matrix, row by row, in a loop of three levels; its first word is on the stack.

    Words are `apart` bytes from each other."""
    start = (("lui", "s0", DATA), ("addi", "s1", "s0", 0), ("jal", "ra", 4 + 4 * len(EXIT)))
    kernel = (
        ("addi", "sp", "sp", -16),
        ("lui", "t0", rows << 12),
        ("srli", "t0", "t0", 12),
        ("sd", "s0", 8, "sp"),
        ("ld", "t4", 8, "sp"),  # outer loop: the row's address lives on the stack
        ("addi", "t1", 0, columns),
        ("ld", "t2", 0, "t4"),  # inner loop
        ("addi", "t2", "t2", 1),
        ("sd", "t2", 0, "t4"),
        ("addi", "t4", "t4", apart),
        ("addi", "t1", "t1", -1),
        ("bne", "t1", 0, -20),
        ("ld", "t3", 8, "sp"),
        ("addi", "t3", "t3", apart * columns),
        ("sd", "t3", 8, "sp"),
        ("addi", "t0", "t0", -1),
        ("bne", "t0", 0, -48),
        ("addi", "sp", "sp", 16),
        ("jalr", 0, 0, "ra"),
    )
    first, rest = assemble(*start, *EXIT), assemble(*kernel)
    size = apart * rows * columns
    segments = (Segment(CODE, first + rest, len(first + rest), 5), Segment(DATA, bytes(size), size, 6))
    symbols = (Symbol("_start", CODE, len(first), True), Symbol("kernel", CODE + len(first), len(rest), True))
    return Program("nest.elf", CODE, segments, symbols)


@pytest.fixture(scope="module")
def core():
    """An out-of-order core with small caches to fill."""
    return load_core("xiangshan_kunminghu_v2")


@pytest.fixture(scope="module")
def whole(core):
    """The function timed instruction by instruction."""
    return run_sampled(nest(), core, ["kernel"], None)


def test_loops_are_found_with_those_inside_them() -> None:
    program = nest()
    kernel = program.symbols[1]
    (outer,) = find_loops(predecode(program), kernel.address, kernel.address + kernel.size_bytes)
    (inner,) = outer.inner
    assert (outer.head - kernel.address, outer.latch - kernel.address) == (16, 64)
    assert (inner.head - kernel.address, inner.exit - kernel.address) == (24, 48)


@pytest.mark.parametrize(
    ("mnemonic", "left", "right", "steps", "expected"),
    [
        ("bne", 10, 0, (-1, 0), 9), ("bne", 10, 0, (-4, 0), 2), ("bne", 0, 64, (8, 0), 7), ("blt", 0, 10, (3, 0), 3),
        ("bltu", 0, 9, (3, 0), 2), ("bge", 10, 0, (-1, 0), 10), ("bne", 5, 0, (0, 0), None), ("beq", 0, 0, (0, 0), None),
    ],
)  # fmt: skip
def test_a_latch_tells_how_often_its_loop_comes_back(mnemonic, left, right, steps, expected) -> None:
    code = assemble(("addi", "t0", "t0", 0), (mnemonic, "t0", "t1", -4))
    program = Program("latch", CODE, (Segment(CODE, code, len(code), 5),), (Symbol("f", CODE, len(code), True),))
    (loop,) = find_loops(predecode(program), CODE, CODE + len(code))
    registers, gains = np.zeros(32, np.int64), np.zeros(32, np.int64)
    registers[5], registers[6], gains[5], gains[6] = left, right, *steps
    assert loop.remaining(registers, gains) == expected


def test_a_loop_closed_by_a_jump_goes_back_where_the_branch_around_the_jump_is_not_taken() -> None:
    far = assemble(("addi", "t0", "t0", -1), ("beq", "t0", 0, 8), ("jal", 0, -8))
    program = Program("far", CODE, (Segment(CODE, far, len(far), 5),), (Symbol("f", CODE, len(far), True),))
    (loop,) = find_loops(predecode(program), CODE, CODE + len(far))
    registers, gains = np.zeros(32, np.int64), np.zeros(32, np.int64)
    registers[5], gains[5] = 10, -1
    assert (loop.exit, loop.remaining(registers, gains)) == (CODE + len(far), 9)


def counts(cycles: float, reads: float = 0, writes: float = 0) -> np.ndarray:
    """Counts per iteration."""
    row = np.zeros(max(place.stop for place in PLACES.values()))
    row[[CYCLES, PLACES["dram_reads"].start, PLACES["dram_writes"].start]] = cycles, reads, writes
    return row


def test_a_gap_counts_as_the_windows_that_moved_as_many_lines() -> None:
    cold, warm = counts(1000, reads=100, writes=100), counts(400)
    assert between(cold, warm, 0)[CYCLES] == 400
    assert between(cold, warm, 100)[CYCLES] == 700
    assert between(cold, warm, 500)[CYCLES] == 1000
    assert between(counts(1000), counts(400), 0)[CYCLES] == 700


def test_the_bound_covers_the_windows_and_the_noise_of_their_units() -> None:
    even, other = np.array([counts(100), counts(100)]), np.array([counts(110), counts(110)])
    noisy = np.array([counts(95), counts(105)])
    assert spread_error([even, even]) == 0
    assert spread_error([even, other]) == pytest.approx(10)
    assert spread_error([noisy, noisy]) >= 5


@pytest.mark.parametrize(
    ("lines", "after", "step", "error"),
    [
        (0, counts(4000, writes=100), 3000, 0), (100, counts(4000, writes=100), 3000, 0),
        (40, counts(4000, writes=100), 3000, 1200), (80, counts(4000, writes=100), 3000, 600),
        (200, counts(4000, writes=100), 0, 0), (40, counts(800, writes=100), 0, 0),
        (40, counts(90_000, writes=100), 0, 0), (0, counts(4000), 0, 0),
    ],
    ids=["as before", "as after", "nearer before", "nearer after", "of more lines", "faster", "too slow", "no lines"],
)  # fmt: skip
def test_lines_explain_how_windows_differ_if_they_can(lines, after, step, error) -> None:
    before = counts(1000)
    assert explained_step(before, after, lines) == step
    assert mixture_error(before, after, lines) == pytest.approx(error)


def test_a_step_that_lines_explain_is_not_spread_but_what_remains_is() -> None:
    before, after = np.array([counts(1000)] * 2), np.array([counts(4000, writes=100), counts(4040, writes=100)])
    assert spread_error([before, after], [3020]) == pytest.approx(26, abs=1)  # the interval of four residuals
    assert spread_error([before, after]) > 1500


def test_a_run_in_full_is_the_plain_run(core, whole) -> None:
    result, (sample,) = whole
    with Machine(nest(), core, timed=True) as machine:
        machine.run()
    plain = machine.result()
    assert (result.cycles, result.instructions, result.cpi_stack) == (plain.cycles, plain.instructions, plain.cpi_stack)
    assert sample.error_cycles == 0 and sample.timed_instructions == sample.instructions
    assert sample.instructions == next(r.instructions for r in plain.regions if r.name == "kernel")


def test_sampled_instructions_are_exact_and_cycles_and_misses_near(core) -> None:
    full, (expected,) = run_sampled(nest(MANY_ROWS), core, ["kernel"], None)
    _, (sparse,) = run_sampled(nest(MANY_ROWS), core, ["kernel"], Sampling())
    assert abs(sparse.cycles - expected.cycles) <= sparse.error_cycles
    assert sparse.cycles == pytest.approx(expected.cycles, rel=0.05)  # the last window has time to learn like that before
    assert 0.02 * expected.cycles < sparse.error_cycles < 0.15 * expected.cycles  # rows fluctuate: that asks for more
    result, (sample,) = run_sampled(nest(MANY_ROWS), core, ["kernel"], Sampling().denser().denser())
    assert sample.error_cycles < sparse.error_cycles
    assert sample.timed_instructions < expected.instructions / 3
    assert (result.instructions, sample.instructions) == (full.instructions, expected.instructions)
    assert result.cycles == pytest.approx(full.cycles, rel=0.02)
    assert abs(sample.cycles - expected.cycles) <= sample.error_cycles
    assert sum(result.cpi_stack.values()) == result.cycles
    assert result.activity.loads == pytest.approx(full.activity.loads, rel=0.01)
    assert result.activity.l1d_misses == pytest.approx(full.activity.l1d_misses, rel=0.25)


def test_a_bound_holds_and_is_small_where_lines_are_written_back_from_some_iteration_on(core) -> None:
    sizes = {"l2": 64, "l3": 512}
    levels = {name: getattr(core.memory, name).model_copy(update={"size_kib": size}) for name, size in sizes.items()}
    small = core.model_copy(update={"memory": core.memory.model_copy(update=levels)})
    program = nest(rows=1000, columns=30, apart=64)  # the caches are full of written lines after a quarter
    _, (expected,) = run_sampled(program, small, ["kernel"], None)
    _, (sample,) = run_sampled(program, small, ["kernel"], Sampling(timed_instructions=20_000, windows=8))
    assert sample.timed_instructions < expected.instructions / 3
    assert abs(sample.cycles - expected.cycles) <= sample.error_cycles < 0.1 * expected.cycles


def test_long_iterations_are_windows_by_themselves(core) -> None:
    program = nest(rows=200, columns=250)  # 1,500 instructions an iteration
    _, (expected,) = run_sampled(program, core, ["kernel"], None)
    _, (sample,) = run_sampled(program, core, ["kernel"], replace(DENSE, window_instructions=1_000).denser())
    assert sample.timed_instructions < expected.instructions / 2
    assert sample.instructions == expected.instructions
    assert abs(sample.cycles - expected.cycles) <= sample.error_cycles < 0.1 * expected.cycles


def test_executed_gaps_leave_the_right_memory_and_jumped_ones_do_not(core) -> None:
    sums = {}
    for executes in (True, False):
        seen = {}
        program = nest()
        with Machine(program, core, timed=True) as machine:
            stops = Breakpoints(machine)
            sampler = Sampler(machine, stops, Sampling(**{**vars(DENSE), "executes": executes}))
            kernel = program.symbols[1]

            def sample(here, sampler=sampler, kernel=kernel, seen=seen):
                sampler.call(kernel.address, kernel.address + kernel.size_bytes)
                seen["registers"] = here.registers[:32].copy()

            stops.add(kernel.address, sample)
            machine.run()
            words = np.frombuffer(machine.memory.read(DATA, 8 * ROWS * COLUMNS), np.int64)
        sums[executes] = (int(words.sum()), seen["registers"])
    assert sums[True][0] == ROWS * COLUMNS > sums[False][0]
    assert all(sums[True][1][r] == sums[False][1][r] for r in (1, 2, 5, 6, 8, 28, 29))  # all but the loaded word


def test_recorded_accesses_are_those_of_the_program(core) -> None:
    program = nest(rows=2, columns=3)
    with Machine(program, core, timed=True) as machine:
        log = AccessLog(machine)
        log.begin()
        assert machine.actions & RECORDS
        machine.run(max_instructions=60)
        rows = log.end()
    words = rows[rows[:, ADDRESS] < DATA + 48]
    expected = [DATA + 8 * word for word in range(6) for _ in range(2)]  # a load and a store of each
    assert words[:, ADDRESS].tolist() == expected and set(rows[:, BYTES]) == {8}


def test_a_loop_that_is_small_is_simulated_whole(core) -> None:
    result, (sample,) = run_sampled(nest(rows=4, columns=4), core, ["kernel"], Sampling())
    assert sample.error_cycles == 0 and sample.timed_instructions == sample.instructions
    assert result.exit_code == 3
