"""Reads the JSON of Yosys (``write_json``), flat or hierarchical, down to the same leaves as the Verilog reader.

Leaves are the modules that `netlist.toml` names, the cells and macros of the LEF files beside the design, and Yosys' own
gates (``$_AND_``, ``$_DFF_P_``, ...), which count as generic cells. Other modules are gone into. The top module is the one
with the attribute `top`, or the one that `netlist.toml` names.

Source: Yosys manual, "write_json".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.base.files import read_text
from workbench.base.limits import DEFAULT_LIMITS, Limits
from workbench.netlist.readers.verilog_flat import GLUE, FlatBuilder, FlatDesign, LeafPort, LeafType

_GATES = (  # pattern of a gate's name: the generic cells that it counts as
    (r"\$_(NOT|BUF|TBUF)_", {"inverter": 1}), (r"\$_(AND|OR|ANDNOT|ORNOT)_", {"and2": 1}), (r"\$_(NAND|NOR)_", {"nand2": 1}),
    (r"\$_(XOR|XNOR)_", {"xor2": 1}), (r"\$_N?MUX_", {"mux2": 1}), (r"\$_MUX4_", {"mux2": 3}), (r"\$_MUX8_", {"mux2": 7}),
    (r"\$_MUX16_", {"mux2": 15}), (r"\$_(AOI|OAI)3_", {"aoi21": 1}), (r"\$_(AOI|OAI)4_", {"aoi21": 2}),
    (r"\$_(S?A?DFF|DFFSR|ALDFF|FF|DLATCH|SR)(E|SRE?)?_([PN01]+_)?", {"flip_flop": 1}),
)  # fmt: skip
_PARAMETRISED = re.compile(r"\$paramod(?:\$[0-9a-f]+)?\\([^\\]+)")
_INVISIBLE = {"$scopeinfo", "$print", "$check", "$meminit"}


def read_yosys_json(
    path: Path, top: str, leaves: Mapping[str, tuple[str, ...]], limits: Limits = DEFAULT_LIMITS
) -> FlatDesign:
    """Flat design of a file; see `parse_yosys_json`."""
    return parse_yosys_json(read_text(path, limits), path.name, top, leaves, limits)


def parse_yosys_json(
    text: str, where: str, top: str, leaves: Mapping[str, tuple[str, ...]], limits: Limits = DEFAULT_LIMITS
) -> FlatDesign:
    """Flat design of a text.

    Parameters
    ----------
    top: the top module; empty for the one with the attribute `top`.
    leaves: modules at which elaboration stops, with the outputs of those whose ports the file does not give.

    Raises
    ------
    InputError: a text that is not of Yosys, or not consistent.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}, line {error.lineno}", f"invalid JSON ({error.msg})", "JSON", "fetch it again") from None
    except RecursionError:
        raise InputError(where, "JSON nested too deeply", "a netlist", "give the output of Yosys' write_json") from None
    modules = data.get("modules") if isinstance(data, dict) else None
    if not isinstance(modules, dict) or not modules:
        raise InputError(where, "no modules", "an object `modules`", "give the output of Yosys' write_json")
    try:
        return _Elaboration(modules, where, leaves, limits).run(top)
    except (AttributeError, TypeError, ValueError, KeyError):
        raise InputError(where, "a module that is not as Yosys writes it", "ports, cells and connections",
                         "give the output of Yosys' write_json") from None  # fmt: skip


