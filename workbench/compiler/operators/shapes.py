"""Operators that only move elements: views where possible, copies where the result must lie elsewhere."""

from __future__ import annotations

from dataclasses import replace

from workbench.compiler.ir.builder import LMULS
from workbench.compiler.kernels.interleave import Interleave
from workbench.compiler.kernels.nest import Dim, axis_dim, merge_dims, start_of
from workbench.compiler.lowering import OPERATORS, Draft, Lowering, border_kernels, copy_kernel
from workbench.compiler.views import NO_HALO, View
from workbench.graph.graph import Node
from workbench.isa.target import Target

_MOST_PAIRED = 4  # bytes of an element, for a pair to be one of at most 64 bits
_PAIRS_LMUL, _PAIRS_REGISTERS = 4, 28  # of pairs that do not fit into a vector; of all pairs and their elements


def _place(lowering: Lowering, node: Node, draft: Draft, view: View) -> None:
    """Name the view after the node's output, or copy it to where that output must lie."""
    name = node.outputs[0]
    if not lowering.is_placed_elsewhere(name):
        lowering.alias(name, view)
        return
    draft.kernels.append(copy_kernel(view, lowering.write(name, draft)))


@OPERATORS.register("Identity")
def lower_identity(lowering: Lowering, node: Node, draft: Draft) -> None:
    """The same view."""
    _place(lowering, node, draft, lowering.read(node.inputs[0]))


@OPERATORS.register("Reshape")
def lower_reshape(lowering: Lowering, node: Node, draft: Draft) -> None:
    """A view where the elements are evenly spaced, else a copy in the order of ONNX."""
    source, shape = lowering.read(node.inputs[0]), lowering.graph.shape(node.outputs[0])
    view = source.reshaped(shape)
    if view is not None:
        _place(lowering, node, draft, view)
        return
    target = lowering.write(node.outputs[0], draft)
    inside = target.reshaped(source.shape)
    if inside is None:  # the target has another order: bring the source into that of ONNX first
        whole = lowering.scratch(source.shape, element=source.element)
        draft.kernels.append(copy_kernel(source, whole))
        again = whole.reshaped(shape)
        assert again is not None
        draft.kernels.append(copy_kernel(again, target))
    else:
        draft.kernels.append(interleave_kernel(lowering.target, source, inside) or copy_kernel(source, inside))


def interleave_kernel(target: Target, source: View, result: View) -> Interleave | None:
    """A copy that joins neighbours of the result in registers; None where they do not come in pairs from two vectors."""
    size = result.element.size_bytes
    dims = [axis_dim(n, x0=x, y=y) for n, x, y in zip(result.shape, source.strides, result.strides, strict=True)]
    merged = merge_dims(sorted(dims, key=lambda dim: -abs(dim.stride("y"))))
    if len(merged) < 2:
        return None
    *outer, vector, pair = merged
    if pair.count != 2 or pair.stride("y") != size or size > _MOST_PAIRED:
        return None
    if (vector.stride("x0"), vector.stride("y")) != (size, 2 * size):
        return None
    *loops, block = outer or [Dim(1, {})]
    operands = {name: replace(start_of(v), element=v.element.uncomputed) for name, v in (("x0", source), ("y", result))}
    bits = 16 * size * vector.count
    lmul = next((lmul for lmul in LMULS if bits <= target.vlen_bits * lmul), _PAIRS_LMUL)
    return Interleave(operands, tuple(loops), block, vector, pair, lmul, min(block.count, _PAIRS_REGISTERS // (2 * lmul)))


@OPERATORS.register("Transpose")
def lower_transpose(lowering: Lowering, node: Node, draft: Draft) -> None:
    """The same elements with exchanged strides."""
    _place(lowering, node, draft, lowering.read(node.inputs[0]).transposed(node.attributes["perm"]))


@OPERATORS.register("Slice")
def lower_slice(lowering: Lowering, node: Node, draft: Draft) -> None:
    """A part of the source."""
    shape, given = lowering.graph.shape(node.outputs[0]), node.attributes
    _place(lowering, node, draft, lowering.read(node.inputs[0]).sliced(given["starts"], given["steps"], shape))


@OPERATORS.register("Expand")
def lower_expand(lowering: Lowering, node: Node, draft: Draft) -> None:
    """The same elements again and again, by strides of zero."""
    _place(lowering, node, draft, lowering.read(node.inputs[0]).broadcast(lowering.graph.shape(node.outputs[0])))


@OPERATORS.register("Concat")
def lower_concat(lowering: Lowering, node: Node, draft: Draft) -> None:
    """Copy what its producer could not write in place."""
    target = lowering.write(node.outputs[0], draft)
    axis, start = node.attributes["axis"], 0
    for name in node.inputs:
        shape = lowering.graph.shape(name)
        part = lowering.layouts.parts.get(name)
        if part is None or (part.parent, part.start) != (node.outputs[0], start):
            starts = [0] * len(shape)
            starts[axis] = start
            place = target.sliced(starts, [1] * len(shape), shape)
            draft.kernels.append(copy_kernel(lowering.read(name), place))
        start += shape[axis]


@OPERATORS.register("Pad")
def lower_pad(lowering: Lowering, node: Node, draft: Draft) -> None:
    """A copy into a filled result; where only the image is padded, its border alone is filled."""
    source, given = lowering.read(node.inputs[0]), node.attributes
    target = lowering.write(node.outputs[0], draft)
    low, high = given["low"], given["high"]
    inside = target.sliced(low, [1] * len(low), source.shape)
    if len(low) == 4 and not any((*low[:2], *high[:2])):
        draft.kernels.extend(border_kernels(target, (*low[2:], *high[2:]), given["value"]))  # type: ignore[arg-type]
    else:
        from workbench.compiler.lowering import elementwise_kernel

        draft.kernels.append(elementwise_kernel("fill", [], target, value=given["value"]))
    draft.kernels.append(copy_kernel(source, inside))


@OPERATORS.register("Resize")
def lower_resize(lowering: Lowering, node: Node, draft: Draft) -> None:
    """Every element repeated by a whole factor along each axis."""
    source, factors = lowering.read(node.inputs[0]), node.attributes["factors"]
    target = lowering.write(node.outputs[0], draft)
    shape, strides = source.enlarged(factors)
    repeated = replace(source, shape=shape, strides=strides, halo=NO_HALO)
    split = tuple(stride for own, factor in zip(target.strides, factors, strict=True) for stride in (own * factor, own))
    draft.kernels.append(copy_kernel(repeated, replace(target, shape=shape, strides=split, halo=NO_HALO)))
