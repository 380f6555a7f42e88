"""Clustering of flat netlists: pre-groups, the partitioner, regrouping by places, groups from a file."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from workbench.netlist.clustering.flat import cluster_flat
from workbench.netlist.clustering.group_file import read_groups, write_groups
from workbench.netlist.clustering.partition import cut_nets, default_parts, partition, pre_groups
from workbench.netlist.clustering.regroup import break_up, merge_small, places
from workbench.netlist.netlist import ObjectKind
from workbench.netlist.readers.protobuf import parse_protobuf

sys.path.insert(0, str(Path(__file__).parent))

from flat_designs import CANVAS, cells_of, node, random_flat  # noqa: E402


def test_cells_beside_a_macro_or_a_port_are_in_its_pre_group_and_no_others():
    text = node("p", "PORT", ["a"], x=0.0, y=5.0) + node("m", "MACRO", [], width=9.0, height=9.0, x=50.0, y=40.0)
    text += node("m/i", "MACRO_PIN", [], macro_name="m", x_offset=0.0, y_offset=0.0)
    text += node("m/o", "MACRO_PIN", ["d"], macro_name="m", x_offset=0.0, y_offset=0.0)
    for name, sinks in (("a", ["b"]), ("b", ["c"]), ("c", ["m/i"]), ("d", ["e"]), ("e", [])):
        text += node(name, "STDCELL", sinks, width=1.0, height=1.0)
    netlist = parse_protobuf(text, "chain.pb.txt")
    of = dict(zip(netlist.object_names, pre_groups(netlist, CANVAS), strict=True))
    assert of == {"p": 1, "m": 0, "a": 1, "b": -1, "c": 0, "d": 0, "e": -1}
    of = dict(zip(netlist.object_names, pre_groups(netlist, CANVAS, levels=2), strict=True))
    assert of["b"] == 0 and of["e"] == 0  # b is two connections from both: the first pre-group takes it


def test_ports_within_a_grid_cell_along_an_edge_are_one_clump():
    at = [(0, 5), (0, 14), (0, 16), (20, 80), (29, 80), (100, 40), (50, 0)]
    text = "".join(node(f"p{i}", "PORT", [], x=float(x), y=float(y)) for i, (x, y) in enumerate(at))
    assert pre_groups(parse_protobuf(text, "ports.pb.txt"), CANVAS).tolist() == [0, 0, 1, 2, 2, 3, 4]


def test_the_partition_cuts_far_fewer_nets_than_groups_of_equal_size_drawn_at_random():
    flat = random_flat(2, cells=2000)
    group = partition(flat, pre_groups(flat, CANVAS), 20, seed=1)
    shuffled = group.copy()
    cells = cells_of(flat)
    shuffled[cells] = np.random.default_rng(0).permutation(group[cells])
    assert cut_nets(flat, group)[1] < 0.5 * cut_nets(flat, shuffled)[1]
    sizes = np.bincount(group[cells])
    assert sizes.max() <= 2 * len(cells) / 20


def test_a_seed_gives_one_result_and_another_seed_another():
    flat = random_flat(4, cells=1500)
    first, again, other = (cluster_flat(flat, CANVAS, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.group, again.group) and first.counts == again.counts
    assert not np.array_equal(first.group, other.group)
    for field in dataclasses.fields(first.netlist):
        same = getattr(first.netlist, field.name), getattr(again.netlist, field.name)
        assert np.array_equal(*same) if isinstance(same[0], np.ndarray) else same[0] == same[1]


def test_clustering_leaves_the_process_free_to_run_on_every_processor():
    before = os.sched_getaffinity(0)
    cluster_flat(random_flat(5), CANVAS)
    assert os.sched_getaffinity(0) == before


def test_every_cell_is_in_one_group_and_macro_logic_stays_together():
    flat = random_flat(6, cells=1200, placed=False)
    found = cluster_flat(flat, CANVAS)
    cells, together = cells_of(flat), pre_groups(flat, CANVAS)
    assert found.group[cells].min() == 0 and np.all(found.group[flat.kind != ObjectKind.SOFT_MACRO] == -1)
    assert len(np.unique(found.group[cells])) == found.group.max() + 1 == found.counts["soft_macros"]
    for number in range(together.max() + 1):
        assert len(np.unique(found.group[cells][together[cells] == number])) <= 1
    assert "broken_up" not in found.counts and np.isnan(found.netlist.x_um[-1])


def test_small_designs_get_fewer_parts():
    assert default_parts(random_flat(1, cells=100)) == 5
    assert default_parts(random_flat(1, cells=10)) == 1
    assert cluster_flat(random_flat(1, cells=1, macros=0, ports=0), CANVAS).netlist.object_names == ("Grp_0",)


def test_no_group_is_wider_than_the_reach_after_breaking_up():
    flat = random_flat(7, cells=600)
    at = places(flat)
    assert at is not None
    group = np.arange(flat.objects) % 5
    broken = break_up(at, group, 30.0)
    for number in np.unique(broken):
        members = cells_of(flat)[broken[cells_of(flat)] == number]
        if len(members):
            assert np.ptp(at.x_um[members]) <= 30 and np.ptp(at.y_um[members]) <= 30
            assert len(np.unique(group[members])) == 1
    assert np.array_equal(break_up(at, group, 1000.0), group)


def test_a_small_group_joins_the_close_group_that_it_has_most_connections_with():
    def cell(name, sinks, x):
        return node(name, "STDCELL", sinks, width=1.0, height=1.0, x=x, y=10.0)

    text = cell("small", ["near1", "far1", "far2", "far3"], 10.0)
    text += "".join(cell(f"near{i}", [], 14.0) for i in range(4)) + "".join(cell(f"far{i}", [], 90.0) for i in range(4))
    flat = parse_protobuf(text, "merge.pb.txt")
    at = places(flat)
    assert at is not None
    group = np.array([0] + [1] * 4 + [2] * 4)
    assert merge_small(flat, at, group, 2, 20.0).tolist() == [1] * 5 + [2] * 4
    assert merge_small(flat, at, group, 2, 100.0).tolist() == [2] + [1] * 4 + [2] * 4
    assert merge_small(flat, at, group, 0, 20.0).tolist() == group.tolist()


def test_groups_that_were_written_are_read_back_and_give_the_same_netlist(tmp_path):
    flat = random_flat(8, cells=700)
    found = cluster_flat(flat, CANVAS, parts=12)
    path = write_groups(tmp_path / "groups.txt", flat, found.group)
    given = read_groups(path, flat)
    assert np.array_equal(given, found.group)
    again = cluster_flat(flat, CANVAS, groups=given)
    assert again.netlist.object_names == found.netlist.object_names
    assert np.array_equal(again.netlist.net_pin, found.netlist.net_pin)


def test_without_the_partitioner_one_sentence_says_what_to_install(monkeypatch):
    from workbench.netlist.clustering import partition as module

    monkeypatch.setitem(sys.modules, "mtkahypar", None)
    module._partitioner.cache_clear()
    with pytest.raises(Exception, match="^mtkahypar: found no such package, expected the hypergraph partitioner; install"):
        cluster_flat(random_flat(9), CANVAS)
