"""Static shapes and constant folding: whatever depends only on constants and shapes becomes an array."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.base.limits import Limits
from workbench.graph.control_flow import CONTROL_FLOW, ControlFlow
from workbench.graph.graph import Node, Tensor
from workbench.graph.subgraphs import every_node

_FOLDABLE = frozenset(
    "Constant ConstantOfShape Shape Size Gather Concat Cast CastLike Unsqueeze Squeeze Reshape Slice Add Sub Mul Div Mod "
    "Neg Transpose Floor Ceil Round Sqrt Pow Identity Equal Where Expand Min Max Range Flatten Split ReduceProd ReduceSum "
    "ReduceMax ReduceMin ReduceMean And Or Xor Not Less LessOrEqual Greater GreaterOrEqual Tile Pad Trilu EyeLike OneHot "
    "Abs Sign Exp Log Sin Cos Erf Tanh Sigmoid Reciprocal Relu Clip GatherND GatherElements ScatterND CumSum ArgMax "
    "DepthToSpace SpaceToDepth MatMul Gemm IsNaN NonZero HannWindow HammingWindow BlackmanWindow".split()
)
Shape = tuple[int, ...]


def _matrix_shape(node: Any, shapes: list[Shape]) -> Shape:
    """Shape of com.microsoft's QGemm."""
    turned = {attribute.name: attribute.i for attribute in node.attribute}
    return shapes[0][:: -1 if turned.get("transA", 0) else 1][0], shapes[3][:: -1 if turned.get("transB", 0) else 1][1]


def _joined_shape(node: Any, shapes: list[Shape]) -> Shape:
    """Shape of com.microsoft's QLinearConcat: every third input from the third on is data."""
    parts, axis = shapes[2::3], next(attribute.i for attribute in node.attribute if attribute.name == "axis")
    shape = list(parts[0])
    shape[axis] = sum(part[axis] for part in parts)
    return tuple(shape)


