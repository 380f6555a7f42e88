"""Slides, gathers, compress: element moves between places, on operands widened to int64.

Source: The RISC-V Instruction Set Manual, Volume I (20240411), chapter "V", "Vector Permutation Instructions".
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.base.jit import inner_kernel
from workbench.core.interpreter.primitives import get, put
from workbench.core.vector.forms import function_number
from workbench.core.vector.mask import bit

_I64 = np.int64(0)
MV_X_S, MV_S_X, MV_F_S, MOVE_WHOLE = (function_number("permute", n) for n in "mv_x_s mv_s_x mv_f_s move_whole".split())
GATHER, _GATHER_ONE, GATHER16, COMPRESS = (
    function_number("permute", n) for n in "gather gather_one gather16 compress".split()
)
SLIDEUP, _SLIDEDOWN, _SLIDE1UP, _SLIDE1DOWN = (
    function_number("permute", n) for n in "slideup slidedown slide1up slide1down".split()
)


@inner_kernel
def may_overlap(function: int) -> Any:
    """The destination group may be the source group: slides down only."""
    return function == _SLIDEDOWN or function == _SLIDE1DOWN


@inner_kernel
def _shift_down(b: Any, out: Any, count: int, available: int, offset: int) -> None:
    """out[i] = b[i + offset], 0 behind the group; `offset` is unsigned."""
    keep = available - offset if np.uint64(offset) < np.uint64(available) else np.int64(0)
    keep = min(keep, count)
    for i in range(keep):
        put(out, i, get(b, i + offset, _I64))
    for i in range(keep, count):
        put(out, i, np.int64(0))


@inner_kernel
def _shift_up(b: Any, out: Any, count: int, offset: int) -> None:
    """out[i] = b[i - offset] from `offset` on; what lies below keeps its value."""
    if np.uint64(offset) < np.uint64(count):
        for i in range(offset, count):
            put(out, i, get(b, i - offset, _I64))


@inner_kernel
def permute_elements(function: int, a: Any, b: Any, out: Any, count: int, available: int, scalar: int) -> None:
    """Slides and gathers: `b` has `available` elements of vs2, `a` the indices, `out` holds vd for vslideup."""
    if function == GATHER or function == GATHER16:
        for i in range(count):
            index = get(a, i, _I64)
            inside = np.uint64(index) < np.uint64(available)
            put(out, i, get(b, index if inside else np.int64(0), _I64) if inside else np.int64(0))
    elif function == _GATHER_ONE:
        value = get(b, scalar, _I64) if np.uint64(scalar) < np.uint64(available) else np.int64(0)
        for i in range(count):
            put(out, i, value)
    elif function == SLIDEUP:
        _shift_up(b, out, count, scalar)
    elif function == _SLIDEDOWN:
        _shift_down(b, out, count, available, scalar)
    elif function == _SLIDE1UP:
        _shift_up(b, out, count, np.int64(1))
        put(out, 0, scalar)
    else:
        _shift_down(b, out, count, available, np.int64(1))
        put(out, count - 1, scalar)


@inner_kernel
def compress_elements(source: Any, b: Any, out: Any, count: int) -> Any:
    """out[0 ...] = the elements whose mask bit at `source` is set; returns how many."""
    kept = np.int64(0)
    for i in range(count):
        if bit(source, i):
            put(out, kept, get(b, i, _I64))
            kept += 1
    return kept
