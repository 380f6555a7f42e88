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


def test_a_jump_that_only_decode_finds_holds_prediction_up_from_when_it_is_fetched(xiangshan, steady, change):
    def body(s, _):
        start = s.pc
        for k in range(32):
            for _ in range(60):
                s.add(K.NOP)
            s.add(K.JUMP, flags=Flag.JUMP, target=start + (k + 1) * 320)

    small = change(xiangshan, predictor__ftb_entries=16, predictor__ubtb_entries=1)
    known, found = steady(xiangshan, body) / 32, steady(small, body) / 32
    assert known == pytest.approx(61 / 6, abs=1)
    assert found > known + 3  # 60 instructions take ten cycles to rename: prediction that ran ahead would hide the bubble


def test_an_indirect_jump_that_no_buffer_knows_is_followed_only_when_it_resolves(xiangshan, change):
    def mispredicts(core):
        def body(s, _):
            start = s.pc
            for k in range(64):
                s.add(K.JUMP_INDIRECT, rs1=5, flags=Flag.INDIRECT, target=start + (k + 1) * 100)

        return Stream().loop(body, 20).run(core).activity.branch_mispredicts

    assert mispredicts(change(xiangshan, predictor__ftb_entries=16, predictor__ubtb_entries=1)) > 0.9 * 64 * 20
    assert mispredicts(xiangshan) < 0.1 * 64 * 20


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


def test_noise_misleads_fewer_branches_where_weak_tables_give_way_to_the_base_table(xiangshan, change):
    def mispredicts(alternate):
        generator = random.Random(3)
        s = Stream()
        for _ in range(3000):
            s.pc = BASE
            for k in range(4):
                s.branch(generator.random() < 0.8, BASE + (k + 1) * 64)
                s.pc = BASE + (k + 1) * 64
            s.add(K.JUMP, flags=Flag.JUMP, target=BASE)
        core = change(xiangshan, predictor__tage_alternate=alternate, predictor__sc_history_bits=())
        return s.run(core).activity.branch_mispredicts

    assert 0.2 * 12000 < mispredicts("base") < 0.97 * mispredicts("table")  # nothing is to be learned but the bias


def _random_outcomes():
    generator = random.Random(1)
    return [generator.random() < 0.5 for _ in range(3000)]


def test_tables_do_without_the_bank_that_is_written_as_they_are_read(xiangshan, change):
    """Branches of a pattern among random ones, whose lessons are always being written."""

    def mispredicts(**banks):
        generator = random.Random(5)
        s = Stream()
        for k in range(3000):
            s.pc = BASE
            for place, taken in enumerate((k % 7 < 3, generator.random() < 0.5)):
                s.branch(taken, BASE + 64 + 128 * place)
                s.add(K.JUMP, flags=Flag.JUMP, target=BASE + 128 * (place + 1))
                s.pc = BASE + 128 * (place + 1)
        return s.run(change(xiangshan, **banks)).activity.branch_mispredicts

    none = mispredicts(predictor__tage_banks=0, predictor__base_banks=0, predictor__sc_banks=0)
    few, one = mispredicts(), mispredicts(predictor__tage_banks=1, predictor__base_banks=1, predictor__sc_banks=1)
    assert none < few < one


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


def test_a_cycle_of_indirect_targets_is_learned_by_path_and_not_by_directions(xiangshan, change):
    by_path = change(xiangshan, predictor__indirect_history="path")
    assert _indirect(by_path, [0, 1, 2, 1, 3] * 300) < 100
    assert _indirect(xiangshan, [0, 1, 2, 1, 3] * 300) > 1000


def test_indirect_targets_without_path_history_are_mispredicted(c906):
    assert _indirect(c906, [0, 1, 2, 1, 3] * 300) > 1200


def test_code_larger_than_the_instruction_cache_misses_each_time_round(xiangshan):
    fits, exceeds = (Stream().loop(_jumps(lines, 64), 4).run(xiangshan) for lines in (512, 2048))
    assert fits.activity.l1i_misses <= 514
    assert exceeds.activity.l1i_misses > 4000


