"""How densely a run is sampled."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Sampling:
    """Settings of a sampled run.

    Attributes
    ----------
    timed_instructions: aimed at for each function, a layer of a network; more are timed where a loop cannot be skipped.
    windows: most windows in one loop; at least three in outermost loops, two in inner ones.
    unit_instructions: a window consists of units, a unit of one iteration, or as many as have so many instructions.
    warm_units: most units simulated before the two of a window; the window begins when two in a row differ by at most
    `steady`.
    least_skip: instructions that a loop must have to be sampled at all.
    error: a function whose error may be a larger part of its cycles is simulated again, `denser`, in up to `rounds`.
    executes: skipped iterations are executed without timing, so that results are right, instead of jumped over.
    """

    timed_instructions: int = 30_000
    windows: int = 3
    unit_instructions: int = 1_500
    warm_units: int = 4
    steady: float = 0.005
    least_skip: int = 60_000  # about what following and extrapolating a loop costs
    error: float = 0.06
    rounds: int = 2
    executes: bool = False

    def denser(self) -> Sampling:
        """The same with twice the windows and four times the instructions."""
        return replace(self, windows=2 * self.windows, timed_instructions=4 * self.timed_instructions)
