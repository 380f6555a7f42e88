"""Predecode: a program's executable segments as an array of `INSTRUCTION_DTYPE`, one entry per 2-byte parcel.

Every even offset is decoded, whether an instruction begins there or not, so that a jump can go anywhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.base.errors import InputError
from workbench.isa.code import F0, INSTRUCTION_DTYPE, NO_REGISTER, V0, X0, Flag
from workbench.isa.fusion import mark_fusion
from workbench.isa.program import Program
from workbench.isa.row import Row
from workbench.isa.table import ILLEGAL, TABLE, op
from workbench.isa.table_compressed import expand
from workbench.isa.timing_class import TimingClass

__all__ = ["F0", "INSTRUCTION_DTYPE", "NO_REGISTER", "V0", "X0", "Code", "Flag", "predecode"]

LARGEST_CODE_BYTES = 64 << 20  # the array takes 20 times as much
_BASES = {"x": X0, "f": F0, "v": V0}
_LINK_REGISTERS = (1, 5)  # ra and t0: the return-address hints of the JAL/JALR table in the manual


@dataclass(frozen=True)
class Code:
    """Predecoded instructions: entry ``(pc - base) >> 1`` of `entries`; `regions` names the numbers in `region`.

    `parcels` are the 16-bit words that were decoded, and one more.
    """

    base: int
    entries: np.ndarray
    regions: tuple[str, ...]
    parcels: np.ndarray


def predecode(program: Program) -> Code:
    """Decode a program; InputError if it has no code or more than 64 MiB of it."""
    segments = [s for s in program.segments if s.flags & 1 and s.size_bytes]
    if not segments:
        raise InputError(program.name, "no executable segment", "code to run", "link it again")
    base = min(s.address for s in segments) & ~1
    size = max(s.address + s.size_bytes for s in segments) - base
    if size > LARGEST_CODE_BYTES:
        raise InputError(program.name, f"{size:,} bytes of code", f"at most {LARGEST_CODE_BYTES:,}", "link code together")
    image = np.zeros((size + 1) // 2 * 2 + 2, np.uint8)
    for segment in segments:
        at = segment.address - base
        image[at : at + len(segment.data)] = np.frombuffer(segment.data, np.uint8)
    parcels = image.view("<u2")
    entries = decode_parcels(parcels)
    regions = _mark_regions(program, base, entries)
    return Code(base, entries, regions, parcels)


def decode_again(code: Code, program: Program, read: Callable[[int, int], bytes | None]) -> None:
    """Decode what the program has changed in its executable segments; `read` gives bytes of its memory."""
    image = code.parcels.copy().view(np.uint8)
    for segment in program.segments:
        content = read(segment.address, segment.size_bytes) if segment.flags & 1 else None
        if content:
            at = segment.address - code.base
            image[at : at + len(content)] = np.frombuffer(content, np.uint8)
    parcels = image.view("<u2")
    changed = np.flatnonzero(parcels != code.parcels)
    if not changed.size:
        return
    first, end = max(int(changed[0]) - 1, 0), min(int(changed[-1]) + 1, len(code.entries))
    fresh = decode_parcels(parcels[first : end + 1])
    fresh["region"] = code.entries["region"][first:end]
    code.entries[first:end] = fresh
    code.parcels[:] = parcels


def decode_parcels(halves: np.ndarray) -> np.ndarray:
    """`INSTRUCTION_DTYPE` records of all parcels but the last, which only completes the one before."""
    words = halves[:-1].astype(np.uint32) | halves[1:].astype(np.uint32) << 16
    is_short = (words & 3) != 3
    short, place = np.unique(halves[:-1][is_short], return_inverse=True)
    words[is_short] = np.array([expand(int(half)) for half in short], np.uint32)[place]
    entries = np.zeros(len(words), INSTRUCTION_DTYPE)
    entries["length"] = np.where(is_short, 2, 4)
    entries["raw"] = words
    for column in ("rd", "rs1", "rs2", "rs3"):
        entries[column] = NO_REGISTER
    entries["op"] = _row_numbers(words)
    order = np.argsort(entries["op"], kind="stable")
    starts = np.searchsorted(entries["op"][order], np.arange(len(TABLE) + 2))
    for number, row in enumerate(TABLE, 1):
        if (where := order[starts[number] : starts[number + 1]]).size:
            _fill(entries, where, words[where], row)
    _mark_hints(entries)
    mark_fusion(entries)
    return entries


def _row_numbers(words: np.ndarray) -> np.ndarray:
    numbers = np.full(len(words), ILLEGAL, np.int16)
    opcodes = words & 0x7F
    by_opcode: dict[int, list[tuple[int, Row]]] = defaultdict(list)
    for number, row in enumerate(TABLE, 1):
        by_opcode[row.match & 0x7F].append((number, row))
    for opcode, rows in by_opcode.items():
        where = np.flatnonzero(opcodes == opcode)
        here = words[where]
        for number, row in rows:
            numbers[where[(here & np.uint32(row.mask)) == row.match]] = number
    return numbers


def _fill(entries: np.ndarray, where: np.ndarray, words: np.ndarray, row: Row) -> None:
    entries["timing"][where] = row.timing
    entries["mem_bytes"][where] = row.mem_bytes
    entries["fields"][where] = row.fields - 1
    flags = np.full(len(where), int(row.flags), np.int32)
    imm = np.zeros(len(where), np.int64)
    for operand in row.operands:
        value = _extract(words, operand.pieces, operand.bits if operand.is_signed else 0)
        if operand.kind in _BASES:
            entries[operand.slot][where] = value + _BASES[operand.kind]
        elif operand.kind == "vm":
            flags |= np.where(value == 0, int(Flag.MASKED), 0).astype(np.int32)
        else:
            imm |= value << operand.shift
    if row.vector is not None and row.vector.reads_vd:
        entries["rs3"][where] = entries["rd"][where]
    entries["imm"][where] = imm
    entries["flags"][where] = flags


def _extract(words: np.ndarray, pieces: tuple[tuple[int, int, int], ...], signed_bits: int) -> np.ndarray:
    wide = words.astype(np.int64)
    value = np.zeros(len(words), np.int64)
    for position, at, width in pieces:
        value |= (wide >> position & (1 << width) - 1) << at
    if signed_bits:
        value -= (value >> signed_bits - 1) << signed_bits
    return value


def _mark_hints(entries: np.ndarray) -> None:
    """Calls and returns (the manual's return-address hints), register moves, and the canonical no-operation."""
    jal, jalr, addi, add = op("jal"), op("jalr"), op("addi"), op("add")
    jumps = np.isin(entries["op"], (jal, jalr))
    calls = jumps & np.isin(entries["rd"], _LINK_REGISTERS)
    returns = (entries["op"] == jalr) & ~calls & np.isin(entries["rs1"], _LINK_REGISTERS)
    entries["flags"][calls] |= int(Flag.CALL)
    entries["flags"][returns] |= int(Flag.RETURN)
    copies = (entries["op"] == addi) & (entries["imm"] == 0) & (entries["rs1"] > 0)
    copies |= (entries["op"] == add) & ((entries["rs1"] == 0) != (entries["rs2"] == 0))
    entries["flags"][copies] |= int(Flag.MOVE)
    nothing = (entries["op"] == addi) & (entries["rd"] == 0) & (entries["rs1"] == 0) & (entries["imm"] == 0)
    entries["timing"][nothing] = TimingClass.NOP


def _mark_regions(program: Program, base: int, entries: np.ndarray) -> tuple[str, ...]:
    names = [""]
    functions = [s for s in program.symbols if s.is_function and 0 <= (s.address - base) >> 1 < len(entries)]
    for number, symbol in enumerate(functions):
        start = (symbol.address - base) >> 1
        end = start + (symbol.size_bytes + 1 >> 1)
        if not symbol.size_bytes:  # hand-written assembly: up to the next function
            later = (s.address for s in functions[number + 1 :] if s.address > symbol.address)
            end = (next(later, base + 2 * len(entries)) - base) >> 1
        entries["region"][start:end] = len(names)
        names.append(symbol.name)
    return tuple(names)
