"""Winograd convolutions: the matrices are exact, and layers compute what onnxruntime computes, edges included."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from onnx import helper

from workbench.compiler.compile import compile_graph
from workbench.compiler.planner import Planner, Schedule
from workbench.compiler.tiles import make_blocks
from workbench.compiler.winograd import make_winograd
from workbench.core.config import load_core


@pytest.mark.parametrize("results", [1, 2, 3, 4, 6])
def test_the_matrices_filter_exactly(results: int) -> None:
    matrices = make_winograd(results, 3)
    rng = np.random.default_rng(results)
    d = [Fraction(int(n), 7) for n in rng.integers(-50, 50, results + 2)]
    g = [Fraction(int(n), 5) for n in rng.integers(-50, 50, 3)]

    def times(matrix: tuple[tuple[Fraction, ...], ...], vector: list[Fraction]) -> list[Fraction]:
        return [sum((a * b for a, b in zip(row, vector, strict=True)), Fraction(0)) for row in matrix]

    products = [a * b for a, b in zip(times(matrices.filters, g), times(matrices.inputs, d), strict=True)]
    assert times(matrices.results, products) == [sum(d[i + k] * g[k] for k in range(3)) for i in range(results)]


@pytest.mark.parametrize("height", [1, 4, 6, 7, 14, 29])
@pytest.mark.parametrize("most", [1, 5, 12, 1000])
def test_every_result_is_in_exactly_one_tile(height: int, most: int) -> None:
    width, size = 9, 4
    seen = np.zeros((height, width), int)
    for block in make_blocks(height, width, size, most):
        assert block.times == 1 or block.pitch * (block.rows // size) <= max(most, block.pitch)
        for time in range(block.times):
            for down in block.down:
                for right in block.right:
                    rows = block.start + time * block.rows + down.start
                    seen[rows : rows + down.count * down.size, right.start : right.start + right.count * right.size] += 1
    assert seen.min() == seen.max() == 1


@pytest.mark.parametrize(
    ("size", "height", "width", "room"), [(2, 7, 5, None), (4, 8, 12, None), (4, 13, 9, 2048), (6, 7, 11, None)]
)
def test_layers_with_residuals_and_bounds_are_right_up_to_their_edges(
    monkeypatch: pytest.MonkeyPatch, network_error: Callable[..., float], build_network: Callable[..., object],
    size: int, height: int, width: int, room: int | None,
) -> None:  # fmt: skip
    pins = {"three": Schedule(f"winograd F({size},3)", "channels", 1, 3)}
    if room is not None:  # many blocks, and one for the remaining rows
        monkeypatch.setattr("workbench.compiler.operators.winograd._LEAST_ROOM_BYTES", 0)
        monkeypatch.setattr("workbench.compiler.operators.winograd._SHARE", 3 * room / (1 << 20))
    rng = np.random.default_rng(0)
    constants = {
        "w": rng.standard_normal((6, 5, 3, 3)).astype(np.float32), "b": rng.standard_normal(6).astype(np.float32),
        "v": rng.standard_normal((6, 5, 1, 1)).astype(np.float32),
    }  # fmt: skip
    nodes = [
        helper.make_node("Sigmoid", ["x"], ["s"]), helper.make_node("Conv", ["s", "v"], ["t"]),
        helper.make_node("Conv", ["s", "w", "b"], ["c"], pads=[1, 1, 1, 1], name="three"),
        helper.make_node("Add", ["c", "t"], ["d"]),
        helper.make_node("Relu", ["d"], ["e"]), helper.make_node("Sigmoid", ["e"], ["y"]),
    ]  # fmt: skip
    graph = build_network(nodes, {"x": (2, 5, height, width)}, ["y"], constants)
    assert network_error(graph, 128, planner=Planner(pins)) < 1e-5


@pytest.mark.parametrize("core", ["xiangshan_kunminghu_v2", "xiangshan_kunminghu_v2_npu16", "spacemit_x60"])
def test_wide_layers_are_multiplied_in_tiles_and_narrow_ones_directly(
    build_network: Callable[..., object], core: str
) -> None:
    rng = np.random.default_rng(0)
    shapes = {"narrow": (2, 2), "wide": (64, 64)}
    for kind, (filters, channels) in shapes.items():
        weights = rng.standard_normal((filters, channels, 3, 3)).astype(np.float32)
        nodes = [
            helper.make_node("Sigmoid", ["x"], ["a"]), helper.make_node("Conv", ["a", "w"], ["b"]),
            helper.make_node("Sigmoid", ["b"], ["y"]),
        ]  # fmt: skip
        graph = build_network(nodes, {"x": (1, channels, 26, 26)}, ["y"], {"w": weights})
        layers = compile_graph(graph, load_core(core).target()).layers  # type: ignore[arg-type]
        assert layers[1].algorithm.startswith("winograd") == (kind == "wide")
