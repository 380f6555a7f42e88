"""Reads and writes which cell is in which group: one whole number a line, for every node of the flat netlist's file.

The numbers of nodes that are no standard cells (ports, hard macros and their pins) are ignored, and written as -1. This
is the form of MacroPlacement's `groups.final`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workbench.base.errors import InputError
from workbench.base.files import read_text, write_text
from workbench.netlist.netlist import Netlist, ObjectKind

_LARGEST_NUMBER = 2**31 - 1


def read_groups(path: str | Path, netlist: Netlist) -> np.ndarray:
    """Group of each object, int64 (objects), -1 for what is no cell; InputError if the file is not of this netlist."""
    words = read_text(path).split()
    nodes = _nodes(netlist)
    if len(words) != nodes:
        raise InputError(
            path, f"{len(words):,} groups", f"{nodes:,}, one for each node of {netlist.name}", "give this netlist's file"
        )
    group = np.full(netlist.objects, -1, np.int64)
    for cell in netlist.indices(ObjectKind.SOFT_MACRO):
        word = words[netlist.file_index[cell]]
        if not (word.isascii() and word.isdigit() and len(word) <= 10 and int(word) <= _LARGEST_NUMBER):
            raise InputError(
                f"{path}, line {netlist.file_index[cell] + 1}", f"group {word[:40]!r} of a cell",
                f"a whole number from 0 to {_LARGEST_NUMBER}", "correct it",
            )  # fmt: skip
        group[cell] = int(word)
    return group


def write_groups(path: str | Path, netlist: Netlist, group: np.ndarray) -> Path:
    """Write the groups of a flat netlist's cells so that `read_groups` gives them back."""
    numbers = np.full(_nodes(netlist), -1, np.int64)
    cells = netlist.indices(ObjectKind.SOFT_MACRO)
    numbers[netlist.file_index[cells]] = group[cells]
    return write_text(path, "\n".join(map(str, numbers.tolist())) + "\n")


def _nodes(netlist: Netlist) -> int:
    """Nodes of the netlist's file: objects and pins of hard macros."""
    pins = int((netlist.kind[netlist.pin_object] == ObjectKind.MACRO).sum())
    return max(netlist.objects + pins, int(netlist.file_index.max(initial=0)) + 1)
