"""Half precision: networks that come in it, and networks of single precision that are put into it.

A network in float16 is brought into canonical operators as if it were in float32; its tensors get their type back
afterwards, so that no operator's rule has to know of it. Values between the parts of one ONNX operator have that
operator's type. A network in float32 keeps the types of its inputs and outputs: a copy at each converts.

Double precision inside a network, as exporters write it around IsInf, is computed in single precision.

Numbers beyond the range of half precision, like the lowest float that stands for minus infinity in masks, become infinite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from workbench.graph.graph import Graph, Node, Tensor

HALF, SINGLE, DOUBLE = "float16", "float32", "float64"
_SUMMING = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def widened(graph: Graph) -> Graph:
    """The network with float32 in place of float16, whose constants are exact, and of float64 inside."""
    ends = {*graph.inputs, *graph.outputs}
    others = {
        name for name, tensor in graph.tensors.items() if tensor.dtype == HALF or tensor.dtype == DOUBLE and name not in ends
    }
    tensors = {name: replace(t, dtype=SINGLE) if name in others else t for name, t in graph.tensors.items()}
    with np.errstate(over="ignore"):
        constants = {name: array.astype(np.float32) if name in others else array for name, array in graph.constants.items()}
    nodes = tuple(_marked(node, graph) if node.operator in ("Cast", "CastLike", "BitCast") else node for node in graph.nodes)
    return replace(graph, tensors=tensors, constants=constants, nodes=nodes)


def _marked(node: Node, graph: Graph) -> Node:
    """A cast, marked where it goes from one floating type to another or takes the bits of halves."""
    types = {graph.tensors[name].dtype for name in (node.inputs[0], node.outputs[0])}
    is_bits = node.operator == "BitCast"
    is_marked = HALF in types and (is_bits or len(types) == 2 and types <= {HALF, SINGLE, DOUBLE})
    return replace(node, attributes={**node.attributes, "rounds": True}) if is_marked else node


def narrowed(graph: Graph, before: Mapping[str, Tensor]) -> Graph:
    """A canonical graph with float16 where the tensors `before` had it, and between the parts of what made those."""

    def is_half(name: str) -> bool:
        origin = before.get(name) or before.get(name.split("~")[0])
        return origin is not None and origin.dtype == HALF

    return _with_halves(graph, {name for name, tensor in graph.tensors.items() if tensor.dtype == SINGLE and is_half(name)})


def in_half_precision(graph: Graph, single_sums: bool = False) -> Graph:
    """A network of float32 in float16, weights included; inputs and outputs stay float32.

    Products are summed in half precision too, which is as fast as it gets and what ncnn and CSI-NN2 do; with `single_sums`
    in single precision, whose error does not grow with the number of products.
    """
    graph = summed_in_single(graph) if single_sums else graph
    names = {name for name, tensor in graph.tensors.items() if tensor.dtype == SINGLE}
    ends = names & {*graph.inputs, *graph.outputs}
    inner = {name: f"{name}~half" for name in graph.tensors if name in ends}
    tensors = dict(graph.tensors) | {half: replace(graph.tensors[name], name=half) for name, half in inner.items()}
    nodes = [_copy(name, inner[name], inner[name]) for name in graph.inputs if name in inner]
    for node in graph.nodes:
        inputs, outputs = (tuple(inner.get(name, name) for name in part) for part in (node.inputs, node.outputs))
        nodes.append(replace(node, inputs=inputs, outputs=outputs))
    nodes += [_copy(inner[name], name, name) for name in graph.outputs if name in inner]
    whole = replace(graph, name=f"{graph.name}_fp16", tensors=tensors, nodes=tuple(nodes))
    return _with_halves(whole, (names - ends) | {*inner.values()})


def summed_in_single(graph: Graph) -> Graph:
    """The same network, with the products of halves summed in single precision."""
    nodes = [
        replace(node, attributes={**node.attributes, "sums": SINGLE}) if node.operator in _SUMMING else node
        for node in graph.nodes
    ]
    return replace(graph, nodes=tuple(nodes), name=f"{graph.name}_single_sums")


def _copy(source: str, target: str, name: str) -> Node:
    return Node(f"convert_{name.split('~')[0]}", "copy", (source,), (target,))


def _with_halves(graph: Graph, names: set[str]) -> Graph:
    tensors = {name: replace(tensor, dtype=HALF) if name in names else tensor for name, tensor in graph.tensors.items()}
    constants = {name: _rounded(array) if name in names else array for name, array in graph.constants.items()}
    return replace(graph, tensors=tensors, constants=constants)


def _rounded(array: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return array.astype(np.float16)
