"""`workbench compile`: an ONNX network to an RV64GCV program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.graph.dtype import Dtype

if TYPE_CHECKING:
    from workbench.compiler.network import CompiledNetwork


def command(
    model: Annotated[str, typer.Argument(help="ONNX file, or a name of `workbench list models`.")],
    core: Annotated[str, typer.Option(help="Core to tune for: a name in cores/ or a TOML file.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Program to write (ELF).")],
    dtype: Annotated[Dtype, typer.Option(help="Type to compute a float32 network in.")] = Dtype.FP32,
    batch: Annotated[int | None, typer.Option(min=1, help="Size of an open batch [default: 1].")] = None,
    dim: Annotated[list[str] | None, typer.Option(help="NAME=N or INPUT.AXIS=N: an open size (repeatable).")] = None,
    plain_rvv: Annotated[
        bool,
        typer.Option("--plain-rvv", help="No matrix instructions, even where the core has some."),
    ] = False,
    pin: Annotated[Path | None, typer.Option(help="Schedules of layers to keep to (a file of --schedules).")] = None,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads of the program, each on a core of its own.")] = 1,
    tune: Annotated[bool, typer.Option("--tune", help="Let simulations of layers decide among the best few.")] = False,
    schedules: Annotated[Path | None, typer.Option(help="Write the schedules of all layers here (JSON).")] = None,
    asm: Annotated[Path | None, typer.Option(help="Also write the assembly here.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compile a network to a static RV64GCV Linux program that reads inputs from standard input and writes outputs."""
    from dataclasses import replace

    from workbench.base.files import write_text
    from workbench.base.progress import Progress
    from workbench.cli.input_sizes import read_sizes
    from workbench.cli.output import show
    from workbench.compiler.compile import compile_graph
    from workbench.compiler.planner import Planner
    from workbench.compiler.schedule_files import read_schedules, write_schedules
    from workbench.compiler.tune import tune_schedules
    from workbench.core.config import load_core
    from workbench.graph.dtype import load_network
    from workbench.isa.elf import write_elf

    config, graph = load_core(core), load_network(model, read_sizes(batch, dim), dtype)
    config = config.without_matrix() if plain_rvv else config
    target = replace(config.target(), threads=threads)
    planner = Planner(read_schedules(pin), str(pin)) if pin is not None else Planner()
    notes: list[str] = []
    if tune:
        with Progress(f"tuning {graph.name} for {core}", unit="schedules", quiet=json) as progress:
            tuned = tune_schedules(graph, config, planner, progress)
        planner, notes = tuned.planner, list(tuned.notes)
        notes += ["Schedules were tuned on one thread."] if threads > 1 else []
    network = compile_graph(graph, target, with_assembly=asm is not None, planner=planner)
    if schedules is not None:
        write_schedules(schedules, graph.name, core, network.schedules)
    path = write_elf(output, network.program)
    if asm is not None:
        write_text(asm, network.assembly)
    show(
        {
            "program": str(path),
            "tuned_for": f"{target.name}, VLEN {target.vlen_bits}" + (", matrix instructions" if target.has_matrix else ""),
            "layers": len(network.layers),
            **(_sharing(network) if threads > 1 else {}),
            "macs": network.macs,
            "weight_bytes": network.weight_bytes,
            "arena_bytes": network.arena_bytes,
            "inputs": {name: list(shape) for name, shape in network.inputs.items()},
            "outputs": {name: list(shape) for name, shape in network.outputs.items()},
            "notes": notes,
        },
        json,
    )


def _sharing(network: CompiledNetwork) -> dict[str, object]:
    """How many threads there are, and the layers whose main work is that of thread 0 alone."""
    return {
        "threads": network.threads,
        "layers_of_thread_0": [layer.name for layer in network.layers if layer.threads == 1],
    }
