"""Expressions above leaf level as arrays of bits: selections, concatenations, constants - and glue logic.

Operators between leaves (``a & b``, ``sel ? a : b``) become small leaves of their own, counted in generic cells, so that a
design need not wrap every gate into a module. They matter for connectivity and area, not for function.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from pyverilog.vparser import ast

from workbench.base.errors import InputError
from workbench.netlist.readers.verilog_constants import NotConstantError, constant, evaluate, parse_number
from workbench.netlist.readers.verilog_scope import Scope, Signal

Cells = dict[str, int]

_BITWISE = {ast.And: "and2", ast.Or: "and2", ast.Xor: "xor2", ast.Xnor: "xor2"}
_COMPARE = {
    ast.Eq: "xor2", ast.Eql: "xor2", ast.NotEq: "xor2", ast.NotEql: "xor2", ast.LessThan: "full_adder",
    ast.GreaterThan: "full_adder", ast.LessEq: "full_adder", ast.GreaterEq: "full_adder", ast.Land: "and2", ast.Lor: "and2",
}  # fmt: skip
_REDUCE = {
    ast.Ulnot: "and2", ast.Uand: "and2", ast.Unand: "and2", ast.Uor: "and2", ast.Unor: "and2", ast.Uxor: "xor2",
    ast.Uxnor: "xor2",
}  # fmt: skip
_SHIFTS = (ast.Sll, ast.Sla, ast.Srl, ast.Sra)


class Builder(Protocol):
    """What makes new bits while expressions are looked at."""

    def fresh(self, name: str, width: int, where: str) -> np.ndarray:
        """New bits of a signal."""

    def glue(self, scope: Scope, cells: Cells, inputs: np.ndarray, width: int, line: int) -> np.ndarray:
        """Output bits of a new piece of glue logic."""


def number_bits(value: int, width: int) -> np.ndarray:
    """A constant as bits 0 and 1, least significant first."""
    return np.array([value >> i & 1 for i in range(width)], np.int64)


def connect(node: Any, scope: Scope, builder: Builder, width: int, line: int, what: str) -> np.ndarray:
    """Bits of an expression for `width` bits of `what`; constants and operators adapt, nets must fit exactly."""
    bits, adapts = expression(node, scope, builder)
    if len(bits) == width:
        return bits
    if not adapts:
        raise InputError(scope.where(line), f"{len(bits)} bits for {what}", f"{width} bits", "select or concatenate as many")
    return np.concatenate([bits[:width], np.zeros(max(0, width - len(bits)), np.int64)])


def expression(node: Any, scope: Scope, builder: Builder) -> tuple[np.ndarray, bool]:
    """Bits of an expression, least significant first, and whether its width adapts to its use."""
    kind = type(node)
    if kind in (ast.Lvalue, ast.Rvalue):
        return expression(node.var, scope, builder)
    if kind is ast.Identifier:
        return _name(node, scope, builder)
    if kind is ast.IntConst:
        value, width = parse_number(node.value)
        if width is not None and width > 1 << 20:
            raise InputError(scope.where(node.lineno), f"a number of {width:,} bits", "a smaller one", "correct its size")
        return number_bits(value, width or 32), width is None
    if kind in (ast.Pointer, ast.Partselect):
        return _select(node, scope, builder)
    if kind in (ast.Concat, ast.LConcat):
        return np.concatenate([_part(part, scope, builder) for part in reversed(node.list)]), False
    if kind is ast.Repeat:
        times = constant(node.times, scope)
        part = expression(node.value, scope, builder)[0]
        if not 0 <= times <= (1 << 24) // max(1, len(part)):
            raise InputError(scope.where(node.lineno), f"{times:,} repetitions", "a smaller number", "correct it")
        return np.tile(part, times), False
    return _operator(node, scope, builder)


def _part(node: Any, scope: Scope, builder: Builder) -> np.ndarray:
    if isinstance(node, ast.IntConst) and parse_number(node.value)[1] is None:
        raise InputError(
            scope.where(node.lineno), f"the number {node.value} in a concatenation", "a number with a size",
            f"write for example 1'b{node.value if node.value in '01' else '0'}",
        )  # fmt: skip
    return expression(node, scope, builder)[0]


def _name(node: ast.Identifier, scope: Scope, builder: Builder) -> tuple[np.ndarray, bool]:
    found = find(node, scope, builder)
    if isinstance(found, int):
        return number_bits(found, 32), True
    if found.word is not None:
        raise InputError(scope.where(node.lineno), f"the whole array {node.name!r}", "one of its words", "give an index")
    return found.bits, False


def find(node: ast.Identifier, scope: Scope, builder: Builder) -> Signal | int:
    """The signal or number that a name stands for; undeclared names become wires of one bit unless that is forbidden."""
    start: Scope = scope
    for label in node.scope.labellist if node.scope is not None else ():
        index = None if label.loop is None else constant(label.loop, scope)
        inner = start.block(label.name, index)
        if inner is None:
            raise InputError(
                scope.where(node.lineno), f"the block {label.name!r} before {node.name!r}",
                "a generate block in this module", "reach other modules through ports",
            )  # fmt: skip
        start = inner
    found = start.names.get(node.name) if node.scope is not None else scope.lookup(node.name)
    if isinstance(found, Signal | int):
        return found
    if found is not None or not scope.source.implicit_nets or node.scope is not None:
        raise InputError(scope.where(node.lineno), f"the undeclared name {node.name!r}", "a declared net", "declare it")
    outermost = scope
    while outermost.outer is not None:
        outermost = outermost.outer
    bits = builder.fresh(outermost.child(node.name), 1, scope.where(node.lineno))
    outermost.names[node.name] = Signal(bits, 0, 0)
    return outermost.names[node.name]


def _select(node: Any, scope: Scope, builder: Builder) -> tuple[np.ndarray, bool]:
    """A bit, a slice, or a word of an array."""
    base = node.var
    if isinstance(base, ast.Pointer):  # array[word][...]
        signal = _word(base, scope, builder)
    else:
        found = find(base, scope, builder)
        if isinstance(found, int):
            return number_bits(constant(node, scope), 1), False
        signal = found
    if signal.word is not None and isinstance(node, ast.Pointer):
        return _word(node, scope, builder).bits, False
    if isinstance(node, ast.Pointer):
        try:
            index = evaluate(node.ptr, scope)
        except NotConstantError:
            selector = expression(node.ptr, scope, builder)[0]
            inputs = np.concatenate([signal.bits, selector])
            cells = {"mux2": max(1, len(signal.bits) - 1)}
            return builder.glue(scope, cells, inputs, 1, node.lineno), False
        return _slice(node, scope, signal, index, index), False
    msb = constant(node.msb, scope)
    if isinstance(node.lsb, ast.Plus | ast.Minus) and node.lsb.left is node.msb:  # [base +: width], [base -: width]
        width = constant(node.lsb.right, scope)
        step = (width - 1) * (1 if isinstance(node.lsb, ast.Plus) else -1)
        low, high = sorted((msb, msb + step))
        ends = (high, low) if signal.msb >= signal.lsb else (low, high)
        return _slice(node, scope, signal, *ends), False
    return _slice(node, scope, signal, msb, constant(node.lsb, scope)), False


def _slice(node: Any, scope: Scope, signal: Signal, msb: int, lsb: int) -> np.ndarray:
    if signal.word is not None:
        raise InputError(scope.where(node.lineno), "a slice of a whole array", "one of its words", "give an index first")
    low, high = signal.position(lsb), signal.position(msb)
    if not 0 <= low <= high < len(signal.bits):
        name = getattr(node.var, "name", "it")
        raise InputError(
            scope.where(node.lineno), f"[{msb}:{lsb}] of {name!r}", f"a range within [{signal.msb}:{signal.lsb}]",
            "correct the range",
        )  # fmt: skip
    return signal.bits[low : high + 1]


def _word(node: ast.Pointer, scope: Scope, builder: Builder) -> Signal:
    found = find(node.var, scope, builder) if isinstance(node.var, ast.Identifier) else 0
    if not isinstance(found, Signal) or found.word is None:
        raise InputError(
            scope.where(node.lineno), "two indices on a net that is no array", "one index", "remove one of them"
        )
    position = found.word_position(constant(node.ptr, scope))
    if not 0 <= position < len(found.bits):
        first, last = found.word
        raise InputError(
            scope.where(node.lineno), f"a word outside {node.var.name!r}", f"an index within [{first}:{last}]", "correct it"
        )
    return Signal(found.bits[position], found.msb, found.lsb)


def _operator(node: Any, scope: Scope, builder: Builder) -> tuple[np.ndarray, bool]:
    """A constant expression, or glue logic."""
    try:
        return number_bits(evaluate(node, scope), 32), True
    except NotConstantError:
        pass
    kind = type(node)
    if kind is ast.SystemCall and node.syscall in ("signed", "unsigned") and len(node.args) == 1:
        return expression(node.args[0], scope, builder)
    if kind is ast.Cond:
        return _choice(node, scope, builder), True
    if not isinstance(node, ast.Operator):
        raise InputError(
            scope.where(node.lineno), f"an expression outside a leaf ({kind.__name__})", "nets, constants and operators",
            "move it into a leaf module and name that in netlist.toml",
        )  # fmt: skip
    right = expression(node.right, scope, builder)[0]
    if isinstance(node, ast.UnaryOperator):
        if kind in _REDUCE:
            return builder.glue(scope, {_REDUCE[kind]: len(right)}, right, 1, node.lineno), True
        cell = "inverter" if kind is ast.Unot else "half_adder"
        return builder.glue(scope, {cell: len(right)}, right, len(right), node.lineno), True
    left = expression(node.left, scope, builder)[0]
    if kind in _SHIFTS:
        return _shift(node, left, right, scope, builder), True
    wide, both = max(len(left), len(right)), np.concatenate([left, right])
    if kind in _COMPARE:
        return builder.glue(scope, {_COMPARE[kind]: wide}, both, 1, node.lineno), True
    if kind in _BITWISE:
        return builder.glue(scope, {_BITWISE[kind]: wide}, both, wide, node.lineno), True
    if kind in (ast.Plus, ast.Minus):
        return builder.glue(scope, {"full_adder": wide}, both, wide, node.lineno), True
    product = {"full_adder": len(left) * len(right), "and2": len(left) * len(right)}
    return builder.glue(scope, product, both, wide, node.lineno), True


def _choice(node: ast.Cond, scope: Scope, builder: Builder) -> np.ndarray:
    parts = [expression(part, scope, builder)[0] for part in (node.cond, node.true_value, node.false_value)]
    wide = max(len(parts[1]), len(parts[2]))
    return builder.glue(scope, {"mux2": wide}, np.concatenate(parts), wide, node.lineno)


def _shift(node: Any, left: np.ndarray, right: np.ndarray, scope: Scope, builder: Builder) -> np.ndarray:
    """A shift by a constant is wiring, one by a signal a row of multiplexers for each bit of the distance."""
    try:
        distance = min(max(0, evaluate(node.right, scope)), len(left))
    except NotConstantError:
        cells = {"mux2": len(left) * min(len(right), len(left).bit_length())}
        return builder.glue(scope, cells, np.concatenate([left, right]), len(left), node.lineno)
    zeros = np.zeros(distance, np.int64)
    if isinstance(node, ast.Sll | ast.Sla):
        return np.concatenate([zeros, left[: len(left) - distance]])
    return np.concatenate([left[distance:], zeros])
