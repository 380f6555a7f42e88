"""Networks with control flow and sequences give what onnxruntime gives, and nothing of either remains in them."""
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx.parser
import pytest

from workbench.base.errors import InputError
from workbench.graph.control_flow import MOST_NODES
from workbench.graph.graph import Graph
from workbench.graph.onnx_reader import make_graph

TOLERANCE = 1e-5

NETWORKS = {
    "a branch taken by a shape": """<ir_version: 8, opset_import: ["": 17]>
        g (float[1,3,4] x) => (float[3,4] y) <int64 zero = {0}, int64 one = {1}, int64[1] axis = {0}> {
            s = Shape(x)
            n = Gather(s, zero)
            c = Equal(n, one)
            a = If(c) <
                then_branch = squeezed () => (float[3,4] z) { z = Squeeze(x, axis) },
                else_branch = kept () => (float[1,3,4] z) { z = Identity(x) }>
            y = Relu(a)
        }""",
    "nested branches with names of their own": """<ir_version: 8, opset_import: ["": 17]>
        g (float[2,5] x) => (float[2,5] y, float[2,5] w) <bool yes = {1}, bool no = {0}> {
            y = If(no) <
                then_branch = t () => (float[2,5] z) { z = Exp(x) },
                else_branch = e () => (float[2,5] z) {
                    a = Neg(x)
                    b = If(yes) <
                        then_branch = tt () => (float[2,5] r) <float two = {2.0}> { r = Mul(a, two) },
                        else_branch = te () => (float[2,5] r) { r = Abs(a) }>
                    z = Add(b, x)
                }>
            w = If(yes) <
                then_branch = t2 () => (float[2,5] z) { z = Identity(x) },
                else_branch = e2 () => (float[2,5] z) { z = Sqrt(x) }>
        }""",
    "branches between which the data choose": """<ir_version: 8, opset_import: ["": 17]>
        g (float[2,5] x) => (float[2,5] y, float[2,5] w) <float zero = {0.0}> {
            m = ReduceSum <keepdims = 0> (x)
            c = Greater(m, zero)
            y, u = If(c) <
                then_branch = t () => (float[2,5] p, float[2,5] q) { p = Exp(x)  q = Neg(x) },
                else_branch = e () => (float[2,5] p, float[2,5] q) { p = Abs(x)  q = Relu(x) }>
            d = Not(c)
            w = If(d) <
                then_branch = t2 () => (float[2,5] z) { z = Mul(u, x) },
                else_branch = e2 () => (float[2,5] z) { z = Add(u, x) }>
        }""",
    "a loop that hands out every step": """<ir_version: 8, opset_import: ["": 17]>
        g (float[2,3] x) => (float[2,3] y, float[4,2,3] all) <int64 n = {4}, bool on = {1}> {
            y, all = Loop(n, on, x) <body = b (int64 i, bool c, float[2,3] v) => (bool k, float[2,3] z, float[2,3] out)
                <float[3] w = {0.5, 1.5, -1.0}> {
                    k = Identity(c)
                    j = Cast <to = 1> (i)
                    t = Add(v, j)
                    z = Mul(t, w)
                    out = Sub(z, x)
                }>
        }""",
    "the same in an older opset": """<ir_version: 6, opset_import: ["": 11]>
        g (float[3] x) => (float[3] y, float[3,3] all) <int64 n = {3}> {
            y, all = Loop(n, , x) <body = b (int64 i, bool c, float[3] v) => (bool k, float[3] z, float[3] out) {
                k = Identity(c)
                z = Add(v, x)
                out = Relu(z)
            }>
        }""",
    "a loop until a counter says so": """<ir_version: 8, opset_import: ["": 17]>
        g (float[4] x) => (float[4] y) <int64 most = {9223372036854775807}, int64 zero = {0}, int64 one = {1}, int64 end = {6}> {
            go = Less(zero, end)
            n, y = Loop(most, go, zero, x) <
                body = b (int64 i, bool c, int64 count, float[4] v) => (bool k, int64 next, float[4] z) {
                    next = Add(count, one)
                    k = Less(next, end)
                    h = Add(v, x)
                    z = Tanh(h)
                }>
        }""",
    "a loop that the data end": """<ir_version: 8, opset_import: ["": 17]>
        g (float[4] x) => (float[4] y, int64 n) <int64 most = {9}, int64 zero = {0}, int64 one = {1}, float end = {3.0}, bool on = {1}> {
            a = Abs(x)
            y, n = Loop(most, on, a, zero) <
                body = b (int64 i, bool c, float[4] v, int64 count) => (bool k, float[4] z, int64 next) {
                    next = Add(count, one)
                    z = Add(v, a)
                    m = ReduceMax <keepdims = 0> (z)
                    k = Less(m, end)
                }>
        }""",
    "a loop without a step": """<ir_version: 8, opset_import: ["": 17]>
        g (float[4] x) => (float[4] y) <int64 n = {0}, bool on = {1}> {
            r = Relu(x)
            y = Loop(n, on, r) <body = b (int64 i, bool c, float[4] v) => (bool c, float[4] z) { z = Exp(v) }>
        }""",
    "a scan along other axes and backwards": """<ir_version: 8, opset_import: ["": 17]>
        g (float[2,3] s, float[2,5,3] x, float[5,2,3] w) => (float[2,3] y, float[2,5,3] all, float[5,2,3] more) {
            y, all, more = Scan <
                num_scan_inputs = 2, scan_input_axes = [1, 0], scan_input_directions = [1, 0],
                scan_output_axes = [1, 0], scan_output_directions = [0, 1],
                body = b (float[2,3] v, float[2,3] p, float[2,3] q) => (float[2,3] z, float[2,3] o, float[2,3] m) {
                    t = Mul(v, p)
                    z = Add(t, q)
                    o = Identity(z)
                    m = Sub(p, q)
                }> (s, x, w)
        }""",
    "sequences": """<ir_version: 8, opset_import: ["": 17]>
        g (float[6,4] x) => (float[7,4] y, float[4,4] w, float[2,3,4] v)
        <int64[3] sizes = {1, 3, 2}, int64 first = {0}, int64 last = {-1}, int64 two = {2}> {
            parts = SplitToSequence <axis = 0> (x, sizes)
            a = SequenceAt(parts, first)
            b = SequenceAt(parts, last)
            some = SequenceErase(parts, last)
            more = SequenceInsert(some, b, first)
            again = Identity(more)
            whole = SequenceInsert(again, a)
            y = ConcatFromSequence <axis = 0> (whole)
            n = SequenceLength(whole)
            c = Cast <to = 1> (n)
            pair = SequenceConstruct(b, b)
            twice = ConcatFromSequence <axis = 0> (pair)
            w = Mul(twice, c)
            halves = SplitToSequence <axis = 0, keepdims = 0> (x)
            h0 = SequenceAt(halves, first)
            h1 = SequenceAt(halves, two)
            rows = SequenceConstruct(h0, h1, h0)
            turned = ConcatFromSequence <axis = 0, new_axis = 1> (rows)
            stack = SequenceConstruct(turned, turned)
            v = ConcatFromSequence <axis = 0, new_axis = 1> (stack)
        }""",
    "a list that a loop fills": """<ir_version: 8, opset_import: ["": 17]>
        g (float[3,2,4] x) => (float[3,2,4] y) <int64 n = {3}, bool on = {1}> {
            none = SequenceEmpty()
            all = Loop(n, on, none) <body = b (int64 i, bool c, seq(float[2,4]) l) => (bool c, seq(float[2,4]) m) {
                e = Gather <axis = 0> (x, i)
                r = Softmax <axis = 1> (e)
                m = SequenceInsert(l, r)
            }>
            y = ConcatFromSequence <axis = 0, new_axis = 1> (all)
        }""",
}  # fmt: skip


