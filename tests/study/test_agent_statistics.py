"""The statistics against figures of scipy 1.17.1 (mannwhitneyu, ttest_ind, t.ppf) and against counting by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.study.agent_comparison.statistics import (
    difference,
    holm,
    mann_whitney,
    pooled_p_value,
    student_t_quantile,
    welch_interval,
)

A, B = np.array([0.61, 0.62, 0.60, 0.63, 0.615]), np.array([0.64, 0.625, 0.65, 0.618, 0.66])


def test_the_exact_p_value_is_that_of_scipy():
    assert mann_whitney(A, B)[0] == pytest.approx(0.05555555555555555, rel=1e-12)
    assert mann_whitney(np.arange(5.0), np.arange(5.0) + 9)[0] == pytest.approx(2 / 252)
    tied = np.array([1, 2, 2, 3, 5.0]), np.array([2, 3, 4, 4, 6.0])
    assert mann_whitney(*tied)[0] == pytest.approx(0.2222222222222222, rel=1e-12)  # PermutationMethod, all splits


def test_large_samples_use_the_normal_approximation_of_scipy():
    rng = np.random.default_rng(0)
    assert mann_whitney(rng.normal(size=40), rng.normal(0.4, size=35))[0] == pytest.approx(0.0016394467185936465, rel=1e-9)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=5), st.lists(st.integers(0, 4), min_size=1, max_size=5))
def test_the_exact_p_value_counts_all_splits(a, b):
    """By hand: every way to choose len(a) of the pooled values, their rank sum at least as far from the middle."""
    pooled = sorted(a + b)
    rank = {value: pooled.index(value) + (pooled.count(value) + 1) / 2 for value in set(pooled)}
    middle = len(a) * (len(pooled) + 1) / 2
    far = abs(sum(rank[value] for value in a) - middle)
    splits = [sum(rank[v] for v in chosen) for chosen in itertools.combinations(pooled, len(a))]
    expected = sum(abs(s - middle) >= far - 1e-9 for s in splits) / len(splits)
    assert mann_whitney(np.array(a, float), np.array(b, float))[0] == pytest.approx(expected)


def test_welchs_interval_and_students_quantiles_are_those_of_scipy():
    assert welch_interval(A, B) == pytest.approx((-0.04549836249074668, -0.0017016375092534473), rel=1e-6)
    for freedom, value in ((8, 2.30600414), (4.3, 2.7016949), (1, 12.70620474), (200, 1.97189622)):
        assert student_t_quantile(0.975, freedom) == pytest.approx(value, rel=1e-6)
    assert all(math.isnan(end) for end in welch_interval(A[:1], B))


def test_holms_correction_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_a_difference_says_who_is_better_and_counts_failures_as_worst():
    found = difference([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])
    assert (found.mean, found.chance, found.verdict) == (-5, 1.0, "better")
    assert difference([6, 7, 8, 9, 10], [1, 2, 3, 4, 5]).verdict == "worse"
    failed = difference([1, 2, math.inf], [3, 4, 5])
    assert failed.mean == 1.5 - 4 and failed.chance == pytest.approx(6 / 9)


def test_several_netlists_together_tell_more_than_each():
    each = [difference([1, 2, 4], [3, 5, 6]) for _ in range(4)]
    assert each[0].p_value == pytest.approx(0.2) and pooled_p_value(each) < 0.02
    opposite = difference([3, 5, 6], [1, 2, 4])
    assert pooled_p_value([each[0], opposite]) == pytest.approx(1.0)
