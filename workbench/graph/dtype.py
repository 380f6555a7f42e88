"""The type that a network of float32 is computed in, and networks loaded in it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.graph.graph import Graph

_SAMPLES = 2  # random inputs whose ranges int8 is quantised with


class Dtype(StrEnum):
    """Types to compute in; fp16-fp32 stores and multiplies halves and sums the products in single precision.

    int8 is quantised with the ranges of random inputs: the latency is that of the network quantised well.
    """

    FP32 = "fp32"
    FP16 = "fp16"
    FP16_FP32 = "fp16-fp32"
    INT8 = "int8"


def load_network(model: str, sizes: dict[str, int] | None = None, dtype: Dtype = Dtype.FP32) -> Graph:
    """The network of a file or name; its float32 tensors in the wanted type, its inputs and outputs as they are."""
    from workbench.graph.half import in_half_precision
    from workbench.graph.quantise import quantise
    from workbench.graph.reference import random_inputs
    from workbench.graph.zoo import load_model

    graph = load_model(model, sizes)
    if dtype is Dtype.INT8:
        return quantise(graph, [random_inputs(graph, seed) for seed in range(_SAMPLES)]).graph
    return graph if dtype is Dtype.FP32 else in_half_precision(graph, single_sums=dtype is Dtype.FP16_FP32)
