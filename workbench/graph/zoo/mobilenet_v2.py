"""MobileNetV2 with seeded weights, as an ONNX model.

The architecture is that of the paper; the weights are He-initialised, the statistics of the BatchNormalizations random
but harmless, so that every layer computes with realistic magnitudes.

The first block expands by a factor of 1, which the paper writes as no expansion (300.774 M multiply-accumulates at 1.0 and
224) and the Caffe model behind ncnn's benchmark as a 1x1 convolution of 32 to 32 channels (313.619 M). The latter is the
default, because latencies measured on boards are for it.

Source: M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, table 2 and section 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.rng import make_rng

_STAGES = (  # expansion, channels, repeats, stride
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
_FIRST, _LAST, _EPSILON = 32, 1280, 1e-5


def round_channels(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor` that is at least 90 % of `channels`."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def build_mobilenet_v2(
    width: float = 1.0, resolution: int = 224, classes: int = 1000, seed: int = 0, expand_first: bool = True
) -> Any:
    """The ONNX model for a width multiplier and an image of `resolution` squared; softmax at the end."""
    return _Builder(seed, expand_first).build(width, resolution, classes)


class _Builder:
    """Nodes and initializers so far."""

    def __init__(self, seed: int, expand_first: bool) -> None:
        self.rng, self.expand_first = make_rng(seed), expand_first
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []

    def build(self, width: float, resolution: int, classes: int) -> Any:
        """The whole model."""
        from onnx import TensorProto, helper

        channels = round_channels(_FIRST * width)
        value = self._convolution("image", "first", 3, channels, kernel=3, stride=2)
        for stage, (expansion, out, repeats, stride) in enumerate(_STAGES):
            target = round_channels(out * width)
            for block in range(repeats):
                step = stride if block == 0 else 1
                value = self._block(value, f"block_{stage}_{block}", channels, target, expansion, step)
                channels = target
        last = round_channels(_LAST * max(1.0, width))
        value = self._convolution(value, "last", channels, last)
        logits = self._classifier(value, last, classes)
        self.nodes.append(helper.make_node("Softmax", [logits], ["probabilities"], name="softmax", axis=1))
        graph = helper.make_graph(
            self.nodes, "mobilenet_v2",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, resolution, resolution])],
            [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, classes])], self.initializers,
        )  # fmt: skip
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def _constant(self, name: str, array: np.ndarray) -> str:
        from onnx import numpy_helper

        self.initializers.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    def _convolution(
        self, value: str, name: str, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, group: int = 1,
        activation: bool = True,
    ) -> str:  # fmt: skip
        """Conv, BatchNormalization and, where `activation`, ReLU6."""
        from onnx import helper

        fan_in = inputs // group * kernel * kernel
        shape = (outputs, inputs // group, kernel, kernel)
        weights = self._constant(f"{name}.weight", self.rng.standard_normal(shape) * np.sqrt(2.0 / fan_in))
        pads = [kernel // 2] * 4
        self.nodes.append(helper.make_node(
            "Conv", [value, weights], [f"{name}.conv"], name=name, kernel_shape=[kernel, kernel],
            strides=[stride, stride], pads=pads, group=group,
        ))  # fmt: skip
        statistics = [
            self._constant(f"{name}.{part}", array)
            for part, array in (
                ("gamma", self.rng.uniform(0.8, 1.2, outputs)), ("beta", self.rng.normal(0, 0.1, outputs)),
                ("mean", self.rng.normal(0, 0.1, outputs)), ("variance", self.rng.uniform(0.8, 1.2, outputs)),
            )
        ]  # fmt: skip
        self.nodes.append(helper.make_node(
            "BatchNormalization", [f"{name}.conv", *statistics], [f"{name}.norm"], name=f"{name}_norm", epsilon=_EPSILON
        ))  # fmt: skip
        if not activation:
            return f"{name}.norm"
        if not any(tensor.name == "zero" for tensor in self.initializers):
            self._constant("zero", np.array(0.0))
            self._constant("six", np.array(6.0))
        self.nodes.append(helper.make_node("Clip", [f"{name}.norm", "zero", "six"], [f"{name}.out"], name=f"{name}_relu6"))
        return f"{name}.out"

    def _block(self, value: str, name: str, inputs: int, outputs: int, expansion: int, stride: int) -> str:
        """An inverted residual block."""
        from onnx import helper

        hidden, inside = inputs * expansion, value
        if expansion != 1 or self.expand_first:
            inside = self._convolution(inside, f"{name}_expand", inputs, hidden)
        inside = self._convolution(inside, f"{name}_depthwise", hidden, hidden, kernel=3, stride=stride, group=hidden)
        inside = self._convolution(inside, f"{name}_project", hidden, outputs, activation=False)
        if stride != 1 or inputs != outputs:
            return inside
        self.nodes.append(helper.make_node("Add", [value, inside], [f"{name}.sum"], name=f"{name}_add"))
        return f"{name}.sum"

    def _classifier(self, value: str, inputs: int, classes: int) -> str:
        from onnx import helper

        weights = self._constant("classifier.weight", self.rng.standard_normal((classes, inputs)) * np.sqrt(1.0 / inputs))
        bias = self._constant("classifier.bias", np.zeros(classes))
        self.nodes += [
            helper.make_node("GlobalAveragePool", [value], ["pooled"], name="pool"),
            helper.make_node("Flatten", ["pooled"], ["features"], name="flatten"),
            helper.make_node("Gemm", ["features", weights, bias], ["logits"], name="classifier", transB=1),
        ]
        return "logits"
