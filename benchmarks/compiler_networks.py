"""Compiled networks on cores: compile time, instructions, cycles, multiply-accumulates per instruction and per cycle.

    python benchmarks/compiler_networks.py [NETWORK ...] [--cores CORE ...] [--layers N] [--sampled]

Networks are names of the zoo or ONNX files. With `--layers`, the N slowest layers of every run follow.
"""

from __future__ import annotations

import argparse
import time

from workbench.compiler.compile import compile_graph
from workbench.compiler.execute import NetworkResult, run_network
from workbench.core.config import load_core
from workbench.core.sampling.settings import Sampling
from workbench.graph.zoo import load_model

CORES = ["xiangshan_kunminghu_v2", "xiangshan_kunminghu_v2_npu4", "xiangshan_kunminghu_v2_npu16", "thead_c906"]


def measure(network: str, core_name: str, is_sampled: bool) -> NetworkResult:
    """Compile cold, run once and print one line."""
    graph, core = load_model(network), load_core(core_name)
    started = time.perf_counter()
    compile_graph(graph, core.target())
    compile_s = time.perf_counter() - started
    run = run_network(graph, core, sampling=Sampling() if is_sampled else None)
    result = run.result
    print(
        f"{graph.name:22} {core.name:30} compile {compile_s:5.2f} s  {result.instructions / 1e6:8.2f} M instructions "
        f"{run.network.macs / result.instructions:6.2f} MAC/instruction  {result.cycles / 1e6:8.2f} M cycles "
        f"{run.macs_per_cycle:6.2f} MAC/cycle  {run.latency_ms:8.2f} ms  error {run.relative_error:.1e}  "
        f"simulated in {result.host_seconds:5.1f} s",
        flush=True,
    )
    return run


def main() -> None:
    """Measure all pairs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", default=["mobilenet_v2", "squeezenet"])
    parser.add_argument("--cores", nargs="*", default=CORES)
    parser.add_argument("--layers", type=int, default=0)
    parser.add_argument("--sampled", action="store_true")
    arguments = parser.parse_args()
    for network in arguments.networks:
        for core in arguments.cores:
            run = measure(network, core, arguments.sampled)
            for layer in sorted(run.layers, key=lambda item: -max(item.cycles, 0))[: arguments.layers]:
                print(
                    f"    {layer.name:28} {layer.cycles:12,} cycles {layer.macs_per_cycle:6.2f} MAC/cycle  {layer.algorithm}"
                )


if __name__ == "__main__":
    main()
