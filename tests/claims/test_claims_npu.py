"""Claims about the decoupled vector engine."""

from __future__ import annotations

import pytest

from workbench.core.config import load_core
from workbench.core.timing.stream import Stream
from workbench.isa.code import V0, Flag
from workbench.isa.timing_class import TimingClass as K


def _multiply_adds(vl, lmul_log2=3, count=8):
    def body(s, _):
        for k in range(count):
            s.vector(K.V_FP_FMA, 8 * (k % 2), 16, 24, 8 * (k % 2), vl=vl, sew=32, lmul_log2=lmul_log2)

    return body


def test_four_times_the_lanes_are_up_to_four_times_faster(npu4, steady, change):
    wide = change(npu4, npu__lanes=16)
    assert steady(npu4, _multiply_adds(256)) / steady(wide, _multiply_adds(256)) == pytest.approx(4, rel=0.1)


def test_short_vectors_gain_little_from_lanes(npu4, steady, change):
    wide = change(npu4, npu__lanes=16)
    assert steady(npu4, _multiply_adds(8, 0)) / steady(wide, _multiply_adds(8, 0)) < 1.2


def test_long_multiply_adds_use_nearly_all_of_the_lanes(npu16, steady):
    """Ara with 16 lanes reaches 97 % on a 256 x 256 double-precision product (ASAP 2022)."""
    ideal = 8 * 1024 * 32 / (16 * 64)
    assert ideal / steady(npu16, _multiply_adds(1024)) > 0.94


def _triad(vl):
    def body(s, iteration):
        where = (1 << 28) + iteration % 4 * vl * 4
        s.vector_load(0, where, vl=vl, sew=32, lmul_log2=3)
        s.vector(K.V_FP_FMA, 8, 0, 16, 8, vl=vl, sew=32, lmul_log2=3)
        s.vector_store(8, where + (1 << 20), vl=vl, sew=32, lmul_log2=3)

    return body


def test_chaining_overlaps_load_compute_and_store(npu4, steady, change):
    chained, serial = (steady(change(npu4, npu__has_chaining=chains), _triad(256)) for chains in (True, False))
    assert serial > 1.25 * chained


def test_the_memory_port_bounds_loads(npu4, steady):
    def body(s, iteration):
        for k in range(4):
            s.vector_load(8 * k, (1 << 28) + k * 1024, vl=256, sew=32, lmul_log2=3)

    cycles = steady(npu4, body)
    assert cycles >= 4 * 1024 / npu4.npu.memory_port_bytes
    assert cycles < 1.3 * 4 * 1024 / npu4.npu.memory_port_bytes


def test_a_wider_port_moves_more(npu4, steady, change):
    wide = change(npu4, npu__memory_port_bytes=64, npu__outstanding_lines=64)
    assert steady(npu4, _triad(256)) > 1.5 * steady(wide, _triad(256))


def test_the_core_runs_ahead_of_the_engine(npu4, steady):
    def both(s, _):
        s.vector(K.V_FP_FMA, 8, 16, 24, 8, vl=256, sew=32, lmul_log2=3)
        for k in range(30):
            s.add(K.INT_MUL, 5, 5) if k < 8 else s.add(K.INT_ALU, 6 + k % 8, 1)

    def vector_only(s, _):
        s.vector(K.V_FP_FMA, 8, 16, 24, 8, vl=256, sew=32, lmul_log2=3)

    assert steady(npu4, both) == pytest.approx(max(steady(npu4, vector_only), 24), rel=0.1)


def test_a_full_queue_holds_the_core_back(npu4, steady, change):
    def body(s, _):
        for _ in range(4):
            s.vector(K.V_FP_FMA, 8, 16, 24, 8, vl=256, sew=32, lmul_log2=3)
        for _ in range(90):
            s.add(K.INT_ALU, 5, 5)

    assert steady(change(npu4, npu__queue_entries=1), body) > 1.15 * steady(npu4, body)


def test_a_scalar_result_makes_the_core_wait(npu4, steady):
    def body(s, _):
        s.vector(K.V_REDUCE_FP, 8, 16, 8, vl=32, sew=32)
        s.add(K.V_SCALAR_MOVE, 5, rs2=V0 + 8, flags=Flag.VECTOR, vector=(1, 5, 0))
        s.add(K.INT_ALU, 5, 5)

    round_trip = npu4.npu.dispatch_cycles + npu4.npu.result_cycles + npu4.npu.reduce_step_cycles * 2
    assert steady(npu4, body) > round_trip


def test_reductions_take_longer_over_more_lanes(npu4, steady, change):
    def body(s, _):
        s.vector(K.V_REDUCE_FP, 8, 16, 8, vl=8, sew=32)

    assert steady(change(npu4, npu__lanes=16), body) > steady(npu4, body)


def test_strided_loads_move_one_element_a_cycle(npu4, steady):
    def body(s, _):
        s.vector_load(8, 1 << 28, vl=256, sew=32, lmul_log2=3, stride=132)

    assert steady(npu4, body) == pytest.approx(256, rel=0.15)


def test_loads_at_a_constant_step_are_fetched_ahead(npu4, change):
    def body(s, iteration):
        s.vector_load(8, (1 << 28) + iteration * 1792, vl=32, sew=32)
        s.vector(K.V_FP_FMA, 16, 8, 24, 16, vl=32, sew=32)

    ahead, off = (Stream().loop(body, 500).run(core).cycles for core in (npu4, change(npu4, npu__prefetch_lines=0)))
    assert ahead < 0.7 * off


def test_work_left_at_the_end_counts(npu4):
    s = Stream()
    s.vector(K.V_FP_FMA, 8, 16, 24, 8, vl=256, sew=32, lmul_log2=3)
    result = s.run(npu4)
    assert result.cycles > 256 * 32 / 256
    assert sum(result.cpi_stack.values()) == result.cycles


def test_work_takes_vl_and_not_the_register_group(npu4, steady):
    assert steady(npu4, _multiply_adds(64)) < 0.5 * steady(npu4, _multiply_adds(256))


def test_ara_is_busy_on_large_products_and_idle_on_short_vectors(ara_matmul):
    """arXiv 1906.00478: 97 % of the multiply-add units of 16 lanes at 256 x 256 doubles; short vectors wait for issue."""
    core = load_core("ara_16_lanes")
    large, short = ara_matmul.utilisation(core, 256), ara_matmul.utilisation(core, 16)
    assert large == pytest.approx(0.97, abs=0.03)
    assert short < 0.5 * large
