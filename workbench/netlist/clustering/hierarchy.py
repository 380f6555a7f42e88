"""Clusters logic leaves into soft macros along the design's hierarchy, and the connectivity graph that guides it.

A level of the hierarchy whose logic fits into one cluster becomes one; above that size its parts are clustered each for
itself and parts with the same parent are merged, the most connected first, small ones left over last. So equal parts of a
design (lanes) are clustered equally, which a graph partitioner would not do.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from workbench.netlist.clustering.rules import connections, pair_weights

if TYPE_CHECKING:
    import networkx

    from workbench.netlist.netlist import Netlist


@dataclass
class _Level:
    """A level of the hierarchy: its own leaves, and the levels below by name."""

    leaves: list[int] = field(default_factory=list)
    levels: dict[str, _Level] = field(default_factory=dict)


def connectivity_graph(netlist: Netlist) -> networkx.Graph:
    """Objects of a netlist as nodes, edges weighted by the driver-to-sink connections between them (cut nets left out)."""
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(range(netlist.objects))
    driver, sink, net = connections(netlist)
    apart = driver != sink
    pairs = np.sort(np.stack([driver, sink], axis=1)[apart], axis=1)
    low, high, weight = pair_weights(pairs[:, 0], pairs[:, 1], netlist.net_weight[net[apart]])
    graph.add_weighted_edges_from((int(a), int(b), float(w)) for a, b, w in zip(low, high, weight, strict=True))
    return graph


def leaf_graph(leaves: int, driver: np.ndarray, sink: np.ndarray) -> networkx.Graph:
    """Leaf instances as nodes, edges weighted by the number of bits that go from `driver` to `sink`."""
    import networkx

    graph = networkx.Graph()
    graph.add_nodes_from(range(leaves))
    driver, sink = driver[driver != sink], sink[driver != sink]
    low, high, counts = pair_weights(np.minimum(driver, sink), np.maximum(driver, sink), np.ones(len(driver)))
    graph.add_weighted_edges_from((int(a), int(b), int(n)) for a, b, n in zip(low, high, counts, strict=True))
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
    allowed, best = max(4 * float(area_um2.sum()) / fewest, 1e-9), None
    for _ in range(40):
        clusters = _cluster(root, "", area_um2, graph, allowed)
        if best is not None and len(clusters) > most:
            break
        best = clusters
        if len(clusters) >= fewest:
            break
        allowed *= 0.7
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
    """Join the two most connected parts that fit together, until none do; then pack small ones left over."""
    names, members = [name for name, _ in parts], [list(leaves) for _, leaves in parts]
    sizes = [float(area[leaves].sum()) for leaves in members]
    weights = _weights_between(members, graph)
    heap = [(-weight, a, b) for a, row in enumerate(weights) for b, weight in row.items() if a < b]
    heapq.heapify(heap)
    while heap:
        weight, a, b = heapq.heappop(heap)
        if weights[a].get(b) != -weight or sizes[a] + sizes[b] > allowed:  # out of date, or too large now and ever
            continue
        if len(weights[a]) < len(weights[b]):
            a, b = b, a
        names[a], names[b] = "", ""
        members[a], members[b], sizes[a] = members[a] + members[b], [], sizes[a] + sizes[b]
        row, weights[b] = weights[b], {}
        del weights[a][b]
        for other, extra in row.items():
            if other != a:
                del weights[other][b]
                joined = weights[a].get(other, 0.0) + extra
                weights[a][other] = weights[other][a] = joined
                heapq.heappush(heap, (-joined, min(a, other), max(a, other)))
    return _pack([(names[i], members[i]) for i in range(len(parts)) if members[i]], area, allowed)


def _weights_between(members: list[list[int]], graph: networkx.Graph) -> list[dict[int, float]]:
    """For each part, the weight to each other part that it is connected to."""
    owner = {leaf: number for number, leaves in enumerate(members) for leaf in leaves}
    weights: list[dict[int, float]] = [{} for _ in members]
    for leaf, number in owner.items():
        row = weights[number]
        for other, data in graph.adj[leaf].items():
            if (neighbour := owner.get(other, number)) != number:
                row[neighbour] = row.get(neighbour, 0.0) + data["weight"]
    return weights


def _pack(parts: list[Cluster], area: np.ndarray, allowed: float) -> list[Cluster]:
    """Parts of less than an eighth of the allowed area put together in their order."""
    done: list[Cluster] = []
    bin_members: list[int] = []
    filled = 0.0
    for name, leaves in parts:
        size = float(area[leaves].sum())
        if size > allowed / 8:
            done.append((name, leaves))
            continue
        if bin_members and filled + size > allowed:
            done.append(("", bin_members))
            bin_members, filled = [], 0.0
        bin_members, filled = bin_members + leaves, filled + size
    return [*done, ("", bin_members)] if bin_members else done


def _named(clusters: list[Cluster], path: str) -> list[Cluster]:
    """Names for clusters that are no level of their own, numbered within their level."""
    prefix = f"{path}." if path else ""
    return [(name or f"{prefix}cluster{number}", members) for number, (name, members) in enumerate(clusters)]
