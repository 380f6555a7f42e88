"""``workbench run``: a RISC-V program or an ONNX network on a simulated core."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from workbench.graph.dtype import Dtype


def command(
    program: Annotated[
        str, typer.Argument(metavar="PROGRAM.elf|MODEL", help="static RISC-V program; network (.onnx or name)")
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[-- ARGUMENT...]", help="programs: its arguments", show_default=False)
    ] = None,
    core: Annotated[str, typer.Option(help="a name in cores/ or a TOML file")] = "xiangshan_kunminghu_v2",
    functional: Annotated[bool, typer.Option("--functional", help="programs: execute only, no timing model")] = False,
    vlen: Annotated[
        int | None, typer.Option(help="programs, functional: bits of a vector register [default: the core's]")
    ] = None,
    harts: Annotated[int, typer.Option(help="programs: cores of this kind, for the threads that it starts", min=1)] = 1,
    max_instructions: Annotated[int | None, typer.Option(help="programs: stop after so many instructions", min=1)] = None,
    stdin: Annotated[
        Path | None, typer.Option(help="programs: file to read as standard input [default: this command's]")
    ] = None,
    root: Annotated[
        Path | None,
        typer.Option(help="programs: folder that it sees as its file system, to read and write [default: no files]"),
    ] = None,
    arg: Annotated[list[str] | None, typer.Option(help="programs: an argument (repeatable), before those after --")] = None,
    env: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="programs: a variable (repeatable)")] = None,
    memory_mib: Annotated[
        int | None, typer.Option(min=16, max=65536, help="programs: room for heap, mappings and stack [default: 1024]")
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="programs: end with the program's exit code, 128 + signal after a fault")
    ] = False,
    profile: Annotated[
        bool, typer.Option("--profile", help="programs: cycles by function, alone and with what it calls")
    ] = False,
    folded: Annotated[Path | None, typer.Option(help="programs: call paths to write, for flame graphs")] = None,
    phases: Annotated[Path | None, typer.Option(help="programs: IPC, CPI stack, misses over time to write as CSV")] = None,
    interval: Annotated[
        int | None, typer.Option(min=1000, help="programs: instructions of a phase [default: so that there are up to 1000]")
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help="folder for pictures: CPI stack; programs: phases, functions; networks: latency, roofline"),
    ] = None,
    input: Annotated[list[Path] | None, typer.Option(help="networks: .npy file of an input (repeatable)")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="networks: size of an open batch [default: 1]")] = None,
    dim: Annotated[
        list[str] | None, typer.Option(metavar="NAME=N", help="networks: an open size, or INPUT.AXIS=N (repeatable)")
    ] = None,
    dtype: Annotated[
        Dtype | None,
        typer.Option(help="networks: type to compute one of float32 in (int8: random ranges) [default: fp32]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="networks: seed of the inputs that are not given")] = 0,
    check: Annotated[bool, typer.Option("--check", help="networks: compare the outputs with onnxruntime")] = False,
    plain_rvv: Annotated[
        bool, typer.Option("--plain-rvv", help="networks: no matrix instructions, even where the core has some")
    ] = False,
    pin: Annotated[Path | None, typer.Option(help="networks: schedules to keep to (of compile --schedules)")] = None,
    threads: Annotated[
        int,
        typer.Option(
            help="networks: threads that share the layers, each on a core of its own (timed in full)", min=1, max=64
        ),
    ] = 1,
    out: Annotated[Path | None, typer.Option(help="networks: folder for the outputs")] = None,
    csv: Annotated[Path | None, typer.Option(help="networks: table of the layers to write")] = None,
    frequency_mhz: Annotated[
        float | None, typer.Option(min=1, max=20000, help="networks: another clock than the core's")
    ] = None,
    kanata: Annotated[Path | None, typer.Option(help="pipeline log for Konata to write")] = None,
    o3pipeview: Annotated[Path | None, typer.Option(help="the same as gem5's O3PipeView lines")] = None,
    chrome_trace: Annotated[
        Path | None,
        typer.Option(
            help="pipeline, functions and layers for Perfetto to write (Chrome trace JSON); networks: layers alone without "
            "--full, --log-from or another log"
        ),
    ] = None,
    log_from: Annotated[int, typer.Option(min=0, help="pipeline logs begin after so many instructions")] = 0,
    log_count: Annotated[int, typer.Option(min=1, help="pipeline logs hold up to so many instructions")] = 100_000,
    stats: Annotated[Path | None, typer.Option(help="statistics in gem5's text form to write")] = None,
    full: Annotated[
        bool, typer.Option("--full", help="networks: time every instruction instead of samples; pipeline logs do so")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Run a program or a network on CORE: prints its output, then cycles, IPC, CPI stack and where the time went.

    A program is a static RV64GC(V) Linux executable, or a bare-metal one with a tohost symbol. A network is compiled first;
    its layers are sampled (the figures say how far off that may be) unless --full is given.
    The command ends with 0 if the program ran to its end, whatever it returned (exit_code, and --exit-code); with 2 if an
    input cannot be used or the program did what ends it (the sentence says where), with 130 after Ctrl-C.
    """
    from workbench.cli.input_sizes import read_sizes
    from workbench.cli.run_logs import Logs
    from workbench.cli.run_network import NetworkRun, is_network, run_network_command
    from workbench.cli.run_program import ProgramRun, run_program_command
    from workbench.cli.run_views import Views

    for_programs = {
        "arguments": arguments,
        "--functional": functional,
        "--vlen": vlen,
        "--harts": harts if harts > 1 else None,
        "--max-instructions": max_instructions,
        "--stdin": stdin,
        "--root": root,
        "--arg": arg,
        "--env": env,
        "--memory-mib": memory_mib,
        "--exit-code": exit_code,
        "--profile": profile,
        "--folded": folded,
        "--phases": phases,
        "--interval": interval,
    }
    logs = Logs(kanata, o3pipeview, chrome_trace, stats, log_from, log_count)
    if is_network(program):
        _refuse(for_programs, "a network")
        if threads > 1 and not logs.is_of_layers:
            _refuse(logs.pipeline_options(), "a network on several threads")
        network = NetworkRun(
            program, core, input or [], read_sizes(batch, dim), dtype or Dtype.FP32, pin, seed, check, full, frequency_mhz,
            out, csv, pictures, as_json, plain_rvv, threads,
        )  # fmt: skip
        run_network_command(network, logs)
        return
    for_networks = {
        "--input": input, "--batch": batch, "--dim": dim, "--seed": seed, "--check": check, "--out": out, "--dtype": dtype,
        "--pin": pin, "--csv": csv, "--frequency-mhz": frequency_mhz, "--plain-rvv": plain_rvv,
        "--threads": threads if threads > 1 else None,
    }  # fmt: skip
    _refuse(for_networks, "a program")
    if functional:
        _refuse(logs.options(), "a functional run")
    if vlen is not None and not functional:
        _refuse({"--vlen": vlen}, "a timed run")
    if harts > 1:
        views_of_one = {"--profile": profile, "--folded": folded, "--phases": phases, "--pictures": pictures}
        _refuse(views_of_one | logs.pipeline_options(), "a run on several harts")
    views = Views(profile, folded, phases, interval, pictures)
    if chrome_trace and views.needs_profile:
        _refuse({"--chrome-trace": chrome_trace}, "a run with --profile, --folded or --pictures")
    given = (*(arg or ()), *(arguments or ()))
    wanted = ProgramRun(
        Path(program), core, given, tuple(_variable(text) for text in env or ()), stdin, root, not functional, vlen,
        max_instructions, memory_mib, exit_code, as_json, logs, views, harts,
    )  # fmt: skip
    if code := run_program_command(wanted):
        raise typer.Exit(code)


def _variable(text: str) -> str:
    from workbench.base.errors import InputError

    if "=" not in text[1:]:
        raise InputError("--env", repr(text), "NAME=VALUE", "correct it")
    return text


def _refuse(options: dict[str, Any], what: str) -> None:
    from workbench.base.errors import InputError

    for name, value in options.items():
        if value:
            raise InputError(name, f"that option for {what}", "it left out", "see `workbench run --help`")
