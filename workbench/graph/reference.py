"""The reference evaluation of a network by onnxruntime, and inputs to evaluate it on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from workbench.base.rng import make_rng
from workbench.graph.canonical import NARROW
from workbench.graph.graph import Graph

_EXACT_INTEGERS = (("session.qdqisint8allowed", "session.x64quantprecision"), ("session.x64quantprecision",))
"""Session options, in the order in which they are tried. Source: onnxruntime_session_options_config_keys.h."""
_FATAL = 4  # severity of what onnxruntime logs by itself


def random_inputs(graph: Graph, seed: int) -> dict[str, np.ndarray]:
    """Values for every input: normal floats, narrow integers of their whole range, indices that are valid."""
    rng = make_rng(seed)
    return {name: _random(graph, name, rng) for name in graph.inputs}


def _random(graph: Graph, name: str, rng: np.random.Generator) -> np.ndarray:
    tensor = graph.tensors[name]
    if tensor.dtype.startswith("float"):
        return rng.standard_normal(tensor.shape).astype(tensor.dtype)
    limits = [
        graph.shape(node.inputs[0])[node.attributes["axis"]]
        for node in graph.nodes
        if node.operator in ("Gather", "GatherElements") and node.inputs[1] == name
    ]
    if tensor.dtype in NARROW and not limits:
        info = np.iinfo(tensor.dtype)
        return rng.integers(info.min, info.max, tensor.shape, tensor.dtype, endpoint=True)
    return rng.integers(0, min(limits, default=2), tensor.shape).astype(tensor.dtype)


def run_reference(graph: Graph, inputs: dict[str, np.ndarray], threads: int = 1) -> dict[str, np.ndarray]:
    """Outputs of the original model, computed by onnxruntime; quantised ones by its integer kernels, without saturated sums.

    Left alone, onnxruntime on x86 computes networks with int8 activations in floats, and its kernels for AVX2 saturate the
    sum of two products at 16 bits. It has no kernel without both faults for every layer of bytes (QGemm of int8 is missing),
    and fails on some networks that share a zero: exact sums are then what is kept, or each operator computed as defined.
    """
    return next(run_references(graph, [inputs], threads))


def run_references(
    graph: Graph, samples: Iterable[dict[str, np.ndarray]], threads: int = 1
) -> Iterator[dict[str, np.ndarray]]:
    """`run_reference` for one sample after the other."""
    session = _session(graph, threads)
    for inputs in samples:
        yield dict(zip(graph.outputs, session.run(list(graph.outputs), inputs), strict=True))


def _session(graph: Graph, threads: int) -> Any:
    from onnxruntime import GraphOptimizationLevel
    from onnxruntime.capi import onnxruntime_pybind11_state as failures

    for entries in _EXACT_INTEGERS:
        try:
            return _start(graph, threads, entries, GraphOptimizationLevel.ORT_ENABLE_ALL)
        except (failures.NotImplemented, failures.Fail):
            pass
    return _start(graph, threads, (), GraphOptimizationLevel.ORT_ENABLE_BASIC)


def _start(graph: Graph, threads: int, entries: Sequence[str], level: Any) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.graph_optimization_level = threads, level
    options.log_severity_level = _FATAL
    for entry in entries:
        options.add_session_config_entry(entry, "1")
    return onnxruntime.InferenceSession(graph.model, options, providers=["CPUExecutionProvider"])


def relative_error(values: dict[str, np.ndarray], reference: dict[str, np.ndarray]) -> float:
    """Largest difference over all outputs, each relative to the largest magnitude of its reference."""
    return max(_relative(np.asarray(values[name]), np.asarray(reference[name])) for name in reference)


def _relative(value: np.ndarray, reference: np.ndarray) -> float:
    """Equal infinities, and NaN where the reference has NaN, differ by nothing."""
    if reference.size == 0:
        return 0.0
    value, reference = value.astype(np.float64), reference.astype(np.float64)
    is_same = (value == reference) | (np.isnan(value) & np.isnan(reference))
    with np.errstate(invalid="ignore"):
        difference = np.where(is_same, 0.0, np.abs(value - reference))
    largest = float(np.max(np.abs(reference), where=np.isfinite(reference), initial=0.0))
    worst = float(np.max(np.where(np.isfinite(difference), difference, np.inf)))
    return worst / max(largest, 1e-30)
