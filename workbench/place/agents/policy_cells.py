"""Our placement network: features of every cell for the macro at hand, and a small convolution over them.

What decides a good cell is computed exactly by the environment (`environment_kernels.CHANNELS`: whether the macro fits, the
wire it adds with the others at their expected positions, what lies around and under it, how it packs with macros of its
size), relative to the design. The network only weighs these: a linear part and three convolutions that reach six cells
far, both steered by numbers about the step and the design. It sees neither names nor graphs nor where on the canvas a cell
is but for its distance to the edges, so that it cannot memorise a design, and its weights fit any netlist and grid.

Model: ours. Backed by tests/place/test_policy.py and benchmarks/policy_transfer.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from workbench.place.agents.policy import NetworkConfig, PlacementNetwork
from workbench.place.environment_kernels import CHANNELS
from workbench.place.environment_problem import PlacementProblem
from workbench.place.observation import GLOBALS

CELL_CHANNELS = len(CHANNELS) + 3
"""Images of the observation, then the distance from the centre along x and y (1 at the edge), and 1 inside the canvas."""

DILATIONS = (1, 2, 3)
"""Of the three convolutions: together they see six cells far."""


class CellNetwork(PlacementNetwork):
    """Logits per cell from the images around it; see the module. The critic does not shape what the policy sees."""

    mirrors = True

    def __init__(
        self, problems: Sequence[PlacementProblem], rows: int, columns: int, config: NetworkConfig
    ) -> None:  # fmt: skip
        super().__init__()
        channels, context = config.channels, config.context
        self.places: torch.Tensor
        self.use_for(problems, rows, columns)
        self.context = nn.Sequential(nn.Linear(len(GLOBALS), context), nn.ReLU(), nn.Linear(context, context), nn.ReLU())
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels if i else CELL_CHANNELS, channels, 3, padding=reach, dilation=reach)
            for i, reach in enumerate(DILATIONS)
        )
        self.steer = nn.Linear(context, 2 * channels)
        self.cell_weights = nn.Linear(context, CELL_CHANNELS)
        self.logit = nn.Conv2d(channels, 1, 1)
        self.critic = nn.Sequential(nn.Linear(len(GLOBALS) + channels, 64), nn.ReLU(), nn.Linear(64, 1))
        for layer in (self.cell_weights, self.logit):  # untrained, every legal cell is equally likely
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def use_for(self, problems: Sequence[PlacementProblem], rows: int, columns: int) -> None:
        """See these designs, on a grid that holds all of theirs, from now on."""
        self.register_buffer("places", torch.stack([_places(p, rows, columns) for p in problems]), persistent=False)

    def logit_layers(self) -> Sequence[nn.Module]:
        """The convolution's last layer and the weights of the images themselves."""
        return self.logit, self.cell_weights

    def forward(self, observation: dict[str, torch.Tensor], encoding: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (B, rows·columns), before masking, and values (B, 1)."""
        numbers = observation["globals"]
        places = self.places[observation["netlist_index"].reshape(-1).long()]
        inside = places[:, 2:]
        cells = torch.cat([observation["images"], places], dim=1)
        context = self.context(numbers)
        scale, shift = self.steer(context)[:, :, None, None].chunk(2, dim=1)
        h = torch.relu(self.convolutions[0](cells) * (1 + scale) + shift) * inside
        h = torch.relu(self.convolutions[1](h)) * inside
        h = torch.relu(self.convolutions[2](h)) * inside
        logits = self.logit(h) + (self.cell_weights(context)[:, :, None, None] * cells).sum(dim=1, keepdim=True)
        mean = h.sum(dim=(2, 3)) / inside.sum(dim=(2, 3))
        return logits.flatten(1), self.critic(torch.cat([numbers, mean.detach()], dim=1))


def _places(problem: PlacementProblem, rows: int, columns: int) -> torch.Tensor:
    """Distances from the canvas centre along x and y, and 1 inside; (3, rows, columns), 0 outside the canvas."""
    x = ((torch.arange(columns) + 0.5) / problem.canvas.columns * 2 - 1).abs()
    y = ((torch.arange(rows) + 0.5) / problem.canvas.rows * 2 - 1).abs()
    inside = ((y[:, None] < 1) & (x < 1)).float()
    return torch.stack([x.expand(rows, columns), y[:, None].expand(rows, columns), inside]) * inside
