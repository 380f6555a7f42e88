"""Read ONNX files: checks before allocation, static shapes, constant folding, operators in canonical form.

What is left out: control flow, sequences, quantised operators and types other than float32 between operators; each ends
in a sentence that names the node and its operator.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from workbench.base.errors import InputError
from workbench.base.files import read_bytes
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.graph.canonical import canonical_graph
from workbench.graph.fold import fold_constants
from workbench.graph.graph import Graph

_CONTROL_FLOW = ("If", "Loop", "Scan", "SequenceMap")
_DOMAINS = ("", "ai.onnx")


def read_onnx(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> Graph:
    """The network in an ONNX file; external weights must lie in the file's folder."""
    path = Path(path)
    model = _parse(read_bytes(path, limits), str(path))
    _check_tensors(model, str(path), limits)
    _load_external(model, path, limits)
    return make_graph(model, path.stem, str(path), limits)


def parse_onnx(data: bytes, name: str, where: str, limits: Limits = DEFAULT_LIMITS) -> Graph:
    """The network in serialized ONNX bytes without external weights; `where` names their origin in errors."""
    model = _parse(data, where)
    _check_tensors(model, where, limits)
    return make_graph(model, name, where, limits)


def make_graph(model: Any, name: str, where: str, limits: Limits = DEFAULT_LIMITS) -> Graph:
    """The graph of an ONNX model in memory."""
    _check_nodes(model, where)
    _fix_inputs(model, where)
    serialized = model.SerializeToString()
    shapes, constants, nodes = fold_constants(model, where, limits)
    opset = max((entry.version for entry in model.opset_import if entry.domain in _DOMAINS), default=1)
    inputs = tuple(value.name for value in _real_inputs(model))
    outputs = tuple(value.name for value in model.graph.output)
    raw = Graph(name, shapes, constants, tuple(nodes), inputs, outputs, serialized)
    _check_values(raw, where)
    return canonical_graph(raw, opset, where)


def content_hash(graph: Graph) -> str:
    """A hash of the model's bytes."""
    return hashlib.sha256(graph.model).hexdigest()


def _parse(data: bytes, where: str) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except (DecodeError, ValueError):
        raise InputError(where, "bytes that are not an ONNX model", "a complete ONNX file", "export it again") from None
    if not model.graph.node or not model.graph.output or not model.opset_import:
        raise InputError(where, "no operators, outputs or opset", "an ONNX model", "export it again")
    return model


def _check_tensors(model: Any, where: str, limits: Limits) -> None:
    """Refuse tensors whose declared size is negative, above the limit or not that of their data."""
    for tensor in model.graph.initializer:
        _check_tensor(tensor, where, limits)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                _check_tensor(attribute.t, where, limits)


def _check_tensor(tensor: Any, where: str, limits: Limits) -> None:
    import onnx

    place = f"{where}, tensor {tensor.name or '(unnamed)'}"
    if any(size < 0 for size in tensor.dims):
        raise InputError(place, f"dimensions {list(tensor.dims)}", "sizes of 0 or more", "export it again")
    try:
        width = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, ValueError, TypeError):
        raise InputError(place, f"element type {tensor.data_type}", "a type of ONNX", "export it again") from None
    elements = 1
    for size in tensor.dims:
        elements *= size
    limits.check(place, "tensor_bytes", elements * width)
    if tensor.HasField("raw_data") and len(tensor.raw_data) != elements * width and width > 1:
        found = f"{len(tensor.raw_data):,} bytes of data"
        raise InputError(place, found, f"{elements * width:,} for dimensions {list(tensor.dims)}", "export it again")


def _load_external(model: Any, path: Path, limits: Limits) -> None:
    """Read tensors that are stored outside the file, from its folder only."""
    import onnx
    from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data

    folder = path.resolve().parent
    for tensor in model.graph.initializer:
        if not uses_external_data(tensor):
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        place = f"{path}, tensor {tensor.name}"
        file = (folder / entries.get("location", "")).resolve()
        if not file.is_relative_to(folder) or file == folder:
            found = f"external data at {entries.get('location', '')!r}"
            raise InputError(place, found, "a file inside the model's folder", "move it there and export again")
        read_bytes(file, limits)
        try:
            load_external_data_for_tensor(tensor, str(folder))
        except (OSError, ValueError, onnx.checker.ValidationError):
            raise InputError(place, "unreadable external data", "the tensor's bytes", "export it again") from None
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def node_label(node: Any, index: int) -> str:
    """Name of a node for people: its own, or operator and position."""
    return str(node.name or f"{node.op_type}_{index}")


