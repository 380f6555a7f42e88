"""Claims about what tells one generation of XiangShan from the next."""

from __future__ import annotations

import random

import pytest

from workbench.core.config import load_core
from workbench.core.timing.stream import BASE, Stream
from workbench.isa.code import Flag
from workbench.isa.timing_class import TimingClass as K


@pytest.fixture(scope="module")
def nanhu():
    return load_core("xiangshan_nanhu")


def _phases(core):
    """Mispredictions in a loop of a random branch, which leaves no history to learn, and one that changes now and then."""
    generator = random.Random(4)
    s = Stream()
    for k in range(2400):
        s.pc = BASE
        s.branch(generator.random() < 0.5, BASE + 32)
        s.pc = BASE + 32
        s.branch(k // 40 % 2 == 0, BASE + 64)
        s.pc = BASE + 64
        s.add(K.JUMP, flags=Flag.JUMP, target=BASE)
    return s.run(core).activity.branch_mispredicts


def test_directions_are_learned_later_the_later_the_tables_are_written(nanhu, change):
    tables = {"predictor__sc_history_bits": (), "predictor__tage_tables": nanhu.predictor.tage_tables[3:]}
    plain = change(nanhu, predictor__always_taken_bit=False, **tables)
    at_once = _phases(change(plain, predictor__direction_training="at_once"))
    late = change(plain, predictor__training_cycles=100)
    resolved, committed = (_phases(change(late, predictor__direction_training=when)) for when in ("resolution", "commit"))
    assert at_once + 60 < resolved <= committed  # 60 changes of mind, each noticed later


def test_a_branch_is_trained_once_whenever_the_tables_are_written(nanhu, change):
    def run(**fields):
        s = Stream()
        for k in range(3000):
            s.pc = BASE
            s.branch(k % 7 < 3, BASE + 64)
            s.pc = BASE + 64
            s.add(K.JUMP, flags=Flag.JUMP, target=BASE)
        return s.run(change(nanhu, **fields)).activity.branch_mispredicts

    assert run(predictor__direction_training="commit") < 60  # of 3000: a pattern that is learned either way
    assert run(predictor__direction_training="at_once") < 60
