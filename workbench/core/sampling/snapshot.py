"""A machine in the middle of a run, kept so that what follows can be simulated again."""

from __future__ import annotations

import numpy as np

from workbench.core.run import Machine
from workbench.core.timing.state import TIMING_DTYPE


class Snapshot:
    """Registers, timing and counts of a machine; with `memory`, also what the program may write to, but its stack.

    `take` and `restore` may be called any number of times.
    """

    def __init__(self, machine: Machine, memory: bool) -> None:
        self._kept: list[np.ndarray] = [machine.registers, machine.vector, machine.state, machine.region_instructions]
        self._kept += _used(machine.timing)
        if memory:
            first = machine.memory.store_base - machine.memory.base
            self._kept.append(machine.memory.data[first : machine.memory.heap_end - machine.memory.base])
        self._copies = [np.empty_like(array) for array in self._kept]

    def take(self) -> None:
        """Keep the machine as it is."""
        for array, copy in zip(self._kept, self._copies, strict=True):
            copy[:] = array

    def restore(self) -> None:
        """Put the machine back."""
        for array, copy in zip(self._kept, self._copies, strict=True):
            array[:] = copy


def _used(timing: np.ndarray) -> list[np.ndarray]:
    """The bytes of a timing state without the entries of tags and stamps that the core's caches do not have."""
    data, entries = timing.view(np.uint8), 8 * _entries(timing)
    fields, parts, at = TIMING_DTYPE.fields, [], 0
    assert fields is not None
    for name in ("tags", "stamps"):
        kind, offset = fields[name][:2]
        parts.append(data[at : offset + entries])
        at = offset + kind.itemsize
    return [*parts, data[at:]]


def _entries(timing: np.ndarray) -> int:
    last = timing["base"][0] + (timing["set_mask"][0] + 1) * timing["ways"][0]
    return int(last.max())