def _read(text: str, sizes: dict[str, int] | None = None) -> Graph:
    return make_graph(onnx.parser.parse_model(text), "net", "net.onnx", sizes=sizes)


@pytest.mark.parametrize("name", NETWORKS)
def test_control_flow_gives_what_onnxruntime_gives(name: str, network_error: Callable[..., float]) -> None:
    graph = _read(NETWORKS[name])
    for seed in (0, 1, 2) if "data" in name else (0,):
        assert network_error(graph, seed=seed) <= TOLERANCE


def test_a_branch_that_is_not_taken_costs_nothing() -> None:
    graph = _read(NETWORKS["a branch taken by a shape"])
    assert [node.operator for node in graph.nodes] == ["Reshape", "Clip"]


def test_a_body_s_constants_are_kept_once() -> None:
    graph = _read(NETWORKS["a loop that hands out every step"])
    assert sum(np.array_equal(array, np.float32([0.5, 1.5, -1.0])) for array in graph.constants.values()) == 1


def test_an_open_size_decides_about_the_branch(network_error: Callable[..., float]) -> None:
    text = """<ir_version: 8, opset_import: ["": 17]>
        g (float[N,3,4] x) => (float[A,3,4] y) <int64 one = {1}> {
            n = Shape <end = 1> (x)
            c = Equal(n, one)
            y = If(c) <
                then_branch = t () => (float[B,3,4] z) { z = Relu(x) },
                else_branch = e () => (float[B,3,4] z) { z = ReduceMean <axes = [0]> (x) }>
        }"""
    for size in (1, 2):
        graph = _read(text, {"N": size})
        assert network_error(graph) <= TOLERANCE and len(graph.nodes) == 1 and graph.shape("y") == (1, 3, 4)


