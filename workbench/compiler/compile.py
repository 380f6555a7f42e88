"""Compile a graph to a program: optimise, lower, place, generate, link."""

from __future__ import annotations

import re
from typing import Any

from workbench.base.errors import InputError
from workbench.compiler.ir import Builder, Module
from workbench.compiler.link import Linked, link_objects
from workbench.compiler.lowering import Draft, Lowering
from workbench.compiler.machine import make_assembly, make_object
from workbench.compiler.memory import MemoryPlan, plan_memory
from workbench.compiler.network import CompiledNetwork, Layer, tensor_bytes
from workbench.compiler.passes import optimise
from workbench.compiler.planner import Planner
from workbench.compiler.spills import count_spills
from workbench.compiler.start import emit_start
from workbench.graph.graph import Graph
from workbench.isa.program import Program, Segment, Symbol
from workbench.isa.target import Target

BASE_ADDRESS = 0x10000
_LAST_ADDRESS = 0x7FF00000  # code and data are addressed with 32 bits
_READ, _WRITE, _EXECUTE = 4, 2, 1
_MOST_SHRINKS = 6


def compile_graph(
    graph: Graph, target: Target, with_assembly: bool = False, planner: Planner | None = None
) -> CompiledNetwork:
    """The network as a static RV64GCV Linux program, tuned for the target and right on any VLEN of at least 128.

    The planner takes the schedules; without one, the cheapest by estimate are taken. InputError for impossible pins.
    """
    import workbench.compiler.operators  # noqa: F401

    check_half(graph, target)
    lowering = Lowering(optimise(graph), target, planner)
    lowering.run()
    lowering.planner.finish()
    memory = plan_memory(lowering.buffers, BASE_ADDRESS)
    if memory.end > _LAST_ADDRESS:
        found = f"{memory.end >> 20:,} MiB of weights and activations"
        raise InputError(graph.name, found, "less than 2,048 MiB", "use a smaller network")
    texts, objects = _generate(graph, lowering, memory)
    return CompiledNetwork(
        graph.name, _program(graph.name, memory, link_objects(objects, memory.end)),
        tuple(_layer(graph, index, draft) for index, draft in enumerate(lowering.layers)),
        {name: graph.shape(name) for name in graph.inputs}, {name: graph.shape(name) for name in graph.outputs},
        {name: graph.tensors[name].dtype for name in (*graph.inputs, *graph.outputs)},
        arena_bytes=memory.arena_bytes, weight_bytes=len(memory.constants),
        assembly="\n".join(map(make_assembly, texts)) if with_assembly else "",
    )  # fmt: skip


def check_half(graph: Graph, target: Target) -> None:
    """Refuse half precision for cores without the instructions."""
    name = next((name for name, tensor in graph.tensors.items() if tensor.dtype == "float16"), None)
    if name is not None and not target.has_fp16:
        found = f"elements of type float16 for the core {target.name}, which has no Zvfh"
        raise InputError(f"{graph.name}, tensor {name}", found, "a core with has_fp16 = true", "choose one, or use float32")


def _generate(graph: Graph, lowering: Lowering, memory: MemoryPlan) -> tuple[list[str], list[bytes]]:
    """IR and objects of all layers and of the program around them."""
    symbols = [_symbol(index, draft) for index, draft in enumerate(lowering.layers)]
    parts = [_layer_code(symbol, draft, memory) for symbol, draft in zip(symbols, lowering.layers, strict=True)]
    start = _start(graph, lowering, memory, symbols)
    parts.append((start, make_object(start)))
    return [text for text, _ in parts], [code for _, code in parts]


def _layer_code(symbol: str, draft: Draft, memory: MemoryPlan) -> tuple[str, bytes]:
    """IR and object of a layer; kernels for which LLVM spills vector registers are made smaller."""
    for _ in range(_MOST_SHRINKS):
        text, code = _function(symbol, draft.kernels, memory)
        if not count_spills(code) or not draft.shrink(_spilling(symbol, draft.kernels, memory)):
            return text, code
    return _function(symbol, draft.kernels, memory)


def _spilling(symbol: str, kernels: list[Any], memory: MemoryPlan) -> set[int]:
    """Numbers of the kernels that spill on their own; all of them where none does."""
    spilling = {place for place, kernel in enumerate(kernels) if count_spills(_function(symbol, [kernel], memory)[1])}
    return spilling or set(range(len(kernels)))


def _start(graph: Graph, lowering: Lowering, memory: MemoryPlan, symbols: list[str]) -> str:
    module = Module()
    start = Builder(module, "_start")
    transfers = [
        [
            (memory.addresses[lowering.read(name).buffer], tensor_bytes(graph.tensors[name]))
            for name in names
            if graph.tensors[name].elements
        ]
        for names in (graph.inputs, graph.outputs)
    ]
    emit_start(start, transfers[0], symbols, transfers[1])
    module.add(start)
    return module.text()


def _function(symbol: str, kernels: list[Any], memory: MemoryPlan) -> tuple[str, bytes]:
    module = Module()
    builder = Builder(module, symbol)
    for kernel in kernels:
        kernel.emit(builder, memory.addresses.__getitem__)
    module.add(builder)
    text = module.text()
    return text, make_object(text)


def _program(name: str, memory: MemoryPlan, linked: Linked) -> Program:
    segments = (
        Segment(memory.constants_address, memory.constants, len(memory.constants), _READ),
        Segment(memory.arena_address, b"", memory.arena_bytes, _READ | _WRITE),
        Segment(linked.address, linked.data, len(linked.data), _READ | _EXECUTE),
    )
    data = (
        Symbol("weights", memory.constants_address, len(memory.constants), False),
        Symbol("arena", memory.arena_address, memory.arena_bytes, False),
    )
    symbols = tuple(sorted((*data, *linked.symbols), key=lambda symbol: symbol.address))
    return Program(name, linked.entry, tuple(s for s in segments if s.size_bytes), symbols)


def _symbol(index: int, draft: Draft) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "_", draft.node.name).strip("_")[:40]
    return f"layer_{index:03d}_{draft.node.operator}_{name}"


def _layer(graph: Graph, index: int, draft: Draft) -> Layer:
    node = draft.node
    operator = "+".join(node.attributes.get("fused", (node.operator,)))
    inputs, outputs = (
        sum(tensor_bytes(graph.tensors[n]) for n in names if n in graph.tensors and n not in graph.constants)
        for names in (node.inputs, node.outputs)
    )
    symbol = _symbol(index, draft)
    return Layer(
        symbol, node.name, operator, draft.macs, inputs, draft.weight_bytes, outputs, draft.algorithm, draft.schedule,
        draft.sum_bits,
    )  # fmt: skip
