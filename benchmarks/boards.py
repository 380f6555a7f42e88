"""Latency of networks on real boards beside ours: measured with the vendor's software, simulated with our compiler.

    python benchmarks/boards.py REFERENCE [--boards D1 K1]

REFERENCE is the folder of reference data (`workloads/measured_latency_mlperf_tiny.csv` and `workloads/onnx`). No constant is
fitted to these networks, and the schedules are ours: what differs is the software as much as the core. Each network runs in
several ways that take one thing away: half precision, Winograd, matrix instructions, groups of registers.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from workbench.base.errors import WorkbenchError
from workbench.compiler.compile import compile_graph
from workbench.compiler.execute import run_network
from workbench.compiler.planner import Planner
from workbench.compiler.schedule import Choice
from workbench.core.config import load_core
from workbench.graph.half import in_half_precision
from workbench.graph.zoo import load_model


class Without(Planner):
    """A planner that does not take some choices, unless a layer has no others."""

    def __init__(self, is_excluded: Callable[[Choice], bool]) -> None:
        super().__init__()
        self.is_excluded = is_excluded

    def choose(self, layer: str, choices: Iterable[Choice]) -> Choice:
        """The cheapest of the others."""
        known = list(choices)
        return super().choose(layer, [choice for choice in known if not self.is_excluded(choice)] or known)


@dataclass(frozen=True)
class Way:
    """A way to run a network: its name, the type of floats, and which choices are left out."""

    name: str
    dtype: str = "fp32"
    is_excluded: Callable[[Choice], bool] = lambda choice: False


@dataclass(frozen=True)
class Board:
    """A board: how the measurements call it, its core here, and the ways to run its networks."""

    device: str
    core: str
    ways: tuple[Way, ...]


def _is_matrix(choice: Choice) -> bool:
    return choice.algorithm == "matrix"


BOARDS = {
    "D1": Board("Allwinner D1", "thead_c906", (
        Way("fp16", "fp16"), Way("fp16, LMUL 1", "fp16", lambda choice: choice.kernel.lmul > 1), Way("fp32"),
        Way("fp32, no Winograd", "fp32", lambda choice: choice.algorithm.startswith("winograd")),
    )),
    "K1": Board("SpacemiT K1", "spacemit_x60", (
        Way("matrix", "int8"), Way("plain RVV", "int8", _is_matrix),
        Way("plain RVV, LMUL 1", "int8", lambda choice: _is_matrix(choice) or choice.kernel.lmul > 1),
    )),
}  # fmt: skip


def measure(row: dict[str, str], board: Board, folder: Path) -> None:
    """Print measured and simulated latency of one network, one line for each way."""
    clock_mhz, measured_ms = float(row["clock_mhz"]), float(row["latency_ms"])
    core = load_core(board.core).model_copy(update={"frequency_mhz": clock_mhz})
    graph = load_model(folder / row["onnx"])
    for way in board.ways:
        asked = in_half_precision(graph) if way.dtype == "fp16" else graph
        pins = compile_graph(asked, core.target(), planner=Without(way.is_excluded)).schedules
        run = run_network(asked, core, check=False, planner=Planner(pins))
        ours_ms = run.latency_ms
        print(
            f"{row['benchmark']:5} {clock_mhz:7.1f} MHz {way.name:18} measured {measured_ms:7.4f} ms  "
            f"ours {ours_ms:7.4f} ms ({ours_ms / measured_ms - 1:+.0%})  "
            f"{run.network.macs / 1e6:6.2f} M MACs  {run.macs_per_cycle:5.2f} MAC/cycle",
            flush=True,
        )


def main() -> None:
    """Compare all rows of the chosen boards."""
    parser = argparse.ArgumentParser()
    parser.add_argument("reference", type=Path)
    parser.add_argument("--boards", nargs="*", default=list(BOARDS), choices=list(BOARDS))
    arguments = parser.parse_args()
    folder = arguments.reference / "workloads"
    rows = list(csv.DictReader((folder / "measured_latency_mlperf_tiny.csv").open()))
    for name in arguments.boards:
        board = BOARDS[name]
        print(f"{name}: {board.core}")
        for row in rows:
            if row["device"].startswith(board.device):
                try:
                    measure(row, board, folder / "onnx")
                except WorkbenchError as error:
                    print(f"{row['benchmark']:5} {error}", flush=True)


if __name__ == "__main__":
    main()
