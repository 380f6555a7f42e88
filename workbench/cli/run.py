"""``workbench run``: a RISC-V program or an ONNX network on a simulated core."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

_LARGEST_REGIONS = 10


def command(
    program: Annotated[
        str, typer.Argument(metavar="PROGRAM.elf|MODEL", help="static RISC-V program; network (.onnx or name)")
    ],
    core: Annotated[str, typer.Option(help="a name in cores/ or a TOML file")] = "xiangshan_kunminghu_v2",
    functional: Annotated[bool, typer.Option("--functional", help="programs: execute only, no timing model")] = False,
    vlen: Annotated[
        int | None, typer.Option(help="programs, functional: bits of a vector register [default: the core's]")
    ] = None,
    max_instructions: Annotated[int | None, typer.Option(help="programs: stop after so many instructions", min=1)] = None,
    stdin: Annotated[Path | None, typer.Option(help="programs: file to read as standard input")] = None,
    arg: Annotated[list[str] | None, typer.Option(help="programs: an argument (repeatable)")] = None,
    input: Annotated[list[Path] | None, typer.Option(help="networks: .npy file of an input (repeatable)")] = None,
    seed: Annotated[int, typer.Option(min=0, help="networks: seed of the inputs that are not given")] = 0,
    check: Annotated[bool, typer.Option("--check", help="networks: compare the outputs with onnxruntime")] = False,
    out: Annotated[Path | None, typer.Option(help="networks: folder for the outputs")] = None,
    full: Annotated[bool, typer.Option("--full", help="simulate everything in detail (every run does so today)")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Run a program or a network on CORE: prints its output, then cycles, IPC, CPI stack and where the time went.

    A program is a static RV64GC(V) Linux executable, or a bare-metal one with a tohost symbol. A network is compiled first.
    """
    from workbench.cli.run_network import is_network, run_network_command
    from workbench.core.config import load_core

    for_programs = {
        "--functional": functional,
        "--vlen": vlen,
        "--max-instructions": max_instructions,
        "--stdin": stdin,
        "--arg": arg,
    }
    if is_network(program):
        _refuse(for_programs, "a network")
        run_network_command(program, core, inputs=input, seed=seed, check=check, output=out, as_json=as_json)
        return
    _refuse({"--input": input, "--seed": seed, "--check": check, "--out": out}, "a program")
    if vlen is not None and not functional:
        _refuse({"--vlen": vlen}, "a timed run")
    options = {"timed": not functional, "vlen_bits": vlen, "max_instructions": max_instructions}
    _run_elf(Path(program), load_core(core), stdin, arg or [], options, as_json)


def _refuse(options: dict[str, Any], what: str) -> None:
    from workbench.base.errors import InputError

    for name, value in options.items():
        if value:
            raise InputError(name, f"that option for {what}", "it left out", "see `workbench run --help`")


def _run_elf(
    path: Path, core: Any, stdin: Path | None, arguments: list[str], options: dict[str, Any], as_json: bool
) -> None:
    from workbench.base.files import read_bytes
    from workbench.base.progress import Progress
    from workbench.cli.output import show
    from workbench.core.run import run_program
    from workbench.isa.elf import read_elf

    program = read_elf(path)
    given = read_bytes(stdin) if stdin else b""
    with Progress(f"run {program.name}", options["max_instructions"], "instructions", quiet=as_json) as progress:
        result = run_program(program, core, argv=arguments, stdin=given, progress=progress, **options)
    if not as_json:
        sys.stdout.buffer.write(result.stdout)
        sys.stdout.buffer.flush()
        sys.stderr.buffer.write(result.stderr)
        sys.stderr.buffer.flush()
    show(summary(result, with_output=as_json), as_json)


def summary(result: Any, with_output: bool) -> dict[str, Any]:
    """The figures of a `SimResult` under the names that the command promises."""
    values: dict[str, Any] = {"exit_code": result.exit_code, "instructions": result.instructions, "cycles": result.cycles}
    if result.cycles:
        values |= {
            "ipc": result.ipc, "frequency_mhz": result.frequency_mhz, "latency_ms": result.latency_ms,
            "cpi_stack": {cause: cycles / result.instructions for cause, cycles in result.cpi_stack.items()},
            "mpki": result.mpki,
        }  # fmt: skip
    values["host_mips"] = result.instructions / result.host_seconds / 1e6 if result.host_seconds else 0.0
    values["regions"] = {
        region.name: {"instructions": region.instructions, "cycles": region.cycles}
        for region in result.regions[:_LARGEST_REGIONS]
    }
    values["notes"] = list(result.notes)
    if with_output:
        values |= {"stdout": result.stdout.decode(errors="replace"), "stderr": result.stderr.decode(errors="replace")}
    return values
