"""Softmax along one axis: three passes over every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Address, Value, integer, real
from workbench.compiler.kernels.algebra import Vector
from workbench.compiler.kernels.functions import exponential
from workbench.compiler.kernels.nest import Dim, Locate, Operand, Pointers, loop_over

_LOWEST = -3.4028234663852886e38


@dataclass(frozen=True)
class Softmax:
    """``y = exp(x - max) / sum exp(x - max)`` along `row`, for every step of `loops`.

    The sum is an ordered reduction, so that every machine with the same VLEN gives the same bits.
    """

    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    row: Dim
    lmul: int = 4
    parallel: ClassVar[tuple[str, ...]] = ("loops",)

    def describe(self) -> str:
        """The schedule, for people."""
        return f"three passes, LMUL {self.lmul}"

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        pointers = {name: operand.pointer(locate) for name, operand in self.operands.items()}
        loop_over(builder, self.loops, pointers, lambda inside: self._one_row(builder, inside))

    def smaller(self) -> None:
        """There is no smaller schedule."""

    def _one_row(self, builder: Builder, pointers: Pointers) -> None:
        x, y = self.row.stride("x"), self.row.stride("y")

        def largest(place: Pointers, so_far: Value) -> Value:
            return builder.reduce("vfredmax", builder.vload(Address(place["x"]), x, self.operands["x"].element), so_far)

        def total(place: Pointers, so_far: Value) -> Value:
            shifted = builder.arithmetic("vfsub", builder.vload(Address(place["x"]), x, self.operands["x"].element), maximum)
            value = exponential(Vector(builder, shifted)).value
            builder.vstore(value, Address(place["y"]), y, self.operands["y"].element)
            return builder.reduce("vfredosum", value, so_far)

        def scale(place: Pointers, so_far: Value) -> Value:
            value = builder.vload(Address(place["y"]), y, self.operands["y"].element)
            builder.vstore(builder.arithmetic("vfmul", value, factor), Address(place["y"]), y, self.operands["y"].element)
            return so_far

        maximum = self._pass(builder, pointers, real(_LOWEST), largest)
        sum_ = self._pass(builder, pointers, real(0.0), total)
        factor = builder.emit("float", f"fdiv float 1.0, {sum_.text}")
        self._pass(builder, pointers, real(0.0), scale)

    def _pass(self, builder: Builder, pointers: Pointers, start: Value, body: object) -> Value:
        """Go over a row in vectors, handing a scalar on."""
        builder.group(self.lmul)
        names = list(pointers)

        def step(values: list[Value]) -> tuple[Value, list[Value]]:
            builder.set_vl(values[0])
            place = dict(zip(names, values[2:], strict=True))
            result = body(place, values[1])  # type: ignore[operator]
            rest = builder.emit("i64", f"sub i64 {values[0].text}, {builder.vl.text}")
            after = [builder.advance(place[name], self.row.stride(name)) for name in names]
            return rest, [rest, result, *after]

        carried = [integer(self.row.count), start, *(pointers[name] for name in names)]
        return builder.repeat(carried, step)[1]
