"""Claims about what tells one generation of XiangShan from the next."""

from __future__ import annotations

import json
import random

import pytest

from workbench.core.config import CoreConfig, load_core
from workbench.core.timing.stream import BASE, Stream
from workbench.isa.code import F0, Flag
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
    assert at_once + 60 < min(resolved, committed)  # 60 changes of mind, each noticed later
    assert resolved < 1.02 * committed


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


def _late_branches(core):
    """Cycles of random branches that wait for a division, each with work behind it; and their mispredictions."""
    generator = random.Random(9)
    s = Stream()
    for _ in range(1500):
        s.pc = BASE
        s.add(K.INT_DIV, 6, 7, raw=0x33)
        s.branch(generator.random() < 0.5, BASE + 64, rs1=6)
        s.pc = BASE + 64
        for k in range(40):
            s.add(K.INT_ALU, 8 + k % 16, 1)
        s.add(K.JUMP, flags=Flag.JUMP, target=BASE)
    result = s.run(core)
    return result.cycles, result.activity.branch_mispredicts


def test_nothing_is_renamed_until_what_came_behind_a_mispredicted_branch_is_undone(nanhu, change):
    slow, usual, at_once = (_late_branches(change(nanhu, backend__walk_width=width)) for width in (1, 6, 0))
    assert slow[0] > usual[0] + 5 * usual[1] and usual[0] >= at_once[0]
    window = change(nanhu, backend__walk_width=1, backend__rob_size=32)
    assert _late_branches(window)[0] < slow[0]  # fewer were renamed behind it


def test_loads_and_stores_reach_their_station_a_stage_later(nanhu, change):
    def cycles(stages):
        queues = [queue.model_copy(update={"entry_cycles": stages}) for queue in nanhu.issue_queues if queue.name == "load"]
        others = [queue for queue in nanhu.issue_queues if queue.name != "load"]
        core = change(nanhu, issue_queues=(*others, *queues))
        generator = random.Random(9)
        s = Stream()
        for _ in range(1500):
            s.pc = BASE
            s.load(6, 1 << 28, rs1=5)
            s.branch(generator.random() < 0.5, BASE + 64, rs1=6)
            s.pc = BASE + 64
            s.add(K.JUMP, flags=Flag.JUMP, target=BASE)
        result = s.run(core)
        return result.cycles / result.activity.branch_mispredicts

    assert cycles(11) == pytest.approx(cycles(1) + 10, abs=1.5)


def _far_code(core):
    """Cycles of two rounds through 128 KiB of straight code, more than the L1I and less than the L2 hold."""

    def body(s, _):
        for _ in range(1 << 11):
            for k in range(15):
                s.add(K.INT_ALU, 5 + k, 1)
            s.add(K.JUMP, flags=Flag.JUMP, target=s.pc + 4)

    long, short = (Stream().loop(body, times).run(core).cycles for times in (3, 2))
    return (long - short) / (1 << 11)


def test_code_outside_the_instruction_cache_is_had_earlier_where_prediction_brings_it_in(nanhu, change):
    nanhu = change(nanhu, predictor__ftb_entries=65536)  # which knows all jumps
    directed = change(nanhu, memory__prefetch__fetch_directed=True)
    many = change(directed, memory__l1i=nanhu.memory.l1i.model_copy(update={"mshrs": 14}))
    assert _far_code(many) < _far_code(directed) < _far_code(nanhu)
    assert _far_code(nanhu) > nanhu.memory.l2.hit_latency_cycles / nanhu.memory.l1i.mshrs


def test_what_prediction_asks_for_is_in_the_l2_when_it_is_fetched(nanhu, change):
    def body(s, _):
        for _ in range(1 << 9):
            s.add(K.JUMP, flags=Flag.JUMP, target=s.pc + 64)

    result = Stream().loop(body, 1).run(nanhu)
    assert result.counters["prefetches"] > 400


