"""Compile, simulate and check in one call, and the commands around it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from workbench.base.errors import InputError
from workbench.cli.app import app
from workbench.cli.run_network import is_network, read_inputs
from workbench.compiler.execute import run_network
from workbench.core.config import load_core
from workbench.core.sampling.settings import Sampling
from workbench.graph.zoo import load_model


@pytest.fixture(scope="module")
def small_run():
    """MobileNetV2 0.35 at 96 x 96 on XiangShan with its own vector unit."""
    return run_network("mobilenet_v2_0.35_96", load_core("xiangshan_kunminghu_v2"), seed=1)


def test_the_outputs_are_those_of_onnxruntime(small_run) -> None:
    assert small_run.relative_error <= 1e-4


def test_layers_and_the_rest_add_up_to_the_run(small_run) -> None:
    assert small_run.outside_cycles + sum(layer.cycles for layer in small_run.layers) == small_run.result.cycles
    assert all(layer.cycles > 0 for layer in small_run.layers)
    assert 0 < small_run.outside_cycles < 0.1 * small_run.result.cycles


def test_no_layer_computes_faster_than_the_vector_unit(small_run) -> None:
    assert max(layer.macs_per_cycle for layer in small_run.layers) <= 8.0  # two pipes of 128 bits


def test_the_engine_needs_fewer_instructions_and_cycles(small_run) -> None:
    engine = run_network("mobilenet_v2_0.35_96", load_core("xiangshan_kunminghu_v2_npu16"), seed=1)
    assert engine.relative_error <= 1e-4
    assert engine.result.cycles < small_run.result.cycles
    assert engine.result.instructions < small_run.result.instructions


def test_a_network_estimated_to_be_short_is_simulated_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keyword spotting: with windows so long that a fifth of its instructions is timed, the first run is one in full."""
    from workbench.compiler import execute

    tried: list[Sampling | None] = []
    simulate = execute._simulate

    def recorded(network, core, values, sampling, *rest):
        tried.append(sampling)
        return simulate(network, core, values, sampling, *rest)

    monkeypatch.setattr(execute, "_simulate", recorded)
    graph, core = load_model("mlperf_tiny_kws"), load_core("saturn_v256d128")
    result = run_network(graph, core, check=False, sampling=Sampling())
    assert tried == [None] and result.latency_error == 0.0 and result.outputs
    layers = result.network.layers
    total, longest = (f(layer.instructions for layer in layers) for f in (sum, max))
    few = Sampling(timed_instructions=int(0.19 * total / (2 * len(layers))))
    many = Sampling(timed_instructions=int(longest))
    assert not execute._is_short(result.network, few) and execute._is_short(result.network, many)


def test_a_name_means_a_network_or_a_program() -> None:
    assert is_network("squeezenet") and is_network("folder/net.onnx") and not is_network("hello.elf")


def _cli(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_compile_writes_an_executable_and_assembly(tmp_path: Path) -> None:
    program, assembly = tmp_path / "net.elf", tmp_path / "net.s"
    done = _cli(
        "compile", "mobilenet_v2_0.35_96", "--core", "thead_c906", "-o", str(program), "--asm", str(assembly), "--json"
    )  # fmt: skip
    facts = json.loads(done.stdout)
    assert done.exit_code == 0 and facts["layers"] == 56 and facts["inputs"] == {"image": [1, 3, 96, 96]}
    assert program.read_bytes()[:4] == b"\x7fELF" and program.stat().st_mode & 0o111
    assert "vfmacc.vf" in assembly.read_text()


def test_a_float_network_is_compiled_in_bytes_on_demand(tmp_path: Path) -> None:
    sizes = {}
    for dtype in ("fp32", "int8"):
        options = ["--core", "spacemit_x60", "-o", str(tmp_path / "x.elf"), "--dtype", dtype, "--json"]
        done = _cli("compile", "mlperf_tiny_kws", *options)
        assert done.exit_code == 0, done.output
        sizes[dtype] = json.loads(done.stdout)["weight_bytes"]
    assert sizes["int8"] < 0.6 * sizes["fp32"]


def test_inputs_from_files(tmp_path: Path) -> None:
    graph = load_model("mobilenet_v2_0.35_96")
    image = np.ones((1, 3, 96, 96), np.float32)
    np.save(tmp_path / "image.npy", image)
    assert np.array_equal(read_inputs(graph, [tmp_path / "image.npy"])["image"], image)
    np.save(tmp_path / "small.npy", image[:, :, :3])
    (tmp_path / "text.npy").write_text("no array")
    expected = {
        "small.npy": "small.npy: found an array of shape [1, 3, 3, 96], expected shape [1, 3, 96, 96] of input image; "
        "reshape it.",
        "text.npy": "text.npy: found bytes that are not an array, expected a .npy file; write it with numpy.save.",
    }
    for name, message in expected.items():
        with pytest.raises(InputError) as caught:
            read_inputs(graph, [tmp_path / name])
        assert str(caught.value) == f"{tmp_path}/{message}"
    with pytest.raises(InputError) as caught:
        read_inputs(graph, [tmp_path / "image.npy"] * 2)
    assert str(caught.value) == "--input: found 2 files, expected at most 1, one for each input; remove some."
