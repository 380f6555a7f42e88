"""Whether a floorplan is legal: hard macros inside the canvas, not overlapping, the movable ones off the blockages.
Shares no code with the cost.

Overlap is measured as the public contest does: corners in single precision, and exactly zero area is legal.

Source: cost-and-environment §4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.netlist.netlist import ORIENTATIONS, Floorplan, ObjectKind

_MOST_LISTED = 1000


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong: `kind` is overlap, outside, blockage, fixed or nowhere; `amount` is in µm² or µm."""

    kind: str
    objects: tuple[str, ...]
    amount: float


def check(floorplan: Floorplan) -> list[Violation]:
    """Everything that makes a floorplan illegal; empty if it is legal."""
    names = floorplan.netlist.object_names
    finite = np.isfinite(floorplan.x_um) & np.isfinite(floorplan.y_um)
    if not finite.all():
        return [Violation("nowhere", (names[i],), float("nan")) for i in np.flatnonzero(~finite)[:_MOST_LISTED]]
    hard = floorplan.netlist.indices(ObjectKind.MACRO)
    found = [Violation("overlap", (names[i], names[j]), area) for i, j, area in overlaps(floorplan)]
    left, bottom, right, top = corners(floorplan, hard)
    width, height = np.float32(floorplan.canvas.width_um), np.float32(floorplan.canvas.height_um)
    beyond = np.maximum(np.maximum(-left, -bottom), np.maximum(right - width, top - height))
    found += [Violation("outside", (names[hard[i]],), float(beyond[i])) for i in np.flatnonzero(beyond > 0)]
    movable = ~floorplan.netlist.is_fixed[hard]  # a fixed macro may stand under a blockage, which is often its own halo
    for blockage in floorplan.canvas.blockages.astype(np.float32):
        across = np.minimum(right, blockage[2]) - np.maximum(left, blockage[0])
        up = np.minimum(top, blockage[3]) - np.maximum(bottom, blockage[1])
        hit = np.flatnonzero((across > 0) & (up > 0) & movable)
        found += [Violation("blockage", (names[hard[i]],), float(across[i] * up[i])) for i in hit]
    return found


def overlap_um2(floorplan: Floorplan) -> float:
    """Total area that hard macros share, pair by pair, µm²; exactly 0 if none overlap."""
    return float(sum(area for _, _, area in overlaps(floorplan)))


def overlaps(floorplan: Floorplan) -> list[tuple[int, int, float]]:
    """Pairs of overlapping hard macros (object indices) with the area they share, µm²."""
    hard = floorplan.netlist.indices(ObjectKind.MACRO)
    left, bottom, right, top = corners(floorplan, hard)
    order = np.argsort(left, kind="stable")
    found = []
    for position, i in enumerate(order[:-1]):
        rest = order[position + 1 :]
        rest = rest[: np.searchsorted(left[rest], right[i])]  # those that begin before this one ends
        across = np.minimum(right[i], right[rest]) - left[rest]
        up = np.minimum(top[i], top[rest]) - np.maximum(bottom[i], bottom[rest])
        for k in np.flatnonzero((across > 0) & (up > 0)):
            first, second = sorted((int(hard[i]), int(hard[rest[k]])))
            found.append((first, second, float(across[k]) * float(up[k])))
    return sorted(found)


def corners(floorplan: Floorplan, objects: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Left, bottom, right and top of objects as they are turned, in single precision."""
    netlist = floorplan.netlist
    is_turned = np.array([name in ("E", "FE", "W", "FW") for name in ORIENTATIONS])[floorplan.orientation[objects]]
    width = np.where(is_turned, netlist.height_um[objects], netlist.width_um[objects]).astype(np.float32)
    height = np.where(is_turned, netlist.width_um[objects], netlist.height_um[objects]).astype(np.float32)
    x, y = floorplan.x_um[objects].astype(np.float32), floorplan.y_um[objects].astype(np.float32)
    half = np.float32(0.5)
    return x - half * width, y - half * height, x + half * width, y + half * height
