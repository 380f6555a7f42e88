"""Where threads wait for each other: between kernels of which one writes what another one reads or writes.

Layers share working memory, so kernels of different layers are kept apart, unless thread 0 alone runs both. Within a layer
buffers are compared, and the places of results written to the same one (borders, parts of a Concat, panels of filters).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from workbench.compiler.kernels.contraction import Contraction
from workbench.compiler.kernels.elementwise import Elementwise
from workbench.compiler.kernels.pieces import Pieces
from workbench.compiler.kernels.reduction import Arg, Cumulative, Reduction
from workbench.compiler.kernels.softmax import Softmax
from workbench.compiler.kernels.staged import Staged
from workbench.compiler.kernels.threads import is_shared
from workbench.compiler.kernels.window import Window
from workbench.compiler.shares import all_dims

_PLACED = (Arg, Contraction, Cumulative, Elementwise, Pieces, Reduction, Softmax, Window)
"""Kernels that write elements at the places that their dimensions say, and nothing else."""


def plan_waits(layers: Sequence[Sequence[Any]]) -> list[frozenset[int]]:
    """For every layer the numbers of the kernels before which threads wait; the number of its kernels stands for its end.

    A wait between two layers is at the end of the first.
    """
    waits: list[set[int]] = [set() for _ in layers]
    running: list[tuple[int, Any]] = []  # kernels since all threads waited, with their layers
    for number, kernels in enumerate(layers):
        for place, kernel in enumerate(kernels):
            if any(_must_wait(before, kernel, layer == number) for layer, before in running):
                is_later = place == 0
                waits[number - is_later].add(len(layers[number - 1]) if is_later else place)
                running.clear()
            running.append((number, kernel))
    if any(runs_shared(kernel) for _, kernel in running):
        waits[-1].add(len(layers[-1]))
    return [frozenset(places) for places in waits]


def plan_stage_waits(stages: Sequence[Any]) -> frozenset[int]:
    """The numbers of the stages before which threads wait, where all stages run again and again; their count for the end."""
    waits: set[int] = set()
    running: list[Any] = []
    for number, stage in enumerate((*stages, *stages)):
        if any(_must_wait(before, stage, True) for before in running):
            waits.add(number if number <= len(stages) else number - len(stages))
            running.clear()
        running.append(stage)
    return frozenset(waits)


def runs_shared(kernel: Any) -> bool:
    """Whether all threads run a kernel."""
    return kernel.is_shared if isinstance(kernel, Staged) else is_shared(kernel)


def _must_wait(before: Any, after: Any, in_one_layer: bool) -> bool:
    if not runs_shared(before) and not runs_shared(after):
        return False
    return not in_one_layer or _conflict(before, after)


def _conflict(before: Any, after: Any) -> bool:
    first, second = _buffers(before), _buffers(after)
    if first["y"] & second["x"] or first["x"] & second["y"]:
        return True
    return bool(first["y"] & second["y"]) and not _writes_apart(before, after)


def _buffers(kernel: Any) -> dict[str, set[int]]:
    """Buffers that a kernel reads (``x``) and writes (``y``)."""
    if isinstance(kernel, Staged):
        parts = [_buffers(stage) for stage in kernel.stages]
        return {side: set().union(*(part[side] for part in parts)) for side in ("x", "y")}
    read = {operand.buffer for name, operand in kernel.operands.items() if name != "y"}
    written = kernel.operands["y"].buffer
    reads_result = not isinstance(kernel, _PLACED)
    return {"x": read | {written} if reads_result else read, "y": {written}}


def _writes_apart(before: Any, after: Any) -> bool:
    """Whether two kernels surely write different places of their common buffer: their places modulo a common step differ."""
    if not isinstance(before, _PLACED) or not isinstance(after, _PLACED):
        return False
    steps = {abs(dim.stride("y")) for kernel in (before, after) for dim in _written(kernel)}
    whole = 1 + max(_interval(before)[1], _interval(after)[1])
    return any(_are_apart(before, after, step) for step in (whole, *steps))


def _are_apart(before: Any, after: Any, step: int) -> bool:
    places = []
    for kernel in (before, after):
        first, last = _interval(kernel, step)
        if first // step != last // step:
            return False
        places.append((first % step, last % step))
    return places[0][1] < places[1][0] or places[1][1] < places[0][0]


def _interval(kernel: Any, step: int = 0) -> tuple[int, int]:
    """First and last byte that a kernel writes, dimensions that move on by multiples of `step` left out."""
    first = last = kernel.operands["y"].offset
    for dim in _written(kernel):
        if not step or dim.stride("y") % step:
            far = (dim.count - 1) * dim.stride("y")
            first, last = first + min(far, 0), last + max(far, 0)
    return first, last + kernel.operands["y"].element.size_bytes - 1


def _written(kernel: Any) -> Iterator[Any]:
    return (dim for dims in all_dims(kernel).values() for dim in dims if dim.stride("y") and dim.count > 1)
