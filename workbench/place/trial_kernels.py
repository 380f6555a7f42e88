"""Kernels that try a move of one or several objects and keep it or undo it, asking for no more than the decision needs.

The largest rise of the cost that would be accepted is drawn *before* the move. Then the parts of the cost are asked for in
the order of their price: wirelength (`net_boxes`), density, congestion (every net routed anew). A trial is refused as soon
as the parts so far rise by more than the limit plus the *allowance*: what the parts to come win back in all but
`MISSED_SHARE` of the trials that are kept. A share `CHECKED_SHARE` of the trials is evaluated whole in any case, and the
allowances follow what these show. (model: ours; tests/place/test_trial_kernels.py counts what is missed.) Congestion is
not asked for where it cannot have changed: no hard macro moved, no point came into another cell.

So the cost of every state that is kept is exact, and undoing copies back the cells that were touched.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.place.cost_kernels import congestion_cost, density_cost, stamp
from workbench.place.cost_model import CostModel, CostState
from workbench.place.net_boxes import NetBoxes, length_at, rebuild_boxes, update_boxes
from workbench.place.routing_kernels import cell_of, copy_values, lean, route_nets

MOST_MOVED = 12
"""Objects that one trial may move."""
MISSED_SHARE = 0.04
"""Share of the trials worth keeping that the allowances may lose."""
FIRST_ALLOWANCE = 1e-3
"""Allowances at first, in units of the cost: generous, so that little is lost until they have settled."""
ALLOWANCE_STEP = 0.2
"""By which share an allowance grows when a trial was lost."""
CHECKED_SHARE = 0.03
"""Share of trials that are evaluated whole although their cheap part alone says no."""

PROPOSAL_DTYPE = np.dtype(
    [
        ("kind", np.int64),  # of move, an index into the shares of the run
        ("moves", np.int64),  # how many objects
        ("item", np.int64, MOST_MOVED),
        ("x", np.float64, MOST_MOVED),
        ("y", np.float64, MOST_MOVED),
        ("orientation", np.int64, MOST_MOVED),
    ]
)
"""One trial move: objects and where they shall go, one record."""

TRIAL_DTYPE = np.dtype(
    [
        ("density_weight", np.float64),
        ("congestion_weight", np.float64),
        ("cost", np.float64),  # of the state, weighted
        ("density", np.float64),  # of the state
        ("congestion", np.float64),
        ("allowance", np.float64, (2, 2)),  # soft macros alone, with hard ones; after the wirelength, after the density
        ("refused", np.int64),  # trials that their cheap parts decided
        ("routed", np.int64),  # trials that needed the congestion
        ("checked", np.int64),  # trials evaluated whole in any case and worth keeping
        ("missed", np.int64),  # those among them that their cheap parts would have refused
    ]
)
"""Costs of the state that trials change, and what was learned about them, one record."""


class TrialMemory(NamedTuple):
    """Memory for undoing a trial."""

    totals: np.ndarray  # TRIAL_DTYPE (1)
    proposal: np.ndarray  # PROPOSAL_DTYPE (1)
    before: np.ndarray  # PROPOSAL_DTYPE (1): the same objects where they were


def make_trial_memory(density_weight: float, congestion_weight: float) -> TrialMemory:
    """Memory for trials; `begin` fills in the costs."""
    memory = TrialMemory(np.zeros(1, TRIAL_DTYPE), np.zeros(1, PROPOSAL_DTYPE), np.zeros(1, PROPOSAL_DTYPE))
    memory.totals["allowance"] = FIRST_ALLOWANCE
    memory.totals["density_weight"], memory.totals["congestion_weight"] = density_weight, congestion_weight
    return memory


@lean
def begin(model: CostModel, state: CostState, kept: CostState, memory: TrialMemory, boxes: NetBoxes) -> None:
    """Take the state, whose maps are right, as the one that trials start from."""
    totals = memory.totals[0]
    rebuild_boxes(model, state, boxes)
    copy_values(state.area, kept.area)
    copy_values(state.macro_horizontal, kept.macro_horizontal)
    copy_values(state.macro_vertical, kept.macro_vertical)
    _copy_wires(state, kept)
    totals.cost = state.totals[0].wirelength * model.grid[0].wirelength_scale
    if totals.density_weight > 0.0:
        totals.density = density_cost(model, state)
        totals.cost += totals.density_weight * totals.density
    if totals.congestion_weight > 0.0:
        totals.congestion = congestion_cost(model, state)
        totals.cost += totals.congestion_weight * totals.congestion


@lean
def try_proposal(
    model: CostModel, state: CostState, kept: CostState, memory: TrialMemory, boxes: NetBoxes, limit: float, checked: bool
) -> bool:
    """Carry out the proposal and keep it if the cost rises by no more than `limit`; True if kept.

    `checked` asks for the whole cost in any case. `kept` holds the maps of the state before and after.
    """
    totals, proposal = memory.totals[0], memory.proposal[0]
    longer, own = _longer(model, state, memory, boxes)
    scale = model.grid[0].wirelength_scale
    allowance = totals.allowance[own]
    is_hopeless = longer * scale > limit + allowance[0]
    if is_hopeless and not checked:
        totals.refused += 1
        return False
    thresholds = state.totals[0].density_threshold, state.totals[0].congestion_threshold
    moved_longer = _move_objects(model, state, memory, boxes)
    if proposal.moves > 1:
        longer = moved_longer
    density, congestion = totals.density, totals.congestion
    if totals.density_weight > 0.0:
        density = density_cost(model, state)
    change = longer * scale + totals.density_weight * (density - totals.density)
    crosses = _find_crossings(model, state, memory)
    depends = totals.congestion_weight > 0.0 and (own == 1 or crosses)
    is_hopeless |= change > limit + (allowance[1] if depends else 0.0)
    is_refused = is_hopeless and not checked
    rerouted = depends and crosses and not is_refused
    if depends and not is_refused:
        totals.routed += 1
        if rerouted:
            _reroute(model, state, memory)
        congestion = congestion_cost(model, state)
        change += totals.congestion_weight * (congestion - totals.congestion)
    if checked and change <= limit:
        totals.checked += 1
        totals.missed += is_hopeless
        _follow(allowance, 0, longer * scale - limit)
        if depends:
            _follow(allowance, 1, change - totals.congestion_weight * (congestion - totals.congestion) - limit)
    if is_refused or change > limit:
        totals.refused += is_refused
        if rerouted:
            _copy_wires(kept, state)
        _undo(model, state, kept, memory, boxes, rerouted)
        state.totals[0].density_threshold, state.totals[0].congestion_threshold = thresholds
        return False
    if rerouted:
        _copy_wires(state, kept)
    _copy_touched(model, memory, state, kept)
    if proposal.moves == 1:
        update_boxes(model, state, boxes, proposal.item[0])
    state.totals[0].wirelength += longer
    totals.cost += change
    totals.density, totals.congestion = density, congestion
    return True


@lean
def _longer(model: CostModel, state: CostState, memory: TrialMemory, boxes: NetBoxes) -> tuple[float, int]:
    """By how much the nets get longer, µm, and whether a hard macro is among the objects (1 or 0).

    Exact for one object; for several, as if each of them were the only one to move.
    """
    proposal = memory.proposal[0]
    change, own = 0.0, 0
    for k in range(proposal.moves):
        item = proposal.item[k]
        change += length_at(model, boxes, item, proposal.x[k], proposal.y[k], proposal.orientation[k])
        change -= length_at(model, boxes, item, state.x[item], state.y[item], state.orientation[item])
        if model.is_macro[item]:
            own = 1
    return change, own


@lean
def _move_objects(model: CostModel, state: CostState, memory: TrialMemory, boxes: NetBoxes) -> float:
    """Move areas and points, not wires; what was is saved. For several objects, by how much the nets get longer, µm."""
    proposal, before = memory.proposal[0], memory.before[0]
    longer = 0.0
    for k in range(proposal.moves):
        item = proposal.item[k]
        before.x[k], before.y[k], before.orientation[k] = state.x[item], state.y[item], state.orientation[item]
        stamp(model, state, item, -1.0)
        if proposal.moves > 1:
            longer -= length_at(model, boxes, item, before.x[k], before.y[k], before.orientation[k])
            longer += length_at(model, boxes, item, proposal.x[k], proposal.y[k], proposal.orientation[k])
        state.x[item], state.y[item], state.orientation[item] = proposal.x[k], proposal.y[k], proposal.orientation[k]
        stamp(model, state, item, 1.0)
        _place_points(model, state, item)
        if proposal.moves > 1:
            update_boxes(model, state, boxes, item)
    return longer


@lean
def _place_points(model: CostModel, state: CostState, item: int) -> None:
    """Points of an object where its centre and orientation put them; their cells stay."""
    x, y, turn = state.x[item], state.y[item], model.turn[state.orientation[item]]
    dx, dy, point_x, point_y = model.point_dx, model.point_dy, state.point_x, state.point_y
    for p in range(model.point_start[item], model.point_start[item + 1]):
        point_x[p] = x + turn[0] * dx[p] + turn[1] * dy[p]
        point_y[p] = y + turn[2] * dx[p] + turn[3] * dy[p]


@lean
def _find_crossings(model: CostModel, state: CostState, memory: TrialMemory) -> bool:
    """Mark the points that came into another cell (`state.moved`); True if there are any."""
    grid, proposal = model.grid[0], memory.proposal[0]
    point_x, point_y, moved = state.point_x, state.point_y, state.moved
    column, row = state.point_column, state.point_row
    found = False
    for k in range(proposal.moves):
        item = proposal.item[k]
        for p in range(model.point_start[item], model.point_start[item + 1]):
            c, r = cell_of(point_x[p], grid.cell_width, grid.columns), cell_of(point_y[p], grid.cell_height, grid.rows)
            moved[p] = c != column[p] or r != row[p]
            found |= moved[p]
    return found


@lean
def _place_cells(model: CostModel, state: CostState, item: int) -> None:
    """Cells of an object's points where the points are."""
    grid = model.grid[0]
    for p in range(model.point_start[item], model.point_start[item + 1]):
        state.point_column[p] = cell_of(state.point_x[p], grid.cell_width, grid.columns)
        state.point_row[p] = cell_of(state.point_y[p], grid.cell_height, grid.rows)


