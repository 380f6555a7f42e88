"""Linux user-mode system calls of a static program: process, memory, time; `files`, `threads` and `signals` have the rest.

Time is simulated time and randomness a fixed sequence, so that runs repeat exactly. A call that is not here returns
ENOSYS and is named in the result's notes. Left out: processes, sockets.

Source: Linux include/uapi/asm-generic/errno-base.h; QEMU's linux-user behaviour where the man pages leave it open.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Sequence
from typing import BinaryIO

from workbench.core.linux.files import FileCalls, refuse
from workbench.core.linux.numbers import NAMES
from workbench.core.linux.root import Root
from workbench.core.linux.signals import SignalCalls, Signals
from workbench.core.linux.threads import FIRST_THREAD, ThreadCalls, Threads
from workbench.core.memory import STACK_BYTES, Memory

ENOMEM, EFAULT, EINVAL, ENOSYS = 12, 14, 22, 38
_STACK_RESOURCE, _UNLIMITED = 3, (1 << 64) - 1
_MAP_FIXED, _MAP_ANONYMOUS = 0x10, 0x20
_MAP_TYPE, _MAP_SHARED, _PROTECT_WRITE = 0xF, 1, 2
_EXPECTED_ABSENT = frozenset({"rseq", "riscv_hwprobe", "membarrier", "statx", "clone3"})  # C libraries cope: no note


class Linux(ThreadCalls, SignalCalls, FileCalls):
    """The kernel's side of one program.

    Attributes
    ----------
    exit_code: None while the program runs.
    missing: what it asked for and does not exist here. signal: the one that ended it, 0 if none did.
    threads: the program's threads, given by whoever runs them. signals: what it does about signals.
    """

    def __init__(
        self, memory: Memory, stdin: bytes | BinaryIO, executable: str, root: Root | None = None,
        sink: Callable[[int, bytes], None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(memory, executable, stdin, root, sink)
        self.exit_code: int | None = None
        self.missing: list[str] = []
        self.threads: Threads
        self.signals = Signals()
        self.signal = 0
        self._time_ns = 0

    def call(self, number: int, arguments: Sequence[int], time_ns: int) -> int:
        """Perform a system call; returns a0 (a negative error number on failure)."""
        name = NAMES.get(number, f"number {number}")
        self._time_ns = time_ns
        method: Callable[..., int] | None = getattr(self, f"_{name}", None)
        if method is None:
            return self._without_method(name)
        try:
            return method(*arguments)
        except OSError as error:
            return -(error.errno or errno.EIO)
        except (OverflowError, MemoryError, struct.error):
            return -EINVAL

    def _without_method(self, name: str) -> int:
        if name in _ZERO:
            return 0
        if name in _IDENTITIES:
            return FIRST_THREAD
        if name not in _EXPECTED_ABSENT:
            self.note_missing(f"System call {name}")
        return -ENOSYS

    def note_missing(self, what: str) -> None:
        """Remember something that the program asked for and that is not offered here."""
        if what not in self.missing:
            self.missing.append(what)

    def write_character(self, character: int) -> None:
        """Write one byte to standard output."""
        self._stream(1).write(bytes([character]))

    def read_character(self) -> int:
        """The next byte of standard input, 255 at its end."""
        return int.from_bytes(self._stream(0).read(1) or b"\xff", "little")

    def _uname(self, buffer: int, *_: int) -> int:
        fields = (b"Linux", b"workbench", b"6.6.0", b"#1", b"riscv64", b"(none)")
        return 0 if self.memory.write(buffer, b"".join(f.ljust(65, b"\0") for f in fields)) else -EFAULT

    def _brk(self, end: int, *_: int) -> int:
        return self.memory.grow_heap(end)

    def _mmap(self, address: int, count: int, protection: int, flags: int, descriptor: int, offset: int, *_: int) -> int:
        content = b""
        if not flags & _MAP_ANONYMOUS:
            stream = self._stream(descriptor)
            if flags & _MAP_TYPE == _MAP_SHARED and protection & _PROTECT_WRITE:
                raise refuse(errno.ENODEV)
            content = stream.read_at(max(count, 0), offset)
        if flags & _MAP_FIXED:
            if not self.memory.clear(address, count):
                return -ENOMEM
        else:
            address = self.memory.map(count) or -ENOMEM
        if address > 0:
            self.memory.write(address, content)
        return address

    def _munmap(self, address: int, count: int, *_: int) -> int:
        return 0 if count > 0 and self.memory.unmap(address, count) else -EINVAL

    def _mprotect(self, address: int, count: int, protection: int, *_: int) -> int:
        if not self.memory.contains(address, count):
            return -ENOMEM
        if protection & _PROTECT_WRITE:
            self.memory.make_writable(address)
        return 0

    def _mremap(self, address: int, old: int, new: int, *_: int) -> int:
        if 0 < new <= old:
            return address
        content = self.memory.read(address, old)
        moved = self.memory.map(new)
        if content is None or moved is None:
            return -ENOMEM
        self.memory.write(moved, content)
        self.memory.unmap(address, old)
        return moved

    def _clock_gettime(self, clock: int, buffer: int, *_: int) -> int:
        now = struct.pack("<qq", *divmod(self._time_ns, 1_000_000_000))
        return 0 if self.memory.write(buffer, now) else -EFAULT

    def _gettimeofday(self, buffer: int, *_: int) -> int:
        seconds, rest = divmod(self._time_ns, 1_000_000_000)
        return 0 if self.memory.write(buffer, struct.pack("<qq", seconds, rest // 1000)) else -EFAULT

    def _clock_getres(self, clock: int, buffer: int, *_: int) -> int:
        return 0 if not buffer or self.memory.write(buffer, struct.pack("<qq", 0, 1)) else -EFAULT

    def _times(self, buffer: int, *_: int) -> int:
        ticks = self._time_ns // 10_000_000
        return ticks if not buffer or self.memory.write(buffer, struct.pack("<qqqq", ticks, 0, 0, 0)) else -EFAULT

    def _getrusage(self, who: int, buffer: int, *_: int) -> int:
        seconds, rest = divmod(self._time_ns, 1_000_000_000)
        usage = struct.pack("<18q", seconds, rest // 1000, *[0] * 16)
        return 0 if self.memory.write(buffer, usage) else -EFAULT

    def _prlimit64(self, process: int, resource: int, new: int, old: int, *_: int) -> int:
        soft = STACK_BYTES if resource == _STACK_RESOURCE else _UNLIMITED
        return 0 if not old or self.memory.write(old, struct.pack("<QQ", soft, _UNLIMITED)) else -EFAULT

    def _getrlimit(self, resource: int, buffer: int, *_: int) -> int:
        return self._prlimit64(0, resource, 0, buffer)

    def _getrandom(self, buffer: int, count: int, *_: int) -> int:
        return self._give(buffer, self.random(min(max(count, 0), 1 << 16)), min(max(count, 0), 1 << 16))

    def _umask(self, *_: int) -> int:
        return 0o022


_ZERO = frozenset(
    "set_robust_list madvise msync sched_setaffinity "
    "riscv_flush_icache setrlimit fsync fdatasync sync fadvise64 utimensat fchmod fchmodat".split()
)
_IDENTITIES = frozenset("getpid getppid getuid geteuid getgid getegid getpgid".split())
