"""Claims about the in-core vector unit."""

from __future__ import annotations

import pytest

from workbench.core.timing.stream import Stream
from workbench.isa.code import V0, Flag
from workbench.isa.timing_class import TimingClass as K


def _operations(kind, lmul_log2=0, sew=32, count=8, flags=0, chained=False):
    """Independent (or chained) operations at vl = VLMAX of a 128-bit core."""

    def body(s, _):
        for k in range(count):
            vd = 8 if chained or lmul_log2 == 3 else 8 + (k << lmul_log2) % 8
            source = vd if chained else 16
            s.vector(kind, vd, source, 24, vl=(128 // sew) << lmul_log2, sew=sew, lmul_log2=lmul_log2, flags=flags)

    return body


def test_two_vector_additions_a_cycle(xiangshan, steady):
    assert 8 / steady(xiangshan, _operations(K.V_INT_ALU)) == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("kind", [K.V_FP_FMA, K.V_INT_ALU, K.V_INT_MUL, K.V_REDUCE_INT])
def test_lmul_8_takes_four_times_lmul_2(xiangshan, steady, kind):
    assert steady(xiangshan, _operations(kind, 3)) == pytest.approx(4 * steady(xiangshan, _operations(kind, 1)), rel=0.05)


def test_widening_takes_twice_the_registers(xiangshan, steady):
    wide = steady(xiangshan, _operations(K.V_INT_MUL, 1, flags=Flag.WIDENING))
    assert wide == pytest.approx(2 * steady(xiangshan, _operations(K.V_INT_MUL, 1)), rel=0.1)


def test_comparing_register_groups_grows_with_the_square(xiangshan, steady):
    two, eight = (steady(xiangshan, _operations(K.V_COMPARE, lmul, flags=Flag.WRITES_MASK)) for lmul in (1, 3))
    assert eight == pytest.approx(16 * two, rel=0.1)


def test_sliding_register_groups_grows_with_the_square(xiangshan, steady):
    two, eight = (steady(xiangshan, _operations(K.V_SLIDE, lmul)) for lmul in (1, 3))
    assert eight == pytest.approx(16 * two, rel=0.1)


def test_a_chain_of_multiply_adds_waits_for_the_latency(xiangshan, steady):
    body = _operations(K.V_FP_FMA, chained=True)
    assert steady(xiangshan, body) / 8 == pytest.approx(xiangshan.vector.fp_fma.latency, rel=0.05)


def test_a_register_group_hides_the_latency_of_its_registers(xiangshan, steady):
    body = _operations(K.V_FP_FMA, 3, chained=True)
    assert steady(xiangshan, body) / 8 == pytest.approx(8, rel=0.05)


def test_division_takes_longer_for_wider_elements(xiangshan, steady):
    half, single, double = (steady(xiangshan, _operations(K.V_FP_DIV, sew=sew)) for sew in (16, 32, 64))
    assert half < single < double


def test_work_does_not_depend_on_vl_in_the_core(xiangshan, steady):
    def short(s, _):
        for _ in range(8):
            s.vector(K.V_INT_ALU, 8, 16, 24, vl=1, sew=32, lmul_log2=3)

    assert steady(xiangshan, short) == pytest.approx(steady(xiangshan, _operations(K.V_INT_ALU, 3)), rel=0.05)


def test_one_register_group_is_decoded_a_cycle(xiangshan, steady):
    def body(s, _):
        for k in range(8):
            s.vector(K.V_INT_ALU, 8 + 2 * k % 8, 16, 24, vl=8, sew=32, lmul_log2=1)

    assert steady(xiangshan, body) >= 8


def test_two_registers_are_loaded_a_cycle(xiangshan, steady):
    def body(s, _):
        for k in range(16):
            s.vector_load(k, (1 << 28) + 16 * k, vl=4, sew=32)

    assert 16 / steady(xiangshan, body) == pytest.approx(2, rel=0.1)


def test_a_strided_load_takes_an_access_per_element(xiangshan, steady):
    def body(stride):
        def loads(s, _):
            for k in range(8):
                s.vector_load(k, 1 << 28, vl=16, sew=8, stride=stride)

        return loads

    assert steady(xiangshan, body(72)) == pytest.approx(8 * 16 / 2, rel=0.1)
    assert steady(xiangshan, body(0)) == pytest.approx(8 / 2, rel=0.1)


def test_a_value_moved_out_of_a_vector_waits_for_it(xiangshan, steady):
    def body(s, _):
        for _ in range(8):
            s.vector(K.V_REDUCE_INT, 8, 16, 8, vl=4, sew=32)
            s.add(K.V_SCALAR_MOVE, 5, rs2=V0 + 8, flags=Flag.VECTOR, vector=(1, 5, 0))
            s.add(K.INT_ALU, 5, 5)

    assert steady(xiangshan, body) / 8 >= xiangshan.vector.reduce_int.latency - 0.2


def test_vector_loads_that_miss_count_as_memory(xiangshan):
    def body(s, iteration):
        s.vector_load(8, (1 << 30) + iteration * 2654435761 % (1 << 18) * 4096, vl=4, sew=32)
        s.vector(K.V_FP_FMA, 16, 8, 8, 16, vl=4, sew=32)

    stack = Stream().loop(body, 300).run(xiangshan).cpi_stack
    assert stack["dram"] > 0.6 * sum(stack.values())


def test_the_small_core_spends_two_cycles_a_register(c906, steady):
    body = _operations(K.V_INT_ALU, 3)
    assert steady(c906, body) / 8 == pytest.approx(16, rel=0.03)


def test_the_small_core_waits_four_cycles_for_a_register_it_overwrites(c906, steady):
    def body(s, _):
        for _ in range(8):
            s.vector(K.V_INT_ALU, 8, 16, 24, vl=4, sew=32)

    assert steady(c906, body) / 8 == pytest.approx(4, rel=0.05)
