"""Functions that a model brings along, written out in place of their calls, in bounded size.

Operators of the standard that the standard itself defines by others (`DEFINED`) are written out too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.base.errors import InputError
from workbench.base.limits import Limits
from workbench.graph.subgraphs import every_node, written_out

_MOST_CALLS_DEEP = 100
DEFINED = (
    "AffineGrid", "Attention", "CausalConvWithState", "LinearAttention", "NegativeLogLikelihoodLoss", "RotaryEmbedding",
    "SoftmaxCrossEntropyLoss", "SwiGLU",
)  # fmt: skip
"""Operators without a rule of their own, which become those of the function in their definition."""


def define_operators(model: Any, where: str) -> Any:
    """The model with `DEFINED` operators written out, for the types and ranks that are inferred for their inputs."""
    import onnx.inliner

    names = {node.op_type for node in every_node(model.graph.node) if node.op_type in DEFINED and not node.domain}
    if not names:
        return model
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    for tensor in inferred.graph.initializer:
        value = onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
        inferred.graph.value_info.append(value)
    try:
        _fill_holes(inferred)
        return onnx.inliner.inline_selected_functions(
            inferred, [("", name) for name in DEFINED], inline_schema_functions=True
        )
    except (RuntimeError, ValueError, KeyError) as error:
        listed, is_unknown = ", ".join(sorted(names)), isinstance(error, KeyError) or "Type unknown" in str(error)
        found = f"{listed} with inputs of unknown type" if is_unknown else f"a misfit {listed}"
        raise InputError(where, found, "what the standard defines by other operators", "export it in parts") from None


def _fill_holes(model: Any) -> None:
    """Write out what leaves out an input before others, which onnx's own inlining refuses; KeyError for unknown types."""
    graph = model.graph
    opset = max((entry.version for entry in model.opset_import if not entry.domain), default=1)
    types = {value.name: value.type for value in (*graph.input, *graph.value_info, *graph.output)}
    nodes = []
    for index, node in enumerate(graph.node):
        if node.op_type in DEFINED and not node.domain and "" in node.input:
            nodes += _definition(node, index, opset, types)
        else:
            nodes.append(type(node).FromString(node.SerializeToString()))
    del graph.node[:]
    graph.node.extend(nodes)


def _definition(node: Any, index: int, opset: int, types: Mapping[str, Any]) -> list[Any]:
    """The nodes of an operator's definition, for the inputs that it has."""
    import onnx

    schema: Any = onnx.defs.get_schema(node.op_type, opset)
    given = [types[name].SerializeToString() if name else b"" for name in node.input]
    function = onnx.FunctionProto.FromString(schema.get_context_dependent_function(node.SerializeToString(), given))
    inputs = dict.fromkeys(function.input, "") | dict(zip(function.input, node.input, strict=False))
    values = [onnx.ValueInfoProto(name=name) for name in function.input]
    body = onnx.GraphProto(node=function.node, input=values)
    outputs = {name: own for name, own in zip(function.output, node.output, strict=False) if own}
    nodes, _ = written_out(body, inputs | outputs, node.name or f"{node.op_type}_{index}", f"~{index}")
    return nodes


def inline_functions(model: Any, where: str, limits: Limits) -> Any:
    """The model without functions of its own; InputError if they call each other in a circle or grow without bound."""
    if not model.functions:
        return model
    import onnx.inliner

    bodies = {(f.domain, f.name): list(every_node(f.node)) for f in model.functions}
    total = _count(list(every_node(model.graph.node)), bodies, {}, where, 0)
    limits.check(f"{where}, functions", "nodes", total)
    try:
        return onnx.inliner.inline_local_functions(model)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(
            f"{where}, functions", f"calls that do not fit ({reason})", "a valid model", "export it again"
        ) from None


def _count(nodes: list[Any], bodies: dict[Any, list[Any]], known: dict[Any, int], where: str, depth: int) -> int:
    """Nodes after all calls are written out."""
    total = 0
    for node in nodes:
        key = (node.domain, node.op_type)
        if key not in bodies:
            total += 1
            continue
        if key not in known:
            if depth >= min(len(bodies), _MOST_CALLS_DEEP):
                place = f"{where}, function {node.op_type}"
                raise InputError(place, "a call of itself", "functions in a sequence", "export it again")
            known[key] = _count(bodies[key], bodies, known, where, depth + 1)
        total += known[key]
    return total
