"""Greedy placement by wire mask: each hard macro, largest first, goes to the legal cell that adds the least wire.

What is not placed yet counts where it would like to be (`start.sketch`). Source: the wire mask is that of MaskPlace
(Lai, Mu, Luo: MaskPlace, NeurIPS 2022), computed here over all pins and not only the placed ones.
"""

from __future__ import annotations

import numpy as np

from workbench.base.progress import Progress
from workbench.base.rng import make_rng
from workbench.netlist.design import Design
from workbench.netlist.netlist import Floorplan, ObjectKind
from workbench.place.agents.base import PlacementOptions, PlacementResult, Search, read_params
from workbench.place.cost_model import CostModel, make_model
from workbench.place.environment_soft_macros import place_soft_macros
from workbench.place.start import place_macros, sketch


class GreedyAgent:
    """One placement from the plain sketch, then others from sketches with other random beginnings; keeps the best."""

    def place(
        self, design: Design, *, seconds: float, seed: int, progress: Progress, options: PlacementOptions
    ) -> PlacementResult:
        """Place a design; see `Agent`."""
        read_params(options.params, {})
        rng = make_rng(seed)
        model = make_model(design.netlist, design.canvas)
        search = Search(model)

        def attempt(number: int) -> Floorplan | None:
            if number == 0 and options.init is not None:
                return options.init
            return greedy_floorplan(design, model, rng)

        interrupted = search.run(attempt, seconds, options.steps, progress)
        return search.result(interrupted, design.name)


def greedy_floorplan(design: Design, model: CostModel, rng: np.random.Generator) -> Floorplan | None:
    """One placement by wire mask around a new sketch, soft macros placed last; None if a hard macro finds no room."""
    around = sketch(design.netlist, design.canvas, rng)
    mask = WireMask(model, design.canvas.columns, design.canvas.rows, around)
    hard = place_macros(around, mask.best_cell)
    netlist = design.netlist
    if hard is None or not ((netlist.kind == ObjectKind.MACRO) & ~netlist.is_fixed).any():
        return hard  # without hard macros to place, the sketch is all there is
    return place_soft_macros(hard)


class WireMask:
    """Wirelength that an object adds on each cell centre; it is a sum of a part by column and a part by row."""

    def __init__(self, model: CostModel, columns: int, rows: int, floorplan: Floorplan) -> None:
        self.model, self.columns = model, columns
        grid = model.grid[0]
        self.column_x = (np.arange(columns) + 0.5) * grid["cell_width"]
        self.row_y = (np.arange(rows) + 0.5) * grid["cell_height"]
        self.owner = np.repeat(np.arange(len(model.width)), np.diff(model.point_start))
        self.turn = model.turn[floorplan.orientation]

    def best_cell(self, item: int, legal: np.ndarray, x: np.ndarray, y: np.ndarray) -> int:
        """The legal cell with the least wire, everything else being at (x, y)."""
        cost = np.add.outer(self._rise(item, y, 2, self.row_y), self._rise(item, x, 0, self.column_x)).ravel()
        cells = np.flatnonzero(legal)
        return int(cells[np.argmin(cost[cells])])

    def _rise(self, item: int, centre: np.ndarray, axis: int, places: np.ndarray) -> np.ndarray:
        """Wire along one axis (0: x, 2: y) for each place of the object's centre."""
        model = self.model
        offset = self.turn[self.owner, axis] * model.point_dx + self.turn[self.owner, axis + 1] * model.point_dy
        at = centre[self.owner] + offset
        rise = np.zeros(len(places))
        start, end = model.object_start[item], model.object_start[item + 1]
        for net in model.object_net[start:end]:
            points = model.net_point[model.net_start[net] : model.net_start[net + 1]]
            own = self.owner[points] == item
            others, mine = at[points[~own]], places[:, None] + offset[points[own]]
            if len(others):
                low = np.minimum(others.min(), mine.min(axis=1))
                high = np.maximum(others.max(), mine.max(axis=1))
                rise += model.net_weight[net] * (high - low)
        return rise
