"""Vectors as Python numbers: expressions of `Vector` emit one instruction for each operation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workbench.compiler.elements import FLOATING
from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Value, element_of, is_vector, number, whole

_REVERSED = {"vfsub": "vfrsub", "vfdiv": "vfrdiv", "vsub": "vrsub"}
_COMMUTES = ("vfadd", "vfmul", "vfmax", "vfmin", "vadd", "vmul", "vmax", "vmin", "vand", "vor", "vxor")
_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq", "ne": "ne"}


@dataclass(frozen=True, eq=False)
class Vector:
    """Floats or 32-bit integers: a vector register group, or a scalar that stands for equal elements."""

    builder: Builder
    value: Value

    @property
    def is_float(self) -> bool:
        """Floats or integers."""
        return element_of(self.value) in FLOATING

    @property
    def full(self) -> Vector:
        """The same as a vector, where it is a scalar."""
        return self if is_vector(self.value) else Vector(self.builder, self.builder.splat(self.value))

    def _operand(self, other: Vector | float) -> Value:
        if isinstance(other, Vector):
            return other.value
        return number(element_of(self.value), other)

    def apply(self, floats: str, integers: str, other: Vector | float, turned: bool = False) -> Vector:
        """The instruction for the element type; `turned` exchanges both sides."""
        operation = floats if self.is_float else integers
        left, right = self.value, self._operand(other)
        if turned:
            left, right = right, left
        if not is_vector(left) and is_vector(right):
            if operation in _COMMUTES or operation in _REVERSED:
                return Vector(self.builder, self.builder.arithmetic(_REVERSED.get(operation, operation), right, left))
        if not is_vector(left):
            left = self.builder.splat(left)
        return Vector(self.builder, self.builder.arithmetic(operation, left, right))

    def compare(self, relation: str, other: Vector | float) -> Mask:
        """Where ``lt``, ``le``, ``gt``, ``ge``, ``eq`` or ``ne`` holds."""
        left, right = self.value, self._operand(other)
        if not is_vector(left) and is_vector(right):
            left, right, relation = right, left, _MIRRORED[relation]
        if not is_vector(left):
            left = self.builder.splat(left)
        prefix = "vmf" if self.is_float else "vms"
        return Mask(self.builder, self.builder.compare(prefix + relation, left, right))

    def __add__(self, other: Vector | float) -> Vector:
        return self.apply("vfadd", "vadd", other)

    def __sub__(self, other: Vector | float) -> Vector:
        if not self.is_float and not isinstance(other, Vector):
            return self + -other
        return self.apply("vfsub", "vsub", other)

    def __mul__(self, other: Vector | float) -> Vector:
        return self.apply("vfmul", "vmul", other)

    def __truediv__(self, other: Vector | float) -> Vector:
        return self.apply("vfdiv", "vdiv", other)

    def __mod__(self, other: Vector | float) -> Vector:
        return self.apply("none", "vrem", other)

    def __and__(self, other: Vector | float) -> Vector:
        return self.apply("none", "vand", other)

    def __or__(self, other: Vector | float) -> Vector:
        return self.apply("none", "vor", other)

    def __xor__(self, other: Vector | float) -> Vector:
        return self.apply("none", "vxor", other)

    def __lshift__(self, bits: Vector | float) -> Vector:
        return self.apply("none", "vsll", bits)

    def __rshift__(self, bits: Vector | float) -> Vector:
        return self.apply("none", "vsra", bits)

    def __radd__(self, other: float) -> Vector:
        return self + other

    def __rmul__(self, other: float) -> Vector:
        return self * other

    def __rsub__(self, other: float) -> Vector:
        return self.apply("vfsub", "vsub", other, turned=True)

    def __rtruediv__(self, other: float) -> Vector:
        return self.apply("vfdiv", "vdiv", other, turned=True)

    def __neg__(self) -> Vector:
        return self.with_sign_of(self, "vfsgnjn") if self.is_float else 0 - self

    def __abs__(self) -> Vector:
        return self.with_sign_of(self, "vfsgnjx") if self.is_float else self.maximum(0 - self)

    def maximum(self, other: Vector | float) -> Vector:
        """The larger of both."""
        return self.apply("vfmax", "vmax", other)

    def minimum(self, other: Vector | float) -> Vector:
        """The smaller of both."""
        return self.apply("vfmin", "vmin", other)

    def within(self, low: float, high: float) -> Vector:
        """Brought into bounds, of which either may be infinite."""
        above = self if low == -math.inf else self.maximum(low)
        return above if high == math.inf else above.minimum(high)

    def with_sign_of(self, other: Vector, operation: str = "vfsgnj") -> Vector:
        """The magnitude with another's sign."""
        return self.full.apply(operation, "none", other.full)

    def root(self) -> Vector:
        """The square root."""
        return Vector(self.builder, self.builder.square_root(self.full.value))

    def to_int(self, truncated: bool = False) -> Vector:
        """The nearest integers, or those towards zero."""
        return Vector(self.builder, self.builder.float_to_int(self.full.value, truncated))

    def to_short(self) -> Vector:
        """The nearest integers of 16 bits, saturated."""
        return Vector(self.builder, self.builder.float_to_short(self.full.value))

    def plus_saturated(self, amount: float) -> Vector:
        """Integers plus a constant, saturated."""
        return self.apply("none", "vsadd", amount) if amount else self

    def to_float(self) -> Vector:
        """Integers as floats."""
        return Vector(self.builder, self.builder.int_to_float(self.full.value))

    def bits(self, element: str) -> Vector:
        """The same bits as ``float`` or ``i32``."""
        return Vector(self.builder, self.builder.cast_bits(self.full.value, element))

    def plus_product(self, factor: Vector | float, other: Vector) -> Vector:
        """``self + factor * other``, rounded once."""
        return Vector(self.builder, self.builder.accumulate(self.full.value, self._operand(factor), other.full.value))

    def like(self, number: float) -> Vector:
        """A constant of the same type."""
        return Vector(self.builder, self.builder.splat(self._operand(number)))


@dataclass(frozen=True, eq=False)
class Mask:
    """One bit for each element."""

    builder: Builder
    value: Value

    def choose(self, yes: Vector | float, no: Vector) -> Vector:
        """`yes` where the bit is set, else `no`."""
        chosen = yes.value if isinstance(yes, Vector) else no._operand(yes)
        return Vector(self.builder, self.builder.merge(self.value, chosen, no.full.value))

    def ones(self) -> Vector:
        """The integer 1 where the bit is set, else 0."""
        zeros = Vector(self.builder, self.builder.splat(whole(0)))
        return self.choose(1, zeros)


def polynomial(x: Vector, coefficients: tuple[float, ...]) -> Vector:
    """``c0 + c1 x + c2 x^2 + ...`` by Horner's rule."""
    result = x.like(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        result = result * x + coefficient
    return result
