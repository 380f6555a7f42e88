"""The store maker, loaded by path (test folders are no packages)."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def maker() -> ModuleType:
    """The module `make_store.py` of this folder."""
    spec = importlib.util.spec_from_file_location("make_store", Path(__file__).with_name("make_store.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
