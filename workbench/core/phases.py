"""A run over time: IPC, CPI stack and misses of equal intervals of instructions, as rows and as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.core.interpreter.state import Status
from workbench.core.timing.readout import TimingResult, read_result

if TYPE_CHECKING:
    from workbench.core.run import Machine

FIRST_INTERVAL = 10_000
MOST_INTERVALS = 500  # twice as many are joined in pairs, so that a run of any length has 250 to 500


@dataclass(frozen=True)
class Phase:
    """One interval.

    Attributes
    ----------
    instructions, cycles: of the interval. first_instruction, first_cycle: where it begins.
    cpi_stack: cycles per instruction by cause. mpki: misses per thousand instructions by structure.
    """

    first_instruction: int
    first_cycle: int
    instructions: int
    cycles: int
    cpi_stack: dict[str, float]
    mpki: dict[str, float]

    @property
    def ipc(self) -> float:
        """Instructions per cycle."""
        return self.instructions / self.cycles if self.cycles else 0.0


class PhaseLog:
    """Watches a timed machine (`workbench.core.run.Observer`).

    `interval` fixes the instructions of an interval; None begins small and doubles it as the run grows.
    """

    def __init__(self, interval: int | None = None) -> None:
        self._is_fixed, self._interval = interval is not None, interval or FIRST_INTERVAL
        self._points: list[TimingResult] = []

    def begin(self, machine: Machine) -> None:
        """The point at which nothing has run."""
        self._points = [self._read(machine)]

    def room(self, instructions: int) -> int:
        """Up to the end of the interval."""
        return self._interval - instructions % self._interval

    def after_slice(self, machine: Machine, status: Status) -> None:
        """Take the counters at the end of an interval."""
        if machine.instructions % self._interval or machine.instructions == self._points[-1].instructions:
            return
        self._points.append(self._read(machine))
        if len(self._points) > 2 * MOST_INTERVALS and not self._is_fixed:
            self._points, self._interval = self._points[::2], 2 * self._interval

    def finish(self, machine: Machine) -> None:
        """Take the counters at the end of the run, in the middle of an interval."""
        if machine.instructions != self._points[-1].instructions:
            self._points.append(self._read(machine))

    @staticmethod
    def _read(machine: Machine) -> TimingResult:
        return read_result(machine.timing)

    def phases(self) -> list[Phase]:
        """The intervals in order."""
        return [_between(a, b) for a, b in zip(self._points, self._points[1:], strict=False)]

    def csv(self) -> str:
        """The intervals as a table with a header."""
        stream, phases = io.StringIO(), self.phases()
        writer = csv.writer(stream, lineterminator="\n")
        causes, structures = (list(getattr(phases[0], name)) if phases else [] for name in ("cpi_stack", "mpki"))
        head = ["first_instruction", "first_cycle", "instructions", "cycles", "ipc"]
        writer.writerow(head + [f"cpi_{name}" for name in causes] + [f"mpki_{name}" for name in structures])
        for p in phases:
            figures = [p.ipc, *p.cpi_stack.values(), *p.mpki.values()]
            counts = [p.first_instruction, p.first_cycle, p.instructions, p.cycles]
            writer.writerow(counts + [f"{figure:.6g}" for figure in figures])
        return stream.getvalue()


def _between(a: TimingResult, b: TimingResult) -> Phase:
    instructions = b.instructions - a.instructions
    per = max(instructions, 1)
    stack = {cause: (cycles - a.cpi_stack[cause]) / per for cause, cycles in b.cpi_stack.items()}
    mpki = {
        name: (rate * max(b.instructions, 1) - a.mpki[name] * max(a.instructions, 1)) / per for name, rate in b.mpki.items()
    }
    return Phase(a.instructions, a.cycles, instructions, b.cycles - a.cycles, stack, mpki)
