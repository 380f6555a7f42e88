"""The polish of a policy's floorplan: a global placement that begins with it, then exact annealing as hot as pays.

The policy decides macro by macro and soft macros follow by one fast method; the gradient of wirelength and density moves all
of them together, a second or two on some hundred macros. The annealing has what is left of the time.
"""

from __future__ import annotations

import dataclasses
import time

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan
from workbench.place.agents.annealing import Annealing, AnnealingSettings
from workbench.place.agents.base import PlacementOptions, PlacementResult, as_written
from workbench.place.analytical import AnalyticalSettings, analytical_floorplan
from workbench.place.cost import IncrementalCost
from workbench.place.cost_model import CostModel, make_model

SMOOTHING = AnalyticalSettings(growth=1.1, balance=0.005)
"""Settings of the global placement (model: ours; benchmarks/policy_transfer.py). The density begins weak, so that what the
policy spread over the canvas comes closer together and passes each other before it is spread anew."""

POLISH = AnnealingSettings(hard_share=0.3, warm=0.03, hotter=0.5, hottest=4.0, cold=4e-4, wide=0.1)
"""Settings of the annealing (model: ours; benchmarks/policy_transfer.py). It begins the hotter the more trial moves per
macro there are, as the square root of their number. With 18,000 of them `systolic`, beginning with
heat 0.03, 0.1 and 0.3, ends at 0.747, 0.743 and 0.755 (three seeds); `rvv_npu` with 35,000: 0.857, 0.852 and 0.857. On
ariane133, with 1,000, 0.02 ends 0.0015 lower than 0.05 to 0.1. Hotter, what the floorplan had is lost."""


def polish(
    design: Design, floorplan: Floorplan, *, seconds: float, seed: int, options: PlacementOptions, progress: Progress,
    model: CostModel | None = None,
) -> PlacementResult:  # fmt: skip
    """A legal floorplan, smoothed (unless soft macros follow by force) and annealed; `options.steps` are trial moves.

    All of it counts as time, and the history begins with the cost of the smoothed floorplan.
    """
    began = time.monotonic()
    model = make_model(design.netlist, design.canvas) if model is None else model
    if options.soft == "free":
        floorplan = smoothed(design, floorplan, seed, options.on_grid, model)
    spent = time.monotonic() - began
    left = seconds - spent
    found = annealed(design, floorplan, seconds=left, seed=seed, options=options, progress=progress, model=model)
    history = tuple((spent + after, moves, cost) for after, moves, cost in found.history)
    return dataclasses.replace(found, seconds=spent + found.seconds, history=history)


def annealed(
    design: Design, floorplan: Floorplan, *, seconds: float, seed: int, options: PlacementOptions, progress: Progress,
    model: CostModel | None = None,
) -> PlacementResult:  # fmt: skip
    """A legal floorplan after exact annealing, with the settings of the polish, for some time or `options.steps` moves."""
    began = time.monotonic()
    model = make_model(design.netlist, design.canvas) if model is None else model
    run = Annealing(floorplan, model, POLISH, make_rng(seed), options.on_grid, POLISH.warm, options.soft)
    if options.steps is not None:
        return run.by_trials(options.steps, progress)
    return run.by_time(max(seconds - (time.monotonic() - began), 0.0), progress)


def smoothed(design: Design, floorplan: Floorplan, seed: int, on_grid: bool, model: CostModel | None = None) -> Floorplan:
    """The policy's floorplan after a global placement that begins with it, or as it was where that is no better."""
    model = make_model(design.netlist, design.canvas) if model is None else model
    try:
        rng = make_rng(seed)
        found = analytical_floorplan(design, rng, SMOOTHING, init=floorplan, on_grid=on_grid, model=model)
    except InputError:  # no room for its macros once they were moved
        return floorplan
    found = as_written(found)
    return found if IncrementalCost(found, model).proxy() < IncrementalCost(floorplan, model).proxy() else floorplan
