"""The statistics of two samples of costs, small and of unknown distribution.

Whether two agents differ: the Mann-Whitney U test, exact also with ties (the distribution of the rank sum over all ways of
splitting the pooled ranks). By how much: the difference of the means with Welch's interval. How often one beats the other:
the share of pairs. Several netlists in one: the same rank sums added up (van Elteren's test with equal weights).

Source: Mann and Whitney 1947; Welch 1947; Vargha and Delaney 2000; van Elteren 1960; Holm 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_MOST_EXACT = 60
"""Above so many values in both samples together the normal approximation is used."""
LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """How a sample of costs differs from a baseline's; smaller is better.

    Attributes
    ----------
    mean: sample mean minus baseline mean. low, high: Welch's 95 % interval of it; NaN if a sample has one value only.
    chance: probability that a value of the sample is below one of the baseline (ties count half).
    p_value: two-sided, Mann-Whitney.
    deviation, variance: pairs below minus half of all pairs, and its variance under no difference, for `pooled_p_value`.
    """

    mean: float
    low: float
    high: float
    chance: float
    p_value: float
    deviation: float
    variance: float

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``tie`` at the 5 % level."""
        if self.p_value >= LEVEL:
            return "tie"
        return "better" if self.chance > 0.5 else "worse"


def difference(sample: Sequence[float], baseline: Sequence[float]) -> Difference:
    """Compare a sample of costs with a baseline's, neither empty.

    Infinite costs (runs that failed) count as the worst in ranks and are left out of the means; NaN if nothing is left.
    """
    a, b = np.asarray(sample, float), np.asarray(baseline, float)
    pairs = len(a) * len(b)
    below = float(np.sum(a[:, None] < b) + 0.5 * np.sum(a[:, None] == b))
    p_value, variance = mann_whitney(a, b)
    finite_a, finite_b = a[np.isfinite(a)], b[np.isfinite(b)]
    mean = float(finite_a.mean() - finite_b.mean()) if len(finite_a) and len(finite_b) else math.nan
    low, high = welch_interval(finite_a, finite_b)
    return Difference(mean, low, high, below / pairs, p_value, below - pairs / 2, variance)


def mann_whitney(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """Two-sided p-value of the U test, and the variance of U with its correction for ties."""
    pooled = np.concatenate([a, b])
    ranks = doubled_midranks(pooled)
    size, total = len(a), len(pooled)
    _, ties = np.unique(pooled, return_counts=True)
    correction = float(np.sum(ties**3 - ties)) / (total * (total - 1)) if total > 1 else 0.0
    variance = len(a) * len(b) / 12 * (total + 1 - correction)
    deviation = abs(int(ranks[:size].sum()) - size * (total + 1))  # in half ranks, twice that of U
    if total <= _MOST_EXACT:
        ways = _rank_sums(ranks, size)
        far = np.abs(np.arange(len(ways)) - size * (total + 1)) >= deviation
        return float(ways[far].sum() / ways.sum()), variance
    if variance == 0:
        return 1.0, 0.0
    z = max(0.0, deviation / 2 - 0.5) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2)), variance


def doubled_midranks(values: np.ndarray) -> np.ndarray:
    """Twice the rank of each value, ties sharing the mean of theirs; whole numbers."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: np.ndarray = (2 * last - counts + 1)[group]
    return ranks


def _rank_sums(ranks: np.ndarray, size: int) -> np.ndarray:
    """Number of ways to choose `size` of the ranks with each sum."""
    ways = np.zeros((size + 1, int(ranks.sum()) + 1))
    ways[0, 0] = 1
    for rank in map(int, ranks):
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    return np.asarray(ways[size])


def welch_interval(a: np.ndarray, b: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Interval of mean(a) - mean(b) for unequal variances; NaN if a sample has one value only."""
    if min(len(a), len(b)) < 2:
        return math.nan, math.nan
    parts = np.array([a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)])
    centre, spread = float(a.mean() - b.mean()), float(parts.sum())
    if spread == 0:
        return centre, centre
    freedom = spread**2 / float(parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1))
    reach = student_t_quantile(1 - level / 2, freedom) * math.sqrt(spread)
    return centre - reach, centre + reach


def student_t_quantile(share: float, freedom: float) -> float:
    """The value below which Student's t with that many degrees of freedom lies with a probability above one half.

    With t = sqrt(freedom)·tan(a) the density is that of cos(a)^(freedom - 1): integrated by Simpson's rule, then inverted.
    """
    angle = np.linspace(0.0, np.pi / 2, 20_001)
    density = np.cos(angle) ** (freedom - 1)
    steps = (density[:-2:2] + 4 * density[1:-1:2] + density[2::2]) * (angle[1] / 3)
    sums = np.concatenate([[0.0], np.cumsum(steps)])
    found = np.interp((share - 0.5) * 2 * sums[-1], sums, angle[::2])
    return float(math.sqrt(freedom) * math.tan(found))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values corrected for how many there are (family-wise, Holm's step-down)."""
    order = np.argsort(p_values, kind="stable")
    corrected, least = [1.0] * len(p_values), 0.0
    for position, index in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - position) * p_values[index]))
        corrected[index] = least
    return corrected


def pooled_p_value(differences: Sequence[Difference]) -> float:
    """Two-sided p-value of no difference on any netlist: the deviations added up, normal approximation."""
    variance = sum(item.variance for item in differences)
    if variance == 0:
        return 1.0
    z = abs(sum(item.deviation for item in differences)) / math.sqrt(variance)
    return math.erfc(z / math.sqrt(2))
