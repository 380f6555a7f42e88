"""Latency of networks on real boards beside ours: measured with the vendor's software, simulated with our compiler.

    python benchmarks/boards.py REFERENCE [--boards D1 K1] [--dtypes fp32 fp16]

REFERENCE is the folder of reference data (`workloads/measured_latency_mlperf_tiny.csv` and `workloads/onnx`). No constant is
fitted to these networks, and the schedules are ours: what differs is the software as much as the core. A float network runs
in every type of `--dtypes`, a quantised one as it is.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.base.errors import WorkbenchError
from workbench.compiler.execute import run_network
from workbench.core.config import load_core
from workbench.graph.graph import Graph
from workbench.graph.half import in_half_precision
from workbench.graph.zoo import load_model


@dataclass(frozen=True)
class Board:
    """A board: how the measurements call it, its core here, and whether its networks are floats."""

    device: str
    core: str
    has_floats: bool


BOARDS = {
    "D1": Board("Allwinner D1", "thead_c906", True),
    "K1": Board("SpacemiT K1", "spacemit_x60", False),
}


def _graphs(path: Path, board: Board, dtypes: list[str]) -> Iterator[tuple[str, Graph]]:
    graph = load_model(path)
    if not board.has_floats:
        yield "int8", graph
        return
    for dtype in dtypes:
        yield dtype, in_half_precision(graph) if dtype == "fp16" else graph


def measure(row: dict[str, str], board: Board, folder: Path, dtypes: list[str]) -> None:
    """Print measured and simulated latency of one network, one line for each type."""
    clock_mhz, measured_ms = float(row["clock_mhz"]), float(row["latency_ms"])
    core = load_core(board.core).model_copy(update={"frequency_mhz": clock_mhz})
    for dtype, graph in _graphs(folder / row["onnx"], board, dtypes):
        run = run_network(graph, core, check=False)
        ours_ms = run.latency_ms
        print(
            f"{row['benchmark']:5} {clock_mhz:7.1f} MHz {dtype}  measured {measured_ms:7.4f} ms  ours {ours_ms:7.4f} ms "
            f"({ours_ms / measured_ms - 1:+.0%})  {run.network.macs / 1e6:6.2f} M MACs  {run.macs_per_cycle:5.2f} MAC/cycle",
            flush=True,
        )


def main() -> None:
    """Compare all rows of the chosen boards."""
    parser = argparse.ArgumentParser()
    parser.add_argument("reference", type=Path)
    parser.add_argument("--boards", nargs="*", default=list(BOARDS), choices=list(BOARDS))
    parser.add_argument("--dtypes", nargs="*", default=["fp32", "fp16"], choices=["fp32", "fp16"])
    arguments = parser.parse_args()
    folder = arguments.reference / "workloads"
    rows = list(csv.DictReader((folder / "measured_latency_mlperf_tiny.csv").open()))
    for name in arguments.boards:
        board = BOARDS[name]
        print(f"{name}: {board.core}")
        for row in rows:
            if row["device"].startswith(board.device):
                try:
                    measure(row, board, folder / "onnx", arguments.dtypes)
                except WorkbenchError as error:
                    print(f"{row['benchmark']:5} {error}", flush=True)


if __name__ == "__main__":
    main()
