"""The loops of a function, read from its machine code: heads, latches, how they nest, how often they still go round.

A loop is the range from the target of a backward branch to the last branch to it. How often a loop goes round from
here on follows from the condition of that branch, where both its operands advance evenly. A loop too long for a branch
ends with a jump, and with a branch of the opposite condition around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.isa.code import Flag
from workbench.isa.predecode import Code
from workbench.isa.table import op

_BRANCH, _JUMP = int(Flag.BRANCH), int(Flag.JUMP)
_EQUAL, _NOT_EQUAL = op("beq"), op("bne")
_LESS, _NOT_LESS = (op("blt"), op("bltu")), (op("bge"), op("bgeu"))
_OPPOSITES = {_EQUAL: _NOT_EQUAL, _NOT_EQUAL: _EQUAL}
_OPPOSITES |= dict(zip(_LESS, _NOT_LESS, strict=True)) | dict(zip(_NOT_LESS, _LESS, strict=True))


@dataclass(frozen=True)
class Loop:
    """Instructions from `head` to `latch`, the last branch back to it; execution leaves to `exit`, behind it.

    `operation` is the row number of the latch; `left` and `right` are the registers that it compares. `inner` are the
    loops directly inside.
    """

    head: int
    latch: int
    exit: int
    operation: int
    left: int
    right: int
    inner: tuple[Loop, ...] = ()

    def remaining(self, registers: np.ndarray, steps: np.ndarray) -> int | None:
        """How often the loop comes back to its head after now; None where the latch does not tell.

        `registers` are those at the head, `steps` what each of them gains per iteration. A last, partial step
        (of a vector loop) is not counted.
        """
        left, right = (int(registers[r]) if r > 0 else 0 for r in (self.left, self.right))
        closing = (int(steps[self.left]) if self.left > 0 else 0) - (int(steps[self.right]) if self.right > 0 else 0)
        gap = right - left
        if self.operation == _NOT_EQUAL and closing and gap // closing > 0:
            return gap // closing - (gap % closing == 0)
        if self.operation in _LESS and closing > 0 and gap > 0:
            return -(-gap // closing) - 1
        if self.operation in _NOT_LESS and closing < 0 and gap <= 0:
            return gap // closing
        return None


def find_loops(code: Code, start: int, end: int) -> tuple[Loop, ...]:
    """The outermost loops of the function in ``start ... end - 1``, in order of address."""
    latches: dict[int, tuple[int, int]] = {}
    entries, at = code.entries, start
    while at < end:
        index = (at - code.base) >> 1
        entry = entries[index]
        target = at + int(entry["imm"])
        if entry["flags"] & (_BRANCH | _JUMP) and start <= target <= at and int(entry["rd"]) <= 0:
            latches[target] = (at, index)
        at += int(entry["length"])
    ranges = sorted((head, latch, index) for head, (latch, index) in latches.items())
    return _nest(code, ranges)


def _nest(code: Code, ranges: list[tuple[int, int, int]]) -> tuple[Loop, ...]:
    loops, place = [], 0
    while place < len(ranges):
        head, latch, index = ranges[place]
        inside = [r for r in ranges[place + 1 :] if r[0] <= latch]
        length = int(code.entries[index]["length"])
        inner = _nest(code, [r for r in inside if r[1] <= latch])
        loops.append(Loop(head, latch, latch + length, *_condition(code, index), inner))
        place += 1 + len(inside)
    return tuple(loops)


def _condition(code: Code, index: int) -> tuple[int, int, int]:
    """Operation and registers under which the latch at an index goes back; 0 and -1 where they are not known."""
    entry = code.entries[index]
    if entry["flags"] & _BRANCH:
        return int(entry["op"]), int(entry["rs1"]), int(entry["rs2"])
    for length in (2, 4):
        around = code.entries[max(index - length // 2, 0)]
        leaps = around["length"] == length and around["imm"] == length + entry["length"]
        if around["flags"] & _BRANCH and leaps and int(around["op"]) in _OPPOSITES:
            return _OPPOSITES[int(around["op"])], int(around["rs1"]), int(around["rs2"])
    return 0, -1, -1
