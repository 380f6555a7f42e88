"""The folder that a simulated program sees as its whole file system: no path leads out of it.

A path is walked one component at a time with directory descriptors and never through the host's own symbolic links:
``..`` at the top stays there, a link is resolved inside the folder (an absolute one from its top), as under chroot(2).
Only regular files and folders open; devices, sockets and pipes of the host do not.

Source: path_resolution(7) and openat2(2), RESOLVE_IN_ROOT (the same rules, done by the kernel).
"""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.base.errors import InputError

_MOST_LINKS = 40  # as Linux
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Root:
    """A host folder, seen from inside. Paths are bytes, absolute or relative to `folder` (components from the top)."""

    def __init__(self, folder: str | Path) -> None:
        try:
            self._descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            found = f"no folder to open ({error.strerror})"
            raise InputError(folder, found, "an existing folder", "name one with --root") from None

    def close(self) -> None:
        """Give the folder's descriptor back."""
        os.close(self._descriptor)

    @contextmanager
    def place(self, path: bytes, folder: tuple[bytes, ...] = (), follow: bool = True) -> Iterator[tuple[int, bytes]]:
        """Descriptor of the folder that holds a path's last component, and that component (``.`` for a folder itself).

        With `follow`, a link in the last place is resolved too. Raises OSError with Linux's error numbers.
        """
        if b"\0" in path or not path:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        waiting = deque(_components(path) if path.startswith(b"/") else [*folder, *_components(path)])
        chain, links = [os.dup(self._descriptor)], 0
        try:
            while waiting:
                part = waiting.popleft()
                if part == b"..":
                    if len(chain) > 1:
                        os.close(chain.pop())
                    continue
                if part == b".":
                    continue
                target = _link_target(part, chain[-1]) if waiting or follow else None
                if target is not None:
                    links += 1
                    if links > _MOST_LINKS:
                        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                    while target.startswith(b"/") and len(chain) > 1:
                        os.close(chain.pop())
                    waiting.extendleft(reversed(_components(target)))
                elif waiting:
                    chain.append(os.open(part, _FOLDER, dir_fd=chain[-1]))
                else:
                    yield chain[-1], part
                    return
            yield chain[-1], b"."
        finally:
            for descriptor in chain:
                os.close(descriptor)

    def open(self, path: bytes, folder: tuple[bytes, ...], flags: int, mode: int) -> int:
        """A host descriptor of a regular file or folder; `flags` are the host's."""
        with self.place(path, folder, follow=not flags & os.O_NOFOLLOW) as (parent, name):
            try:
                kind = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
                if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind) and not stat.S_ISLNK(kind):
                    raise OSError(errno.EACCES, os.strerror(errno.EACCES))
            except FileNotFoundError:
                if not flags & os.O_CREAT:
                    raise
            flags |= os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
            return os.open(name, flags, mode & 0o777, dir_fd=parent)

    @staticmethod
    def components(path: bytes, folder: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Components from the top of a path, ``..`` taken back."""
        names: list[bytes] = [] if path.startswith(b"/") else list(folder)
        for part in _components(path):
            if part == b"..":
                names = names[:-1]
            elif part != b".":
                names.append(part)
        return tuple(names)


def _components(path: bytes) -> list[bytes]:
    """Components of a path; one that ends in a slash means the folder itself."""
    parts = [part for part in path.split(b"/") if part]
    return [*parts, b"."] if path.endswith(b"/") else parts


def _link_target(name: bytes, folder: int) -> bytes | None:
    """Where a symbolic link points, None if the name is no link (or does not exist)."""
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError:
        return None
