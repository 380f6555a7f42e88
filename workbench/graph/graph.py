"""`Graph`: a network as operators on named tensors, with static shapes and constants as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Tensor:
    """A value that flows between operators: shape in the order of ONNX, numpy's name of the element type."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"

    @property
    def elements(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def size_bytes(self) -> int:
        """Bytes of the tensor without padding."""
        return self.elements * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Node:
    """One operator; absent optional inputs are empty strings, attributes are plain Python values and arrays."""

    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """A network; nodes are in an order in which they can run.

    Attributes
    ----------
    tensors: every value by name, constants included.
    constants: arrays of the constant values.
    inputs, outputs: names, in the order of the file.
    model: the serialized ONNX model that it was read from, for the reference evaluation; batch dimension fixed.
    """

    name: str
    tensors: Mapping[str, Tensor]
    constants: Mapping[str, np.ndarray]
    nodes: tuple[Node, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    model: bytes = field(default=b"", repr=False)

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor."""
        return self.tensors[name].shape

    @property
    def parameters(self) -> int:
        """Number of elements of all floating constants that nodes use."""
        used = {name for node in self.nodes for name in node.inputs}
        return sum(array.size for name, array in self.constants.items() if name in used and array.dtype.kind == "f")
