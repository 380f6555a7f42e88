"""What a module's header and an instance of it say: parameters, ports, and which is connected to what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from pyverilog.vparser import ast

from workbench.base.errors import InputError
from workbench.base.limits import Limits
from workbench.netlist.readers.verilog_constants import constant
from workbench.netlist.readers.verilog_flat import FlatBuilder, LeafPort
from workbench.netlist.readers.verilog_scope import Scope, Signal

DIRECTIONS = {ast.Input: "input", ast.Output: "output", ast.Inout: "inout"}
"""Direction of a port by its declaration."""

Port = Callable[[LeafPort, int], np.ndarray | None]
"""Gives the bits outside for a port of a module (None: unconnected); the line is that of the port's declaration."""


class Declarations:
    """Enters what a module declares into its scope: parameters, ports, nets."""

    def __init__(self, flat: FlatBuilder, limits: Limits) -> None:
        self.flat, self.limits = flat, limits

    def header(self, definition: ast.ModuleDef, scope: Scope, values: dict[str, int], outside: Port) -> None:
        """What stands before the body: functions (which may be used there), parameters, ports."""
        scope.names.update({item.name: item for item in definition.items if isinstance(item, ast.Function)})
        for item in definition.paramlist.params:
            self.parameters(item.list, scope, values)
        for port in definition.portlist.ports:
            if isinstance(port, ast.Ioport):
                self.port(port.first, scope, outside)

    def port(self, node: Any, scope: Scope, outside: Port) -> None:
        """A port, with the bits that are connected outside or new ones."""
        width, msb, lsb = self.range(node.width, scope)
        if node.dimensions is not None:
            raise InputError(
                scope.where(node.lineno), f"the array port {node.name!r}", "a vector", "join its words into one"
            )
        port = LeafPort(node.name, DIRECTIONS[type(node)], width)
        bits = outside(port, node.lineno)
        if bits is None:
            bits = self.flat.fresh(scope.child(node.name), width, scope.where(node.lineno))
        scope.names[node.name] = Signal(bits, msb, lsb)

    def range(self, width: Any, scope: Scope) -> tuple[int, int, int]:
        """Width, msb and lsb of a declared range."""
        if width is None:
            return 1, 0, 0
        msb, lsb = constant(width.msb, scope), constant(width.lsb, scope)
        self.limits.check(scope.where(width.lineno), "pins", abs(msb - lsb) + 1)
        return abs(msb - lsb) + 1, msb, lsb

    def parameters(self, items: Any, scope: Scope, values: dict[str, int]) -> None:
        """Parameters with the values given, else their own; localparams always with their own."""
        for item in items:
            given = None if isinstance(item, ast.Localparam) else values.get(item.name)
            value = constant(item.value, scope) if given is None else given
            if item.width is not None:
                bits, _, _ = self.range(item.width, scope)
                value &= (1 << bits) - 1
                value -= (value >> bits - 1 & int(bool(item.signed))) << bits
            scope.names[item.name] = value

    def net(self, entry: Any, scope: Scope) -> None:
        """A net, an array of nets, or a supply."""
        width, msb, lsb = self.range(entry.width, scope)
        where = scope.where(entry.lineno)
        if isinstance(entry, ast.Supply):
            bits = np.full(width, constant(entry.value, scope), np.int64)
            scope.names[entry.name] = Signal(bits, msb, lsb)
            return
        if entry.dimensions is None:
            scope.names[entry.name] = Signal(self.flat.fresh(scope.child(entry.name), width, where), msb, lsb)
            return
        if len(entry.dimensions.lengths) > 1:
            raise InputError(
                where, f"{len(entry.dimensions.lengths)} dimensions of {entry.name!r}", "one", "flatten the array"
            )
        words, first, last = self.range(entry.dimensions.lengths[0], scope)
        bits = self.flat.fresh(scope.child(entry.name), width * words, where)
        scope.names[entry.name] = Signal(bits.reshape(words, width), msb, lsb, (first, last))


def parameter_names(definition: ast.ModuleDef) -> list[str]:
    """Names of a module's parameters in order of declaration, localparams left out."""
    lists = [*definition.paramlist.params, *(i for i in definition.items if isinstance(i, ast.Decl))]
    return [entry.name for item in lists for entry in item.list if type(entry) is ast.Parameter]


def port_names(definition: ast.ModuleDef) -> list[str]:
    """Names of a module's ports in order."""
    return [p.first.name if isinstance(p, ast.Ioport) else p.name for p in definition.portlist.ports]


def given_parameters(item: ast.Instance, definition: ast.ModuleDef, scope: Scope) -> dict[str, int]:
    """Values that an instance gives to the parameters of its module."""
    names, values = parameter_names(definition), {}
    for index, argument in enumerate(item.parameterlist or ()):
        if argument.paramname is None and index >= len(names):
            raise InputError(
                scope.where(item.lineno), f"{len(item.parameterlist)} parameters for {item.module}",
                f"at most {len(names)}", "remove some",
            )  # fmt: skip
        values[argument.paramname or names[index]] = constant(argument.argname, scope)
    return values


def connections(item: ast.Instance, order: list[str], scope: Scope) -> dict[str, Any]:
    """Expressions by port name; None for ports left open."""
    where, result = scope.where(item.lineno), {}
    arguments = [a for a in item.portlist or () if a is not None]
    if arguments and arguments[0].portname is None and len(arguments) > len(order):
        raise InputError(where, f"{len(arguments)} connections to {item.module}", f"at most {len(order)}", "remove some")
    for index, argument in enumerate(arguments):
        name = argument.portname or order[index]
        if name not in order:
            raise InputError(
                where, f"no port {name!r} on {item.module}", f"one of {', '.join(order[:8])}", "correct its name"
            )
        if name in result:
            raise InputError(where, f"port {name!r} of {item.module} twice", "one connection", "remove one")
        result[name] = argument.argname
    return result


def check_parameters(definition: ast.ModuleDef, values: dict[str, int], where: str) -> None:
    """InputError if a value is given to a parameter that the module lacks."""
    for name in values:
        if name not in parameter_names(definition):
            known = ", ".join(parameter_names(definition)) or "none"
            raise InputError(where, f"no parameter {name!r} in {definition.name}", f"one of {known}", "correct its name")
