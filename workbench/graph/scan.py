"""`Scan`, written out: one step for every element along the axes that are scanned.

Source: ONNX operator specification, Scan (opset 9 and later).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.graph.control_flow import ControlFlow, Numbered


@dataclass(frozen=True)
class _Form:
    """How a Scan reads and writes: number of values it keeps, axis and direction (backwards) of each input and result."""

    states: int
    inputs: list[tuple[str, int, bool]]
    results: list[tuple[int, bool]]
    length: int


def scan(flow: ControlFlow, index: int, node: Any) -> list[Numbered]:
    """The steps in place of a Scan; itself where a size is not known yet."""
    if flow.opset < 9:
        raise flow.error(node, index, "Scan over a batch (opset 8)", "the form of opset 9 or later", "export it so")
    body = flow.body(node, index, "body", len(node.input))
    form = _form(flow, index, node, len(body.output))
    if form is None:
        return [(index, node)]
    values, made = list(node.input[: form.states]), []
    handed_out: list[list[str]] = [[] for _ in form.results]
    names = [value.name for value in body.input]
    shared = flow.body_constants(body, {})
    for step in range(form.length):
        given = dict(zip(names, values, strict=False)) | shared
        for name, (source, along, is_turned) in zip(names[form.states :], form.inputs, strict=True):
            place = flow.constant("step", form.length - 1 - step if is_turned else step)
            given[name] = flow.fresh(source)
            made += flow.reduced([flow.make(index, "Gather", [source, place], given[name], node.name, axis=along)])
        nodes, results = flow.steps_of(node, index, body, given, step)
        made, values = made + nodes, results[: form.states]
        for parts, value in zip(handed_out, results[form.states :], strict=True):
            parts.append(value)
    made += flow.named(index, values, node)
    for output, (steps, (axis, is_backwards)) in enumerate(zip(handed_out, form.results, strict=True), form.states):
        made += flow.stacked(index, node, output, steps[:: -1 if is_backwards else 1], axis)
    return made


def _form(flow: ControlFlow, index: int, node: Any, outputs: int) -> _Form | None:
    """The attributes, checked against the inputs' shapes; None where one is not known."""
    numbers = {attribute.name: list(attribute.ints) for attribute in node.attribute}
    scanned = next((attribute.i for attribute in node.attribute if attribute.name == "num_scan_inputs"), 0)
    states = len(node.input) - scanned
    if not 0 < scanned <= len(node.input) or states > outputs or len(node.output) != outputs:
        found = f"Scan with {scanned} inputs to scan"
        raise flow.error(node, index, found, "as many as its body takes", "export it with opset 9 or later")
    sources, results = list(node.input[states:]), outputs - states
    shapes = [flow.shape(name) for name in sources]
    if any(-1 in shape for shape in shapes):
        return None
    in_axes, in_turned = (numbers.get(f"scan_input_{name}") or [0] * scanned for name in ("axes", "directions"))
    out_axes, out_turned = (numbers.get(f"scan_output_{name}") or [0] * results for name in ("axes", "directions"))
    axes = [axis % max(len(shape), 1) for axis, shape in zip(in_axes, shapes, strict=True)]
    lengths = {shape[axis] if shape else 1 for axis, shape in zip(axes, shapes, strict=True)}
    if len(lengths) != 1:
        raise flow.error(node, index, f"axes of lengths {sorted(lengths)} to scan", "one length", "export it again")
    inputs = list(zip(sources, axes, map(bool, in_turned), strict=True))
    return _Form(states, inputs, list(zip(out_axes, map(bool, out_turned), strict=True)), lengths.pop())
