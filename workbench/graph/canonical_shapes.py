"""Canonical forms of operators that move or select elements."""

from __future__ import annotations

import math

import numpy as np

from workbench.graph.canonical import ALL_TYPES, Canonical, rule
from workbench.graph.graph import Node


@rule("Identity", types=ALL_TYPES)
def identity(work: Canonical, node: Node) -> None:
    """Another name of the input."""
    work.rename(node.outputs[0], node.inputs[0])


@rule("Dropout")
def dropout(work: Canonical, node: Node) -> None:
    """In inference another name of the input, and a mask that is true everywhere."""
    training = work.constant(node, 2, "training mode") if work.opset >= 12 else None
    ratio = work.constant(node, 1, "ratio") if work.opset >= 12 else None
    if training is not None and bool(training.ravel()[0]) and (ratio is None or float(ratio.ravel()[0]) != 0.0):
        raise work.error("Dropout in training mode", "inference", "export it for inference")
    identity(work, node)
    if len(node.outputs) > 1 and node.outputs[1]:
        work.set_constant(node.outputs[1], np.ones(work.shape(node.outputs[0]), bool))


@rule("Reshape", "Flatten", "Squeeze", "Unsqueeze", types=ALL_TYPES)
def reshape(work: Canonical, node: Node) -> None:
    """Same elements in the same order; the shape is the output's."""
    before, after = work.shape(node.inputs[0]), work.shape(node.outputs[0])
    if math.prod(before) != math.prod(after):
        raise work.error(f"shape {list(after)} for {list(before)}", "as many elements", "export it again")
    if before == after:
        identity(work, node)
    else:
        work.emit("Reshape", node, node.inputs[:1], after)


@rule("Transpose", types=ALL_TYPES)
def transpose(work: Canonical, node: Node) -> None:
    """Axes in another order."""
    rank = len(work.shape(node.inputs[0]))
    order = tuple(node.attributes.get("perm", range(rank - 1, -1, -1)))
    work.emit("Transpose", node, node.inputs[:1], work.shape(node.outputs[0]), perm=order)


@rule("Slice", types=ALL_TYPES)
def slice_(work: Canonical, node: Node) -> None:
    """Starts and steps on every axis; the sizes are the output's."""
    shape = work.shape(node.inputs[0])
    starts, ends = work.integers(node, "starts", 1) or [], work.integers(node, "ends", 2) or []
    axes = work.integers(node, "axes", 3) or list(range(len(starts)))
    steps = work.integers(node, "steps", 4) or [1] * len(starts)
    first, step = [0] * len(shape), [1] * len(shape)
    for axis, start, end, stride in zip(axes, starts, ends, steps, strict=True):
        axis %= len(shape)
        first[axis], step[axis] = slice(start, end, stride).indices(shape[axis])[0], stride
    emit_slice(work, node, node.inputs[0], first, step, work.shape(node.outputs[0]))


def emit_slice(work: Canonical, node: Node, source: str, starts: list[int], steps: list[int], shape: tuple[int, ...],
               final: bool = True) -> str:  # fmt: skip
    """Every step-th element of each axis from its start on."""
    return work.emit("Slice", node, (source,), shape, final, starts=tuple(starts), steps=tuple(steps))


@rule("Split", types=ALL_TYPES)
def split(work: Canonical, node: Node) -> None:
    """One slice for each output."""
    shape = work.shape(node.inputs[0])
    axis, start = int(node.attributes.get("axis", 0)) % len(shape), 0
    for output in node.outputs:
        starts = [0] * len(shape)
        starts[axis] = start
        part = Node(node.name, node.operator, node.inputs, (output,))
        emit_slice(work, part, node.inputs[0], starts, [1] * len(shape), work.shape(output))
        start += work.shape(output)[axis]


@rule("Concat", types=ALL_TYPES)
def concat(work: Canonical, node: Node) -> None:
    """Inputs one behind the other."""
    shape = work.shape(node.outputs[0])
    axis = int(node.attributes.get("axis", 1)) % len(shape)
    parts = [name for name in node.inputs if 0 not in work.shape(name)]
    if len(parts) == 1:
        work.rename(node.outputs[0], parts[0])
    else:
        work.emit("Concat", node, parts, shape, axis=axis)


