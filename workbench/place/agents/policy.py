"""Placement networks: what they have in common, and which ones there are.

A network turns the compact observations of a batch of episodes into a logit per cell and a value per episode. It is built
for given designs (observation ``netlist_index`` counts them) on their common grid, but its weights fit any design.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from workbench.base.errors import InputError
from workbench.place.environment_problem import PlacementProblem

NETWORKS = {
    "cells": "workbench.place.agents.policy_cells:CellNetwork",
    "circuit_training": "workbench.place.agents.policy_circuit_training:CircuitTrainingNetwork",
}
"""Networks by name, as module:class. `cells`: ours, features of every cell and a small convolution. `circuit_training`: the
edge-GNN with attention and deconvolution of the published agent."""


@dataclass(frozen=True)
class NetworkConfig:
    """Which network, and the sizes of ours (the published one's are fixed).

    Attributes
    ----------
    kind: a name in NETWORKS. channels: numbers per cell inside. context: numbers that steer them.
    """

    kind: str = "cells"
    channels: int = 24
    context: int = 32


class PlacementNetwork(nn.Module):
    """Base of the networks.

    Attributes
    ----------
    mirrors: an observation whose images are mirrored is that of the mirrored design (nothing else tells left from right).
    """

    mirrors = False

    def use_for(self, problems: Sequence[PlacementProblem], rows: int, columns: int) -> None:
        """See these designs, on a grid that holds all of theirs, from now on."""
        raise NotImplementedError

    def encode(self) -> Any:
        """What depends on weights and designs but not on the episodes; valid until the weights change."""
        return None

    def forward(self, observation: dict[str, torch.Tensor], encoding: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (B, rows·columns), before masking, and values (B, 1)."""
        raise NotImplementedError

    def logit_layers(self) -> Sequence[nn.Module]:
        """The layers with weights and biases whose sum the logits are."""
        raise NotImplementedError

    def sharpen(self, temperature: float) -> None:
        """Divide the logits by a temperature, for good: below one, likely cells become likelier; values stay."""
        with torch.no_grad():
            for layer in self.logit_layers():
                for weights in layer.parameters():
                    weights.div_(temperature)


def make_network(
    config: NetworkConfig, problems: Sequence[PlacementProblem], rows: int, columns: int
) -> PlacementNetwork:  # fmt: skip
    """A network with fresh weights for these designs on a grid that holds all of theirs."""
    if config.kind not in NETWORKS:
        raise InputError("--network", repr(config.kind), f"one of {', '.join(sorted(NETWORKS))}", "correct the name")
    module, name = NETWORKS[config.kind].split(":")
    network: PlacementNetwork = getattr(importlib.import_module(module), name)(problems, rows, columns, config)
    return network
