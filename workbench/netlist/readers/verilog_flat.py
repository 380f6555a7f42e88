"""A flat design: leaf instances and the bit nets between their pins. The result of elaboration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.base.errors import InputError
from workbench.base.limits import Limits
from workbench.netlist.readers.verilog_scope import Scope

GLUE = "$glue"
"""Module name of the operators written above leaf level (``a & b``); their parameters are the counts of generic cells."""


@dataclass(frozen=True)
class LeafPort:
    """A port of a leaf: name, ``input``, ``output`` or ``inout``, width in bits."""

    name: str
    direction: str
    width: int


@dataclass(frozen=True)
class LeafType:
    """A leaf module with its parameters' values (in order of declaration) and ports."""

    module: str
    parameters: tuple[tuple[str, int], ...]
    ports: tuple[LeafPort, ...]

    @property
    def bits(self) -> int:
        """Pins of one instance."""
        return sum(port.width for port in self.ports)


@dataclass(frozen=True)
class FlatDesign:
    """All leaf instances of an elaborated top module, and its bit nets.

    Attributes
    ----------
    top: name of the top module.
    types: kinds of leaf.
    instance_names: hierarchical names, levels joined by dots.
    instance_type: index into `types`, int32.
    ports: the top module's ports.
    pin_instance: instance of each pin, -1 for ports of the top module, int32.
    pin_port: index into the ports of the instance's type (or of the top), int32.
    pin_net: net of each pin, -1 if it is tied to a constant, int32.
    pin_drives: the pin drives its net, bool.
    nets: number of bit nets that have a pin.
    undriven: nets that have sinks and no driver.
    """

    top: str
    types: tuple[LeafType, ...]
    instance_names: tuple[str, ...]
    instance_type: np.ndarray
    ports: tuple[LeafPort, ...]
    pin_instance: np.ndarray
    pin_port: np.ndarray
    pin_net: np.ndarray
    pin_drives: np.ndarray
    nets: int
    undriven: int

    def counts(self) -> dict[str, int]:
        """Instances by leaf module."""
        result: dict[str, int] = {}
        for index in self.instance_type:
            name = self.types[index].module
            result[name] = result.get(name, 0) + 1
        return result


@dataclass(frozen=True)
class BitNamer:
    """Names bits for errors: first bit and name of each signal, in order of creation."""

    where: str
    first: list[int]
    names: list[str]

    def name(self, bit: int) -> str:
        """Hierarchical name of a bit."""
        index = int(np.searchsorted(self.first, bit, side="right")) - 1
        return f"{self.names[index]} (bit {bit - self.first[index]})" if index >= 0 else "a constant"


class FlatBuilder:
    """Collects bits, aliases and leaf instances while a design is elaborated, then makes the `FlatDesign`.

    Bits 0 and 1 are the constants. `left` and `right` hold continuous assigns, bit by bit.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.bits = 2
        self.first: list[int] = []
        self.signal_names: list[str] = []
        self.left: list[np.ndarray] = []
        self.right: list[np.ndarray] = []
        self.types: dict[LeafType, int] = {}
        self.names: list[str] = []
        self.instance_type: list[int] = []
        self.instance_bits: list[np.ndarray] = []

    def fresh(self, name: str, width: int, where: str) -> np.ndarray:
        """New bits of a signal."""
        self.limits.check(where, "pins", self.bits + width)
        self.first.append(self.bits)
        self.signal_names.append(name)
        self.bits += width
        return np.arange(self.bits - width, self.bits)

    def glue(self, scope: Scope, cells: dict[str, int], inputs: np.ndarray, width: int, line: int) -> np.ndarray:
        """Output bits of a new piece of glue logic."""
        inputs = np.unique(inputs[inputs > 1])
        name, where = scope.child(f"{GLUE}{scope.number_unnamed()}"), scope.where(line)
        output = self.fresh(name, width, where)
        ports = (LeafPort("a", "input", len(inputs)), LeafPort("y", "output", width))
        self.leaf(LeafType(GLUE, tuple(sorted(cells.items())), ports), name, [inputs, output], where)
        return output

    def leaf(self, kind: LeafType, name: str, bits: list[np.ndarray], where: str) -> None:
        """A new leaf instance with the bits at its ports, in order."""
        self.limits.check(where, "nodes", len(self.names) + 1)
        self.names.append(name)
        self.instance_type.append(self.types.setdefault(kind, len(self.types)))
        self.instance_bits.append(np.concatenate(bits) if bits else np.zeros(0, np.int64))

    def finish(self, top: str, ports: tuple[LeafPort, ...], port_bits: list[np.ndarray], where: str) -> FlatDesign:
        """The flat design; InputError for a net with two drivers or assigns in a circle."""
        left = np.concatenate([np.zeros(0, np.int64), *self.left])
        right = np.concatenate([np.zeros(0, np.int64), *self.right])
        describe = BitNamer(where, self.first, self.signal_names)
        values, counts = np.unique(left, return_counts=True)
        for bit in values[counts > 1][:1]:
            raise InputError(where, f"two assigns to the net {describe.name(int(bit))}", "one driver", "remove the other")
        source = resolve_aliases(self.bits, left, right)
        for bit in np.flatnonzero(source < 0)[:1]:
            raise InputError(where, f"assigns in a circle through {describe.name(int(bit))}", "a driver", "break the circle")
        return _number_nets(self, top, ports, port_bits, source, describe)


def resolve_aliases(bits: int, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The bit that stands for each bit after ``assign left = right``; -1 where assigns go in a circle.

    Every bit is assigned at most once, so the assigns form trees and circles. Pointer doubling ends in log(depth) rounds
    at the trees' roots, which no assign has on its left; circles never leave their assigned bits.
    """
    source = np.arange(bits, dtype=np.int64)
    source[left] = right
    for _ in range(bits.bit_length() + 1):
        following = source[source]
        if np.array_equal(following, source):
            break
        source = following
    assigned = np.zeros(bits, bool)
    assigned[left] = True
    return np.where(assigned[source], -1, source)


