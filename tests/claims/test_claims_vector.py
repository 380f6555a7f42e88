"""Claims about the in-core vector unit."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from workbench.core.config import load_core
from workbench.core.timing.stream import Stream
from workbench.isa.code import V0, Flag
from workbench.isa.encode import encode
from workbench.isa.predecode import decode_parcels
from workbench.isa.timing_class import TimingClass as K


def _operations(kind, lmul_log2=0, sew=32, count=8, flags=0, chained=False):
    """Independent (or chained) operations at vl = VLMAX of a 128-bit core."""

    group_log2 = lmul_log2 + (flags & Flag.WIDENING != 0)  # of the result

    def body(s, _):
        for k in range(count):
            vd = 8 if chained or group_log2 == 3 else 8 + (k << group_log2) % 8
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


def test_a_floating_point_operation_waits_for_the_old_value_of_its_destination(xiangshan, steady):
    """XiangShan DecodeUnit.scala, isDependOldVd: integer additions do not read it, floating-point ones do."""
    reads, ignores = (steady(xiangshan, _operations(kind, 3)) / 8 for kind in (K.V_FP_ADD, K.V_INT_ALU))
    assert reads == pytest.approx(xiangshan.vector.fp_add.latency, rel=0.05)
    assert ignores == pytest.approx(8 / 2, rel=0.05)


def test_two_multiply_adds_a_cycle_where_enough_of_them_are_independent(xiangshan, steady):
    def body(s, _):
        for k in range(24):
            s.vector(K.V_FP_FMA, 4 + k, 0, 1, 4 + k, vl=4, sew=32)

    assert 24 / steady(xiangshan, body) == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize("lmul_log2", [0, 1, 2, 3])
def test_a_compare_of_registers_is_a_chain_of_them(xiangshan, steady, lmul_log2):
    """Each micro-operation adds its bits to the mask of the one before it."""
    body = _operations(K.V_COMPARE, lmul_log2, chained=True, flags=Flag.WRITES_MASK)
    assert steady(xiangshan, body) / 8 == pytest.approx(xiangshan.vector.compare.latency << lmul_log2, rel=0.05)


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


def _real(s, text, *, vl, sew, lmul_log2=0):
    """An instruction in assembly, as the decoder sees it."""
    entry = _decoded(text)
    names = ("rd", "rs1", "rs2", "rs3")
    s.add(
        K(int(entry["timing"])), *[int(entry[name]) for name in names], flags=int(entry["flags"]), raw=int(entry["raw"]),
        vector=(vl, sew.bit_length() - 1, lmul_log2),
    )  # fmt: skip


@cache
def _decoded(text):
    mnemonic, *operands = text.replace(",", " ").split()
    return decode_parcels(np.array([encode(mnemonic, *[_number(o) for o in operands]), 0], np.uint32).view("<u2"))[0]


def _number(operand):
    return 0 if operand == "v0.t" else int(operand) if operand.isdigit() else operand


def _repeat(text, **shape):
    """Eight copies with `{}` standing for eight destination registers in turn."""

    def body(s, _):
        for k in range(8):
            _real(s, text.format(f"v{8 + k}"), **shape)

    return body


@pytest.fixture(scope="session")
def x60():
    return load_core("spacemit_x60")


@pytest.fixture(scope="session")
def x280():
    return load_core("sifive_x280")


def test_a_masked_operation_passes_only_the_pipe_that_reads_masks(x60, steady):
    plain = steady(x60, _repeat("vadd.vv {},v16,v24", vl=8, sew=32))
    masked = steady(x60, _repeat("vadd.vv {},v16,v24,v0.t", vl=8, sew=32))
    assert masked == pytest.approx(2 * plain, rel=0.1)


def test_logic_has_one_pipe_where_addition_has_two(x60, steady):
    addition, logic = (steady(x60, _repeat(f"{name}.vv {{}},v16,v24", vl=8, sew=32)) for name in ("vadd", "vand"))
    assert logic == pytest.approx(2 * addition, rel=0.1)


def test_a_fraction_of_a_register_takes_a_fraction_of_the_time(x60, steady):
    half, whole = (steady(x60, _repeat("vand.vv {},v16,v24", vl=8 >> k, sew=32, lmul_log2=-k)) for k in (1, 0))
    assert half == pytest.approx(whole / 2, rel=0.1)


def test_an_accumulator_is_forwarded_before_the_result_is_done(steady):
    core = load_core("thead_c910")
    accumulate, multiply = (steady(core, _repeat(f"{name}.vv v8,v16,v24", vl=4, sew=32)) / 8 for name in ("vmacc", "vmadd"))
    assert (accumulate, multiply) == (pytest.approx(2, rel=0.05), pytest.approx(4, rel=0.05))


def test_a_tree_reduction_grows_with_the_logarithm_of_the_elements(x280, steady):
    eight, sixteen, sixtyfour = (
        steady(x280, _repeat("vredsum.vs {},v16,v24", vl=512 // sew, sew=sew)) / 8 for sew in (64, 32, 8)
    )
    assert sixteen - eight == pytest.approx((sixtyfour - sixteen) / 2, rel=0.05)


def test_a_gather_takes_an_element_after_the_other(x280, steady):
    short, long = (steady(x280, _repeat("vrgather.vv {},v16,v24", vl=vl, sew=8)) / 8 for vl in (16, 64))
    assert long - short == pytest.approx(48, rel=0.05)


def test_scalar_work_goes_on_behind_a_vector_unit_with_a_queue(x280, change, steady):
    def body(s, _):
        for _ in range(3):
            _real(s, "vand.vv v8,v16,v24", vl=128, sew=32, lmul_log2=3)
        for k in range(88):
            s.add(K.INT_ALU, 5 + k % 20, 1)

    coupled = change(x280, vector__queue_entries=0)
    assert steady(x280, body) < 0.85 * steady(coupled, body)


def test_a_short_vector_takes_a_short_time_where_work_follows_vl(x280, steady):
    short, full = (steady(x280, _repeat("vand.vv v8,v16,v24", vl=vl, sew=32, lmul_log2=3)) for vl in (32, 128))
    assert short == pytest.approx(full / 4, rel=0.1)


def test_without_chaining_a_dependent_waits_for_the_whole_group(xiangshan, change, steady):
    def body(s, _):
        _real(s, "vadd.vv v8,v16,v24", vl=32, sew=32, lmul_log2=3)
        _real(s, "vadd.vv v16,v8,v24", vl=32, sew=32, lmul_log2=3)

    unchained = change(xiangshan, vector__has_chaining=False)
    assert steady(unchained, body) > steady(xiangshan, body) + 1
