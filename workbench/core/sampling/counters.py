"""What the timing engine has counted, as one vector: read, subtracted, scaled, and added back for skipped iterations."""

from __future__ import annotations

import numpy as np

from workbench.core.timing.state import COUNTS, TIMING_DTYPE

INSTRUCTIONS, CYCLES, TIMED, ERROR = range(4)  # columns; behind them the engine's counts
_OWN = 4
_WORD = 8


def _columns() -> dict[str, slice]:
    """The engine's counts and their places in the vector."""
    places, at = {}, _OWN
    for name in COUNTS:
        size = TIMING_DTYPE[name].itemsize // _WORD
        places[name] = slice(at, at + size)
        at += size
    return places


COLUMNS = _columns()


class Counters:
    """The counts of a timing state, with those that were extrapolated.

    A reading is a vector of floats: instructions, cycles, instructions that were really timed, the bound on the error of
    the cycles, then the engine's counts (`COLUMNS`).
    """

    def __init__(self, timing: np.ndarray) -> None:
        self._timing = timing
        self._views = [timing["instructions"], timing["last_commit"], *(timing[name].reshape(-1) for name in COLUMNS)]
        self.extra = np.zeros(_OWN + sum(len(view) for view in self._views[2:]))

    def read(self) -> np.ndarray:
        """All counts now."""
        counts = np.concatenate(self._views).astype(np.float64)
        timed = counts[:1]
        return np.concatenate((counts[:2], timed, np.zeros(1), counts[2:])) + self.extra

    def add(self, counts: np.ndarray) -> None:
        """Count what was not simulated; instructions that were not timed stay out of `TIMED`."""
        self.extra += counts

    def settle(self) -> None:
        """Write what was added into the timing state, as if it had been simulated."""
        state = self._timing
        added = np.rint(self.extra).astype(np.int64)
        stack = added[COLUMNS["stack"]]
        added[CYCLES] += stack.sum() - added[CYCLES]  # rounding: the stack sums to the cycles
        state["instructions"] += added[INSTRUCTIONS]
        state["last_commit"] += added[CYCLES]
        state["region_instruction"] += added[INSTRUCTIONS]  # what was added belongs to no region
        state["region_cycle"] += added[CYCLES]
        state["npu_done"] += added[CYCLES]
        state["npu_queue_free"] += added[CYCLES]
        for name, place in COLUMNS.items():
            state[name] += added[place].reshape(state[name].shape)
        self.extra[:] = 0
