"""A float network in bytes, by onnxruntime's static quantiser, with samples of the user's data.

Weights are signed with a zero of 0, one scale for each filter; activations are unsigned, so that what a Relu leaves
begins at the lowest byte and its bound costs nothing. Quantised are the operators that this package computes in integers;
the others stay in floats between a DequantizeLinear and a QuantizeLinear.

Source: onnxruntime, "Quantize ONNX models".
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.graph.graph import Graph, Node
from workbench.graph.onnx_folding import folded_model, quiet
from workbench.graph.onnx_reader import parse_onnx
from workbench.graph.reference import run_references
from workbench.graph.samples import Sample

SUMMING = ("Conv", "Gemm", "MatMul", "ConvTranspose")
_OPERATORS = (
    "Conv", "Gemm", "MatMul", "Add", "Mul", "GlobalAveragePool", "MaxPool", "Relu", "Clip", "Reshape", "Flatten", "Squeeze",
    "Unsqueeze", "Transpose",
)  # fmt: skip
_MOVES = ("Concat", "Expand", "Identity", "Pad", "Reshape", "Slice", "Transpose")
_INTEGERS = ("int8", "uint8", "int16")
_NO_ERROR_DB = 200.0


class Form(StrEnum):
    """How the file says it: pairs of QuantizeLinear and DequantizeLinear, or operators of integers."""

    QDQ = "qdq"
    QOPERATOR = "qoperator"


class Method(StrEnum):
    """How the range of an activation follows from the samples."""

    MINMAX = "minmax"
    ENTROPY = "entropy"
    PERCENTILE = "percentile"


@dataclass(frozen=True)
class Quantised:
    """A quantised network and how it compares with the float one on the samples.

    Attributes
    ----------
    model: the ONNX file. graph: the network.
    in_integers, in_floats: names of the layers of sums of products that are computed so; `reasons`: why in floats.
    other_floats: other operators that compute in floats, and how many there are of each.
    signal_to_noise_db: of the outputs, of all samples together. agreement: part of the samples with the same largest output;
    None where the first output is no row of classes.
    """

    model: bytes
    graph: Graph
    in_integers: tuple[str, ...]
    in_floats: tuple[str, ...]
    signal_to_noise_db: float
    agreement: float | None
    reasons: dict[str, str] = field(default_factory=dict)
    other_floats: dict[str, int] = field(default_factory=dict)


def quantise(
    graph: Graph, samples: Sequence[Sample], *, per_channel: bool = True, form: Form = Form.QDQ,
    method: Method = Method.MINMAX, on_sample: Callable[[int], None] = lambda count: None,
    on_comparison: Callable[[int], None] = lambda count: None,
) -> Quantised:  # fmt: skip
    """Quantise with the ranges that activations have on the samples.

    `on_sample` is told how many samples have been run for the ranges, `on_comparison` how many to compare the outputs.

    InputError for a network that is quantised already or has nothing to quantise.
    """
    if any(node.operator in ("quantise", "dequantise", "requantise") for node in graph.nodes):
        raise InputError(graph.name, "a network that is quantised already", "one of float32", "give it to run or compile")
    if not any(node.operator in SUMMING and graph.tensors[node.inputs[0]].dtype == "float32" for node in graph.nodes):
        raise InputError(
            graph.name, "no layer of float32 sums of products", "Conv, Gemm or MatMul", "quantise another network"
        )
    with tempfile.TemporaryDirectory() as folder, quiet():
        model = _quantised_model(graph, Path(folder), samples, per_channel, form, method, on_sample)
    quantised = parse_onnx(model, f"{graph.name}_int8", f"{graph.name} in bytes")
    noise, agreement = _compare(graph, quantised, samples, on_comparison)
    layers = [node for node in quantised.nodes if node.operator in SUMMING]
    integer = tuple(node.name for node in layers if _is_integer(quantised, node))
    reasons = {node.name: _reason(quantised, node) for node in layers if not _is_integer(quantised, node)}
    others = Counter(node.operator for node in quantised.nodes if _computes_in_float(quantised, node))
    return Quantised(model, quantised, integer, tuple(reasons), noise, agreement, reasons, dict(others))


def _reason(graph: Graph, node: Node) -> str:
    """Why a layer stayed in floats."""
    if node.operator not in _OPERATORS:
        return f"{node.operator} has no form in integers"
    if any(graph.tensors[name].dtype != "float32" for name in node.inputs):
        return "not all of its inputs are quantised"
    readers = {other.operator for other in graph.nodes if node.outputs[0] in other.inputs} - {"quantise"}
    return f"its result goes to {', '.join(sorted(readers))} in floats" if readers else "the quantiser left it"


def _computes_in_float(graph: Graph, node: Node) -> bool:
    """Whether a node is no layer, conversion or copy, and works on floats."""
    is_other = node.operator not in (*SUMMING, *_MOVES, "quantise", "dequantise")
    return is_other and bool(node.inputs) and graph.tensors[node.inputs[0]].dtype == "float32"


def _is_integer(graph: Graph, node: Node) -> bool:
    return graph.tensors[node.inputs[0]].dtype in _INTEGERS


def _quantised_model(
    graph: Graph, folder: Path, samples: Sequence[Sample], per_channel: bool, form: Form, method: Method,
    on_sample: Callable[[int], None],
) -> bytes:  # fmt: skip
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    done = folder / "done.onnx"
    methods = {
        Method.MINMAX: CalibrationMethod.MinMax, Method.ENTROPY: CalibrationMethod.Entropy,
        Method.PERCENTILE: CalibrationMethod.Percentile,
    }  # fmt: skip
    quantize_static(
        folded_model(graph), str(done), _reader(samples, on_sample),
        quant_format=QuantFormat.QDQ if form is Form.QDQ else QuantFormat.QOperator, op_types_to_quantize=list(_OPERATORS),
        per_channel=per_channel, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        calibrate_method=methods[method], extra_options={"WeightSymmetric": True},
    )  # fmt: skip
    return done.read_bytes()


def _reader(samples: Sequence[Sample], on_sample: Callable[[int], None]) -> Any:
    """Samples as the quantiser asks for them."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):
        """Hands out one after the other."""

        def __init__(self) -> None:
            self._samples = iter(enumerate(samples))

        def get_next(self) -> Sample | None:
            """The next sample, None at the end."""
            count, sample = next(self._samples, (len(samples), None))
            on_sample(count)
            return sample

    return Reader()


def _compare(
    graph: Graph, quantised: Graph, samples: Sequence[Sample], on_comparison: Callable[[int], None]
) -> tuple[float, float | None]:
    """Signal to noise of all outputs in decibels, and how often the largest of the first one is the same."""
    signal, noise, same, has_classes = 0.0, 0.0, 0, False
    pairs = zip(run_references(graph, samples), run_references(quantised, samples), strict=True)
    for count, (exact, ours) in enumerate(pairs, start=1):
        on_comparison(count)
        for one, other in zip(exact.values(), ours.values(), strict=True):
            signal += float(np.square(one.astype(np.float64)).sum())
            noise += float(np.square(one.astype(np.float64) - other.astype(np.float64)).sum())
        first, second = (next(iter(values.values())) for values in (exact, ours))
        has_classes = first.ndim >= 2 and first.size == first.shape[-1] * first.shape[0] and first.shape[-1] > 1
        same += int(np.array_equal(first.argmax(-1), second.argmax(-1)))
    decibels = 10 * float(np.log10(signal / noise)) if signal and noise else _NO_ERROR_DB
    return min(decibels, _NO_ERROR_DB), same / len(samples) if has_classes else None
