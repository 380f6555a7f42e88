"""The ONNX project's own node cases: every one of supported operators and types is computed right on the simulated core;
what is not supported ends in one sentence.

`pytest -m slow -s tests/conformance/test_onnx_node_cases.py` prints the figures.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from workbench.base.errors import InputError
from workbench.compiler.compile import compile_graph
from workbench.core.run import run_program
from workbench.graph.canonical import supported_operators
from workbench.graph.onnx_reader import make_graph
from workbench.isa.target import Target

TARGET = Target("test", 128, 256, True, 65536, 1 << 20)
TOLERANCE = 1e-4
HALF_TOLERANCE = 2e-3  # four roundings of half precision
FEW_DIGITS = {"test_averagepool_2d_ceil_last_window_starts_on_pad": 5e-4}  # written with four digits
SETTINGS = {  # inputs that say what to do, which the compiler must know
    "BatchNormalization": (), "CenterCropPad": (1,), "Compress": (1,), "ConstantOfShape": (0,), "Conv": (1, 2),
    "ConvInteger": (1, 2, 3), "QLinearConv": (1, 2, 3, 4, 5, 6, 7, 8), "QLinearMatMul": (1, 2, 4, 5, 6, 7),
    "Col2Im": (1, 2), "DequantizeLinear": (1, 2), "QuantizeLinear": (1, 2),
    "ConvTranspose": (1, 2), "CumProd": (1,), "CumSum": (1,), "Dropout": (1, 2), "Expand": (1,), "OneHot": (1,),
    **{kind: (1, 2, 3, 4, 7) for kind in ("RNN", "GRU", "LSTM")},
    "AffineGrid": (1,), "CausalConvWithState": (1, 2), "Loop": (0, 1), "SplitToSequence": (1,),
    "DFT": (1, 2), "DeformConv": (1, 3), "MaxUnpool": (2,), "STFT": (1, 2, 3),
    "HannWindow": (0,), "HammingWindow": (0,), "BlackmanWindow": (0,),
    "Pad": (1, 2, 3), "Range": (0, 1, 2), "Reshape": (1,), "Resize": (1, 2, 3), "Slice": (1, 2, 3, 4), "Split": (1,),
    "Squeeze": (1,), "Tile": (1,), "TopK": (1,), "Trilu": (1,), "Unsqueeze": (1,), "Upsample": (1,),
    **{f"Reduce{kind}": (1,) for kind in "L1 L2 LogSum LogSumExp Max Mean Min Prod Sum SumSquare".split()},
}  # fmt: skip
FOLDED = ("Constant", "ConstantOfShape", "Shape", "Size", "Range", "HannWindow", "HammingWindow", "BlackmanWindow")
TYPE_NUMBERS = (1, 2, 3, 4, 5, 6, 7, 9, 10)  # float32, uint8, int8, uint16, int16, int32, int64, bool, float16
_DRAWS = "random numbers of numpy's generator"
EXCLUDED = {f"test_training_dropout{kind}": _DRAWS for kind in ("", "_mask", "_default", "_default_mask")}
EXCLUDED["test_scan_sum"] = "opset 8 alone has a batch there, and no exporter of today writes it"
MOST_EXCLUDED = 0.05


@cache
def _cases() -> dict[str, Any]:
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {case.name: case for case in collect_testcases(None) if case.model is not None and case.data_sets}


def _operators(case: Any) -> set[str]:
    return {node.op_type for node in case.model.graph.node}


def _is_supported(case: Any) -> bool:
    """Whether all operators, and the types of all values, are supported."""
    import onnx

    if not _operators(case) <= {*supported_operators(), *FOLDED}:
        return False
    graph = onnx.shape_inference.infer_shapes(case.model).graph
    for value in (*graph.input, *graph.output, *graph.value_info):
        kind = value.type.tensor_type.elem_type if value.type.HasField("tensor_type") else 0
        if kind not in TYPE_NUMBERS:
            return False
    return True


def _has_halves(case: Any) -> bool:
    """Whether a case takes or gives values of float16."""
    return any(value.type.tensor_type.elem_type == 10 for value in (*case.model.graph.input, *case.model.graph.output))


def _arrays(values: Any) -> Iterator[np.ndarray]:
    from onnx import numpy_helper

    for value in values:
        if hasattr(value, "SerializeToString"):
            yield numpy_helper.to_array(value)
        else:  # sequences, which are not supported, need not be looked at
            yield np.asarray(value) if isinstance(value, np.ndarray | np.generic) else np.zeros(0)


def _settings(case: Any) -> set[str]:
    """Inputs that become constants; a case in terms of other operators has those of the case that it expands."""
    whole = _cases().get(case.name.split("_expanded")[0], case)
    names = [value.name for value in case.model.graph.input]
    nodes = [*case.model.graph.node, *(whole.model.graph.node if len(whole.model.graph.node) == 1 else ())]
    return {
        node.input[index]
        for node in nodes
        for index in SETTINGS.get(node.op_type, ())
        if index < len(node.input) and node.input[index] in names
    }


def _error(case: Any) -> float:
    """Relative error of a case on the simulated core."""
    from onnx import ModelProto, numpy_helper

    model = ModelProto.FromString(case.model.SerializeToString())
    inputs, outputs = (list(_arrays(values)) for values in case.data_sets[0])
    given = dict(zip([value.name for value in model.graph.input], inputs, strict=True))
    for name in _settings(case):
        model.graph.initializer.append(numpy_helper.from_array(given.pop(name), name))
    for value in [value for value in model.graph.input if value.name not in given]:
        model.graph.input.remove(value)
    sizes = dict(_open_sizes(model, given))
    graph = make_graph(model, case.name, case.name, sizes=sizes)
    compiled = compile_graph(graph, TARGET)
    result = run_program(compiled.program, None, stdin=compiled.pack_inputs(given), timed=False)
    assert result.exit_code == 0
    found = compiled.unpack_outputs(result.stdout)
    return max(_difference(found[name], expected) for name, expected in zip(graph.outputs, outputs, strict=True))


def _open_sizes(model: Any, given: dict[str, np.ndarray]) -> Iterator[tuple[str, int]]:
    """Sizes, by input and axis, that the model leaves open and the case's arrays have."""
    for value in model.graph.input:
        kind = value.type.tensor_type
        for axis, size in enumerate(given[value.name].shape):
            if not kind.HasField("shape") or not kind.shape.dim[axis].dim_value:
                yield f"{value.name}.{axis}", size


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    if found.shape != expected.shape:
        return np.inf
    if found.dtype.kind != "f":
        return float(not np.array_equal(found, expected))
    if not np.array_equal(np.isnan(found), np.isnan(expected)):
        return np.inf
    same = (found == expected) | np.isnan(expected)
    finite = np.where(same, 0.0, expected)
    largest = np.abs(np.where(np.isfinite(expected), expected, 0.0)).max(initial=0.0)
    return float((np.abs(np.where(same, 0.0, found) - finite)).max(initial=0.0) / max(largest, 1e-30))


