"""``workbench trace``: record a program's instructions once, or import the log of another simulator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from workbench.core.trace.file import About


def command(
    program: Annotated[
        str | None,
        typer.Argument(metavar="[PROGRAM.elf|MODEL]", help="what to run; with a log, the program that gives its symbols"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="TRACE", help="the trace file to write")] = None,
    core: Annotated[
        str | None, typer.Option(help="vector length and instructions of this core (a name or a TOML file)")
    ] = None,
    vlen: Annotated[int | None, typer.Option(help="bits of a vector register [default: the core's, or 128]")] = None,
    max_instructions: Annotated[int | None, typer.Option(help="stop after so many instructions", min=1)] = None,
    stdin: Annotated[Path | None, typer.Option(help="file to read as standard input")] = None,
    root: Annotated[Path | None, typer.Option(help="folder that the program sees as its file system")] = None,
    arg: Annotated[list[str] | None, typer.Option(help="an argument of the program (repeatable)")] = None,
    from_spike: Annotated[Path | None, typer.Option(help="import a log of `spike -l --log-commits`")] = None,
    from_qemu: Annotated[
        Path | None, typer.Option(help="import a log of `qemu-riscv64 -d in_asm,exec,nochain` or of its execlog plugin")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Record a trace, which `workbench simulate` times on any core, as often as wanted, without executing it again.

    A trace with vector instructions fits cores of the vector length that it was recorded with.
    """
    from workbench.base.errors import InputError
    from workbench.base.files import check_writable
    from workbench.cli.output import show
    from workbench.core.config import load_core

    if out is None:
        raise InputError("-o", "no file", "the name of the trace to write", "add -o TRACE")
    if from_spike and from_qemu:
        raise InputError("--from-qemu", "two logs", "one", "leave one out")
    check_writable(out)
    config = load_core(core) if core else None
    log = from_spike or from_qemu
    if log is not None:
        _refuse({"--max-instructions": max_instructions, "--stdin": stdin, "--root": root, "--arg": arg}, "a log")
        about = _import(log, from_spike is not None, program, out, vlen or (config.vlen_bits if config else 128), as_json)
    elif program is None:
        raise InputError("PROGRAM", "neither a program nor a log", "one of them", "see `workbench trace --help`")
    else:
        about = _record(program, out, config, vlen, max_instructions, stdin, root, arg or [], as_json)
    show(_summary(about, out), as_json)


def _refuse(options: dict[str, Any], what: str) -> None:
    from workbench.base.errors import InputError

    for name, value in options.items():
        if value:
            raise InputError(name, f"that option for {what}", "it left out", "see `workbench trace --help`")


def _record(
    program: str, out: Path, core: Any, vlen: int | None, max_instructions: int | None, stdin: Path | None,
    root: Path | None, arguments: list[str], as_json: bool,
) -> About:  # fmt: skip
    import io
    from contextlib import nullcontext

    from workbench.base.progress import Progress
    from workbench.cli.run_network import is_network
    from workbench.cli.run_program import sink, standard_input
    from workbench.core.trace.record import record_program
    from workbench.isa.elf import read_elf

    is_silent = as_json or is_network(program)
    if is_network(program):
        _refuse({"--stdin": stdin, "--root": root, "--arg": arguments, "--vlen": vlen}, "a network")
        target, core, given = _network(program, core)
    else:
        target = read_elf(Path(program))
    opened = nullcontext(io.BytesIO(given)) if is_network(program) else standard_input(stdin)
    progress = Progress(f"record {target.name}", max_instructions, "instructions", quiet=as_json, is_transient=True)
    with progress, opened as stream:
        return record_program(
            target, out, core=core, vlen_bits=vlen, argv=arguments, stdin=stream, root=root,
            on_output=None if is_silent else sink(progress), max_instructions=max_instructions, progress=progress,
        )[1]  # fmt: skip


def _network(model: str, core: Any) -> tuple[Any, Any, bytes]:
    """A network's program for the core (by default the one of `workbench run`), and inputs drawn from seed 0."""
    from workbench.compiler.cache import compile_cached
    from workbench.core.config import load_core
    from workbench.graph.reference import random_inputs
    from workbench.graph.zoo import load_model

    core = core or load_core("xiangshan_kunminghu_v2")
    graph = load_model(model)
    network = compile_cached(graph, core.target())
    return network.program, core, network.pack_inputs(random_inputs(graph, 0))


def _import(log: Path, is_spike: bool, program: str | None, out: Path, vlen_bits: int, as_json: bool) -> About:
    from workbench.base.progress import Progress
    from workbench.core.run import checked_vlen
    from workbench.core.trace.build import write_trace
    from workbench.core.trace.qemu import open_qemu_log
    from workbench.core.trace.spike import open_spike_log
    from workbench.isa.elf import read_elf

    symbols = read_elf(Path(program)) if program else None
    source, instructions = (open_spike_log if is_spike else open_qemu_log)(log)
    with Progress(f"import {log.name}", None, "instructions", quiet=as_json) as progress:
        return write_trace(source, instructions, out, vlen_bits=checked_vlen(vlen_bits), program=symbols, progress=progress)


def _summary(about: About, out: Path) -> dict[str, Any]:
    size = out.stat().st_size
    return {
        "trace": str(out), "program": about.program, "instructions": about.instructions,
        "vector_instructions": about.vector_instructions, "vlen_bits": about.vlen_bits, "bytes": size,
        "bits_per_instruction": 8 * size / about.instructions, "notes": list(about.notes),
    }  # fmt: skip
