"""What an agent sees: Gymnasium spaces and arrays of the observation (cost-and-environment §7).

The *full* observation repeats the static graph at every step, so that it stands on its own (``Placement-v0``). The *compact*
one holds only what changes; learning agents join it with `graph_of(problem)` once instead of storing the graph per step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces

from workbench.netlist.netlist import ObjectKind
from workbench.place.environment_kernels import CHANNELS
from workbench.place.environment_problem import PlacementProblem

GLOBALS = (
    "placed_share", "area_left", "width", "height", "wire_span", "pull_span", "legal_share", "stiffness",
    "columns_wide", "rows_high", "macro_share", "soft_share", "macros", "blocked_horizontal", "blocked_vertical",
)  # fmt: skip
"""Numbers about the current step: share of macros placed; area still to place and the current macro's width and height,
relative to the canvas; ranges over the legal cells of the wire rise and the pull, and the macro's stiffness, relative to the
design's means (log scale); share of cells that are legal; the macro's size in tenths of the cells that it spans. Then about
the design: shares of the canvas that macros to place and soft macros cover, number of macros (log scale), shares of the
horizontal and vertical tracks that macros take."""

METADATA = (
    "edge_weight", "macros", "soft_macros", "port_clusters", "horizontal_routes", "vertical_routes",
    "macro_horizontal_routes", "macro_vertical_routes", "columns", "rows", "width", "height",
)  # fmt: skip
"""Numbers about the design, scaled as in Circuit Training: counts by its largest graph, routes by 1000, grid by 128."""

NODE_FEATURES = ("x", "y", "width", "height", "is_macro", "is_soft_macro", "is_port", "degree", "area", "order")
MAX_NODES, MAX_EDGES, MAX_GRID = 5000.0, 70_000.0, 128.0


@dataclass(frozen=True)
class Graph:
    """The static graph of a design; ports of one grid cell are one node.

    Attributes
    ----------
    features: NODE_FEATURES per node, float32 (nodes, 10); x, y are the expected positions before the first step.
    edge_a, edge_b: node pairs, int64 (edges); edge_weight: relative to the mean, float32 (edges).
    macro_node: node of each macro in placing order, int64 (M).
    metadata: METADATA, float32 (12).
    """

    features: np.ndarray
    edge_a: np.ndarray
    edge_b: np.ndarray
    edge_weight: np.ndarray
    macro_node: np.ndarray
    metadata: np.ndarray


def graph_of(problem: PlacementProblem) -> Graph:
    """The static graph of a design."""
    node_of, nodes, is_port = _cluster_ports(problem)
    canvas, netlist = problem.canvas, problem.netlist
    features = np.zeros((nodes, len(NODE_FEATURES)), dtype=np.float64)
    members = np.maximum(np.bincount(node_of, minlength=nodes), 1)
    position = problem.spread_x_um / canvas.width_um, problem.spread_y_um / canvas.height_um
    for column, values in enumerate((*position, problem.width_um / canvas.width_um, problem.height_um / canvas.height_um)):
        features[:, column] = np.bincount(node_of, values, nodes) / members
    for column, kind in ((4, ObjectKind.MACRO), (5, ObjectKind.SOFT_MACRO)):
        features[node_of[netlist.kind == kind], column] = 1.0
    features[is_port, 6] = 1.0
    a, b, weight = _merge(node_of, problem.edge_a, problem.edge_b, problem.edge_weight, nodes)
    degree = np.bincount(a, weight, nodes) + np.bincount(b, weight, nodes)
    features[:, 7] = np.log1p(degree / max(degree.mean(), 1e-9))
    features[:, 8] = np.sqrt(features[:, 2] * features[:, 3])
    features[node_of[problem.order], 9] = 1.0 - np.arange(problem.steps) / problem.steps
    relative = weight / max(weight.mean(), 1e-9) if len(weight) else weight
    return Graph(
        features.astype(np.float32), a, b, relative.astype(np.float32), node_of[problem.order],
        _metadata(problem, float(problem.net_weight.sum()), int(is_port.sum())),
    )  # fmt: skip


def _cluster_ports(problem: PlacementProblem) -> tuple[np.ndarray, int, np.ndarray]:
    """Node of every object (ports of a cell share one), number of nodes, and which nodes are ports."""
    canvas, is_port = problem.canvas, problem.netlist.kind == ObjectKind.PORT
    column = np.clip(problem.start.x_um / canvas.cell_width_um, 0, canvas.columns - 1).astype(np.int64)
    row = np.clip(problem.start.y_um / canvas.cell_height_um, 0, canvas.rows - 1).astype(np.int64)
    objects = problem.netlist.objects
    key = np.where(is_port, objects + row * canvas.columns + column, np.arange(objects))
    known, node_of = np.unique(key, return_inverse=True)
    return node_of.astype(np.int64), len(known), known >= objects


def _merge(
    node_of: np.ndarray, a: np.ndarray, b: np.ndarray, weight: np.ndarray, nodes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    low, high = np.minimum(node_of[a], node_of[b]), np.maximum(node_of[a], node_of[b])
    keep = low != high
    key, inverse = np.unique(low[keep] * nodes + high[keep], return_inverse=True)
    return key // nodes, key % nodes, np.bincount(inverse, weight[keep], len(key))


def _metadata(problem: PlacementProblem, weight: float, port_clusters: int) -> np.ndarray:
    canvas, netlist = problem.canvas, problem.netlist
    size = canvas.width_um + canvas.height_um
    return np.array(
        [
            weight / MAX_EDGES, problem.steps / MAX_NODES, (netlist.kind == ObjectKind.SOFT_MACRO).sum() / MAX_NODES,
            port_clusters / MAX_NODES,
            canvas.horizontal_routes_per_um * canvas.height_um / 1000,
            canvas.vertical_routes_per_um * canvas.width_um / 1000,
            canvas.macro_horizontal_routes_per_um / 1000, canvas.macro_vertical_routes_per_um / 1000,
            canvas.columns / MAX_GRID, canvas.rows / MAX_GRID, canvas.width_um / size, canvas.height_um / size,
        ],
        dtype=np.float32,
    )  # fmt: skip


def compact_space(steps: int, rows: int, columns: int) -> spaces.Dict:
    """Space of the compact observation for up to `steps` macros on a grid of `rows` × `columns`."""
    return spaces.Dict(
        {
            "images": spaces.Box(0.0, 4.0, (len(CHANNELS), rows, columns), np.float32),
            "macros": spaces.Box(-1.0, 2.0, (steps, 3), np.float32),
            "globals": spaces.Box(-20.0, 20.0, (len(GLOBALS),), np.float32),
            "current_macro": spaces.Box(0, steps, (1,), np.int64),
            "netlist_index": spaces.Box(0, 1 << 20, (1,), np.int64),
        }
    )


def full_space(graph: Graph, compact: spaces.Dict) -> spaces.Dict:
    """Space of the full observation: the compact one, the action mask and the static graph."""
    nodes, edges = len(graph.features), len(graph.edge_a)
    _, rows, columns = compact["images"].shape or (0, 0, 0)
    return spaces.Dict(
        {
            **compact.spaces,
            "nodes": spaces.Box(-10.0, 20.0, (nodes, len(NODE_FEATURES)), np.float32),
            "node_position": spaces.Box(-1.0, 2.0, (nodes, 2), np.float32),
            "edges": spaces.Box(0, nodes, (2, max(edges, 1)), np.int64),
            "edge_weight": spaces.Box(0.0, np.inf, (max(edges, 1),), np.float32),
            "metadata": spaces.Box(0.0, np.inf, (len(METADATA),), np.float32),
            "mask": spaces.Box(0, 1, (rows * columns,), np.int8),
        }
    )


def static_part(graph: Graph) -> dict[str, Any]:
    """The entries of the full observation that never change."""
    edges = np.zeros((2, max(len(graph.edge_a), 1)), dtype=np.int64)
    weight = np.zeros(edges.shape[1], dtype=np.float32)
    edges[:, : len(graph.edge_a)] = graph.edge_a, graph.edge_b
    weight[: len(graph.edge_a)] = graph.edge_weight
    return {
        "nodes": np.clip(graph.features, -10, 20), "edges": edges, "edge_weight": weight, "metadata": graph.metadata,
    }  # fmt: skip


def node_positions(problem: PlacementProblem, x_um: np.ndarray, y_um: np.ndarray) -> np.ndarray:
    """Positions of the graph's nodes relative to the canvas, float32 (nodes, 2)."""
    node_of, nodes, _ = _cluster_ports(problem)
    members = np.maximum(np.bincount(node_of, minlength=nodes), 1)
    columns = x_um / problem.canvas.width_um, y_um / problem.canvas.height_um
    position = np.stack([np.bincount(node_of, values, nodes) / members for values in columns], axis=1)
    return np.clip(position, -1.0, 2.0).astype(np.float32)


