"""The order in which an episode places the hard macros.

Source: cost-and-environment §4 (the node orders of circuit_training's environment). Deviations: soft macros are never
placed one by one, so every order is one of hard macros; `legalization` goes by the distance of a macro's rectangle to the
nearest canvas edge, where circuit_training's formula reduces to a negative coordinate for two of the four edges; fake nets
come from a file there, here they are `macro_affinity`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from workbench.base.errors import InputError
from workbench.base.files import read_text
from workbench.base.registry import unknown_name
from workbench.base.rng import make_rng
from workbench.netlist.netlist import Floorplan, Netlist, ObjectKind

PlacingOrder = str | Path | Sequence[int]
"""A name of ORDERS, a file with one macro name a line, or the indices themselves."""

ORDERS = ("descending_area", "random", "legalization", "topological")
"""Names of orders: largest area first; shuffled by the seed; nearest to the canvas edge first in the starting placement;
from the largest macro on, always the one that is most strongly connected to those before it."""


def fixed_objects(netlist: Netlist) -> np.ndarray:
    """Objects that an episode never moves: ports and whatever the file fixes, bool (n)."""
    return netlist.is_fixed.astype(bool) | (netlist.kind == ObjectKind.PORT)


def macro_order(netlist: Netlist) -> np.ndarray:
    """Movable hard macros by area, largest first, ties by index."""
    macros = np.flatnonzero((netlist.kind == ObjectKind.MACRO) & ~fixed_objects(netlist))
    area = netlist.width_um[macros] * netlist.height_um[macros]
    return macros[np.argsort(-area, kind="stable")].astype(np.int64)


def placing_order(
    start: Floorplan, order: PlacingOrder, seed: int, edges: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    """Movable hard macros in placing order, int64 (M).

    Parameters
    ----------
    start: where everything lies before the first step; `legalization` reads it.
    order: a `PlacingOrder`.
    seed: of `random`.
    edges: object pairs a < b and the weight between them; `topological` reads them.

    Raises
    ------
    InputError: no such order, or one that is not a permutation of the movable hard macros.
    """
    by_area = macro_order(start.netlist)
    if isinstance(order, Path):
        return _read_order(order, start.netlist, by_area)
    if not isinstance(order, str):
        chosen = np.asarray(order, np.int64)
        if not np.array_equal(np.sort(chosen), np.sort(by_area)):
            raise InputError(
                "order", f"{len(chosen)} indices", f"each of the {len(by_area)} movable hard macros once", "correct it"
            )
        return chosen
    if order == "descending_area":
        return by_area
    if order == "random":
        return make_rng(seed).permutation(by_area)
    if order == "legalization":
        return by_area[np.argsort(_edge_distance_um(start)[by_area], kind="stable")]
    if order == "topological":
        return _by_affinity(by_area, macro_affinity(start.netlist, by_area, *edges))
    raise unknown_name("order", order, list(ORDERS))


def _read_order(path: Path, netlist: Netlist, macros: np.ndarray) -> np.ndarray:
    """The order of a file: one name of a movable hard macro a line, each once; `#` begins a comment."""
    index = {netlist.object_names[i]: int(i) for i in macros}
    found: dict[int, int] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        name = line.partition("#")[0].strip()
        if not name:
            continue
        if name not in index:
            raise InputError(f"{path}, line {number}", repr(name), "the name of a movable hard macro", "correct the name")
        if index[name] in found:
            raise InputError(f"{path}, line {number}", f"{name!r} a second time", "every macro once", "remove the line")
        found[index[name]] = number
    if len(found) < len(macros):
        missing = next(name for name, i in index.items() if i not in found)
        raise InputError(path, f"{len(found)} of {len(macros)} macros", f"all, also {missing!r}", "add what is missing")
    return np.array(list(found), np.int64)


def _edge_distance_um(start: Floorplan) -> np.ndarray:
    netlist, canvas = start.netlist, start.canvas
    turned = start.orientation >= 4
    half_width = np.where(turned, netlist.height_um, netlist.width_um) / 2
    half_height = np.where(turned, netlist.width_um, netlist.height_um) / 2
    sides = (
        start.x_um - half_width, start.y_um - half_height,
        canvas.width_um - start.x_um - half_width, canvas.height_um - start.y_um - half_height,
    )  # fmt: skip
    return np.min(sides, axis=0)


def macro_affinity(netlist: Netlist, macros: np.ndarray, a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """How strongly hard macros hang together, (M, M), symmetric, zero on the diagonal.

    The weight of the edges between two macros, plus what they share through each soft macro: of springs w₁ and w₂ from
    it, among all its springs of sum s, w₁·w₂/s remains between the two when it is eliminated (the star-mesh rule of one
    elimination). Stands for the fake nets of circuit_training (model: ours; tests/place/test_order.py).
    """
    place = np.full(netlist.objects, -1)
    place[macros] = np.arange(len(macros))
    between = np.zeros((len(macros), len(macros)))
    to_others = np.zeros((len(macros), netlist.objects))
    total = np.bincount(a, weight, netlist.objects) + np.bincount(b, weight, netlist.objects)
    for first, second in ((a, b), (b, a)):
        is_macro = place[first] >= 0
        np.add.at(to_others, (place[first[is_macro]], second[is_macro]), weight[is_macro])
    between[:] = to_others[:, macros]
    soft = np.flatnonzero(netlist.kind == ObjectKind.SOFT_MACRO)
    shared = to_others[:, soft]
    between += (shared / np.maximum(total[soft], 1e-12)) @ shared.T
    np.fill_diagonal(between, 0.0)
    return between


def _by_affinity(by_area: np.ndarray, affinity: np.ndarray) -> np.ndarray:
    """From the largest on, the macro most strongly tied to those before it; ties to the larger one."""
    closeness = np.zeros(len(by_area))
    left = np.ones(len(by_area), bool)
    chosen = []
    for _ in by_area:
        nearest = int(np.argmax(np.where(left, closeness, -1.0)))
        left[nearest] = False
        chosen.append(nearest)
        closeness += affinity[nearest]
    return by_area[chosen]
