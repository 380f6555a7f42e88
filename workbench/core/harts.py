"""Harts and the threads on them: who runs next, for how long, and when it goes on after a wait.

A `Thread` is architectural state: registers, vector registers, the machine record with its pc. A `Hart` is a core with a
clock: a state of the timing engine, and the threads that it runs in turns. The harts of a machine are of one kind. Each
has its L1 caches, L2, TLBs, predictors and prefetchers; the last cache and DRAM are one for all
(`timing.initial.share_levels`, `timing.coherence`, `timing.dram`); on cores without an L3 the last cache is the L2. Memory,
decoded code and Linux belong to the machine: all threads share them.

One host thread simulates all. The hart whose clock is furthest behind executes until it is `QUANTUM_CYCLES` ahead of the
next one: clocks stay together, runs repeat exactly, and what a hart writes is seen by the others after at most that. One
that takes a line from another's cache gives way sooner: after the cycles in which the other could ask for it again. The
clock of a timing engine is the cycle of its last commit; without timing, each instruction is a cycle.

Atomic instructions are never divided. A load-reserved that a hart's turn would leave open gets `RESERVED_INSTRUCTIONS` more
to reach its store-conditional, then its reservation is lost; so no other hart can have written in between, and constrained
loops go on.

A new thread goes to the hart with the fewest. Threads that share a hart take turns of `TURN_NS`, as Linux's scheduler
would let them, at no cost. One that waits in a futex goes on at the clock of the thread that wakes it, or at its deadline.

Left out: the cycles of the kernel's own work (a system call costs the core's trap), moving threads between harts,
priorities, weak memory ordering (harts see each other's writes in one order), retries of store-conditionals under
contention.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.core.fault import ExecutionFault, place_name
from workbench.core.interpreter.state import Status, vector_file
from workbench.core.linux.threads import FIRST_THREAD
from workbench.core.threads import FOREVER, Hart, Thread, Wait

if TYPE_CHECKING:
    from workbench.core.run import Machine

QUANTUM_CYCLES = 250  # of a timed run: about three trips to another hart's cache
QUANTUM_INSTRUCTIONS = 5000  # of a run without timing
RESERVED_INSTRUCTIONS = 32  # a constrained LR/SC loop has up to 16
TURN_NS = 1_000_000
_A0, _SP, _TP = 10, 2, 4


class Harts:
    """All harts of a machine, and the threads of its program (`linux.threads.Threads`).

    Attributes
    ----------
    all: the harts by their number. running: the thread whose state the machine holds.
    took_turns: whether more than one thread has lived, so that slices are given out by `turn`.
    """

    def __init__(self, machine: Machine, timings: list[Any]) -> None:
        self._machine = machine
        self.all = [Hart(number, timing, machine.timed) for number, timing in enumerate(timings)]
        self.running = Thread(FIRST_THREAD, self.all[0], machine.registers, machine.vector, machine.state)
        self.all[0].threads.append(self.running)
        self.all[0].started = 1
        self._last_number = FIRST_THREAD
        self.took_turns = False
        self._waiting: list[Thread] = []  # in the order in which they began to

    @property
    def live(self) -> list[Thread]:
        """Threads that have not ended."""
        return [thread for hart in self.all for thread in hart.threads]

    @property
    def instructions(self) -> int:
        """Instructions that all threads have executed so far."""
        return sum(hart.instructions for hart in self.all)

    @property
    def number(self) -> int:
        """Of the thread that runs."""
        return self.running.number

    @property
    def hart_number(self) -> int:
        """Of the hart that it runs on."""
        return self.running.hart.number

    @property
    def hart_count(self) -> int:
        """Harts of the machine."""
        return len(self.all)

    @property
    def is_alone(self) -> bool:
        """Whether the program has no other thread."""
        return len(self.live) == 1

    # What Linux asks for

    def start(self, stack: int, tls: int | None, clear_address: int) -> int:
        """Start a copy of the running thread on another stack (0: the same); its number. It returns 0 from the call."""
        parent, machine = self.running, self._machine
        machine.check_threads()
        hart = min(self.all, key=lambda hart: len(hart.threads))
        self._last_number += 1
        child = Thread(
            self._last_number, hart, parent.registers.copy(), vector_file(machine.vlen_bits), parent.state.copy(),
            parent.hart.clock, None, clear_address,
        )  # fmt: skip
        child.registers[_A0] = 0
        child.vector[:] = parent.vector
        if stack:
            child.registers[_SP] = stack
        if tls is not None:
            child.registers[_TP] = tls
        child.state["registers"], child.state["vector"] = child.registers.ctypes.data, child.vector.ctypes.data
        child.state["instructions"] = child.state["region_start"] = 0
        child.state["reservation"] = -1
        hart.threads.append(child)
        hart.started += 1
        self.took_turns = True
        parent.hart.slice_end = parent.hart.clock  # so that the clocks are looked at again
        return child.number

    def set_clear_address(self, address: int) -> None:
        """The word that is cleared, and whose waiters are woken, when the running thread ends; 0 for none."""
        self.running.clear_address = address

    def wait(self, address: int, bits: int, deadline_ns: int | None, late: int) -> None:
        """Let the running thread wait for a wake at an address; a0 is `late` if the deadline comes first."""
        deadline = None if deadline_ns is None else -int(-deadline_ns * self._machine.frequency_mhz // 1000)
        self.running.wait = Wait(address, bits, deadline, late)
        self._waiting.append(self.running)
        self.took_turns = True

    def wake(self, address: int, bits: int, most: int) -> int:
        """Wake up to `most` threads, the longest waiting first, that wait there with one of the bits; their number."""
        found = [t for t in self._waiting if t.wait is not None and t.wait.address == address and t.wait.bits & bits]
        for thread in found[:most]:
            self._go_on(thread, self.running.hart.clock)
        if found[:most]:
            self.running.hart.slice_end = self.running.hart.clock
        return len(found[:most])

    def requeue(self, address: int, most: int, other: int) -> int:
        """Let up to `most` threads that wait at an address wait at another one from now on; their number."""
        found = [t.wait for t in self._waiting if t.wait is not None and t.wait.address == address][:most]
        for wait in found:
            wait.address = other
        return len(found)

    def _go_on(self, thread: Thread, clock: int) -> None:
        thread.wait, thread.ready = None, clock
        self._waiting.remove(thread)

    def give_way(self) -> None:
        """Let other threads of the hart run first."""
        hart = self.running.hart
        hart.slice_end = hart.turn_end = hart.clock

    def end(self) -> bool:
        """End the running thread; whether others are left."""
        thread, hart = self.running, self.running.hart
        if thread.clear_address:
            self._machine.memory.write(thread.clear_address, bytes(4))
            self.wake(thread.clear_address, -1, 1)
        if self.is_alone:
            return False
        self._machine.leave_region(thread.state)
        hart.ended_instructions += thread.instructions
        hart.threads.remove(thread)
        return True

    # Turns

    def turn(self, limit: int) -> Status:
        """Execute up to `limit` instructions, harts and threads in turn; the status of the `running` one that ended it."""
        done, is_timed = 0, self._machine.timed
        self.running.hart.seen = self.running.hart.clock
        while done < limit:
            thread = self._due()
            self._hold(thread)
            room = limit - done
            if not is_timed:
                room = min(room, max(thread.hart.slice_end - thread.hart.seen, 1))
            before = thread.instructions
            status = self._machine.run_slice(room)
            if int(thread.state["reservation"][0]) != -1:
                status = self._close_reservation(thread, status)
            done += thread.instructions - before
            thread.hart.seen = thread.hart.clock
            if status != Status.SLICE_DONE:
                return status
        return Status.SLICE_DONE

    def _due(self) -> Thread:
        """The thread that is to run now: the same until its slice ends or it waits."""
        running, hart = self.running, self.running.hart
        if running.wait is None and hart.seen < hart.slice_end and running in hart.threads:
            return running
        clock, after, thread = FOREVER, FOREVER, None
        for candidate in self.all:
            if len(candidate.threads) > 1 and candidate.seen >= candidate.turn_end:
                candidate.rotate()
                candidate.turn_end = candidate.seen + max(int(TURN_NS * self._machine.frequency_mhz // 1000), 1)
            could, found = candidate.next_thread()
            if could < clock:
                clock, after, thread = could, clock, found
            elif could < after:
                after = could
        if thread is None:
            raise self._deadlock()
        if thread.wait is not None:
            thread.registers[_A0] = thread.wait.late
            self._go_on(thread, thread.wait.deadline or 0)
        hart = thread.hart
        if clock > hart.seen:
            hart.idle_until(clock)
        slice_end = min(after + (QUANTUM_CYCLES if hart.is_timed else QUANTUM_INSTRUCTIONS), FOREVER)
        if len(hart.threads) > 1:
            slice_end = max(min(slice_end, hart.turn_end), clock + 1)
        hart.slice_end = slice_end
        return thread

    def _hold(self, thread: Thread) -> None:
        """Put a thread's state into the machine."""
        if thread is not self.running:
            self.running = thread
            self._machine.hold(thread)

    def _close_reservation(self, thread: Thread, status: Status) -> Status:
        """At the end of a hart's slice: let an open reservation reach its store-conditional, or lose it."""
        slice_end = thread.hart.slice_end
        if status == Status.SLICE_DONE:
            if thread.hart.clock < slice_end:
                return status  # only the turn has ended
            thread.hart.slice_end = FOREVER
            status = self._machine.run_slice(RESERVED_INSTRUCTIONS)
            thread.hart.slice_end = slice_end
        thread.state["reservation"] = -1
        return status

    def _deadlock(self) -> ExecutionFault:
        program, threads = self._machine.program, self.live
        first = threads[0]
        who = f"all {len(threads)} threads wait" if len(threads) > 1 else "the only thread waits"
        where = place_name(program, first.wait.address) if first.wait is not None else "nothing"
        return ExecutionFault(
            f"{program.name}: a deadlock: {who} to be woken, thread {first.number} by the futex at {where}, at "
            f"{place_name(program, int(first.state['pc'][0]))}, after {self.instructions:,} instructions."
        )
