"""Face recognition: IR-18, IR-50 and MobileFaceNet, 112 x 112 pixels to an embedding.

Source: J. Deng et al., "ArcFace", CVPR 2019 (residual units of BatchNormalization, convolution, BatchNormalization, PReLU,
convolution with the stride, BatchNormalization); S. Chen et al., "MobileFaceNets", 2018, table 1.
"""

from __future__ import annotations

from workbench.graph.zoo.builder import Builder, Value


def ir_network(b: Builder, units: tuple[int, int, int, int], embedding: int = 512) -> dict[str, Value]:
    """An improved residual network with so many units in its four stages."""
    x = b.conv(b.input("image", 1, 3, 112, 112), 64, 3, activation="prelu", name="first")
    for stage, (filters, repeats) in enumerate(zip((64, 128, 256, 512), units, strict=True)):
        for unit in range(repeats):
            name, step = f"unit_{stage}_{unit}", 2 if unit == 0 else 1
            y = b.conv(b.norm(x, f"{name}_in"), filters, 3, activation="prelu", name=f"{name}_a")
            y = b.conv(y, filters, 3, step, activation=None, name=f"{name}_b", gain=0.5)
            if x.shape[1] != filters:
                source = b.conv(x, filters, 1, step, activation=None, name=f"{name}_shortcut")
            else:
                source = b.pool(x, "MaxPool", 1, step, name=f"{name}_shortcut") if step > 1 else x
            x = b.add(source, y, f"{name}_add")
    x = b.flatten(b.norm(x, "last"), "flatten")
    return {"embedding": b.norm(b.linear(x, embedding, name="features"), "embedded")}


_BOTTLENECKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))  # as for MobileNetV2


def mobilefacenet(b: Builder) -> dict[str, Value]:
    """Inverted residuals with PReLU and a depthwise convolution in place of the pool."""
    x = b.conv(b.input("image", 1, 3, 112, 112), 64, 3, 2, activation="prelu", name="first")
    x = b.conv(x, 64, 3, group=64, activation="prelu", name="second")
    for stage, (expansion, filters, repeats, stride) in enumerate(_BOTTLENECKS):
        for block in range(repeats):
            name, source, hidden = f"block_{stage}_{block}", x, x.shape[1] * expansion
            x = b.conv(x, hidden, activation="prelu", name=f"{name}_expand")
            x = b.conv(x, hidden, 3, stride if block == 0 else 1, hidden, activation="prelu", name=f"{name}_depthwise")
            x = b.conv(x, filters, activation=None, name=f"{name}_project", gain=0.7)
            if x.shape == source.shape:
                x = b.add(source, x, f"{name}_add")
    x = b.conv(x, 512, activation="prelu", name="last")
    x = b.conv(x, 512, 7, group=512, activation=None, pad=0, name="global_depthwise")
    return {"embedding": b.flatten(b.conv(x, 128, activation=None, name="linear"), "flatten")}
