"""How densely a run is sampled."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Sampling:
    """Settings of a sampled run.

    Attributes
    ----------
    timed_instructions: aimed at for each function, a layer of a network; more are timed where a loop cannot be skipped.
    windows: of an outermost loop; inner ones have two thirds of them, at least two.
    unit_instructions: a window consists of units, a unit of one iteration, or as many as have so many instructions.
    window_instructions: of one unit that makes a window where no prefetcher has to learn.
    learning_instructions: of a window at most, if its units do not become even before.
    steady: part by which the cycles of two units may differ that count as equal.
    least_skip: instructions that a loop must have to be sampled at all.
    executes: skipped iterations are executed without timing, so that results are right, instead of jumped over.
    """

    timed_instructions: int = 30_000
    windows: int = 3
    unit_instructions: int = 1_500
    window_instructions: int = 8_000
    learning_instructions: int = 60_000
    steady: float = 0.01
    least_skip: int = 30_000  # about what following and extrapolating a loop costs
    executes: bool = False

    def denser(self) -> Sampling:
        """The same with twice the windows and four times the instructions."""
        return replace(self, windows=2 * self.windows, timed_instructions=4 * self.timed_instructions)
