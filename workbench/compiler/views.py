"""`View`: a tensor as a strided window into a buffer, so that reshapes, slices and transposes cost nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workbench.compiler.elements import FLOAT, Element

NO_HALO = (0, 0, 0, 0)


@dataclass(frozen=True)
class View:
    """Elements of a buffer: `offset` and `strides` in bytes, one stride for each axis of the ONNX shape.

    `halo` is the border of zeros around the last two axes (top, left, bottom, right) that may be read as well;
    `border` is the value there, 0 in all halos of floats.
    """

    buffer: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    halo: tuple[int, int, int, int] = NO_HALO
    element: Element = FLOAT
    border: float = 0.0

    @property
    def step(self) -> int:
        """Bytes between neighbours that lie without a gap."""
        return self.element.size_bytes

    @property
    def elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    def transposed(self, order: Sequence[int]) -> View:
        """The axes in another order."""
        shape, strides = tuple(self.shape[i] for i in order), tuple(self.strides[i] for i in order)
        return replace(self, shape=shape, strides=strides, halo=NO_HALO)

    def sliced(self, starts: Sequence[int], steps: Sequence[int], shape: Sequence[int]) -> View:
        """Every step-th element from the starts on; the halo stays where the image is whole."""
        offset = self.offset + sum(start * stride for start, stride in zip(starts, self.strides, strict=True))
        strides = tuple(stride * step for stride, step in zip(self.strides, steps, strict=True))
        whole = len(shape) == 4 and tuple(shape[2:]) == self.shape[2:]
        halo = self.halo if whole else NO_HALO
        return replace(self, offset=offset, shape=tuple(shape), strides=strides, halo=halo)

    def reshaped(self, shape: Sequence[int]) -> View | None:
        """The same elements in another shape; None where that needs a copy."""
        if math.prod(shape) != self.elements:
            raise ValueError(f"{self.shape} has not as many elements as {tuple(shape)}")
        strides = _reshaped_strides(self.shape, self.strides, shape)
        return None if strides is None else replace(self, shape=tuple(shape), strides=strides, halo=NO_HALO)

    def broadcast(self, shape: Sequence[int]) -> View:
        """Repeated along missing axes and axes of size 1."""
        lead = len(shape) - len(self.shape)
        own = (*(1,) * lead, *self.shape)
        strides = (*(0,) * lead, *self.strides)
        stretched = tuple(0 if size == 1 else stride for size, stride in zip(own, strides, strict=True))
        return replace(self, shape=tuple(shape), strides=stretched, halo=NO_HALO)

    def enlarged(self, factors: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Shape and strides in which every axis is split into (size, factor), elements repeated `factor` times."""
        shape = tuple(n for size, factor in zip(self.shape, factors, strict=True) for n in (size, factor))
        strides = tuple(n for stride in self.strides for n in (stride, 0))
        return shape, strides

    def bordered(self, pads: Sequence[int]) -> View:
        """The image with as much of its halo as `pads` (top, left, bottom, right) asks for."""
        top, left, bottom, right = pads
        batch, channels, height, width = self.shape
        offset = self.offset - top * self.strides[2] - left * self.strides[3]
        shape = (batch, channels, height + top + bottom, width + left + right)
        return replace(self, offset=offset, shape=shape, halo=NO_HALO)


def contiguous_strides(shape: Sequence[int], element: Element, order: Sequence[int] | None = None) -> tuple[int, ...]:
    """Strides without gaps; `order` lists the axes from the outermost to the innermost."""
    strides, step = [0] * len(shape), element.size_bytes
    for axis in reversed(order if order is not None else range(len(shape))):
        strides[axis] = step
        step *= shape[axis]
    return tuple(strides)


def _reshaped_strides(shape: Sequence[int], strides: Sequence[int], target: Sequence[int]) -> tuple[int, ...] | None:
    """Strides of `target` over the same elements: groups of old axes that are evenly spaced become groups of new ones."""
    old = [(size, stride) for size, stride in zip(shape, strides, strict=True) if size != 1]
    result, place, done = [0] * len(target), 0, 0
    wanted = [axis for axis, size in enumerate(target) if size != 1]
    while place < len(wanted):
        group_old, group_new = [old[done]], [wanted[place]]
        done, place = done + 1, place + 1
        while (have := math.prod(n for n, _ in group_old)) != (want := math.prod(target[a] for a in group_new)):
            if have < want:
                group_old.append(old[done])
                done += 1
            else:
                group_new.append(wanted[place])
                place += 1
        for (_, outer), (size, inner) in zip(group_old, group_old[1:], strict=False):
            if outer != size * inner:
                return None
        step = group_old[-1][1]
        for axis in reversed(group_new):
            result[axis] = step
            step *= target[axis]
    return tuple(result)