def _mixed(second, count=60):
    def body(s, _):
        for k in range(count // 2):
            s.add(K.INT_ALU, 5 + k % 20, 1)
            s.add(second, (F0 if second != K.INT_ALU else 0) + 5 + k % 20, F0 + 1 if second != K.INT_ALU else 1)

    return body


def test_each_dispatch_queue_hands_on_so_many_a_cycle(nanhu, steady, change):
    narrow = change(nanhu, backend__dispatch_width=2)
    assert 60 / steady(narrow, _mixed(K.INT_ALU)) == pytest.approx(2, rel=0.05)
    assert 60 / steady(narrow, _mixed(K.FP_FMA)) == pytest.approx(4, rel=0.05)


def test_a_dispatch_queue_that_is_full_stops_rename(nanhu, steady, change):
    def body(s, iteration):
        for k in range(24):
            s.add(K.INT_ALU, 5 + k % 20, 1)
        for k in range(24):
            s.add(K.FP_FMA, F0 + 5 + k % 20, F0 + 1)

    deep, shallow = (change(nanhu, backend__dispatch_width=2, backend__dispatch_queue_entries=n) for n in (32, 8))
    assert steady(shallow, body) > 1.3 * steady(deep, body)


def _branchy_block(core, branches):
    """Cycles of a round through a block of 32 bytes with so many branches that were taken once, and a jump back."""

    def body(s, iteration):
        start = s.pc
        for k in range(branches):
            s.pc = start + 4 * k
            s.branch(iteration == k, start + 32)
        s.pc = start + 28
        s.add(K.JUMP, flags=Flag.JUMP, target=start + 32)

    long, short = (Stream().loop(body, times).run(core).cycles for times in (400, 200))
    return (long - short) / 200


def test_a_block_has_room_for_as_many_branches_as_its_entry(nanhu, change):
    single = change(nanhu, predictor__branches_per_block=0)
    assert _branchy_block(nanhu, 6) >= _branchy_block(single, 6) + 2  # six branches and the jump are four blocks, not one
    assert _branchy_block(nanhu, 1) == pytest.approx(_branchy_block(single, 1), abs=0.2)


def test_directions_are_told_apart_by_the_block_that_holds_the_branch(nanhu, change):
    def mispredicts(core):
        generator = random.Random(3)
        s = Stream()
        for _ in range(3000):
            early = generator.random() < 0.5
            s.pc = BASE
            s.branch(early, BASE + 72)  # one way into the block leads past its start
            s.pc = BASE + 72 if early else BASE + 64
            if not early:
                s.add(K.INT_ALU, 5, 1).add(K.INT_ALU, 6, 1)
            s.branch(early, BASE + 128)
            s.pc = BASE + 128
            s.add(K.JUMP, flags=Flag.JUMP, target=BASE)
        return s.run(core).activity.branch_mispredicts

    plain = change(nanhu, predictor__sc_history_bits=(), predictor__tage_tables=nanhu.predictor.tage_tables[3:])
    by_branch = change(plain, predictor__branches_per_block=0)
    assert mispredicts(plain) < 0.8 * mispredicts(by_branch)


@pytest.mark.parametrize(("first", "second", "late"), [
    (K.INT_ALU, K.INT_ALU, 0), (K.INT_ALU, K.INT_MUL, 1), (K.INT_MUL, K.INT_MUL, 0), (K.FP_FMA, K.FP_FMA, 0),
    (K.FP_FMA, K.FP_CONVERT, 1), (K.FP_CONVERT, K.FP_CONVERT, 2),
])  # fmt: skip
def test_stations_that_are_not_woken_at_issue_know_a_result_a_cycle_late(nanhu, steady, change, first, second, late):
    register = (F0 if first in (K.FP_FMA, K.FP_CONVERT) else 0) + 5

    def body(s, _):
        for _ in range(10):
            s.add(first, register, register).add(second, register, register)

    at_once = change(nanhu, backend__slow_wakeup_cycles=0)
    assert (steady(nanhu, body) - steady(at_once, body)) / 10 == pytest.approx(late, abs=0.1)


def test_a_queue_that_wakes_an_unknown_one_is_refused(nanhu):
    table = nanhu.model_dump(mode="json")
    table["issue_queues"][0]["wakes"] = ["alu9"]
    with pytest.raises(ValueError, match="an issue queue called 'alu9', which another one wakes"):
        CoreConfig.model_validate_json(json.dumps(table))


def test_jumps_leave_the_dispatch_queue_from_one_place_a_cycle(nanhu, steady, change):
    """A jump behind an addition is in the second place: it goes a cycle later or two, as the first."""

    def body(s, _):
        for _ in range(20):
            s.add(K.INT_ALU, 5, 1)
            s.add(K.JUMP, flags=Flag.JUMP, target=s.pc + 4)

    assert steady(nanhu, body) - steady(change(nanhu, backend__dispatch_turns=()), body) > 8
