"""Float networks in bytes: what the quantiser makes runs in integers, and bad samples end in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from workbench.base.errors import InputError
from workbench.cli.app import app
from workbench.compiler.compile import compile_graph
from workbench.compiler.execute import run_network
from workbench.core.config import load_core
from workbench.core.run import run_program
from workbench.graph.graph import Graph
from workbench.graph.onnx_reader import make_graph
from workbench.graph.quantise import Form, quantise
from workbench.graph.reference import random_inputs, relative_error, run_reference
from workbench.graph.samples import read_samples
from workbench.graph.zoo import load_model
from workbench.graph.zoo.builder import Builder
from workbench.isa.target import Target

SMALL = "mlperf_tiny_kws"
TRANSFORMERS = ("vit_tiny", "bert_tiny")
ZOO = (
    "mobilenet_v1", "mobilenet_v2", "mobilenet_v2_0.35_96", "mobilenet_v3", "resnet18", "squeezenet", "shufflenet_v2",
    "googlenet", "mlperf_tiny_ic", "mlperf_tiny_kws", "mlperf_tiny_vww", "mlperf_tiny_ad", *TRANSFORMERS,
)  # fmt: skip


@pytest.fixture(scope="module")
def graph() -> Graph:
    return load_model(SMALL)


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("per_channel", [True, False])
def test_all_layers_become_integers_and_the_outputs_stay_near(graph: Graph, form: Form, per_channel: bool) -> None:
    seen: list[int] = []
    samples = [random_inputs(graph, seed) for seed in range(3)]
    result = quantise(graph, samples, per_channel=per_channel, form=form, on_sample=seen.append)
    assert len(result.in_integers) == 10 and not result.in_floats and max(seen) == 3
    assert result.signal_to_noise_db > 15 and result.agreement is not None
    assert len(result.model) < 0.5 * len(graph.model)


def test_the_quantised_file_runs_on_a_core_with_matrix_instructions(graph: Graph) -> None:
    samples = [random_inputs(graph, seed) for seed in range(2)]
    result = quantise(graph, samples)
    core = load_core("spacemit_x60")
    bytes_run, float_run = run_network(result.graph, core), run_network(graph, core, check=False)
    assert bytes_run.relative_error is not None and bytes_run.relative_error < 1e-3
    assert any(layer.algorithm.startswith("matrix") for layer in bytes_run.layers)
    assert bytes_run.result.cycles < float_run.result.cycles


def test_a_quantised_network_is_not_quantised_again(graph: Graph) -> None:
    once = quantise(graph, [random_inputs(graph, 0)])
    with pytest.raises(InputError, match="quantised already"):
        quantise(once.graph, [random_inputs(graph, 0)])


def test_samples_come_from_files_of_one_or_many(graph: Graph, tmp_path: Path) -> None:
    name, rng = graph.inputs[0], np.random.default_rng(0)
    shape = graph.shape(name)
    np.save(tmp_path / "a.npy", rng.standard_normal(shape))
    np.save(tmp_path / "b.npy", rng.standard_normal((3, *shape)))
    np.save(tmp_path / "c.npy", rng.standard_normal((2, *shape[1:])))
    np.savez(tmp_path / "d.npz", **{name: rng.standard_normal(shape)})
    (tmp_path / "notes.txt").write_text("no sample")
    samples = read_samples(tmp_path, graph)
    assert len(samples) == 1 + 3 + 2 + 1
    assert all(sample[name].shape == shape and sample[name].dtype == np.float32 for sample in samples)


def _bad_npz(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("case,expected", [
    ("shape", "shape"), ("text", "not an array"), ("names", "inputs"), ("empty", "samples"), ("archive", "archive"),
    ("kind", "kind .csv"), ("objects", "not an array"),
])  # fmt: skip
def test_bad_samples_are_refused_in_a_sentence(graph: Graph, tmp_path: Path, case: str, expected: str) -> None:
    path = tmp_path / "x.npy"
    if case == "shape":
        np.save(path, np.zeros((3, 3)))
    elif case == "text":
        path.write_text("1, 2, 3")
    elif case == "names":
        path = _bad_npz(tmp_path / "x.npz", {"other": np.zeros(3)})
    elif case == "empty":
        path = tmp_path
    elif case == "archive":
        path = tmp_path / "x.npz"
        path.write_bytes(b"PK but no archive")
    elif case == "kind":
        path = tmp_path / "x.csv"
        path.write_text("1")
    else:
        np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(InputError, match=expected):
        read_samples(path, graph)


def test_the_command_writes_the_file_and_says_what_it_did(tmp_path: Path) -> None:
    target = tmp_path / "bytes.onnx"
    done = CliRunner().invoke(app, ["quantize", SMALL, "-o", str(target), "--samples", "2"])
    assert done.exit_code == 0, done.output
    assert "layers_in_integers" in done.output and "random numbers" in done.output
    assert load_model(target).nodes


def test_it_says_what_stays_in_floats_and_why() -> None:
    b = Builder("up")
    x = b.conv(b.input("image", 1, 3, 6, 6), 8, 3, name="first")
    weights = b.weight("up.weight", (8, 4, 2, 2), 0.3)
    up = b.op("ConvTranspose", x, weights, shape=(1, 4, 12, 12), name="up", strides=[2, 2])
    graph = make_graph(b.finish(wide=b.activate(up, "sigmoid", "gate")), "up", "up")
    result = quantise(graph, [random_inputs(graph, 0)])
    assert result.in_integers == ("first",) and result.in_floats == ("up",)
    assert result.reasons == {"up": "ConvTranspose has no form in integers"} and result.other_floats == {"Sigmoid": 1}


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
def test_a_network_of_the_zoo_computes_all_its_layers_in_integers(name: str) -> None:
    graph = load_model(name)
    result = quantise(graph, [random_inputs(graph, seed) for seed in range(2)])
    assert not result.in_floats and result.signal_to_noise_db > 10  # random weights amplify errors
    inputs = random_inputs(graph, 0)
    compiled = compile_graph(result.graph, Target("test", 256, 256, False, 65536, 1 << 20))
    run = run_program(compiled.program, None, stdin=compiled.pack_inputs(inputs), timed=False, vlen_bits=256)
    most = (
        0.1 if name in TRANSFORMERS else 0.03
    )  # a unit here and there, and what follows; normalizations in float do so often
    assert relative_error(compiled.unpack_outputs(run.stdout), run_reference(result.graph, inputs)) < most
