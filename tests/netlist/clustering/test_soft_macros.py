"""The writing rule, judged by a slow plain version of it; what it conserves; placements mapped back onto the cells."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.netlist.clustering.soft_macros import clustered_netlist, spread
from workbench.netlist.load import load_design
from workbench.netlist.netlist import Floorplan, Netlist, ObjectKind
from workbench.netlist.readers.protobuf import parse_protobuf

sys.path.insert(0, str(Path(__file__).parent))

from flat_designs import CANVAS, cells_of, node, random_flat  # noqa: E402

Pin = tuple[str, float, float]
Nets = Counter[tuple[Pin, tuple[Pin, ...], float]]


def pin_name(netlist: Netlist, pin: int) -> Pin:
    owner = netlist.pin_object[pin]
    return netlist.object_names[owner], float(netlist.pin_x_um[pin]), float(netlist.pin_y_um[pin])


def nets_of(netlist: Netlist) -> Nets:
    found: Nets = Counter()
    for net in range(netlist.nets):
        driver, *sinks = netlist.net_pin[netlist.net_start[net] : netlist.net_start[net + 1]]
        found[pin_name(netlist, driver), tuple(sorted(pin_name(netlist, s) for s in sinks)), netlist.net_weight[net]] += 1
    return found


def slow_nets(flat: Netlist, group: np.ndarray) -> Nets:
    """The rule as it is written, one net at a time."""

    def end(pin: int) -> Pin:
        owner = flat.pin_object[pin]
        return (f"Grp_{group[owner]}", 0.0, 0.0) if flat.kind[owner] == ObjectKind.SOFT_MACRO else pin_name(flat, pin)

    found: Nets = Counter()
    single: Counter[tuple[Pin, Pin]] = Counter()
    for net in range(flat.nets):
        driver, *sinks = flat.net_pin[flat.net_start[net] : flat.net_start[net + 1]]
        if len(sinks) > 500:
            continue
        source, targets = end(driver), {end(sink) for sink in sinks}
        if flat.kind[flat.pin_object[driver]] == ObjectKind.SOFT_MACRO:
            targets -= {source}
            if len(targets) == 1:
                single[source, targets.pop()] += 1
                continue
        if targets:
            found[source, tuple(sorted(targets)), 1.0] += 1
    for (source, target), count in single.items():
        found[source, (target,), float(count)] += 1
    return found


def random_groups(flat: Netlist, seed: int, groups: int) -> np.ndarray:
    group = np.full(flat.objects, -1)
    cells = cells_of(flat)
    group[cells] = np.sort(np.random.default_rng(seed).integers(0, 2 * groups, len(cells)))
    return group


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("groups", [1, 7, 60])
def test_nets_are_those_of_the_rule_applied_one_net_at_a_time(seed, groups):
    flat = random_flat(seed)
    group = random_groups(flat, seed, groups)
    assert nets_of(clustered_netlist(flat, group, CANVAS.cell_width_um)) == slow_nets(flat, group)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), groups=st.integers(1, 80), cells=st.integers(1, 150), macros=st.integers(0, 4))
def test_areas_and_the_weight_of_nets_between_groups_are_conserved(seed, groups, cells, macros):
    flat = random_flat(seed, cells, macros)
    group = random_groups(flat, seed, groups)
    clustered = clustered_netlist(flat, group, CANVAS.cell_width_um)
    soft = clustered.indices(ObjectKind.SOFT_MACRO)
    area = clustered.width_um[soft] @ clustered.height_um[soft]
    cell = cells_of(flat)
    assert area == pytest.approx(2 * flat.width_um[cell] @ flat.height_um[cell])
    leaving = sum(net_weight for (_, _, net_weight), count in slow_nets(flat, group).items() for _ in range(count))
    assert clustered.net_weight.sum() == leaving
    assert list(clustered.object_names[-len(soft) :]) == [f"Grp_{g}" for g in np.unique(group[cell])]


def test_a_soft_macro_has_the_size_and_the_centre_of_the_rule():
    text = node("a", "STDCELL", ["b"], width=2.0, height=3.0, x=10.0, y=20.0)
    text += node("b", "STDCELL", [], width=1.0, height=3.0, x=40.0, y=50.0)
    clustered = clustered_netlist(parse_protobuf(text, "two.pb.txt"), np.array([4, 4]), 10.0)
    assert clustered.object_names == ("Grp_4",) and clustered.nets == 0
    assert (clustered.width_um[0], clustered.height_um[0]) == (10.0, pytest.approx((6 + 3) / 0.5 / 10))
    assert (clustered.x_um[0], clustered.y_um[0]) == (pytest.approx(20.0), pytest.approx(30.0))


def test_kept_nodes_keep_their_order_and_groups_are_numbered_as_nodes_of_a_file_after_them():
    flat = random_flat(3)
    clustered = clustered_netlist(flat, random_groups(flat, 3, 5), 10.0)
    kept = flat.kind != ObjectKind.SOFT_MACRO
    assert clustered.object_names[: kept.sum()] == tuple(np.array(flat.object_names)[kept])
    assert len(np.unique(clustered.file_index)) == clustered.objects and np.all(np.diff(clustered.file_index) > 0)
    hard_pins = int((clustered.kind[clustered.pin_object] == ObjectKind.MACRO).sum())
    first = int(kept.sum())
    assert clustered.file_index[first] == first + hard_pins
    pins = np.bincount(clustered.pin_object, minlength=clustered.objects)[first:]
    assert np.array_equal(np.diff(clustered.file_index[first:]), pins[:-1] + 1)


def test_nets_of_more_than_500_sinks_are_cut():
    cells = "".join(node(f"c{i}", "STDCELL", [], width=1.0, height=1.0) for i in range(501))
    for sinks, nets in ((500, 1), (501, 0)):
        text = node("clock", "PORT", [f"c{i}" for i in range(sinks)], x=0.0, y=0.0) + cells
        group = np.append(-1, np.arange(501) // 100)
        assert clustered_netlist(parse_protobuf(text, "clock.pb.txt"), group, 1.0).nets == nets


def test_spreading_puts_each_cell_at_its_cluster_and_leaves_the_others_where_they_are():
    flat = random_flat(1)
    group = random_groups(flat, 1, 6)
    clustered = clustered_netlist(flat, group, CANVAS.cell_width_um)
    at = np.arange(clustered.objects) / 3
    back = spread(flat, group, Floorplan(clustered, CANVAS, at, 2 * at, clustered.orientation))
    index = {name: i for i, name in enumerate(clustered.object_names)}
    for i, name in enumerate(flat.object_names):
        owner = index[f"Grp_{group[i]}" if flat.kind[i] == ObjectKind.SOFT_MACRO else name]
        assert (back.x_um[i], back.y_um[i]) == (at[owner], 2 * at[owner])


def test_the_public_toy_design_gives_the_nets_of_the_rule(reference):
    design = load_design(reference / "placement" / "formats" / "toy_macro_stdcell")
    flat = design.netlist
    cells = cells_of(flat)
    assert len(cells) == 12
    group = np.full(flat.objects, -1)
    group[cells] = [name[1] == "B" for name in np.array(flat.object_names)[cells]]  # top and bottom chains
    clustered = clustered_netlist(flat, group, design.canvas.cell_width_um)
    assert nets_of(clustered) == slow_nets(flat, group)
    assert clustered.object_names[-2:] == ("Grp_0", "Grp_1")
