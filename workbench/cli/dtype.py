"""`--dtype`: the type that a network of float32 is computed in."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.graph.graph import Graph


class Dtype(StrEnum):
    """Types to compute in; fp16-fp32 stores and multiplies halves and sums the products in single precision."""

    FP32 = "fp32"
    FP16 = "fp16"
    FP16_FP32 = "fp16-fp32"
    INT8 = "int8"


def load_network(model: str, sizes: dict[str, int] | None = None, dtype: Dtype = Dtype.FP32) -> Graph:
    """The network of a file or name; its float32 tensors in the wanted type, its inputs and outputs as they are."""
    from workbench.base.errors import NotBuiltError
    from workbench.graph.half import in_half_precision
    from workbench.graph.zoo import load_model

    if dtype is Dtype.INT8:
        raise NotBuiltError(f"--dtype {dtype.value} is not built yet; quantise the ONNX file and give it without --dtype.")
    graph = load_model(model, sizes)
    return graph if dtype is Dtype.FP32 else in_half_precision(graph, single_sums=dtype is Dtype.FP16_FP32)
