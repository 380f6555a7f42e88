"""The program around the layers: read the inputs from standard input, call the layers, write the outputs, exit.

System calls, as a Linux program: read (63), write (64), exit (93); an input that ends early exits with status 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from workbench.compiler.ir import Builder, Value, integer
from workbench.compiler.link import SYSTEM_CALL

_READ, _WRITE, _EXIT = 63, 64, 93


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


def _system_call(builder: Builder, number: int, *arguments: Value) -> Value:
    return builder.call(SYSTEM_CALL, "i64", [integer(number), *arguments])


def _transfer(builder: Builder, number: int, descriptor: int, address: int, size: int) -> None:
    """Repeat a read or write until `size` bytes are through; exit with 1 if it stops before."""

    def body(place: Value, left: Value) -> tuple[Value, Value]:
        done = _system_call(builder, number, integer(descriptor), place, left)
        failed = builder.emit("i1", f"icmp sle i64 {done.text}, 0")
        builder.branch_if(failed, lambda: _system_call(builder, _EXIT, integer(1), integer(0), integer(0)))
        rest = builder.emit("i64", f"sub i64 {left.text}, {done.text}")
        return builder.emit("i64", f"add i64 {place.text}, {done.text}"), rest

    builder.repeat_until_zero(integer(address), integer(size), body)
