"""Kernels in turn over parts of images, with working memory that is used again for every part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from workbench.compiler.ir import Builder, Value
from workbench.compiler.kernels.contraction import Contraction
from workbench.compiler.kernels.matrix import MatrixProduct
from workbench.compiler.kernels.nest import Dim, Locate, Operand, Pointers, loop_over, move
from workbench.compiler.kernels.pieces import Pieces
from workbench.compiler.kernels.transform import Transform

Stage = Pieces | Transform | Contraction | MatrixProduct


@dataclass(frozen=True)
class Staged:
    """`stages` run for every step of `loops`; operands in the buffers of `images` move on with the loops, others stay.

    `name` is the algorithm; `main` the stage whose schedule is the layer's.
    """

    name: str
    images: Mapping[str, Operand]
    loops: tuple[Dim, ...]
    stages: tuple[Stage, ...]
    main: int

    @property
    def product(self) -> Contraction | MatrixProduct:
        """The main stage."""
        stage = self.stages[self.main]
        assert isinstance(stage, Contraction | MatrixProduct)
        return stage

    def describe(self) -> str:
        """The schedule, for people."""
        return f"{self.name}, {self.product.describe()}"

    def emit(self, builder: Builder, locate: Locate) -> None:
        """Generate the code."""
        begins = {name: place.pointer(locate) for name, place in self.images.items()}
        loop_over(builder, self.loops, begins, lambda here: self._stages(builder, locate, here))

    def smaller(self) -> Staged | None:
        """The same with stages that need fewer vector registers; None if there are none."""
        stages = tuple(stage.smaller() or stage for stage in self.stages)
        return None if stages == self.stages else replace(self, stages=stages)

    def _stages(self, builder: Builder, locate: Locate, images: Pointers) -> None:
        for stage in self.stages:
            pointers = {name: self._pointer(builder, locate, images, name, at) for name, at in stage.operands.items()}
            stage.emit_at(builder, pointers)

    def _pointer(self, builder: Builder, locate: Locate, images: Pointers, name: str, place: Operand) -> Value:
        image = self.images.get(name)
        if image is None or image.buffer != place.buffer:
            return place.pointer(locate)
        return move(builder, images[name], place.offset - image.offset)
