"""Machine operations that Python cannot say: unaligned loads and stores, reinterpretation, fused multiply-add.

Pointers are plain integers (host addresses); kernels check the guest address before they make one.
"""

from __future__ import annotations

from typing import Any

from workbench.base.jit import intrinsic


@intrinsic
def load(typing_context: Any, pointer: Any, example: Any) -> Any:
    """The value of the type of `example` at a host address, any alignment."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(signature.return_type)
        place = builder.inttoptr(arguments[0], kind.as_pointer())
        return builder.load(place, align=1)

    return example(pointer, example), emit


@intrinsic
def store(typing_context: Any, pointer: Any, value: Any) -> Any:
    """Write `value` at a host address, any alignment; returns it."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], arguments[1].type.as_pointer())
        builder.store(arguments[1], place, align=1)
        return arguments[1]

    return value(pointer, value), emit


@intrinsic
def get(typing_context: Any, pointer: Any, index: Any, example: Any) -> Any:
    """Element `index` of an array of the type of `example` at a host address (in a form that LLVM vectorises)."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(signature.return_type)
        place = builder.gep(builder.inttoptr(arguments[0], kind.as_pointer()), [arguments[1]])
        return builder.load(place, align=1)

    return example(pointer, index, example), emit


@intrinsic
def put(typing_context: Any, pointer: Any, index: Any, value: Any) -> Any:
    """Set element `index` of an array of the type of `value` at a host address; returns the value."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = arguments[2]
        place = builder.gep(builder.inttoptr(arguments[0], value.type.as_pointer()), [arguments[1]])
        builder.store(value, place, align=1)
        return value

    return value(pointer, index, value), emit


@intrinsic
def copy_bytes(typing_context: Any, target: Any, source: Any, count: Any) -> Any:
    """memmove between host addresses; returns `count`."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer = type(arguments[2].type)
        byte = integer(8).as_pointer()
        function = builder.module.declare_intrinsic("llvm.memmove", [byte, byte, arguments[2].type])
        places = [builder.inttoptr(value, byte) for value in arguments[:2]]
        builder.call(function, [*places, arguments[2], integer(1)(0)])
        return arguments[2]

    return count(target, source, count), emit


@intrinsic
def record_at(typing_context: Any, pointer: Any, example: Any) -> Any:
    """The record of the type of `example` at a host address; `example` itself for address 0."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer, own = arguments
        is_own = builder.icmp_signed("==", pointer, pointer.type(0))
        return builder.select(is_own, own, builder.inttoptr(pointer, own.type))

    return example(pointer, example), emit


@intrinsic
def reinterpret(typing_context: Any, value: Any, example: Any) -> Any:
    """The bits of `value` as the type of `example` (same width)."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return example(value, example), emit


@intrinsic
def foretold(typing_context: Any, value: Any) -> Any:
    """The value itself, in a way that keeps the branch it stands in a branch: the host predicts which one is taken.

    LLVM would select between the values of both branches, and what follows would wait for the condition.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        function_type = type(builder.function.function_type)(kind, [kind])
        return builder.asm(function_type, "", "=r,0", arguments, True)

    return value(value), emit


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c rounded once, in the type of `a` (float32 or float64)."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return a(a, a, a), emit


@intrinsic
def multiply_high_unsigned(typing_context: Any, a: Any, b: Any) -> Any:
    """High 64 bits of the unsigned 128-bit product of two 64-bit values."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        narrow = arguments[0].type
        wide = type(narrow)(128)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        return builder.trunc(builder.lshr(product, wide(64)), narrow)

    return a(a, a), emit


@intrinsic
def multiply_high_signed(typing_context: Any, a: Any, b: Any) -> Any:
    """High 64 bits of the signed 128-bit product of two 64-bit values."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        narrow = arguments[0].type
        wide = type(narrow)(128)
        product = builder.mul(builder.sext(arguments[0], wide), builder.sext(arguments[1], wide))
        return builder.trunc(builder.lshr(product, wide(64)), narrow)

    return a(a, a), emit


def _count(name: str) -> Any:
    @intrinsic
    def count(typing_context: Any, value: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            if name == "ctpop":
                return builder.ctpop(arguments[0])
            zero_is_defined = type(arguments[0].type)(1)(0)
            return getattr(builder, name)(arguments[0], zero_is_defined)

        return value(value), emit

    return count


leading_zeros, trailing_zeros, population = _count("ctlz"), _count("cttz"), _count("ctpop")
