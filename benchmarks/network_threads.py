"""Networks on several threads: cycles, how much faster than one thread, the time spent waiting, lines between the caches.

    python benchmarks/network_threads.py [NETWORK ...] [--cores CORE ...] [--threads N ...] [--dtype TYPE] [--layers N]

Networks are names of the zoo or ONNX files. With `--layers`, the N layers follow that take most of the time on the most
threads, with their time on one.
"""

from __future__ import annotations

import argparse

from workbench.compiler.execute import NetworkResult, run_network
from workbench.compiler.kernels.threads import BARRIER
from workbench.core.config import load_core
from workbench.graph.dtype import Dtype, load_network


def measure(network: str, core_name: str, threads: int, dtype: Dtype) -> NetworkResult:
    """Run once in full, without a comparison of the outputs."""
    return run_network(load_network(network, None, dtype), load_core(core_name), check=False, threads=threads)


def line(run: NetworkResult, alone: NetworkResult) -> str:
    """The figures of one run."""
    result = run.result
    waiting = sum(region.cycles for region in result.regions if region.name == BARRIER)
    busy = sum(hart.cycles for hart in result.harts) or result.cycles
    lines = sum(int(hart.counters["transfers"]) for hart in result.harts)
    return (
        f"{run.network.name:22} {run.network.threads:2} threads  {result.cycles / 1e6:8.2f} M cycles  "
        f"{run.latency_ms:8.3f} ms  "
        f"{alone.result.cycles / result.cycles:5.2f} x  {run.macs_per_cycle:6.2f} MAC/cycle  waiting {waiting / busy:5.1%}  "
        f"{lines:9,} lines from other harts"
    )


def slowest(run: NetworkResult, alone: NetworkResult, count: int) -> list[str]:
    """The layers that take longest."""
    single = {layer.name: layer.cycles for layer in alone.layers}
    chosen = sorted(run.layers, key=lambda layer: -layer.cycles)[:count]
    return [
        f"    {layer.name:28} {layer.cycles:12,} cycles  {single[layer.name] / max(layer.cycles, 1):5.2f} x  "
        f"{layer.algorithm}"
        for layer in chosen
    ]


def main() -> None:
    """Measure all combinations."""
    parser = argparse.ArgumentParser()
    parser.add_argument("networks", nargs="*", default=["mobilenet_v2_0.35_96", "mlperf_tiny_ic"])
    parser.add_argument("--cores", nargs="*", default=["xiangshan_kunminghu_v2"])
    parser.add_argument("--threads", nargs="*", type=int, default=[1, 2, 4])
    parser.add_argument("--dtype", type=Dtype, default=Dtype.FP32)
    parser.add_argument("--layers", type=int, default=0)
    arguments = parser.parse_args()
    for core in arguments.cores:
        print(core)
        for network in arguments.networks:
            alone = run = measure(network, core, 1, arguments.dtype)
            for threads in arguments.threads:
                run = alone if threads == 1 else measure(network, core, threads, arguments.dtype)
                print(line(run, alone), flush=True)
            print(*slowest(run, alone, arguments.layers), sep="\n")


if __name__ == "__main__":
    main()
