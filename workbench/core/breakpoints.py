"""Stops at addresses: the instructions there are replaced by breakpoints, which end a slice before they execute."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from workbench.core.interpreter.state import Status
from workbench.core.run import Machine
from workbench.isa.table import op

_BREAK = op("ebreak")
_SLICE = 1_000_000  # instructions between two looks at Ctrl-C
Call = Callable[[Machine], None]


def _nothing() -> None:
    pass


class Breakpoints:
    """Calls a function wherever a thread of the machine arrives at one of its addresses (`workbench.core.run.Stops`).

    `follows_threads`: the program may start others than its first one.
    """

    def __init__(self, machine: Machine, follows_threads: bool = False) -> None:
        self.follows_threads = follows_threads
        self._operations, self._base = machine.code.entries["op"], machine.code.base
        self._calls: dict[int, Call] = {}
        self._kept: dict[int, int] = {}
        machine.stops = self

    def add(self, address: int, call: Call) -> None:
        """Call a function at an address; another one given before is forgotten."""
        place = self._index(address)
        self._kept.setdefault(address, int(self._operations[place]))
        self._operations[place] = _BREAK
        self._calls[address] = call

    def _index(self, address: int) -> int:
        return (address - self._base) >> 1

    def take(self, machine: Machine) -> bool:
        """Call what belongs to the place, then execute the instruction there unless the call has moved on."""
        address = int(machine.state["pc"][0])
        if address not in self._calls:
            return False
        with self._lifted(address):
            self._calls[address](machine)
            if int(machine.state["pc"][0]) == address:
                status = machine.run_slice(1)
                if status != Status.SLICE_DONE:
                    machine.react(status)
        return True

    @contextmanager
    def _lifted(self, address: int) -> Iterator[None]:
        self._operations[self._index(address)] = self._kept[address]
        try:
            yield
        finally:
            self._operations[self._index(address)] = _BREAK

    def run_to(self, machine: Machine, targets: Collection[int], after: Callable[[], None] = _nothing) -> int:
        """Execute at least one instruction, then until one of the targets is next; its address. `after` follows a slice."""
        operations, state = self._operations, machine.state
        status = machine.run_slice(1)
        places = {target: self._index(target) for target in targets}
        kept = {place: operations[place] for place in places.values()}
        while status == Status.SLICE_DONE:
            at = int(state["pc"][0])
            if at in places:
                return at
            for place in kept:
                operations[place] = _BREAK
            try:
                status = machine.run_slice(_SLICE)
            finally:
                for place, operation in kept.items():
                    operations[place] = operation
            after()
            if status == Status.BREAKPOINT and int(state["pc"][0]) in places:
                status = Status.SLICE_DONE
        machine.react(status)
        return self.run_to(machine, targets, after)
