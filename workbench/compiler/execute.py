"""Compile a network, run it on a simulated core, compare it with the reference, and attribute its cycles to layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.base.errors import WorkbenchError
from workbench.base.progress import Progress
from workbench.compiler.cache import compile_cached
from workbench.compiler.network import CompiledNetwork
from workbench.compiler.planner import Planner
from workbench.core.result import Region, SimResult
from workbench.graph.graph import Graph
from workbench.graph.reference import random_inputs, relative_error, run_reference
from workbench.graph.zoo import load_model

if TYPE_CHECKING:
    from workbench.core.config import CoreConfig
    from workbench.core.run import Observer


@dataclass(frozen=True)
class LayerResult:
    """One layer of a run; `share` is its part of all cycles, `macs_per_cycle` its throughput."""

    symbol: str
    name: str
    operator: str
    algorithm: str
    macs: int
    input_bytes: int
    weight_bytes: int
    output_bytes: int
    instructions: int
    cycles: int
    share: float
    macs_per_cycle: float


@dataclass(frozen=True)
class NetworkResult:
    """A network on a core.

    Attributes
    ----------
    network: the compiled network. result: the whole run. layers: in order of execution.
    outside_cycles: spent outside of all layers, on input and output.
    outputs: arrays by name. latency_ms: simulated time of one inference, reading and writing included.
    relative_error: against onnxruntime; None where it was not compared.
    """

    network: CompiledNetwork
    result: SimResult
    layers: tuple[LayerResult, ...]
    outside_cycles: int
    outputs: dict[str, np.ndarray]
    latency_ms: float
    relative_error: float | None

    @property
    def macs_per_cycle(self) -> float:
        """Multiply-accumulate operations per cycle over the whole run."""
        return self.network.macs / self.result.cycles if self.result.cycles else 0.0


def run_network(
    graph: Graph | str, core: CoreConfig, inputs: dict[str, np.ndarray] | None = None, *, seed: int = 0,
    check: bool = True, timed: bool = True, progress: Progress | None = None, observers: Sequence[Observer] = (),
    planner: Planner | None = None,
) -> NetworkResult:  # fmt: skip
    """Compile for the core and simulate one inference in full; inputs missing from `inputs` are drawn from `seed`.

    Parameters
    ----------
    graph: a graph, a name of the zoo or the path of an ONNX file.
    check: compare the outputs with onnxruntime.
    timed: with the timing engine; else only functionally.
    observers: logs that look at the machine between slices.
    planner: pinned schedules; None for the cheapest by estimate.

    Raises
    ------
    WorkbenchError: the program did not end as it should.
    """
    from workbench.core.run import run_program

    if not isinstance(graph, Graph):
        graph = load_model(graph)
    network = compile_cached(graph, core.target(), planner)
    values = {**random_inputs(graph, seed), **(inputs or {})}
    result = run_program(
        network.program, core, stdin=network.pack_inputs(values), timed=timed, progress=progress, observers=observers
    )
    expected = network.output_bytes
    if result.exit_code != 0 or len(result.stdout) != expected:
        raise WorkbenchError(
            f"{graph.name} on {core.name}: the program ended with status {result.exit_code} and "
            f"{len(result.stdout):,} of {expected:,} bytes of output."
        )
    outputs = network.unpack_outputs(result.stdout)
    error = relative_error(outputs, run_reference(graph, values)) if check else None
    layers = layer_table(network, result)
    outside = result.cycles - sum(layer.cycles for layer in layers)
    return NetworkResult(network, result, layers, outside, outputs, result.latency_ms, error)


def layer_table(network: CompiledNetwork, result: SimResult) -> tuple[LayerResult, ...]:
    """Instructions and cycles of every layer, from the regions of a run."""
    regions = {region.name: region for region in result.regions}
    rows = []
    for layer in network.layers:
        region = regions.get(layer.symbol, Region(layer.symbol, 0, 0))
        share = region.cycles / result.cycles if result.cycles else 0.0
        speed = layer.macs / region.cycles if region.cycles else 0.0
        rows.append(
            LayerResult(
                layer.symbol, layer.name, layer.operator, layer.algorithm, layer.macs, layer.input_bytes,
                layer.weight_bytes, layer.output_bytes, region.instructions, region.cycles, share, speed,
            )
        )  # fmt: skip
    return tuple(rows)
