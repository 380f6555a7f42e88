"""Convolutions of any shape compile to programs that give what onnxruntime gives."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.compiler.compile import compile_graph
from workbench.compiler.elements import FLOAT
from workbench.compiler.views import View, contiguous_strides
from workbench.core.run import run_program
from workbench.graph.onnx_reader import make_graph
from workbench.graph.reference import random_inputs, relative_error, run_reference
from workbench.isa.target import Target


@st.composite
def convolutions(draw):
    """A graph of one convolution, perhaps followed by a residual addition and a clip."""
    from onnx import TensorProto, helper, numpy_helper

    small = st.integers(1, 3)
    group = draw(st.sampled_from([1, 1, 2, 5]))
    inside, outside = draw(st.integers(1, 9)), draw(st.integers(1, 17))
    kernel, stride, dilation = (draw(small), draw(small)), (draw(small), draw(small)), (draw(st.integers(1, 2)),) * 2
    pads = [draw(st.integers(0, 2)) for _ in range(4)]
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    size = [draw(st.integers(max(r - pads[i] - pads[i + 2], 1), 12)) for i, r in enumerate(reach)]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = rng.standard_normal((outside * group, inside, *kernel)).astype(np.float32)
    constants = [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(weights[:, 0, 0, 0].copy(), "b")]
    shape = {"group": group, "strides": stride, "dilations": dilation, "pads": pads}
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["c"], **shape)]
    last = "c"
    if draw(st.booleans()):
        nodes += [helper.make_node("Exp", ["c"], ["e"]), helper.make_node("Conv", ["x", "w", "b"], ["d"], **shape)]
        nodes += [helper.make_node("Add", ["d", "e"], ["s"])]
        last = "s"
    if draw(st.booleans()):
        nodes.append(helper.make_node("Relu", [last], ["r"]))
        last = "r"
    sizes = [draw(st.integers(1, 2)), inside * group, *size]
    graph = helper.make_graph(
        nodes, "conv", [helper.make_tensor_value_info("x", TensorProto.FLOAT, sizes)],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, None)], constants,
    )  # fmt: skip
    return make_graph(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "conv", "conv")


@given(convolutions(), st.sampled_from([128, 256, 2048]), st.sampled_from([128, 4096]))
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_any_convolution_equals_onnxruntime(graph, vlen_bits, tuned_for) -> None:
    compiled = compile_graph(graph, Target("test", tuned_for, 256, False, 65536, 1 << 20))
    inputs = {name: 0.3 * value for name, value in random_inputs(graph, 1).items()}
    result = run_program(compiled.program, None, stdin=compiled.pack_inputs(inputs), timed=False, vlen_bits=vlen_bits)
    assert relative_error(compiled.unpack_outputs(result.stdout), run_reference(graph, inputs)) <= 1e-5


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_a_reshaped_view_reads_the_elements_that_numpy_reads(shape, data) -> None:
    order = data.draw(st.permutations(range(len(shape))))
    memory = np.arange(int(np.prod(shape)), dtype=np.float32)
    strides = contiguous_strides(shape, FLOAT, order)
    array = np.lib.stride_tricks.as_strided(memory, shape, strides)
    target = _other_shape(int(np.prod(shape)), data)
    view = View(0, 0, tuple(shape), strides).reshaped(target)
    if view is not None:
        found = np.lib.stride_tricks.as_strided(memory, target, view.strides)
        assert np.array_equal(found, array.reshape(target))
    else:
        assert not np.shares_memory(array.reshape(target), memory)


def _other_shape(elements: int, data) -> tuple[int, ...]:
    factors, rest = [], elements
    while rest > 1:
        factor = data.draw(st.sampled_from([n for n in range(2, rest + 1) if rest % n == 0]))
        factors.append(factor)
        rest //= factor
    return tuple(factors) or (1,)
