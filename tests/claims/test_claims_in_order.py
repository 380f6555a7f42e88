"""Claims about the in-order core, a C906."""

from __future__ import annotations

import pytest

from workbench.core.timing.stream import Stream
from workbench.isa.code import F0
from workbench.isa.timing_class import TimingClass as K


def test_the_in_order_core_issues_at_most_one_a_cycle(c906, steady):
    def body(s, _):
        for k in range(31):
            s.add(K.INT_ALU, 5 + k % 20, 1)

    assert steady(c906, body) == pytest.approx(32, abs=1)


def test_a_load_is_used_after_two_cycles(c906, steady):
    def body(s, _):
        for _ in range(16):
            s.load(5, 1 << 28, rs1=5)

    assert steady(c906, body) / 16 == pytest.approx(2, rel=0.1)


def test_the_core_stalls_at_the_use_of_a_miss_and_not_at_the_miss(c906, steady):
    def run(use_at):
        def body(s, iteration):
            s.load(5, (1 << 30) + iteration * 2654435761 % (1 << 18) * 4096, rs1=1)
            for k in range(24):
                s.add(K.INT_ALU, 6, 5 if k == use_at else 1)

        return steady(c906, body)

    assert run(0) > run(23) + 15


def test_an_instruction_waits_behind_one_that_waits(c906, xiangshan, steady):
    def body(s, _):
        for chain in range(2):
            for _ in range(8):
                s.add(K.FP_FMA, F0 + 5 + chain, F0 + 5 + chain)

    assert steady(c906, body) > 1.7 * steady(xiangshan, body)


def test_it_mispredicts_more_than_the_big_core(c906, xiangshan):
    def body(s, iteration):
        start = s.pc
        s.add(K.INT_ALU, 5, 1)
        s.branch(iteration * 2654435761 >> 7 & 1 == 0 and iteration % 3 == 0, start + 32)
        s.add(K.INT_ALU, 6, 1)
        s.pc = start + 32

    small, big = (Stream().loop(body, 3000).run(core) for core in (c906, xiangshan))
    assert small.activity.branch_mispredicts >= big.activity.branch_mispredicts


def test_a_result_is_not_overtaken_by_a_later_one(c906, steady):
    def same(s, _):
        for _ in range(16):
            s.add(K.FP_ADD, F0 + 5, F0 + 1, raw=1 << 25)

    def different(s, _):
        for k in range(16):
            s.add(K.FP_ADD, F0 + 5 + k, F0 + 1, raw=1 << 25)

    assert steady(c906, same) > 3 * steady(c906, different)
