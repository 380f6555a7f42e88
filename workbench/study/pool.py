"""`Pool`: named pieces of work on dask.distributed, on this machine or on a scheduler elsewhere."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workbench.base.errors import InputError, WorkbenchError

_CONNECT_SECONDS = 10
_LOOK_SECONDS = 5
_DESERTED_SECONDS = 120
_KILLED = "the worker process died several times on this piece of work (out of memory?)"


@dataclass(frozen=True)
class _Piece:
    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    is_alone: bool = False


class Pool:
    """Work in flight; a piece that raises a WorkbenchError, or kills the worker it is alone on, ends as an error text."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._pending: dict[Any, _Piece] = {}
        self._suspects: list[_Piece] = []
        self._workers_seen = time.monotonic()
        self.asked = self.done = 0

    def ask(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Start a piece of work."""
        self._start(_Piece(name, function, arguments))
        self.asked += 1

    def finished(self) -> Iterator[tuple[str, Any]]:
        """(name, result or error text) of each piece as it finishes, also of those asked for meanwhile.

        Pieces that were on a dying worker too often are tried again at the end, one at a time, so that only the one that
        kills workers is blamed for it.
        """
        while self._pending or self._suspects:
            if not self._pending:
                self._start(self._suspects.pop(0))
            for future, status in self._look():
                piece = self._pending.pop(future)
                value = self._value(future, status)
                future.release()
                if value == _KILLED and not piece.is_alone:
                    self._suspects.append(_Piece(piece.name, piece.function, piece.arguments, is_alone=True))
                    continue
                self.done += 1
                yield piece.name, value

    def _start(self, piece: _Piece) -> None:
        key = f"{piece.name}-alone" if piece.is_alone else piece.name
        self._pending[self._client.submit(run_quietly, piece.function, *piece.arguments, key=key, pure=False)] = piece

    def _look(self) -> list[tuple[Any, str]]:
        """Pieces that have ended, with their status; all, as ``deserted``, if no worker has been there for a while.

        A piece whose result died with its worker is lost or pending again when its status is read, and not among them.
        """
        from distributed import wait

        try:
            done = wait(list(self._pending), timeout=_LOOK_SECONDS, return_when="FIRST_COMPLETED").done
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