def _once(taken, count=300):
    """So many different branches, each executed once."""
    s = Stream()
    for _ in range(count):
        s.branch(taken, s.pc + 64)
        if not taken:
            for _ in range(15):
                s.add(K.INT_ALU, 5, 1)
    return s


def test_branches_that_were_never_taken_count_as_not_taken(xiangshan):
    assert _once(False).run(xiangshan).activity.branch_mispredicts == 0


def test_a_taken_branch_is_mispredicted_the_first_time(xiangshan):
    assert _once(True).run(xiangshan).activity.branch_mispredicts == 300


def test_decode_finds_the_target_of_an_unknown_jump_sooner_than_execution_that_of_a_branch(xiangshan):
    s = Stream()
    for _ in range(300):
        s.add(K.JUMP, flags=Flag.JUMP, target=s.pc + 64)
    jumps = s.run(xiangshan)
    assert jumps.activity.branch_mispredicts == 0
    assert jumps.cycles < _once(True).run(xiangshan).cycles - 300 * 5


def _short_loop(core):
    def body(s, _):
        s.add(K.INT_ALU, 5, 1)

    result = Stream().loop(body, 30).run(core)
    return result.activity.branch_mispredicts


def test_a_new_target_is_used_only_after_its_branch_commits(xiangshan, change):
    at_once = change(xiangshan, predictor__training_cycles=0)
    late = change(xiangshan, predictor__training_cycles=40)
    assert _short_loop(at_once) <= _short_loop(xiangshan) < _short_loop(late)


def test_a_branch_that_was_always_taken_needs_no_direction_table(xiangshan, change):
    def run(core):
        generator = random.Random(8)
        s = Stream()
        for _ in range(1500):
            s.pc = BASE
            for k in range(6):
                s.branch(generator.random() < 0.5, BASE + (k + 1) * 256)
                s.pc = BASE + (k + 1) * 256 - 32
                s.branch(True, BASE + (k + 1) * 256)
            s.add(K.JUMP, flags=Flag.JUMP, target=BASE)
        return s.run(core).activity.branch_mispredicts

    few = {
        "predictor__base_entries": 16, "predictor__tage_tables": xiangshan.predictor.tage_tables[:1],
        "predictor__sc_history_bits": (), "predictor__tage_alternate": "table",
    }  # fmt: skip
    without = change(xiangshan, predictor__always_taken_bit=False, **few)
    assert run(change(xiangshan, **few)) < run(without)


def test_a_direction_that_the_first_level_got_wrong_costs_a_bubble(xiangshan, change):
    def run(core):
        def body(s, iteration):
            s.branch(iteration % 2 == 0, s.pc + 64)
            s.pc = BASE + 64
            s.add(K.INT_ALU, 5, 1)

        return Stream().loop(body, 2000).run(core)

    plain = run(change(xiangshan, predictor__first_level_counters=False))
    overridden = run(xiangshan)
    assert overridden.counters["override_bubbles"] > 800
    assert plain.counters["override_bubbles"] == 0
    assert overridden.cycles > plain.cycles


def test_an_indirect_jump_waits_for_the_slowest_predictor(xiangshan, change):
    def run(core):
        s = Stream()
        for k in range(4000):
            s.pc = BASE
            s.add(K.JUMP_INDIRECT, rs1=5, flags=Flag.INDIRECT, target=BASE + 256 * (1 + k % 2))
            s.add(K.JUMP, flags=Flag.JUMP, target=BASE)
        return s.run(core).cycles / 4000

    by_path = change(xiangshan, predictor__indirect_history="path")
    early = change(by_path, predictor__late_bubble_cycles=0)
    assert run(by_path) == pytest.approx(run(early) + xiangshan.predictor.late_bubble_cycles, abs=0.3)
