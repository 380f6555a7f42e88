"""Linux system calls on files: descriptors, paths under the root that the user named, standard streams.

Without a root there are only the standard streams and ``/dev/null``, ``/dev/zero``, ``/dev/urandom``.

Source: Linux include/uapi/asm-generic/fcntl.h (flags), man pages of section 2.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Callable
from typing import BinaryIO

from workbench.core.linux.root import Root
from workbench.core.linux.streams import (
    Device,
    HostFile,
    Input,
    Output,
    RandomBytes,
    Stream,
    pack_host_status,
    pack_status,
    refuse,
)
from workbench.core.memory import Memory

LARGEST_TRANSFER = 0x7FFF_F000
_MOST_DESCRIPTORS = 256
_AT_FDCWD, _AT_NOFOLLOW, _AT_REMOVEDIR, _AT_EMPTY_PATH = -100, 0x100, 0x200, 0x1000
_HOST_FLAGS = {
    0o100: os.O_CREAT, 0o200: os.O_EXCL, 0o1000: os.O_TRUNC, 0o2000: os.O_APPEND, 0o200000: os.O_DIRECTORY,
    0o400000: os.O_NOFOLLOW,
}  # fmt: skip
_ACCESS = (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR)
_DUPLICATE, _GET_FLAGS, _DUPLICATE_CLOSING = 0, 3, 1030  # fcntl commands
_MOST_PIECES = 1024
_DEVICES: dict[bytes, Callable[[int], bytes]] = {b"/dev/null": lambda n: b"", b"/dev/zero": bytes, b"/dev/urandom": bytes}
_NO_PERMISSION_BITS = 0o022


def as_int(value: int) -> int:
    """What the kernel takes for an int argument: the low 32 bits of the register, signed (musl leaves the rest as it is)."""
    return (value & 0xFFFF_FFFF ^ 0x8000_0000) - 0x8000_0000


class FileCalls:
    """The calls named after files; a method a call, with its arguments; OSError becomes its negative number.

    Attributes
    ----------
    stdout, stderr: what the program wrote.
    """

    def __init__(
        self, memory: Memory, executable: str, stdin: bytes | BinaryIO, root: Root | None,
        sink: Callable[[int, bytes], None] | None,
    ) -> None:  # fmt: skip
        self.memory, self.executable, self.root = memory, executable, root
        self.stdout, self.stderr = bytearray(), bytearray()
        self.random = RandomBytes()
        outputs = {1: self.stdout, 2: self.stderr}
        self._streams: dict[int, Stream] = {0: Input(stdin)}
        for number, kept in outputs.items():
            self._streams[number] = Output(kept, None if sink is None else lambda b, n=number: sink(n, b))  # type: ignore[misc]
        self._folder: tuple[bytes, ...] = ()

    def close_files(self) -> None:
        """Close what the program left open."""
        for number in list(self._streams):
            self._close(number)

    def _stream(self, descriptor: int) -> Stream:
        descriptor = as_int(descriptor)
        if descriptor not in self._streams:
            raise refuse(errno.EBADF)
        return self._streams[descriptor]

    def _add(self, stream: Stream, lowest: int = 0) -> int:
        number = next((n for n in range(lowest, _MOST_DESCRIPTORS) if n not in self._streams), None)
        if number is None:
            raise refuse(errno.EMFILE)
        self._streams[number] = stream
        return number

    def _path(self, address: int) -> bytes:
        path = self.memory.text(address)
        if path is None:
            raise refuse(errno.EFAULT)
        return path

    def _rooted(self) -> Root:
        if self.root is None:
            raise refuse(errno.ENOENT)
        return self.root

    def _start(self, folder: int, path: bytes) -> tuple[bytes, ...]:
        """Where a relative path begins: in the current folder or in an open one."""
        if as_int(folder) == _AT_FDCWD or path.startswith(b"/"):
            return self._folder
        opened = self._stream(folder).folder
        if opened is None:
            raise refuse(errno.ENOTDIR)
        return opened

    def _give(self, address: int, content: bytes, value: int = 0) -> int:
        if not self.memory.write(address, content):
            raise refuse(errno.EFAULT)
        return value

    # Reading and writing

    def _read(self, descriptor: int, buffer: int, count: int, *_: int) -> int:
        return self._receive(buffer, count, self._stream(descriptor).read)

    def _pread64(self, descriptor: int, buffer: int, count: int, offset: int, *_: int) -> int:
        stream = self._stream(descriptor)
        return self._receive(buffer, count, lambda n: stream.read_at(n, offset))

    def _receive(self, buffer: int, count: int, read: Callable[[int], bytes]) -> int:
        count = min(max(count, 0), LARGEST_TRANSFER)
        if not self.memory.contains(buffer, count):
            raise refuse(errno.EFAULT)
        content = read(count)
        return self._give(buffer, content, len(content))

    def _write(self, descriptor: int, buffer: int, count: int, *_: int) -> int:
        return self._stream(descriptor).write(self._content(buffer, count))

    def _pwrite64(self, descriptor: int, buffer: int, count: int, offset: int, *_: int) -> int:
        return self._stream(descriptor).write_at(self._content(buffer, count), offset)

    def _content(self, buffer: int, count: int) -> bytes:
        content = self.memory.read(buffer, min(count, LARGEST_TRANSFER))
        if content is None:
            raise refuse(errno.EFAULT)
        return content

    def _pieces(self, call: Callable[..., int], descriptor: int, vector: int, count: int) -> int:
        table = self.memory.read(vector, 16 * count) if 0 <= count <= _MOST_PIECES else None
        if table is None:
            raise refuse(errno.EINVAL)
        total = 0
        for buffer, size in struct.iter_unpack("<Qq", table):
            try:
                done = call(descriptor, buffer, size)
            except OSError:
                if total:
                    break
                raise
            total += done
            if done < size:
                break
        return total

    def _readv(self, descriptor: int, vector: int, count: int, *_: int) -> int:
        return self._pieces(self._read, descriptor, vector, count)

    def _writev(self, descriptor: int, vector: int, count: int, *_: int) -> int:
        return self._pieces(self._write, descriptor, vector, count)

    def _lseek(self, descriptor: int, offset: int, whence: int, *_: int) -> int:
        return self._stream(descriptor).seek(offset, whence)

    def _ftruncate(self, descriptor: int, size: int, *_: int) -> int:
        self._stream(descriptor).truncate(size)
        return 0

    # Descriptors

    def _openat(self, folder: int, path: int, flags: int, mode: int, *_: int) -> int:
        name = self._path(path)
        if name in _DEVICES:
            return self._add(Device(self.random if name == b"/dev/urandom" else _DEVICES[name]))
        host_flags = _ACCESS[flags & 3]
        for flag, host_flag in _HOST_FLAGS.items():
            host_flags |= host_flag if flags & flag else 0
        root, start = self._rooted(), self._start(folder, name)
        descriptor = root.open(name, start, host_flags, mode & ~_NO_PERMISSION_BITS)
        stream = HostFile(descriptor, flags, root.components(name, start))
        try:
            return self._add(stream)
        except OSError:
            stream.close()
            raise

    def _close(self, descriptor: int, *_: int) -> int:
        stream = self._stream(descriptor)
        del self._streams[as_int(descriptor)]
        if stream not in self._streams.values():
            stream.close()
        return 0

    def _dup(self, descriptor: int, *_: int) -> int:
        return self._add(self._stream(descriptor))

    def _dup3(self, old: int, new: int, *_: int) -> int:
        stream, old, new = self._stream(old), as_int(old), as_int(new)
        if old == new or not 0 <= new < _MOST_DESCRIPTORS:
            raise refuse(errno.EINVAL if old == new else errno.EBADF)
        if new in self._streams:
            self._close(new)
        self._streams[new] = stream
        return new

    def _fcntl(self, descriptor: int, command: int, argument: int, *_: int) -> int:
        stream = self._stream(descriptor)
        if command in (_DUPLICATE, _DUPLICATE_CLOSING):
            return self._add(stream, max(as_int(argument), 0))
        return stream.flags if command == _GET_FLAGS else 0

    def _ioctl(self, descriptor: int, *_: int) -> int:
        self._stream(descriptor)
        raise refuse(errno.ENOTTY)

    # Paths

    def _fstat(self, descriptor: int, buffer: int, *_: int) -> int:
        return self._give(buffer, self._stream(descriptor).status())

    def _newfstatat(self, folder: int, path: int, buffer: int, flags: int, *_: int) -> int:
        name = self._path(path)
        if not name and flags & _AT_EMPTY_PATH and as_int(folder) != _AT_FDCWD:
            return self._fstat(folder, buffer)
        if name in _DEVICES:
            return self._give(buffer, Stream().status())
        if name == b"/" and self.root is None:
            return self._give(buffer, pack_status(0o040555))
        with self._rooted().place(name, self._start(folder, name), not flags & _AT_NOFOLLOW) as (parent, last):
            return self._give(buffer, pack_host_status(os.stat(last, dir_fd=parent, follow_symlinks=False)))

    def _faccessat(self, folder: int, path: int, mode: int, *_: int) -> int:
        name = self._path(path)
        with self._rooted().place(name, self._start(folder, name)) as (parent, last):
            kind = os.stat(last, dir_fd=parent, follow_symlinks=False).st_mode
            if any(mode & wish and not kind & wish << 6 for wish in (1, 2, 4)):
                raise refuse(errno.EACCES)
        return 0

    _faccessat2 = _faccessat

    def _readlinkat(self, folder: int, path: int, buffer: int, size: int, *_: int) -> int:
        name = self._path(path)
        if name == b"/proc/self/exe":
            target = f"/{self.executable}".encode()
        else:
            with self._rooted().place(name, self._start(folder, name), follow=False) as (parent, last):
                target = os.readlink(last, dir_fd=parent)
        target = target[: max(size, 0)]
        return self._give(buffer, target, len(target))

    def _unlinkat(self, folder: int, path: int, flags: int, *_: int) -> int:
        name = self._path(path)
        with self._rooted().place(name, self._start(folder, name), follow=False) as (parent, last):
            (os.rmdir if flags & _AT_REMOVEDIR else os.unlink)(last, dir_fd=parent)
        return 0

    def _mkdirat(self, folder: int, path: int, mode: int, *_: int) -> int:
        name = self._path(path)
        with self._rooted().place(name, self._start(folder, name), follow=False) as (parent, last):
            os.mkdir(last, mode & 0o777 & ~_NO_PERMISSION_BITS, dir_fd=parent)
        return 0

    def _renameat2(self, old_folder: int, old: int, new_folder: int, new: int, flags: int = 0, *_: int) -> int:
        if flags:
            raise refuse(errno.EINVAL)
        before, after, root = self._path(old), self._path(new), self._rooted()
        with (
            root.place(before, self._start(old_folder, before), follow=False) as (source, name),
            root.place(after, self._start(new_folder, after), follow=False) as (target, new_name),
        ):
            os.replace(name, new_name, src_dir_fd=source, dst_dir_fd=target)
        return 0

    def _renameat(self, old_folder: int, old: int, new_folder: int, new: int, *_: int) -> int:
        return self._renameat2(old_folder, old, new_folder, new)

    def _getdents64(self, descriptor: int, buffer: int, count: int, *_: int) -> int:
        stream = self._stream(descriptor)
        names, content = stream.names(), bytearray()
        position = stream.listed
        for name, inode, kind in names[position:]:
            length = (19 + len(name) + 1 + 7) // 8 * 8
            if len(content) + length > count:
                if not content:
                    raise refuse(errno.EINVAL)
                break
            position += 1
            content += struct.pack("<QqHB", inode, position, length, kind) + name.ljust(length - 19, b"\0")
        stream.listed = position
        return self._give(buffer, bytes(content), len(content))

    def _getcwd(self, buffer: int, size: int, *_: int) -> int:
        path = b"/" + b"/".join(self._folder) + b"\0"
        if size < len(path):
            raise refuse(errno.ERANGE)
        return self._give(buffer, path, len(path))

    def _chdir(self, path: int, *_: int) -> int:
        root, name = self._rooted(), self._path(path)
        os.close(root.open(name, self._folder, os.O_RDONLY | os.O_DIRECTORY, 0))
        self._folder = root.components(name, self._folder)
        return 0
