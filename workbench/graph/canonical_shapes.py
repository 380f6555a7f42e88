"""Canonical forms of operators that move or select elements."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from workbench.graph.canonical import Canonical, rule
from workbench.graph.graph import Node


@rule("Identity", "Dropout")
def identity(work: Canonical, node: Node) -> None:
    """Another name of the input."""
    work.rename(node.outputs[0], node.inputs[0])


@rule("Cast")
def cast(work: Canonical, node: Node) -> None:
    """Float32 to float32 only."""
    if work.tensors[node.inputs[0]].dtype != "float32":
        raise work.error(f"Cast from {work.tensors[node.inputs[0]].dtype}", "float32", "export a float32 network")
    identity(work, node)


@rule("Reshape", "Flatten", "Squeeze", "Unsqueeze")
def reshape(work: Canonical, node: Node) -> None:
    """Same elements in the same order; the shape is the output's."""
    before, after = work.shape(node.inputs[0]), work.shape(node.outputs[0])
    if math.prod(before) != math.prod(after):
        raise work.error(f"shape {list(after)} for {list(before)}", "as many elements", "export it again")
    if before == after:
        identity(work, node)
    else:
        work.emit("Reshape", node, node.inputs[:1], after)


@rule("Transpose")
def transpose(work: Canonical, node: Node) -> None:
    """Axes in another order."""
    rank = len(work.shape(node.inputs[0]))
    order = tuple(node.attributes.get("perm", range(rank - 1, -1, -1)))
    work.emit("Transpose", node, node.inputs[:1], work.shape(node.outputs[0]), perm=order)


@rule("Slice")
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
    _emit_slice(work, node, node.inputs[0], first, step, work.shape(node.outputs[0]))


def _emit_slice(work: Canonical, node: Node, source: str, starts: list[int], steps: list[int], shape: tuple[int, ...],
                final: bool = True) -> str:  # fmt: skip
    return work.emit("Slice", node, (source,), shape, final, starts=tuple(starts), steps=tuple(steps))


@rule("Split")
def split(work: Canonical, node: Node) -> None:
    """One slice for each output."""
    shape = work.shape(node.inputs[0])
    axis, start = int(node.attributes.get("axis", 0)) % len(shape), 0
    for output in node.outputs:
        starts = [0] * len(shape)
        starts[axis] = start
        part = Node(node.name, node.operator, node.inputs, (output,))
        _emit_slice(work, part, node.inputs[0], starts, [1] * len(shape), work.shape(output))
        start += work.shape(output)[axis]


@rule("Gather")
def gather(work: Canonical, node: Node) -> None:
    """Slices for constant indices, joined where they do not form one progression."""
    shape = work.shape(node.inputs[0])
    indices = work.constant(node, 1, "indices")
    assert indices is not None
    axis = int(node.attributes.get("axis", 0)) % len(shape)
    flat = [int(v) % shape[axis] for v in indices.ravel()]
    runs = _runs(flat)
    if len(runs) > 64:
        raise work.error(f"Gather of {len(flat)} scattered indices", "at most 64 runs", "reorder the weights instead")
    parts = []
    for start, step, length in runs:
        starts, steps, sizes = [0] * len(shape), [1] * len(shape), list(shape)
        starts[axis], steps[axis], sizes[axis] = start, step, length
        parts.append(_emit_slice(work, node, node.inputs[0], starts, steps, tuple(sizes), final=False))
    if len(parts) > 1:
        joined = [*shape[:axis], len(flat), *shape[axis + 1 :]]
        parts = [work.emit("Concat", node, parts, joined, final=False, axis=axis)]
    work.emit("Reshape", node, parts, work.shape(node.outputs[0]))


def _runs(indices: list[int]) -> list[tuple[int, int, int]]:
    """Indices as progressions (start, step, length)."""
    runs: list[tuple[int, int, int]] = []
    for index in indices:
        if runs:
            start, step, length = runs[-1]
            if length == 1 and index != start:
                runs[-1] = (start, index - start, 2)
                continue
            if length > 1 and index == start + step * length:
                runs[-1] = (start, step, length + 1)
                continue
        runs.append((index, 1, 1))
    return runs


@rule("Concat")
def concat(work: Canonical, node: Node) -> None:
    """Inputs one behind the other."""
    shape = work.shape(node.outputs[0])
    axis = int(node.attributes.get("axis", 1)) % len(shape)
    parts = [name for name in node.inputs if 0 not in work.shape(name)]
    if len(parts) == 1:
        work.rename(node.outputs[0], parts[0])
    else:
        work.emit("Concat", node, parts, shape, axis=axis)


