"""The policy that is shipped with the agent: only weights, made by benchmarks/training_shipped_policy.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from workbench.place.agents.policy import NetworkConfig, PlacementNetwork
from workbench.place.agents.training_checkpoint import load_weights, read_checkpoint, write_checkpoint
from workbench.place.environment_problem import PlacementProblem

SHIPPED_POLICY = Path(__file__).parent / "policies" / "placement.pt"


def write_policy(path: Path, checkpoint: Path) -> Path:
    """Write the weights of a training checkpoint alone, with the designs they were trained on."""
    state = read_checkpoint(checkpoint)
    kept = {name: state[name] for name in ("weights", "designs", "steps", "episodes")}
    return write_checkpoint(path, kept)


def load_policy(path: Path, module: torch.nn.Module) -> None:
    """Load weights from a shipped policy or a training checkpoint; InputError if they are neither or of another network."""
    load_weights(path, module, read_checkpoint(path).get("weights"))


def read_network(path: Path, problems: Sequence[PlacementProblem]) -> PlacementNetwork:
    """The network of a policy file alone, for these designs on their common grid, ready to be asked."""
    rows = max(problem.canvas.rows for problem in problems)
    columns = max(problem.canvas.columns for problem in problems)
    network = PlacementNetwork(problems, rows, columns, NetworkConfig())
    load_weights(path, network, _inner(read_checkpoint(path).get("weights")))
    return network.eval()


def _inner(weights: Any) -> Any:
    """Weights without the name that the policy gives its network."""
    return {str(k).removeprefix("network."): v for k, v in weights.items()} if isinstance(weights, dict) else weights