def _message(text: str) -> str:
    with pytest.raises(InputError) as caught:
        _read(text)
    return str(caught.value)


def test_branches_of_two_shapes_between_which_the_data_choose() -> None:
    text = NETWORKS["branches between which the data choose"].replace("q = Relu(x)", "q = Transpose(x)")
    expected = (
        "net.onnx, node If_2: found values of shapes [2, 5] and [5, 2] between which the data choose, expected equal shapes; "
        "export it with a fixed choice."
    )
    assert _message(text.replace("float[2,5] q", "float q")) == expected


def test_a_loop_of_as_many_steps_as_the_data_say() -> None:
    text = (
        NETWORKS["a loop that hands out every step"]
        .replace("(float[2,3] x)", "(float[2,3] x, int64 n)")
        .replace("int64 n = {4}, ", "")
    )
    expected = (
        "net.onnx, node Loop_0: found Loop whose number of steps, or of results, the data say, expected a constant number of "
        "steps (nearest: Scan, or a Loop without results of every step); export it unrolled."
    )
    assert _message(text) == expected


def test_a_loop_of_too_many_steps() -> None:
    text = NETWORKS["a loop that hands out every step"].replace("n = {4}", f"n = {{{MOST_NODES}}}")
    expected = (
        "net.onnx, node Loop_0: found Loop that becomes more than 20,000 operators when it is written out, expected at most "
        "20,000; export one step of it as a network."
    )
    assert _message(text) == expected


def test_a_position_outside_of_a_sequence() -> None:
    text = NETWORKS["sequences"].replace("int64 two = {2}", "int64 two = {6}")
    expected = (
        "net.onnx, node SequenceAt_6: found position 6 in a sequence of 6, expected a position inside; export it again."
    )
    assert _message(text) == expected


def test_a_sequence_as_the_network_s_output() -> None:
    text = NETWORKS["sequences"].replace("(float[7,4] y,", "(seq(float[6,4]) parts, float[7,4] y,")
    expected = "net.onnx, output parts: found a sequence of tensors, expected a tensor; join it with ConcatFromSequence."
    assert _message(text) == expected


def test_a_position_that_the_data_say() -> None:
    text = NETWORKS["sequences"].replace("(float[6,4] x)", "(float[6,4] x, int64 last)").replace(", int64 last = {-1}", "")
    expected = (
        "net.onnx, node SequenceAt_3: found SequenceAt of a sequence whose length or position the data say, expected "
        "sequences of known length, constant positions; export it with tensors (nearest: Gather, Concat)."
    )
    assert _message(text) == expected


def test_a_body_without_results() -> None:
    text = NETWORKS["a loop until a counter says so"].replace("(bool k, int64 next, float[4] z) {", "(bool k) {")
    message = _message(text)
    assert message.startswith("net.onnx, node Loop_1: found attributes, inputs or a body that do not fit Loop (")
    assert message.endswith("expected a valid node; export it again.") and "\n" not in message


def test_a_sequence_where_a_tensor_belongs() -> None:
    text = NETWORKS["sequences"].replace("w = Mul(twice, c)", "w = Mul(pair, c)")
    message = _message(text)
    assert "found a sequence as input 'pair', expected a tensor that is made before; export it again." in message
