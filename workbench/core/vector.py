"""Vector unit: dispatch of one vector instruction to its kernel family."""

from __future__ import annotations

import numpy as np

from workbench.base.jit import kernel
from workbench.core.interpreter_state import Status

_ILLEGAL = int(Status.ILLEGAL)


def new_work(v):
    return np.zeros((6, v), np.int64), np.zeros(v, np.int64)
def vector_forms():
    return np.zeros(1000, np.dtype([('a',np.int8)]))
@kernel
def execute_vector(c, form, registers, vector, work, addresses, machine):
    return _ILLEGAL
