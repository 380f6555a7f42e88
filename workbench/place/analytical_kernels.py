"""Kernels of the analytical placer: gradient of the smooth wirelength, density on a grid of bins, macros pushed apart.

Sources: the weighted-average wirelength is that of Hsu, Chang, Balabanov (TSV-aware analytical placement for 3D IC designs,
DAC 2011); density as electric charge, with objects no narrower than √2 bins, is that of Lu et al. (ePlace, TODAES 2015).
"""

from __future__ import annotations

import numpy as np

from workbench.base.jit import inner_kernel, kernel
from workbench.place.cost_model import CostModel
from workbench.place.obstacles import Obstacles

LEAST_SPAN = 1e-200
"""Least weight of a net's far end at which one exponential does for both ends: far from underflow."""


@kernel
def wirelength_slope(
    model: CostModel, owner: np.ndarray, position: np.ndarray, smoothing: float, scratch: np.ndarray, slope: np.ndarray
) -> float:
    """Smooth wirelength along one axis, and its gradient by object added to `slope`.

    `position` holds the points' coordinates, `owner` their objects; `smoothing` is the length over which the largest and
    the smallest coordinate of a net are blurred; `scratch` is (2, pins of the largest net).
    """
    net_start, net_point, weight = model.net_start, model.net_point, model.net_weight
    total = 0.0
    for net in range(len(weight)):
        first, last = net_start[net], net_start[net + 1]
        if last - first == 2:
            one, other = net_point[first], net_point[first + 1]
            length, pull = _slope_of_two(position[one] - position[other], smoothing)
            total += weight[net] * length
            slope[owner[one]] += weight[net] * pull
            slope[owner[other]] -= weight[net] * pull
            continue
        low = high = position[net_point[first]]
        for j in range(first + 1, last):
            low, high = min(low, position[net_point[j]]), max(high, position[net_point[j]])
        span = np.exp((low - high) / smoothing)
        sum_high = sum_low = mean_high = mean_low = 0.0
        for j in range(first, last):
            at = position[net_point[j]]
            near_high = np.exp((at - high) / smoothing)
            near_low = span / near_high if span > LEAST_SPAN else np.exp((low - at) / smoothing)
            scratch[0, j - first], scratch[1, j - first] = near_high, near_low
            sum_high += near_high
            sum_low += near_low
            mean_high += at * near_high
            mean_low += at * near_low
        mean_high /= sum_high
        mean_low /= sum_low
        total += weight[net] * (mean_high - mean_low)
        for j in range(first, last):
            at = position[net_point[j]]
            pull = scratch[0, j - first] / sum_high * (1.0 + (at - mean_high) / smoothing)
            pull -= scratch[1, j - first] / sum_low * (1.0 - (at - mean_low) / smoothing)
            slope[owner[net_point[j]]] += weight[net] * pull
    return total


@inner_kernel
def _slope_of_two(apart: float, smoothing: float) -> tuple[float, float]:
    """Smooth length of a net of two pins that are so far apart, and its slope by the first one: the same in closed form."""
    distance = abs(apart) / smoothing
    near = np.exp(-distance)
    share = 1.0 / (1.0 + near)
    pull = share * (1.0 - near + 2.0 * distance * near * share)
    return abs(apart) * (1.0 - near) * share, pull if apart >= 0.0 else -pull


@kernel
def stamp_density(
    density: np.ndarray, bin_width: float, bin_height: float, x: np.ndarray, y: np.ndarray, half_width: np.ndarray,
    half_height: np.ndarray, charge: np.ndarray, objects: np.ndarray,
) -> None:  # fmt: skip
    """Add objects to the density of bins (rows, columns): `charge` per covered area, in shares of a bin's area."""
    rows, columns = density.shape
    for i in objects:
        left, right = (x[i] - half_width[i]) / bin_width, (x[i] + half_width[i]) / bin_width
        bottom, top = (y[i] - half_height[i]) / bin_height, (y[i] + half_height[i]) / bin_height
        for r in range(max(0, int(bottom)), min(rows, int(top) + 1)):
            high = charge[i] * max(0.0, min(top, r + 1.0) - max(bottom, float(r)))
            for c in range(max(0, int(left)), min(columns, int(right) + 1)):
                density[r, c] += high * max(0.0, min(right, c + 1.0) - max(left, float(c)))


