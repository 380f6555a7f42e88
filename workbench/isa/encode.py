"""Encode an instruction of the table from its operands; for tests, random programs and small generated ones."""

from __future__ import annotations

from workbench.isa.operands import Operand
from workbench.isa.table import numbers, row_of

_ABI = "zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6".split()
_FLOAT_ABI = [
    f"f{n}" for n in "t0 t1 t2 t3 t4 t5 t6 t7 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11".split()
]
_FLOAT_ABI += ["ft8", "ft9", "ft10", "ft11"]
X_NAMES, F_NAMES = tuple(_ABI), tuple(_FLOAT_ABI)
REGISTERS = {name: n for n, name in enumerate(X_NAMES)} | {name: n for n, name in enumerate(F_NAMES)} | {"fp": 8}
REGISTERS |= {f"{kind}{n}": n for kind in "xfv" for n in range(32)}
_DEFAULTS = {"vm": 1, "rm": 7}


def encode(mnemonic: str, *values: int | str) -> int:
    """The instruction word; `values` follow the row's assembly syntax, registers as numbers or names.

    A missing last `vm` means unmasked, a missing last `rm` the dynamic rounding mode. KeyError for an unknown mnemonic,
    ValueError for a value that does not fit.
    """
    row = row_of(numbers()[mnemonic])
    word = row.match
    operands = row.operands
    if not len(operands) - 1 <= len(values) <= len(operands):
        raise ValueError(f"{mnemonic} takes {row.syntax or 'no operands'}")
    for number, operand in enumerate(operands):
        word |= operand.place(_value(operand, values[number] if number < len(values) else None))
    return word


def _value(operand: Operand, value: int | str | None) -> int:
    if value is None:
        if operand.name not in _DEFAULTS:
            raise ValueError(f"operand {operand.name} is missing")
        return _DEFAULTS[operand.name]
    return REGISTERS[value] if isinstance(value, str) else value


def vtype(sew_bits: int, lmul: float, *, tail_agnostic: bool = True, mask_agnostic: bool = True) -> int:
    """The vtype value of a SEW of 8 to 64 and an LMUL of 1/8 to 8."""
    power = {0.125: 5, 0.25: 6, 0.5: 7, 1: 0, 2: 1, 4: 2, 8: 3}[lmul]
    return mask_agnostic << 7 | tail_agnostic << 6 | (sew_bits.bit_length() - 4) << 3 | power


def assemble(*instructions: tuple[int | str, ...]) -> bytes:
    """Machine code of instructions given as ``("addi", "a0", "a0", 1)``."""
    return b"".join(encode(str(first), *rest).to_bytes(4, "little") for first, *rest in instructions)
