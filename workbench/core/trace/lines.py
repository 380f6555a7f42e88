"""Lines of large text logs, plain or gzip, without holding the file."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from workbench.base.errors import InputError

_LONGEST = 1 << 20


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """(number, line) from 1 on; InputError if the file cannot be read or is no text."""
    try:
        with path.open("rb") as raw:
            is_packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream = gzip.GzipFile(fileobj=raw) if is_packed else raw
            number = 0
            while line := stream.readline(_LONGEST):
                number += 1
                if len(line) == _LONGEST or b"\0" in line:
                    raise InputError(f"{path}, line {number}", "binary data", "a text log", "check the file's kind")
                yield number, line.decode("utf-8", errors="replace")
    except FileNotFoundError:
        raise InputError(path, "no such file", "an existing file", "check the path") from None
    except (OSError, EOFError, zlib.error):
        raise InputError(path, "a damaged or unreadable file", "a text log", "write it again") from None
