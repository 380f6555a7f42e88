"""Means of windows, and how far they may be from what they stand for."""

from __future__ import annotations

import numpy as np

from workbench.core.sampling.counters import COLUMNS, CYCLES

_READS, _WRITES = COLUMNS["dram_reads"].start, COLUMNS["dram_writes"].start

_STUDENT_95 = (0.0, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)  # two-sided, by degrees of freedom
_NORMAL_95 = 1.96


def student(freedom: int) -> float:
    """Factor of a 95 % confidence interval."""
    return _STUDENT_95[freedom] if freedom < len(_STUDENT_95) else _NORMAL_95 * (1 + 1.2 / freedom)


def spread_error(windows: list[np.ndarray]) -> float:
    """How far the mean cycles per iteration of the gaps may be from what they count as.

    `windows` are the counts of their units, one a row. Half the 95 % interval of the windows' mean, at most their range;
    at least that of all their units as if they were drawn from one population, and half their range.

    Windows are placed at even distances, so differences of neighbours are what counts: a slow drift is followed by
    interpolation between windows (successive difference estimator of systematic samples; Wolter, Introduction to
    Variance Estimation, 2007, chapter 8).
    """
    cycles = np.array([units[:, CYCLES].mean() for units in windows])
    if len(cycles) < 2:
        return 0.0
    variance = float(np.mean(np.diff(cycles) ** 2)) / 2
    interval = student(len(cycles) - 1) * float(np.sqrt(variance / len(cycles)))
    units = np.concatenate([units[:, CYCLES] for units in windows])
    of_units = student(len(units) - 1) * float(np.std(units, ddof=1)) / float(np.sqrt(len(units)))
    spread = float(np.ptp(units))
    return max(min(interval, np.ptp(cycles)), min(of_units, spread), spread / 2)


def differ(one: float, other: float) -> bool:
    """Whether lines per iteration differ by more than chance: 2 % and one line."""
    return abs(one - other) > max(1.0, 0.02 * max(abs(one), abs(other)))


def between(before: np.ndarray, after: np.ndarray, lines: float) -> np.ndarray:
    """Counts per iteration of a gap in which an iteration moved so many lines from and to DRAM, from those on both sides.

    The mean of both, or, where they moved different numbers of lines, the mixture that moves what the gap did.
    """
    one, other = (float(counts[_READS] + counts[_WRITES]) for counts in (before, after))
    share = min(max((lines - one) / (other - one), 0.0), 1.0) if differ(one, other) else 0.5
    return before + share * (after - before)
