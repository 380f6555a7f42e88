"""Kernels in turn over parts of images, with working memory that is used again for every part.

Threads share every stage, and wait for each other where the next one needs what others write or read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from workbench.compiler.ir.builder import Builder
from workbench.compiler.ir.values import Value
from workbench.compiler.kernels.contraction import Contraction
from workbench.compiler.kernels.matrix import MatrixProduct
from workbench.compiler.kernels.nest import Dim, Locate, Operand, Pointers, loop_over, move
from workbench.compiler.kernels.pieces import Pieces
from workbench.compiler.kernels.threads import is_shared, on_its_threads, wait_for_all
from workbench.compiler.kernels.transform import Transform

Stage = Pieces | Transform | Contraction | MatrixProduct


@dataclass(frozen=True)
class Staged:
    """`stages` run for every step of `loops`; operands in the buffers of `images` move on with the loops, others stay.

    `name` is the algorithm; `main` the stage whose schedule is the layer's. Threads wait before the stages of the numbers
    `waits`; the number of all stages stands for the end of every step.
    """

    name: str
    images: Mapping[str, Operand]
    loops: tuple[Dim, ...]
    stages: tuple[Stage, ...]
    main: int
    waits: frozenset[int] = frozenset()

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
        for place, stage in enumerate(self.stages):
            pointers = {name: self._pointer(builder, locate, images, name, at) for name, at in stage.operands.items()}
            if place in self.waits:
                wait_for_all(builder)
            on_its_threads(builder, is_shared(stage), partial(stage.emit_at, builder, pointers))
        if len(self.stages) in self.waits:
            wait_for_all(builder)

    @property
    def is_shared(self) -> bool:
        """Whether threads share any of the stages."""
        return any(map(is_shared, self.stages))

    def _pointer(self, builder: Builder, locate: Locate, images: Pointers, name: str, place: Operand) -> Value:
        image = self.images.get(name)
        if image is None or image.buffer != place.buffer:
            return place.pointer(locate)
        return move(builder, images[name], place.offset - image.offset)
