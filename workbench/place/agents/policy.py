"""The placement network: an edge-GNN over the netlist, attention around the current macro, and a per-cell head.

The graph part follows Circuit Training's edge-GNN (cost-and-environment §8; Mirhoseini et al., Nature 594, 2021): an edge's
message is f of both its ends and its weight, averaged over both directions, and a node adds the mean of its edges' messages.
Differences: f's first layer is split, W1·h_a + W2·h_b + w·weight, so that its products are taken per node, not per edge; the
graph holds only what does not change during an episode, so that one encoding serves a whole minibatch; what changes enters
through attention over the macros (where they are, which are placed) and through per-cell images; and the policy is a small
fully convolutional head over the cells, steered by the graph's context, instead of a deconvolution from a vector, so that
the weights fit any netlist and any grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from workbench.place.environment_kernels import CHANNELS
from workbench.place.environment_problem import PlacementProblem
from workbench.place.observation import GLOBALS, METADATA, NODE_FEATURES, Graph, graph_of

CELL_CHANNELS = len(CHANNELS) + 5
"""Images of the observation, then |x|, |y| from the centre, x, y, and 1 inside the canvas."""


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the network.

    Attributes
    ----------
    width: numbers per node and edge message. layers: rounds of messages.
    context: numbers that steer the per-cell head. channels: of the per-cell head.
    """

    width: int = 32
    layers: int = 3
    context: int = 64
    channels: int = 16


class EdgeGnn(nn.Module):
    """Rounds of edge messages over one graph: node features in, node embeddings out."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.width
        self.embed = nn.Linear(len(NODE_FEATURES), width)
        self.from_a = nn.ModuleList(nn.Linear(width, width) for _ in range(config.layers))
        self.from_b = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(config.layers))
        self.from_weight = nn.ParameterList(nn.Parameter(torch.zeros(width)) for _ in range(config.layers))

    def forward(self, features: torch.Tensor, a: torch.Tensor, b: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Embeddings (nodes, width) from features (nodes, F) and edges a-b (edges) with their weights."""
        h = torch.relu(self.embed(features))
        incident = torch.zeros(len(h), 1).index_add_(0, a, torch.ones(len(a), 1)).index_add_(0, b, torch.ones(len(b), 1))
        for from_a, from_b, from_weight in zip(self.from_a, self.from_b, self.from_weight, strict=True):
            first, second, bias = from_a(h), from_b(h), weight[:, None] * from_weight
            message = torch.relu(first[a] + second[b] + bias) + torch.relu(first[b] + second[a] + bias)
            total = torch.zeros_like(h).index_add_(0, a, message).index_add_(0, b, message)
            h = h + 0.5 * total / incident.clamp(min=1.0)
        return h


class DesignTable(nn.Module):
    """The static data of the designs that a network sees, as buffers outside its weights (not in the state dict)."""

    def __init__(self, problems: Sequence[PlacementProblem], rows: int, columns: int) -> None:
        super().__init__()
        graphs = [graph_of(problem) for problem in problems]
        self.designs = len(graphs)
        self.steps = max(problem.steps for problem in problems)
        for i, (problem, graph) in enumerate(zip(problems, graphs, strict=True)):
            for name, value in self._tensors(problem, graph, rows, columns).items():
                self.register_buffer(f"{name}_{i}", value, persistent=False)
        self.macros: torch.Tensor
        self.register_buffer("macros", torch.tensor([problem.steps for problem in problems]), persistent=False)

    def of(self, name: str, design: int) -> torch.Tensor:
        """One tensor of one design."""
        return getattr(self, f"{name}_{design}")

    def stacked(self, name: str) -> torch.Tensor:
        """One tensor of every design, stacked."""
        return torch.stack([self.of(name, design) for design in range(self.designs)])

    def _tensors(self, problem: PlacementProblem, graph: Graph, rows: int, columns: int) -> dict[str, torch.Tensor]:
        grid_rows, grid_columns = problem.canvas.rows, problem.canvas.columns
        x = (torch.arange(columns) + 0.5) / grid_columns * 2 - 1
        y = (torch.arange(rows) + 0.5) / grid_rows * 2 - 1
        inside = (y[:, None] < 1) & (x[None, :] < 1)
        place = torch.stack([x.expand(rows, columns), y[:, None].expand(rows, columns)])
        logarithms = torch.log1p(1000.0 * torch.from_numpy(graph.metadata))
        return {
            "features": torch.from_numpy(graph.features), "edge_a": torch.from_numpy(graph.edge_a),
            "edge_b": torch.from_numpy(graph.edge_b), "edge_weight": torch.log1p(torch.from_numpy(graph.edge_weight)),
            "macro_node": torch.from_numpy(graph.macro_node), "metadata": logarithms,
            "cells": torch.cat([place.abs(), place, torch.ones(1, rows, columns)]) * inside,
        }  # fmt: skip