def macros_view(problem: PlacementProblem, x_um: np.ndarray, y_um: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Position of every macro in placing order relative to the canvas, and 1 where it is placed; float32 (B, M, 3)."""
    view = np.empty((len(step), problem.steps, 3), dtype=np.float32)
    view[:, :, 0] = np.clip(x_um[:, problem.order] / problem.canvas.width_um, -1.0, 2.0)
    view[:, :, 1] = np.clip(y_um[:, problem.order] / problem.canvas.height_um, -1.0, 2.0)
    view[:, :, 2] = np.arange(problem.steps) < step[:, None]
    return view


class GlobalFeatures:
    """Computes GLOBALS of a batch; keeps the design's scales."""

    def __init__(self, problem: PlacementProblem) -> None:
        canvas, order = problem.canvas, problem.order
        area = (problem.width_um * problem.height_um)[order] / (canvas.width_um * canvas.height_um)
        steps = problem.steps
        self.table = np.zeros((steps + 1, len(GLOBALS)), dtype=np.float64)
        self.table[:, 0] = np.arange(steps + 1) / steps
        self.table[:steps, 1] = np.cumsum(area[::-1])[::-1]
        self.table[:steps, 2] = problem.width_um[order] / canvas.width_um
        self.table[:steps, 3] = problem.height_um[order] / canvas.height_um
        self.table[:steps, 7] = np.log(problem.stiffness / problem.stiffness.mean())
        self.table[:steps, 8] = 0.1 * problem.width_um[order] / canvas.cell_width_um
        self.table[:steps, 9] = 0.1 * problem.height_um[order] / canvas.cell_height_um
        soft = (problem.width_um * problem.height_um)[problem.netlist.kind == ObjectKind.SOFT_MACRO].sum()
        self.table[:, 10:] = (
            area.sum(), soft / (canvas.width_um * canvas.height_um), 0.2 * np.log(steps),
            _share(canvas.macro_horizontal_routes_per_um, canvas.horizontal_routes_per_um),
            _share(canvas.macro_vertical_routes_per_um, canvas.vertical_routes_per_um),
        )  # fmt: skip
        self.wire_scale = problem.weight_um / steps
        self.pull_scale = float(problem.stiffness.mean()) * (canvas.width_um**2 + canvas.height_um**2)

    def __call__(self, step: np.ndarray, spans: np.ndarray) -> np.ndarray:
        """GLOBALS for the steps (B) and the spans (B, 3) that the kernel measured; float32 (B, len(GLOBALS))."""
        values = self.table[step]
        values[:, 4] = np.log(spans[:, 0] / self.wire_scale + 1e-3)
        values[:, 5] = np.log(spans[:, 1] / self.pull_scale + 1e-3)
        values[:, 6] = spans[:, 2]
        return np.clip(values, -20.0, 20.0).astype(np.float32)


def _share(taken: float, of: float) -> float:
    return taken / of if of > 0 else 0.0
