"""Expressions of slang's syntax trees as arrays of bits, least significant first: what `verilog_bits` is for pyverilog's.

Nets and constants, selections (also of packed and unpacked arrays and of packed structures), concatenations, and operators
as glue logic with the counts of cells that the other reader has for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pyslang import LiteralBase, SVInt, ast, logic_t

from workbench.base.errors import InputError
from workbench.netlist.readers.verilog_bits import number_bits
from workbench.netlist.readers.verilog_flat import FlatBuilder
from workbench.netlist.readers.verilog_scope import Scope

_B, _U = ast.BinaryOperator, ast.UnaryOperator
_BITWISE = {_B.BinaryAnd: "and2", _B.BinaryOr: "and2", _B.BinaryXor: "xor2", _B.BinaryXnor: "xor2"}
_COMPARE = {
    **dict.fromkeys((_B.Equality, _B.Inequality, _B.CaseEquality, _B.CaseInequality), "xor2"),
    **dict.fromkeys((_B.WildcardEquality, _B.WildcardInequality), "xor2"),
    **dict.fromkeys((_B.LessThan, _B.GreaterThan, _B.LessThanEqual, _B.GreaterThanEqual), "full_adder"),
    **dict.fromkeys((_B.LogicalAnd, _B.LogicalOr), "and2"),
}
_REDUCE = {
    **dict.fromkeys((_U.LogicalNot, _U.BitwiseAnd, _U.BitwiseNand, _U.BitwiseOr, _U.BitwiseNor), "and2"),
    **dict.fromkeys((_U.BitwiseXor, _U.BitwiseXnor), "xor2"),
}
_SHIFTS = (_B.LogicalShiftLeft, _B.LogicalShiftRight, _B.ArithmeticShiftLeft, _B.ArithmeticShiftRight)
_LEFT_SHIFTS = _SHIFTS[0], _SHIFTS[2]
_LARGEST_REPEAT = 1 << 24


class Expressions:
    """Bits of expressions of one elaborated design.

    Parameters
    ----------
    flat: what collects bits and glue logic.
    net_bits: bits of a net's or variable's symbol.
    line_of: line of an expression or symbol in the source.
    context: slang's context to evaluate constants in.
    """

    def __init__(
        self,
        flat: FlatBuilder,
        net_bits: Callable[[Any], np.ndarray],
        line_of: Callable[[Any], int],
        context: ast.EvalContext,
    ) -> None:
        self.flat, self.net_bits, self.line_of, self.context = flat, net_bits, line_of, context
        self.kinds: dict[type, Callable[[Any, Scope], tuple[np.ndarray, bool]]] = {
            ast.NamedValueExpression: self.value, ast.HierarchicalValueExpression: self.value,
            ast.ElementSelectExpression: self.element, ast.RangeSelectExpression: self.slice,
            ast.MemberAccessExpression: self.member, ast.ConcatenationExpression: self.concatenation,
            ast.ReplicationExpression: self.repetition, ast.ConversionExpression: self.conversion,
            ast.AssignmentExpression: lambda node, scope: self.bits(node.left, scope),
            ast.IntegerLiteral: self.literal, ast.UnbasedUnsizedIntegerLiteral: self.literal,
            ast.UnaryExpression: self.unary, ast.BinaryExpression: self.binary, ast.ConditionalExpression: self.choice,
        }  # fmt: skip

    def connect(self, node: Any, scope: Scope, width: int, what: Callable[[], str]) -> np.ndarray:
        """Bits of an expression for `width` bits; constants and operators adapt, nets must fit exactly."""
        bits, adapts = self.bits(node, scope)
        if len(bits) == width:
            return bits
        if not adapts:
            where = scope.where(self.line_of(node))
            raise InputError(where, f"{len(bits)} bits for {what()}", f"{width} bits", "select or concatenate as many")
        return np.concatenate([bits[:width], np.zeros(max(0, width - len(bits)), np.int64)])

    def bits(self, node: Any, scope: Scope) -> tuple[np.ndarray, bool]:
        """Bits of an expression, least significant first, and whether its width adapts to its use."""
        handler = self.kinds.get(type(node))
        if handler is not None:
            return handler(node, scope)
        if (value := self.constant(node)) is not None:
            return number_bits(value, max(1, node.type.bitWidth)), True
        if isinstance(node, ast.CallExpression) and node.subroutineName in ("$signed", "$unsigned"):
            return self.bits(node.arguments[0], scope)
        raise InputError(
            scope.where(self.line_of(node)), f"an expression outside a leaf ({node.kind.name})",
            "nets, constants and operators", "move it into a leaf module and name that in netlist.toml",
        )  # fmt: skip

    def constant(self, node: Any) -> int | None:
        """Value of a constant expression (unknown bits as 0), None if it is none."""
        value = node.constant or node.eval(self.context)
        return integer(value)

    def value(self, node: Any, scope: Scope) -> tuple[np.ndarray, bool]:
        symbol = node.symbol
        if isinstance(symbol, ast.ParameterSymbol | ast.EnumValueSymbol):
            number = integer(symbol.value)
            if number is not None:
                return number_bits(number, max(32, symbol.type.bitWidth)), True
        return self.net_bits(symbol), False

    def literal(self, node: Any, scope: Scope) -> tuple[np.ndarray, bool]:
        adapts = not isinstance(node, ast.IntegerLiteral) or node.isDeclaredUnsized
        return number_bits(self.constant(node) or 0, node.type.bitWidth), adapts

    def element(self, node: Any, scope: Scope) -> tuple[np.ndarray, bool]:
        base = self.bits(node.value, scope)[0]
        index, width = self.constant(node.selector), node.type.bitstreamWidth
        if index is None:
            if width > 1:
                where = scope.where(self.line_of(node))
                raise InputError(where, "a word chosen by a signal", "a constant index", "move it into a leaf module")
            both = np.concatenate([base, self.bits(node.selector, scope)[0]])
            return self.flat.glue(scope, {"mux2": max(1, len(base) - 1)}, both, 1, self.line_of(node)), False
        low = self.position(node, index, scope) * width
        return base[low : low + width], False

    def slice(self, node: Any, scope: Scope) -> tuple[np.ndarray, bool]:
        base = self.bits(node.value, scope)[0]
        first, last = self.constant(node.left), self.constant(node.right)
        if first is None or last is None:
            where = scope.where(self.line_of(node))
            raise InputError(where, "a slice chosen by a signal", "a constant range", "move it into a leaf module")
        if node.selectionKind != ast.RangeSelectionKind.Simple:
            step = (last - 1) * (1 if node.selectionKind == ast.RangeSelectionKind.IndexedUp else -1)
            last = first + step
        low, high = sorted((self.position(node, first, scope), self.position(node, last, scope)))
        width = node.type.bitstreamWidth // (high - low + 1)
        return base[low * width : (high + 1) * width], False

    def position(self, node: Any, index: int, scope: Scope) -> int:
        """Place of an index counted from the right end of the declared range of what is selected from."""
        declared = node.value.type.fixedRange
        low, high = sorted((declared.left, declared.right))
        if not low <= index <= high:
            expected = f"an index within [{declared.left}:{declared.right}]"
            raise InputError(scope.where(self.line_of(node)), f"the index {index}", expected, "correct it")
        return abs(index - declared.right)

    def member(self, node: Any, scope: Scope) -> tuple[np.ndarray, bool]:
        base, low = self.bits(node.value, scope)[0], node.member.bitOffset
        return base[low : low + node.type.bitstreamWidth], False

    def concatenation(self, node: Any, scope: Scope) -> tuple[np.ndarray, bool]:
        parts = [self.bits(part, scope)[0] for part in reversed(node.operands)]
        return (np.concatenate(parts) if parts else np.zeros(0, np.int64)), False

    def repetition(self, node: Any, scope: Scope) -> tuple[np.ndarray, bool]:
        times, part = self.constant(node.count), self.bits(node.concat, scope)[0]
        if times is None or not 0 <= times <= _LARGEST_REPEAT // max(1, len(part)):
            raise InputError(scope.where(self.line_of(node)), f"{times} repetitions", "a smaller number", "correct it")
        return np.tile(part, times), False

    def conversion(self, node: Any, scope: Scope) -> tuple[np.ndarray, bool]:
        bits, adapts = self.bits(node.operand, scope)
        if node.isImplicit:
            return bits, adapts
        width = node.type.bitstreamWidth
        fill = bits[-1] if len(bits) and node.operand.type.isSigned else 0
        return np.concatenate([bits[:width], np.full(max(0, width - len(bits)), fill, np.int64)]), False

    def unary(self, node: Any, scope: Scope) -> tuple[np.ndarray, bool]:
        if (value := self.constant(node)) is not None:
            return number_bits(value, 32), True
        right, line = self.bits(node.operand, scope)[0], self.line_of(node)
        if node.op in _REDUCE:
            return self.flat.glue(scope, {_REDUCE[node.op]: len(right)}, right, 1, line), True
        if node.op == _U.Plus:
            return right, True
        cell = "inverter" if node.op == _U.BitwiseNot else "half_adder"
        return self.flat.glue(scope, {cell: len(right)}, right, len(right), line), True

    def binary(self, node: Any, scope: Scope) -> tuple[np.ndarray, bool]:
        if (value := self.constant(node)) is not None:
            return number_bits(value, max(32, node.type.bitWidth)), True
        left, line, op = self.bits(node.left, scope)[0], self.line_of(node), node.op
        if op in _SHIFTS and (distance := self.constant(node.right)) is not None:
            zeros = np.zeros(min(max(0, distance), len(left)), np.int64)
            parts = [zeros, left[: len(left) - len(zeros)]] if op in _LEFT_SHIFTS else [left[len(zeros) :], zeros]
            return np.concatenate(parts), True
        right = self.bits(node.right, scope)[0]
        wide, both = max(len(left), len(right)), np.concatenate([left, right])
        if op in _SHIFTS:
            cells, wide = {"mux2": len(left) * min(len(right), len(left).bit_length())}, len(left)
        elif op in _COMPARE:
            cells, wide = {_COMPARE[op]: wide}, 1
        elif op in _BITWISE:
            cells = {_BITWISE[op]: wide}
        elif op in (_B.Add, _B.Subtract):
            cells = {"full_adder": wide}
        else:
            cells = {"full_adder": len(left) * len(right), "and2": len(left) * len(right)}
        return self.flat.glue(scope, cells, both, wide, line), True

    def choice(self, node: Any, scope: Scope) -> tuple[np.ndarray, bool]:
        if (value := self.constant(node)) is not None:
            return number_bits(value, max(32, node.type.bitWidth)), True
        parts = [self.bits(part, scope)[0] for part in (node.conditions[0].expr, node.left, node.right)]
        wide = max(len(parts[1]), len(parts[2]))
        return self.flat.glue(scope, {"mux2": wide}, np.concatenate(parts), wide, self.line_of(node)), True


def integer(value: Any) -> int | None:
    """A constant of slang (or a number in it) as a number, unknown bits as 0; None if it is no whole number."""
    value = getattr(value, "value", value)
    if isinstance(value, SVInt) and value.hasUnknown:
        digits = value.toString(LiteralBase.Binary, False)
        return int("".join(digit if digit in "01" else "0" for digit in digits), 2)
    if isinstance(value, SVInt | int):
        return int(value)
    return int(str(value) == "1") if isinstance(value, logic_t) else None
