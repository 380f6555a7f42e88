"""Writes groups of cells as soft macros: the clustered netlist of a flat one, and its placement mapped back onto the cells.

A group g of cells becomes the soft macro `Grp_g`: as wide as a grid cell, as high as its cells need at 50 % utilization,
at their area-weighted centre. Hard macros, ports and their pins keep their order and their places. Nets:

- one driven by a port or a pin of a hard macro drives the distinct groups and pins that it reached (a port that lists
  itself, as outputs do in some files, too);
- one driven by a cell drives those outside the cell's group: none, no net; several, a net from a pin of its own
  (`Poutput_multi`); exactly one, it adds its weight to the group's net to that one (`Poutput_single`);
- a group receives all of them at one pin (`Pinput`). Pins of soft macros are at the centre.

Pins of a group are in that order, and objects are numbered as a file of these nodes would be.

Source: cost-and-environment §6. Accuracy: with the reference's groups of NanGate45 ariane133 the same objects, pins, nets
and costs as the reference's clustered netlist (`benchmarks/clustering.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.netlist.clustering.rules import SOFT_UTILIZATION, pair_weights, sink_pins
from workbench.netlist.netlist import ORIENTATIONS, Floorplan, Netlist, ObjectKind


@dataclass(frozen=True)
class _Targets:
    """What each net reaches, distinct, the group that drives it left out: one entry per net and target."""

    net: np.ndarray
    target: np.ndarray


@dataclass(frozen=True)
class _Drives:
    """Connections of the clustered netlist: driver pin, target and weight; equal driver pins are one net."""

    pin: np.ndarray
    target: np.ndarray
    weight: np.ndarray


def clustered_netlist(flat: Netlist, group: np.ndarray, cell_width_um: float) -> Netlist:
    """The netlist with every group of cells as one soft macro.

    Parameters
    ----------
    flat: a netlist whose soft macros are standard cells.
    group: group of each object, int64 (objects); at least 0 for cells, ignored for others.
    cell_width_um: width of a grid cell of the canvas.
    """
    is_cell = flat.kind == ObjectKind.SOFT_MACRO
    numbers, soft = np.unique(group[is_cell], return_inverse=True)
    kept_pins = np.flatnonzero(~is_cell[flat.pin_object])
    node = np.zeros(flat.objects, np.int64)  # where a cell's connections end: after the kept pins, by group
    node[is_cell] = len(kept_pins) + soft
    node_of_pin = node[flat.pin_object]
    node_of_pin[kept_pins] = np.arange(len(kept_pins))
    driver = node_of_pin[flat.net_pin[flat.net_start[:-1]]]
    targets = _targets(flat, node_of_pin, driver, len(kept_pins))
    multi, single = _group_drives(flat, targets, driver, len(kept_pins), len(numbers))
    outputs = [np.bincount(np.unique(drives.pin) // _PINS, minlength=len(numbers)) for drives in (multi, single)]
    first_pin = len(kept_pins) + np.concatenate([[0], np.cumsum(outputs[0] + outputs[1] + 1)])
    input_pin = first_pin[1:] - 1
    of_kept = driver[targets.net] < len(kept_pins)
    nets = _Drives(
        np.concatenate([
            driver[targets.net[of_kept]],
            first_pin[multi.pin // _PINS] + multi.pin % _PINS,
            (first_pin[:-1] + outputs[0])[single.pin // _PINS] + single.pin % _PINS,
        ]),
        np.concatenate([targets.target[of_kept], multi.target, single.target]),
        np.concatenate([flat.net_weight[targets.net[of_kept]], multi.weight, single.weight]),
    )  # fmt: skip
    end = np.concatenate([np.arange(len(kept_pins)), input_pin])
    return _assemble(
        flat, is_cell, numbers, soft, cell_width_um, first_pin, _Drives(nets.pin, end[nets.target], nets.weight)
    )


_PINS = 1 << 32
"""Output pins of a group are numbered group · _PINS + rank until it is known where each group's pins begin."""


def _targets(flat: Netlist, node_of_pin: np.ndarray, driver: np.ndarray, kept_pins: int) -> _Targets:
    net, sink = sink_pins(flat)
    pairs = np.unique(np.stack([net, node_of_pin[sink]], axis=1), axis=0)
    pairs = pairs[(pairs[:, 1] != driver[pairs[:, 0]]) | (pairs[:, 1] < kept_pins)]
    return _Targets(pairs[:, 0], pairs[:, 1])


def _group_drives(
    flat: Netlist, targets: _Targets, driver: np.ndarray, kept_pins: int, groups: int
) -> tuple[_Drives, _Drives]:
    """Connections from groups, those of pins with several targets and those with one."""
    reached = np.bincount(targets.net, minlength=flat.nets)
    source = driver[targets.net] - kept_pins
    is_multi, is_single = (source >= 0) & (reached[targets.net] > 1), (source >= 0) & (reached[targets.net] == 1)
    net = np.unique(targets.net[is_multi])
    net = net[np.argsort(driver[net], kind="stable")]
    pin = np.zeros(flat.nets, np.int64)
    pin[net] = _ranked(driver[net] - kept_pins, groups)
    of_multi = targets.net[is_multi]
    multi = _Drives(pin[of_multi], targets.target[is_multi], flat.net_weight[of_multi])
    start, target, weight = pair_weights(
        source[is_single], targets.target[is_single], flat.net_weight[targets.net[is_single]]
    )
    return multi, _Drives(_ranked(start, groups), target, weight)


