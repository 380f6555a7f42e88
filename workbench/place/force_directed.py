"""Force-directed placement of soft macros between fixed hard macros and ports, the published method.

All soft macros start at the centre of the canvas. Every step, each driver-sink pair attracts like a spring and each
overlapping pair of macros repels; the displacements are scaled so that the largest is the step's reach. Three phases of
steps go from pure attraction to mostly repulsion.

Source: cost-and-environment §5 (schedule and forces of circuit_training's evaluation). Soft macros count as squares of
their area for overlaps, as there; their shape in the netlist, which the cost sees, stays. The published results depend on
the implementation (TILOS reports .7847 and .8005 for two of them on the same macros), so this one's are its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from workbench.base.jit import inner_kernel, kernel
from workbench.netlist.netlist import Netlist, ObjectKind
from workbench.place.cost_model import CostModel, CostState

PHASES = np.array([[100.0, 0.0, 1.0], [1e-3, 1e6, 1.0], [1e-5, 1e7, 1.0]])
"""Attraction, repulsion and move factor of each phase, for soft macros among fixed hard ones."""
MIXED_PHASES = np.array([[100.0, 0.0, 1.0], [1e-3, 1e5, 2.0], [1e-5, 1e6, 2.0]])
"""The same for hard and soft macros together ("mixed size")."""
STEPS = 100
"""Steps of each phase."""


class SoftMacros(NamedTuple):
    """What the method needs beyond the cost model."""

    movable: np.ndarray  # bool (n): soft macros that are not fixed, and hard ones where these move too
    bodies: np.ndarray  # int64: macros of both kinds, by index
    half_width: np.ndarray  # µm (n); squares for soft macros
    half_height: np.ndarray
    owner: np.ndarray  # object of each point, int64 (q)


def make_soft_macros(netlist: Netlist, model: CostModel, orientation: np.ndarray, *, with_hard: bool = False) -> SoftMacros:
    """The method's arrays for a netlist whose hard macros are turned as given; `with_hard`: these move too."""
    is_soft = netlist.kind == ObjectKind.SOFT_MACRO
    half_square = 0.5 * np.sqrt(netlist.width_um * netlist.height_um)
    is_turned = orientation >= 4  # E FE W FW
    half_width = 0.5 * np.where(is_turned, netlist.height_um, netlist.width_um)
    half_height = 0.5 * np.where(is_turned, netlist.width_um, netlist.height_um)
    return SoftMacros(
        (is_soft | (with_hard & (netlist.kind == ObjectKind.MACRO))) & ~netlist.is_fixed,
        np.flatnonzero(netlist.kind != ObjectKind.PORT),
        np.where(is_soft, half_square, half_width), np.where(is_soft, half_square, half_height),
        np.repeat(np.arange(netlist.objects), np.diff(model.point_start)),
    )  # fmt: skip


@kernel
def place_by_force(model: CostModel, state: CostState, soft: SoftMacros, phases: np.ndarray, steps: int) -> None:
    """Place the movable macros anew from the canvas' centre; only coordinates change, the maps have to be rebuilt."""
    for i in range(len(state.x)):
        if soft.movable[i]:
            state.x[i], state.y[i] = 0.5 * model.grid[0].width, 0.5 * model.grid[0].height
    follow_forces(model, state, soft, phases, steps)


@kernel
def follow_forces(model: CostModel, state: CostState, soft: SoftMacros, phases: np.ndarray, steps: int) -> None:
    """Let the movable macros follow the forces from where they are; only coordinates change."""
    grid = model.grid[0]
    force_x, force_y = np.zeros(len(state.x)), np.zeros(len(state.x))
    for phase in range(len(phases)):
        reach = phases[phase, 2] * max(grid.width, grid.height) / steps
        for _ in range(steps):
            force_x[:] = 0.0
            force_y[:] = 0.0
            _attract(model, state, soft, phases[phase, 0], force_x, force_y)
            if phases[phase, 1] > 0.0:
                _repel(state, soft, phases[phase, 1] * reach, force_x, force_y)
            _step(state.x, soft.movable, soft.half_width, force_x, reach, grid.width)
            _step(state.y, soft.movable, soft.half_height, force_y, reach, grid.height)


@inner_kernel
def _attract(
    model: CostModel, state: CostState, soft: SoftMacros, factor: float, force_x: np.ndarray, force_y: np.ndarray
) -> None:
    owner, turn, dx, dy = soft.owner, model.turn, model.point_dx, model.point_dy
    for net in range(len(model.net_weight)):
        first, last = model.net_start[net], model.net_start[net + 1]
        p = model.net_point[first]
        a = owner[p]
        t = turn[state.orientation[a]]
        x, y = state.x[a] + t[0] * dx[p] + t[1] * dy[p], state.y[a] + t[2] * dx[p] + t[3] * dy[p]
        pull = factor * model.net_weight[net]
        for j in range(first + 1, last):
            q = model.net_point[j]
            b = owner[q]
            s = turn[state.orientation[b]]
            across = pull * (state.x[b] + s[0] * dx[q] + s[1] * dy[q] - x)
            up = pull * (state.y[b] + s[2] * dx[q] + s[3] * dy[q] - y)
            force_x[a] += across
            force_y[a] += up
            force_x[b] -= across
            force_y[b] -= up


@inner_kernel
def _repel(state: CostState, soft: SoftMacros, factor: float, force_x: np.ndarray, force_y: np.ndarray) -> None:
    bodies, half_width, half_height = soft.bodies, soft.half_width, soft.half_height
    for i in range(len(bodies)):
        a = bodies[i]
        for j in range(i + 1, len(bodies)):
            b = bodies[j]
            across, up = state.x[a] - state.x[b], state.y[a] - state.y[b]
            if abs(across) >= half_width[a] + half_width[b] or abs(up) >= half_height[a] + half_height[b]:
                continue
            distance = np.hypot(across, up)
            if distance < 1e-9:
                across, up, distance = -1.0, -1.0, np.sqrt(2.0)
            force_x[a] += factor * across / distance
            force_y[a] += factor * up / distance
            force_x[b] -= factor * across / distance
            force_y[b] -= factor * up / distance


@inner_kernel
def _step(centre: np.ndarray, movable: np.ndarray, half: np.ndarray, force: np.ndarray, reach: float, length: float) -> None:
    """Move along one axis; the largest displacement is `reach`, one that leaves the canvas does not happen."""
    largest = 0.0
    for i in range(len(centre)):
        if movable[i]:
            largest = max(largest, abs(force[i]))
    if largest == 0.0:
        return
    for i in range(len(centre)):
        if movable[i]:
            goal = centre[i] + force[i] * reach / largest
            if half[i] <= goal <= length - half[i]:
                centre[i] = goal
