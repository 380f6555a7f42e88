"""Claims about loads that depend on stores in flight, bank conflicts, the refill link, page walks and devices."""

from __future__ import annotations

import pytest

from workbench.core.timing.readout import read_result
from workbench.core.timing.stream import Stream
from workbench.isa.code import Flag
from workbench.isa.timing_class import TimingClass as K

HOME = 1 << 28


def _late_address(s, _):
    """A store whose address comes late, and a load of the same word right after."""
    s.add(K.INT_DIV, 6, 7, raw=0x3B)
    s.store(8, HOME, rs1=6)
    s.load(9, HOME, rs1=1)
    for _ in range(20):
        s.add(K.INT_ALU, 9, 9)


def _violations(core, times=100):
    return Stream().loop(_late_address, times).run(core).counters["violations"]


def test_a_load_that_passes_an_older_store_to_its_address_takes_stale_data_once(xiangshan):
    assert 1 <= _violations(xiangshan) <= 3


def test_loads_that_know_all_older_stores_are_never_fetched_again(xiangshan, change):
    assert _violations(change(xiangshan, memory__dependence_entries=0)) == 0


def test_a_predictor_that_forgets_at_once_is_wrong_each_time(xiangshan, change):
    assert _violations(change(xiangshan, memory__dependence_reset_cycles=0)) >= 99


def test_a_violation_costs_about_a_misprediction(xiangshan, steady, change):
    wrong = steady(change(xiangshan, memory__dependence_reset_cycles=0), _late_address)
    depth = xiangshan.frontend.redirect_cycles + xiangshan.frontend.fetch_to_rename_cycles
    depth += xiangshan.backend.rename_to_issue_cycles
    assert wrong - steady(xiangshan, _late_address) == pytest.approx(depth, abs=6)


def test_violations_count_as_bad_speculation(xiangshan, change):
    forgetful = change(xiangshan, memory__dependence_reset_cycles=0)
    result = Stream().loop(_late_address, 100).run(forgetful)
    assert result.cpi_stack["violation"] > 0.2 * result.cycles


def _loads(step, count=30):
    def body(s, _):
        for k in range(count):
            s.load(5 + k % 20, HOME + k % 3 * step, rs1=1)

    return body


def _conflicts(core, step):
    return Stream().loop(_loads(step), 100).run(core).counters["bank_conflicts"]


def test_loads_of_different_lines_in_one_bank_conflict(xiangshan):
    assert _conflicts(xiangshan, 1024) > 500


def test_loads_in_different_banks_or_of_one_line_do_not_conflict(xiangshan):
    assert _conflicts(xiangshan, 1024 + 8) == 0
    assert _conflicts(xiangshan, 0) == 0


def test_a_conflict_delays_the_later_load(xiangshan, change):
    def chase(core):
        def body(s, _):
            for k in range(10):
                s.load(6, HOME + 1024, rs1=5)
                s.load(5, HOME + 2048 * (k % 2), rs1=5)

        return Stream().loop(body, 100).run(core).cycles

    assert chase(xiangshan) > chase(change(xiangshan, memory__l1d_banks=0)) + 500


def test_lines_come_into_the_l1_at_the_width_of_the_link(xiangshan, change):
    def fetch_lines(core):
        s = Stream()
        for turn in range(3):
            for k in range(4096):
                s.pc = s.pc if k or turn else s.pc
                s.load(5 + k % 20, HOME + k * 64, rs1=1)
                s.pc -= 4
            if turn == 1:
                before = s.run(core).cycles
        return (s.run(core).cycles - before) / 4096

    narrow = change(xiangshan, memory__refill_bytes_per_cycle=8)
    assert fetch_lines(narrow) == pytest.approx(8, rel=0.1)
    assert fetch_lines(xiangshan) < 5


def _pages(core, pages_apart):
    """Cycles a load of one word in each of 2048 pages, on the second round, each load after the last."""
    s = Stream()
    for turn in range(2):
        for k in range(2048):
            s.load(5, HOME + k * pages_apart * 4096 + k % 64 * 64, rs1=5)
            s.pc -= 4
        if turn == 0:
            before = s.run(core).cycles
    return (s.run(core).cycles - before) / 2048


def test_walks_over_scattered_pages_read_more_lines_of_page_tables(xiangshan, change):
    small = change(xiangshan, memory__tlb__second_level_entries=64, memory__l2__size_kib=128)
    assert _pages(small, 8) > _pages(small, 1) + 10


def test_pages_that_both_levels_hold_cost_no_walk(xiangshan, change):
    small = change(xiangshan, memory__tlb__second_level_entries=64)
    assert _pages(xiangshan, 1) < _pages(small, 1) - 5


def _bare(core, body, times, device_end=1 << 20):
    return read_result(Stream().loop(body, times).run_state(core, device_end))


def _poll(s, _):
    s.load(5, 4096, rs1=1)
    s.store(5, 4100, rs1=1)


def test_accesses_to_a_device_are_made_one_by_one(xiangshan):
    result = _bare(xiangshan, _poll, 100)
    assert result.counters["device_accesses"] == 200
    latency = xiangshan.memory.uncached_cycles
    assert latency <= result.cycles / 200 < latency + 5


def test_devices_are_outside_of_the_caches(xiangshan):
    assert _bare(xiangshan, _poll, 100).activity.l1d_accesses == 0


def test_programs_without_an_operating_system_are_not_translated(xiangshan):
    def body(s, iteration):
        s.load(5, (1 << 28) + iteration * 4096 * 3, rs1=1)

    assert _bare(xiangshan, body, 500).mpki["tlb"] < 5
    assert Stream().loop(body, 500).run(xiangshan).mpki["dtlb"] > 100


def _stores_beside_loads(lines, load_offset, mem_bytes=8):
    """Stores to the first word of `lines` lines in turn, three loads of another line's word at `load_offset` after each."""

    def body(s, _):
        for k in range(lines):
            s.add(K.STORE, rs1=1, rs2=8, flags=Flag.STORE, address=HOME + 64 * k, mem_bytes=mem_bytes)
            for _ in range(9):
                s.load(9, HOME + 4096 + load_offset, rs1=1)

    return body


def _meetings(core, *which):
    return Stream().loop(_stores_beside_loads(*which), 40).run(core).counters["bank_conflicts"]


def test_loads_meet_the_writing_of_a_line_in_the_banks_that_it_changes(xiangshan):
    assert _meetings(xiangshan, 12, 0) > 100
    assert _meetings(xiangshan, 12, 8) < 30  # lines that come into the L1 at the start take all banks


def test_a_line_written_in_parts_of_words_is_read_first_and_that_takes_all_banks(xiangshan):
    assert _meetings(xiangshan, 12, 8, 4) > 100


def test_lines_below_the_threshold_of_the_store_buffer_stay_there(xiangshan):
    assert _meetings(xiangshan, xiangshan.memory.store_buffer_threshold - 1, 0) < 30


def test_without_a_threshold_writes_are_in_nobodys_way(xiangshan, change):
    assert _meetings(change(xiangshan, memory__store_buffer_threshold=0), 12, 0) == 0


def test_nanhu_takes_all_banks_for_a_write_and_lets_no_two_loads_share_a_bank(xiangshan, nanhu):
    assert _meetings(nanhu, 12, 8) > 100
    assert _conflicts(xiangshan, 0) == 0 and _conflicts(nanhu, 0) > 500
