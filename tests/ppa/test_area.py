"""Area: hand counts, monotonicity, and published chips."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.core.config import CoreConfig, core_names, load_core
from workbench.ppa.area import cell_area_um2, core_area_um2, sram_area_um2, structure_area_um2
from workbench.ppa.core_structures import UNCOUNTED, core_structures, named_structures
from workbench.ppa.scaling import scale
from workbench.ppa.structures import Structure, add_cells, alu, divider, logic, matrix_unit, multiplier, register_file
from workbench.ppa.technology import load_technology

NANGATE = load_technology("nangate45")


def test_register_file_by_hand() -> None:
    file = register_file("r", "x", 32, 64, reads=2, writes=1)
    by_hand = 2048 * 4.522 + 2048 * 2 * 1.064
    assert cell_area_um2(file, NANGATE) == pytest.approx(by_hand)
    assert structure_area_um2(file, NANGATE) == pytest.approx(by_hand / 0.7)


def test_sram_of_three_macros_by_hand() -> None:
    assert sram_area_um2(65537, NANGATE) == pytest.approx(3 * 4548.6 + 65537 * 0.69063)
    assert sram_area_um2(0, NANGATE) == 0.0


def test_int8_multiply_accumulate_is_near_the_published_28_nm_cell() -> None:
    """Published: 336.7 µm² at 28 nm (VerticalResearchGroup/upcycle, reference components)."""
    unit = logic("mac", "x", add_cells(multiplier(8), {"full_adder": 24}), flip_flops=24 + 16)
    area = scale("area", structure_area_um2(unit, NANGATE), (45, 1.1), (28, 0.9))
    assert area == pytest.approx(336.7, rel=0.3)


def test_a_matrix_unit_is_about_as_large_as_its_multiply_accumulates() -> None:
    """As many published cells (see above) as it has products; it shares operand registers and sums."""
    area = scale("area", structure_area_um2(matrix_unit(128, 512), NANGATE), (45, 1.1), (28, 0.9))
    assert area == pytest.approx(128 * 336.7, rel=0.3)


def test_matrix_instructions_cost_the_core_their_unit() -> None:
    core = load_core("spacemit_x60")
    (unit,) = [s for s in named_structures(core) if s.name == "matrix unit"]
    with_unit, without = (sum(core_area_um2(c, NANGATE).values()) for c in (core, core.without_matrix()))
    assert with_unit - without == pytest.approx(UNCOUNTED["in_order"] * structure_area_um2(unit, NANGATE), rel=1e-6)


def test_small_in_order_core_is_near_the_published_45_nm_one() -> None:
    """Published: 0.044 mm² at 45 nm without caches (VerticalResearchGroup/upcycle, reference components)."""
    units = [
        register_file("registers", "x", 32, 64, 2, 1), logic("alu", "x", alu(), 128), divider(),
        logic("multiplier", "x", multiplier(32), 128), logic("decode and pipeline", "x", {"nand2": 2500}, 5 * 180),
    ]  # fmt: skip
    area = sum(structure_area_um2(unit, NANGATE) for unit in units) / 1e6
    assert area == pytest.approx(0.044, rel=0.4)


def test_c910_is_near_its_published_area(c910: CoreConfig) -> None:
    """Published: 0.8 mm² with vector unit, without L2, TSMC 12 nm (ISCA 2020); 12 nm is taken as Stillmaker's 14 nm."""
    area = scale("area", sum(core_area_um2(c910, NANGATE).values()), (45, 1.1), (14, 0.8)) / 1e6
    assert area == pytest.approx(0.8, rel=0.4)


def test_yanqihu_is_near_its_published_area_and_flip_flops(yanqihu: CoreConfig) -> None:
    """Published: 8.6 mm² die at 28 nm (MICRO 2022), 426,500 flip-flops (XiangShan-doc, RVSC 2022 DFT slides)."""
    area = scale("area", sum(core_area_um2(yanqihu, NANGATE).values()), (45, 1.1), (28, 0.9)) / 1e6
    assert area == pytest.approx(8.6, rel=0.4)
    assert sum(s.flip_flops for s in core_structures(yanqihu)) == pytest.approx(426_500, rel=0.8)


def test_the_factor_for_uncounted_logic_is_the_geometric_mean_of_what_two_published_cores_need(
    c910: CoreConfig, yanqihu: CoreConfig
) -> None:
    def need(core: CoreConfig, cells_mm2: float) -> float:
        return cells_mm2 / (sum(cell_area_um2(s, NANGATE) for s in named_structures(core)) / 1e6)

    arrays = sum(sram_area_um2(s.sram_bits, NANGATE) for s in named_structures(c910)) / 1e6
    c910_cells = (0.8 / 0.17 - arrays) * 0.7
    yanqihu_cells = 4.27 / 0.3767
    assert (need(c910, c910_cells) * need(yanqihu, yanqihu_cells)) ** 0.5 == pytest.approx(
        UNCOUNTED["out_of_order"], rel=0.05
    )


@pytest.mark.parametrize("name", core_names())
def test_every_core_has_an_area_that_shrinks_with_the_node(name: str) -> None:
    core = load_core(name)
    large, small = (core_area_um2(core, load_technology(t)) for t in ("nangate45", "asap7"))
    assert set(large) == set(small)
    assert all(0 < small[part] < large[part] for part in large)


@settings(max_examples=30)
@given(rob=st.integers(32, 400), more=st.integers(1, 100), registers=st.integers(64, 300))
def test_a_larger_window_never_makes_a_smaller_core(rob: int, more: int, registers: int) -> None:
    base = load_core("xiangshan_kunminghu_v2")

    def area(rob_size: int, phys_regs: int) -> float:
        backend = base.backend.model_copy(update={"rob_size": rob_size, "phys_regs_int": phys_regs})
        return sum(core_area_um2(base.model_copy(update={"backend": backend}), NANGATE).values())

    assert area(rob + more, registers) > area(rob, registers)
    assert area(rob, registers + more) > area(rob, registers)


@given(bits=st.floats(1, 1e8), count=st.floats(1, 100))
def test_area_is_proportional_to_count(bits: float, count: float) -> None:
    one = Structure("x", "x", flip_flops=bits)
    assert structure_area_um2(one.times(count), NANGATE) == pytest.approx(count * structure_area_um2(one, NANGATE))
