"""Channel shuffles of two groups are copied in pairs, and give the bits of onnxruntime."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from workbench.compiler.compile import compile_graph
from workbench.core.run import run_program
from workbench.graph.graph import Graph
from workbench.graph.reference import random_inputs, run_reference
from workbench.isa.target import Target

sys.path.insert(0, str(Path(__file__).parent))

from threaded import QEMU, run_qemu  # noqa: E402

Build = Callable[..., Graph]


def _shuffle(build_network: Build, dtype: str, half: int, groups: int = 2) -> Graph:
    """Between two max pools, whose images lie with their channels last."""
    apart, joined = [2, groups, half, 3, 4], [2, groups * half, 3, 4]
    nodes = [
        helper.make_node("MaxPool", ["x"], ["a"], kernel_shape=[2, 2]),
        helper.make_node("Reshape", ["a", "apart"], ["b"]),
        helper.make_node("Transpose", ["b"], ["c"], perm=[0, 2, 1, 3, 4]),
        helper.make_node("Reshape", ["c", "joined"], ["d"], name="shuffle"),
        helper.make_node("MaxPool", ["d"], ["y"], kernel_shape=[2, 2]),
    ]
    constants = {"apart": np.array(apart, np.int64), "joined": np.array(joined, np.int64)}
    return build_network(nodes, {"x": (2, groups * half, 4, 5)}, ["y"], constants, types={"x": dtype})


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "int8"])
@pytest.mark.parametrize(("half", "vlen_bits"), [(5, 128), (131, 128), (131, 1024)])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_shuffle_of_two_groups_is_a_copy_of_pairs(
    dtype: str, half: int, vlen_bits: int, threads: int, build_network: Build
) -> None:
    graph = _shuffle(build_network, dtype, half)
    network = compile_graph(graph, Target("test", vlen_bits, 256, True, 65536, 1 << 20, threads=threads))
    shuffle = next(layer for layer in network.layers if layer.name == "shuffle")
    assert shuffle.algorithm.startswith("copy of pairs")
    values = random_inputs(graph, 3)
    stdin, expected = network.pack_inputs(values), run_reference(graph, values)["y"]
    if threads == 1:
        result = run_program(network.program, None, stdin=stdin, timed=False, vlen_bits=vlen_bits)
        np.testing.assert_array_equal(network.unpack_outputs(result.stdout)["y"], expected)
    if QEMU is not None:
        done = run_qemu(network.program, stdin, vlen_bits)
        np.testing.assert_array_equal(network.unpack_outputs(done.stdout)["y"], expected)


def test_other_numbers_of_groups_are_copied_element_by_element(build_network: Build) -> None:
    network = compile_graph(_shuffle(build_network, "float32", 8, groups=3), Target("test", 128, 256, False, 65536, 1 << 20))
    shuffle = next(layer for layer in network.layers if layer.name == "shuffle")
    assert shuffle.algorithm.startswith("copy, ")
