"""Regroups cells by their places: groups that spread too wide are broken up, then small ones join a close neighbour.

Only for netlists whose cells have places (from physical synthesis or an earlier placement). A group that is wider or
higher than the *reach*, a quarter of the canvas, falls into squares of that size around its area-weighted centre. A
group of few objects then joins the group that it has most connections with among those whose centres are close by.

Source: cost-and-environment §6; the details as MacroPlacement's `CodeElements/Clustering` describes them. Accuracy, on the
NanGate45 ariane133 from the reference's own partition: 88,399 of 88,411 cells lie in broken-up pieces that are within one
group of the reference, and merging leaves 799 groups with cells where the reference has 782. (Differs: pins of a hard macro
count at its centre.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from workbench.netlist.clustering.rules import connections, pair_weights
from workbench.netlist.netlist import Canvas, Netlist, ObjectKind


@dataclass(frozen=True)
class Places:
    """What regrouping knows of each object: where it is, its area (0 unless a cell), how many nodes of the file it is."""

    x_um: np.ndarray
    y_um: np.ndarray
    area_um2: np.ndarray
    nodes: np.ndarray


def places(netlist: Netlist) -> Places | None:
    """Places of all objects, or None where a cell has none."""
    is_cell = netlist.kind == ObjectKind.SOFT_MACRO
    if not np.isfinite(netlist.x_um[is_cell] + netlist.y_um[is_cell]).all():
        return None
    is_hard_pin = netlist.kind[netlist.pin_object] == ObjectKind.MACRO
    nodes = 1 + np.bincount(netlist.pin_object[is_hard_pin], minlength=netlist.objects)
    return Places(netlist.x_um, netlist.y_um, np.where(is_cell, netlist.width_um * netlist.height_um, 0.0), nodes)


def reach_um(canvas: Canvas) -> float:
    """Side of the largest square that a group may spread over: a quarter of the canvas's side."""
    return math.sqrt(canvas.width_um * canvas.height_um / 16)


def break_up(at: Places, group: np.ndarray, reach: float) -> np.ndarray:
    """Groups, int64 (objects), of which none with cells is wider or higher than `reach`; the middle keeps the number."""
    x, y = (_relative(axis, at.area_um2, group) / reach for axis in (at.x_um, at.y_um))
    wide = np.zeros(int(group.max()) + 1, bool)
    for axis in (x, y):
        least, most = np.full(len(wide), np.inf), np.full(len(wide), -np.inf)
        np.minimum.at(least, group, axis)
        np.maximum.at(most, group, axis)
        wide |= most - least > 1
    squares = np.stack([group, np.floor(y + 0.5), np.floor(x + 0.5)], axis=1).astype(np.int64)
    squares[~wide[group], 1:] = 0
    distinct, square = np.unique(squares, axis=0, return_inverse=True)
    is_middle = ~distinct[:, 1:].any(axis=1)
    number = np.where(is_middle, distinct[:, 0], len(wide) + np.cumsum(~is_middle) - 1)
    return number[square.reshape(-1)]


def _relative(axis: np.ndarray, area: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Distance along an axis from the centre of the object's group; 0 without a place or a group's area."""
    distance = axis - _centre(axis, area, group)[group]
    return np.where(np.isfinite(distance), distance, 0.0)


def _centre(axis: np.ndarray, area: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Area-weighted centre of each group; NaN for groups without cells."""
    total = np.bincount(group, area)
    moment = np.bincount(group, np.where(area > 0, area * axis, 0.0))
    return np.divide(moment, total, out=np.full(len(total), np.nan), where=total > 0)


def merge_small(netlist: Netlist, at: Places, group: np.ndarray, largest: int, closeness_um: float) -> np.ndarray:
    """Groups, int64 (objects), after groups of at most `largest` nodes have joined a close neighbour, again and again."""
    driver, sink, _ = connections(netlist)
    while True:
        numbers, group = np.unique(group, return_inverse=True)
        size = np.bincount(group, at.nodes)
        neighbours = _neighbours(group[driver], group[sink], len(numbers))
        x, y = _centre(at.x_um, at.area_um2, group), _centre(at.y_um, at.area_um2, group)
        root = np.arange(len(numbers))
        again = False
        for small in np.flatnonzero(size <= largest):
            others, weight = neighbours[small]
            with np.errstate(invalid="ignore"):
                close = np.abs(x[others] - x[small]) + np.abs(y[others] - y[small]) <= closeness_um
            if not close.any():
                continue
            joined = int(others[close][np.argmax(weight[close])])
            root[small] = joined
            again |= bool(size[joined] <= largest)
        group = numbers[_roots(root)[group]]
        if not again:
            return group


def _neighbours(first: np.ndarray, second: np.ndarray, groups: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each group, the groups that it has connections with, ascending, and how many."""
    apart = first != second
    a, b = np.concatenate([first[apart], second[apart]]), np.concatenate([second[apart], first[apart]])
    one, other, weight = pair_weights(a, b, np.ones(len(a)))
    start = np.searchsorted(one, np.arange(groups + 1))
    return [(other[i:j], weight[i:j]) for i, j in zip(start[:-1], start[1:], strict=True)]


def _roots(joined: np.ndarray) -> np.ndarray:
    """Where each group ends when every group joins another; groups that join in a circle end at the least of them."""
    end = np.arange(len(joined))
    for group in range(len(joined)):
        path = [group]
        while (following := int(joined[path[-1]])) not in path:
            path.append(following)
        end[group] = min(path[path.index(following) :])
    return end
