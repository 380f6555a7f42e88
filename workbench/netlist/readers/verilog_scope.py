"""Names of an elaborated module instance: numbers, functions, and signals as arrays of bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.netlist.readers.verilog_preprocess import VerilogText


@dataclass(frozen=True)
class Signal:
    """A net or an array of nets.

    Attributes
    ----------
    bits: bit numbers, least significant first; shape (width,), or (words, width) for an array in order of `word`.
    msb, lsb: the declared range.
    word: first and last index of an array, else None.
    """

    bits: np.ndarray
    msb: int
    lsb: int
    word: tuple[int, int] | None = None

    def position(self, index: int) -> int:
        """Place of a bit index among the bits; outside 0..width-1 if it is not declared."""
        return index - self.lsb if self.msb >= self.lsb else self.lsb - index

    def word_position(self, index: int) -> int:
        """Place of an array index."""
        first, last = self.word or (0, 0)
        return index - first if last >= first else first - index


class Scope:
    """Names of one module instance or one generate block in it; looks outward up to the module's border."""

    def __init__(self, source: VerilogText, path: str, outer: Scope | None = None) -> None:
        self.source, self.path, self.outer = source, path, outer
        self.names: dict[str, Any] = {}
        self.blocks: dict[tuple[str, int | None], Scope] = {}
        self.unnamed: list[int] = outer.unnamed if outer is not None else [0]

    def lookup(self, name: str) -> Any:
        """Number, function or Signal called `name`, None if there is none."""
        scope: Scope | None = self
        while scope is not None:
            if (value := scope.names.get(name)) is not None:
                return value
            scope = scope.outer
        return None

    def block(self, name: str, index: int | None) -> Scope | None:
        """A named generate block seen from here."""
        scope: Scope | None = self
        while scope is not None:
            if (name, index) in scope.blocks:
                return scope.blocks[name, index]
            scope = scope.outer
        return None

    def where(self, line: int) -> str:
        """Place of a line of the source, for errors."""
        return self.source.where(line)

    def child(self, name: str) -> str:
        """Hierarchical name of something called `name` in here."""
        name = name.removeprefix("\\")
        return f"{self.path}.{name}" if self.path else name

    def number_unnamed(self) -> int:
        """A number for the next block or instance without a name in this module instance."""
        self.unnamed[0] += 1
        return self.unnamed[0]
