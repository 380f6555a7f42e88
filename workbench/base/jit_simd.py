"""Loops over arrays in chunks of 32 bytes, in LLVM's vector types: for the few elements of a simulated vector register.

LLVM's own vectoriser unrolls for long arrays and leaves the last dozen elements to a scalar loop, which is all there are in
a short register group; and it compiles each loop in several forms. A chunk is loaded, computed and stored as a whole: what
lies behind the last element is written back as it was, so arrays need `SLACK_BYTES` behind them. Addresses are the host's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CHUNK_BYTES = 32
SLACK_BYTES = CHUNK_BYTES

Compute = Callable[[Any, Any, Any, Any], Any]
"""(LLVM builder, vs1's chunk, vs2's, the old destination's) -> the result's chunk."""

Doubt = Callable[[Any, Any, Any, Any, Any], Any]
"""(the same, and the result's chunk) -> mask of lanes (i1) whose result needs another look."""


def _chunk_type(kind: Any) -> Any:
    from llvmlite import ir

    size = {"double": 8, "float": 4}.get(str(kind)) or kind.width // 8
    return ir.VectorType(kind, CHUNK_BYTES // size)


def _splat(builder: Any, value: Any, chunk: Any) -> Any:
    from llvmlite import ir

    lanes = ir.VectorType(ir.IntType(32), chunk.count)
    one = builder.insert_element(ir.Constant(chunk, ir.Undefined), value, ir.IntType(32)(0))
    return builder.shuffle_vector(one, ir.Constant(chunk, ir.Undefined), ir.Constant(lanes, None))


def _first_lanes(builder: Any, chunk: Any, remaining: Any) -> Any:
    """Mask of the lanes that are among the `remaining` elements."""
    from llvmlite import ir

    lanes = ir.VectorType(ir.IntType(16), chunk.count)
    most = ir.IntType(64)(chunk.count)
    few = builder.select(builder.icmp_signed("<", remaining, most), remaining, most)
    numbers = ir.Constant(lanes, [ir.IntType(16)(k) for k in range(chunk.count)])
    return builder.icmp_signed("<", numbers, _splat(builder, builder.trunc(few, ir.IntType(16)), lanes))


def _any_lane(builder: Any, mask: Any) -> Any:
    from llvmlite import ir

    return builder.zext(builder.bitcast(mask, ir.IntType(mask.type.count)), ir.IntType(64))


def _call(builder: Any, name: str, *values: Any) -> Any:
    """LLVM's intrinsic function of that name on chunks of one type."""
    from llvmlite import ir

    chunk = values[0].type
    full_name = f"{name}.v{chunk.count}{chunk.element.intrinsic_name}"
    function_type = ir.FunctionType(chunk, [chunk] * len(values))
    return builder.call(builder.module.declare_intrinsic(full_name, fnty=function_type), values)


def multiply_add(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once."""
    return _call(builder, "llvm.fma", a, b, c)


def constant(value: float, chunk: Any) -> Any:
    """A chunk of copies of a constant."""
    from llvmlite import ir

    return ir.Constant(chunk, [chunk.element(value)] * chunk.count)


def not_within(builder: Any, value: Any, greatest: float) -> Any:
    """Mask of lanes whose size is greater than that, or no number."""
    size = _call(builder, "llvm.fabs", value)
    return builder.fcmp_unordered(">", size, constant(greatest, value.type))


def is_lost(builder: Any, product: Any, factors: tuple[Any, Any], least: float) -> Any:
    """Mask of lanes that are smaller than `least` though no factor is zero."""
    zero = constant(0.0, product.type)
    size = _call(builder, "llvm.fabs", product)
    is_small = builder.fcmp_ordered("<", size, constant(least, product.type))
    comes_from_zero = builder.or_(*(builder.fcmp_ordered("==", factor, zero) for factor in factors))
    is_zero = builder.fcmp_ordered("==", product, zero)
    return builder.and_(is_small, builder.not_(builder.and_(is_zero, comes_from_zero)))


def as_integers(builder: Any, value: Any) -> Any:
    """The bits of a chunk of floats as integers of their width."""
    from llvmlite import ir

    return builder.bitcast(value, ir.VectorType(ir.IntType(8 * CHUNK_BYTES // value.type.count), value.type.count))


def chunk_operation(compute: Compute, doubt: Doubt | None = None) -> Any:
    """A function for kernels: one chunk of an operation on arrays whose elements have the type of `kind`.

    ``operate(target, a, step, b, saved, at, remaining, kind)``: element `at` and those after it, as many as a chunk holds
    and at most `remaining`, of `target` become what `compute` makes of `a` (its first chunk if `step` is 0), `b` and the
    old `target`, which is copied to `saved`. The result has a bit for each element that `doubt` is about.
    """
    from numba import types
    from numba.extending import intrinsic

    @intrinsic
    def operate(
        typing_context: Any, target: Any, a: Any, step: Any, b: Any, saved: Any, at: Any, remaining: Any, kind: Any
    ) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            target, a, step, b, saved, at, remaining = arguments[:7]
            element = context.get_value_type(signature.args[7])
            chunk = _chunk_type(element)

            def place(base: Any, index: Any) -> Any:
                first = builder.gep(builder.inttoptr(base, element.as_pointer()), [index])
                return builder.bitcast(first, chunk.as_pointer())

            x, y = builder.load(place(a, builder.mul(at, step)), align=1), builder.load(place(b, at), align=1)
            where = place(target, at)
            old = builder.load(where, align=1)
            builder.store(old, place(saved, at), align=1)
            result = compute(builder, x, y, old)
            active = _first_lanes(builder, chunk, remaining)
            builder.store(builder.select(active, result, old), where, align=1)
            if doubt is None:
                return context.get_constant(types.int64, 0)
            return _any_lane(builder, builder.and_(doubt(builder, x, y, old, result), active))

        return types.int64(*[types.int64] * 7, kind), emit

    return operate


def fill_chunk(typing_context: Any, place: Any, value: Any) -> Any:
    """Write a chunk of copies of `value` at a host address (an intrinsic's definition)."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        chunk = _chunk_type(arguments[1].type)
        builder.store(_splat(builder, arguments[1], chunk), builder.inttoptr(arguments[0], chunk.as_pointer()), align=1)
        return arguments[0]

    return place(place, value), emit
