"""Elementwise functions and copies of strided operands."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workbench.compiler.ir import Address, Builder, Value, real, whole
from workbench.compiler.kernels.algebra import Vector
from workbench.compiler.kernels.epilogue import NOTHING, Epilogue
from workbench.compiler.kernels.nest import Dim, Locate, Operand, Pointers, chunks_over, loop_over
from workbench.compiler.kernels.operations import OPERATIONS


@dataclass(frozen=True)
class Elementwise:
    """``y = epilogue(operation(x0, x1, ..., parameters))``; without inputs `y` is filled with `value`.

    `elements` are the types of the inputs, and of `y` where there are none.
    """

    operation: str
    elements: tuple[str, ...]
    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    vector: Dim
    epilogue: Epilogue = NOTHING
    value: float = 0.0
    parameters: tuple[float, ...] = ()
    lmul: int = 8

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
        own = {f"x{place}": element for place, element in enumerate(self.elements)} if self.operation != "fill" else {}
        names = own | dict.fromkeys(self.epilogue.extras, "float")
        fixed = {n: builder.load(Address(pointers[n]), kind) for n, kind in names.items() if not self.vector.stride(n)}

        def chunk(here: Pointers) -> None:
            def read(n: str) -> Value:
                return fixed[n] if n in fixed else builder.vload(Address(here[n]), self.vector.stride(n), names[n])

            if own:
                vectors = [Vector(builder, read(n)) for n in own]
                result = OPERATIONS[self.operation].apply(vectors, self.parameters).full.value
                result = self.epilogue.apply(builder, result, read)
            else:
                number = real(self.value) if self.elements[0] == "float" else whole(int(self.value))
                result = builder.splat(number)
            builder.vstore(result, Address(here["y"]), self.vector.stride("y"))

        chunks_over(builder, self.vector, self.lmul, pointers, chunk)
