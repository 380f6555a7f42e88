"""From a graph to kernels on buffers: layouts, views, padding and the buffers that the memory plan places."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench.base.registry import Registry
from workbench.compiler.elements import FLOAT, HALF, Element, element_of_dtype
from workbench.compiler.kernels.contraction import Contraction
from workbench.compiler.kernels.elementwise import Elementwise
from workbench.compiler.kernels.epilogue import NOTHING, Epilogue
from workbench.compiler.kernels.matrix import MatrixProduct
from workbench.compiler.kernels.nest import Dim, Operand, axis_dim, in_single, merge_dims, start_of
from workbench.compiler.kernels.operations import OPERATIONS, is_right_in_half
from workbench.compiler.kernels.staged import Staged
from workbench.compiler.kernels.window import Window
from workbench.compiler.partition import shared_kernel
from workbench.compiler.planner import Planner, Schedule, schedule_of
from workbench.compiler.schedule import Choice
from workbench.compiler.views import NO_HALO, View, contiguous_strides
from workbench.graph.graph import Graph, Node
from workbench.isa.target import Target

_SHARED_BYTES = 4096  # smaller constants stay beside the weights that are read with them
Pads = tuple[int, int, int, int]


@dataclass
class Buffer:
    """A piece of memory: constant data, or working memory that lives from layer `first` to layer `last`."""

    size_bytes: int
    data: np.ndarray | None = None
    first: int = -1
    last: int = -1


@dataclass
class Draft:
    """A layer being lowered: its kernels in order, what happens to its result after them, and what is reported of it."""

    node: Node
    kernels: list[Any] = field(default_factory=list)
    macs: int = 0
    weight_bytes: int = 0
    main: int = -1
    later: Finish | None = None
    planned: str = ""

    def plan(self, planner: Planner, choices: Iterable[Choice]) -> None:
        """Add the kernels of the choice that the planner takes; the first is the layer's main one."""
        choice = planner.choose(self.node.name, choices)
        self.main, self.planned = len(self.kernels), choice.algorithm
        self.kernels.extend(choice.build(choice.kernel))

    @property
    def schedule(self) -> Schedule | None:
        """The schedule of the main kernel, where it has one."""
        if not self.planned:
            return None
        return schedule_of(self.planned, self.main_kernel)

    @property
    def main_kernel(self) -> Any:
        """The main kernel, in stages its product."""
        kernel = self.kernels[self.main]
        return kernel.product if isinstance(kernel, Staged) else kernel

    @property
    def sum_bits(self) -> int:
        """Width of the vector unit for a multiply-accumulate: that of the narrowest sums, of a part of them for matrices."""
        kernels = [kernel.product if isinstance(kernel, Staged) else kernel for kernel in self.kernels]
        return min((k.sum_bits for k in kernels if isinstance(k, (Contraction, MatrixProduct, Window))), default=32)

    @property
    def algorithm(self) -> str:
        """The schedule of the layer's main kernel: the last one of its own, unless another was named."""
        if self.later is None:
            return str(self.kernels[self.main].describe())
        main = self.main if self.main >= 0 else self.main - 1
        return f"{self.kernels[main].describe()}; then {self.kernels[-1].describe()}"

    def shrink(self, places: set[int]) -> bool:
        """Let some kernels need fewer vector registers, where they can; whether there was one."""
        smaller = [place in places and kernel.smaller() or kernel for place, kernel in enumerate(self.kernels)]
        changed = any(new is not old for new, old in zip(smaller, self.kernels, strict=True))
        self.kernels = smaller
        return changed


@dataclass(frozen=True)
class Finish:
    """An epilogue and the views of its operands, spread to the shape of the result."""

    epilogue: Epilogue = NOTHING
    views: tuple[View, ...] = ()

    def strides(self, axis: int) -> dict[str, int]:
        """Bytes from one step of an axis to the next, for every operand."""
        return {name: view.strides[axis] for name, view in zip(self.epilogue.extras, self.views, strict=True)}

    @property
    def operands(self) -> dict[str, Operand]:
        """Where the operands begin."""
        return {name: start_of(view) for name, view in zip(self.epilogue.extras, self.views, strict=True)}

    def sliced(self, starts: Sequence[int], steps: Sequence[int], shape: Sequence[int]) -> Finish:
        """The same for a part of the result."""
        return replace(self, views=tuple(view.sliced(starts, steps, shape) for view in self.views))


Lower = Callable[["Lowering", Node, Draft], None]
OPERATORS: Registry[Lower] = Registry("operator")


