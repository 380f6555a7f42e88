"""Global placement: many objects at once down the gradient of smooth wirelength plus electrostatic density.

Every object is a charge that repels all others, so that the density evens out over the canvas; *fillers* take the room that
stays free, so that objects need not spread further than the target density. Nesterov's method goes down

    sum of w · smooth half-perimeter + weight · potential energy,

the density's weight growing by a constant factor from step to step.

Source: J. Lu et al., ePlace (ACM TODAES 20(2), 2015) and ePlace-MS (IEEE TCAD 34(5), 2015): density, fillers,
preconditioner, step and smoothing. Ours: the spectral solution by dense products instead of an FFT (at some
50 bins a side they are quick), and the growth of the weight.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from workbench.netlist.netlist import Canvas, Floorplan, ObjectKind
from workbench.place.analytical_kernels import feel_field, stamp_density, wirelength_slope
from workbench.place.cost_model import CostModel, blocked_area
from workbench.place.obstacles import turned_size

MOST_FILLERS = 2000
"""Most fillers; they are larger where more would be needed (model: ours)."""
LOOK_INTERVAL = 10
"""Steps between two looks at how good the placement is."""


class Electrostatics:
    """Field of a density on a grid of bins whose edges reflect it: ePlace's spectral solution of Poisson's equation."""

    def __init__(self, rows: int, columns: int) -> None:
        self.cos_x, self.sin_x, wave_x = _waves(columns)
        self.cos_y, self.sin_y, wave_y = _waves(rows)
        self.wave_x, self.wave_y = wave_x[None, :], wave_y[:, None]
        square = self.wave_x**2 + self.wave_y**2
        square[0, 0] = np.inf  # the mean charge has no field
        self.inverse = 4.0 / (rows * columns) / square
        self.inverse[0, :] *= 0.5
        self.inverse[:, 0] *= 0.5

    def field(self, density: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Field along x and y per bin for a density (rows, columns), per bin length; it points away from high density."""
        potential = (self.cos_y @ density @ self.cos_x.T) * self.inverse
        along_x = self.cos_y.T @ (potential * self.wave_x) @ self.sin_x
        along_y = self.sin_y.T @ (potential * self.wave_y) @ self.cos_x
        return along_x, along_y


