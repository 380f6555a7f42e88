"""Follows calls of functions that the threads of a program make together, and says what each of them took.

All of it is timed. A function's cycles are those from the call of the program's first thread to its return, with the waiting
for others inside; instructions and counts are those of all harts in that time, as far as their clocks have come, which
differ by `harts.QUANTUM_CYCLES` at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import BinaryIO

import numpy as np

from workbench.base.progress import Progress
from workbench.core.breakpoints import Breakpoints
from workbench.core.config import CoreConfig
from workbench.core.linux.threads import FIRST_THREAD
from workbench.core.result import SimResult
from workbench.core.run import Machine
from workbench.core.sampling.counters import CYCLES, Counters
from workbench.core.sampling.run import FunctionSample, make_sample
from workbench.isa.program import Program

_RA = 1


def run_followed(
    program: Program, core: CoreConfig, functions: Sequence[str], harts: int, *, stdin: bytes | BinaryIO = b"",
    progress: Progress | None = None,
) -> tuple[SimResult, tuple[FunctionSample, ...]]:  # fmt: skip
    """Execute a program on several harts to its end, with timing, and follow calls of some functions by its first thread.

    A function must return to its caller and may not call another of them. Raises as `workbench.core.run.run_program`.
    """
    machine = Machine(program, core, stdin=stdin, timed=True, harts=harts)
    watch = _Watch(machine, program, functions)
    with machine:
        machine.run(None, progress)
    return machine.result(), watch.samples()


class _Watch:
    """Breakpoints on the functions, and what was counted while the first thread was in them."""

    def __init__(self, machine: Machine, program: Program, functions: Sequence[str]) -> None:
        self._counters = [Counters(hart.timing) for hart in machine.harts.all]
        self._sums = {name: np.zeros_like(self._counters[0].extra) for name in functions}
        self._stops = Breakpoints(machine, follows_threads=True)
        for symbol in program.symbols:
            if symbol.name in self._sums:
                self._stops.add(symbol.address, partial(self._enter, symbol.name))

    def _enter(self, name: str, machine: Machine) -> None:
        if machine.harts.number != FIRST_THREAD:
            return
        before = self._read()

        def leave(now: Machine) -> None:
            if now.harts.number == FIRST_THREAD:
                self._sums[name] += self._read() - before

        self._stops.add(int(machine.registers[_RA]), leave)

    def _read(self) -> np.ndarray:
        """Counts of all harts, and the clock of the first one."""
        each = [counters.read() for counters in self._counters]
        total: np.ndarray = np.sum(each, axis=0)
        total[CYCLES] = each[0][CYCLES]
        return total

    def samples(self) -> tuple[FunctionSample, ...]:
        """What every function took, in the order asked for."""
        return tuple(make_sample(name, counts) for name, counts in self._sums.items())
