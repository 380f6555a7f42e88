"""What the host's arithmetic cannot show of a vector instruction: IEEE flags, and results in the other rounding modes.

Once inexact has been raised, `looks_unusual` sees in one quick pass whether any result may have raised another flag;
before that, `all_exact` sees whether none did. Otherwise `settle_elements` computes the active elements again, one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.float_formats import extreme, is_nan, is_signaling, value_of
from workbench.core.interpreter.primitives import fma, get, put
from workbench.core.interpreter.rounding import PRODUCT, QUOTIENT, ROOT, SAFE, SUM, exact, is_exact
from workbench.core.interpreter.state import INVALID
from workbench.core.vector.float_elements import (
    ADD,
    DIV,
    EQ,
    FIRST_MULTIPLY_ADD,
    MACC,
    MAX,
    MIN,
    MSAC,
    MSUB,
    MUL,
    NE,
    NMACC,
    NMADD,
    NMSAC,
    NMSUB,
    RDIV,
    REDUCE_MAX,
    REDUCE_SUM,
    RSUB,
    SQRT,
    SUB,
)

_I64, _U8, _U16, _U32 = np.int64(0), np.uint8(0), np.uint16(0), np.uint32(0)


@inner_kernel
def looks_unusual(out: Any, x: Any, y: Any, count: int, low: Any, high: Any, kind: Any) -> Any:
    """A result's size is not within low ... high, nor is it 0 with a factor of 0 in `x` or `y`."""
    unusual = False
    for i in range(count):
        size = abs(get(out, i, kind))
        zero = (size == 0) & ((get(x, i, kind) == 0) | (get(y, i, kind) == 0))
        unusual |= not (((size >= low) & (size <= high)) | zero)
    return unusual


@inner_kernel
def _all_exact(
    x: Any, y: Any, z: Any, out: Any, count: int, x_sign: Any, z_sign: Any, has_y: int, has_z: int, kind: Any
) -> Any:
    """All results are the exact x * y + z (y = 1 and z = 0 where there are none); False also where that is not sure."""
    inexact = False
    for i in range(count):
        a, near = x_sign * get(x, i, kind), np.float64(get(out, i, kind))
        b = np.float64(get(y, i, kind)) if has_y else 1.0
        c = z_sign * get(z, i, kind) if has_z else 0.0
        product = a * b
        total = product + c
        part = total - product
        error = (product - (total - part)) + (c - part)
        is_safe = (abs(product) >= SAFE) | (a == 0) | (b == 0) | (not has_y)
        inexact |= not ((fma(a, b, -product) == 0) & (error == 0) & (total == near) & (abs(near) < np.inf) & is_safe)
    return not inexact


@inner_kernel
def all_exact(function: int, a: Any, b: Any, d: Any, out: Any, count: int, is_single: int) -> Any:
    """All results of a function of vs1 = a, vs2 = b, vd = d are exact and finite, for sums, products, multiply-adds."""
    x, y, z = b, b, a
    has_y, has_z = False, True
    x_sign, z_sign = 1.0, 1.0
    if function == SUB:
        z_sign = -1.0
    elif function == RSUB:
        x_sign = -1.0
    elif function == MUL:
        y, has_y, has_z = a, True, False
    elif function >= FIRST_MULTIPLY_ADD:
        x, has_y = a, True
        accumulates = function == MACC or function == NMACC or function == MSAC or function == NMSAC
        y, z = (b, d) if accumulates else (d, b)
        if function == NMADD or function == NMSUB or function == NMACC or function == NMSAC:
            x_sign = -1.0
        if function == MSUB or function == NMADD or function == MSAC or function == NMACC:
            z_sign = -1.0
    elif function != ADD:
        return False
    if is_single:
        return _all_exact(x, y, z, out, count, x_sign, z_sign, has_y, has_z, np.float32(0))
    return _all_exact(x, y, z, out, count, x_sign, z_sign, has_y, has_z, 0.0)


@inner_kernel
def any_unordered(x: Any, y: Any, count: int, kind: Any) -> Any:
    """A NaN is among the elements."""
    found = False
    for i in range(count):
        a, b = get(x, i, kind), get(y, i, kind)
        found |= (a != a) | (b != b)
    return found


