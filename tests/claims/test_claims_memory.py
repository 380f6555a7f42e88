"""Claims about loads, stores, caches, translation, prefetch and DRAM."""

from __future__ import annotations

import random

import pytest

from workbench.core.timing.stream import Stream
from workbench.isa.timing_class import TimingClass as K

KIB = 1024


def _chase(core, size_bytes, loads=3000, step=64, warm=True):
    """Cycles per load of a random cyclic walk over lines of a set of `size_bytes`."""
    lines = size_bytes // step
    order = random.Random(7).sample(range(lines), lines if warm else loads)
    warmed = len(order) if warm else 0

    def walk(count):
        s = Stream()
        start = s.pc
        for k in range(count):
            s.pc = start
            s.load(5, (1 << 28) + order[k % len(order)] * step, rs1=5)
            s.branch(True, start)
        return s.run(core).cycles

    return (walk(warmed + loads) - walk(warmed)) / loads if warmed else walk(loads) / loads


@pytest.fixture
def quiet(xiangshan, change):
    """Kunminghu without prefetchers and without translation misses."""
    return change(
        xiangshan, memory__prefetch__streams=0, memory__prefetch__stride_entries=0,
        memory__prefetch__best_offsets=(), memory__prefetch__spatial_regions=0, memory__tlb__walk_reads_caches=False,
        memory__tlb__second_level_latency_cycles=0, memory__tlb__walk_latency_cycles=0,
    )  # fmt: skip


def test_a_load_that_hits_the_l1_delays_its_dependent_by_four_cycles(quiet):
    assert _chase(quiet, 16 * KIB) == pytest.approx(4, rel=0.02)


def test_a_set_larger_than_the_l1_costs_the_latency_of_the_l2(quiet):
    assert _chase(quiet, 512 * KIB) == pytest.approx(22, rel=0.12)


def test_a_set_larger_than_the_l2_costs_the_latency_of_the_l3(quiet, change):
    small = change(quiet, memory__l2__size_kib=128)
    assert _chase(small, 1024 * KIB) == pytest.approx(56, rel=0.15)


def test_chasing_pointers_over_a_set_larger_than_the_l3_costs_dram_latency(quiet):
    ns = _chase(quiet, 256 * KIB * KIB, warm=False) / 3.0
    assert 60 < ns < 110  # 70 ns are published for XiangShan's DDR4-3200 setting, 211 cycles on average under load


def test_a_line_in_flight_is_asked_for_once(quiet):
    def body(s, iteration):
        for word in range(8):
            s.load(5 + word, (1 << 28) + iteration * 7919 * 64 + word * 8, rs1=1)

    result = Stream().loop(body, 100).run(quiet)
    assert result.activity.l1d_misses == 100


def test_independent_misses_overlap_up_to_the_miss_registers(quiet, change):
    def body(s, iteration):
        for k in range(8):
            s.load(5 + k, (1 << 28) + (iteration * 8 + k) * 7919 * 64, rs1=1)

    many = Stream().loop(body, 200).run(quiet).cycles
    two = Stream().loop(body, 200).run(change(quiet, memory__l1d__mshrs=2)).cycles
    one = Stream().loop(body, 200).run(change(quiet, memory__l1d__mshrs=1)).cycles
    assert one == pytest.approx(2 * two, rel=0.1)
    assert two > 3 * many


def test_one_way_too_many_in_a_set_misses_always_under_lru(quiet):
    sets = quiet.memory.l1d.sets

    def walk(ways):
        def body(s, _):
            for way in range(ways):
                s.load(5, (1 << 28) + way * sets * 64, rs1=1)

        return Stream().loop(body, 100).run(quiet).activity.l1d_misses

    assert walk(4) == 4
    assert walk(5) == 500


def test_sequential_loads_are_prefetched(xiangshan, quiet):
    def body(s, iteration):
        s.load(5, (1 << 28) + iteration * 64, rs1=5)

    with_prefetch, without = (Stream().loop(body, 2000).run(core).cycles for core in (xiangshan, quiet))
    assert with_prefetch < 0.3 * without


def test_a_constant_stride_is_prefetched(xiangshan, change):
    def body(s, iteration):
        s.load(5, (1 << 28) + iteration * 320, rs1=5)

    off = change(
        xiangshan, memory__prefetch__stride_entries=0, memory__prefetch__streams=0, memory__prefetch__best_offsets=(),
        memory__prefetch__spatial_regions=0,
    )  # fmt: skip
    assert Stream().loop(body, 2000).run(xiangshan).cycles < 0.6 * Stream().loop(body, 2000).run(off).cycles


def test_random_lines_are_not_helped_by_prefetch(xiangshan, quiet):
    assert _chase(xiangshan, 512 * KIB) > 0.9 * _chase(quiet, 512 * KIB)


