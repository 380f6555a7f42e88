"""Force-directed placement: nets pull, overlaps push, hard and soft macros together; then hard macros are legalised.

Source: cost-and-environment §5, the "mixed size" settings with which circuit_training initialises its environment (macros
move too); legalisation by area descending to the nearest legal place, as for its `legalized.plc` (§4). Then the soft macros
are placed anew among the fixed hard ones by the settings of its evaluation. Ours: the first attempt starts at the canvas'
centre as published; the method knows no chance, so that further attempts start from random places.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan
from workbench.place.agents.base import PlacementOptions, PlacementResult, Search, read_params
from workbench.place.cost_model import CostModel, make_model, make_state
from workbench.place.force_directed import MIXED_PHASES, PHASES, STEPS, follow_forces, make_soft_macros, place_by_force
from workbench.place.legality import check
from workbench.place.start import legalize, sketch


class ForceDirectedAgent:
    """Makes force-directed placements until the time is over and keeps the best; steps are placements."""

    def place(
        self, design: Design, *, seconds: float, seed: int, progress: Progress, options: PlacementOptions
    ) -> PlacementResult:
        """Place a design; see `Agent`. A legal placement to start from is the first offer, its macros move from there."""
        read_params(options.params, {})
        rng = make_rng(seed)
        model = make_model(design.netlist, design.canvas)
        search = Search(model)
        if options.init is not None and not check(options.init) and not options.on_grid:
            search.offer(options.init)

        def attempt(number: int) -> Floorplan:
            return force_directed_floorplan(design, model, rng, options.init, number == 0, options.on_grid)

        interrupted = search.run(attempt, seconds, options.steps, progress)
        return search.result(interrupted, design.name)


def force_directed_floorplan(
    design: Design, model: CostModel, rng: np.random.Generator, init: Floorplan | None, is_first: bool, on_grid: bool
) -> Floorplan:
    """A legal floorplan by forces: first from the centre or `init`, later from random places.

    Raises
    ------
    InputError: the hard macros do not fit (or not on the grid), or a port has no coordinates.
    """
    netlist, canvas = design.netlist, design.canvas
    start = init if is_first and init is not None else sketch(netlist, canvas, rng)
    state = make_state(model, start)
    bodies = make_soft_macros(netlist, model, start.orientation, with_hard=True)
    if is_first and init is None:
        place_by_force(model, state, bodies, MIXED_PHASES, STEPS)
    else:
        if not is_first:
            _scatter(state.x, bodies.movable, bodies.half_width, canvas.width_um, rng)
            _scatter(state.y, bodies.movable, bodies.half_height, canvas.height_um, rng)
        follow_forces(model, state, bodies, MIXED_PHASES, STEPS)
    legal = legalize(dataclasses.replace(start, x_um=state.x, y_um=state.y), on_grid)
    state = make_state(model, legal)
    place_by_force(model, state, make_soft_macros(netlist, model, legal.orientation), PHASES, STEPS)
    return dataclasses.replace(legal, x_um=state.x, y_um=state.y)


def _scatter(centre: np.ndarray, movable: np.ndarray, half: np.ndarray, length: float, rng: np.random.Generator) -> None:
    """Put movable objects at random within the canvas, in place."""
    near = np.minimum(half[movable], length / 2)
    centre[movable] = near + (length - 2 * near) * rng.random(len(near))
