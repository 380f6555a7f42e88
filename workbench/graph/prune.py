"""Pruning: the smallest weights set to zero, or whole channels removed, so that every layer has less to do.

Channels of tensors that must stay alike (added to each other, or the input and output of a depthwise convolution) form one
space. A space is pruned as one: a channel's score is the sum, over the layers that make it, of the mean magnitude of the
weights of its filter. Spaces of the network's inputs and outputs stay, and so do those that an operator uses in a way that
is not known here (Concat, Split, Transpose, ...).

Source: H. Li et al., "Pruning filters for efficient convnets", ICLR 2017 (filters by their L1 norm); S. Han et al.,
"Learning both weights and connections", NeurIPS 2015 (magnitude).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.graph.graph import Graph
from workbench.graph.onnx_folding import folded_model
from workbench.graph.onnx_reader import parse_onnx

_SAME = frozenset(
    "Relu Clip Sigmoid HardSigmoid HardSwish LeakyRelu Elu Selu Celu Tanh Identity Dropout Softplus Softsign Mish Abs Neg "
    "MaxPool AveragePool GlobalAveragePool GlobalMaxPool Pad Resize BatchNormalization".split()
)
"""Operators whose result has the channels of the first input."""
_BINARY = frozenset("Add Sub Mul Div Max Min Pow PRelu".split())
_CHANNELS = 1  # axis of channels


@dataclass(frozen=True)
class Pruned:
    """A pruned network.

    Attributes
    ----------
    model: the ONNX file. graph: the network.
    removed: channels removed from each layer, by name. kept: layers none of whose channels could be removed, `reasons` why.
    zeros: part of the weights of Conv, Gemm and MatMul that are zero.
    """

    model: bytes
    graph: Graph
    removed: dict[str, int]
    kept: tuple[str, ...]
    zeros: float
    reasons: dict[str, str] = field(default_factory=dict)


def prune_weights(graph: Graph, sparsity: float, is_global: bool = False) -> Pruned:
    """Zero the smallest part `sparsity` of the weights of every layer, or of all of them together.

    Of weights of one magnitude, the first go, so that the part is as asked.
    """
    work = _Work(graph, sparsity)
    layers = list(dict.fromkeys(name for node in work.nodes if (name := work.weights_of(node))))
    for names in [layers] if is_global else [[name] for name in layers]:
        _zero_smallest(work.arrays, names, sparsity)
    return work.finish({}, ())


def _zero_smallest(arrays: dict[str, np.ndarray], names: list[str], sparsity: float) -> None:
    """Zero the smallest part of the elements of some arrays together."""
    sizes = np.concatenate([np.abs(arrays[name]).ravel() for name in names])
    count = round(sparsity * sizes.size)
    if not count:
        return
    limit = np.partition(sizes, count - 1)[count - 1]
    goes = sizes < limit
    goes[np.flatnonzero(sizes == limit)[: count - int(goes.sum())]] = True
    starts = np.cumsum([arrays[name].size for name in names])[:-1]
    for name, part in zip(names, np.split(goes, starts), strict=True):
        arrays[name] = np.where(part.reshape(arrays[name].shape), 0, arrays[name]).astype(arrays[name].dtype)


def prune_channels(graph: Graph, sparsity: float, multiple: int = 1) -> Pruned:
    """Remove the part `sparsity` of the channels of every space, the numbers left being multiples of `multiple`."""
    work = _Work(graph, sparsity)
    work.follow()
    removed: dict[str, int] = {}
    spaces = [space for space in work.spaces() if space.scores]
    for space in spaces:
        left = round(space.size * (1 - sparsity) / multiple) * multiple
        left = min(max(left, multiple, 1), space.size)
        if left < space.size:
            keep = np.sort(np.argsort(-sum(score() for score in space.scores), kind="stable")[:left])
            for cut in space.cuts:
                cut(keep)
            removed |= {name: space.size - left for name in space.makers}
    if not removed and spaces:
        found = f"{sparsity} of the channels, which is none in multiples of {multiple}"
        raise InputError("--sparsity", found, "a part that removes some", "raise it or lower --multiple")
    if not removed:
        raise InputError(graph.name, "no channels that can be removed", "convolutions between others", "try --magnitude")
    kept = tuple(name for name in work.layer_names() if name not in removed)
    return replace(work.finish(removed, kept), reasons=work.reasons(kept))


@dataclass(eq=False)
class _Space:
    """Channels that stay or go together.

    Attributes
    ----------
    reason: why all of them stay; empty where they need not.
    cuts: called with the numbers of the channels that stay. scores: magnitudes by channel. makers: names of layers.
    """

    size: int
    reason: str = ""
    cuts: list[Callable[[np.ndarray], None]] = field(default_factory=list)
    scores: list[Callable[[], np.ndarray]] = field(default_factory=list)
    makers: list[str] = field(default_factory=list)
    parent: _Space | None = None

    def fix(self, reason: str) -> None:
        """Let all channels stay; the first reason is kept."""
        root = self.root()
        root.reason = root.reason or reason

    def root(self) -> _Space:
        """The space that this one has become a part of."""
        return self if self.parent is None else self.parent.root()

    def join(self, other: _Space) -> None:
        """Make both one; spaces of different sizes are fixed instead."""
        one, two = self.root(), other.root()
        if one is two:
            return
        if one.size != two.size:
            for space in (one, two):
                space.fix("they meet tensors with another number of channels")
            return
        one.reason = one.reason or two.reason
        for mine, others in ((one.cuts, two.cuts), (one.scores, two.scores), (one.makers, two.makers)):
            mine.extend(others)  # type: ignore[arg-type]
        two.parent = one


class _Work:
    """One network being pruned: its ONNX nodes, constants as arrays, and the space of every tensor."""

    def __init__(self, graph: Graph, sparsity: float) -> None:
        if not 0 <= sparsity < 1:
            raise InputError("--sparsity", str(sparsity), "a number from 0 to below 1", "change it")
        import onnx

        self.name, self.model = graph.name, folded_model(graph)
        self.nodes = list(self.model.graph.node)
        self.arrays = {item.name: onnx.numpy_helper.to_array(item).copy() for item in self.model.graph.initializer}
        self._separate()
        if not any(self.weights_of(node) for node in self.nodes):
            raise InputError(
                graph.name, "no weights to prune", "Conv, Gemm or MatMul with constant weights", "prune another"
            )
        self._shapes = _shapes(self.model)
        self._spaces: dict[str, _Space] = {}

    def _separate(self) -> None:
        """Give every use of a constant a copy of its own: channels are cut from each."""
        used: set[str] = set()
        for number, node in enumerate(self.nodes):  # names of nodes may be missing
            for place, name in enumerate(node.input):
                if name in used:
                    node.input[place] = f"{name}~{number}~{place}"
                    self.arrays[node.input[place]] = self.arrays[name].copy()
                elif name in self.arrays:
                    used.add(name)

    def weights_of(self, node: Any) -> str:
        """Name of the constant weights of a layer of sums of products; empty for other nodes."""
        has = node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul") and node.input[1] in self.arrays
        return node.input[1] if has else ""

    def layer_names(self) -> Iterator[str]:
        """Names of the layers with weights."""
        return (node.name for node in self.nodes if self.weights_of(node))

    # --- spaces ---------------------------------------------------------------------------------------------------

    def follow(self) -> None:
        """Give every tensor its space, and every space what is to be cut with it."""
        for value in self.model.graph.input:
            self._space(value.name).fix("inputs of the network")
        for node in self.nodes:
            self._visit(node)
        for value in self.model.graph.output:
            self._space(value.name).fix("outputs of the network")

    def reasons(self, layers: Sequence[str]) -> dict[str, str]:
        """Why layers keep all their channels."""
        results = {node.name: node.output[0] for node in self.nodes}
        return {name: self._space(results[name]).reason or "too few channels" for name in layers}

    def spaces(self) -> list[_Space]:
        """All that may be pruned, once each."""
        roots = {id(space.root()): space.root() for space in self._spaces.values()}
        return [space for space in roots.values() if not space.reason]

    def _space(self, name: str) -> _Space:
        if name not in self._spaces:
            shape = self._shapes.get(name, ())
            has = len(shape) > _CHANNELS
            self._spaces[name] = _Space(shape[_CHANNELS] if has else 0, "" if has else "tensors without channels")
        return self._spaces[name].root()

    def _visit(self, node: Any) -> None:
        if node.op_type == "Conv" and self.weights_of(node):
            self._convolution(node)
        elif node.op_type in ("Gemm", "MatMul") and self.weights_of(node):
            self._matrix(node)
        elif node.op_type in _SAME:
            self._same(node)
        elif node.op_type in _BINARY:
            self._binary(node)
        elif node.op_type in ("Flatten", "Reshape", "Squeeze", "ReduceMean"):
            self._flat(node)
        else:
            for name in (*node.input, *node.output):
                if name and name not in self.arrays:
                    self._space(name).fix(f"{node.op_type} moves or mixes channels")

    def _convolution(self, node: Any) -> None:
        x, made, weights = self._space(node.input[0]), self._space(node.output[0]), node.input[1]
        group = next((a.i for a in node.attribute if a.name == "group"), 1)
        if group == 1:
            x.cuts.append(lambda keep: self._take(weights, keep, 1))
            made.scores.append(lambda: self._magnitude(weights, 0))
            made.makers.append(node.name)
        elif group == x.size == made.size:
            x.join(made)
            made.root().cuts.append(lambda keep: self._set_group(node, len(keep)))
            made.root().makers.append(node.name)
        else:
            for space in (x, made):
                space.fix(f"a Conv of {group} groups")
            return
        made.root().cuts.append(lambda keep: self._take(weights, keep, 0))
        self._bias(node, made)

    def _bias(self, node: Any, made: _Space) -> None:
        """A constant bias is cut with the channels; one that is computed keeps them all."""
        bias = node.input[2] if len(node.input) > 2 else ""
        if bias and bias not in self.arrays:
            made.fix("a computed bias")
        elif bias and self.arrays[bias].shape[-1:] == (made.root().size,):
            made.root().cuts.append(lambda keep: self._take(bias, keep, -1))

    def _matrix(self, node: Any) -> None:
        x, made, weights = self._space(node.input[0]), self._space(node.output[0]), node.input[1]
        turned = any(a.name == "transB" and a.i for a in node.attribute)
        rank = len(self._shapes.get(node.input[0], ()))
        if rank != 2 or any(a.name == "transA" and a.i for a in node.attribute) or self.arrays[weights].ndim != 2:
            for space in (x, made):
                space.fix(f"{node.op_type} moves or mixes channels")
            return
        inner, outer = (1, 0) if turned else (0, 1)
        places = self.arrays[weights].shape[inner] // max(x.size, 1)  # of a channel, behind a Flatten
        x.cuts.append(lambda keep: self._take(weights, _spread(keep, places), inner))
        made.cuts.append(lambda keep: self._take(weights, keep, outer))
        made.scores.append(lambda: self._magnitude(weights, outer))
        made.makers.append(node.name)
        if node.op_type == "Gemm":
            self._bias(node, made)

    def _same(self, node: Any) -> None:
        x, made = self._space(node.input[0]), self._space(node.output[0])
        shape = self._shapes.get(node.input[0], ())
        places = shape[_CHANNELS] // x.size if len(shape) > _CHANNELS and x.size else 1  # of a channel, behind a Flatten
        if node.op_type == "BatchNormalization":
            if not all(name in self.arrays for name in node.input[1:]):
                x.fix("a BatchNormalization with computed numbers")
            for name in node.input[1:]:
                x.cuts.append(lambda keep, name=name: self._take(name, _spread(keep, places), 0))  # type: ignore[misc]
        sizes = node.input[3] if node.op_type == "Resize" and len(node.input) > 3 else ""
        if sizes and sizes not in self.arrays:
            x.fix("a Resize to computed sizes")
        elif sizes:
            x.cuts.append(lambda keep: self._set_size(sizes, len(keep)))
        if places > 1:
            self._spaces[node.output[0]] = x
        else:
            x.join(made)

    def _binary(self, node: Any) -> None:
        made = self._space(node.output[0])
        rank = len(self._shapes.get(node.output[0], ()))
        for name in node.input:
            if name in self.arrays:
                shape = self.arrays[name].shape
                axis = len(shape) - rank + _CHANNELS
                if axis >= 0 and shape[axis] > 1:
                    made.root().cuts.append(lambda keep, name=name, axis=axis: self._take(name, keep, axis))  # type: ignore[misc]
            else:
                made.root().join(self._space(name))

    def _flat(self, node: Any) -> None:
        """A tensor whose channels become the elements of its rows, each several places of an image; else it stays."""
        source, target = (self._shapes.get(name, ()) for name in (node.input[0], node.output[0]))
        x, made = self._space(node.input[0]), self._space(node.output[0])
        is_row = len(source) >= 2 and len(target) == 2 and target == (source[0], int(np.prod(source[1:])))
        is_mean = node.op_type == "ReduceMean" and len(target) >= 2 and target[:2] == source[:2]
        if is_mean or (is_row and made.size == x.size):
            x.join(made)
        elif is_row:
            self._spaces[node.output[0]] = x  # `_matrix` sees how many places a channel has
        else:
            for space in (x, made):
                space.fix(f"{node.op_type} moves or mixes channels")
        if node.op_type == "Reshape" and is_row:
            self.arrays[node.input[1]] = np.array([source[0], -1], np.int64)

    # --- cutting --------------------------------------------------------------------------------------------------

    def _take(self, name: str, keep: np.ndarray, axis: int) -> None:
        if name in self.arrays:
            self.arrays[name] = np.ascontiguousarray(np.take(self.arrays[name], keep, axis))

    def _magnitude(self, name: str, axis: int) -> np.ndarray:
        array = np.abs(self.arrays[name].astype(np.float64))
        mean: np.ndarray = array.mean(tuple(a for a in range(array.ndim) if a != axis))
        return mean

    def _set_size(self, name: str, count: int) -> None:
        """The number of channels in the sizes that a Resize makes."""
        self.arrays[name] = np.array([*self.arrays[name][:_CHANNELS], count, *self.arrays[name][_CHANNELS + 1 :]], np.int64)

    def _set_group(self, node: Any, count: int) -> None:
        for attribute in node.attribute:
            if attribute.name == "group":
                attribute.i = count

    def finish(self, removed: dict[str, int], kept: tuple[str, ...]) -> Pruned:
        """The network with the arrays as they are now."""
        import onnx

        del self.model.graph.initializer[:]
        self.model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in self.arrays.items())
        del self.model.graph.value_info[:]
        model = onnx.shape_inference.infer_shapes(self.model, strict_mode=True).SerializeToString()
        weights = [self.arrays[name] for node in self.nodes if (name := self.weights_of(node))]
        zeros = sum(int((array == 0).sum()) for array in weights) / max(sum(array.size for array in weights), 1)
        return Pruned(model, parse_onnx(model, f"{self.name}_pruned", f"{self.name}, pruned"), removed, kept, zeros)


def _spread(keep: np.ndarray, places: int) -> np.ndarray:
    """Numbers of the elements of channels that have several places each."""
    spread: np.ndarray = (keep[:, None] * places + np.arange(places)).ravel()
    return spread


def _shapes(model: Any) -> dict[str, tuple[int, ...]]:
    import onnx

    inferred = onnx.shape_inference.infer_shapes(model).graph
    values = [*inferred.input, *inferred.value_info, *inferred.output]
    return {value.name: tuple(d.dim_value for d in value.type.tensor_type.shape.dim) for value in values}
