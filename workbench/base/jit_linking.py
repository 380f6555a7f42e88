"""A Numba compiler whose functions are linked into their callers and never assembled by themselves.

Their indices are never negative, so that an access costs no comparison and no selection: Numba would count a negative
index from the end. With ``NUMBA_BOUNDSCHECK=1`` a negative index is out of bounds.

A kernel keeps the functions that it links in to itself: LLVM then knows all their callers, and leaves out arguments
and tests of an error status that never differ.

Imported only where a kernel is compiled, as it needs Numba's own compiler classes.
"""

from __future__ import annotations

from typing import Any

from llvmlite.binding import Linkage
from numba.core import callconv, debuginfo, types
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


class _CalledLibrary(_LinkedLibrary):
    """The same of a function that its callers call and never take over."""

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if function.linkage == Linkage.external and not function.is_declaration:
                function.add_function_attribute("noinline")


class _RareLibrary(_LinkedLibrary):
    """The same of a function that is seldom called: LLVM moves the calls, and what only they need, out of the way."""

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if function.linkage == Linkage.external and not function.is_declaration:
                function.add_function_attribute("noinline")
                function.add_function_attribute("cold")


class _KernelLibrary(JITCodeLibrary):
    """The LLVM module of a kernel, which nobody else calls the linked functions of."""

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if function.linkage == Linkage.linkonce_odr and not function.is_declaration:
                function.linkage = "internal"
        super()._optimize_final_module()


class _ChooseLibrary(AnalysisPass):
    """Gives a function its library before it is lowered."""

    _library: type[JITCodeLibrary]

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        state.library = self._library(state.targetctx.codegen(), state.func_id.func_qualname)
        state.library.enable_object_caching()
        return False


@register_pass(mutates_CFG=False, analysis_only=True)
class _ChooseKernelLibrary(_ChooseLibrary):
    _name, _library = "choose_kernel_library", _KernelLibrary


@register_pass(mutates_CFG=False, analysis_only=True)
class _ChooseLinkedLibrary(_ChooseLibrary):
    _name, _library = "choose_linked_library", _LinkedLibrary


@register_pass(mutates_CFG=False, analysis_only=True)
class _ChooseCalledLibrary(_ChooseLibrary):
    _name, _library = "choose_called_library", _CalledLibrary


@register_pass(mutates_CFG=False, analysis_only=True)
class _ChooseRareLibrary(_ChooseLibrary):
    _name, _library = "choose_rare_library", _RareLibrary


def _plain_index(context: Any, builder: Any, kind: Any, index: Any, size: Any) -> Any:
    """An index as it is, in place of Numba's, which adds the `size` to a negative one."""
    return context.cast(builder, index, kind, types.intp if kind.signed else types.uintp)


def _call_without_zeros(
    self: Any, builder: Any, callee: Any, result: Any, kinds: Any, values: Any, attrs: Any = None
) -> tuple[Any, Any]:
    """A call in Numba's convention, in place of its own, which writes zeros where the result will be, and that even where
    a caller begins: with all functions in one, some at every instruction that is simulated.
    """
    with debuginfo.suspend_emission(builder), builder.goto_entry_block():
        place = builder.alloca(self.get_return_type(result).pointee)
        error = builder.alloca(callconv.excinfo_ptr_t)
    packed = self._get_arg_packer(kinds).as_arguments(builder, list(values))
    code = builder.call(callee, [place, error, *packed], attrs=attrs or ())
    status = self._get_return_status(builder, code, builder.load(error))
    return status, self.context.get_returned_value(builder, result, builder.load(place))


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerPlainIndices(NativeLowering):
    """Numba's lowering to LLVM, with indices taken as they are and results not written before they are there."""

    _name = "lower_plain_indices"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        convention: Any = callconv.CPUCallConv
        numbas = arrayobj.fix_integer_index, convention.call_function
        arrayobj.fix_integer_index, convention.call_function = _plain_index, _call_without_zeros
        try:
            return bool(super().run_pass(state))
        finally:
            arrayobj.fix_integer_index, convention.call_function = numbas


class KernelCompiler(CompilerBase):
    """Numba's nopython pipeline with a library that keeps what it links in to itself."""

    choice: type[_ChooseLibrary] = _ChooseKernelLibrary
    lowering: type[NativeLowering] = NativeLowering

    def define_pipelines(self) -> list[Any]:
        """The one pipeline."""
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        place = [entry[0] for entry in pipeline.passes].index(NativeLowering)
        pipeline.passes[place : place + 1] = [(kind, kind.__name__) for kind in (self.choice, self.lowering)]
        pipeline.finalize()
        return [pipeline]


class LinkedCompiler(KernelCompiler):
    """The same with a linked library in place of an assembled one."""

    choice: type[_ChooseLibrary] = _ChooseLinkedLibrary
    lowering: type[NativeLowering] = _LowerPlainIndices


class CalledCompiler(LinkedCompiler):
    """The same for a function that is always called."""

    choice = _ChooseCalledLibrary


class RareCompiler(LinkedCompiler):
    """The same for a function that is seldom called."""

    choice = _ChooseRareLibrary
