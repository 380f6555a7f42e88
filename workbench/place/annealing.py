"""Simulated annealing on the exact proxy cost: one kernel makes thousands of trial moves of hard and soft macros.

Moves come from `annealing_moves`, their costs from `trial_kernels`; hard macros never overlap and every accepted cost is
exact. For each kind of move the kernel counts what it tried, what it won and what it cost, so that the shares of the
kinds can follow (`agents/annealing.py`).

Source: cost-and-environment §11 (annealing as baseline); the moves and the schedule are ours.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.base.jit import kernel
from workbench.place.annealing_moves import KINDS, draw_kind, propose_hard, propose_soft
from workbench.place.cost_kernels import rebuild
from workbench.place.cost_model import CostModel, CostState
from workbench.place.net_boxes import NetBoxes
from workbench.place.obstacles import Obstacles
from workbench.place.routing_kernels import BORROWED, copy_values, lean
from workbench.place.trial_kernels import CHECKED_SHARE, TrialMemory, begin, try_proposal

ANNEALING_DTYPE = np.dtype(
    [
        ("temperature", np.float64),  # now, in units of the proxy cost
        ("cooling", np.float64),  # factor per trial move
        ("window", np.float64, 2),  # reach of shifts of soft and of hard macros now, as a share of the canvas
        ("narrowing", np.float64),  # factor per trial move
        ("hard_share", np.float64),  # share of trial moves that go to hard macros
        ("shares", np.float64, (2, len(KINDS))),  # of the kinds of moves, of soft macros [0] and of hard ones [1]
        ("on_grid", np.bool_),  # hard macros only on cell centres
        ("best_cost", np.float64),
        ("is_best", np.bool_),  # the state is the best one and not saved yet
        ("trials", np.int64),
        ("illegal", np.int64),  # trial places that were given up before their cost was asked
        ("tried", np.int64, (2, len(KINDS))),  # by kind, like `shares`
        ("accepted", np.int64, (2, len(KINDS))),
        ("gained", np.float64, (2, len(KINDS))),  # falls of the cost, summed
        ("routed", np.int64, (2, len(KINDS))),  # trials that needed the congestion
    ]
)
"""Settings and counters of a run, one record."""


class Movable(NamedTuple):
    """What may move, and the best state so far."""

    hard: np.ndarray  # object indices, int64
    soft: np.ndarray
    best_x: np.ndarray
    best_y: np.ndarray
    best_orientation: np.ndarray


@kernel(**BORROWED)
def anneal(
    model: CostModel, state: CostState, kept: CostState, movable: Movable, memory: TrialMemory, boxes: NetBoxes,
    obstacles: Obstacles, run: np.ndarray, rng: np.random.Generator, trials: int, afresh: bool,
) -> None:  # fmt: skip
    """Make a number of trial moves; the best state so far is in `movable`, the counters in `run`.

    `afresh` makes maps, boxes and costs from the coordinates first; without it they go on as the last call left them.
    """
    if afresh:
        rebuild(model, state)
        begin(model, state, kept, memory, boxes)
    proposal, totals = memory.proposal, memory.totals
    for _ in range(trials):
        own = 1 if rng.random() < run[0].hard_share else 0
        kind = draw_kind(run[0].shares[own], rng)
        proposal[0].kind = kind
        window = run[0].window[own]
        if own == 1:
            found = propose_hard(
                model, state, movable.hard, movable.soft, obstacles, proposal, window, run[0].on_grid, rng
            )  # fmt: skip
        else:
            found = propose_soft(model, state, movable.soft, proposal, window, rng)
        run[0].trials += 1
        run[0].tried[own, kind] += 1
        run[0].temperature *= run[0].cooling
        run[0].window[0] *= run[0].narrowing
        run[0].window[1] *= run[0].narrowing
        if not found:
            run[0].illegal += 1
            continue
        limit = -run[0].temperature * np.log(1.0 - rng.random())
        cost, routed = totals[0].cost, totals[0].routed
        is_kept = try_proposal(model, state, kept, memory, boxes, limit, rng.random() < CHECKED_SHARE)
        run[0].routed[own, kind] += totals[0].routed - routed
        if is_kept:
            run[0].accepted[own, kind] += 1
            run[0].gained[own, kind] += max(0.0, cost - totals[0].cost)
            _follow_obstacles(obstacles, proposal)
            _follow_best(state, movable, memory, run)
    _save_best(state, movable, run)


@lean
def _follow_obstacles(obstacles: Obstacles, proposal: np.ndarray) -> None:
    """Hard macros of an accepted proposal stand in the way where they are now."""
    for k in range(proposal[0].moves):
        own = obstacles.of_object[proposal[0].item[k]]
        if own >= 0:
            obstacles.x[own], obstacles.y[own] = proposal[0].x[k], proposal[0].y[k]


@lean
def _follow_best(state: CostState, movable: Movable, memory: TrialMemory, run: np.ndarray) -> None:
    """After an accepted move: note a new best state, or save the best one if the move has just left it."""
    cost = memory.totals[0].cost
    if cost < run[0].best_cost - 1e-9:
        run[0].best_cost, run[0].is_best = cost, True
    elif run[0].is_best:
        before = memory.before[0]
        _save_best(state, movable, run)
        for k in range(memory.proposal[0].moves):
            item = memory.proposal[0].item[k]
            movable.best_x[item], movable.best_y[item] = before.x[k], before.y[k]
            movable.best_orientation[item] = before.orientation[k]


@lean
def _save_best(state: CostState, movable: Movable, run: np.ndarray) -> None:
    """Save the state if it is the best so far (saving at each new best would cost more than the moves)."""
    if run[0].is_best:
        run[0].is_best = False
        copy_values(state.x, movable.best_x)
        copy_values(state.y, movable.best_y)
        copy_values(state.orientation, movable.best_orientation)
