"""Pinned and tuned schedules: what is written can be pinned, what is impossible ends in one sentence, searches are kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from workbench.base.errors import InputError
from workbench.compiler import tune
from workbench.compiler.compile import compile_graph
from workbench.compiler.planner import Planner, Schedule
from workbench.compiler.schedule_files import read_schedules, write_schedules
from workbench.compiler.tune import tune_schedules
from workbench.core.config import load_core
from workbench.graph.graph import Graph
from workbench.isa.elf import format_elf

CORE = load_core("xiangshan_kunminghu_v2")


@pytest.fixture
def graph(build_network: Callable[..., Graph]) -> Graph:
    """A convolution, a depthwise one and a product of matrices."""
    rng = np.random.default_rng(0)
    weights = {"w": (8, 8, 3, 3), "d": (8, 1, 3, 3), "m": (6, 5)}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="dense", pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["a", "d"], ["b"], name="apart", group=8, pads=[1, 1, 1, 1]),
        helper.make_node("MatMul", ["b", "m"], ["y"], name="product"),
    ]
    arrays = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in weights.items()}
    return build_network(nodes, {"x": (1, 8, 6, 6)}, ["y"], arrays)


def pinned(graph: Graph, **schedules: Schedule) -> None:
    compile_graph(graph, CORE.target(), planner=Planner(schedules, "pins.json"))


def test_written_schedules_give_the_same_program_when_they_are_pinned(graph: Graph, tmp_path: Path) -> None:
    network = compile_graph(graph, CORE.target())
    path = write_schedules(tmp_path / "s.json", "test", CORE.name, network.schedules)
    pins = read_schedules(path)
    assert pins == network.schedules and set(pins) >= {"dense", "apart"}
    again = compile_graph(graph, CORE.target(), planner=Planner(pins))
    assert format_elf(again.program) == format_elf(network.program)


def test_a_pin_is_followed(graph: Graph) -> None:
    wanted = Schedule("direct", "positions", 2, 4, outside=True)
    network = compile_graph(graph, CORE.target(), planner=Planner({"dense": wanted}))
    assert network.schedules["dense"] == wanted


@pytest.mark.parametrize(
    ("layer", "schedule", "sentence"),
    [
        ("dense", Schedule("direct", "channels", 3, 1), "found lmul 3, expected 1, 2, 4 or 8; change it."),
        ("dense", Schedule("direct", "channels", 1, 7), "found block 7, expected 1 to 6; change it."),
        ("dense", Schedule("direct", "channels", 1, 2, 0), "found loads 0, expected 1 to 16; change it."),
        ("dense", Schedule("direct", "channels", 8, 6),
         "found a schedule of 56 registers, expected at most 32; make its block smaller."),
        ("apart", Schedule("direct", "channels", 1, 1),
         "found direct over channels, expected window over channels or window over columns; pin what the layer can have."),
        ("missing", Schedule("direct", "channels", 1, 1),
         "found a layer that is not in the network or has no schedule, expected one of --schedules; remove the pin."),
    ],
)  # fmt: skip
def test_impossible_pins_end_in_one_sentence(graph: Graph, layer: str, schedule: Schedule, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        pinned(graph, **{layer: schedule})
    assert str(caught.value) == f"pins.json, layer {layer}: {sentence}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", ": found text that is not JSON, expected a file of --schedules; write one with --schedules."),
        ("[]", ": found no table 'layers', expected schedules by layer; write a file with --schedules."),
        ('{"layers": {"a": 3}}', ", layer a: found 3, expected a table of fields; write a file with --schedules."),
        ('{"layers": {"a": {"algorithm": "direct"}}}',
         ", layer a: found no vectors, expected fields algorithm, vectors, lmul, block; add it."),
        ('{"layers": {"a": {"lmul": true}}}', ", layer a, lmul: found True, expected a value of type int; change it."),
        ('{"layers": {"a": {"u": 3}}}',
         ", layer a: found field 'u', expected one of algorithm, vectors, lmul, block, loads, ahead, outside; remove it."),
    ],
)  # fmt: skip
def test_broken_files_of_schedules_end_in_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_schedules(path)
    assert str(caught.value) == f"{path}{sentence}"


def test_a_search_pins_the_fastest_and_goes_on_where_it_was_interrupted(
    graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    asked: list[tuple[str, Schedule]] = []

    def simulated(alone: Graph, core: Any, schedule: Schedule) -> int:
        if asked and asked[-1][0] != alone.name and interrupts:
            raise KeyboardInterrupt
        asked.append((alone.name, schedule))
        return 10 - schedule.lmul

    monkeypatch.setattr(tune, "simulate_layer", simulated)
    interrupts = True
    with pytest.raises(KeyboardInterrupt):
        tune_schedules(graph, CORE, Planner())
    first, interrupts = len(asked), False
    tuned = tune_schedules(graph, CORE, Planner())
    assert [name for name, _ in asked[first:]].count(asked[0][0]) == 0
    for layer, schedule in tuned.planner.pins.items():
        assert schedule.lmul == max(other.lmul for name, other in asked if name == layer)
    entry = min((tmp_path / "schedules").iterdir())
    entry.write_text(entry.read_text()[:20])
    assert tune_schedules(graph, CORE, Planner()).notes == (f"{entry}: not a schedule; the layer was simulated again.",)
    assert json.loads(entry.read_text())["core"] == CORE.name


def test_user_pins_are_not_searched(graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(tune, "simulate_layer", lambda alone, core, schedule: 1)
    wanted = Schedule("direct", "channels", 1, 2)
    assert tune_schedules(graph, CORE, Planner({"dense": wanted})).planner.pins["dense"] == wanted


@pytest.mark.slow
def test_tuned_schedules_are_not_slower_than_estimated_ones(graph: Graph, tmp_path: Path) -> None:
    network = compile_graph(graph, CORE.target())
    tuned = tune_schedules(graph, CORE, Planner())
    from workbench.compiler.passes import optimise

    optimised = optimise(graph)
    for node in optimised.nodes:
        if node.name in tuned.planner.pins:
            alone = tune.isolate(optimised, node, {name for name in (*node.inputs, *node.outputs) if name in "xab"})
            best = tune.simulate_layer(alone, CORE, tuned.planner.pins[node.name])
            assert best <= tune.simulate_layer(alone, CORE, network.schedules[node.name])


def test_a_layer_in_parts_keeps_its_schedule_when_it_is_pinned(build_network: Callable[..., Graph]) -> None:
    """1,000 filters do not fill whole vectors; the kernel for those that remain is the one that spills."""
    weights = np.random.default_rng(0).standard_normal((1000, 512, 1, 1)).astype(np.float32)
    nodes = [
        helper.make_node("MaxPool", ["x"], ["near"], kernel_shape=[1, 1]),
        helper.make_node("Conv", ["near", "w"], ["c"], name="wide"), helper.make_node("Relu", ["c"], ["y"]),
    ]  # fmt: skip
    graph = build_network(nodes, {"x": (1, 512, 13, 13)}, ["y"], {"w": weights})
    target = load_core("thead_c906").target()
    free = compile_graph(graph, target)
    pinned = compile_graph(graph, target, planner=Planner(free.schedules))
    assert [layer.algorithm for layer in pinned.layers] == [layer.algorithm for layer in free.layers]
