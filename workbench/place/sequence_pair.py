"""A sequence pair whose blocks float: the arrays, how blocks get their places, and their wires. Lengths in µm.

A *sequence pair* is two orders of the blocks. A block that precedes another in both lies left of it; one that follows it in
the first and precedes it in the second lies below it. So every pair of blocks is apart in x or in y, and any sequence pair
gives placements without overlap. Here they are not packed into a corner: each block has a *wish* (where it was, or where its
nets would have it), and one sweep in order of precedence gives it the place nearest to its wish that leaves room for all
that must follow, so that white space goes where it shortens wires. Sweeps go up or down by chance, which lets a block push
its neighbours either way.

A sweep needs longest paths through the order; they are prefix maxima in a Fenwick tree, O(n log n). The longest path is the
width (or height) that the sequence pair needs.

Source: Murata, Fujiyoshi, Nakatake, Kajitani: VLSI module placement based on rectangle packing by the sequence-pair, IEEE
TCAD 1996; Tang, Tian, Wong: Fast evaluation of sequence pair in block placement by longest common subsequence computation,
DATE 2000 (prefix maxima instead of a constraint graph); floating places: model: ours (tests/place/test_sequence_pair.py).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.base.jit import inner_kernel, kernel


class Blocks(NamedTuple):
    """What does not change: n blocks, q points (pins of blocks that coincide are one), m nets, i incidences."""

    turn: np.ndarray  # cost_model.TURN
    width: np.ndarray  # for orientation N, with the gap to neighbours (n)
    height: np.ndarray
    point_start: np.ndarray  # int64 (n + 1)
    point_block: np.ndarray  # int64 (q)
    point_dx: np.ndarray  # offset from the block's centre for orientation N (q)
    point_dy: np.ndarray
    net_start: np.ndarray  # int64 (m + 1)
    net_point: np.ndarray  # int64
    net_weight: np.ndarray
    net_box: np.ndarray  # of the pins that stand still: least x, greatest x, least y, greatest y (m, 4); inf, -inf if none
    block_start: np.ndarray  # int64 (n + 1)
    block_net: np.ndarray  # nets of each block, each once (i)
    block_point: np.ndarray  # the block's first point in that net (i)


class Packing(NamedTuple):
    """A sequence pair and a placement that obeys it, with scratch space."""

    first: np.ndarray  # blocks in the first order, int64 (n)
    second: np.ndarray
    first_at: np.ndarray  # place of each block in the orders
    second_at: np.ndarray
    orientation: np.ndarray  # int64 (n)
    size: np.ndarray  # width and height as turned (2, n)
    low: np.ndarray  # left and bottom edges (2, n)
    offset: np.ndarray  # of each point from its block's lower left corner (2, q)
    point: np.ndarray  # coordinates of the points (2, q)
    reach: np.ndarray  # scratch: room that a block and all beyond it need (2, n)
    tree: np.ndarray  # scratch: Fenwick tree (n + 1)
    stop: np.ndarray  # scratch: ends of other nets and their weights (2, 2 i)


@kernel
def turn_block(blocks: Blocks, packing: Packing, i: int, orientation: int) -> None:
    """Turn a block: its size and the offsets of its points."""
    packing.orientation[i] = orientation
    across, up = blocks.width[i], blocks.height[i]
    if orientation >= 4:
        across, up = up, across
    packing.size[0, i], packing.size[1, i] = across, up
    turn = blocks.turn[orientation]
    for p in range(blocks.point_start[i], blocks.point_start[i + 1]):
        dx, dy = blocks.point_dx[p], blocks.point_dy[p]
        packing.offset[0, p] = across / 2 + turn[0] * dx + turn[1] * dy
        packing.offset[1, p] = up / 2 + turn[2] * dx + turn[3] * dy


@inner_kernel
def _raise_prefix(tree: np.ndarray, at: int, value: float) -> None:
    k = at + 1
    while k < len(tree) and tree[k] < value:  # a node above that is as large has larger ones above it
        tree[k] = value
        k += k & -k


@inner_kernel
def _prefix_maximum(tree: np.ndarray, count: int) -> float:
    """Largest value at places below `count`, at least 0."""
    best = 0.0
    k = count
    while k > 0:
        best = max(best, tree[k])
        k -= k & -k
    return best


@kernel
def reaches(packing: Packing, axis: int, upward: bool) -> float:
    """Fill `reach` with the room that each block needs with all beyond it (upward) or before it; returns the largest.

    Axis 0 is x: right of a block are those behind it in both orders; axis 1 is y: above it are those before it in the
    first and behind it in the second.
    """
    n = len(packing.first)
    first, second_at, tree = packing.first, packing.second_at, packing.tree
    size, reach = packing.size[axis], packing.reach[axis]
    tree[:] = 0.0
    largest = 0.0
    backward = (axis == 0) == upward
    for k in range(n):
        i = first[n - 1 - k] if backward else first[k]
        at = n - 1 - second_at[i] if upward else second_at[i]
        reach[i] = size[i] + _prefix_maximum(tree, at)
        _raise_prefix(tree, at, reach[i])
        largest = max(largest, reach[i])
    return largest


@kernel
def sweep(packing: Packing, axis: int, upward: bool, length: float, wish: np.ndarray, low: np.ndarray) -> None:
    """Place all blocks along an axis within [0, length], each as near to its wish as those beyond it allow.

    `reaches` must have been filled in the same direction, and `length` must be at least its largest.
    """
    n = len(packing.first)
    first, second_at, tree = packing.first, packing.second_at, packing.tree
    size, reach = packing.size[axis], packing.reach[axis]
    tree[:] = 0.0
    backward = (axis == 0) != upward
    for k in range(n):
        i = first[n - 1 - k] if backward else first[k]
        at = second_at[i] if upward else n - 1 - second_at[i]
        begin = wish[i] if upward else length - wish[i] - size[i]  # downward: measured from the far end
        begin = max(min(begin, length - reach[i]), _prefix_maximum(tree, at))
        _raise_prefix(tree, at, begin + size[i])
        low[i] = begin if upward else length - begin - size[i]


@kernel
def wire_of(blocks: Blocks, packing: Packing, low: np.ndarray) -> float:
    """Weighted half-perimeters of all nets with the blocks' lower left corners at `low` (2, n)."""
    total = 0.0
    for axis in range(2):
        point, offset, at = packing.point[axis], packing.offset[axis], low[axis]
        for p in range(len(point)):
            point[p] = at[blocks.point_block[p]] + offset[p]
        for net in range(len(blocks.net_weight)):
            least, greatest = blocks.net_box[net, 2 * axis], blocks.net_box[net, 2 * axis + 1]
            for k in range(blocks.net_start[net], blocks.net_start[net + 1]):
                value = point[blocks.net_point[k]]
                least, greatest = min(least, value), max(greatest, value)
            total += blocks.net_weight[net] * (greatest - least)
    return total


