"""Convolutions over columns of the image ("im2col") compute what onnxruntime computes, in every type, to the last strip."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from workbench.compiler.compile import compile_graph
from workbench.compiler.planner import Planner, Schedule
from workbench.core.config import load_core
from workbench.core.run import run_program
from workbench.graph.graph import Graph
from workbench.graph.half import in_half_precision
from workbench.graph.reference import random_inputs, relative_error, run_reference
from workbench.isa.elf import write_elf

Build = Callable[..., Graph]
ROLES = ("channels", "positions")
SHAPES = [  # channels, filters, kernel, stride, dilation, height and width
    (3, 6, (7, 7), 2, 1, (13, 11)), (5, 21, (3, 3), 1, 2, (9, 8)), (8, 4, (1, 1), 2, 1, (7, 7)),
    (2, 5, (1, 3), 1, 1, (4, 17)),
]  # fmt: skip


def convolution(build: Build, shape: tuple[Any, ...], batch: int = 2, first: bool = False) -> Graph:
    """A convolution with a residual and bounds; its image lies as given, or as in the middle of a network."""
    channels, filters, kernel, stride, dilation, size = shape
    rng = np.random.default_rng(channels)
    constants = {
        "w": rng.standard_normal((filters, channels, *kernel)).astype(np.float32),
        "b": rng.standard_normal(filters).astype(np.float32),
    }
    pads = [dilation * (kernel[0] // 2), dilation * (kernel[1] // 2)] * 2
    image = "x" if first else "near"
    nodes = [
        *([] if first else [helper.make_node("Sigmoid", ["x"], ["near"])]),
        helper.make_node(
            "Conv", [image, "w", "b"], ["c"], name="dense", strides=[stride] * 2, dilations=[dilation] * 2, pads=pads
        ),
        helper.make_node("Sigmoid", ["c"], ["s"]), helper.make_node("Mul", ["c", "s"], ["d"]),
        helper.make_node("MaxPool", ["d"], ["y"], kernel_shape=[1, 1]),
    ]  # fmt: skip
    return build(nodes, {"x": (batch, channels, *size)}, ["y"], constants)


def quantised(build: Build, kernel: int) -> Graph:
    rng = np.random.default_rng(kernel)
    constants = {
        "xs": np.float32(0.02), "xz": np.array(9, np.uint8), "w": rng.integers(-60, 61, (12, 5, kernel, kernel), np.int8),
        "ws": rng.uniform(0.004, 0.01, 12).astype(np.float32), "wz": np.zeros(12, np.int8), "ys": np.float32(0.08),
        "yz": np.array(120, np.uint8), "b": rng.integers(-900, 900, 12).astype(np.int32),
    }  # fmt: skip
    nodes = [
        helper.make_node("MaxPool", ["x"], ["near"], kernel_shape=[1, 1]),
        helper.make_node("QLinearConv", ["near", *constants], ["c"], name="dense", pads=[kernel // 2] * 4),
        helper.make_node("MaxPool", ["c"], ["y"], kernel_shape=[1, 1]),
    ]
    return build(nodes, {"x": (1, 5, 9, 7)}, ["y"], {n: np.asarray(a) for n, a in constants.items()}, types={"x": "uint8"})


def pinned(role: str, lmul: int = 2, block: int = 3) -> Planner:
    return Planner({"dense": Schedule("im2col", role, lmul, block)})


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("shape", SHAPES)
def test_layers_with_what_follows_them_are_right(
    build_network: Build, network_error: Callable[..., float], shape: tuple[Any, ...], role: str, first: bool
) -> None:
    assert network_error(convolution(build_network, shape, first=first), 128, planner=pinned(role)) < 1e-5


@pytest.mark.parametrize("role", ROLES)
def test_strips_meet_without_a_gap(
    monkeypatch: pytest.MonkeyPatch, build_network: Build, network_error: Callable[..., float], role: str
) -> None:
    """Strips of two rows of 9, and one of the last row."""
    monkeypatch.setattr("workbench.compiler.operators.columns._SHARE", 2.5 * 8 * 5 * 9 * 4 / 65536)
    graph = convolution(build_network, SHAPES[1])
    assert network_error(graph, 128, planner=pinned(role)) < 1e-5


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("kernel", [1, 3])
def test_bytes_are_those_of_onnxruntime(build_network: Build, kernel: int, role: str) -> None:
    graph, target = quantised(build_network, kernel), load_core("spacemit_x60").without_matrix().target()
    compiled = compile_graph(graph, target, planner=pinned(role))
    values = random_inputs(graph, 2)
    run = run_program(compiled.program, None, stdin=compiled.pack_inputs(values), timed=False, vlen_bits=256)
    np.testing.assert_array_equal(compiled.unpack_outputs(run.stdout)["y"], run_reference(graph, values)["y"])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("single_sums", [False, True])
def test_halves_are_right_to_their_precision(build_network: Build, role: str, single_sums: bool) -> None:
    single = convolution(build_network, SHAPES[1])
    half, values = in_half_precision(single, single_sums), random_inputs(single, 1)
    compiled = compile_graph(half, load_core("spacemit_x60").target(), planner=pinned(role))
    run = run_program(compiled.program, None, stdin=compiled.pack_inputs(values), timed=False, vlen_bits=256)
    error = relative_error(compiled.unpack_outputs(run.stdout), run_reference(single, values))
    assert 0 < error < (1 if single_sums else 10) * 2**-10


def test_columns_are_planned_memory_and_named_in_the_table(build_network: Build) -> None:
    graph = convolution(build_network, (8, 8, (3, 3), 1, 1, (20, 20)), batch=1)
    target = load_core("xiangshan_kunminghu_v2").target()
    direct = compile_graph(graph, target, planner=Planner({"dense": Schedule("direct", "channels", 2, 3)}))
    columns = compile_graph(graph, target, planner=pinned("channels"))
    assert columns.arena_bytes > direct.arena_bytes
    layer = next(layer for layer in columns.layers if layer.name == "dense")
    assert layer.algorithm.startswith("im2col, ") and layer.schedule == Schedule("im2col", "channels", 2, 3)


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("vlen_bits", [128, 512])
def test_qemu_gives_the_same_bytes(build_network: Build, tmp_path: Path, role: str, vlen_bits: int) -> None:
    for graph in (convolution(build_network, SHAPES[0]), quantised(build_network, 3)):
        compiled = compile_graph(graph, load_core("xiangshan_kunminghu_v2").target(), planner=pinned(role))
        path = write_elf(tmp_path / "network.elf", compiled.program)
        stdin = compiled.pack_inputs(random_inputs(graph, 3))
        ours = run_program(compiled.program, None, stdin=stdin, timed=False, vlen_bits=vlen_bits)
        machine = f"rv64,v=true,vlen={vlen_bits},elen=64"
        qemu = subprocess.run(["qemu-riscv64", "-cpu", machine, str(path)], input=stdin, capture_output=True, check=True)
        assert ours.stdout == qemu.stdout
