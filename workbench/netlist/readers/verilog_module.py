"""What a module's header and an instance of it say: parameters, ports, and which is connected to what."""

from __future__ import annotations

from typing import Any

from pyverilog.vparser import ast

from workbench.base.errors import InputError
from workbench.netlist.readers.verilog_constants import constant
from workbench.netlist.readers.verilog_scope import Scope


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
