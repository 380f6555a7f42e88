"""Analytical placement, many times: each attempt from another random beginning and with another target density.

The first attempt uses the settings as they are, so that a short run is one good placement; later ones draw the target
density anew between `LOWEST_TARGET` and one, because the best one depends on the design. The best floorplan by the
exact cost is kept. Method and sources: `workbench.place.analytical`.
"""

from __future__ import annotations

import dataclasses

from workbench.base.errors import InputError
from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan
from workbench.place.agents.base import PlacementOptions, PlacementResult, Search, known_settings, read_params
from workbench.place.analytical import AnalyticalSettings, analytical_floorplan
from workbench.place.cost_model import make_model
from workbench.place.legality import check

LOWEST_TARGET = 0.5
"""Lowest target density that later attempts draw."""


class AnalyticalAgent:
    """Makes analytical placements until the time is over; steps are placements. A given one is the first attempt's start."""

    def place(
        self, design: Design, *, seconds: float, seed: int, progress: Progress, options: PlacementOptions
    ) -> PlacementResult:
        """Place a design; see `Agent`."""
        settings = AnalyticalSettings(**read_params(options.params, known_settings(AnalyticalSettings())))
        is_descent = settings.growth > 1 and settings.steps >= 1 and min(settings.target, settings.balance) > 0
        if not 4 <= settings.bins <= 1024 or not is_descent:
            raise InputError(
                "--param", "settings without a descent", "4 <= bins <= 1024, growth > 1, steps >= 1, target and balance > 0",
                "correct them",
            )  # fmt: skip
        rng = make_rng(seed)
        model = make_model(design.netlist, design.canvas)
        search = Search(model)
        if options.init is not None and not check(options.init) and not options.on_grid:
            search.offer(options.init)

        def attempt(number: int) -> Floorplan:
            how = settings if number == 0 else dataclasses.replace(settings, target=rng.uniform(LOWEST_TARGET, 1.0))
            init = options.init if number == 0 else None
            return analytical_floorplan(design, rng, how, init=init, on_grid=options.on_grid, model=model)

        interrupted = search.run(attempt, seconds, options.steps, progress)
        return search.result(interrupted, design.name)