def _waves(bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cosines and sines (wave, bin) at the bins' centres, and the wave numbers per bin."""
    wave = np.pi * np.arange(bins) / bins
    phase = np.outer(wave, np.arange(bins) + 0.5)
    return np.cos(phase), np.sin(phase), wave


class GlobalPlacement:
    """Nesterov's method on some objects of a floorplan and the fillers; the rest stands still.

    Attributes
    ----------
    place: centres of all objects and then the fillers, µm, (2, n + fillers).
    overflow: area above the target density, as a share of the movable area, at the last step.
    """

    def __init__(
        self, floorplan: Floorplan, model: CostModel, movable: np.ndarray, rng: np.random.Generator, bins: int, target: float
    ) -> None:
        canvas = floorplan.canvas
        self.model, self.target, self.overflow = model, target, 1.0
        self.size = np.array([[canvas.width_um], [canvas.height_um]])
        unit = float(self.size.max()) / bins
        self.columns, self.rows = max(4, round(canvas.width_um / unit)), max(4, round(canvas.height_um / unit))
        self.bin_width, self.bin_height = canvas.width_um / self.columns, canvas.height_um / self.rows
        self.electrostatics = Electrostatics(self.rows, self.columns)
        self.objects = floorplan.netlist.objects
        self.owner = np.repeat(np.arange(self.objects), np.diff(model.point_start))
        turn = model.turn[floorplan.orientation[self.owner]].T
        self.offset = np.array(
            [turn[0] * model.point_dx + turn[1] * model.point_dy, turn[2] * model.point_dx + turn[3] * model.point_dy]
        )
        self.scratch = np.zeros((2, int(np.diff(model.net_start).max(initial=1))))
        self._add_bodies(floorplan, movable, rng)

    def _add_bodies(self, floorplan: Floorplan, movable: np.ndarray, rng: np.random.Generator) -> None:
        """Sizes, charges and places of all objects and of the fillers, and the density of what stands still."""
        bin_area = self.bin_width * self.bin_height
        width, height = turned_size(floorplan)
        self.still_density = self._density_of_the_rest(floorplan, movable, width, height)
        spare = (self.target * self.columns * self.rows - float(self.still_density.sum())) * bin_area
        spare -= float((width * height)[movable].sum())
        side = np.sqrt(max(bin_area, float(np.median((width * height)[movable])), spare / MOST_FILLERS))
        fillers = max(0, int(spare / side**2))
        self.movers = np.concatenate([movable, self.objects + np.arange(fillers)])
        self.real, self.fillers = self.movers[: len(movable)], self.movers[len(movable) :]
        width, height = (np.concatenate([sizes, np.full(fillers, side)]) for sizes in (width, height))
        wide, high = np.maximum(width, np.sqrt(2.0) * self.bin_width), np.maximum(height, np.sqrt(2.0) * self.bin_height)
        self.charge = width * height / (wide * high)
        self.half = np.array([wide, high]) / 2
        self.bins_covered = width * height / bin_area
        self.place = np.concatenate(
            [np.array([floorplan.x_um, floorplan.y_um]), self.size * rng.random((2, fillers))], axis=1
        )
        margin = np.minimum(np.array([width, height])[:, self.movers] / 2, self.size / 2)
        self.low, self.high = margin, self.size - margin
        pull = np.repeat(self.model.net_weight, np.diff(self.model.net_start))
        degree = np.bincount(self.owner[self.model.net_point], pull, self.objects)
        self.degree = np.concatenate([degree, np.zeros(fillers)])

    def _density_of_the_rest(
        self, floorplan: Floorplan, movable: np.ndarray, width: np.ndarray, height: np.ndarray
    ) -> np.ndarray:
        """Density per bin of blockages and fixed macros, at most the target: what lies there is nobody's fault."""
        density = _blocked_bins(floorplan.canvas, self.columns, self.rows)
        still = np.setdiff1d(np.flatnonzero(floorplan.netlist.kind != ObjectKind.PORT), movable)
        stamp_density(
            density, self.bin_width, self.bin_height, floorplan.x_um, floorplan.y_um, width / 2, height / 2,
            np.ones(self.objects), still,
        )  # fmt: skip
        return np.minimum(density, self.target)

    def run(self, steps: int, growth: float, look: Callable[[np.ndarray], bool], balance: float = 1.0) -> int:
        """Descend for at most so many steps, until `look` says so; it gets the places (2, n) of all objects now and then.

        The density's weight begins with `balance` times the one at which it pulls as much as the wirelength. Returns the
        steps made.
        """
        ahead = np.clip(self.place[:, self.movers], self.low, self.high)
        place, momentum, weight = ahead.copy(), 1.0, 0.0
        before: tuple[np.ndarray, np.ndarray] | None = None
        for step in range(steps):
            wire, force = self._slopes(ahead)
            if step == 0:
                weight = balance * float(np.abs(wire).sum()) / max(float(np.abs(force).sum()), 1e-30) or 1.0
            stiffness = np.maximum(1.0, self.degree[self.movers] + weight * self.bins_covered[self.movers])
            gradient = (wire - weight * force) / stiffness
            reach = self._reach(ahead, gradient, before)
            before = (ahead, gradient)
            following = np.clip(ahead - reach * gradient, self.low, self.high)
            grown = (1.0 + np.sqrt(4.0 * momentum**2 + 1.0)) / 2.0
            ahead = np.clip(following + (momentum - 1.0) / grown * (following - place), self.low, self.high)
            place, momentum, weight = following, grown, weight * growth
            if step % LOOK_INTERVAL == LOOK_INTERVAL - 1:
                self.place[:, self.movers] = place
                if look(self.place[:, : self.objects].copy()):
                    return step + 1
        return steps

    def _reach(self, ahead: np.ndarray, gradient: np.ndarray, before: tuple[np.ndarray, np.ndarray] | None) -> float:
        """Length of the step: the inverse of the Lipschitz constant seen between the last two places (ePlace §5.3)."""
        if before is None:
            return 0.1 * self.bin_width / max(float(np.abs(gradient).max(initial=0.0)), 1e-30)
        moved, changed = np.linalg.norm(ahead - before[0]), np.linalg.norm(gradient - before[1])
        return float(moved / max(float(changed), 1e-30))

    def _slopes(self, ahead: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradient of the wirelength and force of the density on the movers at a place, both (2, movers)."""
        self.place[:, self.movers] = ahead
        grid, bodies = (self.bin_width, self.bin_height), (*self.place, *self.half, self.charge)
        density = self.still_density.copy()
        stamp_density(density, *grid, *bodies, self.real)
        excess = float(np.maximum(density - self.target, 0.0).sum())
        self.overflow = excess / max(float(self.bins_covered[self.real].sum()), 1e-30)
        stamp_density(density, *grid, *bodies, self.fillers)
        force = np.zeros_like(ahead)
        feel_field(*self.electrostatics.field(density), *grid, *bodies, self.movers, force)
        # ePlace (38): coarse while everything overlaps, fine at the end
        smoothing = 8.0 * self.bin_width * 10.0 ** (20.0 / 9.0 * (min(self.overflow, 1.0) - 0.1) - 1.0)
        slope = np.zeros((2, len(self.degree)))
        for axis in range(2):
            position = self.place[axis, self.owner] + self.offset[axis]
            wirelength_slope(self.model, self.owner, position, smoothing, self.scratch, slope[axis])
        return slope[:, self.movers], force


def _blocked_bins(canvas: Canvas, columns: int, rows: int) -> np.ndarray:
    """Share of each bin that blockages take (rows, columns)."""
    bins = dataclasses.replace(canvas, columns=columns, rows=rows)
    return (blocked_area(bins) / (bins.cell_width_um * bins.cell_height_um)).reshape(rows, columns)
