"""Canonical forms of Resize: every mode is a sum of weighted elements along each axis on its own.

Whole factors of nearest neighbours become `Resize`, other selections slices or `Gather`, everything else `Interpolate`.

Source: ONNX operator specification, Resize (opsets 10 to 19): coordinates, rounding, cubic and antialiasing filters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.graph.canonical import Canonical, rule
from workbench.graph.canonical_shapes import emit_slice
from workbench.graph.graph import Node

_REACH = {"linear": 1.0, "cubic": 2.0}


@dataclass(frozen=True)
class _Taps:
    """Along one axis: elements (result, tap), their weights, and which results lie outside of the region."""

    places: np.ndarray
    weights: np.ndarray
    outside: np.ndarray

    @property
    def selects(self) -> bool:
        """Whether every result is one element of the source."""
        return self.places.shape[1] == 1 and bool(np.all(self.weights == 1.0))


@rule("Resize", "Upsample")
def resize(work: Canonical, node: Node) -> None:
    """Axis by axis; axes that keep their elements are left alone."""
    source, target = work.shape(node.inputs[0]), work.shape(node.outputs[0])
    scales, regions = _scales(work, node, source, target), _regions(work, node, len(source))
    name, masks, factors = node.inputs[0], [], [1] * len(source)
    for axis, (size, out) in enumerate(zip(source, target, strict=True)):
        taps = _taps(work, node, size, out, scales[axis], regions[axis])
        if taps.outside.any():
            masks.append((axis, taps.outside))
        if taps.selects:
            places = taps.places[:, 0]
            if out % size == 0 and np.array_equal(places, np.arange(out) // (out // size)):
                factors[axis] = out // size
            else:
                name = _select(work, node, name, axis, places)
        else:
            shape = list(work.shape(name))
            shape[axis] = out
            tables = [work.add_constant(node, array) for array in (taps.places, taps.weights)]
            name = work.emit("Interpolate", node, [name, *tables], shape, final=False, axis=axis)
    if any(factor > 1 for factor in factors):
        name = work.emit("Resize", node, (name,), target, final=False, factors=tuple(factors))
    value = work.add_constant(node, np.array(node.attributes.get("extrapolation_value", 0.0), np.float32)) if masks else ""
    for axis, outside in masks:
        sizes = [out if place == axis else 1 for place, out in enumerate(target)]
        name = work.emit(
            "Where", node, [work.add_constant(node, outside.reshape(sizes)), value, name], target, False, "float32"
        )
    if name == node.inputs[0]:
        work.rename(node.outputs[0], name)
    else:
        _take_name(work, node, name)


def _take_name(work: Canonical, node: Node, made: str) -> None:
    """Let the node that made a value make the output instead."""
    last = work.nodes[-1]
    if last.outputs == (made,):
        work.nodes[-1] = Node(last.name, last.operator, last.inputs, node.outputs[:1], last.attributes)
    else:
        work.rename(node.outputs[0], made)


def _select(work: Canonical, node: Node, name: str, axis: int, places: np.ndarray) -> str:
    shape = list(work.shape(name))
    step = int(places[1] - places[0]) if len(places) > 1 else 1
    if len(places) == shape[axis] and np.array_equal(places, np.arange(len(places))):
        return name
    shape[axis] = len(places)
    if step and np.array_equal(places, places[0] + step * np.arange(len(places))):
        starts, steps = [0] * len(shape), [1] * len(shape)
        starts[axis], steps[axis] = int(places[0]), step
        return emit_slice(work, node, name, starts, steps, tuple(shape), final=False)
    return work.emit("Gather", node, (name, work.add_constant(node, places)), shape, final=False, axis=axis)


def _axes(node: Node, rank: int) -> list[int]:
    return [int(axis) % rank for axis in node.attributes.get("axes", range(rank))]


def _scales(work: Canonical, node: Node, source: tuple[int, ...], target: tuple[int, ...]) -> list[float]:
    if "scales" in node.attributes:
        return [float(v) for v in node.attributes["scales"]]
    axes = _axes(node, len(source))
    scales = [out / size for size, out in zip(source, target, strict=True)]
    array = work.constant(node, 1 if len(node.inputs) == 2 else 2, "scales")
    if array is not None and array.size == len(axes):
        for axis, scale in zip(axes, array, strict=True):
            scales[axis] = float(scale)
        return scales
    policy = node.attributes.get("keep_aspect_ratio_policy", "stretch")
    wanted = work.constant(node, 3, "sizes")
    if policy != "stretch" and wanted is not None:
        ratios = [float(size) / source[axis] for axis, size in zip(axes, wanted, strict=True)]
        for axis in axes:
            scales[axis] = min(ratios) if policy == "not_larger" else max(ratios)
    return scales


def _regions(work: Canonical, node: Node, rank: int) -> list[tuple[float, float]]:
    """Start and end of the part that is resized, relative to each axis."""
    whole = [(0.0, 1.0)] * rank
    if node.attributes.get("coordinate_transformation_mode") != "tf_crop_and_resize":
        return whole
    array, axes = work.constant(node, 1, "region"), _axes(node, rank)
    if array is None or array.size != 2 * len(axes):
        return whole
    for place, axis in enumerate(axes):
        whole[axis] = (float(array[place]), float(array[place + len(axes)]))
    return whole


def _taps(work: Canonical, node: Node, size: int, out: int, scale: float, region: tuple[float, float]) -> _Taps:
    old = node.operator == "Upsample" or work.opset < 11
    how = "asymmetric" if old else node.attributes.get("coordinate_transformation_mode", "half_pixel")
    x = _coordinates(work, node, how, size, out, scale, region)
    outside = (x < 0) | (x > size - 1) if how == "tf_crop_and_resize" else np.zeros(out, bool)
    mode = node.attributes.get("mode", "nearest")
    if scale == 1.0 and size == out and how != "tf_crop_and_resize":
        return _Taps(np.arange(out)[:, None], np.ones((out, 1)), outside)
    if mode == "nearest":
        rounding = "floor" if old else node.attributes.get("nearest_mode", "round_prefer_floor")
        places = np.clip(_ROUNDS[rounding](x), 0, size - 1).astype(np.int64)
        return _Taps(places[:, None], np.ones((out, 1)), outside)
    if mode not in _REACH:
        raise work.error(f"{node.operator} of mode {mode}", "nearest, linear or cubic", "export it again")
    return _filter(node, mode, x, size, scale, outside)


_ROUNDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "floor": np.floor, "ceil": np.ceil, "round_prefer_floor": lambda v: np.ceil(v - 0.5),
    "round_prefer_ceil": lambda v: np.floor(v + 0.5),
}  # fmt: skip


def _coordinates(
    work: Canonical, node: Node, how: str, size: int, out: int, scale: float, region: tuple[float, float]
) -> np.ndarray:
    """Place of every result in the source."""
    x, length = np.arange(out, dtype=np.float64), scale * size
    if how == "asymmetric":
        return x / scale
    if how == "align_corners":
        return x * (size - 1) / (length - 1) if length != 1 else x * 0
    if how == "tf_crop_and_resize":
        start, end = region
        if length == 1:
            return x * 0 + 0.5 * (start + end) * (size - 1)
        return start * (size - 1) + x * (end - start) * (size - 1) / (length - 1)
    if how == "pytorch_half_pixel" and length == 1:
        return x * 0 - 0.5
    if how == "half_pixel_symmetric":
        return size / 2 * (1 - out / length) + (x + 0.5) / scale - 0.5
    if how not in ("half_pixel", "pytorch_half_pixel"):
        raise work.error(f"{node.operator} with coordinates {how}", "asymmetric or half_pixel", "export it so")
    return (x + 0.5) / scale - 0.5


def _filter(node: Node, mode: str, x: np.ndarray, size: int, scale: float, outside: np.ndarray) -> _Taps:
    """Weights of the linear or cubic filter, wider where antialiasing is wanted and the image shrinks."""
    given = node.attributes
    narrow = min(scale, 1.0) if given.get("antialias", 0) else 1.0
    reach = int(np.ceil(_REACH[mode] / narrow))
    places = np.floor(x)[:, None] + np.arange(1 - reach, reach + 1)
    distance = np.abs(places - x[:, None]) * narrow
    weights = np.maximum(1.0 - distance, 0.0) if mode == "linear" else _cubic(distance, given.get("cubic_coeff_a", -0.75))
    if given.get("exclude_outside", 0):
        weights = np.where((places < 0) | (places >= size), 0.0, weights)
    weights = weights / weights.sum(axis=1, keepdims=True)
    used = np.any(weights != 0.0, axis=0)
    return _Taps(np.clip(places, 0, size - 1).astype(np.int64)[:, used], weights[:, used], outside)


def _cubic(distance: np.ndarray, a: float) -> np.ndarray:
    """The cubic convolution filter of R. Keys, 1981."""
    near = ((a + 2) * distance - (a + 3)) * distance**2 + 1
    far = ((a * distance - 5 * a) * distance + 8 * a) * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))
