"""Programs of several threads write the bytes of programs of one thread, under QEMU, and share what can be shared."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import helper

from workbench.base.errors import InputError
from workbench.cli.app import app
from workbench.compiler import partition
from workbench.compiler.compile import compile_graph
from workbench.compiler.execute import run_network
from workbench.compiler.link import SYSTEM_CALL
from workbench.compiler.planner import Planner, Schedule
from workbench.core.config import CoreConfig, load_core
from workbench.core.run import run_program
from workbench.core.sampling.settings import Sampling
from workbench.graph.graph import Graph
from workbench.graph.half import in_half_precision
from workbench.graph.quantise import quantise
from workbench.graph.reference import random_inputs, relative_error, run_reference
from workbench.graph.zoo import load_model
from workbench.isa.elf import read_elf
from workbench.isa.target import Target

sys.path.insert(0, str(Path(__file__).parent))
from test_operators import CASES, NETWORKS  # noqa: E402
from threaded import needs_qemu, pair, run_qemu  # noqa: E402

CORE = Target("core", 128, 256, True, 65536, 1 << 20)
SMALL = replace(CORE, l1d_bytes=4096, l2_bytes=16384)
Build = Callable[..., Graph]
RNG = np.random.default_rng(3)
TRUNCATING = (  # QEMU 7.2 stops at vfcvt.rtz
    "gather computed", "places of integers", "grid sample", "regions of an image", "reversed by the data",
    "largest of one long",
)  # fmt: skip
UNDER_QEMU = [name for name in CASES if not name.startswith(TRUNCATING)]


@pytest.fixture
def shares_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let threads share kernels that are too small to be worth it."""
    monkeypatch.setattr(partition, "LEAST_GAIN_CYCLES", -1e9)


def check(graph: Graph, threads: int, target: Target = CORE, planner: Planner | None = None, vlen_bits: int = 128) -> None:
    """Both programs end well with the same bytes."""
    one, many = pair(graph, target, threads, planner)
    stdin = one.pack_inputs(random_inputs(graph, 3))
    expected, found = (run_qemu(network.program, stdin, vlen_bits) for network in (one, many))
    assert (expected.returncode, found.returncode) == (0, 0)
    assert len(expected.stdout) == one.output_bytes
    assert found.stdout == expected.stdout


@needs_qemu
@pytest.mark.parametrize(("name", "threads"), [(name, 2 + place % 3) for place, name in enumerate(UNDER_QEMU[::4])])
def test_an_operator_gives_the_bytes_of_one_thread(name: str, threads: int, build_network: Build, shares_all: None) -> None:
    check(build_network(*CASES[name]), threads)


@needs_qemu
@pytest.mark.slow
@pytest.mark.parametrize("threads", [2, 3, 4])
@pytest.mark.parametrize("name", UNDER_QEMU)
def test_every_operator_gives_the_bytes_of_one_thread(
    name: str, threads: int, build_network: Build, shares_all: None
) -> None:
    graph = build_network(*CASES[name])
    check(graph, threads)
    check(graph, threads, vlen_bits=1024)


@needs_qemu
@pytest.mark.parametrize(("name", "threads"), [("functions", 3), ("resize", 2), ("resize", 4)])
def test_many_operators_give_the_bytes_of_one_thread(
    name: str, threads: int, build_network: Build, shares_all: None
) -> None:
    network, opset = NETWORKS[name]
    check(build_network(*network, opset), threads)


def _indexed() -> tuple:
    """Gathers and scatters with computed indices, running sums, places of extremes, integers."""
    constants = {
        "e": RNG.integers(-3, 3, (1, 4, 3, 40)), "n": np.array([[0, 3], [0, 1], [0, 3]]), "a": np.array(1),
        "u": np.ones((3, 3, 40), np.float32), "f": RNG.integers(0, 4, (1, 4, 3, 40)),
        "v": np.ones((1, 4, 3, 40), np.float32), "k": np.array([5]),
    }  # fmt: skip
    nodes = [
        helper.make_node("Gather", ["x", "i"], ["gather"], axis=1),
        helper.make_node("GatherElements", ["x", "e"], ["elements"], axis=2),
        helper.make_node("GatherND", ["x", "n"], ["nd"]),
        helper.make_node("ScatterND", ["x", "n", "u"], ["scattered"], reduction="add"),
        helper.make_node("ScatterElements", ["x", "f", "v"], ["into"], axis=1, reduction="add"),
        helper.make_node("CumSum", ["x", "a"], ["running"]), helper.make_node("ArgMax", ["x"], ["most"], axis=1),
        helper.make_node("Add", ["i", "k"], ["sum"]), helper.make_node("Mul", ["sum", "sum"], ["product"]),
        helper.make_node("ReduceMax", ["x"], ["largest"], axes=[1, 3]), helper.make_node("Softmax", ["x"], ["soft"], axis=3),
    ]  # fmt: skip
    outputs = [node.output[0] for node in nodes]
    return nodes, {"x": (1, 4, 3, 40), "i": (30,)}, outputs, constants, 17, {"i": "int64"}


