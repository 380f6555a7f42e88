"""Latency of networks on real boards beside ours: measured with others' software, simulated with our compiler.

    python benchmarks/boards.py REFERENCE [--boards D1 K1 SG2000 TH1520]

REFERENCE is the folder of reference data (`workloads/measured_latency_*.csv` and `workloads/onnx`). No constant is fitted to
these networks, and the schedules are ours: what differs is the software as much as the core. Each network runs in several
ways that take one thing away: half precision, Winograd, matrix instructions, groups of registers. The way "as ncnn" takes
the choices that ncnn's kernels for RVV make: vectors of one register over channels, up to 8 positions at a time, and for
3 x 3 kernels of stride 1 Winograd with tiles that follow from the channels. After each way: mean error over the board's
networks, and whether their order is that of the measurements.

The K1's programs ran on four threads (num_threads in submitter_implemented.cpp of github.com/mlcommons/tiny_results_v1.3,
closed/kai_jiang): so do two of its ways; the others show one core.

Source of ncnn's choices: github.com/Tencent/ncnn, src/layer/riscv/convolution_riscv.cpp, convolution_riscv_zfh.cpp and
convolution_sgemm_packn*.h.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.base.errors import WorkbenchError
from workbench.compiler.compile import compile_graph
from workbench.compiler.execute import run_network
from workbench.compiler.kernels.contraction import Contraction
from workbench.compiler.planner import Planner
from workbench.compiler.schedule import Choice, MainKernel
from workbench.core.config import load_core
from workbench.core.sampling.settings import Sampling
from workbench.graph.graph import Graph
from workbench.graph.half import in_half_precision
from workbench.graph.zoo import load_model

NCNN_POSITIONS, NCNN_VLEN_BITS = 8, 128
Select = Callable[[list[Choice]], list[Choice]]
"""The choices that a way leaves of a layer's; none for all of them."""


class Limited(Planner):
    """A planner that takes the cheapest of selected choices."""

    def __init__(self, select: Select) -> None:
        super().__init__()
        self._select = select

    def choose(self, layer: str, choices: Iterable[Choice]) -> Choice:
        """The cheapest of those selected, or of all where there are none."""
        known = list(choices)
        return super().choose(layer, self._select(known) or known)


def _all(choices: list[Choice]) -> list[Choice]:
    return choices


def _no_winograd(choices: list[Choice]) -> list[Choice]:
    return [choice for choice in choices if not choice.algorithm.startswith("winograd")]


def _no_matrix(choices: list[Choice]) -> list[Choice]:
    return [choice for choice in choices if "matrix" not in choice.algorithm]


def _single_registers(choices: list[Choice]) -> list[Choice]:
    return [choice for choice in _no_matrix(choices) if choice.kernel.lmul == 1]


def _as_ncnn(choices: list[Choice]) -> list[Choice]:
    """Depthwise layers as they are; of the others the blocks and the algorithm that ncnn would take."""
    blocked = [
        replace(choice, kernel=replace(choice.kernel, tile=min(choice.kernel.tile, NCNN_POSITIONS)), is_default=True)
        for choice in _single_registers(choices)
        if isinstance(choice.kernel, Contraction) and choice.kernel.role == "channels"
    ]
    tiles = [choice for choice in blocked if choice.algorithm == _ncnn_winograd(choice.kernel)]
    direct = [choice for choice in blocked if choice.algorithm == "direct"]
    return tiles or direct or _single_registers(choices)


def _ncnn_winograd(kernel: MainKernel) -> str:
    """The tiles that ncnn takes for the channels and filters of a product of points."""
    assert isinstance(kernel, Contraction)
    channels, packed = math.prod(dim.count for dim in kernel.reduce), NCNN_VLEN_BITS // kernel.sum_bits
    fewest, most = min(channels, kernel.vector.count), max(channels, kernel.vector.count)
    size = 2 if fewest < 2 * packed else 6 if most <= 16 * packed else 4
    return f"winograd F({size},3)"


@dataclass(frozen=True)
class Way:
    """A way to run a network: its name, the type of floats, which choices are left, and the threads."""

    name: str
    dtype: str = "fp32"
    select: Select = _all
    threads: int = 1


