"""Makes the arrays of `sequence_pair` from a floorplan, and floorplans from them."""

from __future__ import annotations

import dataclasses

import numpy as np

from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.place.cost_model import CostModel
from workbench.place.obstacles import GAP
from workbench.place.sequence_pair import Blocks, Packing, reaches, sweep, turn_block


def make_blocks(floorplan: Floorplan, model: CostModel) -> Blocks:
    """The hard macros as blocks, in netlist order; everything else stands still where the floorplan has it.

    Blocks are larger by the gap that is kept between macros (`obstacles.GAP`).
    """
    canvas, hard = floorplan.canvas, floorplan.netlist.indices(ObjectKind.MACRO)
    gap = GAP * max(canvas.width_um, canvas.height_um)
    owner = np.repeat(np.arange(floorplan.netlist.objects), np.diff(model.point_start))
    block_of = np.full(floorplan.netlist.objects, -1)
    block_of[hard] = np.arange(len(hard))
    kept = np.flatnonzero(block_of[owner] >= 0)
    point_of = np.full(len(owner), -1)
    point_of[kept] = np.arange(len(kept))
    point_block = block_of[owner[kept]]
    start, point, weight, box = _nets(model, point_of, *_still_places(floorplan, model, owner))
    block_start, block_net, block_point = _incidences(len(hard), point_block, start, point)
    return Blocks(
        model.turn, model.width[hard] + gap, model.height[hard] + gap,
        np.searchsorted(point_block, np.arange(len(hard) + 1)), point_block, model.point_dx[kept], model.point_dy[kept],
        start, point, weight, box, block_start, block_net, block_point,
    )  # fmt: skip


def _still_places(floorplan: Floorplan, model: CostModel, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of all points of the cost model as the floorplan has them."""
    turn = model.turn[floorplan.orientation[owner]]
    x = floorplan.x_um[owner] + turn[:, 0] * model.point_dx + turn[:, 1] * model.point_dy
    return x, floorplan.y_um[owner] + turn[:, 2] * model.point_dx + turn[:, 3] * model.point_dy


def _nets(
    model: CostModel, point_of: np.ndarray, x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Nets that touch a block: start, points (each once), weights, boxes of the points that stand still."""
    starts, points, weights, boxes = [0], list[int](), [], []
    for net, weight in enumerate(model.net_weight):
        members = np.unique(model.net_point[model.net_start[net] : model.net_start[net + 1]])
        moving, still = point_of[members], members[point_of[members] < 0]
        moving = moving[moving >= 0]
        if not len(moving):
            continue
        points.extend(moving.tolist())
        starts.append(len(points))
        weights.append(weight)
        ends = [np.inf, -np.inf] * 2
        boxes.append([x[still].min(), x[still].max(), y[still].min(), y[still].max()] if len(still) else ends)
    return np.array(starts), np.array(points, np.int64), np.array(weights), np.array(boxes, np.float64).reshape(-1, 4)


def _incidences(
    blocks: int, point_block: np.ndarray, net_start: np.ndarray, net_point: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per block its nets, each once, with its first point in each."""
    net = np.repeat(np.arange(len(net_start) - 1), np.diff(net_start))
    key = point_block[net_point] * max(1, len(net_start)) + net
    unique, first = np.unique(key, return_index=True)
    owner, nets = np.divmod(unique, max(1, len(net_start)))
    return np.searchsorted(owner, np.arange(blocks + 1)), nets, net_point[first]


def make_packing(blocks: Blocks) -> Packing:
    """A packing with all blocks in the orders of their numbers; `lay_out` gives it places."""
    n, q = len(blocks.width), len(blocks.point_block)
    most = int(np.diff(blocks.block_start).max(initial=0))
    return Packing(
        np.arange(n), np.arange(n), np.arange(n), np.arange(n), np.zeros(n, np.int64), np.zeros((2, n)), np.zeros((2, n)),
        np.zeros((2, q)), np.zeros((2, q)), np.zeros((2, n)), np.zeros(n + 1), np.zeros((2, 2 * most)),
    )  # fmt: skip


def lay_out(blocks: Blocks, packing: Packing, floorplan: Floorplan) -> float:
    """Give a packing the orders of a floorplan's macros along both diagonals, and places near theirs.

    The floorplan may have overlaps; the packing has none, but may need more than the canvas: what it needs beyond it,
    width and height added, µm, is returned.
    """
    canvas, hard = floorplan.canvas, floorplan.netlist.indices(ObjectKind.MACRO)
    x, y = floorplan.x_um[hard], floorplan.y_um[hard]
    for i, turned in enumerate(floorplan.orientation[hard]):
        turn_block(blocks, packing, i, int(turned))
    packing.first[:], packing.second[:] = np.argsort(x - y, kind="stable"), np.argsort(x + y, kind="stable")
    packing.first_at[packing.first] = packing.second_at[packing.second] = np.arange(len(hard))
    excess = 0.0
    for axis, (centre, length) in enumerate(((x, canvas.width_um), (y, canvas.height_um))):
        needed = reaches(packing, axis, True)
        sweep(packing, axis, True, max(needed, length), centre - packing.size[axis] / 2, packing.low[axis])
        excess += max(needed - length, 0.0)
    return excess


def floorplan_of(packing: Packing, floorplan: Floorplan) -> Floorplan:
    """The floorplan with its hard macros where a packing has them."""
    hard = floorplan.netlist.indices(ObjectKind.MACRO)
    x, y, orientation = floorplan.x_um.copy(), floorplan.y_um.copy(), floorplan.orientation.copy()
    x[hard], y[hard] = packing.low + packing.size / 2
    orientation[hard] = packing.orientation
    return dataclasses.replace(floorplan, x_um=x, y_um=y, orientation=orientation)
