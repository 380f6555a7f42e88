"""The compiler's stages: passes, memory, linking, spills, cache."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from workbench.base.errors import InputError
from workbench.compiler.cache import compile_cached
from workbench.compiler.compile import compile_graph
from workbench.compiler.kernels.contraction import Contraction
from workbench.compiler.lowering import Buffer, Lowering
from workbench.compiler.machine import make_object
from workbench.compiler.memory import plan_memory
from workbench.compiler.network import CompiledNetwork
from workbench.compiler.passes import optimise
from workbench.compiler.spills import count_spills
from workbench.graph.zoo import load_model
from workbench.isa.elf import format_elf, parse_elf
from workbench.isa.target import Target

CORE = Target("core", 128, 256, False, 65536, 1 << 20)
ENGINE = Target("engine", 4096, 1024, False, 65536, 1 << 20, renames_vectors=False, engine_entries=8, load_latency_cycles=28)


@pytest.fixture(scope="module")
def mobilenet() -> CompiledNetwork:
    """MobileNetV2 on the core of these tests, with its assembly, compiled once for all tests that only read it."""
    return compile_graph(load_model("mobilenet_v2_0.35_96"), CORE, with_assembly=True)


def test_a_residual_block_becomes_three_layers(mobilenet: CompiledNetwork) -> None:
    network = mobilenet
    operators = [layer.operator for layer in network.layers]
    assert operators.count("Conv+BatchNormalization+Add") == 10
    assert len(operators) == 56 and {op.split("+")[0] for op in operators} == {"Conv", "AveragePool", "Gemm", "Softmax"}


def test_channel_shuffles_cost_no_layer(reference: Path) -> None:
    graph = optimise(load_model(reference / "workloads/onnx/fastestdet.onnx"))
    import workbench.compiler.operators  # noqa: F401

    lowering = Lowering(graph, CORE)
    lowering.run()
    moved = [draft.node.operator for draft in lowering.layers if draft.node.operator in ("Reshape", "Transpose", "Slice")]
    assert moved == []
    assert sum(node.operator == "Transpose" for node in graph.nodes) == 15


def test_every_layer_is_a_function_of_the_program(mobilenet: CompiledNetwork) -> None:
    network = mobilenet
    functions = {symbol.name: symbol for symbol in network.program.symbols if symbol.is_function}
    assert all(functions[layer.symbol].size_bytes > 0 for layer in network.layers)
    assert re.fullmatch(r"layer_000_Conv_first", network.layers[0].symbol)
    assert network.macs == sum(layer.macs for layer in network.layers)


def test_the_program_survives_being_written_and_read(mobilenet: CompiledNetwork) -> None:
    program = mobilenet.program
    again = parse_elf(format_elf(program), "program")
    assert (again.entry, again.segments) == (program.entry, program.segments)


def test_compiling_twice_gives_the_same_bytes() -> None:
    graph = load_model("mlperf_tiny_kws")
    assert format_elf(compile_graph(graph, CORE).program) == format_elf(compile_graph(graph, CORE).program)


def test_buffers_share_memory_only_when_they_do_not_live_together() -> None:
    rng = np.random.default_rng(3)
    buffers = []
    for _ in range(60):
        first = int(rng.integers(0, 40))
        buffers.append(Buffer(int(rng.integers(1, 5000)), None, first, first + int(rng.integers(0, 9))))
    plan = plan_memory(buffers, 0x10000)
    for i, a in enumerate(buffers):
        for j, b in enumerate(buffers[:i]):
            apart = (
                plan.addresses[i] + a.size_bytes <= plan.addresses[j]
                or plan.addresses[j] + b.size_bytes <= plan.addresses[i]
            )
            assert apart or a.last < b.first or b.last < a.first
    assert plan.arena_bytes < sum(buffer.size_bytes for buffer in buffers)


def test_no_layer_of_a_network_spills_vector_registers(mobilenet: CompiledNetwork) -> None:
    assert mobilenet.assembly and not re.search(r"\bv[sl][1248]r", mobilenet.assembly)


def test_spills_are_found_in_machine_code() -> None:
    vector = "<vscale x 16 x float>"
    loads = "\n".join(f"  %a{i} = load volatile {vector}, ptr %p" for i in range(6))
    stores = "\n".join(f"  store volatile {vector} %a{i}, ptr %p" for i in range(6))
    code = make_object(
        f"define void @many(ptr %p) {{\n{loads}\n{stores}\n  ret void\n}}\ndefine void @none() {{ ret void }}"
    )
    assert set(count_spills(code)) == {"many"}


def _schedules(target: Target) -> list[Contraction]:
    import workbench.compiler.operators  # noqa: F401

    lowering = Lowering(optimise(load_model("mobilenet_v2")), target)
    lowering.run()
    return [kernel for draft in lowering.layers for kernel in draft.kernels if isinstance(kernel, Contraction)]


def test_short_registers_are_grouped_and_long_ones_are_not() -> None:
    """With VLEN 128 groups of eight keep instructions few; an engine without renaming wants many accumulators."""
    assert sum(kernel.lmul == 8 for kernel in _schedules(CORE)) > 20
    long = _schedules(ENGINE)
    assert sum(kernel.lmul <= 4 for kernel in long) > 30 and sum(kernel.tile * kernel.lmul >= 16 for kernel in long) > 25


def test_a_compiled_network_is_kept_and_a_damaged_one_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    graph = load_model("mlperf_tiny_kws")
    first = compile_cached(graph, CORE)
    files = sorted((tmp_path / "networks").iterdir())
    assert [path.suffix for path in files] == [".elf", ".json"]
    kept = compile_cached(graph, CORE)
    assert (kept.layers, kept.inputs, kept.outputs) == (first.layers, first.inputs, first.outputs)
    assert kept.program.segments == first.program.segments and kept.program.name == graph.name
    files[0].write_bytes(files[0].read_bytes()[:-5000])
    assert compile_cached(graph, CORE).program.segments == first.program.segments
    assert compile_cached(graph, ENGINE).program.segments != first.program.segments


def test_inputs_are_checked(build_network: Callable[..., object]) -> None:
    network = compile_graph(build_network([helper.make_node("Relu", ["x"], ["y"])], {"x": (2, 3)}, ["y"], {}), CORE)  # type: ignore[arg-type]
    with pytest.raises(InputError) as missing:
        network.pack_inputs({})
    assert str(missing.value) == "input x: found no value, expected an array of shape [2, 3]; give it."
    with pytest.raises(InputError) as wrong:
        network.pack_inputs({"x": np.zeros((3, 2))})
    assert str(wrong.value) == (
        "input x: found an array of shape [3, 2], expected shape [2, 3]; give it in the network's shape."
    )


def test_a_network_that_does_not_fit_is_refused(build_network: Callable[..., object]) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Exp", ["a"], ["y"])]
    graph = build_network(nodes, {"x": (1, 1, 20000, 20000)}, ["y"], {})
    with pytest.raises(InputError) as caught:
        compile_graph(graph, CORE)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "test: found 3,051 MiB of weights and activations, expected less than 2,048 MiB; use a smaller network."
    )