@inner_kernel
def pattern_at(elements: Any, i: int, width: int) -> Any:
    """Element i of 2**width bits (4 to 6), zero-extended."""
    if width == 5:
        return np.int64(get(elements, i, _U32))
    return get(elements, i, _I64) if width == 6 else np.int64(get(elements, i, _U16))


@inner_kernel
def put_pattern(elements: Any, i: int, pattern: int, width: int) -> None:
    """Set element i of 2**width bits (4 to 6)."""
    if width == 5:
        put(elements, i, np.uint32(pattern))
    elif width == 6:
        put(elements, i, pattern)
    else:
        put(elements, i, np.uint16(pattern))


@inner_kernel
def _operation(function: int, x: Any, y: Any, z: Any) -> Any:
    """(kind, a, b, c) for `exact` of a function of vs1 = x, vs2 = y, vd = z."""
    if function == ADD:
        return SUM, y, 1.0, x
    elif function == SUB:
        return SUM, y, 1.0, -x
    elif function == RSUB:
        return SUM, -y, 1.0, x
    elif function == MUL:
        return PRODUCT, y, x, 0.0
    elif function == DIV:
        return QUOTIENT, y, x, 0.0
    elif function == RDIV:
        return QUOTIENT, x, y, 0.0
    elif function == SQRT:
        return ROOT, y, 1.0, 0.0
    a = -x if function == NMADD or function == NMSUB or function == NMACC or function == NMSAC else x
    accumulates = function == MACC or function == NMACC or function == MSAC or function == NMSAC
    b, c = (y, z) if accumulates else (z, y)
    subtracts = function == MSUB or function == NMADD or function == MSAC or function == NMACC
    return SUM, a, b, -c if subtracts else c


@inner_kernel
def settle_elements(
    function: int, machine: Any, x: Any, step: int, y: Any, z: Any, out: Any, count: int, width1: int, width2: int,
    width: int, masked: int,
) -> None:  # fmt: skip
    """Active results again with their flags; out holds the host's where the mode is to nearest.

    x, y, z: patterns of vs1 (the scalar if `step` is 0), vs2 and vd with their widths; `out` has vd's.
    """
    mode = machine.frm
    for i in range(count):
        if masked and not get(machine.mask, i, _U8):
            continue
        p, q = pattern_at(x, i * step, width1), pattern_at(y, i, width2)
        if function == MIN or function == MAX:
            pattern, flags = extreme(p, q, function == MAX, width)
        else:
            signaling = is_signaling(q, width2) or (function != SQRT and is_signaling(p, width1))
            r = np.int64(0)
            if function >= FIRST_MULTIPLY_ADD:
                r = pattern_at(z, i, width)
                signaling = signaling or is_signaling(r, width)
            kind, a, b, c = _operation(function, value_of(p, width1), value_of(q, width2), value_of(r, width))
            if mode == 0 and is_exact(kind, a, b, c, value_of(pattern_at(out, i, width), width)):
                continue
            pattern, flags = exact(kind, a, b, c, signaling, mode, width)
        machine.fflags |= flags
        put_pattern(out, i, pattern, width)


@inner_kernel
def settle_comparison(function: int, machine: Any, x: Any, step: int, y: Any, count: int, width: int, masked: int) -> None:
    """Raise the invalid flag of a comparison of patterns, some of which are NaNs."""
    is_equality = function == EQ or function == NE
    for i in range(count):
        if masked and not get(machine.mask, i, _U8):
            continue
        p, q = pattern_at(x, i * step, width), pattern_at(y, i, width)
        signals = is_signaling(p, width) or is_signaling(q, width)
        if signals or (not is_equality and (is_nan(p, width) or is_nan(q, width))):
            machine.fflags |= INVALID


@inner_kernel
def reduce_patterns(
    function: int, machine: Any, elements: Any, start: int, count: int, source: int, width: int, masked: int
) -> Any:
    """The pattern of `start` combined with the active elements, one after the other, with all flags."""
    total = start
    for i in range(count):
        if masked and not get(machine.mask, i, _U8):
            continue
        pattern = pattern_at(elements, i, source)
        if function == REDUCE_SUM:
            signaling = is_signaling(total, width) or is_signaling(pattern, source)
            a, c = value_of(total, width), value_of(pattern, source)
            total, flags = exact(SUM, a, 1.0, c, signaling, machine.frm, width)
        else:
            total, flags = extreme(total, pattern, function == REDUCE_MAX, width)
        machine.fflags |= flags
    return total
