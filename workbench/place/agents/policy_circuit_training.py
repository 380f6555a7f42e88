"""The published placement network: edge-GNN, attention around the current macro, deconvolution to a grid of 128 × 128 cells.

Source: cost-and-environment §8 (Circuit Training's `model_lib`, Mirhoseini et al., Nature 594, 2021), layer by layer. Its
sums over edges run over 70,000 padded ones; here the padding's zeros are counted, not computed. f's first layer is split,
W·[h_a, h_b, w] = W1·h_a + W2·h_b + W3·w, so that products are taken per node, not per edge. What the network sees differs
in one point: a macro that waits is where the quadratic placement expected it before the first step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from workbench.base.errors import InputError
from workbench.place.agents.policy import NetworkConfig, PlacementNetwork
from workbench.place.environment_problem import PlacementProblem
from workbench.place.observation import METADATA, graph_of

WIDTH, LAYERS, NODE_NUMBERS, GRID, EDGES = 8, 3, 8, 128, 70_000
CHANNELS = (32, 16, 8, 4, 2)
"""Of the image from 8 × 8 to 128 × 128 cells; the last layer makes one of them."""
CHUNK = 32
"""Episodes whose edges are held in memory together during an update."""


@dataclass(frozen=True)
class StaticGraph:
    """What an episode does not change of a design: node numbers (nodes, 8) before the first step, edges, metadata."""

    nodes: torch.Tensor
    edge_a: torch.Tensor
    edge_b: torch.Tensor
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
        nodes.float(), torch.from_numpy(graph.edge_a), torch.from_numpy(graph.edge_b), torch.from_numpy(graph.edge_weight),
        torch.from_numpy(incident).float()[:, None], torch.from_numpy(graph.macro_node), torch.from_numpy(graph.metadata),
        canvas.rows, canvas.columns, size.float(),
    )  # fmt: skip


class EdgeMessages(nn.Module):
    """f of one layer: both directions' mean, from the embeddings of the ends and the weight of each edge."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(2 * WIDTH + 1, WIDTH)

    def forward(self, h: torch.Tensor, graph: StaticGraph) -> torch.Tensor:
        """Messages (B, edges, 8) from embeddings (B, nodes, 8)."""
        first, second, by_weight = self.dense.weight.split((WIDTH, WIDTH, 1), dim=1)
        as_first, as_second = h @ first.T, h @ second.T
        bias = graph.edge_weight[:, None] * by_weight[:, 0] + self.dense.bias
        forth = torch.relu(as_first[:, graph.edge_a] + as_second[:, graph.edge_b] + bias)
        back = torch.relu(as_first[:, graph.edge_b] + as_second[:, graph.edge_a] + bias)
        return 0.5 * (forth + back)


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

    def forward(self, observation: dict[str, torch.Tensor], encoding: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (B, rows·columns), before masking, and values (B, 1)."""
        design = observation["netlist_index"].reshape(-1).long()
        summary = torch.zeros(len(design), 7 * WIDTH)
        for index in design.unique().tolist():
            for part in torch.nonzero(design == index)[:, 0].split(CHUNK):
                arguments = observation["macros"][part], observation["current_macro"][part].reshape(-1).long()
                if torch.is_grad_enabled():  # the edges' numbers are computed again for the gradient, not kept
                    found = checkpoint(self.embed, *arguments, self.graphs[index], use_reentrant=False)
                else:
                    found = self.embed(*arguments, self.graphs[index])
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
        edges = h.new_zeros(len(h), 1, WIDTH)
        for layer in self.messages:
            edges = layer(h, graph)
            total = torch.zeros_like(h).index_add(1, graph.edge_a, edges).index_add(1, graph.edge_b, edges)
            h = h + total / graph.incident
        current = h[torch.arange(len(h)), own[torch.minimum(step, torch.tensor(len(own) - 1))]]
        score = torch.einsum("bd,bnd->bn", self.query(current), self.key(h))
        attended = torch.einsum("bn,bnd->bd", score.softmax(dim=1), self.value(h))
        meta = torch.relu(self.meta(graph.metadata)).expand(len(h), -1)
        return torch.cat([meta, *_with_padding(edges), attended, current], dim=1)

    def _images(self, summary: torch.Tensor) -> torch.Tensor:
        """Logits of all 128 × 128 cells."""
        h = torch.relu(self.to_image(summary)).reshape(-1, CHANNELS[0], 8, 8)
        for layer in self.doublings:
            h = torch.relu(layer(h))
        return self.last(h)[:, 0]

    def _on_grid(self, images: torch.Tensor, design: torch.Tensor) -> torch.Tensor:
        """The logits of the designs' cells, which lie in the middle of the 128 × 128; flat."""
        parts = []
        for image, index in zip(images, design.tolist(), strict=True):
            rows, columns = self.graphs[index].rows, self.graphs[index].columns
            up, right = (GRID - rows) // 2, (GRID - columns) // 2
            own = image[up : up + rows, right : right + columns]
            parts.append(nn.functional.pad(own, (0, self.columns - columns, 0, self.rows - rows)))
        return torch.stack(parts).flatten(1)


def _with_padding(edges: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mean, variance, maximum and minimum over the edges and the zeros that pad them to EDGES; (B, 8) each."""
    count = max(edges.shape[1], EDGES)
    mean = edges.sum(dim=1) / count
    variance = (edges**2).sum(dim=1) / count - mean**2
    if edges.shape[1] == 0:
        return mean, variance, mean, mean
    highest, lowest = edges.amax(dim=1), edges.amin(dim=1)
    if edges.shape[1] < count:
        highest, lowest = highest.clamp(min=0.0), lowest.clamp(max=0.0)
    return mean, variance, highest, lowest
