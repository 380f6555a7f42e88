"""Makes a small run store with the real `run_study`: real cores, real PPA, real costs; only cycles and places are invented.

Loaded by path from the tests of the study and of the dashboard.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from workbench.base.errors import InputError
from workbench.core.config import load_core
from workbench.core.result import Activity, SimResult
from workbench.netlist.design import Design
from workbench.netlist.netlist import Canvas, Floorplan, Netlist
from workbench.study.agent_comparison.plan import ComparisonPlan, Conditions, design_key
from workbench.study.agent_comparison.run import Comparison, run_comparison
from workbench.study.pool import run_quietly
from workbench.study.run import StudyRun, run_study
from workbench.study.study import DesignSpec, PlacementSpec, Study
from workbench.study.work import Placed, Simulated, describe_placed

NPU4, NPU16, PLAIN = "xiangshan_kunminghu_v2_npu4", "xiangshan_kunminghu_v2_npu16", "xiangshan_kunminghu_v2"


def small_study(name: str = "lanes", networks: tuple[str, ...] = ("squeezenet", "mobilenet_v2")) -> Study:
    """Three designs, two of them with a placed netlist."""
    annealed = PlacementSpec(agent="annealing", seconds=1)
    return Study(
        name=name, networks=networks, description="from a core alone to an NPU of 16 lanes",
        designs=(
            DesignSpec(name="core alone", core=PLAIN),
            DesignSpec(name="NPU, 4 lanes", core=NPU4, netlist="rvv_npu", parameters={"LANES": 4}, placement=annealed),
            DesignSpec(name="NPU, 16 lanes", core=NPU16, netlist="rvv_npu", parameters={"LANES": 16}, placement=annealed),
        ),
    )  # fmt: skip


def small_design(macros: int) -> Design:
    """A netlist of that many macros in rows, soft macros between them, ports at the left edge; nets along the rows."""
    count = 2 * macros + 4
    kind = np.array([0] * macros + [1] * macros + [2] * 4, np.int8)
    width = np.array([60.0] * macros + [45.0] * macros + [0.0] * 4)
    side = 90.0 * np.ceil(np.sqrt(2 * macros)) + 40
    place = np.arange(count - 4)
    columns = int(np.ceil(np.sqrt(2 * macros)))
    x = np.concatenate([60.0 + 90 * (place % columns), np.zeros(4)])
    y = np.concatenate([60.0 + 90 * (place // columns), np.linspace(20, side - 20, 4)])
    ends = [(i, (i + macros) % (2 * macros)) for i in range(2 * macros)] + [(2 * macros + i, i) for i in range(4)]
    netlist = Netlist(
        "rvv_npu", tuple(f"{'mst'[k]}{i}" for i, k in enumerate(kind)), kind, width, width.copy(), x.copy(), y.copy(),
        np.zeros(count, np.int8), kind == 2, np.arange(count, dtype=np.int32), np.arange(count, dtype=np.int32),
        np.zeros(count), np.zeros(count), np.arange(0, 2 * len(ends) + 1, 2, dtype=np.int32),
        np.array(ends, np.int32).ravel(), np.ones(len(ends)),
    )  # fmt: skip
    canvas = Canvas(side, side, 10, 10, 50.0, 50.0, 5.0, 5.0)
    return Design("rvv_npu", netlist, canvas, Floorplan(netlist, canvas, x, y, np.zeros(count, np.int8)))


def fake_load(spec: DesignSpec) -> Design:
    """The small design for any netlist but one called ``broken``."""
    if spec.netlist == "broken":
        raise InputError("netlist", "'broken'", "a netlist", "choose another")
    return small_design(2 * spec.parameters.get("LANES", 4))


def fake_place(spec: DesignSpec) -> Placed:
    """The small design as it is placed."""
    placed = describe_placed(fake_load(spec))
    return dataclasses.replace(placed, history=[(0.1, 1.2), (0.5, 0.9), (1.0, 0.8)], evaluations=1000)


def fake_simulate(core_name: str, network: str, dtype: str, frequency: float, threads: int = 1) -> Simulated:
    """A run whose length follows the network's name and the core's vector width; ``broken`` networks fail."""
    if network.startswith("broken"):
        raise InputError(network, "an operator 'Foo'", "a supported operator", "remove it")
    core = load_core(core_name)
    macs = 1_000_000 * len(network)
    vector = int(macs / (core.vector_bits_per_cycle / 32))
    stack = {"base": vector, "vector": vector // 2, "l1": vector // 5, "dram": vector // 4, "branch": vector // 50}
    cycles = sum(stack.values())
    activity = Activity(
        instructions=cycles, vector_instructions=cycles // 2, int_operations=cycles // 4, vector_fp32_fma_elements=macs,
        vector_element_bytes=12 * macs, l1i_accesses=cycles // 8, l1d_accesses=cycles // 3, l2_accesses=cycles // 40,
        dram_read_bytes=4 * macs // 50, branches=cycles // 12, branch_mispredicts=cycles // 900,
    )  # fmt: skip
    mpki = {"branch": 1.1, "l1i": 0.2, "l1d": 12.5, "l2": 3.1, "l3": 0.9}
    layers = [
        {
            "name": f"{operator.lower()}_{i}", "operator": operator, "algorithm": "direct", "macs": macs // 5,
            "weight_bytes": 4000, "input_bytes": 8000, "output_bytes": 8000, "instructions": cycles // 5,
            "cycles": cycles // 5, "latency_ms": cycles / 5 / frequency / 1e3,
        }
        for i, operator in enumerate(["Conv", "Conv", "MaxPool", "Conv", "Softmax"])
    ]  # fmt: skip
    result = SimResult(0, b"", b"", cycles, cycles, frequency, stack, mpki, activity, host_seconds=1.5)
    return Simulated(result, layers, macs, 1e-6)


class InlinePool:
    """The pool's interface without processes."""

    def __init__(self) -> None:
        self.work: list[tuple[str, Callable[..., Any], tuple[Any, ...]]] = []
        self.asked = self.done = 0
        self.key = ""  # the pieces report to nobody

    def share(self, value: Any) -> Any:
        return value

    def listen(self, hear: Callable[[str, float, str], None]) -> None:
        pass

    def most_threads(self) -> int:
        return 1

    def ask(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        self.work.append((name, function, arguments))
        self.asked += 1

    def finished(self) -> Iterator[tuple[str, Any]]:
        while self.work:
            name, function, arguments = self.work.pop(0)
            self.done += 1
            yield name, run_quietly(function, *arguments)


@contextlib.contextmanager
def without_processes(
    simulate: Callable[..., Any] = fake_simulate, place: Callable[..., Any] = fake_place
) -> Iterator[list[tuple[str, Callable[..., Any], tuple[Any, ...]]]]:
    """`run_study` on the inline pool with invented places and runs; yields the log of work asked for."""
    log: list[Any] = []

    @contextlib.contextmanager
    def pool(scheduler: str | None, workers: int) -> Iterator[InlinePool]:
        inline = InlinePool()
        yield inline

    def logged(kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            log.append((kind, arguments))
            return function(*arguments)

        return call

    with (
        mock.patch("workbench.study.run.open_pool", pool),
        mock.patch("workbench.study.run.simulate_network", logged("run", simulate)),
        mock.patch("workbench.study.run.place_design", logged("place", place)),
        mock.patch("workbench.study.run.load_netlist", fake_load),
    ):
        yield log


def make_store(root: Path) -> StudyRun:
    """A store with one finished run of `small_study` (see also `make_comparison`)."""
    with without_processes():
        return run_study(small_study(), root)


def make_comparison(folder: Path) -> Comparison:
    """A comparison of two agents on the small design: real placements, without processes."""
    design = small_design(6)
    conditions = Conditions(seconds=1.0, steps=2)
    plan = ComparisonPlan(("greedy", "random"), ("small",), (design_key(design),), (0, 1, 2), conditions, "greedy")

    @contextlib.contextmanager
    def pool(scheduler: str | None, workers: int) -> Iterator[InlinePool]:
        yield InlinePool()

    with mock.patch("workbench.study.agent_comparison.run.open_pool", pool):
        return run_comparison(plan, {"small": design}, folder, command="workbench compare-agents small")
