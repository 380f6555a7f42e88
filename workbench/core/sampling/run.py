"""Runs a program of which some functions are sampled, and says what each of them took."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np

from workbench.base.progress import Progress
from workbench.core.breakpoints import Breakpoints
from workbench.core.config import CoreConfig
from workbench.core.result import SimResult
from workbench.core.run import Machine, Observer
from workbench.core.sampling.counters import COLUMNS, CYCLES, ERROR, INSTRUCTIONS, TIMED
from workbench.core.sampling.sampler import Sampler
from workbench.core.sampling.settings import Sampling
from workbench.isa.program import Program

_RA = 1


@dataclass(frozen=True)
class FunctionSample:
    """Calls of one function.

    Attributes
    ----------
    instructions, cycles: of all calls. timed_instructions: those that were simulated with timing.
    error_cycles: bound on the error of the cycles, 0 where all was timed.
    counts: the engine's counts by name (`counters.COLUMNS`), summed.
    """

    name: str
    instructions: int
    cycles: int
    timed_instructions: int
    error_cycles: float
    counts: dict[str, np.ndarray]


def run_sampled(
    program: Program, core: CoreConfig, functions: Sequence[str], sampling: Sampling | None, *,
    stdin: bytes | BinaryIO = b"", progress: Progress | None = None, observers: Sequence[Observer] = (),
) -> tuple[SimResult, tuple[FunctionSample, ...]]:  # fmt: skip
    """Execute a program to its end and follow calls of some functions; without `sampling` all is timed.

    A function must return to its caller, may not call another of them, and makes no system calls. Results are right only
    if nothing is skipped or `sampling.executes`. Raises as `workbench.core.run.run_program`.
    """
    machine = Machine(program, core, stdin=stdin, timed=True)
    watch = _Watch(machine, program, functions, sampling, progress)
    with machine:
        machine.run(None, progress, observers)
    watch.settle()
    result = machine.result()
    return replace(result, host_seconds=result.host_seconds + watch.seconds), watch.samples()


class _Watch:
    """Breakpoints on the functions, and what they counted."""

    def __init__(
        self, machine: Machine, program: Program, functions: Sequence[str], sampling: Sampling | None,
        progress: Progress | None,
    ) -> None:  # fmt: skip
        wanted = set(functions)
        self._machine, self._sampling, self._order, self._progress = machine, sampling, list(functions), progress
        self._symbols = {symbol.address: symbol for symbol in program.symbols if symbol.name in wanted}
        self._stops = Breakpoints(machine)
        self._sampler = Sampler(machine, self._stops, sampling or Sampling())
        self._sums = {name: np.zeros_like(self._sampler.counters.extra) for name in functions}
        self.seconds = 0.0  # spent on sampled calls
        for address in self._symbols:
            self._stops.add(address, self._follow if sampling is None else self._sample)

    def _follow(self, machine: Machine) -> None:
        """Count until the function returns, without a hand in its execution."""
        name, before = self._symbols[int(machine.state["pc"][0])].name, self._sampler.counters.read()

        def finish(_: Machine) -> None:
            self._sums[name] += self._sampler.counters.read() - before

        self._stops.add(int(machine.registers[_RA]), finish)

    def _sample(self, machine: Machine) -> None:
        symbol = self._symbols[int(machine.state["pc"][0])]
        before, started = self._sampler.counters.read(), time.perf_counter()
        self._sampler.call(symbol.address, symbol.address + symbol.size_bytes)
        after = self._sampler.counters.read()
        self._sums[symbol.name] += after - before
        self.seconds += time.perf_counter() - started
        if self._progress is not None:
            self._progress.update(float(after[INSTRUCTIONS]), symbol.name)

    def settle(self) -> None:
        """Let the machine's own figures include what was extrapolated."""
        machine, counters = self._machine, self._sampler.counters
        number = {name: index for index, name in enumerate(machine.code.regions)}
        if self._sampling is None:
            return
        for name, counts in self._sums.items():
            missing = round(float(counts[INSTRUCTIONS])) - int(machine.timing["region_instructions"][0][number[name]])
            machine.timing["region_instructions"][0][number[name]] += missing
            machine.timing["region_cycles"][0][number[name]] = round(float(counts[CYCLES]))
            if not self._sampling.executes:
                machine.region_instructions[number[name]] += missing
                machine.state["instructions"] += missing
        counters.settle()

    def samples(self) -> tuple[FunctionSample, ...]:
        """What every function took, in the order asked for."""
        return tuple(make_sample(name, self._sums[name]) for name in self._order)


def make_sample(name: str, counts: np.ndarray) -> FunctionSample:
    """What a function took, from the sum of its readings (`counters`)."""
    return FunctionSample(
        name, round(float(counts[INSTRUCTIONS])), round(float(counts[CYCLES])), round(float(counts[TIMED])),
        float(counts[ERROR]), {column: np.rint(counts[place]).astype(np.int64) for column, place in COLUMNS.items()},
    )  # fmt: skip