@dataclass(frozen=True)
class Board:
    """A board: how the measurements call it, its core here, the ways to run its networks, and the table they are in."""

    device: str
    core: str
    ways: tuple[Way, ...]
    table: str = "measured_latency_mlperf_tiny.csv"


@dataclass(frozen=True)
class Measured:
    """A row of a table: the network, the clock and the latency."""

    network: str
    model: str | Path
    clock_mhz: float
    latency_ms: float


_FLOATS = (Way("fp16", "fp16"), Way("fp16, LMUL 1", "fp16", _single_registers), Way("fp32"))
_NCNN = (*_FLOATS, Way("fp16, as ncnn", "fp16", _as_ncnn), Way("fp32, as ncnn", "fp32", _as_ncnn))
BOARDS = {
    "D1": Board("Allwinner D1", "thead_c906", (*_FLOATS, Way("fp32, no Winograd", "fp32", _no_winograd))),
    "K1": Board(
        "SpacemiT K1", "spacemit_x60",
        (
            Way("matrix", "int8"), Way("plain RVV", "int8", _no_matrix), Way("plain RVV, LMUL 1", "int8", _single_registers),
            Way("matrix, 4 threads", "int8", threads=4), Way("RVV, 4 threads", "int8", _no_matrix, threads=4),
        ),
    ),
    "SG2000": Board("CVITEK/Sophgo SG2000", "thead_c906_sg2000", _NCNN, "measured_latency_ncnn.csv"),
    "TH1520": Board("T-Head TH1520", "thead_c910", _NCNN, "measured_latency_ncnn.csv"),
}  # fmt: skip


def rows_of(board: Board, folder: Path) -> Iterator[Measured]:
    """What was measured on a board."""
    for row in csv.DictReader((folder / board.table).open()):
        if not row["device"].startswith(board.device):
            continue
        if "onnx" in row:
            model = folder / "onnx" / row["onnx"]
            yield Measured(row["benchmark"], model, float(row["clock_mhz"]), float(row["latency_ms"]))
        else:
            clock_ghz = float(row["clock"].split()[0])
            yield Measured(row["model"], row["model"].replace("-", "_"), 1000 * clock_ghz, float(row["latency_ms_min"]))


def simulate(row: Measured, board: Board, way: Way) -> float:
    """Our latency in milliseconds; prints a line."""
    core = load_core(board.core).model_copy(update={"frequency_mhz": row.clock_mhz})
    graph: Graph = load_model(row.model)
    graph = in_half_precision(graph) if way.dtype == "fp16" else graph
    pins = compile_graph(graph, core.target(), planner=Limited(way.select)).schedules
    sampling = Sampling() if way.threads == 1 else None
    run = run_network(graph, core, check=False, planner=Planner(pins), sampling=sampling, threads=way.threads)
    print(
        f"{way.name:18} {row.network:12} {row.clock_mhz:7.1f} MHz  measured {row.latency_ms:8.3f} ms  "
        f"ours {run.latency_ms:8.3f} ms ({run.latency_ms / row.latency_ms - 1:+.0%})  {run.network.macs / 1e6:8.2f} M MACs  "
        f"{run.macs_per_cycle:5.2f} MAC/cycle",
        flush=True,
    )
    return run.latency_ms


def compare(board: Board, way: Way, folder: Path) -> None:
    """All networks of a board in one way."""
    pairs = []
    for row in rows_of(board, folder):
        try:
            pairs.append((row.latency_ms, simulate(row, board, way)))
        except WorkbenchError as refusal:
            print(f"{way.name:18} {row.network:12} {refusal}", flush=True)
    if pairs:
        error = sum(abs(ours / measured - 1) for measured, ours in pairs) / len(pairs)
        kept = [measured for measured, _ in sorted(pairs, key=lambda pair: pair[1])] == sorted(m for m, _ in pairs)
        print(f"{way.name:18} mean error {error:.0%}, order {'kept' if kept else 'not kept'}", flush=True)


def main() -> None:
    """Compare all rows of the chosen boards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--boards", nargs="*", default=list(BOARDS), choices=list(BOARDS))
    arguments = parser.parse_args()
    for name in arguments.boards:
        board = BOARDS[name]
        print(f"{name}: {board.core}")
        for way in board.ways:
            compare(board, way, arguments.reference / "workloads")


if __name__ == "__main__":
    main()
