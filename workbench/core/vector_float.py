"""Floating-point arithmetic of the vector unit: one loop an operation, compiled for float32 and for float64.

Results are rounded to nearest even and NaN results are canonical; vector instructions raise no IEEE flags (conversions
to integers excepted).

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", "Vector Floating-Point Instructions".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter_float import maximum, minimum
from workbench.core.interpreter_primitives import fma, get, put
from workbench.core.vector_forms import function_number


def _numbers(group: str, names: str) -> tuple[int, ...]:
    return tuple(function_number(group, name) for name in names.split())


_ADD, _SUB, _RSUB, _MUL, _DIV, _RDIV = _numbers("float", "add sub rsub mul div rdiv")
_MIN, _MAX, SGNJ, SGNJN, SGNJX = _numbers("float", "min max sgnj sgnjn sgnjx")
REC7, RSQRT7 = _numbers("float", "rec7 rsqrt7")
FIRST_MULTIPLY_ADD = function_number("float", "madd")
_MADD, _NMADD, _MSUB, _NMSUB = _numbers("float", "madd nmadd msub nmsub")
_MACC, _NMACC, _MSAC, _NMSAC = _numbers("float", "macc nmacc msac nmsac")
_EQ, _LE, _LT, _NE, _GT, _GE = _numbers("float_compare", "mfeq mfle mflt mfne mfgt mfge")
_SUM, _REDUCE_MIN = _numbers("reduce_float", "sum min")
_NAN = np.float32(np.nan)
_U8, _I32, _I64 = np.uint8(0), np.int32(0), np.int64(0)
_SIGN32, _SIGN64 = np.int32(-(1 << 31)), np.int64(-(1 << 63))


@inner_kernel
def float_elements(function: int, a: Any, b: Any, out: Any, count: int, kind: Any) -> None:
    """out[i] = function(vs2 = b[i], vs1 = a[i]) in the type of `kind`."""
    nan = kind + _NAN
    if function == _ADD:
        for i in range(count):
            x = get(b, i, kind) + get(a, i, kind)
            put(out, i, x if x == x else nan)
    elif function == _SUB:
        for i in range(count):
            x = get(b, i, kind) - get(a, i, kind)
            put(out, i, x if x == x else nan)
    elif function == _RSUB:
        for i in range(count):
            x = get(a, i, kind) - get(b, i, kind)
            put(out, i, x if x == x else nan)
    elif function == _MUL:
        for i in range(count):
            x = get(b, i, kind) * get(a, i, kind)
            put(out, i, x if x == x else nan)
    elif function == _DIV:
        for i in range(count):
            x = get(b, i, kind) / get(a, i, kind)
            put(out, i, x if x == x else nan)
    elif function == _RDIV:
        for i in range(count):
            x = get(a, i, kind) / get(b, i, kind)
            put(out, i, x if x == x else nan)
    elif function == _MAX:
        for i in range(count):
            x, y = get(b, i, kind), get(a, i, kind)
            z = x if x > y else y if y > x else maximum(x, y)
            put(out, i, z if z == z else nan)
    elif function == _MIN:
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
    else:
        for i in range(count):
            put(out, i, _injected(function, get(b, i, _I64), get(a, i, _I64), _SIGN64))


@inner_kernel
def multiply_add_elements(function: int, a: Any, b: Any, d: Any, count: int, kind: Any) -> None:
    """d[i] = +-(product) +- addend, in place; d is vd, a is vs1, b is vs2."""
    nan = kind + _NAN
    if function == _MACC:
        for i in range(count):
            x = fma(get(a, i, kind), get(b, i, kind), get(d, i, kind))
            put(d, i, x if x == x else nan)
    elif function == _MADD:
        for i in range(count):
            x = fma(get(a, i, kind), get(d, i, kind), get(b, i, kind))
            put(d, i, x if x == x else nan)
    elif function == _NMSAC:
        for i in range(count):
            x = fma(-get(a, i, kind), get(b, i, kind), get(d, i, kind))
            put(d, i, x if x == x else nan)
    elif function == _NMSUB:
        for i in range(count):
            x = fma(-get(a, i, kind), get(d, i, kind), get(b, i, kind))
            put(d, i, x if x == x else nan)
    elif function == _MSAC:
        for i in range(count):
            x = fma(get(a, i, kind), get(b, i, kind), -get(d, i, kind))
            put(d, i, x if x == x else nan)
    elif function == _MSUB:
        for i in range(count):
            x = fma(get(a, i, kind), get(d, i, kind), -get(b, i, kind))
            put(d, i, x if x == x else nan)
    elif function == _NMACC:
        for i in range(count):
            x = fma(-get(a, i, kind), get(b, i, kind), -get(d, i, kind))
            put(d, i, x if x == x else nan)
    else:
        for i in range(count):
            x = fma(-get(a, i, kind), get(d, i, kind), -get(b, i, kind))
            put(d, i, x if x == x else nan)


@inner_kernel
def float_compare_elements(function: int, a: Any, b: Any, out: Any, count: int, kind: Any) -> None:
    """Comparisons vs2 ? vs1 as int64 0 or 1; unordered is false (true for not-equal)."""
    for i in range(count):
        x, y = get(b, i, kind), get(a, i, kind)
        if function == _EQ:
            holds = x == y
        elif function == _LE:
            holds = x <= y
        elif function == _LT:
            holds = x < y
        elif function == _NE:
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
        if function == _SUM:
            total = total + x
        elif function == _REDUCE_MIN:
            total = minimum(total, x)
        else:
            total = maximum(total, x)
        total = total if total == total else kind + _NAN
    return total