def _ranked(group: np.ndarray, groups: int) -> np.ndarray:
    """Number of each entry of ascending groups: group · _PINS + rank within the group."""
    first = np.searchsorted(group, np.arange(groups))
    return group * _PINS + np.arange(len(group)) - first[group]


def _assemble(
    flat: Netlist, is_cell: np.ndarray, numbers: np.ndarray, soft: np.ndarray, cell_width_um: float,
    first_pin: np.ndarray, drives: _Drives,
) -> Netlist:  # fmt: skip
    kept, cells = np.flatnonzero(~is_cell), np.flatnonzero(is_cell)
    area = np.bincount(soft, flat.width_um[cells] * flat.height_um[cells], len(numbers))
    kept_pins = np.flatnonzero(~is_cell[flat.pin_object])
    position = np.cumsum(~is_cell) - 1
    new_pins = int(first_pin[-1]) - len(kept_pins)
    owner = len(kept) + np.repeat(np.arange(len(numbers)), np.diff(first_pin))
    order = np.lexsort([drives.target, drives.pin])
    pin, target = drives.pin[order], drives.target[order]
    starts = np.flatnonzero(np.diff(pin, prepend=-1))
    place = np.arange(len(starts)) + starts  # each net is its driver, then its targets
    net_pin = np.insert(target, starts, pin[starts])

    def joined(old: np.ndarray, new: np.ndarray) -> np.ndarray:
        return np.concatenate([old, new]).astype(old.dtype)

    zeros = np.zeros(len(numbers))
    return Netlist(
        name=flat.name,
        object_names=(*(flat.object_names[i] for i in kept), *(f"Grp_{number}" for number in numbers)),
        kind=joined(flat.kind[kept], zeros + ObjectKind.SOFT_MACRO),
        width_um=joined(flat.width_um[kept], zeros + cell_width_um),
        height_um=joined(flat.height_um[kept], area / SOFT_UTILIZATION / cell_width_um),
        x_um=joined(flat.x_um[kept], _centre(flat.x_um[cells], flat, cells, soft)),
        y_um=joined(flat.y_um[kept], _centre(flat.y_um[cells], flat, cells, soft)),
        orientation=joined(flat.orientation[kept], zeros + ORIENTATIONS.index("N")),
        is_fixed=joined(flat.is_fixed[kept], zeros),
        file_index=_file_index(flat, is_cell, np.diff(first_pin)),
        pin_object=joined(position[flat.pin_object[kept_pins]].astype(np.int32), owner),
        pin_x_um=joined(flat.pin_x_um[kept_pins], np.zeros(new_pins)),
        pin_y_um=joined(flat.pin_y_um[kept_pins], np.zeros(new_pins)),
        net_start=np.append(place, len(net_pin)).astype(np.int32),
        net_pin=net_pin.astype(np.int32),
        net_weight=drives.weight[order][starts],
    )  # fmt: skip


def _centre(axis: np.ndarray, flat: Netlist, cells: np.ndarray, soft: np.ndarray) -> np.ndarray:
    """Area-weighted centre of each group; of groups without area the plain one; NaN where a cell has no place."""
    area = flat.width_um[cells] * flat.height_um[cells]
    weight = np.where((np.bincount(soft, area) > 0)[soft], area, 1.0)
    return np.bincount(soft, weight * axis) / np.bincount(soft, weight)


def _file_index(flat: Netlist, is_cell: np.ndarray, pins: np.ndarray) -> np.ndarray:
    """Node numbers in a file of the kept nodes in their order, then each group followed by its pins."""
    kept = flat.file_index[~is_cell]
    before = np.searchsorted(np.sort(flat.file_index[is_cell]), kept)
    first = len(kept) + int((flat.kind[flat.pin_object] == ObjectKind.MACRO).sum())
    return np.concatenate([kept - before, first + np.cumsum(pins + 1) - (pins + 1)]).astype(np.int32)


def spread(flat: Netlist, group: np.ndarray, clustered: Floorplan) -> Floorplan:
    """A placement of the clusters as one of the flat netlist: every cell at its cluster's place, the others at their own.

    `group` is that of `clustered_netlist`. Cells lie upon each other then: it is where a detailed placer begins.
    """
    is_cell = flat.kind == ObjectKind.SOFT_MACRO
    _, soft = np.unique(group[is_cell], return_inverse=True)
    source = np.cumsum(~is_cell) - 1
    source[is_cell] = int((~is_cell).sum()) + soft
    orientation = np.where(is_cell, flat.orientation, clustered.orientation[source]).astype(np.int8)
    return Floorplan(flat, clustered.canvas, clustered.x_um[source], clustered.y_um[source], orientation)
