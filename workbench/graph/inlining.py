"""Functions that a model brings along, written out in place of their calls, in bounded size.

Operators of the standard that the standard itself defines by others (`DEFINED`) are written out too.
"""

from __future__ import annotations

from typing import Any

from workbench.base.errors import InputError
from workbench.base.limits import Limits

_MOST_CALLS_DEEP = 100
DEFINED = ("Attention", "NegativeLogLikelihoodLoss", "RotaryEmbedding", "SoftmaxCrossEntropyLoss", "SwiGLU")
"""Operators without a rule of their own, which become those of the function in their definition."""


def define_operators(model: Any, where: str) -> Any:
    """The model with `DEFINED` operators written out, for the types and ranks that are inferred for their inputs."""
    import onnx.inliner

    if not any(node.op_type in DEFINED and not node.domain for node in model.graph.node):
        return model
    try:
        return onnx.inliner.inline_selected_functions(
            onnx.shape_inference.infer_shapes(model, data_prop=True),
            [("", name) for name in DEFINED], inline_schema_functions=True,
        )  # fmt: skip
    except (RuntimeError, ValueError) as error:
        names = ", ".join(sorted({node.op_type for node in model.graph.node if node.op_type in DEFINED}))
        found = f"{names} with inputs left out or of unknown type" if "Type unknown" in str(error) else f"a misfit {names}"
        raise InputError(where, found, "what the standard defines by other operators", "export it in parts") from None


def inline_functions(model: Any, where: str, limits: Limits) -> Any:
    """The model without functions of its own; InputError if they call each other in a circle or grow without bound."""
    if not model.functions:
        return model
    import onnx.inliner

    bodies = {(f.domain, f.name): list(f.node) for f in model.functions}
    total = _count(list(model.graph.node), bodies, {}, where, 0)
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
