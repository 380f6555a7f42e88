"""The observation under Circuit Training's names and scales, padded to its sizes, for agents written against it.

Nodes are the hard and soft macros in the order of the netlist's file, then the clustered ports: all ports of one grid cell
are one node, which lies at the cell's centre or, for a cell at the border, on the canvas edge or corner.

Source: cost-and-environment §7; names of the entries as in circuit_training's `observation_config`. Deviation: before its
turn a macro's location is where the quadratic placement expects it (`environment_problem`), where circuit_training runs a
placer of its own; fake nets are `order.macro_affinity`. Sizes are arguments, because padding to 5000 nodes and 70,000 edges
costs 2 MB an observation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from gymnasium import spaces

from workbench.base.errors import InputError
from workbench.netlist.netlist import Canvas, ObjectKind
from workbench.place.environment_problem import PlacementProblem
from workbench.place.order import macro_affinity

HARD_MACRO, SOFT_MACRO, PORT_CLUSTER = 1, 2, 3
PACKING_PITCHES = 5
"""Packing heat reaches so many macro pitches."""

_METADATA = (
    "normalized_num_edges", "normalized_num_hard_macros", "normalized_num_soft_macros", "normalized_num_port_clusters",
    "horizontal_routes_per_micron", "vertical_routes_per_micron", "macro_horizontal_routing_allocation",
    "macro_vertical_routing_allocation", "grid_cols", "grid_rows", "canvas_width", "canvas_height",
)  # fmt: skip


@dataclass(frozen=True)
class ObservationSize:
    """Sizes that the observation is padded to.

    Attributes
    ----------
    nodes, edges, grid: most nodes, most edges, cells along a side of the mask; the defaults are Circuit Training's.
    heatmaps: also the two heatmaps, which its published network does not read.
    """

    nodes: int = 5000
    edges: int = 70_000
    grid: int = 128
    heatmaps: bool = False


class CircuitTrainingObservation:
    """Makes the observations of one design.

    Attributes
    ----------
    space: Gymnasium space of an observation.
    """

    def __init__(self, problem: PlacementProblem, size: ObservationSize | None = None) -> None:
        self.problem, self.size = problem, size or ObservationSize()
        netlist, canvas = problem.netlist, problem.canvas
        self._macros = np.flatnonzero(netlist.kind != ObjectKind.PORT)
        self._node_of, self._ports = _nodes(problem, self._macros)
        self.nodes = len(self._macros) + len(self._ports)
        self._check(canvas)
        self.up_pad, self.right_pad = (self.size.grid - canvas.rows) // 2, (self.size.grid - canvas.columns) // 2
        edges = _merged(self._node_of, problem)
        self._check_edges(len(edges[0]))
        self._static = self._make_static(*edges)
        self._affinity = macro_affinity(netlist, problem.order, problem.edge_a, problem.edge_b, problem.edge_weight)
        self.space = self._space()

    def __call__(self, x_um: np.ndarray, y_um: np.ndarray, step: int, mask: np.ndarray) -> dict[str, np.ndarray]:
        """The observation with objects at (x, y) (n), before placing macro `step`; `mask` is bool (rows, columns)."""
        problem, side = self.problem, half_perimeter_um(self.problem.canvas)
        placed = np.zeros(self.nodes, np.int32)
        placed[self._node_of[problem.order[:step]]] = 1
        fixed = self._macros[
            ~np.isin(self._macros, problem.order) & (problem.netlist.kind[self._macros] == ObjectKind.MACRO)
        ]
        placed[self._node_of[fixed]] = 1
        placed[len(self._macros) :] = 1
        x = np.concatenate([x_um[self._macros], self._ports[:, 0]]) / side
        y = np.concatenate([y_um[self._macros], self._ports[:, 1]]) / side
        current = self._node_of[problem.order[step]] if step < problem.steps else 0
        observation = {
            **{name: value.copy() for name, value in self._static.items()},
            "locations_x": self._pad(np.clip(x, 0, 1)), "locations_y": self._pad(np.clip(y, 0, 1)),
            "is_node_placed": self._pad(placed), "current_node": np.array([current], np.int32),
            "mask": self._on_grid(mask).astype(np.int32),
        }  # fmt: skip
        if self.size.heatmaps:
            observation["fake_net_heatmap"] = self._on_grid(self._fake_nets(x_um, y_um, step))
            observation["packing_heatmap"] = self._on_grid(self._packing(x_um, y_um, step))
        return observation

    def action_of(self, cell: int) -> int:
        """The action of the padded grid that means this cell (row by row) of the design's grid."""
        row, column = divmod(cell, self.problem.canvas.columns)
        return (row + self.up_pad) * self.size.grid + column + self.right_pad

    def cell_of(self, action: int) -> int:
        """The cell that an action means; actions outside the design's grid mean its nearest cell."""
        canvas = self.problem.canvas
        row, column = divmod(action, self.size.grid)
        row = min(max(row - self.up_pad, 0), canvas.rows - 1)
        return row * canvas.columns + min(max(column - self.right_pad, 0), canvas.columns - 1)

    def _check(self, canvas: Canvas) -> None:
        size, name = self.size, self.problem.netlist.name
        if self.nodes > size.nodes:
            raise InputError(name, f"{self.nodes:,} nodes", f"at most {size.nodes:,}", "raise ObservationSize.nodes")
        if max(canvas.rows, canvas.columns) > size.grid:
            found = f"a grid of {canvas.columns} × {canvas.rows}"
            raise InputError(name, found, f"at most {size.grid} a side", "raise ObservationSize.grid")

    def _check_edges(self, edges: int) -> None:
        if edges > self.size.edges:
            raise InputError(
                self.problem.netlist.name, f"{edges:,} edges", f"at most {self.size.edges:,}", "raise ObservationSize.edges"
            )

    def _make_static(self, a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> dict[str, np.ndarray]:
        problem, size, macros = self.problem, self.size, self._macros
        canvas, side = problem.canvas, half_perimeter_um(problem.canvas)
        kind = problem.netlist.kind[macros]
        is_hard = kind == ObjectKind.MACRO
        types = np.concatenate([np.where(is_hard, HARD_MACRO, SOFT_MACRO), np.full(len(self._ports), PORT_CLUSTER)])
        sizes = [
            self._pad(np.concatenate([np.where(is_hard, of[macros], 0.0), np.zeros(len(self._ports))]) / side)
            for of in (problem.width_um, problem.height_um)
        ]
        metadata = (
            weight.sum() / size.edges, is_hard.sum() / size.nodes, (~is_hard).sum() / size.nodes,
            len(self._ports) / size.nodes, canvas.horizontal_routes_per_um * canvas.height_um / 1000,
            canvas.vertical_routes_per_um * canvas.width_um / 1000, canvas.macro_horizontal_routes_per_um / 1000,
            canvas.macro_vertical_routes_per_um / 1000, canvas.columns / size.grid, canvas.rows / size.grid,
            canvas.width_um / side, canvas.height_um / side,
        )  # fmt: skip
        counts = np.bincount(a, minlength=size.nodes) + np.bincount(b, minlength=size.nodes)
        relative = weight / max(weight.mean(), 1e-9) if len(weight) else weight
        return {
            **{name: np.array([value], np.float32) for name, value in zip(_METADATA, metadata, strict=True)},
            "sparse_adj_i": _padded(a.astype(np.int32), size.edges), "sparse_adj_j": _padded(b.astype(np.int32), size.edges),
            "sparse_adj_weight": _padded(relative.astype(np.float32), size.edges), "edge_counts": counts.astype(np.int32),
            "macros_w": sizes[0], "macros_h": sizes[1], "node_types": self._pad(types.astype(np.int32)),
            "netlist_index": np.zeros(1, np.int32),
        }  # fmt: skip

    def _pad(self, values: np.ndarray) -> np.ndarray:
        return _padded(values if values.dtype == np.int32 else values.astype(np.float32), self.size.nodes)

    def _on_grid(self, cells: np.ndarray) -> np.ndarray:
        """Cells (rows, columns) in the middle of the padded grid, flat."""
        rows, columns = cells.shape
        side = self.size.grid
        whole = np.zeros((side, side), np.float32)
        whole[self.up_pad : self.up_pad + rows, self.right_pad : self.right_pad + columns] = cells
        return whole.ravel()

    def _cell_centres(self) -> tuple[np.ndarray, np.ndarray]:
        canvas = self.problem.canvas
        return (
            (np.arange(canvas.columns) + 0.5) * canvas.cell_width_um, (np.arange(canvas.rows) + 0.5) * canvas.cell_height_um,
        )  # fmt: skip

    def _fake_nets(self, x_um: np.ndarray, y_um: np.ndarray, step: int) -> np.ndarray:
        """1 where the placed macros that the current one hangs together with are nearest, 0 where farthest; §7."""
        column_x, row_y = self._cell_centres()
        heat = np.zeros((len(row_y), len(column_x)))
        for k, other in enumerate(self.problem.order[: min(step, self.problem.steps)]):
            if step < self.problem.steps and (weight := self._affinity[step, k]) > 0:
                heat -= weight * np.hypot(*np.meshgrid(column_x - x_um[other], row_y - y_um[other]))
        low, high = heat.min(), heat.max()
        return (heat - low) / (high - low) if high > low else np.zeros_like(heat)

    def _packing(self, x_um: np.ndarray, y_um: np.ndarray, step: int) -> np.ndarray:
        """Σ 1/d at the cells in line with placed macros of the same size, d ≤ 5 pitches away, divided by its largest; §7."""
        problem = self.problem
        column_x, row_y = self._cell_centres()
        heat = np.zeros((len(row_y), len(column_x)))
        if step >= problem.steps:
            return heat
        own = problem.order[step]
        pitch_x, pitch_y = problem.width_um[own], problem.height_um[own]
        for other in problem.order[:step]:
            if (problem.width_um[other], problem.height_um[other]) != (pitch_x, pitch_y):
                continue
            for d in range(1, PACKING_PITCHES + 1):
                for across, up in ((d, 0), (-d, 0), (0, d), (0, -d)):
                    x, y = x_um[other] + across * pitch_x, y_um[other] + up * pitch_y
                    if 0 <= x < problem.canvas.width_um and 0 <= y < problem.canvas.height_um:
                        heat[int(y / problem.canvas.cell_height_um), int(x / problem.canvas.cell_width_um)] += 1 / d
        return heat / heat.max() if heat.max() > 0 else heat

    def _space(self) -> spaces.Dict:
        nodes, edges, cells = self.size.nodes, self.size.edges, self.size.grid**2
        entries: dict[str, spaces.Space] = {name: spaces.Box(0.0, np.inf, (1,), np.float32) for name in _METADATA}
        for name in ("sparse_adj_i", "sparse_adj_j"):
            entries[name] = spaces.Box(0, nodes - 1, (edges,), np.int32)
        entries["sparse_adj_weight"] = spaces.Box(0.0, np.inf, (edges,), np.float32)
        entries["edge_counts"] = spaces.Box(0, edges, (nodes,), np.int32)
        for name in ("macros_w", "macros_h", "locations_x", "locations_y"):
            entries[name] = spaces.Box(0.0, 1.0, (nodes,), np.float32)
        entries["node_types"] = spaces.Box(0, 3, (nodes,), np.int32)
        entries["is_node_placed"] = spaces.Box(0, 1, (nodes,), np.int32)
        entries["current_node"] = spaces.Box(0, nodes - 1, (1,), np.int32)
        entries["mask"] = spaces.Box(0, 1, (cells,), np.int32)
        entries["netlist_index"] = spaces.Box(0, 1 << 20, (1,), np.int32)
        if self.size.heatmaps:
            for name in ("fake_net_heatmap", "packing_heatmap"):
                entries[name] = spaces.Box(0.0, 1.0, (cells,), np.float32)
        return spaces.Dict(entries)


def half_perimeter_um(canvas: Canvas) -> float:
    """Width plus height of the canvas, by which lengths are divided."""
    return canvas.width_um + canvas.height_um


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    return np.pad(values, (0, length - len(values)))


def _nodes(problem: PlacementProblem, macros: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Node of every object (n), and the locations of the port clusters in µm (clusters, 2)."""
    canvas, netlist = problem.canvas, problem.netlist
    ports = netlist.indices(ObjectKind.PORT)
    column = np.clip((problem.start.x_um[ports] / canvas.cell_width_um).astype(np.int64), 0, canvas.columns - 1)
    row = np.clip((problem.start.y_um[ports] / canvas.cell_height_um).astype(np.int64), 0, canvas.rows - 1)
    cells, cluster = np.unique(row * canvas.columns + column, return_inverse=True)
    node_of = np.empty(netlist.objects, np.int64)
    node_of[macros] = np.arange(len(macros))
    node_of[ports] = len(macros) + cluster
    x = _snapped(cells % canvas.columns, canvas.columns, canvas.width_um)
    y = _snapped(cells // canvas.columns, canvas.rows, canvas.height_um)
    return node_of, np.stack([x, y], axis=1)


def _snapped(line: np.ndarray, lines: int, length_um: float) -> np.ndarray:
    """Centres of columns or rows, the first and the last moved onto the canvas edge."""
    centre = (line + 0.5) * length_um / lines
    return np.where(line == 0, 0.0, np.where(line == lines - 1, length_um, centre))


def _merged(node_of: np.ndarray, problem: PlacementProblem) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges between nodes, i < j, and their weights: for every net its weight between driver and each sink."""
    start, pins = problem.net_start, problem.net_pin
    owner = node_of[problem.pin_object[pins]]
    sinks = np.maximum(np.diff(start) - 1, 0)
    net = np.repeat(np.arange(len(sinks)), sinks)
    is_sink = np.ones(len(pins), bool)
    is_sink[start[:-1][np.diff(start) > 0]] = False
    driver, sink = owner[start[:-1]][net] if len(pins) else owner, owner[is_sink]
    low, high = np.minimum(driver, sink), np.maximum(driver, sink)
    keep = low != high
    nodes = int(node_of.max(initial=0)) + 1
    key, inverse = np.unique(low[keep] * nodes + high[keep], return_inverse=True)
    return key // nodes, key % nodes, np.bincount(inverse, problem.net_weight[net][keep], len(key))
