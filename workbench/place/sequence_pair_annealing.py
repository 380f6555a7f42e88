"""Annealing of a sequence pair within a fixed outline: moves, penalty and the loop. Lengths in µm.

The cost is the exact wirelength plus a penalty for what the sequence pair needs beyond the outline, which rises while the
temperature falls. A move takes one block to where its nets would have it, give or take a window that
narrows, next to the block that is there or in exchange with it; or turns it; or only lets it slide there.

Source: Adya, Markov: Fixed-outline floorplanning, IEEE TVLSI 2003 (outline by annealing, moves aimed at slack and nets);
moves and penalty: model: ours (benchmarks/floorplan_gsrc.py).
"""

from __future__ import annotations

import numpy as np

from workbench.base.jit import inner_kernel, kernel
from workbench.place.sequence_pair import Blocks, Packing, copy_packing, reaches, sweep, turn_block, wire_of, wished_place

RUN_DTYPE = np.dtype(
    [
        ("width", np.float64),  # outline
        ("height", np.float64),
        ("may_rotate", np.bool_),
        ("temperature", np.float64),  # µm of wire
        ("cooling", np.float64),  # factor per trial
        ("window", np.float64),  # spread around the wished place of a moved block, share of the outline
        ("narrowing", np.float64),  # factor per trial
        ("penalty", np.float64),  # µm of wire per µm beyond the outline
        ("hardening", np.float64),  # its factor per trial
        ("slide_share", np.float64),
        ("turn_share", np.float64),
        ("swap_share", np.float64),
        ("random_share", np.float64),  # of insertions and swaps: with any block instead of one near the wished place
        ("wire", np.float64),  # of the state
        ("excess", np.float64),
        ("best_wire", np.float64),  # of the best state that fits
        ("trials", np.int64),
        ("accepted", np.int64),
    ]
)
"""Settings, state and counters of an annealing run, one record."""

HOPELESS = 20.0
"""A trial whose penalty alone rises by this many temperatures is given up before its wires are looked at (model: ours)."""


@inner_kernel
def _move_in_order(order: np.ndarray, at: np.ndarray, i: int, place: int) -> None:
    """Take a block out of an order and put it in at a place."""
    k = at[i]
    while k < place:
        order[k] = order[k + 1]
        at[order[k]] = k
        k += 1
    while k > place:
        order[k] = order[k - 1]
        at[order[k]] = k
        k -= 1
    order[k] = i
    at[i] = k


@inner_kernel
def _put_beside(order: np.ndarray, at: np.ndarray, i: int, j: int, behind: bool) -> None:
    """Put block i directly behind or before block j."""
    place = at[j] - (at[i] < at[j])  # j's place once i is taken out
    _move_in_order(order, at, i, place + behind)


@inner_kernel
def _exchange(order: np.ndarray, at: np.ndarray, i: int, j: int) -> None:
    at[i], at[j] = at[j], at[i]
    order[at[i]], order[at[j]] = i, j


@inner_kernel
def _nearest_block(packing: Packing, i: int, x: float, y: float) -> int:
    """The block other than i whose centre is nearest to a point, measured in its own size."""
    best, found = np.inf, -1
    for j in range(len(packing.first)):
        if j != i:
            dx = abs(packing.low[0, j] + packing.size[0, j] / 2 - x)
            dy = abs(packing.low[1, j] + packing.size[1, j] / 2 - y)
            distance = max(dx - packing.size[0, j] / 2, 0.0) + max(dy - packing.size[1, j] / 2, 0.0) + 1e-3 * (dx + dy)
            if distance < best:
                best, found = distance, j
    return found


@inner_kernel
def _change(blocks: Blocks, packing: Packing, wish: np.ndarray, run: np.ndarray, rng: np.random.Generator) -> None:
    """Change the sequence pair, an orientation or only a wish, in place."""
    n = len(packing.first)
    i = rng.integers(0, n)
    kind = rng.random()
    if kind < run[0].turn_share:
        is_turned = packing.orientation[i] // 4  # another quarter turn where allowed, and any mirror image
        turned = rng.integers(0, 4) + 4 * (1 - is_turned if run[0].may_rotate else is_turned)
        middle = (wish[0, i] + packing.size[0, i] / 2, wish[1, i] + packing.size[1, i] / 2)
        turn_block(blocks, packing, i, turned)
        wish[0, i], wish[1, i] = middle[0] - packing.size[0, i] / 2, middle[1] - packing.size[1, i] / 2
        return
    wish[0, i], wish[1, i] = wished_place(blocks, packing, i, 0), wished_place(blocks, packing, i, 1)
    kind -= run[0].turn_share
    if kind < run[0].slide_share or n == 1:
        return
    wish[0, i] += (rng.random() - 0.5) * run[0].window * run[0].width
    wish[1, i] += (rng.random() - 0.5) * run[0].window * run[0].height
    if rng.random() < run[0].random_share:
        j = rng.integers(0, n - 1)
        j += j >= i
    else:
        j = _nearest_block(packing, i, wish[0, i] + packing.size[0, i] / 2, wish[1, i] + packing.size[1, i] / 2)
    kind -= run[0].slide_share
    if kind < run[0].swap_share:
        which = rng.integers(0, 4)
        if which != 1:
            _exchange(packing.first, packing.first_at, i, j)
        if which != 2:
            _exchange(packing.second, packing.second_at, i, j)
        if which == 0 or which == 3:
            wish[0, j], wish[1, j] = packing.low[0, i], packing.low[1, i]
            wish[0, i], wish[1, i] = packing.low[0, j], packing.low[1, j]
        return
    where = rng.integers(0, 4)  # left, right, above, below
    _put_beside(packing.first, packing.first_at, i, j, where == 1 or where == 3)
    _put_beside(packing.second, packing.second_at, i, j, where == 1 or where == 2)


@kernel
def anneal(
    blocks: Blocks, packing: Packing, kept: Packing, best: Packing, wish: np.ndarray, run: np.ndarray,
    rng: np.random.Generator, trials: int,
) -> None:  # fmt: skip
    """Make a number of trials; `packing` is the state, `best` the best that fits, `kept` and `wish` (2, n) are scratch."""
    outline = (run[0].width, run[0].height)
    copy_packing(packing, kept)
    for _ in range(trials):
        run[0].trials += 1
        run[0].temperature *= run[0].cooling
        run[0].window *= run[0].narrowing
        run[0].penalty *= run[0].hardening
        wish[:] = packing.low
        _change(blocks, packing, wish, run, rng)
        upward = rng.random() < 0.5
        bound = run[0].wire + run[0].penalty * run[0].excess - run[0].temperature * np.log(1.0 - rng.random())
        needed = (reaches(packing, 0, upward), reaches(packing, 1, upward))
        excess = max(needed[0] - outline[0], 0.0) + max(needed[1] - outline[1], 0.0)
        is_accepted = False
        if run[0].penalty * (excess - run[0].excess) < HOPELESS * run[0].temperature:
            for axis in range(2):
                sweep(packing, axis, upward, max(outline[axis], needed[axis]), wish[axis], packing.low[axis])
            wire = wire_of(blocks, packing, packing.low)
            is_accepted = wire + run[0].penalty * excess <= bound
        if is_accepted:
            run[0].accepted += 1
            run[0].wire, run[0].excess = wire, excess
            copy_packing(packing, kept)
            if excess == 0.0 and wire < run[0].best_wire - 1e-9:
                run[0].best_wire = wire
                copy_packing(packing, best)
        else:
            copy_packing(kept, packing)
