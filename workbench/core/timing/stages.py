"""One row of pipeline stages per instruction, written by the engine while `log_left` asks for rows.

Cycles of fetch, rename, issue, completion and commit are the engine's own. For vector instructions the issue is that of
the first micro-operation. An instruction of the decoupled engine is issued when the core hands it over; when the engine
works on it stands in `engine_start` and `engine_done`, which may lie after its commit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import store

STAGE_DTYPE = np.dtype(
    [
        ("entry", np.int64),  # its predecoded entry
        ("pc", np.int64),
        ("fetch", np.int64),  # cycles
        ("rename", np.int64),
        ("issue", np.int64),
        ("complete", np.int64),  # its result is there
        ("commit", np.int64),
        ("stored", np.int64),  # a store left the store queue for the store buffer; 0 = no store
        ("engine_start", np.int64),  # 0 = not executed by the decoupled engine
        ("engine_done", np.int64),
    ]
)
ROW_BYTES = STAGE_DTYPE.itemsize


@inner_kernel(is_rare=True)
def log_stages(
    s: Any, entry: int, pc: int, rename: int, issue: int, complete: int, commit: int, stored: int, start: int, done: int
) -> None:
    """Write the row of the instruction that has just been committed."""
    row = s.log_pointer
    store(row, np.int64(entry))
    store(row + 8, np.int64(pc))
    store(row + 16, np.int64(s.fetch_time))
    store(row + 24, np.int64(rename))
    store(row + 32, np.int64(issue))
    store(row + 40, np.int64(complete))
    store(row + 48, np.int64(commit))
    store(row + 56, np.int64(stored))
    store(row + 64, np.int64(start))
    store(row + 72, np.int64(done))
    s.log_pointer = row + ROW_BYTES
    s.log_left -= 1
