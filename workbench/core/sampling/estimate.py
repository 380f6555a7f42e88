"""Means of windows, and how far they may be from what they stand for."""

from __future__ import annotations

import numpy as np

from workbench.core.sampling.counters import COLUMNS, CYCLES

_READS, _WRITES = COLUMNS["dram_reads"].start, COLUMNS["dram_writes"].start

_STUDENT_95 = (0.0, 12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23)  # two-sided, by degrees of freedom
_NORMAL_95 = 1.96
_MOST_OF_A_LINE = 200.0  # cycles of one access to DRAM: lines that nothing overlaps explain no more than that each


def student(freedom: int) -> float:
    """Factor of a 95 % confidence interval."""
    return _STUDENT_95[freedom] if freedom < len(_STUDENT_95) else _NORMAL_95 * (1 + 1.2 / freedom)


def spread_error(windows: list[np.ndarray], steps: list[float] | None = None) -> float:
    """How far the mean cycles per iteration of the gaps may be from what they count as.

    `windows` are the counts of their units, one a row. Half the 95 % interval of the windows' mean, at most their range;
    at least that of all their units as if they were drawn from one population, and half their range. `steps` from each
    window to the next are explained (`explained_step`) and left out: what is spread are the residuals.

    Windows are placed at even distances, so differences of neighbours are what counts: a slow drift is followed by
    interpolation between windows (successive difference estimator of systematic samples; Wolter, Introduction to
    Variance Estimation, 2007, chapter 8).
    """
    if len(windows) < 2:
        return 0.0
    levels = np.cumsum([0.0, *(steps or [0.0] * (len(windows) - 1))])
    residuals = [units[:, CYCLES] - level for units, level in zip(windows, levels, strict=True)]
    cycles = np.array([window.mean() for window in residuals])
    variance = float(np.mean(np.diff(cycles) ** 2)) / 2
    interval = student(len(cycles) - 1) * float(np.sqrt(variance / len(cycles)))
    units = np.concatenate(residuals)
    of_units = student(len(units) - 1) * float(np.std(units, ddof=1)) / float(np.sqrt(len(units)))
    spread = float(np.ptp(units))
    return max(min(interval, np.ptp(cycles)), min(of_units, spread), spread / 2)


def differ(one: float, other: float) -> bool:
    """Whether lines per iteration differ by more than chance: 2 % and one line."""
    return abs(one - other) > max(1.0, 0.02 * max(abs(one), abs(other)))


def between(before: np.ndarray, after: np.ndarray, lines: float) -> np.ndarray:
    """Counts per iteration of a gap in which an iteration moved so many lines from and to DRAM, from those on both sides.

    The mean of both, or, where they moved different numbers of lines, the mixture that moves what the gap did: a regression
    on the lines, which are known of every iteration (Cochran, Sampling Techniques, 1977, chapter 7).
    """
    return before + _share(before, after, lines) * (after - before)


def explained_step(before: np.ndarray, after: np.ndarray, lines: float) -> float:
    """Cycles per iteration by which the windows around a gap differ because of the lines that they moved; 0 if not so.

    They do if more lines took more cycles, but no more than lines can, and the gap moved as many as one of the windows or
    a number in between.
    """
    one, other = _lines(before), _lines(after)
    step = float(after[CYCLES] - before[CYCLES])
    if not differ(one, other) or differ(lines, min(max(lines, min(one, other)), max(one, other))):
        return 0.0
    return step if 0 <= step / (other - one) <= _MOST_OF_A_LINE else 0.0


def mixture_error(before: np.ndarray, after: np.ndarray, lines: float) -> float:
    """How far the cycles per iteration of a gap may be from the line between the windows, which explains their difference.

    Iterations that do as those in one window or as those in the other lie on it. Others are at worst as if none of what
    distinguishes the gap from the nearer window had an effect.
    """
    share = _share(before, after, lines)
    return min(share, 1 - share) * abs(explained_step(before, after, lines))


def _lines(counts: np.ndarray) -> float:
    return float(counts[_READS] + counts[_WRITES])


def _share(before: np.ndarray, after: np.ndarray, lines: float) -> float:
    one, other = _lines(before), _lines(after)
    return min(max((lines - one) / (other - one), 0.0), 1.0) if differ(one, other) else 0.5
