"""One visit of a loop, simulated in windows: at its start, at its end and, in some, in between.

A window consists of units, a unit of one iteration or of as many as have some instructions. Behind a gap, and where a loop
begins, units take longer at first: prefetchers learn, queues fill. How many do so is seen at the loop's first visit, whose
first window is a long one; behind a gap, units are simulated until one takes as long as the window before, or, after as
many as it took to learn, until two in a row take equally long. The window is what is even at the end of them, or all but
the first of many that never become even; those before count as it does. Where a unit is one long iteration, and none was
needed to learn, the loop's last iteration is its last window, if it does what the others do.

What a visit leaves behind for the next one (`History`) makes that shorter, not other: a first unit that takes as long as
the windows of the visit before needs no second one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.core.sampling.counters import CYCLES, ERROR, INSTRUCTIONS, TIMED
from workbench.core.sampling.estimate import between, explained_step, mixture_error, spread_error
from workbench.core.sampling.loops import Loop
from workbench.core.sampling.pattern import Pattern
from workbench.core.sampling.settings import Sampling

if TYPE_CHECKING:
    from workbench.core.sampling.sampler import Sampler

_MOST_UNITS = 6  # planned for a window
_ROOM = 2  # units for a window that may need more than the one before it
_FIRST = 1 / 4  # of a loop at most in the first window
_CONVINCING = 3  # equal units in a row that end the first window
_MANY = 8  # units of which no two in a row are even: they fluctuate, and do not learn
_EVEN = 0.04  # range of the units of a window, as a part of one
_SAME = 1e-3  # part by which instructions of iterations may differ that do the same


@dataclass(frozen=True)
class Frame:
    """A stretch of a function: where its stack frame ends, where execution may leave, loops around it."""

    stack: int
    way_out: frozenset[int]
    depth: int = 0


@dataclass
class History:
    """What earlier visits of a loop have shown.

    Attributes
    ----------
    window: counts per iteration of the last window. learning: most units before a window behind a gap. ends_whole: the
    last iteration did what the others do.
    """

    window: np.ndarray | None = None
    learning: int | None = None
    ends_whole: bool = False


@dataclass(frozen=True)
class Plan:
    """Windows of a visit.

    Attributes
    ----------
    windows: how many. unit: iterations of a unit. usual: units of a window behind a gap. budget: timed instructions meant
    for an iteration. ends_whole: the loop's last iteration is a window.
    """

    windows: int
    unit: int
    usual: int
    budget: float
    ends_whole: bool

    def gap(self, left: int, windows: int) -> int:
        """Iterations to skip before the next of so many windows, when the loop still comes back `left` times."""
        later = windows - 1
        last = 0 if self.ends_whole else self.unit * self.usual
        return (left - self.unit * self.usual * (later - 1) - last) // max(later, 1)

    def after(self, units: int) -> Plan:
        """The same where a window behind a gap took so many units: after more than usual the next have room for more.

        Behind a gap prefetchers learn longer than where the loop begins, and the last window must end before the loop does.
        """
        if units <= self.usual:
            return self
        return replace(self, usual=max(self.usual, min(units + _ROOM, _MOST_UNITS)), ends_whole=False)


def make_plan(
    settings: Sampling, left: int, each: np.ndarray, budget: float, depth: int, learning: int, ends_whole: bool
) -> Plan | None:  # fmt: skip
    """Windows for a loop that comes back `left` times, with an iteration's counts; None if nothing would be skipped.

    More than two only as long as half of the loop is skipped.
    """
    cost = max(float(each[TIMED]), 1.0)
    unit = max(1, int(settings.unit_instructions // cost))
    is_long = unit * each[INSTRUCTIONS] >= settings.window_instructions
    usual = min(learning + (1 if is_long else 2), _MOST_UNITS)
    least = settings.windows if depth == 1 else max(2 * settings.windows // 3, 2)
    plan = None
    for count in range(2, least + 1):
        denser = Plan(count, unit, usual, max(budget, 0) / (unit * count * usual), ends_whole and usual == unit == 1)
        gap = denser.gap(left, count)
        if gap < unit or (plan and gap * (count - 1) < left / 2):
            break
        plan = denser
    return plan


class Windows:
    """A visit from an arrival at the loop's head on; `begun` has the counts of the iterations before."""

    def __init__(
        self, sampler: Sampler, loop: Loop, frame: Frame, pattern: Pattern, plan: Plan, history: History, left: int,
        begun: list[np.ndarray],
    ) -> None:  # fmt: skip
        self._sampler, self._loop, self._frame, self._history = sampler, loop, frame, history
        self._pattern, self._plan, self._left, self._begun = pattern, plan, left, begun
        self._done = 1  # iterations since the one that the pattern has
        self._at = loop.head
        self._learning = history.learning or 0

    def run(self) -> int:
        """Simulate and skip to the loop's end; where it was left."""
        windows, steps = [self._first()], list[float]()
        skipped, mixed = 0, 0.0
        plan, history, counters = self._plan, self._history, self._sampler.counters
        for ahead in range(plan.windows, 1, -1):
            gap = plan.gap(self._left, ahead)
            if gap < plan.unit:
                break
            lines = self._skip(gap)
            before = windows[-1].mean(axis=0)
            learning, window = self._last() if plan.ends_whole and ahead == 2 else self._next(before)
            after = window.mean(axis=0)
            counters.add(gap * _untimed(between(before, after, lines)))
            counters.add(plan.unit * _untimed((after - learning).sum(axis=0)))
            history.learning = max(history.learning or 0, len(learning))
            plan = self._plan = plan.after(len(learning) + len(window))
            windows.append(window)
            steps.append(explained_step(before, after, lines))
            mixed += gap * mixture_error(before, after, lines)
            skipped += gap
        bound = np.zeros_like(self._begun[-1])
        unseen = self._sampler.settings.steady * float(windows[-1][:, CYCLES].mean())
        bound[ERROR] = skipped * max(spread_error(windows, steps), unseen) + mixed
        counters.add(bound)
        history.window = windows[-1].mean(axis=0)
        if plan.usual > 1 or plan.unit > 1:
            return self._sampler.rest(self._loop, self._frame, plan.budget)
        return self._finish()

    def _first(self) -> np.ndarray:
        """The window at the start: long where the loop was not met before; counts per iteration of its units."""
        settings, expected = self._sampler.settings, self._history.window
        units = list(self._begun) if self._plan.unit == 1 else []
        if expected is None:
            most = min(settings.learning_instructions, (self._left + 1) * self._begun[-1][INSTRUCTIONS] * _FIRST)
            while len(units) < 2 or (self._instructions(units) < most and _count_even(units) < _CONVINCING):
                units.append(self._unit())
        elif not (units and self._agree(units[-1], expected)):
            units = self._settle(units, expected)
        window = self._even(units)
        if self._history.learning is None:
            self._learning = len(units) - len(window)
            usual = min(max(self._learning + 1, self._plan.usual), _MOST_UNITS)
            self._plan = replace(self._plan, usual=usual)
        return window

    def _next(self, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A window behind a gap: the units in which the machine learned, and those of the window."""
        units = self._settle([], before)
        window = self._even(units)
        return np.array(units)[: len(units) - len(window)], window

    def _settle(self, units: list[np.ndarray], expected: np.ndarray) -> list[np.ndarray]:
        """Simulate units behind those given until they take as long as expected, or have had time to learn."""
        most = self._sampler.settings.learning_instructions
        while self._left >= self._plan.unit:
            units = [*units, self._unit()]
            if self._agree(units[-1], expected):
                break
            has_learned = len(units) > self._learning + 1 and self._agree(units[-1], units[-2])
            if has_learned or self._instructions(units) >= most:
                break
        return units

    def _instructions(self, units: list[np.ndarray]) -> float:
        return self._plan.unit * float(sum(unit[INSTRUCTIONS] for unit in units))

    def _even(self, units: list[np.ndarray]) -> np.ndarray:
        """The last of some units, as many as take about equally long; of many that do not, all but the first ones.

        Units that go up and down, where lines are written back in bursts, say what they take only together.
        """
        count = _count_even(units)
        if count == 1 and len(units) >= _MANY:
            count = len(units) - max(1, len(units) // 4)
        return np.array(units[-count:])

    def _last(self) -> tuple[np.ndarray, np.ndarray]:
        """Simulate the last iteration; it stands for itself, unless it does something else than those before."""
        unit = self._unit()[None]
        earlier = self._history.window
        return unit[:0], unit if earlier is None or self._does_the_same(unit[0]) else earlier[None]

    def _does_the_same(self, unit: np.ndarray) -> bool:
        usual = self._begun[-1][INSTRUCTIONS]
        return bool(abs(unit[INSTRUCTIONS] - usual) <= _SAME * usual)

    def _agree(self, one: np.ndarray, other: np.ndarray) -> bool:
        return bool(abs(one[CYCLES] - other[CYCLES]) <= self._sampler.settings.steady * other[CYCLES])

    def _unit(self) -> np.ndarray:
        before = self._sampler.counters.read()
        plan, instructions = self._plan, float(self._begun[-1][INSTRUCTIONS])
        self._at = self._sampler.iterate(self._loop, self._frame, plan.unit, instructions, plan.budget)
        self._pass(self._plan.unit)
        counts: np.ndarray = (self._sampler.counters.read() - before) / self._plan.unit
        return counts

    def _skip(self, gap: int) -> float:
        """Pass over a gap; lines that an iteration moved from and to DRAM."""
        instructions = float(self._begun[-1][INSTRUCTIONS])
        lines = self._sampler.skip(self._pattern, self._frame, self._done, gap, instructions)
        self._pass(gap)
        return lines / gap

    def _pass(self, iterations: int) -> None:
        self._done += iterations
        self._left -= iterations

    def _finish(self) -> int:
        """Simulate what is left of the loop; where it was left."""
        while self._at == self._loop.head:
            unit = self._unit()
            self._history.ends_whole = self._does_the_same(unit)
        return self._at


def _count_even(units: list[np.ndarray]) -> int:
    """How many of the last units take about equally long."""
    count = 1
    cycles = np.array([unit[CYCLES] for unit in units])
    while count < len(units) and np.ptp(cycles[-count - 1 :]) <= _EVEN * cycles[-1]:
        count += 1
    return count


def _untimed(counts: np.ndarray) -> np.ndarray:
    counts = counts.copy()
    counts[..., TIMED] = 0
    return counts
