"""Lowering of the canonical operators, one file a family; importing the package registers all of them."""

from workbench.compiler.operators import (
    convolution,
    elementwise,
    indexed,
    matrix,
    normalization,
    pooling,
    reduction,
    shapes,
    softmax,
)

__all__ = [
    "convolution",
    "elementwise",
    "indexed",
    "matrix",
    "normalization",
    "pooling",
    "reduction",
    "shapes",
    "softmax",
]
