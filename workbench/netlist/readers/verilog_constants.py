"""Constant expressions of Verilog-2001: parameters, genvars, sized literals, $clog2, and constant functions.

Values are whole numbers of any size: a constant expression in this reader sets widths, ranges and conditions, where the
truncation to 32 bits that the standard prescribes for unsized operands is an error of the design, not a feature.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, Protocol

from pyverilog.vparser import ast

from workbench.base.errors import InputError

_NUMBER = re.compile(r"(\d+)?'[sS]?([bBoOdDhH])(.+)$")
_BASES = {"b": 2, "o": 8, "d": 10, "h": 16}
_LARGEST_BITS = 65_536
_MOST_STEPS = 1_000_000

_BINARY: dict[type, Callable[[int, int], int]] = {
    ast.Plus: operator.add,
    ast.Minus: operator.sub,
    ast.Times: operator.mul,
    ast.LessThan: lambda a, b: int(a < b),
    ast.GreaterThan: lambda a, b: int(a > b),
    ast.LessEq: lambda a, b: int(a <= b),
    ast.GreaterEq: lambda a, b: int(a >= b),
    ast.Eq: lambda a, b: int(a == b),
    ast.Eql: lambda a, b: int(a == b),
    ast.NotEq: lambda a, b: int(a != b),
    ast.NotEql: lambda a, b: int(a != b),
    ast.And: operator.and_,
    ast.Or: operator.or_,
    ast.Xor: operator.xor,
    ast.Xnor: lambda a, b: ~(a ^ b),
    ast.Land: lambda a, b: int(bool(a) and bool(b)),
    ast.Lor: lambda a, b: int(bool(a) or bool(b)),
}
_UNARY: dict[type, Callable[[int], int]] = {
    ast.Uplus: operator.pos,
    ast.Uminus: operator.neg,
    ast.Ulnot: lambda a: int(not a),
    ast.Unot: operator.invert,
    ast.Uor: lambda a: int(a != 0),
    ast.Unor: lambda a: int(a == 0),
    ast.Uxor: lambda a: a.bit_count() & 1,
    ast.Uxnor: lambda a: (a.bit_count() & 1) ^ 1,
}


class Names(Protocol):
    """What constant expressions are evaluated in."""

    def lookup(self, name: str) -> Any:
        """The number, function or signal of a name, None if there is none."""

    def where(self, line: int) -> str:
        """Place of a line, for errors."""


class NotConstantError(Exception):
    """An expression that depends on a signal, or uses what no constant expression may."""


def parse_number(text: str) -> tuple[int, int | None]:
    """Value and width (None if unsized) of a literal; unknown and high-impedance digits count as 0."""
    match = _NUMBER.match(text)
    if not match:
        return int(text.replace("_", "")), None
    size, base, digits = match.groups()
    digits = re.sub(r"[xXzZ?]", "0", digits.replace("_", ""))
    return int(digits, _BASES[base.lower()]), int(size) if size else None


def constant(node: Any, names: Names) -> int:
    """Value of a constant expression; InputError with its place if it is none."""
    try:
        return evaluate(node, names)
    except NotConstantError as error:
        raise InputError(
            names.where(node.lineno), str(error), "a constant expression", "use parameters, genvars and numbers there"
        ) from None


def evaluate(node: Any, names: Names) -> int:
    """Value of an expression; NotConstantError if it has none."""
    kind = type(node)
    if kind is ast.IntConst:
        return parse_number(node.value)[0]
    if kind is ast.Identifier:
        return _named(node, names)
    if kind is ast.Rvalue:
        return evaluate(node.var, names)
    if kind in _BINARY:
        return _BINARY[kind](evaluate(node.left, names), evaluate(node.right, names))
    if kind in _UNARY:
        return _UNARY[kind](evaluate(node.right, names))
    if kind is ast.Cond:
        return evaluate(node.true_value if evaluate(node.cond, names) else node.false_value, names)
    if isinstance(node, ast.Operator) and not isinstance(node, ast.UnaryOperator):
        return _bounded(kind, evaluate(node.left, names), evaluate(node.right, names))
    if kind is ast.FunctionCall:
        return _call(node, names)
    if kind is ast.SystemCall and node.syscall == "clog2" and len(node.args) == 1:
        return max(0, evaluate(node.args[0], names) - 1).bit_length()
    if kind is ast.SystemCall and node.syscall in ("signed", "unsigned") and len(node.args) == 1:
        return evaluate(node.args[0], names)
    if kind is ast.Pointer:
        return evaluate(node.var, names) >> max(0, evaluate(node.ptr, names)) & 1
    raise NotConstantError(f"an expression ({kind.__name__})")


def _named(node: ast.Identifier, names: Names) -> int:
    value = names.lookup(node.name) if node.scope is None else None
    if isinstance(value, int):
        return value
    raise NotConstantError(f"{node.name!r}, which is no constant")


def _bounded(kind: type, left: int, right: int) -> int:
    """Operators whose result may be huge or undefined."""
    if kind in (ast.Divide, ast.Mod):
        if right == 0:
            raise NotConstantError("a division by zero")
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return quotient if kind is ast.Divide else left - quotient * right
    if right < 0 or right > _LARGEST_BITS or left.bit_length() * (right if kind is ast.Power else 1) > _LARGEST_BITS:
        raise NotConstantError("a number beyond 65,536 bits")
    if kind is ast.Power:
        return left**right
    return left << right if kind in (ast.Sll, ast.Sla) else left >> right


class _Locals:
    """Names inside a call of a constant function."""

    def __init__(self, outer: Names) -> None:
        self.values: dict[str, int] = {}
        self.widths: dict[str, int] = {}
        self.outer, self.steps = outer, 0

    def lookup(self, name: str) -> Any:
        return self.values[name] if name in self.values else self.outer.lookup(name)

    def where(self, line: int) -> str:
        return self.outer.where(line)

    def assign(self, name: str, value: int) -> None:
        if name not in self.values:
            raise NotConstantError(f"an assignment to {name!r}, which is not local")
        self.values[name] = value & ((1 << self.widths[name]) - 1)

    def step(self) -> None:
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise NotConstantError(f"a constant function that takes more than {_MOST_STEPS:,} steps")


def _call(node: ast.FunctionCall, names: Names) -> int:
    name = node.name.name if isinstance(node.name, ast.Identifier) else str(node.name)
    function = names.lookup(name)
    if not isinstance(function, ast.Function):
        raise NotConstantError(f"a call of {name!r}, which is no function here")
    inner, inputs = _Locals(names), []
    _declare(inner, function.name, function.retwidth, names)
    statements = []
    for item in function.statement:
        if not isinstance(item, ast.Decl):
            statements.append(item)
            continue
        for variable in item.list:
            _declare(inner, variable.name, variable.width, names)
            if isinstance(variable, ast.Input):
                inputs.append(variable.name)
    if len(inputs) != len(node.args):
        raise NotConstantError(f"{len(node.args)} arguments of {name!r}, which takes {len(inputs)}")
    for argument, value in zip(inputs, node.args, strict=True):
        inner.assign(argument, evaluate(value, names))
    for statement in statements:
        _execute(statement, inner)
    return inner.values[function.name]


def _declare(inner: _Locals, name: str, width: Any, names: Names) -> None:
    bits = 1 if width is None else abs(evaluate(width.msb, names) - evaluate(width.lsb, names)) + 1
    inner.values[name], inner.widths[name] = 0, min(bits, _LARGEST_BITS)


def _execute(node: Any, inner: _Locals) -> None:
    """One statement of a constant function."""
    inner.step()
    kind = type(node)
    if kind is ast.Block:
        for statement in node.statements:
            _execute(statement, inner)
    elif kind is ast.BlockingSubstitution and isinstance(node.left.var, ast.Identifier):
        inner.assign(node.left.var.name, evaluate(node.right, inner))
    elif kind is ast.IfStatement:
        chosen = node.true_statement if evaluate(node.cond, inner) else node.false_statement
        if chosen is not None:
            _execute(chosen, inner)
    elif kind is ast.ForStatement:
        _execute(node.pre, inner)
        while evaluate(node.cond, inner):
            _execute(node.statement, inner)
            _execute(node.post, inner)
    elif kind is ast.WhileStatement:
        while evaluate(node.cond, inner):
            _execute(node.statement, inner)
    elif kind is ast.CaseStatement:
        _case(node, inner)
    elif kind is ast.Decl:
        for variable in node.list:
            _declare(inner, variable.name, variable.width, inner)
    else:
        raise NotConstantError(f"a statement of a constant function ({kind.__name__})")


def _case(node: ast.CaseStatement, inner: _Locals) -> None:
    value, default = evaluate(node.comp, inner), None
    for case in node.caselist:
        if case.cond is None:
            default = case.statement
        elif any(evaluate(choice, inner) == value for choice in case.cond):
            _execute(case.statement, inner)
            return
    if default is not None:
        _execute(default, inner)
