"""The program part of `workbench run`: load, execute, pass output on as it comes, print the figures."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from workbench.base.progress import Progress
    from workbench.cli.run_logs import Logs
    from workbench.cli.run_views import Views
    from workbench.core.result import HartResult, SimResult

_LARGEST_REGIONS = 10
_INTERRUPTED = 130


@dataclass(frozen=True)
class ProgramRun:
    """What the user asked for: a program, its surroundings, how it runs and what is shown of it."""

    path: Path
    core: str
    arguments: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    stdin: Path | None = None
    root: Path | None = None
    is_timed: bool = True
    vlen_bits: int | None = None
    max_instructions: int | None = None
    memory_mib: int | None = None
    passes_exit_code: bool = False
    as_json: bool = False
    logs: Logs | None = None
    views: Views | None = None
    harts: int = 1


def run_program_command(wanted: ProgramRun) -> int:
    """Run a program and print what came out; returns the exit code of the command."""
    from workbench.base.progress import Progress
    from workbench.cli.output import show
    from workbench.core.fault import ExecutionFault

    if wanted.logs is not None:
        wanted.logs.check()
    title = f"run {wanted.path.name}"
    progress = Progress(title, wanted.max_instructions, "instructions", quiet=wanted.as_json, is_transient=True)
    with progress, standard_input(wanted.stdin) as stdin:
        try:
            result, was_interrupted = _simulate(wanted, stdin, progress)
        except ExecutionFault as fault:
            if not wanted.passes_exit_code:
                raise
            progress.pause()
            print(f"workbench: {fault}", file=sys.stderr)
            return 128 + fault.signal
    if not wanted.as_json and result.stdout and not result.stdout.endswith(b"\n"):
        print()  # so that the figures begin on a line of their own
    figures = summary(result, with_output=wanted.as_json)
    if wanted.views is not None and wanted.as_json:
        figures |= wanted.views.figures()
    show(figures, wanted.as_json)
    if wanted.views is not None and not wanted.as_json:
        wanted.views.print_profile()
    if was_interrupted:
        return _INTERRUPTED
    return result.exit_code if wanted.passes_exit_code else 0


def _simulate(wanted: ProgramRun, stdin: BinaryIO, progress: Progress) -> tuple[SimResult, bool]:
    """The run's result, and whether Ctrl-C cut it short."""
    from workbench.core.config import load_core
    from workbench.core.fault import ExecutionFault
    from workbench.core.linux.start import ENVIRONMENT
    from workbench.core.memory import DEFAULT_SPACE_BYTES
    from workbench.core.run import Machine
    from workbench.isa.elf import read_elf

    program, core, was_interrupted = read_elf(wanted.path), load_core(wanted.core), False
    machine = Machine(
        program, core, wanted.arguments, stdin, wanted.is_timed, wanted.vlen_bits,
        wanted.memory_mib << 20 if wanted.memory_mib else DEFAULT_SPACE_BYTES, root=wanted.root,
        environment=(*ENVIRONMENT, *wanted.environment), on_output=None if wanted.as_json else sink(progress),
        harts=wanted.harts,
    )  # fmt: skip
    observers = list(wanted.logs.observers if wanted.logs else ())
    observers += wanted.views.prepare(wanted.is_timed) if wanted.views else []
    with machine:
        try:
            machine.run(wanted.max_instructions, progress, observers)
        except KeyboardInterrupt:
            machine.stop(" by Ctrl-C", _INTERRUPTED)
            was_interrupted = True
        except ExecutionFault:
            if wanted.views is not None:
                wanted.views.write(machine, machine.result())  # where the time went until then
            raise
    result = machine.result()
    if wanted.views is not None:
        wanted.views.write(machine, result)
    return wanted.logs.write(result, program, core) if wanted.logs else result, was_interrupted


def sink(progress: Progress) -> Callable[[int, bytes], None]:
    """Passes the program's output on as it comes."""

    def write(descriptor: int, content: bytes) -> None:
        progress.pause()
        stream = sys.stdout if descriptor == 1 else sys.stderr
        stream.flush()
        stream.buffer.write(content)
        stream.buffer.flush()

    return write


def standard_input(path: Path | None) -> AbstractContextManager[BinaryIO]:
    """The file that the user named, or what the command itself gets."""
    import io
    from contextlib import nullcontext

    from workbench.base.files import read_bytes

    if path is not None:
        return io.BytesIO(b"" if path.is_file() and not path.stat().st_size else read_bytes(path))
    own = getattr(sys.stdin, "buffer", None)  # None where standard input is closed
    return io.BytesIO() if own is None else nullcontext(own)


def hart_figures(hart: HartResult) -> dict[str, Any]:
    """The figures of one of several harts under the names that the command promises."""
    per = max(hart.instructions, 1)
    figures = {name: getattr(hart, name) for name in ("number", "threads", "instructions", "cycles", "idle_cycles")}
    if not hart.cycles:
        return figures
    stack = {cause: cycles / per for cause, cycles in hart.cpi_stack.items()}
    return figures | {"ipc": hart.ipc, "cpi_stack": stack, "mpki": hart.mpki, "counters": hart.counters}


def hart_line(hart: HartResult) -> str:
    """The same in one line, the most important ones."""
    line = f"{hart.threads} {'thread' if hart.threads == 1 else 'threads'}, {hart.instructions:,} instructions"
    if hart.cycles:
        line += f" in {hart.cycles:,} cycles, IPC {hart.ipc:.2f}, {hart.counters['transfers']:,} lines from other harts"
    return f"{line}, {hart.idle_cycles:,} cycles idle"


def summary(result: SimResult, with_output: bool) -> dict[str, Any]:
    """The figures of a `SimResult` under the names that the command promises."""
    values: dict[str, Any] = {"exit_code": result.exit_code, "instructions": result.instructions, "cycles": result.cycles}
    if result.cycles:
        values |= {
            "ipc": result.ipc, "frequency_mhz": result.frequency_mhz, "latency_ms": result.latency_ms,
            "cpi_stack": {cause: cycles / result.instructions for cause, cycles in result.cpi_stack.items()},
            "mpki": result.mpki, "top_down": result.top_down, "counters": result.counters,
        }  # fmt: skip
    values["host_mips"] = result.instructions / result.host_seconds / 1e6 if result.host_seconds else 0.0
    values["regions"] = {
        region.name: {"instructions": region.instructions, "cycles": region.cycles}
        for region in result.regions[:_LARGEST_REGIONS]
    }
    if result.harts:
        values["harts"] = [hart_figures(hart) for hart in result.harts] if with_output else {
            f"hart {hart.number}": hart_line(hart) for hart in result.harts
        }  # fmt: skip
    values["notes"] = list(result.notes)
    if with_output:
        values |= {"stdout": result.stdout.decode(errors="replace"), "stderr": result.stderr.decode(errors="replace")}
    return values
