"""What a run says of each layer: shares, peaks, traffic, and that sampling stays within its bound."""

from __future__ import annotations

import csv
import re
from typing import Any

import pytest
from click.testing import CliRunner

from workbench.cli.app import app
from workbench.compiler.execute import _simulate, run_network
from workbench.compiler.layer_results import LayerResult, roofline
from workbench.core.config import load_core
from workbench.core.sampling.settings import Sampling
from workbench.graph.half import in_half_precision
from workbench.graph.zoo import load_model


@pytest.fixture(scope="module")
def core():
    return load_core("thead_c906")


@pytest.fixture(scope="module")
def graph():
    return load_model("mlperf_tiny_kws")


@pytest.fixture(scope="module")
def whole(graph, core):
    return run_network(graph, core, check=False)


def test_layers_and_what_is_outside_of_them_sum_to_the_run(whole) -> None:
    assert sum(layer.cycles for layer in whole.layers) + whole.outside_cycles == whole.result.cycles
    assert sum(layer.share for layer in whole.layers) == pytest.approx(1 - whole.outside_cycles / whole.result.cycles)
    assert whole.latency_error == 0 and all(layer.error_cycles == 0 for layer in whole.layers)


def test_the_peak_follows_the_width_of_the_sums(graph, core, whole) -> None:
    half = run_network(in_half_precision(graph, single_sums=False), core, check=False)
    for run, bits in ((whole, 32), (half, 16)):
        products = [layer for layer in run.layers if layer.macs]
        assert {layer.sum_bits for layer in products} == {bits}
        for layer in products:
            assert layer.utilization == pytest.approx(layer.macs_per_cycle * bits / core.vector_bits_per_cycle)
            assert layer.utilization <= 1 and layer.macs_per_cycle <= roofline(core, bits).macs_per_cycle


def test_the_memory_roof_binds_below_the_ridge(core) -> None:
    roof = roofline(core)
    ridge = roof.macs_per_cycle / roof.dram_bytes_per_cycle
    assert roof.limit(ridge / 2) == pytest.approx(roof.macs_per_cycle / 2) and roof.limit(2 * ridge) == roof.macs_per_cycle


def test_a_sampled_run_counts_all_instructions_and_is_within_its_bound() -> None:
    core, graph = load_core("xiangshan_kunminghu_v2"), load_model("mobilenet_v2_0.35_96")
    sparse = Sampling(timed_instructions=4_000, least_skip=10_000)
    whole, sampled = (run_network(graph, core, check=False, sampling=sampling) for sampling in (None, sparse))
    assert sum(layer.timed_instructions for layer in sampled.layers) < sampled.result.instructions
    assert sampled.result.instructions == whole.result.instructions
    off = abs(sampled.result.cycles / whole.result.cycles - 1)
    assert 0 < sampled.latency_error < 0.02 and off <= sampled.latency_error


def test_a_network_of_few_instructions_is_simulated_in_full_at_once(graph, core, whole, monkeypatch) -> None:
    asked = []

    def follow(*arguments: Any) -> Any:
        asked.append(arguments[3])
        return _simulate(*arguments)

    monkeypatch.setattr("workbench.compiler.execute._simulate", follow)
    run = run_network(graph, core, check=False, sampling=Sampling())
    assert (asked, run.latency_error, run.result.cycles) == ([None], 0, whole.result.cycles)


def test_a_network_whose_samples_stay_too_far_apart_is_simulated_in_full(graph, core, whole, monkeypatch) -> None:
    monkeypatch.setattr("workbench.compiler.execute.LARGEST_ERROR", 0.001)
    run = run_network(graph, core, check=False, sampling=Sampling(timed_instructions=5_000, least_skip=10_000))
    assert (run.latency_error, run.result.cycles) == (0, whole.result.cycles)


def test_the_command_writes_table_and_pictures_at_another_clock(tmp_path) -> None:
    table = tmp_path / "layers.csv"
    options = ["--csv", str(table), "--pictures", str(tmp_path), "--frequency-mhz", "500", "--full"]
    done = CliRunner().invoke(app, ["run", "mlperf_tiny_kws", "--core", "thead_c906", *options])
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(table.open()))
    assert list(rows[0]) == list(LayerResult.__dataclass_fields__) and len(rows) == 12
    assert re.search(r"^frequency_mhz +500$", done.output, re.MULTILINE)
    for name in ("latency", "roofline", "cpi_stack"):
        assert (tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
