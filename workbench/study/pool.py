"""`Pool`: named pieces of work on dask.distributed, on this machine or on a scheduler elsewhere.

No more pieces are with the workers than these have threads; the others wait here, in the order in which they were asked
for. So a dying worker takes only what it was doing with it, and work can be ended early.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from workbench.base.errors import InputError, WorkbenchError
from workbench.study.pool_worker import end_early

_CONNECT_SECONDS = 10
_LOOK_SECONDS = 5
_DESERTED_SECONDS = 120
_PRELOAD = ["workbench.study.pool_worker"]
"""Modules that each worker process of a local cluster imports first."""
_KILLED = "the worker process died several times on this piece of work (out of memory?)"
STOPPED = "stopped before it had a result"


@dataclass(frozen=True)
class _Piece:
    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    is_alone: bool = False


class Pool:
    """Work in flight; a piece that raises a WorkbenchError, or kills the worker it is alone on, ends as an error text.

    Attributes
    ----------
    key: names the pool to its workers (see `WorkerProgress`).
    asked, done: numbers of pieces.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._waiting: deque[_Piece] = deque()
        self._pending: dict[Any, _Piece] = {}
        self._suspects: list[_Piece] = []
        self._workers_seen = time.monotonic()
        self.key = uuid.uuid4().hex[:12]
        self.asked = self.done = 0

    def ask(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Have a piece of work done, after those asked for before; its name is its own."""
        self._waiting.append(_Piece(name, function, arguments))
        self.asked += 1

    def share(self, value: Any) -> Any:
        """A stand-in for a value that many pieces take as an argument: it travels to each worker once."""
        return self._client.submit(_itself, value, key=f"{self.key}-shared-{uuid.uuid4().hex[:8]}", pure=False)

    def listen(self, hear: Callable[[str, float, str], None]) -> None:
        """Call ``hear(piece, share, note)`` for what the pieces' `WorkerProgress` say, in another thread."""

        def handle(event: tuple[float, dict[str, Any]]) -> None:
            hear(event[1]["piece"], event[1]["share"], event[1]["note"])

        self._client.subscribe_topic(self.key, handle)

    def most_threads(self) -> int:
        """The largest number of pieces that one worker process does at a time."""
        return max(self._client.nthreads().values(), default=0)

    def finished(self) -> Iterator[tuple[str, Any]]:
        """(name, result or error text) of each piece as it finishes, also of those asked for meanwhile.

        Pieces that were on a dying worker too often are tried again at the end, one at a time, so that only the one that
        kills workers is blamed for it.
        """
        while self._waiting or self._pending or self._suspects:
            self._fill()
            if not self._pending:
                self._start(self._suspects.pop(0))
            yield from self._take(_LOOK_SECONDS)

    def stop(self, within_s: float) -> Iterator[tuple[str, Any]]:
        """Drop what waits, ask what is being done to end early, and yield what comes back within a time."""
        self._waiting.clear()
        self._suspects.clear()
        until = time.monotonic() + within_s
        if self._pending:
            self._client.run(end_early, self.key, on_error="ignore")
        while self._pending and time.monotonic() < until:
            yield from self._take(0.2)

    def abandon(self) -> None:
        """Ask what is still being done to end early, and wait for nothing: other people's workers are free again soon."""
        if self._pending:
            with contextlib.suppress(OSError):  # the scheduler is gone
                self._client.run(end_early, self.key, on_error="ignore")

    def _fill(self) -> None:
        """Hand out as many waiting pieces as the workers have threads to spare."""
        threads = sum(self._client.nthreads().values())
        while self._waiting and len(self._pending) < max(1, threads):
            self._start(self._waiting.popleft())

    def _start(self, piece: _Piece) -> None:
        key = f"{self.key}-{piece.name}" + "-alone" * piece.is_alone
        self._pending[self._client.submit(_in_worker, piece.function, *piece.arguments, key=key, pure=False)] = piece

    def _take(self, seconds: float) -> Iterator[tuple[str, Any]]:
        """What has ended; waits up to a time for something to end."""
        for future, status in self._look(seconds):
            piece = self._pending.pop(future)
            value = self._value(future, status)
            future.release()
            if value == _KILLED and not piece.is_alone:
                self._suspects.append(replace(piece, is_alone=True))
                continue
            self.done += 1
            yield piece.name, value

    def _look(self, seconds: float) -> list[tuple[Any, str]]:
        """Pieces that have ended, with their status; all, as ``deserted``, if no worker has been there for a while.

        A piece whose result died with its worker is lost or pending again when its status is read, and not among them.
        """
        from distributed import wait

        try:
            done = wait(list(self._pending), timeout=seconds, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            if self._client.nthreads():
                self._workers_seen = time.monotonic()
            deserted = time.monotonic() - self._workers_seen > _DESERTED_SECONDS
            return [(future, "deserted") for future in self._pending] if deserted else []
        self._workers_seen = time.monotonic()
        return [(future, status) for future in done if (status := future.status) not in ("pending", "lost")]

    @staticmethod
    def _value(future: Any, status: str) -> Any:
        if status == "finished":
            return future.result()
        if status != "error":
            return "no worker process is left to do this piece of work"
        error = future.exception()
        name = type(error).__name__
        if name == "KilledWorker":
            return _KILLED
        return f"an unexpected {name}: {str(error).splitlines()[0] if str(error) else 'no message'}"


def run_quietly(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's value, or the sentence of the error that its input caused."""
    try:
        return function(*arguments)
    except WorkbenchError as error:
        return str(error)


def _in_worker(function: Callable[..., Any], *arguments: Any) -> Any:
    """`run_quietly` where an interrupt means that the piece was asked to end early and has nothing to keep."""
    try:
        return run_quietly(function, *arguments)
    except KeyboardInterrupt:
        return STOPPED


def _itself(value: Any) -> Any:
    return value


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_workers(workers: int | None) -> int:
    """The number of local worker processes asked for, all cores if None; InputError if there are fewer cores than that."""
    most = cores()
    if workers is not None and not 1 <= workers <= most:
        raise InputError(
            "--workers", f"{workers}", f"1 to {most}, the cores of this machine", "correct it, or use --scheduler"
        )
    return workers or most


@contextlib.contextmanager
def _ctrl_c_waiting() -> Iterator[None]:
    """Ctrl-C counts only afterwards: half a cluster cannot be closed. Processes begun meanwhile never get it themselves."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def open_pool(scheduler: str | None, workers: int) -> Iterator[Pool]:
    """A pool on the scheduler at that address, or on a local cluster of one-thread processes."""
    import dask
    from distributed import Client, LocalCluster

    settings = {
        "distributed.worker.daemon": True,
        "distributed.comm.timeouts.connect": f"{_CONNECT_SECONDS}s",
        "distributed.admin.tick.limit": "1h",
        "distributed.worker.profile.enabled": False,
        "distributed.deploy.lost-worker-timeout": "1h",  # a worker that is just being restarted is not lost
        "distributed.worker.preload": list(_PRELOAD),
    }
    with dask.config.set(settings), contextlib.ExitStack() as stack:
        if scheduler is None:
            with _ctrl_c_waiting():
                cluster = LocalCluster(
                    n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0",
                    host="127.0.0.1", memory_limit=0, silence_logs=logging.CRITICAL,
                )  # fmt: skip
                stack.enter_context(cluster)
                client = stack.enter_context(Client(cluster))
        else:
            try:
                client = stack.enter_context(Client(scheduler, timeout=_CONNECT_SECONDS))
            except (OSError, ValueError) as error:
                raise InputError(
                    "--scheduler", f"nothing that answers at {scheduler!r} ({type(error).__name__})", "a dask scheduler",
                    "start one with `dask scheduler` and give its tcp:// address",
                ) from None  # fmt: skip
        pool = Pool(client)
        try:
            yield pool
        finally:
            pool.abandon()
