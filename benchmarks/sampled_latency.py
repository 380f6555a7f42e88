"""Sampled latency of networks beside runs in full: error, its bound, and the time that both take.

    python benchmarks/sampled_latency.py [NETWORK ...] [--cores CORE ...] [--layers N]

Wall and processor seconds are those of the simulation, after the network was compiled and the simulator loaded. With
`--layers`, the N layers that are furthest off follow, as parts of the network's cycles.
"""

from __future__ import annotations

import argparse
import time

from workbench.compiler.cache import compile_cached
from workbench.compiler.execute import NetworkResult, run_network
from workbench.core.config import CoreConfig, load_core
from workbench.core.sampling.settings import Sampling
from workbench.graph.graph import Graph
from workbench.graph.zoo import load_model

NETWORKS = ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3", "squeezenet", "shufflenet_v2", "resnet18"]
CORES = ["xiangshan_kunminghu_v2", "xiangshan_kunminghu_v2_npu16"]


def timed(graph: Graph, core: CoreConfig, sampling: Sampling | None) -> tuple[NetworkResult, float, float]:
    """A run without outputs to compare, its wall and its processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    run = run_network(graph, core, check=False, sampling=sampling)
    return run, time.perf_counter() - wall, time.process_time() - processor


def compare(network: str, core: CoreConfig, layers: int) -> float:
    """Run both ways and print a line; the error."""
    graph = load_model(network)
    compile_cached(graph, core.target())
    part, part_wall, part_processor = timed(graph, core, Sampling())
    whole, whole_wall, whole_processor = timed(graph, core, None)
    error = part.result.cycles / whole.result.cycles - 1
    share = sum(layer.timed_instructions for layer in part.layers) / part.result.instructions
    mark = "" if abs(error) <= part.latency_error else "  outside its bound"
    print(
        f"{network:18} {core.name:30} {whole.latency_ms:8.2f} ms  error {error:+7.2%}  bound {part.latency_error:6.2%}  "
        f"timed {share:4.0%}  sampled {part_wall:6.1f} s wall {part_processor:6.1f} s CPU  "
        f"full {whole_wall:6.1f} s wall {whole_processor:6.1f} s CPU{mark}",
        flush=True,
    )
    pairs = sorted(zip(part.layers, whole.layers, strict=True), key=lambda pair: -abs(pair[0].cycles - pair[1].cycles))
    for sampled, full in pairs[:layers]:
        off = (sampled.cycles - full.cycles) / whole.result.cycles
        print(
            f"    {full.name[:30]:30} {full.cycles:12,} cycles  {off:+7.2%}  bound {sampled.error_cycles / full.cycles:6.2%}"
            f" of the layer  {full.algorithm}"
        )
    return error


def main() -> None:
    """Compare all pairs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--cores", nargs="*", default=CORES)
    parser.add_argument("--layers", type=int, default=0)
    arguments = parser.parse_args()
    cores = [load_core(name) for name in arguments.cores]
    for core in cores:
        sparse = Sampling(timed_instructions=1_000, least_skip=1_000)
        timed(load_model("mlperf_tiny_kws"), core, sparse)  # loads the simulator and what samples
    errors = [abs(compare(network, core, arguments.layers)) for network in arguments.networks for core in cores]
    print(f"largest error {max(errors):.2%}, mean {sum(errors) / len(errors):.2%}")


if __name__ == "__main__":
    main()
