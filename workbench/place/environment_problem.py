"""What an episode of macro placement needs to know of a design, computed once: order, sizes, nets, expected positions.

The hard macros are placed one by one, by default largest area first (`order`). While they wait, every movable object
has an *expected* position: the minimum of the quadratic wirelength Σ w·d² over driver-sink pairs, given ports, fixed
objects and the macros placed so far. Fixing one more macro at p moves every expectation by gain·(p - expected): the rule
of conditioning a Gaussian whose precision matrix is the netlist's Laplacian, so all gains are known beforehand from one
Cholesky factor (model: ours; tests/place/test_environment_problem.py solves the linear system anew at every step).

The minimum itself heaps everything up in the middle, where no macro will lie. Episodes begin with it spread over the canvas
(`spreading`), and the gains move it on from there: taking for each macro the nearest legal cell then costs 0.682 on
ariane133 where the heap gives 0.723, and 0.700 against 0.738 on NVDLA (NanGate45, soft macros settled, no search).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from workbench.base.errors import InputError
from workbench.netlist.netlist import Canvas, Floorplan, Netlist, ObjectKind
from workbench.place.cost_model import TURN
from workbench.place.order import PlacingOrder, fixed_objects, macro_order, placing_order
from workbench.place.spreading import spread_out

MAX_MOVABLE = 8_000
"""Most movable objects of a design: the Laplacian is solved as a dense matrix (512 MB at this size)."""

ANCHOR = 1e-3
"""Pull of every object towards the canvas centre, relative to the mean degree: makes the Laplacian invertible."""


@dataclass(frozen=True)
class PlacementProblem:
    """A design prepared for episodes; n objects, M macros to place, P pins.

    Attributes
    ----------
    netlist, canvas: the design.
    start: where everything lies at the start; only fixed objects and ports are read from it.
    order: hard macros to place, first to last, int64 (M).
    width_um, height_um: sizes as oriented, float64 (n).
    obstacles: rectangles that hard macros must not overlap (min x, min y, max x, max y), float64 (·, 4).
    pin_object, pin_x_um, pin_y_um: owner and oriented offset of every pin.
    net_start, net_pin, net_weight: the nets, as in Netlist.
    object_net_start, object_net: nets on each object, each net once; int64.
    edge_a, edge_b, edge_weight: object pairs a < b with the sum of the weights of driver-sink pairs between them.
    gain: change of every object's expected position per µm that macro ``order[k]`` is placed away from its own; (M, n).
    stiffness: rise of Σ w·d² per µm² that macro ``order[k]`` is placed away from its expected position, float64 (M).
    expected_x_um, expected_y_um: expected positions before the first step, float64 (n).
    weight_um: (W + H)·Σ weights, the denominator of the wirelength cost.
    spread_x_um, spread_y_um: the expected positions before the first step spread over the canvas, where episodes begin; (n).
    """

    netlist: Netlist
    canvas: Canvas
    start: Floorplan
    order: np.ndarray
    width_um: np.ndarray
    height_um: np.ndarray
    obstacles: np.ndarray
    pin_object: np.ndarray
    pin_x_um: np.ndarray
    pin_y_um: np.ndarray
    net_start: np.ndarray
    net_pin: np.ndarray
    net_weight: np.ndarray
    object_net_start: np.ndarray
    object_net: np.ndarray
    edge_a: np.ndarray
    edge_b: np.ndarray
    edge_weight: np.ndarray
    gain: np.ndarray
    stiffness: np.ndarray
    expected_x_um: np.ndarray
    expected_y_um: np.ndarray
    weight_um: float
    spread_x_um: np.ndarray
    spread_y_um: np.ndarray

    @property
    def steps(self) -> int:
        """Macros to place, the length of an episode."""
        return len(self.order)

    @property
    def cells(self) -> int:
        """Cells of the canvas grid, the number of actions."""
        return self.canvas.columns * self.canvas.rows


def make_problem(
    netlist: Netlist, canvas: Canvas, floorplan: Floorplan | None = None, order: PlacingOrder = "descending_area",
    seed: int = 0,
) -> PlacementProblem:  # fmt: skip
    """Prepare a design for episodes; fixed objects and ports lie where `floorplan` (else the netlist) puts them.

    `order` and `seed` are those of `order.placing_order`.
    """
    start = _start(netlist, canvas, floorplan)
    if not len(macro_order(netlist)):
        raise InputError(netlist.name, "no movable hard macro", "at least one", "use a netlist with hard macros")
    turn = TURN[start.orientation.astype(np.int64)]
    turned = turn[:, 0] == 0
    width = np.where(turned, netlist.height_um, netlist.width_um).astype(np.float64)
    height = np.where(turned, netlist.width_um, netlist.height_um).astype(np.float64)
    owner = netlist.pin_object.astype(np.int64)
    pin_x = turn[owner, 0] * netlist.pin_x_um + turn[owner, 1] * netlist.pin_y_um
    pin_y = turn[owner, 2] * netlist.pin_x_um + turn[owner, 3] * netlist.pin_y_um
    driver, sink, weight = _pairs(netlist)
    edges = _edges(netlist.objects, owner[driver], owner[sink], weight)
    macros = placing_order(start, order, seed, edges)
    is_fixed = fixed_objects(netlist)
    mean, gain, stiffness = _expectations(macros, is_fixed, start, owner, pin_x, pin_y, driver, sink, weight)
    incidence = _incidence(netlist, owner)
    problem = PlacementProblem(
        netlist, canvas, start, macros, width, height, _obstacles(netlist, canvas, start, width, height),
        owner, pin_x, pin_y, netlist.net_start.astype(np.int64), netlist.net_pin.astype(np.int64),
        netlist.net_weight.astype(np.float64), *incidence, *edges, gain, stiffness, mean[0], mean[1],
        max(1e-9, (canvas.width_um + canvas.height_um) * float(netlist.net_weight.sum())), mean[0], mean[1],
    )  # fmt: skip
    movable = np.flatnonzero(~is_fixed & (width > 0) & (height > 0)).astype(np.int64)
    x, y = mean[:1].copy(), mean[1:].copy()
    spread_out(problem, movable, x, y)
    return dataclasses.replace(problem, spread_x_um=x[0], spread_y_um=y[0])


def _start(netlist: Netlist, canvas: Canvas, floorplan: Floorplan | None) -> Floorplan:
    x, y, orientation = (
        (netlist.x_um, netlist.y_um, netlist.orientation)
        if floorplan is None
        else (floorplan.x_um, floorplan.y_um, floorplan.orientation)
    )
    x = np.where(np.isfinite(x), x, canvas.width_um / 2).astype(np.float64)
    y = np.where(np.isfinite(y), y, canvas.height_um / 2).astype(np.float64)
    return Floorplan(netlist, canvas, x, y, np.maximum(orientation, 0).astype(np.int8))


def _obstacles(netlist: Netlist, canvas: Canvas, start: Floorplan, width: np.ndarray, height: np.ndarray) -> np.ndarray:
    fixed = np.flatnonzero((netlist.kind == ObjectKind.MACRO) & fixed_objects(netlist))
    x, y, w, h = start.x_um[fixed], start.y_um[fixed], width[fixed] / 2, height[fixed] / 2
    macros = np.stack([x - w, y - h, x + w, y + h], axis=1).reshape(-1, 4)
    return np.ascontiguousarray(np.concatenate([macros, canvas.blockages[:, :4].reshape(-1, 4)]), dtype=np.float64)


def _pairs(netlist: Netlist) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Driver pin, sink pin and weight of every driver-sink pair; a net's weight is shared out among its sinks."""
    start, pins = netlist.net_start.astype(np.int64), netlist.net_pin.astype(np.int64)
    sinks = np.maximum(np.diff(start) - 1, 0)
    is_sink = np.ones(len(pins), dtype=bool)
    is_sink[start[:-1][np.diff(start) > 0]] = False
    net = np.repeat(np.arange(netlist.nets), sinks)
    return pins[start[:-1]][net], pins[is_sink], netlist.net_weight[net] / np.maximum(sinks[net], 1)


