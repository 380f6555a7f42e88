"""Claims about the top-down tree, the misses per predictor and the occupancy of queues."""

from __future__ import annotations

import random

import pytest

from workbench.core.timing.classes import CPI_CAUSES, TOP_DOWN
from workbench.core.timing.stream import BASE, Stream
from workbench.isa.code import Flag
from workbench.isa.timing_class import TimingClass as K


def test_every_cause_is_in_one_branch_of_the_tree():
    assert sorted(cause for causes in TOP_DOWN.values() for cause in causes) == sorted(CPI_CAUSES)


def _chase(count=3000):
    generator = random.Random(2)
    s = Stream()
    for _ in range(count):
        s.pc = BASE
        s.load(5, (1 << 30) + generator.randrange(1 << 22) * 64, rs1=5)
        s.branch(True, BASE)
    return s


def _random_branches(count=3000):
    generator = random.Random(2)
    s = Stream()
    for _ in range(count):
        s.pc = BASE
        s.branch(generator.random() < 0.5, BASE + 64)
        for k in range(4):
            s.add(K.INT_ALU, 5 + k, 1)
        s.add(K.JUMP, flags=Flag.JUMP, target=BASE)
    return s


def _large_code():
    def body(s, _):
        for _ in range(40_000):
            s.add(K.INT_ALU, 5, 1)

    return Stream().loop(body, 4)


def _scattered_code():
    def body(s, _):
        start = s.pc
        for k in range(1500):
            s.add(K.JUMP, flags=Flag.JUMP, target=start + (k + 1) * 320)

    return Stream().loop(body, 3)


def _divisions():
    def body(s, _):
        for k in range(10):
            s.add(K.INT_DIV, 5 + k, 1, raw=0x33)

    return Stream().loop(body, 100)


def _additions():
    def body(s, _):
        for k in range(40):
            s.add(K.INT_ALU, 5 + k % 20, 1)

    return Stream().loop(body, 200)


@pytest.mark.parametrize(
    ("stream", "branch"),
    [
        (_chase, "memory_bound"), (_random_branches, "bad_speculation"), (_scattered_code, "frontend_bound"),
        (_divisions, "core_bound"), (_additions, "retiring"),
    ],
)  # fmt: skip
def test_a_stream_that_one_thing_limits_falls_into_its_branch(xiangshan, stream, branch):
    shares = stream().run(xiangshan).top_down
    assert sum(shares.values()) == pytest.approx(1)
    assert max(shares, key=shares.get) == branch


def test_unknown_targets_and_wrong_directions_are_told_apart(xiangshan):
    s = Stream()
    for _ in range(300):
        s.branch(True, s.pc + 64)
    cold = s.run(xiangshan)
    assert cold.counters["target_misses"] + cold.mpki["conditional"] * cold.instructions / 1000 >= 300
    assert _random_branches().run(xiangshan).mpki["conditional"] > 60


def test_returns_have_a_rate_of_their_own(xiangshan):
    def body(s, _):
        start = s.pc
        for k in range(24):
            s.add(K.JUMP, 1, flags=Flag.JUMP | Flag.CALL, target=start + (k + 1) * 128)
        for k in range(24):
            s.add(K.JUMP_INDIRECT, rs1=1, flags=Flag.INDIRECT | Flag.RETURN, target=start + (23 - k) * 128 + 4)
            s.pc = start + (23 - k) * 128 + 4
        s.add(K.JUMP, flags=Flag.JUMP, target=start + 4096)

    result = Stream().loop(body, 50).run(xiangshan)
    assert result.mpki["return"] == pytest.approx(result.mpki["indirect"])
    assert result.mpki["return"] > 50


def test_a_blocked_window_is_full(xiangshan):
    def body(s, iteration):
        s.load(5, (1 << 30) + iteration * 2654435761 % (1 << 18) * 4096, rs1=5)
        for _ in range(30):
            s.store(1, 1 << 28, rs1=1)

    result = Stream().loop(body, 200).run(xiangshan)
    assert result.counters["mean_store_queue_entries"] > 0.7 * xiangshan.memory.store_queue


def test_independent_misses_keep_the_miss_registers_busy(xiangshan, change):
    def body(s, iteration):
        for k in range(8):
            s.load(5 + k, (1 << 30) + (iteration * 8 + k) * 2654435761 % (1 << 18) * 64, rs1=1)

    few = change(xiangshan, memory__l1d__mshrs=4)
    in_flight = Stream().loop(body, 300).run(few).counters["mean_l1d_misses_in_flight"]
    assert 3 < in_flight <= 4.1


def test_a_full_store_queue_stalls_as_store(xiangshan, change):
    def body(s, iteration):
        for k in range(16):
            s.store(1, (1 << 30) + (iteration * 16 + k) * 2654435761 % (1 << 18) * 64, rs1=1)

    result = Stream().loop(body, 100).run(change(xiangshan, memory__store_buffer_lines=2))
    assert result.cpi_stack["store"] > 0.5 * result.cycles


def test_cold_code_stalls_as_instruction_cache(xiangshan):
    stack = _large_code().run(xiangshan).cpi_stack
    assert stack["icache"] > stack["frontend"]


def test_a_csr_access_stalls_as_serialisation(xiangshan):
    def body(s, _):
        s.add(K.CSR, 5, flags=Flag.SERIALIZE)
        s.add(K.INT_ALU, 6, 1)

    result = Stream().loop(body, 100).run(xiangshan)
    assert result.cpi_stack["serialize"] > 0.4 * result.cycles
