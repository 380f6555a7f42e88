"""The machine code in an object file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Text:
    """The bytes of the section of code, and where they begin in the file."""

    data: bytes
    offset: int


def text_of(data: bytes) -> Text:
    """The code of an object file."""
    section = read_elf(data).get_section_by_name(".text")
    return Text(section.data(), section["sh_offset"])


def read_elf(data: bytes) -> Any:
    """The parsed file."""
    from elftools.elf.elffile import ELFFile

    return ELFFile(io.BytesIO(data))


def instructions(code: bytes) -> Iterator[tuple[int, int]]:
    """Place and word of every 4-byte instruction."""
    place = 0
    while place + 2 <= len(code):
        if code[place] & 3 == 3:
            yield place, int.from_bytes(code[place : place + 4], "little")
            place += 4
        else:
            place += 2
