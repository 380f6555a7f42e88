"""Products of small matrices of bytes: `isa.table_matrix` says what they do.

As on the hardware vl, the mask and the tail policy do not matter: an instruction works on whole registers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import get, put
from workbench.core.interpreter.state import Status
from workbench.core.vector.elements import widen
from workbench.core.vector.forms import function_number
from workbench.core.vector.operands import are_apart, place

_ILLEGAL = int(Status.ILLEGAL)
_I32, _I64 = np.int32(0), np.int64(0)
_FIRST_SLIDE = function_number("matrix", "slide0")
_BYTES, _PAIR = 3, 1  # log2 of the bits of an element, of the registers of a pair


@inner_kernel
def side_of(vlen_bytes: int) -> Any:
    """Rows of each matrix for registers of so many bytes, 0 where these do not hold square sums."""
    rows = np.int64(4)
    while 2 * rows * rows < vlen_bytes:
        rows *= 2
    return rows if 2 * rows * rows == vlen_bytes else np.int64(0)


@inner_kernel
def matrix_instruction(c: Any, form: Any, machine: Any) -> Any:
    """Execute ``smt.vmadot*``; a status, 0 if all is well."""
    m = machine
    rows, slide = side_of(m.vlenb), np.int64(form.function - _FIRST_SLIDE)
    if rows == 0 or m.sew_log2 != _BYTES or m.lmul_log2 != 0:
        return _ILLEGAL
    target = np.int64(c.rd)
    pair = _PAIR if slide > 0 else 0
    if not are_apart(target, _PAIR, np.int64(c.rs1), pair) or not are_apart(target, _PAIR, np.int64(c.rs2), 0):
        return _ILLEGAL
    depth = m.vlenb // rows
    widen(place(m, c.rs1) + slide * depth, m.a, m.vlenb, _BYTES, form.signed1)
    widen(place(m, c.rs2), m.b, m.vlenb, _BYTES, form.signed2)
    sums = place(m, c.rd)
    for i in range(rows):
        for j in range(rows):
            total = np.int64(get(sums, i * rows + j, _I32))
            for k in range(depth):
                total += get(m.a, i * depth + k, _I64) * get(m.b, j * depth + k, _I64)
            put(sums, i * rows + j, np.int32(total))
    return 0
