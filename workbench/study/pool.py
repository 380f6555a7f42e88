"""`Pool`: named pieces of work on dask.distributed, on this machine or on a scheduler elsewhere."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

from workbench.base.errors import InputError, WorkbenchError

_CONNECT_SECONDS = 10


class Pool:
    """Work in flight. A piece that raises a WorkbenchError, or dies with its worker too often, ends as an error text."""

    def __init__(self, client: Any) -> None:
        from distributed import as_completed

        self._client = client
        self._completed = as_completed([], raise_errors=False)
        self.asked = self.done = 0

    def ask(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Start a piece of work."""
        future = self._client.submit(run_quietly, function, *arguments, key=name, pure=False)
        self._completed.add(future)
        self.asked += 1

    def finished(self) -> Iterator[tuple[str, Any]]:
        """(name, result or error text) of each piece as it finishes, also of those asked for meanwhile."""
        for future in self._completed:
            self.done += 1
            if future.status == "finished":
                yield future.key, future.result()
            else:
                yield future.key, _sentence(future.exception())
            future.release()


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
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1",
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
