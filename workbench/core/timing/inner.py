"""`inner`: the kernel decorator for functions that only other kernels call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.base.jit import kernel


def inner(function: Callable[..., Any]) -> Any:
    """`kernel` without an entry from Python: a sixth of the time to compile the engine is saved."""
    return kernel(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)
