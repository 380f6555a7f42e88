"""Energy: hand computations, agreement with memory compilers, monotonicity, published power."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.core.config import CoreConfig, load_core
from workbench.core.result import Activity, SimResult
from workbench.ppa.energy import arithmetic_pj, leakage_of_mw, memory_pj, operation_energies, wire_pj
from workbench.ppa.evaluate import cycles_at, evaluate_design
from workbench.ppa.scaling import scale
from workbench.ppa.technology import load_technology

NANGATE, ASAP7 = load_technology("nangate45"), load_technology("asap7")
KUNMINGHU = load_core("xiangshan_kunminghu_v2")
AT_1_1_V = (1.018 * 1.21 - 0.3107 * 1.1 + 0.1539) / (1.018 * 0.81 - 0.3107 * 0.9 + 0.1539)


def run(activity: Activity, cycles: int, frequency_mhz: float, dram_cycles: int = 0) -> SimResult:
    stack = {"base": cycles - dram_cycles, "dram": dram_cycles}
    return SimResult(0, b"", b"", activity.instructions, cycles, frequency_mhz, stack, {}, activity)


def test_a_thousand_vector_multiply_adds_by_hand() -> None:
    energy = arithmetic_pj(Activity(vector_fp32_fma_elements=1000), operation_energies(NANGATE))
    assert energy == {"scalar units": 0.0, "vector units": pytest.approx(1000 * (3.7 + 0.9) * AT_1_1_V)}


@pytest.mark.parametrize(
    ("field", "energy_pj"),
    [("int8_multiply", 0.2), ("int32", 0.1), ("int64", 0.2), ("fp16_fma", 1.1 + 0.4), ("fp64_multiply", 4 * 3.7)],
)
def test_narrow_elements_cost_the_figures_of_their_width(field: str, energy_pj: float) -> None:
    energy = arithmetic_pj(Activity(**{f"vector_{field}_elements": 1000}), operation_energies(NANGATE))
    assert energy["vector units"] == pytest.approx(1000 * energy_pj * AT_1_1_V)


def test_products_of_bytes_in_a_matrix_unit_cost_their_8_bit_figures() -> None:
    energy = arithmetic_pj(Activity(matrix_products=1000), operation_energies(NANGATE))
    assert energy["vector units"] == pytest.approx(1000 * (0.2 + 2.5 * 0.03) * AT_1_1_V)


def test_l1d_and_dram_by_hand() -> None:
    activity = Activity(l1d_accesses=10, dram_read_bytes=64)
    energy = memory_pj(activity, KUNMINGHU, operation_energies(NANGATE), NANGATE)
    assert energy["l1d"] == pytest.approx(10 * 10.0 * AT_1_1_V * (128 / 64) * 8**0.5)  # 64 KiB = 8 x 8 KiB
    assert energy["dram"] == pytest.approx(64 * 8 * 20.3)


def test_wires_and_leakage_by_hand() -> None:
    assert wire_pj(100, 500, NANGATE) == pytest.approx(100 * 0.5 * 0.5 * 0.110884e-3 * 500 * 1.21)
    assert leakage_of_mw(1e6, 1e6, NANGATE) == pytest.approx(18.4 + 25.12)


def test_sram_energy_agrees_with_the_open_memory_compilers() -> None:
    """fakeram45_512x64: 5.30 + 5.30 pJ a cycle at 1.1 V; fakeram7_256x256: 1.345 + 1.345 pJ at 0.7 V (liberty files)."""
    assert operation_energies(NANGATE).sram(4096, 64) == pytest.approx(10.6, rel=0.1)
    assert operation_energies(ASAP7).sram(8192, 256) == pytest.approx(2.69, rel=0.1)


def test_c910_power_per_megahertz_is_near_the_published(c910: CoreConfig) -> None:
    """Published: about 100 µW/MHz dynamic at 12 nm, 0.8 V (ISCA 2020). Scaled from NanGate45 to Stillmaker's 14 nm."""
    million = 1_000_000
    activity = Activity(
        instructions=million, int_operations=500_000, loads=250_000, stores=100_000, branches=150_000,
        l1i_accesses=300_000, l1d_accesses=350_000, l1d_misses=3_000,
    )  # fmt: skip
    core = c910
    ppa = evaluate_design(core, None, NANGATE, run(activity, million, core.frequency_mhz))
    per_cycle_pj = (ppa.total_energy_mj - ppa.energy_mj["leakage"]) * 1e9 / ppa.cycles
    at_12_nm = scale("energy", per_cycle_pj, (45, 1.1), (14, 0.8))
    assert 100 / 1.6 < at_12_nm < 100 * 1.6


