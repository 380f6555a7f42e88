"""The published placement network: edge-GNN, attention around the current macro, deconvolution to a grid of 128 × 128 cells.

Source: cost-and-environment §8 (Circuit Training's `model_lib`, Mirhoseini et al., Nature 594, 2021), layer by layer. Its
sums over edges run over 70,000 padded ones; here the padding's zeros are counted, not computed. f's first layer is split,
W·[h_a, h_b, w] = W1·h_a + W2·h_b + W3·w, so that products are taken per node, and messages are summed without being kept
(`edge_messages`). Of the 128 × 128 cells only those are computed that a design's grid needs. What the network sees differs
in one point: a macro that waits is where the quadratic placement expected it before the first step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from workbench.base.errors import InputError
from workbench.place.agents.edge_messages import WIDTH, Messages, edge_messages
from workbench.place.agents.policy import NetworkConfig, PlacementNetwork
from workbench.place.environment_problem import PlacementProblem
from workbench.place.observation import METADATA, graph_of

LAYERS, NODE_NUMBERS, GRID, EDGES = 3, 8, 128, 70_000
CHANNELS = (32, 16, 8, 4, 2)
"""Of the image from 8 × 8 to 128 × 128 cells; the last layer makes one of them."""
CHUNK = 32
"""Episodes that go through the graph together: their nodes' numbers stay in the processor's cache."""


@dataclass(frozen=True)
class StaticGraph:
    """What an episode does not change of a design: node numbers (nodes, 8) before the first step, (2, edges), metadata."""

    nodes: torch.Tensor
    ends: torch.Tensor
    edge_weight: torch.Tensor
    incident: torch.Tensor
    macro_node: torch.Tensor
    metadata: torch.Tensor
    rows: int
    columns: int
    scale: torch.Tensor


def static_graph(problem: PlacementProblem) -> StaticGraph:
    """The graph of a design with Circuit Training's scales; InputError for a grid larger than the network's."""
    canvas, graph = problem.canvas, graph_of(problem)
    if max(canvas.rows, canvas.columns) > GRID:
        raise InputError(
            problem.netlist.name, f"a grid of {canvas.columns} × {canvas.rows}", f"at most {GRID} × {GRID}",
            "use --network cells",
        )  # fmt: skip
    size = torch.tensor([canvas.width_um, canvas.height_um]) / (canvas.width_um + canvas.height_um)
    features = torch.from_numpy(graph.features)
    is_hard = features[:, 4:5]
    nodes = torch.cat([features[:, 0:2] * size, features[:, 2:4] * size * is_hard, features[:, 4:7], 0 * is_hard], dim=1)
    ends = np.concatenate([graph.edge_a, graph.edge_b])
    incident = np.maximum(np.bincount(ends, minlength=len(nodes)), 1)
    return StaticGraph(
        nodes.float(), torch.from_numpy(np.stack([graph.edge_a, graph.edge_b])), torch.from_numpy(graph.edge_weight),
        torch.from_numpy(incident).float()[:, None], torch.from_numpy(graph.macro_node), torch.from_numpy(graph.metadata),
        canvas.rows, canvas.columns, size.float(),
    )  # fmt: skip


class EdgeMessages(nn.Module):
    """f of one layer: both directions' mean, from the embeddings of the ends and the weight of each edge."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(2 * WIDTH + 1, WIDTH)

    def forward(self, h: torch.Tensor, graph: StaticGraph) -> Messages:
        """Messages from embeddings (B, nodes, 8), summed."""
        first, second, by_weight = self.dense.weight.split((WIDTH, WIDTH, 1), dim=1)
        bias = graph.edge_weight[:, None] * by_weight[:, 0] + self.dense.bias
        return edge_messages(h, first, second, bias, graph.ends)


