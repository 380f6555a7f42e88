"""A network's ONNX model with constants folded, BatchNormalization in the convolution before it, and all shapes inferred."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workbench.graph.graph import Graph

_OPSET = 13  # the first in which scales may differ from filter to filter


def folded_model(graph: Graph) -> Any:
    """The model after onnxruntime's basic optimisations, in a version that can be quantised."""
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder, quiet():
        plain, folded = Path(folder) / "plain.onnx", Path(folder) / "folded.onnx"
        plain.write_bytes(_modern(graph))
        quant_pre_process(str(plain), str(folded), skip_symbolic_shape=True)
        return onnx.load(folded)


def _modern(graph: Graph) -> bytes:
    import onnx

    model = onnx.load_from_string(graph.model)
    version = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if version < _OPSET:
        model = onnx.version_converter.convert_version(model, _OPSET)
    data: bytes = model.SerializeToString()
    return data


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the advice that onnxruntime's tools print and log."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
