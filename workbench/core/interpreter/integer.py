"""Integer helpers of the interpreter: division, bit manipulation, atomics."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import (
    leading_zeros,
    load,
    multiply_high_unsigned,
    population,
    store,
    trailing_zeros,
)
from workbench.isa.table import op as _op

_I32, _I64 = np.int32(0), np.int64(0)
_MIN64 = -(1 << 63)
_SH1ADD, _SH2ADD, _SH3ADD = _op("sh1add"), _op("sh2add"), _op("sh3add")
_SH1ADD_UW, _SH2ADD_UW, _SH3ADD_UW = _op("sh1add.uw"), _op("sh2add.uw"), _op("sh3add.uw")
_ADD_UW, _SLLI_UW, _ANDN, _ORN, _XNOR = _op("add.uw"), _op("slli.uw"), _op("andn"), _op("orn"), _op("xnor")
_MIN, _MINU, _MAX, _MAXU = _op("min"), _op("minu"), _op("max"), _op("maxu")
_ROL, _ROR, _ROLW, _RORW, _RORI, _RORIW = (_op(name) for name in "rol ror rolw rorw rori roriw".split())
_CLZ, _CLZW, _CTZ, _CTZW, _CPOP, _CPOPW = (_op(name) for name in "clz clzw ctz ctzw cpop cpopw".split())
_SEXT_B, _SEXT_H, _ZEXT_H, _ORC_B, _REV8 = (_op(name) for name in "sext.b sext.h zext.h orc.b rev8".split())
_BCLR, _BCLRI, _BEXT, _BEXTI = (_op(name) for name in "bclr bclri bext bexti".split())
_BINV, _BINVI, _BSET, _BSETI = (_op(name) for name in "binv binvi bset bseti".split())
_CZERO_EQZ, _CZERO_NEZ = _op("czero.eqz"), _op("czero.nez")
_LR_W, _LR_D, _SC_W, _SC_D = _op("lr.w"), _op("lr.d"), _op("sc.w"), _op("sc.d")
_SWAP, _ADD, _XOR, _AND, _OR, _AMIN, _AMAX, _AMINU, _AMAXU = (
    _op(f"amo{name}.w") for name in "swap add xor and or min max minu maxu".split()
)
_WORD_TO_DOUBLE = _op("lr.d") - _op("lr.w")


@inner_kernel
def unsigned_less(a: Any, b: Any) -> Any:
    """a < b as unsigned 64-bit."""
    return np.uint64(a) < np.uint64(b)


@inner_kernel
def divide(a: Any, b: Any) -> Any:
    """RISC-V DIV: truncated; -1 for division by zero, the dividend on overflow."""
    if b == 0:
        return np.int64(-1)
    quotient = np.uint64(-a if a < 0 else a) // np.uint64(-b if b < 0 else b)
    return -np.int64(quotient) if (a < 0) != (b < 0) else np.int64(quotient)


@inner_kernel
def remainder(a: Any, b: Any) -> Any:
    """RISC-V REM: sign of the dividend; the dividend for division by zero, 0 on overflow."""
    if b == 0:
        return np.int64(a)
    rest = np.int64(np.uint64(-a if a < 0 else a) % np.uint64(-b if b < 0 else b))
    return -rest if a < 0 else rest


@inner_kernel
def divide_unsigned(a: Any, b: Any) -> Any:
    """RISC-V DIVU on 64-bit patterns."""
    return np.int64(-1) if b == 0 else np.int64(np.uint64(a) // np.uint64(b))


@inner_kernel
def remainder_unsigned(a: Any, b: Any) -> Any:
    """RISC-V REMU on 64-bit patterns."""
    return np.int64(a) if b == 0 else np.int64(np.uint64(a) % np.uint64(b))


@inner_kernel
def multiply_high_mixed(a: Any, b: Any) -> Any:
    """RISC-V MULHSU: high half of signed a times unsigned b."""
    high = multiply_high_unsigned(a, b)
    return high - b if a < 0 else high


@inner_kernel
def shift_right_logical(a: Any, amount: int) -> Any:
    """Logical right shift of a 64-bit pattern by 0 to 63."""
    return np.int64(np.uint64(a) >> np.uint64(amount))


@inner_kernel
def _rotate_right(a: Any, amount: int) -> Any:
    amount &= 63
    return a if amount == 0 else shift_right_logical(a, amount) | a << (64 - amount)


@inner_kernel
def _rotate_right_word(a: Any, amount: int) -> Any:
    amount &= 31
    low = a & 0xFFFFFFFF
    return np.int64(np.int32(low >> amount | low << (32 - amount)))


@inner_kernel
def _or_combine_bytes(a: Any) -> Any:
    result = np.int64(0)
    for byte in range(8):
        if a >> (8 * byte) & 0xFF:
            result |= np.int64(0xFF) << (8 * byte)
    return result


@inner_kernel
def _reverse_bytes(a: Any) -> Any:
    result = np.int64(0)
    for byte in range(8):
        result |= (a >> (8 * byte) & 0xFF) << (56 - 8 * byte)
    return result


@inner_kernel
def bit_manipulation(op: int, a: Any, b: Any, imm: int) -> Any:
    """Result of a Zba, Zbb, Zbs or Zicond instruction; `b` is rs2's value, `imm` the immediate."""
    word_a = a & 0xFFFFFFFF
    if op == _SH1ADD:
        return (a << 1) + b
    elif op == _SH2ADD:
        return (a << 2) + b
    elif op == _SH3ADD:
        return (a << 3) + b
    elif op == _SH1ADD_UW:
        return (word_a << 1) + b
    elif op == _SH2ADD_UW:
        return (word_a << 2) + b
    elif op == _SH3ADD_UW:
        return (word_a << 3) + b
    elif op == _ADD_UW:
        return word_a + b
    elif op == _SLLI_UW:
        return word_a << imm
    elif op == _ANDN:
        return a & ~b
    elif op == _ORN:
        return a | ~b
    elif op == _XNOR:
        return ~(a ^ b)
    elif op == _MIN:
        return min(a, b)
    elif op == _MAX:
        return max(a, b)
    elif op == _MINU:
        return a if unsigned_less(a, b) else b
    elif op == _MAXU:
        return b if unsigned_less(a, b) else a
    elif op == _ROR:
        return _rotate_right(a, b)
    elif op == _ROL:
        return _rotate_right(a, -b)
    elif op == _RORI:
        return _rotate_right(a, imm)
    elif op == _RORW:
        return _rotate_right_word(a, b)
    elif op == _ROLW:
        return _rotate_right_word(a, -b)
    elif op == _RORIW:
        return _rotate_right_word(a, imm)
    elif op == _CLZ:
        return leading_zeros(a)
    elif op == _CLZW:
        return leading_zeros(word_a) - 32
    elif op == _CTZ:
        return trailing_zeros(a)
    elif op == _CTZW:
        return trailing_zeros(a | np.int64(1) << 32)
    elif op == _CPOP:
        return population(a)
    elif op == _CPOPW:
        return population(word_a)
    elif op == _SEXT_B:
        return np.int64(np.int8(a))
    elif op == _SEXT_H:
        return np.int64(np.int16(a))
    elif op == _ZEXT_H:
        return a & 0xFFFF
    elif op == _ORC_B:
        return _or_combine_bytes(a)
    elif op == _REV8:
        return _reverse_bytes(a)
    elif op == _BCLR:
        return a & ~(np.int64(1) << (b & 63))
    elif op == _BCLRI:
        return a & ~(np.int64(1) << imm)
    elif op == _BEXT:
        return a >> (b & 63) & 1
    elif op == _BEXTI:
        return a >> imm & 1
    elif op == _BINV:
        return a ^ np.int64(1) << (b & 63)
    elif op == _BINVI:
        return a ^ np.int64(1) << imm
    elif op == _BSET:
        return a | np.int64(1) << (b & 63)
    elif op == _BSETI:
        return a | np.int64(1) << imm
    elif op == _CZERO_EQZ:
        return np.int64(0) if b == 0 else a
    else:  # czero.nez
        return np.int64(0) if b != 0 else a


