"""Comparisons of two quick agents on real clusters: tables, failing jobs, a kill, other folders, a scheduler by tcp."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest

from workbench.base.errors import InputError
from workbench.netlist.netlist import ObjectKind
from workbench.netlist.plc import read_plc
from workbench.place.agents.base import AGENTS
from workbench.place.cost import evaluate
from workbench.study import pool
from workbench.study.agent_comparison.pictures import sample_histories
from workbench.study.agent_comparison.plan import JobName
from workbench.study.agent_comparison.run import load_comparison
from workbench.study.placing import improvements

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def fake():
    """The module of the quick agents, which worker processes import too."""
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(str(HERE))
    patch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]))
    patch.setattr(pool, "_PRELOAD", list(pool._PRELOAD))
    before = dict(AGENTS)
    yield importlib.import_module("fake_agents")
    sys.modules.pop("fake_agents")
    AGENTS.clear()
    AGENTS.update(before)
    patch.undo()


@contextlib.contextmanager
def scheduler(threads=1):
    """A scheduler on loopback with one worker that is not this process's own."""
    import dask
    from distributed import LocalCluster

    with (
        dask.config.set({"distributed.worker.preload": ["fake_agents"], "distributed.worker.daemon": True}),
        LocalCluster(n_workers=1, threads_per_worker=threads, host="127.0.0.1", dashboard_address=None) as cluster,
    ):
        yield cluster.scheduler_address


@pytest.fixture(scope="module")
def finished(fake, tmp_path_factory):
    """A comparison on a scheduler by its address."""
    folder = tmp_path_factory.mktemp("finished") / "out"
    with scheduler() as address:
        return fake.compare(folder, fake.small_plan(), scheduler=address, command="workbench compare-agents …")


def expected_costs(fake, shift):
    design = fake.small_design()
    soft = design.netlist.kind == ObjectKind.SOFT_MACRO
    return evaluate(dataclasses.replace(design.floorplan, x_um=design.floorplan.x_um + soft * 0.1 * shift))


def test_the_table_holds_the_known_costs_of_both_agents(fake, finished):
    steady, wavering = finished.tables.costs
    costs = [expected_costs(fake, seed) for seed in range(4)]
    proxies = [item.proxy for item in costs]
    assert (steady["agent"], steady["jobs"], steady["legal"]) == ("steady", 4, 4)
    assert steady["proxy_mean"] == pytest.approx(np.mean(proxies), abs=1e-9)
    assert steady["proxy_std"] == pytest.approx(np.std(proxies, ddof=1), rel=1e-6)
    assert steady["proxy_min"] == pytest.approx(min(proxies)) and steady["proxy_median"] == pytest.approx(np.median(proxies))
    assert steady["wirelength_mean"] == pytest.approx(np.mean([item.wirelength for item in costs]), abs=1e-9)
    assert steady["evaluations_per_second"] == 10 and steady["seconds"] == 2.0 and steady["rank"] == 1
    assert wavering["legal"] == 2 and wavering["rank"] == 2  # fewer legal results rank below, whatever their cost
    assert wavering["proxy_mean"] == pytest.approx(np.mean([expected_costs(fake, shift).proxy for shift in (3, 6)]))


def test_a_failing_and_an_illegal_job_are_rows_that_say_so(finished):
    failed = {record.seed: (record.status, record.error) for record in finished.failed}
    assert failed == {
        1: ("failed", "wavering: found seed 1, expected another; choose another."), 2: ("illegal", "outside of m0"),
    }  # fmt: skip
    (pair,) = finished.tables.pairs
    proxies = [record.cost("proxy") for record in finished.records if record.agent == "wavering"]
    steady = [record.cost("proxy") for record in finished.records if record.agent == "steady"]
    pairs_below = sum((a < b) + 0.5 * (a == b) for a in proxies for b in steady)
    assert pair["chance"] == pairs_below / 16 and pair["verdict"] == "tie"
    overall = {row["agent"]: row for row in finished.tables.overall}
    assert overall["wavering"]["at_least_as_good"] == 0.0 and overall["wavering"]["ties"] == 1


