"""Canonical forms of normalizations: all of them are `Normalize`, or scales and shifts that are known beforehand."""

from __future__ import annotations

import math

import numpy as np

from workbench.graph.canonical import Canonical, rule
from workbench.graph.canonical_reductions import emit_reduce
from workbench.graph.graph import Node


def _normalize(
    work: Canonical, node: Node, source: str, axes: list[int], epsilon: float, factors: list[str], centred: bool = True,
    final: bool = True,
) -> str:  # fmt: skip
    """``(x - mean) / sqrt(variance + epsilon) * scale + shift`` over axes; not centred, the mean square is meant."""
    return work.emit(
        "Normalize", node, [source, *factors], work.shape(source), final, axes=tuple(axes), epsilon=epsilon, centred=centred
    )  # fmt: skip


@rule("BatchNormalization")
def batch_normalization(work: Canonical, node: Node) -> None:
    """``x * scale + shift`` for every channel; computed statistics element by element."""
    if node.attributes.get("training_mode", 0):
        _trained_batch_normalization(work, node)
        return
    if len([name for name in node.outputs if name]) > 1:
        raise work.error("BatchNormalization with statistics as outputs", "training_mode 1", "export it for inference")
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    if any(name not in work.constants for name in node.inputs[1:5]):
        _computed_batch_normalization(work, node, epsilon)
        return
    gamma, beta, mean, variance = (np.asarray(work.constants[name], np.float64) for name in node.inputs[1:5])
    scale = gamma / np.sqrt(variance + epsilon)
    inputs = [node.inputs[0], work.add_constant(node, scale), work.add_constant(node, beta - mean * scale)]
    work.emit("BatchNormalization", node, inputs, work.shape(node.outputs[0]))


def _trained_batch_normalization(work: Canonical, node: Node) -> None:
    """With the statistics of the batch itself, and running ones as further outputs."""
    source, shape = node.inputs[0], work.shape(node.inputs[0])
    axes = [axis for axis in range(len(shape)) if axis != 1]
    factors = [work.reshaped(node, name, (shape[1], *[1] * (len(shape) - 2))) for name in node.inputs[1:3]]
    _normalize(work, node, source, axes, float(node.attributes.get("epsilon", 1e-5)), factors)
    part, momentum = 1.0 / math.prod(shape[axis] for axis in axes), float(node.attributes.get("momentum", 0.9))
    mean = emit_reduce(work, node, source, axes, factor=part)
    rest = work.emit("Sub", node, [source, mean], final=False)
    variance = emit_reduce(work, node, rest, axes, before="square", factor=part)
    for given, new, output in zip(node.inputs[3:5], (mean, variance), node.outputs[1:3], strict=False):
        if output:
            scaled = work.emit("affine", node, [new], final=False, parameters=(1.0 - momentum, 0.0))
            kept = work.emit("affine", node, [given], final=False, parameters=(momentum, 0.0))
            work.emit("Add", node, [work.reshaped(node, scaled, (shape[1],)), kept], final=output)


def _computed_batch_normalization(work: Canonical, node: Node, epsilon: float) -> None:
    shape = work.shape(node.inputs[0])
    sizes = (shape[1], *[1] * (len(shape) - 2)) if len(shape) > 1 else (1,)
    gamma, beta, mean, variance = (work.reshaped(node, name, sizes) for name in node.inputs[1:5])
    root = work.emit("inverse_root", node, [variance], final=False, parameters=(epsilon,))
    scale = work.emit("Mul", node, [root, gamma], final=False)
    rest = work.emit("Sub", node, [node.inputs[0], mean], shape, final=False)
    work.emit("Add", node, [work.emit("Mul", node, [rest, scale], shape, final=False), beta], shape)


