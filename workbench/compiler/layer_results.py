"""What every layer of a run took: cycles, work, memory traffic, and what limits it (a roofline)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING

from workbench.compiler.network import CompiledNetwork
from workbench.core.result import SimResult
from workbench.core.sampling.run import FunctionSample

if TYPE_CHECKING:
    from workbench.core.config import CoreConfig


@dataclass(frozen=True)
class Roofline:
    """What a core can do at most: multiply-accumulates a cycle, and bytes a cycle from and to DRAM.

    Source: S. Williams et al., "Roofline: an insightful visual performance model", CACM 2009.
    """

    macs_per_cycle: float
    dram_bytes_per_cycle: float

    def limit(self, macs_per_byte: float) -> float:
        """Multiply-accumulates a cycle that can be reached at an arithmetic intensity."""
        return min(self.macs_per_cycle, macs_per_byte * self.dram_bytes_per_cycle)


def roofline(core: CoreConfig, sum_bits: int = 32, threads: int = 1) -> Roofline:
    """The roofs of cores, one for each thread: their vector units' multiply-adds to sums of `sum_bits`, and the bursts of
    the DRAM channels that they share."""
    return Roofline(threads * core.target().vector_bits_per_cycle / sum_bits, core.dram_bytes_per_cycle)


@dataclass(frozen=True)
class LayerResult:
    """One layer of a run.

    Attributes
    ----------
    symbol, name, operator, algorithm, macs, input_bytes, weight_bytes, output_bytes: as in `network.Layer`.
    instructions, cycles: of the layer. share: of all cycles.
    sum_bits: width of the sums of the multiply-accumulates.
    macs_per_cycle: throughput. utilization: its part of the vector units' peak of multiply-adds to sums of that width, more
    than 1 where Winograd saves products or products of bytes are summed in 16 bits first.
    timed_instructions: simulated with timing; the rest is extrapolated. error_cycles: bound on the error of that, else 0.
    l2_bytes, l3_bytes: in lines that the core and its engine asked of that level (prefetches left out), 0 without one.
    dram_bytes: read, prefetched and written.
    macs_per_dram_byte: arithmetic intensity, 0 where nothing came from DRAM.
    bound: the lower roof at that intensity, ``compute`` or ``dram``; empty for a layer without multiply-accumulates.
    """

    symbol: str
    name: str
    operator: str
    algorithm: str
    macs: int
    sum_bits: int
    input_bytes: int
    weight_bytes: int
    output_bytes: int
    instructions: int
    cycles: int
    share: float
    macs_per_cycle: float
    utilization: float
    timed_instructions: int
    error_cycles: float
    l2_bytes: int
    l3_bytes: int
    dram_bytes: int
    macs_per_dram_byte: float
    bound: str


def layer_results(
    network: CompiledNetwork, core: CoreConfig, result: SimResult, samples: Sequence[FunctionSample]
) -> tuple[LayerResult, ...]:
    """The layers of a run, in order of execution; `samples` are those of their functions."""
    line = core.memory.l1d.line_bytes
    has = (core.memory.l2 is not None, core.memory.l3 is not None)
    rows = []
    for layer, sample in zip(network.layers, samples, strict=True):
        roof, accesses = roofline(core, layer.sum_bits, network.threads), sample.counts["accesses"]
        dram = int(sample.counts["dram_reads"][0] + sample.counts["dram_writes"][0]) * line
        speed = layer.macs / sample.cycles if sample.cycles else 0.0
        intensity = layer.macs / dram if dram else 0.0
        is_streaming = dram > 0 and roof.limit(intensity) < roof.macs_per_cycle
        rows.append(
            LayerResult(
                layer.symbol, layer.name, layer.operator, layer.algorithm, layer.macs, layer.sum_bits, layer.input_bytes,
                layer.weight_bytes, layer.output_bytes, sample.instructions, sample.cycles,
                sample.cycles / result.cycles if result.cycles else 0.0, speed, speed / roof.macs_per_cycle,
                sample.timed_instructions, sample.error_cycles, int(accesses[2]) * line * has[0],
                int(accesses[3]) * line * has[1], dram, intensity,
                ("dram" if is_streaming else "compute") if layer.macs else "",
            )
        )  # fmt: skip
    return tuple(rows)


def layers_csv(layers: Sequence[LayerResult]) -> str:
    """All columns of the layers, as CSV with a header."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(field.name for field in fields(LayerResult))
    writer.writerows(astuple(layer) for layer in layers)
    return stream.getvalue()
