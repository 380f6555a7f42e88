"""A thread, which is architectural state, and a hart, which is a core with a clock; `harts` says which of them runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

FOREVER = 1 << 62  # a clock that never comes


@dataclass
class Wait:
    """Why a thread does not run: a futex (address, bits) or a sleep (address 0), until a deadline in cycles if it has one.

    `late` is the value of a0 once the deadline has passed.
    """

    address: int
    bits: int
    deadline: int | None
    late: int


@dataclass(eq=False)
class Thread:
    """A thread and its architectural state.

    Attributes
    ----------
    number: as Linux counts. hart: where it runs.
    registers: x0..x31 and f0..f31 as int64 bits. vector: v0..v31 as bytes, one row a register. state: MACHINE_DTYPE.
    ready: clock from which on it may run. wait: None while it may. clear_address: word to clear at its end, 0 = none.
    """

    number: int
    hart: Hart
    registers: np.ndarray
    vector: np.ndarray
    state: np.ndarray
    ready: int = 0
    wait: Wait | None = None
    clear_address: int = 0

    @property
    def instructions(self) -> int:
        """Instructions executed so far."""
        return int(self.state["instructions"][0])

    @property
    def next_clock(self) -> int:
        """Clock from which on it can go on; FOREVER while it waits for others only."""
        if self.wait is None:
            return self.ready
        return FOREVER if self.wait.deadline is None else self.wait.deadline


@dataclass(eq=False)
class Hart:
    """A core of the machine.

    Attributes
    ----------
    number: from 0 on. timing: the engine's state; `is_timed` tells whether it is used.
    threads: that live on it, the next one first. started: threads that ever did.
    idle_cycles: that it had nothing to run. turn_end: clock at which another of its threads is due.
    seen: the clock when its last slice ended.
    """

    number: int
    timing: Any
    is_timed: bool
    threads: list[Thread] = field(default_factory=list)
    started: int = 0
    idle_cycles: int = 0
    turn_end: int = 0
    seen: int = 0
    ended_instructions: int = 0

    @property
    def instructions(self) -> int:
        """Instructions executed so far."""
        return self.ended_instructions + sum(thread.instructions for thread in self.threads)

    @property
    def clock(self) -> int:
        """Cycles since the program began."""
        return int(self.timing["last_commit"][0]) if self.is_timed else self.instructions + self.idle_cycles

    @property
    def slice_end(self) -> int:
        """Clock at which another hart is due, while this one runs; the engine's kernels bring it forward."""
        return int(self.timing["slice_end"][0])

    @slice_end.setter
    def slice_end(self, clock: int) -> None:
        self.timing["slice_end"] = clock

    def idle_until(self, cycle: int) -> None:
        """Let it wait for something to run."""
        before = self.clock
        if cycle <= before:
            return
        if self.is_timed:
            from workbench.core.timing.initial import idle_until

            idle_until(self.timing, cycle)
        self.idle_cycles += cycle - before
        self.seen = cycle

    def next_thread(self) -> tuple[int, Thread | None]:
        """When it can go on, and with which thread: of those that can at once, the one whose turn it is."""
        best, found = FOREVER, None
        for thread in self.threads:
            clock = max(self.seen, thread.next_clock)
            if clock < best:
                best, found = clock, thread
        return best, found

    def rotate(self) -> None:
        """The thread whose turn it was comes last."""
        self.threads.append(self.threads.pop(0))
