"""Traces from logs of other simulators: what they executed becomes the pieces of a trace file.

A log gives addresses and words of instructions, and more or less of the rest. What is missing is filled in as the notes
of the trace say.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from workbench.base.errors import InputError
from workbench.base.files import writing
from workbench.base.progress import Progress
from workbench.core.interpreter.record import LMUL_SHIFT, SEW_SHIFT
from workbench.core.trace.columns import Predictions, encode
from workbench.core.trace.file import PIECE_INSTRUCTIONS, VERSION, About, Piece, TraceWriter, decode_words
from workbench.isa.code import INSTRUCTION_DTYPE, Flag
from workbench.isa.program import Program
from workbench.isa.table import numbers
from workbench.isa.table_compressed import expand

_MEMORY, _VECTOR = int(Flag.LOAD | Flag.STORE), int(Flag.VECTOR)
_STRIDED, _INDEXED = int(Flag.STRIDED), int(Flag.INDEXED)
_STAND_IN_BASE, _STAND_IN_WORDS = 0x7000_0000, 512  # 4 KiB that stay in any L1
_ROOM_WORDS = 1 << 20
_FRACTIONS = {5: -3, 6: -2, 7: -1}  # vlmul codes of 1/8, 1/4, 1/2


@dataclass
class Executed:
    """One instruction of a log: its memory accesses (none if the log has none) and (vl, SEW, LMUL log2) if it says so.

    `vector` is the configuration after the instruction; `line` is where it stands in the log.
    """

    pc: int
    word: int
    line: int
    addresses: Sequence[int] = ()
    vector: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Source:
    """A log to be imported: its kind and path, what it lacks, and whether it has memory addresses."""

    origin: Literal["spike", "qemu"]
    path: Path
    notes: tuple[str, ...]
    has_addresses: bool


def write_trace(
    source: Source, instructions: Iterable[Executed], path: str | Path, *, vlen_bits: int, program: Program | None = None,
    progress: Progress | None = None,
) -> About:  # fmt: skip
    """Write a trace of executed instructions; functions are named after the program's symbols.

    Raises
    ------
    InputError: the log holds a word that is no instruction, or no instruction at all.
    """
    builder = _Builder(source, vlen_bits, program)
    with writing(path) as stream, TraceWriter(stream) as writer:
        for batch in _batches(instructions):
            for piece in builder.pieces(batch):
                writer.write(piece)
            if progress is not None:
                progress.update(builder.instructions)
        if not builder.instructions:
            raise InputError(source.path, "no executed instruction", f"a log of {source.origin}", "see docs/traces.md")
        about = About(
            version=VERSION, origin=source.origin, program=program.name if program else source.path.name,
            vlen_bits=vlen_bits, instructions=builder.instructions, vector_instructions=builder.vector_instructions,
            exit_code=None, regions=builder.regions, notes=source.notes,
            device_end=program.device_end if program else None,
        )  # fmt: skip
        writer.close(about)
    return about


def _batches(instructions: Iterable[Executed]) -> Iterator[list[Executed]]:
    batch: list[Executed] = []
    for executed in instructions:
        batch.append(executed)
        if len(batch) == PIECE_INSTRUCTIONS:
            yield batch
            batch = []
    if batch:
        yield batch


class _Builder:
    def __init__(self, source: Source, vlen_bits: int, program: Program | None) -> None:
        self._source, self._vlen_bits = source, vlen_bits
        self.regions, self._region_of = _functions(program)
        self.instructions = self.vector_instructions = 0
        self._places: dict[tuple[int, int], int] = {}
        self._entries = np.zeros(0, INSTRUCTION_DTYPE)
        self._pcs = np.zeros(0, np.int64)
        self._numbers = np.zeros(0, np.int64)
        self._state = Predictions(PIECE_INSTRUCTIONS)
        self._vector = (0, 3, 0)  # vl, log2 of SEW and of LMUL

    def pieces(self, batch: list[Executed]) -> Iterator[Piece]:
        """The batch as pieces, cut where the element addresses of indexed accesses become many."""
        self._learn(batch)
        words: list[int] = []
        begin = 0
        for k, executed in enumerate(batch):
            self._append(words, executed)
            if len(words) >= _ROOM_WORDS or k == len(batch) - 1:
                following = batch[k + 1].pc if k + 1 < len(batch) else 0
                yield self._piece(words, batch[k], following, k + 1 - begin)
                words, begin = [], k + 1

    def _piece(self, words: list[int], last: Executed, following: int, count: int) -> Piece:
        columns, first, found = encode(
            np.array(words, np.int64), self._entries["flags"].astype(np.int64), self._numbers, self._state
        )
        assert found == count
        new = self._entries[first]
        static = {
            "static_pc": self._pcs[first], "static_word": new["raw"], "static_length": new["length"],
            "static_region": new["region"],
        }  # fmt: skip
        self.instructions += count
        self.vector_instructions += len(columns.vector)
        length = int(self._entries["length"][self._places[last.pc, last.word]])
        return Piece(count, following or last.pc + length, columns, static)

    def _learn(self, batch: list[Executed]) -> None:
        """Decode the instructions that are new."""
        new = list(dict.fromkeys((e.pc, e.word) for e in batch if (e.pc, e.word) not in self._places))
        if not new:
            return
        lengths = np.array([4 if word & 3 == 3 else 2 for _, word in new])
        words = [word & 0xFFFF_FFFF if word & 3 == 3 else expand(word & 0xFFFF) for _, word in new]
        entries = decode_words(np.array(words, np.uint32), lengths)
        for (pc, word), op in zip(new, entries["op"].tolist(), strict=True):
            if not op:
                line = next(e.line for e in batch if (e.pc, e.word) == (pc, word))
                raise InputError(
                    f"{self._source.path}, line {line}", f"the word 0x{word:x} at 0x{pc:x}", "an RV64GCV instruction",
                    "record a program without other extensions",
                )  # fmt: skip
        entries["region"] = [self._region_of(pc) for pc, _ in new]
        self._places |= {key: len(self._pcs) + k for k, key in enumerate(new)}
        self._entries = np.append(self._entries, entries)
        self._pcs = np.append(self._pcs, np.array([pc for pc, _ in new], np.int64))
        self._numbers = np.append(self._numbers, np.zeros(len(new), np.int64))

    def _append(self, words: list[int], executed: Executed) -> None:
        """The words of one instruction, as the interpreter would record it."""
        place = self._places[executed.pc, executed.word]
        entry = self._entries[place]
        flags = int(entry["flags"])
        words.append(place)
        if executed.vector is not None:
            self._vector = self._checked(executed.vector, executed.line)
        elif flags & int(Flag.VSET) and not self._source.has_addresses:
            self._vector = self._configured(entry)
        vl, sew, lmul = self._vector
        if flags & _VECTOR:
            words.append(vl | sew << SEW_SHIFT | lmul << LMUL_SHIFT)
        if not flags & _MEMORY:
            return
        if executed.addresses:
            address = executed.addresses[0]
        else:
            address = _STAND_IN_BASE + place % _STAND_IN_WORDS * 8
        if flags & _VECTOR and not flags & (_STRIDED | _INDEXED):
            address = min(executed.addresses, default=address)
        words.append(_signed(address))
        fields = int(entry["fields"]) + 1
        elements = [_signed(value) for value in executed.addresses[::fields]]
        if flags & _STRIDED:
            words.append(elements[1] - elements[0] if len(elements) > 1 else 0)
        if flags & _INDEXED:
            words += (elements + [elements[-1] if elements else address] * vl)[:vl]

    def _checked(self, vector: tuple[int, int, int], line: int) -> tuple[int, int, int]:
        vl, sew, lmul = vector
        if not (0 <= vl <= self._vlen_bits << lmul >> sew if lmul >= 0 else 0 <= vl <= self._vlen_bits >> sew - lmul):
            raise InputError(
                f"{self._source.path}, line {line}", f"vl of {vl} with {1 << sew}-bit elements",
                f"what fits {self._vlen_bits}-bit registers", "give the log's register length with --vlen",
            )  # fmt: skip
        return vector

    def _configured(self, entry: np.void) -> tuple[int, int, int]:
        """The configuration that a vset instruction asks for, with the largest vl where the log does not tell it."""
        _, sew, lmul = self._vector
        imm, available = int(entry["imm"]), self._vlen_bits
        if entry["op"] != numbers()["vsetvl"]:
            code = imm & 7
            sew, lmul = 3 + (imm >> 3 & 3), _FRACTIONS.get(code, code & 3)
        most = (self._vlen_bits << 3 >> 3 - lmul) >> sew
        if entry["op"] == numbers()["vsetivli"]:
            available = imm >> 12
        return min(available, most), sew, lmul


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _functions(program: Program | None) -> tuple[tuple[str, ...], Callable[[int], int]]:
    """Names of a program's functions, the first for code outside of all, and the number of the one at an address."""
    if program is None:
        return ("",), lambda pc: 0
    functions = [s for s in program.symbols if s.is_function]
    starts = [s.address for s in functions]

    def region_of(pc: int) -> int:
        k = bisect.bisect_right(starts, pc) - 1
        if k < 0 or functions[k].size_bytes and pc >= functions[k].address + functions[k].size_bytes:
            return 0
        return k + 1

    return ("", *(s.name for s in functions)), region_of
