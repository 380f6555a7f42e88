"""From a flat design to placeable objects: ports on the edges, SRAM macros with their pins, soft macros, weighted nets.

Source of the rules: cost-and-environment §6 (nets above 500 sinks cut, soft macros bloated to 50 % utilization, equal
connections joined into one net with their number as its weight), §2 (grid), §3.4 (routing supply). Model ours: pins of
hard macros stand on the left edge, one per 16 bits of a port; ports of the top stand around the canvas, one per 16 bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from workbench.base.errors import InputError
from workbench.netlist.clustering.hierarchy import cluster_by_hierarchy, leaf_graph
from workbench.netlist.clustering.rules import LARGEST_FANOUT, SOFT_UTILIZATION
from workbench.netlist.grid import choose_grid
from workbench.netlist.leaf import LeafCell
from workbench.netlist.netlist import Canvas, Netlist, ObjectKind
from workbench.netlist.ports import around
from workbench.netlist.readers.verilog_config import MacroCell, Routes
from workbench.netlist.readers.verilog_flat import FlatDesign

BITS_PER_PIN = 16
"""Bits of a bus that share a pin of a hard macro or a port on the canvas."""
LARGEST_SHARE = 0.9
"""Share of the canvas that hard macros and bloated soft macros may cover together."""


@dataclass(frozen=True)
class LeafKinds:
    """For each type of a flat design: its leaf cell, and its macro if it is an SRAM."""

    cells: tuple[LeafCell, ...]
    macros: tuple[MacroCell | None, ...]


@dataclass
class _Pins:
    """Pins of the netlist under construction, shared by all bits of a group."""

    owner: list[int]
    x_um: list[float]
    y_um: list[float]

    def add(self, owner: int, x_um: float, y_um: float) -> int:
        self.owner.append(owner)
        self.x_um.append(x_um)
        self.y_um.append(y_um)
        return len(self.owner) - 1


def build_netlist(
    name: str, flat: FlatDesign, kinds: LeafKinds, ideal_nets: list[str], routes: Routes, utilization: float
) -> tuple[Netlist, Canvas]:
    """Netlist and canvas of a flat design.

    Raises
    ------
    InputError: a design without anything to place.
    """
    is_hard = np.array([m is not None for m in kinds.macros], bool)[flat.instance_type]
    area = np.array([cell.area_um2 for cell in kinds.cells], float)[flat.instance_type]
    hard, logic = np.flatnonzero(is_hard), np.flatnonzero(~is_hard)
    if not len(hard) and not float(area.sum()) > 0:
        raise InputError(name, "a design without macros and without cell area", "leaves with sizes", "give their areas")
    ignored = _ignored_nets(flat, ideal_nets)
    cluster, cluster_names = _clusters(flat, logic, area, ignored)
    soft_area = np.bincount(cluster, area[logic], len(cluster_names)) / SOFT_UTILIZATION
    macros = [kinds.macros[t] for t in flat.instance_type[hard]]
    hard_area = sum(m.width_um * m.height_um for m in macros if m is not None)
    cells_area = float(area[logic].sum())
    side = math.sqrt(max((hard_area + cells_area) / utilization, (hard_area + soft_area.sum()) / LARGEST_SHARE))
    ports, group_of_bit = _port_groups(flat, ignored)
    first_hard, first_soft = len(ports), len(ports) + len(hard)
    object_of = np.zeros(len(flat.instance_names), np.int64)
    object_of[hard] = first_hard + np.arange(len(hard))
    object_of[logic] = first_soft + cluster
    pins = _Pins([], [], [])
    pin_of_bit = _pins_of_bits(flat, kinds, is_hard, object_of, group_of_bit, pins)
    net_start, net_pin, net_weight = _nets(flat, pin_of_bit, np.array(pins.owner, np.int64), ignored)
    soft_side = np.sqrt(soft_area)
    widths = np.array([m.width_um for m in macros if m is not None])
    heights = np.array([m.height_um for m in macros if m is not None])
    zero = np.zeros(len(ports))
    x_um, y_um = around(len(ports), side, side)
    blank = np.full(len(hard) + len(cluster_names), np.nan)
    objects = len(ports) + len(blank)
    kind = np.repeat([ObjectKind.PORT, ObjectKind.MACRO, ObjectKind.SOFT_MACRO], [len(ports), len(hard), len(cluster_names)])
    netlist = Netlist(
        name=name,
        object_names=(*ports, *(flat.instance_names[i] for i in hard), *(f"Grp_{n}" for n in cluster_names)),
        kind=kind.astype(np.int8),
        width_um=np.concatenate([zero, widths, soft_side]),
        height_um=np.concatenate([zero, heights, soft_side]),
        x_um=np.concatenate([x_um, blank]),
        y_um=np.concatenate([y_um, blank]),
        orientation=np.zeros(objects, np.int8),
        is_fixed=kind == ObjectKind.PORT,
        file_index=np.arange(objects, dtype=np.int32),
        pin_object=np.array(pins.owner, np.int32),
        pin_x_um=np.array(pins.x_um, float),
        pin_y_um=np.array(pins.y_um, float),
        net_start=net_start,
        net_pin=net_pin,
        net_weight=net_weight,
    )
    columns, rows = choose_grid(side, side, netlist)
    canvas = Canvas(
        side, side, columns, rows, routes.horizontal_per_um, routes.vertical_per_um, routes.macro_horizontal_per_um,
        routes.macro_vertical_per_um, routes.smooth_range,
    )  # fmt: skip
    return netlist, canvas


def _ignored_nets(flat: FlatDesign, ideal_nets: list[str]) -> np.ndarray:
    """Nets that are not routed: of ideal ports, without a driver, without a sink, or with too many sinks."""
    pins_of = np.bincount(flat.pin_net[flat.pin_net >= 0], minlength=flat.nets)
    drivers = np.bincount(flat.pin_net[flat.pin_drives & (flat.pin_net >= 0)], minlength=flat.nets)
    ignored = (drivers == 0) | (pins_of < 2) | (pins_of - 1 > LARGEST_FANOUT)
    ideal = np.array([port.name in ideal_nets for port in flat.ports], bool)
    top = (flat.pin_instance < 0) & (flat.pin_net >= 0)
    if len(ideal):
        ignored[flat.pin_net[top][ideal[flat.pin_port[top]]]] = True
    return ignored


def _clusters(flat: FlatDesign, logic: np.ndarray, area: np.ndarray, ignored: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Cluster of each logic leaf, by hierarchy and by the nets among them."""
    if not len(logic):
        return np.zeros(0, np.int64), []
    place = np.full(len(flat.instance_names) + 1, -1)
    place[logic] = np.arange(len(logic))
    used = (flat.pin_net >= 0) & (flat.pin_instance >= 0)
    used[used] = ~ignored[flat.pin_net[used]] & (place[flat.pin_instance[used]] >= 0)
    driver = np.full(flat.nets, -1)
    sources = used & flat.pin_drives
    driver[flat.pin_net[sources]] = place[flat.pin_instance[sources]]
    sinks = used & ~flat.pin_drives
    a, b = driver[flat.pin_net[sinks]], place[flat.pin_instance[sinks]]
    graph = leaf_graph(len(logic), a[a >= 0], b[a >= 0])
    return cluster_by_hierarchy([flat.instance_names[i] for i in logic], area[logic], graph)


