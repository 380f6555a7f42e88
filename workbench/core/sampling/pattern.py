"""How a loop changes the machine from one iteration to the next, and the jump over many iterations at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.core.run import Machine
from workbench.core.sampling.footprint import ADDRESS, BYTES

_SP = 2
_WORD = 8


@dataclass(frozen=True)
class Arrival:
    """The machine at a loop's head: x0 ... x31, and the words of the function's stack frame from `frame_start` on."""

    registers: np.ndarray
    frame: np.ndarray


@dataclass(frozen=True)
class Pattern:
    """What each iteration adds.

    Attributes
    ----------
    registers, frame: steps of the integer registers and of the words of the frame; 0 where a word does not advance evenly
    (data, and what the iteration computes anew).
    accesses: those of one iteration, `steps` what their addresses gain.
    """

    registers: np.ndarray
    frame: np.ndarray
    accesses: np.ndarray
    steps: np.ndarray

    def moved_to(self, accesses: np.ndarray) -> Pattern | None:
        """The same loop entered again, with an iteration that accesses other places; None if it does something else."""
        if accesses.shape != self.accesses.shape or not np.array_equal(accesses[:, BYTES:], self.accesses[:, BYTES:]):
            return None
        return replace(self, accesses=accesses)

    def jump(self, machine: Machine, iterations: int, frame_end: int) -> None:
        """Move on by whole iterations without executing them. Their data are not computed."""
        machine.registers[:32] += self.registers * iterations
        words = frame_of(machine, frame_end)
        if len(words) == len(self.frame):
            words += self.frame * iterations


def frame_of(machine: Machine, frame_end: int) -> np.ndarray:
    """The words between the stack pointer and `frame_end`, in place."""
    first = int(machine.registers[_SP]) - machine.memory.base
    count = max(frame_end - int(machine.registers[_SP]), 0) // _WORD
    view: Any = machine.memory.data[first : first + count * _WORD].view(np.int64)
    return view  # type: ignore[no-any-return]


def arrive(machine: Machine, frame_end: int) -> Arrival:
    """The machine as it is."""
    return Arrival(machine.registers[:32].copy(), frame_of(machine, frame_end).copy())


def find_pattern(arrivals: list[Arrival], first: np.ndarray, second: np.ndarray) -> Pattern | None:
    """The pattern of two iterations between three arrivals and their accesses; None if they did not do the same."""
    if first.shape != second.shape or len({len(arrival.frame) for arrival in arrivals}) > 1:
        return None
    if not np.array_equal(first[:, BYTES:], second[:, BYTES:]):
        return None
    registers = _even_steps([arrival.registers for arrival in arrivals])
    frame = _even_steps([arrival.frame for arrival in arrivals])
    if registers[_SP]:
        return None
    return Pattern(registers, frame, second, second[:, ADDRESS] - first[:, ADDRESS])


def _even_steps(values: list[np.ndarray]) -> np.ndarray:
    one, two = values[1] - values[0], values[2] - values[1]
    return np.where(one == two, two, 0)
