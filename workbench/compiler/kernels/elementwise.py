"""Elementwise functions and copies of strided operands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from workbench.compiler.elements import bits_of
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Address, Value, number
from workbench.compiler.kernels.algebra import Vector
from workbench.compiler.kernels.epilogue import NOTHING, Epilogue
from workbench.compiler.kernels.nest import (
    Dim,
    Locate,
    Operand,
    Pointers,
    chunks_over,
    load_vector,
    loop_over,
    store_vector,
)
from workbench.compiler.kernels.operations import OPERATIONS


@dataclass(frozen=True)
class Elementwise:
    """``y = epilogue(operation(x0, x1, ..., parameters))`` of so many `inputs`; without any, `y` is filled with `value`."""

    operation: str
    inputs: int
    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    vector: Dim
    epilogue: Epilogue = NOTHING
    value: float = 0.0
    parameters: tuple[float, ...] = ()
    lmul: int = 8
    parallel: ClassVar[tuple[str, ...]] = ("loops", "vector")

    def describe(self) -> str:
        """The kind of work, for people."""
        kind = "copy" if self.operation in ("copy", "fill") else "elementwise"
        return f"{kind}, LMUL {self.lmul}"

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        pointers = {name: operand.pointer(locate) for name, operand in self.operands.items()}
        loop_over(builder, self.loops, pointers, lambda inside: self._row(builder, inside))

    def smaller(self) -> Elementwise | None:
        """A schedule that needs fewer vector registers; None if this is the smallest."""
        return replace(self, lmul=self.lmul // 2) if self.lmul > 1 else None

    def _row(self, builder: Builder, pointers: Pointers) -> None:
        own = [f"x{place}" for place in range(self.inputs)]
        names = [*own, *self.epilogue.extras]
        fixed = {n: builder.load(Address(pointers[n]), self.operands[n].element) for n in names if not self.vector.stride(n)}

        def chunk(here: Pointers) -> None:
            def read(n: str) -> Value:
                return fixed[n] if n in fixed else load_vector(builder, self, n, Address(here[n]))

            if own:
                vectors = [Vector(builder, read(n)) for n in own]
                result = OPERATIONS[self.operation].apply(vectors, self.parameters).full.value
                result = self.epilogue.apply(builder, result, read)
            else:
                result = builder.splat(number(self.operands["y"].element.computed, self.value))
            store_vector(builder, self, "y", result, Address(here["y"]))

        chunks_over(builder, self.vector, self.lmul, pointers, chunk, self.vector_bits)

    @property
    def vector_bits(self) -> int:
        """Width of the widest type that is computed in."""
        return max(bits_of(operand.element.computed) for operand in self.operands.values())
