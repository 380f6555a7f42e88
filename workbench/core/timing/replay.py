"""Feeds dynamic instructions to the timing engine without executing them: what hand-made streams and traces share."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import kernel
from workbench.base.jit_units import unit_call
from workbench.core.timing.engine import step
from workbench.core.timing.state import TIMING_DTYPE
from workbench.core.timing.vector_step import step_vector
from workbench.isa.code import INSTRUCTION_DTYPE, Flag

ROW_DTYPE = np.dtype(
    [
        ("entry", np.int64),  # the instruction: an index of the predecoded code
        ("pc", np.int64),
        ("next_pc", np.int64),
        ("address", np.int64),  # of a memory access
        ("stride", np.int64),
        ("vl", np.int64),
        ("sew_log2", np.int64),
        ("lmul_log2", np.int64),
        ("element", np.int64),  # where the addresses of an indexed access begin
    ]
)
_VECTOR = int(Flag.VECTOR)
_step_vector = unit_call(TIMING_DTYPE, INSTRUCTION_DTYPE, int, int, int, int, int, int, int, int, int)


def replay(timing: Any, code: np.ndarray, rows: np.ndarray, elements: np.ndarray, count: int) -> None:
    """Time the first `count` of `rows` (`ROW_DTYPE`); `elements` are the addresses of all indexed accesses."""
    _replay(timing, code, rows, elements.ctypes.data, count, step_vector.address() if (code["flags"] & _VECTOR).any() else 0)


@kernel
def _replay(timing: Any, code: Any, rows: Any, elements: int, count: int, vector: int) -> None:
    s = timing[0]
    for k in range(count):
        r = rows[k]
        c = code[r.entry]
        if c.flags & _VECTOR:
            _step_vector(
                vector,
                (
                    s, c, r.entry, r.pc, r.next_pc, r.address, r.stride, r.vl, r.sew_log2, r.lmul_log2,
                    elements + 8 * r.element,
                ),
            )  # fmt: skip
        else:
            step(s, c, r.entry, r.pc, r.next_pc, r.address)
