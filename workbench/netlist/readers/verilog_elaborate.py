"""Elaboration of structural Verilog-2001: hierarchy, parameters and generate blocks, down to leaf instances.

Modelled: parameters by name and position, localparams, constant functions, generate for/if, vectors, arrays of nets,
slices, concatenations, continuous assigns (as aliases), operators between leaves (as glue logic), gate primitives.
Refused with a sentence: behavioural code above leaf level, defparam, arrays of instances, names reaching into other modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyverilog.vparser import ast

from workbench.base.errors import InputError
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.netlist.readers.verilog_bits import connect, expression
from workbench.netlist.readers.verilog_constants import constant
from workbench.netlist.readers.verilog_flat import FlatBuilder, FlatDesign, LeafPort, LeafType
from workbench.netlist.readers.verilog_module import (
    DIRECTIONS,
    Declarations,
    Port,
    check_parameters,
    connections,
    given_parameters,
    parameter_names,
    port_names,
)
from workbench.netlist.readers.verilog_preprocess import VerilogText
from workbench.netlist.readers.verilog_scope import Scope, Signal

_NETS = (ast.Wire, ast.Reg, ast.Tri, ast.Supply)
PRIMITIVES = {
    "and": "and2", "nand": "nand2", "or": "and2", "nor": "nand2", "xor": "xor2", "xnor": "xor2", "not": "inverter",
    "buf": "inverter",
}  # fmt: skip
"""Generic cell that a gate primitive counts as."""


@dataclass(frozen=True)
class _Job:
    """An instance or assign, looked at after all declarations of its module."""

    item: Any
    scope: Scope


def elaborate(
    modules: Mapping[str, ast.ModuleDef],
    source: VerilogText,
    top: str,
    leaves: Mapping[str, tuple[str, ...]],
    parameters: Mapping[str, int] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> FlatDesign:
    """Flatten a top module down to the leaves.

    Parameters
    ----------
    modules, source: syntax trees and the text that they came from.
    top: the top module.
    leaves: modules at which elaboration stops; for those that have no Verilog text, their output ports.
    parameters: values for parameters of the top module.

    Raises
    ------
    InputError: anything that cannot be elaborated, with file and line.
    """
    worker = _Elaboration(modules, source, leaves, limits)
    try:
        return worker.run(top, dict(parameters or {}))
    except RecursionError:
        raise InputError(
            source.origins[0][0], "expressions or blocks nested too deeply", "a few hundred levels", "split them up"
        ) from None


class _Elaboration:
    def __init__(
        self,
        modules: Mapping[str, ast.ModuleDef],
        source: VerilogText,
        leaves: Mapping[str, tuple[str, ...]],
        limits: Limits,
    ) -> None:
        self.modules, self.source, self.leaves, self.limits = modules, source, leaves, limits
        self.flat = FlatBuilder(limits)
        self.declarations = Declarations(self.flat, limits)
        self.leaf_types: dict[Any, LeafType] = {}
        self.stack: list[Any] = []
        self.instances_made = 0

    # modules

    def run(self, top: str, parameters: dict[str, int]) -> FlatDesign:
        if top not in self.modules:
            known = ", ".join(sorted(set(self.modules) - set(self.leaves))[:5]) or "none"
            raise InputError(
                self.source.origins[0][0], f"no module {top!r}", f"the top module ({known})", "correct its name"
            )
        definition, ports, bits = self.modules[top], [], []

        def outside(port: LeafPort, line: int) -> np.ndarray:
            ports.append(port)
            bits.append(self.flat.fresh(port.name, port.width, self.source.where(line)))
            return bits[-1]

        where = self.source.where(definition.lineno)
        self.module(definition, parameters, outside, "", where)
        return self.flat.finish(top, tuple(ports), bits, where)

    def module(self, definition: ast.ModuleDef, values: dict[str, int], outside: Port, path: str, where: str) -> None:
        key = (definition.name, tuple(sorted(values.items())))
        if key in self.stack:
            circle = " in ".join([definition.name, *(name for name, _ in reversed(self.stack[self.stack.index(key) :]))])
            raise InputError(where, f"{circle}, a module inside itself", "a hierarchy that ends", "break the circle")
        self.limits.check(where, "hierarchy_depth", len(self.stack))
        self.instances_made += 1  # also those without leaves, of which a few lines can make any number
        self.limits.check(where, "nodes", self.instances_made)
        self.stack.append(key)
        scope, jobs = Scope(self.source, path), list[_Job]()
        self.declarations.header(definition, scope, values, outside)
        self.declare(definition.items, scope, values, outside, jobs)
        check_parameters(definition, values, where)
        for job in jobs:
            if isinstance(job.item, ast.Assign):
                self.assign(job.item, job.scope)
            else:
                self.instances(job.item, job.scope)
        self.stack.pop()

    # declarations and generate blocks

    def declare(self, items: Any, scope: Scope, values: dict[str, int], outside: Port | None, jobs: list[_Job]) -> None:
        for item in items:
            kind = type(item)
            if kind is ast.Decl:
                for entry in item.list:
                    self.declaration(entry, scope, values, outside, jobs)
            elif kind in (ast.InstanceList, ast.Assign):
                jobs.append(_Job(item, scope))
            elif kind is ast.GenerateStatement:
                self.declare(item.items, scope, values, outside, jobs)
            elif kind is ast.ForStatement:
                self.loop(item, scope, jobs)
            elif kind is ast.IfStatement:
                chosen = item.true_statement if constant(item.cond, scope) else item.false_statement
                if isinstance(chosen, ast.IfStatement):  # else if: no level of its own
                    self.declare([chosen], scope, values, outside, jobs)
                elif chosen is not None:
                    self.block(chosen, scope, None, {}, jobs)
            elif kind is ast.Block:
                self.block(item, scope, None, {}, jobs)
            elif kind is ast.Function:
                scope.names[item.name] = item
            elif kind is not ast.Pragma:
                raise InputError(
                    scope.where(item.lineno), f"behavioural code ({kind.__name__.lower()}) above leaf level",
                    "instances, assigns and generate blocks", "name the module as a leaf in netlist.toml",
                )  # fmt: skip

    def declaration(self, entry: Any, scope: Scope, values: dict[str, int], outside: Port | None, jobs: list[_Job]) -> None:
        kind = type(entry)
        if kind in (ast.Parameter, ast.Localparam):
            self.declarations.parameters([entry], scope, values if outside is not None else {})
        elif kind in DIRECTIONS:
            if outside is None or entry.name in scope.names:
                raise InputError(scope.where(entry.lineno), f"the port {entry.name!r}", "a port once", "remove this line")
            self.declarations.port(entry, scope, outside)
        elif kind is ast.Assign:
            jobs.append(_Job(entry, scope))
        elif kind in _NETS and not isinstance(scope.names.get(entry.name), Signal):
            self.declarations.net(entry, scope)

    def loop(self, item: ast.ForStatement, scope: Scope, jobs: list[_Job]) -> None:
        if item.pre is None or item.cond is None or item.post is None:
            raise InputError(scope.where(item.lineno), "a loop without start, condition or step", "all three", "write them")
        name = item.pre.left.var.name
        if item.post.left.var.name != name:
            raise InputError(scope.where(item.lineno), "a loop that steps another name", f"a step of {name!r}", "correct it")
        value, rounds = constant(item.pre.right, scope), 0
        while True:
            turn = Scope(self.source, scope.path, scope)
            turn.names[name] = value
            if not constant(item.cond, turn):
                return
            self.limits.check(scope.where(item.lineno), "nodes", rounds)
            self.block(item.statement, scope, value, {name: value}, jobs)
            value, rounds = constant(item.post.right, turn), rounds + 1

    def block(self, node: Any, scope: Scope, index: int | None, names: dict[str, int], jobs: list[_Job]) -> None:
        label = getattr(node, "scope", None) if isinstance(node, ast.Block) else None
        shown = label or f"genblk{scope.number_unnamed()}"
        inner = Scope(self.source, scope.child(shown if index is None else f"{shown}[{index}]"), scope)
        inner.names.update(names)
        if label:
            scope.blocks[label, index] = inner
        self.declare(node.statements if isinstance(node, ast.Block) else [node], inner, {}, None, jobs)

    # assigns and instances

    def assign(self, item: ast.Assign, scope: Scope) -> None:
        left, _ = expression(item.left, scope, self.flat)
        if (left < 2).any():
            raise InputError(scope.where(item.lineno), "an assign to a constant", "a net on the left", "correct it")
        self.flat.left.append(left)
        self.flat.right.append(connect(item.right, scope, self.flat, len(left), item.lineno, "an assign"))

    def instances(self, item: ast.InstanceList, scope: Scope) -> None:
        for instance in item.instances:
            if instance.array is not None:
                raise InputError(
                    scope.where(instance.lineno), f"the array of instances {instance.name!r}", "single instances",
                    "write a generate loop",
                )  # fmt: skip
            self.instance(instance, scope)

    def instance(self, item: ast.Instance, scope: Scope) -> None:
        where = scope.where(item.lineno)
        if item.module in PRIMITIVES:
            self.primitive(item, scope)
            return
        definition = self.modules.get(item.module)
        path = scope.child(item.name or f"{item.module}{scope.number_unnamed()}")
        if definition is None:
            if item.module not in self.leaves:
                raise InputError(
                    where, f"the unknown module {item.module!r}", "a module of the design or a leaf",
                    "add its file, or name it as a leaf in netlist.toml",
                )  # fmt: skip
            self.library_leaf(item, scope, path)
            return
        values = given_parameters(item, definition, scope)
        order = port_names(definition)
        given = connections(item, order, scope)

        def outside(port: LeafPort, line: int) -> np.ndarray | None:
            node = given.get(port.name)
            if node is None:
                return None
            bits = connect(node, scope, self.flat, port.width, item.lineno, f"port {port.name} of {item.module}")
            if port.direction != "input" and (bits < 2).any():
                raise InputError(
                    where, f"a constant on the {port.direction} {port.name} of {item.module}", "a net", "connect a net"
                )
            return bits

        if item.module not in self.leaves:
            self.module(definition, values, outside, path, where)
            return
        kind = self.leaf_type(definition, values, where)
        bits = []
        for port in kind.ports:
            outer = outside(port, item.lineno)
            bits.append(self.flat.fresh(f"{path}.{port.name}", port.width, where) if outer is None else outer)
        self.flat.leaf(kind, path, bits, where)

    def leaf_type(self, definition: ast.ModuleDef, values: dict[str, int], where: str) -> LeafType:
        key = (definition.name, tuple(sorted(values.items())))
        if key not in self.leaf_types:
            ports: list[LeafPort] = []

            def outside(port: LeafPort, line: int) -> np.ndarray:
                ports.append(port)
                return np.zeros(port.width, np.int64)

            scope = Scope(self.source, "")
            self.declarations.header(definition, scope, values, outside)
            for item in definition.items:
                for entry in item.list if isinstance(item, ast.Decl) else ():
                    if isinstance(entry, ast.Parameter | ast.Localparam) and not isinstance(entry, ast.Supply):
                        self.declarations.parameters([entry], scope, values)
                    elif type(entry) in DIRECTIONS:
                        self.declarations.port(entry, scope, outside)
            check_parameters(definition, values, where)
            numbers = tuple((name, scope.names[name]) for name in parameter_names(definition))
            self.leaf_types[key] = LeafType(definition.name, numbers, tuple(ports))
        return self.leaf_types[key]

    def library_leaf(self, item: ast.Instance, scope: Scope, path: str) -> None:
        """A leaf without Verilog text: its port widths are those of what is connected."""
        outputs, ports, bits = self.leaves[item.module], [], []
        for argument in item.portlist or ():
            if argument.portname is None:
                raise InputError(
                    scope.where(item.lineno), f"connections by position to {item.module}, which has no text",
                    "connections by name", "write .port(net)",
                )  # fmt: skip
            if argument.argname is None:
                continue
            nets, _ = expression(argument.argname, scope, self.flat)
            direction = "output" if argument.portname in outputs else "input"
            ports.append(LeafPort(argument.portname, direction, len(nets)))
            bits.append(nets)
        self.flat.leaf(LeafType(item.module, (), tuple(ports)), path, bits, scope.where(item.lineno))

    def primitive(self, item: ast.Instance, scope: Scope) -> None:
        nets = [expression(a.argname, scope, self.flat)[0] for a in item.portlist or ()]
        if len(nets) < 2 or any(len(n) != 1 for n in nets):
            raise InputError(
                scope.where(item.lineno), f"a gate {item.module} with these connections", "one net for each pin",
                "connect an output and inputs of one bit",
            )  # fmt: skip
        cells = {PRIMITIVES[item.module]: max(1, len(nets) - 2)}
        inputs = np.concatenate(nets[1:])
        self.flat.left.append(nets[0])
        self.flat.right.append(self.flat.glue(scope, cells, inputs, 1, item.lineno))
