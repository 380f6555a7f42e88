"""Compile a graph to a program: optimise, lower, place, generate, link."""

from __future__ import annotations

import re

from workbench.base.errors import InputError
from workbench.compiler.generate import Generator, LayerCode
from workbench.compiler.instructions import kernel_instructions
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.function import Module
from workbench.compiler.link import Linked, Piece, link_pieces
from workbench.compiler.lowering import Draft, Lowering
from workbench.compiler.machine import make_assembly, make_object
from workbench.compiler.memory import MemoryPlan, plan_memory
from workbench.compiler.network import CompiledNetwork, Layer, tensor_bytes
from workbench.compiler.passes import optimise
from workbench.compiler.phases import plan_waits
from workbench.compiler.planner import Planner
from workbench.compiler.shares import parts_of
from workbench.compiler.start import emit_start, emit_threaded_start
from workbench.compiler.threads import MOST_THREADS, STUBS, ThreadMemory
from workbench.graph.graph import Graph
from workbench.isa.program import Program, Segment, Symbol
from workbench.isa.target import Target

BASE_ADDRESS = 0x10000
_LAST_ADDRESS = 0x7FF00000  # code and data are addressed with 32 bits
_READ, _WRITE, _EXECUTE = 4, 2, 1


def compile_graph(
    graph: Graph, target: Target, with_assembly: bool = False, planner: Planner | None = None
) -> CompiledNetwork:
    """The network as a static RV64GCV Linux program, tuned for the target and right on any VLEN of at least 128.

    The planner takes the schedules; without one, the cheapest by estimate are taken. InputError for impossible pins and for
    more than `MOST_THREADS` of the target.
    """
    import workbench.compiler.operators  # noqa: F401

    check_half(graph, target)
    check_threads(target)
    lowering = Lowering(optimise(graph), target, planner)
    lowering.run()
    lowering.planner.finish()
    memory = plan_memory(lowering.buffers, BASE_ADDRESS)
    threads = ThreadMemory(memory.end, target.threads)
    code_address = memory.end + threads.size_bytes
    if code_address > _LAST_ADDRESS:
        found = f"{memory.end >> 20:,} MiB of weights and activations"
        raise InputError(graph.name, found, "less than 2,048 MiB", "use a smaller network")
    layers, (start, around) = _generate(graph, lowering, memory, threads)
    pieces = [*(layer.piece for layer in layers), around]
    linked = link_pieces(pieces, code_address, stubs=STUBS if target.threads > 1 else {})
    return CompiledNetwork(
        graph.name, _program(graph.name, memory, threads, linked),
        tuple(_layer(graph, index, draft, target) for index, draft in enumerate(lowering.layers)),
        {name: graph.shape(name) for name in graph.inputs}, {name: graph.shape(name) for name in graph.outputs},
        {name: graph.tensors[name].dtype for name in (*graph.inputs, *graph.outputs)},
        arena_bytes=memory.arena_bytes, weight_bytes=len(memory.constants), threads=target.threads,
        assembly="\n".join([*(layer.assembly() for layer in layers), make_assembly(start)]) if with_assembly else "",
    )  # fmt: skip


def check_threads(target: Target) -> None:
    """Refuse numbers of threads that nobody has cores for."""
    if not 1 <= target.threads <= MOST_THREADS:
        raise InputError("threads", f"{target.threads}", f"1 to {MOST_THREADS}", "change it")


def check_half(graph: Graph, target: Target) -> None:
    """Refuse half precision for cores without the instructions."""
    name = next((name for name, tensor in graph.tensors.items() if tensor.dtype == "float16"), None)
    if name is not None and not target.has_fp16:
        found = f"elements of type float16 for the core {target.name}, which has no Zvfh"
        raise InputError(f"{graph.name}, tensor {name}", found, "a core with has_fp16 = true", "choose one, or use float32")


def _generate(
    graph: Graph, lowering: Lowering, memory: MemoryPlan, threads: ThreadMemory
) -> tuple[list[LayerCode], tuple[str, Piece]]:
    """The code of all layers, and text and object of the program around them."""
    symbols = [_symbol(index, draft) for index, draft in enumerate(lowering.layers)]
    waits = plan_waits([draft.kernels for draft in lowering.layers])
    generator = Generator(memory, threads.threads)
    layers = [generator.layer(*parts) for parts in zip(symbols, lowering.layers, waits, strict=True)]
    start = _start(graph, lowering, memory, threads, symbols)
    return layers, (start, Piece(make_object(start)))


def _start(graph: Graph, lowering: Lowering, memory: MemoryPlan, threads: ThreadMemory, symbols: list[str]) -> str:
    module = Module()
    transfers = [
        [
            (memory.addresses[lowering.read(name).buffer], tensor_bytes(graph.tensors[name]))
            for name in names
            if graph.tensors[name].elements
        ]
        for names in (graph.inputs, graph.outputs)
    ]
    if threads.threads > 1:
        emit_threaded_start(module, threads, transfers[0], symbols, transfers[1])
        return module.text()
    start = Builder(module, "_start")
    emit_start(start, transfers[0], symbols, transfers[1])
    module.add(start)
    return module.text()


def _program(name: str, memory: MemoryPlan, threads: ThreadMemory, linked: Linked) -> Program:
    segments = (
        Segment(memory.constants_address, memory.constants, len(memory.constants), _READ),
        Segment(memory.arena_address, b"", memory.arena_bytes, _READ | _WRITE),
        Segment(threads.address, b"", threads.size_bytes, _READ | _WRITE),
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


def _layer(graph: Graph, index: int, draft: Draft, target: Target) -> Layer:
    node, threads = draft.node, target.threads
    operator = "+".join(node.attributes.get("fused", (node.operator,)))
    inputs, outputs = (
        sum(tensor_bytes(graph.tensors[n]) for n in names if n in graph.tensors and n not in graph.constants)
        for names in (node.inputs, node.outputs)
    )
    symbol, (sharing, largest) = _symbol(index, draft), parts_of(draft.main_kernel, threads)
    algorithm = draft.algorithm
    if threads > 1:
        algorithm += f"; {sharing} threads, largest share {largest:.0%}" if sharing > 1 else "; thread 0 alone"
    return Layer(
        symbol, node.name, operator, draft.macs, inputs, draft.weight_bytes, outputs, algorithm, draft.schedule,
        draft.sum_bits, sharing, largest, sum(kernel_instructions(target, kernel) for kernel in draft.kernels),
    )  # fmt: skip
