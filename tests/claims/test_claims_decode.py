"""Claims about macro-op fusion, reorder-buffer compression and distributed issue queues."""

from __future__ import annotations

import pytest

from workbench.core.timing.stream import Stream
from workbench.isa.code import Flag
from workbench.isa.timing_class import TimingClass as K

HOME = 1 << 28


def _pairs(count, chained, fuses="shift_add"):
    """Pairs such as ``slli rd, rs, 1; add rd, rd, x1``, each on the last one's result if `chained`."""

    def body(s, _):
        for k in range(count):
            rd = 5 if chained else 5 + k % 20
            s.add(K.INT_ALU, rd, 5 if chained else 1, fuses=fuses)
            s.add(K.INT_ALU, rd, rd, 2)

    return body


def test_a_fused_pair_takes_one_port_and_two_places_in_its_group(xiangshan, steady, change):
    fused = steady(change(xiangshan, backend__rename_groups=False, backend__dispatch_count_cycles=0), _pairs(40, False))
    apart = steady(change(xiangshan, backend__fusion=()), _pairs(40, False))
    grouped = steady(xiangshan, _pairs(40, False))
    assert fused == pytest.approx(40 / 4, abs=1.5)
    assert grouped == pytest.approx(80 / 6, abs=1.5)
    assert apart == pytest.approx(80 / 4, abs=1.5)


def test_a_fused_pair_has_the_latency_of_one_operation(xiangshan, steady, change):
    ungrouped = change(xiangshan, backend__rename_groups=False, backend__dispatch_count_cycles=0)
    assert steady(ungrouped, _pairs(40, True)) == pytest.approx(40, rel=0.15)
    assert steady(change(xiangshan, backend__fusion=()), _pairs(40, True)) == pytest.approx(80, rel=0.05)


def test_a_pair_in_two_groups_does_not_fuse(xiangshan, steady):
    def body(s, iteration):
        _pairs(40, True)(s, iteration)  # 81 instructions with the loop's branch: every other time a third is split

    assert steady(xiangshan, body) == pytest.approx(40 * (1 + 1 / 6), rel=0.05)


def test_the_group_behind_one_that_waits_does_not_fill_its_cycle(xiangshan, steady, change):
    """Nine instructions of which the first waits for all before it: two cycles, or three where few were decoded with it."""

    def body(s, _):
        for _ in range(24):
            s.add(K.CSR, 5, flags=Flag.SERIALIZE)
            for k in range(8):
                s.add(K.INT_ALU, 8 + k, 1)

    plain = change(xiangshan, backend__dispatch_count_cycles=0)
    lost = steady(plain, body) - steady(change(plain, backend__rename_groups=False), body)
    assert 6 <= lost <= 24


def test_a_group_enters_only_while_the_reorder_buffer_has_room_for_a_full_one(wide, steady, change):
    def body(s, iteration):
        s.load(5, (1 << 30) + iteration * 2654435761 % (1 << 18) * 4096, rs1=1)
        for k in range(35):
            s.store(8 + k % 8, 1 << 28, rs1=1)

    exact = change(wide, backend__rob_size=40)
    assert steady(exact, body) > 1.3 * steady(change(exact, backend__rename_groups=False), body)


def test_pairs_of_a_group_that_the_core_does_not_fuse_stay_apart(xiangshan, steady, change):
    some = change(xiangshan, backend__fusion=("immediate",))
    assert steady(some, _pairs(40, True)) > 1.6 * steady(some, _pairs(40, True, "immediate"))


def test_an_in_order_core_without_fusion_issues_both(c906, steady):
    assert steady(c906, _pairs(20, True)) >= 40


def test_a_branch_into_the_second_half_executes_it_alone(xiangshan):
    s = Stream()
    start = s.pc
    for _ in range(200):
        s.pc = start
        s.add(K.INT_ALU, 5, 5, fuses="shift_add", target=start + 64)
        s.pc = start + 64
        s.add(K.INT_ALU, 5, 5, 2, target=start)
    assert s.run(xiangshan).counters["fusions"] == 0


def _distant_misses(filler, distance=240):
    def body(s, iteration):
        for half in range(2):
            s.load(5, (1 << 30) + (2 * iteration + half) * 2654435761 % (1 << 18) * 4096, rs1=1)
            for k in range(distance):
                filler(s, 8 + k % 8)

    return body


@pytest.fixture(scope="module")
def wide(xiangshan, change):
    """Kunminghu with nothing but the reorder buffer as its window."""
    return change(
        xiangshan, backend__phys_regs_int=1000, backend__phys_regs_fp=1000, memory__store_queue=1000,
        memory__prefetch__streams=0, memory__prefetch__stride_entries=0, memory__prefetch__best_offsets=(),
        memory__prefetch__spatial_regions=0,
    )  # fmt: skip


def test_a_fused_pair_has_an_entry_of_the_reorder_buffer_to_itself(wide, steady, change):
    def pair(s, register):
        s.add(K.INT_ALU, register, 1, fuses="shift_add")
        s.add(K.INT_ALU, register, register, 2)

    body = _distant_misses(pair, 120)
    assert steady(change(wide, backend__rob_compression=False), body) < 1.05 * steady(wide, body)
    assert steady(change(wide, backend__fusion=()), body) < 0.95 * steady(wide, body)  # six share an entry