def _check_nodes(model: Any, where: str) -> None:
    """Refuse control flow and foreign operators, and put the nodes into an order in which they can run."""
    import onnx

    graph = model.graph
    for index, node in enumerate(graph.node):
        place = f"{where}, node {node_label(node, index)}"
        if node.op_type in _CONTROL_FLOW:
            raise InputError(place, f"control flow ({node.op_type})", "operators without branches", "export it unrolled")
        if node.domain not in _DOMAINS:
            found = f"operator {node.op_type} of domain {node.domain!r}"
            raise InputError(place, found, "an operator of the ONNX standard", "export it with standard operators")
        if not onnx.defs.has(node.op_type):
            found = f"the unknown operator {node.op_type}"
            raise InputError(place, found, "an operator of the ONNX standard", "export it with standard operators")
    _sort_nodes(graph, where)


def _sort_nodes(graph: Any, where: str) -> None:
    known = {""} | {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    known |= {tensor.values.name for tensor in graph.sparse_initializer}
    produced = [name for node in graph.node for name in node.output if name]
    if len(set(produced)) != len(produced) or known & set(produced):
        twice = next(n for n in produced if produced.count(n) > 1 or n in known)
        raise InputError(f"{where}, tensor {twice}", "more than one producer", "one", "export it again")
    waiting, ordered = list(enumerate(graph.node)), []
    while waiting:
        ready = [(i, node) for i, node in waiting if all(name in known for name in node.input)]
        if not ready:
            index, node = waiting[0]
            missing = next(name for name in node.input if name not in known)
            what = "a cycle" if missing in produced else "no producer"
            place = f"{where}, node {node_label(node, index)}"
            raise InputError(place, f"{what} behind input {missing!r}", "operators in a sequence", "export it again")
        for _, node in ready:
            known.update(node.output)
            ordered.append(node)
        done = {index for index, _ in ready}
        waiting = [(i, node) for i, node in waiting if i not in done]
    absent = [value.name for value in graph.output if value.name not in known]
    if absent:
        raise InputError(f"{where}, output {absent[0]}", "no producer", "an operator that makes it", "export it again")
    copies = [type(node).FromString(node.SerializeToString()) for node in ordered]
    del graph.node[:]
    graph.node.extend(copies)


def _real_inputs(model: Any) -> list[Any]:
    constants = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def _fix_inputs(model: Any, where: str) -> None:
    """Set an open batch size (first dimension) to 1 and forget the shapes that depended on it."""
    changed = False
    for value in _real_inputs(model):
        place = f"{where}, input {value.name}"
        if not value.type.HasField("tensor_type") or not value.type.tensor_type.HasField("shape"):
            raise InputError(place, "no tensor shape", "a tensor with a shape", "export it with fixed sizes")
        for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
            if dimension.dim_value > 0:
                continue
            if axis > 0:
                found = f"an open size ({dimension.dim_param or '?'}) of dimension {axis}"
                raise InputError(place, found, "a number", "export it with fixed sizes; only the batch may be open")
            dimension.dim_value, changed = 1, True
    if changed:
        del model.graph.value_info[:]
        for value in model.graph.output:
            value.type.tensor_type.ClearField("shape")


def _check_values(graph: Graph, where: str) -> None:
    for name in graph.inputs:
        if graph.tensors[name].dtype != "float32":
            raise InputError(
                f"{where}, input {name}", f"elements of type {graph.tensors[name].dtype}", "float32",
                "export a float32 network",
            )  # fmt: skip
    for node in graph.nodes:
        for name in node.outputs:
            tensor = graph.tensors.get(name)
            place = f"{where}, node {node.name} ({node.operator})"
            if tensor is None or any(size < 0 for size in tensor.shape):
                if name and node.operator != "Dropout":
                    raise InputError(place, "an output of unknown size", "fixed sizes", "export it with fixed sizes")
