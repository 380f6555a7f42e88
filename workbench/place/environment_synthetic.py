"""Random clustered designs with the statistics of real ones, for tests and for training policies on many netlists.

Every object has a hidden place in the unit square and nets join neighbours there, so that a good floorplan exists; macros
come in a few families of equal size, as SRAMs do (model: ours; the figures below are near those of the public clustered
netlists of MacroPlacement: 128-133 macros, 5-7 soft macros a macro, 8-9 nets an object, 40-55 % of the canvas macros).
"""

from __future__ import annotations

import numpy as np

from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import Canvas, Netlist, ObjectKind

FAMILIES = 3
NETS_PER_OBJECT = 8
SOFT_PER_MACRO = 4
PORTS_PER_MACRO = 1.5


def synthetic_design(
    seed: int, macros: int = 40, columns: int = 20, rows: int = 20, macro_share: float = 0.4, soft_share: float = 0.2
) -> Design:
    """A random design whose hard and soft macros cover these shares of the canvas; the same seed, the same design."""
    rng = make_rng(seed)
    soft, ports = SOFT_PER_MACRO * macros, int(PORTS_PER_MACRO * macros)
    kind = np.repeat([ObjectKind.MACRO, ObjectKind.SOFT_MACRO, ObjectKind.PORT], [macros, soft, ports]).astype(np.int8)
    side = float(rng.uniform(300.0, 3000.0))
    width, height = _sizes(rng, macros, soft, ports, side, macro_share, soft_share)
    hidden = rng.uniform(0.0, 1.0, (len(kind), 2))
    hidden[-ports:] = _on_edge(rng, ports)
    pin_object, pin_offset, net_start, weight = _nets(rng, kind, hidden, width, height)
    is_port = kind == ObjectKind.PORT
    place = np.where(is_port[:, None], hidden * side, np.nan)
    names = tuple(f"{ObjectKind(int(k)).name.lower()}_{i}" for i, k in enumerate(kind))
    netlist = Netlist(
        f"synthetic_{seed}", names, kind, width, height, place[:, 0], place[:, 1], np.zeros(len(kind), np.int8), is_port,
        np.arange(len(kind), dtype=np.int32), pin_object.astype(np.int32), pin_offset[:, 0], pin_offset[:, 1],
        net_start.astype(np.int32), np.arange(len(pin_object), dtype=np.int32), weight,
    )  # fmt: skip
    canvas = Canvas(side, side, columns, rows, 57.0, 57.0, 39.6, 30.3, smooth_range=2)
    return Design(netlist.name, netlist, canvas)


def _sizes(
    rng: np.random.Generator, macros: int, soft: int, ports: int, side: float, macro_share: float, soft_share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Widths and heights; the macros' shares of the area hold exactly, soft macros are bloated squares."""
    family = np.sort(rng.integers(0, FAMILIES, macros))
    area, aspect = rng.uniform(1.0, 4.0, FAMILIES)[family], np.exp(rng.uniform(-0.8, 0.8, FAMILIES))[family]
    area *= macro_share * side * side / area.sum()
    soft_area = rng.gamma(2.0, 1.0, soft)
    soft_area *= soft_share * side * side / soft_area.sum()
    width = np.concatenate([np.sqrt(area * aspect), np.sqrt(soft_area), np.zeros(ports)])
    height = np.concatenate([np.sqrt(area / aspect), np.sqrt(soft_area), np.zeros(ports)])
    return width, height


def _on_edge(rng: np.random.Generator, ports: int) -> np.ndarray:
    along, edge = rng.uniform(0.0, 1.0, ports), rng.integers(0, 4, ports)
    x = np.choose(edge, [along, along, np.zeros(ports), np.ones(ports)])
    y = np.choose(edge, [np.zeros(ports), np.ones(ports), along, along])
    return np.stack([x, y], axis=1)


def _nets(
    rng: np.random.Generator, kind: np.ndarray, hidden: np.ndarray, width: np.ndarray, height: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pin owners and offsets, net starts and weights; each net has a random driver and one to four near sinks."""
    objects = len(kind)
    owners, start = [], [0]
    for _ in range(NETS_PER_OBJECT * objects // 2):
        driver = int(rng.integers(objects))
        distance = np.hypot(*(hidden - hidden[driver]).T) + rng.exponential(0.1, objects)
        distance[driver] = np.inf
        owners += [driver, *np.argsort(distance)[: int(rng.integers(1, 5))]]
        start.append(len(owners))
    owner = np.array(owners)
    offset = rng.uniform(-0.5, 0.5, (len(owner), 2)) * np.stack([width, height], axis=1)[owner]
    offset[kind[owner] != ObjectKind.MACRO] = 0.0
    weight = rng.choice([1.0, 2.0, 8.0], len(start) - 1, p=[0.6, 0.3, 0.1])
    return owner, offset, np.array(start), weight
