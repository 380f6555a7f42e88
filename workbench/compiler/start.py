"""The program around the layers: read the inputs from standard input, call the layers, write the outputs, exit.

System calls, as a Linux program: read (63), write (64), exit (93); an input that ends early exits with status 1. With
several threads (`threads`) their workers call the layers too, and exit_group (94) ends the program; it exits with status 1
where Linux makes no thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.function import Module
from workbench.compiler.ir.values import Value, integer
from workbench.compiler.link import SYSTEM_CALL
from workbench.compiler.threads import START_THREAD, ThreadMemory, add_barrier

_READ, _WRITE, _EXIT, _EXIT_GROUP = 63, 64, 93, 94
_LAYERS, _WORKER = "layers", "worker"


def emit_start(
    builder: Builder, inputs: Sequence[tuple[int, int]], layers: Sequence[str], outputs: Sequence[tuple[int, int]]
) -> None:
    """Fill the function ``_start``; inputs and outputs are (address, size in bytes)."""
    for address, size in inputs:
        _transfer(builder, _READ, 0, address, size)
    for layer in layers:
        builder.call(layer, "void", [])
    for address, size in outputs:
        _transfer(builder, _WRITE, 1, address, size)
    _system_call(builder, _EXIT, integer(0), integer(0), integer(0))


def emit_threaded_start(
    module: Module, memory: ThreadMemory, inputs: Sequence[tuple[int, int]], layers: Sequence[str],
    outputs: Sequence[tuple[int, int]],
) -> None:  # fmt: skip
    """Add ``_start`` of a program of several threads, and what its threads run, to a module."""
    everything = Builder(module, _LAYERS, memory.threads)
    for layer in layers:
        everything.call(layer, "void", [everything.thread])
    worker = Builder(module, _WORKER, memory.threads)
    worker.call(_LAYERS, "void", [worker.thread])
    _system_call(worker, _EXIT, integer(0), integer(0), integer(0))
    start = Builder(module, "_start")
    for address, size in inputs:
        _transfer(start, _READ, 0, address, size, _EXIT_GROUP)
    for thread in range(1, memory.threads):
        arguments = [integer(memory.stack_end(thread)), Value("ptr", f"@{_WORKER}"), integer(thread)]
        _exit_where(start, "slt", start.call(START_THREAD, "i64", arguments), _EXIT_GROUP)
    start.call(_LAYERS, "void", [integer(0)])
    for address, size in outputs:
        _transfer(start, _WRITE, 1, address, size, _EXIT_GROUP)
    _system_call(start, _EXIT_GROUP, integer(0), integer(0), integer(0))
    for function in (everything, worker, start):
        module.add(function)
    add_barrier(module, memory)


def _exit_where(builder: Builder, relation: str, result: Value, leave: int) -> None:
    """Exit with 1 if a result of Linux is so compared with 0."""
    failed = builder.emit("i1", f"icmp {relation} i64 {result.text}, 0")
    builder.branch_if(failed, lambda: _system_call(builder, leave, integer(1), integer(0), integer(0)))


def _system_call(builder: Builder, number: int, *arguments: Value) -> Value:
    return builder.call(SYSTEM_CALL, "i64", [integer(number), *arguments])


def _transfer(builder: Builder, number: int, descriptor: int, address: int, size: int, leave: int = _EXIT) -> None:
    """Repeat a read or write until `size` bytes are through; exit with 1 if it stops before."""

    def body(place: Value, left: Value) -> tuple[Value, Value]:
        done = _system_call(builder, number, integer(descriptor), place, left)
        _exit_where(builder, "sle", done, leave)
        rest = builder.emit("i64", f"sub i64 {left.text}, {done.text}")
        return builder.emit("i64", f"add i64 {place.text}, {done.text}"), rest

    builder.repeat_until_zero(integer(address), integer(size), body)
