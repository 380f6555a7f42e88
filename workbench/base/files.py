"""Reading with limits and clear errors; writing atomically (temporary file, flush, fsync, replace)."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from workbench.base.errors import InputError
from workbench.base.limits import DEFAULT_LIMITS, Limits


def read_bytes(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """Content of a file, decompressed if it is gzip; InputError if it is absent, empty, unreadable or too large."""
    path = Path(path)
    try:
        if path.is_dir():
            raise InputError(path, "a folder", "a file", "name a file inside it")
        limits.check(str(path), "file_bytes", path.stat().st_size)
        with path.open("rb") as stream:
            data = stream.read(limits.file_bytes + 1)  # a pipe or a device does not tell its size
        limits.check(str(path), "file_bytes", len(data))
    except FileNotFoundError:
        raise InputError(path, "no such file", "an existing file", "check the path") from None
    except OSError as error:
        raise InputError(path, f"an unreadable file ({error.strerror})", "a readable file", "check it") from None
    if data[:2] == b"\x1f\x8b":
        data = _gunzip(path, data, limits)
    if not data:
        raise InputError(path, "an empty file", "a file with content", "check how it was written")
    return data


def _gunzip(path: Path, data: bytes, limits: Limits) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            content = stream.read(limits.file_bytes + 1)
    except (OSError, EOFError, zlib.error):
        raise InputError(path, "a damaged gzip file", "a complete gzip file", "fetch or write it again") from None
    limits.check(str(path), "file_bytes", len(content))
    return content


def read_text(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> str:
    """Content of a UTF-8 text file (gzip allowed); InputError as `read_bytes`, and if it is not text."""
    data = read_bytes(path, limits)
    try:
        return data.decode("utf-8-sig")  # Windows editors put a byte order mark before it
    except UnicodeDecodeError as error:
        raise InputError(
            path, f"byte 0x{data[error.start]:02x} at offset {error.start}", "UTF-8 text", "check the file's kind"
        ) from None


def write_bytes(path: str | Path, data: bytes, *, executable: bool = False) -> Path:
    """Write a file so that a reader sees the old or the new content, never a part; returns the path."""
    with writing(path, executable=executable) as stream:
        stream.write(data)
    return Path(path)


def check_writable(path: str | Path) -> Path:
    """A file that is to be written when the work is done, checked before it begins; InputError if it cannot be."""
    path = _checked_name(path)
    make_folder(path.parent)
    return path


def _checked_name(path: str | Path) -> Path:
    path = Path(path)
    if path.exists() and not path.is_file():  # never in the place of /dev/null
        found = "a folder" if path.is_dir() else "a device or a pipe"
        raise InputError(path, found, "a name for a file", "choose another name")
    return path


@contextlib.contextmanager
def writing(path: str | Path, *, executable: bool = False) -> Iterator[BinaryIO]:
    """A stream to write a file to, piece by piece; the file is there, whole, when the block has ended without an error."""
    path = _checked_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(path, f"an unwritable place ({error.strerror})", "a writable folder", "choose another") from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, (0o777 if executable else 0o666) & ~_umask())
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise InputError(path, f"a failed write ({error.strerror})", "a writable file", "free space there") from None
        raise


def make_folder(path: str | Path) -> Path:
    """Make a folder for results, before the work on them begins; InputError if it cannot be written to."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise InputError(path, f"an unwritable place ({error.strerror})", "a writable folder", "choose another") from None


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value


def write_text(path: str | Path, text: str) -> Path:
    """`write_bytes` for UTF-8 text."""
    return write_bytes(path, text.encode("utf-8"))


def write_text_pieces(path: str | Path, pieces: Iterable[str]) -> Path:
    """`write_text` for text that is made while it is written."""
    with writing(path) as stream:
        for piece in pieces:
            stream.write(piece.encode("utf-8"))
    return Path(path)


def write_json(path: str | Path, value: Any) -> Path:
    """`write_bytes` for JSON, indented, keys in the order given, with a final newline."""
    return write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")
