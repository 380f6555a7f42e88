"""Records the instructions of a run into a trace file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from workbench.base.files import writing
from workbench.base.progress import Progress
from workbench.core.config import CoreConfig
from workbench.core.interpreter.record import FIXED_WORDS
from workbench.core.interpreter.state import RECORDS, Status
from workbench.core.result import SimResult
from workbench.core.run import Machine
from workbench.core.trace.columns import Predictions, encode
from workbench.core.trace.file import PIECE_INSTRUCTIONS, VERSION, About, Piece, TraceWriter
from workbench.isa.program import Program
from workbench.isa.timing_class import TimingClass

_WORDS = 1 << 20  # of the buffer
_CLOCK_REGISTERS = (0xC00, 0xC01)  # cycle, time
_CLOCK_CALLS = (113, 153, 165, 169)  # clock_gettime, times, getrusage, gettimeofday
_GOES_ON = (Status.SLICE_DONE, Status.ECALL, Status.TOHOST, Status.CODE_CHANGED)
_FLUSH_CODE = 259  # riscv_flush_icache
_A7 = 17
_CLOCK_NOTE = (
    "The program reads the clock: in the trace it saw one cycle per instruction, where a run with timing sees the core's, "
    "so it may take other paths there."
)


class Recorder:
    """A `workbench.core.run.Observer` that writes what a machine executes as pieces of a trace."""

    def __init__(self, writer: TraceWriter) -> None:
        self._writer = writer
        self.instructions = self.vector_instructions = 0
        self.reads_clock = False

    def begin(self, machine: Machine) -> None:
        """Let the machine record into the buffer."""
        self._buffer = np.zeros(_WORDS + FIXED_WORDS + machine.vlen_bits, np.int64)
        machine.actions |= RECORDS
        self._numbers = np.zeros(len(machine.code.entries), np.int64)
        self._read_code(machine)
        self._state = Predictions(PIECE_INSTRUCTIONS)
        self._begun = 0
        self._rewind(machine)

    def _read_code(self, machine: Machine) -> None:
        self._words = machine.code.entries["raw"].copy()
        self._flags = machine.code.entries["flags"].astype(np.int64)
        self._may_have_changed = False

    def _rewind(self, machine: Machine) -> None:
        start = self._buffer.ctypes.data
        machine.state["record_pointer"], machine.state["record_end"] = start, start + 8 * _WORDS

    def room(self, instructions: int) -> int:
        """What a piece still takes: system calls end slices, but no pieces."""
        return PIECE_INSTRUCTIONS - (instructions - self._begun)

    def after_slice(self, machine: Machine, status: Status) -> None:
        """Write a piece if it is full, or if the code it was executed from is about to change."""
        call = int(machine.registers[_A7]) if status == Status.ECALL else -1
        self.reads_clock |= call in _CLOCK_CALLS
        is_changing = status == Status.CODE_CHANGED or call == _FLUSH_CODE
        is_full = bool(machine.state["record_pointer"][0] >= machine.state["record_end"][0])
        is_elsewhere = status not in _GOES_ON  # what comes next is executed outside of the interpreter, and not recorded
        if is_changing or is_full or is_elsewhere or self.room(machine.instructions) <= 0:
            self.write_piece(machine)
            self._may_have_changed |= is_changing

    def write_piece(self, machine: Machine) -> None:
        """Write what has been executed since the last piece."""
        used = (int(machine.state["record_pointer"][0]) - self._buffer.ctypes.data) // 8
        self._rewind(machine)
        self._begun = machine.instructions
        if not used:
            return
        if self._may_have_changed:  # instructions that the program has written over are new ones
            self._numbers[self._words != machine.code.entries["raw"]] = 0
            self._read_code(machine)
        columns, first, count = encode(self._buffer[:used], self._flags, self._numbers, self._state)
        new = machine.code.entries[first]
        self.reads_clock |= bool(np.isin(new["imm"], _CLOCK_REGISTERS)[new["timing"] == TimingClass.CSR].any())
        static = {
            "static_pc": machine.code.base + 2 * first, "static_word": new["raw"], "static_length": new["length"],
            "static_region": new["region"],
        }  # fmt: skip
        self._writer.write(Piece(count, int(machine.state["pc"][0]), columns, static))
        self.instructions += count
        self.vector_instructions += len(columns.vector)


def record_program(
    program: Program, path: str | Path, *, core: CoreConfig | None = None, vlen_bits: int | None = None,
    argv: Sequence[str] = (), stdin: bytes | BinaryIO = b"", root: str | Path | None = None,
    on_output: Callable[[int, bytes], None] | None = None, max_instructions: int | None = None,
    progress: Progress | None = None,
) -> tuple[SimResult, About]:  # fmt: skip
    """Execute a program functionally and write its trace; what the run gave, and what the file says of it.

    Parameters
    ----------
    core: the machine whose vector length and instruction set the program sees; None is all of them with 128 bits.
    vlen_bits: another vector length.
    argv, stdin, root, on_output, max_instructions: as in `workbench.core.run.run_program`.
    """
    machine = Machine(program, core, argv, stdin, False, vlen_bits, root=root, on_output=on_output)
    with machine, writing(path) as stream, TraceWriter(stream) as writer:
        recorder = Recorder(writer)
        machine.run(max_instructions, progress, [recorder])
        recorder.write_piece(machine)
        result = machine.result()
        notes = list(result.notes)
        if recorder.reads_clock:
            notes.append(_CLOCK_NOTE)
        about = About(
            version=VERSION, origin="execution", program=program.name, vlen_bits=machine.vlen_bits,
            instructions=recorder.instructions, vector_instructions=recorder.vector_instructions,
            untimed_instructions=result.instructions - recorder.instructions,
            exit_code=result.exit_code, regions=machine.code.regions, notes=tuple(notes),
            device_end=program.device_end,
        )  # fmt: skip
        writer.close(about)
    return result, about
