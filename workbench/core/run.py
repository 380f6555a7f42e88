"""Run a program on a core: functional execution, with timing unless asked otherwise, in slices."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from workbench.base.errors import InputError
from workbench.base.jit import cache_path
from workbench.base.progress import Progress
from workbench.core.bare_metal.htif import Htif
from workbench.core.bare_metal.machine_mode import MachineMode
from workbench.core.config import CoreConfig
from workbench.core.fault import ExecutionFault, fault, place_name
from workbench.core.harts import Harts
from workbench.core.interpreter.state import TIMES, Status, new_machine, vector_file
from workbench.core.limits import HARTS
from workbench.core.linux.root import Root
from workbench.core.linux.signal_frames import SignalDeliverer
from workbench.core.linux.start import ENVIRONMENT, push_arguments
from workbench.core.linux.syscalls import Linux
from workbench.core.memory import DEFAULT_SPACE_BYTES, STACK_BYTES, Memory
from workbench.core.result import STOPPED_EXIT_CODE, SimResult
from workbench.core.threads import Thread
from workbench.core.units import add_units, compile_beside
from workbench.isa.predecode import Code, decode_again, predecode
from workbench.isa.program import Program
from workbench.isa.table import TABLE, numbers
from workbench.isa.table_matrix import EXTENSION

FIRST_SLICE_INSTRUCTIONS = 100_000
SLICE_SECONDS = 0.25  # between two looks at Ctrl-C and two updates of the progress bar
FUNCTIONAL_MHZ = 1000.0  # simulated time of functional runs: one instruction a nanosecond
_A0, _A7, _SP = 10, 17, 2
_SIGRETURN = 139
_FLUSH_ICACHE = 259  # the system call behind a C library's __builtin___clear_cache
_BUFFERS = ("a", "b", "d", "out", "mask", "scalar")  # of the vector unit


def run_program(
    program: Program, core: CoreConfig | None, *, argv: Sequence[str] = (), stdin: bytes | BinaryIO = b"",
    max_instructions: int | None = None, timed: bool = True, vlen_bits: int | None = None,
    progress: Progress | None = None, space_bytes: int = DEFAULT_SPACE_BYTES, root: str | Path | None = None,
    environment: Sequence[str] = ENVIRONMENT, on_output: Callable[[int, bytes], None] | None = None,
    observers: Sequence[Observer] = (), harts: int = 1,
) -> SimResult:  # fmt: skip
    """Execute a program to its end.

    Parameters
    ----------
    core: the machine; None runs functionally only.
    argv, stdin: arguments after the program's name, and what it reads (bytes, or a stream read as it asks).
    max_instructions: stop there; the exit code is then 124 and a note says so.
    timed: call the timing engine (needs a core).
    vlen_bits: vector register length; the core's if None, 128 without a core.
    space_bytes: room for heap, mappings and stack.
    root: folder that the program sees as its file system; None offers no files.
    environment: variables as ``NAME=value``.
    on_output: called with 1 or 2 and what the program wrote there, at once.
    observers: logs that look at the machine between slices.
    harts: cores of this kind in the machine (`workbench.core.harts`).

    Raises ExecutionFault for what ends a program abnormally.
    """
    machine = Machine(
        program, core, argv, stdin, timed and core is not None, vlen_bits, space_bytes, root=root, environment=environment,
        on_output=on_output, harts=harts,
    )  # fmt: skip
    with machine:
        machine.run(max_instructions, progress, observers)
    return machine.result()


class Observer(Protocol):
    """A log that is filled by the kernels and looked at between slices."""

    def begin(self, machine: Machine) -> None:
        """Prepare the machine, before its first instruction."""

    def room(self, instructions: int) -> int:
        """Instructions, at least one, that the next slice may execute after so many."""

    def after_slice(self, machine: Machine, status: Status) -> None:
        """Take what the slice has logged; `status` is what ended it, and is not answered yet."""


class Stops(Protocol):
    """Places at which execution stops, made with `workbench.core.breakpoints`; some follow several threads."""

    follows_threads: bool

    def take(self, machine: Machine) -> bool:
        """Do what is to be done where the machine has stopped; whether there was anything."""


class Machine:
    """A program loaded into a core, at some point of its execution.

    Attributes
    ----------
    registers: x0..x31 and f0..f31 as int64 bits. vector: v0..v31 as bytes, one row a register.
    state: the rest of the architectural state (`interpreter.state.MACHINE_DTYPE`).
    timing: the timing engine's state. These are of the hart and thread that run (`harts`); there is one of each at first.
    region_instructions: executed by region, but for those since a thread entered the one that it is in.
    stops: places that were asked for. notes: sentences for the result. host_seconds: of execution so far.
    actions: what a slice does besides executing (`interpreter.state.TIMES`, `RECORDS`).
    """

    def __init__(
        self, program: Program, core: CoreConfig | None, argv: Sequence[str] = (), stdin: bytes | BinaryIO = b"",
        timed: bool = False, vlen_bits: int | None = None, space_bytes: int = DEFAULT_SPACE_BYTES, *,
        root: str | Path | None = None, environment: Sequence[str] = ENVIRONMENT,
        on_output: Callable[[int, bytes], None] | None = None, harts: int = 1,
    ) -> None:  # fmt: skip
        from workbench.core.vector.forms import vector_forms

        if timed and core is not None and vlen_bits not in (None, core.vlen_bits):
            raise InputError("vlen_bits", str(vlen_bits), f"{core.name}'s {core.vlen_bits}", "leave it out in a timed run")
        self.program, self.core, self.timed = program, core, timed
        self.vlen_bits = checked_vlen(vlen_bits or (core.vlen_bits if core else 128))
        self.code: Code = predecode(program)
        self.has_vectors = _has_vectors(core)
        self._missing = _missing_extensions(core)
        _remove(self._missing, self.code.entries)
        self.memory = Memory(program, space_bytes)
        self._root = None if root is None else Root(root)
        self.linux = Linux(self.memory, stdin, program.name, self._root, on_output)
        self._deliverer = SignalDeliverer(self.linux)
        self._htif: Htif | None = None
        self._machine_mode: MachineMode | None = None
        self.registers = np.zeros(64, np.int64)
        self.vector = vector_file(self.vlen_bits)
        self.state = new_machine(self.vlen_bits)
        self.state["memory_pointer"] = self.memory.data.ctypes.data
        self.state["memory_base"], self.state["memory_size"] = self.memory.base, self.memory.size
        self.state["store_base"] = self.memory.store_base
        self.state["code_base"], self.state["pc"] = self.code.base, program.entry
        if program.tohost_address is not None:
            self.state["tohost"] = program.tohost_address
            self._htif = Htif(self.linux, program.tohost_address, program.fromhost_address)
            self._machine_mode = MachineMode(self.memory, self.registers, self.state[0], self._cycles)
        self.registers[_SP] = push_arguments(self.memory, program, argv, environment, self.has_vectors)
        self.region_instructions = np.zeros(len(self.code.regions), np.int64)
        self._forms, self._addresses = vector_forms(), np.zeros(self.vlen_bits, np.int64)
        self._buffers = np.zeros((len(_BUFFERS), self.vlen_bits), np.int64)  # an element each, at LMUL 8 and SEW 8
        self.state["registers"], self.state["vector"] = self.registers.ctypes.data, self.vector.ctypes.data
        self.state["addresses"] = self._addresses.ctypes.data
        for row, name in enumerate(_BUFFERS):
            self.state[name] = self._buffers[row].ctypes.data
        timings = self._new_timings(checked_harts(harts, program))
        self.timing = timings[0]
        self.harts = self.linux.threads = Harts(self, timings)
        self._may_start_threads = False
        self.actions = TIMES if self.timed else 0
        self.stops: Stops | None = None
        self.host_seconds = self.compile_seconds = 0.0
        self._progress = Progress("", quiet=True)
        self.notes: list[str] = []

    def _new_timings(self, harts: int) -> list[Any]:
        from workbench.core.timing.initial import make_state, share_levels
        from workbench.core.timing.state import TIMING_DTYPE

        if not self.timed or self.core is None:
            return [np.zeros(1, TIMING_DTYPE)] * harts
        states = [make_state(self.core, len(self.code.regions), self.program.device_end) for _ in range(harts)]
        share_levels(states)
        return states

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        self.linux.close_files()
        if self._root is not None:
            self._root.close()

    @property
    def instructions(self) -> int:
        """Instructions executed so far, by all threads."""
        return self.harts.instructions

    @property
    def frequency_mhz(self) -> float:
        """Clock of the core; of functional runs, that of their simulated time."""
        return self.core.frequency_mhz if self.core else FUNCTIONAL_MHZ

    def run(
        self, max_instructions: int | None = None, progress: Progress | None = None, observers: Sequence[Observer] = ()
    ) -> None:
        """Execute until the program exits or has executed `max_instructions`; observers follow programs of one thread."""
        slice_instructions = FIRST_SLICE_INSTRUCTIONS
        self._progress = progress or Progress("", quiet=True)
        if not cache_path("workbench.core.interpreter.loop").is_dir():
            self._progress.say("compiling the simulator, once after every change of it: up to a minute")
        compile_beside(self.code)
        with self._progress.waiting("compiling the interpreter"):
            self.run_slice(0)  # compiles or loads, so that this is not counted
        self._may_start_threads = not observers and (self.stops is None or self.stops.follows_threads)
        for observer in observers:
            observer.begin(self)
        while self.linux.exit_code is None:
            left = slice_instructions if max_instructions is None else max_instructions - self.instructions
            if left <= 0:
                self.stop("")
                break
            limit = min([left, slice_instructions, *(observer.room(self.instructions) for observer in observers)])
            started = time.perf_counter()
            status = self.harts.turn(limit) if self.harts.took_turns else self.run_slice(limit)
            seconds = time.perf_counter() - started - self.compile_seconds
            self.compile_seconds = 0.0
            self.host_seconds += seconds
            for observer in observers:
                observer.after_slice(self, status)
            self.react(status)
            if status == Status.SLICE_DONE:
                self._check_stack()
            if status == Status.SLICE_DONE and limit == slice_instructions:
                slice_instructions = int(min(max(SLICE_SECONDS / max(seconds, 1e-9), 0.5), 2.0) * slice_instructions)
            if progress is not None and status == Status.SLICE_DONE:
                progress.update(self.instructions, f"{self.instructions / self.host_seconds / 1e6:.1f} MIPS")

    def stop(self, by: str, exit_code: int = STOPPED_EXIT_CODE) -> None:
        """End the run where it is: `result` has the figures so far, and a note says so."""
        self.linux.exit_code = exit_code
        self.notes.append(f"Stopped{by} after {self.instructions:,} instructions, before the program's end.")

    def run_slice(self, limit: int) -> Status:
        """Execute up to `limit` instructions."""
        from workbench.core.interpreter.loop import run_slice

        goal = self.instructions + limit
        while True:
            status = Status(
                run_slice(
                    self.code.entries, self._forms, self.registers, self.region_instructions, self.state, self.timing,
                    self.actions or None, goal - self.instructions,
                )
            )  # fmt: skip
            if status not in (Status.NEEDS_FLOAT, Status.NEEDS_VECTOR):
                return status
            started = time.perf_counter()
            with self._progress.waiting("compiling what this program needs besides"):
                add_units(self.state, status, bool(self.actions & TIMES))
            self.compile_seconds += time.perf_counter() - started

    def react(self, status: Status) -> None:
        """Answer what ended a slice; ExecutionFault if that ends the program."""
        if status in (Status.SLICE_DONE, Status.TOHOST, Status.CODE_CHANGED):
            self._go_on(status)
        elif self._machine_mode is not None and self._machine_mode.take(status):
            return
        elif status == Status.ECALL:
            self._system_call()
        elif status == Status.BREAKPOINT and self.stops is not None and self.stops.take(self):
            return
        elif self._htif is not None or not self._deliverer.take(self, status):
            raise self._fault(status)

    def _go_on(self, status: Status) -> None:
        if status == Status.TOHOST and self._htif is not None:
            self._htif.handle(self._time_ns())
        elif status == Status.CODE_CHANGED:
            self._decode_again()

    def _system_call(self) -> None:
        if self.registers[_A7] == _FLUSH_ICACHE:
            self._decode_again()
            self.registers[_A0] = 0
            return
        if self.registers[_A7] == _SIGRETURN and self._deliverer.leave(self):
            return
        arguments = [int(value) for value in self.registers[_A0 : _A0 + 6]]
        self.registers[_A0] = self.linux.call(int(self.registers[_A7]), arguments, self._time_ns())
        for thread in self.harts.live:
            thread.state["store_base"] = self.memory.store_base
        self._deliverer.deliver(self)

    def hold(self, thread: Thread) -> None:
        """Go on with a thread on its hart."""
        self.registers, self.vector, self.state, self.timing = (
            thread.registers, thread.vector, thread.state, thread.hart.timing,
        )  # fmt: skip

    def leave_region(self, state: np.ndarray) -> None:
        """Count what a thread that ends has executed in the region that it is in."""
        self.region_instructions[int(state["region"][0])] += int(state["instructions"][0] - state["region_start"][0])

    def check_threads(self) -> None:
        """InputError where a second thread cannot be followed."""
        if not self._may_start_threads:
            wanted = "one thread, where pipeline logs, profiles, phases, traces or samples are wanted"
            raise InputError(self.program.name, "a program that starts threads", wanted, "leave those out")

    def _cycles(self) -> int:
        return self.harts.running.hart.clock

    def _time_ns(self) -> int:
        return int(self._cycles() * 1e3 / self.frequency_mhz)

    def _decode_again(self) -> None:
        """After a fence.i or a flush of the instruction cache: what the program wrote into its code."""
        decode_again(self.code, self.program, self.memory.read)
        _remove(self._missing, self.code.entries)

    def _fault(self, status: Status) -> Exception:
        state = self.state[0]
        is_jump = status == Status.FETCH_FAULT
        pc = int(state["previous_pc" if is_jump else "pc"])
        address = int(state["pc" if is_jump else "fault_address"])
        word = int.from_bytes(self.memory.read(pc, 4) or bytes(4), "little")
        return fault(
            self.program, status, pc, word, self.instructions, [int(value) for value in self.registers], address,
            (int(state["vl"]), int(state["vtype"])), self._hint(status, word), self.memory.contains(address, 1),
        )  # fmt: skip

    def _hint(self, status: Status, word: int) -> str:
        if status == Status.ILLEGAL and self._missing:
            from workbench.isa.disassemble import find_row

            row, name = find_row(word), self.core.name if self.core is not None else "a machine without a core"
            if row is not None and row.extension in self._missing:
                return f" ({name} has no {_UNITS[row.extension]})"
        return ""

    def _check_stack(self) -> None:
        """End a program whose stack has grown out of its place, which goes on unnoticed: there is no page protection."""
        pointer = int(self.registers[_SP])
        if self._htif is None and self.memory.heap_end <= pointer < self.memory.mappings_start:
            place = place_name(self.program, int(self.state["pc"][0]))
            used = self.memory.stack_top - pointer >> 20
            raise ExecutionFault(
                f"{self.program.name}: a stack of {used:,} MiB, more than its {STACK_BYTES >> 20} MiB, at {place}, "
                f"with sp = 0x{pointer:x}, after {self.instructions:,} instructions."
            )

    def result(self) -> SimResult:
        """The outcome so far."""
        from workbench.core.outcome import outcome

        return outcome(self)


def checked_harts(harts: int, program: Program) -> int:
    """The number of harts, which somebody chose; InputError if there cannot be so many or the program cannot use them."""
    if not 1 <= harts <= HARTS:
        raise InputError("harts", str(harts), f"1 to {HARTS}", "correct it")
    if harts > 1 and program.tohost_address is not None:
        raise InputError(program.name, "a bare-metal program", "a Linux program for several harts", "leave --harts out")
    return harts


def checked_vlen(bits: int) -> int:
    """The length of a vector register, which somebody chose; InputError if no vector unit may have it."""
    if not 128 <= bits <= 65536 or bits & bits - 1:
        raise InputError("vlen_bits", str(bits), "a power of two from 128 to 65536", "correct it")
    return bits


_UNITS = {"V": "vector unit", EXTENSION: "matrix instructions"}


def _missing_extensions(core: CoreConfig | None) -> tuple[str, ...]:
    """Extensions of the instruction table that a core does not have; without a core there are the standard ones."""
    missing = () if core is not None and core.has_matrix else (EXTENSION,)
    return missing if _has_vectors(core) else ("V", *missing)


def _has_vectors(core: CoreConfig | None) -> bool:
    return core is None or core.vector is not None or core.npu is not None


def _remove(extensions: tuple[str, ...], entries: np.ndarray) -> None:
    """Make the instructions of extensions illegal."""
    missing = [numbers()[row.mnemonic] for row in TABLE if row.extension in extensions]
    entries["op"][np.isin(entries["op"], missing)] = 0
