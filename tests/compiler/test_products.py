"""Products of bytes are summed in 16 bits as long as that is exact, and in 32 bits from there on."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from workbench.compiler.compile import compile_graph
from workbench.compiler.elements import I8, U8
from workbench.compiler.products import MOST_PRODUCTS, products_in_16_bits
from workbench.core.run import run_program
from workbench.graph.graph import Graph
from workbench.isa.elf import write_elf
from workbench.isa.target import Target

RNG = np.random.default_rng(11)
TARGET = Target("test", 128, 256, False, 65536, 1 << 20)


@pytest.mark.parametrize("element", [I8, U8])
@pytest.mark.parametrize("most", [127, 64, 31, 9])
def test_sums_in_16_bits_are_as_long_as_they_may_be(element: Any, most: int) -> None:
    weights = np.tile(np.array([most, -most // 2, most], np.int8)[:, None], (8, 3))
    low, high = (-128, 127) if element is I8 else (0, 255)

    def fits(count: int) -> bool:
        windows = [weights[first : first + count].astype(int) for first in range(len(weights) - count + 1)]
        sums = [np.where(w > 0, a, b) * w for w in windows for a, b in ((low, high), (high, low))]
        return all(-(2**15) <= part.sum(axis=0).min() and part.sum(axis=0).max() < 2**15 for part in sums)

    found = products_in_16_bits(weights, element)
    longest = max([count for count in range(1, MOST_PRODUCTS + 1) if all(fits(c) for c in range(1, count + 1))], default=1)
    assert longest - 1 <= found <= longest  # the bound takes both signs alike, which loses -2^15


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("most", [127, 64, 31])
def test_extreme_bytes_do_not_overflow_their_sums(dtype: str, most: int, build_network: Callable[..., Graph]) -> None:
    weights = RNG.choice(np.array([-most, most], np.int8), (50, 40))
    nodes, info = [helper.make_node("MatMulInteger", ["x", "w"], ["y"])], np.iinfo(dtype)
    x = RNG.choice(np.array([info.min, info.max], dtype), (5, 50))
    graph = build_network(nodes, {"x": x.shape}, ["y"], {"w": weights}, types={"x": dtype})
    compiled = compile_graph(graph, TARGET)
    assert ("products in 16 bits" in compiled.layers[0].algorithm) == (dtype == "int8" or most < 127)
    result = run_program(compiled.program, None, stdin=compiled.pack_inputs({"x": x}), timed=False)
    np.testing.assert_array_equal(compiled.unpack_outputs(result.stdout)["y"], x.astype(np.int32) @ weights.astype(np.int32))


@pytest.mark.parametrize(("left", "right"), [("int8", "int8"), ("uint8", "int8"), ("int8", "uint8"), ("uint8", "uint8")])
@pytest.mark.parametrize("steps", [1, 2, 9, 50, 63])
def test_products_of_two_computed_matrices_of_extreme_bytes_are_exact(
    left: str, right: str, steps: int, build_network: Callable[..., Graph], tmp_path: Path
) -> None:
    """Two products of -128 and -128 are 2^15, which only their negated sum holds in 16 bits."""
    ends = [(np.iinfo(dtype).min, np.iinfo(dtype).max) for dtype in (left, right)]
    x = RNG.choice(np.array(ends[0], left), (7, steps))
    w = RNG.choice(np.array(ends[1], right), (steps, 40))
    x[0], w[:, 0] = ends[0][0], ends[1][0]
    nodes = [helper.make_node("MatMulInteger", ["x", "w"], ["y"])]
    graph = build_network(nodes, {"x": x.shape, "w": w.shape}, ["y"], {}, types={"x": left, "w": right})
    compiled = compile_graph(graph, TARGET)
    assert ("2 products in 16 bits" in compiled.layers[0].algorithm) == (left == right == "int8" and steps > 1)
    result = run_program(compiled.program, None, stdin=compiled.pack_inputs({"x": x, "w": w}), timed=False)
    y = compiled.unpack_outputs(result.stdout)["y"]
    np.testing.assert_array_equal(y, x.astype(np.int32) @ w.astype(np.int32))
    if shutil.which("qemu-riscv64") is not None:
        path, machine = write_elf(tmp_path / "products.elf", compiled.program), "rv64,v=true,vlen=256,elen=64"
        stdin = compiled.pack_inputs({"x": x, "w": w})
        qemu = subprocess.run(["qemu-riscv64", "-cpu", machine, str(path)], input=stdin, capture_output=True, check=True)
        assert result.stdout == qemu.stdout
