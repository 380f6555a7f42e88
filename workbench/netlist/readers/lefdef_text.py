"""Text of LEF and DEF files in which only what matters is left, with every character where it was in the file.

Comments, extensions (``BEGINEXT ... ENDEXT``) and the blanks and semicolons inside of quoted strings would disturb a reader
that looks for blanks and semicolons; they are overwritten, line ends excepted, so that offsets and line numbers stay true.

Source: LEF/DEF 5.8 Language Reference, "Rules" (tokens are separated by blanks, a comment runs from # to the line's end).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from workbench.base.errors import InputError

LARGEST_NUMBER = 1e9
"""Lengths in µm above this are refused, as in the other readers."""

_COMMENT = re.compile(r'"[^"]*"|#(?<!\S#)[^\n]*')
_EXTENSION = re.compile(r"\bBEGINEXT\b.*?\bENDEXT\b", re.DOTALL)
_BLANK = re.compile(r"[^\n]")
_LOOSE = re.compile(r"[^\S\n]|[;()]")
_TOKEN = re.compile(r'"[^"]*"|;|[^\s;"]+')


def plain_text(text: str) -> str:
    """The text, as long as before, without comments and extensions, and with strings that are single words."""
    if "#" in text or '"' in text:
        text = _COMMENT.sub(_without_comment, text)
    return _EXTENSION.sub(lambda found: _BLANK.sub(" ", found.group()), text) if "BEGINEXT" in text else text


def _without_comment(found: re.Match[str]) -> str:
    text = found.group()
    return _LOOSE.sub("_", text) if text[0] == '"' else " " * len(text)


def line_of(text: str, offset: int) -> int:
    """Number of the line that a character is on, from 1."""
    return text.count("\n", 0, offset) + 1


def number(word: str, where: Callable[[], str], what: str, least: float = -LARGEST_NUMBER) -> float:
    """A word as a finite number; InputError naming `what` it should be."""
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not least <= value <= LARGEST_NUMBER:
        expected = "a number" if least < 0 else f"a number of at least {least:g}"
        raise InputError(where(), f"{what} {word[:40]!r}", expected, "correct it")
    return value


class Tokens:
    """The words of a text one after another, semicolons apart, and where an unexpected one stands."""

    def __init__(self, text: str, where: str) -> None:
        self.text, self.where = plain_text(text), where
        self.words: list[str] = _TOKEN.findall(self.text)
        self.position = 0

    def next(self) -> str:
        """The next word; InputError at the end."""
        if self.position >= len(self.words):
            raise InputError(self.where, "the end of the file inside a block", "its END", "fetch the file again")
        self.position += 1
        return self.words[self.position - 1]

    def statement(self) -> list[str]:
        """Words up to the next semicolon, which is passed over; InputError if there is none."""
        try:
            end = self.words.index(";", self.position)
        except ValueError:
            raise InputError(self.at(), "a statement without its end", "a semicolon", "fetch the file again") from None
        found = self.words[self.position : end]
        self.position = end + 1
        return found

    def skip_block(self, name: str) -> None:
        """Pass over everything up to ``END name``; up to the next END if the name is empty."""
        start = self.position
        while True:
            try:
                end = self.words.index("END", self.position)
            except ValueError:
                self.position = start
                raise InputError(
                    self.at(), f"{name or 'a block'} without its end", f"END {name}".strip(), "add it"
                ) from None
            self.position = end + (2 if name else 1)
            if not name or self.words[end + 1 : end + 2] == [name]:
                return

    def at(self) -> str:
        """Place of the last word taken, for errors."""
        taken = max(self.position, 1)
        for count, found in enumerate(_TOKEN.finditer(self.text), 1):
            if count == taken:
                return f"{self.where}, line {line_of(self.text, found.start())}"
        return self.where
