"""Canonical forms of operators that combine elements along axes: `Reduce`, `Arg`, `CumSum`, and Softmax with its kin."""

from __future__ import annotations

import math

import numpy as np

from workbench.graph.canonical import NUMBERS, Canonical, rule
from workbench.graph.graph import Node

_COMBINED = {  # how elements are combined, and what is done to each before
    "ReduceSum": ("add", "copy"), "ReduceMean": ("add", "copy"), "ReduceMax": ("max", "copy"), "ReduceMin": ("min", "copy"),
    "ReduceProd": ("mul", "copy"), "ReduceSumSquare": ("add", "square"), "ReduceL1": ("add", "Abs"),
    "ReduceL2": ("add", "square"), "ReduceLogSum": ("add", "copy"), "ReduceLogSumExp": ("add", "copy"),
}  # fmt: skip
_OF_NOTHING = {"ReduceProd": 1.0, "ReduceMax": -math.inf, "ReduceMin": math.inf, "ReduceMean": math.nan,
               "ReduceLogSum": -math.inf, "ReduceLogSumExp": -math.inf}  # fmt: skip


def emit_reduce(
    work: Canonical, node: Node, source: str, axes: list[int], combine: str = "add", before: str = "copy",
    factor: float = 1.0, final: bool | str = False, flat: bool = False,
) -> str:  # fmt: skip
    """Combine along axes; they stay with size 1 unless `flat` or the output has another shape."""
    shape = work.shape(source)
    out = [1 if axis in axes else size for axis, size in enumerate(shape)]
    if final:
        out = list(work.shape(final if isinstance(final, str) else node.outputs[0]))
    elif flat:
        out = [size for axis, size in enumerate(shape) if axis not in axes]
    return work.emit("Reduce", node, [source], out, final, combine=combine, before=before, axes=tuple(axes), factor=factor)


@rule(*_COMBINED, types=(*NUMBERS, "bool"))
def reduce(work: Canonical, node: Node) -> None:
    """Sums, means, products, extremes and norms over axes."""
    operator, source = node.operator, node.inputs[0]
    shape = work.shape(source)
    axes = work.axes(node, 1, len(shape))
    if _names_no_axes(work, node):
        axes = [] if node.attributes.get("noop_with_empty_axes", 0) else list(range(len(shape)))
    if 0 in shape:
        value = _OF_NOTHING.get(operator, 0.0)
        dtype = work.dtype(node.outputs[0])
        if dtype != "float32":
            limits = np.iinfo(np.int32)
            value = {math.inf: limits.max, -math.inf: 0 if dtype == "bool" else limits.min}.get(value, value)
        work.set_constant(node.outputs[0], np.full(work.shape(node.outputs[0]), value, dtype))
        return
    combine, before = _COMBINED[operator]
    if operator == "ReduceLogSumExp":
        _log_sum_exp(work, node, source, axes)
        return
    factor = 1.0 / math.prod(shape[axis] for axis in axes) if operator == "ReduceMean" else 1.0
    after = {"ReduceL2": "Sqrt", "ReduceLogSum": "Log"}.get(operator)
    if work.dtype(source) != "float32" and (after or operator == "ReduceMean"):
        raise work.error(f"{operator} of {work.dtype(source)}", "float32", "insert a Cast")
    if after is None:
        emit_reduce(work, node, source, axes, combine, before, factor, final=True)
        return
    total = emit_reduce(work, node, source, axes, combine, before)
    _finish(work, node, work.emit(after, node, [total], final=False))


def _names_no_axes(work: Canonical, node: Node) -> bool:
    if "axes" in node.attributes:
        return len(node.attributes["axes"]) == 0
    axes = work.constant(node, 1, "axes")
    return axes is None or axes.size == 0


def _finish(work: Canonical, node: Node, value: str) -> None:
    """Give a value the output's shape and name."""
    work.emit("Reshape", node, [value], work.shape(node.outputs[0]))


def _log_sum_exp(work: Canonical, node: Node, source: str, axes: list[int]) -> None:
    """The largest element is taken out first, so that nothing overflows."""
    largest = emit_reduce(work, node, source, axes, "max")
    rest = work.emit("Sub", node, [source, largest], final=False)
    powers = work.emit("Exp", node, [rest], final=False)
    total = work.emit("Log", node, [emit_reduce(work, node, powers, axes)], final=False)
    _finish(work, node, work.emit("Add", node, [total, largest], final=False))


