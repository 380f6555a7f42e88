"""The network part of `workbench run`: compile, simulate, compare, and print latency and layers."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.graph.dtype import Dtype, load_network

if TYPE_CHECKING:
    import numpy as np

    from workbench.cli.run_logs import Logs
    from workbench.compiler.execute import NetworkResult
    from workbench.compiler.layer_results import LayerResult
    from workbench.core.config import CoreConfig
    from workbench.graph.graph import Graph


def is_network(name: str) -> bool:
    """Whether a name or path means a network: an ONNX file or a name of the zoo."""
    from workbench.graph.zoo import MODELS

    return name.endswith(".onnx") or name in MODELS


@dataclass(frozen=True)
class NetworkRun:
    """What the command line asks for: see the options of `workbench run`."""

    model: str
    core: str
    inputs: list[Path] = field(default_factory=list)
    sizes: dict[str, int] | None = None
    dtype: Dtype = Dtype.FP32
    pin: Path | None = None
    seed: int = 0
    is_checked: bool = False
    is_full: bool = False
    frequency_mhz: float | None = None
    output: Path | None = None
    csv: Path | None = None
    pictures: Path | None = None
    as_json: bool = False
    is_plain: bool = False
    threads: int = 1


def run_network_command(wanted: NetworkRun, logs: Logs) -> NetworkResult:
    """Run a network on a simulated core and print what came out; files go where they are wanted.

    Logs of the pipeline need a run in full; a Chrome trace alone is of the layers, which may be sampled.
    """
    from workbench.base.files import check_writable, make_folder
    from workbench.base.progress import Progress
    from workbench.compiler.execute import run_network
    from workbench.compiler.planner import Planner
    from workbench.compiler.schedule_files import read_schedules
    from workbench.core.sampling.settings import Sampling

    graph = load_network(wanted.model, wanted.sizes, wanted.dtype)
    planner = Planner(read_schedules(wanted.pin), str(wanted.pin)) if wanted.pin is not None else None
    for folder in (wanted.output, wanted.pictures):
        if folder is not None:
            make_folder(folder)
    if wanted.csv is not None:
        check_writable(wanted.csv)
    values, config = read_inputs(graph, wanted.inputs), core_at(wanted.core, wanted.frequency_mhz)
    config = config.without_matrix() if wanted.is_plain else config
    logs.check()
    has_layers_alone = logs.is_of_layers and (wanted.threads > 1 or not wanted.is_full)
    observers = [] if has_layers_alone else logs.observers
    is_executed = wanted.is_checked or wanted.output is not None
    sampling = None if wanted.is_full or observers or wanted.threads > 1 else Sampling(executes=is_executed)
    with Progress(f"simulating {graph.name} on {config.name}", unit="instructions", quiet=wanted.as_json) as progress:
        run = run_network(
            graph, config, values, seed=wanted.seed, check=wanted.is_checked, sampling=sampling, progress=progress,
            observers=observers, planner=planner, threads=wanted.threads,
        )  # fmt: skip
    noted = logs.write(run.result, run.network.program, config, {layer.symbol: layer.name for layer in run.layers})
    run = dataclasses.replace(run, result=noted)
    if has_layers_alone:
        logs.write_layers(run, config)
    _write_files(run, wanted, config)
    print_network(run, wanted.as_json)
    return run


def core_at(name: str, frequency_mhz: float | None) -> CoreConfig:
    """A core, at another clock if one is given; its DRAM keeps its times."""
    from workbench.core.config import load_core

    core = load_core(name)
    return core if frequency_mhz is None else core.model_copy(update={"frequency_mhz": frequency_mhz})


def _write_files(run: NetworkResult, wanted: NetworkRun, core: CoreConfig) -> None:
    from workbench.base.files import write_text
    from workbench.compiler.layer_results import layers_csv, roofline

    if wanted.output is not None:
        write_outputs(run.outputs, wanted.output)
    if wanted.csv is not None:
        write_text(wanted.csv, layers_csv(run.layers))
    if wanted.pictures is not None:
        from workbench.compiler.pictures import draw_latency, draw_roofline
        from workbench.core.pictures import draw_cpi_stack

        threads = f", {run.network.threads} threads" if run.network.threads > 1 else ""
        title = f"{run.network.name} on {core.name}{threads}"
        draw_latency(run, title, wanted.pictures / "latency.png")
        narrowest = min((layer.sum_bits for layer in run.layers if layer.macs), default=32)
        draw_roofline(run, roofline(core, narrowest, run.network.threads), title, wanted.pictures / "roofline.png")
        draw_cpi_stack(run.result, title, wanted.pictures / "cpi_stack.png")


def read_inputs(graph: Graph, paths: list[Path]) -> dict[str, np.ndarray]:
    """Arrays from .npy files, in the order of the network's inputs; InputError if one does not fit."""
    from workbench.base.errors import InputError
    from workbench.graph.samples import fitted, read_array

    if len(paths) > len(graph.inputs):
        found = f"{len(paths)} files"
        raise InputError("--input", found, f"at most {len(graph.inputs)}, one for each input", "remove some")
    values = {}
    for name, path in zip(graph.inputs, paths, strict=False):
        values[name] = fitted(read_array(path), graph, name, str(path))
    return values