def _edges(objects: int, a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    low, high = np.minimum(a, b), np.maximum(a, b)
    keep = low != high
    key, inverse = np.unique(low[keep] * objects + high[keep], return_inverse=True)
    return key // objects, key % objects, np.bincount(inverse, weight[keep], minlength=len(key))


def _incidence(netlist: Netlist, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    start = netlist.net_start.astype(np.int64)
    net = np.repeat(np.arange(netlist.nets, dtype=np.int64), np.diff(start))
    key = np.unique(owner[netlist.net_pin.astype(np.int64)] * max(1, netlist.nets) + net)
    objects = key // max(1, netlist.nets)
    counts = np.bincount(objects, minlength=netlist.objects)
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), key % max(1, netlist.nets)


def _expectations(
    order: np.ndarray, is_fixed: np.ndarray, start: Floorplan, owner: np.ndarray, pin_x: np.ndarray, pin_y: np.ndarray,
    driver: np.ndarray, sink: np.ndarray, weight: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Expected positions (2, n), gains (M, n) and stiffness (M) of the quadratic placement."""
    laplacian, force, movable = _system(is_fixed, start, owner, (pin_x, pin_y), driver, sink, weight)
    place = np.full(len(is_fixed), -1)
    place[movable] = np.arange(len(movable))
    macros, steps = place[order], len(order)
    right = np.zeros((len(movable), steps + 2))
    right[macros, np.arange(steps)] = 1.0
    right[:, steps:] = force.T
    solved = np.linalg.solve(laplacian, right)
    factor = np.linalg.cholesky(solved[macros, :steps])
    conditional = np.linalg.solve(factor, solved[:, :steps].T)  # row k: covariance with macro k given the earlier ones
    spread = np.diag(factor).copy()
    gain = np.zeros((steps, len(is_fixed)))
    gain[:, movable] = conditional / spread[:, None]
    for k in range(steps):  # what is placed stays; what is being placed lands exactly
        gain[k, order[:k]], gain[k, order[k]] = 0.0, 1.0
    mean = np.stack([start.x_um, start.y_um])
    mean[:, movable] = solved[:, steps:].T
    return mean, gain, 1.0 / spread**2


def _system(
    is_fixed: np.ndarray, start: Floorplan, owner: np.ndarray, offset: tuple[np.ndarray, np.ndarray],
    driver: np.ndarray, sink: np.ndarray, weight: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Laplacian of the movable objects, the forces of offsets and fixed objects on them (2, m), and their indices."""
    movable = np.flatnonzero(~is_fixed)
    if len(movable) > MAX_MOVABLE:
        raise InputError(
            start.netlist.name, f"{len(movable):,} movable objects", f"at most {MAX_MOVABLE:,}",
            "cluster its standard cells into soft macros first",
        )  # fmt: skip
    n, a, b = len(is_fixed), owner[driver], owner[sink]
    keep = a != b
    a, b, weight, driver, sink = a[keep], b[keep], weight[keep], driver[keep], sink[keep]
    degree = np.bincount(a, weight, n) + np.bincount(b, weight, n)
    place = np.full(n, -1)
    place[movable] = np.arange(len(movable))
    both = (place[a] >= 0) & (place[b] >= 0)
    anchor = ANCHOR * max(degree.mean(), 1e-9)
    laplacian = np.diag(degree[movable] + anchor)
    np.subtract.at(laplacian, (place[a[both]], place[b[both]]), weight[both])
    np.subtract.at(laplacian, (place[b[both]], place[a[both]]), weight[both])
    forces = []
    for position, centre, pin in (
        (start.x_um, start.canvas.width_um / 2, offset[0]),
        (start.y_um, start.canvas.height_um / 2, offset[1]),
    ):
        gap = pin[sink] - pin[driver]
        force = np.bincount(a, weight * gap, n) - np.bincount(b, weight * gap, n)
        force += np.bincount(a, weight * np.where(is_fixed[b], position[b], 0.0), n)
        force += np.bincount(b, weight * np.where(is_fixed[a], position[a], 0.0), n)
        forces.append(force[movable] + anchor * centre)
    return laplacian, np.stack(forces), movable