@kernel
def feel_field(
    field_x: np.ndarray, field_y: np.ndarray, bin_width: float, bin_height: float, x: np.ndarray, y: np.ndarray,
    half_width: np.ndarray, half_height: np.ndarray, charge: np.ndarray, objects: np.ndarray, force: np.ndarray,
) -> None:  # fmt: skip
    """Force of a field given per bin on each of `objects`, by position in that list: `force` is (2, objects)."""
    rows, columns = field_x.shape
    for k in range(len(objects)):
        i = objects[k]
        left, right = (x[i] - half_width[i]) / bin_width, (x[i] + half_width[i]) / bin_width
        bottom, top = (y[i] - half_height[i]) / bin_height, (y[i] + half_height[i]) / bin_height
        across = up = 0.0
        for r in range(max(0, int(bottom)), min(rows, int(top) + 1)):
            high = max(0.0, min(top, r + 1.0) - max(bottom, float(r)))
            for c in range(max(0, int(left)), min(columns, int(right) + 1)):
                covered = high * max(0.0, min(right, c + 1.0) - max(left, float(c)))
                across += covered * field_x[r, c]
                up += covered * field_y[r, c]
        force[0, k], force[1, k] = charge[i] * across, charge[i] * up


@kernel
def push_apart(obstacles: Obstacles, movable: np.ndarray, sweeps: int) -> float:
    """Move overlapping rectangles out of each other, each pair along the axis where less is missing and there is room.

    `movable` says which obstacles may move: both of a pair by half of what is missing, one alone by all of it; nothing
    leaves the canvas. Twice the gap is made, so that rounding does not close it. Returns what is missing at the end, µm.
    """
    x, y, half_width, half_height = obstacles.x, obstacles.y, obstacles.half_width, obstacles.half_height
    width, height, gap = obstacles.canvas[0], obstacles.canvas[1], 2.0 * obstacles.canvas[2]
    worst = 0.0
    for _ in range(sweeps):
        worst = 0.0
        for a in range(len(x)):
            for b in range(a + 1, len(x)):
                miss_x = half_width[a] + half_width[b] + gap - abs(x[a] - x[b])
                miss_y = half_height[a] + half_height[b] + gap - abs(y[a] - y[b])
                if miss_x <= 0.5 * gap or miss_y <= 0.5 * gap or not (movable[a] or movable[b]):
                    continue
                worst = max(worst, min(miss_x, miss_y))
                fits_x = _room(x, half_width, movable, a, b, width) >= miss_x
                fits_y = _room(y, half_height, movable, a, b, height) >= miss_y
                if (miss_x < miss_y and (fits_x or not fits_y)) or (fits_x and not fits_y):
                    _separate(x, half_width, movable, a, b, miss_x, width)
                else:
                    _separate(y, half_height, movable, a, b, miss_y, height)
        if worst == 0.0:
            break
    return worst


@inner_kernel
def _room(centre: np.ndarray, half: np.ndarray, movable: np.ndarray, a: int, b: int, length: float) -> float:
    """How far two rectangles can move away from each other along an axis."""
    low, high = (b, a) if centre[a] >= centre[b] else (a, b)
    room = centre[low] - half[low] if movable[low] else 0.0
    return room + (length - half[high] - centre[high] if movable[high] else 0.0)


@inner_kernel
def _separate(
    centre: np.ndarray, half: np.ndarray, movable: np.ndarray, a: int, b: int, missing: float, length: float
) -> None:
    """Move two rectangles away from each other, as far as there is room; one makes up for what the other cannot."""
    low, high = (b, a) if centre[a] >= centre[b] else (a, b)
    down = centre[low] - half[low] if movable[low] else 0.0
    up = length - half[high] - centre[high] if movable[high] else 0.0
    by = min(down, max(0.5 * missing, missing - up))
    centre[low] -= by
    centre[high] += min(up, missing - by)
