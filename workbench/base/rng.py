"""Randomness: every random choice comes from a generator that the caller passes in."""

from __future__ import annotations

import numpy as np


def make_rng(seed: int) -> np.random.Generator:
    """The generator for a seed; the same seed and numpy version give the same stream."""
    return np.random.Generator(np.random.PCG64(seed))
