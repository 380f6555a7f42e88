"""Convolutions by every algorithm that they can have: estimated and simulated cycles, multiply-accumulates a cycle, memory.

    python benchmarks/convolution_algorithms.py [--cores CORE ...] [--shapes NAME ...] [--dtype float32|float16|uint8]
        [--algorithms NAME ...]

Of every algorithm the schedule with the best estimate is simulated, between pools of single elements, which bring images
into the order and the caches in which they lie within a network; the first layers of networks read the input itself. The
algorithm that the compiler takes has a star. Bytes are multiplied by weights of a scale for each filter.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from workbench.compiler.compile import compile_graph
from workbench.compiler.execute import run_network
from workbench.compiler.planner import Planner, schedule_of
from workbench.compiler.schedule import cheapest
from workbench.core.config import load_core
from workbench.graph.graph import Graph
from workbench.graph.onnx_reader import make_graph

CORES = ["xiangshan_kunminghu_v2", "thead_c906", "spacemit_x60"]


@dataclass(frozen=True)
class Shape:
    """Channels, filters, side of the kernel, stride, side of the image; whether it is the first layer of its network."""

    channels: int
    filters: int
    kernel: int
    stride: int
    side: int
    is_first: bool = False


SHAPES = {
    "first_7x7_s2": Shape(3, 64, 7, 2, 64, True), "first_3x3_s2": Shape(3, 32, 3, 2, 64, True),
    "3x3_few": Shape(16, 32, 3, 1, 28), "3x3_s2": Shape(32, 64, 3, 2, 28), "5x5_few": Shape(8, 16, 5, 1, 14),
    "1x1_7": Shape(128, 64, 1, 1, 7), "1x1_s2": Shape(64, 64, 1, 2, 14), "3x3_14": Shape(32, 64, 3, 1, 14),
    "resnet18_56": Shape(64, 64, 3, 1, 56), "resnet18_28": Shape(128, 128, 3, 1, 28),
    "resnet18_14": Shape(256, 256, 3, 1, 14), "resnet18_7": Shape(512, 512, 3, 1, 7),
    "resnet18_28_s2": Shape(64, 128, 3, 2, 56), "resnet18_down": Shape(64, 128, 1, 2, 56),
}  # fmt: skip
SMALL = [name for name in SHAPES if not name.startswith("resnet")]


def build(name: str, dtype: str) -> Graph:
    """The layer called `measured`."""
    from onnx import helper, numpy_helper

    shape, rng = SHAPES[name], np.random.default_rng(0)
    size = (shape.filters, shape.channels, shape.kernel, shape.kernel)
    common = {"name": "measured", "strides": [shape.stride] * 2, "pads": [shape.kernel // 2] * 4}
    image = "x" if shape.is_first else "near"
    if dtype == "uint8":
        constants = {
            "xs": np.float32(0.02), "xz": np.uint8(7), "w": rng.integers(-127, 128, size, np.int8),
            "ws": np.full(shape.filters, 0.002, np.float32), "wz": np.zeros(shape.filters, np.int8),
            "ys": np.float32(0.05), "yz": np.uint8(100), "b": np.zeros(shape.filters, np.int32),
        }  # fmt: skip
        layer = helper.make_node("QLinearConv", [image, *constants], ["c"], **common)
    else:
        constants = {"w": (rng.standard_normal(size) / np.sqrt(np.prod(size[1:]))).astype(dtype)}
        layer = helper.make_node("Conv", [image, "w"], ["c"], **common)
    before = [] if shape.is_first else [helper.make_node("MaxPool", ["x"], ["near"], kernel_shape=[1, 1])]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        [*before, layer, helper.make_node("MaxPool", ["c"], ["y"], kernel_shape=[1, 1])], name,
        [helper.make_tensor_value_info("x", kind, [1, shape.channels, shape.side, shape.side])],
        [helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )  # fmt: skip
    return make_graph(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), name, name)


def measure(name: str, core_name: str, dtype: str, wanted: list[str]) -> None:
    """Simulate one shape on one core and print a line for every algorithm."""
    graph, core, offered = build(name, dtype), load_core(core_name), Planner()
    compile_graph(graph, core.target(), planner=offered)
    choices = offered.offered["measured"]
    taken = cheapest(choices)
    for algorithm in dict.fromkeys(choice.algorithm for choice in choices):
        own = [choice for choice in choices if choice.algorithm == algorithm]
        if wanted and algorithm not in wanted:
            continue
        best = min(own, key=lambda choice: choice.cycles)
        run = run_network(graph, core, planner=Planner({"measured": schedule_of(algorithm, best.kernel)}))
        layer = next(layer for layer in run.layers if layer.name == "measured")
        print(
            f"{core_name:24} {name:14} {dtype:8} {'*' if taken.algorithm == algorithm else ' '}{algorithm:16} "
            f"{best.cycles:12,.0f} estimated {layer.cycles:12,} cycles {layer.macs_per_cycle:6.2f} MAC/cycle  "
            f"{run.network.arena_bytes:9,} B  error {run.relative_error:.0e}  {layer.algorithm}",
            flush=True,
        )


def main() -> None:
    """Measure all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cores", nargs="+", default=CORES)
    parser.add_argument("--shapes", nargs="+", default=SMALL, choices=list(SHAPES))
    parser.add_argument("--dtype", default="float32", choices=["float32", "float16", "uint8"])
    parser.add_argument("--algorithms", nargs="*", default=[])
    options = parser.parse_args()
    for core in options.cores:
        for name in options.shapes:
            measure(name, core, options.dtype, options.algorithms)


if __name__ == "__main__":
    main()