def _is_excluded(name: str) -> bool:
    return name in EXCLUDED


@pytest.mark.slow
def test_every_case_of_supported_operators_and_types_is_computed_right() -> None:
    right: Counter[str] = Counter()
    excluded: Counter[str] = Counter()
    wrong = []
    for case in _cases().values():
        if not _is_supported(case):
            continue
        operator = case.model.graph.node[0].op_type if len(case.model.graph.node) == 1 else "several operators"
        if _is_excluded(case.name):
            excluded[operator] += 1
            continue
        try:
            error = _error(case)
        except Exception as caught:  # every failure is listed
            wrong.append(f"{case.name}: {caught}")
            continue
        if error <= FEW_DIGITS.get(case.name, HALF_TOLERANCE if _has_halves(case) else TOLERANCE):
            right[operator] += 1
        else:
            wrong.append(f"{case.name}: relative error {error:.1e}")
    _print_figures(right, excluded, wrong)
    assert not wrong
    assert len(right) >= 60 and sum(right.values()) >= 1400
    assert sum(excluded.values()) <= MOST_EXCLUDED * sum(right.values())
    many = {name for name, count in excluded.items() if count > MOST_EXCLUDED * (count + right[name])}
    # Scan: one case of four. Dropout: training draws random numbers with numpy's generator, which no program can repeat
    assert many == {"Dropout", "Scan"}


def _print_figures(right: Counter[str], excluded: Counter[str], wrong: list[str]) -> None:
    for operator in sorted(right):
        more = f", {excluded[operator]} excluded" if excluded[operator] else ""
        print(f"{operator}: {right[operator]} right{more}")
    print(f"{sum(right.values())} right, {sum(excluded.values())} excluded, {len(wrong)} wrong")


@pytest.mark.slow
def test_every_excluded_case_has_a_reason_and_ends_in_a_sentence() -> None:
    for name, case in _cases().items():
        if _is_excluded(name):
            with pytest.raises(InputError):
                _error(case)


@pytest.mark.slow
def test_every_other_case_ends_in_one_sentence() -> None:
    count = 0
    for name, case in _cases().items():
        if _is_supported(case):
            continue
        try:
            _error(case)
        except InputError as caught:
            assert "\n" not in str(caught), name
            count += 1
    print(f"{count} cases of unsupported operators or types end in a sentence")
    assert count > 350
