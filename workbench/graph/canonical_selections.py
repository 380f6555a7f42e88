"""Canonical forms of operators that read or write at indices: views for constant ones, else `Gather` and `Scatter`."""

from __future__ import annotations

import math

import numpy as np

from workbench.graph.canonical import ALL_TYPES, Canonical, rule
from workbench.graph.canonical_reductions import index_constant
from workbench.graph.canonical_shapes import emit_slice
from workbench.graph.graph import Node

_MOST_RUNS = 8


def _checked(work: Canonical, node: Node, indices: np.ndarray, size: int) -> np.ndarray:
    """Constant indices counted from the front; InputError if one lies outside."""
    if indices.size and (indices.min() < -size or indices.max() >= size):
        worst = indices.max() if indices.max() >= size else indices.min()
        raise work.error(f"index {int(worst)} for an axis of size {size}", "an index inside", "export it again")
    return np.where(indices < 0, indices + size, indices)


@rule("Gather", types=ALL_TYPES)
def gather(work: Canonical, node: Node) -> None:
    """Slices where constant indices form few progressions."""
    source, name = node.inputs[:2]
    shape = work.shape(source)
    axis = int(node.attributes.get("axis", 0)) % len(shape)
    indices = work.constants.get(name)
    if indices is None or source in work.constants:
        work.emit("Gather", node, (source, name), work.shape(node.outputs[0]), dtype=work.dtype(node.outputs[0]), axis=axis)
        return
    indices = _checked(work, node, indices, shape[axis])
    runs = _runs([int(v) for v in indices.ravel()])
    if len(runs) > _MOST_RUNS:
        places = work.add_constant(node, indices)
        work.emit("Gather", node, (source, places), work.shape(node.outputs[0]), axis=axis)
        return
    parts = []
    for start, step, length in runs:
        starts, steps, sizes = [0] * len(shape), [1] * len(shape), list(shape)
        starts[axis], steps[axis], sizes[axis] = start, step, length
        parts.append(emit_slice(work, node, source, starts, steps, tuple(sizes), final=False))
    if len(parts) > 1:
        joined = [*shape[:axis], indices.size, *shape[axis + 1 :]]
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


@rule("GatherElements", types=ALL_TYPES)
def gather_elements(work: Canonical, node: Node) -> None:
    """One index for every element of the result."""
    axis = int(node.attributes.get("axis", 0)) % len(work.shape(node.inputs[0]))
    work.emit("GatherElements", node, node.inputs, work.shape(node.outputs[0]), axis=axis)


@rule("GatherND", types=ALL_TYPES)
def gather_nd(work: Canonical, node: Node) -> None:
    """One index vector for every slice of the result."""
    batch = int(node.attributes.get("batch_dims", 0))
    work.emit("GatherND", node, node.inputs, work.shape(node.outputs[0]), batch=batch)


@rule("Scatter", "ScatterElements", types=ALL_TYPES)
def scatter_elements(work: Canonical, node: Node) -> None:
    """A copy with elements replaced, or combined with, at one index each."""
    axis = int(node.attributes.get("axis", 0)) % len(work.shape(node.inputs[0]))
    work.emit("ScatterElements", node, node.inputs, axis=axis, reduction=_reduction(node))


@rule("ScatterND", types=ALL_TYPES)
def scatter_nd(work: Canonical, node: Node) -> None:
    """A copy with slices replaced, or combined with, at one index vector each."""
    work.emit("ScatterND", node, node.inputs, reduction=_reduction(node))


def _reduction(node: Node) -> str:
    return str(node.attributes.get("reduction", "none"))


@rule("OneHot", types=ALL_TYPES)
def one_hot(work: Canonical, node: Node) -> None:
    """The on-value where the index along the new axis is meant, else the off-value."""
    out, depth_of = list(work.shape(node.outputs[0])), work.constant(node, 1, "depth")
    assert depth_of is not None
    axis = int(node.attributes.get("axis", -1)) % len(out)
    sizes = [1 if place == axis else size for place, size in enumerate(out)]
    indices = node.inputs[0]
    if work.dtype(indices) == "float32":
        indices = work.emit("to_int", node, [indices], final=False, dtype="int64")
    indices = work.reshaped(node, indices, sizes)
    zero, depth = (work.add_constant(node, np.array(v, np.int64)) for v in (0, int(depth_of.ravel()[0])))
    is_negative = work.emit("Less", node, [indices, zero], final=False, dtype="bool")
    shifted = work.emit("Add", node, [indices, depth], final=False, dtype="int64")
    places = work.emit("Where", node, [is_negative, shifted, indices], final=False, dtype="int64")
    hit = work.emit("Equal", node, [places, index_constant(work, node, out, axis)], out, final=False, dtype="bool")
    values = node.inputs[2]
    off, on = (_element(work, node, values, place) for place in (0, 1))
    work.emit("Where", node, [hit, on, off], out)


def _element(work: Canonical, node: Node, name: str, place: int) -> str:
    if name in work.constants:
        return work.add_constant(node, work.constants[name][place : place + 1])
    return emit_slice(work, node, name, [place], [1], (1,), final=False)


