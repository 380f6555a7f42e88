"""The ONNX project's own node cases: each is computed right, or refused in one sentence with a reason listed here."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.compiler.compile import compile_graph
from workbench.core.run import run_program
from workbench.graph.onnx_reader import make_graph
from workbench.isa.target import Target

TARGET = Target("test", 128, 256, False, 65536, 1 << 20)
OPERATORS = (
    "AveragePool BatchNormalization Clip Concat Conv Div Flatten Gather Gemm GlobalAveragePool GlobalMaxPool MatMul "
    "MaxPool Pad Relu Resize Sigmoid Slice Softmax Split Squeeze Transpose Unsqueeze Upsample"
).split()
KEEPS_ALL_INPUTS = ("Concat", "Div", "Gemm", "MatMul")
TOLERANCE = 2e-4  # some expected values are given with four digits
REFUSED = {  # words of the message: why
    "expected float32": "other types come with quantisation",
    "in 3 dimensions": "volumes are not built",
    "in training mode": "inference only",
    "with indices": "positions of maxima are not built",
    "of mode linear": "only nearest neighbours are built",
    "of mode cubic": "only nearest neighbours are built",
    "expected a whole factor": "uneven nearest neighbours are not built",
    "expected mode constant": "only constant padding is built",
    "with an empty result": "empty tensors are not built",
    "an output of unknown size": "empty tensors are not built",
    "expected a supported operator": "the operator as a function of others that are not built",
}


@cache
def _cases() -> dict[str, Any]:
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            case.name: case
            for case in collect_testcases(None)
            if case.model is not None and case.data_sets and "expanded" not in case.name
            and len(case.model.graph.node) == 1 and case.model.graph.node[0].op_type in OPERATORS
        }  # fmt: skip


def _arrays(values: Any) -> Iterator[np.ndarray]:
    from onnx import numpy_helper

    for value in values:
        yield numpy_helper.to_array(value) if hasattr(value, "SerializeToString") else np.asarray(value)


def _error(case: Any) -> float:
    """Relative error of a case; inputs that are weights or settings become constants."""
    from onnx import ModelProto, numpy_helper

    model = ModelProto.FromString(case.model.SerializeToString())
    inputs, outputs = (list(_arrays(values)) for values in case.data_sets[0])
    names = [value.name for value in model.graph.input]
    fixed = 0 if model.graph.node[0].op_type in KEEPS_ALL_INPUTS else len(names) - 1
    given = dict(zip(names, inputs, strict=True))
    for name in names[len(names) - fixed :]:
        model.graph.initializer.append(numpy_helper.from_array(given.pop(name), name))
    for value in [value for value in model.graph.input if value.name not in given]:
        model.graph.input.remove(value)
    graph = make_graph(model, case.name, case.name)
    compiled = compile_graph(graph, TARGET)
    result = run_program(compiled.program, None, stdin=compiled.pack_inputs(given), timed=False)
    found = compiled.unpack_outputs(result.stdout)
    errors = [np.abs(found[n] - o).max() / max(np.abs(o).max(), 1e-30) for n, o in zip(graph.outputs, outputs, strict=True)]
    return float(max(errors))


@pytest.mark.slow
@pytest.mark.parametrize("operator", OPERATORS)
def test_node_cases_of_an_operator(operator: str) -> None:
    cases = [case for case in _cases().values() if case.model.graph.node[0].op_type == operator]
    right, unexplained = 0, []
    for case in cases:
        try:
            assert _error(case) <= TOLERANCE, case.name
            right += 1
        except InputError as error:
            if not any(words in str(error) for words in REFUSED):
                unexplained.append(f"{case.name}: {error}")
    assert not unexplained
    assert right >= 1
