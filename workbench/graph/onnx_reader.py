"""Read ONNX files: checks before allocation, static shapes, constant folding, operators in canonical form.

Control flow and sequences are written out while constants are folded (`control_flow`). What is left out: those that only
the data resolve, and types other than those of `canonical.ALL_TYPES`; each ends in a sentence that names the node and its
operator.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.base.errors import InputError
from workbench.base.files import read_bytes
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.graph.canonical import ALL_TYPES, EVERY_TYPE, canonical_graph, is_supported
from workbench.graph.control_flow import label_of
from workbench.graph.fold import fold_constants
from workbench.graph.graph import Graph
from workbench.graph.half import narrowed, widened
from workbench.graph.inlining import define_operators, inline_functions
from workbench.graph.input_sizes import Sizes, fix_sizes, real_inputs
from workbench.graph.masked_stores import as_selections
from workbench.graph.quantised_form import CONTRIB, QuantisedForm
from workbench.graph.subgraphs import every_body, every_node, read_names

MOST_AXES = 32
_SIZED_BY_DATA = ("Compress", "NonMaxSuppression", "NonZero", "Unique")
_DOMAINS = ("", "ai.onnx")
CONTRIB_DOMAIN = "com.microsoft"
"""onnxruntime's own operators; some quantised ones are supported."""


def read_onnx(path: str | Path, limits: Limits = DEFAULT_LIMITS, sizes: Sizes | None = None) -> Graph:
    """The network in an ONNX file; external weights must lie in the file's folder. `sizes`: see `make_graph`."""
    path = Path(path)
    model = _parse(read_bytes(path, limits), str(path))
    _check_tensors(model, str(path), limits)
    _load_external(model, str(path), path, limits)
    return make_graph(model, path.stem, str(path), limits, sizes)


def parse_onnx(data: bytes, name: str, where: str, limits: Limits = DEFAULT_LIMITS, sizes: Sizes | None = None) -> Graph:
    """The network in serialized ONNX bytes without external weights; `where` names their origin in errors."""
    model = _parse(data, where)
    _check_tensors(model, where, limits)
    _load_external(model, where, None, limits)
    return make_graph(model, name, where, limits, sizes)


def make_graph(model: Any, name: str, where: str, limits: Limits = DEFAULT_LIMITS, sizes: Sizes | None = None) -> Graph:
    """The graph of an ONNX model in memory.

    `sizes` gives numbers to open dimensions: by the name that the model gives them, as ``input.axis``, or ``batch`` for the
    first dimension of every input. An open batch is 1 otherwise.
    """
    model = inline_functions(model, where, limits)
    _check_nodes(model, where)
    fix_sizes(model, where, sizes or {})
    serialized = model.SerializeToString()
    model = define_operators(model, where)
    shapes, constants, nodes = fold_constants(model, where, limits)
    opset = max((entry.version for entry in model.opset_import if entry.domain in _DOMAINS), default=1)
    inputs = tuple(value.name for value in real_inputs(model))
    outputs = tuple(value.name for value in model.graph.output)
    raw = as_selections(Graph(name, shapes, constants, tuple(nodes), inputs, outputs, serialized))
    single = widened(raw)
    _check_values(single, where, limits)
    return narrowed(canonical_graph(QuantisedForm(single).run(), opset, where), raw.tensors)


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
    if not _has_readable_names(model):
        raise InputError(where, "names that are not printable text", "readable names", "export it again")
    if not model.graph.node or not model.graph.output or not model.opset_import:
        raise InputError(where, "no operators, outputs or opset", "an ONNX model", "export it again")
    return model


def _has_readable_names(model: Any) -> bool:
    """Whether all names are printable text; protobuf hands damaged ones over as bytes."""
    graph = model.graph
    names = [entry.domain for entry in model.opset_import]
    for body in (graph, *every_body(graph.node)):
        names += [value.name for value in (*body.input, *body.output, *body.value_info, *body.initializer)]
    for node in every_node(graph.node):
        names += [node.name, node.op_type, node.domain, *node.input, *node.output, *(a.name for a in node.attribute)]
    return all(isinstance(name, str) and name.isprintable() for name in names)


def _tensors(model: Any) -> Iterator[Any]:
    """All constants: initializers and those in attributes."""
    yield from model.graph.initializer
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        for body in every_body(nodes):
            yield from body.initializer
        for node in every_node(nodes):
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors


def _check_tensors(model: Any, where: str, limits: Limits) -> None:
    """Refuse tensors whose declared size is negative, above the limit or not that of their data."""
    for graph in (model.graph, *every_body(model.graph.node)):
        if not graph.sparse_initializer:
            continue
        name = graph.sparse_initializer[0].values.name
        raise InputError(f"{where}, tensor {name}", "a sparse constant", "a dense one", "export it without sparsity")
    for tensor in _tensors(model):
        _check_tensor(tensor, where, limits)


