"""`Builder`: an ONNX model layer by layer, with seeded weights; it knows the shape of every value and counts the work.

Weights are He-initialised, the statistics of BatchNormalizations random but harmless, so that every layer computes with
realistic magnitudes. Without weights only shapes, parameters and multiply-accumulates are counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.base.rng import make_rng

OPSET, IR_VERSION = 20, 9


@dataclass(frozen=True)
class Value:
    """A tensor of the model; the first axis of `shape` is the batch, which the model leaves open."""

    name: str
    shape: tuple[int, ...]


class Builder:
    """Nodes and weights so far, `macs` (multiply-accumulates of one inference) and `parameters`."""

    def __init__(self, name: str, seed: int = 0, with_weights: bool = True) -> None:
        self.name, self.rng, self.with_weights = name, make_rng(seed), with_weights
        self.macs = self.depthwise_macs = self.parameters = 0
        self._nodes: list[Any] = []
        self._weights: dict[str, Any] = {}
        self._inputs: list[Any] = []
        self._count = 0

    # --- values ---------------------------------------------------------------------------------------------------

    def input(self, name: str, *shape: int, kind: str = "FLOAT", open_batch: bool = True) -> Value:
        """An input of the network."""
        from onnx import TensorProto, helper

        sizes = ["batch" if open_batch and axis == 0 else size for axis, size in enumerate(shape)]
        self._inputs.append(helper.make_tensor_value_info(name, getattr(TensorProto, kind), sizes))
        return Value(name, shape)

    def constant(self, name: str, array: np.ndarray | np.generic) -> Value:
        """A given constant, once for each name."""
        from onnx import numpy_helper

        if name not in self._weights:
            self._weights[name] = numpy_helper.from_array(np.ascontiguousarray(array).reshape(np.shape(array)), name)
        return Value(name, tuple(np.shape(array)))

    def weight(self, name: str, shape: Sequence[int], deviation: float, mean: float = 0.0) -> Value:
        """Normally distributed weights."""
        self.parameters += math.prod(shape)
        if not self.with_weights:
            return Value(name, tuple(shape))
        array = self.rng.standard_normal(tuple(shape), dtype=np.float32)
        return self.constant(name, array * np.float32(deviation) + np.float32(mean))

    def op(self, operator: str, *inputs: Value, shape: Sequence[int] | None = None, name: str = "", **given: Any) -> Value:
        """One node with one output; the shape is that of the first input where none is given."""
        from onnx import helper

        self._count += 1
        name = name or f"{operator.lower()}_{self._count}"
        if self.with_weights:
            self._nodes.append(helper.make_node(operator, [v.name for v in inputs], [f"{name}.out"], name=name, **given))
        return Value(f"{name}.out", tuple(inputs[0].shape if shape is None else shape))

    def finish(self, **outputs: Value) -> Any:
        """The model; outputs by the names that they get."""
        from onnx import TensorProto, helper

        kinds = {value.name: TensorProto.FLOAT for value in outputs.values()}
        nodes = [
            *self._nodes,
            *(helper.make_node("Identity", [v.name], [n], name=f"output_{n}") for n, v in outputs.items()),
        ]
        made = [helper.make_tensor_value_info(n, kinds[v.name], ["batch", *v.shape[1:]]) for n, v in outputs.items()]
        graph = helper.make_graph(nodes, self.name, self._inputs, made, list(self._weights.values()))
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)

    # --- layers ---------------------------------------------------------------------------------------------------

    def conv(
        self, x: Value, filters: int, kernel: int | tuple[int, int] = 1, stride: int = 1, group: int = 1, *, name: str = "",
        activation: str | None = "relu", norm: bool = True, pad: int | str | None = None, gain: float = 1.0,
    ) -> Value:  # fmt: skip
        """Conv, BatchNormalization (else a bias) and activation; `pad` is half the kernel, a number, or SAME_UPPER."""
        name = name or f"conv_{self._count}"
        rows, columns = (kernel, kernel) if isinstance(kernel, int) else kernel
        edges = None if isinstance(pad, str) else _pads(rows, columns, pad)
        sides = tuple(
            -(-size // stride) if edges is None else (size + edges[i] + edges[i + 2] - k) // stride + 1
            for i, (size, k) in enumerate(zip(x.shape[2:], (rows, columns), strict=True))
        )
        channels = x.shape[1] // group
        deviation = gain * math.sqrt((2.0 if activation else 1.0) / (channels * rows * columns))
        inputs = [x, self.weight(f"{name}.weight", (filters, channels, rows, columns), deviation)]
        if not norm:
            inputs.append(self.weight(f"{name}.bias", (filters,), 0.05))
        macs = filters * math.prod(sides) * channels * rows * columns
        self.macs += macs
        self.depthwise_macs += macs if group == x.shape[1] == filters else 0
        value = self.op(
            "Conv", *inputs, shape=(x.shape[0], filters, *sides), name=name, kernel_shape=[rows, columns],
            strides=[stride, stride], group=group, **({"auto_pad": pad} if edges is None else {"pads": edges}),
        )  # fmt: skip
        return self.activate(self.norm(value, name) if norm else value, activation, name)

    def norm(self, x: Value, name: str = "") -> Value:
        """BatchNormalization over channels with statistics near those of a trained network."""
        name = name or f"norm_{self._count}"
        channels = (x.shape[1],)
        parts = [self.weight(f"{name}.gamma", channels, 0.1, 1.0), self.weight(f"{name}.beta", channels, 0.1)]
        if self.with_weights:
            mean = self.rng.normal(0, 0.1, channels).astype(np.float32)
            variance = self.rng.uniform(0.8, 1.2, channels).astype(np.float32)
            parts += [self.constant(f"{name}.mean", mean), self.constant(f"{name}.variance", variance)]
        return self.op("BatchNormalization", x, *parts, name=f"{name}_norm", epsilon=1e-5)

    def activate(self, x: Value, kind: str | None, name: str = "") -> Value:
        """relu, relu6, leaky (0.1), prelu, sigmoid, hard_sigmoid, hard_swish, swish, gelu, tanh or None."""
        label = f"{name or f'act_{self._count}'}_{kind}"
        if kind is None:
            return x
        if kind == "relu6":
            bounds = [self.constant("zero", np.float32(0.0)), self.constant("six", np.float32(6.0))]
            return self.op("Clip", x, *bounds, name=label)
        if kind == "swish":
            return self.op("Mul", x, self.op("Sigmoid", x, name=f"{label}_gate"), name=label)
        if kind == "prelu":
            slope = self.weight(f"{label}.slope", (x.shape[1], *[1] * (len(x.shape) - 2)), 0.05, 0.25)
            return self.op("PRelu", x, slope, name=label)
        operator = {"relu": "Relu", "leaky": "LeakyRelu", "sigmoid": "Sigmoid", "hard_swish": "HardSwish", "gelu": "Gelu",
                    "hard_sigmoid": "HardSigmoid", "tanh": "Tanh"}[kind]  # fmt: skip
        given: dict[str, Any] = {"leaky": {"alpha": 0.1}, "hard_sigmoid": {"alpha": 1 / 6, "beta": 0.5}}.get(kind, {})
        return self.op(operator, x, name=label, **given)

    def linear(self, x: Value, outputs: int, *, name: str = "", bias: bool = True, activation: str | None = None,
               gain: float = 1.0) -> Value:  # fmt: skip
        """A fully connected layer over the last axis."""
        name = name or f"linear_{self._count}"
        inputs, rows = x.shape[-1], math.prod(x.shape[:-1])
        self.macs += rows * inputs * outputs
        deviation = gain * math.sqrt((2.0 if activation else 1.0) / inputs)
        weights = self.weight(f"{name}.weight", (inputs, outputs), deviation)
        shape = (*x.shape[:-1], outputs)
        if bias and len(x.shape) == 2:
            value = self.op("Gemm", x, weights, self.weight(f"{name}.bias", (outputs,), 0.05), shape=shape, name=name)
        else:
            value = self.op("MatMul", x, weights, shape=shape, name=name)
            if bias:
                value = self.op("Add", value, self.weight(f"{name}.bias", (outputs,), 0.05), name=f"{name}_bias")
        return self.activate(value, activation, name)

    def matmul(self, a: Value, b: Value, name: str = "") -> Value:
        """A product of computed matrices."""
        shape = (*a.shape[:-1], b.shape[-1])
        self.macs += math.prod(shape) * a.shape[-1]
        return self.op("MatMul", a, b, shape=shape, name=name)

    def pool(self, x: Value, kind: str, kernel: int, stride: int, pad: int = 0, ceil: bool = False, name: str = "") -> Value:
        """MaxPool or AveragePool."""
        sides = []
        for size in x.shape[2:]:
            span = size + 2 * pad - kernel
            sides.append((-(-span // stride) if ceil else span // stride) + 1)
        return self.op(
            kind, x, shape=(*x.shape[:2], *sides), name=name, kernel_shape=[kernel] * 2, strides=[stride] * 2,
            pads=[pad] * 4, ceil_mode=int(ceil),
        )  # fmt: skip

    def global_pool(self, x: Value, name: str = "") -> Value:
        """The mean of the image."""
        return self.op("GlobalAveragePool", x, shape=(*x.shape[:2], 1, 1), name=name)

    def squeeze_excite(self, x: Value, hidden: int, inner: str, gate: str, name: str) -> Value:
        """Channels scaled by a small network of their means."""
        means = self.global_pool(x, f"{name}_pool")
        small = self.conv(means, hidden, name=f"{name}_reduce", activation=inner, norm=False)
        scale = self.conv(small, x.shape[1], name=f"{name}_expand", activation=gate, norm=False)
        return self.op("Mul", x, scale, name=f"{name}_scale")

    def classifier(self, x: Value, classes: int, name: str = "classifier") -> Value:
        """Pool, fully connected layer, softmax."""
        features = self.flatten(self.global_pool(x, "pool"), "flatten")
        return self.softmax(self.linear(features, classes, name=name))

    def softmax(self, x: Value, axis: int = -1, name: str = "") -> Value:
        """Softmax along an axis."""
        return self.op("Softmax", x, axis=axis, name=name or f"softmax_{self._count}")

    def add(self, a: Value, b: Value, name: str = "") -> Value:
        """The sum of two values."""
        return self.op("Add", a, b, name=name)

    def concat(self, values: Sequence[Value], axis: int = 1, name: str = "") -> Value:
        """Values one behind the other."""
        shape = list(values[0].shape)
        shape[axis] = sum(value.shape[axis] for value in values)
        return self.op("Concat", *values, shape=shape, name=name, axis=axis)

    def flatten(self, x: Value, name: str = "") -> Value:
        """All axes but the batch as one."""
        return self.op("Flatten", x, shape=(x.shape[0], math.prod(x.shape[1:])), name=name, axis=1)

    def reshape(self, x: Value, *shape: int, name: str = "") -> Value:
        """The same elements; the batch stays."""
        target = self.constant("shape_" + "_".join(map(str, shape)), np.array([0, *shape[1:]], np.int64))
        return self.op("Reshape", x, target, shape=shape, name=name)

    def transpose(self, x: Value, *order: int, name: str = "") -> Value:
        """The axes in another order."""
        return self.op("Transpose", x, shape=[x.shape[axis] for axis in order], name=name, perm=list(order))

    def part(self, x: Value, axis: int, start: int, end: int, name: str = "") -> Value:
        """Elements from start to end of one axis."""
        limits = [self.constant(f"index_{n}", np.array([n], np.int64)) for n in (start, end, axis)]
        shape = [end - start if place == axis else size for place, size in enumerate(x.shape)]
        return self.op("Slice", x, *limits, shape=shape, name=name)


def _pads(rows: int, columns: int, pad: int | None) -> list[int]:
    return [rows // 2, columns // 2] * 2 if pad is None else [pad] * 4