@inner_kernel
def _combine(op: int, old: Any, value: Any) -> Any:
    """New memory content of an AMO from sign-extended operands; `op` is the .w form's number."""
    if op == _SWAP:
        return value
    elif op == _ADD:
        return old + value
    elif op == _XOR:
        return old ^ value
    elif op == _AND:
        return old & value
    elif op == _OR:
        return old | value
    elif op == _AMIN:
        return min(old, value)
    elif op == _AMAX:
        return max(old, value)
    elif op == _AMINU:
        return old if unsigned_less(old, value) else value
    else:
        return value if unsigned_less(old, value) else old


@inner_kernel
def atomic(op: int, address: int, value: Any, machine: Any) -> Any:
    """Execute an A instruction at a checked address; returns rd's value. One hart: always succeeds when reserved."""
    place = machine.memory_pointer + (address - machine.memory_base)
    is_double = op >= _LR_D
    word_op = op - _WORD_TO_DOUBLE if is_double else op
    if word_op == _SC_W:
        failed = machine.reservation != address
        machine.reservation = -1
        if failed:
            return np.int64(1)
        if is_double:
            store(place, value)
        else:
            store(place, np.int32(value))
        return np.int64(0)
    old = load(place, _I64) if is_double else np.int64(load(place, _I32))
    if word_op == _LR_W:
        machine.reservation = address
    elif is_double:
        store(place, _combine(word_op, old, value))
    else:
        store(place, np.int32(_combine(word_op, old, np.int64(np.int32(value)))))
    return old
