"""Moving elements between the vector register file and the vector unit's buffers: widen, fill, narrow, mask bits.

All places are host addresses; widths are log2 of bits (3 ... 6). Integer buffers hold one int64 an element, mask
buffers one byte.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import copy_bytes, get, put

_I8, _I16, _I32, _I64 = np.int8(0), np.int16(0), np.int32(0), np.int64(0)
_U8, _U16, _U32 = np.uint8(0), np.uint16(0), np.uint32(0)


@inner_kernel
def widen(source: Any, target: Any, count: int, width: int, is_signed: int) -> None:
    """Elements of a register group as int64, sign- or zero-extended."""
    if width == 5:
        if is_signed:
            for i in range(count):
                put(target, i, np.int64(get(source, i, _I32)))
        else:
            for i in range(count):
                put(target, i, np.int64(get(source, i, _U32)))
    elif width == 6:
        copy_bytes(target, source, count * 8)
    elif width == 3:
        if is_signed:
            for i in range(count):
                put(target, i, np.int64(get(source, i, _I8)))
        else:
            for i in range(count):
                put(target, i, np.int64(get(source, i, _U8)))
    elif is_signed:
        for i in range(count):
            put(target, i, np.int64(get(source, i, _I16)))
    else:
        for i in range(count):
            put(target, i, np.int64(get(source, i, _U16)))


@inner_kernel
def fill(target: Any, count: int, value: Any) -> None:
    """The same value (any type) in all elements."""
    for i in range(count):
        put(target, i, value)


@inner_kernel
def extend(value: Any, width: int, is_signed: int) -> Any:
    """The low bits of an int64, sign- or zero-extended."""
    shift = 64 - (1 << width)
    return value << shift >> shift if is_signed else np.int64(np.uint64(value << shift) >> np.uint64(shift))


@inner_kernel
def narrow_elements(source: Any, target: Any, count: int, width: int, masked: int, mask: Any) -> None:
    """Write int64 elements into a register group; inactive elements keep their value."""
    if masked:
        for i in range(count):
            if get(mask, i, _U8):
                value = get(source, i, _I64)
                if width == 5:
                    put(target, i, np.int32(value))
                elif width == 6:
                    put(target, i, value)
                elif width == 3:
                    put(target, i, np.int8(value))
                else:
                    put(target, i, np.int16(value))
    elif width == 5:
        for i in range(count):
            put(target, i, np.int32(get(source, i, _I64)))
    elif width == 6:
        copy_bytes(target, source, count * 8)
    elif width == 3:
        for i in range(count):
            put(target, i, np.int8(get(source, i, _I64)))
    else:
        for i in range(count):
            put(target, i, np.int16(get(source, i, _I64)))


@inner_kernel
def copy_elements(source: Any, target: Any, count: int, width: int, masked: int, mask: Any) -> None:
    """Copy elements of one width (4 to 6); inactive elements keep their value."""
    if not masked:
        copy_bytes(target, source, count << (width - 3))
    elif width == 5:
        for i in range(count):
            if get(mask, i, _U8):
                put(target, i, get(source, i, _I32))
    elif width == 6:
        for i in range(count):
            if get(mask, i, _U8):
                put(target, i, get(source, i, _I64))
    else:
        for i in range(count):
            if get(mask, i, _U8):
                put(target, i, get(source, i, _I16))


@inner_kernel
def expand_mask(source: Any, target: Any, count: int) -> None:
    """Mask bits as bytes of 0 or 1."""
    for i in range(count):
        put(target, i, np.uint8(get(source, i >> 3, _U8) >> (i & 7) & 1))


@inner_kernel
def write_mask(source: Any, target: Any, count: int, masked: int, mask: Any) -> None:
    """Set mask bits from int64 elements of 0 or 1; inactive and tail bits keep their value."""
    for i in range(count):
        if not masked or get(mask, i, _U8):
            place, bit = i >> 3, i & 7
            old = np.int64(get(target, place, _U8))
            put(target, place, np.uint8(old & ~(1 << bit) | get(source, i, _I64) << bit))


@inner_kernel
def vlmax(machine: Any) -> Any:
    """Elements of a register group at the present vtype."""
    power = machine.lmul_log2 - machine.sew_log2
    bits = machine.vlenb * 8
    return bits << power if power >= 0 else bits >> -power


@inner_kernel
def is_group(register: int, lmul_log2: int) -> Any:
    """A vector register number may begin a group of that size, and such a size exists."""
    if lmul_log2 > 3 or lmul_log2 < -3:
        return False
    return lmul_log2 <= 0 or register & ((1 << lmul_log2) - 1) == 0
