"""Progress of long work: a bar with an estimate on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

FIRST_ESTIMATE = 0.05
"""Share of the work before which no time left is named: the start, with its compiling, says little about the rest."""


class Progress:
    """Shows how far a piece of work is; use as a context manager, on standard error.

    Parameters
    ----------
    description: what is being done.
    total: amount of work, in `unit`; None if unknown.
    quiet: show nothing (``--json``, tests, worker processes).
    is_transient: the bar goes away at the end, and in a `pause` for other output.
    """

    def __init__(
        self, description: str, total: float | None = None, unit: str = "", quiet: bool = False, interval_s: float = 5.0,
        is_transient: bool = False,
    ) -> None:  # fmt: skip
        self.description, self.total, self.unit, self.quiet = description, total, unit, quiet
        self.interval_s, self.is_transient = interval_s, is_transient
        self._bar: Any = None
        self._task: Any = None
        self._started = self._last = time.monotonic()
        self._marks: list[tuple[float, float]] = [(self._started, 0.0)]

    def __enter__(self) -> Progress:
        self._started = self._last = time.monotonic()
        self._marks = [(self._started, 0.0)]
        if not self.quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            self._bar = Bar(
                TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"),
                TimeElapsedColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=self.is_transient,
                redirect_stdout=not self.is_transient, redirect_stderr=not self.is_transient,
            )  # fmt: skip
            self._bar.start()
            self._task = self._bar.add_task(self.description, total=self.total, note="")
        return self

    def restart(self) -> None:
        """Estimate from now on: what came before was preparation."""
        self._started = time.monotonic()
        self._marks = [(self._started, 0.0)]
        if self._bar is not None:
            self._bar.reset(self._task, total=self.total)

    def update(self, done: float, note: str = "") -> None:
        """Say that `done` of `total` is finished; `note` is shown beside it (best cost, MIPS, ...)."""
        if self._bar is not None:
            if not self._bar.live.is_started:
                self._bar.start()
            self._bar.update(self._task, completed=done, note=note)
            return
        now = time.monotonic()
        if self.quiet or now - self._last < self.interval_s:
            return
        self._last = now
        share = f"{100 * done / self.total:3.0f} %" if self.total else f"{done:,.0f} {self.unit}"
        self._marks.append((now, done))
        left = None
        if self.total and done >= FIRST_ESTIMATE * self.total:
            left = self._seconds_left(now, done, self.total)
        estimate = f", about {left:.0f} s left" if left is not None else ""
        if not self.total:
            estimate = f", {now - self._started:.0f} s"
        print(f"{self.description}: {share}{estimate} {note}".rstrip(), file=sys.stderr, flush=True)

    def _seconds_left(self, now: float, done: float, total: float) -> float | None:
        """Seconds for the rest at the rate of the later half of what is done: compiling at the start does not come again.

        None in the first half of the work while nothing but its start tells the rate.
        """
        known = [mark for mark in self._marks[int(done < 0.5 * total) :] if mark[1] <= 0.5 * done]
        if not known:
            return None
        since, before = max(known)
        return (now - since) * (total - done) / max(done - before, 1e-12)

    def say(self, text: str) -> None:
        """Write a line about what is going on, at once."""
        if not self.quiet:
            self.pause()
            print(f"{self.description}: {text}", file=sys.stderr, flush=True)

    @contextmanager
    def waiting(self, note: str) -> Iterator[None]:
        """Show `note`, and that time goes by, while something runs that cannot report itself (compiling)."""
        done = threading.Event()

        def tick() -> None:
            while not done.wait(1.0):
                self.update(0, note)

        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
        try:
            yield
        finally:
            done.set()
            ticker.join()

    def pause(self) -> None:
        """Take the bar away, so that something else can be written to the terminal; the next update brings it back."""
        if self._bar is not None and self._bar.live.is_started:
            self._bar.stop()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