@kernel
def wished_place(blocks: Blocks, packing: Packing, i: int, axis: int) -> float:
    """The left or bottom edge nearest to the present one that gives the block's nets the least length, all else still.

    The length is piecewise linear in it, with a corner at both ends of each net without the block: the minimum is their
    weighted median.
    """
    count, total = 0, 0.0
    value, weight = packing.stop[0], packing.stop[1]
    for k in range(blocks.block_start[i], blocks.block_start[i + 1]):
        net = blocks.block_net[k]
        least, greatest = blocks.net_box[net, 2 * axis], blocks.net_box[net, 2 * axis + 1]
        for p in range(blocks.net_start[net], blocks.net_start[net + 1]):
            q = blocks.net_point[p]
            other = blocks.point_block[q]
            if other != i:
                at = packing.low[axis, other] + packing.offset[axis, q]
                least, greatest = min(least, at), max(greatest, at)
        if greatest < least:
            continue
        own = packing.offset[axis, blocks.block_point[k]]
        for end in (least - own, greatest - own):
            j = count
            while j > 0 and value[j - 1] > end:
                value[j], weight[j] = value[j - 1], weight[j - 1]
                j -= 1
            value[j], weight[j] = end, blocks.net_weight[net]
            count += 1
        total += blocks.net_weight[net]
    if count == 0:
        return packing.low[axis, i]
    passed, k = 0.0, 0  # the slope of the length is -total at the left and rises by each weight
    while k < count - 1 and passed + weight[k] < total:
        passed += weight[k]
        k += 1
    least = value[k]
    greatest = value[k + 1] if k + 1 < count and passed + weight[k] <= total else value[k]
    return min(max(packing.low[axis, i], least), greatest)


@kernel
def copy_packing(source: Packing, target: Packing) -> None:
    """Copy sequence pair, orientations and places, not the scratch space."""
    target.first[:], target.second[:] = source.first, source.second
    target.first_at[:], target.second_at[:] = source.first_at, source.second_at
    target.orientation[:] = source.orientation
    target.size[:] = source.size
    target.low[:] = source.low
    target.offset[:] = source.offset
