"""MobileNets and EfficientNet-B0.

Source: A. Howard et al., "MobileNets", 2017; M. Sandler et al., "MobileNetV2", CVPR 2018, table 2; A. Howard et al.,
"Searching for MobileNetV3", ICCV 2019; M. Tan and Q. Le, "EfficientNet", ICML 2019. Where the networks of ncnn's benchmark
differ, theirs are built, because latencies measured on boards are for them: MobileNetV2 expands its first block by 1 with a
convolution (313.619 M multiply-accumulates against 300.774 M), MobileNetV3 keeps 14 x 14 pixels in its 13th block.
"""

from __future__ import annotations

from dataclasses import dataclass

from workbench.graph.zoo.builder import Builder, Value


def round_channels(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor` that is at least 90 % of `channels`."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


_V1 = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))  # filters, stride


def mobilenet_v1(b: Builder, width: float = 1.0, resolution: int = 224, classes: int = 1000) -> dict[str, Value]:
    """Depthwise separable convolutions in a chain."""
    x = b.conv(b.input("image", 1, 3, resolution, resolution), int(32 * width), 3, 2, name="first")
    for place, (filters, stride) in enumerate(_V1):
        x = b.conv(x, x.shape[1], 3, stride, group=x.shape[1], name=f"depthwise_{place}")
        x = b.conv(x, int(filters * width), name=f"pointwise_{place}")
    return {"probabilities": b.classifier(x, classes)}


_V2 = (  # expansion, channels, repeats, stride
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip


def mobilenet_v2(
    b: Builder, width: float = 1.0, resolution: int = 224, classes: int = 1000, expand_first: bool = True
) -> dict[str, Value]:
    """Inverted residuals with linear bottlenecks."""
    x = b.conv(
        b.input("image", 1, 3, resolution, resolution), round_channels(32 * width), 3, 2, activation="relu6", name="first"
    )
    for stage, (expansion, filters, repeats, stride) in enumerate(_V2):
        for block in range(repeats):
            name, source = f"block_{stage}_{block}", x
            hidden, step = x.shape[1] * expansion, stride if block == 0 else 1
            if expansion != 1 or expand_first:
                x = b.conv(x, hidden, activation="relu6", name=f"{name}_expand")
            x = b.conv(x, hidden, 3, step, group=hidden, activation="relu6", name=f"{name}_depthwise")
            x = b.conv(x, round_channels(filters * width), activation=None, name=f"{name}_project")
            if x.shape == source.shape:
                x = b.add(source, x, f"{name}_add")
    x = b.conv(x, round_channels(1280 * max(1.0, width)), activation="relu6", name="last")
    return {"probabilities": b.classifier(x, classes)}


@dataclass(frozen=True)
class _Block:
    """An inverted residual: hidden and output channels, kernel, stride, squeeze-and-excitation, activation."""

    hidden: int
    filters: int
    kernel: int
    stride: int
    squeeze: bool
    activation: str


_V3 = tuple(
    _Block(*row)  # type: ignore[arg-type]
    for row in (
        (16, 16, 3, 1, False, "relu"), (64, 24, 3, 2, False, "relu"), (72, 24, 3, 1, False, "relu"),
        (72, 40, 5, 2, True, "relu"), (120, 40, 5, 1, True, "relu"), (120, 40, 5, 1, True, "relu"),
        (240, 80, 3, 2, False, "hard_swish"), (200, 80, 3, 1, False, "hard_swish"), (184, 80, 3, 1, False, "hard_swish"),
        (184, 80, 3, 1, False, "hard_swish"), (480, 112, 3, 1, True, "hard_swish"), (672, 112, 3, 1, True, "hard_swish"),
        (672, 160, 5, 1, True, "hard_swish"), (672, 160, 5, 2, True, "hard_swish"), (960, 160, 5, 1, True, "hard_swish"),
    )
)  # fmt: skip


def mobilenet_v3(b: Builder, resolution: int = 224, classes: int = 1000) -> dict[str, Value]:
    """MobileNetV3-Large: hard swish, squeeze-and-excitation, a classifier behind the pool."""
    x = b.conv(b.input("image", 1, 3, resolution, resolution), 16, 3, 2, activation="hard_swish", name="first")
    for place, block in enumerate(_V3):
        name, source = f"block_{place}", x
        if block.hidden != x.shape[1]:
            x = b.conv(x, block.hidden, activation=block.activation, name=f"{name}_expand")
        before = None if block.squeeze else block.activation
        x = b.conv(x, block.hidden, block.kernel, block.stride, block.hidden, activation=before, name=f"{name}_depthwise")
        if block.squeeze:
            x = b.squeeze_excite(x, block.hidden // 4, "relu", "hard_sigmoid", f"{name}_se")
            x = b.activate(x, block.activation, name)
        x = b.conv(x, block.filters, activation=None, name=f"{name}_project")
        if x.shape == source.shape:
            x = b.add(source, x, f"{name}_add")
    x = b.conv(x, 960, activation="hard_swish", name="last")
    x = b.activate(b.flatten(b.global_pool(x, "pool"), "flatten"), "hard_swish", "pooled")
    x = b.linear(x, 1280, activation="hard_swish", name="features")
    return {"probabilities": b.softmax(b.linear(x, classes, name="classifier"))}


_B0 = (  # expansion, channels, repeats, stride, kernel
    (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)  # fmt: skip


def efficientnet_b0(b: Builder, resolution: int = 224, classes: int = 1000) -> dict[str, Value]:
    """Inverted residuals with squeeze-and-excitation and swish."""
    x = b.conv(b.input("image", 1, 3, resolution, resolution), 32, 3, 2, activation="swish", name="first")
    for stage, (expansion, filters, repeats, stride, kernel) in enumerate(_B0):
        for block in range(repeats):
            name, source, step = f"block_{stage}_{block}", x, stride if block == 0 else 1
            hidden = x.shape[1] * expansion
            if expansion != 1:
                x = b.conv(x, hidden, activation="swish", name=f"{name}_expand")
            x = b.conv(x, hidden, kernel, step, hidden, activation="swish", name=f"{name}_depthwise")
            x = b.squeeze_excite(x, source.shape[1] // 4, "swish", "sigmoid", f"{name}_se")
            x = b.conv(x, filters, activation=None, name=f"{name}_project")
            if x.shape == source.shape:
                x = b.add(source, x, f"{name}_add")
    x = b.conv(x, 1280, activation="swish", name="last")
    return {"probabilities": b.classifier(x, classes)}
