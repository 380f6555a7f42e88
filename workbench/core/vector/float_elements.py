"""Floating-point arithmetic of the vector unit: one loop an operation, compiled for float32 and for float64.

Results are rounded to nearest even and NaN results are canonical; `float_flags` does what the host cannot show.
Halves are computed as doubles and rounded again, which is innocuous: 53 bits are more than twice 11 and two.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", "Vector Floating-Point Instructions".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.float_formats import half_value, maximum, minimum
from workbench.core.interpreter.primitives import fma, get, put, reinterpret
from workbench.core.vector.forms import function_number


def _numbers(group: str, names: str) -> tuple[int, ...]:
    return tuple(function_number(group, name) for name in names.split())


ADD, SUB, RSUB, MUL, DIV, RDIV = _numbers("float", "add sub rsub mul div rdiv")
MIN, MAX, SGNJ, SGNJN, SGNJX = _numbers("float", "min max sgnj sgnjn sgnjx")
SQRT, REC7, RSQRT7 = _numbers("float", "sqrt rec7 rsqrt7")
FIRST_MULTIPLY_ADD = function_number("float", "madd")
MADD, NMADD, MSUB, NMSUB = _numbers("float", "madd nmadd msub nmsub")
MACC, NMACC, MSAC, NMSAC = _numbers("float", "macc nmacc msac nmsac")
EQ, _LE, _LT, NE, _GT, _GE = _numbers("float_compare", "mfeq mfle mflt mfne mfgt mfge")
REDUCE_SUM, _REDUCE_MIN, REDUCE_MAX = _numbers("reduce_float", "sum min max")
_NAN = np.float32(np.nan)
_U8, _I16, _I32, _I64 = np.uint8(0), np.int16(0), np.int32(0), np.int64(0)
_U16, _F32, _F64 = np.uint16(0), np.float32(0), np.float64(0)
_SIGN16, _SIGN32, _SIGN64 = np.int16(-(1 << 15)), np.int32(-(1 << 31)), np.int64(-(1 << 63))


@inner_kernel
def float_elements(function: int, a: Any, b: Any, out: Any, count: int, kind: Any) -> None:
    """out[i] = function(vs2 = b[i], vs1 = a[i]) in the type of `kind`."""
    nan = kind + _NAN
    if function == ADD:
        for i in range(count):
            x = get(b, i, kind) + get(a, i, kind)
            put(out, i, x if x == x else nan)
    elif function == SUB:
        for i in range(count):
            x = get(b, i, kind) - get(a, i, kind)
            put(out, i, x if x == x else nan)
    elif function == RSUB:
        for i in range(count):
            x = get(a, i, kind) - get(b, i, kind)
            put(out, i, x if x == x else nan)
    elif function == MUL:
        for i in range(count):
            x = get(b, i, kind) * get(a, i, kind)
            put(out, i, x if x == x else nan)
    elif function == DIV:
        for i in range(count):
            x = get(b, i, kind) / get(a, i, kind)
            put(out, i, x if x == x else nan)
    elif function == RDIV:
        for i in range(count):
            x = get(a, i, kind) / get(b, i, kind)
            put(out, i, x if x == x else nan)
    elif function == MAX:
        for i in range(count):
            x, y = get(b, i, kind), get(a, i, kind)
            z = x if x > y else y if y > x else maximum(x, y)
            put(out, i, z if z == z else nan)
    elif function == MIN:
        for i in range(count):
            x, y = get(b, i, kind), get(a, i, kind)
            z = x if x < y else y if y < x else minimum(x, y)
            put(out, i, z if z == z else nan)
    else:
        for i in range(count):
            x = np.sqrt(get(b, i, kind))
            put(out, i, x if x == x else nan)


@inner_kernel
def _injected(function: int, x: Any, y: Any, sign: Any) -> Any:
    if function == SGNJ:
        return x & ~sign | y & sign
    elif function == SGNJN:
        return x & ~sign | ~y & sign
    return x ^ y & sign


@inner_kernel
def sign_elements(function: int, a: Any, b: Any, out: Any, count: int, width: int) -> None:
    """Sign injection on patterns of 2**width bits."""
    if width == 5:
        for i in range(count):
            put(out, i, np.int32(_injected(function, get(b, i, _I32), get(a, i, _I32), _SIGN32)))
    elif width == 6:
        for i in range(count):
            put(out, i, _injected(function, get(b, i, _I64), get(a, i, _I64), _SIGN64))
    else:
        for i in range(count):
            put(out, i, np.int16(_injected(function, get(b, i, _I16), get(a, i, _I16), _SIGN16)))


@inner_kernel
def widen_floats(source: Any, target: Any, count: int, width: int, wide: int) -> None:
    """Elements of 2**width bits as floats of 2**wide bits."""
    if width == 5:
        for i in range(count):
            put(target, i, np.float64(get(source, i, _F32)))
    elif wide == 5:
        for i in range(count):
            put(target, i, half_value(np.int32(get(source, i, _U16))))
    else:
        for i in range(count):
            put(target, i, np.float64(half_value(np.int32(get(source, i, _U16)))))


@inner_kernel
def narrow_to_halves(source: Any, target: Any, count: int) -> None:
    """Doubles rounded to nearest even as halves."""
    for i in range(count):
        value = get(source, i, _F64)
        size = abs(value)
        bits = reinterpret(size, _I64)
        small = reinterpret(size + 2.0**28, _I64) - (np.int64(1023 + 28) << 52)  # its last place is that of a subnormal half
        normal = (bits + (np.int64(15 - 1023) << 52) + ((np.int64(1) << 41) - 1) + (bits >> 42 & 1)) >> 42
        pattern = small if size < 2.0**-14 else normal if size < 65520.0 else np.int64(0x7C00)
        pattern = pattern if size == size else np.int64(0x7E00)
        put(target, i, np.int16(pattern | (reinterpret(value, _I64) >> 48 & 0x8000 if size == size else np.int64(0))))


@inner_kernel
def multiply_add_elements(function: int, a: Any, b: Any, d: Any, saved: Any, count: int, kind: Any) -> None:
    """d[i] = +-(product) +- addend, in place; d is vd, a is vs1, b is vs2. The old d goes to `saved`."""
    nan = kind + _NAN
    if function == MACC:
        for i in range(count):
            z = get(d, i, kind)
            put(saved, i, z)
            x = fma(get(a, i, kind), get(b, i, kind), z)
            put(d, i, x if x == x else nan)
    elif function == MADD:
        for i in range(count):
            z = get(d, i, kind)
            put(saved, i, z)
            x = fma(get(a, i, kind), z, get(b, i, kind))
            put(d, i, x if x == x else nan)
    elif function == NMSAC:
        for i in range(count):
            z = get(d, i, kind)
            put(saved, i, z)
            x = fma(-get(a, i, kind), get(b, i, kind), z)
            put(d, i, x if x == x else nan)
    elif function == NMSUB:
        for i in range(count):
            z = get(d, i, kind)
            put(saved, i, z)
            x = fma(-get(a, i, kind), z, get(b, i, kind))
            put(d, i, x if x == x else nan)
    elif function == MSAC:
        for i in range(count):
            z = get(d, i, kind)
            put(saved, i, z)
            x = fma(get(a, i, kind), get(b, i, kind), -z)
            put(d, i, x if x == x else nan)
    elif function == MSUB:
        for i in range(count):
            z = get(d, i, kind)
            put(saved, i, z)
            x = fma(get(a, i, kind), z, -get(b, i, kind))
            put(d, i, x if x == x else nan)
    elif function == NMACC:
        for i in range(count):
            z = get(d, i, kind)
            put(saved, i, z)
            x = fma(-get(a, i, kind), get(b, i, kind), -z)
            put(d, i, x if x == x else nan)
    else:
        for i in range(count):
            z = get(d, i, kind)
            put(saved, i, z)
            x = fma(-get(a, i, kind), z, -get(b, i, kind))
            put(d, i, x if x == x else nan)


@inner_kernel
def float_compare_elements(function: int, a: Any, b: Any, out: Any, count: int, kind: Any) -> None:
    """Comparisons vs2 ? vs1 as int64 0 or 1; unordered is false (true for not-equal)."""
    for i in range(count):
        x, y = get(b, i, kind), get(a, i, kind)
        if function == EQ:
            holds = x == y
        elif function == _LE:
            holds = x <= y
        elif function == _LT:
            holds = x < y
        elif function == NE:
            holds = x != y
        elif function == _GT:
            holds = x > y
        else:
            holds = x >= y
        put(out, i, np.int64(holds))


@inner_kernel
def reduce_float_elements(function: int, b: Any, start: Any, count: int, masked: int, mask: Any, kind: Any) -> Any:
    """`start` combined with the active elements in order (vfredosum; vfredusum may take any order, so also this one)."""
    total = start
    for i in range(count):
        if masked and not get(mask, i, _U8):
            continue
        x = get(b, i, kind)
        if function == REDUCE_SUM:
            total = total + x
        elif function == _REDUCE_MIN:
            total = minimum(total, x)
        else:
            total = maximum(total, x)
        total = total if total == total else kind + _NAN
    return total
