"""Canonical form of Einsum: diagonals, sums, transposed operands and matrix products, two operands at a time.

Labels that only one operand has and nobody wants later are summed at once; what both have is either kept (a batch of
products) or contracted by MatMul. Without a label to contract it is a product of elements. An axis of size 1 against a
longer one of the same label is dropped, which is what broadcasting means.

Source: ONNX operator specification, Einsum-12: letters, spaces, `...` for the axes without letters.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.graph.canonical import Canonical, rule
from workbench.graph.canonical_reductions import emit_reduce
from workbench.graph.graph import Node

_FORM = re.compile(r"[A-Za-z]*(\.\.\.)?[A-Za-z]*")


@dataclass(frozen=True)
class _Term:
    """An operand: a tensor whose axes have labels, each once."""

    name: str
    labels: tuple[str, ...]


@rule("Einsum")
def einsum(work: Canonical, node: Node) -> None:
    """Contract the operands from left to right."""
    terms, result = _parse(work, node)
    sizes: dict[str, int] = {}
    for name, labels in terms:
        for label, size in zip(labels, work.shape(name), strict=True):
            if sizes.setdefault(label, size) not in (size, 1) and size != 1:
                raise work.error(f"Einsum with sizes {sizes[label]} and {size} of {label}", "equal sizes", "export it again")
            sizes[label] = max(sizes[label], size)
    operands = [_unique(work, node, name, labels, sizes) for name, labels in terms]
    total = operands[0]
    for place, operand in enumerate(operands[1:], start=2):
        wanted = {*result, *(label for later in operands[place:] for label in later.labels)}
        total = _contract(work, node, total, operand, wanted)
    total = _summed(work, node, total, set(result))
    missing = [label for label in result if label not in total.labels]
    if missing:
        found = f"Einsum with {', '.join(missing)} in the result alone"
        raise work.error(found, "labels that an operand has", "export it again")
    final = _arranged(work, node, total, result)
    work.emit("Reshape", node, [final], work.shape(node.outputs[0]))


def _parse(work: Canonical, node: Node) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """Operands with their labels and the labels of the result; `...` becomes one label for each axis, from the back."""
    equation = str(node.attributes["equation"]).replace(" ", "")
    left, arrow, right = equation.partition("->")
    forms = left.split(",")
    names = [name for name in node.inputs if name]
    if len(forms) != len(names) or not all(_FORM.fullmatch(form) for form in (*forms, right)):
        raise work.error(
            f"Einsum equation '{equation}' for {len(names)} inputs", "one term for each input", "export it again"
        )
    terms, most = [], 0
    for name, form in zip(names, forms, strict=True):
        rank, letters = len(work.shape(name)), form.replace("...", "")
        extra = rank - len(letters) if "..." in form else 0
        if extra < 0 or len(letters) + extra != rank:
            raise work.error(f"Einsum term '{form}' for {rank} axes", "a letter for each axis", "export it again")
        most = max(most, extra)
        terms.append((name, _spelled(form, extra)))
    if arrow:
        return terms, _spelled(right, most)
    once = sorted(letter for letter in set(left) if letter.isalpha() and left.count(letter) == 1)
    return terms, [*_spelled("...", most), *once]


def _spelled(form: str, axes: int) -> list[str]:
    """Labels of a term; those of `...` are numbers counted from its last axis."""
    front, dots, back = form.partition("...")
    return [*front, *(str(axis) for axis in reversed(range(axes if dots else 0))), *back]


def _unique(work: Canonical, node: Node, name: str, labels: Sequence[str], sizes: dict[str, int]) -> _Term:
    """The operand without axes that are only broadcast, and with diagonals where a label stands twice."""
    shape = work.shape(name)
    kept = [place for place, label in enumerate(labels) if shape[place] == sizes[label]]
    term = _reshaped(work, node, _Term(name, tuple(labels[place] for place in kept)), [shape[place] for place in kept])
    while len(set(term.labels)) < len(term.labels):
        twice = next(label for label in term.labels if term.labels.count(label) > 1)
        first = term.labels.index(twice)
        second = term.labels.index(twice, first + 1)
        others = [place for place in range(len(term.labels)) if place not in (first, second)]
        order, size = [*others, first, second], sizes[twice]
        lead = [work.shape(term.name)[place] for place in others]
        value = _permuted(work, node, term.name, order)
        flat = work.reshaped(node, value, (*lead, size * size))
        starts, steps = (0,) * (len(lead) + 1), (*[1] * len(lead), size + 1)
        value = work.emit("Slice", node, [flat], (*lead, size), final=False, starts=starts, steps=steps)
        term = _Term(value, (*(term.labels[place] for place in others), twice))
    return term


def _contract(work: Canonical, node: Node, left: _Term, right: _Term, wanted: set[str]) -> _Term:
    """The product of two operands, summed over all labels that nobody wants."""
    left = _summed(work, node, left, {*wanted, *right.labels})
    right = _summed(work, node, right, {*wanted, *left.labels})
    sizes = dict(zip((*left.labels, *right.labels), (*work.shape(left.name), *work.shape(right.name)), strict=True))
    both = [label for label in left.labels if label in right.labels]
    batch, inner = [label for label in both if label in wanted], [label for label in both if label not in wanted]
    rows, columns = ([label for label in term.labels if label not in both] for term in (left, right))
    labels = (*batch, *rows, *columns)
    count, height, depth, width = (math.prod(sizes[label] for label in part) for part in (batch, rows, inner, columns))
    lead = (count,) if batch else ()
    a = work.reshaped(node, _arranged(work, node, left, (*batch, *rows, *inner)), (*lead, height, depth))
    b = work.reshaped(node, _arranged(work, node, right, (*batch, *inner, *columns)), (*lead, depth, width))
    if inner:
        product = _product(work, node, a, b, (*lead, height, width))
    else:
        product = work.emit("Mul", node, [a, b], (*lead, height, width), final=False)
    return _reshaped(work, node, _Term(product, labels), [sizes[label] for label in labels])


def _product(work: Canonical, node: Node, left: str, right: str, shape: tuple[int, ...]) -> str:
    """A matrix product; with constant weights a Gemm."""
    if right in work.constants and len(shape) == 2:
        bias = work.add_constant(node, np.zeros(shape[1], np.float32))
        return work.emit("Gemm", node, [left, right, bias], shape, final=False)
    return work.emit("MatMul", node, [left, right], shape, final=False)


def _summed(work: Canonical, node: Node, term: _Term, wanted: set[str]) -> _Term:
    """The operand summed over the labels that nobody wants."""
    axes = [axis for axis, label in enumerate(term.labels) if label not in wanted]
    if not axes:
        return term
    value = emit_reduce(work, node, term.name, axes, flat=True)
    return _Term(value, tuple(label for label in term.labels if label in wanted))


def _arranged(work: Canonical, node: Node, term: _Term, labels: Sequence[str]) -> str:
    """The operand with its axes in the order of labels."""
    return _permuted(work, node, term.name, [term.labels.index(label) for label in labels])


def _permuted(work: Canonical, node: Node, name: str, order: Sequence[int]) -> str:
    if list(order) == sorted(order):
        return name
    if name in work.constants:
        return work.add_constant(node, work.constants[name].transpose(order))
    shape = [work.shape(name)[axis] for axis in order]
    return work.emit("Transpose", node, [name], shape, final=False, perm=tuple(order))


def _reshaped(work: Canonical, node: Node, term: _Term, shape: Sequence[int]) -> _Term:
    return _Term(work.reshaped(node, term.name, tuple(shape)), term.labels)
