"""Fully connected layers and matrix products."""

from __future__ import annotations

import math
from dataclasses import replace

from workbench.compiler.kernels.nest import Operand, axis_dim, start_of, summed_as
from workbench.compiler.lowering import OPERATORS, Draft, Lowering
from workbench.compiler.operators.matrix_tiles import matrix_choices
from workbench.compiler.operators.panels import panel_choices
from workbench.compiler.products import factors_of
from workbench.compiler.schedule import Product, contraction_choices, packed_choices
from workbench.compiler.views import View
from workbench.graph.graph import Node


@OPERATORS.register("Gemm")
def lower_gemm(lowering: Lowering, node: Node, draft: Draft) -> None:
    """Constant weights K x N; all axes of the input but the last count as rows."""
    weights, bias = (lowering.graph.constants[name] for name in node.inputs[1:3])
    x, b = lowering.read(node.inputs[0]), lowering.read(node.inputs[2])
    finish, y = lowering.finish_of(node, draft), lowering.write(node.outputs[0], draft)
    factors = factors_of(x, weights, weights[None])
    operands = {"x": factors.of(start_of(x)), "w": Operand(-1, 0, factors.w), "bias": start_of(b), "y": start_of(y)}
    operands = summed_as(operands | finish.operands, node.attributes.get("sums"))
    width = factors.w.size_bytes
    rows = [
        axis_dim(size, x=x.strides[axis], y=y.strides[axis], **finish.strides(axis))
        for axis, size in enumerate(y.shape[:-1])
    ]
    reduce = [axis_dim(x.shape[-1], x=x.strides[-1], w=width * weights.shape[1])]
    columns = axis_dim(y.shape[-1], w=width, bias=b.step, y=y.strides[-1], **finish.strides(-1))
    product = Product(operands, rows, reduce, columns, finish.epilogue, products=factors.products)
    direct = packed_choices(lowering.target, product, weights[None], lowering.packed)
    draft.plan(lowering.planner, [*direct, *matrix_choices(lowering, product, weights[None])])
    draft.macs += math.prod(y.shape) * x.shape[-1]
    draft.weight_bytes += weights.nbytes + bias.nbytes


@OPERATORS.register("MatMul")
def lower_matmul(lowering: Lowering, node: Node, draft: Draft) -> None:
    """Two computed operands; leading axes broadcast."""
    a, b = lowering.read(node.inputs[0]), lowering.read(node.inputs[1])
    finish, y = lowering.finish_of(node, draft), lowering.write(node.outputs[0], draft)
    lead = y.shape[:-2]
    left, right = _spread(a, lead), _spread(b, lead)
    batches = [
        axis_dim(size, x=left.strides[axis], w=right.strides[axis], y=y.strides[axis], **finish.strides(axis))
        for axis, size in enumerate(lead)
    ]
    rows = axis_dim(y.shape[-2], x=a.strides[-2], y=y.strides[-2], **finish.strides(-2))
    reduce = [axis_dim(a.shape[-1], x=a.strides[-1], w=b.strides[-2])]
    columns = axis_dim(y.shape[-1], w=b.strides[-1], y=y.strides[-1], **finish.strides(-1))
    factors = factors_of(a, b)
    operands = {"x": factors.of(start_of(a)), "w": replace(start_of(b), element=factors.w), "y": start_of(y)}
    operands = summed_as(operands | finish.operands, node.attributes.get("sums"))
    apart = lowering.target.renames_vectors and not lowering.target.engine_entries  # else the chain of three shows
    products = min(factors.products, a.shape[-1]) if apart else 1
    product = Product(operands, [rows], reduce, columns, finish.epilogue, batches=batches, products=products)
    draft.plan(lowering.planner, [*contraction_choices(lowering.target, product), *panel_choices(lowering, product)])
    draft.macs += math.prod(y.shape) * a.shape[-1]


def _spread(view: View, lead: tuple[int, ...]) -> View:
    return view.broadcast((*lead, *view.shape[-2:]))
