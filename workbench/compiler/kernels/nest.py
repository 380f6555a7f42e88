"""What all kernels share: operands, dimensions with a stride for every operand, merging, and loops over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from workbench.compiler.elements import FLOAT, Element
from workbench.compiler.ir import Address, Builder, Value
from workbench.compiler.views import View

Locate = Callable[[int], int]
"""Address of a buffer."""


@dataclass(frozen=True)
class Operand:
    """A place in a buffer, in bytes, and the elements there."""

    buffer: int
    offset: int
    element: Element = FLOAT

    def pointer(self, locate: Locate) -> Value:
        """Its absolute address."""
        return Value("ptr", f"inttoptr (i64 {locate(self.buffer) + self.offset} to ptr)")


@dataclass(frozen=True)
class Dim:
    """A loop: how often, and by how many bytes every operand moves on (absent operands do not move)."""

    count: int
    strides: Mapping[str, int]

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

    builder.loop(dim.count, [pointers[name] for name in names], step)


def chunks_over(
    builder: Builder, dim: Dim, lmul: int, pointers: Pointers, body: Callable[[Pointers], None], bits: int = 32
) -> None:
    """Run `body` for every vector of a dimension; the builder's `vl` is its length, `bits` the width that fills `lmul`."""
    names = [name for name in pointers if dim.stride(name)]
    builder.vector_loop(
        dim.count, lmul, [pointers[name] for name in names], [dim.stride(name) for name in names],
        lambda values: body({**pointers, **dict(zip(names, values, strict=True))}), bits,
    )  # fmt: skip