def test_streams_are_bound_by_the_bandwidth_of_the_dram(xiangshan):
    def body(s, iteration):
        for k in range(8):
            s.load(5 + k, (1 << 28) + (iteration * 8 + k) * 64, rs1=1)

    cycles = Stream().loop(body, 1000).run(xiangshan).cycles
    bytes_per_ns = 8000 * 64 / (cycles / 3.0)
    peak = xiangshan.dram.channels * 64 / xiangshan.dram.burst_ns
    assert 0.5 * peak < bytes_per_ns <= peak


def test_an_open_row_answers_sooner_than_a_closed_one(quiet):
    def cycles(step):
        s = Stream()
        start = s.pc
        for k in range(200):
            s.pc = start
            s.load(5, (1 << 28) + k * step, rs1=5)
            s.branch(True, start)
        return s.run(quiet).cycles

    row_conflicts = quiet.dram.row_bytes * quiet.dram.channels * quiet.dram.banks_per_channel
    assert cycles(row_conflicts) - cycles(64) > 200 * 3 * quiet.dram.activate_ns * 0.9


def test_a_load_takes_the_data_of_an_older_store_to_its_address(xiangshan, steady, change):
    def body(s, _):
        for _ in range(8):
            s.store(5, 1 << 28, rs1=1)
            s.load(5, 1 << 28, rs1=1)

    memory = xiangshan.memory
    assert steady(change(xiangshan, memory__replay_cycles=0), body) / 8 == pytest.approx(
        memory.store_forward_cycles, abs=1.1
    )
    replayed = memory.store_forward_cycles + memory.replay_wakeup_cycles
    assert steady(xiangshan, body) / 8 == pytest.approx(replayed, abs=0.1)


def test_a_load_that_comes_just_before_the_data_of_a_store_loses_more_than_one_that_waits_long(xiangshan, steady, change):
    def lost(address):
        def body(s, _):
            for _ in range(12):
                s.add(K.INT_ALU, 6, 5)
            s.add(K.INT_ALU, 7, 6)
            s.store(7, 1 << 28, rs1=1)
            s.load(5, 1 << 28, rs1=address)

        return steady(xiangshan, body) - steady(change(xiangshan, memory__replay_cycles=0), body)

    assert lost(1) == pytest.approx(xiangshan.memory.replay_wakeup_cycles, abs=0.3)
    assert lost(1) + 2 < lost(6) < xiangshan.memory.replay_cycles


def test_three_loads_and_two_stores_a_cycle(xiangshan, steady):
    def loads(s, _):
        for k in range(30):
            s.load(5 + k % 20, (1 << 28) + k % 8 * 8, rs1=1)

    def stores(s, _):
        for k in range(30):
            s.store(1, (1 << 28) + k % 8 * 8, rs1=1)

    assert 30 / steady(xiangshan, loads) == pytest.approx(3, rel=0.05)
    assert 30 / steady(xiangshan, stores) == pytest.approx(2, rel=0.05)


def test_the_store_buffer_merges_stores_to_a_line(xiangshan):
    def body(s, iteration):
        for k in range(8):
            s.store(1, (1 << 28) + iteration * 64 + k * 8, rs1=1)

    assert Stream().loop(body, 100).run(xiangshan).activity.l1d_accesses == 100


def test_a_page_per_access_costs_translation(xiangshan):
    def run(step):
        def body(s, iteration):
            s.load(5, (1 << 28) + iteration % 256 * step, rs1=5)

        return Stream().loop(body, 2000).run(xiangshan)

    dense, sparse = run(64), run(4096 + 64)
    assert dense.mpki["tlb"] * dense.instructions < sparse.mpki["tlb"] * sparse.instructions / 20
    assert sparse.cycles > dense.cycles + 1000


def test_dirty_lines_return_to_dram(quiet, change):
    small = change(quiet, memory__l2__size_kib=64, memory__l3__size_kib=128)

    def body(s, iteration):
        s.store(1, (1 << 28) + iteration * 64, rs1=1)

    result = Stream().loop(body, 8000).run(small)
    assert result.activity.dram_write_bytes == pytest.approx((8000 - 2048) * 64, rel=0.05)


def test_stall_cycles_name_the_level_that_answered(quiet):
    for size, cause in ((512 * KIB, "l2"), (4096 * KIB, "l3")):
        order = list(range(size // 64))
        random.Random(3).shuffle(order)
        s = Stream()
        start = s.pc
        for k in range(len(order) + 8000):
            s.pc = start
            s.load(5, (1 << 28) + order[k % len(order)] * 64, rs1=5)
            s.branch(True, start)
        first = quiet.memory.l1d.hit_latency_cycles
        stack = s.run(quiet).cpi_stack
        assert stack[cause] > 8000 * first


def test_waiting_adds_count_as_dependency_and_not_as_memory(xiangshan):
    def body(s, _):
        for _ in range(10):
            s.add(K.INT_MUL, 5, 5)

    stack = Stream().loop(body, 100).run(xiangshan).cpi_stack
    assert stack["core"] > 0.5 * sum(stack.values())