def _pooled_shape(node: Any, shapes: list[Shape]) -> Shape:
    """Shape of com.microsoft's QLinearAveragePool."""
    import onnx

    given = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    kernel, size = list(given["kernel_shape"]), shapes[0][2:]
    strides, pads = (given.get(name, [value] * len(kernel) * times) for name, value, times in _WINDOW)
    if given.get("auto_pad", b"NOTSET").startswith(b"SAME"):
        return (*shapes[0][:2], *(-(-n // s) for n, s in zip(size, strides, strict=True)))
    pads = pads if given.get("auto_pad", b"NOTSET") == b"NOTSET" else [0] * len(pads)
    results = []
    for axis, (n, k, s) in enumerate(zip(size, kernel, strides, strict=True)):
        free = n + pads[axis] + pads[axis + len(kernel)] - k
        steps = -(-free // s) if given.get("ceil_mode", 0) else free // s
        results.append(steps + 1 - (given.get("ceil_mode", 0) and steps * s >= n + pads[axis]))
    return (*shapes[0][:2], *results)


_WINDOW = (("strides", 1, 1), ("pads", 0, 2))
_DATA_AT = {"QLinearConcat": 2}  # of the inputs, for the type of the result: the first but here
_OUTPUT_SHAPES: dict[str, Callable[[Any, list[Shape]], Shape]] = {  # where onnx infers none
    **dict.fromkeys(
        (
            "MeanVarianceNormalization LpNormalization LRN Mish Swish RMSNormalization GroupNormalization "
            "QLinearLeakyRelu QLinearSigmoid QLinearSoftmax"
        ).split(),
        lambda node, shapes: shapes[0],
    ),
    **dict.fromkeys(("QLinearAdd", "QLinearMul"), lambda node, shapes: np.broadcast_shapes(shapes[0], shapes[3])),
    "QLinearGlobalAveragePool": lambda node, shapes: (*shapes[0][:2], *(1,) * (len(shapes[0]) - 2)),
    "QGemm": _matrix_shape,
    "QLinearConcat": _joined_shape,
    "QLinearAveragePool": _pooled_shape,
}
_MOST_ROUNDS = 64
_MOST_SHAPE_ELEMENTS = 64


def fold_constants(model: Any, where: str, limits: Limits) -> tuple[dict[str, Tensor], dict[str, np.ndarray], list[Node]]:
    """All tensors with their shapes, all constants, and the nodes that remain."""
    import onnx

    constants = {tensor.name: _array(tensor, where) for tensor in model.graph.initializer}
    model.ir_version = max(model.ir_version, 8)  # before 4, constants had to be listed as inputs too
    _spell_out_halves(model)
    remaining = list(enumerate(model.graph.node))
    opset = max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=1)
    flow = ControlFlow(opset, where, constants, lambda node, i: _fold(node, i, flow.shapes, constants, where, limits))
    rounds = 0
    while rounds < _MOST_ROUNDS:
        flow.shapes, flow.has_progress = _infer(model, constants, where), False
        remaining = flow.reduced(remaining)
        if not flow.has_progress and not _complete(model, remaining, flow.shapes):
            if flow.is_late or not any(node.op_type in CONTROL_FLOW for _, node in remaining):
                break
            flow.is_late = True
        rounds += 1
        _replace_folded(model, remaining, constants, onnx)
    names = ([value.name for value in values] for values in (model.graph.input, model.graph.output))
    flow.check(remaining, *names)
    shapes = flow.shapes
    for name, array in constants.items():
        shapes[name] = Tensor(name, tuple(array.shape), array.dtype.name)
    return shapes, constants, [_node(node, index) for index, node in remaining]


def _spell_out_halves(model: Any) -> None:
    """Give every STFT its attribute `onesided`: shape inference takes one that is left out for 0, the standard for 1."""
    import onnx

    for node in every_node(model.graph.node):
        if node.op_type == "STFT" and all(attribute.name != "onesided" for attribute in node.attribute):
            node.attribute.append(onnx.helper.make_attribute("onesided", 1))


def _array(tensor: Any, where: str) -> np.ndarray:
    import onnx

    try:
        return onnx.numpy_helper.to_array(tensor)
    except (ValueError, TypeError):
        place = f"{where}, tensor {tensor.name}"
        raise InputError(place, "data of another size than its shape", "as many elements", "export it again") from None


def _infer(model: Any, constants: dict[str, np.ndarray], where: str) -> dict[str, Tensor]:
    import onnx

    try:
        inferred = onnx.shape_inference.infer_shapes(_without_weights(model), data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            where, f"shapes that contradict each other ({reason})", "a valid model", "export it again"
        ) from None
    graph = inferred.graph
    return {value.name: _tensor(value) for value in [*graph.input, *graph.value_info, *graph.output]}


def _complete(model: Any, nodes: list[tuple[int, Any]], shapes: dict[str, Tensor]) -> bool:
    """Declare outputs whose shape onnx does not infer; whether there were some."""
    import onnx

    changed = False
    for _, node in nodes:
        rule, target = _OUTPUT_SHAPES.get(node.op_type), shapes.get(node.output[0])
        sources = [shapes.get(name) for name in node.input]
        data = sources[_DATA_AT.get(node.op_type, 0)] if sources else None
        if rule is None or data is None:
            continue
        known = [() if source is None else source.shape for source in sources]
        if not any(-1 in shape for shape in known):
            if target is None or -1 in target.shape:
                kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(data.dtype))
                value = onnx.helper.make_tensor_value_info(node.output[0], kind, rule(node, known))
                declared = [output for output in model.graph.output if output.name == value.name]
                for output in declared:
                    output.CopyFrom(value)
                if not declared:
                    model.graph.value_info.append(value)
                changed = True
    return changed


def _without_weights(model: Any) -> Any:
    """The model with inputs in place of large constants, whose values cannot matter for shapes."""
    import onnx

    light = onnx.ModelProto(ir_version=model.ir_version)
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    graph = light.graph
    graph.name = model.graph.name
    for field in ("node", "input", "output", "value_info", "sparse_initializer"):
        getattr(graph, field).extend(getattr(model.graph, field))
    known = {value.name for value in graph.input}
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) <= _MOST_SHAPE_ELEMENTS:
            graph.initializer.append(tensor)
        elif tensor.name not in known:
            graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    return light


def _tensor(value: Any) -> Tensor:
    import onnx

    kind = value.type.tensor_type
    sizes = [d.dim_value if d.HasField("dim_value") else -1 for d in kind.shape.dim] if kind.HasField("shape") else [-1]
    try:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type).name
    except (KeyError, ValueError, TypeError):
        dtype = "unknown"
    return Tensor(value.name, tuple(sizes), dtype)


def _fold(
    node: Any, index: int, shapes: dict[str, Tensor], constants: dict[str, np.ndarray], where: str, limits: Limits
) -> bool:
    """Whether the node's outputs are constants now."""
    if node.op_type not in _FOLDABLE:
        return False
    if node.op_type in ("Shape", "Size") and node.input[0] not in constants:
        tensor = shapes.get(node.input[0])
        if tensor is None or any(size < 0 for size in tensor.shape):
            return False
        ends = {attribute.name: attribute.i for attribute in node.attribute}
        sizes = np.array(tensor.shape, np.int64)
        whole = sizes[slice(ends.get("start", 0), ends.get("end", None))]
        constants[node.output[0]] = whole if node.op_type == "Shape" else np.array(np.prod(sizes), np.int64)
        return True
    if not all(name in constants for name in node.input if name):
        return False
    place = f"{where}, node {node.name or f'{node.op_type}_{index}'} ({node.op_type})"
    _check_size(node, shapes, constants, place, limits)
    for name, value in zip(node.output, _evaluate(node, constants, place), strict=False):
        constants[name] = value
    return True