class _Elaboration:
    def __init__(self, modules: dict[str, Any], where: str, leaves: Mapping[str, tuple[str, ...]], limits: Limits) -> None:
        self.modules, self.where, self.leaves, self.limits = modules, where, leaves, limits
        self.flat = FlatBuilder(limits)
        self.stack: list[str] = []
        self.entered = 0

    def run(self, top: str) -> FlatDesign:
        name = self.find_top(top)
        ports, bits = [], []
        for port, entry in self.modules[name].get("ports", {}).items():
            ports.append(LeafPort(port, entry["direction"], len(entry["bits"])))
            bits.append(self.flat.fresh(port, len(entry["bits"]), self.where))
        self.module(name, "", {port.name: mine for port, mine in zip(ports, bits, strict=True)})
        return self.flat.finish(name, tuple(ports), bits, self.where)

    def find_top(self, top: str) -> str:
        marked = [name for name, module in self.modules.items() if _is_set(module.get("attributes", {}).get("top"))]
        if top:
            found = [name for name in self.modules if top in (name, self.base(name))]
            marked = found if len(found) == 1 or not marked else [name for name in found if name in marked] or found[:1]
        if len(marked) != 1:
            known = ", ".join(sorted(self.modules)[:5])
            found_words = f"no module {top!r}" if top else f"{len(marked)} modules with the attribute top"
            raise InputError(
                self.where, found_words, f"one top module ({known})", "run `hierarchy -top NAME` before write_json"
            )
        return marked[0]

    def base(self, name: str) -> str:
        """The name of a module in its source, without its parameters."""
        parametrised = _PARAMETRISED.match(name)
        return parametrised[1] if parametrised else name

    def module(self, name: str, path: str, outside: dict[str, np.ndarray]) -> None:
        if name in self.stack:
            circle = " in ".join([name, *reversed(self.stack[self.stack.index(name) :])])
            raise InputError(self.where, f"{circle}, a module inside itself", "a hierarchy that ends", "break the circle")
        self.limits.check(self.where, "hierarchy_depth", len(self.stack))
        self.entered += 1
        self.limits.check(self.where, "nodes", self.entered)
        self.stack.append(name)
        bits: dict[Any, int] = {"0": 0, "1": 1, "x": 0, "z": 0}
        self.ports(name, path, outside, bits)
        for cell, entry in self.modules[name].get("cells", {}).items():
            self.cell(cell, entry, path, bits)
        self.stack.pop()

    def ports(self, name: str, path: str, outside: dict[str, np.ndarray], bits: dict[Any, int]) -> None:
        """Enter the bits of a module's ports; an output that is an input or a constant inside is assigned from it."""
        ports = self.modules[name].get("ports", {})
        for port in sorted(ports, key=lambda port: ports[port]["direction"] == "output"):
            inner, outer = ports[port]["bits"], outside.get(port)
            if outer is None:
                outer = self.flat.fresh(f"{path}.{port}", len(inner), self.where)
            if len(inner) != len(outer):
                raise InputError(
                    self.where, f"{len(outer)} bits for port {port} of {path or name}", f"{len(inner)} bits", "correct it"
                )
            for bit, mine in zip(inner, outer.tolist(), strict=True):
                if bits.setdefault(bit, mine) != mine:
                    self.flat.left.append(np.array([mine]))
                    self.flat.right.append(np.array([bits[bit]]))

    def bits(self, given: list[Any], bits: dict[Any, int], name: str) -> np.ndarray:
        """Bits of a connection; those not met before are new."""
        for bit in given:
            if bit not in bits:
                if not isinstance(bit, int):
                    raise InputError(self.where, f"bit {bit!r} at {name}", "a number, 0, 1, x or z", "correct it")
                bits[bit] = int(self.flat.fresh(name, 1, self.where)[0])
        return np.array([bits[bit] for bit in given], np.int64)

    def cell(self, cell: str, entry: dict[str, Any], path: str, bits: dict[Any, int]) -> None:
        name, kind = f"{path}.{cell}" if path else cell, entry["type"]
        nets = {port: self.bits(given, bits, f"{name}.{port}") for port, given in entry["connections"].items()}
        if self.base(kind) in self.leaves:
            self.leaf(self.base(kind), name, entry, nets)
        elif kind in self.modules:
            unknown = [port for port in nets if port not in self.modules[kind].get("ports", {})]
            if unknown:
                raise InputError(self.where, f"no port {unknown[0]!r} on {kind} ({name})", "one of its ports", "correct it")
            self.module(kind, name, nets)
        elif (counts := _generic_cells(kind)) is not None:
            directions = entry.get("port_directions", {})
            outputs = [port for port in nets if directions.get(port, "input") == "output"] or ["Y" if "Y" in nets else "Q"]
            inputs = np.unique(np.concatenate([mine[mine > 1] for port, mine in nets.items() if port not in outputs]))
            output = np.concatenate([nets[port] for port in outputs])
            ports = (LeafPort("a", "input", len(inputs)), LeafPort("y", "output", len(output)))
            self.flat.leaf(LeafType(GLUE, tuple(sorted(counts.items())), ports), name, [inputs, output], self.where)
        elif kind not in _INVISIBLE:
            advice = "map it to gates (techmap, abc), or name it as a leaf in netlist.toml"
            raise InputError(self.where, f"the unknown cell type {kind!r} ({name})", "a module, a leaf or a gate", advice)

    def leaf(self, kind: str, name: str, entry: dict[str, Any], nets: dict[str, np.ndarray]) -> None:
        module = self.modules.get(entry["type"], {}).get("ports")
        directions = entry.get("port_directions") or {}
        ports, given = [], []
        for port in module if module is not None else nets:
            width = len(module[port]["bits"]) if module is not None else len(nets[port])
            way = module[port]["direction"] if module is not None else directions.get(port)
            way = way or ("output" if port in self.leaves[kind] else "input")
            mine = nets.get(port)
            if mine is not None and len(mine) != width and "parameters" in entry:
                width = len(mine)  # the declaration of a black box is that of its default parameters
            if way != "input" and mine is not None and (mine < 2).any():
                mine = np.where(mine < 2, self.flat.fresh(f"{name}.{port}", width, self.where), mine)
            ports.append(LeafPort(port, way, width))
            given.append(self.flat.fresh(f"{name}.{port}", width, self.where) if mine is None else mine)
        parameters = tuple((key, _number(value)) for key, value in entry.get("parameters", {}).items())
        self.flat.leaf(LeafType(kind, parameters, tuple(ports)), name, given, self.where)


def _is_set(value: Any) -> bool:
    return value is not None and _number(value) != 0


def _number(value: Any) -> int:
    """A parameter or attribute: Yosys writes binary digits, or a number; texts count as 0."""
    text = str(value)
    return int(text, 2) if text and set(text) <= {"0", "1"} else int(text) if re.fullmatch(r"\d{1,18}", text) else 0


def _generic_cells(kind: str) -> dict[str, int] | None:
    return next((counts for pattern, counts in _GATES if re.fullmatch(pattern, kind)), None)
