"""Random legal placements: what no method at all gives."""

from __future__ import annotations

import dataclasses

import numpy as np

from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.place.agents.base import PlacementOptions, PlacementResult, Search, read_params
from workbench.place.cost_model import make_model
from workbench.place.environment_soft_macros import place_soft_macros
from workbench.place.start import place_macros, sketch


class RandomAgent:
    """Puts hard macros, largest first, on random legal cells, then the soft macros; keeps the best of many."""

    def place(
        self, design: Design, *, seconds: float, seed: int, progress: Progress, options: PlacementOptions
    ) -> PlacementResult:
        """Place a design; see `Agent`."""
        read_params(options.params, {})
        rng = make_rng(seed)
        search = Search(make_model(design.netlist, design.canvas))
        around = sketch(design.netlist, design.canvas, rng)

        def attempt(number: int) -> Floorplan | None:
            if number == 0 and options.init is not None:
                return options.init
            hard = place_macros(around, lambda item, legal, x, y: int(rng.choice(np.flatnonzero(legal))))
            return None if hard is None else place_soft_macros(_with_random_turns(hard, rng))

        interrupted = search.run(attempt, seconds, options.steps, progress)
        return search.result(interrupted, design.name)


def _with_random_turns(floorplan: Floorplan, rng: np.random.Generator) -> Floorplan:
    """The floorplan with its movable hard macros mirrored at random (which keeps their outlines)."""
    orientation = floorplan.orientation.copy()
    free = (floorplan.netlist.kind == ObjectKind.MACRO) & ~floorplan.netlist.is_fixed
    turned = (orientation & ~3) | rng.integers(0, 4, len(orientation)).astype(orientation.dtype)
    return dataclasses.replace(floorplan, orientation=np.where(free, turned, orientation))
