"""Conversions between vector element types, and classification.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", "Vector Floating-Point/Integer Type-Convert".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.float_formats import classify, is_signaling, to_integer, value_of
from workbench.core.interpreter.primitives import get, put, reinterpret
from workbench.core.interpreter.rounding import TO_ODD, TO_ZERO, round_float, round_integer
from workbench.core.interpreter.state import INEXACT
from workbench.core.vector.forms import function_number

_I32, _I64, _U8 = np.int32(0), np.int64(0), np.uint8(0)
_LEAST32, _GREATEST32 = 2.0**-125, 2.0**127


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
def _from_integer(value: int, is_signed: int, width: int, machine: Any) -> Any:
    """Pattern of an integer; the host's where that raises no flag that is not set already."""
    if machine.frm == 0 and width > 4 and machine.fflags & INEXACT != 0:
        if width == 6:
            return reinterpret(np.float64(value) if is_signed else np.float64(np.uint64(value)), _I64)
        return np.int64(reinterpret(np.float32(value) if is_signed else np.float32(np.uint64(value)), _I32))
    pattern, flags = round_integer(value, is_signed, machine.frm, width)
    machine.fflags |= flags
    return pattern


@inner_kernel
def _from_float(pattern: int, source: int, mode: int, width: int, machine: Any) -> Any:
    """Pattern of a float in another format."""
    value = value_of(pattern, source)
    if width == 6 and value == value:
        return reinterpret(value, _I64)
    if width == 5 and mode == 0 and machine.fflags & INEXACT != 0 and _LEAST32 <= abs(value) < _GREATEST32:
        return np.int64(reinterpret(np.float32(value), _I32))
    result, flags = round_float(value, is_signaling(pattern, source), mode, width)
    machine.fflags |= flags
    return result


@inner_kernel
def convert_elements(
    function: int, machine: Any, b: Any, out: Any, count: int, source: int, target: int, masked: int
) -> None:
    """out[i] (int64 patterns) from b[i] (int64: integers extended, float patterns); log2 of the widths in bits."""
    mode = machine.frm
    for i in range(count):
        if masked and not get(machine.mask, i, _U8):
            continue
        pattern = get(b, i, _I64)
        if function == _CLASS:
            result = classify(pattern, source)
        elif function == _X_F or function == _U_F:
            result = _from_integer(pattern, function == _X_F, target, machine)
        elif function == _F_F or function == _F_F_ODD:
            result = _from_float(pattern, source, TO_ODD if function == _F_F_ODD else mode, target, machine)
        else:
            rounding = TO_ZERO if function == _F_U_ZERO or function == _F_X_ZERO else mode
            is_unsigned = function == _F_U or function == _F_U_ZERO
            result, flags = to_integer(value_of(pattern, source), rounding, 1 << target, is_unsigned)
            machine.fflags |= flags
        put(out, i, result)
