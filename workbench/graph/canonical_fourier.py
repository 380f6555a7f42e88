"""Canonical forms of discrete Fourier transforms of constant length: a product with the matrix of their sines and cosines,
and of short-time transforms: a convolution with them.

Both take as many multiply-accumulates as their matrices have elements; `MOST_ELEMENTS` bounds those.

Source: ONNX operator specification, DFT (opsets 17 and 20) and STFT (opset 17).
"""

from __future__ import annotations

import math

import numpy as np

from workbench.graph.canonical import Canonical, rule
from workbench.graph.graph import Node

MOST_ELEMENTS = 1 << 25
"""Elements of a transform's matrix: 128 MB, a complex transform of 2,896 points."""


@rule("DFT")
def dft(work: Canonical, node: Node) -> None:
    """The transform along one axis; real and imaginary parts lie in the last one."""
    source, out = node.inputs[0], work.shape(node.outputs[0])
    shape, given = work.shape(source), node.attributes
    length, default = work.constant(node, 1, "length"), 1 if work.opset < 20 else -2
    place = work.constant(node, 2, "axis") if work.opset >= 20 else None
    axis = (int(place.ravel()[0]) if place is not None else int(given.get("axis", default))) % len(shape)
    if axis == len(shape) - 1 or shape[-1] not in (1, 2):
        raise work.error(
            f"DFT of shape {list(shape)} along axis {axis}", "1 or 2 parts in another, last axis", "export it again"
        )
    is_inverse, is_half = bool(given.get("inverse", 0)), bool(given.get("onesided", 0))
    is_back = is_half and is_inverse
    points = int(length.ravel()[0]) if length is not None else 2 * (shape[axis] - 1) if is_back else shape[axis]
    results = out[axis]
    _check(work, node, shape[axis] * shape[-1] * results * out[-1], points)
    turns = np.outer(np.arange(shape[axis]), np.arange(results)) % points
    matrix = _matrix(turns, points, -1 if is_inverse else 1, shape[-1], out[-1])
    matrix[shape[axis] if is_back else points :] = 0.0
    if is_back:
        matrix *= _doubled(shape[axis], points)[:, None, None, None]
        matrix[points // 2 + 1 :] = 0.0
    if is_inverse:
        matrix /= points
    order = (*(a for a in range(len(shape)) if a != axis), axis)
    order = (*(a for a in order if a != len(shape) - 1), len(shape) - 1)
    lead = [shape[a] for a in order[:-2]]
    moved = work.emit("Transpose", node, [source], [shape[a] for a in order], final=False, perm=order)
    rows = work.reshaped(node, moved, (math.prod(lead), shape[axis] * shape[-1]))
    weights = work.add_constant(node, matrix.transpose(0, 2, 1, 3).reshape(shape[axis] * shape[-1], results * out[-1]))
    bias = work.add_constant(node, np.zeros(results * out[-1], np.float32))
    product = work.emit("Gemm", node, [rows, weights, bias], (math.prod(lead), results * out[-1]), final=False)
    whole = work.reshaped(node, product, (*lead, results, out[-1]))
    work.emit("Transpose", node, [whole], out, perm=tuple(int(a) for a in np.argsort(order)))


def _check(work: Canonical, node: Node, elements: int, points: int) -> None:
    if points < 1:
        raise work.error(f"{node.operator} of {points} points", "1 or more", "export it again")
    if elements > MOST_ELEMENTS:
        found = f"{node.operator} of {points:,} points, a matrix of {elements:,} elements"
        raise work.error(found, f"at most {MOST_ELEMENTS:,}", "split the transform")


def _matrix(turns: np.ndarray, points: int, sign: int, parts: int, results: int) -> np.ndarray:
    """Weights (element, result, its part, the result's part) of ``exp(-sign * 2 pi i turns / points)``."""
    angles = 2.0 * np.pi * turns / points
    cosine, sine = np.cos(angles), -sign * np.sin(angles)
    whole = np.array([[cosine, sine], [-sine, cosine]])
    return whole[:parts, :results].transpose(2, 3, 0, 1).copy()


def _doubled(given: int, points: int) -> np.ndarray:
    """How often an element of half a spectrum counts: its mirror image is left out, but for the first and the middle one."""
    return np.array([1.0 if k == 0 or 2 * k == points else 2.0 for k in range(given)])


@rule("STFT")
def stft(work: Canonical, node: Node) -> None:
    """Transforms of windows that move over a signal: a convolution whose filters are the rows of the windowed transform."""
    shape, out = work.shape(node.inputs[0]), work.shape(node.outputs[0])
    step, window, length = (
        work.constant(node, index, what) for index, what in ((1, "step"), (2, "window"), (3, "frame length"))
    )
    assert step is not None
    points = int(length.ravel()[0]) if length is not None else window.size if window is not None else 0
    parts = shape[2] if len(shape) == 3 else 1
    bins = out[2]
    _check(work, node, points * parts * bins * 2, points)
    if window is not None and window.size != points or shape[1] < points:
        found = f"STFT of {points} points over {shape[1]} with a window of {points if window is None else window.size}"
        raise work.error(found, "a window of as many points, no more than the signal has", "export it again")
    turns = np.outer(np.arange(points), np.arange(bins)) % points
    matrix = _matrix(turns, points, 1, parts, 2)
    if window is not None:
        matrix *= window.astype(np.float64).reshape(-1, 1, 1, 1)
    weights = matrix.transpose(1, 3, 2, 0).reshape(bins * 2, parts, 1, points)
    signal = work.reshaped(node, node.inputs[0], (shape[0], shape[1], parts))
    moved = work.emit("Transpose", node, [signal], (shape[0], parts, shape[1]), final=False, perm=(0, 2, 1))
    line = work.reshaped(node, moved, (shape[0], parts, 1, shape[1]))
    inputs = [line, work.add_constant(node, weights), work.add_constant(node, np.zeros(bins * 2, np.float32))]
    made = work.emit(
        "Conv", node, inputs, (shape[0], bins * 2, 1, out[1]), final=False, group=1, kernel=(1, points),
        strides=(1, int(step.ravel()[0])), dilations=(1, 1), pads=(0, 0, 0, 0),
    )  # fmt: skip
    whole = work.reshaped(node, made, (shape[0], bins, 2, out[1]))
    work.emit("Transpose", node, [whole], out, perm=(0, 3, 1, 2))
