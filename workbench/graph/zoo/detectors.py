"""Object detection: YOLOv4-tiny and the MobileDets with SSDLite heads.

Source: A. Bochkovskiy et al., "YOLOv4", 2020, and its published configuration yolov4-tiny.cfg; Y. Xiong et al.,
"MobileDets", CVPR 2021, appendix (layers of the three variants, as also in the TensorFlow object detection library);
M. Sandler et al., "MobileNetV2", CVPR 2018, section 6.2 (SSDLite). Left out: decoding of boxes and non-maximum suppression.
"""

from __future__ import annotations

import numpy as np

from workbench.graph.zoo.builder import Builder, Value


def yolov4_tiny(b: Builder, resolution: int = 416, classes: int = 80) -> dict[str, Value]:
    """Cross-stage partial blocks, two heads with three boxes at each place."""

    def conv(x: Value, filters: int, kernel: int, name: str, stride: int = 1) -> Value:
        return b.conv(x, filters, kernel, stride, activation="leaky", name=name)

    x = conv(b.input("image", 1, 3, resolution, resolution), 32, 3, "first", 2)
    x, middle = conv(x, 64, 3, "second", 2), x
    for filters in (64, 128, 256):
        name = f"csp_{filters}"
        x = conv(x, filters, 3, f"{name}_in")
        half = b.part(x, 1, filters // 2, filters, f"{name}_half")
        one = conv(half, filters // 2, 3, f"{name}_one")
        two = conv(one, filters // 2, 3, f"{name}_two")
        middle = conv(b.concat([two, one], name=f"{name}_inner"), filters, 1, f"{name}_out")
        x = b.pool(b.concat([x, middle], name=f"{name}_outer"), "MaxPool", 2, 2, name=f"{name}_pool")
    x = conv(conv(x, 512, 3, "deep"), 256, 1, "neck")
    outputs = 3 * (5 + classes)
    coarse = b.conv(conv(x, 512, 3, "coarse"), outputs, norm=False, activation=None, name="coarse_boxes")
    y = conv(x, 128, 1, "up")
    scales = b.constant("scales", np.array([1, 1, 2, 2], np.float32))
    empty = Value("", ())
    shape = (*y.shape[:2], 2 * y.shape[2], 2 * y.shape[3])
    given = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    y = b.op("Resize", y, empty, scales, shape=shape, name="upsample", **given)
    y = conv(b.concat([y, middle], name="join"), 256, 3, "fine")
    fine = b.conv(y, outputs, norm=False, activation=None, name="fine_boxes")
    return {"coarse": coarse, "fine": fine}


# One row for each layer: kind, filters, expansion (or the ranks of a Tucker layer), kernel, stride, residual.
_CPU = (
    ("ibn", 16, 4, 3, 2, False), ("ibn", 32, 8, 3, 2, False), *[("ibn", 32, 4, 3, 1, True)] * 3,
    ("ibn", 72, 8, 5, 2, False), ("ibn", 72, 8, 3, 1, True), ("ibn", 72, 4, 5, 1, True), ("ibn", 72, 4, 3, 1, True),
    ("ibn", 72, 8, 3, 1, False), *[("ibn", 72, 8, 3, 1, True)] * 3, ("c4",),
    ("ibn", 104, 8, 5, 2, False), *[("ibn", 104, 4, 5, 1, True)] * 2, ("ibn", 104, 4, 3, 1, True),
    ("ibn", 144, 8, 3, 1, False),
)  # fmt: skip
_DSP = (
    ("fused", 32, 4, 3, 2, False), ("fused", 32, 4, 3, 1, True), ("ibn", 32, 4, 3, 1, True),
    ("tucker", 32, (0.25, 0.75), 3, 1, True), ("fused", 64, 8, 3, 2, False), ("ibn", 64, 4, 3, 1, True),
    *[("fused", 64, 4, 3, 1, True)] * 2, ("fused", 120, 8, 3, 2, False), ("ibn", 120, 4, 3, 1, True),
    *[("ibn", 120, 8, 3, 1, True)] * 2, ("fused", 144, 8, 3, 1, False), *[("ibn", 144, 8, 3, 1, True)] * 3, ("c4",),
    ("ibn", 160, 4, 3, 2, False), ("ibn", 160, 4, 3, 1, True), ("fused", 160, 4, 3, 1, True),
    ("tucker", 160, (0.75, 0.75), 3, 1, True), ("ibn", 240, 8, 3, 1, False),
)  # fmt: skip
_EDGETPU = (
    ("fused", 16, 8, 3, 2, False), ("fused", 16, 4, 3, 1, True), ("fused", 16, 8, 3, 1, True),
    ("fused", 16, 4, 3, 1, True), ("fused", 40, 8, 5, 2, False), *[("fused", 40, 4, 3, 1, True)] * 3,
    ("ibn", 72, 8, 3, 2, False), ("ibn", 72, 8, 3, 1, True), *[("fused", 72, 4, 3, 1, True)] * 2,
    ("ibn", 96, 8, 5, 1, False), ("ibn", 96, 8, 5, 1, True), *[("ibn", 96, 8, 3, 1, True)] * 2, ("c4",),
    ("ibn", 120, 8, 5, 2, False), ("ibn", 120, 8, 3, 1, True), ("ibn", 120, 4, 5, 1, True), ("ibn", 120, 8, 3, 1, True),
    ("ibn", 384, 8, 5, 1, False),
)  # fmt: skip
_VARIANTS = {"cpu": (16, _CPU), "dsp": (32, _DSP), "edgetpu": (32, _EDGETPU)}
_EXTRA = (512, 256, 256, 128)
_SAME = "SAME_UPPER"


def mobiledet(b: Builder, variant: str, resolution: int = 320, classes: int = 91) -> dict[str, Value]:
    """Backbone, four smaller feature maps, and SSDLite heads with 3 boxes at each place of the first map, 6 of others."""
    first, rows = _VARIANTS[variant]
    activation = "hard_swish" if variant == "cpu" else "relu6"
    x = b.conv(b.input("image", 1, 3, resolution, resolution), first, 3, 2, activation=activation, pad=_SAME, name="first")
    if variant == "edgetpu":
        x = _tucker(b, x, 16, (0.25, 0.75), 3, 1, False, "relu6", "block_0")
    else:
        x = _depthwise_project(b, x, 8 if variant == "cpu" else 24, 3, 1, variant == "cpu", activation, "block_0")
    maps = []
    for place, row in enumerate(rows, start=1):
        if row == ("c4",):
            maps.append(x)
        else:
            x = _layer(b, x, row, activation, variant == "cpu", f"block_{place}")
    maps.append(x)
    for filters in _EXTRA:
        x = b.conv(x, filters // 2, activation="relu6", name=f"extra_{len(maps)}_reduce")
        x = b.conv(x, x.shape[1], 3, 2, x.shape[1], activation="relu6", pad=_SAME, name=f"extra_{len(maps)}_depthwise")
        x = b.conv(x, filters, activation="relu6", name=f"extra_{len(maps)}")
        maps.append(x)
    return {name: _heads(b, maps, name, each) for name, each in (("boxes", 4), ("scores", classes))}


def _layer(b: Builder, x: Value, row: tuple, activation: str, squeeze: bool, name: str) -> Value:
    kind, filters, expansion, kernel, stride, residual = row
    if kind == "tucker":
        return _tucker(b, x, filters, expansion, kernel, stride, residual, activation, name)
    hidden = x.shape[1] * expansion
    if kind == "fused":
        y = b.conv(x, hidden, kernel, stride, activation=activation, pad=_SAME, name=f"{name}_fused")
        y = b.conv(y, filters, activation=None, name=f"{name}_project")
    else:
        y = b.conv(x, hidden, activation=activation, name=f"{name}_expand")
        y = _depthwise_project(b, y, filters, kernel, stride, squeeze, activation, name)
    return b.add(y, x, f"{name}_add") if residual else y


def _depthwise_project(
    b: Builder, x: Value, filters: int, kernel: int, stride: int, squeeze: bool, activation: str, name: str
) -> Value:
    x = b.conv(x, x.shape[1], kernel, stride, x.shape[1], activation=activation, pad=_SAME, name=f"{name}_depthwise")
    if squeeze:
        x = b.squeeze_excite(x, _multiple(x.shape[1] * 0.25), activation, "sigmoid", f"{name}_se")
    return b.conv(x, filters, activation=None, name=f"{name}_project")


def _tucker(
    b: Builder, x: Value, filters: int, ranks: tuple[float, float], kernel: int, stride: int, residual: bool,
    activation: str, name: str,
) -> Value:  # fmt: skip
    y = b.conv(x, _multiple(x.shape[1] * ranks[0]), activation=activation, name=f"{name}_rank")
    y = b.conv(y, _multiple(filters * ranks[1]), kernel, stride, activation=activation, pad=_SAME, name=f"{name}_core")
    y = b.conv(y, filters, activation=None, name=f"{name}_project")
    return b.add(y, x, f"{name}_add") if residual else y


def _multiple(channels: float) -> int:
    return max(8, int(channels / 8 + 0.5) * 8)


def _heads(b: Builder, maps: list[Value], name: str, each: int) -> Value:
    """The predictions of all feature maps behind each other: (batch, boxes, values)."""
    parts = []
    for place, x in enumerate(maps):
        boxes = 3 if place == 0 else 6
        y = b.conv(x, x.shape[1], 3, 1, x.shape[1], activation="relu6", name=f"{name}_{place}_depthwise")
        y = b.conv(y, boxes * each, norm=False, activation=None, name=f"{name}_{place}")
        height, width = y.shape[2:]
        parts.append(b.reshape(b.transpose(y, 0, 2, 3, 1), 1, height * width * boxes, each, name=f"{name}_{place}_rows"))
    return b.concat(parts, axis=1, name=f"{name}_all")
