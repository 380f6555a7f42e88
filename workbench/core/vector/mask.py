"""Mask-register instructions and integer reductions.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", "Vector Mask Instructions" and
"Vector Single-Width Integer Reduction Instructions".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.integer import unsigned_less
from workbench.core.interpreter.primitives import get, put
from workbench.core.vector.forms import function_number

_I64, _U8 = np.int64(0), np.uint8(0)
_ANDN, _AND, _OR, _XOR, _ORN, _NAND, _NOR, XNOR = (
    function_number("mask", f"m{name}") for name in "andn and or xor orn nand nor xnor".split()
)
_SBF, _SOF, SIF, _IOTA, ID, CPOP, FIRST = (
    function_number("mask", name) for name in "msbf msof msif iota id cpop first".split()
)
_SUM, _RED_AND, _RED_OR, _RED_XOR, _MINU, _MIN, _MAXU, _MAX = (
    function_number("reduce_int", name) for name in "sum and or xor minu min maxu max".split()
)


@inner_kernel
def bit(source: Any, i: Any) -> Any:
    """Mask bit i at a host address, as int64."""
    return np.int64(get(source, i >> 3, _U8) >> (i & 7) & 1)


@inner_kernel
def mask_logical(function: int, x: Any, y: Any, target: Any, count: int) -> None:
    """vd.bit[i] = function(vs2 at x, vs1 at y) for the first `count` bits; the rest keeps its value."""
    for place in range((count + 7) >> 3):
        a, b = np.int64(get(x, place, _U8)), np.int64(get(y, place, _U8))
        if function == _AND:
            value = a & b
        elif function == _ANDN:
            value = a & ~b
        elif function == _OR:
            value = a | b
        elif function == _XOR:
            value = a ^ b
        elif function == _ORN:
            value = a | ~b
        elif function == _NAND:
            value = ~(a & b)
        elif function == _NOR:
            value = ~(a | b)
        else:
            value = ~(a ^ b)
        changed = np.int64(255) if (place + 1) * 8 <= count else np.int64((1 << (count & 7)) - 1)
        put(target, place, np.uint8(np.int64(get(target, place, _U8)) & ~changed | value & changed))


@inner_kernel
def mask_elements(function: int, source: Any, out: Any, count: int, masked: int, mask: Any) -> None:
    """out[i] (int64) of vmsbf, vmsof, vmsif, viota and vid; inactive elements are left."""
    seen = np.int64(0)  # active mask bits before i
    for i in range(count):
        if masked and not get(mask, i, _U8):
            continue
        if function == ID:
            put(out, i, np.int64(i))
            continue
        here = bit(source, i)
        if function == _IOTA:
            value = seen
        elif function == _SBF:
            value = np.int64(seen == 0 and here == 0)
        elif function == SIF:
            value = np.int64(seen == 0)
        else:
            value = np.int64(seen == 0 and here == 1)
        put(out, i, value)
        seen += here


@inner_kernel
def count_mask(source: Any, count: int, masked: int, mask: Any, only_first: int) -> Any:
    """Number of active set bits, or the index of the first one (-1 if none)."""
    total = np.int64(0)
    for i in range(count):
        if bit(source, i) and (not masked or get(mask, i, _U8)):
            if only_first:
                return np.int64(i)
            total += 1
    return np.int64(-1) if only_first else total


@inner_kernel
def reduce_integer_elements(function: int, b: Any, start: Any, count: int, masked: int, mask: Any) -> Any:
    """`start` combined with all active int64 elements."""
    total = start
    for i in range(count):
        if masked and not get(mask, i, _U8):
            continue
        x = get(b, i, _I64)
        if function == _SUM:
            total += x
        elif function == _RED_AND:
            total &= x
        elif function == _RED_OR:
            total |= x
        elif function == _RED_XOR:
            total ^= x
        elif function == _MIN:
            total = min(total, x)
        elif function == _MAX:
            total = max(total, x)
        elif function == _MINU:
            total = x if unsigned_less(x, total) else total
        else:
            total = x if unsigned_less(total, x) else total
    return total