@needs_qemu
@pytest.mark.parametrize("threads", [2, 3, 4])
def test_indexed_operators_give_the_bytes_of_one_thread(threads: int, build_network: Build, shares_all: None) -> None:
    graph = build_network(*_indexed())
    one, many = pair(graph, CORE, threads)
    inputs = random_inputs(graph, 1) | {"i": np.arange(30) % 4}
    expected, found = (run_qemu(network.program, one.pack_inputs(inputs)) for network in (one, many))
    assert found.returncode == 0 and found.stdout == expected.stdout
    assert relative_error(many.unpack_outputs(found.stdout), run_reference(graph, inputs)) < 1e-5


@pytest.fixture
def image(build_network: Build) -> Graph:
    """Two convolutions of an image: filters that fill vectors, and some that are left."""
    weights = {"w": RNG.standard_normal((22, 9, 3, 3)), "v": RNG.standard_normal((32, 22, 3, 3))}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], name="first", pads=[1] * 4),
        helper.make_node("Conv", ["a", "v"], ["y"], name="second", pads=[1] * 4),
    ]
    return build_network(nodes, {"x": (2, 9, 14, 13)}, ["y"], {name: w.astype(np.float32) for name, w in weights.items()})


ALGORITHMS = [
    Schedule("direct", "channels", 1, 7), Schedule("direct", "positions", 2, 5, outside=True),
    Schedule("winograd F(2,3)", "channels", 1, 4), Schedule("winograd F(4,3)", "positions", 1, 4),
    Schedule("im2col", "channels", 2, 3), Schedule("im2col", "positions", 1, 8),
]  # fmt: skip


@needs_qemu
@pytest.mark.parametrize("threads", [pytest.param(2, marks=pytest.mark.slow), 5])
@pytest.mark.parametrize("schedule", ALGORITHMS, ids=lambda s: f"{s.algorithm} over {s.vectors}")
def test_every_algorithm_gives_the_bytes_of_one_thread(
    schedule: Schedule, threads: int, image: Graph, shares_all: None
) -> None:
    check(image, threads, SMALL, Planner({"first": schedule, "second": schedule}))


@needs_qemu
def test_a_product_over_panels_gives_the_bytes_of_one_thread(build_network: Build, shares_all: None) -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="product")]
    graph = build_network(nodes, {"x": (2, 9, 20), "w": (2, 20, 37)}, ["y"], {})
    check(graph, 5, SMALL, Planner({"product": Schedule("panels", "channels", 1, 3)}))


@needs_qemu
def test_quantised_layers_and_layers_in_half_precision_give_the_bytes_of_one_thread(image: Graph, shares_all: None) -> None:
    check(in_half_precision(image), 3)
    check(quantise(image, [random_inputs(image, 0)]).graph, 3)


@needs_qemu
@pytest.mark.parametrize("threads", [7, 16])
def test_more_threads_than_pieces_give_the_bytes_of_one_thread(threads: int, build_network: Build, shares_all: None) -> None:
    for name in ("gemm", "conv of a batch", "softmax", "min and max", "conv transpose"):
        check(build_network(*CASES[name]), threads)


def _functional(
    graph: Graph, target: Target, threads: int, inputs: dict[str, np.ndarray], core: CoreConfig | None = None,
    planner: Planner | None = None,
) -> bytes:  # fmt: skip
    """Output of the program on a machine without timing that has a hart for every thread."""
    network = compile_graph(graph, replace(target, threads=threads), planner=planner)
    run = run_program(
        network.program, core, stdin=network.pack_inputs(inputs), timed=False, vlen_bits=target.vlen_bits, harts=threads
    )
    assert run.exit_code == 0
    return run.stdout


