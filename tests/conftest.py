"""Fixtures shared by all suites."""

from __future__ import annotations

import gc
import importlib.util
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from workbench.graph.graph import Graph
from workbench.netlist.design import Design
from workbench.netlist.load import load_design

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT.parent / "shared" / "reference"


settings.register_profile("suite", deadline=None)  # what a case takes on a busy machine is no property of the code
settings.load_profile("suite")


def pytest_configure() -> None:
    """One thread for torch, and let SIGINT interrupt, also where a shell that started the suite had it ignored.

    Tests that press Ctrl-C, in this process or in one that they start, would otherwise wait for work that never ends.
    Two test processes whose torch has two threads each wait for each other: small networks took five times as long.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect no garbage while tests are collected, and pass over what they are made of later.

    Imported modules and thousands of tests stay until the end: looking through them again and again took a fifth of the
    processor time of the collection, which each worker does.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_unconfigure() -> None:
    """Let the interpreter's end collect what was passed over, or extension modules report it as leaked."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of reference data beside the project; tests that need it skip, naming the reason, where it is absent."""
    if not REFERENCE.is_dir():
        pytest.skip("the reference data folder ../shared/reference is not on this machine")
    return REFERENCE


@pytest.fixture(scope="session")
def published(reference: Path) -> Callable[..., Design]:
    """Loads a netlist of the reference data with a placement of its folder, each once: the large ones take seconds."""

    @cache
    def load(name: str, placement: str) -> Design:
        folder = reference / "placement" / "netlists" / name
        return load_design(folder, folder / placement)

    return load


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def programs() -> ModuleType:
    """`tests/core/small_programs.py`: programs of a few instructions each, made without a compiler."""
    spec = importlib.util.spec_from_file_location("small_programs", ROOT / "tests" / "core" / "small_programs.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def network(
    nodes: Sequence[Any], inputs: dict[str, Sequence[int]], outputs: Sequence[str], constants: dict[str, np.ndarray],
    opset: int = 17, types: dict[str, str] | None = None,
) -> Graph:  # fmt: skip
    """A graph from ONNX nodes; output shapes are inferred; inputs are float32 where `types` does not name another type."""
    from onnx import helper, numpy_helper

    from workbench.graph.onnx_reader import make_graph

    kinds = {name: helper.np_dtype_to_tensor_dtype(np.dtype((types or {}).get(name, "float32"))) for name in inputs}

    graph = helper.make_graph(
        list(nodes), "test",
        [helper.make_tensor_value_info(name, kinds[name], list(shape)) for name, shape in inputs.items()],
        [helper.make_empty_tensor_value_info(name) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )  # fmt: skip
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)], ir_version=8
    )
    return make_graph(model, "test", "test.onnx")


@pytest.fixture
def build_network() -> Callable[..., Graph]:
    """The function `network`."""
    return network
