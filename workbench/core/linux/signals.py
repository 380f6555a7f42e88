"""Signals that a program sends itself or that its faults raise: actions, masks, what is pending.

A signal without a handler ends the program, or is ignored where Linux ignores it. Left out: signals from outside, timers,
handlers of other threads than the one that runs, masks that a new thread inherits, waiting, queued values, stopping.

Source: Linux man pages sigaction(2), sigprocmask(2), sigaltstack(2), signal(7); include/uapi/asm-generic/signal.h, where
RISC-V's numbers and structures come from.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass, field

from workbench.core.linux.threads import FIRST_THREAD, Threads
from workbench.core.memory import Memory

DEFAULT, IGNORE = 0, 1  # handlers that are none
RESETS, NO_DEFER, ON_STACK = 0x8000_0000, 0x4000_0000, 0x0800_0000  # flags of an action
FROM_USER = -6  # si_code of a signal that tgkill sends
_KILL, _STOP, _LAST = 9, 19, 64
_IGNORED = frozenset({17, 18, 19, 20, 21, 22, 23, 28})  # CHLD, CONT, the stops, URG, WINCH
_UNBLOCKABLE = 1 << _KILL - 1 | 1 << _STOP - 1
_BLOCK, _UNBLOCK, _SET = range(3)
_IS_DISABLED = 2
_FIRST_QUEUED = 32  # signals below are pending once, however often they are sent
_LEAST_STACK_BYTES = 2048
_ACTION, _STACK = struct.Struct("<QQQ"), struct.Struct("<QiiQ")


@dataclass(frozen=True)
class Action:
    """What the program wants to happen: address of the handler, flags, signals that are blocked meanwhile."""

    handler: int = DEFAULT
    flags: int = 0
    mask: int = 0


@dataclass(frozen=True)
class Pending:
    """A signal for a thread, with the `si_code` and the address (of faults) that its handler learns."""

    signal: int
    thread: int
    code: int = FROM_USER
    address: int = 0


@dataclass
class Signals:
    """Actions by signal, blocked signals (a bit each) and the other stack (base, bytes) by thread, and what is pending."""

    actions: dict[int, Action] = field(default_factory=dict)
    blocked: dict[int, int] = field(default_factory=dict)
    stacks: dict[int, tuple[int, int]] = field(default_factory=dict)
    pending: list[Pending] = field(default_factory=list)

    def action(self, signal: int) -> Action:
        """The action of a signal."""
        return self.actions.get(signal, Action())

    def is_blocked(self, signal: int, thread: int) -> bool:
        """Whether a thread does not take a signal now."""
        return bool(self.blocked.get(thread, 0) >> signal - 1 & 1)

    def has_handler(self, signal: int) -> bool:
        """Whether the program catches a signal."""
        return self.action(signal).handler not in (DEFAULT, IGNORE)

    def is_ignored(self, signal: int) -> bool:
        """Whether nothing happens."""
        handler = self.action(signal).handler
        return handler == IGNORE or handler == DEFAULT and signal in _IGNORED

    def add(self, one: Pending) -> None:
        """Let a signal be pending."""
        if one.signal >= _FIRST_QUEUED or one not in self.pending:
            self.pending.append(one)

    def take(self, thread: int) -> Pending | None:
        """The next signal that a thread must act on, which is then no longer pending."""
        for place, one in enumerate(self.pending):
            if one.thread == thread and not self.is_blocked(one.signal, thread):
                return self.pending.pop(place)
        return None


class SignalCalls:
    """Calls by their names in the kernel, after an underscore."""

    memory: Memory
    exit_code: int | None
    threads: Threads
    signals: Signals
    signal: int  # that ended the program, 0 if none did

    def note_missing(self, what: str) -> None:
        """Remember something that the program asked for and that is not offered here."""
        raise NotImplementedError

    def end_by(self, signal: int) -> None:
        """End the program as a signal without a handler does."""
        self.signal, self.exit_code = signal, 128 + signal

    def _send(self, thread: int, signal: int) -> int:
        signals = self.signals
        if not 0 <= signal <= _LAST:
            return -errno.EINVAL
        if signal == 0 or signals.is_ignored(signal):
            return 0
        if signals.has_handler(signal) and thread != self.threads.number:
            self.note_missing("A signal for another thread")
            return -errno.ENOSYS
        if signals.has_handler(signal) or signals.is_blocked(signal, thread):
            signals.add(Pending(signal, thread))
        else:
            self.end_by(signal)
        return 0

    def _kill(self, process: int, signal: int, *_: int) -> int:
        is_own = process in (FIRST_THREAD, -FIRST_THREAD, 0, -1)
        return self._send(self.threads.number, signal) if is_own else -errno.ESRCH

    def _tkill(self, thread: int, signal: int, *_: int) -> int:
        return self._send(thread, signal)

    def _tgkill(self, group: int, thread: int, signal: int, *_: int) -> int:
        return self._send(thread, signal) if group == FIRST_THREAD else -errno.ESRCH

    def _rt_sigaction(self, signal: int, new: int, old: int, size: int, *_: int) -> int:
        if not 1 <= signal <= _LAST or size != 8 or new and signal in (_KILL, _STOP):
            return -errno.EINVAL
        before = self.signals.action(signal)
        content = self.memory.read(new, _ACTION.size) if new else b""
        if content is None or old and not self.memory.write(old, _ACTION.pack(before.handler, before.flags, before.mask)):
            return -errno.EFAULT
        if content:
            self.signals.actions[signal] = Action(*_ACTION.unpack(content))
        return 0

    def _rt_sigprocmask(self, how: int, new: int, old: int, size: int, *_: int) -> int:
        thread = self.threads.number
        before = self.signals.blocked.get(thread, 0)
        content = self.memory.read(new, 8) if new else b""
        if content is None or old and not self.memory.write(old, struct.pack("<Q", before)):
            return -errno.EFAULT
        if content:
            bits = int.from_bytes(content, "little")
            after = {_BLOCK: before | bits, _UNBLOCK: before & ~bits, _SET: bits}.get(how)
            if after is None:
                return -errno.EINVAL
            self.signals.blocked[thread] = after & ~_UNBLOCKABLE
        return 0

    def _rt_sigpending(self, address: int, size: int, *_: int) -> int:
        bits = sum({1 << one.signal - 1 for one in self.signals.pending if one.thread == self.threads.number})
        return 0 if self.memory.write(address, struct.pack("<Q", bits)) else -errno.EFAULT

    def _sigaltstack(self, new: int, old: int, *_: int) -> int:
        thread = self.threads.number
        base, size = self.signals.stacks.get(thread, (0, 0))
        content = self.memory.read(new, _STACK.size) if new else b""
        state = 0 if size else _IS_DISABLED
        if content is None or old and not self.memory.write(old, _STACK.pack(base, state, 0, size)):
            return -errno.EFAULT
        if content:
            base, flags, _padding, size = _STACK.unpack(content)
            if not flags & _IS_DISABLED and size < _LEAST_STACK_BYTES:
                return -errno.ENOMEM
            self.signals.stacks[thread] = (0, 0) if flags & _IS_DISABLED else (base, size)
        return 0