@rule("Compress", types=ALL_TYPES)
def compress(work: Canonical, node: Node) -> None:
    """The elements at which a constant condition holds."""
    condition = work.constant(node, 1, "condition")
    assert condition is not None
    source, places = node.inputs[0], np.flatnonzero(condition)
    if "axis" not in node.attributes:
        source = work.reshaped(node, source, (math.prod(work.shape(source)),))
    axis = int(node.attributes.get("axis", 0)) % len(work.shape(source))
    shape = [len(places) if place == axis else size for place, size in enumerate(work.shape(source))]
    work.emit("Gather", node, (source, work.add_constant(node, places)), shape, axis=axis)


@rule("Trilu", types=ALL_TYPES)
def trilu(work: Canonical, node: Node) -> None:
    """One side of the diagonal, zeros on the other."""
    shape, k = work.shape(node.inputs[0]), work.constant(node, 1, "diagonal")
    offset = 0 if k is None else int(k.ravel()[0])
    ones = np.ones(shape[-2:], bool)
    kept = np.triu(ones, offset) if node.attributes.get("upper", 1) else np.tril(ones, offset)
    zero = work.add_constant(node, np.zeros((), work.dtype(node.inputs[0])))
    work.emit("Where", node, [work.add_constant(node, kept), node.inputs[0], zero], shape)


@rule("EyeLike", types=ALL_TYPES)
def eye_like(work: Canonical, node: Node) -> None:
    """Ones on a diagonal, whatever the input holds."""
    rows, columns = work.shape(node.outputs[0])
    ones = np.eye(rows, columns, int(node.attributes.get("k", 0)), dtype=work.dtype(node.outputs[0]))
    work.set_constant(node.outputs[0], ones)


@rule("ReverseSequence", types=ALL_TYPES)
def reverse_sequence(work: Canonical, node: Node) -> None:
    """The first steps of every sequence in reverse, as many as it has: rows of (sequence, step) at computed places."""
    source, lengths = node.inputs[:2]
    shape = work.shape(source)
    batch, time = (int(node.attributes.get(f"{name}_axis", default)) for name, default in (("batch", 1), ("time", 0)))
    count, steps = shape[batch], shape[time]
    order = (batch, time, *range(2, len(shape)))
    moved = work.emit("Transpose", node, [source], [shape[axis] for axis in order], False, perm=order)
    rows = work.reshaped(node, moved, (count * steps, math.prod(shape[2:])))

    def both(operator: str, one: str, other: str, dtype: str = "int64") -> str:
        sizes = np.broadcast_shapes(work.shape(one), work.shape(other))
        return work.emit(operator, node, [one, other], sizes, False, dtype)

    length, step = work.reshaped(node, lengths, (count, 1)), work.add_constant(node, np.arange(steps).reshape(1, -1))
    mirrored = both("Sub", both("Sub", length, work.add_constant(node, np.array(1))), step)
    chosen = [both("Less", step, length, "bool"), mirrored, step]
    place = work.emit("Where", node, chosen, (count, steps), False, "int64")
    place = both("Add", place, work.add_constant(node, np.arange(count).reshape(-1, 1) * steps))
    turned = work.emit(
        "Gather", node, [rows, place], (count, steps, math.prod(shape[2:])), False, work.dtype(source), axis=0
    )
    whole = work.reshaped(node, turned, [shape[axis] for axis in order])
    work.emit("Transpose", node, [whole], shape, perm=order)


@rule("MaxUnpool")
def max_unpool(work: Canonical, node: Node) -> None:
    """Zeros with the elements at the places that MaxPool gave them; behind those, zeros up to the size that is asked for."""
    (source, places), shape, out = node.inputs[:2], work.shape(node.inputs[0]), work.shape(node.outputs[0])
    given, rank = node.attributes, len(shape) - 2
    kernel, strides = list(given["kernel_shape"]), list(given.get("strides", [1] * rank))
    pads = list(given.get("pads", [0] * 2 * rank))
    sizes = [(shape[2 + axis] - 1) * strides[axis] - pads[axis] - pads[rank + axis] + kernel[axis] for axis in range(rank)]
    whole, count = (*shape[:2], *sizes), math.prod(shape)
    if any(size > wanted for size, wanted in zip(whole, out, strict=True)):
        raise work.error(f"MaxUnpool of {list(whole)} into {list(out)}", "an output that is no smaller", "export it again")
    zeros = work.add_constant(node, np.zeros(math.prod(whole), np.float32))
    flat = [work.reshaped(node, name, (count,)) for name in (places, source)]
    spread = work.emit("ScatterElements", node, [zeros, *flat], final=False, dtype="float32", axis=0, reduction="none")
    image = work.reshaped(node, spread, whole)
    high = tuple(wanted - size for wanted, size in zip(out, whole, strict=True))
    work.emit("Pad", node, [image], out, low=(0,) * len(out), high=high, value=0.0)
