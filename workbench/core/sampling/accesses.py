"""The accesses of stretches of a run, for any number of stretches that contain each other."""

from __future__ import annotations

import numpy as np

from workbench.core.interpreter.record import FIXED_WORDS
from workbench.core.interpreter.state import RECORDS
from workbench.core.run import Machine
from workbench.core.sampling.footprint import ENTRY, read_accesses

_WORDS = 1 << 20  # of the buffer


class AccessLog:
    """Records while a stretch is open; accesses of skipped iterations are put in between.

    Call `drain` after every slice, so that the buffer does not overflow.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._buffer = np.zeros(_WORDS + FIXED_WORDS + machine.vlen_bits, np.int64)
        self._pieces: list[np.ndarray] = []
        self._starts: list[int] = []
        self._rewind()

    def _rewind(self) -> None:
        start = self._buffer.ctypes.data
        self._machine.state["record_pointer"], self._machine.state["record_end"] = start, start + 8 * _WORDS

    def begin(self) -> None:
        """Open a stretch."""
        self.drain()
        self._starts.append(len(self._pieces))
        self._machine.actions |= RECORDS

    def end(self) -> np.ndarray:
        """Close the stretch opened last; its accesses in order."""
        self.drain()
        pieces = self._pieces[self._starts.pop() :]
        accesses = np.concatenate(pieces) if pieces else np.zeros((0, ENTRY + 1), np.int64)
        if not self._starts:
            self._pieces.clear()
            self._machine.actions &= ~RECORDS
        return accesses

    @property
    def is_open(self) -> bool:
        """Whether accesses are wanted."""
        return bool(self._starts)

    def insert(self, accesses: np.ndarray) -> None:
        """Enter accesses that were not executed."""
        self.drain()
        self._pieces.append(accesses)

    def drain(self) -> None:
        """Take what the interpreter has recorded."""
        used = (int(self._machine.state["record_pointer"][0]) - self._buffer.ctypes.data) // 8
        if not used:
            return
        words, entries = self._buffer[:used], self._machine.code.entries
        rows = np.empty((used, ENTRY + 1), np.int64)
        count = read_accesses(words, entries, self._machine.vlen_bits // 8, rows)
        if count > len(rows):
            rows = np.empty((count, ENTRY + 1), np.int64)
            read_accesses(words, entries, self._machine.vlen_bits // 8, rows)
        self._pieces.append(rows[:count].copy())
        self._rewind()
