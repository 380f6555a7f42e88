"""Clock: wires by hand and by numerical optimisation, monotonicity, published frequencies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.netlist.netlist import Canvas, Floorplan, Netlist
from workbench.ppa.clock import core_limit_mhz, cycle_ps, measure_wires, repeated_wire_ps_per_um, wire_delay_ps
from workbench.ppa.technology import load_technology

NANGATE, ASAP7 = load_technology("nangate45"), load_technology("asap7")


def test_repeated_wire_is_what_brute_force_over_repeater_size_and_distance_finds() -> None:
    """Delay of one segment (ln 2 x Elmore): driver of width w, wire of length l, next repeater; minimised on a grid."""
    fo4, r, c = 22.9, 1.4872, 0.110884e-3  # ps, ohm/um, pF/um: ohm x pF = ps
    unit = fo4 / (np.log(2) * 5)  # R0 C0 with FO4 = ln 2 (4 + p) R0 C0, p = 1
    c0 = 1e-3  # pF; only the product R0 C0 matters
    r0 = unit / c0
    width, length = np.meshgrid(np.geomspace(0.1, 1000, 1500), np.geomspace(1, 20000, 1500))
    elmore = (r0 / width) * (2 * width * c0 + c * length) + r * length * (c * length / 2 + width * c0)
    assert repeated_wire_ps_per_um(fo4, r * c) == pytest.approx(float((np.log(2) * elmore / length).min()), rel=1e-3)


def test_wire_delay_is_plausible_in_ps_per_mm_and_never_worse_than_either_way() -> None:
    assert 50 < wire_delay_ps(1000, NANGATE) < 150
    assert wire_delay_ps(0, ASAP7) == 0.0


@given(length=st.floats(0, 5000), more=st.floats(0.1, 1000), depth=st.floats(0, 60))
def test_a_longer_wire_or_deeper_logic_never_makes_a_faster_clock(length: float, more: float, depth: float) -> None:
    for technology in (NANGATE, ASAP7):
        cycle = cycle_ps(depth, length, technology)
        assert cycle_ps(depth, length + more, technology) >= cycle
        assert cycle_ps(depth + more, length, technology) >= cycle


def test_cycle_of_a_path_by_hand() -> None:
    assert cycle_ps(30, 0, NANGATE) == pytest.approx((137 + 27 * 22.9) / 0.9)


def test_kunminghu_meets_its_assumed_3_ghz_at_7_nm_and_less_at_45_nm() -> None:
    assert core_limit_mhz(ASAP7) == pytest.approx(3000, rel=0.01)
    assert 1800 < core_limit_mhz(NANGATE) < 2500


def test_a_path_of_40_fo4_at_45_nm_is_slower_than_ara2_at_22_nm() -> None:
    """Ara2 is published at 1.35 GHz in 22 nm FD-SOI with 40 FO4 (arXiv 2311.07493); its FO4 is then at most 18.5 ps."""
    frequency = 1e6 / cycle_ps(40, 0, NANGATE)
    assert 0.5 * 1350 < frequency < 1350


def _floorplan(x: list[float], y: list[float], orientation: int = 0) -> Floorplan:
    """A macro (pin at +10, +5), a soft macro, and a port; one net over all, driven by the macro."""
    netlist = Netlist(
        "three", ("macro", "soft", "port"), np.array([0, 1, 2], np.int8), np.array([40.0, 30, 0]), np.array([20.0, 30, 0]),
        np.full(3, np.nan), np.full(3, np.nan), np.zeros(3, np.int8), np.array([False, False, True]),
        np.arange(3, dtype=np.int32), np.array([0, 1, 2], np.int32), np.array([10.0, 3, 0]), np.array([5.0, 3, 0]),
        np.array([0, 3], np.int32), np.array([0, 1, 2], np.int32), np.array([2.0]),
    )  # fmt: skip
    canvas = Canvas(200, 200, 10, 10, 10, 10, 5, 5)
    return Floorplan(netlist, canvas, np.array(x), np.array(y), np.array([orientation, 0, 0], np.int8))


def test_wire_lengths_of_a_placed_net_by_hand() -> None:
    wires = measure_wires(_floorplan([20, 100, 0], [10, 60, 200]))
    # macro pin at (30, 15), soft macro at its centre (100, 60), port at (0, 200)
    assert wires.longest_um == pytest.approx(70 + 45)
    assert wires.longest_net == ("macro", "soft")
    assert wires.mean_um == pytest.approx(100 + 185)
    assert wires.total_um == pytest.approx(2 * (100 + 185))


def test_turning_a_macro_moves_its_pins() -> None:
    flipped = measure_wires(_floorplan([20, 100, 0], [10, 60, 200], orientation=1))  # FN: pin at (10, 15)
    assert flipped.longest_um == pytest.approx(90 + 45)
