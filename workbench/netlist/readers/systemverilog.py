"""Elaborates structural SystemVerilog, and Verilog too large for pyverilog, with slang down to leaf instances.

The text is preprocessed as for the other reader, so that includes stay inside the design's folder and lines keep their
places; slang parses and elaborates it; its instances become the same `FlatDesign`. Beyond Verilog-2001: packed and unpacked
arrays, packed structures, arrays of instances, names that reach into other modules, casts. Refused with a sentence:
behavioural code above leaf level, interfaces, and whatever slang calls an error.

Measured on one thread of a busy machine: 100,000 gates in a flat module in 4.5 s of processor time, 10,000 in 0.6 s where
pyverilog takes 4.1 s (benchmarks/netlist_speed.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from pyslang import Bag as SlangOptions
from pyslang import DiagnosticEngine, Diags, SourceManager, ast, syntax

from workbench.base.errors import InputError
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.netlist.readers.systemverilog_bits import Expressions, integer
from workbench.netlist.readers.verilog_elaborate import PRIMITIVES
from workbench.netlist.readers.verilog_flat import FlatBuilder, FlatDesign, LeafPort, LeafType
from workbench.netlist.readers.verilog_parse import without_bodies
from workbench.netlist.readers.verilog_preprocess import VerilogText
from workbench.netlist.readers.verilog_scope import Scope

MOST_ROUNDS = 1_000_000
"""Rounds of one generate loop."""
_DIRECTIONS = {
    ast.ArgumentDirection.In: "input", ast.ArgumentDirection.Out: "output", ast.ArgumentDirection.InOut: "inout",
}  # fmt: skip
_ALSO_ERRORS = (Diags.ParameterDoesNotExist, Diags.DuplicateDefinition)
_FIRST_ERROR = re.compile(r":(\d+):\d+: (?:(?:fatal )?error|warning): (.*?)(?: \[-W[\w-]+\])?$", re.MULTILINE)


def elaborate_systemverilog(
    source: VerilogText,
    top: str,
    leaves: Mapping[str, tuple[str, ...]],
    parameters: Mapping[str, int] | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> FlatDesign:
    """Flatten a top module down to the leaves; parameters and errors as `verilog_elaborate.elaborate`."""
    manager = SourceManager()
    try:
        tree = syntax.SyntaxTree.fromText(without_bodies(source, frozenset(leaves)), manager, "design", "")
    except RuntimeError:
        raise _nested(source) from None
    options = ast.CompilationOptions()
    options.topModules = {top}
    options.paramOverrides = [f"{name}={value}" for name, value in (parameters or {}).items()]
    options.maxInstanceDepth = limits.hierarchy_depth
    options.maxGenerateSteps = min(MOST_ROUNDS, limits.nodes)
    options.maxInstanceArray = min(MOST_ROUNDS, limits.nodes)
    options.flags = ast.CompilationFlags.IgnoreUnknownModules
    bag = SlangOptions()
    bag.compilationOptions = options
    compilation = ast.Compilation(bag)
    compilation.addSyntaxTree(tree)
    _raise_first_error(tree.diagnostics, manager, source)
    names = {str(definition.name) for definition in compilation.getDefinitions()}
    if top not in names:
        known = ", ".join(sorted(names - set(leaves))[:5]) or "none"
        raise InputError(source.origins[0][0], f"no module {top!r}", f"the top module ({known})", "correct its name")
    tops = compilation.getRoot().topInstances
    _raise_first_error(compilation.getAllDiagnostics(), manager, source)
    try:
        return _Elaboration(source, manager, leaves, limits).run(tops[0])
    except RecursionError:
        raise _nested(source) from None


def _nested(source: VerilogText) -> InputError:
    found, expected = "expressions or blocks nested too deeply", "a few hundred levels"
    return InputError(source.origins[0][0], found, expected, "split them up")


def _raise_first_error(diagnostics: Any, manager: SourceManager, source: VerilogText) -> None:
    errors = [found for found in diagnostics if found.isError() or found.code in _ALSO_ERRORS]
    if not errors:
        return
    report = _FIRST_ERROR.search(DiagnosticEngine.reportAll(manager, errors[:1]))
    where, message = (source.where(int(report[1])), report[2]) if report else (source.origins[0][0], "an error")
    raise InputError(where, f"{message.replace(chr(10), ' ')} (slang)", "SystemVerilog that elaborates", "correct it")


class _Elaboration:
    def __init__(
        self, source: VerilogText, manager: SourceManager, leaves: Mapping[str, tuple[str, ...]], limits: Limits
    ) -> None:
        self.source, self.manager, self.leaves, self.limits = source, manager, leaves, limits
        self.flat = FlatBuilder(limits)
        self.place = source.origins[0][0]
        self.known: dict[Any, np.ndarray] = {}
        self.leaf_types: dict[Any, LeafType] = {}
        self.instances_made = 0
        self.skip = 0
        self.expressions: Expressions
        self.handlers: dict[type, Callable[[Any, Scope], None]] = {
            ast.InstanceSymbol: self.instance, ast.UninstantiatedDefSymbol: self.library_leaf,
            ast.ContinuousAssignSymbol: self.assign, ast.NetSymbol: self.net, ast.GenerateBlockSymbol: self.block,
            ast.GenerateBlockArraySymbol: self.blocks, ast.InstanceArraySymbol: self.array,
            ast.PrimitiveInstanceSymbol: self.primitive, ast.ProceduralBlockSymbol: self.behaviour,
        }  # fmt: skip

    def run(self, top: Any) -> FlatDesign:
        self.skip = len(top.hierarchicalPath) + 1
        self.expressions = Expressions(self.flat, self.net_bits, self.line_of, ast.EvalContext(top))
        ports, bits = [], []
        for port in self.ports_of(top.body):
            ports.append(LeafPort(port.name, _DIRECTIONS[port.direction], port.type.bitstreamWidth))
            bits.append(self.flat.fresh(port.name, ports[-1].width, self.place))
            self.known[port.internalSymbol] = bits[-1]
        self.members(top.body, Scope(self.source, ""))
        if len(set(self.flat.names)) < len(self.flat.names):
            name = next(name for name, number in Counter(self.flat.names).items() if number > 1)
            raise InputError(self.place, f"a second instance {name}", "unique names", "rename one")
        return self.flat.finish(top.definition.name, tuple(ports), bits, self.where(top))

    def ports_of(self, body: Any) -> list[Any]:
        for port in body.portList:
            if not isinstance(port, ast.PortSymbol) or port.direction not in _DIRECTIONS or port.internalSymbol is None:
                found = f"the port {port.name!r}, which is no vector of one direction"
                raise InputError(self.where(port), found, "inputs, outputs and inouts", "name the module as a leaf")
        return list(body.portList)

    def line_of(self, node: Any) -> int:
        location = node.sourceRange.start if isinstance(node, ast.Expression) else node.location
        return self.manager.getLineNumber(self.manager.getFullyExpandedLoc(location))

    def where(self, node: Any) -> str:
        return self.source.where(self.line_of(node))

    def net_bits(self, symbol: Any) -> np.ndarray:
        """Bits of a net or variable, made when it is met first."""
        bits = self.known.get(symbol)
        if bits is None:
            width = symbol.type.bitstreamWidth
            self.limits.check(self.place, "pins", width)
            bits = self.known[symbol] = self.flat.fresh(symbol.hierarchicalPath[self.skip :], width, self.place)
        return bits

    def members(self, body: Any, scope: Scope) -> None:
        for member in body:
            handler = self.handlers.get(type(member))
            if handler is not None:
                handler(member, scope)

    def net(self, symbol: Any, scope: Scope) -> None:
        if symbol.initializer is not None:
            self.alias(self.net_bits(symbol), symbol.initializer, scope)

    def assign(self, item: Any, scope: Scope) -> None:
        left = self.expressions.bits(item.assignment.left, scope)[0]
        self.alias(left, item.assignment.right, scope)

    def alias(self, left: np.ndarray, right: Any, scope: Scope) -> None:
        self.flat.left.append(left)
        self.flat.right.append(self.expressions.connect(right, scope, len(left), lambda: "an assign"))

    def block(self, item: Any, scope: Scope, name: str = "") -> None:
        if not item.isUninstantiated:
            self.members(item, Scope(self.source, scope.child(name or item.externalName), scope))

    def blocks(self, item: Any, scope: Scope) -> None:
        for entry in item.entries:
            self.block(entry, scope, f"{item.externalName}[{integer(entry.arrayIndex)}]")

    def array(self, item: Any, scope: Scope) -> None:
        first = min(item.range.left, item.range.right)  # slang has the lowest index first
        for number, entry in enumerate(item.elements):
            name = f"{item.name}[{first + number}]"
            self.handlers[type(entry)](entry, Scope(self.source, scope.child(name), scope))

    def behaviour(self, item: Any, scope: Scope) -> None:
        kind = item.procedureKind.name.lower()
        raise InputError(
            self.where(item), f"behavioural code ({kind}) above leaf level", "instances, assigns and generate blocks",
            "name the module as a leaf in netlist.toml",
        )  # fmt: skip

    def instance(self, item: Any, scope: Scope) -> None:
        module = item.definition.name
        path = scope.child(item.name) if item.name else scope.path
        given = {connection.port.name: connection.expression for connection in item.portConnections}
        bits = []
        ports = self.ports_of(item.body)
        for port in ports:
            width, node = port.type.bitstreamWidth, given.get(port.name)
            if node is None:
                bits.append(self.flat.fresh(f"{path}.{port.name}", width, self.place))
                continue
            mine = self.expressions.connect(node, scope, width, lambda name=port.name: f"port {name} of {module}")  # type: ignore[misc]
            if port.direction != ast.ArgumentDirection.In and (mine < 2).any():
                found = f"a constant on the {_DIRECTIONS[port.direction]} {port.name} of {module}"
                raise InputError(self.where(item), found, "a net", "connect a net")
            bits.append(mine)
        if module in self.leaves:
            self.flat.leaf(self.leaf_type(item, ports), path, bits, self.place)
            return
        self.instances_made += 1
        self.limits.check(self.place, "nodes", self.instances_made)
        for port, mine in zip(ports, bits, strict=True):
            self.known[port.internalSymbol] = mine
        self.members(item.body, Scope(self.source, path))

    def leaf_type(self, item: Any, ports: list[Any]) -> LeafType:
        parameters = tuple(
            (parameter.name, integer(parameter.value) or 0) for parameter in item.body.parameters
            if isinstance(parameter, ast.ParameterSymbol) and not parameter.isLocalParam
        )  # fmt: skip
        key = item.definition.name, parameters
        if key not in self.leaf_types:
            found = (LeafPort(port.name, _DIRECTIONS[port.direction], port.type.bitstreamWidth) for port in ports)
            self.leaf_types[key] = LeafType(*key, tuple(found))
        return self.leaf_types[key]

    def library_leaf(self, item: Any, scope: Scope) -> None:
        """A leaf without text: its port widths are those of what is connected."""
        module = item.definitionName
        if module not in self.leaves:
            raise InputError(
                self.where(item), f"the unknown module {module!r}", "a module of the design or a leaf",
                "add its file, or name it as a leaf in netlist.toml",
            )  # fmt: skip
        names, outputs = item.portNames, self.leaves[module]
        ports, bits = [], []
        for name, connection in zip(names, item.portConnections, strict=True):
            if not name:
                found = f"connections by position to {module}, which has no text"
                raise InputError(self.where(item), found, "connections by name", "write .port(net)")
            if isinstance(connection, ast.SimpleAssertionExpr):
                mine = self.expressions.bits(connection.expr, scope)[0]
                ports.append((name, "output" if name in outputs else "input", len(mine)))
                bits.append(mine)
        key = module, tuple(ports)
        if key not in self.leaf_types:
            self.leaf_types[key] = LeafType(module, (), tuple(LeafPort(*port) for port in ports))
        self.flat.leaf(self.leaf_types[key], scope.child(item.name) if item.name else scope.path, bits, self.place)

    def primitive(self, item: Any, scope: Scope) -> None:
        cell = PRIMITIVES.get(item.primitiveType.name)
        nets = [self.expressions.bits(node, scope)[0] for node in item.portConnections]
        if cell is None or len(nets) < 2 or any(len(net) != 1 for net in nets):
            raise InputError(
                self.where(item), f"a gate {item.primitiveType.name} with these connections", "one net for each pin",
                "connect an output and inputs of one bit",
            )  # fmt: skip
        self.flat.left.append(nets[0])
        inputs = np.concatenate(nets[1:])
        self.flat.right.append(self.flat.glue(scope, {cell: max(1, len(nets) - 2)}, inputs, 1, self.line_of(item)))
