"""SqueezeNet, ShuffleNet V2, GoogLeNet, VGG-16 and ResNets.

Source: F. Iandola et al., "SqueezeNet", 2016 (version 1.1 with 227 x 227 pixels and padding in its last convolution, as in
the Caffe models); N. Ma et al., "ShuffleNet V2", ECCV 2018; C. Szegedy et al., "Going Deeper with Convolutions", CVPR 2015,
table 1; K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks", ICLR 2015, column D; K. He et al., "Deep Residual
Learning", CVPR 2016. The ResNets are the Caffe models of ncnn's benchmark: ResNet-18 projects its first shortcut too, and
ResNet-50 has its strides in the first convolution of a block.
"""

from __future__ import annotations

from workbench.graph.zoo.builder import Builder, Value

_FIRE = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))  # squeezed, expanded


def squeezenet(b: Builder, resolution: int = 227, classes: int = 1000) -> dict[str, Value]:
    """Fire modules: squeezed, then expanded by 1x1 and 3x3 filters side by side."""
    x = b.conv(b.input("image", 1, 3, resolution, resolution), 64, 3, 2, norm=False, pad=0, name="conv1")
    for place, (squeezed, expanded) in enumerate(_FIRE):
        if place in (0, 2, 4):
            x = b.pool(x, "MaxPool", 3, 2, ceil=True, name=f"pool{place + 1}")
        x = b.conv(x, squeezed, norm=False, name=f"fire{place + 2}_squeeze")
        sides = [b.conv(x, expanded, k, norm=False, name=f"fire{place + 2}_expand{k}x{k}") for k in (1, 3)]
        x = b.concat(sides, name=f"fire{place + 2}_concat")
    x = b.conv(x, classes, norm=False, pad=1, name="conv10")
    return {"probabilities": b.softmax(b.flatten(b.global_pool(x, "pool10")))}


def shufflenet_v2(b: Builder, resolution: int = 224, classes: int = 1000) -> dict[str, Value]:
    """Version 1.0x: half of the channels pass, the other half is computed, then both are shuffled."""
    x = b.conv(b.input("image", 1, 3, resolution, resolution), 24, 3, 2, name="conv1")
    x = b.pool(x, "MaxPool", 3, 2, pad=1, name="pool1")
    for stage, (filters, repeats) in enumerate(((116, 4), (232, 8), (464, 4)), start=2):
        for block in range(repeats):
            x = _shuffle_unit(b, x, filters, f"stage{stage}_{block}", halves=block == 0)
    x = b.conv(x, 1024, name="conv5")
    return {"probabilities": b.classifier(x, classes)}


def _shuffle_unit(b: Builder, x: Value, filters: int, name: str, halves: bool) -> Value:
    half, stride = filters // 2, 2 if halves else 1
    if halves:
        left, right = b.conv(x, x.shape[1], 3, 2, x.shape[1], activation=None, name=f"{name}_left_depthwise"), x
        left = b.conv(left, half, name=f"{name}_left")
    else:
        left, right = b.part(x, 1, 0, half, f"{name}_kept"), b.part(x, 1, half, filters, f"{name}_split")
    right = b.conv(right, half, name=f"{name}_in")
    right = b.conv(right, half, 3, stride, half, activation=None, name=f"{name}_depthwise")
    right = b.conv(right, half, name=f"{name}_out")
    joined = b.concat([left, right], name=f"{name}_concat")
    height, width = joined.shape[2:]
    pairs = b.reshape(joined, 1, 2, half, height, width, name=f"{name}_pairs")
    return b.reshape(b.transpose(pairs, 0, 2, 1, 3, 4), *joined.shape, name=f"{name}_shuffle")


_INCEPTION = {  # 1x1, 3x3 reduced, 3x3, 5x5 reduced, 5x5, pooled
    "3a": (64, 96, 128, 16, 32, 32), "3b": (128, 128, 192, 32, 96, 64), "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64), "4c": (128, 128, 256, 24, 64, 64), "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128), "5a": (256, 160, 320, 32, 128, 128), "5b": (384, 192, 384, 48, 128, 128),
}  # fmt: skip