@rule("LayerNormalization", "RMSNormalization")
def layer_normalization(work: Canonical, node: Node) -> None:
    """Over all axes from `axis` on; mean and inverse deviation as further outputs."""
    source, rank = node.inputs[0], len(work.shape(node.inputs[0]))
    axes = list(range(int(node.attributes.get("axis", -1)) % rank, rank))
    epsilon, centred = float(node.attributes.get("epsilon", 1e-5)), node.operator == "LayerNormalization"
    factors = [name for name in node.inputs[1:3] if name]
    _normalize(work, node, source, axes, epsilon, factors, centred)
    mean, deviation = (*node.outputs[1:], "", "")[:2]
    if not (mean or deviation):
        return
    factor = 1.0 / math.prod(work.shape(source)[axis] for axis in axes)
    middle = emit_reduce(work, node, source, axes, factor=factor, final=mean or False)
    rest = work.emit("Sub", node, [source, middle], final=False)
    if deviation:
        variance = emit_reduce(work, node, rest, axes, before="square", factor=factor)
        work.emit("inverse_root", node, [variance], final=deviation, parameters=(epsilon,))


@rule("InstanceNormalization")
def instance_normalization(work: Canonical, node: Node) -> None:
    """Every channel of every image on its own."""
    shape = work.shape(node.inputs[0])
    sizes = (shape[1], *[1] * (len(shape) - 2))
    factors = [work.reshaped(node, name, sizes) for name in node.inputs[1:3]]
    _normalize(work, node, node.inputs[0], list(range(2, len(shape))), float(node.attributes.get("epsilon", 1e-5)), factors)


@rule("GroupNormalization")
def group_normalization(work: Canonical, node: Node) -> None:
    """Groups of channels together; scale and shift for every channel, before opset 21 for every group."""
    shape, groups = work.shape(node.inputs[0]), int(node.attributes["num_groups"])
    split = (shape[0], groups, shape[1] // groups, *shape[2:])
    tail = [1] * (len(shape) - 2)
    sizes = (groups, shape[1] // groups, *tail) if work.shape(node.inputs[1]) == (shape[1],) else (groups, 1, *tail)
    factors = [work.reshaped(node, name, sizes) for name in node.inputs[1:3]]
    grouped = work.reshaped(node, node.inputs[0], split)
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    made = _normalize(work, node, grouped, list(range(2, len(split))), epsilon, factors, final=False)
    work.emit("Reshape", node, [made], shape)


@rule("MeanVarianceNormalization")
def mean_variance_normalization(work: Canonical, node: Node) -> None:
    """Without scale and shift."""
    rank = len(work.shape(node.inputs[0]))
    axes = sorted(axis % rank for axis in node.attributes.get("axes", (0, 2, 3)))
    _normalize(work, node, node.inputs[0], axes, 1e-9, [])


@rule("LpNormalization")
def lp_normalization(work: Canonical, node: Node) -> None:
    """Divided by the sum of magnitudes or the root of the sum of squares along an axis; zeros stay zeros."""
    source, p = node.inputs[0], int(node.attributes.get("p", 2))
    axis = int(node.attributes.get("axis", -1)) % len(work.shape(source))
    norm = emit_reduce(work, node, source, [axis], before="Abs" if p == 1 else "square")
    if p == 2:
        norm = work.emit("Sqrt", node, [norm], final=False)
    tiny = work.add_constant(node, np.array(np.finfo(np.float32).tiny))
    work.emit("Div", node, [source, work.emit("Max", node, [norm, tiny], final=False)])


@rule("LRN")
def local_response_normalization(work: Canonical, node: Node) -> None:
    """Divided by a power of the sum of squares of neighbouring channels, which is a pool along the channels."""
    source, given = node.inputs[0], node.attributes
    shape, size = work.shape(source), int(given["size"])
    alpha, beta, bias = (float(given.get(n, v)) for n, v in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0)))
    squares = work.emit("Mul", node, [source, source], final=False)
    flat = (shape[0], 1, shape[1], math.prod(shape[2:]))
    lines = work.reshaped(node, squares, flat)
    pads = ((size - 1) // 2, 0, size // 2, 0)
    mean = work.emit(
        "AveragePool", node, [lines], flat, final=False, kernel=(size, 1), strides=(1, 1), dilations=(1, 1), pads=pads,
        counted=pads,
    )  # fmt: skip
    total = work.emit("affine", node, [work.reshaped(node, mean, shape)], final=False, parameters=(alpha, bias))
    power = work.emit("Pow", node, [total, work.add_constant(node, np.array(-beta))], final=False)
    work.emit("Mul", node, [source, power])
