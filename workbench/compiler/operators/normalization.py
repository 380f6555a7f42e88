"""Normalizations: mean, difference, mean square, scale and shift, from the general kernels."""

from __future__ import annotations

import math

from workbench.compiler.lowering import OPERATORS, Draft, Lowering, elementwise_kernel
from workbench.compiler.operators.reduction import reduction_kernel
from workbench.graph.graph import Node


@OPERATORS.register("Normalize")
def lower_normalize(lowering: Lowering, node: Node, draft: Draft) -> None:
    """The result's place holds the differences from the mean in between."""
    given, axes = node.attributes, node.attributes["axes"]
    x, *factors = (lowering.read(name) for name in node.inputs)
    y = lowering.write(node.outputs[0], draft)
    kept = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
    factor = 1.0 / math.prod(x.shape[axis] for axis in axes)
    source = x
    if given["centred"]:
        mean = lowering.scratch(kept)
        draft.kernels.append(reduction_kernel(x, mean, axes, factor=factor))
        draft.kernels.append(elementwise_kernel("Sub", [x, mean], y))
        source = y
    variance = lowering.scratch(kept)
    draft.kernels.append(reduction_kernel(source, variance, axes, before="square", factor=factor))
    parameters = (given["epsilon"],)
    draft.kernels.append(elementwise_kernel("normalize", [source, variance, *factors], y, parameters=parameters))
