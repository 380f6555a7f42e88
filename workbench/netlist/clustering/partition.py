"""Groups the cells of a flat netlist: logic beside macros and ports first, the rest by a hypergraph partitioner.

What is next to a macro, or to ports that stand together, stays together: these *pre-groups* are contracted to one vertex
each before the partitioning, and remain groups of their own after it. The partitioner then cuts as few nets as it can,
counting a net once for every further part that it reaches.

Source: cost-and-environment §6; the pre-groups and the number of parts as MacroPlacement's `CodeElements/Grouping` and
`Clustering` describe them (levels 1, ports gathered by grid cell from left over top and right to bottom). Differences: the
partitioner is Mt-KaHyPar instead of hMETIS, with its deterministic preset, so that a seed gives one result on any number
of threads; and pre-groups are contracted where hMETIS fixes their vertices, which leaves fewer vertices to partition.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import numpy as np

from workbench.base.errors import InputError
from workbench.base.rng import make_rng
from workbench.netlist.clustering.rules import connections
from workbench.netlist.netlist import Canvas, Netlist, ObjectKind

MOST_PARTS = 500
"""Parts beside the pre-groups that a design is cut into where nobody says how many (source: §6)."""
CELLS_PER_PART = 20
"""Fewest cells for one part by default: a design of fewer than 10,000 cells gets fewer parts (model: ours)."""
IMBALANCE = 0.3
"""How much a part may be larger than the average. §6's UBfactor 5 allows 5 % in each of hMETIS's bisections: on ariane133
the reference's largest part is twice the average."""