@rule("Pad", types=ALL_TYPES)
def pad(work: Canonical, node: Node) -> None:
    """Explicit amounts on every axis: constants around, or elements of the input again."""
    mode, rank = node.attributes.get("mode", "constant"), len(work.shape(node.inputs[0]))
    amounts = work.integers(node, "paddings" if "paddings" in node.attributes else "pads", 1) or [0] * 2 * rank
    axes = [axis % rank for axis in work.integers(node, "axes", 3) or range(rank)]
    low, high = [0] * rank, [0] * rank
    for place, axis in enumerate(axes):
        low[axis], high[axis] = amounts[place], amounts[place + len(axes)]
    source = node.inputs[0]
    if min(low + high) < 0:
        starts = [max(-amount, 0) for amount in low]
        sizes = tuple(s + min(a, 0) + min(b, 0) for s, a, b in zip(work.shape(source), low, high, strict=True))
        source = emit_slice(work, node, source, starts, [1] * rank, sizes, final=False)
    low, high = [max(a, 0) for a in low], [max(b, 0) for b in high]
    if mode != "constant":
        _pad_with_itself(work, node, source, low, high, mode)
        return
    value = work.constant(node, 2, "value") if work.opset >= 11 else None
    number = float(value.ravel()[0]) if value is not None and value.size else float(node.attributes.get("value", 0.0))
    work.emit("Pad", node, (source,), work.shape(node.outputs[0]), low=tuple(low), high=tuple(high), value=number)


def _pad_with_itself(work: Canonical, node: Node, source: str, low: list[int], high: list[int], mode: str) -> None:
    """Axis by axis a selection of the input's own elements."""
    if mode not in ("reflect", "edge", "wrap"):
        raise work.error(f"Pad of mode {mode}", "constant, reflect, edge or wrap", "export it again")
    for axis, (before, behind) in enumerate(zip(low, high, strict=True)):
        shape = list(work.shape(source))
        if before == behind == 0:
            continue
        places = np.arange(-before, shape[axis] + behind)
        if mode == "wrap":
            places %= shape[axis]
        elif mode == "edge":
            places = places.clip(0, shape[axis] - 1)
        else:
            period = max(2 * (shape[axis] - 1), 1)
            places = np.abs((places + shape[axis] - 1) % period - (shape[axis] - 1)) if shape[axis] > 1 else places * 0
        shape[axis] = len(places)
        source = work.emit("Gather", node, (source, work.add_constant(node, places)), shape, final=False, axis=axis)
    work.emit("Identity", node, (source,))


@rule("Expand", types=ALL_TYPES)
def expand(work: Canonical, node: Node) -> None:
    """Repeated along axes of size 1 and missing axes."""
    work.emit("Expand", node, node.inputs[:1], work.shape(node.outputs[0]))


@rule("Tile", types=ALL_TYPES)
def tile(work: Canonical, node: Node) -> None:
    """Every axis repeated as a whole: an axis of repeats before it."""
    shape, out = work.shape(node.inputs[0]), work.shape(node.outputs[0])
    split = [n for size in shape for n in (1, size)]
    source = work.reshaped(node, node.inputs[0], split)
    repeated = [n for size, whole in zip(shape, out, strict=True) for n in (whole // size, size)]
    work.emit("Reshape", node, [work.emit("Expand", node, [source], repeated, final=False)], out)


@rule("DepthToSpace", "SpaceToDepth", types=ALL_TYPES)
def depth_and_space(work: Canonical, node: Node) -> None:
    """Blocks of pixels to channels and back, by reshaping and transposing."""
    size = int(node.attributes["blocksize"])
    batch, channels, height, width = work.shape(node.inputs[0])
    is_channel_first = node.attributes.get("mode", "DCR") == "CRD"
    if node.operator == "SpaceToDepth":
        split = (batch, channels, height // size, size, width // size, size)
        order = (0, 1, 3, 5, 2, 4) if is_channel_first else (0, 3, 5, 1, 2, 4)
    elif is_channel_first:
        split, order = (batch, channels // size**2, size, size, height, width), (0, 1, 4, 2, 5, 3)
    else:
        split, order = (batch, size, size, channels // size**2, height, width), (0, 3, 4, 1, 5, 2)
    parts = work.reshaped(node, node.inputs[0], split)
    turned = work.emit("Transpose", node, [parts], [split[axis] for axis in order], final=False, perm=order)
    work.emit("Reshape", node, [turned], work.shape(node.outputs[0]))


@rule("CenterCropPad", types=ALL_TYPES)
def center_crop_pad(work: Canonical, node: Node) -> None:
    """The middle of axes that are too long, zeros around axes that are too short."""
    shape, out = work.shape(node.inputs[0]), work.shape(node.outputs[0])
    starts = [max((size - want) // 2, 0) for size, want in zip(shape, out, strict=True)]
    kept = [min(size, want) for size, want in zip(shape, out, strict=True)]
    low = [max((want - size) // 2, 0) for size, want in zip(shape, out, strict=True)]
    high = [want - size - before for size, want, before in zip(kept, out, low, strict=True)]
    middle = emit_slice(work, node, node.inputs[0], starts, [1] * len(shape), tuple(kept), final=False)
    work.emit("Pad", node, (middle,), out, low=tuple(low), high=tuple(high), value=0.0)