@lean
def _reroute(model: CostModel, state: CostState, memory: TrialMemory) -> None:
    """Route the nets of the marked points anew, object by object."""
    proposal = memory.proposal[0]
    for k in range(proposal.moves):
        item = proposal.item[k]
        route_nets(model, state, item, -1.0)
        _place_cells(model, state, item)
        route_nets(model, state, item, 1.0)


@lean
def _follow(allowance: np.ndarray, stage: int, needed: float) -> None:
    """Let an allowance follow what all but a share `MISSED_SHARE` of the trials worth keeping need (a running quantile)."""
    if needed > allowance[stage]:
        allowance[stage] *= 1.0 + ALLOWANCE_STEP
    else:
        allowance[stage] *= 1.0 - ALLOWANCE_STEP * MISSED_SHARE / (1.0 - MISSED_SHARE)
    allowance[stage] = max(allowance[stage], 1e-3 * FIRST_ALLOWANCE)


@lean
def _undo(
    model: CostModel, state: CostState, kept: CostState, memory: TrialMemory, boxes: NetBoxes, rerouted: bool
) -> None:  # fmt: skip
    """Bring everything but the wires back to before the trial."""
    proposal, before = memory.proposal[0], memory.before[0]
    _copy_touched(model, memory, kept, state)
    for k in range(proposal.moves):
        item = proposal.item[k]
        state.x[item], state.y[item], state.orientation[item] = before.x[k], before.y[k], before.orientation[k]
        _place_points(model, state, item)
        if rerouted:
            _place_cells(model, state, item)
    if proposal.moves > 1:
        for k in range(proposal.moves):
            update_boxes(model, state, boxes, proposal.item[k])


