"""Compile a network, run it on a simulated core, compare it with the reference, and attribute its cycles to layers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workbench.base.errors import InputError, WorkbenchError
from workbench.base.progress import Progress
from workbench.compiler.cache import compile_cached
from workbench.compiler.layer_results import LayerResult, layer_results
from workbench.compiler.network import CompiledNetwork
from workbench.compiler.planner import Planner
from workbench.core.result import SimResult
from workbench.core.sampling.settings import Sampling
from workbench.graph.graph import Graph
from workbench.graph.reference import random_inputs, relative_error, run_reference
from workbench.graph.zoo import load_model

if TYPE_CHECKING:
    from workbench.core.config import CoreConfig
    from workbench.core.run import Observer
    from workbench.core.sampling.run import FunctionSample

LARGEST_ERROR = 0.02  # bound of a sampled run that is accepted without sampling more
_MOST_RUNS = 3
_WORTH_ALL = 0.25  # of the instructions timed: sampled more densely it would take as long as in full
_SHORT = 0.2  # the same by estimate, before a try: with more, bounds seldom suffice, and then the try is lost
_TIMED_TIMES = 2.0  # what layers are timed for at most, about, of `Sampling.timed_instructions`
_LEFT_OUT = 0.004  # of sampled layers: prefetches and DRAM rows of skipped iterations, as measured (docs/accuracy.md)


@dataclass(frozen=True)
class NetworkResult:
    """A network on a core.

    Attributes
    ----------
    network: the compiled network. result: the whole run. layers: in order of execution.
    outside_cycles: spent outside of all layers, on input and output.
    outputs: arrays by name, empty if parts of the layers were not executed. latency_ms: simulated time of one inference,
    reading and writing included.
    relative_error: against onnxruntime; None where it was not compared.
    latency_error: bound on the part of the latency that may be wrong because layers were sampled; 0 for a run in full.
    """

    network: CompiledNetwork
    result: SimResult
    layers: tuple[LayerResult, ...]
    outside_cycles: int
    outputs: dict[str, np.ndarray]
    latency_ms: float
    relative_error: float | None
    latency_error: float = 0.0

    @property
    def macs_per_cycle(self) -> float:
        """Multiply-accumulate operations per cycle over the whole run."""
        return self.network.macs / self.result.cycles if self.result.cycles else 0.0


def run_network(
    graph: Graph | str, core: CoreConfig, inputs: dict[str, np.ndarray] | None = None, *, seed: int = 0,
    check: bool = True, sampling: Sampling | None = None, progress: Progress | None = None,
    observers: Sequence[Observer] = (), planner: Planner | None = None, threads: int = 1,
) -> NetworkResult:  # fmt: skip
    """Compile for the core and simulate one inference; inputs missing from `inputs` are drawn from `seed`.

    Parameters
    ----------
    graph: a graph, a name of the zoo or the path of an ONNX file.
    check: compare the outputs with onnxruntime.
    threads: that share the layers, each on a core of its own; several want neither sampling nor observers.
    sampling: how layers are sampled, unless they are so short that a run in full takes about as long; more densely, or in
    full where that takes no longer, while the bound on the error is above `LARGEST_ERROR`; None is in full. With `check`,
    and wherever a jump over iterations does not end as it should, what is skipped is executed.
    observers: logs that look at the machine between slices; they need a run in full.
    planner: pinned schedules; None for the cheapest by estimate.

    Raises
    ------
    WorkbenchError: the program did not end as it should.
    """
    if not isinstance(graph, Graph):
        graph = load_model(graph)
    if threads > 1 and (sampling is not None or observers):
        raise InputError("threads", f"{threads} of them with sampling or logs of the pipeline", "1", "leave those out")
    network = compile_cached(graph, dataclasses.replace(core.target(), threads=threads), planner)
    values = {**random_inputs(graph, seed), **(inputs or {})}
    if sampling is not None and check:
        sampling = dataclasses.replace(sampling, executes=True)

    def simulate(sampling: Sampling | None) -> tuple[SimResult, tuple[FunctionSample, ...]]:
        return _simulate(network, core, values, sampling, progress, observers)

    if sampling is not None and _is_short(network, sampling):
        sampling = None
    result, samples = simulate(sampling)
    for _ in range(_MOST_RUNS - 1):
        if sampling is None or _bound(samples) <= LARGEST_ERROR * result.cycles:
            break
        sampling = None if _timed_part(samples) > _WORTH_ALL else sampling.denser()
        result, samples = simulate(sampling)
    is_whole = sampling is None or sampling.executes
    outputs = network.unpack_outputs(result.stdout) if is_whole else {}
    error = relative_error(outputs, run_reference(graph, values)) if check else None
    layers = layer_results(network, core, result, samples)
    outside = result.cycles - sum(layer.cycles for layer in layers)
    part = _bound(samples) / result.cycles if result.cycles else 0.0
    if sampling is not None:
        result = dataclasses.replace(result, notes=(*result.notes, _note(samples, part, is_whole)))
    return NetworkResult(network, result, layers, outside, outputs, result.latency_ms, error, part)


def _simulate(
    network: CompiledNetwork, core: CoreConfig, values: dict[str, np.ndarray], sampling: Sampling | None,
    progress: Progress | None, observers: Sequence[Observer],
) -> tuple[SimResult, tuple[FunctionSample, ...]]:  # fmt: skip
    from workbench.core.fault import ExecutionFault
    from workbench.core.sampling.run import run_sampled
    from workbench.core.sampling.threads import run_followed

    functions, stdin = [layer.symbol for layer in network.layers], network.pack_inputs(values)
    if network.threads > 1:
        followed = run_followed(network.program, core, functions, network.threads, stdin=stdin, progress=progress)
        return _checked(network, core, *followed)
    try:
        result, samples = run_sampled(
            network.program, core, functions, sampling, stdin=stdin, progress=progress, observers=observers
        )
    except ExecutionFault:
        if sampling is None or sampling.executes:
            raise
        whole = dataclasses.replace(sampling, executes=True)  # addresses came from data that were not computed
        return _simulate(network, core, values, whole, progress, observers)
    return _checked(network, core, result, samples)


def _checked(
    network: CompiledNetwork, core: CoreConfig, result: SimResult, samples: tuple[FunctionSample, ...]
) -> tuple[SimResult, tuple[FunctionSample, ...]]:
    """The same; WorkbenchError if the program did not end as it should."""
    expected = network.output_bytes
    if result.exit_code != 0 or len(result.stdout) != expected:
        raise WorkbenchError(
            f"{network.name} on {core.name}: the program ended with status {result.exit_code} and "
            f"{len(result.stdout):,} of {expected:,} bytes of output."
        )
    return result, samples


def _bound(samples: Sequence[FunctionSample]) -> float:
    """Bound on the error of all layers together, in cycles: windows differ independently, what is left out does not."""
    skipped = sum(sample.cycles for sample in samples if sample.timed_instructions < sample.instructions)
    return math.sqrt(sum(sample.error_cycles**2 for sample in samples)) + _LEFT_OUT * skipped


def _is_short(network: CompiledNetwork, sampling: Sampling) -> bool:
    """Whether so large a part of the layers would be timed that a run in full takes about as long."""
    most = _TIMED_TIMES * sampling.timed_instructions
    timed = sum(min(layer.instructions, most) for layer in network.layers)
    return timed > _SHORT * sum(layer.instructions for layer in network.layers)


def _timed_part(samples: Sequence[FunctionSample]) -> float:
    """Part of the layers' instructions that were timed."""
    return sum(sample.timed_instructions for sample in samples) / max(sum(sample.instructions for sample in samples), 1)


def _note(samples: Sequence[FunctionSample], part: float, is_whole: bool) -> str:
    outputs = "" if is_whole else " The rest was not executed, so there are no outputs (--check and --out execute it)."
    return (
        f"Sampled: {_timed_part(samples):.0%} of the layers' instructions were timed, the cycles are within {part:.1%} of a "
        f"run with --full (estimate).{outputs}"
    )
