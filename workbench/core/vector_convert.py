"""Conversions between vector element types, and classification.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", "Vector Floating-Point/Integer Type-Convert".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter_float import NAN32, NAN64, classify, narrow, to_integer
from workbench.core.interpreter_primitives import get, put, reinterpret
from workbench.core.vector_forms import function_number

_F32, _F64, _I32, _I64, _U8 = np.float32(0), np.float64(0), np.int32(0), np.int64(0), np.uint8(0)


def _number(name: str) -> int:
    return function_number("convert", name)


_CLASS, _F_U, _F_X, _U_F, _X_F = _number("class"), _number("f_u"), _number("f_x"), _number("u_f"), _number("x_f")
_F_U_ZERO, _F_X_ZERO, _F_F, _F_F_ODD = _number("f_u_zero"), _number("f_x_zero"), _number("f_f"), _number("f_f_odd")


@inner_kernel
def takes_float(function: int) -> Any:
    """The source elements are floating-point."""
    return function != _U_F and function != _X_F


@inner_kernel
def gives_float(function: int) -> Any:
    """The results are floating-point."""
    return function == _U_F or function == _X_F or function == _F_F or function == _F_F_ODD


@inner_kernel
def is_signed_source(function: int) -> Any:
    """The source elements are signed integers."""
    return function == _X_F


@inner_kernel
def _float_bits(value: Any, bits: int) -> Any:
    """Pattern of a float64 as a float of `bits` bits (already representable), NaN canonical."""
    if bits == 32:
        return np.int64(reinterpret(np.float32(value), _I32)) if value == value else np.int64(NAN32)
    return reinterpret(value, _I64) if value == value else np.int64(NAN64)


@inner_kernel
def _from_integer(value: Any, is_signed: int, bits: int) -> Any:
    if bits == 32:
        single = np.float32(value) if is_signed else np.float32(np.uint64(value))
        return np.int64(reinterpret(single, _I32))
    wide = np.float64(value) if is_signed else np.float64(np.uint64(value))
    return reinterpret(wide, _I64)


@inner_kernel
def convert_elements(
    function: int, machine: Any, b: Any, out: Any, count: int, from_bits: int, to_bits: int, masked: int
) -> None:
    """out[i] (int64 patterns) from b[i] (int64: integers extended, float patterns)."""
    mode = machine.frm
    for i in range(count):
        if masked and not get(machine.mask, i, _U8):
            continue
        pattern = get(b, i, _I64)
        if function == _CLASS:
            put(out, i, classify(pattern, 8, 23) if from_bits == 32 else classify(pattern, 11, 52))
            continue
        if function == _X_F or function == _U_F:
            put(out, i, _from_integer(pattern, function == _X_F, to_bits))
            continue
        if from_bits == 32:
            value = np.float64(reinterpret(np.int32(pattern), _F32))
        else:
            value = reinterpret(pattern, _F64)
        if function == _F_F:
            put(out, i, _float_bits(np.float64(narrow(value, mode)) if to_bits == 32 else value, to_bits))
        elif function == _F_F_ODD:
            put(out, i, _float_bits(np.float64(narrow(value, 5)), to_bits))
        else:
            rounding = 1 if function == _F_U_ZERO or function == _F_X_ZERO else mode
            result, flags = to_integer(value, rounding, to_bits, function == _F_U or function == _F_U_ZERO)
            machine.fflags |= flags
            put(out, i, result)
