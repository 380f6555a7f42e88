"""Simulates functions in part: their loops in windows with full timing, the iterations in between extrapolated.

At a loop's head, three arrivals tell what an iteration adds to registers and stack frame and where its accesses move
(`pattern`); the latch tells how often the loop still goes round (`loops`). If that is much, the loop is simulated in
windows at even distances (`windows`). The accesses in between pass through caches and TLBs (`footprint.warm`), so that the
next window finds the lines that it would find; for every counter, the gap counts as a mixture of the windows around it
(`estimate.between`). Inner loops are sampled within the simulated iterations of outer ones, with a part of their budget:
a nest costs the product of what its loops do, so few iterations of each are simulated.

The bound on the error is `estimate.spread_error`, scaled like the cycles, and at least what counts as equal
(`Sampling.steady`). Left out: prefetches by skipped iterations and the DRAM rows that they open.

model: ours; measured by benchmarks/sampled_latency.py against runs in full.
"""

from __future__ import annotations

import numpy as np

from workbench.core.breakpoints import Breakpoints
from workbench.core.interpreter.state import TIMES
from workbench.core.run import Machine
from workbench.core.sampling.accesses import AccessLog
from workbench.core.sampling.counters import INSTRUCTIONS, TIMED, Counters
from workbench.core.sampling.footprint import joined, later, warm
from workbench.core.sampling.loops import Loop, find_loops
from workbench.core.sampling.pattern import Arrival, Pattern, arrive, find_pattern
from workbench.core.sampling.settings import Sampling
from workbench.core.sampling.windows import Frame, History, Windows, make_plan

_SHARE = 1 / 12  # of a loop's budget for one of its first iterations, before it is known how many there are
_RA = 1


