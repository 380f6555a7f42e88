"""Where the product's own data lies (cores, netlists) and where results go."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def data_folder(kind: str) -> Path:
    """Folder of shipped data of a kind (`cores`, `netlists`): beside the package in a checkout, inside it in a wheel."""
    beside = _PACKAGE.parent / kind
    return beside if beside.is_dir() else _PACKAGE / "_data" / kind


def runs_folder() -> Path:
    """Folder of results: `WORKBENCH_RUNS` or `runs` in the current folder."""
    return Path(os.environ.get("WORKBENCH_RUNS", "runs"))


def cache_folder() -> Path:
    """Folder of things that can be made again: `WORKBENCH_CACHE`, or `workbench` in the user's cache folder."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "workbench"
    return Path(os.environ.get("WORKBENCH_CACHE", default))
