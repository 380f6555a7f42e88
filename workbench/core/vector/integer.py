"""Integer, fixed-point, comparison and merge instructions of the vector unit, on operands widened to int64.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.integer import (
    divide,
    divide_unsigned,
    multiply_high_mixed,
    remainder,
    remainder_unsigned,
    shift_right_logical,
    unsigned_less,
)
from workbench.core.interpreter.primitives import get, multiply_high_signed, multiply_high_unsigned, put
from workbench.core.vector.fixed_point import (
    average,
    clip,
    fractional_multiply,
    saturating_add,
    saturating_add_unsigned,
    saturating_subtract,
    saturating_subtract_unsigned,
    scale_down,
)
from workbench.core.vector.forms import function_number

_I64, _U8 = np.int64(0), np.uint8(0)


def _numbers(names: str) -> tuple[int, ...]:
    return tuple(function_number("int", name) for name in names.split())


_ADD, _SUB, _RSUB, _AND, _OR, _XOR = _numbers("add sub rsub and or xor")
_SLL, _SRL, _SRA, _NSRL, _NSRA = _numbers("sll srl sra nsrl nsra")
_MIN, _MAX, _MINU, _MAXU = _numbers("min max minu maxu")
_MUL, _MULH, _MULHU, _MULHSU, _DIV, _DIVU, _REM, _REMU = _numbers("mul mulh mulhu mulhsu div divu rem remu")
_MACC, _NMSAC, _MADD, _NMSUB = _numbers("macc nmsac madd nmsub")
_MSEQ, _MSNE, _MSLT, _MSLTU, _MSLE, _MSLEU, _MSGT, _MSGTU = _numbers("mseq msne mslt msltu msle msleu msgt msgtu")
_ADC, _MADC, _SBC, _MSBC, _MERGE = _numbers("adc madc sbc msbc merge")
_SADD, _SADDU, _SSUB, _SSUBU, _SMUL, _SSRL, _SSRA = _numbers("sadd saddu ssub ssubu smul ssrl ssra")
_NCLIP, _NCLIPU, _AADD, _AADDU, _ASUB, _ASUBU = _numbers("nclip nclipu aadd aaddu asub asubu")
IS_MOVE, IS_MOVE2 = _numbers("move move2")
_COMPARISONS = (min(_MSEQ, _MSGTU), max(_MSEQ, _MSGT))


@inner_kernel
def integer_elements(
    function: int,
    machine: Any,
    a: Any,
    b: Any,
    d: Any,
    out: Any,
    count: int,
    bits: int,
    shift_mask: int,
    uses_v0: int,
    masked: int,
) -> None:
    """out[i] = function(vs2 = b[i], vs1 = a[i], vd = d[i]); `bits` = SEW, `shift_mask` cuts shift amounts.

    Inactive elements may be computed, but must not saturate.
    """
    if function == _ADD:
        for i in range(count):
            put(out, i, get(b, i, _I64) + get(a, i, _I64))
    elif function == _SUB:
        for i in range(count):
            put(out, i, get(b, i, _I64) - get(a, i, _I64))
    elif function == _RSUB:
        for i in range(count):
            put(out, i, get(a, i, _I64) - get(b, i, _I64))
    elif function == _AND:
        for i in range(count):
            put(out, i, get(b, i, _I64) & get(a, i, _I64))
    elif function == _OR:
        for i in range(count):
            put(out, i, get(b, i, _I64) | get(a, i, _I64))
    elif function == _XOR:
        for i in range(count):
            put(out, i, get(b, i, _I64) ^ get(a, i, _I64))
    elif function == _SLL:
        for i in range(count):
            put(out, i, get(b, i, _I64) << (get(a, i, _I64) & shift_mask))
    elif function == _SRL or function == _NSRL:
        for i in range(count):
            put(out, i, shift_right_logical(get(b, i, _I64), get(a, i, _I64) & shift_mask))
    elif function == _SRA or function == _NSRA:
        for i in range(count):
            put(out, i, get(b, i, _I64) >> (get(a, i, _I64) & shift_mask))
    elif function == _MUL:
        for i in range(count):
            put(out, i, get(b, i, _I64) * get(a, i, _I64))
    elif function == _MACC:
        for i in range(count):
            put(out, i, get(b, i, _I64) * get(a, i, _I64) + get(d, i, _I64))
    elif function == _NMSAC:
        for i in range(count):
            put(out, i, get(d, i, _I64) - get(b, i, _I64) * get(a, i, _I64))
    elif function == _MADD:
        for i in range(count):
            put(out, i, get(d, i, _I64) * get(a, i, _I64) + get(b, i, _I64))
    elif function == _NMSUB:
        for i in range(count):
            put(out, i, get(b, i, _I64) - get(d, i, _I64) * get(a, i, _I64))
    elif function == _MERGE:
        for i in range(count):
            put(out, i, get(a, i, _I64) if get(machine.mask, i, _U8) else get(b, i, _I64))
    elif _COMPARISONS[0] <= function <= _COMPARISONS[1]:
        compare_elements(function, a, b, out, count)
    elif _SADDU <= function <= _SSUB or function == _SMUL:
        _saturate(function, machine, a, b, out, count, bits, masked)
    else:
        for i in range(count):
            if masked and not get(machine.mask, i, _U8):
                continue
            x, y = get(b, i, _I64), get(a, i, _I64)
            carry = np.int64(get(machine.mask, i, _U8)) if uses_v0 else np.int64(0)
            put(out, i, rare_element(function, machine, x, y, carry, bits, shift_mask))


@inner_kernel
def compare_elements(function: int, a: Any, b: Any, out: Any, count: int) -> None:
    """Comparisons vs2 ? vs1 as 0 or 1."""
    if function == _MSEQ:
        for i in range(count):
            put(out, i, np.int64(get(b, i, _I64) == get(a, i, _I64)))
    elif function == _MSNE:
        for i in range(count):
            put(out, i, np.int64(get(b, i, _I64) != get(a, i, _I64)))
    elif function == _MSLT:
        for i in range(count):
            put(out, i, np.int64(get(b, i, _I64) < get(a, i, _I64)))
    elif function == _MSLTU:
        for i in range(count):
            put(out, i, np.int64(unsigned_less(get(b, i, _I64), get(a, i, _I64))))
    elif function == _MSLE:
        for i in range(count):
            put(out, i, np.int64(get(b, i, _I64) <= get(a, i, _I64)))
    elif function == _MSLEU:
        for i in range(count):
            put(out, i, np.int64(not unsigned_less(get(a, i, _I64), get(b, i, _I64))))
    elif function == _MSGT:
        for i in range(count):
            put(out, i, np.int64(get(b, i, _I64) > get(a, i, _I64)))
    else:
        for i in range(count):
            put(out, i, np.int64(unsigned_less(get(a, i, _I64), get(b, i, _I64))))


@inner_kernel
def _saturate(function: int, machine: Any, a: Any, b: Any, out: Any, count: int, bits: int, masked: int) -> None:
    for i in range(count):
        if masked and not get(machine.mask, i, _U8):
            continue
        x, y = get(b, i, _I64), get(a, i, _I64)
        if function == _SADD:
            value, changed = saturating_add(x, y, bits)
        elif function == _SSUB:
            value, changed = saturating_subtract(x, y, bits)
        elif function == _SADDU:
            value, changed = saturating_add_unsigned(x, y, bits)
        elif function == _SSUBU:
            value, changed = saturating_subtract_unsigned(x, y)
        else:
            value, changed = fractional_multiply(x, y, bits, machine.vxrm)
        machine.vxsat |= changed
        put(out, i, value)


@inner_kernel
def rare_element(function: int, machine: Any, x: Any, y: Any, carry: int, bits: int, shift_mask: int) -> Any:
    """One element of the instructions that are not worth a loop each: vs2 = x, vs1 = y."""
    if function == _MIN:
        return min(x, y)
    elif function == _MAX:
        return max(x, y)
    elif function == _MINU:
        return x if unsigned_less(x, y) else y
    elif function == _MAXU:
        return y if unsigned_less(x, y) else x
    elif function == _MULH or function == _MULHU or function == _MULHSU:
        return _multiply_high(function, x, y, bits)
    elif function == _DIV:
        return divide(x, y)
    elif function == _DIVU:
        return divide_unsigned(x, y)
    elif function == _REM:
        return remainder(x, y)
    elif function == _REMU:
        return remainder_unsigned(x, y)
    elif function == _ADC:
        return x + y + carry
    elif function == _SBC:
        return x - y - carry
    elif function == _MADC:
        total = x + y + carry
        if bits < 64:
            return total >> bits & 1
        return np.int64(unsigned_less(total, x) or (carry != 0 and total == x))
    elif function == _MSBC:
        return np.int64(unsigned_less(x, y) or (carry != 0 and x == y))
    elif function == _SSRL:
        return scale_down(x, y & shift_mask, machine.vxrm, False)
    elif function == _SSRA:
        return scale_down(x, y & shift_mask, machine.vxrm, True)
    elif function == _NCLIP or function == _NCLIPU:
        value, changed = clip(x, y & shift_mask, bits, machine.vxrm, function == _NCLIP)
        machine.vxsat |= changed
        return value
    elif function == _AADD or function == _AADDU:
        return average(x, y, machine.vxrm, function == _AADD, False)
    return average(x, y, machine.vxrm, function == _ASUB, True)


@inner_kernel
def _multiply_high(function: int, x: Any, y: Any, bits: int) -> Any:
    if bits < 64:
        return x * y >> bits
    if function == _MULH:
        return multiply_high_signed(x, y)
    if function == _MULHU:
        return multiply_high_unsigned(x, y)
    return multiply_high_mixed(x, y)
