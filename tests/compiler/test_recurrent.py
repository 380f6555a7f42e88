"""Recurrent layers and Einsum, compiled and run on our simulator, give what onnxruntime gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from onnx import helper

from workbench.base.errors import InputError
from workbench.compiler.compile import compile_graph
from workbench.isa.target import Target

TOLERANCE = 1e-5
STEPS, BATCH, WIDTH, HIDDEN = 5, 2, 7, 9
TARGET = Target("test", 128, 256, False, 65536, 1 << 20)
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
Build = Callable[..., Any]


def layer(
    operator: str, *, states: bool = False, computed_states: bool = False, bias: bool = True, peepholes: bool = False,
    outputs: tuple[str, ...] = ("y", "h"), hidden: int = HIDDEN, **attributes: Any,
) -> tuple[list[Any], dict[str, tuple[int, ...]], list[str], dict[str, np.ndarray]]:  # fmt: skip
    """A network of one recurrent layer, as `build_network` takes it."""
    rng = np.random.default_rng(5)

    def floats(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32) * 0.5

    count = 2 if attributes.get("direction") == "bidirectional" else 1
    rows = GATES[operator] * hidden
    constants = {"w": floats(count, rows, WIDTH), "r": floats(count, rows, hidden)}
    names, inputs = ["x", "w", "r"], {"x": (STEPS, BATCH, WIDTH)}
    more = {"b": bias, "": True, "first": states, "cell": states and operator == "LSTM", "p": peepholes}
    shapes = {
        "b": (count, 2 * rows), "first": (count, BATCH, hidden), "cell": (count, BATCH, hidden), "p": (count, 3 * hidden),
    }  # fmt: skip
    for name, is_there in more.items():
        names.append(name if is_there else "")
        if name and is_there and computed_states and name in ("first", "cell"):
            inputs[name] = shapes[name]
        elif name and is_there:
            constants[name] = floats(*shapes[name])
    while not names[-1]:
        names.pop()
    node = helper.make_node(operator, names, list(outputs), hidden_size=hidden, **attributes)
    return [node], inputs, [name for name in outputs if name], constants


LAYERS: dict[str, Any] = {
    "rnn": layer("RNN"),
    "rnn backwards with relu": layer("RNN", direction="reverse", activations=["Relu"]),
    "rnn in both directions": layer("RNN", direction="bidirectional", states=True),
    "gru": layer("GRU", bias=False),
    "gru that resets the product": layer("GRU", linear_before_reset=1),
    "gru from a state": layer("GRU", linear_before_reset=1, states=True, direction="bidirectional"),
    "gru from a computed state": layer("GRU", states=True, computed_states=True, clip=0.4),
    "lstm": layer("LSTM", outputs=("y", "h", "c")),
    "lstm without bias, last state alone": layer("LSTM", outputs=("", "h"), bias=False),
    "lstm in both directions from computed states": layer(
        "LSTM", direction="bidirectional", states=True, computed_states=True, outputs=("y", "", "c")
    ),
    "lstm with peepholes": layer("LSTM", peepholes=True, states=True, clip=0.3, outputs=("y", "h", "c")),
    "lstm with coupled gates": layer("LSTM", input_forget=1, outputs=("y", "h", "c")),
    "lstm with peepholes and coupled gates": layer("LSTM", peepholes=True, input_forget=1),
    "lstm with other functions": layer(
        "LSTM", activations=["HardSigmoid", "Affine", "ScaledTanh"], activation_alpha=[0.3, 0.8, 1.2],
        activation_beta=[0.4, 0.1, 0.7],
    ),
}  # fmt: skip


def test_llvm_runs_once_for_all_equal_steps(build_network: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """First and last steps differ from the others, and the products of all steps depend on how many there are."""
    from workbench.compiler import generate

    made = generate.make_object
    texts: list[str] = []
    monkeypatch.setattr(generate, "make_object", lambda text: texts.append(text) or made(text))
    counts = []
    for steps in (6, 12):
        nodes, inputs, outputs, constants = layer("LSTM")
        network = compile_graph(build_network(nodes, {**inputs, "x": (steps, BATCH, WIDTH)}, outputs, constants), TARGET)
        counts.append((len(texts), len(network.layers)))
        texts.clear()
    (few, short), (many, long) = counts
    assert many <= few + 3 and long >= 1.8 * short and long > 3 * many


@pytest.mark.parametrize("name", LAYERS)
def test_a_recurrent_layer_gives_what_onnxruntime_gives(
    name: str, network_error: Callable[..., float], build_network: Build
) -> None:
    assert network_error(build_network(*LAYERS[name]), 128) < TOLERANCE


def test_the_weights_of_all_steps_are_stored_once(build_network: Build) -> None:
    graph = build_network(*layer("LSTM", hidden=64))
    network = compile_graph(graph, TARGET)
    weights = sum(array.nbytes for name, array in graph.constants.items() if array.size > 1)
    assert network.weight_bytes < 1.2 * weights


def test_steps_that_differ_by_sequence_are_refused(build_network: Build) -> None:
    nodes, inputs, outputs, constants = layer("RNN", states=True)
    nodes[0].input[4] = "lengths"
    with pytest.raises(InputError) as caught:
        build_network(nodes, inputs, outputs, {**constants, "lengths": np.int32([5, 3])})
    assert str(caught.value) == (
        "test.onnx, node RNN_0: found RNN with sequences of [3, 5] steps, expected sequences of all 5 steps; "
        "cut the input to its length."
    )


EQUATIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "ij->ji": ((3, 4),),
    "ba": ((3, 4),),
    "ij->": ((3, 4),),
    "ii": ((4, 4),),
    "...ii->...i": ((3, 5, 5),),
    "iij->j": ((3, 3, 4),),
    "i,i": ((5,), (5,)),
    "i,j->ij": ((3,), (4,)),
    "ij,ij->ij": ((3, 4), (3, 4)),
    "bij, bjk -> bik": ((2, 3, 4), (2, 4, 5)),
    "bqhd,bkhd->bhqk": ((2, 3, 4, 5), (2, 6, 4, 5)),
    "...ij,jk->...ik": ((2, 3, 4, 5), (5, 6)),
    "...i,...i->...": ((2, 1, 4), (2, 3, 4)),
    "ij,jk,kl->il": ((3, 4), (4, 5), (5, 2)),
    "ij,jk": ((3, 4), (1, 5)),
    "ibj,j->bi": ((3, 2, 4), (4,)),
}


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("is_constant", [False, True], ids=["computed", "constant"])
def test_an_einsum_gives_what_onnxruntime_gives(
    equation: str, is_constant: bool, network_error: Callable[..., float], build_network: Build
) -> None:
    """The last operand is a constant, if there are several."""
    shapes = {f"x{place}": shape for place, shape in enumerate(EQUATIONS[equation])}
    names, constants = list(shapes), {}
    if is_constant and len(shapes) > 1:
        constants = {names[-1]: np.random.default_rng(3).standard_normal(shapes.pop(names[-1])).astype(np.float32)}
    node = helper.make_node("Einsum", names, ["y"], equation=equation)
    assert network_error(build_network([node], shapes, ["y"], constants), 128) < TOLERANCE


def test_an_einsum_of_other_sizes_is_refused(build_network: Build) -> None:
    node = helper.make_node("Einsum", ["a", "b"], ["y"], equation="ij,jk->ik")
    with pytest.raises(InputError, match="found Einsum with sizes 4 and 5 of j, expected equal sizes"):
        build_network([node], {"a": (3, 4), "b": (5, 6)}, ["y"], {})
