"""What the algorithms for a convolution are given: views, arrays and steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.compiler.elements import element_of_dtype
from workbench.compiler.kernels.nest import Operand, start_of, summed_as
from workbench.compiler.lowering import Finish, Lowering
from workbench.compiler.views import View


@dataclass(frozen=True)
class ConvolutionLayer:
    """Padded input, output, what is done with it, weights (filters, channels of a group, kernel axes), bias, steps,
    and the type of the sums where it is not that of the result."""

    x: View
    y: View
    finish: Finish
    weights: np.ndarray
    bias: np.ndarray
    group: int
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    sums: str | None = None

    def written(self, axis: int, step: int = 1) -> dict[str, int]:
        """Bytes from one step of an axis of the result to the next, in it and in what is done with it."""
        own = {"y": self.y.strides[axis], **self.finish.strides(axis)}
        return {name: stride * step for name, stride in own.items()}

    @property
    def bias_step(self) -> int:
        """Bytes from the bias of one filter to that of the next."""
        return element_of_dtype(self.bias.dtype.name).size_bytes

    def operands(self, lowering: Lowering) -> dict[str, Operand]:
        """All operands but the weights."""
        operands = {"x": start_of(self.x), "bias": start_of(lowering.constant(self.bias)), "y": start_of(self.y)}
        return summed_as(operands | self.finish.operands, self.sums)
