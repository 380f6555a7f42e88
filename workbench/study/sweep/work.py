"""One point of a sweep, as a function that any worker process can run."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from workbench.base.progress import Progress
from workbench.core.config import CoreConfig
from workbench.core.result import SimResult
from workbench.study.pool_worker import WorkerProgress


class _CountedProgress(Progress):
    """Hands instructions done to a worker's progress, which ends the piece when that is wanted; the total is not known."""

    def __init__(self, worker: WorkerProgress) -> None:
        super().__init__("", quiet=True)
        self._worker = worker

    def update(self, done: float, note: str = "") -> None:
        """Say how many million instructions are done."""
        self._worker.update(0.0, f"{done / 1e6:,.0f} M instructions, {note}")


def run_point(
    kind: str, name: str, content: Any, core: CoreConfig, threads: int, max_instructions: int | None, pool: str, piece: str
) -> SimResult:
    """Simulate a workload on a core, a network on one for each of its threads.

    `content` is an ELF file's bytes, a trace file's bytes or its path on this machine, or a network's graph.
    """
    progress = _CountedProgress(WorkerProgress(pool, piece))
    if kind == "program":
        from workbench.core.run import run_program
        from workbench.isa.elf import parse_elf

        return run_program(parse_elf(content, name), core, max_instructions=max_instructions, progress=progress)
    if kind == "trace":
        return _trace(content, core, max_instructions, progress)
    from workbench.compiler.execute import run_network

    return run_network(content, core, check=False, progress=progress, threads=threads).result


def _trace(content: bytes | str, core: CoreConfig, max_instructions: int | None, progress: Progress) -> SimResult:
    from workbench.core.trace.simulate import simulate_trace

    if isinstance(content, str):
        return simulate_trace(content, core, max_instructions=max_instructions, progress=progress)[0]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace"
        path.write_bytes(content)
        return simulate_trace(path, core, max_instructions=max_instructions, progress=progress)[0]
