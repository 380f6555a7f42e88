"""Clusters a flat netlist in all its steps: pre-groups, partition, regrouping by places, soft macros."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.base.errors import InputError
from workbench.netlist.clustering.partition import default_parts, partition, pre_groups
from workbench.netlist.clustering.regroup import break_up, merge_small, places, reach_um
from workbench.netlist.clustering.soft_macros import clustered_netlist
from workbench.netlist.netlist import Canvas, Netlist, ObjectKind

MOST_SOFT_MACROS = 20_000
"""Soft macros that placing accepts: beyond, it is a flat netlist, whose cells one by one are no work for an agent."""

STEPS = ("macro-adjacent logic", "partition", "regroup", "soft macros")
"""What is done, in order; `report` is told the number of steps finished and the name of the next."""


@dataclass(frozen=True)
class Clustering:
    """A clustered netlist and where its soft macros come from.

    Attributes
    ----------
    netlist: the clustered netlist, its soft macros at the centres of their cells (NaN where cells have no places).
    group: group of each object of the flat netlist, int64; -1 for what is no cell. Soft macro `Grp_g` is group g.
    counts: groups after each step that was done, in order.
    """

    netlist: Netlist
    group: np.ndarray
    counts: dict[str, int]


def cluster_flat(
    flat: Netlist,
    canvas: Canvas,
    parts: int | None = None,
    seed: int = 0,
    groups: np.ndarray | None = None,
    report: Callable[[int, str], None] = lambda done, following: None,
) -> Clustering:
    """Cluster the cells of a flat netlist; the same inputs and seed give the same result.

    Parameters
    ----------
    flat: a netlist whose soft macros are standard cells.
    canvas: what it will be placed on; soft macros are as wide as its grid cells.
    parts: parts beside those of macros and ports; by default as `default_parts` says.
    groups: groups to apply instead of finding some (`read_groups`), int64 (objects).
    report: called with the number of STEPS done and the name of the next.

    Raises
    ------
    InputError: no cells, fewer than one part, a seed out of range, or no partitioner.
    """
    is_cell = flat.kind == ObjectKind.SOFT_MACRO
    _check(flat, is_cell, parts, seed)
    counts: dict[str, int] = {}
    group = groups
    if group is None:
        group = _find_groups(flat, canvas, default_parts(flat) if parts is None else parts, seed, report, counts)
    group = np.where(is_cell, group, -1)
    counts["soft_macros"] = len(np.unique(group[is_cell]))
    report(3, STEPS[3])
    netlist = clustered_netlist(flat, group, canvas.cell_width_um)
    report(4, "")
    return Clustering(netlist, group, counts)


def refuse_flat(netlist: Netlist, where: str) -> None:
    """InputError that says how to cluster a netlist of more than MOST_SOFT_MACROS soft macros; `where` is its file."""
    soft = int((netlist.kind == ObjectKind.SOFT_MACRO).sum())
    if soft > MOST_SOFT_MACROS:
        raise InputError(
            where, f"{soft:,} standard cells", f"at most {MOST_SOFT_MACROS:,} soft macros",
            f"cluster them first with `workbench netlist cluster {where} --out FOLDER`, then place FOLDER",
        )  # fmt: skip


def _check(flat: Netlist, is_cell: np.ndarray, parts: int | None, seed: int) -> None:
    if not is_cell.any():
        raise InputError(flat.name, "no standard cells", "a flat netlist with cells to cluster", "place it as it is")
    if parts is not None and parts < 1:
        raise InputError("--parts", f"{parts}", "a whole number of at least 1", "correct it")
    if not 0 <= seed < 2**31:
        raise InputError("--seed", f"{seed}", "a whole number from 0 to 2147483647", "correct it")


def _find_groups(
    flat: Netlist, canvas: Canvas, parts: int, seed: int, report: Callable[[int, str], None], counts: dict[str, int]
) -> np.ndarray:
    """Group of each object; groups with cells are numbered from 0 in their order."""
    report(0, STEPS[0])
    together = pre_groups(flat, canvas)
    counts["pre_groups"] = int(together.max(initial=-1)) + 1
    report(1, STEPS[1])
    group = partition(flat, together, parts, seed)
    counts["partitioned"] = len(np.unique(group))
    report(2, STEPS[2])
    at = places(flat)
    if at is not None:
        reach = reach_um(canvas)
        largest = int(at.nodes.sum()) // counts["partitioned"] // 4
        group = break_up(at, group, reach)
        counts["broken_up"] = len(np.unique(group))
        group = merge_small(flat, at, group, largest, reach / 2)
        counts["merged"] = len(np.unique(group))
    cells = flat.kind == ObjectKind.SOFT_MACRO
    group[cells] = np.unique(group[cells], return_inverse=True)[1]
    return group
