"""System calls of threads: clone, futex, exit of one thread, sleep, and where a thread runs.

`Threads` is what the kernel's side asks of whatever keeps the program's threads (`workbench.core.harts`). Left out:
processes (clone without CLONE_VM and CLONE_THREAD), futexes that hand on priorities, FUTEX_WAKE_OP, robust lists.

Source: Linux man pages clone(2), futex(2), set_tid_address(2); Linux include/uapi/linux/sched.h and futex.h.
"""

from __future__ import annotations

import errno
import struct
from typing import Protocol

from workbench.core.memory import Memory

FIRST_THREAD = 1000  # the number of the process and of its first thread
ANY = (1 << 32) - 1  # a bit set that every waiter is in
_VM, _THREAD, _SETTLS, _PARENT_SETTID = 0x100, 0x10000, 0x80000, 0x100000
_CHILD_CLEARTID, _CHILD_SETTID = 0x200000, 0x1000000
_WAIT, _WAKE, _REQUEUE, _COMPARE_REQUEUE, _WAIT_BITSET, _WAKE_BITSET = 0, 1, 3, 4, 9, 10
_OPERATION = 0x7F  # without the flags for private futexes and for the real-time clock
_ABSOLUTE = 1  # of clock_nanosleep
_MOST_WAKES = (1 << 31) - 1


class Threads(Protocol):
    """The threads of the program that runs."""

    @property
    def number(self) -> int:
        """Of the thread that runs."""

    @property
    def hart_number(self) -> int:
        """Of the hart that it runs on."""

    @property
    def hart_count(self) -> int:
        """Harts of the machine."""

    @property
    def is_alone(self) -> bool:
        """Whether the program has no other thread."""

    def start(self, stack: int, tls: int | None, clear_address: int) -> int:
        """Start a copy of the running thread on another stack (0: the same); its number."""

    def set_clear_address(self, address: int) -> None:
        """The word that is cleared, and whose waiters are woken, when the running thread ends; 0 for none."""

    def wait(self, address: int, bits: int, deadline_ns: int | None, late: int) -> None:
        """Let the running thread wait for a wake at an address; a0 is `late` if the deadline comes first."""

    def wake(self, address: int, bits: int, most: int) -> int:
        """Wake up to `most` threads, the longest waiting first, that wait there with one of the bits; their number."""

    def requeue(self, address: int, most: int, other: int) -> int:
        """Let up to `most` threads that wait at an address wait at another one from now on; their number."""

    def give_way(self) -> None:
        """Let other threads of the hart run first."""

    def end(self) -> bool:
        """End the running thread; whether others are left."""


class ThreadCalls:
    """Calls by their names in the kernel, after an underscore."""

    memory: Memory
    exit_code: int | None
    threads: Threads
    _time_ns: int
    _first_code = 0  # what the first thread ended with, if it ended before others

    def note_missing(self, what: str) -> None:
        """Remember something that the program asked for and that is not offered here."""
        raise NotImplementedError

    def _clone(self, flags: int, stack: int, parent: int, tls: int, child: int, *_: int) -> int:
        if not (flags & _VM and flags & _THREAD):
            self.note_missing("System call clone")
            return -errno.ENOSYS
        for wanted, address in ((_PARENT_SETTID, parent), (_CHILD_SETTID | _CHILD_CLEARTID, child)):
            if flags & wanted and not self.memory.contains(address, 4):
                return -errno.EFAULT
        number = self.threads.start(
            stack, tls if flags & _SETTLS else None, child if flags & _CHILD_CLEARTID else 0
        )  # fmt: skip
        for wanted, address in ((_PARENT_SETTID, parent), (_CHILD_SETTID, child)):
            if flags & wanted:
                self.memory.write(address, struct.pack("<i", number))
        return number

    def _exit(self, code: int, *_: int) -> int:
        if self.threads.number == FIRST_THREAD:
            self._first_code = code & 0xFF
        if not self.threads.end():
            self.exit_code = self._first_code
        return 0

    def _exit_group(self, code: int, *_: int) -> int:
        self.exit_code = code & 0xFF
        return 0

    def _set_tid_address(self, address: int, *_: int) -> int:
        self.threads.set_clear_address(address)
        return self.threads.number

    def _gettid(self, *_: int) -> int:
        return self.threads.number

    def _futex(self, address: int, operation: int, value: int, timeout: int, other: int, bits: int, *_: int) -> int:
        operation &= _OPERATION
        if operation in (_REQUEUE, _COMPARE_REQUEUE):
            word = self.memory.read(address, 4)
            if word is None:
                return -errno.EFAULT
            if operation == _COMPARE_REQUEUE and struct.unpack("<I", word)[0] != bits & ANY:
                return -errno.EAGAIN
            woken = self.threads.wake(address, ANY, value & _MOST_WAKES)
            return woken + self.threads.requeue(address, timeout & _MOST_WAKES, other)
        if operation in (_WAIT, _WAIT_BITSET):
            bits = bits & ANY if operation == _WAIT_BITSET else ANY
            return self._wait(address, value, bits, timeout, operation == _WAIT_BITSET)
        if operation in (_WAKE, _WAKE_BITSET):
            bits = bits & ANY if operation == _WAKE_BITSET else ANY
            return self.threads.wake(address, bits, value & _MOST_WAKES) if bits else -errno.EINVAL
        self.note_missing(f"Operation {operation} of system call futex")
        return -errno.ENOSYS

    def _wait(self, address: int, value: int, bits: int, timeout: int, is_absolute: bool) -> int:
        word = self.memory.read(address, 4)
        if word is None or address % 4 or not bits:
            return -errno.EFAULT if word is None else -errno.EINVAL
        if struct.unpack("<I", word)[0] != value & ANY:
            return -errno.EAGAIN
        deadline = None
        if timeout:
            deadline = self._deadline(timeout, is_absolute)
            if deadline is None:
                return -errno.EFAULT
        self.threads.wait(address, bits, deadline, -errno.ETIMEDOUT)
        return 0

    def _deadline(self, address: int, is_absolute: bool) -> int | None:
        """The time of a timespec in nanoseconds of simulated time, None if it is outside of the memory."""
        content = self.memory.read(address, 16)
        if content is None:
            return None
        seconds, rest = struct.unpack("<qq", content)
        return int(seconds * 1_000_000_000 + rest + (0 if is_absolute else self._time_ns))

    def _nanosleep(self, wanted: int, *_: int) -> int:
        return self._sleep(wanted, False)

    def _clock_nanosleep(self, clock: int, flags: int, wanted: int, *_: int) -> int:
        return self._sleep(wanted, flags & _ABSOLUTE != 0)

    def _sleep(self, wanted: int, is_absolute: bool) -> int:
        """A program of one thread does not wait; another's goes on when the time has come."""
        deadline = self._deadline(wanted, is_absolute)
        if deadline is not None and not self.threads.is_alone:
            self.threads.wait(0, 0, deadline, 0)
        return 0

    def _sched_yield(self, *_: int) -> int:
        self.threads.give_way()
        return 0

    def _sched_getaffinity(self, process: int, size: int, buffer: int, *_: int) -> int:
        harts = struct.pack("<Q", (1 << self.threads.hart_count) - 1)
        return 8 if size >= 8 and self.memory.write(buffer, harts) else -errno.EINVAL

    def _getcpu(self, hart: int, node: int, *_: int) -> int:
        is_written = not hart or self.memory.write(hart, struct.pack("<I", self.threads.hart_number))
        is_written &= not node or self.memory.write(node, bytes(4))
        return 0 if is_written else -errno.EFAULT