def _check_size(node: Any, shapes: dict[str, Tensor], constants: dict[str, np.ndarray], place: str, limits: Limits) -> None:
    sizes: list[int] = []
    if node.op_type in ("ConstantOfShape", "Expand"):
        sizes = [int(v) for v in constants[node.input[-1]].ravel()]
    elif node.op_type == "Range":
        if any(constants[name].size != 1 for name in node.input[:3]):
            raise InputError(place, "an end or a step that is not one number", "one number each", "export it again")
        start, stop, step = (float(constants[name].ravel()[0]) for name in node.input[:3])
        sizes = [max(0, math.ceil(min((stop - start) / step, 1e18)))] if step else [0]
    elif (tensor := shapes.get(node.output[0])) is not None:
        sizes = [max(size, 0) for size in tensor.shape]
    total = 8
    for size in sizes:
        total *= size
    limits.check(place, "tensor_bytes", total)


def _evaluate(node: Any, constants: dict[str, np.ndarray], place: str) -> list[np.ndarray]:
    import onnx

    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Constant":
        return [_constant(attributes, place)]
    if node.op_type == "ConstantOfShape":
        value = _array(attributes["value"], place) if "value" in attributes else np.zeros(1, np.float32)
        if value.size != 1:
            raise InputError(place, f"{value.size} values", "one", "export it again")
        return [np.full([int(v) for v in constants[node.input[0]].ravel()], value.ravel()[0], value.dtype)]
    if node.op_type == "CumSum":  # the standard allows one axis in a list, onnx's evaluator does not
        constants = {**constants, node.input[1]: constants[node.input[1]].reshape(-1)[0]}
    try:
        return _reference(node, constants)
    except Exception as error:  # onnx's reference evaluator raises whatever numpy raises
        reason = " ".join(str(error).split())[:120]
        raise InputError(place, f"constant inputs that do not fit ({reason})", "a valid node", "export it again") from None


def _constant(attributes: dict[str, Any], place: str) -> np.ndarray:
    if "value" in attributes:
        return _array(attributes["value"], place)
    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    name, value = next(iter(attributes.items()), ("value", 0))
    return np.array(value, kinds.get(name, object))


def _reference(node: Any, constants: dict[str, np.ndarray]) -> list[np.ndarray]:
    import onnx
    from onnx.reference import ReferenceEvaluator

    used = list(dict.fromkeys(name for name in node.input if name))
    inputs = [
        onnx.helper.make_tensor_value_info(n, onnx.helper.np_dtype_to_tensor_dtype(constants[n].dtype), None) for n in used
    ]
    outputs = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UNDEFINED, None) for name in node.output]
    graph = onnx.helper.make_graph([node], "fold", inputs, outputs)
    opset = [onnx.helper.make_opsetid("", _evaluator_opset(node))]
    evaluator = ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=opset))
    return [np.asarray(value) for value in evaluator.run(None, {name: constants[name] for name in used})]


def _evaluator_opset(node: Any) -> int:
    """The opset whose form the node has: axes as attribute belong to an older one, as input to a newer one."""
    if any(attribute.name in ("axes", "starts", "split") for attribute in node.attribute):
        return 11
    is_newer = node.op_type.startswith("Reduce") or any(attribute.name == "num_outputs" for attribute in node.attribute)
    return 18 if is_newer else 17


def _replace_folded(model: Any, remaining: list[tuple[int, Any]], constants: dict[str, np.ndarray], onnx: Any) -> None:
    """Drop folded nodes from the model and give their small values as initializers, for the next inference."""
    have = {tensor.name for tensor in model.graph.initializer}
    for name, array in constants.items():
        if name not in have and array.dtype != object:
            model.graph.initializer.append(
                onnx.numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
            )
    kept = [node for _, node in remaining]
    copies = [type(node).FromString(node.SerializeToString()) for node in kept]
    del model.graph.node[:]
    model.graph.node.extend(copies)


def _node(node: Any, index: int) -> Node:
    import onnx

    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    plain = {key: _text(value) for key, value in attributes.items()}
    return Node(node.name or f"{node.op_type}_{index}", node.op_type, tuple(node.input), tuple(node.output), plain)


def _text(value: Any) -> Any:
    """Strings for bytes, alone or in a list."""
    if isinstance(value, list):
        return [_text(item) for item in value]
    return value.decode() if isinstance(value, bytes) else value
