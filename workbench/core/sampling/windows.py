"""One loop simulated in windows: what is simulated, what is skipped, and what the gaps count as (see `sampler`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.core.sampling.counters import CYCLES, ERROR, INSTRUCTIONS, TIMED
from workbench.core.sampling.estimate import between, spread_error
from workbench.core.sampling.loops import Loop
from workbench.core.sampling.pattern import Pattern

if TYPE_CHECKING:
    from workbench.core.sampling.sampler import Frame, Sampler

TAIL = 1  # iterations simulated at a loop's end, besides the last one
USUAL_UNITS = 3  # of a window, with those before it
LONG = 50_000  # instructions of an iteration that begins with what caches and prefetchers have to learn: one is a window


@dataclass(frozen=True)
class Entry:
    """An earlier run through a loop: its iterations, and the counts of the units of its last window."""

    left: int
    window: np.ndarray


@dataclass(frozen=True)
class Plan:
    """Windows of a loop: how many, iterations of a unit, usual units of a window, timed instructions for one iteration."""

    windows: int
    unit: int
    units: int
    budget: float

    def gap(self, left: int, windows: int) -> int:
        """Iterations to skip before the next of so many windows, with `left` iterations ahead."""
        later = windows - 1
        return (left - self.unit * later * self.units - TAIL) // max(later, 1)


class Windows:
    """One loop simulated in windows, from an arrival at its head on; `last` has the counts of the iteration before.

    `known` is the last window of an earlier entry, if that may stand for those of this one.
    """

    def __init__(
        self, sampler: Sampler, loop: Loop, frame: Frame, pattern: Pattern, plan: Plan, left: int, last: np.ndarray,
        known: np.ndarray | None,
    ) -> None:  # fmt: skip
        self._sampler, self._loop, self._frame, self._known = sampler, loop, frame, known
        self._pattern, self._plan, self._left, self._last = pattern, plan, left, last
        self._done = 1  # iterations since the one that the pattern has
        self.last_window = last[None]

    def run(self) -> int:
        """Simulate and skip to the loop's end; where it was left."""
        plan, counters = self._plan, self._sampler.counters
        windows = [self._units([self._last] if plan.unit == 1 else [])[-2:]]
        simulated, skipped = [*windows], 0
        for ahead in range(plan.windows if self._known is None else 2, 1, -1):
            gap = plan.gap(self._left, ahead) if self._known is None else self._left - TAIL
            if gap < plan.unit:
                break
            lines = self._skip(gap)
            units = self._units([]) if self._known is None else self._known
            simulated.append(units)
            windows.append(units[-2:])
            before, after = (window.mean(axis=0) for window in windows[-2:])
            counters.add(gap * _untimed(between(before, after, lines)))
            if self._known is None:
                counters.add(plan.unit * _untimed((after - units[:-2]).sum(axis=0)))
            skipped += gap
        self.last_window = windows[-1]
        bound = np.zeros_like(self._last)
        bound[ERROR] = skipped * spread_error(windows, np.concatenate(simulated))
        counters.add(bound)
        return self._sampler.rest(self._loop, self._frame, plan.budget)

    def _units(self, units: list[np.ndarray]) -> np.ndarray:
        """Simulate units behind those given until they are steady; counts per iteration of each, one a row."""
        settings = self._sampler.settings
        while len(units) < settings.warm_units + 2 and self._left > self._plan.unit:
            units = [*units, self._unit()]
            if len(units) >= self._plan.units == 1:
                break
            if len(units) > 1:
                one, two = units[-2][CYCLES], units[-1][CYCLES]
                if abs(one - two) <= settings.steady * two:
                    break
        return np.array(units)

    def _unit(self) -> np.ndarray:
        before = self._sampler.counters.read()
        self._sampler.iterate(self._loop, self._frame, self._plan.unit, self._plan.budget)
        self._pass(self._plan.unit)
        counts: np.ndarray = (self._sampler.counters.read() - before) / self._plan.unit
        return counts

    def _skip(self, gap: int) -> float:
        """Pass over a gap; lines that an iteration fetched from DRAM."""
        lines = self._sampler.skip(self._pattern, self._frame, self._done, gap, float(self._last[INSTRUCTIONS]))
        self._pass(gap)
        return lines / gap

    def _pass(self, iterations: int) -> None:
        self._done += iterations
        self._left -= iterations


def _untimed(counts: np.ndarray) -> np.ndarray:
    counts = counts.copy()
    counts[..., TIMED] = 0
    return counts
