"""Networks by name, and the one function that finds a network for a name or a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workbench.base.errors import InputError
from workbench.base.registry import unknown_name
from workbench.graph.graph import Graph
from workbench.graph.onnx_reader import make_graph, read_onnx


@dataclass(frozen=True)
class Model:
    """A network of the zoo: what it is and how to make its graph."""

    name: str
    description: str
    make: Callable[[], Graph]


def _mobilenet_v2(name: str, width: float, resolution: int) -> Callable[[], Graph]:
    def make() -> Graph:
        from workbench.graph.zoo.mobilenet_v2 import build_mobilenet_v2

        return make_graph(build_mobilenet_v2(width, resolution), name, name)

    return make


def _squeezenet() -> Graph:
    import onnx

    path = Path(onnx.__file__).parent / "backend/test/data/light/light_squeezenet.onnx"
    if not path.is_file():
        raise InputError(
            "model squeezenet", f"no {path.name} in the installed onnx", "onnx with its test data", "reinstall it"
        )
    graph = read_onnx(path)
    return Graph("squeezenet", graph.tensors, graph.constants, graph.nodes, graph.inputs, graph.outputs, graph.model)


MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model(
            "mobilenet_v2", "MobileNetV2 1.0, 224 x 224, seeded weights, 314 M multiply-accumulates",
            _mobilenet_v2("mobilenet_v2", 1.0, 224),
        ),
        Model(
            "mobilenet_v2_0.35_96", "MobileNetV2 0.35, 96 x 96, seeded weights, 13 M multiply-accumulates",
            _mobilenet_v2("mobilenet_v2_0.35_96", 0.35, 96),
        ),
        Model("squeezenet", "SqueezeNet 1.1 of the onnx package, 224 x 224, constant weights", _squeezenet),
    )
}  # fmt: skip


def describe_models() -> dict[str, str]:
    """Names and descriptions of the networks of the zoo."""
    return {model.name: model.description for model in MODELS.values()}


def load_model(name_or_path: str | Path) -> Graph:
    """The graph of a network of the zoo or of an ONNX file; InputError if it is neither."""
    name = str(name_or_path)
    if name in MODELS:
        return MODELS[name].make()
    if Path(name).suffix or "/" in name or Path(name).exists():
        return read_onnx(name)
    raise unknown_name("model", name, list(MODELS))
