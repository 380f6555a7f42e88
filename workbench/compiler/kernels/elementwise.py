"""Elementwise functions and copies of strided operands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workbench.compiler.ir import Address, Builder, Value, real
from workbench.compiler.kernels.exponential import exponential
from workbench.compiler.kernels.nest import Dim, Locate, Operand, Pointers, chunks_over, clipped, loop_over

Operation = Callable[[Builder, list[Value]], Value]


def _binary(instruction: str, swaps: str = "") -> Operation:
    """An instruction of a vector and a vector or scalar; `swaps` names the one that takes a scalar on the left."""

    def apply(builder: Builder, values: list[Value]) -> Value:
        left, right = values
        if left.type == "float" and right.type != "float":
            if swaps:
                return builder.arithmetic(swaps, right, left)
            left = builder.splat(left)
        elif left.type == "float":
            left = builder.splat(left)
        return builder.arithmetic(instruction, left, right)

    return apply


def _vector(builder: Builder, value: Value) -> Value:
    return builder.splat(value) if value.type == "float" else value


def _scale_shift(builder: Builder, values: list[Value]) -> Value:
    x, scale, shift = values
    return builder.accumulate(_vector(builder, shift), scale, _vector(builder, x))


def _sigmoid(builder: Builder, values: list[Value]) -> Value:
    negative = builder.arithmetic("vfmul", _vector(builder, values[0]), real(-1.0))
    below = builder.arithmetic("vfadd", exponential(builder, negative), real(1.0))
    return builder.arithmetic("vfrdiv", below, real(1.0))


OPERATIONS: dict[str, Operation] = {
    "copy": lambda builder, values: _vector(builder, values[0]),
    "add": _binary("vfadd", "vfadd"),
    "sub": _binary("vfsub", "vfrsub"),
    "mul": _binary("vfmul", "vfmul"),
    "div": _binary("vfdiv", "vfrdiv"),
    "max": _binary("vfmax", "vfmax"),
    "min": _binary("vfmin", "vfmin"),
    "scale_shift": _scale_shift,
    "sigmoid": _sigmoid,
    "exp": lambda builder, values: exponential(builder, _vector(builder, values[0])),
}


@dataclass(frozen=True)
class Elementwise:
    """``y = clip(operation(x0, x1, ...))``; without inputs `y` is filled with `value`."""

    operation: str
    inputs: int
    operands: dict[str, Operand]
    loops: tuple[Dim, ...]
    vector: Dim
    clip: tuple[float, float] = (float("-inf"), float("inf"))
    value: float = 0.0
    lmul: int = 8

    def describe(self) -> str:
        """The kind of work, for people."""
        return "copy" if self.operation in ("copy", "fill") else "elementwise"

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        pointers = {name: operand.pointer(locate) for name, operand in self.operands.items()}
        loop_over(builder, self.loops, pointers, lambda inside: self._row(builder, inside))

    def smaller(self) -> None:
        """There is no smaller schedule."""

    def _row(self, builder: Builder, pointers: Pointers) -> None:
        names = [f"x{place}" for place in range(self.inputs)]
        fixed = {n: builder.load(Address(pointers[n])) for n in names if not self.vector.stride(n)}

        def chunk(here: Pointers) -> None:
            if not names:
                result = builder.splat(real(self.value))
            else:
                values = [fixed[n] if n in fixed else builder.vload(Address(here[n]), self.vector.stride(n)) for n in names]
                result = clipped(builder, OPERATIONS[self.operation](builder, values), self.clip)
            builder.vstore(result, Address(here["y"]), self.vector.stride("y"))

        chunks_over(builder, self.vector, self.lmul, pointers, chunk)
