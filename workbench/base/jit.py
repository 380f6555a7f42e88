"""The one door to Numba: `kernel` compiles a function and keeps the machine code in a cache that cannot go stale.

Numba's own cache looks only at the file of the compiled function, so an edit in a function that it *calls* returns old
machine code. Here the cache folder of a module's kernels is named after a hash of that module and of every module of the
package that it imports, however far down, of numba, Python and the CPU: any edit there is a new folder, and an edit
elsewhere (an agent, a command) compiles nothing anew.

Kernels trust their arguments; the plain-Python functions in front of them check.
"""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import platform
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from workbench.base.places import cache_folder

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = Path(__file__).resolve().parents[1]


def _file_of(module: str) -> Path | None:
    """The source of a module of this package, None for everything else (attributes, other packages)."""
    parts = module.split(".")
    if parts[0] != _PACKAGE.name:
        return None
    place = _PACKAGE.joinpath(*parts[1:])
    found = [path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()]
    return found[0] if found else None


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements of a module, in functions and branches too, without their expressions, in which nothing is imported."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, block, ())
            waiting += inner if isinstance(inner, list) else ()


@cache
def _imports(module: str) -> frozenset[str]:
    """Modules of this package that a module's source names in any import, at its top or inside a function."""
    path = _file_of(module)
    if path is None:
        return frozenset()
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for node in _statements(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join([*parts[: len(parts) - node.level + 1], node.module or ""]) if node.level else node.module or ""
            base = base.rstrip(".")
            names.update({base, *(f"{base}.{alias.name}" for alias in node.names)})
    return frozenset(name for name in names if _file_of(name) is not None)


def reachable_modules(module: str) -> list[str]:
    """The module and all modules of this package that it imports, directly or through others, sorted."""
    found, waiting = {module, __name__}, [module, __name__]
    while waiting:
        for name in _imports(waiting.pop()) - found:
            found.add(name)
            waiting.append(name)
    return sorted(found)


@cache
def source_hash(module: str) -> str:
    """Hash of all sources that the kernels of a module may call, and of the tools that compile them."""
    digest = hashlib.sha256()
    for name in reachable_modules(module):
        path = _file_of(name)
        if path is not None:
            digest.update(name.encode())
            digest.update(path.read_bytes())
    import llvmlite
    import numba

    digest.update(f"{numba.__version__} {llvmlite.__version__} {sys.version} {platform.machine()}".encode())
    return digest.hexdigest()[:16]


def cache_path(module: str) -> Path:
    """Folder of the machine code of one module's kernels as their sources stand now."""
    return cache_folder() / "jit" / f"{module.rpartition('.')[2]}-{source_hash(module)}"


def kernel(function: F | None = None, **options: Any) -> Any:
    """Compile with Numba in nopython mode, cached on disk; `options` are those of `numba.njit`.

    Defaults: ``nogil=True``, ``error_model="numpy"`` (x/0 is inf, no branch), bounds checks off unless the environment
    has ``NUMBA_BOUNDSCHECK=1``.
    """
    if function is None:
        return lambda decorated: kernel(decorated, **options)
    import numba
    from numba.core import config as numba_config

    from workbench.base.jit_linking import KernelCompiler
    from workbench.base.jit_speed import compiled_quickly

    config: Any = numba_config
    module = inspect.getmodule(function)
    settings: Any = {"nogil": True, "error_model": "numpy", "cache": True, "pipeline_class": KernelCompiler, **options}
    before = config.CACHE_DIR
    is_checked = os.environ.get("NUMBA_BOUNDSCHECK") == "1"
    config.CACHE_DIR = str(cache_path(module.__name__ if module else __name__)) + ("-checked" if is_checked else "")
    try:
        return compiled_quickly(numba.njit(**settings)(function))
    finally:
        config.CACHE_DIR = before


def inner_kernel(function: F | None = None, is_called: bool = False, is_rare: bool = False, **options: Any) -> Any:
    """Compile a function that only kernels call, into LLVM instructions that its callers take over and optimise.

    It cannot be called from Python, has no cache entry, and its indices must not be negative. Numba would optimise and
    assemble such a function, with all that it calls, once by itself and again in each of its callers; leaving that to the
    kernel that Python calls compiled the core in 67 s of processor time instead of 105, annealing in 25 instead of 36.

    LLVM decides which ones a caller takes over. `forceinline`: all do. `is_called`: none does; so what is seldom needed
    takes no registers from what its caller always does. `is_rare`: none does, and it is so seldom called that the caller is
    laid out for the case in which it is not.
    """
    if function is None:
        return lambda decorated: inner_kernel(decorated, is_called, is_rare, **options)
    import numba

    from workbench.base.jit_linking import CalledCompiler, LinkedCompiler, RareCompiler

    settings: Any = {"nogil": True, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    settings |= {"forceinline": False, **options}  # said in any case: Numba takes it from the first caller otherwise
    compiler = RareCompiler if is_rare else CalledCompiler if is_called else LinkedCompiler
    return _without_literals(numba.njit(pipeline_class=compiler, **settings)(function))


def _without_literals(dispatcher: Any) -> Any:
    """Compile a function for the types of its arguments only: Numba makes a version for each constant that is passed."""
    from numba.core.types import unliteral

    typed = dispatcher.get_call_template

    def get_call_template(arguments: Any, named: Any) -> Any:
        return typed(tuple(map(unliteral, arguments)), {name: unliteral(kind) for name, kind in named.items()})

    dispatcher.get_call_template = get_call_template
    return dispatcher


def record_type(dtype: Any) -> Any:
    """The Numba type of one record of a structured NumPy dtype (for explicit signatures)."""
    from numba import from_dtype

    return from_dtype(dtype)


def intrinsic(function: F) -> Any:
    """Numba's ``intrinsic``: a function of (typing context, *argument types) that emits LLVM instructions for a kernel."""
    from numba.extending import intrinsic as numba_intrinsic

    return numba_intrinsic(function)
