"""The policy that is shipped with the agent: only weights, made by benchmarks/training_shipped_policy.py."""

from __future__ import annotations

from pathlib import Path

import torch

from workbench.place.agents.training_checkpoint import load_weights, read_checkpoint, write_checkpoint

SHIPPED_POLICY = Path(__file__).parent / "policies" / "placement.pt"


def write_policy(path: Path, checkpoint: Path) -> Path:
    """Write the weights of a training checkpoint alone, with the designs they were trained on."""
    state = read_checkpoint(checkpoint)
    kept = {name: state[name] for name in ("weights", "designs", "steps", "episodes")}
    return write_checkpoint(path, kept)


def load_policy(path: Path, module: torch.nn.Module) -> None:
    """Load weights from a shipped policy or a training checkpoint; InputError if they are neither or of another network."""
    load_weights(path, module, read_checkpoint(path).get("weights"))
