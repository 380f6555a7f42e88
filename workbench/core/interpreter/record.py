"""What the interpreter writes down while it runs: instructions for a trace, and when it enters another region.

An instruction is a few words: the index of its entry; for a vector instruction vl, log2 of SEW and of LMUL (`VECTOR_WORD`);
its address if it accesses memory; its stride; the addresses of its elements if it is indexed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import get, store
from workbench.core.interpreter.state import VISIT_DTYPE
from workbench.isa.code import Flag

_VECTOR, _MEMORY = int(Flag.VECTOR), int(Flag.LOAD | Flag.STORE)
_STRIDED, _INDEXED = int(Flag.STRIDED), int(Flag.INDEXED)
_VISIT_BYTES = VISIT_DTYPE.itemsize
_I64 = np.int64(0)
SEW_SHIFT, LMUL_SHIFT, VL_MASK = 32, 40, (1 << 32) - 1  # of the word with vl; LMUL in the top, signed
FIXED_WORDS = 4  # of an instruction, besides its elements


@inner_kernel
def record_instruction(m: Any, flags: int, entry: int, address: int) -> bool:
    """Append an executed instruction; whether the buffer is full."""
    at = m.record_pointer
    store(at, np.int64(entry))
    at += 8
    if flags & _VECTOR:
        store(at, m.vl | (m.sew_log2 << SEW_SHIFT) | (m.lmul_log2 << LMUL_SHIFT))
        at += 8
        address = m.address
    if flags & _MEMORY:
        store(at, np.int64(address))
        at += 8
    if flags & _STRIDED:
        store(at, m.stride)
        at += 8
    if flags & _INDEXED:
        for k in range(m.vl):
            store(at, get(m.addresses, k, _I64))
            at += 8
    m.record_pointer = at
    return at >= m.record_end


@inner_kernel(is_rare=True)
def record_visit(m: Any, region: int, instructions: int, cycle: int, pc: int) -> None:
    """Append that execution enters a region at `pc`."""
    at = m.visit_pointer
    store(at, np.int64(region))
    store(at + 8, np.int64(instructions))
    store(at + 16, np.int64(cycle))
    store(at + 24, np.int64(pc))
    m.visit_pointer = at + _VISIT_BYTES
    m.visits_left -= 1