@lean
def _copy_wires(source: CostState, target: CostState) -> None:
    copy_values(source.horizontal, target.horizontal)
    copy_values(source.vertical, target.vertical)


@lean
def _copy_touched(model: CostModel, memory: TrialMemory, source: CostState, target: CostState) -> None:
    """Copy the cells that the objects of the proposal cover, before and after."""
    proposal, before = memory.proposal[0], memory.before[0]
    for k in range(proposal.moves):
        item = proposal.item[k]
        _copy_covered(model, source, target, item, before.x[k], before.y[k], before.orientation[k])
        _copy_covered(model, source, target, item, proposal.x[k], proposal.y[k], proposal.orientation[k])


@lean
def _copy_covered(
    model: CostModel, source: CostState, target: CostState, item: int, x: float, y: float, orientation: int
) -> None:  # fmt: skip
    """Copy the cells that an object covers at a place: areas, and for a hard macro the tracks it takes."""
    grid, turn = model.grid[0], model.turn[orientation]
    half_width = 0.5 * (abs(turn[0]) * model.width[item] + abs(turn[1]) * model.height[item])
    half_height = 0.5 * (abs(turn[2]) * model.width[item] + abs(turn[3]) * model.height[item])
    first_column = cell_of(x - half_width, grid.cell_width, grid.columns)
    last_column = cell_of(x + half_width, grid.cell_width, grid.columns)
    first_row = cell_of(y - half_height, grid.cell_height, grid.rows)
    last_row = cell_of(y + half_height, grid.cell_height, grid.rows)
    for r in range(first_row, last_row + 1):
        for c in range(first_column, last_column + 1):
            cell = r * grid.columns + c
            target.area[cell] = source.area[cell]
            if model.is_macro[item]:
                target.macro_vertical[cell] = source.macro_vertical[cell]
                target.macro_horizontal[c * grid.rows + r] = source.macro_horizontal[c * grid.rows + r]
