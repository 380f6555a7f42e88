"""What a row of a pipeline log says in words, and the stages between the engine's cycles."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from workbench.core.logs.capture import StageTable
from workbench.isa.disassemble import disassemble

STAGES = ("F", "Dc", "Rn", "Ds", "X", "Cm")
"""Fetch, decode, rename, dispatch and wait in the issue queue, execute, wait for commit."""


class Described:
    """A stage table with its instructions as text and the cycle at which each of `STAGES` begins.

    The engine has no cycles of decode and dispatch of their own: decode is put in the cycle before rename, dispatch in the
    one after it. `begins` is never decreasing from stage to stage, and the last stage ends at ``rows["commit"]``.
    """

    def __init__(self, table: StageTable) -> None:
        self.table, self.rows = table, table.rows
        rows = table.rows
        fetch, rename = rows["fetch"], rows["rename"]
        issue = np.maximum(rows["issue"], rename)
        complete = np.maximum(rows["complete"], issue)
        decode = np.maximum(rename - 1, fetch)
        dispatch = np.minimum(rename + 1, issue)
        self.begins = np.stack([fetch, decode, np.maximum(rename, decode), dispatch, issue, complete], axis=1)
        self._texts: dict[tuple[int, int], str] = {}

    def text(self, entry: int, pc: int) -> str:
        """Assembly text of an instruction (16-bit forms in their expanded spelling)."""
        key = (entry, pc)
        if key not in self._texts:
            self._texts[key] = disassemble(int(self.table.entries["raw"][entry]), pc)
        return self._texts[key]

    def function(self, entry: int) -> str:
        """Name of the function that holds an instruction."""
        return self.table.regions[int(self.table.entries["region"][entry])] or "(no symbol)"

    @cached_property
    def producers(self) -> list[list[int]]:
        """For every row the rows that wrote its source registers last (groups by their first register)."""
        last: dict[int, int] = {}
        found = []
        sources = {}
        entries = self.table.entries
        for number, entry in enumerate(self.rows["entry"].tolist()):
            if entry not in sources:
                e = entries[entry]
                sources[entry] = ({int(e[name]) for name in ("rs1", "rs2", "rs3")} - {-1, 0}, int(e["rd"]))
            read, written = sources[entry]
            found.append(sorted({last[register] for register in read if register in last}))
            if written > 0:
                last[written] = number
        return found
