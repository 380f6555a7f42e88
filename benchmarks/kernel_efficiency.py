"""A matrix product and a 3x3 convolution on cores: multiply-accumulates a cycle against the peak of the vector unit.

    python benchmarks/kernel_efficiency.py [--cores CORE ...] [--cases NAME ...] [--counters]

Cases: `gemm` (256 x 256 x 256, constant weights), `matmul` (the same size, two computed matrices), `convolution` (3x3, 64 to
64 channels, 56 x 56, by the algorithm `direct`) and `any_convolution` (the same, by the algorithm the compiler takes).
Pools of single elements around the convolution bring its input into the order and the caches in which it lies within a
network. The peak is the width of the core's vector multiply-add, from its file, over 32 bits. Targets: 90 % and 85 % on
Kunminghu V2, 90 % and 80 % on the 16-lane NPU. More than 100 % is possible where the algorithm multiplies less (Winograd).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field

import numpy as np

from workbench.compiler.compile import compile_graph
from workbench.compiler.execute import run_network
from workbench.compiler.planner import Planner, schedule_of
from workbench.compiler.schedule import cheapest
from workbench.core.config import CoreConfig, load_core
from workbench.graph.graph import Graph
from workbench.graph.onnx_reader import make_graph

CORES = ["xiangshan_kunminghu_v2", "xiangshan_kunminghu_v2_npu16"]
TARGETS = {
    ("gemm", CORES[0]): 0.90, ("convolution", CORES[0]): 0.85, ("gemm", CORES[1]): 0.90, ("convolution", CORES[1]): 0.80,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A layer: operator, shape of the input, of the constant operand (None: computed), and the algorithm if one is given."""

    operator: str
    shape: tuple[int, ...]
    weights: tuple[int, ...] | None
    attributes: dict[str, list[int]] = field(default_factory=dict)
    algorithm: str = ""


CASES = {
    "gemm": Case("Gemm", (256, 256), (256, 256)),
    "matmul": Case("MatMul", (256, 256), None),
    "convolution": Case("Conv", (1, 64, 56, 56), (64, 64, 3, 3), {"pads": [1, 1, 1, 1]}, "direct"),
    "any_convolution": Case("Conv", (1, 64, 56, 56), (64, 64, 3, 3), {"pads": [1, 1, 1, 1]}),
}


def build(name: str) -> Graph:
    """The layer called `measured`; images come from and go to pools of single elements."""
    from onnx import TensorProto, helper, numpy_helper

    case = CASES[name]
    images = len(case.shape) == 4
    begin, end = ("a", "b") if images else ("x", "y")
    nodes, constants, operand = [], [], "w"
    if images:
        nodes.append(helper.make_node("MaxPool", ["x"], [begin], name="before", kernel_shape=[1, 1]))
    if case.weights is not None:
        weights = np.random.default_rng(0).standard_normal(case.weights) / np.sqrt(np.prod(case.weights[1:]))
        constants.append(numpy_helper.from_array(weights.astype(np.float32), "w"))
    else:
        nodes.append(helper.make_node("Tanh", ["x"], ["w"], name="second"))
    nodes.append(helper.make_node(case.operator, [begin, operand], [end], name="measured", **case.attributes))
    if images:
        nodes.append(helper.make_node("MaxPool", [end], ["y"], name="after", kernel_shape=[1, 1]))
    graph = helper.make_graph(
        nodes, name, [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(case.shape))],
        [helper.make_empty_tensor_value_info("y")], constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return make_graph(model, name, name)


def planner_for(graph: Graph, name: str, core: CoreConfig) -> Planner:
    """Pins the cheapest schedule of the case's algorithm."""
    if not CASES[name].algorithm:
        return Planner()
    planner = Planner()
    compile_graph(graph, core.target(), planner=planner)
    choices = [choice for choice in planner.offered["measured"] if choice.algorithm == CASES[name].algorithm]
    best = cheapest(choices)
    return Planner({"measured": schedule_of(best.algorithm, best.kernel)})


def measure(name: str, core_name: str, counters: bool) -> None:
    """Run one case and print one line."""
    core, graph = load_core(core_name), build(name)
    run = run_network(graph, core, planner=planner_for(graph, name, core))
    layer = next(layer for layer in run.layers if layer.name == "measured")
    peak = core.vector_bits_per_cycle / 32
    target = TARGETS.get((name, core_name))
    goal = f"(target {target:.0%})" if target else ""
    print(
        f"{name:15} {core_name:30} {layer.cycles:10,} cycles {layer.macs_per_cycle:6.2f} of {peak:.0f} MAC/cycle "
        f"{layer.macs_per_cycle / peak:6.1%} {goal:13} {layer.macs / layer.instructions:6.2f} MAC/instruction "
        f"error {run.relative_error:.0e}  {layer.algorithm}",
        flush=True,
    )
    if counters:
        print("   ", run.result.cpi_stack)
        print("   ", {key: round(value, 2) for key, value in run.result.counters.items()})


def main() -> None:
    """Measure all pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", nargs="+", default=CORES)
    parser.add_argument("--cases", nargs="+", default=list(CASES))
    parser.add_argument("--counters", action="store_true")
    options = parser.parse_args()
    for core in options.cores:
        for name in options.cases:
            measure(name, core, options.counters)


if __name__ == "__main__":
    main()
