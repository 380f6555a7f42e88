"""Cores and the measuring helpers of the claims: a stream of instructions in, steady-state cycles out."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from workbench.core.config import CoreConfig, load_core
from workbench.core.timing.stream import Stream

Body = Callable[[Stream, int], object]


@pytest.fixture(scope="session")
def xiangshan() -> CoreConfig:
    return load_core("xiangshan_kunminghu_v2")


@pytest.fixture(scope="session")
def nanhu() -> CoreConfig:
    return load_core("xiangshan_nanhu")


@pytest.fixture(scope="session")
def c906() -> CoreConfig:
    return load_core("thead_c906")


@pytest.fixture(scope="session")
def npu4() -> CoreConfig:
    return load_core("xiangshan_kunminghu_v2_npu4")


@pytest.fixture(scope="session")
def npu16() -> CoreConfig:
    return load_core("xiangshan_kunminghu_v2_npu16")


def _steady(core: CoreConfig, body: Body, times: int = 60, warm: int = 20) -> float:
    """Cycles per iteration of a loop over `body`, without its start and end."""
    long, short = (Stream().loop(body, count).run(core).cycles for count in (warm + times, warm))
    return (long - short) / times


def _change(core: CoreConfig, **fields: Any) -> CoreConfig:
    """The core with other values; nested fields are written with two underscores (``memory__l1d__ways``)."""
    for name, value in fields.items():
        core = _replace(core, name.split("__"), value)
    return core


def _replace(model: Any, path: list[str], value: Any) -> Any:
    inner = value if len(path) == 1 else _replace(getattr(model, path[0]), path[1:], value)
    return model.model_copy(update={path[0]: inner})


@pytest.fixture(scope="session")
def steady() -> Callable[..., float]:
    return _steady


@pytest.fixture(scope="session")
def change() -> Callable[..., CoreConfig]:
    return _change


@pytest.fixture(scope="session")
def ara_matmul(root: Path) -> ModuleType:
    """The benchmark of that name."""
    spec = importlib.util.spec_from_file_location("ara_matmul", root / "benchmarks" / "ara_matmul.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
