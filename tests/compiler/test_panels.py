"""Products of two computed matrices over panels of the second are those over the matrix as it lies."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from workbench.compiler.compile import compile_graph
from workbench.compiler.planner import Planner, Schedule
from workbench.core.config import load_core
from workbench.core.run import run_program
from workbench.graph.graph import Graph
from workbench.graph.reference import random_inputs, relative_error, run_reference
from workbench.isa.elf import write_elf
from workbench.isa.target import Target

Build = Callable[..., Graph]
RENAMED = Target("renamed", 128, 256, False, 65536, 1 << 20, integer_bits_per_cycle=128)
IN_ORDER = replace(RENAMED, name="in order", renames_vectors=False, instructions_per_cycle=0.3)
SHAPES = {
    "whole panels": ((9, 20), (20, 32)), "columns that remain": ((9, 21), (21, 37)), "one row": ((1, 5), (5, 16)),
    "pairs of matrices": ((3, 2, 5, 12), (3, 2, 12, 21)), "one for all": ((4, 5, 12), (12, 24)),
    "matrices for one": ((5, 12), (4, 12, 21)),
}  # fmt: skip


def panels(lmul: int, block: int, loads: int) -> Planner:
    return Planner({"product": Schedule("panels", "channels", lmul, block, loads)})


@pytest.mark.parametrize("target", [RENAMED, IN_ORDER], ids=lambda target: target.name)
@pytest.mark.parametrize("types", [("int8", "int8"), ("uint8", "int8"), ("uint8", "uint8")], ids="-".join)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_products_of_bytes_are_exact(shape, types, target, build_network: Build, tmp_path: Path) -> None:
    rng, names = np.random.default_rng(3), dict(zip("xw", types, strict=True))
    values = {
        name: rng.integers(np.iinfo(kind).min, np.iinfo(kind).max + 1, size).astype(kind)
        for (name, kind), size in zip(names.items(), shape, strict=True)
    }
    node = helper.make_node("MatMulInteger", ["x", "w"], ["y"], name="product")
    graph = build_network([node], dict(zip("xw", shape, strict=True)), ["y"], {}, types=names)
    network = compile_graph(graph, target, planner=panels(2, min(3, shape[0][-2]), 2))
    assert network.layers[0].algorithm.startswith("panels, ")
    stdin = network.pack_inputs(values)
    result = run_program(network.program, None, stdin=stdin, timed=False)
    expected = values["x"].astype(np.int32) @ values["w"].astype(np.int32)
    np.testing.assert_array_equal(network.unpack_outputs(result.stdout)["y"], expected)
    if shutil.which("qemu-riscv64") is not None and shape == SHAPES["columns that remain"]:
        path = write_elf(tmp_path / "panels.elf", network.program)
        machine = ["qemu-riscv64", "-cpu", "rv64,v=true,vlen=256,elen=64", str(path)]
        assert subprocess.run(machine, input=stdin, capture_output=True, check=True).stdout == result.stdout


@pytest.mark.parametrize("transposed", [False, True], ids=["in rows", "in columns"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_products_of_floats_with_what_is_done_with_them(shape, transposed: bool, build_network: Build) -> None:
    """A second matrix in columns is read with a stride, once."""
    left, right = shape
    axes = [*range(len(right) - 2), len(right) - 1, len(right) - 2]
    nodes = [
        helper.make_node("Transpose", ["v"], ["w"], perm=axes) if transposed else helper.make_node("Sigmoid", ["v"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["p"], name="product"), helper.make_node("Relu", ["p"], ["y"]),
    ]  # fmt: skip
    given = tuple(right[axis] for axis in axes) if transposed else right
    graph = build_network(nodes, {"x": left, "v": given}, ["y"], {})
    for lmul in (1, 4, 8):  # of 4, 16 and 32 columns
        network = compile_graph(graph, RENAMED, planner=panels(lmul, 1, 1))
        layer = next(layer for layer in network.layers if layer.name == "product")
        assert layer.algorithm.startswith("panels, ")
        inputs = random_inputs(graph, 0)
        result = run_program(network.program, None, stdin=network.pack_inputs(inputs), timed=False)
        assert relative_error(network.unpack_outputs(result.stdout), run_reference(graph, inputs)) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("core_name", "operator", "dtype", "direct"),
    [
        ("xiangshan_kunminghu_v2", "MatMulInteger", "int8", Schedule("direct", "channels", 2, 10, 2)),
        ("xiangshan_kunminghu_v2", "MatMul", "float32", Schedule("direct", "channels", 8, 3)),
        ("thead_c906", "MatMul", "float32", Schedule("direct", "channels", 4, 7)),
    ],
)  # fmt: skip
def test_panels_are_taken_where_they_are_faster(core_name, operator, dtype, direct, build_network: Build) -> None:
    """On the simulated core, rows of 256 elements: the copy is made good by 128 rows of results, and not by two."""
    core = load_core(core_name)
    node = helper.make_node(operator, ["x", "w"], ["y"], name="product")

    def cycles(rows: int, planner: Planner) -> tuple[str, int]:
        shapes = {"x": (rows, 256), "w": (256, 256)}
        graph = build_network([node], shapes, ["y"], {}, types=dict.fromkeys("xw", dtype))
        network = compile_graph(graph, core.target(), planner=planner)
        stdin = bytes(np.dtype(dtype).itemsize * 256 * (rows + 256))
        regions = run_program(network.program, core, stdin=stdin).regions
        layer = network.layers[0]
        return layer.algorithm, next(region.cycles for region in regions if region.name == layer.symbol)

    taken, fast = cycles(128, Planner())
    assert taken.startswith("panels") and fast < 0.97 * cycles(128, Planner({"product": direct}))[1]
    assert not cycles(2, Planner())[0].startswith("panels")