@pytest.mark.parametrize("threads", [2, 4])
def test_operators_that_qemu_cannot_run_are_right_on_our_simulator(
    threads: int, build_network: Build, shares_all: None
) -> None:
    network, opset = NETWORKS["pairs"]
    graph = build_network(*network, opset)
    inputs = random_inputs(graph, 0)
    assert _functional(graph, CORE, threads, inputs) == _functional(graph, CORE, 1, inputs)


@pytest.mark.parametrize("algorithm", ["matrix", "packed matrix"])
def test_threads_share_matrix_instructions(algorithm: str, build_network: Build, shares_all: None) -> None:
    weights = {"w": RNG.standard_normal((32, 16, 3, 3)).astype(np.float32)}
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], name="c", pads=[1] * 4)]
    single = build_network(nodes, {"x": (1, 16, 13, 11)}, ["y"], weights)
    inputs = random_inputs(single, 0)
    graph, core = quantise(single, [inputs]).graph, load_core("spacemit_x60")
    target, planner = core.target(), Planner({"c": Schedule(algorithm, "tiles", 2, 2, 4, True, True)})
    layers = compile_graph(graph, replace(target, threads=3), planner=planner).layers
    assert next(item for item in layers if item.name == "c").threads == 3
    assert _functional(graph, target, 3, inputs, core, planner) == _functional(graph, target, 1, inputs, core, planner)


def test_threads_without_cores_of_their_own_take_turns(build_network: Build, shares_all: None) -> None:
    graph = build_network(*CASES["conv 3x3 padded"])
    one, many = pair(graph, CORE, 3)
    stdin = one.pack_inputs(random_inputs(graph, 0))
    runs = [run_program(network.program, None, stdin=stdin, timed=False) for network in (one, many)]
    assert runs[0].stdout == runs[1].stdout and runs[1].exit_code == 0


def _slow_in_the_middle(build_network: Build) -> Graph:
    nodes = [
        helper.make_node("Exp", ["x"], ["a"]),
        helper.make_node("Softmax", ["a"], ["b"], axis=1),
        helper.make_node("Exp", ["b"], ["y"]),
    ]
    return build_network(nodes, {"x": (1, 200_000)}, ["y"], {})


@needs_qemu
def test_threads_that_wait_long_sleep_and_are_woken(build_network: Build) -> None:
    graph = _slow_in_the_middle(build_network)
    one, many = pair(graph, CORE, 2)
    assert [layer.threads for layer in many.layers] == [2, 1, 2]
    stdin = one.pack_inputs(random_inputs(graph, 0))
    traced = run_qemu(many.program, stdin, 128, "-strace")
    assert traced.stdout == run_qemu(one.program, stdin).stdout
    assert re.search(rb"futex\(0x[0-9a-f]+,FUTEX_PRIVATE_FLAG\|FUTEX_WAIT", traced.stderr)
    assert re.search(rb"futex\(0x[0-9a-f]+,FUTEX_PRIVATE_FLAG\|FUTEX_WAKE", traced.stderr)


@needs_qemu
def test_an_input_that_ends_early_stops_the_program(build_network: Build) -> None:
    many = compile_graph(build_network(*CASES["gemm"]), replace(CORE, threads=3))
    run = run_qemu(many.program, b"1234")
    assert (run.returncode, run.stdout) == (1, b"")


def test_a_program_of_one_thread_has_nothing_of_threads(image: Graph) -> None:
    network = compile_graph(image, CORE)
    names = {symbol.name for symbol in network.program.symbols if symbol.is_function}
    assert names == {"_start", SYSTEM_CALL, *(layer.symbol for layer in network.layers)}
    assert len(network.program.segments) == 3
    assert all((layer.threads, layer.largest_share) == (1, 1.0) for layer in network.layers)


def _waits(graph: Graph, planner: Planner | None = None) -> list[int]:
    """How often each layer's function waits."""
    network = compile_graph(graph, replace(CORE, threads=2), with_assembly=True, planner=planner)
    functions = [network.assembly.split(f"{layer.symbol}:")[1].split(".Lfunc_end")[0] for layer in network.layers]
    return [function.count("call\tbarrier") + function.count("tail\tbarrier") for function in functions]


