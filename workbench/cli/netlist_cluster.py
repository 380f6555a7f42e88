"""`workbench netlist cluster`: a flat netlist's cells as soft macros, ready to be placed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from workbench.netlist.clustering.flat import Clustering
    from workbench.netlist.design import Design


def command(
    netlist: Annotated[str, typer.Argument(help="Flat netlist: a name in netlists/, a folder or a file.")],
    out: Annotated[Path, typer.Option(help="Folder for netlist.pb.txt, initial.plc, groups.txt and clustering.json.")],
    parts: Annotated[
        int | None, typer.Option(help="Parts beside those of macros and ports (default: 500, fewer below 10,000 cells).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the partitioner.")] = 0,
    groups: Annotated[Path | None, typer.Option(help="Apply these groups: one number a line for each node.")] = None,
    canvas: Annotated[Path | None, typer.Option(help="A .plc file whose header gives the canvas and its grid.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Cluster the cells of a flat netlist into soft macros; `workbench place FOLDER` places the result."""
    import dataclasses

    from workbench.base.files import make_folder, write_json
    from workbench.base.progress import Progress
    from workbench.cli.output import show
    from workbench.netlist.clustering.flat import STEPS, cluster_flat
    from workbench.netlist.clustering.group_file import read_groups
    from workbench.netlist.load import load_design
    from workbench.netlist.plc import read_placement_file

    folder = make_folder(out)
    with Progress("reading", quiet=json):
        design = load_design(netlist)
        if canvas is not None:
            design = dataclasses.replace(design, canvas=read_placement_file(canvas).canvas(), floorplan=None)
        given = read_groups(groups, design.netlist) if groups is not None else None
    with Progress(f"clustering {design.name}", total=len(STEPS), quiet=json) as progress:
        found = cluster_flat(design.netlist, design.canvas, parts, seed, given, progress.update)
    report = _report(design, found, seed)
    report["files"] = _write(folder, design, found)
    write_json(folder / "clustering.json", report)
    show(report, json)


def _report(design: Design, found: Clustering, seed: int) -> dict[str, Any]:
    from workbench.netlist.clustering.partition import cut_nets
    from workbench.netlist.netlist import ObjectKind

    cut, reached = cut_nets(design.netlist, found.group)
    return {
        "netlist": design.name, "seed": seed, "cells": len(design.netlist.indices(ObjectKind.SOFT_MACRO)),
        "nets": design.netlist.nets, "groups_after": found.counts, "soft_macros": found.counts["soft_macros"],
        "clustered_nets": found.netlist.nets, "cut_nets": cut, "connectivity": reached,
    }  # fmt: skip


def _write(folder: Path, design: Design, found: Clustering) -> list[str]:
    """Write the clustered netlist with its canvas and places, and the groups of the cells; returns the files' names."""
    import dataclasses

    import numpy as np

    from workbench.netlist.clustering.group_file import write_groups
    from workbench.netlist.formats import writer_of
    from workbench.netlist.netlist import Floorplan

    netlist = found.netlist
    floorplan = None
    if np.isfinite(netlist.x_um + netlist.y_um).all():
        floorplan = Floorplan(netlist, design.canvas, netlist.x_um, netlist.y_um, netlist.orientation)
    clustered = dataclasses.replace(design, netlist=netlist, floorplan=floorplan, header_costs={}, cells=None)
    path = folder / "netlist.pb.txt"
    files = writer_of(path).load()(path, clustered).files
    return [str(file) for file in (*files, write_groups(folder / "groups.txt", design.netlist, found.group))]