def write_outputs(outputs: dict[str, np.ndarray], folder: Path) -> None:
    """Write every output as `output_N.npy`."""
    import io

    import numpy as np

    from workbench.base.files import write_bytes

    for index, array in enumerate(outputs.values()):
        stream = io.BytesIO()
        np.save(stream, array)
        write_bytes(folder / f"output_{index}.npy", stream.getvalue())


def print_network(run: NetworkResult, as_json: bool) -> None:
    """Figures of the whole run, then one line for each layer."""
    from workbench.cli.output import show
    from workbench.cli.run_program import hart_figures, hart_line

    result = run.result
    figures: dict[str, Any] = {
        "exit_code": result.exit_code, "instructions": result.instructions, "cycles": result.cycles, "ipc": result.ipc,
        "frequency_mhz": result.frequency_mhz, "latency_ms": run.latency_ms,
        "latency_error": run.latency_error, "macs": run.network.macs,
        "macs_per_cycle": run.macs_per_cycle, "outside_layers_cycles": run.outside_cycles,
    }  # fmt: skip
    if run.relative_error is not None:
        figures["relative_error"] = run.relative_error
    if result.harts:
        figures["harts"] = [hart_figures(hart) for hart in result.harts] if as_json else {
            f"hart {hart.number}": hart_line(hart) for hart in result.harts
        }  # fmt: skip
    figures |= {"cpi_stack": result.cpi_stack, "mpki": result.mpki, "host_seconds": result.host_seconds}
    if as_json:
        from dataclasses import asdict

        show({**figures, "layers": [asdict(layer) for layer in run.layers], "notes": list(result.notes)}, True)
        return
    show({**figures, **({"notes": list(result.notes)} if result.notes else {})}, False)
    print()
    print(_HEAD)
    for layer in run.layers:
        print(_line(layer))


_HEAD = (
    f"{'layer':<28} {'operator':<20} {'cycles':>12} {'+-':>6} {'share':>6} {'MACs':>12} {'MAC/cyc':>7} {'peak':>5} "
    f"{'DRAM KiB':>9} {'MAC/byte':>8} {'roof':<7} algorithm"
)


def _line(layer: LayerResult) -> str:
    """A layer of the table: +- is the bound on the error, peak the part of the vector unit's, roof what is nearer."""
    operator = layer.operator.replace("BatchNormalization", "BatchNorm")
    error = f"{layer.error_cycles / layer.cycles:.1%}" if layer.error_cycles and layer.cycles else ""
    intensity = f"{layer.macs_per_dram_byte:.1f}" if layer.macs_per_dram_byte else ""
    peak = f"{layer.utilization:.0%}" if layer.macs else ""
    return (
        f"{layer.name[:28]:<28} {operator[:20]:<20} {layer.cycles:>12,} {error:>6} {layer.share:>6.1%} {layer.macs:>12,} "
        f"{layer.macs_per_cycle:>7.2f} {peak:>5} {layer.dram_bytes / 1024:>9,.0f} {intensity:>8} {layer.bound:<7} "
        f"{layer.algorithm}"
    )