def test_threads_do_not_wait_between_kernels_that_write_apart(build_network: Build, shares_all: None) -> None:
    parts = [helper.make_node("Concat", ["x", "z", "x"], ["y"], axis=1)]
    assert _waits(build_network(parts, {"x": (1, 3, 8, 64), "z": (1, 5, 8, 64)}, ["y"], {})) == [1]
    rest = {"w": RNG.standard_normal((40, 52)).astype(np.float32)}
    product = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    assert _waits(build_network(product, {"x": (16, 40)}, ["y"], rest)) == [1]


def test_threads_wait_for_a_border_before_it_is_read(build_network: Build, shares_all: None) -> None:
    weights = {"w": RNG.standard_normal((4, 64, 3, 3)).astype(np.float32)}
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], name="c", pads=[1] * 4, strides=[2, 2])]
    planner = Planner({"c": Schedule("direct", "positions", 1, 4)})
    assert _waits(build_network(nodes, {"x": (1, 64, 9, 9)}, ["y"], weights), planner) == [2]


def test_threads_do_not_wait_between_layers_of_thread_0(build_network: Build) -> None:
    nodes = [
        helper.make_node("Exp", ["x"], ["a"]),
        helper.make_node("Softmax", ["a"], ["b"], axis=0),
        helper.make_node("Exp", ["b"], ["y"]),
    ]
    assert _waits(build_network(nodes, {"x": (30,)}, ["y"], {})) == [0, 0, 0]


def test_layers_of_few_rows_are_shared_by_their_channels() -> None:
    network = compile_graph(load_model("mobilenet_v2_0.35_96"), replace(CORE, threads=4))
    assert [layer.operator for layer in network.layers if layer.threads == 1] == ["Softmax"]
    assert max(layer.largest_share for layer in network.layers if layer.macs) < 0.35
    assert network.layers[-1].algorithm.endswith("; thread 0 alone")


@pytest.mark.parametrize("threads", [0, 65])
def test_an_impossible_number_of_threads_is_refused(threads: int, build_network: Build) -> None:
    with pytest.raises(InputError) as error:
        compile_graph(build_network(*CASES["gemm"]), replace(CORE, threads=threads))
    assert str(error.value) == f"threads: found {threads}, expected 1 to 64; change it."


def test_the_command_names_the_layers_that_threads_do_not_share(tmp_path: Path) -> None:
    options = ["--core", "thead_c906", "-o", str(tmp_path / "net.elf"), "--json"]
    for threads in (1, 3):
        done = CliRunner().invoke(app, ["compile", "mlperf_tiny_kws", *options, "--threads", str(threads)])
        assert done.exit_code == 0, done.output
        facts = json.loads(done.stdout)
        symbols = {symbol.name for symbol in read_elf(tmp_path / "net.elf").symbols}
        assert (facts.get("threads", 1), "barrier" in symbols) == (threads, threads > 1)
    assert facts["layers_of_thread_0"] and len(facts["layers_of_thread_0"]) < facts["layers"]
    alone = CliRunner().invoke(app, ["compile", "mlperf_tiny_kws", *options])
    assert "layers_of_thread_0" not in json.loads(alone.stdout)


def test_threads_are_not_sampled(build_network: Build) -> None:
    with pytest.raises(InputError) as error:
        run_network(build_network(*CASES["gemm"]), load_core("thead_c906"), threads=2, sampling=Sampling())
    assert str(error.value) == (
        "threads: found 2 of them with sampling or logs of the pipeline, expected 1; leave those out."
    )


@needs_qemu
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "threads"),
    [("mobilenet_v2", 2), ("squeezenet", 3), ("shufflenet_v2", 4), ("mobilenet_v3", 3), ("bert_tiny", 4), ("resnet18", 4)],
)
def test_a_network_of_the_zoo_gives_the_bytes_of_one_thread(name: str, threads: int) -> None:
    graph = load_model(name)
    check(graph, threads)
    network = compile_graph(graph, replace(CORE, threads=threads))
    inputs = random_inputs(graph, 3)
    run = run_qemu(network.program, network.pack_inputs(inputs))
    assert relative_error(network.unpack_outputs(run.stdout), run_reference(graph, inputs)) < 1e-4
