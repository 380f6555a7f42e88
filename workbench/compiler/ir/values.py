"""Values of textual LLVM IR: constants, addresses and the types of vectors.

Source: LLVM 22 language reference (constants, scalable vectors).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

_HALF_ENDS = 65520.0  # rounds to infinity


@dataclass(frozen=True)
class Value:
    """An SSA value or a constant: its LLVM type and its text."""

    type: str
    text: str

    def __str__(self) -> str:
        return f"{self.type} {self.text}"


@dataclass(frozen=True)
class Address:
    """A byte address: a pointer value, or None for an absolute address, plus a constant offset."""

    pointer: Value | None
    offset: int = 0

    def __add__(self, offset: int) -> Address:
        return Address(self.pointer, self.offset + offset)


def integer(number: int) -> Value:
    """A 64-bit constant."""
    return Value("i64", str(number))


def real(number: float) -> Value:
    """A 32-bit floating constant (LLVM writes it as the bits of the equal double)."""
    single = struct.unpack("<f", struct.pack("<f", number))[0]
    return Value("float", "0x" + struct.pack(">d", single).hex().upper())


def whole(number: int) -> Value:
    """A 32-bit integer constant."""
    return Value("i32", str(number))


def _in_range(value: float) -> float:
    """The value, infinite where half precision has no such number."""
    return value if abs(value) < _HALF_ENDS else math.copysign(math.inf, value)


def number(kind: str, value: float) -> Value:
    """A constant of an LLVM scalar type."""
    if kind == "half":
        return Value(kind, f"0xH{struct.unpack('<H', struct.pack('<e', _in_range(value)))[0]:04X}")
    return real(value) if kind == "float" else Value(kind, str(int(value)))


def vector_type(width: int, kind: str = "float") -> str:
    """The scalable type of `width` elements for every 64 bits of a register."""
    return f"<vscale x {width} x {kind}>"


def element_of(value: Value) -> str:
    """Element type of a vector, or the type of a scalar."""
    return value.type.rsplit(" x ", 1)[-1].rstrip(">")


def is_vector(value: Value) -> bool:
    """Whether a value is a vector."""
    return value.type.startswith("<")