def test_cycles_at_another_clock_stretch_only_what_waits_for_dram() -> None:
    result = run(Activity(), 1000, 3000.0, dram_cycles=400)
    assert cycles_at(result, 1500.0) == pytest.approx(600 + 200)


def test_the_parts_of_a_runs_energy_and_power_add_up() -> None:
    activity = Activity(
        instructions=10**6, vector_fp32_fma_elements=10**6, vector_element_bytes=10**7, dram_read_bytes=10**6
    )
    ppa = evaluate_design(KUNMINGHU, None, ASAP7, run(activity, 10**6, KUNMINGHU.frequency_mhz))
    assert ppa.latency_ms == pytest.approx(ppa.cycles / ppa.frequency_mhz / 1e3)
    assert ppa.total_energy_mj == pytest.approx(sum(ppa.energy_mj.values()))
    assert ppa.average_power_mw == pytest.approx(ppa.total_energy_mj / ppa.latency_ms * 1e3)
    assert ppa.leakage_power_mw == pytest.approx(ppa.energy_mj["leakage"] / ppa.latency_ms * 1e3)


FIELDS = [field.name for field in dataclasses.fields(Activity)]


@given(name=st.sampled_from(FIELDS), more=st.integers(1, 10**9))
def test_more_of_any_event_never_costs_less_energy(name: str, more: int) -> None:
    def energy(activity: Activity) -> float:
        return evaluate_design(KUNMINGHU, None, ASAP7, run(activity, 10**6, 3000.0)).total_energy_mj

    assert energy(Activity(**{name: more})) >= energy(Activity())


@given(cycles=st.integers(1, 10**10))
def test_the_smaller_node_needs_less_energy_and_area_for_the_same_run(cycles: int) -> None:
    activity = Activity(instructions=cycles, vector_fp32_fma_elements=cycles)
    large, small = (evaluate_design(KUNMINGHU, None, t, run(activity, cycles, 3000.0)) for t in (NANGATE, ASAP7))
    assert small.total_energy_mj < large.total_energy_mj
    assert small.total_area_um2 < large.total_area_um2


def test_several_cores_have_the_area_of_each_but_share_the_last_cache() -> None:
    one, four = (evaluate_design(KUNMINGHU, None, ASAP7, cores=cores) for cores in (1, 4))
    assert four.area_um2 == {part: pytest.approx(4 * area) for part, area in one.area_um2.items()}
    assert (four.l3_area_um2, four.frequency_mhz) == (one.l3_area_um2, one.frequency_mhz)
    assert four.leakage_power_mw == pytest.approx(4 * one.leakage_power_mw)
    without_l3 = load_core("spacemit_x60")
    one, four = (evaluate_design(without_l3, None, ASAP7, cores=cores) for cores in (1, 4))
    assert four.area_um2["l2"] == one.area_um2["l2"] and four.area_um2["l1"] == pytest.approx(4 * one.area_um2["l1"])


def test_work_on_several_cores_costs_its_energy_and_every_clock_runs_all_the_time() -> None:
    activity, cycles = Activity(instructions=10**6, loads=10**5, l1d_accesses=10**5), 10**6
    one, four = (evaluate_design(KUNMINGHU, None, ASAP7, run(activity, cycles, 3000.0), cores) for cores in (1, 4))
    grown = {name for name in one.energy_mj if four.energy_mj[name] > 1.001 * one.energy_mj[name]}
    assert grown == {"clock", "leakage"}
    assert four.energy_mj["clock"] == pytest.approx(4 * one.energy_mj["clock"])