def test_compression_makes_the_window_larger_than_the_reorder_buffer(wide, steady, change):
    body = _distant_misses(lambda s, register: s.add(K.INT_ALU, register, 1))
    assert steady(change(wide, backend__rob_compression=False), body) > 1.3 * steady(wide, body)


def test_instructions_that_may_fault_take_an_entry_each(wide, steady, change):
    body = _distant_misses(lambda s, register: s.store(register, 1 << 28, rs1=1))
    assert steady(change(wide, backend__rob_compression=False), body) < 1.05 * steady(wide, body)


def _merged(core):
    """The core with its integer queues joined into one."""
    parts = [q for q in core.issue_queues if q.name.startswith("int")]
    joined = parts[0].model_copy(
        update={
            "name": "int",
            "size": sum(q.size for q in parts),
            "ports": tuple(p for q in parts for p in q.ports),
            "entries_per_cycle": sum(q.entries_per_cycle for q in parts),
        }
    )
    return core.model_copy(update={"issue_queues": (joined, *(q for q in core.issue_queues if q not in parts))})


def _uneven(s, iteration):
    """Chains of different speed side by side: some queues fill with what waits."""
    for k in range(24):
        s.add(K.INT_MUL if k % 3 == 0 else K.INT_ALU, 5 + k % 6, 5 + k % 6)


def test_queues_with_ports_of_their_own_are_no_faster_than_one_with_all(xiangshan, steady):
    apart, joined = steady(xiangshan, _uneven), steady(_merged(xiangshan), _uneven)
    assert joined <= apart < 1.4 * joined


def test_independent_additions_use_the_ports_of_all_queues(xiangshan, steady):
    def body(s, _):
        for k in range(59):
            s.add(K.INT_ALU, 5 + k % 20, 1)

    assert steady(xiangshan, body) == pytest.approx(60 / 4, rel=0.1)


def test_an_operand_that_comes_as_its_reader_enters_the_queue_is_seen_a_cycle_later(xiangshan, change):
    plain = change(xiangshan, backend__dispatch_count_cycles=0)  # no two of neighbouring groups meet at a port

    def lost(distance):
        s = Stream()
        s.add(K.INT_ALU, 5, 1)
        for k in range(distance - 1):
            s.add(K.INT_ALU, 8 + k, 1)
        s.add(K.INT_ALU, 6, 5)
        for _ in range(8):
            s.add(K.INT_ALU, 6, 6)
        return s.run(plain).cycles - s.run(change(plain, backend__entry_wakeup_cycles=0)).cycles

    assert [lost(distance) for distance in (1, 5, 6, 7)] == [0, 0, 1, 1]


def test_a_queue_takes_instructions_only_while_it_has_room_for_all_that_may_enter_in_a_cycle(xiangshan, steady):
    """Two chains of loads overlap as far as the queues for loads reach ahead."""

    def body(s, _):
        for chain in (5, 6):
            for _ in range(40):
                s.load(chain, 1 << 28, rs1=chain)

    def load_queues(smaller, entries):
        return xiangshan.model_copy(
            update={
                "issue_queues": tuple(
                    q.model_copy(update={"size": q.size - smaller, "entries_per_cycle": entries})
                    if q.name.startswith("load") else q for q in xiangshan.issue_queues
                )
            }
        )  # fmt: skip

    cycles = [steady(load_queues(smaller, entries), body) for smaller, entries in ((8, 0), (8, 2), (10, 0))]
    assert cycles[0] < cycles[1] < cycles[2]


def test_instructions_of_a_group_are_spread_from_the_queue_with_the_fewest_waiting(xiangshan, change):
    """Where products wait in two of four queues, pairs go to the other two, and none is full; in turn, one would be."""

    def cycles(core):
        s = Stream()
        s.add(K.INT_DIV, 6, 7, raw=0x3B)
        for _ in range(5):
            s.add(K.NOP)
        for k in range(44):
            s.add(K.INT_MUL, 8 + k % 4, 6)
        for k in range(120):
            if k % 3 == 0:
                s.add(K.INT_ALU, 12, 6)
            else:
                s.add(K.FP_ADD, 40, 33, 34)
        return s.load(14, 2 * HOME, rs1=1).run(core).cycles  # a miss that a full queue keeps behind the division

    slow = change(xiangshan, latency__int_div=(900, 900), backend__rob_size=320)
    assert cycles(slow) < cycles(change(slow, backend__dispatch_count_cycles=0)) - 50


def test_moves_that_are_eliminated_take_a_place_among_those_that_enter_a_queue(xiangshan, steady, change):
    """Three moves and three products a group: the third move and two products go to one queue, which takes two a cycle."""

    def body(s, _):
        for _ in range(20):
            for k in range(3):
                s.add(K.INT_ALU, 5 + k, 20, flags=Flag.MOVE)
            for k in range(3):
                s.add(K.INT_MUL, 10 + k, 1)

    assert steady(xiangshan, body) == pytest.approx(2 * 20, abs=3)
    assert steady(change(xiangshan, backend__dispatch_count_cycles=0), body) == pytest.approx(1.5 * 20, abs=3)
