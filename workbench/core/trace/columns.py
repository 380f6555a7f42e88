"""Recorded instructions as columns of small numbers, and back to the rows that the timing engine takes.

An instruction is the number of its static form, in the order of first execution. Each prediction below is made by the
writer and the reader alike, and a column holds only what differs from it:

- control flow: after an instruction comes what came after it the last time. `jump_gap` counts the instructions that came
  as predicted, `jump_to` is the number of the one that did not;
- addresses: the last address of the same instruction plus its last step. `address` is the difference, one per access;
- vl, SEW and LMUL: those of the vector instruction before (`vector`); strides: the instruction's own last (`stride`);
- element addresses of indexed accesses: the element before (`element`).

Zeros compress to next to nothing, so a loop costs little however often it runs.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from workbench.base.jit import kernel
from workbench.core.interpreter.record import LMUL_SHIFT, SEW_SHIFT, VL_MASK
from workbench.isa.code import Flag

_VECTOR, _MEMORY = int(Flag.VECTOR), int(Flag.LOAD | Flag.STORE)
_STRIDED, _INDEXED = int(Flag.STRIDED), int(Flag.INDEXED)
_KNOWN, _PREVIOUS, _SINCE, _VECTOR_WORD, _ELEMENT = range(5)
OK, SHORT, LONG, WRONG_NUMBER, WRONG_VECTOR = range(5)
PROBLEMS = {
    SHORT: "a column that ends too early",
    LONG: "a column with values left over",
    WRONG_NUMBER: "an instruction that is not in its table",
    WRONG_VECTOR: "a vector configuration that does not exist",
}


@dataclass
class Columns:
    """The columns of one piece of a trace; int64 each."""

    jump_gap: np.ndarray
    jump_to: np.ndarray
    address: np.ndarray
    vector: np.ndarray
    stride: np.ndarray
    element: np.ndarray

    def arrays(self) -> tuple[np.ndarray, ...]:
        """All of them, in order."""
        return tuple(getattr(self, field.name) for field in fields(self))


NAMES = tuple(field.name for field in fields(Columns))


class Predictions:
    """What writer and reader remember from piece to piece, for up to `capacity` static instructions."""

    def __init__(self, capacity: int) -> None:
        self.scalars = np.zeros(5, np.int64)
        self.follow = np.zeros(capacity, np.int64)  # number + 1 of what came next the last time
        self.last, self.step, self.stride = (np.zeros(capacity, np.int64) for _ in range(3))

    @property
    def known(self) -> int:
        """Static instructions seen so far."""
        return int(self.scalars[_KNOWN])

    def make_room(self, capacity: int) -> None:
        """Room for more static instructions."""
        if capacity > len(self.follow):
            more = max(capacity, 2 * len(self.follow)) - len(self.follow)
            for name in ("follow", "last", "step", "stride"):
                setattr(self, name, np.append(getattr(self, name), np.zeros(more, np.int64)))

    def arrays(self) -> tuple[np.ndarray, ...]:
        """For the kernels."""
        return self.scalars, self.follow, self.last, self.step, self.stride


def encode(words: np.ndarray, flags: np.ndarray, numbers: np.ndarray, state: Predictions) -> tuple[Columns, np.ndarray, int]:
    """Columns of recorded `words` (`interpreter.record`), entries seen for the first time, and how many instructions.

    `flags` are those of each entry, `numbers` its number + 1 (0 = not seen); numbers and `state` are updated.
    """
    room = [np.zeros(len(words), np.int64) for _ in NAMES]
    first_seen = np.zeros(len(words), np.int64)
    state.make_room(state.known + len(words))
    counts = _encode(words, flags, numbers, first_seen, *state.arrays(), *room)
    columns = Columns(*(column[:count] for column, count in zip(room, counts, strict=False)))
    return columns, first_seen[: counts[6]], int(counts[7])


@kernel
def _encode(
    words: Any, flags: Any, numbers: Any, first_seen: Any, scalars: Any, follow: Any, last: Any, step: Any, stride: Any,
    jump_gap: Any, jump_to: Any, address: Any, vector: Any, strides: Any, element: Any,
) -> Any:  # fmt: skip
    counts = np.zeros(8, np.int64)
    known, previous, since = scalars[_KNOWN], scalars[_PREVIOUS], scalars[_SINCE]
    vector_word, last_element = scalars[_VECTOR_WORD], scalars[_ELEMENT]
    at = 0
    while at < len(words):
        entry = words[at]
        at += 1
        if numbers[entry] == 0:
            first_seen[counts[6]] = entry
            counts[6] += 1
            known += 1
            numbers[entry] = known
        number = numbers[entry]
        if previous > 0 and follow[previous - 1] == number:
            since += 1
        else:
            jump_gap[counts[0]] = since
            jump_to[counts[0]] = number - 1
            counts[0] += 1
            since = 0
            if previous > 0:
                follow[previous - 1] = number
        previous = number
        counts[7] += 1
        k, flag, vl = number - 1, flags[entry], 0
        if flag & _VECTOR:
            vector[counts[3]] = words[at] - vector_word
            counts[3] += 1
            vector_word = words[at]
            vl = vector_word & VL_MASK
            at += 1
        if flag & _MEMORY:
            address[counts[2]] = words[at] - (last[k] + step[k])
            counts[2] += 1
            step[k] = words[at] - last[k]
            last[k] = words[at]
            at += 1
        if flag & _STRIDED:
            strides[counts[4]] = words[at] - stride[k]
            counts[4] += 1
            stride[k] = words[at]
            at += 1
        if flag & _INDEXED:
            for _ in range(vl):
                element[counts[5]] = words[at] - last_element
                counts[5] += 1
                last_element = words[at]
                at += 1
    counts[1] = counts[0]
    scalars[_KNOWN], scalars[_PREVIOUS], scalars[_SINCE] = known, previous, since
    scalars[_VECTOR_WORD], scalars[_ELEMENT] = vector_word, last_element
    return counts


def decode(
    columns: Columns, count: int, next_pc: int, entries: np.ndarray, pcs: np.ndarray, vlen_bits: int, state: Predictions,
    rows: np.ndarray, elements: np.ndarray,
) -> int:  # fmt: skip
    """Fill `count` rows (`replay.ROW_DTYPE`) and the element addresses; `OK` or what is wrong with the columns.

    `entries` and `pcs` are those of all static instructions up to this piece; `next_pc` follows the last instruction.
    """
    state.make_room(len(pcs))
    flags = entries["flags"].astype(np.int64)
    problem: int = _decode(*columns.arrays(), count, next_pc, flags, pcs, vlen_bits, *state.arrays(), rows, elements)
    return problem


@kernel
def _decode(
    jump_gap: Any, jump_to: Any, address: Any, vector: Any, strides: Any, element: Any, count: int, next_pc: int,
    flags: Any, pcs: Any, vlen_bits: int, scalars: Any, follow: Any, last: Any, step: Any, stride: Any, rows: Any,
    elements: Any,
) -> int:  # fmt: skip
    previous, since = scalars[_PREVIOUS], scalars[_SINCE]
    vector_word, last_element = scalars[_VECTOR_WORD], scalars[_ELEMENT]
    jumps, accesses, vectors, strided, indexed = 0, 0, 0, 0, 0
    for row in range(count):
        if jumps < len(jump_gap) and since == jump_gap[jumps]:
            number = jump_to[jumps] + 1
            jumps += 1
            since = 0
            if number <= 0 or number > len(pcs):
                return WRONG_NUMBER
            if previous > 0:
                follow[previous - 1] = number
        else:
            if previous <= 0 or follow[previous - 1] == 0:
                return WRONG_NUMBER
            number = follow[previous - 1]
            since += 1
        previous = number
        k = number - 1
        flag, r = flags[k], rows[row]
        r.entry, r.pc = k, pcs[k]
        r.address, r.stride, r.vl, r.sew_log2, r.lmul_log2, r.element = 0, 0, 0, 3, 0, indexed
        if row > 0:
            rows[row - 1].next_pc = pcs[k]
        if flag & _VECTOR:
            if vectors >= len(vector):
                return SHORT
            vector_word += vector[vectors]
            vectors += 1
            r.vl, r.sew_log2 = vector_word & VL_MASK, (vector_word >> SEW_SHIFT) & 255
            r.lmul_log2 = vector_word >> LMUL_SHIFT
            if r.vl > vlen_bits or r.sew_log2 < 3 or r.sew_log2 > 6 or r.lmul_log2 < -3 or r.lmul_log2 > 3:
                return WRONG_VECTOR
        if flag & _MEMORY:
            if accesses >= len(address):
                return SHORT
            r.address = last[k] + step[k] + address[accesses]
            accesses += 1
            step[k] = r.address - last[k]
            last[k] = r.address
        if flag & _STRIDED:
            if strided >= len(strides):
                return SHORT
            stride[k] += strides[strided]
            strided += 1
            r.stride = stride[k]
        if flag & _INDEXED:
            if indexed + r.vl > len(element):
                return SHORT
            for _ in range(r.vl):
                last_element += element[indexed]
                elements[indexed] = last_element
                indexed += 1
    rows[count - 1].next_pc = next_pc
    scalars[_PREVIOUS], scalars[_SINCE] = previous, since
    scalars[_VECTOR_WORD], scalars[_ELEMENT] = vector_word, last_element
    if jumps < len(jump_gap) or accesses < len(address) or vectors < len(vector):
        return LONG
    return LONG if strided < len(strides) or indexed < len(element) else OK
