"""Writes circuit_training's text protobuf, and beside it the .plc with canvas, grid, placement and fixed macros.

Read back, the netlist is the same: objects, pins with offsets, nets with weights, in the same order where the netlist
came from such a file. What the format cannot hold is written another way, so that the costs stay, and said in a note:

- One node drives one net. A pin that drives several nets becomes several pins (ports: several ports) at its place.
- A soft macro's name begins with `Grp`, or it is a standard cell with a single output; others get the prefix `Grp_`.
- Pins of soft macros and cells are at their centre; only of these the costs change, where they were elsewhere.

Source: cost-and-environment §1.1; attribute names and order as in circuit_training's own files.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.base.files import write_text
from workbench.netlist.design import Design
from workbench.netlist.formats import Written
from workbench.netlist.netlist import ORIENTATIONS, TURN, Canvas, Floorplan, Netlist, ObjectKind
from workbench.netlist.plc import write_plc

_CELL, _GROUP = "STDCELL", "macro"
_TYPES = {ObjectKind.PORT: "PORT", ObjectKind.MACRO: "MACRO"}


@dataclass
class _Node:
    """One node of the file: an object, or a pin of one; places are absolute for objects and offsets for pins."""

    name: str
    kind: str
    owner: int
    x_um: float
    y_um: float
    net: int = -1


def write_protobuf_design(path: Path, design: Design) -> Written:
    """Write a design into `path` and its placement into the .plc beside it (`initial.plc` for `netlist.pb.txt`)."""
    netlist = design.netlist
    floorplan = design.floorplan or Floorplan(netlist, design.canvas, netlist.x_um, netlist.y_um, netlist.orientation)
    nodes = _Nodes(floorplan)
    order = _order(nodes, netlist)
    write_text(path, "".join(_text(order, nodes, floorplan)))
    plc = write_plc(_plc_beside(path), _as_written(order, floorplan), design.header_costs)
    return Written((path, plc), tuple(nodes.notes()))


def _plc_beside(path: Path) -> Path:
    stem = path.name.removesuffix(".txt").removesuffix(".pb").removesuffix(".pbtxt")
    return path.with_name("initial.plc" if stem == "netlist" else f"{stem}.plc")


class _Nodes:
    """The nodes of a floorplan: objects, pins, copies of what drives several nets, and which of them each pin is."""

    def __init__(self, floorplan: Floorplan) -> None:
        self.netlist, self.floorplan = floorplan.netlist, floorplan
        self._taken = set(self.netlist.object_names)
        self._port_at: dict[tuple[int, float, float], _Node] = {}
        self._has_pin: set[int] = set()
        self.pins: list[_Node] = []
        self.copies: list[_Node] = []
        self.renamed = 0
        driven: dict[int, list[int]] = {}
        for net, pin in enumerate(self.netlist.net_pin[self.netlist.net_start[:-1]].tolist()):
            driven.setdefault(pin, []).append(net)
        self.objects = self._objects(driven)
        self.of_pin = [self._pin(pin, driven.get(pin, [])) for pin in range(len(self.netlist.pin_object))]

    def _objects(self, driven: dict[int, list[int]]) -> list[_Node]:
        netlist = self.netlist
        pins = np.bincount(netlist.pin_object, minlength=netlist.objects)
        outputs = np.zeros(netlist.objects, np.int64)
        for pin, nets in driven.items():
            outputs[netlist.pin_object[pin]] += len(nets)
        found = []
        for i, name in enumerate(netlist.object_names):
            kind = _TYPES.get(ObjectKind(netlist.kind[i]), _GROUP)
            if kind == _GROUP and not name.startswith("Grp"):
                if pins[i] and outputs[i] <= 1:
                    kind = _CELL
                else:
                    name = self._unique(f"Grp_{name}")
                    self.renamed += 1
            found.append(_Node(name, kind, i, float(self.floorplan.x_um[i]), float(self.floorplan.y_um[i])))
        return found

    def _pin(self, pin: int, nets: list[int]) -> _Node:
        """The node that stands for a pin as a sink; the nets that it drives are given to it and to copies of it."""
        owner = self.objects[int(self.netlist.pin_object[pin])]
        offset = float(self.netlist.pin_x_um[pin]), float(self.netlist.pin_y_um[pin])
        if owner.kind == "PORT":
            node = self._port(owner, offset)
        elif owner.kind == _CELL:
            node = owner
        else:
            kind, at = ("macro_pin", (0.0, 0.0)) if owner.kind == _GROUP else ("MACRO_PIN", offset)
            node = _Node(self._unique(f"{owner.name}/P{pin}"), kind, owner.owner, *at)
            self.pins.append(node)
        driver = node
        for net in nets:
            if driver.net >= 0:
                driver = self._copy(driver)
            driver.net = net
        return node

    def _port(self, owner: _Node, offset: tuple[float, float]) -> _Node:
        """A port is a point: it stands where its pin is, and pins elsewhere are ports of their own."""
        key = (owner.owner, *offset)
        if key not in self._port_at:
            node = self._copy(owner) if owner.owner in self._has_pin else owner
            node.x_um = float(self.floorplan.x_um[owner.owner]) + offset[0]
            node.y_um = float(self.floorplan.y_um[owner.owner]) + offset[1]
            self._has_pin.add(owner.owner)
            self._port_at[key] = node
        return self._port_at[key]

    def _copy(self, node: _Node) -> _Node:
        again = dataclasses.replace(node, name=self._unique(f"{node.name}/again"), net=-1)
        self.copies.append(again)
        return again

    def _unique(self, name: str) -> str:
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def notes(self) -> Iterator[str]:
        """What of the netlist the format cannot hold as it is."""
        if self.renamed:
            yield f"{self.renamed} soft macros got the prefix Grp_, by which this format knows them."
        if self.copies:
            yield f"{len(self.copies)} pins that drive several nets are written as several pins at their place."
        owner = self.netlist.pin_object
        soft = self.netlist.kind[owner] == ObjectKind.SOFT_MACRO
        if moved := int((soft & ((self.netlist.pin_x_um != 0) | (self.netlist.pin_y_um != 0))).sum()):
            yield f"{moved} pins of soft macros are written at the centre, where this format has them."


def _order(nodes: _Nodes, netlist: Netlist) -> list[_Node]:
    """All nodes in file order: objects at their `file_index` with pins between, else each object before its pins."""
    index, total = netlist.file_index.astype(np.int64), len(nodes.objects) + len(nodes.pins)
    if np.all(np.diff(index) > 0) and index[-1] < total:
        slots: list[_Node | None] = [None] * total
        for node, slot in zip(nodes.objects, index.tolist(), strict=True):
            slots[slot] = node
        pins = iter(nodes.pins)
        return [next(pins) if node is None else node for node in slots] + nodes.copies
    of_owner: list[list[_Node]] = [[] for _ in nodes.objects]
    for node in nodes.pins:
        of_owner[node.owner].append(node)
    return [node for owner in nodes.objects for node in (owner, *of_owner[owner.owner])] + nodes.copies


def _as_written(order: list[_Node], floorplan: Floorplan) -> Floorplan:
    """The floorplan with the objects of the file, numbered as they are there, for its .plc."""
    netlist = floorplan.netlist
    index = np.array([number for number, node in enumerate(order) if not _is_pin(node)], np.int32)
    objects = [order[number] for number in index]
    owner = np.array([node.owner for node in objects], np.int64)
    renumbered = dataclasses.replace(
        netlist, object_names=tuple(node.name for node in objects), kind=netlist.kind[owner],
        is_fixed=netlist.is_fixed[owner], file_index=index,
    )  # fmt: skip
    x, y = np.array([node.x_um for node in objects]), np.array([node.y_um for node in objects])
    return Floorplan(renumbered, floorplan.canvas, x, y, floorplan.orientation[owner])


def _is_pin(node: _Node) -> bool:
    return node.kind.endswith(("_pin", "_PIN"))


def _text(order: list[_Node], nodes: _Nodes, floorplan: Floorplan) -> Iterator[str]:
    netlist, canvas = floorplan.netlist, floorplan.canvas
    yield "# proto-file: tensorflow/core/framework/graph.proto\n# proto-message: tensorflow.GraphDef\n"
    yield f"# FP bbox: {{0 0}} {{{_number(canvas.width_um)} {_number(canvas.height_um)}}}\n"
    for node in order:
        yield f'node {{\n  name: "{_quoted(node.name)}"\n'
        if node.net >= 0:
            first, last = netlist.net_start[node.net], netlist.net_start[node.net + 1]
            for pin in netlist.net_pin[first + 1 : last].tolist():
                yield f'  input: "{_quoted(nodes.of_pin[pin].name)}"\n'
        for key, value in sorted(_attributes(node, nodes, floorplan).items()):
            written = f'placeholder: "{_quoted(value)}"' if isinstance(value, str) else f"f: {_number(value)}"
            yield f'  attr {{\n    key: "{key}"\n    value {{\n      {written}\n    }}\n  }}\n'
        yield "}\n"


def _attributes(node: _Node, nodes: _Nodes, floorplan: Floorplan) -> dict[str, str | float]:
    netlist, i = floorplan.netlist, node.owner
    found: dict[str, str | float] = {"type": node.kind}
    x, y = node.x_um, node.y_um
    if _is_pin(node):
        turn = TURN[floorplan.orientation[i]]
        found |= {"macro_name": nodes.objects[i].name, "x_offset": x, "y_offset": y}
        x, y = (float(floorplan.x_um[i] + turn[0] * x + turn[1] * y), float(floorplan.y_um[i] + turn[2] * x + turn[3] * y))
    elif node.kind == "PORT":
        found["side"] = _side(x, y, floorplan.canvas)
    else:
        found |= {"width": float(netlist.width_um[i]), "height": float(netlist.height_um[i])}
        found["orientation"] = ORIENTATIONS[floorplan.orientation[i]]
    if math.isfinite(x + y):
        found |= {"x": x, "y": y}
    if node.net >= 0 and netlist.net_weight[node.net] != 1:
        found["weight"] = float(netlist.net_weight[node.net])
    return found


def _side(x_um: float, y_um: float, canvas: Canvas) -> str:
    """The edge of the canvas that a port is nearest to."""
    away = {"LEFT": x_um, "BOTTOM": y_um, "RIGHT": canvas.width_um - x_um, "TOP": canvas.height_um - y_um}
    return min(away, key=lambda side: abs(away[side]))


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _number(value: float) -> str:
    """The shortest text that reads back as the same number."""
    return repr(float(value)).removesuffix(".0")
