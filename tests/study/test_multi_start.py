"""Several starts on real worker processes: the best is kept, a killed worker loses nothing, ending early keeps the best."""

from __future__ import annotations

import importlib.util
import os
import signal
import time
from pathlib import Path

import pytest

from workbench.base.errors import WorkbenchError
from workbench.base.progress import Progress
from workbench.place.agents.base import make_agent
from workbench.place.cost import evaluate
from workbench.place.legality import check
from workbench.study import multi_start
from workbench.study.multi_start import MultiStart, place_starts
from workbench.study.placing import PlacementJob


@pytest.fixture(scope="module")
def design():
    spec = importlib.util.spec_from_file_location("make_store", Path(__file__).with_name("make_store.py"))
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    return maker.small_design(6)


class Watch(Progress):
    """A progress that does something when the starts first report."""

    def __init__(self, act):
        super().__init__("watch", total=1.0, quiet=True)
        self.act, self.shares, self.notes = act, [], []

    def update(self, done, note=""):
        self.shares.append(done)
        self.notes.append(note)
        if "seed" in note and self.act:
            act, self.act = self.act, None
            act()


def run(design, job, starts, act=None) -> tuple[MultiStart, Watch]:
    watch = Watch(act)
    return place_starts(design, job, starts, scheduler=None, workers=1, progress=watch), watch


def test_the_best_of_the_seeds_is_kept_and_equals_each_seed_alone(design):
    found, watch = run(design, PlacementJob("random", 5, 1.0, steps=2), 3)
    alone = {}
    for seed in (5, 6, 7):
        options = PlacementJob("random", seed, 1.0, steps=2).options(design)
        result = make_agent("random").place(
            design, seconds=1.0, seed=seed, progress=Progress("", quiet=True), options=options
        )
        alone[seed] = result.costs.proxy
    assert {start.seed: start.placed.costs["proxy_cost"] for start in found.starts} == alone
    assert found.best_seed == min(alone, key=alone.get) and found.best.costs.proxy == alone[found.best_seed]
    assert check(found.best.floorplan) == [] and evaluate(found.best.floorplan) == found.best.costs
    assert watch.shares[-1] == 1.0 and watch.notes[-1].startswith("3 of 3 starts; ")


@pytest.mark.slow
def test_a_killed_worker_process_loses_no_start(design):
    import psutil

    def kill():
        for process in psutil.Process().children(recursive=True):
            if "spawn_main" in " ".join(process.cmdline()) and not process.children():
                os.kill(process.pid, signal.SIGKILL)

    job = PlacementJob("annealing", 0, 1.5)
    killed = []
    found, _ = run(design, job, 2, lambda: killed.append(kill()))
    assert killed and [start.error for start in found.starts] == ["", ""]
    assert all(start.placed.evaluations > 0 and not start.placed.interrupted for start in found.starts)


@pytest.fixture
def ctrl_c():
    """Sends SIGINT to the whole process, as a terminal does, also where the suite runs in the background of a shell, which
    has it ignored. Progress is reported on dask's thread, which blocks SIGINT: one raised there would never arrive."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_ending_early_keeps_the_best_so_far_of_what_was_under_way(design, ctrl_c):
    found, _ = run(design, PlacementJob("annealing", 0, 90.0), 2, ctrl_c)
    first, second = found.starts
    assert found.best.interrupted and found.best_seed == 0 and first.placed.evaluations > 0
    assert check(found.best.floorplan) == []
    assert second.placed is None and second.error == "stopped before it had a result"


def test_ctrl_c_while_kernels_are_compiled_ends_without_a_result(design, monkeypatch):
    def interrupted(pool, shared, jobs):
        pool.ask("kernels-random", time.sleep, 1.0)
        pool._fill()
        raise KeyboardInterrupt

    monkeypatch.setattr("workbench.study.multi_start.warm_up_apart", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(design, PlacementJob("random", 0, 1.0, steps=1), 1)


def test_starts_without_any_legal_placement_end_in_the_first_ones_sentence(design, monkeypatch):
    class Inline:
        key = ""

        def __init__(self):
            self.asked = []

        def share(self, value):
            return value

        def listen(self, hear):
            pass

        def ask(self, name, function, *arguments):
            self.asked.append(name)

        def finished(self):
            for name in self.asked:
                yield name, "small: found no room, expected some; give more."
            self.asked.clear()

    import contextlib

    monkeypatch.setattr(multi_start, "open_pool", lambda *arguments: contextlib.nullcontext(Inline()))
    with pytest.raises(WorkbenchError) as caught:
        run(design, PlacementJob("random", 0, 1.0), 2)
    assert str(caught.value) == "small: found no room, expected some; give more."