@dataclass(frozen=True)
class Encoding:
    """What the graph part computes once per weights: macro embeddings (D, M, width) and graph summaries (D, width)."""

    macros: torch.Tensor
    summary: torch.Tensor


class PlacementNetwork(nn.Module):
    """Logits per cell and a value from a compact observation.

    Parameters
    ----------
    problems: the designs it will see; an observation's ``netlist_index`` counts them.
    rows, columns: the grid of masks and images.
    """

    def __init__(self, problems: Sequence[PlacementProblem], rows: int, columns: int, config: NetworkConfig) -> None:
        super().__init__()
        width, context = config.width, config.context
        self.table = DesignTable(problems, rows, columns)
        self.gnn = EdgeGnn(config)
        self.query = nn.Linear(width + len(GLOBALS), width)
        self.key, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.key_dynamic, self.value_dynamic = nn.Linear(3, width, bias=False), nn.Linear(3, width, bias=False)
        self.context = nn.Sequential(
            nn.Linear(3 * width + len(GLOBALS) + len(METADATA), context), nn.ReLU(), nn.Linear(context, context), nn.ReLU()
        )
        self.first = nn.Conv2d(CELL_CHANNELS, config.channels, 3, padding=1)
        self.steer = nn.Linear(context, 2 * config.channels)
        self.second = nn.Conv2d(config.channels, config.channels, 3, padding=1)
        self.cell_weights = nn.Linear(context, CELL_CHANNELS)
        self.logit = nn.Conv2d(config.channels, 1, 1)
        self.critic = nn.Sequential(nn.Linear(context + config.channels, 64), nn.ReLU(), nn.Linear(64, 1))
        for layer in (self.cell_weights, self.logit):  # untrained, every legal cell is equally likely
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def encode(self) -> Encoding:
        """Encode every design's graph; valid until the weights change."""
        table, macros, summaries = self.table, [], []
        for design in range(table.designs):
            h = self.gnn(*(table.of(name, design) for name in ("features", "edge_a", "edge_b", "edge_weight")))
            own = h[table.of("macro_node", design)]
            macros.append(nn.functional.pad(own, (0, 0, 0, table.steps - len(own))))
            summaries.append(h.mean(dim=0))
        return Encoding(torch.stack(macros), torch.stack(summaries))

    def forward(self, observation: dict[str, torch.Tensor], encoding: Encoding) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (B, rows·columns), before masking, and values (B, 1)."""
        design = observation["netlist_index"].reshape(-1).long()
        context = self._context(observation, encoding, design)
        cells = torch.cat([observation["images"], self.table.stacked("cells")[design]], dim=1)
        scale, shift = self.steer(context)[:, :, None, None].chunk(2, dim=1)
        h = torch.relu(self.first(cells) * (1 + scale) + shift)
        h = torch.relu(self.second(h))
        logits = self.logit(h) + (self.cell_weights(context)[:, :, None, None] * cells).sum(dim=1, keepdim=True)
        value = self.critic(torch.cat([context, h.mean(dim=(2, 3))], dim=1))
        return logits.flatten(1), value

    def _context(self, observation: dict[str, torch.Tensor], encoding: Encoding, design: torch.Tensor) -> torch.Tensor:
        step = observation["current_macro"].reshape(-1).long()
        macros, numbers = self.table.macros[design], observation["globals"]
        current = encoding.macros[design, torch.minimum(step, macros - 1)]
        query = self.query(torch.cat([current, numbers], dim=1))
        where = observation["macros"]
        key = self.key(encoding.macros)[design] + self.key_dynamic(where)
        value = self.value(encoding.macros)[design] + self.value_dynamic(where)
        score = torch.einsum("bd,bmd->bm", query, key) / query.shape[1] ** 0.5
        absent = torch.arange(self.table.steps) >= macros[:, None]
        attended = torch.einsum("bm,bmd->bd", score.masked_fill(absent, -1e9).softmax(dim=1), value)
        metadata = self.table.stacked("metadata")[design]
        return self.context(torch.cat([encoding.summary[design], current, attended, numbers, metadata], dim=1))
