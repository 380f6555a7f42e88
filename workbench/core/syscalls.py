"""Linux user-mode system calls of a static single-threaded program: standard streams, memory, time; no files, no signals.

Time is simulated time and randomness a fixed sequence, so that runs repeat exactly. A call that is not here returns
ENOSYS and is named in the result's notes.

Source: Linux include/uapi/asm-generic/unistd.h and errno-base.h (numbers); QEMU's linux-user behaviour for the rest.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Sequence

from workbench.core.memory import STACK_BYTES, Memory

ENOENT, EBADF, ENOMEM, EACCES, EFAULT, EINVAL, ENOTTY, ESPIPE, ENOSYS = 2, 9, 12, 13, 14, 22, 25, 29, 38
_NAMES = {
    17: "getcwd", 25: "fcntl", 29: "ioctl", 46: "ftruncate", 48: "faccessat", 56: "openat", 57: "close", 62: "lseek",
    63: "read", 64: "write", 65: "readv", 66: "writev", 73: "ppoll", 78: "readlinkat", 79: "newfstatat", 80: "fstat",
    93: "exit", 94: "exit_group", 96: "set_tid_address", 98: "futex", 99: "set_robust_list", 101: "nanosleep",
    113: "clock_gettime", 114: "clock_getres", 115: "clock_nanosleep", 122: "sched_setaffinity", 123: "sched_getaffinity",
    124: "sched_yield", 129: "kill", 131: "tgkill", 132: "sigaltstack", 134: "rt_sigaction", 135: "rt_sigprocmask",
    153: "times", 160: "uname", 163: "getrlimit", 165: "getrusage", 169: "gettimeofday", 172: "getpid", 173: "getppid",
    174: "getuid", 175: "geteuid", 176: "getgid", 177: "getegid", 178: "gettid", 179: "sysinfo", 214: "brk",
    215: "munmap", 216: "mremap", 220: "clone", 221: "execve", 222: "mmap", 226: "mprotect", 233: "madvise",
    258: "riscv_hwprobe", 259: "riscv_flush_icache", 261: "prlimit64", 278: "getrandom", 291: "statx", 293: "rseq",
    435: "clone3", 439: "faccessat2",
}  # fmt: skip
_LARGEST_TRANSFER = 0x7FFF_F000
_PROCESS = 1000
_CHARACTER_DEVICE = 0o020620
_STACK_RESOURCE, _UNLIMITED = 3, (1 << 64) - 1
_MAP_FIXED, _MAP_ANONYMOUS = 0x10, 0x20
_EXPECTED_ABSENT = frozenset({"rseq", "riscv_hwprobe"})  # every C library copes with their absence: not worth a note


class Linux:
    """The kernel's side of one program.

    Attributes
    ----------
    exit_code: None while the program runs.
    stdout, stderr: what it wrote. missing: names of calls that it made and that do not exist here.
    """

    def __init__(self, memory: Memory, stdin: bytes, executable: str) -> None:
        self.memory, self.executable = memory, executable
        self.exit_code: int | None = None
        self.stdout, self.stderr = bytearray(), bytearray()
        self.missing: list[str] = []
        self._stdin, self._read_at = stdin, 0
        self._random_blocks = 0

    def call(self, number: int, arguments: Sequence[int], time_ns: int) -> int:
        """Perform a system call; returns a0 (a negative error number on failure)."""
        name = _NAMES.get(number, f"number {number}")
        self._time_ns = time_ns
        method: Callable[..., int] | None = getattr(self, f"_{name}", None)
        if method is None:
            if name in _ZERO:
                return 0
            if name in _IDENTITIES:
                return _PROCESS
            if name not in _EXPECTED_ABSENT and name not in self.missing:
                self.missing.append(name)
            return -ENOSYS
        return method(*arguments)

    def _exit(self, code: int, *_: int) -> int:
        self.exit_code = code & 0xFF
        return 0

    _exit_group = _exit

    def _kill(self, process: int, signal: int, *_: int) -> int:
        self.exit_code = 128 + (signal & 0x7F)
        return 0

    def _tgkill(self, group: int, thread: int, signal: int, *_: int) -> int:
        return self._kill(thread, signal)

    def _read(self, descriptor: int, buffer: int, count: int, *_: int) -> int:
        if descriptor != 0:
            return -EBADF
        content = self._stdin[self._read_at : self._read_at + min(max(count, 0), _LARGEST_TRANSFER)]
        if not self.memory.write(buffer, content):
            return -EFAULT
        self._read_at += len(content)
        return len(content)

    def _write(self, descriptor: int, buffer: int, count: int, *_: int) -> int:
        if descriptor not in (1, 2):
            return -EBADF
        content = self.memory.read(buffer, min(count, _LARGEST_TRANSFER))
        if content is None:
            return -EFAULT
        (self.stdout if descriptor == 1 else self.stderr).extend(content)
        return len(content)

    def _vector(self, call: Callable[..., int], descriptor: int, vector: int, count: int) -> int:
        table = self.memory.read(vector, 16 * count) if 0 <= count <= 1024 else None
        if table is None:
            return -EINVAL
        total = 0
        for buffer, size in struct.iter_unpack("<QQ", table):
            done = call(descriptor, buffer, size)
            if done < 0:
                return total or done
            total += done
            if done < size:
                break
        return total

    def _readv(self, descriptor: int, vector: int, count: int, *_: int) -> int:
        return self._vector(self._read, descriptor, vector, count)

    def _writev(self, descriptor: int, vector: int, count: int, *_: int) -> int:
        return self._vector(self._write, descriptor, vector, count)

    def _openat(self, *_: int) -> int:
        return -ENOENT

    _faccessat = _faccessat2 = _openat

    def _close(self, descriptor: int, *_: int) -> int:
        return 0 if 0 <= descriptor <= 2 else -EBADF

    def _lseek(self, descriptor: int, *_: int) -> int:
        return -ESPIPE if 0 <= descriptor <= 2 else -EBADF

    def _fcntl(self, descriptor: int, command: int, *_: int) -> int:
        return (2 if command == 3 else 0) if 0 <= descriptor <= 2 else -EBADF

    def _ioctl(self, *_: int) -> int:
        return -ENOTTY

    def _fstat(self, descriptor: int, buffer: int, *_: int) -> int:
        if not 0 <= descriptor <= 2:
            return -EBADF
        status = struct.pack(
            "<QQIIIIQQqiiqqQqQqQII", 1, 1, _CHARACTER_DEVICE, 1, _PROCESS, _PROCESS, 0, 0, 0, 1024, 0, *[0] * 9
        )
        return 0 if self.memory.write(buffer, status) else -EFAULT

    def _newfstatat(self, folder: int, path: int, buffer: int, flags: int, *_: int) -> int:
        return self._fstat(folder, buffer) if self.memory.text(path) == b"" else -ENOENT

    def _readlinkat(self, folder: int, path: int, buffer: int, size: int, *_: int) -> int:
        if self.memory.text(path) != b"/proc/self/exe":
            return -ENOENT
        name = f"/{self.executable}".encode()[: max(size, 0)]
        return len(name) if self.memory.write(buffer, name) else -EFAULT

    def _getcwd(self, buffer: int, size: int, *_: int) -> int:
        return 2 if size >= 2 and self.memory.write(buffer, b"/\0") else -EINVAL

    def _uname(self, buffer: int, *_: int) -> int:
        fields = (b"Linux", b"workbench", b"6.6.0", b"#1", b"riscv64", b"(none)")
        return 0 if self.memory.write(buffer, b"".join(f.ljust(65, b"\0") for f in fields)) else -EFAULT

    def _brk(self, end: int, *_: int) -> int:
        return self.memory.grow_heap(end)

    def _mmap(self, address: int, count: int, protection: int, flags: int, descriptor: int, *_: int) -> int:
        if not flags & _MAP_ANONYMOUS:
            return -EBADF
        if flags & _MAP_FIXED:
            if not self.memory.contains(address, count):
                return -ENOMEM
            self.memory.write(address, bytes(count))
            return address
        return self.memory.map(count) or -ENOMEM

    def _munmap(self, address: int, count: int, *_: int) -> int:
        self.memory.unmap(address, count)
        return 0

    def _mremap(self, address: int, old: int, new: int, *_: int) -> int:
        if new <= old:
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
        count = min(max(count, 0), 1 << 16)
        content = bytearray()
        while len(content) < count:
            content += hashlib.sha256(self._random_blocks.to_bytes(8, "little")).digest()
            self._random_blocks += 1
        return count if self.memory.write(buffer, bytes(content[:count])) else -EFAULT

    def _sched_getaffinity(self, process: int, size: int, buffer: int, *_: int) -> int:
        return 8 if size >= 8 and self.memory.write(buffer, struct.pack("<Q", 1)) else -EINVAL


_ZERO = frozenset(
    "futex set_robust_list rt_sigaction rt_sigprocmask sigaltstack mprotect madvise sched_yield sched_setaffinity "
    "nanosleep clock_nanosleep riscv_flush_icache".split()
)
_IDENTITIES = frozenset("set_tid_address getpid getppid getuid geteuid getgid getegid gettid".split())
