"""Logs of Spike: ``spike -l --log-commits`` (with memory addresses and vector configuration) or ``spike -l`` (without).

Source: riscv-software-src/riscv-isa-sim, riscv/execute.cc (the commit log) and riscv/processor.cc (``-l``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from workbench.base.errors import InputError
from workbench.core.trace.build import Executed, Source
from workbench.core.trace.lines import read_lines

_COMMIT = re.compile(r"core +(\d+): ([0-3]) 0x([0-9a-f]+) \(0x([0-9a-f]+)\)(.*)")
_LISTED = re.compile(r"core +(\d+): 0x([0-9a-f]+) \(0x([0-9a-f]+)\)")
_MEMORY = re.compile(r" mem 0x([0-9a-f]+)")
_VECTOR = re.compile(r" e(\d+) (mf?)(\d+) l(\d+)")
_USER = 0
_LOOK_LINES = 200_000
COMMITTED = (
    "From a Spike log: vector loads and stores that are masked have the addresses of their active elements only; "
    "the length of vector registers is the one given, 128 bits by default.",
)
LISTED = (
    "From a Spike log without --log-commits: it has no memory addresses, so every access is taken to hit the L1, "
    "and no vector lengths, so each is taken as the longest.",
)


def open_spike_log(path: Path) -> tuple[Source, Iterator[Executed]]:
    """What kind of log it is, and its instructions of hart 0: user mode alone if there is any (Spike with pk).

    Raises
    ------
    InputError: the file is no log of Spike.
    """
    commits = users = listed = 0
    for _, line in zip(range(_LOOK_LINES), read_lines(path), strict=False):
        if found := _COMMIT.match(line[1]):
            commits += 1
            users += int(found[2]) == _USER
        elif _LISTED.match(line[1]):
            listed += 1
    if not commits and not listed:
        raise InputError(
            path, "no line of executed instructions", "a log of `spike -l --log-commits`", "log the program with Spike"
        )
    notes: tuple[str, ...] = COMMITTED if commits else LISTED
    if users:
        notes = (*notes, "Only its instructions in user mode are in the trace.")
    source = Source("spike", path, notes, bool(commits))
    return source, _committed(path, bool(users)) if commits else _plain(path)


def _committed(path: Path, is_user_only: bool) -> Iterator[Executed]:
    for number, line in read_lines(path):
        found = _COMMIT.match(line)
        if found is None or int(found[1]) or is_user_only and int(found[2]) != _USER:
            continue
        rest = found[5]
        vector = None
        if " l" in rest and (shape := _VECTOR.search(rest)):
            lmul = int(shape[3]).bit_length() - 1
            vector = (int(shape[4]), int(shape[1]).bit_length() - 1, -lmul if shape[2] == "mf" else lmul)
        addresses = [int(value, 16) for value in _MEMORY.findall(rest)] if " mem " in rest else ()
        yield Executed(int(found[3], 16), int(found[4], 16), number, addresses, vector)


def _plain(path: Path) -> Iterator[Executed]:
    for number, line in read_lines(path):
        if (found := _LISTED.match(line)) and not int(found[1]):
            yield Executed(int(found[2], 16), int(found[3], 16), number)
