"""`CompiledNetwork`: the program of a network, how its inputs and outputs are laid out, and what its layers are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from workbench.base.errors import InputError
from workbench.compiler.elements import element_of_dtype
from workbench.compiler.planner import Schedule
from workbench.graph.graph import Tensor
from workbench.isa.program import Program


@dataclass(frozen=True)
class Layer:
    """One fused layer: the function `symbol` of the program.

    Attributes
    ----------
    name, operator: of the node in the network (fused nodes are named in `operator`, joined by ``+``).
    macs: multiply-accumulate operations, padding included. sum_bits: width of their sums.
    input_bytes, weight_bytes, output_bytes: sizes without padding.
    algorithm: the schedule, for people. schedule: the same as it can be pinned; None where there is no choice.
    instructions: about how many it executes (`instructions`).
    threads: that share the main kernel; others of the program wait. largest_share: part of it that one of them has at most.
    """

    symbol: str
    name: str
    operator: str
    macs: int
    input_bytes: int
    weight_bytes: int
    output_bytes: int
    algorithm: str
    schedule: Schedule | None = None
    sum_bits: int = 32
    threads: int = 1
    largest_share: float = 1.0
    instructions: float = 0.0


@dataclass(frozen=True)
class CompiledNetwork:
    """A program that reads all inputs from standard input and writes all outputs to standard output.

    `inputs` and `outputs` map names to shapes (ONNX order), `dtypes` to numpy's names of their types. Elements have
    these types in the program's input and output too, but for 64-bit integers, which are 32 bits there. `arena_bytes` is the
    peak of working memory; `threads` is how many the program has.
    """

    name: str
    program: Program
    layers: tuple[Layer, ...]
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]
    dtypes: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    arena_bytes: int = 0
    weight_bytes: int = 0
    threads: int = 1
    assembly: str = field(default="", repr=False)

    @property
    def schedules(self) -> dict[str, Schedule]:
        """Schedules by name of the layer."""
        return {layer.name: layer.schedule for layer in self.layers if layer.schedule is not None}

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of one inference."""
        return sum(layer.macs for layer in self.layers)

    def pack_inputs(self, values: dict[str, np.ndarray]) -> bytes:
        """The bytes for standard input; InputError if a value is missing or has another shape."""
        parts = []
        for name, shape in self.inputs.items():
            if name not in values:
                raise InputError(f"input {name}", "no value", f"an array of shape {list(shape)}", "give it")
            array = np.asarray(values[name])
            if array.shape != shape:
                found = f"an array of shape {list(array.shape)}"
                raise InputError(f"input {name}", found, f"shape {list(shape)}", "give it in the network's shape")
            parts.append(_pack(name, array, self.dtypes.get(name, "float32")))
        return b"".join(parts)

    def unpack_outputs(self, data: bytes) -> dict[str, np.ndarray]:
        """Outputs by name from the bytes of standard output."""
        result, place = {}, 0
        for name, shape in self.outputs.items():
            size, dtype = math.prod(shape), self.dtypes.get(name, "float32")
            words = np.frombuffer(data, element_of_dtype(dtype).file_type, size, place)
            result[name] = words.reshape(shape).astype(dtype)
            place += words.nbytes
        return result

    @property
    def output_bytes(self) -> int:
        """Bytes that the program writes."""
        return sum(tensor_bytes(Tensor(n, s, self.dtypes.get(n, "float32"))) for n, s in self.outputs.items())


def tensor_bytes(tensor: Tensor) -> int:
    """Bytes of a tensor's elements in the program's memory."""
    return tensor.elements * element_of_dtype(tensor.dtype).size_bytes


def _pack(name: str, array: np.ndarray, dtype: str) -> bytes:
    if array.size and dtype == "int64" and not np.all(array == array.astype(np.int32)):
        raise InputError(
            f"input {name}", "integers of more than 32 bits", "values between -2^31 and 2^31 - 1", "give smaller ones"
        )
    return np.ascontiguousarray(array, element_of_dtype(dtype).file_type).tobytes()
