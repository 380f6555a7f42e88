"""What the kernels log while a program runs: rows of pipeline stages, and when execution enters another function.

Both are `workbench.core.run.Observer`: they hand the kernels a buffer and take it back. Runs without them log nothing and
are no slower: the engine looks at one counter per instruction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.core.interpreter.state import VISIT_DTYPE
from workbench.core.timing.stages import STAGE_DTYPE

if TYPE_CHECKING:
    from workbench.core.interpreter.state import Status
    from workbench.core.run import Machine
    from workbench.isa.predecode import Code

DEFAULT_COUNT = 100_000
LARGEST_COUNT = 2_000_000
LARGEST_VISITS = 200_000
_ANY = 1 << 62


@dataclass(frozen=True)
class StageTable:
    """Pipeline stages of consecutive instructions, and the code that they belong to.

    Attributes
    ----------
    rows: `STAGE_DTYPE`, in program order. first: number of the first instruction since the program's start.
    entries, regions: predecoded instructions (`workbench.isa.code`) and the names of their regions.
    """

    rows: np.ndarray
    first: int
    entries: np.ndarray
    regions: tuple[str, ...]


class StageLog:
    """Logs the stages of up to `count` instructions from instruction number `first` on; `code` is the machine's."""

    def __init__(self, first: int = 0, count: int = DEFAULT_COUNT) -> None:
        self.first, self.count = first, count
        self._rows = np.zeros(count, STAGE_DTYPE)
        self._state: Any = None
        self.code: Code | None = None
        self._is_armed = False

    def begin(self, machine: Machine) -> None:
        """Log into the rows, from the machine's first instruction on if that is wanted."""
        self.code = machine.code
        self.watch(machine.timing)

    def watch(self, timing: Any) -> None:
        """The same for an engine without a machine."""
        self._state = timing[0]
        self.arm(0)

    def room(self, instructions: int) -> int:
        """Up to the first instruction of the log, then as many as there are."""
        return self.first - instructions if instructions < self.first else _ANY

    def after_slice(self, machine: Machine, status: Status) -> None:
        """Begin the log when its first instruction is next."""
        self.arm(machine.instructions)

    def arm(self, instructions: int) -> None:
        """Begin the log if `instructions` have gone by and it has not begun."""
        if not self._is_armed and instructions >= self.first:
            self._state["log_pointer"], self._state["log_left"] = self._rows.ctypes.data, self.count
            self._is_armed = True

    def table(self, entries: np.ndarray, regions: tuple[str, ...]) -> StageTable:
        """What was logged."""
        written = self.count - int(self._state["log_left"]) if self._is_armed else 0
        return StageTable(self._rows[:written], self.first, entries, regions)

    def note(self, instructions: int) -> str | None:
        """One sentence where the log does not hold all of a run's `instructions`."""
        written = self.count - int(self._state["log_left"]) if self._is_armed else 0
        if written == instructions:
            return None
        if not written:
            return f"The log is empty: it begins after {self.first:,} instructions, and the program ended before."
        last = self.first + written
        return (
            f"The log holds instructions {self.first + 1:,} to {last:,} of {instructions:,} "
            "(--log-from and --log-count choose others)."
        )


class VisitLog:
    """Logs the first `LARGEST_VISITS` times that execution enters another region (a function, a layer)."""

    def __init__(self) -> None:
        self._rows = np.zeros(LARGEST_VISITS, VISIT_DTYPE)
        self._machine: Any = None

    def begin(self, machine: Machine) -> None:
        """Log into the rows."""
        self._machine = machine.state[0]
        self._machine["visit_pointer"], self._machine["visits_left"] = self._rows.ctypes.data, LARGEST_VISITS

    def room(self, instructions: int) -> int:
        """Slices may be of any length."""
        return _ANY

    def after_slice(self, machine: Machine, status: Status) -> None:
        """Nothing to take: the rows are there."""

    def visits(self) -> np.ndarray:
        """Rows of `VISIT_DTYPE`, in order."""
        return self._rows[: LARGEST_VISITS - int(self._machine["visits_left"])]
