"""Which instruction words are illegal, here and under QEMU: random registers, vector types and vstart, and random bits.

Vector instructions run with vl = 0, so that only their legality counts. Under QEMU a handler of SIGILL records the place
and goes on behind it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.core.conformance.compare import run_under_qemu
from workbench.core.conformance.generate import EXCLUDED
from workbench.core.interpreter.state import Status
from workbench.core.run import Machine
from workbench.isa.disassemble import disassemble, find_row
from workbench.isa.encode import assemble, encode
from workbench.isa.program import Program, Segment
from workbench.isa.table import TABLE

_CODE, _LOG, _ACTION, _STACK = 0x10000, 0x2000000, 0x3000000, 0x4000000
_STACK_BYTES = 1 << 16
_PC_IN_CONTEXT = 176  # of the program counter in the ucontext that Linux hands to a handler
_SIGACTION, _WRITE, _EXIT, _SIGILL = 134, 64, 93, 4
_A0, _A7 = 10, 17
_RANDOM_OPCODES = (0x57, 0x57, 0x33, 0x13, 0x3B, 0x1B, 0x53, 0x43, 0x4B)
_VSTART = 0x008


@dataclass(frozen=True)
class Candidate:
    """A word with the vector type (10 bits) and vstart that it meets."""

    word: int
    vtype: int = 0
    vstart: int = 0

    def describe(self) -> str:
        """For a report."""
        return f"{disassemble(self.word)} (0x{self.word:08x}), vtype 0x{self.vtype:x}, vstart {self.vstart}"


def is_excused(candidate: Candidate) -> bool:
    """A difference of `DEVIATIONS`: mask bits that must be set, whole-register moves without a type, Zicond."""
    row = find_row(candidate.word)
    if row is not None:
        return row.extension == "Zicond" or (row.vector is not None and row.vector.function == "move_whole")
    unmasked = find_row(candidate.word | 1 << 25)
    return unmasked is not None and unmasked.mnemonic.endswith((".mm", "vcompress.vm"))


def random_candidates(rng: np.random.Generator, count: int) -> list[Candidate]:
    """Half are vector rows with random fields, half random words of the opcodes that neither jump nor access memory."""
    rows = [row for row in TABLE if row.vector is not None and row.mnemonic not in EXCLUDED]
    found: list[Candidate] = []
    while len(found) < count:
        bits = int(rng.integers(0, 1 << 32))
        vtype = int(rng.integers(0, 4)) << 6 | int(rng.integers(0, 4)) << 3 | int(rng.integers(0, 8))
        vstart = int(rng.integers(1, 5)) if rng.random() < 0.1 else 0
        if len(found) % 2:
            row = rows[int(rng.integers(0, len(rows)))]
            found.append(Candidate(bits & ~row.mask & 0xFFFFFFFF | row.match, vtype, vstart))
        else:
            opcode = _RANDOM_OPCODES[int(rng.integers(0, len(_RANDOM_OPCODES)))]
            found.append(Candidate(bits & ~0x7F | opcode, vtype, vstart))
    return [c for c in found if _touches_no_memory(c.word)]


def _touches_no_memory(word: int) -> bool:
    """With vl = 0; whole-register and mask accesses move bytes all the same."""
    row = find_row(word)
    return row is None or row.vector is None or row.vector.function != "whole"


def _program(candidates: list[Candidate]) -> Program:
    handler = assemble(
        ("ld", "t0", _PC_IN_CONTEXT, "a2"), ("lui", "t1", _LOG), ("ld", "t2", 0, "t1"), ("sd", "t0", 0, "t2"),
        ("addi", "t2", "t2", 8), ("sd", "t2", 0, "t1"), ("addi", "t0", "t0", 4), ("sd", "t0", _PC_IN_CONTEXT, "a2"),
        ("jalr", 0, 0, "ra"),
    )  # fmt: skip
    size = 8 * (len(candidates) + 1)
    low = (size & 0xFFF) - (0x1000 if size & 0x800 else 0)
    start = assemble(
        ("addi", "a0", 0, _SIGILL), ("lui", "a1", _ACTION), ("addi", "a2", 0, 0), ("addi", "a3", 0, 8),
        ("addi", "a7", 0, _SIGACTION), ("ecall",),
    )  # fmt: skip
    words = [_words(candidate) for candidate in candidates]
    end = assemble(
        ("addi", "a0", 0, 1), ("lui", "a1", _LOG), ("lui", "a2", size - low), ("addi", "a2", "a2", low),
        ("addi", "a7", 0, _WRITE), ("ecall",), ("addi", "a0", 0, 0), ("addi", "a7", 0, _EXIT), ("ecall",),
    )  # fmt: skip
    code = start + b"".join(words) + end
    action = struct.pack("<QQQ", _CODE + len(code), 0, 0)
    log = (_LOG + 8).to_bytes(8, "little")
    code += handler
    segments = (
        Segment(_CODE, code, len(code), 5), Segment(_LOG, log, size, 6), Segment(_ACTION, action, 24, 6),
        Segment(_STACK - _STACK_BYTES, b"", _STACK_BYTES, 6),
    )  # fmt: skip
    return Program("legality.elf", _CODE, segments)


_BYTES_EACH, _START_BYTES = 24, 24


def _words(candidate: Candidate) -> bytes:
    """A stack, vl = 0 and the type, fcsr = 0, vstart, a float instruction (see `DEVIATIONS`), the word itself."""
    before = (
        encode("lui", "sp", _STACK), encode("vsetivli", 0, 0, candidate.vtype), encode("csrrwi", 0, 0x003, 0),
        encode("csrrwi", 0, _VSTART, candidate.vstart), encode("fadd.s", 0, 0, 0), candidate.word,
    )  # fmt: skip
    return b"".join(word.to_bytes(4, "little") for word in before)


def _illegal_here(program: Program, vlen_bits: int) -> set[int]:
    machine = Machine(program, None, vlen_bits=vlen_bits, space_bytes=16 << 20)
    found: set[int] = set()
    while True:
        status = machine.run_slice(1_000_000)
        if status == Status.ILLEGAL:
            found.add(int(machine.state["pc"][0]))
            machine.state["pc"] += 4
        elif status == Status.ECALL and machine.registers[_A7] in (_WRITE, _EXIT):
            return found


def _illegal_under_qemu(program: Program, vlen_bits: int, folder: Path) -> set[int]:
    log = np.frombuffer(run_under_qemu(program, vlen_bits, folder), "<u8")
    return {int(pc) for pc in log[1:] if pc}


def compare_legality(candidates: list[Candidate], vlen_bits: int, folder: Path) -> list[tuple[Candidate, bool]]:
    """Those that are illegal on one side only, with whether that is ours."""
    program = _program(candidates)
    ours, theirs = _illegal_here(program, vlen_bits), _illegal_under_qemu(program, vlen_bits, folder)
    places = [_CODE + _START_BYTES + _BYTES_EACH * (number + 1) - 4 for number in range(len(candidates))]
    return [(c, pc in ours) for c, pc in zip(candidates, places, strict=True) if (pc in ours) != (pc in theirs)]
