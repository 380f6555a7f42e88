"""What the algorithms for a convolution are given: views, arrays and steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.compiler.kernels.nest import Operand, start_of
from workbench.compiler.lowering import Lowering
from workbench.compiler.views import View


@dataclass(frozen=True)
class ConvolutionLayer:
    """Padded input, output, what is added, weights (filters, channels of a group, kernel axes), bias, and the steps."""

    x: View
    y: View
    r: View | None
    weights: np.ndarray
    bias: np.ndarray
    group: int
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    clip: tuple[float, float]

    @property
    def residual(self) -> tuple[int, ...]:
        """Strides of what is added."""
        return self.r.strides if self.r is not None else (0,) * len(self.y.shape)

    def operands(self, lowering: Lowering) -> dict[str, Operand]:
        """All operands but the weights."""
        operands = {"x": start_of(self.x), "bias": start_of(lowering.constant(self.bias)), "y": start_of(self.y)}
        if self.r is not None:
            operands["r"] = start_of(self.r)
        return operands
