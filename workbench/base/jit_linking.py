"""A Numba compiler whose functions are linked into their callers and never assembled by themselves.

Their indices are never negative, so that an access costs no comparison and no selection: Numba would count a negative
index from the end. With ``NUMBA_BOUNDSCHECK=1`` a negative index is out of bounds.

Imported only where a kernel is compiled, as it needs Numba's own compiler classes.
"""

from __future__ import annotations

from typing import Any

from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import AnalysisPass, register_pass
from numba.core.typed_passes import NativeLowering
from numba.np import arrayobj


class _WithoutEnvironment:
    """A code generator that does not store a function's Python environment, which lies in machine code."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, environment: Any) -> None:
        """Nothing to do: only print, objects and wrappers ask for the environment, and an inner kernel has none of them."""


class _LinkedLibrary(JITCodeLibrary):
    """The LLVM module of a function and of what it calls: each simplified alone, none inlined, no machine code."""

    @property
    def codegen(self) -> Any:
        """The code generator, but for environments."""
        return _WithoutEnvironment(self._codegen)

    def _optimize_final_module(self) -> None:
        """Left to the library of the caller."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """No address: there is no machine code."""
        self._ensure_finalized()
        return 0


@register_pass(mutates_CFG=False, analysis_only=True)
class _ChooseLinkedLibrary(AnalysisPass):
    """Gives the function such a library before it is lowered."""

    _name = "choose_linked_library"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        state.library = _LinkedLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        return False


def _plain_index(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
    """An index as it is, in place of Numba's, which adds the `size` to a negative one."""
    return context.cast(builder, index, kind, types.intp if kind.signed else types.uintp)


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerPlainIndices(NativeLowering):
    """Numba's lowering to LLVM, with indices taken as they are."""

    _name = "lower_plain_indices"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        numbas = arrayobj.fix_integer_index
        arrayobj.fix_integer_index = _plain_index
        try:
            return bool(super().run_pass(state))
        finally:
            arrayobj.fix_integer_index = numbas


class LinkedCompiler(CompilerBase):
    """Numba's nopython pipeline with a linked library in place of an assembled one."""

    def define_pipelines(self) -> list[Any]:
        """The one pipeline."""
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        place = [entry[0] for entry in pipeline.passes].index(NativeLowering)
        pipeline.passes[place : place + 1] = [(kind, kind.__name__) for kind in (_ChooseLinkedLibrary, _LowerPlainIndices)]
        pipeline.finalize()
        return [pipeline]
