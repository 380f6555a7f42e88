"""What all kernels share: operands, dimensions with a stride for every operand, merging, and loops over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from workbench.compiler.elements import FLOAT, Element
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Address, Value, integer
from workbench.compiler.views import View

Locate = Callable[[int, int], Value]
"""Pointer to a place: buffer and bytes from its begin."""


@dataclass(frozen=True)
class Operand:
    """A place in a buffer, in bytes, and the elements there."""

    buffer: int
    offset: int
    element: Element = FLOAT

    def pointer(self, locate: Locate) -> Value:
        """A pointer to it."""
        return locate(self.buffer, self.offset)


@dataclass(frozen=True)
class Dim:
    """A loop: how often, and by how many bytes every operand moves on (absent operands do not move).

    Where threads share its steps, each has a whole number of pieces of `shared` steps; 0: each thread does all of them.
    """

    count: int
    strides: Mapping[str, int]
    shared: int = 0

    def stride(self, operand: str) -> int:
        """Bytes from one step to the next."""
        return self.strides.get(operand, 0)


def start_of(view: View) -> Operand:
    """The first element of a view."""
    return Operand(view.buffer, view.offset, view.element)


def in_single(operands: Mapping[str, Operand]) -> dict[str, Operand]:
    """Operands whose floats are computed in single precision, whatever they are in memory."""
    return {name: replace(operand, element=operand.element.in_single) for name, operand in operands.items()}


def summed_as(operands: dict[str, Operand], sums: str | None) -> dict[str, Operand]:
    """Operands of a sum of products; with sums in float32 all but the factors ``x`` and ``w`` are computed in it."""
    if sums != "float32":
        return operands
    return in_single(operands) | {name: operands[name] for name in ("x", "w") if name in operands}


def axis_dim(count: int, **strides: int) -> Dim:
    """A dimension from the strides of views, in bytes."""
    return Dim(count, strides)


class Nested(Protocol):
    """What all kernels have: operands by name and the dimension that runs in vectors."""

    @property
    def operands(self) -> Mapping[str, Operand]:
        """Where the operands lie."""

    @property
    def vector(self) -> Dim:
        """The dimension of the vectors."""


def load_vector(builder: Builder, kernel: Nested, name: str, address: Address) -> Value:
    """A vector of an operand from `address` on, in the type that it is computed in."""
    return builder.vload(address, kernel.vector.stride(name), kernel.operands[name].element)


def store_vector(builder: Builder, kernel: Nested, name: str, value: Value, address: Address) -> None:
    """Store a vector of an operand in the type that it has in memory."""
    builder.vstore(value, address, kernel.vector.stride(name), kernel.operands[name].element)


def merge_dims(dims: Sequence[Dim]) -> list[Dim]:
    """The same nest with fewer loops: single steps dropped, evenly continued neighbours joined (outer to inner)."""
    result: list[Dim] = []
    for dim in dims:
        if dim.count == 1:
            continue
        if result and _continues(result[-1], dim):
            result[-1] = Dim(result[-1].count * dim.count, dim.strides)
        else:
            result.append(dim)
    return result


def _continues(outer: Dim, inner: Dim) -> bool:
    names = set(outer.strides) | set(inner.strides)
    return all(outer.stride(name) == inner.stride(name) * inner.count for name in names)


def move(builder: Builder, pointer: Value, step: int) -> Value:
    """The pointer `step` bytes on."""
    if step == 0:
        return pointer
    return builder.emit("ptr", f"getelementptr i8, ptr {pointer.text}, i64 {step}")


Pointers = dict[str, Value]


def advance(builder: Builder, pointers: Pointers, dim: Dim, times: int = 1) -> Pointers:
    """All pointers `times` steps of a dimension on."""
    return {name: move(builder, pointer, times * dim.stride(name)) for name, pointer in pointers.items()}


def within_share(builder: Builder, dim: Dim, pointers: Pointers, body: Callable[[Pointers, int | Value], object]) -> None:
    """Run `body` for the steps of a dimension that the present thread has: pointers to the first, and how many.

    Threads have neighbouring steps, as evenly as whole pieces go, the first threads more; one without steps skips `body`.
    """
    if not dim.shared:
        body(pointers, dim.count)
        return
    pieces = -(-dim.count // dim.shared)
    each, more = divmod(pieces, builder.threads)
    first, count = _pieces_of(builder, each, more)
    if dim.shared > 1:
        first = builder.emit("i64", f"mul i64 {first.text}, {dim.shared}")
        count = _limited(builder, dim, first, count)

    def part() -> None:
        body({name: _moved_by(builder, pointer, first, dim.stride(name)) for name, pointer in pointers.items()}, count)

    if each:
        part()
    else:
        builder.branch_if(builder.emit("i1", f"icmp ult i64 {builder.thread.text}, {pieces}"), part)


def _pieces_of(builder: Builder, each: int, more: int) -> tuple[Value, int | Value]:
    """First piece of the present thread, and how many it has: `each`, the first `more` threads one more."""
    first = builder.emit("i64", f"mul i64 {builder.thread.text}, {each}")
    if not more:
        return first, each
    limits = [builder.thread, integer(more)]
    before = builder.call("llvm.umin.i64", "i64", limits)
    has_more = builder.emit("i1", f"icmp ult i64 {builder.thread.text}, {more}")
    extra = builder.emit("i64", f"zext i1 {has_more.text} to i64")
    return (
        builder.emit("i64", f"add i64 {first.text}, {before.text}"),
        builder.emit("i64", f"add i64 {extra.text}, {each}"),
    )


def _limited(builder: Builder, dim: Dim, first: Value, pieces: int | Value) -> int | Value:
    """Steps of some pieces from `first` on, the last of which may be a part of one."""
    if isinstance(pieces, int) and dim.count % dim.shared == 0:
        return pieces * dim.shared
    number = integer(pieces) if isinstance(pieces, int) else pieces
    steps = builder.emit("i64", f"mul i64 {number.text}, {dim.shared}")
    if dim.count % dim.shared == 0:
        return steps
    left = builder.emit("i64", f"sub i64 {dim.count}, {first.text}")
    return builder.call("llvm.umin.i64", "i64", [steps, left])


def _moved_by(builder: Builder, pointer: Value, steps: Value, stride: int) -> Value:
    """The pointer some steps on."""
    if stride == 0:
        return pointer
    bytes_ = builder.emit("i64", f"mul i64 {steps.text}, {stride}")
    return builder.emit("ptr", f"getelementptr i8, ptr {pointer.text}, i64 {bytes_.text}")


def loop_over(builder: Builder, dims: Sequence[Dim], pointers: Pointers, body: Callable[[Pointers], None]) -> None:
    """Run `body` for every step of the nest, with pointers that have moved accordingly."""
    if not dims:
        body(pointers)
        return
    dim, rest = dims[0], dims[1:]
    names = [name for name in pointers if dim.stride(name)]

    def step(values: list[Value]) -> list[Value]:
        here = {**pointers, **dict(zip(names, values, strict=True))}
        loop_over(builder, rest, here, body)
        return [move(builder, here[name], dim.stride(name)) for name in names]

    within_share(builder, dim, pointers, lambda p, count: builder.loop(count, [p[name] for name in names], step))


def over_tiles(builder: Builder, dim: Dim, tile: int, pointers: Pointers, body: Callable[[Pointers, int], None]) -> None:
    """Run `body` for `tile` steps of a dimension at a time, then for those that are left (the last thread's)."""
    full, rest = divmod(dim.count, tile)
    names = [name for name in pointers if dim.stride(name)]
    tiles = Dim(full, {name: tile * dim.stride(name) for name in names}, 1 if dim.shared else 0)

    def step(values: list[Value]) -> list[Value]:
        here = {**pointers, **dict(zip(names, values, strict=True))}
        body(here, tile)
        return [move(builder, here[name], tiles.stride(name)) for name in names]

    if not dim.shared:
        after = builder.loop(full, [pointers[name] for name in names], step)
        if rest:
            body({**pointers, **dict(zip(names, after, strict=True))}, rest)
        return
    within_share(builder, tiles, pointers, lambda p, count: builder.loop(count, [p[name] for name in names], step))
    if rest:
        is_last = builder.emit("i1", f"icmp eq i64 {builder.thread.text}, {builder.threads - 1}")
        builder.branch_if(is_last, lambda: body(advance(builder, pointers, tiles, full), rest))


def chunks_over(
    builder: Builder, dim: Dim, lmul: int, pointers: Pointers, body: Callable[[Pointers], None], bits: int = 32
) -> None:
    """Run `body` for every vector of a dimension; the builder's `vl` is its length, `bits` the width that fills `lmul`."""
    names = [name for name in pointers if dim.stride(name)]
    steps = [dim.stride(name) for name in names]

    def chunk(values: list[Value]) -> None:
        body({**pointers, **dict(zip(names, values, strict=True))})

    within_share(
        builder, dim, pointers,
        lambda p, count: builder.vector_loop(count, lmul, [p[name] for name in names], steps, chunk, bits),
    )  # fmt: skip
