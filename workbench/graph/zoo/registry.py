"""Networks by name, and the one function that finds a network for a name or a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from workbench.base.registry import unknown_name
from workbench.graph.graph import Graph
from workbench.graph.input_sizes import Sizes
from workbench.graph.onnx_reader import make_graph, read_onnx
from workbench.graph.zoo.builder import Builder, Value
from workbench.graph.zoo.classifiers import googlenet, resnet18, resnet50, shufflenet_v2, squeezenet, vgg16
from workbench.graph.zoo.detectors import mobiledet, yolov4_tiny
from workbench.graph.zoo.faces import ir_network, mobilefacenet
from workbench.graph.zoo.mobilenets import efficientnet_b0, mobilenet_v1, mobilenet_v2, mobilenet_v3
from workbench.graph.zoo.tiny import tiny_autoencoder, tiny_keywords, tiny_resnet
from workbench.graph.zoo.transformers import bert, decoder_step, vision_transformer


@dataclass(frozen=True)
class Model:
    """A network of the zoo: what it is, and the function that builds it."""

    name: str
    description: str
    build: Callable[[Builder], dict[str, Value]]

    def make(self, sizes: Sizes | None = None, seed: int = 0) -> Graph:
        """Its graph, with weights of the seed."""
        builder = Builder(self.name, seed)
        model = builder.finish(**self.build(builder))
        return make_graph(model, self.name, self.name, sizes=sizes)

    def count(self) -> Builder:
        """Its layers without weights: multiply-accumulates and parameters."""
        builder = Builder(self.name, with_weights=False)
        self.build(builder)
        return builder


MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model("mobilenet_v1", "MobileNet 1.0, 224 x 224", mobilenet_v1),
        Model("mobilenet_v2", "MobileNetV2 1.0, 224 x 224", mobilenet_v2),
        Model("mobilenet_v2_0.35_96", "MobileNetV2 0.35, 96 x 96", lambda b: mobilenet_v2(b, 0.35, 96)),
        Model("mobilenet_v3", "MobileNetV3-Large, 224 x 224", mobilenet_v3),
        Model("efficientnet_b0", "EfficientNet-B0, 224 x 224", efficientnet_b0),
        Model("squeezenet", "SqueezeNet 1.1, 227 x 227", squeezenet),
        Model("shufflenet_v2", "ShuffleNet V2 1.0x, 224 x 224", shufflenet_v2),
        Model("googlenet", "GoogLeNet, 224 x 224", googlenet),
        Model("vgg16", "VGG-16, 224 x 224", vgg16),
        Model("resnet18", "ResNet-18, 224 x 224", resnet18),
        Model("resnet50", "ResNet-50, 224 x 224", resnet50),
        Model("yolov4_tiny", "YOLOv4-tiny, 416 x 416, 80 classes", yolov4_tiny),
        *(
            Model(f"mobiledet_{v}", f"MobileDet {v} with SSDLite, 320 x 320, 91 classes", partial(mobiledet, variant=v))
            for v in ("cpu", "edgetpu", "dsp")
        ),
        Model("ir_18", "IR-18 face embedding, 112 x 112", lambda b: ir_network(b, (2, 2, 2, 2))),
        Model("ir_50", "IR-50 face embedding, 112 x 112", lambda b: ir_network(b, (3, 4, 14, 3))),
        Model("mobilefacenet", "MobileFaceNet face embedding, 112 x 112", mobilefacenet),
        Model("mlperf_tiny_ic", "MLPerf Tiny image classification: ResNet, 32 x 32", tiny_resnet),
        Model("mlperf_tiny_kws", "MLPerf Tiny keyword spotting: DS-CNN, 49 x 10", tiny_keywords),
        Model(
            "mlperf_tiny_vww", "MLPerf Tiny visual wake words: MobileNet 0.25, 96 x 96",
            lambda b: mobilenet_v1(b, 0.25, 96, 2),
        ),
        Model("mlperf_tiny_ad", "MLPerf Tiny anomaly detection: autoencoder, 640 values", tiny_autoencoder),
        Model("vit_tiny", "ViT-Tiny, patches of 16 x 16, 224 x 224", vision_transformer),
        Model("vit_b32_384", "ViT-B/32, 384 x 384", lambda b: vision_transformer(b, 384, 32, 768, 12, 12)),
        Model("bert_tiny", "BERT-Tiny, 128 tokens", bert),
        Model("bert_base", "BERT-Base, 128 tokens", lambda b: bert(b, 768, 12, 12)),
        Model("llama_step", "one step of a LLaMA-style decoder: 6 layers of 288, 63 tokens in its caches", decoder_step),
    )
}  # fmt: skip


def describe_models() -> dict[str, str]:
    """Names and descriptions of the networks of the zoo, with their work and size."""
    found = {}
    for name, model in MODELS.items():
        count = model.count()
        work = f"{count.macs / 1e6:,.1f} M multiply-accumulates, {count.parameters / 1e6:,.2f} M weights"
        found[name] = f"{model.description}: {work}"
    return found


def load_model(name_or_path: str | Path, sizes: Sizes | None = None) -> Graph:
    """The graph of a network of the zoo or of an ONNX file; InputError if it is neither.

    `sizes` gives numbers to open dimensions, see `make_graph`.
    """
    name = str(name_or_path)
    if name in MODELS:
        return MODELS[name].make(sizes)
    if Path(name).suffix or "/" in name or Path(name).exists():
        return read_onnx(name, sizes=sizes)
    raise unknown_name("model", name, list(MODELS))
