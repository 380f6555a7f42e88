"""Clusters logic leaves into soft macros along the design's hierarchy, and the connectivity graph that guides it.

A level of the hierarchy whose logic fits into one cluster becomes one; above that size its parts are clustered each for
itself and small neighbours with the same parent are merged, the most connected first. So equal parts of a design (lanes) are
clustered equally, which a graph partitioner would not do.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import networkx

    from workbench.netlist.netlist import Netlist

LARGEST_FANOUT = 500
"""Nets with more pins are left out of the graph (source: cost-and-environment §6)."""


@dataclass
class _Level:
    """A level of the hierarchy: its own leaves, and the levels below by name."""

    leaves: list[int] = field(default_factory=list)
    levels: dict[str, _Level] = field(default_factory=dict)


def connectivity_graph(netlist: Netlist) -> networkx.Graph:
    """Objects of a netlist as nodes, edges weighted by the driver-to-sink connections between them.

    Nets with more than `LARGEST_FANOUT` pins are left out.
    """
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(range(netlist.objects))
    owner = netlist.pin_object[netlist.net_pin]
    for net in range(netlist.nets):
        first, last = netlist.net_start[net], netlist.net_start[net + 1]
        if last - first > LARGEST_FANOUT:
            continue
        for sink in owner[first + 1 : last]:
            a, b = int(owner[first]), int(sink)
            if a != b:
                weight = graph.edges[a, b]["weight"] if graph.has_edge(a, b) else 0.0
                graph.add_edge(a, b, weight=weight + float(netlist.net_weight[net]))
    return graph


def leaf_graph(leaves: int, driver: np.ndarray, sink: np.ndarray) -> networkx.Graph:
    """Leaf instances as nodes, edges weighted by the number of bits that go from `driver` to `sink`."""
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(range(leaves))
    low, high = np.minimum(driver, sink), np.maximum(driver, sink)
    pairs, counts = np.unique(np.stack([low, high], axis=1)[low != high], axis=0, return_counts=True)
    graph.add_weighted_edges_from((int(a), int(b), int(n)) for (a, b), n in zip(pairs, counts, strict=True))
    return graph


def cluster_by_hierarchy(
    names: list[str], area_um2: np.ndarray, graph: networkx.Graph, fewest: int | None = None, most: int = 300
) -> tuple[np.ndarray, list[str]]:
    """Cluster of each leaf, and the clusters' names.

    The largest allowed cluster area shrinks until there are at least `fewest` clusters or the next step would give more
    than `most`; designs with fewer leaves than `fewest` keep every leaf for itself.

    Parameters
    ----------
    names: hierarchical names of the leaves, levels joined by dots.
    area_um2: their areas.
    graph: weights between them (nodes are their indices).
    fewest, most: number of clusters wanted; by default one for every four leaves, within 30 and 150.
    """
    fewest = min(150, max(30, len(names) // 4)) if fewest is None else fewest
    root = _levels(names)
    total = float(area_um2.sum())
    allowed, best = max(total, 1e-9), None
    for _ in range(40):
        clusters = _cluster(root, "", area_um2, graph, allowed)
        if best is not None and len(clusters) > most:
            break
        best = clusters
        if len(clusters) >= fewest:
            break
        allowed *= 0.8
    assert best is not None
    index = np.zeros(len(names), np.int64)
    for number, (_, members) in enumerate(best):
        index[members] = number
    return index, [name for name, _ in best]


def _levels(names: list[str]) -> _Level:
    root = _Level()
    for index, name in enumerate(names):
        level = root
        for part in name.split(".")[:-1]:
            level = level.levels.setdefault(part, _Level())
        level.leaves.append(index)
    return root


Cluster = tuple[str, list[int]]


def _cluster(level: _Level, path: str, area: np.ndarray, graph: networkx.Graph, allowed: float) -> list[Cluster]:
    """Clusters of a level: one if it fits, else those of its parts with the small ones merged."""
    members = _members(level)
    if float(area[members].sum()) <= allowed:
        return [(path or "logic", members)]
    parts: list[Cluster] = [("", [leaf]) for leaf in level.leaves]
    done: list[Cluster] = []
    for name, inner in level.levels.items():
        below = _cluster(inner, f"{path}.{name}" if path else name, area, graph, allowed)
        if len(below) == 1:
            parts.append(below[0])
        else:
            done += below
    return done + _named(_merge(parts, area, graph, allowed), path)


def _members(level: _Level) -> list[int]:
    return [*level.leaves, *(leaf for inner in level.levels.values() for leaf in _members(inner))]


def _merge(parts: list[Cluster], area: np.ndarray, graph: networkx.Graph, allowed: float) -> list[Cluster]:
    """Join the two most connected parts that fit together, until none do."""
    parts = [(name, list(members)) for name, members in parts]
    sizes = [float(area[members].sum()) for _, members in parts]
    owner = {leaf: number for number, (_, members) in enumerate(parts) for leaf in members}
    weights: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for leaf, number in owner.items():
        for other, data in graph[leaf].items():
            if owner.get(other, number) != number:
                weights[number][owner[other]] += data["weight"]
    while True:
        best = max(
            ((w, -a, -b) for a, row in weights.items() for b, w in row.items() if a < b and sizes[a] + sizes[b] <= allowed),
            default=None,
        )
        if best is None:
            break
        a, b = -best[1], -best[2]
        parts[a] = ("", parts[a][1] + parts[b][1])
        parts[b], sizes[a] = ("", []), sizes[a] + sizes[b]
        for other, weight in weights.pop(b).items():
            weights[other].pop(b, None)
            if other != a:
                weights[a][other] += weight
                weights[other][a] += weight
    return [part for part in parts if part[1]]


def _named(clusters: list[Cluster], path: str) -> list[Cluster]:
    """Names for clusters that are no level of their own, numbered within their level."""
    prefix = f"{path}." if path else ""
    return [(name or f"{prefix}cluster{number}", members) for number, (name, members) in enumerate(clusters)]
