"""The policy that is shipped with the agent: only weights, made by `workbench.place.agents.pretraining`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from workbench.place.agents.policy import NetworkConfig, PlacementNetwork, make_network
from workbench.place.agents.training_checkpoint import (
    Tree,
    another_network,
    load_weights,
    read_checkpoint,
    write_checkpoint,
)
from workbench.place.environment_problem import PlacementProblem

SHIPPED_POLICY = Path(__file__).parent / "policies" / "placement.pt"


def policy_file(name: str | Path) -> Path:
    """The file of a policy: "shipped" is the one that comes with the package."""
    return SHIPPED_POLICY if str(name) == "shipped" else Path(name)


def write_policy(path: Path, checkpoint: Path) -> Path:
    """Write the weights of a training checkpoint alone, with its network's sizes and the designs they were trained on."""
    state = read_checkpoint(checkpoint)
    return write_weights(path, state["weights"], NetworkConfig(**state["config"]["network"]), state["designs"])


def write_weights(path: Path, weights: Tree, network: NetworkConfig, designs: Sequence[Any]) -> Path:
    """Write a policy file: weights, what network they are of, and the designs that it has seen."""
    return write_checkpoint(path, {"weights": weights, "network": asdict(network), "designs": list(designs)})


def network_config(path: Path) -> NetworkConfig:
    """The network that the weights in a policy file or a training checkpoint are of."""
    return _config(path, read_checkpoint(path))


def load_policy(path: Path, module: torch.nn.Module) -> None:
    """Load weights from a shipped policy or a training checkpoint; InputError if they are neither or of another network."""
    load_weights(path, module, read_checkpoint(path).get("weights"))


def read_network(path: Path, problems: Sequence[PlacementProblem]) -> PlacementNetwork:
    """The network of a policy file or training checkpoint, for these designs on their common grid, ready to be asked."""
    rows = max(problem.canvas.rows for problem in problems)
    columns = max(problem.canvas.columns for problem in problems)
    state = read_checkpoint(path)
    network = make_network(_config(path, state), problems, rows, columns)
    load_weights(path, network, _inner(state.get("weights")))
    return network.eval()


def _config(path: Path, state: dict[str, Tree]) -> NetworkConfig:
    settings = state.get("network") or state.get("config", {}).get("network")
    try:
        return NetworkConfig(**settings)
    except TypeError:
        raise another_network(path) from None


def _inner(weights: Any) -> Any:
    """Weights without the name that the policy gives its network."""
    return {str(k).removeprefix("network."): v for k, v in weights.items()} if isinstance(weights, dict) else weights
