"""Schedules: what the cost model chooses, and that packed weights and early loads compute the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from onnx import helper

from workbench.compiler.compile import compile_graph
from workbench.compiler.elements import I8
from workbench.compiler.ir.builder import LMULS
from workbench.compiler.kernels.nest import Dim, Operand
from workbench.compiler.planner import Planner, Schedule
from workbench.compiler.schedule import Product, contraction_choices, pack, plan_contraction
from workbench.core.config import load_core
from workbench.core.run import run_program
from workbench.graph.graph import Graph
from workbench.isa.target import Target

ENGINE = load_core("xiangshan_kunminghu_v2_npu16").target()
CORE = load_core("xiangshan_kunminghu_v2").target()


def product(rows: int, steps: int, filters: int) -> Product:
    """A matrix product of contiguous matrices of floats."""
    operands = {name: Operand(place, 0) for place, name in enumerate("xwy")}
    return Product(
        operands, [Dim(rows, {"x": 4 * steps, "y": 4 * filters})], [Dim(steps, {"x": 4, "w": 4 * filters})],
        Dim(filters, {"w": 4, "y": 4}), (-np.inf, np.inf),
    )  # fmt: skip


@pytest.mark.parametrize("tuned_for", [128, 256, 1024])
def test_weights_of_more_filters_than_a_vector_holds_are_right_at_every_vector_length(
    network_error: Callable[..., float], build_network: Callable[..., object], tuned_for: int
) -> None:
    rng = np.random.default_rng(1)
    constants = {"w": rng.standard_normal((37, 301)).astype(np.float32), "b": rng.standard_normal(301).astype(np.float32)}
    graph = build_network([helper.make_node("Gemm", ["x", "w", "b"], ["y"])], {"x": (11, 37)}, ["y"], constants)
    assert all(network_error(graph, vlen, tuned_for) < 1e-5 for vlen in (128, 256, 1024))


@pytest.mark.parametrize("tuned_for", [128, 1024])
def test_filters_of_groups_are_packed_group_by_group(
    network_error: Callable[..., float], build_network: Callable[..., object], tuned_for: int
) -> None:
    weights = np.random.default_rng(2).standard_normal((2 * 70, 5, 3, 2)).astype(np.float32)
    nodes = [helper.make_node("Conv", ["x", "w"], ["a"], group=2), helper.make_node("Sigmoid", ["a"], ["y"])]
    graph = build_network(nodes, {"x": (1, 10, 6, 9)}, ["y"], {"w": weights})
    assert network_error(graph, tuned_for) < 1e-5


def test_every_vector_of_packed_weights_lies_in_one_piece() -> None:
    arrays: list[np.ndarray] = []

    def constant(array: np.ndarray) -> Operand:
        arrays.append(array)
        return Operand(9, 0)

    weights = np.arange(3 * 300, dtype=np.float32).reshape(1, 3, 300)
    given = product(50, 3, 300)
    kernels = pack(CORE, given, plan_contraction(CORE, given), weights, constant)
    main, width = kernels[0], kernels[0].vector.count
    assert main.panels.count * width + sum(k.vector.count * k.panels.count for k in kernels[1:]) == 300
    assert main.reduce[0].stride("b") == 4 * width and main.panels.stride("b") == 4 * width * 3
    assert np.array_equal(arrays[0][0, 1], weights[0, :, width : 2 * width])


@pytest.mark.parametrize("filters", [24, 64, 256])
def test_an_engine_asks_for_several_vectors_at_a_time_or_ahead(filters: int) -> None:
    kernel = plan_contraction(ENGINE, product(196, 256, filters))
    assert kernel.group > 1 or kernel.ahead
    assert plan_contraction(CORE, product(196, 256, filters)).loaded_steps == 1


@pytest.mark.parametrize("target", [CORE, ENGINE, *(load_core(n).target() for n in ("thead_c906", "sifive_x280"))])
def test_every_schedule_fits_the_registers(target: Target) -> None:
    choices = list(contraction_choices(target, product(196, 100, 64)))
    assert {choice.kernel.lmul for choice in choices} == set(LMULS)
    assert all((c.kernel.tile + c.kernel.loaded_steps) * c.kernel.lmul <= 32 for c in choices)
    assert all(choice.cycles >= 196 * 100 * 64 * 32 / target.vector_bits_per_cycle for choice in choices)


@pytest.mark.parametrize(("group", "ahead"), [(2, False), (4, False), (1, True), (2, True)])
@pytest.mark.parametrize("steps", [10, 31, 64])
def test_early_loads_compute_the_same(
    network_error: Callable[..., float], build_network: Callable[..., object], group: int, ahead: bool, steps: int
) -> None:
    pins = {"product": Schedule("direct", "channels", 1, 5, group, ahead)}
    nodes = [helper.make_node("MatMul", ["x", "z"], ["y"], name="product")]
    graph = build_network(nodes, {"x": (7, steps), "z": (steps, 9)}, ["y"], {})
    assert network_error(graph, 128, planner=Planner(pins)) < 1e-5


@pytest.mark.parametrize(("left", "right"), [("int8", "int8"), ("uint8", "uint8")])
@pytest.mark.parametrize("steps", [1, 10, 31, 64])
def test_bytes_loaded_two_groups_ahead_and_extended_one_ahead_give_the_same_sums(
    left: str, right: str, steps: int, build_network: Callable[..., Graph]
) -> None:
    rng = np.random.default_rng(steps)
    x, w = rng.integers(0, 256, (7, steps), np.uint8).view(left), rng.integers(0, 256, (steps, 9), np.uint8).view(right)
    nodes = [helper.make_node("MatMulInteger", ["x", "w"], ["y"], name="product")]
    graph = build_network(nodes, {"x": x.shape, "w": w.shape}, ["y"], {}, types={"x": left, "w": right})
    pins = {"product": Schedule("direct", "channels", 4, 5, 1, True)}
    compiled = compile_graph(graph, load_core("spacemit_x60").without_matrix().target(), planner=Planner(pins))
    assert "loads ahead" in compiled.layers[0].algorithm
    result = run_program(compiled.program, None, stdin=compiled.pack_inputs({"x": x, "w": w}), timed=False)
    np.testing.assert_array_equal(compiled.unpack_outputs(result.stdout)["y"], x.astype(np.int32) @ w.astype(np.int32))


def test_in_order_computed_bytes_are_loaded_ahead() -> None:
    element = I8.computed_as("i16")
    given = product(196, 256, 256)
    operands = given.operands | {name: replace(given.operands[name], element=element) for name in "xw"}
    dims = [Dim(196, {"x": 256, "y": 1024})], [Dim(256, {"x": 1, "w": 256})], Dim(256, {"w": 1, "y": 4})
    bytes_ = Product(operands, *dims)
    in_order = load_core("spacemit_x60").without_matrix().target()
    assert plan_contraction(in_order, bytes_).ahead and not plan_contraction(CORE, bytes_).ahead


@pytest.mark.slow
@pytest.mark.parametrize("core_name", ["xiangshan_kunminghu_v2", "spacemit_x60"])
@pytest.mark.parametrize("is_constant", [True, False])
def test_products_of_bytes_take_groups_of_registers_that_are_fast(
    core_name: str, is_constant: bool, build_network: Callable[..., Graph]
) -> None:
    """On the simulated core, beside groups of 4 and of 8 registers with as many sums as fit."""
    core, rng = load_core(core_name).without_matrix(), np.random.default_rng(0)
    weights = {"w": rng.integers(-127, 128, (256, 128)).astype(np.int8)} if is_constant else {}
    shapes = {"x": (42, 256)} | ({} if is_constant else {"w": (256, 128)})
    nodes = [helper.make_node("MatMulInteger", ["x", "w"], ["y"], name="product")]
    graph = build_network(nodes, shapes, ["y"], weights, types=dict.fromkeys(shapes, "int8"))
    stdin = rng.integers(0, 256, sum(rows * columns for rows, columns in shapes.values()), np.uint8).tobytes()

    def cycles(planner: Planner) -> int:
        network = compile_graph(graph, core.target(), planner=planner)
        regions = run_program(network.program, core, stdin=stdin).regions
        symbol = next(layer.symbol for layer in network.layers if layer.name == "product")
        return next(region.cycles for region in regions if region.name == symbol)

    loads = 2 if is_constant else 1
    fixed = [Schedule("direct", "channels", lmul, most - is_constant, loads) for lmul, most in ((4, 7), (8, 3))]
    assert cycles(Planner()) <= 1.03 * min(cycles(Planner({"product": schedule})) for schedule in fixed)
