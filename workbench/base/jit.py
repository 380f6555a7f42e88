"""The one door to Numba: `kernel` compiles a function and keeps the machine code in a cache that cannot go stale.

Numba's own cache looks only at the file of the compiled function, so an edit in a function that it *calls* returns old
machine code. Here the cache folder is named after a hash of every source file that the kernel's package may call
(its own package and the floors below), of numba, Python and the CPU: any edit there is a new folder.

Kernels trust their arguments; the plain-Python functions in front of them check.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import platform
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from workbench.base.places import cache_folder

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = Path(__file__).resolve().parents[1]
_BELOW = {  # packages whose kernels a package's kernels may call (the floors below it)
    "netlist": ("netlist",),
    "isa": ("isa",),
    "graph": ("graph",),
    "place": ("place", "netlist"),
    "core": ("core", "isa"),
}


@cache
def source_hash(package: str) -> str:
    """Hash of all sources that kernels of `package` may reach, and of the tools that compile them."""
    digest = hashlib.sha256()
    for folder in ("base/jit.py", *_BELOW.get(package, (package,))):
        root = _PACKAGE / folder
        for path in [root] if root.is_file() else sorted(root.rglob("*.py")):
            digest.update(path.relative_to(_PACKAGE).as_posix().encode())
            digest.update(path.read_bytes())
    import llvmlite
    import numba

    digest.update(f"{numba.__version__} {llvmlite.__version__} {sys.version} {platform.machine()}".encode())
    return digest.hexdigest()[:16]


def cache_path(package: str) -> Path:
    """Folder of the machine code of one package's kernels as its sources stand now."""
    return cache_folder() / "jit" / f"{package}-{source_hash(package)}"


def kernel(function: F | None = None, **options: Any) -> Any:
    """Compile with Numba in nopython mode, cached on disk; `options` are those of `numba.njit`.

    Defaults: ``nogil=True``, ``error_model="numpy"`` (x/0 is inf, no branch), bounds checks off unless the environment
    has ``NUMBA_BOUNDSCHECK=1``.
    """
    if function is None:
        return lambda decorated: kernel(decorated, **options)
    import numba
    from numba.core import config as numba_config

    config: Any = numba_config
    module = inspect.getmodule(function)
    parts = (module.__name__ if module else "").split(".")
    package = parts[1] if len(parts) > 1 and parts[0] == "workbench" else "base"
    settings = {"nogil": True, "error_model": "numpy", "cache": True, **options}
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_path(package)) + ("-checked" if os.environ.get("NUMBA_BOUNDSCHECK") == "1" else "")
    try:
        return numba.njit(**settings)(function)
    finally:
        config.CACHE_DIR = before


def inner_kernel(function: F) -> Any:
    """Compile a function that only kernels call: no Python wrapper and no cache entry, as its callers contain its code.

    This saves a quarter of the compile time of deep call trees; the function cannot be called from Python.
    """
    import numba

    settings: Any = {"nogil": True, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return numba.njit(**settings)(function)


def record_type(dtype: Any) -> Any:
    """The Numba type of one record of a structured NumPy dtype (for explicit signatures)."""
    from numba import from_dtype

    return from_dtype(dtype)


def intrinsic(function: F) -> Any:
    """Numba's ``intrinsic``: a function of (typing context, *argument types) that emits LLVM instructions for a kernel."""
    from numba.extending import intrinsic as numba_intrinsic

    return numba_intrinsic(function)
