"""The reference evaluation of a network by onnxruntime, and inputs to evaluate it on."""

from __future__ import annotations

import numpy as np

from workbench.base.rng import make_rng
from workbench.graph.graph import Graph


def random_inputs(graph: Graph, seed: int) -> dict[str, np.ndarray]:
    """Values for every input: normally distributed floats, integers that are valid where they are used as indices."""
    rng = make_rng(seed)
    return {name: _random(graph, name, rng) for name in graph.inputs}


def _random(graph: Graph, name: str, rng: np.random.Generator) -> np.ndarray:
    tensor = graph.tensors[name]
    if tensor.dtype == "float32":
        return rng.standard_normal(tensor.shape).astype(np.float32)
    limits = [
        graph.shape(node.inputs[0])[node.attributes["axis"]]
        for node in graph.nodes
        if node.operator in ("Gather", "GatherElements") and node.inputs[1] == name
    ]
    return rng.integers(0, min(limits, default=2), tensor.shape).astype(tensor.dtype)


def run_reference(graph: Graph, inputs: dict[str, np.ndarray], threads: int = 1) -> dict[str, np.ndarray]:
    """Outputs of the original model, computed by onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = onnxruntime.InferenceSession(graph.model, options, providers=["CPUExecutionProvider"])
    return dict(zip(graph.outputs, session.run(list(graph.outputs), inputs), strict=True))


def relative_error(values: dict[str, np.ndarray], reference: dict[str, np.ndarray]) -> float:
    """Largest difference over all outputs, each relative to the largest magnitude of its reference."""
    return max(_relative(np.asarray(values[name]), np.asarray(reference[name])) for name in reference)


def _relative(value: np.ndarray, reference: np.ndarray) -> float:
    if reference.size == 0:
        return 0.0
    difference = np.abs(value.astype(np.float64) - reference.astype(np.float64))
    largest = float(np.nanmax(np.abs(reference)))
    worst = float(np.max(np.where(np.isfinite(difference), difference, np.inf)))
    return worst / max(largest, 1e-30)
