"""Keeps what Streamlit's test runner changes from the tests that come after in the same process."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def own_main_module() -> Iterator[None]:
    """Give the process its `__main__` back: the runner leaves its script there, and every process that is spawned later
    would run that script first."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before
