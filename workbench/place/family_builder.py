"""Puts made-up designs together: hard macros, clusters of logic, ports and the buses between them, then a canvas for them.

Macros are relative in size until `design` scales them to the shares of the canvas that were drawn. Pins of hard macros lie
on their edges, as those of SRAMs do (model: ours; the ranges are those of the public designs, see `families`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from workbench.netlist.design import Design
from workbench.netlist.grid import choose_grid
from workbench.netlist.netlist import Canvas, Netlist, ObjectKind
from workbench.place.start import place_macros, sketch

ROUTES = (
    (70.33, 74.51, 51.79, 51.79, 2),
    (57.031, 56.818, 39.583, 30.303, 0),
    (12.279, 13.591, 9.824, 8.133, 2),
)
"""Tracks per µm, horizontal and vertical, those that macros take, smoothing range. Source: cost-and-environment §3.4."""

GROWTH = 1.06
"""A canvas on whose grid the macros find no room grows by this factor of its area."""
ATTEMPTS = 12


@dataclass(frozen=True)
class Shape:
    """How a design fills its canvas.

    Attributes
    ----------
    macro_share, soft_share: shares of the canvas that hard macros and clusters (bloated) cover.
    aspect: width by height of the canvas. side_um: square root of its area.
    grid: (columns, rows), or None for the grid that wastes least (cost-and-environment §2).
    routes: a row of ROUTES.
    """

    macro_share: float
    soft_share: float
    aspect: float
    side_um: float
    grid: tuple[int, int] | None
    routes: int


@dataclass
class Builder:
    """A design in the making; objects are named by their index.

    `grain` clusters of standard cells stand for one piece of logic, named by the first of them; nets end at any of them.
    """

    rng: np.random.Generator
    grain: int = 1
    kind: list[ObjectKind] = field(default_factory=list)
    size: list[tuple[float, float]] = field(default_factory=list)
    nets: list[tuple[list[tuple[int, float, float]], float]] = field(default_factory=list)
    port_at: dict[int, tuple[float, float]] = field(default_factory=dict)
    clusters: dict[int, list[int]] = field(default_factory=dict)

    def macro(self, width: float, height: float) -> int:
        """A hard macro of relative size."""
        return self._add(ObjectKind.MACRO, width, height)

    def logic(self, area: float = 1.0) -> int:
        """A piece of logic of relative area: square clusters, each driving the next and a random one."""
        areas = area * self.rng.dirichlet(np.full(self.grain, 2.0))
        members = [self._add(ObjectKind.SOFT_MACRO, part**0.5, part**0.5) for part in areas]
        for k, member in enumerate(members[1:]):
            self.bus(members[k], [member], 16.0)
            self.bus(member, [members[int(self.rng.integers(k + 1))]], 4.0)
        self.clusters[members[0]] = members
        return members[0]

    def port(self, side: int, along: float) -> int:
        """A port on side 0 left, 1 right, 2 bottom, 3 top, at a share of its length."""
        index = self._add(ObjectKind.PORT, 0.0, 0.0)
        self.port_at[index] = [(0.0, along), (1.0, along), (along, 0.0), (along, 1.0)][side]
        return index

    def _add(self, kind: ObjectKind, width: float, height: float) -> int:
        self.kind.append(kind)
        self.size.append((width, height))
        return len(self.kind) - 1

    def bus(self, driver: int, sinks: list[int], weight: float, nets: int = 1) -> None:
        """A bus of so many nets from one object to others; on hard macros each net has a pin of its own on one edge."""
        edge = {item: int(self.rng.integers(4)) for item in (driver, *sinks)}
        for k in range(nets):
            share = (k + 1) / (nets + 1) - 0.5
            pins = [self._pin(item, edge[item], share) for item in (driver, *sinks)]
            self.nets.append((pins, weight / nets))

    def _pin(self, item: int, edge: int, share: float) -> tuple[int, float, float]:
        """An object (any cluster of a piece of logic) and the offset of its pin relative to its size."""
        if self.kind[item] != ObjectKind.MACRO:
            members = self.clusters.get(item, [item])
            return members[int(self.rng.integers(len(members)))], 0.0, 0.0
        return item, *[(-0.5, share), (0.5, share), (share, -0.5), (share, 0.5)][edge]

    def design(self, name: str, shape: Shape) -> Design:
        """The design on a canvas whose grid has room for all hard macros."""
        side = shape.side_um
        for _ in range(ATTEMPTS):
            made = self._on_canvas(name, shape, side)
            around = sketch(made.netlist, made.canvas, self.rng)
            if place_macros(around, _first_cell) is not None:
                return made
            side *= GROWTH**0.5
        raise ValueError(f"no room for the macros of {name}")

    def _on_canvas(self, name: str, shape: Shape, side: float) -> Design:
        kind, size = np.array(self.kind, np.int8), np.array(self.size)
        for which, share in ((ObjectKind.MACRO, shape.macro_share), (ObjectKind.SOFT_MACRO, shape.soft_share)):
            size[kind == which] *= np.sqrt(share * shape.side_um**2 / size[kind == which].prod(axis=1).sum())
        width, height = side * np.sqrt(shape.aspect), side / np.sqrt(shape.aspect)
        place = np.full((len(kind), 2), np.nan)
        for index, (x, y) in self.port_at.items():
            place[index] = x * width, y * height
        netlist = self._netlist(name, kind, size, place)
        columns, rows = shape.grid or choose_grid(width, height, netlist)
        horizontal, vertical, by_macro, by_macro_up, smooth = ROUTES[shape.routes]
        canvas = Canvas(width, height, columns, rows, horizontal, vertical, by_macro, by_macro_up, smooth_range=smooth)
        return Design(name, netlist, canvas)

    def _netlist(self, name: str, kind: np.ndarray, size: np.ndarray, place: np.ndarray) -> Netlist:
        pins = [pin for net, _ in self.nets for pin in net]
        owner = np.array([pin[0] for pin in pins], np.int32)
        offset = np.array([pin[1:] for pin in pins]) * size[owner]
        start = np.cumsum([0, *(len(net) for net, _ in self.nets)]).astype(np.int32)
        names = tuple(f"{ObjectKind(int(k)).name.lower()}_{i}" for i, k in enumerate(kind))
        return Netlist(
            name, names, kind, size[:, 0], size[:, 1], place[:, 0], place[:, 1], np.zeros(len(kind), np.int8),
            kind == ObjectKind.PORT, np.arange(len(kind), dtype=np.int32), owner, offset[:, 0], offset[:, 1], start,
            np.arange(len(owner), dtype=np.int32), np.array([weight for _, weight in self.nets]),
        )  # fmt: skip


def _first_cell(item: int, legal: np.ndarray, x: np.ndarray, y: np.ndarray) -> int:
    """The lowest legal cell: packs the macros from one corner."""
    return int(np.argmax(legal))