def test_everything_is_written_and_can_be_read_again(fake, finished):
    folder = finished.folder
    record = next(r for r in finished.records if r.status == "done")
    floorplan, header = read_plc(folder / f"{record.name.path}.plc", fake.small_design().netlist)
    assert evaluate(floorplan).proxy == record.costs["proxy_cost"]
    again = load_comparison(folder)
    assert again.records == finished.records and again.tables == finished.tables and again.plan == finished.plan
    with (folder / "costs.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["proxy_mean"]) for row in rows] == [row["proxy_mean"] for row in finished.tables.costs]
    assert pyarrow.parquet.read_table(folder / "costs.parquet").to_pylist() == list(finished.tables.costs)
    about = json.loads((folder / "comparison.json").read_text())
    assert (
        about["status"] == "done" and about["versions"]["numpy"] == np.__version__ and about["plan"]["seeds"] == [0, 1, 2, 3]
    )
    assert about["command"] == "workbench compare-agents …"
    for name in ("convergence-small.png", "costs-small.png", "overview.png"):
        assert (folder / "pictures" / name).read_bytes()[:4] == b"\x89PNG"
    plan = json.loads((folder / "designs/small--steady/floorplan.json").read_text())
    assert plan["costs"]["proxy_cost"] == min(r.cost("proxy") for r in finished.records if r.agent == "steady")


def test_the_page_needs_no_other_file_and_shows_every_figure(finished):
    page = (finished.folder / "comparison.html").read_text()
    assert not re.search(r'(?:src|href)="(?!data:image/png;base64,)', page) and "<script" not in page
    assert page.count("data:image/png") == 5  # overview, curves, costs, a floorplan an agent
    for text in (
        "wavering: found seed 1, expected another; choose another.",
        f"{finished.tables.costs[0]['proxy_mean']:.5f}",
    ):
        assert text in page
    for link in re.findall(r"!\[.*?\]\((.*?)\)", (finished.folder / "comparison.md").read_text()):
        assert (finished.folder / link).is_file()


@pytest.mark.slow
def test_a_killed_comparison_goes_on_and_ends_as_if_it_had_not_been(fake, finished, tmp_path):
    """Kills the whole process group with SIGKILL when two jobs are there."""
    code = (
        "import sys, fake_agents as fake\n"
        "if __name__ == '__main__':\n"
        "    fake.compare(sys.argv[1], fake.small_plan(), workers=1)\n"
    )
    (tmp_path / "driver.py").write_text(code)
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, str(tmp_path / "driver.py"), str(out)], start_new_session=True)
    while len(list(out.glob("jobs/*/*.json"))) < 2 and process.poll() is None:
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in out.glob("jobs/*/*.json") if '"failed"' not in path.read_text()}
    assert kept
    with scheduler() as address:
        again = fake.compare(out, fake.small_plan(), scheduler=address, resume=True)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept  # not done again
    assert [(r.name, r.status, r.costs) for r in again.records] == [(r.name, r.status, r.costs) for r in finished.records]


def test_jobs_are_interleaved_in_an_order_that_repeats(fake):
    plan = fake.small_plan(agents=("steady", "wavering", "annealing", "greedy"), seeds=range(8))
    jobs = plan.jobs()
    assert jobs == plan.jobs() and len(set(jobs)) == 32
    assert [job.seed for job in jobs] == sorted(job.seed for job in jobs)
    assert len({tuple(job.agent for job in jobs if job.seed == seed) for seed in range(8)}) > 1


def error_of(function, *arguments, **options):
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    return str(caught.value)


def test_the_folder_of_another_comparison_is_refused(fake, finished):
    folder = finished.folder
    assert error_of(fake.compare, folder, fake.small_plan()) == (
        f"{folder}: found an earlier comparison, expected a new folder; give another --out, or --resume."
    )
    assert error_of(fake.compare, folder, fake.small_plan(steps=None), resume=True) == (
        f"{folder}: found a comparison under other conditions (1 steps a job, free coordinates, soft macros moved freely, "
        "from nothing), expected 1 s a job, free coordinates, soft macros moved freely, from nothing; give another --out."
    )
    assert error_of(fake.compare, folder, fake.small_plan(agents=("steady",)), resume=True) == (
        f"{folder}: found a comparison of other agents (wavering), expected all of them again, or more; add them, or give "
        "another --out."
    )
    other = dataclasses.replace(fake.small_plan(), netlist_keys=("another",))
    assert error_of(fake.compare, folder, other, resume=True) == (
        f"{folder}: found results of another 'small', expected the same netlist; give another --out."
    )


def test_a_damaged_result_is_one_sentence(fake, finished, tmp_path):
    name = JobName("small", "steady", 0)
    path = finished.folder / f"{name.path}.json"
    before = path.read_text()
    try:
        path.write_text(before[:-20])
        assert error_of(load_comparison, finished.folder) == (
            f"{path}: found no result of a job, expected the file as it was written; delete it and compare again "
            "with --resume."
        )
    finally:
        path.write_text(before)
    (tmp_path / "comparison.json").write_text("[]")
    assert error_of(load_comparison, tmp_path) == (
        f"{tmp_path}/comparison.json: found no comparison of agents, expected a comparison.json; compare again into a new "
        "folder."
    )


def test_a_worker_of_several_threads_is_refused(fake, tmp_path):
    with scheduler(threads=2) as address:
        assert error_of(fake.compare, tmp_path / "out", fake.small_plan(), scheduler=address) == (
            "--scheduler: found a worker of 2 threads, expected one thread a worker, so that every job has a core; start "
            "them with `dask worker --nthreads 1 --nworkers CORES`."
        )


def test_histories_are_sampled_as_steps_and_thinned_to_their_improvements():
    history = ((0.0, 1, 3.0), (1.0, 2, 3.0), (2.0, 3, 2.0), (3.0, 4, 2.0), (4.0, 5, 2.0))
    assert improvements(history) == (history[0], history[2], history[4])
    assert np.array_equal(
        sample_histories([history], np.array([-1.0, 0.5, 2.0, 9.0])), [[np.nan, 3.0, 2.0, 2.0]], equal_nan=True
    )
