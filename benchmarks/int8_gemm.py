"""A matrix product of bytes on cores: multiply-accumulates a cycle beside the bound of the best sequence of plain RVV.

    python benchmarks/int8_gemm.py [--cores CORE ...] [--size N] [--schedules N]

Cases: `constant` (weights from -127 to 127: two products fit into 16 bits) and `computed` (both matrices computed: two
negated ones do; extending the vector to 16 bits, once for all rows of a block, is left out). The bound
is that of the better sequence: p products take p operations of 16 bits on the pipes that multiply (vwmul, vwmacc; vmul,
vnmsac) and one of 32 bits on the pipes that add (vwadd.w, vwsub.w); or each one of 32 bits that multiplies (vwmacc). Pipes
and cycles of a register are those of the core's file. `--schedules` also simulates the best of every LMUL by estimate,
which is what tuning does. Target: 80 % of the bound.
"""

from __future__ import annotations

import argparse

import numpy as np

from workbench.compiler.compile import compile_graph
from workbench.compiler.planner import Planner, schedule_of
from workbench.core.config import CoreConfig, load_core
from workbench.core.run import run_program
from workbench.graph.graph import Graph
from workbench.graph.onnx_reader import make_graph

CORES = ["xiangshan_kunminghu_v2", "spacemit_x60"]
LAYER = "measured"


def build(case: str, size: int) -> Graph:
    """One MatMulInteger of int8, with constant weights or with a second input."""
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).integers(-127, 128, (size, size)).astype(np.int8)
    names = ["x"] if case == "constant" else ["x", "w"]
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"], name=LAYER)], case,
        [helper.make_tensor_value_info(name, TensorProto.INT8, [size, size]) for name in names],
        [helper.make_empty_tensor_value_info("y")], [numpy_helper.from_array(weights, "w")] if len(names) == 1 else [],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return make_graph(model, case, case)


def bound(core: CoreConfig, products: int) -> float:
    """Multiply-accumulates a cycle that the vector pipes allow in the best sequence for so many products in 16 bits."""
    assert core.vector is not None
    ports = [set(port) for queue in core.issue_queues for port in queue.ports]
    multiply, add = ({place for place, port in enumerate(ports) if unit in port} for unit in ("v_mul", "v_alu"))
    multiply_cycles = (core.vector.int_mac or core.vector.int_mul).linear / core.vlen_bits  # a bit of the result
    add_cycles = core.vector.int_alu.linear / core.vlen_bits

    def speed(multiplied_bits: float, added_bits: float) -> float:
        products_cycles, sums_cycles = multiplied_bits * multiply_cycles, added_bits * add_cycles
        both = (products_cycles + sums_cycles) / len(multiply | add)
        return 1 / max(products_cycles / len(multiply), sums_cycles / len(add), both)

    return max(speed(32, 0), speed(16, 32 / products))


def planners(graph: Graph, core: CoreConfig, count: int) -> list[Planner]:
    """The model's own choice, then the best of every LMUL by estimate."""
    known = Planner()
    compile_graph(graph, core.target(), planner=known)
    best = {}
    for choice in sorted(known.offered[LAYER], key=lambda choice: -choice.cycles):
        best[choice.kernel.role, choice.kernel.lmul] = choice
    ranked = sorted(best.values(), key=lambda choice: choice.cycles)
    return [Planner(), *(Planner({LAYER: schedule_of(c.algorithm, c.kernel)}) for c in ranked[1 : count + 1])]


def measure(case: str, core: CoreConfig, size: int, count: int) -> None:
    """Run one case and print a line for every schedule."""
    graph = build(case, size)
    values = {name: np.random.default_rng(1).integers(-128, 128, (size, size)).astype(np.int8) for name in graph.inputs}
    for planner in planners(graph, core, count):
        network = compile_graph(graph, core.target(), planner=planner)
        run = run_program(network.program, core, stdin=network.pack_inputs(values))
        layer = next(layer for layer in network.layers if layer.name == LAYER)
        cycles = next(region.cycles for region in run.regions if region.name == layer.symbol)
        limit, speed = bound(core, 2), layer.macs / cycles
        print(
            f"{case:9} {core.name:24} {cycles:10,} cycles {speed:6.2f} of {limit:.2f} MAC/cycle {speed / limit:6.1%} "
            f"(target 80%)  {layer.algorithm}{' (pinned)' if planner.pins else ''}",
            flush=True,
        )


def main() -> None:
    """Measure all pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", nargs="+", default=CORES)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--schedules", type=int, default=0)
    options = parser.parse_args()
    for core in options.cores:
        for case in ("constant", "computed"):
            measure(case, load_core(core).without_matrix(), options.size, options.schedules)


if __name__ == "__main__":
    main()
