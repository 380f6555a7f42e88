"""Fixtures shared by all suites."""

from __future__ import annotations

import importlib.util
import signal
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT.parent / "shared" / "reference"


def pytest_configure() -> None:
    """Let SIGINT interrupt, also where a shell that started the suite in the background had it ignored.

    Tests that press Ctrl-C, in this process or in one that they start, would otherwise wait for work that never ends.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of reference data beside the project; tests that need it skip, naming the reason, where it is absent."""
    if not REFERENCE.is_dir():
        pytest.skip("the reference data folder ../shared/reference is not on this machine")
    return REFERENCE


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