def _check_tensor(tensor: Any, where: str, limits: Limits) -> None:
    import onnx

    place = f"{where}, tensor {tensor.name or '(unnamed)'}"
    if any(size < 0 for size in tensor.dims):
        raise InputError(place, f"dimensions {list(tensor.dims)}", "sizes of 0 or more", "export it again")
    try:
        width = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, ValueError, TypeError):
        raise InputError(place, f"element type {tensor.data_type}", "a type of ONNX", "export it again") from None
    if len(tensor.dims) > MOST_AXES:
        raise InputError(place, f"{len(tensor.dims)} dimensions", f"at most {MOST_AXES}", "export it again")
    elements = math.prod(tensor.dims)
    limits.check(place, "tensor_bytes", elements * width)
    if tensor.HasField("raw_data") and len(tensor.raw_data) != elements * width and width > 1:
        found = f"{len(tensor.raw_data):,} bytes of data"
        raise InputError(place, found, f"{elements * width:,} for dimensions {list(tensor.dims)}", "export it again")


def _load_external(model: Any, where: str, path: Path | None, limits: Limits) -> None:
    """Read tensors that are stored outside the file, from its folder only; without a file there are none."""
    import onnx
    from onnx.external_data_helper import load_external_data_for_tensor, uses_external_data

    for tensor in _tensors(model):
        if not uses_external_data(tensor):
            continue
        entries = {entry.key: entry.value for entry in tensor.external_data}
        place = f"{where}, tensor {tensor.name or '(unnamed)'}"
        if path is None:
            raise InputError(place, "external data", "the tensor's bytes in the model", "export it as one file")
        folder = path.resolve().parent
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


def _check_nodes(model: Any, where: str) -> None:
    """Refuse foreign operators, and put the nodes into an order in which they can run."""
    import onnx

    graph = model.graph
    for index, node in enumerate(every_node(graph.node)):
        place = f"{where}, node {label_of(node, index)}"
        if node.domain == CONTRIB_DOMAIN and node.op_type in CONTRIB:
            continue
        if node.domain not in _DOMAINS:
            found = f"operator {node.op_type} of domain {node.domain!r}"
            raise InputError(place, found, "an operator of the ONNX standard", "export it with standard operators")
        if not onnx.defs.has(node.op_type):
            found = f"the unknown operator {node.op_type}"
            raise InputError(place, found, "an operator of the ONNX standard", "export it with standard operators")
    _sort_nodes(graph, where)


def _sort_nodes(graph: Any, where: str) -> None:
    """Put nodes into an order in which they can run; InputError for cycles, missing and double producers."""
    known = {""} | {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
    known |= {tensor.values.name for tensor in graph.sparse_initializer}
    produced = Counter(name for node in graph.node for name in node.output if name)
    twice = next((name for name, count in produced.items() if count > 1 or name in known), None)
    if twice is not None:
        raise InputError(f"{where}, tensor {twice}", "more than one producer", "one", "export it again")
    readers: dict[str, list[int]] = defaultdict(list)
    missing = []
    for index, node in enumerate(graph.node):
        names = read_names(node) - known
        missing.append(len(names))
        for name in names:
            readers[name].append(index)
    ready, ordered = deque(index for index, count in enumerate(missing) if count == 0), []
    while ready:
        index = ready.popleft()
        ordered.append(index)
        for name in filter(None, graph.node[index].output):
            for reader in readers[name]:
                missing[reader] -= 1
                if missing[reader] == 0:
                    ready.append(reader)
    _check_order(graph, where, known, set(produced), set(ordered))
    copies = [type(graph.node[index]).FromString(graph.node[index].SerializeToString()) for index in ordered]
    del graph.node[:]
    graph.node.extend(copies)


def _check_order(graph: Any, where: str, known: set[str], produced: set[str], ordered: set[int]) -> None:
    """Refuse nodes that never became ready, and outputs that nothing makes."""
    known = known | {name for index in ordered for name in graph.node[index].output}
    for index, node in enumerate(graph.node):
        if index not in ordered:
            missing = next(name for name in (*node.input, *sorted(read_names(node))) if name not in known)
            what = "a cycle" if missing in produced else "no producer"
            place = f"{where}, node {label_of(node, index)}"
            raise InputError(place, f"{what} behind input {missing!r}", "operators in a sequence", "export it again")
    absent = [value.name for value in graph.output if value.name not in known]
    if absent:
        raise InputError(f"{where}, output {absent[0]}", "no producer", "an operator that makes it", "export it again")


def _check_values(graph: Graph, where: str, limits: Limits) -> None:
    for name in graph.inputs:
        tensor = graph.tensors[name]
        if tensor.dtype not in ALL_TYPES:
            raise InputError(
                f"{where}, input {name}", f"elements of type {tensor.dtype}", EVERY_TYPE,
                "export a float32 network",
            )  # fmt: skip
        if len(tensor.shape) > MOST_AXES:
            found = f"{len(tensor.shape)} dimensions"
            raise InputError(f"{where}, input {name}", found, f"at most {MOST_AXES}", "export it again")
        limits.check(f"{where}, input {name}", "tensor_bytes", math.prod(tensor.shape) * 4)
    for node in graph.nodes:
        for name in filter(None, node.outputs):
            output = graph.tensors.get(name)
            place = f"{where}, node {node.name} ({node.operator})"
            if output is None or any(size < 0 for size in output.shape):
                if node.operator in _SIZED_BY_DATA:
                    found = f"operator {node.operator}, whose result has as many elements as its data say"
                    raise InputError(place, found, "results of fixed sizes", "use a mask, or end the network before it")
                if name == node.outputs[0] and is_supported(node.operator):
                    raise InputError(place, "an output of unknown size", "fixed sizes", "export it with fixed sizes")
            else:
                limits.check(place, "tensor_bytes", math.prod(output.shape) * 4)
