"""Claims about fetch and branch prediction."""

from __future__ import annotations

import random

import pytest

from workbench.core.timing.stream import BASE, Stream
from workbench.isa.code import Flag
from workbench.isa.timing_class import TimingClass as K


def _jumps(count, bytes_apart=100):
    def body(s, _):
        start = s.pc
        for k in range(count):
            s.add(K.JUMP, flags=Flag.JUMP, target=start + (k + 1) * bytes_apart)

    return body


def test_a_taken_jump_ends_a_fetch_block(xiangshan, steady):
    assert steady(xiangshan, _jumps(16)) == pytest.approx(17, abs=1)


def test_straight_code_is_fetched_a_block_of_32_bytes_a_cycle(xiangshan, steady, change):
    def body(s, _):
        for _ in range(63):
            s.add(K.NOP)

    wide = {"backend__rename_width": 16, "frontend__decode_width": 16, "backend__commit_width": 16}
    assert steady(change(xiangshan, **wide), body) == pytest.approx(8, abs=1)


def test_more_targets_than_the_first_buffer_holds_cost_a_bubble_each(xiangshan, steady):
    few, many = steady(xiangshan, _jumps(16)) / 17, steady(xiangshan, _jumps(256)) / 257
    assert many == pytest.approx(few + xiangshan.predictor.ftb_bubble_cycles, abs=0.2)


def test_more_targets_than_all_buffers_hold_are_found_by_decode(xiangshan, steady, change):
    small = change(xiangshan, predictor__ftb_entries=64)
    bubble = xiangshan.frontend.decode_redirect_cycles
    assert steady(small, _jumps(256)) / 257 == pytest.approx(1 + bubble, abs=0.5)


def _branches(core, outcomes, times=1):
    """Mispredictions of one branch among some work, run through `outcomes`."""
    s = Stream()
    for taken in outcomes * times:
        s.pc = BASE
        s.add(K.INT_ALU, 5, 1)
        s.branch(taken, BASE + 64)
        for k in range(6):
            s.add(K.INT_ALU, 6 + k, 1)
        s.add(K.JUMP, flags=Flag.JUMP, target=BASE)
    return s.run(core)


def test_a_loop_branch_is_learned(xiangshan):
    result = _branches(xiangshan, [True] * 9 + [False], 200)
    assert result.activity.branch_mispredicts < 60  # of 2000


@pytest.mark.parametrize("period", [3, 7, 12])
def test_a_repeating_pattern_is_learned(xiangshan, period):
    pattern = [random.Random(period).random() < 0.5 for _ in range(period)]
    assert _branches(xiangshan, pattern, 2400 // period).activity.branch_mispredicts < 0.05 * 2400


def test_long_histories_learn_what_a_short_one_cannot(xiangshan, change):
    pattern = [False] * 30 + [True]
    short = change(xiangshan, predictor__tage_tables=xiangshan.predictor.tage_tables[:1], predictor__sc_history_bits=())
    assert (
        _branches(xiangshan, pattern, 100).activity.branch_mispredicts
        < 0.5 * _branches(short, pattern, 100).activity.branch_mispredicts
    )


def _random_outcomes():
    generator = random.Random(1)
    return [generator.random() < 0.5 for _ in range(3000)]


def test_random_branches_are_mispredicted_half_the_time(xiangshan):
    assert _branches(xiangshan, _random_outcomes()).activity.branch_mispredicts == pytest.approx(1500, rel=0.1)


def test_a_misprediction_costs_the_depth_of_the_pipeline(xiangshan):
    wrong, right = _branches(xiangshan, _random_outcomes()), _branches(xiangshan, [True, False] * 1500)
    cost = (wrong.cycles - right.cycles) / (wrong.activity.branch_mispredicts - right.activity.branch_mispredicts)
    assert cost == pytest.approx(15, abs=3)  # reference: about 15 cycles, derived from XS-GEM5's stage delays


def test_a_deeper_front_end_makes_mispredictions_dearer(xiangshan, change):
    deeper = change(xiangshan, frontend__fetch_to_rename_cycles=16)
    plain, deep = (_branches(core, _random_outcomes()) for core in (xiangshan, deeper))
    assert (deep.cycles - plain.cycles) / plain.activity.branch_mispredicts == pytest.approx(10, rel=0.1)
    assert deep.cpi_stack["branch"] > plain.cpi_stack["branch"]


def _calls(depth):
    """`depth` nested calls and their returns, from one place."""

    def body(s, _):
        start = s.pc
        for k in range(depth):
            s.add(K.JUMP, 1, flags=Flag.JUMP | Flag.CALL, target=start + (k + 1) * 128)
        s.add(K.INT_ALU, 5, 1)
        for k in range(depth):
            s.add(K.JUMP_INDIRECT, rs1=1, flags=Flag.INDIRECT | Flag.RETURN, target=start + (depth - 1 - k) * 128 + 4)
            s.pc = start + (depth - 1 - k) * 128 + 4
        s.add(K.JUMP, flags=Flag.JUMP, target=start + depth * 128 + 64)

    return body


def test_returns_are_predicted_by_the_stack(xiangshan):
    result = Stream().loop(_calls(8), 100).run(xiangshan)
    assert result.mpki["indirect"] * result.instructions / 1000 < 10


def test_calls_deeper_than_the_return_stack_are_mispredicted(xiangshan):
    result = Stream().loop(_calls(24), 100).run(xiangshan)
    lost = result.mpki["indirect"] * result.instructions / 1000 / 100
    assert lost == pytest.approx(24 - xiangshan.predictor.ras_entries, abs=1)


def _indirect(core, targets):
    s = Stream()
    for target in targets:
        s.pc = BASE
        s.add(K.JUMP_INDIRECT, rs1=5, flags=Flag.INDIRECT, target=BASE + 256 * (1 + target))
        s.add(K.JUMP, flags=Flag.JUMP, target=BASE)
    return s.run(core).mpki["indirect"] * len(targets) * 2 / 1000


def test_a_cycle_of_indirect_targets_is_learned_by_path(xiangshan):
    assert _indirect(xiangshan, [0, 1, 2, 1, 3] * 300) < 100


def test_indirect_targets_without_path_history_are_mispredicted(c906):
    assert _indirect(c906, [0, 1, 2, 1, 3] * 300) > 1200


def test_code_larger_than_the_instruction_cache_misses_each_time_round(xiangshan):
    fits, exceeds = (Stream().loop(_jumps(lines, 64), 4).run(xiangshan) for lines in (512, 2048))
    assert fits.activity.l1i_misses <= 514
    assert exceeds.activity.l1i_misses > 4000