def default_parts(netlist: Netlist) -> int:
    """Parts for a design: 500, or one for every 20 cells if that is fewer."""
    return max(1, min(MOST_PARTS, int((netlist.kind == ObjectKind.SOFT_MACRO).sum()) // CELLS_PER_PART))


def pre_groups(netlist: Netlist, canvas: Canvas, levels: int = 1) -> np.ndarray:
    """Pre-group of each object, -1 for none, int64 (objects): macros and clumps of ports with the cells beside them.

    A cell at `levels` connections or fewer from several of them goes to the nearest, at equal distance to the first.
    """
    group = np.full(netlist.objects, -1, np.int64)
    macros = netlist.indices(ObjectKind.MACRO)
    group[macros] = np.arange(len(macros))
    for number, ports in enumerate(_port_clumps(netlist, canvas), start=len(macros)):
        group[ports] = number
    is_cell = netlist.kind == ObjectKind.SOFT_MACRO
    driver, sink, _ = connections(netlist)
    ends, others = np.concatenate([driver, sink]), np.concatenate([sink, driver])
    for _ in range(levels):
        reached = is_cell[others] & (group[others] < 0) & (group[ends] >= 0)
        first = np.full(netlist.objects, np.iinfo(np.int64).max)
        np.minimum.at(first, others[reached], group[ends[reached]])
        group[others[reached]] = first[others[reached]]
    return group


def _port_clumps(netlist: Netlist, canvas: Canvas) -> list[list[int]]:
    """Ports that stand within one grid cell along an edge, edge by edge; ports without a place are in none."""
    ports = netlist.indices(ObjectKind.PORT)
    ports = ports[np.isfinite(netlist.x_um[ports] + netlist.y_um[ports])]
    x, y = netlist.x_um[ports], netlist.y_um[ports]
    edge = np.argmin([x, canvas.height_um - y, canvas.width_um - x, y], axis=0)  # left, top, right, bottom
    clumps: list[list[int]] = []
    for side in range(4):
        along, reach = (x, canvas.cell_width_um) if side % 2 else (y, canvas.cell_height_um)
        here = np.flatnonzero(edge == side)
        first = -np.inf
        for port in here[np.argsort(along[here], kind="stable")]:
            if along[port] - first > reach:
                first = along[port]
                clumps.append([])
            clumps[-1].append(int(ports[port]))
    return clumps


def partition(netlist: Netlist, pre_group: np.ndarray, parts: int, seed: int) -> np.ndarray:
    """Group of each object, int64 (objects): its pre-group, or one of at most `parts` + pre-groups further ones.

    Raises
    ------
    InputError: the partitioner is not installed.
    """
    numbers = int(pre_group.max(initial=-1)) + 1
    free = np.flatnonzero(pre_group < 0)
    vertex = pre_group.copy()
    vertex[free] = numbers + np.arange(len(free))
    weight = np.bincount(vertex, minlength=numbers + len(free))
    blocks = min(parts + numbers, max(1, len(free)))
    weight = np.minimum(weight, max(1, int(weight.sum()) // blocks))  # no vertex heavier than a part
    block = _cut(_edges(netlist, vertex), weight, blocks, seed) if blocks > 1 else np.zeros(len(weight), np.int64)
    return np.where(pre_group >= 0, pre_group, numbers + block[vertex])


def _edges(netlist: Netlist, vertex: np.ndarray) -> list[list[int]]:
    """Nets as lists of the distinct vertices that they connect, those within one vertex left out."""
    driver, sink, net = connections(netlist)
    ends = np.stack([np.concatenate([net, net]), vertex[np.concatenate([driver, sink])]], axis=1)
    ends = np.unique(ends, axis=0)
    starts = np.flatnonzero(np.diff(ends[:, 0], prepend=-1))
    edges = [part.tolist() for part in np.split(ends[:, 1], starts[1:])]
    return [edge for edge in edges if len(edge) > 1]


def _cut(edges: list[list[int]], weight: np.ndarray, blocks: int, seed: int) -> np.ndarray:
    """Block of each vertex. The deterministic preset knows no seed: the order in which it sees the vertices is drawn."""
    mtkahypar, library = _partitioner()
    shown_as = make_rng(seed).permutation(len(weight))
    new = shown_as.tolist()
    context = library.context_from_preset(mtkahypar.PresetType.DETERMINISTIC)
    context.set_partitioning_parameters(blocks, IMBALANCE, mtkahypar.Objective.KM1)
    context.logging = False
    shown_weight = weight[np.argsort(shown_as)].tolist()
    shown = [[new[vertex] for vertex in edge] for edge in edges]
    mtkahypar.set_seed(0)
    hypergraph = library.create_hypergraph(context, len(weight), len(edges), shown, shown_weight, [1] * len(edges))
    return np.array(hypergraph.partition(context).get_partition(), np.int64)[shown_as]


@functools.cache
def _partitioner() -> tuple[Any, Any]:
    """The library's module and its one instance in this process, on all processors, to which it must not bind it."""
    try:
        import mtkahypar
    except ImportError:
        raise InputError(
            "mtkahypar", "no such package", "the hypergraph partitioner",
            "install it with `pip install mtkahypar`, or give the groups with --groups",
        ) from None  # fmt: skip
    if not hasattr(os, "sched_getaffinity"):
        return mtkahypar, mtkahypar.initialize(os.cpu_count() or 1, False)
    processors = os.sched_getaffinity(0)
    library = mtkahypar.initialize(len(processors), False)
    os.sched_setaffinity(0, processors)
    return mtkahypar, library


def cut_nets(netlist: Netlist, group: np.ndarray) -> tuple[int, int]:
    """How many nets reach cells of several groups, and how many groups they reach beyond the first, all nets together."""
    driver, sink, net = connections(netlist)
    ends, nets = np.concatenate([driver, sink]), np.concatenate([net, net])
    is_cell = netlist.kind[ends] == ObjectKind.SOFT_MACRO
    pairs = np.unique(np.stack([nets[is_cell], group[ends[is_cell]]], axis=1), axis=0)
    reached = np.bincount(pairs[:, 0])
    return int((reached > 1).sum()), int((reached[reached > 0] - 1).sum())
