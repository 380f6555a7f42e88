"""The network part of `workbench run`: compile, simulate, compare, and print latency and layers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.cli.dtype import Dtype, load_network

if TYPE_CHECKING:
    import numpy as np

    from workbench.cli.run_logs import Logs
    from workbench.compiler.execute import NetworkResult
    from workbench.graph.graph import Graph


def is_network(name: str) -> bool:
    """Whether a name or path means a network: an ONNX file or a name of the zoo."""
    from workbench.graph.zoo import MODELS

    return name.endswith(".onnx") or name in MODELS


def run_network_command(
    model: str, core: str, *, inputs: list[Path] | None = None, seed: int = 0, check: bool = False,
    output: Path | None = None, as_json: bool = False, logs: Logs | None = None, sizes: dict[str, int] | None = None,
    pin: Path | None = None, dtype: Dtype = Dtype.FP32,
) -> NetworkResult:  # fmt: skip
    """Run a network on a simulated core and print what came out; arrays go to the folder `output`."""
    from workbench.base.files import make_folder
    from workbench.base.progress import Progress
    from workbench.compiler.execute import run_network
    from workbench.compiler.planner import Planner
    from workbench.compiler.schedule_files import read_schedules
    from workbench.core.config import load_core

    graph = load_network(model, sizes, dtype)
    planner = Planner(read_schedules(pin), str(pin)) if pin is not None else None
    if output is not None:
        make_folder(output)
    values, config = read_inputs(graph, inputs or []), load_core(core)
    if logs is not None:
        logs.check()
    with Progress(f"simulating {graph.name} on {core}", unit="instructions", quiet=as_json) as progress:
        observers = logs.observers if logs else ()
        run = run_network(
            graph, config, values, seed=seed, check=check, progress=progress, observers=observers, planner=planner
        )
    if logs is not None:
        noted = logs.write(run.result, run.network.program, config, {layer.symbol: layer.name for layer in run.layers})
        run = dataclasses.replace(run, result=noted)
    if output is not None:
        write_outputs(run.outputs, output)
    print_network(run, as_json)
    return run


def read_inputs(graph: Graph, paths: list[Path]) -> dict[str, np.ndarray]:
    """Arrays from .npy files, in the order of the network's inputs; InputError if one does not fit."""

    from workbench.base.errors import InputError

    if len(paths) > len(graph.inputs):
        found = f"{len(paths)} files"
        raise InputError("--input", found, f"at most {len(graph.inputs)}, one for each input", "remove some")
    values = {}
    for name, path in zip(graph.inputs, paths, strict=False):
        array = _read_array(path)
        if array.shape != graph.shape(name):
            found, expected = f"an array of shape {list(array.shape)}", f"shape {list(graph.shape(name))} of input {name}"
            raise InputError(path, found, expected, "reshape it")
        values[name] = array.astype(graph.tensors[name].dtype)
    return values


def _read_array(path: Path) -> np.ndarray:
    """A .npy file of real numbers; its size is checked before anything is allocated for it."""
    import io
    import math

    import numpy as np

    from workbench.base.errors import InputError
    from workbench.base.files import read_bytes

    data = read_bytes(path)
    try:
        stream = io.BytesIO(data)
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(stream)
        if math.prod(shape) * dtype.itemsize > len(data):
            raise InputError(path, f"an array of shape {list(shape)} in {len(data):,} bytes", "all of it", "write it again")
        array: np.ndarray = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError):
        raise InputError(path, "bytes that are not an array", "a .npy file", "write it with numpy.save") from None
    if array.dtype.kind not in "fiub":
        raise InputError(path, f"elements of type {array.dtype}", "real numbers", "convert them with array.astype")
    return array


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

    result = run.result
    figures: dict[str, Any] = {
        "exit_code": result.exit_code, "instructions": result.instructions, "cycles": result.cycles, "ipc": result.ipc,
        "frequency_mhz": result.frequency_mhz, "latency_ms": run.latency_ms, "macs": run.network.macs,
        "macs_per_cycle": run.macs_per_cycle, "outside_layers_cycles": run.outside_cycles,
    }  # fmt: skip
    if run.relative_error is not None:
        figures["relative_error"] = run.relative_error
    figures |= {"cpi_stack": result.cpi_stack, "mpki": result.mpki, "host_seconds": result.host_seconds}
    if as_json:
        from dataclasses import asdict

        show({**figures, "layers": [asdict(layer) for layer in run.layers], "notes": list(result.notes)}, True)
        return
    show(figures, False)
    print(f"\n{'layer':<30} {'operator':<22} {'cycles':>12} {'share':>7} {'MACs':>12} {'MAC/cyc':>8}  algorithm")
    for layer in run.layers:
        operator = layer.operator.replace("BatchNormalization", "BatchNorm")
        print(
            f"{layer.name[:30]:<30} {operator[:22]:<22} {layer.cycles:>12,} {layer.share:>7.1%} {layer.macs:>12,} "
            f"{layer.macs_per_cycle:>8.2f}  {layer.algorithm}"
        )