def _number_nets(
    built: FlatBuilder,
    top: str,
    ports: tuple[LeafPort, ...],
    port_bits: list[np.ndarray],
    source: np.ndarray,
    describe: BitNamer,
) -> FlatDesign:
    """Number the nets, mark the drivers, and check that no net has two."""
    types, names, instance_type = list(built.types), built.names, built.instance_type
    types_array = np.asarray(instance_type, np.int32)
    sizes = np.array([t.bits for t in types], np.int64)[types_array] if names else np.zeros(0, np.int64)
    top_bits = np.concatenate(port_bits) if port_bits else np.zeros(0, np.int64)
    bits = source[np.concatenate([top_bits, *built.instance_bits]).astype(np.int64)]
    instance = np.concatenate([np.full(len(top_bits), -1), np.repeat(np.arange(len(names)), sizes)]).astype(np.int32)
    port_of = [np.repeat(np.arange(len(t.ports)), [p.width for p in t.ports]) for t in types]
    drives_of = [np.repeat([p.direction == "output" for p in t.ports], [p.width for p in t.ports]) for t in types]
    widths = [p.width for p in ports]
    port = np.concatenate([np.repeat(np.arange(len(ports)), widths), *(port_of[t] for t in instance_type)])
    drives = np.concatenate(
        [np.repeat([p.direction == "input" for p in ports], widths), *(drives_of[t] for t in instance_type)]
    ).astype(bool)
    two_way = _two_way(types, ports, instance_type)
    used, net = np.unique(bits, return_inverse=True)
    _let_first_two_way_pin_drive(net, drives, two_way, len(used))
    drivers = np.bincount(net[drives], minlength=len(used))
    tied = used < 2
    for index in np.flatnonzero((drivers > 1) & ~tied)[:1]:
        raise InputError(
            describe.where, f"{drivers[index]} drivers of the net {describe.name(int(used[index]))}", "one driver",
            "remove the others",
        )  # fmt: skip
    number = np.cumsum(~tied) - 1
    number[tied] = -1
    sinks = np.bincount(net[~drives], minlength=len(used))
    return FlatDesign(
        top, tuple(types), tuple(names), types_array, ports, instance, port.astype(np.int32),
        number[net].astype(np.int32), drives, int((~tied).sum()), int(((drivers == 0) & (sinks > 0) & ~tied).sum()),
    )  # fmt: skip


def _two_way(types: list[LeafType], ports: tuple[LeafPort, ...], instance_type: list[int]) -> np.ndarray | None:
    if not any(p.direction == "inout" for t in types for p in t.ports) and not any(p.direction == "inout" for p in ports):
        return None
    of = [np.repeat([p.direction == "inout" for p in t.ports], [p.width for p in t.ports]) for t in types]
    top = np.repeat([p.direction == "inout" for p in ports], [p.width for p in ports])
    return np.concatenate([top, *(of[t] for t in instance_type)]).astype(bool)


def _let_first_two_way_pin_drive(net: np.ndarray, drives: np.ndarray, two_way: np.ndarray | None, nets: int) -> None:
    """A net that only inout pins could drive is driven by the first of them."""
    if two_way is None:
        return
    driven = np.bincount(net[drives], minlength=nets) > 0
    candidates = np.flatnonzero(two_way & ~driven[net])
    _, first = np.unique(net[candidates], return_index=True)
    drives[candidates[first]] = True
