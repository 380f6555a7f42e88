"""The pool on a real local cluster: results, error sentences, a dying worker, an unreachable scheduler."""

from __future__ import annotations

import os

import pytest

from workbench.base.errors import InputError
from workbench.ppa.technology import load_technology
from workbench.study.pool import open_pool


def test_results_and_errors_end_as_values_and_sentences() -> None:
    with open_pool(None, workers=1) as pool:
        pool.ask("good", divmod, 17, 5)
        pool.ask("input", load_technology, "tsmc5")
        pool.ask("bug", divmod, 17, 0)
        results = dict(pool.finished())
    assert results["good"] == (3, 2)
    assert results["input"].startswith("technology: found 'tsmc5', expected one of asap7, nangate45;")
    assert results["bug"].startswith("an unexpected ZeroDivisionError: ")


@pytest.mark.slow
def test_a_dying_worker_ends_as_a_sentence_and_the_others_work_is_done() -> None:
    with open_pool(None, workers=1) as pool:
        pool.ask("good", divmod, 17, 5)
        pool.ask("dies", os._exit, 1)
        results = dict(pool.finished())
    assert results["good"] == (3, 2)
    assert results["dies"] == "the worker process died several times on this piece of work (out of memory?)"


def test_the_local_cluster_listens_on_this_machine_only() -> None:
    import psutil

    with open_pool(None, workers=1):
        me = psutil.Process()
        listening = {
            connection.laddr.ip
            for process in (me, *me.children(recursive=True))
            for connection in process.net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        }
    assert listening == {"127.0.0.1"}


def test_a_cluster_without_workers_ends_as_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.study.pool._LOOK_SECONDS", 0.1)
    monkeypatch.setattr("workbench.study.pool._DESERTED_SECONDS", 0.5)
    with open_pool(None, workers=0) as pool:
        pool.ask("waits", divmod, 17, 5)
        assert dict(pool.finished()) == {"waits": "no worker process is left to do this piece of work"}


def test_a_scheduler_that_does_not_answer_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.study.pool._CONNECT_SECONDS", 1)
    with pytest.raises(InputError) as error, open_pool("tcp://127.0.0.1:9", workers=1):
        pass
    assert str(error.value) == (
        "--scheduler: found nothing that answers at 'tcp://127.0.0.1:9' (OSError), expected a dask scheduler; "
        "start one with `dask scheduler` and give its tcp:// address."
    )
