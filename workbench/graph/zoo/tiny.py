"""The four networks of MLPerf Tiny.

Source: C. Banbury et al., "MLPerf Tiny Benchmark", NeurIPS 2021, section 4: ResNet for images of CIFAR-10, DS-CNN for
keywords, MobileNetV1 0.25 for persons in an image, a fully connected autoencoder for sounds of machines.
"""

from __future__ import annotations

from workbench.graph.zoo.builder import Builder, Value


def tiny_resnet(b: Builder) -> dict[str, Value]:
    """Image classification: 32 x 32 pixels, three stages of one block."""
    x = b.conv(b.input("image", 1, 3, 32, 32), 16, 3, name="first")
    for stage, filters in enumerate((16, 32, 64)):
        name, step = f"block_{stage}", 1 if stage == 0 else 2
        y = b.conv(x, filters, 3, step, pad="SAME_UPPER", name=f"{name}_a")
        y = b.conv(y, filters, 3, activation=None, name=f"{name}_b")
        source = b.conv(x, filters, 1, step, activation=None, norm=False, name=f"{name}_shortcut") if stage else x
        x = b.activate(b.add(source, y, f"{name}_add"), "relu", name)
    return {"probabilities": b.classifier(x, 10)}


def tiny_keywords(b: Builder) -> dict[str, Value]:
    """Keyword spotting: 49 frames of 10 coefficients, four depthwise separable convolutions."""
    x = b.conv(b.input("frames", 1, 1, 49, 10), 64, (10, 4), 2, pad="SAME_UPPER", name="first")
    for place in range(4):
        x = b.conv(x, 64, 3, group=64, name=f"depthwise_{place}")
        x = b.conv(x, 64, name=f"pointwise_{place}")
    return {"probabilities": b.classifier(x, 12)}


def tiny_autoencoder(b: Builder) -> dict[str, Value]:
    """Anomaly detection: 640 values to 8 and back."""
    x = b.input("frames", 1, 640)
    for place, outputs in enumerate((128, 128, 128, 128, 8, 128, 128, 128, 128)):
        x = b.activate(b.norm(b.linear(x, outputs, name=f"layer_{place}"), f"layer_{place}"), "relu", f"layer_{place}")
    return {"frames_again": b.linear(x, 640, name="last")}
