"""The proxy cost of a floorplan: wirelength, density and congestion, whole or updated move by move, always exact.

Source: cost-and-environment §3. Accuracy: equal to the public evaluator to 1e-6 and to the headers of the published
`legalized.plc` files to their four digits (tests/gates).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.netlist.netlist import Canvas, Floorplan
from workbench.place.cost_kernels import congestion_cost, costs_of, move_object, rebuild
from workbench.place.cost_model import CostModel, CostState, make_model, make_state
from workbench.place.legality import overlap_um2

DENSITY_WEIGHT = CONGESTION_WEIGHT = 0.5
"""Weights of all published comparisons; the wirelength's is 1. Source: cost-and-environment §3."""


def cost_weights(canvas: Canvas) -> tuple[float, float]:
    """Weights of density and congestion on a canvas: 0 without routing supply, where only wirelength counts."""
    return (DENSITY_WEIGHT, CONGESTION_WEIGHT) if canvas.has_routing else (0.0, 0.0)


@dataclass(frozen=True)
class Costs:
    """Costs of a floorplan.

    Attributes
    ----------
    wirelength_um: weighted half-perimeters of all nets.
    wirelength, density, congestion: the three normalised costs.
    overlap_um2: area that hard macros share; 0 for a legal floorplan.
    weights: of density and congestion in the proxy cost (`cost_weights`).
    """

    wirelength_um: float
    wirelength: float
    density: float
    congestion: float
    overlap_um2: float = 0.0
    weights: tuple[float, float] = (DENSITY_WEIGHT, CONGESTION_WEIGHT)

    @property
    def proxy(self) -> float:
        """wirelength + density / 2 + congestion / 2; wirelength alone where only that counts."""
        return self.wirelength + self.weights[0] * self.density + self.weights[1] * self.congestion

    @property
    def counts_wires_only(self) -> bool:
        """Whether density and congestion mean nothing, as the canvas has no routing supply."""
        return self.weights == (0.0, 0.0)

    def header(self) -> dict[str, float]:
        """What a .plc file's header says of them."""
        return {
            "wirelength_um": self.wirelength_um, "wirelength": self.wirelength, "density": self.density,
            "congestion": self.congestion,
        }  # fmt: skip

    def report(self) -> dict[str, float]:
        """The figures under the names that the command line prints; those that mean nothing are left out."""
        if self.counts_wires_only:
            return {
                "wirelength_um": self.wirelength_um, "wirelength_cost": self.wirelength, "proxy_cost": self.proxy,
                "overlap_um2": self.overlap_um2,
            }  # fmt: skip
        return {
            "wirelength_um": self.wirelength_um, "wirelength_cost": self.wirelength, "density_cost": self.density,
            "congestion_cost": self.congestion, "proxy_cost": self.proxy, "overlap_um2": self.overlap_um2,
        }  # fmt: skip


@dataclass(frozen=True)
class CostMaps:
    """Maps of a floorplan, each (rows, columns), row 0 at the bottom."""

    density: np.ndarray
    horizontal: np.ndarray
    vertical: np.ndarray


def evaluate(floorplan: Floorplan, model: CostModel | None = None) -> Costs:
    """Costs of a floorplan from scratch; `model` spares building it again for the same netlist and canvas."""
    return IncrementalCost(floorplan, model).costs()


class IncrementalCost:
    """The costs of a floorplan that is changed one object at a time; each change updates only what it touches."""

    def __init__(self, floorplan: Floorplan, model: CostModel | None = None) -> None:
        self._floorplan = floorplan
        self.model: CostModel = make_model(floorplan.netlist, floorplan.canvas) if model is None else model
        self.state: CostState = make_state(self.model, floorplan)
        rebuild(self.model, self.state)

    def move(self, item: int, x_um: float, y_um: float, orientation: int | None = None) -> None:
        """Put an object's centre at (x, y), turned to an index into ORIENTATIONS (as it is, if None)."""
        turned = int(self.state.orientation[item]) if orientation is None else int(orientation)
        move_object(self.model, self.state, item, float(x_um), float(y_um), turned)

    def swap(self, first: int, second: int) -> None:
        """Exchange the centres of two objects; each keeps its orientation."""
        x, y = float(self.state.x[first]), float(self.state.y[first])
        self.move(first, float(self.state.x[second]), float(self.state.y[second]))
        self.move(second, x, y)

    def proxy(self) -> float:
        """The proxy cost as it stands."""
        wirelength, density, congestion = costs_of(self.model, self.state)
        density_weight, congestion_weight = cost_weights(self._floorplan.canvas)
        return float(wirelength + density_weight * density + congestion_weight * congestion)

    def costs(self) -> Costs:
        """All costs as they stand."""
        wirelength, density, congestion = costs_of(self.model, self.state)
        return Costs(
            float(self.state.totals[0]["wirelength"]), float(wirelength), float(density), float(congestion),
            overlap_um2(self.floorplan()), cost_weights(self._floorplan.canvas),
        )  # fmt: skip

    def floorplan(self) -> Floorplan:
        """A copy of the floorplan as it stands."""
        state, before = self.state, self._floorplan
        return Floorplan(before.netlist, before.canvas, state.x.copy(), state.y.copy(), state.orientation.astype(np.int8))

    def maps(self) -> CostMaps:
        """Density and congestion per cell as they stand."""
        canvas = self._floorplan.canvas
        rows, columns = canvas.rows, canvas.columns
        congestion_cost(self.model, self.state)
        horizontal, vertical = np.split(self.state.values, 2)
        return CostMaps(
            self.state.area.reshape(rows, columns) / (canvas.cell_width_um * canvas.cell_height_um),
            horizontal.reshape(columns, rows).T.copy(), vertical.reshape(rows, columns).copy(),
        )  # fmt: skip
