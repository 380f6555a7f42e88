"""What a simulated program's file descriptors stand for: standard streams, files and folders under its root, devices.

Every stream raises OSError where Linux would return an error number.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import struct
from collections.abc import Callable
from typing import BinaryIO

LARGEST_FILE_BYTES = 1 << 32
_CHARACTER_DEVICE = 0o020620
_STATUS = struct.Struct("<QQIIIIQQqiiqqQqQqQII")  # struct stat of asm-generic/stat.h
_USER = 1000


def refuse(number: int) -> OSError:
    """The exception for a Linux error number."""
    return OSError(number, os.strerror(number))


def pack_status(
    mode: int, size: int = 0, inode: int = 1, links: int = 1, device: int = 1, block: int = 1024, modified_ns: int = 0
) -> bytes:
    """A `struct stat`; all three times are that of the last modification."""
    times = divmod(modified_ns, 1_000_000_000)
    return _STATUS.pack(
        device, inode, mode, links, _USER, _USER, 0, 0, size, block, 0, (size + 511) // 512, *times, *times, *times, 0, 0
    )


def pack_host_status(found: os.stat_result) -> bytes:
    """A `struct stat` of a host file, which belongs to the simulated user."""
    mode, size = found.st_mode, found.st_size
    return pack_status(mode, size, found.st_ino, found.st_nlink, 2, 4096, found.st_mtime_ns)


class Stream:
    """A character device that does nothing: the base of the others. `flags` are Linux's open flags."""

    flags = 2  # O_RDWR
    folder: tuple[bytes, ...] | None = None  # components from the root, of an open folder
    listed = 0  # names of an open folder that were already given

    def read(self, count: int) -> bytes:
        """Up to `count` bytes; none at the end."""
        raise refuse(errno.EBADF)

    def write(self, content: bytes) -> int:
        """Number of bytes taken."""
        raise refuse(errno.EBADF)

    def read_at(self, count: int, offset: int) -> bytes:
        """`read` at an offset, without moving."""
        raise refuse(errno.ESPIPE)

    def write_at(self, content: bytes, offset: int) -> int:
        """`write` at an offset, without moving."""
        raise refuse(errno.ESPIPE)

    def seek(self, offset: int, whence: int) -> int:
        """The new position."""
        raise refuse(errno.ESPIPE)

    def truncate(self, size: int) -> None:
        """Cut or extend to a size."""
        raise refuse(errno.EINVAL)

    def status(self) -> bytes:
        """A `struct stat`."""
        return pack_status(_CHARACTER_DEVICE)

    def names(self) -> list[tuple[bytes, int, int]]:
        """Name, inode and kind of everything in a folder."""
        raise refuse(errno.ENOTDIR)

    def close(self) -> None:
        """Called when the last descriptor goes."""


class Input(Stream):
    """Standard input: bytes given beforehand, or a stream of the host that is read when the program reads."""

    flags = 0

    def __init__(self, source: bytes | BinaryIO) -> None:
        self._source, self._at = source, 0

    def read(self, count: int) -> bytes:
        if not isinstance(self._source, bytes):
            read = getattr(self._source, "read1", self._source.read)
            return bytes(read(count))
        content = self._source[self._at : self._at + count]
        self._at += len(content)
        return content


class Output(Stream):
    """Standard output or error: kept, and passed on at once to `sink` if there is one."""

    flags = 1

    def __init__(self, kept: bytearray, sink: Callable[[bytes], None] | None) -> None:
        self._kept, self._sink = kept, sink

    def write(self, content: bytes) -> int:
        self._kept.extend(content)
        if self._sink is not None:
            self._sink(content)
        return len(content)


class Device(Stream):
    """``/dev/null``, ``/dev/zero`` and ``/dev/urandom``."""

    def __init__(self, fill: Callable[[int], bytes]) -> None:
        self._fill = fill

    def read(self, count: int) -> bytes:
        return self._fill(min(count, 1 << 20))

    def write(self, content: bytes) -> int:
        return len(content)

    def seek(self, offset: int, whence: int) -> int:
        return 0


class RandomBytes:
    """A fixed sequence of random bytes: runs repeat exactly."""

    def __init__(self) -> None:
        self._blocks = 0

    def __call__(self, count: int) -> bytes:
        content = bytearray()
        while len(content) < count:
            content += hashlib.sha256(self._blocks.to_bytes(8, "little")).digest()
            self._blocks += 1
        return bytes(content[:count])


class HostFile(Stream):
    """A regular file or a folder under the root, by its host descriptor."""

    def __init__(self, descriptor: int, flags: int, components: tuple[bytes, ...]) -> None:
        self._descriptor, self.flags = descriptor, flags
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            self.folder = components

    def read(self, count: int) -> bytes:
        return os.read(self._descriptor, self._available(count, os.lseek(self._descriptor, 0, os.SEEK_CUR)))

    def write(self, content: bytes) -> int:
        self._check_end(os.lseek(self._descriptor, 0, os.SEEK_CUR) + len(content))
        return os.write(self._descriptor, content)

    def read_at(self, count: int, offset: int) -> bytes:
        return os.pread(self._descriptor, self._available(count, offset), offset)

    def write_at(self, content: bytes, offset: int) -> int:
        self._check_end(offset + len(content))
        return os.pwrite(self._descriptor, content, offset)

    def seek(self, offset: int, whence: int) -> int:
        if whence not in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END):
            raise refuse(errno.EINVAL)
        if self.folder is not None:
            self.listed = offset
            return offset
        return os.lseek(self._descriptor, offset, whence)

    def truncate(self, size: int) -> None:
        self._check_end(size)
        os.ftruncate(self._descriptor, size)

    def status(self) -> bytes:
        return pack_host_status(os.fstat(self._descriptor))

    def names(self) -> list[tuple[bytes, int, int]]:
        if self.folder is None:
            raise refuse(errno.ENOTDIR)
        own = os.fstat(self._descriptor).st_ino
        with os.scandir(self._descriptor) as entries:
            found = [(os.fsencode(e.name), e.inode(), _entry_kind(e)) for e in entries]
        return [(b".", own, 4), (b"..", own, 4), *sorted(found)]

    def close(self) -> None:
        os.close(self._descriptor)

    def _available(self, count: int, offset: int) -> int:
        """Bytes to read at most: Python allocates as many as are asked for."""
        return min(count, max(os.fstat(self._descriptor).st_size - offset, 0))

    def _check_end(self, end: int) -> None:
        if end > LARGEST_FILE_BYTES:
            raise refuse(errno.EFBIG)


def _entry_kind(entry: os.DirEntry[str]) -> int:
    """DT_DIR, DT_REG, DT_LNK or DT_UNKNOWN."""
    if entry.is_symlink():
        return 10
    return 4 if entry.is_dir() else 8 if entry.is_file() else 0
