"""Units: kernels that other kernels call by their address, so that each is compiled by itself and only when it is needed.

A kernel takes over all that it calls, and is compiled anew with it. What large programs seldom need, or what two processes
may compile side by side, is a unit instead: the caller is given an address at run time and knows only the types of the
arguments. Errors of a unit (an index out of bounds in a checked run) are those of its caller.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from workbench.base.jit import cache_path, kernel, record_type

Kind = np.dtype | type[int]
"""Type of an argument: a structured dtype for one of its records, or int (64 bits)."""


def _numba_types(kinds: tuple[Kind, ...]) -> tuple[Any, ...]:
    from numba import types

    return tuple(record_type(kind) if isinstance(kind, np.dtype) else types.int64 for kind in kinds)


class Unit:
    """A kernel with arguments of fixed types and an int64 result, compiled or loaded when its address is first asked for."""

    def __init__(self, function: Any, kinds: tuple[Kind, ...]) -> None:
        self.__doc__ = function.__doc__
        self.name = f"{function.__module__}.{function.__name__}"
        self._module, self._function, self._kinds = function.__module__, function, kinds
        self._kernel: Any = None
        self._address = 0

    def address(self) -> int:
        """Host address of the machine code."""
        if not self._address:
            types = _numba_types(self._kinds)
            self._kernel = kernel(self._function)  # the library with the machine code lives as long as this
            self._kernel.compile(types)
            compiled = self._kernel.overloads[types]
            self._address = compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name)
        return self._address

    def is_compiled(self) -> bool:
        """The machine code is in this process or in the cache."""
        folder = cache_path(self._module)
        if os.environ.get("NUMBA_BOUNDSCHECK") == "1":
            folder = folder.with_name(folder.name + "-checked")
        return bool(self._address) or any(folder.rglob(f"*.{self._function.__name__}-*.nbc"))


def unit(*kinds: Kind) -> Any:
    """Make the decorated function a `Unit` with arguments of these types."""
    return lambda function: Unit(function, kinds)


def unit_call(*kinds: Kind) -> Any:
    """A function for kernels: ``call(address, (arguments))`` of a unit with arguments of these types; its int64 result."""
    from numba import types
    from numba.core import cgutils
    from numba.extending import intrinsic

    wanted = _numba_types(kinds)

    @intrinsic
    def call(typing_context: Any, address: Any, arguments: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            packed = cgutils.unpack_tuple(builder, values[1])
            cast = [context.cast(builder, *item) for item in zip(packed, signature.args[1], wanted, strict=True)]
            function_type = context.call_conv.get_function_type(types.int64, wanted)
            callee = builder.inttoptr(values[0], function_type.as_pointer())
            status, result = context.call_conv.call_function(builder, callee, types.int64, wanted, cast)
            with cgutils.if_unlikely(builder, status.is_error):
                context.call_conv.return_status_propagate(builder, status)
            return result

        return types.int64(types.int64, arguments), emit

    return call
