"""Checkpoints of training: tensors and plain values only, written atomically, read without running any code of theirs."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.base.errors import InputError
from workbench.base.files import read_bytes, write_bytes
from workbench.base.limits import Limits

FORMAT = "workbench placement checkpoint 1"
LIMITS = Limits(file_bytes=1 << 28)

Tree = Any
"""Nested dictionaries and lists of tensors, numbers, texts, None."""


def write_checkpoint(path: Path, state: dict[str, Tree]) -> Path:
    """Write a state; NumPy arrays become tensors."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **_as_tensors(state)}, buffer)
    return write_bytes(path, buffer.getvalue())


def read_checkpoint(path: Path) -> dict[str, Tree]:
    """Read a state back; InputError if the file is not a checkpoint of ours."""
    data = read_bytes(path, LIMITS)
    try:
        with warnings.catch_warnings(action="ignore"):  # about pickles that are refused anyway
            state = torch.load(io.BytesIO(data), weights_only=True)
    except Exception:  # torch documents no exceptions: zip, pickle and runtime errors all occur for damaged files
        state = None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise InputError(path, "no checkpoint of this version", "one that `workbench train` wrote", "train anew")
    return state


def _as_tensors(value: Tree) -> Tree:
    if isinstance(value, dict):
        return {key: _as_tensors(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_tensors(item) for item in value]
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    return value.item() if isinstance(value, np.generic) else value


def load_weights(path: Path, module: torch.nn.Module, weights: Tree) -> None:
    """Load weights into a network; InputError if they belong to another one."""
    try:
        module.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError):
        raise another_network(path) from None


def another_network(path: Path) -> InputError:
    """What is said of weights that do not fit."""
    return InputError(path, "weights of another network", "weights of this version's network", "train anew")


class Randomness:
    """The state of the global generators of torch and NumPy, which stable-baselines3 draws from.

    Used as a context: inside, they are this training's own; outside, they are as they were.
    """

    def __init__(self, seed: int) -> None:
        self._outside = _global_state()
        torch.manual_seed(seed)
        np.random.seed(seed % (1 << 32))
        self._own, self._is_inside = _global_state(), False
        _set_global_state(self._outside)

    def __enter__(self) -> Randomness:
        self._outside, self._is_inside = _global_state(), True
        _set_global_state(self._own)
        return self

    def __exit__(self, *error: object) -> None:
        self._own, self._is_inside = _global_state(), False
        _set_global_state(self._outside)

    def state(self) -> dict[str, Tree]:
        """Where this training's generators stand."""
        return _global_state() if self._is_inside else self._own

    def restore(self, state: dict[str, Tree]) -> None:
        """Go back to a state; call outside the context."""
        self._own = state


def _global_state() -> dict[str, Tree]:
    _, keys, position, has_gauss, gauss = np.random.get_state()
    numpy_state = {"keys": np.asarray(keys).astype(np.int64), "position": int(position)}
    return {"torch": torch.get_rng_state(), **numpy_state, "has_gauss": int(has_gauss), "gauss": float(gauss)}


def _set_global_state(state: dict[str, Tree]) -> None:
    keys = np.asarray(state["keys"]).astype(np.uint32)
    np.random.set_state(("MT19937", keys, state["position"], state["has_gauss"], state["gauss"]))
    torch.set_rng_state(state["torch"])
