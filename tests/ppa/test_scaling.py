"""Scaling between nodes, against the worked example of the authors' errata and hand computations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.ppa.scaling import area_factor, delay_factor, energy_factor, scale


def test_errata_of_stillmaker_and_baas() -> None:
    at_32 = energy_factor(32, 0.9)
    assert at_32 == pytest.approx(0.4571, abs=5e-5)
    assert energy_factor(65, 1.3) == pytest.approx(2.604, abs=5e-4)
    assert at_32 / energy_factor(65, 1.3) == pytest.approx(0.1755, abs=1e-4)


def test_energy_from_45_nm_at_0_9_v_to_7_nm_at_0_7_v_by_hand() -> None:
    at_45 = 1.018 * 0.81 - 0.3107 * 0.9 + 0.1539
    at_7 = 0.1776 * 0.49 - 0.09097 * 0.7 + 0.02447
    assert scale("energy", 3.7, (45, 0.9), (7, 0.7)) == pytest.approx(3.7 * at_7 / at_45)


def test_delay_polynomial_by_hand() -> None:
    by_hand = -28.58 * 0.7**3 + 76.6 * 0.7**2 - 70.26 * 0.7 + 24.69
    assert delay_factor(7, 0.7) == pytest.approx(by_hand)


def test_area_of_a_45_nm_design_at_7_nm_and_between_nodes() -> None:
    assert scale("area", 1.0, (45, 1.1), (7, 0.7)) == pytest.approx(0.059)
    assert area_factor(26) == pytest.approx((0.21 + 0.46) / 2)
    assert area_factor(3) == area_factor(7)


@given(node=st.sampled_from([7, 10, 14, 16, 20, 32, 45, 65, 90]), voltage=st.floats(0.7, 1.1), step=st.floats(0.01, 0.1))
def test_energy_grows_with_voltage_and_a_round_trip_changes_nothing(node: int, voltage: float, step: float) -> None:
    assert energy_factor(node, voltage + step) > energy_factor(node, voltage) > 0
    there = scale("energy", 1.0, (45, 0.9), (node, voltage))
    assert scale("energy", there, (node, voltage), (45, 0.9)) == pytest.approx(1.0)