def _port_groups(flat: FlatDesign, ignored: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Names of the groups of top-level bits that become ports, and the group of each top-level bit (-1: none)."""
    names: list[str] = []
    groups: list[int] = []
    nets = flat.pin_net[flat.pin_instance < 0]
    for port in flat.ports:
        for low in range(0, port.width, BITS_PER_PIN):
            high = min(low + BITS_PER_PIN, port.width)
            mine = nets[len(groups) : len(groups) + high - low]
            if not np.any(mine >= 0) or np.all(ignored[mine[mine >= 0]]):
                groups += [-1] * (high - low)
                continue
            groups += [len(names)] * (high - low)
            names.append(port.name if port.width == 1 else f"{port.name}[{high - 1}:{low}]")
    return names, np.array(groups, np.int64)


def _pins_of_bits(
    flat: FlatDesign, kinds: LeafKinds, is_hard: np.ndarray, object_of: np.ndarray, port_group: np.ndarray, pins: _Pins
) -> np.ndarray:
    """Pin of the netlist for each pin bit of the flat design; -1 for top-level bits that are no port."""
    result = np.full(len(flat.pin_instance), -1, np.int64)
    for group in range(int(port_group.max(initial=-1)) + 1):
        pins.add(group, 0.0, 0.0)
    top = len(port_group)
    result[:top] = port_group
    soft_pin = {int(o): pins.add(int(o), 0.0, 0.0) for o in np.unique(object_of[~is_hard])}
    lookup = np.full(int(object_of.max(initial=0)) + 1, -1, np.int64)
    for obj, pin in soft_pin.items():
        lookup[obj] = pin
    result[top:] = lookup[object_of[flat.pin_instance[top:]]]
    start = np.concatenate([[0], np.cumsum(np.array([t.bits for t in flat.types], np.int64)[flat.instance_type])]) + top
    for instance in np.flatnonzero(is_hard):
        kind = flat.instance_type[instance]
        macro = kinds.macros[kind]
        assert macro is not None
        groups, offsets = _edge_pins([p.width for p in flat.types[kind].ports], macro)
        first = len(pins.owner)
        for y_um in offsets:
            pins.add(int(object_of[instance]), -macro.width_um / 2, y_um)
        result[start[instance] : start[instance + 1]] = first + groups
    return result


def _edge_pins(widths: list[int], macro: MacroCell) -> tuple[np.ndarray, list[float]]:
    """Group of each bit of a macro, and where along the left edge each group's pin stands (from the centre)."""
    sizes = [min(BITS_PER_PIN, width - low) for width in widths for low in range(0, width, BITS_PER_PIN)]
    groups = np.repeat(np.arange(len(sizes)), sizes)
    middle = np.cumsum(sizes) - np.array(sizes) / 2
    return groups, list((middle / max(1, sum(sizes)) - 0.5) * macro.height_um)


def _nets(
    flat: FlatDesign, pin_of_bit: np.ndarray, owner: np.ndarray, ignored: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nets between pins, equal ones joined: starts, pins (driver first), weights."""
    used = (flat.pin_net >= 0) & (pin_of_bit >= 0)
    used[used] = ~ignored[flat.pin_net[used]]
    rows = np.flatnonzero(used)
    rows = rows[np.lexsort((~flat.pin_drives[rows], flat.pin_net[rows]))]  # the driver first in each net
    nets, pins = flat.pin_net[rows].tolist(), pin_of_bit[rows].tolist()
    drives, owners = flat.pin_drives[rows].tolist(), owner.tolist()
    weights: dict[tuple[int, ...], int] = {}
    position = 0
    while position < len(nets):
        end = position + 1
        while end < len(nets) and nets[end] == nets[position]:
            end += 1
        if drives[position]:
            source = pins[position]
            sinks = sorted({p for p in pins[position + 1 : end] if owners[p] != owners[source]})
            if sinks:
                key = (source, *sinks)
                weights[key] = weights.get(key, 0) + 1
        position = end
    sizes = [len(key) for key in weights]
    return (
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
        np.array([pin for key in weights for pin in key], np.int32),
        np.array(list(weights.values()), float),
    )
