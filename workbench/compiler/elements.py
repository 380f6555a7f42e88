"""The types of elements, in one table: LLVM's name and width in memory, and the type that vectors compute them in.

Narrow integers are computed in 32 bits: a load extends them by their sign, a store keeps the low bits, which is the
arithmetic modulo 2^bits of ONNX. 64-bit integers are kept and computed in 32 bits, booleans are bytes of 0 or 1.
Half-precision floats are stored; what computes with them asks for `HALF` in its registers too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Element:
    """One type of elements in memory.

    Attributes
    ----------
    name: for people, and unique. memory: LLVM's type in memory. computed: LLVM's type in registers.
    size_bytes: width in memory. file_type: numpy's type of the same bytes. is_signed: how an integer is extended.
    """

    name: str
    memory: str
    computed: str
    size_bytes: int
    file_type: str
    is_signed: bool = True

    @property
    def is_float(self) -> bool:
        """Floating point or integer."""
        return self.computed in FLOATING

    @property
    def is_narrow(self) -> bool:
        """Whether loads extend it and stores shorten it."""
        return self.memory != self.computed

    def computed_as(self, kind: str) -> Element:
        """The same in memory, computed in another type."""
        return replace(self, computed=kind)

    @property
    def in_single(self) -> Element:
        """The same in memory; half precision is computed in single precision."""
        return self.computed_as("float") if self.is_float else self

    @property
    def uncomputed(self) -> Element:
        """The same bytes where they are only moved: neither extended nor shortened."""
        return self.computed_as(self.memory)


FLOATING = {"half": 16, "float": 32}
"""LLVM's floating types with their bits."""

FLOAT = Element("float", "float", "float", 4, "<f4")
HALF = Element("half", "half", "half", 2, "<f2")
I32 = Element("i32", "i32", "i32", 4, "<i4")
I16 = Element("i16", "i16", "i32", 2, "<i2")
U16 = Element("u16", "i16", "i32", 2, "<u2", is_signed=False)
I8 = Element("i8", "i8", "i32", 1, "<i1")
WORD = Element("word", "i64", "i64", 8, "<i8")  # only moved
U8 = Element("u8", "i8", "i32", 1, "<u1", is_signed=False)

_OF_DTYPE = {
    "float32": FLOAT, "float16": HALF, "int8": I8, "uint8": U8, "int16": I16, "uint16": U16, "int32": I32, "int64": I32,
    "bool": U8,
}  # fmt: skip


def element_of_dtype(dtype: str) -> Element:
    """The element that holds numpy's type `dtype` (by name) in memory."""
    return _OF_DTYPE[dtype]


def bits_of(kind: str) -> int:
    """Bits of an LLVM scalar type."""
    return FLOATING.get(kind) or int(kind[1:])


def short_name(kind: str) -> str:
    """LLVM's name of a scalar type inside the names of intrinsics."""
    return f"f{FLOATING[kind]}" if kind in FLOATING else kind
