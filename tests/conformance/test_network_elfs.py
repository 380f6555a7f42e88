"""The ELF files of whole networks give the same bytes under QEMU as on our core, and what onnxruntime gives."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from workbench.compiler.compile import compile_graph
from workbench.core.config import load_core
from workbench.core.run import run_program
from workbench.graph.graph import Graph
from workbench.graph.half import in_half_precision
from workbench.graph.onnx_reader import make_graph
from workbench.graph.reference import random_inputs, relative_error, run_reference
from workbench.graph.zoo import load_model
from workbench.isa.elf import write_elf

QUANTISED = ("k1_int8_ic_resnet", "k1_int8_kws_ref_model")
REFERENCE_NETWORKS = ("alibaba_c906_ic", "alibaba_c906_kws", "fastestdet", *QUANTISED)
TOLERANCE = 1e-4
HALF_TOLERANCE = 0.03  # of the largest output, after tens of layers whose rounding errors are 2^-11 each


def _qemu(path: Path, stdin: bytes, vlen_bits: int) -> bytes:
    machine = f"rv64,v=true,vlen={vlen_bits},elen=64,Zfh=true"  # vectors of halves need no option there
    run = subprocess.run(["qemu-riscv64", "-cpu", machine, str(path)], input=stdin, capture_output=True, check=True)
    return run.stdout


def _check(graph: Graph, core: str, vlen_bits: int, folder: Path, tolerance: float = TOLERANCE) -> None:
    compiled = compile_graph(graph, load_core(core).target())
    path = write_elf(folder / "network.elf", compiled.program)
    inputs = random_inputs(graph, 3)
    stdin = compiled.pack_inputs(inputs)
    ours = run_program(compiled.program, None, stdin=stdin, timed=False, vlen_bits=vlen_bits)
    assert ours.exit_code == 0
    assert relative_error(compiled.unpack_outputs(ours.stdout), run_reference(graph, inputs)) <= tolerance
    assert ours.stdout == _qemu(path, stdin, vlen_bits)


@pytest.mark.slow
@pytest.mark.parametrize("vlen_bits", [128, 1024])
@pytest.mark.parametrize("network", REFERENCE_NETWORKS)
def test_a_trained_network_gives_the_same_bytes_under_qemu(
    network: str, vlen_bits: int, reference: Path, tmp_path: Path
) -> None:
    graph = load_model(reference / "workloads" / "onnx" / f"{network}.onnx")
    core = "xiangshan_kunminghu_v2" if vlen_bits == 128 else "xiangshan_kunminghu_v2_npu16"
    _check(graph, core, vlen_bits, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("network", ["mobilenet_v2", "squeezenet"])
def test_a_network_of_the_zoo_gives_the_same_bytes_under_qemu(network: str, tmp_path: Path) -> None:
    _check(load_model(network), "xiangshan_kunminghu_v2", 128, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("single_sums", [False, True])
@pytest.mark.parametrize("vlen_bits", [128, 1024])
@pytest.mark.parametrize("network", ["alibaba_c906_ic", "mobilenet_v3", "bert_tiny"])
def test_a_network_in_half_precision_gives_the_same_bytes_under_qemu(
    network: str, vlen_bits: int, single_sums: bool, reference: Path, tmp_path: Path
) -> None:
    path = reference / "workloads" / "onnx" / f"{network}.onnx"
    single = load_model(path if network.startswith("alibaba") else network)
    core = "thead_c906" if vlen_bits == 128 else "xiangshan_kunminghu_v2_npu16"
    _check(in_half_precision(single, single_sums), core, vlen_bits, tmp_path, HALF_TOLERANCE)


@pytest.mark.parametrize("network", QUANTISED)
def test_a_quantised_network_gives_the_bits_of_onnxruntime_before_its_softmax(network: str, reference: Path) -> None:
    import onnx

    model = onnx.load(reference / "workloads" / "onnx" / f"{network}.onnx")
    last = next(node for node in model.graph.node if node.op_type == "Softmax")
    model.graph.node.remove(last)
    model.graph.output[0].name = last.input[0]
    graph = make_graph(model, network, network)
    compiled = compile_graph(graph, load_core("spacemit_x60").without_matrix().target())
    for seed in range(3):
        inputs = random_inputs(graph, seed)
        result = run_program(compiled.program, None, stdin=compiled.pack_inputs(inputs), timed=False, vlen_bits=256)
        found, expected = compiled.unpack_outputs(result.stdout), run_reference(graph, inputs)
        np.testing.assert_array_equal(found[last.input[0]], expected[last.input[0]])


@pytest.mark.parametrize("network", ["alibaba_c906_ic", "alibaba_c906_kws"])
def test_a_trained_network_equals_onnxruntime(network: str, reference: Path) -> None:
    graph = load_model(reference / "workloads" / "onnx" / f"{network}.onnx")
    compiled = compile_graph(graph, load_core("thead_c906").target())
    inputs = random_inputs(graph, 5)
    result = run_program(compiled.program, None, stdin=compiled.pack_inputs(inputs), timed=False)
    assert relative_error(compiled.unpack_outputs(result.stdout), run_reference(graph, inputs)) <= TOLERANCE


def test_an_input_that_ends_early_stops_the_program() -> None:
    graph = load_model("mobilenet_v2_0.35_96")
    compiled = compile_graph(graph, load_core("xiangshan_kunminghu_v2").target())
    data = compiled.pack_inputs({"image": np.zeros((1, 3, 96, 96), np.float32)})
    result = run_program(compiled.program, None, stdin=data[:-4], timed=False)
    assert (result.exit_code, result.stdout) == (1, b"")