def googlenet(b: Builder, resolution: int = 224, classes: int = 1000) -> dict[str, Value]:
    """Inception modules: four branches side by side; local response normalization after the first layers."""
    x = b.conv(b.input("image", 1, 3, resolution, resolution), 64, 7, 2, norm=False, name="conv1")
    x = b.pool(x, "MaxPool", 3, 2, ceil=True, name="pool1")
    x = b.op("LRN", x, size=5, name="norm1")
    x = b.conv(b.conv(x, 64, norm=False, name="conv2_reduce"), 192, 3, norm=False, name="conv2")
    x = b.pool(b.op("LRN", x, size=5, name="norm2"), "MaxPool", 3, 2, ceil=True, name="pool2")
    for module, (one, three_in, three, five_in, five, pooled) in _INCEPTION.items():
        if module in ("4a", "5a"):
            x = b.pool(x, "MaxPool", 3, 2, ceil=True, name=f"pool_{module}")
        name = f"inception_{module}"
        branches = [
            b.conv(x, one, norm=False, name=f"{name}_1x1"),
            b.conv(b.conv(x, three_in, norm=False, name=f"{name}_3x3_reduce"), three, 3, norm=False, name=f"{name}_3x3"),
            b.conv(b.conv(x, five_in, norm=False, name=f"{name}_5x5_reduce"), five, 5, norm=False, name=f"{name}_5x5"),
            b.conv(b.pool(x, "MaxPool", 3, 1, pad=1, name=f"{name}_pool"), pooled, norm=False, name=f"{name}_pooled"),
        ]
        x = b.concat(branches, name=f"{name}_concat")
    return {"probabilities": b.classifier(x, classes)}


def vgg16(b: Builder, resolution: int = 224, classes: int = 1000) -> dict[str, Value]:
    """Thirteen 3x3 convolutions, three fully connected layers."""
    x = b.input("image", 1, 3, resolution, resolution)
    for stage, (filters, repeats) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), start=1):
        for layer in range(1, repeats + 1):
            x = b.conv(x, filters, 3, norm=False, name=f"conv{stage}_{layer}")
        x = b.pool(x, "MaxPool", 2, 2, name=f"pool{stage}")
    x = b.flatten(x, "flatten")
    for name in ("fc6", "fc7"):
        x = b.linear(x, 4096, activation="relu", name=name)
    return {"probabilities": b.softmax(b.linear(x, classes, name="fc8"))}


def resnet18(b: Builder, resolution: int = 224, classes: int = 1000) -> dict[str, Value]:
    """Blocks of two 3x3 convolutions."""
    x = _stem(b, resolution)
    for stage, filters in enumerate((64, 128, 256, 512)):
        for block in range(2):
            name, step = f"res{stage + 2}_{block}", 2 if block == 0 and stage > 0 else 1
            y = b.conv(x, filters, 3, step, name=f"{name}_a")
            y = b.conv(y, filters, 3, activation=None, name=f"{name}_b", gain=0.5)
            source = b.conv(x, filters, 1, step, activation=None, name=f"{name}_shortcut") if block == 0 else x
            x = b.activate(b.add(source, y, f"{name}_add"), "relu", name)
    return {"probabilities": b.classifier(x, classes)}


def resnet50(b: Builder, resolution: int = 224, classes: int = 1000) -> dict[str, Value]:
    """Bottlenecks: 1x1 to fewer channels, 3x3, 1x1 to four times as many."""
    x = _stem(b, resolution)
    for stage, (filters, repeats) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(repeats):
            name, step = f"res{stage + 2}_{block}", 2 if block == 0 and stage > 0 else 1
            y = b.conv(x, filters, 1, step, name=f"{name}_a")
            y = b.conv(y, filters, 3, name=f"{name}_b")
            y = b.conv(y, 4 * filters, activation=None, name=f"{name}_c", gain=0.5)
            source = b.conv(x, 4 * filters, 1, step, activation=None, name=f"{name}_shortcut") if block == 0 else x
            x = b.activate(b.add(source, y, f"{name}_add"), "relu", name)
    return {"probabilities": b.classifier(x, classes)}


def _stem(b: Builder, resolution: int) -> Value:
    x = b.conv(b.input("image", 1, 3, resolution, resolution), 64, 7, 2, name="conv1")
    return b.pool(x, "MaxPool", 3, 2, ceil=True, name="pool1")
