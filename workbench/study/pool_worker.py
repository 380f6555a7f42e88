"""What a piece of work can do inside a worker process of a `Pool`: say how far it is, and see that it is to end early.

Ctrl-C belongs to the process that the user talks to: it asks the pieces to end early and collects what they have. So the
workers of a local cluster ignore the terminal's signal, which reaches the whole process group.
"""

from __future__ import annotations

import signal
import time
from typing import Any

from workbench.base.progress import Progress

REPORT_SECONDS = 1.0
_ended: set[str] = set()  # pools whose pieces are to end early; a process may serve several at a time


def end_early(pool: str) -> None:
    """Make every piece of that pool in this process end at its next look at its progress."""
    _ended.add(pool)


class WorkerProgress(Progress):
    """Progress of a piece, sent to the process that asked for it; ends the piece as Ctrl-C does when that is wanted.

    Parameters
    ----------
    pool: the pool's key; an empty one reports to nobody.
    piece: the piece's name.
    total: what `update` counts up to; by default it takes the share that is done.
    """

    def __init__(self, pool: str, piece: str, total: float = 1.0) -> None:
        super().__init__(piece, total=total, quiet=True)
        self.pool = pool
        self._reported = 0.0

    def update(self, done: float, note: str = "") -> None:
        """Send the share that is done, at most once a second; KeyboardInterrupt if the piece is to end early."""
        if self.pool in _ended:
            raise KeyboardInterrupt
        now = time.monotonic()
        if self.pool and now - self._reported >= REPORT_SECONDS:
            from distributed import get_worker

            self._reported = now
            get_worker().log_event(
                self.pool, {"piece": self.description, "share": min(1.0, done / (self.total or 1.0)), "note": note}
            )


def dask_setup(worker: Any) -> None:
    """Called by dask in each new worker process of a local cluster."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