@rule("GlobalLpPool")
def global_lp_pool(work: Canonical, node: Node) -> None:
    """The p-norm of every channel."""
    source, p = node.inputs[0], float(node.attributes.get("p", 2))
    axes = list(range(2, len(work.shape(source))))
    if p in (1.0, 2.0):
        total = emit_reduce(work, node, source, axes, before="Abs" if p == 1.0 else "square", final=p == 1.0)
        if p == 2.0:
            work.emit("Sqrt", node, [total])
        return
    size = work.emit("Abs", node, [source], final=False)
    powers = work.emit("Pow", node, [size, work.add_constant(node, np.array(p))], final=False)
    total = emit_reduce(work, node, powers, axes)
    work.emit("Pow", node, [total, work.add_constant(node, np.array(1.0 / p))])


@rule("ArgMax", "ArgMin", types=NUMBERS)
def arg(work: Canonical, node: Node) -> None:
    """The place of the first or last extreme along an axis."""
    axis = int(node.attributes.get("axis", 0)) % len(work.shape(node.inputs[0]))
    work.emit(
        "Arg", node, node.inputs, work.shape(node.outputs[0]), axis=axis, largest=node.operator == "ArgMax",
        last=bool(node.attributes.get("select_last_index", 0)),
    )  # fmt: skip


@rule("TopK", types=NUMBERS)
def top_k(work: Canonical, node: Node) -> None:
    """The places of the best elements along an axis, and what lies there."""
    source, shape = node.inputs[0], list(work.shape(node.inputs[0]))
    axis, given = int(node.attributes.get("axis", -1)) % len(shape), node.attributes.get("k")
    if given is None:
        counts = work.constant(node, 1, "k")
        assert counts is not None
        given = counts.ravel()[0]
    count = int(given)
    if not 0 < count <= shape[axis]:
        raise work.error(f"TopK of {count} of {shape[axis]} elements", f"1 to {shape[axis]}", "export it again")
    shape[axis] = count
    values, places = (*node.outputs, "")[:2]
    largest = bool(node.attributes.get("largest", 1))
    found = work.emit("Largest", node, [source], shape, places or False, "int64", axis=axis, largest=largest)
    if values:
        work.emit("GatherElements", node, (source, found), shape, values, work.dtype(source), axis=axis)


@rule("CumSum", "CumProd", types=NUMBERS)
def cumulative(work: Canonical, node: Node) -> None:
    """Running sums or products along a constant axis."""
    shape, axis_of = work.shape(node.inputs[0]), work.constant(node, 1, "axis")
    assert axis_of is not None
    work.emit(
        "Cumulative", node, node.inputs[:1], axis=int(axis_of.ravel()[0]) % len(shape),
        combine="add" if node.operator == "CumSum" else "mul", exclusive=bool(node.attributes.get("exclusive", 0)),
        reverse=bool(node.attributes.get("reverse", 0)),
    )  # fmt: skip


@rule("Softmax", "LogSoftmax", "Hardmax")
def softmax(work: Canonical, node: Node) -> None:
    """One axis; before opset 13 all axes from `axis` on count as one."""
    shape, source = work.shape(node.inputs[0]), node.inputs[0]
    axis = int(node.attributes.get("axis", 1 if work.opset < 13 else -1)) % len(shape)
    if work.opset >= 13 or axis == len(shape) - 1:
        _emit_softmax(work, node, source, axis, final=True)
        return
    rows = work.emit("Reshape", node, [source], (math.prod(shape[:axis]), math.prod(shape[axis:])), final=False)
    work.emit("Reshape", node, [_emit_softmax(work, node, rows, 1, final=False)], shape)


def _emit_softmax(work: Canonical, node: Node, source: str, axis: int, final: bool) -> str:
    if node.operator == "Softmax":
        return work.emit("Softmax", node, [source], final=final, axis=axis)
    if node.operator == "LogSoftmax":
        rest = work.emit("Sub", node, [source, emit_reduce(work, node, source, [axis], "max")], final=False)
        powers = work.emit("Exp", node, [rest], final=False)
        total = work.emit("Log", node, [emit_reduce(work, node, powers, [axis])], final=False)
        return work.emit("Sub", node, [rest, total], final=final)
    shape = list(work.shape(source))
    kept = [1 if place == axis else size for place, size in enumerate(shape)]
    best = work.emit("Arg", node, [source], kept, False, "int64", axis=axis, largest=True, last=False)
    hit = work.emit("Equal", node, [best, index_constant(work, node, shape, axis)], shape, False, "bool")
    return work.emit("to_float", node, [hit], final=final, dtype="float32")


def index_constant(work: Canonical, node: Node, shape: list[int], axis: int) -> str:
    """0, 1, 2, ... along an axis, of size 1 elsewhere."""
    sizes = [size if place == axis else 1 for place, size in enumerate(shape)]
    return work.add_constant(node, np.arange(shape[axis]).reshape(sizes))
