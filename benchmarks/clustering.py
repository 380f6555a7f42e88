"""Our clustering of a flat netlist beside the reference's: what is cut, and the cost that the same search reaches on both.

    python benchmarks/clustering.py FLAT REFERENCE [--groups FILE] [--parts N] [--seed 0] [--steps 500000] [--seeds 1 2]

FLAT is the flat netlist, REFERENCE the folder of the reference's clustered one with `initial.plc`, FILE the reference's
group of each node (`groups.final`). With it, the netlist that we write from these groups is compared with the reference's:
objects, pins, nets and the cost of the reference's placement. `steps` is the number of moves of annealing, from the places
that clusters and macros have in the netlists. The published flat netlists and group lists are in MacroPlacement,
`Flows/NanGate45/ariane133/netlist/{ariane.pb.txt.gz,output_CT_Grouping/groups.final}` and beside them.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

import numpy as np

from workbench.base.progress import Progress
from workbench.netlist.clustering.flat import Clustering, cluster_flat
from workbench.netlist.clustering.group_file import read_groups
from workbench.netlist.clustering.partition import cut_nets
from workbench.netlist.design import Design
from workbench.netlist.load import load_design
from workbench.netlist.netlist import Floorplan, Netlist, ObjectKind
from workbench.place.agents.base import PlacementOptions, make_agent
from workbench.place.cost import evaluate
from workbench.place.legality import check


def main() -> None:
    """Cluster, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flat")
    parser.add_argument("reference")
    parser.add_argument("--groups")
    parser.add_argument("--parts", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=500_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    began = time.perf_counter()
    flat = load_design(given.flat).netlist
    print(f"read the flat netlist in {time.perf_counter() - began:.1f} s")
    reference = load_design(given.reference)
    groups = read_groups(given.groups, flat) if given.groups else None
    if groups is not None:
        compare_exactly(cluster_flat(flat, reference.canvas, groups=groups).netlist, reference)
    began, used = time.perf_counter(), time.process_time()
    ours = cluster_flat(flat, reference.canvas, given.parts, given.seed)
    print(
        f"clustered in {time.perf_counter() - began:.1f} s, {time.process_time() - used:.1f} s of processor; {ours.counts}"
    )
    print(f"{'netlist':10} {'soft':>6} {'nets':>7} {'weight':>8} {'cut nets':>9} {'connectivity':>12}  seed: proxy = parts")
    report("reference", reference.netlist, cut_nets(flat, groups) if groups is not None else None)
    anneal(reference, given.steps, given.seeds)
    report("ours", ours.netlist, cut_nets(flat, ours.group))
    anneal(design_of(ours, reference), given.steps, given.seeds)


def compare_exactly(ours: Netlist, reference: Design) -> None:
    """Print whether our netlist is the reference's, and the costs of the reference's placement on both."""
    same = {
        "objects": ours.object_names == reference.netlist.object_names,
        "file indices": np.array_equal(ours.file_index, reference.netlist.file_index),
        "pins": np.array_equal(ours.pin_object, reference.netlist.pin_object),
        "nets": nets_of(ours) == nets_of(reference.netlist),
    }
    print("from the reference's groups:", ", ".join(f"{'same' if ok else 'OTHER'} {what}" for what, ok in same.items()))
    at = reference.floorplan
    assert at is not None, "the reference has no placement"
    for name, netlist in (("reference", at.netlist), ("ours", ours)):
        costs = evaluate(Floorplan(netlist, at.canvas, at.x_um, at.y_um, at.orientation))
        print(f"  {name:10} {costs.wirelength:.9f} {costs.density:.9f} {costs.congestion:.9f} proxy {costs.proxy:.9f}")


def nets_of(netlist: Netlist) -> Counter[tuple[int, tuple[int, ...], float]]:
    """Nets as driver, sinks in ascending order, and weight; pins of a soft macro, all at its centre, are one."""
    owner = netlist.pin_object
    ends = np.where(netlist.kind[owner] == ObjectKind.SOFT_MACRO, -1 - owner, np.arange(len(owner)))[netlist.net_pin]
    limits = zip(netlist.net_start[:-1], netlist.net_start[1:], netlist.net_weight.tolist(), strict=True)
    return Counter((int(ends[i]), tuple(sorted(ends[i + 1 : j].tolist())), weight) for i, j, weight in limits)


def report(name: str, netlist: Netlist, cut: tuple[int, int] | None) -> None:
    """Print one clustering's figures; `weight` is that of all nets of the clustered netlist."""
    soft = sum(object_name.startswith("Grp_") for object_name in netlist.object_names)
    cuts = f"{cut[0]:9} {cut[1]:12}" if cut else f"{'-':>9} {'-':>12}"
    print(f"{name:10} {soft:6} {netlist.nets:7} {netlist.net_weight.sum():8.0f} {cuts}", flush=True)


def design_of(ours: Clustering, reference: Design) -> Design:
    """Our clustered netlist on the reference's canvas, at the places it comes with."""
    netlist = ours.netlist
    floorplan = Floorplan(netlist, reference.canvas, netlist.x_um, netlist.y_um, netlist.orientation)
    return Design(f"{reference.name} ours", netlist, reference.canvas, floorplan)


def anneal(design: Design, steps: int, seeds: list[int]) -> None:
    """Print what annealing of so many moves reaches with each seed."""
    for seed in seeds:
        with Progress("annealing", quiet=True) as progress:
            result = make_agent("annealing").place(
                design, seconds=1e6, seed=seed, progress=progress, options=PlacementOptions(design.floorplan, steps=steps)
            )
        costs, legal = result.costs, "" if not check(result.floorplan) else "  NOT LEGAL"
        figures = f"{costs.proxy:.5f} = {costs.wirelength:.5f}/{costs.density:.5f}/{costs.congestion:.5f}"
        print(f"{'':60} {seed:4}: {figures} after {result.evaluations:,} moves{legal}", flush=True)


if __name__ == "__main__":
    main()
