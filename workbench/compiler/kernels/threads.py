"""What kernels do about threads: who runs which of them, and waiting for each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.compiler.ir.builder import Builder
from workbench.compiler.kernels.nest import Dim

BARRIER = "barrier"
"""The function that returns when all threads have called it (`compiler.threads`)."""


def is_shared(kernel: Any) -> bool:
    """Whether threads share one of a kernel's dimensions; others are for thread 0 alone."""
    return any(dim.shared for name in kernel.parallel for dim in dims_of(kernel, name))


def dims_of(kernel: Any, name: str) -> tuple[Dim, ...]:
    """The dimensions of a kernel's field, which holds one or several."""
    value = getattr(kernel, name)
    return (value,) if isinstance(value, Dim) else tuple(value)


def on_its_threads(builder: Builder, shared: bool, emit: Callable[[], object]) -> None:
    """Generate code that all threads run, or thread 0 alone."""
    if shared or builder.threads == 1:
        emit()
        return
    builder.branch_if(builder.emit("i1", f"icmp eq i64 {builder.thread.text}, 0"), emit)


def wait_for_all(builder: Builder) -> None:
    """Let no thread go on before all are here; what they wrote is visible to all."""
    builder.call(BARRIER, "void", [])
