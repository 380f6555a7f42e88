"""Clustering along the hierarchy, and the connectivity graph."""

from __future__ import annotations

import networkx
import numpy as np
import pytest

from workbench.netlist.clustering.hierarchy import cluster_by_hierarchy, connectivity_graph, leaf_graph
from workbench.netlist.load import load_design


def clusters(names: list[str], areas: list[float], graph: networkx.Graph, **limits: int) -> list[set[str]]:
    index, _ = cluster_by_hierarchy(names, np.array(areas), graph, **limits)
    return [{names[i] for i in np.flatnonzero(index == number)} for number in range(index.max() + 1)]


def test_connected_leaves_of_a_level_join_before_others() -> None:
    names = ["a", "b", "c", "d"]
    graph = leaf_graph(4, np.array([0, 0, 1, 2, 2, 2]), np.array([1, 1, 2, 3, 3, 3]))
    assert graph.edges[0, 1]["weight"] == 2 and graph.edges[2, 3]["weight"] == 3
    found = clusters(names, [1.0] * 4, graph, fewest=2, most=2)
    assert sorted(map(sorted, found)) == [["a", "b"], ["c", "d"]]


def test_levels_that_fit_stay_whole_and_equal_levels_are_split_alike() -> None:
    names = [f"lane[{lane}].{unit}" for lane in range(4) for unit in ("mul", "add", "queue")] + ["control"]
    areas = [8.0, 2.0, 2.0] * 4 + [1.0]
    chain = [(3 * lane + i, 3 * lane + i + 1) for lane in range(4) for i in range(2)]
    graph = leaf_graph(13, *np.array([*chain, *((12, 3 * lane) for lane in range(4))]).T)
    whole = clusters(names, areas, graph, fewest=4, most=8)
    assert {f"lane[2].{unit}" for unit in ("mul", "add", "queue")} in whole
    split = clusters(names, areas, graph, fewest=8, most=12)
    assert {"lane[0].add", "lane[0].queue"} in split and {"lane[3].add", "lane[3].queue"} in split


def test_unconnected_small_leaves_are_packed() -> None:
    found = clusters([f"x{i}" for i in range(1000)], [1.0] * 1000, leaf_graph(1000, np.zeros(0, int), np.zeros(0, int)))
    assert 30 <= len(found) <= 300
    assert sorted(map(len, found))[1] > 4  # only the last one may be nearly empty


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_leaf_is_in_one_cluster_of_bounded_area(seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = [".".join(f"m{x}" for x in rng.integers(0, 3, rng.integers(1, 5))) + f".u{i}" for i in range(400)]
    areas = rng.uniform(1, 10, 400)
    ends = rng.integers(0, 400, (2, 1500))
    index, labels = cluster_by_hierarchy(names, areas, leaf_graph(400, *ends))
    assert index.min() == 0 and index.max() == len(labels) - 1 and len(set(labels)) == len(labels)
    assert 100 <= len(labels) <= 300
    assert np.bincount(index, areas).max() <= 4 * areas.sum() / 100


def test_the_connectivity_graph_counts_driver_to_sink_weights() -> None:
    netlist = load_design("systolic", params={"ROWS": 8, "COLS": 8}).netlist
    graph = connectivity_graph(netlist)
    assert graph.number_of_nodes() == netlist.objects
    expected = sum(
        weight * (stop - start - 1)
        for weight, start, stop in zip(netlist.net_weight, netlist.net_start[:-1], netlist.net_start[1:], strict=True)
    )
    assert sum(data["weight"] for _, _, data in graph.edges(data=True)) == expected
    assert networkx.is_connected(graph)
