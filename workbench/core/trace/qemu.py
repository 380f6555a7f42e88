"""Logs of QEMU: ``-d in_asm,exec,nochain`` (blocks), or the lines of its execlog plugin (with memory addresses).

Source: qemu, accel/tcg/cpu-exec.c (``Trace`` lines), target/riscv/translate.c (``IN:`` blocks), contrib/plugins/execlog.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from workbench.base.errors import InputError
from workbench.core.trace.build import Executed, Source
from workbench.core.trace.lines import read_lines
from workbench.isa.table_compressed import expand

_INSTRUCTION = re.compile(r"0x([0-9a-f]+): +([0-9a-f]{4}(?:[0-9a-f]{4})?)\s")
_BLOCK = re.compile(r"Trace (\d+): 0x[0-9a-f]+ \[[^/\]]*/([0-9a-f]+)/")
_STOPPED = re.compile(r"Stopped execution of TB chain before")
_PLUGIN = re.compile(r'(\d+), 0x([0-9a-f]+), 0x([0-9a-f]+), "[^"]*"(.*)')
_ACCESS = re.compile(r", (?:load|store), 0x([0-9a-f]+)")
_LOOK_LINES = 100_000
_LOG_AGAIN = "log with `qemu-riscv64 -d in_asm,exec,nochain -D LOG PROGRAM`"
_JAL, _BRANCH, _JALR = 0x6F, 0x63, 0x67
BLOCKS = (
    "From a QEMU log of blocks: it has no memory addresses, so every access is taken to hit the L1, and no vector "
    "lengths, so each is taken as the longest that its vset instruction allows.",
)
PLUGIN = (
    "From a log of QEMU's execlog plugin: it has no vector lengths, so each is taken as the longest that its vset "
    "instruction allows.",
)


def open_qemu_log(path: Path) -> tuple[Source, Iterator[Executed]]:
    """What kind of log it is, and its executed instructions.

    Raises
    ------
    InputError: the file is no log of QEMU, or lacks instructions or blocks.
    """
    for _, (_, line) in zip(range(_LOOK_LINES), read_lines(path), strict=False):
        if _PLUGIN.match(line):
            return Source("qemu", path, PLUGIN, False), _plugin(path)
        if _BLOCK.match(line):
            return Source("qemu", path, BLOCKS, False), _blocks(path)
    raise InputError(path, "no line of an executed block", "a log of QEMU", _LOG_AGAIN)


def _plugin(path: Path) -> Iterator[Executed]:
    for number, line in read_lines(path):
        if (found := _PLUGIN.match(line)) and not int(found[1]):
            addresses = [int(value, 16) for value in _ACCESS.findall(found[4])]
            word = int(found[3], 16)
            yield Executed(int(found[2], 16), word if word & 3 == 3 else word & 0xFFFF, number, addresses)


def _blocks(path: Path) -> Iterator[Executed]:
    """Instructions of the executed blocks; a block that QEMU says it did not begin is taken back."""
    blocks: dict[int, list[tuple[int, int]]] = {}
    reading: list[tuple[int, int]] = []
    waiting: tuple[int, list[tuple[int, int]]] | None = None
    last: tuple[int, int] | None = None
    for number, line in read_lines(path):
        if line.startswith("IN:"):
            reading = []
        elif found := _INSTRUCTION.match(line):
            reading.append((int(found[1], 16), int(found[2], 16)))
            blocks[reading[0][0]] = reading
        elif _STOPPED.match(line):
            waiting = None
        elif (found := _BLOCK.match(line)) and not int(found[1]):
            if waiting is not None:
                yield from _executed(*waiting)
                last = waiting[1][-1]
            pc = int(found[2], 16)
            if pc not in blocks:
                raise InputError(
                    f"{path}, line {number}", f"a block at 0x{pc:x} without its instructions", "an IN: block", _LOG_AGAIN
                )
            if last is not None and pc not in _followers(*last):
                raise InputError(
                    f"{path}, line {number}", f"a block at 0x{pc:x} that cannot follow 0x{last[0]:x}", "every block",
                    _LOG_AGAIN,
                )  # fmt: skip
            waiting = number, blocks[pc]
            last = None
    if waiting is not None:
        yield from _executed(*waiting)


def _executed(number: int, block: list[tuple[int, int]]) -> Iterator[Executed]:
    return (Executed(pc, word, number) for pc, word in block)


class _Anywhere:
    def __contains__(self, pc: int) -> bool:
        return True


def _followers(pc: int, word: int) -> set[int] | _Anywhere:
    """Addresses that can come after an instruction; anywhere after an indirect jump or a system call."""
    length = 4 if word & 3 == 3 else 2
    wide = word if length == 4 else expand(word)
    opcode = wide & 0x7F
    if opcode == _JALR or opcode == 0x73:
        return _Anywhere()
    if opcode == _JAL:
        offset = (wide >> 31 << 20) | (wide >> 12 & 0xFF) << 12 | (wide >> 20 & 1) << 11 | (wide >> 21 & 0x3FF) << 1
        return {pc + (offset - (1 << 21) if wide >> 31 else offset)}
    if opcode == _BRANCH:
        offset = (wide >> 31 << 12) | (wide >> 7 & 1) << 11 | (wide >> 25 & 63) << 5 | (wide >> 8 & 15) << 1
        return {pc + length, pc + (offset - (1 << 13) if wide >> 31 else offset)}
    return {pc + length}
