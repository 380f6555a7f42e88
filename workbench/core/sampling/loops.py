"""The loops of a function, read from its machine code: heads, latches, how they nest, how often they still go round.

A loop is the range from the target of a backward branch to the last branch to it. How often a loop goes round from
here on follows from the condition of that branch, where both its operands advance evenly.
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
        entry = code.entries[index]
        is_branch = bool(entry["flags"] & _BRANCH)
        loops.append(
            Loop(
                head, latch, latch + int(entry["length"]), int(entry["op"]) if is_branch else 0,
                int(entry["rs1"]) if is_branch else -1, int(entry["rs2"]) if is_branch else -1,
                _nest(code, [r for r in inside if r[1] <= latch]),
            )
        )  # fmt: skip
        place += 1 + len(inside)
    return tuple(loops)