class CircuitTrainingNetwork(PlacementNetwork):
    """The network of Circuit Training; 125,826 weights."""

    def __init__(
        self, problems: Sequence[PlacementProblem], rows: int, columns: int, config: NetworkConfig
    ) -> None:  # fmt: skip
        super().__init__()
        self.node, self.meta = nn.Linear(NODE_NUMBERS, WIDTH), nn.Linear(len(METADATA), WIDTH)
        self.messages = nn.ModuleList(EdgeMessages() for _ in range(LAYERS))
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.to_image = nn.Linear(7 * WIDTH, 8 * 8 * CHANNELS[0])
        self.doublings = nn.ModuleList(
            nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1)
            for before, after in zip(CHANNELS, CHANNELS[1:], strict=False)
        )
        self.last = nn.ConvTranspose2d(CHANNELS[-1], 1, 3, padding=1)
        self.critic = nn.Sequential(
            nn.Linear(7 * WIDTH, 32), nn.ReLU(), nn.Linear(32, 8), nn.ReLU(), nn.Linear(8, 1)
        )  # fmt: skip
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.ConvTranspose2d):
                nn.init.xavier_normal_(module.weight)
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        self.use_for(problems, rows, columns)

    def use_for(self, problems: Sequence[PlacementProblem], rows: int, columns: int) -> None:
        """See these designs, on a grid that holds all of theirs, from now on."""
        self.graphs = [static_graph(problem) for problem in problems]
        self.rows, self.columns = rows, columns
        self._row_ranges = needed_ranges([graph.rows for graph in self.graphs])
        self._column_ranges = needed_ranges([graph.columns for graph in self.graphs])

    def logit_layers(self) -> Sequence[nn.Module]:
        """The last deconvolution."""
        return (self.last,)

    def forward(self, observation: dict[str, torch.Tensor], encoding: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (B, rows·columns), before masking, and values (B, 1)."""
        design = observation["netlist_index"].reshape(-1).long()
        summary = torch.zeros(len(design), 7 * WIDTH)
        for index in design.unique().tolist():
            for part in torch.nonzero(design == index)[:, 0].split(CHUNK):
                step = observation["current_macro"][part].reshape(-1).long()
                found = self.embed(observation["macros"][part], step, self.graphs[index])
                summary = summary.index_put((part,), found)
        return self._on_grid(self._images(summary), design), self.critic(summary)

    def embed(self, macros: torch.Tensor, step: torch.Tensor, graph: StaticGraph) -> torch.Tensor:
        """The 56 numbers of each episode of one design; macros are (B, M, 3), step (B)."""
        own = graph.macro_node
        where, placed = macros[:, : len(own), :2] * graph.scale, macros[:, : len(own), 2:]
        nodes = graph.nodes.expand(len(macros), -1, -1).clone()
        nodes[:, own, :2] = torch.where(placed > 0, where, nodes[:, own, :2])
        nodes[:, own, 7:] = placed
        h = torch.relu(self.node(nodes))
        for layer in self.messages:
            messages = layer(h, graph)
            h = h + messages.at_node / graph.incident
        current = h[torch.arange(len(h)), own[torch.minimum(step, torch.tensor(len(own) - 1))]]
        score = torch.einsum("bd,bnd->bn", self.query(current), self.key(h))
        attended = torch.einsum("bn,bnd->bd", score.softmax(dim=1), self.value(h))
        meta = torch.relu(self.meta(graph.metadata)).expand(len(h), -1)
        return torch.cat([meta, *_with_padding(messages, graph.ends.shape[1]), attended, current], dim=1)

    def _images(self, summary: torch.Tensor) -> torch.Tensor:
        """Logits of the cells in the middle of the 128 × 128 that any of the designs has."""
        h = torch.relu(self.to_image(summary)).reshape(-1, CHANNELS[0], 8, 8)
        ranges = list(zip(self._row_ranges, self._column_ranges, strict=True))
        h = _cut(h, *ranges[0], (0, 0))
        for layer, (rows, columns), (rows_after, columns_after) in zip(self.doublings, ranges, ranges[1:], strict=False):
            h = _cut(torch.relu(layer(h)), rows_after, columns_after, (2 * rows[0], 2 * columns[0]))
        (rows, columns), (last_rows, last_columns) = ranges[-2:]
        return _cut(self.last(h), last_rows, last_columns, (rows[0], columns[0]))[:, 0]

    def _on_grid(self, images: torch.Tensor, design: torch.Tensor) -> torch.Tensor:
        """The logits of the designs' cells, which lie in the middle of the 128 × 128; flat."""
        top, left = self._row_ranges[-1][0], self._column_ranges[-1][0]
        parts = []
        for image, index in zip(images, design.tolist(), strict=True):
            rows, columns = self.graphs[index].rows, self.graphs[index].columns
            up, right = (GRID - rows) // 2 - top, (GRID - columns) // 2 - left
            own = image[up : up + rows, right : right + columns]
            parts.append(nn.functional.pad(own, (0, self.columns - columns, 0, self.rows - rows)))
        return torch.stack(parts).flatten(1)


def needed_ranges(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Rows (or columns), first and after the last, that the middle `sizes` of 128 depend on.

    Of the images of 8, 16, ..., 128 cells and of the last layer's result. A doubling layer's row 2 i comes from row i, its
    row 2 i + 1 from i and i + 1; the last layer's row from three.
    """
    low, high = min((GRID - size) // 2 for size in sizes), max((GRID - size) // 2 + size for size in sizes)
    ranges, cells = [(low, high)], GRID
    low, high = max(0, low - 1), min(cells, high + 1)
    ranges.append((low, high))
    for _ in CHANNELS[1:]:
        cells //= 2
        low, high = low // 2, min(cells, high // 2 + 1)
        ranges.append((low, high))
    return ranges[::-1]


def _cut(
    images: torch.Tensor, rows: tuple[int, int], columns: tuple[int, int], begin: tuple[int, int]
) -> torch.Tensor:  # fmt: skip
    """These rows and columns of (B, channels, rows, columns), whose first row and column have the numbers `begin`."""
    return images[:, :, rows[0] - begin[0] : rows[1] - begin[0], columns[0] - begin[1] : columns[1] - begin[1]]


def _with_padding(messages: Messages, edges: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean, variance, maximum and minimum over the edges and the zeros that pad them to EDGES; (B, 8) each."""
    count = max(edges, EDGES)
    mean = messages.total / count
    variance = messages.squares / count - mean**2
    if edges == count:
        return mean, variance, messages.highest, messages.lowest
    return mean, variance, messages.highest.clamp(min=0.0), messages.lowest.clamp(max=0.0)