class Lowering:
    """The state of lowering a graph for a target."""

    def __init__(self, graph: Graph, target: Target, planner: Planner | None = None) -> None:
        from workbench.compiler.layout import Layouts

        self.graph, self.target, self.planner = graph, target, planner or Planner()
        self.buffers: list[Buffer] = []
        self.layers: list[Draft] = []
        self._views: dict[str, View] = {}
        self._started: set[int] = set()
        self._constants: dict[bytes, int] = {}
        self._bordered: dict[int, tuple[View, Pads]] = {}
        self.layouts = Layouts(graph, target)

    # --- driving --------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Lower every node."""
        for name in self.graph.inputs:
            self._views[name] = self._allocate(self.graph.shape(name), first=0, element=self.element(name))
        for node in self.graph.nodes:
            draft = Draft(node)
            self.layers.append(draft)
            OPERATORS.get(node.operator)(self, node, draft)
            if draft.later is not None:
                y = self._views[node.outputs[0]]
                draft.kernels.append(elementwise_kernel("copy", [y], y, draft.later))
            if not draft.kernels:
                self.layers.pop()
        for name in self.graph.outputs:
            self.buffers[self._views[name].buffer].last = len(self.layers)
        if self.target.threads > 1:
            for draft in self.layers:
                draft.kernels = [shared_kernel(self.target, kernel) for kernel in draft.kernels]

    @property
    def _now(self) -> int:
        return len(self.layers) - 1

    # --- buffers and views ----------------------------------------------------------------------------------------

    def element(self, name: str) -> Element:
        """Elements of a tensor in memory."""
        return element_of_dtype(self.graph.tensors[name].dtype)

    def _allocate(
        self, shape: Sequence[int], order: Sequence[int] | None = None, first: int | None = None, element: Element = FLOAT
    ) -> View:
        self.buffers.append(Buffer(math.prod(shape) * element.size_bytes))
        index = len(self.buffers) - 1
        if first is not None:
            self.buffers[index].first = self.buffers[index].last = first
        return View(index, 0, tuple(shape), contiguous_strides(shape, element, order), element=element)

    def scratch(self, shape: Sequence[int], order: Sequence[int] | None = None, element: Element = FLOAT) -> View:
        """Working memory of the present layer."""
        return self._allocate(shape, order, self._now, element)

    def constant(self, array: np.ndarray) -> View:
        """Constant data in the type that the array has; double precision becomes single."""
        array = np.asarray(array)
        element = FLOAT if array.dtype == np.float64 else element_of_dtype(array.dtype.name)
        data = np.ascontiguousarray(array, element.file_type)
        place = self._place_of_equal(data)
        return View(place, 0, tuple(array.shape), contiguous_strides(array.shape, element), element=element)

    def _place_of_equal(self, data: np.ndarray) -> int:
        """The buffer of constant data: of equal data that is there already, as the steps of a recurrent layer have it."""
        key = hashlib.blake2b(data).digest() if data.nbytes >= _SHARED_BYTES else b""
        if key in self._constants:
            return self._constants[key]
        self.buffers.append(Buffer(data.nbytes, data))
        if key:
            self._constants[key] = len(self.buffers) - 1
        return len(self.buffers) - 1

    def packed(self, array: np.ndarray) -> Operand:
        """Constant data that one kernel reads."""
        return start_of(self.constant(array))

    def read(self, name: str) -> View:
        """The view of a tensor that the present layer reads."""
        if name not in self._views:
            self._views[name] = self.constant(self.graph.constants[name])
        view = self._views[name]
        self.touch(view)
        return view

    def finish_of(self, node: Node, draft: Draft | None = None) -> Finish:
        """What is done with the result of a node; what takes too many registers is left to the end of the draft."""
        epilogue: Epilogue = node.attributes.get("epilogue", NOTHING)
        names = node.inputs[len(node.inputs) - len(epilogue.extras) :]
        shape = self.graph.shape(node.outputs[0])
        finish = Finish(epilogue, tuple(self.read(name).broadcast(shape) for name in names))
        is_right = epilogue.is_right_in_half or self.element(node.outputs[0]) != HALF
        if draft is None or epilogue.fits_registers and is_right:
            return finish
        draft.later = finish
        return Finish()

    def touch(self, view: View) -> None:
        """Keep a view's buffer alive through the present layer."""
        buffer = self.buffers[view.buffer]
        buffer.last = max(buffer.last, self._now)

    def alias(self, name: str, view: View) -> None:
        """Let a tensor be a view of existing memory."""
        self._views[name] = view

    def is_placed_elsewhere(self, name: str) -> bool:
        """Whether a tensor must lie at a given place: an output of the network or a part of a Concat."""
        return name in self.graph.outputs or name in self.layouts.parts

    def write(self, name: str, draft: Draft) -> View:
        """The place that the present layer writes a tensor to; a border of zeros is filled the first time."""
        view = self._place(name)
        buffer = self.buffers[view.buffer]
        if buffer.first < 0:
            buffer.first = self._now
        buffer.last = max(buffer.last, self._now)
        if view.buffer not in self._started:
            self._started.add(view.buffer)
            draft.kernels.extend(self._border(view.buffer))
        return view

    def _place(self, name: str) -> View:
        if name in self._views:
            return self._views[name]
        if name in self.layouts.parts and name not in self.graph.outputs:
            part = self.layouts.parts[name]
            parent = self._place(part.parent)
            shape = self.graph.shape(name)
            starts = [0] * len(shape)
            starts[part.axis] = part.start
            view = parent.sliced(starts, [1] * len(shape), shape)
        else:
            view = self._new_place(name)
        self._views[name] = view
        return view

    def _new_place(self, name: str) -> View:
        shape = self.graph.shape(name)
        halo, order = self.layouts.halo(name), self.layouts.order(name)
        if halo == NO_HALO:
            return self._allocate(shape, order, element=self.element(name))
        top, left, bottom, right = halo
        whole = self._allocate(
            (*shape[:2], shape[2] + top + bottom, shape[3] + left + right), order, element=self.element(name)
        )
        whole = replace(whole, border=self.layouts.border(name))
        self._bordered[whole.buffer] = (whole, halo)
        offset = top * whole.strides[2] + left * whole.strides[3]
        return replace(whole, offset=offset, shape=shape, halo=halo)

    def _border(self, buffer: int) -> list[Elementwise]:
        if buffer not in self._bordered:
            return []
        whole, halo = self._bordered[buffer]
        return border_kernels(whole, halo, whole.border)

    # --- padding --------------------------------------------------------------------------------------------------

    def padded(self, view: View, pads: Pads, value: float, draft: Draft) -> View:
        """The image with a border of `value`: in place where the halo suffices, else a copy."""
        if pads == NO_HALO:
            return view
        if value == view.border and all(have >= need for have, need in zip(view.halo, pads, strict=True)):
            return view.bordered(pads)
        top, left, bottom, right = pads
        shape = (*view.shape[:2], view.shape[2] + top + bottom, view.shape[3] + left + right)
        order = sorted(range(4), key=lambda axis: (-view.strides[axis] * (view.shape[axis] > 1), axis))
        whole = self.scratch(shape, order, view.element)
        draft.kernels.extend(border_kernels(whole, pads, value))
        inside = replace(whole, offset=top * whole.strides[2] + left * whole.strides[3], shape=view.shape)
        draft.kernels.append(copy_kernel(view, inside))
        return whole