class Sampler:
    """Runs functions of a machine; `counters` has what was simulated and what was extrapolated."""

    def __init__(self, machine: Machine, stops: Breakpoints, settings: Sampling) -> None:
        self._machine, self._stops, self.settings = machine, stops, settings
        self.counters = Counters(machine.timing)
        self._log = AccessLog(machine)
        self._flags = machine.code.entries["flags"]
        self._gap = (1 << int(machine.timing["line_shift"][0])) - 1
        self._sizes: dict[int, float] = {}  # instructions of a loop, by its head
        self._patterns: dict[int, Pattern] = {}
        self._histories: dict[int, History] = {}
        self._loops: dict[int, tuple[Loop, ...]] = {}

    def call(self, start: int, end: int) -> None:
        """Run the function in ``start ... end - 1``, whose first instruction is next, until it returns."""
        if start not in self._loops:
            self._loops[start] = find_loops(self._machine.code, start, end)
        registers = self._machine.registers
        frame = Frame(int(registers[2]), frozenset([int(registers[_RA])]))
        if not self._loops[start]:
            self._run_to(frame.way_out)
            return
        self._body(self._loops[start], frame, self.settings.timed_instructions)

    def _run_to(self, targets: frozenset[int]) -> int:
        if self._log.is_open:
            return self._stops.run_to(self._machine, targets, self._log.drain)
        return self._stops.run_to(self._machine, targets)

    def _followed(self, loops: tuple[Loop, ...]) -> dict[int, Loop]:
        """Loops that are large enough to be sampled, by their heads; of those not met yet it is not known."""
        return {loop.head: loop for loop in loops if self._sizes.get(loop.head, np.inf) > self.settings.least_skip}

    def _body(self, loops: tuple[Loop, ...], frame: Frame, budget: float) -> int:
        """Execute on to a place of the frame's way out, sampling the loops met; where it came out."""
        inner = self._followed(loops)
        targets = frame.way_out | frozenset(inner)
        at = self._run_to(targets)
        while at not in frame.way_out:
            at = self._loop(inner[at], frame, budget)
            if at not in targets:
                at = self._run_to(targets)
        return at

    # --- one loop -------------------------------------------------------------------------------------------------

    def _loop(self, loop: Loop, frame: Frame, budget: float) -> int:
        """Sample a loop whose head is next, arrived at from outside; the address at which it was left."""
        inside = Frame(frame.stack, frame.way_out | {loop.head, loop.exit}, frame.depth + 1)
        began = self.counters.read()
        at = self._sampled(loop, inside, budget)
        self._sizes[loop.head] = float((self.counters.read() - began)[INSTRUCTIONS])
        return at

    def _sampled(self, loop: Loop, frame: Frame, budget: float) -> int:
        begun = self.counters.read()
        at, pattern, arrival, units = self._begin(loop, frame, budget * _SHARE)
        if at != loop.head:
            return at
        left = None if pattern is None else loop.remaining(arrival.registers, pattern.registers)
        if pattern is None or left is None:
            return self.rest(loop, frame, budget * _SHARE)
        self._patterns[loop.head] = pattern
        budget -= (self.counters.read() - begun)[TIMED]
        if (left + 1) * units[-1][INSTRUCTIONS] <= max(budget, self.settings.least_skip):
            return self._run_to(frame.way_out - {loop.head})
        history = self._histories.setdefault(loop.head, History())
        plan = make_plan(self.settings, left, units[-1], budget, frame.depth, history.learning or 0, history.ends_whole)
        if plan is None:
            return self.rest(loop, frame, budget / (left + 1))
        return Windows(self, loop, frame, pattern, plan, history, left, units).run()

    def _begin(
        self, loop: Loop, frame: Frame, budget: float
    ) -> tuple[int, Pattern | None, Arrival, list[np.ndarray]]:  # fmt: skip
        """Simulate iterations until the loop's pattern is known: one where it was met before, else two.

        Returns where execution is, the pattern, the machine there and the counts of each iteration.
        """
        arrivals = [self._arrive(frame)]
        logs: list[np.ndarray] = []
        units: list[np.ndarray] = []
        known = self._patterns.get(loop.head)
        pattern = None
        while len(logs) < 2 and pattern is None:
            before = self.counters.read()
            self._log.begin()
            at = self._body(loop.inner, frame, budget)
            logs.append(self._log.end())
            units.append(self.counters.read() - before)
            arrivals.append(self._arrive(frame))
            if at != loop.head:
                break
            pattern = known.moved_to(logs[-1]) if known else None
        if pattern is None and len(logs) == 2:
            pattern = find_pattern(arrivals, *logs)
        return at, pattern, arrivals[-1], units

    def _arrive(self, frame: Frame) -> Arrival:
        return arrive(self._machine, frame.stack)

    def rest(self, loop: Loop, frame: Frame, budget: float) -> int:
        """Simulate all iterations that are left, sampling the loops inside them."""
        at = loop.head
        while at == loop.head:
            if not self._followed(loop.inner):
                return self._run_to(frame.way_out - {loop.head})
            at = self._body(loop.inner, frame, budget)
        return at

    # --- what windows need ----------------------------------------------------------------------------------------

    def iterate(self, loop: Loop, frame: Frame, iterations: int, instructions: float, budget: float) -> int:
        """Simulate whole iterations of so many instructions each; where execution is then, head or way out."""
        if iterations > 1 and not self._followed(loop.inner):
            self._machine.run_slice(round(iterations * instructions))
            at = int(self._machine.state["pc"][0])
            return at if at == loop.head else self._run_to(frame.way_out)
        at = loop.head
        for _ in range(iterations):
            at = self._body(loop.inner, frame, budget)
        return at

    def skip(self, pattern: Pattern, frame: Frame, first: int, iterations: int, instructions: float) -> int:
        """Pass over iterations, `first` after the pattern's own one; lines moved from and to DRAM."""
        rows = later(pattern.accesses, pattern.steps, first, 1)
        ranges = joined(rows, pattern.steps, self._flags, self._gap)
        lines = int(warm(self._machine.timing, ranges, iterations))
        if self._log.is_open:
            self._log.insert(later(pattern.accesses, pattern.steps, first, iterations))
        if self.settings.executes:
            self._execute(round(instructions * iterations))
        else:
            pattern.jump(self._machine, iterations, frame.stack)
        return lines

    def _execute(self, instructions: int) -> None:
        machine, actions = self._machine, self._machine.actions
        goal = machine.instructions + instructions
        machine.actions = 0
        while machine.instructions < goal:
            machine.run_slice(min(goal - machine.instructions, 1_000_000))
        machine.actions = actions | TIMES
