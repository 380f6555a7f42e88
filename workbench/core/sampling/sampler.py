"""Simulates functions in part: their loops in windows with full timing, the iterations in between extrapolated.

At a loop's head, three arrivals tell what an iteration adds to registers and stack frame and where its accesses move
(`pattern`); the latch tells how often the loop still goes round (`loops`). If that is much, the loop is simulated in
windows at even distances. The accesses in between pass through caches and TLBs (`footprint.warm`), so that the next window
finds the lines that it would find; for every counter, the gap counts as a mixture of the windows around it
(`estimate.between`). The units after a gap, in which prefetchers learn again, are simulated until they are steady and
count as the window's mean. Inner loops are sampled within the simulated
iterations of outer ones, with a part of their budget. An inner loop that is entered again and does the same is simulated at
its start and its end only: for the window behind its gap stands that of the entry before.

The bound on the error is `estimate.spread_error`, scaled like the cycles. Left out: prefetches by skipped iterations and
the DRAM rows that they open.

model: ours; measured by benchmarks/sampled_latency.py against runs in full.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.core.breakpoints import Breakpoints
from workbench.core.interpreter_state import TIMES
from workbench.core.run import Machine
from workbench.core.sampling.accesses import AccessLog
from workbench.core.sampling.counters import CYCLES, ERROR, INSTRUCTIONS, TIMED, Counters
from workbench.core.sampling.footprint import joined, later, warm
from workbench.core.sampling.loops import Loop, find_loops
from workbench.core.sampling.pattern import Arrival, Pattern, arrive, find_pattern
from workbench.core.sampling.settings import Sampling
from workbench.core.sampling.snapshot import Snapshot
from workbench.core.sampling.windows import LONG, USUAL_UNITS, Entry, Plan, Windows

_SHARE = 1 / 12  # of a loop's budget for one of its first iterations, before it is known how many there are
_RA = 1


@dataclass
class Frame:
    """A stretch of a function: where its stack frame ends, where execution may leave, loops around it."""

    stack: int
    way_out: frozenset[int]
    depth: int = 0


class Sampler:
    """Runs functions of a machine; `counters` has what was simulated and what was extrapolated."""

    def __init__(self, machine: Machine, stops: Breakpoints, settings: Sampling) -> None:
        self._machine, self._stops, self.settings = machine, stops, settings
        self.counters = Counters(machine.timing)
        self._log, self._saved = AccessLog(machine), Snapshot(machine, settings.executes)
        self._flags = machine.code.entries["flags"]
        self._gap = (1 << int(machine.timing["line_shift"][0])) - 1
        self._sizes: dict[int, float] = {}  # instructions of a loop, by its head
        self._patterns: dict[int, Pattern] = {}
        self._entries: dict[int, Entry] = {}
        self._loops: dict[int, tuple[Loop, ...]] = {}
        self.simulated = 0  # instructions with timing, in repeated simulations too

    def call(self, start: int, end: int) -> None:
        """Run the function in ``start ... end - 1``, whose first instruction is next, until it returns."""
        if start not in self._loops:
            self._loops[start] = find_loops(self._machine.code, start, end)
        registers = self._machine.registers
        frame = Frame(int(registers[2]), frozenset([int(registers[_RA])]))
        if not self._loops[start]:
            self._run_to(frame.way_out)
            return
        self._until_exact(self._loops[start], frame)

    def _until_exact(self, loops: tuple[Loop, ...], frame: Frame) -> None:
        """Sample a function, again and more densely until its error is small."""
        first, before = self.settings, self.counters.read()
        self._saved.take()
        extra = self.counters.extra.copy()
        for round_ in range(first.rounds):
            self._body(loops, frame, self.settings.timed_instructions)
            spent = self.counters.read() - before
            self.simulated += int(spent[TIMED])
            if spent[ERROR] <= first.error * spent[CYCLES]:
                break
            self.settings = self.settings.denser()
            if round_ + 1 < first.rounds:
                self._saved.restore()
                self.counters.extra[:] = extra
        self.settings = first

    def _run_to(self, targets: frozenset[int]) -> int:
        return self._stops.run_to(self._machine, targets, self._log.drain)

    def _body(self, loops: tuple[Loop, ...], frame: Frame, budget: float) -> int:
        """Execute on to a place of the frame's way out, sampling the loops met; where it came out."""
        inner = {loop.head: loop for loop in loops if self._sizes.get(loop.head, np.inf) > self.settings.least_skip}
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
        at, pattern, arrival, each = self._begin(loop, frame, budget * _SHARE)
        if at != loop.head:
            return at
        left = None if pattern is None else loop.remaining(arrival.registers, pattern.registers)
        if pattern is None or left is None:
            return self.rest(loop, frame, budget * _SHARE)
        self._patterns[loop.head] = pattern
        budget -= (self.counters.read() - begun)[TIMED]
        if (left + 1) * each[INSTRUCTIONS] <= max(budget, self.settings.least_skip):
            return self._run_to(frame.way_out - {loop.head})
        plan = self._plan(left, each, budget, frame.depth)
        if plan is None:
            return self.rest(loop, frame, budget / (left + 1))
        entry = self._entries.get(loop.head) if frame.depth > 1 else None
        known = entry.window if entry is not None and abs(entry.left - left) <= 1 else None
        run = Windows(self, loop, frame, pattern, plan, left, each, known)
        at = run.run()
        self._entries[loop.head] = Entry(left, run.last_window)
        return at

    def _begin(
        self, loop: Loop, frame: Frame, budget: float
    ) -> tuple[int, Pattern | None, Arrival, np.ndarray]:  # fmt: skip
        """Simulate iterations until the loop's pattern is known: one where it was met before, else two.

        Returns where execution is, the pattern, the machine there and the counts of the last iteration.
        """
        arrivals = [self._arrive(frame)]
        logs: list[np.ndarray] = []
        known = self._patterns.get(loop.head)
        pattern = None
        while len(logs) < 2 and pattern is None:
            before = self.counters.read()
            self._log.begin()
            at = self._body(loop.inner, frame, budget)
            logs.append(self._log.end())
            each = self.counters.read() - before
            arrivals.append(self._arrive(frame))
            if at != loop.head:
                break
            pattern = known.moved_to(logs[-1]) if known else None
        if pattern is None and len(logs) == 2:
            pattern = find_pattern(arrivals, *logs)
        return at, pattern, arrivals[-1], each

    def _arrive(self, frame: Frame) -> Arrival:
        return arrive(self._machine, frame.stack)

    def rest(self, loop: Loop, frame: Frame, budget: float) -> int:
        """Simulate all iterations that are left, sampling the loops inside them."""
        at = loop.head
        while at == loop.head:
            at = self._body(loop.inner, frame, budget)
        return at

    def _plan(self, left: int, each: np.ndarray, budget: float, depth: int) -> Plan | None:
        """Windows for `left` iterations with the counts of one of them; None if all of them are simulated."""
        settings, cost = self.settings, each[TIMED]
        unit = max(1, int(settings.unit_instructions // max(cost, 1)))
        units = 1 if each[INSTRUCTIONS] >= LONG else USUAL_UNITS
        least = 2 if depth > 1 else 3
        windows = min(max(int(budget // (cost * unit * units)), least), settings.windows)
        for count in range(windows, 1, -1):
            plan = Plan(count, unit, units, max(budget, 0) / (unit * count * units))
            if plan.gap(left, count) >= unit:
                return plan
        return None

    # --- what windows need ----------------------------------------------------------------------------------------

    def iterate(self, loop: Loop, frame: Frame, iterations: int, budget: float) -> bool:
        """Simulate whole iterations; whether the loop's head is next again."""
        return all(self._body(loop.inner, frame, budget) == loop.head for _ in range(iterations))

    def skip(self, pattern: Pattern, frame: Frame, first: int, iterations: int, instructions: float) -> int:
        """Pass over iterations, of which `first` is the distance from the pattern's own one; lines fetched from DRAM."""
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
