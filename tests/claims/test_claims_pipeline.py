"""Claims about the out-of-order pipeline: latencies, widths, ports and windows."""

from __future__ import annotations

import pytest

from workbench.core.timing.stream import Stream
from workbench.isa.code import F0, Flag
from workbench.isa.timing_class import TimingClass as K


def _chain(kind, register, count=32, raw=0):
    def body(s, _):
        for _ in range(count):
            s.add(kind, register, register, raw=raw)

    return body


def _spread(kind, base, count=60, raw=0):
    def body(s, _):
        for k in range(count):
            s.add(kind, base + 5 + k % 20, base + 1, raw=raw)

    return body


@pytest.mark.parametrize(
    ("kind", "base", "cycles"),
    [(K.INT_ALU, 0, 1), (K.INT_MUL, 0, 3), (K.FP_ADD, F0, 2), (K.FP_FMA, F0, 4), (K.FP_CONVERT, F0, 3), (K.BIT_OP, 0, 3)],
)
def test_dependent_operations_take_their_latency_each(xiangshan, steady, kind, base, cycles):
    assert steady(xiangshan, _chain(kind, base + 5)) / 32 == pytest.approx(cycles, rel=0.04)


@pytest.mark.parametrize(("kind", "base", "ports"), [(K.INT_ALU, 0, 4), (K.INT_MUL, 0, 2), (K.FP_FMA, F0, 3)])
def test_independent_operations_reach_the_number_of_ports_a_cycle(xiangshan, steady, kind, base, ports):
    assert 60 / steady(xiangshan, _spread(kind, base)) == pytest.approx(ports, rel=0.05)


def test_a_divider_is_not_pipelined(xiangshan, steady):
    latency = xiangshan.latency.int_div[1]
    assert steady(xiangshan, _spread(K.INT_DIV, 0, 20)) / 20 == pytest.approx(latency, rel=0.05)


def test_word_divisions_are_shorter_than_doubleword_divisions(xiangshan, steady):
    word = steady(xiangshan, _spread(K.INT_DIV, 0, 20, raw=0x3B))
    assert word < steady(xiangshan, _spread(K.INT_DIV, 0, 20, raw=0x33))


def test_no_operations_cost_only_rename_width(xiangshan, steady):
    def body(s, _):
        for _ in range(59):
            s.add(K.NOP)

    assert 60 / steady(xiangshan, body) == pytest.approx(xiangshan.backend.rename_width, rel=0.03)


def test_a_register_move_is_free_where_the_core_eliminates_moves(xiangshan, steady, change):
    def body(s, _):
        for _ in range(16):
            s.add(K.INT_ALU, 5, 5)
            s.add(K.INT_ALU, 5, 5, flags=Flag.MOVE)

    eliminated = steady(xiangshan, body)
    executed = steady(change(xiangshan, backend__move_elimination=False), body)
    assert eliminated == pytest.approx(16, rel=0.05)
    assert executed == pytest.approx(32, rel=0.05)


def test_the_result_of_a_long_chain_does_not_hold_up_independent_work(xiangshan, steady):
    def both(s, _):
        for k in range(12):
            s.add(K.FP_FMA, F0 + 5, F0 + 5)
            s.add(K.INT_ALU, 6 + k, 1)

    def alone(s, _):
        for _ in range(12):
            s.add(K.FP_FMA, F0 + 5, F0 + 5)

    assert steady(xiangshan, both) == pytest.approx(steady(xiangshan, alone), rel=0.05)


def test_a_csr_access_empties_the_pipeline(xiangshan, steady):
    def body(s, _):
        s.add(K.CSR, 5, flags=Flag.SERIALIZE)
        for k in range(10):
            s.add(K.INT_ALU, 6 + k, 1)

    def plain(s, _):
        for k in range(11):
            s.add(K.INT_ALU, 6 + k, 1)

    assert steady(xiangshan, body) > steady(xiangshan, plain) + 5


def _far(number):
    """An address that no cache holds and no prefetcher foresees."""
    return (1 << 30) + number * 2654435761 % (1 << 18) * 4096 + number % 61 * 64  # spread over banks


def _two_misses(distance):
    """Loads that miss everything, `distance` cheap instructions apart."""

    def body(s, iteration):
        for half in range(2):
            s.load(5 + half, _far(2 * iteration + half), rs1=1)
            for k in range(distance):
                s.add(K.INT_ALU, 8 + k % 8, 1)

    return body


def test_misses_overlap_inside_the_window_and_not_beyond_it(xiangshan, steady, change):
    body = _two_misses(60)
    large = change(xiangshan, memory__tlb__page_bytes=2097152, memory__tlb__data_entries=1024)
    small = change(large, backend__rob_size=32, backend__rob_compression=False)
    assert steady(small, body) > 1.7 * steady(large, body)


def test_few_physical_registers_limit_the_window(xiangshan, steady, change):
    body = _two_misses(60)
    assert steady(change(xiangshan, backend__phys_regs_int=64), body) > 1.5 * steady(xiangshan, body)


def test_a_full_issue_queue_stops_rename(xiangshan, steady, change):
    def body(s, iteration):
        s.load(5, _far(iteration), rs1=1)
        for _ in range(40):
            s.add(K.INT_ALU, 6, 5)

    queues = tuple(q.model_copy(update={"size": 8}) if q.name.startswith("int") else q for q in xiangshan.issue_queues)
    assert steady(change(xiangshan, issue_queues=queues), body) > 2.2 * steady(xiangshan, body)


def test_cycles_of_all_causes_sum_to_the_run(xiangshan):
    result = Stream().loop(_two_misses(20), 50).run(xiangshan)
    assert sum(result.cpi_stack.values()) == result.cycles
    assert result.cpi_stack["dram"] > result.cycles / 2


def test_cycles_of_all_regions_sum_to_the_run(xiangshan):
    from workbench.core.timing.readout import read_result

    def body(s, _):
        for k in range(20):
            s.add(K.INT_MUL, 5, 5, region=1 + k // 10)

    result = read_result(Stream().loop(body, 30).run_state(xiangshan), regions=3)
    assert sum(result.region_cycles) == result.cycles
    assert sum(result.region_instructions) == result.instructions
    assert 0.4 < result.region_cycles[1] / result.cycles < 0.6


def test_an_addition_does_not_issue_where_a_product_ends(xiangshan, steady, change):
    """On one port for all, each of two products takes a second place, too far from the next one for that to fill it."""

    def without_additions(queue):
        ports = tuple(tuple(unit for unit in port if unit not in ("alu", "mul")) or ("bit",) for port in queue.ports)
        return queue if queue.name == "int0" else queue.model_copy(update={"ports": ports})

    def body(s, _):
        for k in range(60):
            s.add(K.INT_MUL if k % 30 == 0 else K.INT_ALU, 5 + k % 20, 1)

    one = xiangshan.model_copy(update={"issue_queues": tuple(without_additions(queue) for queue in xiangshan.issue_queues)})
    assert steady(change(one, backend__shared_write_ports=False), body) == pytest.approx(60, abs=0.5)
    assert steady(one, body) == pytest.approx(62, abs=0.5)