def border_kernels(whole: View, pads: Pads, value: float) -> list[Elementwise]:
    """Fill the border of an image: what is contiguous with one loop."""
    top, left, bottom, right = pads
    height, width = whole.shape[2:]
    edges = [
        (0, 0, top, width), (height - bottom, 0, bottom, width),
        (top, 0, height - top - bottom, left), (top, width - right, height - top - bottom, right),
    ]  # fmt: skip
    kernels = []
    for row, column, rows, columns in edges:
        if rows and columns:
            offset = whole.offset + row * whole.strides[2] + column * whole.strides[3]
            part = replace(whole, offset=offset, shape=(*whole.shape[:2], rows, columns))
            kernels.append(elementwise_kernel("fill", [], part, value=value))
    return kernels


def copy_kernel(source: View, target: View) -> Elementwise:
    """Copy a view to another of the same shape."""
    return elementwise_kernel("copy", [source], target)


def elementwise_kernel(
    operation: str, inputs: Sequence[View], target: View, finish: Finish = Finish(), value: float = 0.0,
    parameters: Sequence[float] = (),
) -> Elementwise:  # fmt: skip
    """An elementwise kernel over views that broadcast to the target's shape."""
    views = {f"x{place}": view.broadcast(target.shape) for place, view in enumerate(inputs)}
    operands = {name: start_of(view) for name, view in views.items()} | finish.operands | {"y": start_of(target)}
    if operation in _MOVING and not finish.epilogue.steps and all(view.element == target.element for view in inputs):
        operands = {name: replace(o, element=o.element.uncomputed) for name, o in operands.items()}
    elif _needs_single(operation, finish.epilogue, operands):
        operands = in_single(operands)
    dims = [
        axis_dim(
            size,
            y=target.strides[axis],
            **{name: view.strides[axis] for name, view in views.items()},
            **finish.strides(axis),
        )  # fmt: skip
        for axis, size in enumerate(target.shape)
    ]
    dims.sort(key=lambda dim: -abs(dim.stride("y")))
    merged = merge_dims(dims) or [Dim(1, {})]
    vector = max(merged, key=lambda dim: _vector_score(dim, operands))
    loops = tuple(dim for dim in merged if dim is not vector)
    lmul = min(OPERATIONS[operation].lmul, finish.epilogue.lmul) if inputs else 8
    return Elementwise(operation, len(inputs), operands, loops, vector, finish.epilogue, value, tuple(parameters), lmul)


_MOVING = ("copy", "fill")


def _needs_single(operation: str, epilogue: Epilogue, operands: dict[str, Operand]) -> bool:
    """Whether halves must be computed in single precision: for an operation's sake, or because there are both."""
    kinds = {operand.element.computed for operand in operands.values() if operand.element.is_float}
    is_right = operation == "fill" or is_right_in_half(operation) and epilogue.is_right_in_half
    return "half" in kinds and (len(kinds) > 1 or not is_right)


def _vector_score(dim: Dim, operands: dict[str, Operand]) -> float:
    """How good a dimension is for vectors: many elements, few strided accesses."""
    strided = sum(dim.stride(name) not in (0, operand.element.size_bytes) for name, operand in operands.items())
    return min(dim.count, 64) / (1 + 2 * strided)


__all__ = ["OPERATORS", "Buffer", "Draft", "Finish", "Lowering", "Operand", "View"]
