"""`Pool`: named pieces of work on dask.distributed, on this machine or on a scheduler elsewhere."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

from workbench.base.errors import InputError, WorkbenchError

_CONNECT_SECONDS = 10
_LOOK_SECONDS = 5
_DESERTED_SECONDS = 120


class Pool:
    """Work in flight. A piece that raises a WorkbenchError, or dies with its worker too often, ends as an error text."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._pending: set[Any] = set()
        self._workers_seen = time.monotonic()
        self.asked = self.done = 0

    def ask(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Start a piece of work."""
        self._pending.add(self._client.submit(run_quietly, function, *arguments, key=name, pure=False))
        self.asked += 1

    def finished(self) -> Iterator[tuple[str, Any]]:
        """(name, result or error text) of each piece as it finishes, also of those asked for meanwhile."""
        from distributed import wait

        while self._pending:
            try:
                done = wait(list(self._pending), timeout=_LOOK_SECONDS, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                done = self._pending if self._is_deserted() else set()
            for future in list(done):
                self._pending.discard(future)
                self.done += 1
                yield future.key, self._value(future)
                future.release()

    def _is_deserted(self) -> bool:
        """No worker has been there for a while, so nothing will finish any more."""
        if self._client.nthreads():
            self._workers_seen = time.monotonic()
        return time.monotonic() - self._workers_seen > _DESERTED_SECONDS

    @staticmethod
    def _value(future: Any) -> Any:
        if future.status == "finished":
            return future.result()
        if future.status == "error":
            return _sentence(future.exception())
        return "no worker process is left to do this piece of work"


def run_quietly(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's value, or the sentence of the error that its input caused."""
    try:
        return function(*arguments)
    except WorkbenchError as error:
        return str(error)


def _sentence(error: BaseException | None) -> str:
    name = type(error).__name__
    if name == "KilledWorker":
        return "the worker process died several times on this piece of work (out of memory?)"
    return f"an unexpected {name}: {str(error).splitlines()[0] if str(error) else 'no message'}"


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
    }
    with dask.config.set(settings), contextlib.ExitStack() as stack:
        if scheduler is None:
            cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0", host="127.0.0.1",
                memory_limit=0, silence_logs=logging.CRITICAL,
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
        yield Pool(client)
