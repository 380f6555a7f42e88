"""Canonical forms of operators that read an image between its elements, at computed places: GridSample and RoiAlign.

Places along each axis become elements with weights (1, 2 or 4 of them); every combination of the axes is one `Gather` of
whole pixels from the image with channels last, weighted and summed.

Source: ONNX operator specification, GridSample (opsets 16 to 22) and RoiAlign (opsets 10 to 22).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.graph.canonical import Canonical, rule
from workbench.graph.canonical_reductions import emit_reduce
from workbench.graph.graph import Node


@dataclass(frozen=True)
class Tap:
    """One element along an axis for every place: its number (int64, inside the axis) and its weight ("" for 1)."""

    place: str
    weight: str


@dataclass(frozen=True)
class Writer:
    """Arithmetic on tensors of a node: floats unless said otherwise."""

    work: Canonical
    node: Node

    def number(self, value: float) -> str:
        """A constant."""
        return self.work.add_constant(self.node, np.array(value, np.float32))

    def scaled(self, x: str, scale: float, shift: float = 0.0) -> str:
        """``x * scale + shift``."""
        return self.work.emit("affine", self.node, [x], final=False, parameters=(scale, shift))

    def unary(self, operator: str, x: str, *parameters: float) -> str:
        """A function of one value."""
        return self.work.emit(operator, self.node, [x], final=False, parameters=parameters)

    def both(self, operator: str, x: str, y: str, dtype: str | None = None) -> str:
        """A function of two values with broadcasting."""
        shape = np.broadcast_shapes(self.work.shape(x), self.work.shape(y))
        return self.work.emit(operator, self.node, [x, y], shape, False, dtype)

    def whole(self, x: str) -> str:
        """Floats that are whole, as integers."""
        return self.work.emit("to_int", self.node, [x], final=False, dtype="int64")

    def floating(self, x: str) -> str:
        """Booleans as 0.0 and 1.0."""
        return self.work.emit("to_float", self.node, [x], final=False, dtype="float32")

    def inside(self, x: str, size: int) -> str:
        """1.0 for whole floats from 0 to size - 1, else 0.0."""
        above = self.floating(self.both("GreaterOrEqual", x, self.number(0.0), "bool"))
        below = self.floating(self.both("LessOrEqual", x, self.number(size - 1.0), "bool"))
        return self.both("Mul", above, below)


@rule("GridSample")
def grid_sample(work: Canonical, node: Node) -> None:
    """The image at the places of a grid from -1 to 1."""
    image, grid = node.inputs[:2]
    shape, places = work.shape(image), work.shape(grid)
    rank = len(shape) - 2
    write = Writer(work, node)
    mode = str(node.attributes.get("mode", "linear")).removeprefix("bi")  # opset 16 says bilinear and bicubic
    padding, corners = str(node.attributes.get("padding_mode", "zeros")), bool(node.attributes.get("align_corners", 0))
    if mode not in ("linear", "nearest", "cubic") or padding not in ("zeros", "border", "reflection"):
        raise work.error(f"GridSample of mode {mode} with padding {padding}", "a mode of the standard", "export it again")
    taps = []
    for axis in range(rank):
        starts, size = [0] * (rank + 1) + [rank - 1 - axis], shape[2 + axis]
        x = work.emit("Slice", node, [grid], (*places[:-1], 1), False, starts=tuple(starts), steps=(1,) * (rank + 2))
        x = write.scaled(x, (size - 1) / 2, (size - 1) / 2) if corners else write.scaled(x, size / 2, (size - 1) / 2)
        taps.append(taps_along(write, x, size, mode, padding, corners))
    batch = np.arange(shape[0]).reshape(-1, *[1] * (rank + 1))
    total = emit_weighted(write, image, work.add_constant(node, batch), taps)
    order = (0, rank + 1, *range(1, rank + 1))
    work.emit("Transpose", node, [total], work.shape(node.outputs[0]), perm=order)


@rule("RoiAlign")
def roi_align(work: Canonical, node: Node) -> None:
    """Samples in the bins of regions, averaged or (the largest weighted pixel) of mode max."""
    (image, regions, batch), given = node.inputs[:3], node.attributes
    write, shape, count = Writer(work, node), work.shape(image), work.shape(regions)[0]
    samples, is_max = int(given.get("sampling_ratio", 0)), given.get("mode", "avg") == "max"
    if samples < 1:
        raise work.error("RoiAlign with as many samples as the regions say", "a sampling_ratio above 0", "export it so")
    default = "half_pixel" if work.opset >= 16 else "output_half_pixel"
    is_half = given.get("coordinate_transformation_mode", default) == "half_pixel"
    bins = [int(given.get(f"output_{name}", 1)) for name in ("height", "width")]
    taps = []
    for axis in (0, 1):
        first, last = (
            write.scaled(_corner(work, node, regions, place), float(given.get("spatial_scale", 1.0)), -0.5 * is_half)
            for place in (1 - axis, 3 - axis)
        )
        length = write.both("Sub", last, first)
        length = length if is_half else write.unary("Clip", length, 1.0, math.inf)
        sizes = [1, 1, 1, 1]
        sizes[1 + axis] = bins[axis] * samples
        parts = (np.arange(bins[axis] * samples, dtype=np.float32) + 0.5) / np.float32(samples * bins[axis])
        inner = write.both("Mul", length, work.add_constant(node, parts.reshape(sizes)))
        taps.append(_near(write, write.both("Add", first, inner), shape[2 + axis]))
    total = emit_weighted(write, image, work.reshaped(node, batch, (count, 1, 1, 1)), taps, "Max" if is_max else "Add")
    split = work.reshaped(node, total, (count, bins[0], samples, bins[1], samples, shape[1]))
    if is_max:
        pooled = emit_reduce(work, node, split, [2, 4], "max", flat=True)
    else:
        pooled = emit_reduce(work, node, split, [2, 4], factor=1.0 / samples**2, flat=True)
    work.emit("Transpose", node, [pooled], work.shape(node.outputs[0]), perm=(0, 3, 1, 2))


def _corner(work: Canonical, node: Node, regions: str, place: int) -> str:
    """One number of every region."""
    count = work.shape(regions)[0]
    column = work.emit("Slice", node, [regions], (count, 1), False, starts=(0, place), steps=(1, 1))
    return work.reshaped(node, column, (count, 1, 1, 1))


def _near(write: Writer, x: str, size: int) -> list[Tap]:
    """Both neighbours of places, which count as at the border up to one element outside and as nothing beyond."""
    above = write.floating(write.both("GreaterOrEqual", x, write.number(-1.0), "bool"))
    below = write.floating(write.both("LessOrEqual", x, write.number(float(size)), "bool"))
    inside, x = write.both("Mul", above, below), write.unary("Clip", x, 0.0, size - 1.0)
    first = write.unary("Floor", x)
    part = write.both("Sub", x, first)
    behind = write.unary("Clip", write.scaled(first, 1.0, 1.0), 0.0, size - 1.0)
    return [
        Tap(write.whole(place), write.both("Mul", weight, inside))
        for place, weight in ((first, write.scaled(part, -1.0, 1.0)), (behind, part))
    ]


def taps_along(write: Writer, x: str, size: int, mode: str, padding: str, corners: bool) -> list[Tap]:
    """Elements and weights for places along an axis; beyond it by the padding."""
    ends = (0.0, size - 1.0) if corners else (-0.5, size - 0.5)
    if mode != "cubic":
        x = _padded(write, x, size, padding, ends)
    if mode == "nearest":
        return [_element(write, write.unary("Round", x), "", size, padding, ends)]
    first = write.unary("Floor", x)
    part = write.both("Sub", x, first)
    if mode == "linear":
        weights = [(0, write.scaled(part, -1.0, 1.0)), (1, part)]
    else:
        weights = [(step, _cubic(write, part, step)) for step in (-1, 0, 1, 2)]
    return [
        _element(write, write.scaled(first, 1.0, float(step)) if step else first, weight, size, padding, ends)
        for step, weight in weights
    ]


def _padded(write: Writer, x: str, size: int, padding: str, ends: tuple[float, float]) -> str:
    """Places brought into the image, but for a padding of zeros."""
    if padding == "border":
        return write.unary("Clip", x, 0.0, size - 1.0)
    if padding == "reflection":
        return write.unary("Clip", _reflected(write, x, ends), 0.0, size - 1.0)
    return x


def _reflected(write: Writer, x: str, ends: tuple[float, float]) -> str:
    """Places thrown back at both ends, as often as it takes: a triangle wave."""
    low, length = ends[0], ends[1] - ends[0]
    if length == 0.0:
        return write.scaled(x, 0.0, low)
    wave = write.both("Mod", write.scaled(x, 1.0, -low), write.number(2 * length))
    return write.scaled(write.unary("Abs", write.scaled(wave, 1.0, -length)), -1.0, length + low)


def _element(write: Writer, place: str, weight: str, size: int, padding: str, ends: tuple[float, float]) -> Tap:
    """A tap at a whole place that may lie outside."""
    if padding == "zeros":
        inside = write.inside(place, size)
        weight = write.both("Mul", weight, inside) if weight else inside
    elif padding == "reflection":
        place = _reflected(write, place, ends)
    return Tap(write.whole(write.unary("Clip", place, 0.0, size - 1.0)), weight)


def _cubic(write: Writer, part: str, step: int, a: float = -0.75) -> str:
    """Weight of the element `step` from the one before the place, by the cubic convolution of R. Keys, 1981."""
    distance = write.unary("Abs", write.scaled(part, 1.0, -float(step)))
    near, far = (a + 2, -(a + 3), 0.0, 1.0), (a, -5 * a, 8 * a, -4 * a)
    coefficients = near if step in (0, 1) else far
    value = write.scaled(distance, coefficients[0], coefficients[1])
    for coefficient in coefficients[2:]:
        value = write.scaled(write.both("Mul", value, distance), 1.0, coefficient)
    return value


def emit_weighted(
    write: Writer, image: str, batch: str, taps: Sequence[Sequence[Tap]], combine: str = "Add"
) -> str:  # fmt: skip
    """Sums (or maxima) of weighted pixels, places first and channels last; `batch` are the images' numbers."""
    work, node = write.work, write.node
    shape = work.shape(image)
    count, channels, sizes = shape[0], shape[1], shape[2:]
    last = work.emit("Transpose", node, [image], (count, *sizes, channels), False, perm=(0, *range(2, len(shape)), 1))
    pixels = work.reshaped(node, last, (count * math.prod(sizes), channels))
    total = ""
    for chosen in itertools.product(*taps):
        number, weight = batch, ""
        for tap, size in zip(chosen, sizes, strict=True):
            step = work.add_constant(node, np.array(size, np.int64))
            number = write.both("Add", write.both("Mul", number, step, "int64"), tap.place, "int64")
            if tap.weight:
                weight = write.both("Mul", weight, tap.weight) if weight else tap.weight
        places = work.shape(number)[:-1]
        values = work.emit(
            "Gather", node, [pixels, work.reshaped(node, number, places)], (*places, channels), False, "float32", axis=0
        )  # fmt: skip
        if weight:
            values = write.both("Mul", values, weight)
        total = write.both(combine, total, values) if total else values
    return total