@rule("Pad")
def pad(work: Canonical, node: Node) -> None:
    """Constant padding with explicit amounts on every axis."""
    mode = node.attributes.get("mode", "constant")
    if mode != "constant":
        raise work.error(f"Pad of mode {mode}", "mode constant", "export it with constant padding")
    rank = len(work.shape(node.inputs[0]))
    amounts = work.integers(node, "paddings" if "paddings" in node.attributes else "pads", 1) or [0] * 2 * rank
    axes = [axis % rank for axis in work.integers(node, "axes", 3) or range(rank)]
    low, high = [0] * rank, [0] * rank
    for place, axis in enumerate(axes):
        low[axis], high[axis] = amounts[place], amounts[place + len(axes)]
    value = work.constant(node, 2, "value") if work.opset >= 11 else None
    number = float(value.ravel()[0]) if value is not None else float(node.attributes.get("value", 0.0))
    source = node.inputs[0]
    if min(low + high) < 0:
        starts = [max(-amount, 0) for amount in low]
        shape = work.shape(source)
        sizes = tuple(s + min(a, 0) + min(b, 0) for s, a, b in zip(shape, low, high, strict=True))
        source = _emit_slice(work, node, source, starts, [1] * rank, sizes, final=False)
    low, high = [max(a, 0) for a in low], [max(b, 0) for b in high]
    work.emit("Pad", node, (source,), work.shape(node.outputs[0]), low=tuple(low), high=tuple(high), value=number)


@rule("Resize", "Upsample")
def resize(work: Canonical, node: Node) -> None:
    """Nearest neighbour where every axis repeats or skips elements evenly."""
    mode = node.attributes.get("mode", "nearest")
    if mode != "nearest":
        raise work.error(f"{node.operator} of mode {mode}", "mode nearest", "export it with nearest neighbours")
    source, target = work.shape(node.inputs[0]), work.shape(node.outputs[0])
    scales = _scales(work, node, source, target)
    factors, steps = [], []
    for size, out, scale in zip(source, target, scales, strict=True):
        indices = _nearest(work, node, size, out, scale)
        factor = out // size if out % size == 0 else 1
        step = size // out if size % out == 0 else 1
        if factor > 1 and np.array_equal(indices, np.arange(out) // factor):
            factors.append(factor)
            steps.append((0, 1))
        elif np.array_equal(indices, indices[0] + step * np.arange(out)):
            factors.append(1)
            steps.append((int(indices[0]), step))
        else:
            found = f"{node.operator} from size {size} to {out}"
            raise work.error(found, "a whole factor", "use a size that is a multiple")
    name = node.inputs[0]
    if any(step != (0, 1) for step in steps):
        sizes = tuple(s if f > 1 else t for s, t, f in zip(source, target, factors, strict=True))
        name = _emit_slice(work, node, name, [s for s, _ in steps], [s for _, s in steps], sizes, final=False)
    work.emit("Resize", node, (name,), target, factors=tuple(factors))


def _scales(work: Canonical, node: Node, source: tuple[int, ...], target: tuple[int, ...]) -> list[float]:
    if "scales" in node.attributes:
        return [float(v) for v in node.attributes["scales"]]
    index = 1 if len(node.inputs) == 2 else 2
    array = work.constant(node, index, "scales")
    if array is not None and array.size == len(source):
        return [float(v) for v in array]
    return [out / size for size, out in zip(source, target, strict=True)]


def _nearest(work: Canonical, node: Node, size: int, out: int, scale: float) -> np.ndarray:
    """Index of the source element of every result."""
    x = np.arange(out, dtype=np.float64)
    old = node.operator == "Upsample" or work.opset < 11
    how = "asymmetric" if old else node.attributes.get("coordinate_transformation_mode", "half_pixel")
    if how == "asymmetric":
        x = x / scale
    elif how == "align_corners":
        x = x * (size - 1) / max(out - 1, 1)
    elif how in ("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"):
        x = (x + 0.5) / scale - 0.5 if out > 1 or how == "half_pixel" else x * 0
    else:
        raise work.error(f"{node.operator} with coordinates {how}", "asymmetric or half_pixel", "export it so")
    rounding = "floor" if old else node.attributes.get("nearest_mode", "round_prefer_floor")
    rounds: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "floor": np.floor, "ceil": np.ceil, "round_prefer_floor": lambda v: np.ceil(v - 0.5),
        "round_prefer_ceil": lambda v: np.floor(v + 0.5),
    }  # fmt: skip
    return np.clip(rounds[rounding](x), 0, size - 1).astype(np.int64)
