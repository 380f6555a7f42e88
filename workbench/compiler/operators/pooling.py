"""MaxPool and AveragePool."""

from __future__ import annotations

import numpy as np

from workbench.compiler.kernels.nest import Dim, axis_dim, in_single, start_of
from workbench.compiler.layout import reach
from workbench.compiler.lowering import OPERATORS, Draft, Lowering
from workbench.compiler.schedule import window_choices
from workbench.compiler.views import NO_HALO
from workbench.graph.graph import Node

_LOWEST = -3.4028234663852886e38


def _lowest(dtype: str) -> float:
    return float(np.iinfo(dtype).min) if dtype.startswith("int") else _LOWEST


@OPERATORS.register("MaxPool")
def lower_max_pool(lowering: Lowering, node: Node, draft: Draft) -> None:
    """Padding with the lowest value, or with zeros where nothing is negative."""
    dtype = lowering.graph.tensors[node.inputs[0]].dtype
    lowest = 0.0 if lowering.layouts.is_non_negative(node.inputs[0]) else _lowest(dtype)
    _lower(lowering, node, draft, "max", lowest, None, 1.0)


@OPERATORS.register("AveragePool")
def lower_average_pool(lowering: Lowering, node: Node, draft: Draft) -> None:
    """A sum and a factor; a table of factors where the window leaves the image; of bytes, or if asked for, only the sum."""
    if "start" in node.attributes or node.attributes.get("is_total", False):
        _lower(lowering, node, draft, "add", 0.0, None, 1.0)
        return
    counts = _counts(node, lowering.graph.shape(node.inputs[0]), lowering.graph.shape(node.outputs[0]))
    if np.all(counts == counts.flat[0]):
        _lower(lowering, node, draft, "add", 0.0, None, 1.0 / float(counts.flat[0]))
    else:
        _lower(lowering, node, draft, "add", 0.0, 1.0 / counts, 1.0)


def _counts(node: Node, source: tuple[int, ...], target: tuple[int, ...]) -> np.ndarray:
    """How many elements count for every result."""
    given = node.attributes
    sides = []
    for axis in (0, 1):
        begin = given["pads"][axis]
        low, high = -given["counted"][axis], source[axis + 2] + given["counted"][axis + 2]
        starts = np.arange(target[axis + 2]) * given["strides"][axis] - begin
        places = starts[:, None] + np.arange(given["kernel"][axis]) * given["dilations"][axis]
        sides.append(((places >= low) & (places < high)).sum(axis=1))
    return np.maximum(np.outer(*sides), 1)


def _lower(
    lowering: Lowering, node: Node, draft: Draft, combine: str, border: float, table: np.ndarray | None, factor: float
) -> None:
    given = node.attributes
    pads = reach(node, lowering.graph.shape(node.inputs[0]), lowering.graph.shape(node.outputs[0]))
    x = lowering.padded(lowering.read(node.inputs[0]), pads or NO_HALO, border, draft)
    finish, y = lowering.finish_of(node, draft), lowering.write(node.outputs[0], draft)
    operands = {"x": start_of(x), "y": start_of(y)} | finish.operands
    scale: tuple[int, ...] = (0, 0)
    if "start" in given:
        operands["bias"] = start_of(lowering.constant(np.array([given["start"]], np.int32)))
    if table is not None:
        view = lowering.constant(table)
        operands["scale"], scale = start_of(view), view.strides
    batch, channels, height, width = y.shape

    def dim(axis: int, count: int) -> Dim:
        step = given["strides"][axis - 2]
        return axis_dim(count, x=x.strides[axis] * step, y=y.strides[axis], scale=scale[axis - 2], **finish.strides(axis))

    def taps(axis: int) -> Dim:
        return axis_dim(given["kernel"][axis - 2], x=x.strides[axis] * given["dilations"][axis - 2])

    if combine == "add":  # many elements
        operands = in_single(operands)
    choices = window_choices(
        lowering.target, combine, operands, axis_dim(batch, x=x.strides[0], y=y.strides[0], **finish.strides(0)),
        (dim(2, height), taps(2)), (dim(3, width), taps(3)),
        axis_dim(channels, x=x.strides[1], y=y.strides[1], **finish.strides(1)), finish.epilogue, factor,
    )  # fmt: skip
    draft.plan(lowering.planner, choices)
